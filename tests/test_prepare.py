"""Preparation as a whole: steps field by field, edits, duplicates, reference numbers, harmonisation."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_files import outcome as call

from tallystick import Source
from tallystick.errors import InputError, SpecError, TallystickWarning
from tallystick.linkage.preparing import prepared_raws
from tallystick.preparation.chain import distinct_rows
from tallystick.preparation.duplicates import DuplicateRule, survivors
from tallystick.preparation.harmonise import Harmonise, check_harmonised, form_of
from tallystick.preparation.prepare import prepare_table
from tallystick.preparation.settings import Preparation
from tallystick.spec import dump_spec, parse_spec

PERSONS = pl.DataFrame(
    {
        "surname": [" Smith ", "UNKNOWN", "Jones", "Jones", None],
        "age": ["3", "70", "x", "4", "35"],
        "status": ["married", "single", "married", "single", "married"],
        "household": ["1", "1", "2", "2", None],
        "relation": ["head", "head", "head", "child", "head"],
    }
)


def of(**parts: object) -> Preparation:
    return Preparation(**parts)  # type: ignore[arg-type]


def test_steps_count_what_they_change_and_raw_values_stay() -> None:
    found = prepare_table(PERSONS, of(fields=[{"field": "surname", "steps": ["missing"]}]))
    assert found.columns["surname"].to_list() == [" Smith ", None, "Jones", "Jones", None]
    assert found.raw["surname"].to_list() == PERSONS["surname"].to_list()
    (count,) = found.steps
    assert dict(count.n_changed) == {"surname": 1}
    assert dict(count.rules) == {'label "unknown"': 1}
    assert (count.n_records, count.n_values) == (5, 4)
    assert found.table().columns == ["id", "surname", "surname_raw"]


def test_a_field_made_of_another_leaves_that_as_it_is() -> None:
    fields = [{"field": "name", "of": "surname", "steps": ["missing"]}]
    found = prepare_table(PERSONS, of(fields=fields))
    assert found.columns["name"].to_list() == [" Smith ", None, "Jones", "Jones", None]
    assert found.columns["surname"].to_list() == PERSONS["surname"].to_list()
    assert dict(found.raw) == {}


def test_steps_of_other_sources_are_not_done() -> None:
    fields = [{"field": "surname", "steps": ["missing"], "sources": ["b"]}]
    sources = [Source(name=name, table=PERSONS) for name in "ab"]
    with pytest.warns(TallystickWarning, match="No step of the preparation is for source 'a'"):
        raws, _ = prepared_raws(of(fields=fields), sources, ["surname"], {}, 1)
    assert raws[0].columns["surname"][1] == "UNKNOWN"
    assert raws[1].columns["surname"][1] is None
    with pytest.raises(InputError, match=r'prepare.fields\[0\].sources: found "b", expected'):
        prepare_table(sources[0], of(fields=fields))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", None])), min_size=1))
def test_distinct_rows_give_every_record_its_own_values(rows: list[tuple[str | None, str | None]]) -> None:
    columns = {
        name: pl.Series(name, [row[k] for row in rows], dtype=pl.String) for k, name in enumerate(["p", "q"])
    }
    found = distinct_rows(columns)
    assert list(zip(*(found.columns()[name].to_list() for name in columns), strict=True)) == rows
    assert found.rows.height == len(set(rows)) == len(found.n_records)
    assert found.n_records.sum() == len(rows)


# --- edits -----------------------------------------------------------------------------------------


def test_an_edit_flags_and_changes_nothing_by_default() -> None:
    rule = {"name": "child bride", "fails_if": "status = 'married' AND age < 14"}
    found = prepare_table(PERSONS, of(types={"age": "integer"}, edits=[rule]))
    assert found.n_records == 5
    assert found.failures.rows() == [("1", "child bride", "status, age", "error", "flag")]
    (count,) = found.edits
    assert (count.n_failed, count.n_not_judged) == (1, 1)  # the age x is no number: not judged
    assert found.columns["age"].to_list() == PERSONS["age"].to_list()


def test_an_edit_sets_missing_or_drops_only_where_it_is_asked_to() -> None:
    young = {"name": "young", "fails_if": "age < 14", "action": "set_missing", "fields": ["status"]}
    old = {"name": "old", "fails_if": "age > 60", "action": "drop", "severity": "warning"}
    found = prepare_table(PERSONS, of(types={"age": "integer"}, edits=[young, old]))
    assert found.ids.to_list() == ["1", "3", "4", "5"]
    assert found.columns["status"].to_list() == [None, "married", None, "married"]
    assert found.n_dropped == 1
    assert found.failures["severity"].to_list() == ["error", "error", "warning"]


def test_an_edit_of_a_household() -> None:
    rule = {"name": "two heads", "fails_if": "SUM(relation = 'head') > 1", "group": "household"}
    found = prepare_table(PERSONS, of(edits=[rule]))
    assert found.failures["id"].to_list() == ["1", "2"]
    assert found.edits[0].n_not_judged == 1  # without a household


def test_an_edit_of_two_dates() -> None:
    table = pl.DataFrame(
        {"born": ["1980-01-02", "1990-05-05", "1980"], "died": ["1979-12-31", None, "1979-01-01"]}
    )
    rule = {"name": "dead before birth", "fails_if": "born > died"}
    found = prepare_table(table, of(types={"born": "date", "died": "date"}, edits=[rule]))
    assert found.failures["id"].to_list() == ["1"]
    assert found.edits[0].n_not_judged == 2  # a date of which only the year is known is not compared


def test_rules_are_asked_before_any_of_them_acts() -> None:
    rules = [
        {"name": "one", "fails_if": "age < 14", "action": "set_missing"},
        {"name": "two", "fails_if": "age < 5", "action": "flag"},
    ]
    found = prepare_table(PERSONS, of(types={"age": "integer"}, edits=rules))
    assert [count.n_failed for count in found.edits] == [2, 2]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            {"fails_if": "agee < 14"},
            r"there is no column 'agee'; did you mean 'age'.*prepare.edits\[0\] reads it",
        ),
        (
            {"fails_if": "surname = surname OR surname IS NULL"},
            r"prepare.edits\[0\].*fails for all 5 records",
        ),
        (
            {"fails_if": "age < 14"},
            r"prepare.edits\[0\].*say of what type its fields are under prepare.types",
        ),
        ({"fails_if": "LENGTH(age)"}, r"prepare.edits\[0\].*expected a condition that is true or false"),
        ({"fails_if": "COUNT(age) > 2"}, r"prepare.edits\[0\].*give the field .* as group"),
        ({"fails_if": "surname = 'Jones'", "group": "hh"}, "there is no column 'hh'"),
        ({"fails_if": "age <> 'z'", "action": "drop", "fields": ["age"]}, "fails for all 5 records"),
    ],
)
def test_an_edit_that_cannot_be_asked_is_one_sentence(rule: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        prepare_table(PERSONS, of(edits=[{"name": "a", **rule}]))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"name": "a", "fails_if": "age <"}, "cannot be read as SQL: something is missing in it"),
        ({"name": "a", "fails_if": "1 = 1"}, "names no field"),
        ({"name": "a", "fails_if": "NOSUCH(age) = 1"}, "cannot be read as SQL"),
        ({"name": "", "fails_if": "age = 1"}, r"edits\[0\].name"),
        ({"name": "a", "fails_if": "age = 1", "action": "delete"}, r"edits\[0\].action"),
    ],
)
def test_an_edit_that_is_none_is_refused_with_its_place(rule: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Preparation(edits=[rule])  # type: ignore[list-item]


def test_edits_that_drop_everybody_are_refused() -> None:
    rules = [
        {"name": "a", "fails_if": "relation = 'head'", "action": "drop"},
        {"name": "b", "fails_if": "relation <> 'head'", "action": "drop"},
    ]
    with pytest.raises(InputError, match="the edits that drop records leave none"):
        prepare_table(PERSONS, of(edits=rules))


# --- duplicates ------------------------------------------------------------------------------------

ROWS = st.lists(st.tuples(*(st.sampled_from(["a", "b", None]) for _ in range(3))), min_size=1, max_size=12)


@settings(max_examples=100)
@given(ROWS, st.sampled_from(["differs", "agrees"]), st.sampled_from(["first", "most_complete"]))
def test_survivors_are_those_of_plain_comparison(
    rows: list[tuple[str | None, ...]], missing: str, keep: str
) -> None:
    frame = pl.DataFrame(rows, schema={"p": pl.String, "q": pl.String, "r": pl.String}, orient="row")
    rule = DuplicateRule(fields=("p", "q"), missing=missing, keep=keep)  # type: ignore[arg-type]
    expected = []
    for row in rows:
        same = [k for k, other in enumerate(rows) if other[:2] == row[:2]]
        if missing == "differs" and None in row[:2]:
            same = [k for k, other in enumerate(rows) if other is row and k == len(expected)]
        if keep == "most_complete":
            same.sort(key=lambda k: (rows[k].count(None), k))
        expected.append(same[0])
    assert survivors(frame, rule).tolist() == expected


def test_duplicates_go_and_a_table_says_who_stands_for_them() -> None:
    table = pl.DataFrame({"a": ["x", "x", "y", "y"], "b": ["1", "2", "2", "3"]})
    found = prepare_table(table, of(duplicates=[{"fields": ["a"]}, {"fields": ["b"]}]))
    assert found.ids.to_list() == ["1", "3"]
    assert found.removed.rows() == [("2", "1", "a"), ("4", "3", "a")]


def test_a_survivor_that_goes_later_hands_on_what_it_stood_for() -> None:
    table = pl.DataFrame({"a": ["x", "y", "y"], "b": ["1", "1", "2"]})
    found = prepare_table(table, of(duplicates=[{"fields": ["a"]}, {"fields": ["b"]}]))
    assert found.ids.to_list() == ["1"]
    assert found.removed.rows() == [("2", "1", "b"), ("3", "1", "a")]


# --- reference numbers -------------------------------------------------------------------------------


def test_reference_numbers_are_of_the_record_as_it_was_read() -> None:
    drop = {"name": "no name", "fails_if": "surname = 'UNKNOWN'", "action": "drop"}
    found = prepare_table(
        Source(name="census", table=PERSONS), of(edits=[drop], reference={"iteration": "2026-1"})
    )
    assert found.references is not None
    assert found.references.to_list() == [f"2026-1.census.{n}" for n in (1, 3, 4, 5)]
    with pytest.raises(SpecError, match="iteration"):
        of(reference={"iteration": "a b"})


# --- harmonisation -----------------------------------------------------------------------------------


def test_harmonised_sources_pass_and_others_are_told_apart() -> None:
    fine = {"sex": form_of(pl.Series(["m", "f"] * 10)), "born": form_of(pl.Series(["1980-01-02"]))}
    check_harmonised(Harmonise(), ["a", "b"], [fine, fine])
    other = {
        "sex": form_of(pl.Series(["1", "2"] * 10)),
        "born": form_of(pl.Series(["02/01/1980"])),
    }
    with pytest.raises(InputError) as error:
        check_harmonised(Harmonise(), ["a", "b"], [fine, {**other, "age": form_of(pl.Series(["1"]))}])
    said = str(error.value)
    assert "field 'sex' is text in 'a', integer in 'b'" in said
    assert "field 'born' is date in 'a', text in 'b'" in said
    assert "field 'age' is not in 'a'" in said


def test_harmonisation_sees_lengths_codes_and_case() -> None:
    def said(a: list[str], b: list[str], **how: str) -> str:
        forms = [{"x": form_of(pl.Series(values * 20))} for values in (a, b)]
        try:
            check_harmonised(Harmonise.model_validate(how), ["a", "b"], forms)
        except InputError as error:
            return str(error)
        return ""

    assert "codes of 5 characters in 'a', 9 characters in 'b'" in said(["12345"], ["123456789"])
    assert said(["12345"], ["123456789"], lengths="ignore", codings="ignore") == ""
    assert "has the codes 'd' only in 'b'" in said(["m", "f"], ["m", "f", "d"])
    assert said(["m", "f"], ["m", "f", "d"], codings="ignore") == ""
    assert "upper case in 'a', lower case in 'b'" in said(["M"], ["m"], codings="ignore")


# --- bad input -----------------------------------------------------------------------------------------


def test_an_unknown_step_is_named_with_its_place_and_the_nearest_one() -> None:
    text = (
        '[[sources]]\nname = "a"\npath = "a.csv"\n\n[[prepare.fields]]\nfield = "surname"\n'
        'steps = ["mising"]\n'
    )
    with pytest.raises(SpecError, match=r'line 7, prepare.fields\[0\].steps\[0\].*"mising".*"missing"'):
        parse_spec(text, "s.toml")


def test_a_source_that_is_not_there_is_named() -> None:
    text = (
        '[[sources]]\nname = "a"\npath = "a.csv"\n\n[[prepare.fields]]\nfield = "surname"\n'
        'steps = ["missing"]\nsources = ["b"]\n'
    )
    with pytest.raises(SpecError, match=r'prepare.fields\[0\].sources\[0\].*found "b"'):
        parse_spec(text, "s.toml")


def test_a_field_that_is_no_column_is_named_with_who_reads_it() -> None:
    with pytest.raises(InputError, match=r"no column 'surnme'.*prepare.fields\[0\] .*reads it"):
        prepare_table(PERSONS, of(fields=[{"field": "surnme", "steps": ["missing"]}]))


def test_the_answers_cannot_be_prepared() -> None:
    source = Source(name="a", table=PERSONS, truth=("surname",))
    with pytest.raises(InputError, match="declared as truth"):
        prepare_table(source, of(fields=[{"field": "surname", "steps": ["missing"]}]))


# --- TOML ------------------------------------------------------------------------------------------------


def test_a_preparation_is_the_same_in_python_and_toml() -> None:
    text = """
