"""Full agreement split by how common the value is: bands, levels, u exactly, m by EM, and saved models."""

from __future__ import annotations

import json
from pathlib import Path

import naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import Field, one_file, two_files

import tallystick as ts
from tallystick.comparisons.frequencies import EDGES, LEAST, bands_of, common_values, edges_of
from tallystick.errors import InputError
from tallystick.linkage.prepare import as_sources, prepare

shares = st.dictionaries(st.text("abc", min_size=1, max_size=4), st.floats(1e-6, 1), max_size=12)


@given(shares)
def test_bands_hold_enough_records_and_the_common_come_first(table: dict[str, float]) -> None:
    edges = edges_of(table)
    assert list(edges) == sorted(edges, reverse=True)
    assert set(edges) <= set(EDGES)
    bands = bands_of(pl.Series([None, *table], dtype=pl.String), table, edges)
    for value, band in zip(table, bands[1:].tolist(), strict=True):
        assert band == sum(table[value] < edge for edge in edges)
    for number in range(len(edges)):
        mass = sum(share for share, band in zip(table.values(), bands[1:], strict=True) if band == number)
        assert mass >= LEAST - 1e-12
    assert bands_of(pl.Series([None, "zzzzz"], dtype=pl.String), table, edges)[1] == len(edges)


def test_values_of_few_records_are_not_written_down() -> None:
    values = pl.Series([None, "anna", "berta", "zoe"])
    codes = np.repeat(np.array([0, 1, 2, 3], np.int32), [10, 12, 5, 4])
    assert common_values(codes, values) == {"anna": 12 / 21, "berta": 5 / 21}


FIELDS = (
    Field("surname", 300, 1.1, 3, redrawn=0.1, altered=0.1, missing=0.1),
    Field("given", 60, 0.7, redrawn=0.1),
    Field("birth", 200, redrawn=0.05),
)
SURNAME = ts.comparison("surname", ts.levenshtein(1), frequencies=True)
OTHERS = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]


def plain_level(a: str | None, b: str | None, table: dict[str, float], edges: tuple[float, ...]) -> int:
    """Different, one edit apart, or equal and so common; missing above all."""
    if a is None or b is None:
        return 3 + len(edges)
    if a == b:
        return 2 + sum(table.get(a, 0.0) < edge for edge in edges)
    return int(naive.edit_distance(a, b, swaps=False) <= 1)


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given")]])
@pytest.mark.parametrize("kind", ["link", "dedupe"])
def test_levels_of_every_pair(passes: list[ts.BlockingKey], kind: str) -> None:
    files = two_files(FIELDS, 150, 150, 60, 1) if kind == "link" else one_file(FIELDS, 200, 60, 1)
    spec = ts.Linkage([SURNAME], passes, kind=kind).spec  # type: ignore[arg-type]
    sources = [ts.Source(name=f"s{k}", table=table, id="id") for k, table in enumerate(files.tables)]
    prepared = prepare(spec, as_sources(sources))
    (known,) = prepared.spec.comparisons
    assert isinstance(known.frequencies, dict)
    assert len(known.labels) == known.n_levels == 3 + len(known.edges) >= 5
    values = pl.concat([table["surname"] for table in files.tables]).str.to_lowercase().to_list()
    left, right = np.triu_indices(len(values), 1)
    digits = prepared.plan.digits.of(left.astype(np.int32), right.astype(np.int32))[0]
    wanted = [
        plain_level(values[i], values[j], known.frequencies, known.edges)
        for i, j in zip(left.tolist(), right.tolist(), strict=True)
    ]
    assert digits.tolist() == wanted
    # The counts of patterns are those of the very same levels.
    counts = ts.count_patterns(prepared.plan)
    found = np.zeros(known.n_levels + 1, np.int64)
    np.add.at(found, counts.coding.decode(counts.patterns)[:, 0], counts.counts)
    a, b, _ = ts.block(prepared.records, passes, kind)  # type: ignore[arg-type]
    own = prepared.plan.digits.of(a, b)[0]
    assert found.tolist() == np.bincount(own, minlength=known.n_levels + 1).tolist()


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given"), ts.blocking_key("birth")]])
def test_rare_values_weigh_more_and_m_is_shared_out_as_values_are(passes: list[ts.BlockingKey]) -> None:
    files = two_files(FIELDS, 3000, 3000, 2000, 7)
    model = ts.Linkage([SURNAME, *OTHERS], passes).fit(*files.tables)
    one = model.parameters.comparisons[0]
    known = model.spec.comparisons[0]
    top = np.array(one.m[2:])
    assert list(one.weights[2:]) == sorted(one.weights[2:])
    assert one.weights[-1] > one.weights[2] + 2
    assert top.sum() == pytest.approx(FIELDS[0].m[-1], abs=0.03)
    # Errors do not depend on the value, so that agreeing matches have the values that records have.
    assert isinstance(known.frequencies, dict)
    values = pl.concat([table["surname"] for table in files.tables]).drop_nulls().str.to_lowercase()
    bands = bands_of(values, known.frequencies, known.edges)
    np.testing.assert_allclose(top / top.sum(), np.bincount(bands) / len(bands), atol=0.03)
    # u: the squares of the frequencies, less the matches.
    left, right = (table["surname"].str.to_lowercase().value_counts() for table in files.tables)
    both = left.join(right, on="surname").drop_nulls()
    pairs = (both["count"].cast(pl.Int64) * both["count_right"]).to_numpy()
    n_pairs = int(left.drop_nulls()["count"].sum()) * int(right.drop_nulls()["count"].sum())
    among_all = (
        np.bincount(bands_of(both["surname"], known.frequencies, known.edges), weights=pairs) / n_pairs
    )
    rate = files.n_matches / 9e6
    np.testing.assert_allclose(one.u[2:], (among_all - rate * top) / (1 - rate), rtol=0.02, atol=1e-6)


