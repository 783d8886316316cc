"""The linked table: chosen columns of each file side by side."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tallystick.errors import InputError
from tallystick.linkage.export import join_pairs
from tallystick.preparation.source import Source
from tests.small_files import call, people, write_small


def source(name: str, frame: dict[str, list[object]], **options: object) -> Source:
    return Source(name=name, table=pl.DataFrame(frame), id="id", **options)  # type: ignore[arg-type]


def pairs(**columns: list[str]) -> pl.DataFrame:
    n = len(columns["id_left"])
    return pl.DataFrame(columns).with_columns(
        weight=pl.Series([float(n - k) for k in range(n)]),
        posterior=pl.lit(0.9),
        decision=pl.Series(["link", "possible", "non-link", "link"][:n]),
    )


PERSONS = {"id": ["1", "2", "3"], "name": ["Ann", "Bob", None], "pay": [10, 20, 30], "key": ["x", "y", "z"]}
JOBS = {"id": ["1", "2"], "name": ["Anne", "Rob"], "job": ["cook", "smith"], "weight": [61.5, 70.0]}


def test_all_columns_but_the_truth() -> None:
    left, right = source("p", PERSONS, truth=("key",)), source("j", JOBS)
    table = join_pairs(pairs(id_left=["3", "1"], id_right=["1", "2"]), [left, right], [], ["link"])
    assert table.columns == [
        "id_left",
        "id_right",
        "weight",
        "posterior",
        "decision",
        "name_left",
        "pay",
        "name_right",
        "job",
        "weight_of_right",
    ]
    assert table.row(0) == ("3", "1", 2.0, 0.9, "link", None, 30, "Anne", "cook", 61.5)


def test_chosen_fields_come_by_their_own_column() -> None:
    left = source("p", PERSONS, columns={"title": "name"})
    right = source("j", JOBS, columns={"title": "job"})
    given = pairs(id_left=["2", "1"], id_right=["1", "2"])
    table = join_pairs(given, [left, right], ["title", "pay"], ["link", "possible"])
    assert table.select("title_left", "title_right", "pay").rows() == [
        ("Bob", "cook", 20),
        ("Ann", "smith", 10),
    ]
    assert table["decision"].to_list() == ["link", "possible"]


def test_a_deduplication_has_both_records() -> None:
    table = join_pairs(pairs(id_left=["1"], id_right=["3"]), [source("p", PERSONS)], ["pay"], ["link"])
    assert table.select("pay_left", "pay_right").rows() == [(10, 30)]


def test_several_sources_by_their_names() -> None:
    given = pairs(source_left=["p", "j"], id_left=["1", "1"], source_right=["j", "q"], id_right=["1", "1"])
    third = source("q", {"id": ["1"], "name": ["Ada"], "job": ["queen"]})
    sources = [source("p", PERSONS), source("j", JOBS), third]
    table = join_pairs(given, sources, ["name", "job"], ["link", "possible"])
    assert table.select("name_left", "name_right", "job_left", "job_right").rows() == [
        ("Ann", "Anne", None, "cook"),
        ("Anne", "Ada", "cook", "queen"),
    ]


def test_no_pair_gives_a_table_of_no_rows() -> None:
    table = join_pairs(
        pairs(id_left=["1"], id_right=["1"]), [source("p", PERSONS), source("j", JOBS)], [], []
    )
    assert table.height == 0
    assert "job" in table.columns


@pytest.mark.parametrize(
    ("columns", "decisions", "message"),
    [
        (
            ["jop"],
            ["link"],
            r"column 'jop' \(did you mean 'job'\?\): choose among id, job, key, name, pay, weight",
        ),
        (["zzz"], ["link"], "column 'zzz': choose among"),
        ([], ["links"], "There is no decision 'links': choose among link, possible, non-link"),
    ],
)
def test_what_is_not_there(columns: list[str], decisions: list[str], message: str) -> None:
    given = pairs(id_left=["1"], id_right=["1"])
    with pytest.raises(InputError, match=message):
        join_pairs(given, [source("p", PERSONS), source("j", JOBS)], columns, decisions)


def test_the_command(tmp_path: Path) -> None:
    assert call("link", write_small(tmp_path), "--out", tmp_path / "out").exit_code == 0
    links = pl.read_parquet(tmp_path / "out" / "links.parquet")
    rows = {side: {row[0]: row for row in given} for side, given in zip("ab", people(), strict=True)}
    for suffix, read in (
        ("csv", lambda path: pl.read_csv(path, infer_schema=False)),
        ("parquet", pl.read_parquet),
    ):
        path = tmp_path / f"linked.{suffix}"
        result = call("export", tmp_path / "out", "-o", path, "-c", "born", "-c", "zip")
        table = read(path)
        n = int((links["decision"] == "link").sum())
        assert result.stdout == f"{path}: {n} rows, 9 columns\n"
        assert table.height == n > 0
        for row in table.iter_rows(named=True):
            # As it stands in the files: leading zeros and all, and missing where it is empty there.
            assert row["born_left"] == (rows["a"][row["id_left"]][3] or None)
            assert row["zip_right"] == (rows["b"][row["id_right"]][4] or None)
    both = call("export", tmp_path / "out", "-o", tmp_path / "both.csv", "--possible")
    assert both.exit_code == 0
    wanted = links.filter(pl.col("decision") != "non-link")
    assert (wanted["decision"] == "possible").any()
    read_back = pl.read_csv(tmp_path / "both.csv", infer_schema=False)
    assert read_back["id_left"].to_list() == wanted["id_left"].to_list()
    assert not [name for name in read_back.columns if "person" in name], "truth is left out"
    assert call("export", tmp_path / "out", "-o", tmp_path / "both.csv", "--force").exit_code == 0
    assert pl.read_csv(tmp_path / "both.csv").height < wanted.height


def test_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert call("link", "spec.toml", "--out", "out").exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert call("export", "../out", "-o", "x.csv").exit_code == 0
    assert call("evaluate", "../out", "--truth", "person").exit_code == 0
