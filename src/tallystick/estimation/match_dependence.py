"""Comparisons whose errors come together among the matches.

EM says of every pattern how many of its pairs are matches. If the comparisons are independent among matches,
then of the matches that the passes select

    E = n sum over x, y of m_k(a, x) m_j(b, y) P(selected | x, y)

show the levels a of one comparison and b of another, n the number of all matches, x and y agreement on the
parts of keys that go with them. O / E, with O the expected matches that do, is what independence is wrong by.
That the passes select pairs which agree makes agreement on one field and on another depend on each other in
the pairs at hand; the sum allows for it. As the expected matches come from a model in which all comparisons
are independent, O / E is nearer to 1 than the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.em import Fit
from tallystick.estimation.factors import Selection
from tallystick.estimation.joint import AnyFactor, Joint, places_of
from tallystick.estimation.posteriors import posteriors
from tallystick.estimation.table import Table

Floats = NDArray[np.float64]

TINY = 1e-300


def match_tables(table: Table, selection: Selection, fit: Fit) -> Iterator[tuple[int, int, Floats, Floats]]:
    """Levels that two comparisons show together among the selected matches.

    Parameters
    ----------
    table : Table
        The patterns.
    selection : Selection
        Which patterns are selected.
    fit : Fit
        What EM found.

    Yields
    ------
    int, int
        Two comparisons whose joint m-probabilities were not estimated.
    float64 array, float64 array, shape (n_levels, n_levels)
        How many matches show each pair of levels, by the patterns, and by the model.
    """
    factors = table.factors
    counts = table.counts
    digits = counts.coding.decode(counts.patterns)
    matches = posteriors(table, fit).match * counts.counts
    full = [f.likelihoods(p) * missing for f, p, missing in zip(factors, fit.m, table.missing, strict=True)]
    given = [_given_bits(selection, full, k) for k in range(len(factors))]
    places = sorted(places_of(factors).items())
    for (one, (f, p)), (other, (g, q)) in combinations(places, 2):
        if f == g and any({p, q} <= set(block) for block in blocks_of(factors[f])):
            continue
        n_one, n_other = (factors[k].parts[part].n_levels for k, part in ((f, p), (g, q)))
        both = (digits[:, one] < n_one) & (digits[:, other] < n_other)
        at = digits[both, one].astype(np.int64) * n_other + digits[both, other]
        seen = np.bincount(at, weights=matches[both], minlength=n_one * n_other)
        found = np.asarray(seen.reshape(n_one, n_other), np.float64)
        if f == g:
            expected = _within(factors[f], p, q, full[f] * selection.probabilities(full)[1][f])
        else:
            by_bits = [_by_level(factors[k], part, full[k]) for k, part in ((f, p), (g, q))]
            expected = by_bits[0] @ given[f][g] @ by_bits[1].T
        yield one, other, found, expected * found.sum() / max(float(expected.sum()), TINY)


def blocks_of(factor: AnyFactor) -> tuple[tuple[int, ...], ...]:
    """Numbers of the parts of a factor that have joint m-probabilities."""
    blocks = factor.blocks if isinstance(factor, Joint) else None
    return blocks or (tuple(range(len(factor.parts))),)


def _within(factor: AnyFactor, one: int, other: int, cells: Floats) -> Floats:
    """Sums by the levels of two parts of one factor, missing ones left out."""
    assert isinstance(factor, Joint)
    levels = [factor.parts[k].level[factor.of_part[k]] for k in (one, other)]
    sizes = [factor.parts[k].n_levels for k in (one, other)]
    shape = sizes[0] + 1, sizes[1] + 1
    at = np.ravel_multi_index((levels[0], levels[1]), shape)
    sums = np.bincount(at, weights=cells, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray(sums[: sizes[0], : sizes[1]], np.float64)


def _by_level(factor: AnyFactor, number: int, cells: Floats) -> Floats:
    """Probability of each level of a part with each combination of the factor's key bits."""
    part = factor.parts[number]
    level = part.level if len(factor.parts) == 1 else part.level[factor.of_part[number]]  # type: ignore[union-attr]
    n_bits = 2 ** len(factor.keys)
    sums = np.bincount(level * n_bits + factor.bits, weights=cells, minlength=(part.n_levels + 1) * n_bits)
    return np.asarray(sums.reshape(-1, n_bits)[: part.n_levels], np.float64)


def _given_bits(selection: Selection, full: list[Floats], k: int) -> list[Floats]:
    """Chance of selection given the key bits of factor k and those of each other factor."""
    rows: list[list[Floats]] = []
    factors = selection.factors
    for bits in range(2 ** len(factors[k].keys)):
        fixed = list(full)
        fixed[k] = np.zeros(factors[k].n_cells)
        fixed[k][np.flatnonzero(factors[k].bits == bits)[0]] = 1.0
        _, by_cell = selection.probabilities(fixed)
        first = [np.unique(factor.bits, return_index=True)[1] for factor in factors]
        rows.append([chances[at] for chances, at in zip(by_cell, first, strict=True)])
    return [np.stack([row[g] for row in rows]) for g in range(len(factors))]
