"""Who is missed: rates by subgroup, standardised differences, and what a specification says of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import SPEC, call, outcome, write_small

import tallystick as ts
from tallystick.errors import InputError, SpecError
from tallystick.quality.missed import OTHER, rates_of_groups, subgroup_rates
from tallystick.quality.proportions import mean_difference, share_difference, shares_difference, wilson
from tallystick.quality.subgroups import MISSING, Grouping, Quality, Subgroup, default_subgroup, grouped
from tallystick.quality.true_subgroups import true_subgroup_rates
from tallystick.spec import dump_spec, parse_spec

SECTION = """
[quality]
smallest = 3
subgroups = ["zip", { field = "born", width = 20 }, { field = "given", first = 1 }]
"""


def test_wilson_is_that_of_the_literature() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148 by the score method, and both ends."""
    for part, whole, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        limits = wilson(part, whole)
        assert limits is not None
        assert (round(limits.low, 4), round(limits.high, 4)) == (low, high)
    assert wilson(20, 20).high == 1.0  # type: ignore[union-attr]
    assert wilson(0, 0) is None


def test_wilson_covers() -> None:
    draw = np.random.default_rng(1)
    for share, n in ((0.05, 60), (0.5, 40), (0.97, 200)):
        found = [wilson(int(k), n) for k in draw.binomial(n, share, 4000)]
        held = np.mean([one.low <= share <= one.high for one in found if one])
        assert held > 0.93, (share, n, held)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=7))
@settings(max_examples=150, deadline=None)
def test_differences_of_categories_are_mahalanobis_distances(counts: list[tuple[int, int]]) -> None:
    """Yang and Dalton (2012) as it is written: with the matrices themselves."""
    table = np.array(counts, float)
    found = shares_difference(table[:, 0], table[:, 1])
    n = table.sum(0)
    used = table[table.sum(1) > 0]
    if (n == 0).any() or not (used[:, 0] * used[:, 1]).any():
        assert found is None
        return
    assert found is not None
    p, q = used[:-1, 0] / n[0], used[:-1, 1] / n[1]
    s = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    expected = float(np.sqrt((p - q) @ np.linalg.solve(s, p - q))) if len(p) else 0.0
    assert found.value == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.low <= found.value + 1e-9
    if len(used) == 2:
        one = share_difference(used[0, 0], n[0], used[0, 1], n[1])
        if one is not None:
            assert found.value == pytest.approx(abs(one.value))


def test_differences_of_shares_and_means_by_hand() -> None:
    """Austin (2009): 0.3 against 0.2 is 0.1 / sqrt((0.21 + 0.16) / 2)."""
    found = share_difference(30, 100, 20, 100)
    assert found is not None
    assert found.value == pytest.approx(0.1 / np.sqrt((0.21 + 0.16) / 2))
    assert found.low < 0 < found.high
    assert share_difference(1, 0, 1, 5) is None
    assert share_difference(5, 5, 0, 5) is None
    means = mean_difference(np.array([1.0, 3.0, 5.0]), np.array([2.0, 2.0, 8.0]))
    assert means is not None
    assert means.value == pytest.approx((3 - 4) / np.sqrt((4 + 12) / 2))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]),
        ([0.2, 0.3, 0.5], [0.25, 0.3, 0.45]),
        ([0.1, 0.2, 0.3, 0.4], [0.3, 0.3, 0.2, 0.2]),
        ([0.05] * 20, [0.03] * 10 + [0.07] * 10),
        ([0.5, 0.5], [0.5, 0.5]),
    ],
)
@pytest.mark.parametrize("sizes", [(1500, 300), (400, 400)])
def test_intervals_of_differences_cover(
    first: list[float], second: list[float], sizes: tuple[int, int]
) -> None:
    draw = np.random.default_rng(7)
    p, q = np.array(first), np.array(second)
    truth = shares_difference(p * 1e9, q * 1e9)
    alone = share_difference(p[0] * 1e9, 1e9, q[0] * 1e9, 1e9)
    assert truth is not None
    assert alone is not None
    sparse = len(first) > 10  # where it is known to be a little short
    held = signed = 0
    for _ in range(1200):
        one, other = draw.multinomial(sizes[0], p), draw.multinomial(sizes[1], q)
        found = shares_difference(one, other)
        single = share_difference(one[0], sizes[0], other[0], sizes[1])
        assert found is not None
        assert single is not None
        held += found.low - 1e-8 <= truth.value <= found.high + 1e-8
        signed += single.low <= alone.value <= single.high
    assert held / 1200 >= (0.915 if sparse else 0.93), held / 1200
    assert 0.925 <= signed / 1200 <= 0.985, signed / 1200


