"""What u may be: of non-matches, of all pairs, or free."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from simulate import Field, two_files
from test_em import starts, tables
from test_related import ingredients

import tallystick as ts
from tallystick.errors import InputError, SpecError
from tallystick.estimation.em import fit_em
from tallystick.patterns.count import PatternCounts

FIELDS = [Field("name", 400, 0.5), Field("town", 40), Field("year", 60), Field("day", 31)]
SIM = two_files(FIELDS, 600, 500, 400, 4)


def fit(passes: Any = None, **settings: Any) -> ts.Model:
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", SIM.tables, strict=True)]
    asked = [ts.comparison(field.name, ts.exact()) for field in FIELDS]
    return ts.Linkage(asked, passes or [ts.all_pairs()], estimation=ts.Estimation(**settings)).fit(*sources)


def test_u_of_all_pairs_is_the_share_of_agreement() -> None:
    model = fit(u="all_pairs")
    for field, one in zip(FIELDS, model.parameters.comparisons, strict=True):
        left, right = (table[field.name] for table in SIM.tables)
        agree = left.value_counts(name="n").join(right.value_counts(name="m"), on=field.name)
        assert one.u[1] == pytest.approx((agree["n"] * agree["m"]).sum() / (600 * 500), rel=1e-9)
        assert one.u_origin == "all pairs, matches included"
    # Of a telling field it is far too high: 400 of 600 records have their match here.
    name = fit().parameters.comparisons[0]
    assert model.parameters.comparisons[0].u[1] > 1.2 * name.u[1]


@settings(max_examples=15)
@given(tables())
def test_free_u_is_the_mixture_by_the_book(table: tuple[PatternCounts, float]) -> None:
    """Where all pairs are compared, (S - E m) / (N - E) is the M-step of a u that is free."""
    counts, start = table
    n_levels = counts.coding.n_levels
    rows = counts.coding.decode(counts.patterns)
    tabled, selection, nothing = ingredients(counts)
    free = ts.Estimation(u="free", tolerance=1e-300, max_iterations=30, prior_matches=0)
    found = fit_em(tabled, selection, nothing, np.array([start]), free)  # type: ignore[arg-type]
    # The textbook's M-step: posteriors of each class, summed by level.
    m = [np.array(starts(size)) for size in n_levels]
    u = []
    for k, size in enumerate(n_levels):
        seen = np.bincount(rows[:, k], weights=counts.counts, minlength=size + 1)[:size]
        u.append(np.maximum(seen, 0.5) / np.maximum(seen, 0.5).sum())
    share = start / counts.n_pairs
    for _ in range(30):
        ratio = np.ones(len(rows))
        for k in range(len(n_levels)):
            ratio *= np.append(m[k] / u[k], 1.0)[rows[:, k]]
        chance = share * ratio / (share * ratio + 1 - share)
        for k, size in enumerate(n_levels):
            by_level = [
                np.bincount(rows[:, k], weights=counts.counts * p, minlength=size + 1)[:size]
                for p in (chance, 1 - chance)
            ]
            m[k], u[k] = (one / one.sum() for one in by_level)
        share = float((chance * counts.counts).sum() / counts.n_pairs)
    for own, wanted in zip((*found.m, *found.u), (*m, *u), strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=1e-5)


def test_free_u_needs_all_pairs() -> None:
    assert fit(u="free").parameters.comparisons == fit().parameters.comparisons
    with pytest.raises(InputError, match='found "free" where the passes do not compare all pairs'):
        fit([ts.blocking_key("town")], u="free")
    with pytest.raises(SpecError, match='"non_matches", "all_pairs", "free"'):
        ts.Estimation(u="fixed")
