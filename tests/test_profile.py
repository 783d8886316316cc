"""The profile: figures against brute force over all pairs, roles, masks, comparison of files, bad input."""

from __future__ import annotations

import json
import math
import random
import re
import shutil
import subprocess
from collections import Counter
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.preparation import extras
from tallystick.preparation.profile.associations import agreeing_pairs, associations
from tallystick.preparation.profile.columns import code_column
from tallystick.preparation.profile.combinations import combination, unique_combinations
from tallystick.preparation.profile.doubts import doubts_of
from tallystick.preparation.profile.kinds import kind_of
from tallystick.preparation.profile.model import Profile
from tallystick.preparation.profile.profile import profile, profile_files
from tallystick.preparation.profile.shapes import shapes
from tallystick.preparation.source import Source
from tests.small_files import call

VALUES = st.one_of(st.none(), st.sampled_from(["ann", "ben", "cat", "Ann", "n/a", ""]))
TABLES = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=2, max_size=14)
FEW = settings(max_examples=60, deadline=None)


def read(value: str | None) -> str | None:
    """A value as a linkage reads it, without labels that mean missing."""
    folded = (value or "").strip().casefold()
    return None if folded in ("", "n/a") else folded


def frame(rows: list[tuple[str | None, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.String), orient="row")


def columns(rows: list[tuple[str | None, ...]]) -> list[list[str | None]]:
    return [[read(row[k]) for row in rows] for k in range(3)]


def persons(n: int = 3_000, seed: int = 1) -> pl.DataFrame:
    """People of whom nothing but what is meant to depends on anything else."""
    rng = random.Random(seed)
    rows = []
    for k in range(n):
        year, town = rng.randrange(1930, 2010), rng.randrange(30)
        rows.append(
            {
                "record_id": f"R{k:06d}",
                "surname": f"Sur{''.join(rng.choices('abcdefghij', k=2))}",
                "first_name": f"Fir{''.join(rng.choices('klmnopqrst', k=2))}",
                "birth_year": str(year),
                "age": str(2020 - year),
                "sex": rng.choice("mf"),
                "town": f"{chr(97 + town % 26)}{'o' * (town // 26)}ville",
                "postcode": f"{10_000 + 100 * town + rng.randrange(20)}",
            }
        )
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def people() -> Profile:
    return profile(Source(name="people", table=persons(), id="record_id"))


@given(TABLES)
@FEW
def test_figures_of_a_field_are_those_of_all_records_and_pairs(rows: list[tuple[str | None, ...]]) -> None:
    column = [read(value) for value, _, _ in rows]
    present = [value for value in column if value is not None]
    found = profile(frame(rows)).field("a")
    counts = Counter(present)
    assert found.n_present == len(present)
    assert found.n_empty == sum(not row[0] for row in rows)
    assert sum(found.labels.values()) == sum(row[0] == "n/a" for row in rows)
    assert found.n_distinct == len(counts)
    assert found.n_once == sum(n == 1 for n in counts.values())
    pairs = list(combinations(present, 2))
    if pairs:
        assert found.chance_agreement == pytest.approx(sum(x == y for x, y in pairs) / len(pairs))
        bits = -sum(n / len(present) * math.log2(n / len(present)) for n in counts.values())
        assert found.entropy == pytest.approx(bits, abs=1e-12)
        assert found.entropy_share == pytest.approx(bits / math.log2(len(present)), abs=1e-12)
    else:
        assert found.chance_agreement is None
    assert {one.value: one.n for one in found.top} == {v: n for v, n in counts.items() if n > 1}
    assert sum(one.n for one in found.shapes) == len(present)


@given(TABLES)
@FEW
def test_associations_are_those_of_all_pairs(rows: list[tuple[str | None, ...]]) -> None:
    a, b, _ = columns(rows)
    found = profile(frame(rows)).sources[0].association("a", "b")
    both = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    agree = np.array([(p[0] == q[0], p[1] == q[1]) for p, q in combinations(both, 2)], bool).reshape(-1, 2)
    assert (found.n_pairs, found.n_left, found.n_right) == (len(agree), agree[:, 0].sum(), agree[:, 1].sum())
    assert found.n_both == agree.all(axis=1).sum()
    if found.phi is not None:
        assert found.phi == pytest.approx(np.corrcoef(agree.T.astype(float))[0, 1])


@given(TABLES)
@FEW
def test_combinations_count_what_is_unique(rows: list[tuple[str | None, ...]]) -> None:
    coded = [code_column(values) for values in frame(rows).get_columns()]
    plain = columns(rows)
    for size in (1, 2, 3):
        for chosen in combinations(range(3), size):
            complete = [row for row in zip(*(plain[k] for k in chosen), strict=True) if None not in row]
            found = combination([coded[k] for k in chosen])
            assert found.n_complete == len(complete)
            assert found.n_unique == sum(n == 1 for n in Counter(complete).values())
    best = unique_combinations(coded)
    if best:
        assert best[0].n_unique == max(combination([one]).n_unique for one in coded)
        for x, y in pairwise(best):
            longer = y.fields[:-1] == x.fields and x.n_unique < y.n_unique
            assert longer or (len(y.fields) == 1 and x.share >= 0.999)


@given(st.lists(st.lists(st.integers(0, 2**31), min_size=6, max_size=6), min_size=1, max_size=3))
@FEW
def test_agreeing_pairs_hold_for_large_codes(codes: list[list[int]]) -> None:
    dense = [np.unique(np.array(one), return_inverse=True)[1] for one in codes]
    rows = list(zip(*codes, strict=True))
    assert agreeing_pairs(*dense) == sum(x == y for x, y in combinations(rows, 2))


def test_a_field_that_is_enough_alone_does_not_hide_the_others() -> None:
    names = ["ann", "ben", "cat", "dan"]
    table = {
        "phone": [str(k) for k in range(16)],
        "first": [names[k // 4] for k in range(16)],
        "last": [names[k % 4] for k in range(16)],
    }
    found = unique_combinations([code_column(pl.Series(name, values)) for name, values in table.items()])
    assert [(one.fields, one.n_unique) for one in found] == [(("phone",), 16)]
    table["last"] = [f"{name}{k // 15}" for k, name in enumerate(table["last"])]
    found = unique_combinations([code_column(pl.Series(name, values)) for name, values in table.items()])
    assert [(one.fields, one.n_unique) for one in found] == [
        (("phone",), 16),
        (("last",), 1),
        (("last", "first"), 16),
    ]


def test_near_unique_fields_are_not_associated(people: Profile) -> None:
    # By their values they are: each pair of surname and postcode is nearly unique.
    found = people.sources[0].association("surname", "postcode")
    assert found.verdict == "independent"
    assert abs(found.phi or 0) < 0.01


def test_age_and_year_of_birth_are_associated(people: Profile) -> None:
    found = people.sources[0].association("age", "birth_year")
    assert found.phi == pytest.approx(1)
    assert found.verdict == "associated"
    assert any("age should not both" in text or "birth_year and age" in text for text in people.warnings)
    for together in people.sources[0].combinations:
        assert not {"age", "birth_year"} <= set(together.fields)


def test_a_town_follows_from_its_postcode_though_their_correlation_is_low(people: Profile) -> None:
    found = people.sources[0].association("town", "postcode")
    assert found.left_given_right == 1
    assert (found.phi or 0) < 0.3
    assert found.verdict == "associated"
    assert "100% of the pairs of records that agree on postcode agree on town, too" in found.sentence


def test_what_is_the_same_persons_is_said_to_be_so() -> None:
    rng = random.Random(3)
    names = {
        name: ["".join(rng.choices("abcdefghij", k=4)) for _ in range(400)]
        for name in ("surname", "first_name", "street")
    }
    found = profile(pl.concat([pl.DataFrame(names)] * 3))
    assert found.sources[0].association("surname", "first_name").verdict == "same persons"
    assert any("persons more than once" in text for text in found.warnings)
    assert not any("should not both" in text for text in found.warnings)


def test_few_agreements_tell_nothing() -> None:
    coded = [code_column(pl.Series(name, [f"{name}{k}" for k in range(50)] * 1)) for name in ("p", "q")]
    assert associations(coded)[0].verdict == "too few"
    assert associations(coded)[0].phi is None


@pytest.mark.parametrize(
    ("common", "role"), [(50, "matching variable"), (80, "blocking variable"), (95, "unsuitable")]
)
def test_a_field_that_tells_little_may_still_be_part_of_a_key(common: int, role: str) -> None:
    region = ["north"] * common + ["south"] * (100 - common)
    table = pl.DataFrame({"region": region, "surname": [f"name {k % 30}" for k in range(100)]})
    found = profile(table, kinds={"region": "birth"}).sources[0].field("region")
    assert found.role == role
    if role != "matching variable":
        assert found.reason.startswith("uniqueness fails:")


def test_roles_by_the_four_criteria(people: Profile) -> None:
    roles = {one.name: one.role for one in people.fields}
    assert roles == {
        "surname": "matching variable",
        "first_name": "matching variable",
        "birth_year": "matching variable",
        "age": "matching variable",
        "sex": "matching variable",
        "town": "matching variable",
        "postcode": "matching variable",
    }
    assert people.field("surname").reason == "passes all four criteria"


@pytest.mark.parametrize(
    ("change", "field", "role", "failing"),
    [
        ({"first_name": lambda k: None if k % 10 else "Ann"}, "first_name", "unsuitable", "availability"),
        ({"first_name": lambda k: None if k % 10 == 0 else f"Ab{'c' * (k % 7)}"}, "first_name",
         "matching variable", None),
        ({"surname": lambda k: "Smith"}, "surname", "unsuitable", "uniqueness"),
        ({"surname": lambda k: None}, "surname", "unsuitable", "uniqueness"),
        ({"born": lambda k: f"1980-{k % 12 + 1:02d}-{30 if k % 12 == 1 else k % 28 + 1:02d}"}, "born",
         "unsuitable", "accuracy"),
    ],
)  # fmt: skip
def test_the_criterion_that_fails_is_named(
    change: dict[str, Any], field: str, role: str, failing: str
) -> None:
    table = persons(600)
    for name, value in change.items():
        table = table.with_columns(pl.Series(name, [value(k) for k in range(600)], dtype=pl.String))
    found = profile(Source(name="a", table=table, id="record_id")).field(field)
    assert found.role == role
    assert (f"{failing} fails" in found.reason) == (failing is not None)


def test_what_changes_is_unsuitable_across_ten_years_and_not_within_one_file() -> None:
    sources = [Source(name=name, table=persons(500, seed), id="record_id") for seed, name in enumerate("ab")]
    far = profile_files(sources, reference_dates={"a": date(2010, 1, 1), "b": date(2020, 1, 1)})
    assert far.field("town").role == "unsuitable"
    assert "stability fails: changes over time, and 3,652 days" in far.field("town").reason
    assert any(
        "age, town and postcode change over time, and a tells of 2010-01-01" in w for w in far.warnings
    )
    near = profile_files(sources, reference_dates={"a": date(2020, 1, 1), "b": date(2020, 6, 1)})
    assert near.field("town").role == "matching variable"
    assert not near.field("town").fits_blocking
    unknown = profile_files(sources)
    assert unknown.field("town").criteria[3].matching is None
    assert any("the reference dates of a and b are not known" in text for text in unknown.warnings)
    said = profile_files(sources, kinds={"town": "birth", "age": "birth", "postcode": "birth"})
    assert said.field("town").kind_from == "user"
    assert not any("over time" in text for text in said.warnings)


def test_what_changes_and_one_of_two_files_has_cannot_be_judged() -> None:
    table = persons(200)
    alone = profile(table, reference_date=date(2020, 1, 1)).field("town").criteria[3]
    assert alone.matching is True
    assert alone.sentence == "changes over time, but there is one source only"
    left = Source(name="a", table=table, reference_date=date(2020, 1, 1))
    right = Source(name="b", table=table.drop("town"), reference_date=date(2010, 1, 1))
    town = profile_files([left, right]).field("town")
    assert (town.criteria[3].matching, town.criteria[3].blocking) == (None, None)
    assert "only one of the files has it" in town.criteria[3].sentence
    assert "not judged: stability" in town.reason


def test_ids_and_answers_are_no_evidence() -> None:
    table = persons(300).with_columns(cluster=pl.int_range(300).cast(pl.String) + "x")
    found = profile(table)
    assert found.field("record_id").role == found.field("cluster").role == "unsuitable"
    assert "number of the record" in found.field("record_id").reason
    assert "key or the answer" in found.field("cluster").reason
    assert {"record_id", "cluster"}.isdisjoint({one.left for one in found.sources[0].associations})


def test_what_preparation_wrote_beside_the_fields_is_left_out() -> None:
    table = persons(300).with_columns(
        pl.Series("reference", [f"2026-1.census.{k:03}" for k in range(300)]),
        pl.col("surname").str.to_uppercase().alias("surname_raw"),
        pl.col("town").alias("home_raw"),
    )
    found = profile(Source(name="a", table=table, id="record_id"))
    assert found.sources[0].left_out == ("reference", "surname_raw")
    names = {one.name for one in found.fields}
    assert {"reference", "surname_raw"}.isdisjoint(names)
    assert {"surname", "home_raw"} <= names
    lines = [line for line in str(found).splitlines() if "reference, surname_raw" in line]
    assert lines == ["left out, as preparation wrote it beside the fields: reference, surname_raw"]
    # A column of another content is a field, and so is one that the source names for it.
    table = table.with_columns(reference=pl.lit("letter"))
    source = Source(name="a", table=table, id="record_id", columns={"written": "surname_raw"})
    assert not profile(source).sources[0].left_out


def test_truth_is_not_read() -> None:
    found = profile(Source(name="a", table=persons(50), id="record_id", truth=("surname",)))
    assert "surname" not in {one.name for one in found.fields}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DateOfBirth", "birth"), ("dob_day", "birth"), ("place of birth", "birth"), ("sex", "birth"),
        ("lastname", "name"), ("Given", "name"), ("middle_initial", "name"), ("maidenName", "name"),
        ("street_name", "changes"), ("home_town", "changes"), ("e_mail", "changes"), ("AGE", "changes"),
        ("age_at_death", "unknown"), ("company_name", "unknown"), ("x17", "unknown"), ("", "unknown"),
    ],
)  # fmt: skip
def test_kinds_by_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


@given(st.text(max_size=30))
@settings(max_examples=150)
def test_patterns_hold_no_letter_or_digit_of_a_value(text: str) -> None:
    (pattern,) = shapes(pl.Series([text])).to_list()
    assert re.fullmatch(r"[aA9+ \-/.,'’@:()_&#·]*", pattern)
    assert pattern == shapes(pl.Series([text])).to_list()[0]


@pytest.mark.parametrize(
    ("values", "reason", "n"),
    [
        (["1980-01-02"] * 20 + ["1980-02-30"], "no date of the calendar", 1),
        (["31/12/1999", "12/31/1999"] * 10 + ["31/13/1999"], "no date of the calendar", 1),
        (["29.02.00"] * 20 + ["29.02.01"], "no date of the calendar", 1),
        (["19800102"] * 20 + ["19801402"], "no date of the calendar", 1),
        (["1980-01-02"] * 20 + ["2021-01-01"], "a date after the reference date", 1),
        (["02/01/1980"] * 20 + ["01/12/2020"], "a date after the reference date", 0),
        (["1980-01-02"] * 300 + ["1980-05", "1980"], "any reason", 0),
        (["1980-01-02"] * 20 + ["1980", "2020-07"], "a date after the reference date", 1),
        (["1980-01-02"] * 20 + ["1980", "2020-06", "2020"], "a date after the reference date", 0),
        (["18 May 1930", "07-MAR-45", "3 March 1951"] * 9 + ["31 June 1930"], "no date of the calendar", 1),
        (["18 May 1930", "2 January 1951"] * 9 + ["1 July 2020"], "a date after the reference date", 1),
        ([f"{k}" for k in range(1940, 2000)] * 3 + ["2021"], "a year after the reference date", 1),
        (
            [f"O'N{c}il {d}-Ann Zoë" for c in "abcdefg" for d in "stuvw"] + ["B0b"],
            "a digit or a mark in a name",
            1,
        ),
        (["1", "2", "33", "4.5", "-2"] * 9 + ["1O"], "no number", 1),
        (["a@b.org"] * 20 + ["a.b.org"], "no e-mail address", 1),
        (
            [f"AB{k} {j}CD" for k in range(1, 10) for j in range(1, 10)] * 2 + ["12"],
            "a pattern outside the main ones",
            1,
        ),
    ],
)
def test_doubts(values: list[str], reason: str, n: int) -> None:
    found, share = doubts_of(code_column(pl.Series(values)), date(2020, 6, 1), [])
    assert {one.reason: one.n for one in found}.get(reason, 0) == n
    assert share == pytest.approx(1 - n / len(values))


BROKEN = 'signs of a wrong encoding, which the step "repair" mends'


@pytest.mark.parametrize("installed", [True, False])
def test_values_decoded_by_the_wrong_encoding_are_doubted(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    if not installed:
        monkeypatch.setattr(extras, "import_module", lambda _: (_ for _ in ()).throw(ImportError))
    names = ["Müller", "Åsa", "Łódź", "Иванов", "Ævar", "Señor", "Ngô"] * 5 + ["MÃ¼ller", "JosÃ©", "JosÃ©"]
    found, share = doubts_of(code_column(pl.Series("surname", names)), None, [])
    assert {one.reason: one.n for one in found}[BROKEN] == 3
    assert share == pytest.approx(1 - 3 / len(names))
    assert f"3 with {BROKEN}" in str(profile(pl.DataFrame({"surname": names})))


def test_codes_of_one_file_only() -> None:
    left = pl.DataFrame({"sex": ["m", "f"] * 30, "name": ["Ann", "Ben"] * 30})
    right = pl.DataFrame({"sex": ["1", "2"] * 30, "NAME": ["Ann", "Ben"] * 30})
    found = profile_files([left, right]).comparisons[0]
    (one,) = found.fields
    assert (one.left.values, one.left.records, one.shapes_in_common) == (0, 0, 0)
    assert [value.value for value in one.left.only] == ["f", "m"]
    assert "coding: 2 values of table_1 (100% of its records) never occur in table_2" in one.differences
    assert (found.only_left, found.only_right) == (("name",), ("NAME",))
    assert any(text.startswith("sex is not the same") for text in profile_files([left, right]).warnings)


def test_a_few_misspelt_codes_are_no_warning() -> None:
    left = pl.DataFrame({"sex": ["m", "f"] * 500 + ["n"]})
    right = pl.DataFrame({"sex": ["m", "f"] * 500})
    assert not profile_files([left, right]).warnings


@given(TABLES, TABLES)
@FEW
def test_coverage_is_what_sets_say(
    one: list[tuple[str | None, ...]], other: list[tuple[str | None, ...]]
) -> None:
    found = profile_files([frame(one), frame(other)]).comparisons[0].fields[0]
    left, right = ([v for v in columns(rows)[0] if v is not None] for rows in (one, other))
    assert found.left.records == (pytest.approx(sum(v in right for v in left) / len(left)) if left else None)
    assert found.right.values == (
        pytest.approx(len(set(right) & set(left)) / len(set(right))) if right else None
    )


def test_differences_of_form_are_told() -> None:
    left = pl.DataFrame({"born": ["1980-01-02", "1975-12-31"] * 20, "gap": ["a", "b"] * 20})
    right = pl.DataFrame({"born": ["circa 80", "after 75"] * 20, "gap": ["a", "b", None, None] * 10})
    born, gap = profile_files([left, right]).comparisons[0].fields
    assert "pattern: mostly 9999-99-99 in table_1, a 99 in table_2" in born.differences
    assert any(text.startswith("type: date in table_1") for text in born.differences)
    assert "length: 10.0 characters in table_1, 8.0 in table_2 on average" not in born.differences
    assert any(text.startswith("coding: 2 values of table_1 (100%") for text in born.differences)
    assert "missing: 0% in table_1, 50.00% in table_2" in gap.differences


def test_values_are_masked_everywhere_unless_asked_for(tmp_path: Path) -> None:
    table = persons(400).with_columns(
        surname=pl.lit("Featherstonehaugh"), town=pl.Series(["Rareton"] * 5 + ["Bigville"] * 395)
    )
    other = table.with_columns(town=pl.Series(["Bigville"] * 400))
    found = profile_files([table, other])

    def shown(show_values: bool) -> list[str]:
        found.html(tmp_path / "page.html", show_values)
        return [
            found.text(show_values),
            json.dumps(found.to_dict(show_values)),
            (tmp_path / "page.html").read_text(encoding="utf-8"),
        ]

    # Few values, which many records share, are codes; what five records have is masked even so.
    for text in [*shown(False), repr(found.warnings)]:
        assert "rareton" not in text
        assert "1955" not in text
    for text in shown(False):
        assert "bigville" in text
    assert all("rareton" in text for text in shown(True)[1:])
    assert "personal data" in shown(True)[2]
    assert "personal data" not in shown(False)[2]


def test_equal_masks_of_a_field_are_put_together(tmp_path: Path) -> None:
    numbers = [str(k) for k in range(10, 200) for _ in range(3)] + ["82"] * 30 + ["99"] * 20
    found = profile(pl.DataFrame({"weight": numbers, "sex": ["m", "f"] * 310}))
    weight, sex = (one["top"] for one in found.to_dict()["sources"][0]["fields"])
    assert [(one["value"], one["masked"], one["values"]) for one in weight] == [("##", True, 10)]
    assert weight[0]["records"] == sum(one.n for one in found.field("weight").top)
    assert {(one["value"], one["masked"]) for one in sex} == {("m", False), ("f", False)}
    found.html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('<code class="masked">##</code> <span class="muted">10 values</span>') == 1
    assert "<code>m</code>" in page
    found.html(tmp_path / "page.html", show_values=True)
    assert "<code>82</code>" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_pattern_of_few_records_is_put_with_the_others() -> None:
    found = profile(pl.DataFrame({"code": ["AB12"] * 50 + ["1-2-3"] * 9 + ["7/7"]}))
    shown, rest = found.field("code").shown_shapes(5)
    assert [(one.pattern, one.n) for one in shown] == [("AA99", 50)]
    assert rest is not None
    assert (rest.pattern, rest.n) == ("2 others", 10)
    plain = found.field("code").to_dict()
    assert (plain["shapes"], plain["other_shapes"]) == ([{"pattern": "AA99", "records": 50}], 10)
    assert len(found.field("code").to_dict(show_values=True)["shapes"]) == 3


def test_the_profile_is_the_same_again() -> None:
    one, other = (profile(persons(300)) for _ in range(2))
    assert one.to_dict() == other.to_dict()
    assert str(one) == str(other)
    json.dumps(one.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame({"a": ["x1"]}),
        pl.DataFrame({"a": [None, None]}, schema={"a": pl.String}),
        pl.DataFrame({"a": ["n/a", "unknown"], "b": [1.0, None]}),
        pl.DataFrame({"a": [[1, 2], None], "b": [True, False], "c": [date(2020, 1, 1), None]}),
    ],
)
def test_tables_that_hold_next_to_nothing(table: pl.DataFrame, tmp_path: Path) -> None:
    found = profile_files([table, table])
    found.html(tmp_path / "page.html")
    assert str(found)
    json.dumps(found.to_dict(), allow_nan=False)


def test_bad_input(tmp_path: Path) -> None:
    table = persons(20)
    with pytest.raises(InputError, match="there is nothing to profile"):
        profile_files([])
    with pytest.raises(
        InputError, match='the kind of field "town" is given as "fixed"; give one of name, birth'
    ):
        profile(table, kinds={"town": "fixed"})
    with pytest.raises(InputError, match='a kind is given for field "twn", which no source has'):
        profile(table, kinds={"twn": "birth"})
    with pytest.raises(
        InputError, match='reference date is given for source "c", but the sources are table_1'
    ):
        profile_files([table, table], reference_dates={"c": date(2020, 1, 1)})
    with pytest.raises(InputError, match='2 sources are called "x"'):
        profile_files([Source(name="x", table=table), Source(name="x", table=table)])
    with pytest.raises(InputError, match="no rows besides the header"):
        profile(table.head(0))
    with pytest.raises(InputError, match="no column besides the id"):
        profile(Source(name="a", table=table.select("record_id"), id="record_id"))
    with pytest.raises(InputError, match="there is no column 'last'"):
        profile(Source(name="a", table=table, columns={"surname": "last"}))
    with pytest.raises(InputError, match=r"absent\.csv"):
        profile(tmp_path / "absent.csv")


def test_the_command(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        persons(300, seed).write_csv(tmp_path / f"{name}.csv")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    shown = call("profile", *files, "--reference-date", "a=2020-01-01", "--kind", "town=birth")
    assert shown.exit_code == 0, shown.output
    assert "as of 2020-01-01" in shown.output
    assert "matching variable" in shown.output
    page = tmp_path / "page.html"
    assert call("profile", *files, "--out", page).exit_code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    refused = call("profile", *files, "--out", page)
    assert refused.exit_code == 2
    assert "use --force" in refused.output
    assert call("profile", *files, "--out", page, "--force").exit_code == 0
    data = json.loads(call("profile", files[0], "--json").output)
    assert data["format"] == "tallystick-profile/1"
    assert [one["source"] for one in data["sources"]] == ["a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reference-date", "a"], "write a name, an equals sign and a value"),
        (["--reference-date", "a=1 Jan"], "which is no date; write it as 2020-04-01"),
        (["--reference-date", "z=2020-01-01"], 'for source "z"'),
        (["--kind", "town=often"], 'is given as "often"'),
        (["--out", "profile.pdf"], "give a name that ends in .html"),
        (["--id", "number"], 'there is no column "number" in'),
        (["--truth", "a=number"], 'there is no column "number" in'),
        (["--truth", "b=town"], 'there is no column "b=town" in'),
        (["--id", "record_id", "--id", "age"], "a has record_id and age; give one id column for a file"),
    ],
)
def test_the_command_refuses(tmp_path: Path, arguments: list[str], message: str) -> None:
    persons(30).write_csv(tmp_path / "a.csv")
    done = call("profile", tmp_path / "a.csv", *arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_ids_and_truth_are_said_on_the_command_line(tmp_path: Path) -> None:
    persons(60).write_csv(tmp_path / "a.csv")
    persons(60).rename({"record_id": "nr"}).write_csv(tmp_path / "b.csv")
    done = call(
        "profile", tmp_path / "a.csv", tmp_path / "b.csv", "--id", "b=nr", "--id", "record_id",
        "--truth", "town", "--truth", "a=age", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    a, b = ([one["field"] for one in source["fields"]] for source in json.loads(done.output)["sources"])
    assert a == ["surname", "first_name", "birth_year", "sex", "postcode"]
    assert b == ["surname", "first_name", "birth_year", "age", "sex", "postcode"]


def test_the_last_line_says_what_is_next(tmp_path: Path) -> None:
    def last(*arguments: object) -> str:
        return call("profile", *arguments).output.splitlines()[-1]

    persons(60).write_csv(tmp_path / "a.csv")
    file = tmp_path / "a.csv"
    assert last(file) == f"next: tallystick init {file} writes a specification"
    assert last(file, "--out", tmp_path / "page.html") == last(file)
    spec = tmp_path / "spec.toml"
    spec.write_text(
        '[[sources]]\nname = "a"\npath = "a.csv"\n'
        '[[comparisons]]\nfield = "surname"\ncomparator = { type = "exact" }\n'
        '[[passes]]\ntype = "all_pairs"\n'
    )
    assert last(spec) == f"next: tallystick link {spec}"
    persons(60).with_columns(town=pl.lit("unknown")).write_csv(file)
    clean = "clean labels and doubtful values with [prepare] (docs/guide/prepare.md)"
    assert last(file) == f"next: tallystick init {file} writes a specification; in it, {clean}"
    assert last(spec) == f"next: {clean}"


def test_a_specification_gives_its_sources(tmp_path: Path) -> None:
    persons(100).write_csv(tmp_path / "a.csv")
    (tmp_path / "spec.toml").write_text(
        '[[sources]]\nname = "first"\npath = "a.csv"\nid = "record_id"\ntruth = ["town"]\n'
        "reference_date = 2020-01-01\ncolumns = { family = 'surname' }\n"
        '[[comparisons]]\nfield = "family"\ncomparator = { type = "exact" }\n[[passes]]\ntype = "all_pairs"\n'
    )
    data = json.loads(call("profile", tmp_path / "spec.toml", "--json").output)["sources"][0]
    assert (data["source"], data["reference_date"]) == ("first", "2020-01-01")
    names = [one["field"] for one in data["fields"]]
    assert "family" in names
    assert {"surname", "town", "record_id"}.isdisjoint(names)
    refused = call("profile", tmp_path / "spec.toml", "--id", "record_id")
    assert refused.exit_code == 2
    assert "--id and --truth are for files" in refused.output
    both = call("profile", tmp_path / "spec.toml", tmp_path / "a.csv")
    assert both.exit_code == 2
    assert "give it alone" in both.output


def test_the_page_is_inert_and_complete_in_itself(tmp_path: Path) -> None:
    attack = "</style><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"
    table = pl.DataFrame({attack: [attack, attack, "b"] * 30, "surname": ["Ann", "Ben", "Cy"] * 30})
    found = profile_files([Source(name=attack, table=table), Source(name="b", table=table)])
    found.html(tmp_path / "page.html", show_values=True)
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img" not in html
    places = re.findall(r"<[^>]*\b(?:src|href)=\"([^\"]*)\"", html)
    assert places
    assert all(place.startswith("#") for place in places)
    assert "default-src 'none'" in html


def test_wide_tables_scroll_by_themselves(tmp_path: Path, people: Profile) -> None:
    people.html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    wide = re.findall(r'<table class="(?!bars)', page)
    assert len(wide) == len(re.findall(r'<div class="scroll">\s*<table class="', page)) == 3
    assert "– where fewer than 30 pairs agree on one of them" in page


def test_the_page_in_a_browser(tmp_path: Path, people: Profile) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian package chromium)")
    people.html(tmp_path / "page.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", "--no-first-run", "--enable-logging=stderr"]
    done = subprocess.run(
        [chromium, *options, f"--user-data-dir={tmp_path / 'user'}", "--dump-dom",
         (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.count('<article class="field">') == len(people.fields)
    # Whatever the page's policy refuses is written to the console.
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
