"""Sources that are declared to be without duplicates: what follows, and what is said where they are not."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tallystick as ts
from tallystick.linkage.duplicates import equal_records
from tallystick.records.records import Column, Records, records_of
from tallystick.spec import parse_spec
from tests.small_files import SPEC, call, people, write_csv, write_small

DECLARED = SPEC.replace('path = "a.csv"', 'path = "a.csv"\nduplicate_free = true')
MANY = DECLARED.replace("one_to_one = true", "")


def coded(rows: list[tuple[int, ...]], others: int = 0) -> Records:
    """Records of one source, after `others` of another one; 0 is a missing value."""
    width = len(rows[0]) if rows else 1
    columns = {}
    for k in range(width):
        codes = np.array([0] * others + [row[k] for row in rows], np.int32)
        values = pl.Series([None, *map(str, range(1, int(codes.max(initial=0)) + 1))], dtype=pl.String)
        columns[f"f{k}"] = Column(codes, (values,))
    ids = pl.Series([f"o{k}" for k in range(others)] + [f"r{k}" for k in range(len(rows))], dtype=pl.String)
    return records_of(("other", "own"), ids, [others, len(rows)], columns, {1})


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=12), st.integers(0, 3))
def test_equal_records_by_counting(rows: list[tuple[int, ...]], others: int) -> None:
    found = equal_records(coded(rows, others), 1, ["f0", "f1"])
    times = Counter(rows)
    expected = {k for k, row in enumerate(rows) if times[row] > 1 and any(row)}
    assert set((found.rows - others).tolist()) == expected
    groups: dict[int, set[tuple[int, ...]]] = {}
    for row, group in zip(found.rows - others, found.group, strict=True):
        groups.setdefault(int(group), set()).add(rows[row])
    assert all(len(values) == 1 for values in groups.values())
    assert len(groups) == len({rows[k] for k in expected})
    # The chance that any of the others has all of a record's values, fields taken as independent.
    n = len(rows)
    chance = 0.0
    for row in rows:
        if any(row):
            p = np.prod([(sum(r[k] == row[k] for r in rows) - 1) / max(1, n - 1) for k in (0, 1)])
            chance += 1 - (1 - p) ** (n - 1)
    assert found.by_chance == pytest.approx(chance, abs=1e-9)


def test_chance_explains_what_few_coarse_fields_share() -> None:
    """2,000 records of independent fields with 40 and 25 values: most are equal to some other by chance."""
    rng = np.random.default_rng(4)
    rows = list(zip(rng.integers(1, 41, 2000).tolist(), rng.integers(1, 26, 2000).tolist(), strict=True))
    found = equal_records(coded(rows), 1, ["f0", "f1"])
    assert len(found.rows) == pytest.approx(found.by_chance, rel=0.05)
    assert len(found.rows) > 1500


def repeated(n_repeated: int) -> list[list[str]]:
    """The first file with some records twice, under other ids."""
    rows, _ = people(300)
    return rows + [[f"again{k}", *row[1:]] for k, row in enumerate(rows[:n_repeated])]


def test_duplicates_of_a_declared_source_are_listed(tmp_path: Path) -> None:
    spec = write_small(tmp_path, DECLARED, 300)
    write_csv(tmp_path / "a.csv", repeated(3))
    result = call("link", spec, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert re.search(
        r"Source 'a' is declared duplicate_free, but 6 of its 203 records \(2\.96%\) are equal to another "
        r"one in every field .*\(given, surname, born, zip\); about 0 would be by chance.* 3 groups of equal "
        r"records: 'a0' = 'again0', 'a1' = 'again1', 'a2' = 'again2'\.",
        said,
    ), said
    table = pl.read_parquet(tmp_path / "out" / "duplicates.parquet")
    assert table.columns == ["source", "group", "id"]
    assert table.rows() == [("a", k, f"{which}{k}") for k in range(3) for which in ("a", "again")]
    counts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]
    assert counts["duplicates"] == {"a": 6}
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Source a is declared duplicate_free, but 6 of its 203 records are equal to another one" in page


def test_a_declared_source_with_many_duplicates_is_refused(tmp_path: Path) -> None:
    spec = write_small(tmp_path, DECLARED, 300)
    write_csv(tmp_path / "a.csv", repeated(12))
    result = call("link", spec, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
    said = " ".join(result.output.split())
    named = ", ".join(f"'a{k}' = 'again{k}'" for k in range(10))
    assert f"The first 10 of 12 groups of equal records: {named}, ...: take the declaration out" in said
    assert "comparing" not in said  # before any pair is compared
    assert re.search(
        r"24 of its 212 records \(11\.32%\).*take the declaration out, deduplicate the source", said
    )
    # Without the declaration nobody has said that there are none.
    (tmp_path / "spec.toml").write_text(SPEC, "utf-8")
    assert call("link", spec, "--out", tmp_path / "out").exit_code == 0
    assert not (tmp_path / "out" / "duplicates.parquet").exists()
    assert "duplicates" not in json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]


def test_match_keys_ask_the_same_of_a_declared_source(tmp_path: Path) -> None:
    keys = '[match]\n[[match.keys]]\nparts = ["given", "surname", "born", "zip"]\n'
    spec = write_small(tmp_path, DECLARED[: DECLARED.index("[[comparisons]]")] + keys, 300)
    write_csv(tmp_path / "a.csv", repeated(3))
    result = call("match", spec, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "6 of its 203 records (2.96%)" in result.stderr
    assert "'a1' = 'again1'" in result.stderr
    table = pl.read_parquet(tmp_path / "out" / "duplicates.parquet")
    assert table.rows() == [("a", k, f"{which}{k}") for k in range(3) for which in ("a", "again")]
    counts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]
    assert counts["duplicates"] == {"a": 6}
    write_csv(tmp_path / "a.csv", repeated(12))
    refused = call("match", spec, "--out", tmp_path / "other")
    assert refused.exit_code == 2
    assert "The first 10 of 12 groups" in refused.stderr
    assert not (tmp_path / "other").exists()


def test_a_declared_source_bounds_links_to_it(tmp_path: Path) -> None:
    """No record of b has two links into a, where without the declaration some have."""
    linked = {}
    for name, text in (
        ("declared", MANY),
        ("asked", SPEC.replace("one_to_one = true", 'links = "one_to_many"')),
    ):
        folder = tmp_path / name
        folder.mkdir()
        spec = write_small(folder, text, 300)
        assert call("link", spec, "--out", folder / "out").exit_code == 0
        table = pl.read_parquet(folder / "out" / "links.parquet")
        linked[name] = table.filter(pl.col("decision") == "link").select("id_left", "id_right", "weight")
        quality = json.loads((folder / "out" / "quality.json").read_text("utf-8"))
        assert quality["no_link_constant"] is None
        assert quality["none_weight"] > 0
    assert linked["declared"].equals(linked["asked"])
    assert linked["declared"]["id_right"].is_unique().all()
    model = ts.Model.load(tmp_path / "declared" / "out")
    assert model.parameters.pairs[0].left_duplicate_free
    again = call("why", tmp_path / "declared" / "out", *linked["declared"].row(0)[:2])
    assert "and its record has no better candidate" in " ".join(again.output.split())
    forecast = call("thresholds", tmp_path / "declared" / "out")
    assert forecast.exit_code == 0
    assert "before assignment" in forecast.output


@pytest.fixture(scope="module")
def three() -> list[pl.DataFrame]:
    first, second = people(300)
    header = ("id", "given", "surname", "born", "zip", "person")
    tables = [
        pl.DataFrame(rows, schema=list(header), orient="row") for rows in (first, second, second[50:150])
    ]
    return [tables[0], tables[1], tables[2].with_columns(pl.col("id").str.replace("b", "c"))]


def test_three_sources_of_which_one_has_no_duplicates(three: list[pl.DataFrame]) -> None:
    sources = [
        ts.Source(name=name, table=table, id="id", truth=("person",), duplicate_free=name == "a")
        for name, table in zip("abc", three, strict=True)
    ]
    fields = ("given", "surname", "born")
    linkage = ts.Linkage(
        [ts.comparison(field, ts.exact()) for field in fields],
        [ts.blocking_key("zip"), ts.blocking_key("surname")],
        kind="link_and_dedupe",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        links = linkage.fit(*sources).link(*sources)
    within = links.pairs.filter(pl.col("source_left") == pl.col("source_right"))
    assert "a" not in within["source_left"].to_list()
    assert [(one.left, one.right) for one in links.model.parameters.pairs] == [
        ("a", "b"), ("a", "c"), ("b", "b"), ("b", "c"), ("c", "c"),
    ]  # fmt: skip
    linked = links.pairs.filter((pl.col("decision") == "link") & (pl.col("source_left") == "a"))
    assert len(linked) > 20
    # A record of another source has one link into a at most.
    assert linked.select("source_right", "id_right").is_unique().all()
    ids = ("a", three[0]["id"][0]), ("a", three[0]["id"][1])
    with pytest.raises(ts.InputError, match="not compared"):
        links.why(*ids)
    assert links.duplicates.columns == ["source", "group", "id"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            re.sub(r'\[\[sources\]\]\nname = "b".*?truth = \["person"\]\n', "", MANY, flags=re.DOTALL),
            r'sources\[0\]\.duplicate_free: found true with kind "dedupe", expected false',
        ),
        (
            SPEC.replace("one_to_one = true", 'assignment = "greedy"'),
            r'decision\.assignment: found "greedy" though pairs compete for no record, expected links = '
            r'"one_to_one", "one_to_many" or "many_to_one"',
        ),
        (
            SPEC.replace("one_to_one = true", 'links = "one_to_many"\none_to_one = true'),
            r'decision: links is "one_to_many" but one_to_one is true, which contradict each other',
        ),
        (
            SPEC.replace("one_to_one = true", 'links = "one_to_man"'),
            r'decision\.links: found "one_to_man".*did you mean "one_to_many"',
        ),
        (
            SPEC.replace("[linkage]", '[linkage]\nkind = "link_and_dedupe"').replace(
                "one_to_one = true", 'links = "many_to_one"'
            ),
            r'decision\.links: found "many_to_one" with kind "link_and_dedupe", expected "many_to_many"',
        ),
        (DECLARED.replace("duplicate_free = true", "duplicate_free = 2"), r"duplicate_free.*true or false"),
    ],
)
def test_what_cannot_be_declared(tmp_path: Path, text: str, says: str) -> None:
    result = call("link", write_small(tmp_path, text), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
    assert re.search(says, " ".join(result.output.split())), result.output


def test_toml_and_python_say_the_same() -> None:
    text = DECLARED.replace("one_to_one = true", 'links = "one_to_many"\nassignment = "unique"')
    spec = parse_spec(text)
    assert (spec.decision.links, spec.decision.assignment) == ("one_to_many", "unique")
    assert [source.duplicate_free for source in spec.sources] == [True, False]
    assert parse_spec(ts.dump_spec(spec)) == spec
    assert 'links = "one_to_many"' in ts.dump_spec(spec)
    short = parse_spec(SPEC)
    assert parse_spec(SPEC.replace("one_to_one = true", 'links = "one_to_one"')) == short


def test_labels_that_break_a_constraint(tmp_path: Path) -> None:
    spec = write_small(tmp_path, MANY + 'labels = "labels.csv"\n', 300)
    (tmp_path / "labels.csv").write_text("id_left,id_right,match\na100,b0,1\na101,b0,1\na101,b1,1\n", "utf-8")
    result = call("link", spec, "--out", tmp_path / "out")
    said = " ".join(result.output.split())
    assert result.exit_code == 2
    assert (
        "1 contradiction among the labels: rows 1 and 2 match 'b0' of source 'b' with two records, though "
        "source 'a' is declared duplicate_free"
    ) in said
