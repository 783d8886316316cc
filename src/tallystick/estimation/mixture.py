"""Related pairs as a mixture: they agree as matches do in what they have in common, else as any pair does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.joint import AnyFactor, Joint

Floats = NDArray[np.float64]

TINY = 1e-300
LEAST = 1e-6
"""The smallest share of related pairs that have a value in common, and the smallest that has not."""


def by_factor(factors: Sequence[AnyFactor], by_part: Floats) -> list[Floats]:
    """Values of the parts, factor by factor."""
    return np.split(by_part, np.cumsum([len(factor.parts) for factor in factors])[:-1])


def mixed(
    factors: Sequence[AnyFactor], shared: Floats, m: Sequence[Floats], u: Sequence[Floats]
) -> list[Floats]:
    """Cells of related pairs: those of matches where the true value is shared, else those of non-matches.

    Parameters
    ----------
    factors : sequence of Factor or Joint
        The factors.
    shared : float64 array, shape (n_parts,)
        Share of the related pairs that have the true value of each part in common.
    m, u : sequence of float64 array
        Cells of matches and of unrelated pairs, (n_cells,) for every factor.

    Returns
    -------
    list of float64 array
    """
    return [
        f.mixed(s, p, q) if isinstance(f, Joint) else s[0] * p + (1.0 - s[0]) * q
        for f, s, p, q in zip(factors, by_factor(factors, shared), m, u, strict=True)
    ]


def shared_of(
    factors: Sequence[AnyFactor],
    known: Sequence[float | None],
    shared: Floats,
    cells: Sequence[Floats],
    classes: Sequence[Sequence[Floats]],
) -> Floats:
    """Shares of related pairs that have a value in common, from the expected related pairs by cell.

    Parameters
    ----------
    factors : sequence of Factor or Joint
        The factors.
    known : sequence of float or None
        Shares that are given, by part.
    shared : float64 array, shape (n_parts,)
        The shares so far.
    cells : sequence of float64 array
        Expected related pairs by cell, (n_cells,) for every factor.
    classes : sequence of sequence of float64 array
        Cells of unrelated pairs, matches and related pairs so far.

    Returns
    -------
    float64 array, shape (n_parts,)
    """
    found: list[float] = []
    for k, (factor, own, s) in enumerate(zip(factors, cells, by_factor(factors, shared), strict=True)):
        u, m, r = (one[k] for one in classes)
        if isinstance(factor, Joint):
            found += factor.shares(s, factor.completed(own, r), m, u, r).tolist()
            continue
        in_common = own * s[0] * m / np.maximum(r, TINY)
        found.append(float(in_common.sum()) / max(float(own.sum()), TINY))
    fixed = zip(known, np.clip(found, LEAST, 1 - LEAST).tolist(), strict=True)
    return np.array([share if one is None else one for one, share in fixed])