def test_what_chance_makes_of_a_distance_is_taken_off() -> None:
    """Of two categories: the squared distance less the variances of both shares, in units of theirs."""
    found = shares_difference(np.array([300, 700]), np.array([200, 800]))
    assert found is not None
    variance = (0.3 * 0.7 + 0.2 * 0.8) / 2
    by_chance = (0.3 * 0.7 / 1000 + 0.2 * 0.8 / 1000) / variance
    assert found.corrected == pytest.approx(np.sqrt(0.1**2 / variance - by_chance))
    alike = shares_difference(np.array([50, 60, 70]), np.array([51, 60, 69]))
    assert alike is not None
    assert alike.corrected == 0.0 < alike.value


def test_intervals_of_means_cover() -> None:
    draw = np.random.default_rng(3)
    truth, held = (0.5 - 0.0) / np.sqrt((1 + 4) / 2), 0
    for _ in range(1500):
        found = mean_difference(draw.normal(0.5, 1, 300), draw.normal(0, 2, 120))
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 1500 <= 0.97


@given(st.lists(st.tuples(st.integers(-1, 4), st.booleans()), min_size=1, max_size=60), st.integers(1, 8))
@settings(max_examples=150, deadline=None)
def test_rates_are_those_of_the_records(records: list[tuple[int, bool]], smallest: int) -> None:
    grouping = Grouping(tuple("abcde"), np.array([-1, 0, 1, 2, 3, 4]))
    codes = np.array([group + 1 for group, _ in records])
    linked = np.array([one for _, one in records])
    found = subgroup_rates(grouping, codes, linked, smallest)
    rows = {row["group"]: row for row in found["groups"]}
    sizes = {
        label: n for label, n in zip([MISSING, *"abcde"], np.bincount(codes, minlength=6), strict=True) if n
    }
    small = {label for label, n in sizes.items() if n < smallest}
    few = 0 < sum(sizes[label] for label in small) < smallest
    if not rows:  # nothing but what is put together would be shown
        assert small
        assert len(sizes) - len(small) <= few
        return
    assert sum(row["records"] for row in rows.values()) == len(records)
    assert sum(row["linked"] for row in rows.values()) == linked.sum()
    assert all(row["records"] >= smallest for row in rows.values())
    [together] = [label for label in rows if label not in sizes] or [""]
    assert bool(together) == bool(small)
    for number, label in enumerate([MISSING, *"abcde"]):
        own = codes == number
        if label in sizes and label not in small and label not in together.split(", "):
            assert rows[label]["rate"] == linked[own].mean()
            if linked.any():
                assert rows[label]["share_linked"] == pytest.approx((own & linked).sum() / linked.sum())
        else:
            assert label not in rows
    named = set(together.split(", ")) - {OTHER, ""}
    assert (MISSING in small) == (MISSING in named)
    joined = named - {MISSING}
    assert len(joined) == few
    assert all(
        sizes[label] == min(sizes[one] for one in sizes if one not in small | {MISSING}) for label in joined
    )


