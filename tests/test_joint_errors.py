"""Standard errors where comparisons are estimated together: how EM moves, and what is in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from simulate import Field, two_files
from test_marginals import prepared

import tallystick as ts
from tallystick.estimation import observed
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import factors_of, selection_of
from tallystick.estimation.identified import precision_of
from tallystick.estimation.joint import Joint, joined, places_of
from tallystick.estimation.linearised import linearised
from tallystick.estimation.marginals import marginals_of_random_pairs
from tallystick.estimation.posteriors import posteriors
from tallystick.estimation.table import Table, table_of

TIMES = 100_000
"""Pairs for each of the files', so that one more or less is as good as a derivative."""
EXACT = {"tolerance": 1e-13, "max_iterations": 20_000}
FIELDS = [
    Field("surname", 40, 0.5, 2, 0.08, 0.05, missing=0.1),
    Field("town", 12, 0.3, redrawn=0.05, missing=0.05),
    Field("birth", 60, redrawn=0.05),
    Field("sex", 2, redrawn=0.02, missing=0.1),
]
COMPARISONS = [
    ts.comparison("surname", ts.damerau_levenshtein(1)),
    ts.comparison("town", ts.exact(), missing="level"),
    ts.comparison("birth", ts.exact()),
    ts.comparison("sex", ts.exact()),
]
PASSES = [ts.blocking_key("surname"), ts.blocking_key("birth", "town")]

GROUPS: dict[str, tuple[list[tuple[int, ...]], list[tuple[int, ...]] | None]] = {
    "none": ([], None),
    "non-matches": ([(0, 1)], []),
    "matches": ([(0, 1)], [(0, 1)]),
    "three": ([(0, 1, 3)], [(0, 3)]),
}


def ingredients(groups: str, seed: int = 1) -> tuple[Table, Any]:
    files = two_files(FIELDS, 220, 200, 120, seed).tables
    ready, _ = prepared("link", list(files), PASSES, COMPARISONS)
    plan = ready.plan
    factors = joined(
        factors_of(COMPARISONS, plan.key_parts, plan.coding), GROUPS[groups][0], "abcd", GROUPS[groups][1]
    )
    selection = selection_of(PASSES, plan.key_parts, factors)
    marginals = marginals_of_random_pairs(plan, COMPARISONS, factors, 10**6, 1)
    marginals = replace(marginals, counts=tuple(one * TIMES for one in marginals.counts))
    counts = ts.count_patterns(plan)
    counts = replace(counts, counts=counts.counts * TIMES)
    return table_of(counts, factors, marginals), selection


def state(table: Table, fit: Fit) -> NDArray[np.float64]:
    return np.concatenate([*fit.m, *fit.u, np.log(fit.matches)])


def givens(table: Table) -> dict[str, Given]:
    none = (None,) * len(table.factors)
    joint = next((k for k, f in enumerate(table.factors) if isinstance(f, Joint)), 0)
    levels = np.array([0.1, 0.2, 0.7])
    part = (levels, *[None] * (len(table.factors[joint].parts) - 1))
    one = tuple((part if len(part) > 1 else levels) if k == joint else None for k in range(len(none)))
    return {"nothing": Given(none, none), "m of one": Given(one, none), "u of one": Given(none, one)}


@pytest.mark.parametrize("related", [False, True], ids=["two classes", "three classes"])
@pytest.mark.parametrize("what", ["nothing", "m of one", "u of one"])
@pytest.mark.parametrize("groups", list(GROUPS))
def test_em_moves_as_its_derivative_says(groups: str, what: str, related: bool) -> None:
    """Two patterns exchange some pairs: EM, run again, ends where the linear map says."""
    table, selection = ingredients(groups)
    given = givens(table)[what]
    settings = ts.Estimation(**EXACT)  # type: ignore[arg-type]

    def fitted(own: Table, start: NDArray[np.float64]) -> Fit:
        return fit_em(own, selection, given, start, settings, related)

    fit = fitted(table, np.array([120.0 * TIMES]))
    assert fit.converged
    known = posteriors(table, fit)
    moved = linearised(table, selection, given, fit, known, settings)
    n_cells = int(table.starts[-1])
    # Matches, and pairs that may be: those move the estimates.
    order = np.argsort(-np.minimum(known.match, 0.9) * table.counts.counts)
    one, other = int(order[0]), int(order[5])
    step = 2 * TIMES // 100
    ends, dy = [], np.zeros(n_cells + 1)
    for pattern, sign in ((one, 1), (other, -1)):
        dy[table.cells[pattern]] += sign * known.match[pattern]
        dy[n_cells] += sign * known.match[pattern]
    for sign in (1, -1):
        changed = table.counts.counts.copy()
        changed[one] += sign * step
        changed[other] -= sign * step
        ends.append(fitted(replace(table, counts=replace(table.counts, counts=changed)), fit.matches))
    found = (state(table, ends[0]) - state(table, ends[1])) / (2 * step)
    if related:  # the number of related pairs and what they share are taken as known
        found = found[-1:]
    wanted = (moved.respond @ moved.direct @ dy)[-len(found) :]
    assert np.abs(wanted).max() > 1e-12
    np.testing.assert_allclose(found, wanted, rtol=0.3 if related else 2e-3, atol=2e-3 * np.abs(found).max())