def test_a_saved_model_knows_the_common_values(tmp_path: Path) -> None:
    files = two_files(FIELDS, 1500, 1500, 1000, 3)
    model = ts.Linkage([SURNAME, *OTHERS], [ts.all_pairs()], scale="weight", upper=6, lower=2).fit(
        *files.tables
    )
    model.save(tmp_path / "model.json")
    loaded = ts.Model.load(tmp_path / "model.json")
    assert loaded == model
    written = json.loads((tmp_path / "model.json").read_text())["spec"]["comparisons"][0]["frequencies"]
    counts = pl.concat([table["surname"] for table in files.tables]).str.to_lowercase().value_counts()
    rare = set(counts.filter(pl.col("count") < 5)["surname"].drop_nulls())
    assert rare
    assert written
    assert not rare & set(written)
    # On other files a value is as common as it was in those of the fit.
    new = two_files(FIELDS, 200, 200, 100, 4).tables
    links = loaded.link(
        *(ts.Source(name=name, table=table, id="id") for name, table in zip("ab", new, strict=True))
    )
    assert links.model.spec.comparisons == model.spec.comparisons
    for row in links.pairs.sample(30, seed=1).iter_rows(named=True):
        a, b = (
            new[k].filter(pl.col("id") == row[f"id_{side}"]).drop("id").row(0, named=True)
            for k, side in enumerate(("left", "right"))
        )
        a, b = ({key: one[key] for key in ("surname", "given", "birth")} for one in (a, b))
        assert loaded.compare_records(a, b).weight == pytest.approx(row["weight"])
        found = loaded.lookup(a, ts.Source(name="b", table=new[1], id="id"), most=200)
        (again,) = found.filter(pl.col("id") == row["id_right"])["weight"].to_list()
        assert again == pytest.approx(row["weight"])


def test_a_table_of_the_user() -> None:
    table = {"smith": 0.5, "jones": 0.02}
    one = ts.comparison("surname", ts.exact(), frequencies=table)
    assert one.labels == (
        "different",
        "equal, value of 3 % of records or more",
        "equal, value of 1 % to 3 %",
        "equal, value of less than 1 %",
    )
    spec = ts.Linkage([one], [ts.all_pairs()]).spec
    files = [pl.DataFrame({"surname": ["Smith", "Jones", "Otto"]})] * 2
    plan = prepare(spec, as_sources([ts.Source(name=f"s{k}", table=t) for k, t in enumerate(files)])).plan
    rows = np.arange(3, dtype=np.int32)
    assert plan.digits.of(rows, rows + 3)[0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ts.comparison("born", ts.days_between(3), frequencies=True), "equality of a value"),
        (lambda: ts.comparison("a", "b", ts.exact(), frequencies=True), "more than one field"),
        (
            lambda: ts.comparison(left="a", right="b", comparator=ts.exact(), frequencies=True),
            "more than one field",
        ),
        (lambda: ts.comparison("a", ts.exact(), m=0.9, frequencies=True), "leave m and u out"),
        (lambda: ts.comparison("a", ts.exact(), frequencies={"x": 1.5}), "1.5"),
    ],
)
def test_what_cannot_be_split_is_refused(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]