def test_no_group_names_one_person() -> None:
    """Neither in the table, nor by taking all others from the total."""
    grouping = Grouping(("f", "m", "x"), np.array([-1, 0, 1, 2]))

    def shown(*sizes: int) -> list[tuple[str, int]]:
        codes = np.repeat([0, 1, 2, 3], sizes)
        linked = np.arange(len(codes)) % 3 > 0
        return [
            (row["group"], row["records"]) for row in subgroup_rates(grouping, codes, linked, 10)["groups"]
        ]

    assert shown(0, 50, 50, 1) == [("m", 50), ("f, other (small groups)", 51)]
    assert shown(0, 60, 50, 1) == [("f", 60), ("m, other (small groups)", 51)]
    assert shown(3, 60, 50, 0) == [("f", 60), ("m, missing", 53)]
    assert shown(3, 60, 50, 8) == [("f", 60), ("m", 50), ("other (small groups), missing", 11)]
    assert shown(30, 60, 50, 8) == [("f", 60), ("m, other (small groups)", 58), ("missing", 30)]
    assert shown(30, 60, 0, 1) == [("f, other (small groups)", 61), ("missing", 30)]
    assert shown(0, 60, 0, 1) == shown(30, 0, 0, 1) == shown(1, 1, 1, 1) == shown(9, 9, 9, 9) == []
    assert shown(0, 5, 0, 0) == []  # not even where the source has no more
    assert shown(0, 60, 0, 0) == [("f", 60)]
    codes = np.repeat([1, 2], [60, 1])
    assert true_subgroup_rates(grouping, codes, np.ones((3, 61)), 10) == []


def test_tables_that_cannot_be_shown_are_said(tmp_path: Path) -> None:
    path = write_small(tmp_path, SPEC + '\n[quality]\nsubgroups = ["sex"]\n', 60)
    for name in "ab":
        table = pl.read_csv(tmp_path / f"{name}.csv", infer_schema_length=0)
        table.with_columns(sex=pl.Series(["x"] + ["f"] * (len(table) - 1))).write_csv(
            tmp_path / f"{name}.csv"
        )
    assert call("link", path, "--out", tmp_path / "out").exit_code == 0
    status, text = outcome("missed", tmp_path / "out")
    assert status == 0
    assert text.count("sex: the groups are too small to be shown") == 2
    assert call("missed", tmp_path / "out", "--out", tmp_path / "groups.csv").exit_code == 0
    assert (tmp_path / "groups.csv").read_text().startswith("source,subgroup,group,records,linked,rate,")
    status, text = outcome("evaluate", tmp_path / "out", "--truth", "person", "--by", "sex")
    assert "sex of a: the groups are too small to be shown" in text
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "The groups are too small to be shown" in page


def test_values_are_put_into_groups() -> None:
    days = pl.Series([None, "1984-02-29", "2001-01-01", "later"])
    found = grouped(days, Subgroup(field="born", width=10))
    assert found.labels == ("1980 to 1989", "2000 to 2009", "no number")
    assert found.group.tolist() == [-1, 0, 1, 2]
    ages = grouped(days, Subgroup(field="born", age=True, bands=(0, 18, 37)), date(2021, 2, 28))
    assert ages.numbers is not None
    assert ages.numbers[1:3].tolist() == [36, 20]  # whose birthday is the next day is not a year older yet
    assert ages.labels == ("18 to 36", "no number")
    assert grouped(days, Subgroup(field="born", age=True), date(2021, 3, 1)).labels[0] == "20 to 29"
    born_later = grouped(
        pl.Series(["2030-01-01", "2000-01-01"]), Subgroup(field="b", age=True), date(2021, 1, 1)
    )
    assert born_later.labels[-1] == "no number"
    numbers = grouped(pl.Series(["-1", "0.5", "2", "7"]), Subgroup(field="x", bands=(0, 2)))
    assert numbers.labels == ("under 0", "0 to under 2", "2 and over")
    assert grouped(pl.Series(["ab1", "ab2", "c"]), Subgroup(field="x", first=2)).group.tolist() == [0, 0, 1]
    with pytest.raises(InputError, match="as of which day"):
        grouped(days, Subgroup(field="born", age=True))
    with pytest.raises(InputError, match="no value of 'name' is a number or a date"):
        grouped(pl.Series(["x"]), Subgroup(field="name", width=5))


def test_what_is_taken_by_default() -> None:
    assert default_subgroup("sex", pl.Series([None, "f", "m"])) == Subgroup(field="sex")
    years = pl.Series([str(year) for year in range(1900, 2000)])
    assert default_subgroup("year", years) == Subgroup(field="year", width=10)
    assert default_subgroup("name", pl.Series([f"n{k}" for k in range(100)])) is None
    assert default_subgroup("one", pl.Series(["x"])) is None


