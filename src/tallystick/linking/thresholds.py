"""The lower and the upper threshold from what is asked of a decision rule.

Every function takes an error curve and gives thresholds on its score. A threshold never divides the
pairs of one score, as a randomised rule would: those at the boundary go to review, so that bounds are
kept with something to spare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Links
from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve
from tallystick.linking.decision import AssignmentKind

SPARE = 1e-9
"""Relative error of sums that a bound allows for."""


@dataclass(frozen=True)
class Thresholds:
    """Thresholds that a rule has given.

    Attributes
    ----------
    lower, upper : float
        At or above `upper` a pair is a link, below `lower` a non-link, between the two a possible link.
    scale : {"log_odds", "posterior", "weight"}
        What they are: log odds that a candidate pair is a match given its pattern, weight and prior odds
        together; posteriors; or match weights.
    explanation : str
        How they were found.
    notes : tuple of str
        What is remarkable: no clerical region, or no link at all.
    links, assignment
        As of the `Decision` that they are of.
    """

    lower: float
    upper: float
    scale: Literal["log_odds", "posterior", "weight"]
    explanation: str
    notes: tuple[str, ...] = ()
    links: Links = "many_to_many"
    assignment: AssignmentKind = "optimal"


def from_error_bounds(curve: ErrorCurve, type1: float, type2: float) -> Thresholds:
    """Thresholds from bounds of the two errors.

    With patterns in falling order of their weight, the links are the most that hold
    P(link | non-match) <= type1, the non-links the most that hold P(non-link | match) <= type2
    (Fellegi and Sunter 1969). No rule whose two errors are no greater than those that
    are reached sends fewer matches or fewer non-matches to review (their theorem); the rule is not
    randomised at the boundaries, so what is reached may lie below the bounds.

    Parameters
    ----------
    curve : ErrorCurve
        The curve.
    type1, type2 : float
        The bounds: mu over all non-matches and lambda over all matches, those that no pass finds included.

    Returns
    -------
    Thresholds
        Where the bounds leave no clerical region, both are the same: of the thresholds that hold both
        bounds the one with the fewest expected errors.

    Raises
    ------
    InputError
        Where a bound is not between 0 and 1, or the passes miss more matches than the type 2 bound allows.

    Examples
    --------
    >>> import numpy as np
    >>> from tallystick.estimation.error_curve import ErrorCurve
    >>> weights = np.array([6.0, 3, 0, -4])
    >>> curve = ErrorCurve(weights, weights, np.array([80.0, 40, 50, 1000]), np.array([80.0, 30, 5, 1]),
    ...                    np.array([0.0, 10, 45, 999]))
    >>> found = from_error_bounds(curve, 0.005, 0.01)
    >>> found.lower, found.upper
    (-2.0, 4.5)
    """
    check_share("type1", type1)
    check_share("type2", type2)
    most_false = type1 * curve.all_non_matches
    i = _last(curve.non_matches_above <= most_false * (1 + SPARE))
    j = _lower_index(curve, 1 - type2, f"a type 2 error of {type2:g}")
    found = _thresholds(curve, i, j, "")
    at = curve.forecast(found.lower, found.upper)
    sentence = (
        f"error bounds: at most {type1:g} of the non-matches become links (expected {at.type1 or 0:.3g}) "
        f"and at most {type2:g} of the matches non-links (expected {at.type2 or 0:.3g}); pairs of one weight "
        "are not divided at a boundary but go to review"
    )
    return replace(found, explanation=sentence)


def from_targets(
    curve: ErrorCurve, precision: float | None = None, recall: float | None = None
) -> Thresholds:
    """Thresholds from a target precision, a target recall, or both.

    A precision alone gives the lowest threshold at which the links have it, a recall alone the highest;
    the other pairs are non-links. Of both, the precision gives the upper threshold and the recall the lower
    one: what lies between is reviewed, and counts for the recall.

    Parameters
    ----------
    curve : ErrorCurve
        The curve.
    precision, recall : float, optional
        The targets.

    Returns
    -------
    Thresholds

    Raises
    ------
    InputError
        Where no threshold reaches a target.
    """
    i = j = None
    parts = []
    if precision is not None:
        check_share("precision", precision)
        links = curve.matches_above + curve.non_matches_above
        i = _last(curve.matches_above >= precision * links * (1 - SPARE))
        if i == 0:
            best = curve.matches[0] / curve.pairs[0] if len(curve.pairs) else 0.0
            raise InputError(
                f"No threshold reaches a precision of {precision:g}: of the pairs of the highest weight "
                f"{best:.2%} are expected to be matches; ask for less, or add comparisons that tell records "
                "apart."
            )
        parts.append(f"a precision of at least {precision:g}")
    if recall is not None:
        check_share("recall", recall)
        j = _lower_index(curve, recall, f"a recall of {recall:g}")
        parts.append(f"a recall of at least {recall:g}")
    if i is None and j is None:
        raise InputError("Targets: found neither a precision nor a recall; give one or both.")
    one = j if i is None else i
    sentence = "target: " + " and ".join(parts)
    if i is not None and j is not None:
        sentence += " with the possible links that review finds to be matches"
    else:
        sentence += "; with one target there is one threshold and no review"
    upper, lower = (one if i is None else i), (one if j is None else j)
    assert upper is not None
    assert lower is not None
    return _thresholds(curve, upper, lower, sentence)


def from_capacity(curve: ErrorCurve, most: int) -> Thresholds:
    """The clerical region of at most so many pairs that removes the most expected errors.

    Every link is false with probability 1 - p, every non-link missed with probability p, and a review is
    right. Of all pairs of thresholds with no more than `most` pairs between them those are taken that
    leave the fewest expected errors (Chow 1970: review where min(p, 1 - p) is greatest; here whole rows).

    Parameters
    ----------
    curve : ErrorCurve
        The curve.
    most : int
        Most pairs that are possible links.

    Returns
    -------
    Thresholds
    """
    if most < 0:
        raise InputError(f"The capacity is {most} pairs, but it is a number from 0 up.")
    j = np.searchsorted(curve.pairs_above, curve.pairs_above + most, side="right") - 1
    left = curve.non_matches_above + curve.matches_above[-1] - curve.matches_above[j]
    # Of equally good regions the smallest.
    n = curve.pairs_above[j] - curve.pairs_above
    i = int(np.lexsort((n, left))[0])
    k = int(j[i])
    before = float((curve.non_matches_above - curve.matches_above).min() + curve.matches_above[-1])
    sentence = (
        f"capacity: the region of at most {most:,} pairs whose review removes the most expected errors "
        f"({before - float(left[i]):,.1f} of {before:,.1f} that one threshold would leave)"
    )
    notes: tuple[str, ...] = ()
    if len(curve.pairs):
        doubt = int(np.argmax(np.minimum(curve.matches, curve.non_matches) / curve.pairs))
        if not i <= doubt < k:
            notes = (
                f"The pairs that are least sure are {curve.pairs[doubt]:,.0f} of one weight; they are not "
                "divided, and so many cannot be reviewed.",
            )
    return replace(_thresholds(curve, i, k, sentence), notes=notes)


def from_costs(false_link: float, missed: float, review: float) -> Thresholds:
    """Posterior thresholds from the costs of the two errors and of a review.

    A pair that is a match with probability p costs (1 - p) F as a link, p M as a non-link and R in
    review. The least of the three is the link from p >= max(1 - R / F, F / (F + M)) on and the non-link
    below p < min(R / M, F / (F + M)); between them, where R < F M / (F + M), review. These are Chow's
    rejection thresholds (1970), and follow from the losses with a reject option of Sadinle (2017) where all
    false links cost the same.

    Parameters
    ----------
    false_link, missed, review : float
        F, M and R, above 0.

    Returns
    -------
    Thresholds
        On the posterior.

    Examples
    --------
    >>> found = from_costs(10, 2, 0.5)
    >>> found.lower, found.upper
    (0.25, 0.95)
    """
    for name, cost in (("false_link", false_link), ("missed", missed), ("review", review)):
        if not (cost > 0 and np.isfinite(cost)):
            raise InputError(f"The cost {name} is {cost:g}, but a cost is a finite number above 0.")
    even = false_link / (false_link + missed)
    lower, upper = min(review / missed, even), max(1 - review / false_link, even)
    sentence = (
        f"costs: a false link {false_link:g}, a missed match {missed:g}, a review {review:g}; every pair is "
        "decided as costs least at its posterior"
    )
    notes: tuple[str, ...] = ()
    if lower >= upper:
        lower = upper = even
        notes = ("A review costs no less than it saves, so there is no clerical region.",)
    return Thresholds(lower, upper, "posterior", sentence, notes)


def check_share(name: str, value: float) -> None:
    """Raise `InputError` where a bound or a target is not between 0 and 1."""
    if not 0 < value < 1:
        raise InputError(f"{name} is {value:g}, but it is a share between 0 and 1.")


def _last(holds: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(holds)[-1])


def _lower_index(curve: ErrorCurve, share: float, what: str) -> int:
    """Fewest rows that hold a share of all matches."""
    wanted = share * curve.all_matches * (1 - SPARE)
    if curve.all_matches == 0:
        return 0
    if curve.matches_above[-1] < wanted:
        missed = curve.blocking_missed / curve.all_matches
        raise InputError(
            f"{curve.lost} {missed:.2%} of the matches, so no lower threshold reaches {what}: "
            "ask for less, or add passes."
        )
    return int(np.searchsorted(curve.matches_above, wanted))


def _thresholds(curve: ErrorCurve, i: int, j: int, explanation: str) -> Thresholds:
    """Thresholds after i and j rows; where they cross, the one between them with the fewest errors."""
    notes: list[str] = []
    if j < i:
        between = slice(j, i + 1)
        errors = curve.non_matches_above[between] - curve.matches_above[between]
        i = j = j + int(np.argmin(errors))
        notes.append(
            "Both bounds hold with one threshold, so there is no clerical region: of all such thresholds "
            "this one leaves the fewest expected errors."
        )
    if i == 0:
        notes.append("Not even the pairs of the highest weight can be links, so there is no link.")
    return Thresholds(
        float(curve.thresholds[j]), float(curve.thresholds[i]), "log_odds", explanation, tuple(notes)
    )
