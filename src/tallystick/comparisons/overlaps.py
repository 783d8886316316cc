"""Comparators of strings by what they share: bigrams or tokens."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import AfterValidator

from tallystick.comparisons.comparator import Comparator, similarity_thresholds
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.strings import threshold_labels


def _up_to_one(thresholds: tuple[float, ...]) -> tuple[float, ...]:
    return similarity_thresholds(thresholds, one_allowed=True)


Thresholds = Annotated[tuple[float, ...], AfterValidator(_up_to_one)]


def _bag_measure(
    sides: tuple[pl.Series, pl.Series], same: bool, thresholds: tuple[float, ...], tokens: bool, jaccard: bool
) -> Measure:
    # These import the compiler, which a specification alone must not wait for.
    from tallystick.comparisons.bags import bigram_bags, token_bags
    from tallystick.comparisons.measures_strings import BagMeasure

    left, right = token_bags(*sides, same) if tokens else bigram_bags(*sides, same)
    return BagMeasure(left, right, np.array(thresholds[::-1], np.float64), jaccard)


class BigramDice(Comparator):
    """Dice similarity of bigrams; see `bigram_dice`."""

    type: Literal["bigram_dice"] = "bigram_dice"
    thresholds: Thresholds

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return threshold_labels("bigram Dice", self.thresholds)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        return _bag_measure((left[0], right[0]), same, self.thresholds, tokens=False, jaccard=False)


def bigram_dice(*thresholds: float) -> BigramDice:
    """Dice similarity of the bigrams of two strings, in levels by thresholds.

    A string of n characters has n - 1 bigrams (pairs of neighbours), repeated ones counted as
    often as they occur. The similarity is the number of shared bigrams over the mean number of
    bigrams of the two strings (Dice 1945); a bigram that occurs x and y times is shared
    min(x, y) times. Equal strings have similarity 1, also where they are too short for a bigram;
    a string of fewer than two characters has similarity 0 with any other.

    Parameters
    ----------
    *thresholds : float
        One or more, distinct, above 0 and at most 1 (strings that differ can have the same
        bigrams), in any order. The levels are: below all of them, at least the lowest, ..., at
        least the highest, equal.

    Returns
    -------
    BigramDice

    Raises
    ------
    SpecError
        If a threshold is out of range or given twice.

    Examples
    --------
    >>> bigram_dice(0.8).labels()
    ('bigram Dice below 0.8', 'bigram Dice 0.8 or more', 'equal')
    """
    return BigramDice(thresholds=thresholds)


class BigramJaccard(Comparator):
    """Jaccard similarity of bigrams; see `bigram_jaccard`."""

    type: Literal["bigram_jaccard"] = "bigram_jaccard"
    thresholds: Thresholds

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return threshold_labels("bigram Jaccard", self.thresholds)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        return _bag_measure((left[0], right[0]), same, self.thresholds, tokens=False, jaccard=True)


def bigram_jaccard(*thresholds: float) -> BigramJaccard:
    """Jaccard similarity of the bigrams of two strings, in levels by thresholds.

    As `bigram_dice`, with multisets in the formula of Jaccard (1901): the sum over all bigrams of
    min(x, y) over the sum of max(x, y), where a bigram occurs x times in one string and y times
    in the other. Strings of fewer than two characters are as in `bigram_dice`.

    Parameters
    ----------
    *thresholds : float
        One or more, distinct, above 0 and at most 1, in any order. The levels are: below all of
        them, at least the lowest, ..., at least the highest, equal.

    Returns
    -------
    BigramJaccard

    Raises
    ------
    SpecError
        If a threshold is out of range or given twice.

    Examples
    --------
    >>> bigram_jaccard(0.5).n_levels
    3
    """
    return BigramJaccard(thresholds=thresholds)


class TokenSet(Comparator):
    """Jaccard similarity of tokens; see `token_set`."""

    type: Literal["token_set"] = "token_set"
    thresholds: Thresholds

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement up."""
        return threshold_labels("token overlap", self.thresholds)

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> Measure:
        """Get ready to compare values of these two tables (see `Comparator.prepare`)."""
        return _bag_measure((left[0], right[0]), same, self.thresholds, tokens=True, jaccard=True)


def token_set(*thresholds: float) -> TokenSet:
    """Jaccard similarity of the sets of tokens of two strings, in levels by thresholds.

    Tokens are the pieces between white space (as Unicode defines it); their order and repetitions
    do not count. The similarity is the number of tokens in both strings over the number in either
    (Jaccard 1901). Equal strings have similarity 1; a string without tokens has 0 with any other.

    Parameters
    ----------
    *thresholds : float
        One or more, distinct, above 0 and at most 1 (1: the same tokens in another order), in any
        order. The levels are: below all of them, at least the lowest, ..., at least the highest,
        equal.

    Returns
    -------
    TokenSet

    Raises
    ------
    SpecError
        If a threshold is out of range or given twice.

    Examples
    --------
    >>> token_set(1.0, 0.5).labels()
    ('token overlap below 0.5', 'token overlap 0.5 or more', 'token overlap 1 or more', 'equal')
    """
    return TokenSet(thresholds=thresholds)