def test_differential_linkage_is_shown(tmp_path: Path) -> None:
    """Of the people of one region half have another surname and date in the second file."""
    draw = np.random.default_rng(2)
    n = 1500
    names = np.array([f"{a}{b}{c}" for a in "bdfghk" for b in "aeiou" for c in ("rt", "lm", "nd", "x", "sp")])
    first = pl.DataFrame(
        {
            "id": [f"a{k}" for k in range(n)],
            "given": draw.choice(names, n),
            "surname": draw.choice(names, n),
            "born": [
                f"{1930 + int(y)}-{int(m):02}-01"
                for y, m in zip(draw.integers(0, 80, n), draw.integers(1, 13, n), strict=True)
            ],
            "zip": draw.integers(1000, 1060, n).astype(str),
            "region": draw.choice(["north", "south"], n, p=[0.7, 0.3]),
            "person": [str(k) for k in range(n)],
        }
    )
    spoilt = pl.Series((first["region"] == "south").to_numpy() & (draw.random(n) < 0.5))
    second = first.with_columns(
        ("b" + pl.col("person")).alias("id"),
        *(
            pl.when(spoilt).then(pl.col(name).shuffle(seed=k)).otherwise(name).alias(name)
            for k, name in enumerate(("given", "surname", "born"))
        ),
    )
    first.write_csv(tmp_path / "a.csv")
    second.write_csv(tmp_path / "b.csv")
    (tmp_path / "spec.toml").write_text(SPEC, "utf-8")
    assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out").exit_code == 0
    status, text = outcome("missed", tmp_path / "out", "--by", "region", "--json")
    assert status == 0
    for source in json.loads(text)["sources"]:
        [by] = source["subgroups"]
        rows = {row["group"]: row for row in by["groups"]}
        assert rows["north"]["rate"] > 0.95
        assert rows["south"]["rate_low"] < 0.55 < rows["south"]["rate_high"] + 0.05
        assert rows["south"]["difference_high"] < -1
        assert by["low"] > 1
    status, text = outcome("evaluate", tmp_path / "out", "--truth", "person", "--by", "region", "--json")
    for source in json.loads(text)["by"]:
        rows = {row["group"]: row for row in source["subgroups"][0]["groups"]}
        assert rows["south"]["recall_high"] < rows["north"]["recall_low"]
    written = tmp_path / "missed.csv"
    assert call("missed", tmp_path / "out", "--by", "region", "--out", written).exit_code == 0
    assert pl.read_csv(written).select("source", "subgroup", "group").rows() == [
        (source, "region", group) for source in "ab" for group in ("north", "south")
    ]
    status, text = outcome("missed", tmp_path / "out", "--by", "region", "--out", written)
    assert (status, "the file exists" in text) == (2, True)


def test_a_specification_says_what_is_told_apart(tmp_path: Path) -> None:
    path = write_small(tmp_path, SPEC + SECTION, 120)
    spec = ts.load_spec(path)
    assert parse_spec(dump_spec(spec)) == spec
    assert [one.label for one in spec.quality.subgroups or ()] == ["zip", "born", "given, first 1 character"]
    assert call("link", path, "--out", tmp_path / "out").exit_code == 0
    missed = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))["missed"]
    assert missed["smallest"] == 3
    assert [by["name"] for by in missed["sources"][0]["subgroups"]] == [
        "zip",
        "born",
        "given, first 1 character",
    ]
    status, text = outcome("missed", tmp_path / "out", "--json")
    assert (status, json.loads(text)) == (0, missed)
    status, text = outcome(
        "missed", tmp_path / "out", "--json", "--source", "b", "--by", "given:first=1", "--smallest", "3"
    )
    assert json.loads(text)["sources"][0]["subgroups"] == [missed["sources"][1]["subgroups"][2]]
    status, text = outcome("missed", tmp_path / "out")
    assert "records linked" in text
    # In Python the same.
    links = ts.Linkage.from_toml(path)
    sources = ts.load_spec(path).sources
    resolved = [one.model_copy(update={"path": tmp_path / str(one.path)}) for one in sources]
    found = links.fit(*resolved).link(*resolved)
    assert found.quality_dict()["missed"] == missed
    assert found.missed("zip", smallest=3)["sources"][0]["subgroups"] == missed["sources"][0]["subgroups"][:1]


