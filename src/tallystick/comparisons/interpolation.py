"""Similarity in the weight itself: settings, and what each level says of the similarity of a pair.

Levels cut a similarity into steps. Where a comparison interpolates, the levels still stand in the patterns,
and EM works on them, but the weight of a pair follows its own similarity (see
`tallystick.estimation.interpolation`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, StrictBool, model_validator

from tallystick._schema import Settings
from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.overlaps import BigramDice, BigramJaccard, TokenSet
from tallystick.comparisons.strings import DamerauLevenshtein, Jaro, JaroWinkler, Levenshtein

Slope = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SLOPES = (3.0, 4.5)
"""How fast a scaled weight falls above and below `KNOT`: what Winkler (1990) uses for surnames."""
KNOT = 0.92
"""Similarity at which the slope of a scaled weight changes (Winkler 1990)."""
_BY_THRESHOLD = (Jaro, JaroWinkler, BigramDice, BigramJaccard, TokenSet)
_BY_DISTANCE = (Levenshtein, DamerauLevenshtein)


class Interpolation(Settings):
    """How a similarity becomes a weight.

    Attributes
    ----------
    cut : float, optional
        What counts as agreement for m and u: this similarity or more, a threshold of the comparator (or this
        many edits or fewer). By default its highest threshold (its fewest edits).
    fractional : bool
        Every pair agrees to the share of its similarity instead, so that m and u are mean similarities.
    scaled : bool
        The weight itself falls in proportion from that of agreement to that of disagreement (Winkler 1990).
    slopes : tuple of float, optional
        How fast it falls, above a similarity of 0.92 and below; (3, 4.5) unless given.
    """

    cut: float | None = None
    fractional: StrictBool = False
    scaled: StrictBool = False
    slopes: tuple[Slope, Slope] | None = None

    @model_validator(mode="after")
    def _fit(self) -> Interpolation:
        if self.fractional and self.cut is not None:
            raise ValueError("found cut and fractional together, expected one of the two")
        if self.slopes is not None and not self.scaled:
            raise ValueError("found slopes without scaled = true, which alone uses them")
        if self.slopes is not None and self.slopes[1] < self.slopes[0]:
            raise ValueError(
                "found a second slope below the first, expected at least as much: a weight would rise"
            )
        return self

    @property
    def used_slopes(self) -> tuple[float, float] | None:
        """The slopes where the weight is scaled."""
        return (self.slopes or SLOPES) if self.scaled else None


def check_interpolation(comparator: object, settings: Interpolation) -> None:
    """Check that a comparator has a similarity, and the cut among its thresholds.

    Raises
    ------
    ValueError
        If not.
    """
    if not isinstance(comparator, (*_BY_THRESHOLD, *_BY_DISTANCE)):
        raise ValueError(
            "found a comparator without a similarity of texts, expected jaro, jaro_winkler, levenshtein, "
            "damerau_levenshtein, bigram_dice, bigram_jaccard or token_set"
        )
    steps = _steps(comparator)
    if settings.cut is not None and settings.cut not in steps:
        raise ValueError(
            f"found cut = {settings.cut:g}, expected one of the comparator's own: "
            + ", ".join(f"{step:g}" for step in steps)
        )


def _steps(comparator: Comparator) -> tuple[float, ...]:
    """Thresholds or distances, the one of the lowest level first."""
    if isinstance(comparator, _BY_DISTANCE):
        return tuple(float(one) for one in reversed(comparator.max_distances))
    assert isinstance(comparator, _BY_THRESHOLD)
    return tuple(reversed(comparator.thresholds))


def first_agreement(comparator: Comparator, cut: float | None) -> int:
    """Number of the lowest of the comparator's levels that agrees, by the cut.

    Examples
    --------
    >>> from tallystick.comparisons.strings import jaro_winkler
    >>> first_agreement(jaro_winkler(0.9, 0.8), 0.8), first_agreement(jaro_winkler(0.9, 0.8), None)
    (1, 2)
    """
    steps = _steps(comparator)
    return 1 + (len(steps) - 1 if cut is None else steps.index(cut))


def similarity_ranges(comparator: Comparator) -> tuple[tuple[float, float], ...]:
    """Least and greatest similarity of each of the comparator's levels, from disagreement up.

    A number of edits says nothing for sure, since the similarity depends on the lengths, too.

    Examples
    --------
    >>> from tallystick.comparisons.strings import jaro_winkler
    >>> similarity_ranges(jaro_winkler(0.9, 0.8))
    ((0.0, 0.8), (0.8, 0.9), (0.9, 1.0), (1.0, 1.0))
    """
    if isinstance(comparator, _BY_DISTANCE):
        return (*[(0.0, 1.0)] * (comparator.n_levels - 1), (1.0, 1.0))
    edges = (0.0, *_steps(comparator), 1.0, 1.0)
    return tuple(pairwise(edges))


def usual_similarities(comparator: Comparator) -> tuple[float, ...]:
    """A similarity for each of the comparator's levels where no pair tells a better one."""
    if isinstance(comparator, _BY_DISTANCE):
        return tuple(level / (comparator.n_levels - 1) for level in range(comparator.n_levels))
    return tuple((low + high) / 2 for low, high in similarity_ranges(comparator))