[[sources]]
name = "a"
path = "a.csv"
reference_date = "2020-04-01"

[prepare.types]
age = "integer"

[prepare.reference]
iteration = "L1"

[[prepare.fields]]
field = "surname"
steps = ["missing", { type = "missing", add = ["ZZZ"] }]

[[prepare.edits]]
name = "young"
fails_if = "status = 'married' AND age < 14"
action = "set_missing"

[[prepare.duplicates]]
fields = ["surname", "age"]
keep = "most_complete"

[prepare.harmonise]
fields = ["surname"]
"""
    spec = parse_spec(text)
    assert spec.sources[0].reference_date == datetime.date(2020, 4, 1)
    assert parse_spec(dump_spec(spec)) == spec
    assert spec.prepare is not None
    assert Preparation(**dict(spec.prepare)) == spec.prepare
    assert Preparation.model_validate(json.loads(spec.prepare.model_dump_json())) == spec.prepare


# --- the command and the first stage of a run ---------------------------------------------------------------

FILE = """pid,surname,born,person
1,Smith,1980-01-02,p1
2,UNKNOWN,1981-01-02,p2
3,Jones,1982-05-02,p3
4,Jones,1982-05-02,p3
"""
SPEC = """
[[sources]]
name = "a"
path = "a.csv"
id = "pid"
truth = ["person"]

