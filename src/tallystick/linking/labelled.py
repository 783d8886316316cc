"""Thresholds from pairs that people have labelled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from tallystick.errors import InputError
from tallystick.estimation.error_curve import ErrorCurve, joined
from tallystick.linking.thresholds import Thresholds, check_share, from_error_bounds


def from_labelled(
    weights: ArrayLike,
    is_match: ArrayLike,
    type1: float,
    type2: float,
    sampling_weights: ArrayLike | None = None,
) -> Thresholds:
    """Thresholds on match weights from labelled pairs, without the model's estimates of error.

    The empirical distribution of the weights of matches gives the lower threshold, the highest with no
    more than a share `type2` of them below it; that of non-matches the upper one, the lowest with no more
    than a share `type1` of them at or above it.

    Parameters
    ----------
    weights : array_like, shape (n,)
        Match weights.
    is_match : array_like of bool, shape (n,)
        What a person has found.
    type1, type2 : float
        Bounds of the errors, over the labelled non-matches and matches. Where only candidates are labelled
        they are shares of the candidates, not of all allowed pairs.
    sampling_weights : array_like, shape (n,), optional
        How many pairs each stands for, where the sample is not an even one.

    Returns
    -------
    Thresholds

    Raises
    ------
    InputError
        Where there is no match or no non-match, or an array does not fit.

    Examples
    --------
    >>> found = from_labelled([9, 8, 5, 4, 2, -3], [True, True, True, False, True, False], 0.4, 0.3)
    >>> found.lower, found.upper
    (4.5, 4.5)
    """
    check_share("type1", type1)
    check_share("type2", type2)
    score = np.asarray(weights, np.float64).ravel()
    match = np.asarray(is_match, np.bool_).ravel()
    share = (
        np.ones(len(score)) if sampling_weights is None else np.asarray(sampling_weights, np.float64).ravel()
    )
    if not len(score) == len(match) == len(share):
        raise InputError(
            f"Labelled pairs: found {len(score)} weights, {len(match)} labels and {len(share)} sampling "
            "weights; give as many of each."
        )
    if not (np.isfinite(score).all() and np.isfinite(share).all() and (share > 0).all()):
        raise InputError("Labelled pairs: weights are finite numbers, and sampling weights above 0, too.")
    n = int(match.sum())
    if n in (0, len(match)):
        raise InputError(
            f"Labelled pairs: found {n} matches and {len(match) - n} non-matches, but both are needed: "
            "label more."
        )
    order = np.argsort(-score, kind="stable")
    score, match, share = score[order], match[order], share[order]
    curve = joined([ErrorCurve(score, score, share, share * match, share * ~match)])
    found = from_error_bounds(curve, type1, type2)
    explanation = (
        f"labelled pairs ({n:,} matches, {len(match) - n:,} non-matches): at most {type1:g} of the "
        f"non-matches are links and at most {type2:g} of the matches non-links"
    )
    notes = found.notes
    for what, bound, size in (("non-matches", type1, len(match) - n), ("matches", type2, n)):
        if bound * size < 1:
            notes += (
                f"{size:,} labelled {what} are too few to tell a share of {bound:g}: none of them is on the "
                "wrong side, which proves little.",
            )
    return replace(found, scale="weight", explanation=explanation, notes=notes)
