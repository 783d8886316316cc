"""Errors over the threshold, counted against the truth; and whether posteriors mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.proportions import wilson

MOST_POINTS = 200
BINS = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def threshold_curve(
    score: Floats, match: Bools, matches: float, allowed: float, most: int = MOST_POINTS
) -> list[dict[str, float | None]]:
    """What thresholds would do: for precision-recall, ROC and error curves alike.

    Parameters
    ----------
    score : float64 array, shape (n_pairs,)
        What the threshold is on; pairs at or above it are taken.
    match : bool array, shape (n_pairs,)
        Which of them are matches.
    matches, allowed : float
        Matches among all pairs that could have been linked, and the number of these: pairs that are not in
        the arrays count among the missed and the rightly left out.
    most : int
        Of more distinct scores as many are taken as points, those at equal steps of the number of pairs
        and the last one.

    Returns
    -------
    list of dict
        By falling ``threshold``: ``links``, ``true_links``, ``false_links``, ``missed``, ``precision``,
        ``recall`` (the true positive rate of a ROC curve), ``type1`` (its false positive rate), ``type2``,
        ``f1``.

    Examples
    --------
    >>> points = threshold_curve(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]), 4, 100)
    >>> [(point["threshold"], point["precision"], point["recall"]) for point in points][:2]
    [(3.0, 1.0, 0.25), (2.0, 0.5, 0.25)]
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    true = np.cumsum(match[order])
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True)) if len(order) else np.zeros(0, np.int64)
    if len(last) > most:
        # By numbers of pairs, and half of them among the matches: where errors change is what is looked at.
        places = [
            np.searchsorted(values[last], np.linspace(0, values[last[-1]], most // 2))
            for values in (np.arange(len(order)), true)
        ]
        chosen = np.unique(np.concatenate([*places, [len(last) - 1]]))
        last = last[np.minimum(chosen, len(last) - 1)]
    points: list[dict[str, float | None]] = []
    for at in last.tolist():
        links, right = at + 1, int(true[at])
        points.append(
            {
                "threshold": float(ordered[at]),
                "links": links,
                "true_links": right,
                "false_links": links - right,
                "missed": matches - right,
                "precision": right / links,
                "recall": right / matches if matches else None,
                "type1": (links - right) / (allowed - matches) if allowed > matches else None,
                "type2": 1 - right / matches if matches else None,
                "f1": 2 * right / (links + matches),
            }
        )
    return points


def calibration(posterior: Floats, match: Bools, edges: tuple[float, ...] = BINS) -> list[dict[str, Any]]:
    """Expected matches beside the true ones, by posterior.

    Parameters
    ----------
    posterior : float64 array, shape (n_pairs,)
        Of pairs whose truth is known.
    match : bool array, shape (n_pairs,)
        Which of them are matches.
    edges : tuple of float
        Ascending; a bin holds its lower edge, the last its upper one, too.

    Returns
    -------
    list of dict
        Of each bin with pairs: ``low``, ``high``, ``pairs``, ``expected`` and ``true`` matches,
        ``expected_share``, ``true_share`` with ``share_low`` and ``share_high`` (Wilson).

    Examples
    --------
    >>> found = calibration(np.array([0.95, 0.97, 0.92]), np.array([True, True, False]), (0.0, 0.9, 1.0))
    >>> found[0]["pairs"], round(found[0]["expected"], 2), found[0]["true"]
    (3, 2.84, 2)
    """
    place = np.clip(np.searchsorted(edges, posterior, side="right") - 1, 0, len(edges) - 2)
    n = np.bincount(place, minlength=len(edges) - 1)
    expected = np.bincount(place, weights=posterior, minlength=len(edges) - 1)
    true = np.bincount(place[match], minlength=len(edges) - 1)
    found = []
    for k in np.flatnonzero(n).tolist():
        limits = wilson(int(true[k]), int(n[k]))
        assert limits is not None
        found.append(
            {
                "low": edges[k],
                "high": edges[k + 1],
                "pairs": int(n[k]),
                "expected": float(expected[k]),
                "true": int(true[k]),
                "expected_share": float(expected[k] / n[k]),
                "true_share": float(true[k] / n[k]),
                "share_low": limits.low,
                "share_high": limits.high,
            }
        )
    return found
