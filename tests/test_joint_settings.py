"""Interactions with what else an estimation may be told: models, order, starts, numbers, references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from simulate import Field, two_files

import tallystick as ts

FIELDS = [
    Field("name", 100, 0.8, 3, 0.05, 0.08, missing=0.1),
    Field("town", 30, 0.5, 1, 0.1),
    Field("year", 60, 0.0, 1, 0.05, missing=0.1),
    Field("day", 31, 0.0, 1, 0.08),
]
COMPARISONS = {
    "name": ts.comparison("name", ts.levenshtein(1)),
    "town": ts.comparison("town", ts.exact()),
    "year": ts.comparison("year", ts.exact(), missing="level"),
    "day": ts.comparison("day", ts.exact()),
}
TOGETHER: dict[str, Any] = {"interactions": [["name", "town"]], "match_interactions": [["town", "day"]]}


def fit(seed: int, names: str = "name town year day", **settings: Any) -> ts.Model:
    tables = two_files(FIELDS, 700, 700, 400, seed).tables
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", tables, strict=True)]
    comparisons = [COMPARISONS[name] for name in names.split()]
    passes = [ts.blocking_key("name"), ts.blocking_key("town", "day")]
    return ts.Linkage(comparisons, passes, estimation=ts.Estimation(**settings)).fit(*sources)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ts.Model]:
    path = tmp_path_factory.mktemp("previous") / "model.json"
    model = fit(1, **TOGETHER)
    model.save(path)
    return str(path), model


def test_a_previous_model_is_held_joint_cells_included(saved: tuple[str, ts.Model]) -> None:
    path, model = saved
    (old,) = model.parameters.interactions
    assert old.names == ("name", "town", "day")
    previous = {"model": path, "use": "as_is"}
    now = fit(2, "day year town name", previous=previous, **TOGETHER).parameters
    (new,) = now.interactions
    assert new.names == ("day", "town", "name")
    for which in "mu":
        np.testing.assert_allclose(
            new.table(which), old.table(which).transpose(2, 1, 0), rtol=1e-6, atol=1e-12
        )
    known = {one.name: one for one in model.parameters.comparisons}
    for one in now.comparisons:
        np.testing.assert_allclose(one.m, known[one.name].m, rtol=1e-6)
    assert not any("joint probabilities" in warning for warning in now.warnings)
    # A margin of it serves a smaller group.
    some = fit(2, previous=previous, match_interactions=[["town", "day"]]).parameters
    np.testing.assert_allclose(some.interactions[0].table("m"), old.table("m").sum(axis=0), rtol=1e-6)


def test_joint_probabilities_that_are_not_made_use_of_are_named(saved: tuple[str, ts.Model]) -> None:
    path, model = saved
    now = fit(2, previous={"model": path, "use": "as_is"}).parameters
    assert not now.interactions
    (found,) = [warning for warning in now.warnings if "joint probabilities" in warning]
    assert 'interactions = ["name", "town", "day"]' in found.replace("[[", "[").replace("]]", "]")
    known = {one.name: one for one in model.parameters.comparisons}
    for one in now.comparisons:
        np.testing.assert_allclose(one.m, known[one.name].m, rtol=1e-6)


@pytest.mark.parametrize("use", ["start", "prior"])
def test_a_previous_model_as_start_and_as_prior(saved: tuple[str, ts.Model], use: str) -> None:
    path, model = saved
    weight = {"weight": 1e7} if use == "prior" else {}
    now = fit(2, previous={"model": path, "use": use, **weight}, **TOGETHER).parameters
    plain = fit(2, **TOGETHER).parameters
    if use == "prior":  # the prior overrules what there is
        np.testing.assert_allclose(
            now.interactions[0].table("m"), model.parameters.interactions[0].table("m"), atol=1e-3
        )
    else:
        assert now.pairs[0].expected_matches == pytest.approx(plain.pairs[0].expected_matches, rel=1e-2)


def test_weights_are_in_order(saved: tuple[str, ts.Model]) -> None:
    now = fit(3, monotone=True, **TOGETHER).parameters
    for one in now.comparisons:
        levels = [level for level in range(len(one.labels)) if level != one.missing_level]
        assert (np.diff(np.array(one.plain_weights)[levels]) >= -1e-6).all()
    (table,) = now.interactions
    np.testing.assert_allclose(table.table("m").sum(axis=(1, 2)), now.comparisons[0].m, rtol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"starts": 3},
        {"expected_matches": 400},
        {"u": "all_pairs"},
        {"related": "class"},
        {"deterministic": {"rules": [["name", "town", "day"]], "recall": 0.6}},
    ],
    ids=str,
)
def test_other_settings_go_with_interactions(settings: dict[str, Any]) -> None:
    found = fit(4, **settings, **TOGETHER).parameters
    assert found.pairs[0].expected_matches == pytest.approx(400, rel=0.2)
    assert found.uncertainty is not None
    assert np.isfinite(found.uncertainty.errors).all()
    assert len(found.starts) == settings.get("starts", 0)


def test_a_register_does_not_tell_how_often_a_value_is_missing(tmp_path: Path) -> None:
    """Its u holds for what is there; a comparison with a level of missing values keeps its own."""
    whole = [Field(one.name, one.n_values, one.skew, one.n_variants) for one in FIELDS]
    table = two_files(whole, 2000, 10, 5, 9).tables[0]
    table.select(pl.exclude("entity")).write_csv(tmp_path / "register.csv")
    reference = {"name": "register", "path": str(tmp_path / "register.csv"), "id": "id"}
    found = fit(5, reference=reference, interactions=[["name", "year"]]).parameters
    origins = {one.name: one.u_origin for one in found.comparisons}
    assert "reference table" in origins["name"]
    assert "reference table" in origins["town"]
    assert "reference table" not in origins["year"]
    year = next(one for one in found.comparisons if one.name == "year")
    assert year.missing_level is not None
    assert year.u[year.missing_level] == pytest.approx(0.19, abs=0.03)
