"""Comparisons that depend on each other: found with their size, and nothing found where there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from simulate import Field, two_files

import tallystick as ts
from tallystick.datasets import persons
from tallystick.estimation.dependence import FEWEST, LIFT, dependences
from tallystick.estimation.marginals import Marginals
from tallystick.estimation.parameters import ComparisonParameters

AGREE = ("differ", "equal")


def found_in(table: list[list[int]], u: tuple[float, float]) -> list[tuple[str, int, float]]:
    """What is found in a table of two comparisons without matches; 2 is missing."""
    levels = np.array([(i, j) for i in range(3) for j in range(3)], np.uint8)
    marginals = Marginals((), (), "all pairs", levels, np.array(table, np.int64).ravel())
    comparisons = [
        ComparisonParameters(name, AGREE, (0.1, 0.9), (1 - p, p), "", "")
        for name, p in zip("ab", u, strict=True)
    ]
    found = dependences(comparisons, marginals, np.array([1.0, 0.0, 0.0]))
    return [(one.first + one.second, one.pairs, one.lift) for one in found]


def test_the_size_is_that_of_a_table_by_hand() -> None:
    # 100,000 pairs, each agreeing in 1,000: 10 expected together. Pairs with a missing value do not count.
    table = [[98_500, 500, 7_000], [500, 500, 900], [800, 80, 5]]
    assert found_in(table, (0.01, 0.01)) == [("ab", 500, pytest.approx(50.0))]
    together = int(LIFT * 10) + 1
    few = [[98_000 + together, 1000 - together, 0], [1000 - together, together, 0], [0, 0, 0]]
    assert together < FEWEST
    assert found_in(few, (0.01, 0.01)) == []
    independent = [[98_010, 990, 0], [990, 10, 0], [0, 0, 0]]
    assert found_in([[100 * n for n in row] for row in independent], (0.01, 0.01)) == []


NAMES = (
    Field("given", 40, 0.6, redrawn=0.1),
    Field("surname", 80, 0.6, redrawn=0.1),
    Field("birth", 200, redrawn=0.05),
    Field("house", 200, redrawn=0.05),
    Field("town", 30),
)


def test_a_field_that_another_gives_is_named() -> None:
    """A town that hangs on the surname, in four of five records."""
    tables = list(two_files(NAMES, 1500, 1500, 600, 3).tables)
    random = np.random.default_rng(1)
    for k, table in enumerate(tables):
        follows = pl.Series(random.random(len(table)) < 0.8)
        tables[k] = table.with_columns(town=pl.when(follows).then("surname").otherwise("town"))
    comparisons = [ts.comparison(name, ts.exact()) for name in ("given", "surname", "birth", "house", "town")]

    def fit(names: list[ts.Comparison], passes: list[ts.BlockingKey], related: str) -> ts.Model:
        settings = ts.Estimation(related=related)  # type: ignore[arg-type]
        return ts.Linkage(names, passes, estimation=settings).fit(*tables)

    blocked = [ts.blocking_key("birth"), ts.blocking_key("given")]
    (sentence,) = [text for text in fit(comparisons, blocked, "none").warnings if "depend on" in text]
    assert sentence.startswith("Comparisons surname and town depend on each other: “equal” and “equal”")
    without = [one for one in comparisons if one.name != "town"]
    assert not [text for text in fit(without, blocked, "none").warnings if "depend on" in text]
    # Where all pairs are compared, those that share the two are a class that the model can have.
    every = fit(comparisons, [ts.all_pairs()], "auto")
    assert every.warnings == ()
    assert every.parameters.pairs[0].expected_matches == pytest.approx(600, rel=0.05)
    assert {one.name for one in every.parameters.comparisons if (one.shared or 0) > 0.5} == {
        "surname",
        "town",
    }


def test_relatives_are_no_dependence_and_an_address_made_of_the_name_is() -> None:
    table = persons(12_000, duplicates=(0.7, 0.2, 0.1), email=True, seed=3).table
    source = ts.Source(name="p", table=table, id="record_id", truth=("person_id", "household_id"))
    names = [
        ts.comparison(field, ts.jaro_winkler(0.92, 0.85, 0.75)) for field in ("forename", "surname", "email")
    ]
    others = [ts.comparison(field, ts.exact()) for field in ("date_of_birth", "postcode", "house_number")]
    passes = [ts.blocking_key(field) for field in ("surname", "date_of_birth", "postcode")]
    for comparisons, dependent in (((*names, *others), True), ((*names[:2], *others), False)):
        model = ts.Linkage(comparisons, passes).fit(source)
        assert model.parameters.related_share > 0
        told = [text for text in model.warnings if "depend on each other:" in text]  # among non-matches
        assert bool(told) == dependent
        assert all("email" in text for text in told)