[[sources]]
name = "b"
path = "b.csv"
id = "pid"
truth = ["person"]

[prepare.reference]
iteration = "L1"

[prepare.types]
born = "date"

[[prepare.fields]]
field = "surname"
steps = ["missing"]

[[prepare.edits]]
name = "old"
fails_if = "born < DATE '1980-06-01'"

[[prepare.duplicates]]
fields = ["surname", "born"]

[[comparisons]]
field = "surname"
comparator = { type = "exact" }
m = 0.9
u = 0.01

[[comparisons]]
field = "born"
comparator = { type = "exact" }
m = 0.9
u = 0.01

[[passes]]
type = "all_pairs"
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(FILE)
    (tmp_path / "b.csv").write_text(FILE.replace("\n", "\nb", 4).replace("bpid", "pid"))
    (tmp_path / "s.toml").write_text(SPEC)
    return tmp_path


def test_the_command_writes_prepared_files_that_a_linkage_can_read(files: Path) -> None:
    status, said = call("prepare", files / "s.toml")
    assert status == 0, said
    out = files / "s-prepared"
    assert sorted(one.name for one in out.iterdir()) == [
        "a.parquet", "b.parquet", "failures.parquet", "prepare.json", "removed.parquet", "reported.parquet",
    ]  # fmt: skip
    table = pl.read_parquet(out / "a.parquet")
    assert table.columns == ["pid", "reference", "surname", "surname_raw", "born", "person"]
    assert table["surname"].to_list() == ["Smith", None, "Jones"]
    facts = json.loads((out / "prepare.json").read_text())["sources"][0]
    assert facts["records_read"] == 4
    assert facts["duplicates_removed"] == 1
    assert facts["steps"][0]["rules"] == {'label "unknown"': 1}
    assert facts["edits"][0]["failed"] == 1
    assert 'label "unknown"' in said
    assert 'edit "old" (flag): 1 fail' in said
    assert "'UNKNOWN' -> '(missing)'" not in said
    assert "'UNKNOWN' -> '(missing)'" in call("prepare", files / "s.toml", "--force", "--show-values")[1]
    assert call("prepare", files / "s.toml")[0] == 2
    before = (out / "a.parquet").read_bytes()
    assert call("prepare", files / "s.toml", "--force")[0] == 0
    assert (out / "a.parquet").read_bytes() == before


