"""Marginal counts of cells against a count over all pairs of small files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from simulate import Field, Simulated, one_file, two_files

import tallystick as ts
from tallystick.blocking.passes import AnyPass
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.factors import Factor, factors_of
from tallystick.estimation.marginals import Marginals, marginals_of_counts, marginals_of_random_pairs
from tallystick.linkage.prepare import Prepared, as_sources, prepare

FIELDS = (
    Field("surname", 60, skew=1.0, n_variants=3, altered=0.1, missing=0.1),
    Field("town", 12, skew=0.7, missing=0.3),
    Field("birth", 40),
    Field("street", 30, skew=0.5),
)
COMPARISONS = (
    ts.comparison("surname", ts.levenshtein(1)),
    ts.comparison("town", ts.exact()),
    ts.comparison("surname", "town", ts.exact(), name="both"),
    ts.comparison(left="town", right="surname", comparator=ts.jaro_winkler(0.7, 0.5), name="across"),
)
PASSES = (
    ts.blocking_key("surname"),
    ts.blocking_key(ts.first("surname", 4), "town"),
    ts.blocking_key("birth", "street"),
)
TABLES = two_files(FIELDS, 80, 90, 30, seed=1).tables
THIRD = one_file(FIELDS, 50, 10, seed=2).tables


def prepared(
    kind: str,
    tables: Sequence[pl.DataFrame],
    passes: Sequence[AnyPass] = PASSES,
    comparisons: Sequence[Comparison] = COMPARISONS,
) -> tuple[Prepared, tuple[Factor, ...]]:
    spec = ts.Linkage(comparisons, passes, kind=kind).spec  # type: ignore[arg-type]
    sources = [ts.Source(name=f"s{k}", table=table, id="id") for k, table in enumerate(tables)]
    ready = prepare(spec, as_sources(sources))
    return ready, factors_of(comparisons, ready.plan.key_parts, ready.plan.coding)


def count_all(ready: Prepared, factors: Sequence[Factor]) -> list[np.ndarray]:
    """Cells of every allowed pair, one by one."""
    plan = ready.plan
    offsets = plan.blocking.offsets
    pairs = [
        (a, b)
        for s, t in plan.blocking.source_pairs
        for a in range(offsets[s], offsets[s + 1])
        for b in range(offsets[t], offsets[t + 1])
        if a < b
    ]
    left, right = (np.array(side, np.int32) for side in zip(*pairs, strict=True))
    digits = np.ascontiguousarray(plan.digits.of(left, right).T)
    return [np.bincount(f.cells(digits, len(plan.comparisons)), minlength=f.n_cells) for f in factors]


def sample(
    ready: Prepared, factors: Sequence[Factor], n: int, seed: int, threads: int | None = None
) -> Marginals:
    spec = ready.spec
    return marginals_of_random_pairs(ready.plan, spec.comparisons, factors, n, seed, threads)


DESIGNS = {
    "link": ("link", TABLES),
    "dedupe": ("dedupe", THIRD),
    "several": ("link", (*TABLES, *THIRD)),
    "link and dedupe": ("link_and_dedupe", TABLES),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_all_pairs_are_counted_exactly(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables, [ts.all_pairs()])
    found = marginals_of_counts(ts.count_patterns(ready.plan), factors)
    for own, wanted in zip(found.counts, count_all(ready, factors), strict=True):
        assert own.tolist() == wanted.tolist()


@pytest.mark.parametrize("design", DESIGNS)
def test_pairs_are_taken_once_where_they_are_few(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    n = int(ready.plan.blocking.allowed_pairs().sum())
    found = sample(ready, factors, n, seed=1)
    assert found.origin == "all pairs"
    for own, wanted in zip(found.counts, count_all(ready, factors), strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-12, atol=1e-9)
    assert sample(ready, factors, n - 1, seed=1).origin == "random pairs and value frequencies"


@pytest.mark.parametrize("design", DESIGNS)
def test_random_pairs_are_unbiased(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    n, repeats = 2000, 60
    runs = [sample(ready, factors, n, seed).counts for seed in range(repeats)]
    for k, wanted in enumerate(count_all(ready, factors)):
        found = np.array([run[k] for run in runs])
        error = np.maximum(found.std(axis=0, ddof=1), 1e-9) / np.sqrt(repeats)
        rare = wanted * n / wanted.sum() * repeats < 25  # too few draws in all for a normal error
        assert (np.abs(found.mean(axis=0) - wanted)[~rare] < 4.5 * error[~rare] + 1e-6).all()
        np.testing.assert_allclose(found.sum(axis=1), wanted.sum())


@pytest.mark.parametrize("design", DESIGNS)
def test_equal_values_are_counted_exactly(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    found = sample(ready, factors, 1000, seed=3)
    every = count_all(ready, factors)
    for k in (0, 1):  # one field on both sides; equal values are the top level, and no others are
        top = factors[k].level == factors[k].n_levels - 1
        np.testing.assert_allclose(found.counts[k][top], every[k][top])
        assert every[k][top].sum() > 0


def test_the_sample_depends_on_the_seed_and_not_on_threads() -> None:
    ready, factors = prepared("link", two_files(FIELDS, 500, 600, 100, seed=4).tables)
    runs = [sample(ready, factors, 200_000, 7, threads) for threads in (1, 2, 3)]
    other = sample(ready, factors, 200_000, 8, 1)
    for run in runs[1:]:
        assert all((a == b).all() for a, b in zip(run.counts, runs[0].counts, strict=True))
    assert any((a != b).any() for a, b in zip(other.counts, runs[0].counts, strict=True))


def test_a_file_with_one_value_only() -> None:
    table = pl.DataFrame({"id": ["1", "2", "3"], "town": ["x"] * 3, "surname": ["a", "a", "b"]})
    ready, factors = prepared(
        "dedupe", [table], [ts.blocking_key("town")], [ts.comparison("town", ts.exact())]
    )
    found = sample(ready, factors, 1000, seed=1)
    assert found.counts[0].tolist() == [0, 0, 0, 0, 3, 0]


def test_simulated_files_have_the_parameters_they_claim() -> None:
    """The files that other tests recover parameters from."""
    fields = (Field("name", 50, 0.8, 4, 0.15, 0.2, 0.1), Field("sex", 2, 0.0, 1, 0.1))
    shares: dict[str, list[np.ndarray]] = {"m": [], "u": []}
    for seed in range(20):
        files: Simulated = two_files(fields, 300, 300, 150, seed)
        assert files.n_matches == 150
        same = files.entities[0][:, None] == files.entities[1][None, :]
        ready, _ = prepared(
            "link", files.tables, [ts.all_pairs()], [ts.comparison("name", ts.levenshtein(1))]
        )
        left, right = np.divmod(np.arange(90_000), 300)
        digits = ready.plan.digits.of(left.astype(np.int32), (right + 300).astype(np.int32))[0]
        for which, own in (("m", same.ravel()), ("u", ~same.ravel())):
            levels = np.bincount(digits[own], minlength=4)[:3]
            shares[which].append(levels / levels.sum())
    for which, wanted in (("m", fields[0].m), ("u", fields[0].u)):
        found = np.array(shares[which])
        error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert (np.abs(found.mean(axis=0) - wanted) < 4 * error).all()
