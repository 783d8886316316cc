"""Comparators of strings by their letters: Jaro, Jaro-Winkler and edit distances.

Strings are compared as they are: case, accents and white space count. In all of them the top
level is equality of the strings.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator, Field

from tallystick.comparisons.comparator import Comparator, similarity_thresholds
from tallystick.comparisons.measure import Measure


def _below_one(thresholds: tuple[float, ...]) -> tuple[float, ...]:
    return similarity_thresholds(thresholds, one_allowed=False)


def _increasing(distances: tuple[int, ...]) -> tuple[int, ...]:
    if not distances:
        raise ValueError("give at least one largest distance")
    if min(distances) < 1:
        raise ValueError(f"the largest distance {min(distances)} is out of range: use 1 or more")
    if len(set(distances)) < len(distances):
        raise ValueError("two largest distances are equal: remove one of them")
    return tuple(sorted(distances))


Thresholds = Annotated[tuple[float, ...], AfterValidator(_below_one)]
Distances = Annotated[tuple[Annotated[int, Field(strict=True)], ...], AfterValidator(_increasing)]


def threshold_labels(what: str, thresholds: tuple[float, ...]) -> tuple[str, ...]:
    """Labels of levels by descending thresholds of a similarity, topped by equality.

    Parameters
    ----------
    what : str
        Name of the similarity.
    thresholds : tuple of float
        Highest first.

    Returns
    -------
    tuple of str
        From disagreement up.
    """
    reached = (f"{what} {value:g} or more" for value in reversed(thresholds))
    return (f"{what} below {thresholds[-1]:g}", *reached, "equal")


def _jaro_measure(
    sides: tuple[pl.Series, pl.Series],
    same: bool,
    thresholds: tuple[float, ...],
    chapter: bool,
    winkler: tuple[float, int, float],
) -> Measure:
    # These import the compiler, which a specification alone must not wait for.
    from tallystick.comparisons.measures_strings import JaroMeasure, fewest_common, lowest_jaro
    from tallystick.comparisons.text import encode_text

    tables = encode_text(*sides, same)
    lowest = lowest_jaro(thresholds[-1], *winkler)
    needs = fewest_common(tables.longest, lowest)
    return JaroMeasure(tables, np.array(thresholds[::-1], np.float64), lowest, needs, chapter, *winkler)


class Jaro(Comparator):
    """Jaro similarity; see `jaro`."""

    type: Literal["jaro"] = "jaro"
    thresholds: Thresholds
    window: Literal["practice", "chapter"] = "practice"

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return threshold_labels("Jaro", self.thresholds)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        sides = (left[0], right[0])
        return _jaro_measure(sides, same, self.thresholds, self.window == "chapter", (0.0, 0, 1.0))


def jaro(*thresholds: float, window: Literal["practice", "chapter"] = "practice") -> Jaro:
    """Jaro similarity of two strings, in levels by thresholds.

    Two letters are common if they are equal and stand no further apart than a window; each letter
    is used once, taken from the left. With c common letters, of which t stand at another place in
    the order of the one string's common letters than in the other's, the similarity is 0 if c = 0
    and else a third of c / len1 + c / len2 + (c - floor(t / 2)) / c, with a window of
    max(len1, len2) // 2 - 1 (Jaro 1989, as Winkler's strcmp95 program and most others do it).

    Parameters
    ----------
    *thresholds : float
        One or more, distinct, above 0 and below 1, in any order. The levels are: below all of
        them, at least the lowest, ..., at least the highest, equal.
    window : "practice" or "chapter"
        "chapter" is equation 1 of Shlomo (2019, chapter 4 of Data-Driven Policy Impact Evaluation)
        as it is printed: a window of half of the shorter string (rounded down), and a third of
        c / len1 + c / len2 + 1 - t / (2 c), without rounding t / 2 down.

    Returns
    -------
    Jaro

    Raises
    ------
    SpecError
        If a threshold is out of range or given twice.

    Examples
    --------
    >>> jaro(0.8, 0.9).labels()
    ('Jaro below 0.8', 'Jaro 0.8 or more', 'Jaro 0.9 or more', 'equal')
    """
    return Jaro(thresholds=thresholds, window=window)


class JaroWinkler(Comparator):
    """Jaro-Winkler similarity; see `jaro_winkler`."""

    type: Literal["jaro_winkler"] = "jaro_winkler"
    thresholds: Thresholds
    prefix_weight: Annotated[float, Field(ge=0.0, le=0.25)] = 0.1
    prefix_length: Annotated[int, Field(ge=0, le=4)] = 4
    boost_threshold: Annotated[float, Field(ge=0.0, le=1.0)] = 0.7

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return threshold_labels("Jaro-Winkler", self.thresholds)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        winkler = (self.prefix_weight, self.prefix_length, self.boost_threshold)
        return _jaro_measure((left[0], right[0]), same, self.thresholds, False, winkler)


def jaro_winkler(
    *thresholds: float, prefix_weight: float = 0.1, prefix_length: int = 4, boost_threshold: float = 0.7
) -> JaroWinkler:
    """Jaro-Winkler similarity of two strings, in levels by thresholds.

    A Jaro similarity s (see `jaro`) above `boost_threshold` becomes s + l p (1 - s), where l is
    the number of first letters in common, at most `prefix_length`, and p is `prefix_weight`
    (Winkler 1990).

    Parameters
    ----------
    *thresholds : float
        One or more, distinct, above 0 and below 1, in any order. The levels are: below all of
        them, at least the lowest, ..., at least the highest, equal.
    prefix_weight : float
        From 0 to 0.25.
    prefix_length : int
        From 0 to 4.
    boost_threshold : float
        From 0 to 1.

    Returns
    -------
    JaroWinkler

    Raises
    ------
    SpecError
        If a threshold or a setting is out of range, or a threshold is given twice.

    Examples
    --------
    >>> jaro_winkler(0.92, 0.85).labels()
    ('Jaro-Winkler below 0.85', 'Jaro-Winkler 0.85 or more', 'Jaro-Winkler 0.92 or more', 'equal')
    """
    return JaroWinkler(
        thresholds=thresholds,
        prefix_weight=prefix_weight,
        prefix_length=prefix_length,
        boost_threshold=boost_threshold,
    )


def _distance_labels(distances: tuple[int, ...]) -> tuple[str, ...]:
    def edits(number: int) -> str:
        return "1 edit" if number == 1 else f"{number} edits"

    within = ("1 edit" if value == 1 else f"at most {edits(value)}" for value in reversed(distances))
    return (f"more than {edits(distances[-1])}", *within, "equal")


def _edit_measure(
    sides: tuple[pl.Series, pl.Series], same: bool, distances: tuple[int, ...], swaps: bool
) -> Measure:
    from tallystick.comparisons.measures_strings import EditMeasure
    from tallystick.comparisons.text import encode_text

    return EditMeasure(encode_text(*sides, same), np.array(distances[::-1], np.int64), swaps)


class Levenshtein(Comparator):
    """Levenshtein distance; see `levenshtein`."""

    type: Literal["levenshtein"] = "levenshtein"
    max_distances: Distances

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return _distance_labels(self.max_distances)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        return _edit_measure((left[0], right[0]), same, self.max_distances, swaps=False)


def levenshtein(*max_distances: int) -> Levenshtein:
    """Levenshtein distance of two strings, in levels by largest distances.

    The distance is the fewest edits that turn one string into the other, an edit being the
    insertion, deletion or substitution of a character (Levenshtein 1966). The measure's
    `similarities` are distances.

    Parameters
    ----------
    *max_distances : int
        One or more, distinct, 1 or more, in any order. The levels are: more than the largest, at
        most the largest, ..., at most the smallest, equal.

    Returns
    -------
    Levenshtein

    Raises
    ------
    SpecError
        If a distance is below 1 or given twice.

    Examples
    --------
    >>> levenshtein(1, 2).labels()
    ('more than 2 edits', 'at most 2 edits', '1 edit', 'equal')
    """
    return Levenshtein(max_distances=max_distances)


class DamerauLevenshtein(Comparator):
    """Restricted Damerau-Levenshtein distance; see `damerau_levenshtein`."""

    type: Literal["damerau_levenshtein"] = "damerau_levenshtein"
    max_distances: Distances

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return _distance_labels(self.max_distances)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        return _edit_measure((left[0], right[0]), same, self.max_distances, swaps=True)


def damerau_levenshtein(*max_distances: int) -> DamerauLevenshtein:
    """Restricted Damerau-Levenshtein distance of two strings, in levels by largest distances.

    As `levenshtein`, with the swap of two neighbouring characters as one more edit (Damerau
    1964); restricted: no piece of a string is edited twice, also called optimal string alignment.
    The measure's `similarities` are distances.

    Parameters
    ----------
    *max_distances : int
        One or more, distinct, 1 or more, in any order. The levels are: more than the largest, at
        most the largest, ..., at most the smallest, equal.

    Returns
    -------
    DamerauLevenshtein

    Raises
    ------
    SpecError
        If a distance is below 1 or given twice.

    Examples
    --------
    >>> damerau_levenshtein(1).labels()
    ('more than 1 edit', '1 edit', 'equal')
    """
    return DamerauLevenshtein(max_distances=max_distances)