def test_columns_that_the_linkage_does_not_read(tmp_path: Path) -> None:
    """A column of one source alone, under a preparation that takes a record out."""
    path = write_small(tmp_path, SPEC + '\n[quality]\nsubgroups = ["sex"]\nsmallest = 1\n', 120)
    table = pl.read_csv(tmp_path / "a.csv", infer_schema_length=0)
    table = table.with_columns(sex=pl.Series(["f", "M ", ""] * 26 + ["f"] * (len(table) - 78)))
    table.write_csv(tmp_path / "a.csv")
    assert call("link", path, "--out", tmp_path / "out").exit_code == 0
    first, second = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))["missed"]["sources"]
    assert [(row["group"], row["records"]) for row in first["subgroups"][0]["groups"]] == [
        ("f", len(table) - 52),
        ("m", 26),
        ("missing", 26),
    ]
    assert second["subgroups"] == []
    residuals = pl.read_parquet(tmp_path / "out" / "residuals.parquet").filter(pl.col("source") == "a")
    joined = residuals.join(table, on="id")
    for row in first["subgroups"][0]["groups"]:
        value = {"f": "f", "m": "M ", "missing": None}[row["group"]]
        own = joined.filter(pl.col("sex").replace("", None).eq_missing(pl.lit(value)))
        assert row["records"] - row["linked"] == own.height


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('subgroups = ["person"]', "the truth column"),
        ('subgroups = ["nothing"]', "No source has a field or column 'nothing'"),
        ('subgroups = [{ field = "zip", first = 1, width = 2 }]', "first and width are both given"),
        ('subgroups = [{ field = "zip", reference_date = 2021-01-01 }]', "only age = true reads it"),
        ('subgroups = ["zip", "zip"]', 'two subgroups are called "zip"'),
        ('subgroups = [{ field = "born", bands = [5, 2] }]', "ascending order"),
        ('subgroups = [{ field = "born", age = true }]', "as of which day"),
        ('subgroups = [{ field = "surname", width = 5 }]', "no value of 'surname' is a number"),
        ("smallest = 0", "smallest"),
        ("largest = 5", "largest"),
    ],
)
def test_what_cannot_be_told_apart_is_said_before_the_run(tmp_path: Path, section: str, message: str) -> None:
    path = write_small(tmp_path, f"{SPEC}\n[quality]\n{section}\n")
    status, text = outcome("link", path, "--out", tmp_path / "out")
    assert status == 2
    assert message in text
    assert not (tmp_path / "out").exists()


def test_settings_in_python() -> None:
    with pytest.raises(SpecError, match="first and age"):
        Subgroup(field="x", first=2, age=True)
    assert Quality(subgroups=["sex"]).subgroups == (Subgroup(field="sex"),)  # type: ignore[list-item]


def test_wrong_options(tmp_path: Path) -> None:
    path = write_small(tmp_path)
    assert call("link", path, "--out", tmp_path / "out").exit_code == 0
    for options, message in (
        (["--source", "c"], "there is no source 'c'"),
        (["--by", "zip:last=2"], "is not understood"),
        (["--by", "person"], "declared as truth"),
        (["--by", "nothing"], "No source has a field or column"),
    ):
        status, text = outcome("missed", tmp_path / "out", *options)
        assert status == 2
        assert message in text
    (tmp_path / "a.csv").write_text("id,given\n1,x\n", "utf-8")
    status, text = outcome("missed", tmp_path / "out", "--by", "zip")
    assert (status, "has changed since the run" in text) == (2, True)


def test_groups_that_are_counted_already() -> None:
    found = rates_of_groups([("a", 10, 5), ("b", 10, 10)])
    assert [row["rate"] for row in found["groups"]] == [0.5, 1.0]
    assert rates_of_groups([("a", 10, 10)])["difference"] is None