def test_the_command_says_what_it_lacks(files: Path) -> None:
    text = SPEC.partition("[prepare.reference]")[0] + "[[comparisons]]" + SPEC.partition("[[comparisons]]")[2]
    (files / "no.toml").write_text(text)
    status, said = call("prepare", files / "no.toml")
    assert status == 2
    assert "there is nothing to prepare: add [[prepare.fields]]" in said
    (files / "only.toml").write_text(SPEC.partition("[[comparisons]]")[0])
    status, said = call("link", files / "only.toml", "--out", files / "x")
    assert status == 2
    assert "a preparation alone is run by tallystick prepare" in said


def test_a_run_prepares_first_and_keeps_reference_numbers_through_every_output(files: Path) -> None:
    out = files / "out"
    status, said = call("link", files / "s.toml", "--out", out)
    assert status == 0, said
    links = pl.read_parquet(out / "links.parquet")
    wanted = {("1", "L1.a.1", "b1", "L1.b.1"), ("3", "L1.a.3", "b3", "L1.b.3")}
    columns = ["id_left", "reference_left", "id_right", "reference_right"]
    assert wanted <= set(links.filter(pl.col("decision") == "link").select(columns).rows())
    entities = pl.read_parquet(out / "entities.parquet")
    assert entities.height == 8  # the duplicates too
    assert entities["reference"].null_count() == 0
    same = dict(entities.select("reference", "entity_id").iter_rows())
    assert same["L1.a.4"] == same["L1.a.3"] == same["L1.b.3"] == same["L1.b.4"]
    assert pl.read_parquet(out / "removed.parquet").rows() == [
        ("a", "4", "L1.a.4", "3", "L1.a.3", "surname, born"),
        ("b", "b4", "L1.b.4", "b3", "L1.b.3", "surname, born"),
    ]
    for name in ("failures", "residuals"):
        assert "reference" in pl.read_parquet(out / f"{name}.parquet").columns
    assert "reference_left" in pl.read_parquet(out / "review.parquet").columns
    assert json.loads((out / "prepare.json").read_text())["sources"][1]["records"] == 3
    page = (out / "report.html").read_text()
    section = page.partition('id="preparation"')[2].partition("</section>")[0]
    cells = re.sub(r"<[^>]*>", " ", section).split()
    assert cells[cells.index("link") + 1 :][:5] == ["a", "4", "0", "1", "3"]
    assert "old flag 1" in " ".join(cells)
    status, said = call("evaluate", out, "--truth", "person")
    assert "recall 1.0000" in said
    status, said = call(
        "export", out, "--out", files / "x.csv", "--column", "surname", "--column", "surname_raw"
    )
    assert status == 0, said
    table = pl.read_csv(files / "x.csv")
    assert table.columns[:4] == columns
    second = table.filter(pl.col("id_left") == 2)
    assert second["surname_left"].to_list() == [None]
    assert second["surname_raw_left"].to_list() == ["UNKNOWN"]


