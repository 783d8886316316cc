"""Standard errors where comparisons are estimated together: how EM moves, and what is in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from simulate import Field, two_files
from test_em import counts_of
from test_marginals import prepared

import tallystick as ts
from tallystick.estimation import observed
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Factor, factors_of, selection_of
from tallystick.estimation.identified import precision_of
from tallystick.estimation.joint import Joint, joined
from tallystick.estimation.linearised import linearised
from tallystick.estimation.marginals import marginals_of_counts, marginals_of_random_pairs
from tallystick.estimation.mixture import mixed
from tallystick.estimation.observed import related_by
from tallystick.estimation.posteriors import posteriors
from tallystick.estimation.table import Table, table_of
from tallystick.patterns.coding import PatternCoding

TIMES = 100_000
"""Pairs for each of the files', so that one more or less is as good as a derivative."""
EXACT = ts.Estimation(tolerance=1e-13, max_iterations=5000, prior_matches=20 * TIMES)
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


@pytest.mark.parametrize("what", ["nothing", "m of one", "u of one"])
@pytest.mark.parametrize("groups", list(GROUPS))
def test_em_moves_as_its_derivative_says(groups: str, what: str) -> None:
    """Two patterns exchange some pairs: EM, run again, ends where the linear map says."""
    table, selection = ingredients(groups)
    given = givens(table)[what]

    def fitted(own: Table, start: NDArray[np.float64]) -> Fit:
        return fit_em(own, selection, given, start, EXACT)

    fit = fitted(table, np.array([120.0 * TIMES]))
    assert fit.converged
    known = posteriors(table, fit)
    moved = linearised(table, selection, given, fit, known, EXACT)
    n_cells = int(table.starts[-1])
    # Patterns of likely matches, and of pairs that may be.
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
    wanted = moved.respond @ moved.direct @ dy
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3 * np.abs(found).max())


def test_the_derivative_of_related_pairs() -> None:
    """Against differences, of parts with keys and of three parts."""
    random = np.random.default_rng(5)
    for factor in (
        Factor(0, (0,), 2),
        Joint((Factor(0, (0, 1), 3), Factor(1, (2,), 2))),
        Joint((Factor(0, (), 2), Factor(1, (0,), 2), Factor(2, (), 3))),
    ):
        m, u, aim = (
            np.where(factor.present, random.dirichlet(np.ones(factor.n_cells)), 0.0) for _ in range(3)
        )
        m, u, aim = (one / one.sum() for one in (m, u, aim))
        shared = random.random(len(factor.parts))

        for number, found in enumerate(related_by(factor, shared, m, u)):
            ends = []
            for step in (1e-6, -1e-6):
                own = [m, u]
                own[number] = own[number] + step * (aim - own[number])
                ends.append(mixed([factor], shared, [own[0]], [own[1]])[0])
            wanted = (ends[0] - ends[1]) / 2e-6
            np.testing.assert_allclose(found @ (aim - (m, u)[number]), wanted, atol=1e-8)


def linked(group: list[list[str]], files: list[pl.DataFrame]) -> ts.Model:
    sources = [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", files, strict=True)]
    estimation = ts.Estimation(interactions=group, related="none", random_pairs=100_000)
    return ts.Linkage(COMPARISONS, PASSES, estimation=estimation, one_to_one=True).fit(*sources)


def test_errors_are_by_comparison_and_level_whatever_is_estimated_together() -> None:
    """Where nothing depends, joint u say the same of m and u, of which the second group is out of order."""
    files = list(two_files(FIELDS, 600, 600, 400, 3).tables)
    plain = linked([], files).parameters
    for group in ([["town", "sex"]], [["sex", "surname"]]):
        found = linked(group, files).parameters
        assert plain.uncertainty is not None
        assert found.uncertainty is not None
        n_levels = sum(len(own.m) for own in found.comparisons)
        assert len(found.uncertainty.errors) == 2 * n_levels + 1
        assert np.shape(found.uncertainty.covariance) == (2 * n_levels + 1,) * 2
        given = [
            np.array(
                [
                    own > 1e-6
                    for which in "mu"
                    for one in parameters.comparisons
                    for own in getattr(one, which)
                ]
            )
            for parameters in (plain, found)
        ]
        told = given[0] & given[1]
        ratio = np.array(found.uncertainty.errors[:-1])[told] / np.array(plain.uncertainty.errors[:-1])[told]
        assert (ratio > 0.9).all()
        assert (ratio < 3).all()  # u of joint levels is sampled where that of single ones is counted
        assert np.median(ratio) == pytest.approx(1.0, abs=0.1)


def test_too_many_cells_have_no_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    files = list(two_files(FIELDS, 300, 300, 200, 3).tables)
    monkeypatch.setattr(observed, "MOST_CELLS", 10)
    model = linked([["town", "sex"]], files)
    assert model.parameters.uncertainty is None
    assert model.parameters.interactions


def test_the_information_of_joint_cells_is_that_of_differences() -> None:
    """Three comparisons of which two depend on each other among matches, some values missing."""
    parts = (Factor(0, (), 2), Factor(1, (), 2))
    factors = (Joint(parts), Factor(2, (), 2), Factor(3, (), 2))
    coding = PatternCoding((2, 2, 2, 2))
    digits = coding.decode(np.arange(coding.size))
    m, u = np.array([0.1, 0.05, 0.05, 0.8]), np.array([0.9, 0.04, 0.04, 0.02])
    others = [(0.9, 0.05), (0.85, 0.1)]

    def chance(at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of every pattern by the log of the matches, and logits."""
        cells = [np.exp(np.append(0.0, at[1 + 3 * k : 4 + 3 * k])) for k in range(2)]
        total = np.zeros(coding.size)
        for number, share in enumerate((np.exp(at[0]), 1 - np.exp(at[0]))):
            joint = (cells[number] / cells[number].sum()).reshape(2, 2)
            whole = np.zeros((3, 3))
            whole[:2, :2], whole[2, :2], whole[:2, 2], whole[2, 2] = (
                joint * 0.81, joint.sum(axis=0) * 0.09, joint.sum(axis=1) * 0.09, 0.01,
            )  # fmt: skip
            own = share * whole[digits[:, 0], digits[:, 1]]
            for k in range(2):
                p = 1 / (1 + np.exp(-at[7 + 2 * k + number]))
                own *= np.array([1 - p, p, 0.0])[digits[:, 2 + k]]
            total += own
        return total

    logit = [float(np.log(p / (1 - p))) for pair in others for p in pair]
    at = np.array([np.log(0.02), *np.log(m[1:] / m[0]), *np.log(u[1:] / u[0]), *logit])
    mean = 1e8 * chance(at)
    counts = counts_of(coding, digits, mean)
    table = table_of(counts, factors, marginals_of_counts(counts, factors))
    none = Given((None,) * 3, (None,) * 3)
    pure = ts.Estimation(prior_matches=0, tolerance=1e-12, max_iterations=20_000, u="free")
    selection = selection_of([ts.all_pairs()], (), factors)
    fit = fit_em(table, selection, none, np.array([2e6]), pure)
    assert fit.matches[0] == pytest.approx(2e6, rel=1e-3)
    found = precision_of(table, selection, none, fit, pure, True)
    seen = mean > 0
    steps = 1e-5 * np.eye(len(at))
    slopes = np.stack(
        [(np.log(chance(at + one)[seen]) - np.log(chance(at - one)[seen])) / 2e-5 for one in steps], axis=1
    )
    information = (slopes * mean[seen, None]).T @ slopes
    assert found.error == pytest.approx(np.sqrt(np.linalg.inv(information)[0, 0]), rel=1e-2)