def test_a_file_is_added_to_a_run_that_prepares(files: Path) -> None:
    out = files / "out"
    assert call("link", files / "s.toml", "--out", out)[0] == 0
    (files / "c.csv").write_text((files / "b.csv").read_text().replace("b", "c").replace("corn", "born"))
    status, said = call("add", out, files / "c.csv", "--name", "c", "--id", "pid", "--out", files / "more")
    assert status == 0, said
    entities = pl.read_parquet(files / "more" / "entities.parquet")
    same = dict(entities.select("reference", "entity_id").iter_rows())
    assert len(same) == 12
    assert same["L1.c.4"] == same["L1.a.3"]
    links = pl.read_parquet(files / "more" / "links.parquet")
    assert links["reference_right"].null_count() == 0
    assert "L1.c.1" in links["reference_right"].to_list()


def test_match_keys_see_prepared_values(files: Path) -> None:
    text = SPEC.partition("[[comparisons]]")[0] + '[match]\n[[match.keys]]\nparts = ["surname", "born"]\n'
    (files / "m.toml").write_text(text)
    status, said = call("match", files / "m.toml", "--out", files / "m")
    assert status == 0, said
    links = pl.read_parquet(files / "m" / "links.parquet")
    assert links["reference_left"].to_list() == ["L1.a.1", "L1.a.3"]
    assert (files / "m" / "prepare.json").exists()


def test_golden_records_are_of_prepared_values_and_name_the_records_they_come_from(files: Path) -> None:
    (files / "g.toml").write_text(SPEC + '\n[entities.golden]\nrule = "most_frequent"\n')
    status, said = call("link", files / "g.toml", "--out", files / "g")
    assert status == 0, said
    golden = pl.read_parquet(files / "g" / "golden.parquet")
    assert golden["surname_reference"].to_list()[0] == "L1.a.1"
    assert "UNKNOWN" not in golden["surname"].to_list()


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["n/a", "Smith", "x", " ", None, "jones"]), min_size=1, max_size=20))
def test_no_record_is_lost_that_was_not_asked_for(values: list[str | None]) -> None:
    table = pl.DataFrame({"surname": pl.Series(values, dtype=pl.String)})
    steps = of(
        fields=[{"field": "surname", "steps": ["missing"]}],
        edits=[{"name": "j", "fails_if": "surname LIKE 'j%' AND surname <> surname"}],
    )
    found = prepare_table(table, steps)
    assert found.n_records == len(values)
    assert found.ids.to_list() == [str(k + 1) for k in range(len(values))]
