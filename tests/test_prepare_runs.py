"""Preparation within runs: what other commands see of it, and what must not be lost on the way."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import polars as pl
import pytest
from small_files import outcome as call

import tallystick as ts
from tallystick import Source
from tallystick.errors import InputError, RunError, SpecError, TallystickWarning
from tallystick.preparation.distinct import map_texts
from tallystick.preparation.edits import Edit
from tallystick.preparation.prepare import prepare_table
from tallystick.preparation.settings import Preparation
from tallystick.preparation.whole_table import as_prepared, named_as_prepared, whole_table

LINKAGE = """
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


def of(**parts: object) -> Preparation:
    return Preparation(**parts)  # type: ignore[arg-type]


ROWS = """1,Smith,1980-01-02,m,p1
2,Miller,1981-01-02,f,p2
3,Jones,1982-05-02,m,p3
4,Jones,1982-05-02,f,p3
"""


def two_files(folder: Path, prepare: str, kind: str = "", rows: str = "") -> Path:
    """Two small files and a specification that prepares them so."""
    rows = rows or ROWS
    (folder / "a.csv").write_text("pid,surname,born,sex,person\n" + rows)
    (folder / "b.csv").write_text("pid,surname,born,sex,person\n" + rows)
    sources = "".join(
        f'[[sources]]\nname = "{name}"\npath = "{name}.csv"\nid = "pid"\ntruth = ["person"]\n\n'
        for name in "ab"
    )
    (folder / "b.csv").write_text((folder / "b.csv").read_text() + "9,Zorn,1999-09-09,m,p9\n")
    path = folder / "s.toml"
    path.write_text(f"[linkage]\n{kind}\n{sources}{prepare}{LINKAGE}")
    return path


DUPLICATES = '[[prepare.duplicates]]\nfields = ["surname", "born"]\n'
DROP = '[[prepare.edits]]\nname = "no Miller"\nfails_if = "surname = \'Miller\'"\naction = "drop"\n'


# --- nothing is written over ---------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["sex", "sex_raw", "reference", "id"])
def test_no_step_writes_over_a_column_of_the_file_or_of_ours(field: str) -> None:
    table = pl.DataFrame({"name": ["Ann Smith"], "sex": ["f"]})
    fields = [
        {"field": "sex", "steps": ["missing"]},
        {"field": "name", "steps": [{"type": "split_name", "into": {"first": field}}]},
    ]
    if field == "sex":
        fields = fields[1:]
    with pytest.raises(InputError, match=f"the preparation writes '{field}', in place of a column"):
        prepare_table(table, of(fields=fields, reference={"iteration": "x"}))


@pytest.mark.parametrize(("field", "what"), [("pid", "record id"), ("person", "truth column")])
def test_no_step_writes_the_id_or_the_answer(tmp_path: Path, field: str, what: str) -> None:
    step = f'{{ type = "phonetic", code = "soundex", into = "{field}" }}'
    steps = f'[[prepare.fields]]\nfield = "surname"\nsteps = [{step}]\n'
    spec = two_files(tmp_path, steps)
    status, said = call("prepare", spec)
    assert status == 2
    assert what in said


def test_a_column_that_the_field_of_another_is_called_stays_under_another_name() -> None:
    table = pl.DataFrame({"surname": ["married"], "born_as": [" Smith "]})
    source = Source(name="a", table=table, columns={"surname": "born_as"})
    found = whole_table(prepare_table(source, of(fields=[{"field": "surname", "steps": ["text"]}])))
    assert found.row(0, named=True) == {
        "id": "1", "surname": "Smith", "surname_raw": " Smith ", "surname_of_file": "married",
    }  # fmt: skip


def test_a_field_called_as_the_ids_is_refused_and_an_undeclared_id_is_named() -> None:
    table = pl.DataFrame({"pid": ["a", "b"], "id": ["x", "-"]})
    prepared = prepare_table(
        Source(name="a", table=table, id="pid"), of(fields=[{"field": "id", "steps": ["missing"]}])
    )
    assert whole_table(prepared)["pid"].to_list() == ["a", "b"]
    with pytest.raises(InputError, match="the field 'id' is called as a column of the prepared table"):
        prepared.table()
    numbered = prepare_table(Source(name="a", table=table), of(fields=[{"field": "pid", "steps": ["text"]}]))
    with pytest.raises(InputError, match="has a column 'id', but its records are numbered: say id = \"id\""):
        whole_table(numbered)


def test_what_an_edit_sets_missing_keeps_its_raw_value() -> None:
    table = pl.DataFrame({"age": [3, 40]})
    rule = {"name": "young", "fails_if": "age < 14", "action": "set_missing"}
    found = prepare_table(table, of(types={"age": "integer"}, edits=[rule])).table()
    assert found["age"].to_list() == [None, "40"]
    assert found["age_raw"].to_list() == ["3", "40"]


def test_what_nothing_is_done_to_stays_as_it_is() -> None:
    table = pl.DataFrame(
        {"x": [" a", "b"], "n": [1.5, 2.0], "l": [["p", "q"], ["r"]], "reference": ["u", "v"]}
    )
    steps = of(
        fields=[{"field": "x", "steps": ["text"]}],
        types={"n": "number"},
        edits=[{"name": "large", "fails_if": "n > 9"}],
    )
    source = Source(name="a", table=table)
    found = whole_table(prepare_table(source, steps))
    assert found["n"].dtype == pl.Float64
    assert found["l"].to_list() == table["l"].to_list()
    (made,) = as_prepared(
        [source], of(fields=[{"field": "x", "steps": ["text"]}], reference={"iteration": "k"})
    )
    assert made.table["reference"].to_list() == ["u", "v"]
    (named,) = named_as_prepared([source], steps)
    assert set(named.table.columns) == set(as_prepared([source], steps)[0].table.columns)


def test_fields_read_a_column_that_no_step_touches_as_without_a_preparation() -> None:
    days = pl.Series("born", ["1980-01-02", "1981-01-02"]).str.to_date("%Y-%m-%d")
    typed = pl.DataFrame([pl.Series("name", ["ann ", "bob"]), days])
    text = pl.DataFrame({"name": ["ann", "bob "], "born": ["02/01/1980", "02/01/1981"]})
    linkage = ts.Linkage(
        [ts.comparison("name", ts.exact(), m=0.9, u=0.1), ts.comparison("born", ts.exact(), m=0.9, u=0.1)],
        [ts.all_pairs()],
        fields={"born": ts.FieldSettings(type="date", format="%d/%m/%Y")},
        prepare=of(fields=[{"field": "name", "steps": ["text"]}]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TallystickWarning)
        links = linkage.fit(typed, text).link(typed, text)
    assert links.pairs.filter(pl.col("pattern") == "1-1").height == 2


# --- other commands ---------------------------------------------------------------------------------------


def test_records_dropped_by_an_edit_are_no_entity_together(tmp_path: Path) -> None:
    rows = (
        "".join(f"{k},Miller,19{k}-01-01,m,p{k}\n" for k in range(50, 56))
        + "7,Smith,1970-01-01,m,p7\n8,Jones,1971-02-02,f,p8\n"
    )
    spec = two_files(tmp_path, DROP, 'kind = "link_and_dedupe"', rows)
    assert call("link", spec, "--out", tmp_path / "out")[0] == 0
    _, said = call("evaluate", tmp_path / "out", "--truth", "person")
    assert "entities: precision 1.0000" in said


def test_blocks_are_evaluated_without_the_records_taken_out(tmp_path: Path) -> None:
    spec = two_files(tmp_path, DUPLICATES + DROP)
    status, said = call("evaluate-blocks", spec, "--truth", "person")
    assert status == 0, said
    assert "changed meanwhile" not in said


def test_why_says_that_a_record_was_taken_out(tmp_path: Path) -> None:
    spec = two_files(tmp_path, DUPLICATES + DROP)
    assert call("link", spec, "--out", tmp_path / "out")[0] == 0
    assert "taken out as a duplicate of '3'; ask for that one" in call("why", tmp_path / "out", "4", "1")[1]
    assert "dropped by the edit 'no Miller'" in call("why", tmp_path / "out", "2", "1")[1]
    assert "check the id" in call("why", tmp_path / "out", "77", "1")[1]


def test_the_same_record_survives_in_every_command(tmp_path: Path) -> None:
    rows = "1,Smith,1980-01-02,,p1\n2,Smith,1980-01-02,m,p1\n3,Jones,1990-01-01,f,p3\n"
    duplicates = DUPLICATES + 'keep = "most_complete"\n'
    spec = two_files(tmp_path, duplicates, rows=rows)
    spec.write_text(spec.read_text().replace('field = "born"', 'field = "sex"'))
    assert call("link", spec, "--out", tmp_path / "out")[0] == 0
    assert call("prepare", spec, "--out", tmp_path / "p")[0] == 0
    run, alone = (pl.read_parquet(tmp_path / one / "removed.parquet")["id"].to_list() for one in ("out", "p"))
    assert run == alone == ["2", "2"]


def test_golden_records_know_what_removed_duplicates_said(tmp_path: Path) -> None:
    rows = "1,Smith,1980-01-02,,p1\n2,Smith,1980-01-02,m,p1\n3,Jones,1990-01-01,f,p3\n"
    golden = '\n[entities.golden]\nrule = "most_frequent"\n'
    spec = two_files(tmp_path, DUPLICATES, rows=rows)
    spec.write_text(spec.read_text() + golden)
    assert call("link", spec, "--out", tmp_path / "out")[0] == 0
    found = pl.read_parquet(tmp_path / "out" / "golden.parquet").filter(pl.col("surname") == "Smith")
    assert found["records"].to_list() == [4]
    assert found["sex"].to_list() == ["m"]
    spec.write_text(
        spec.read_text().replace('rule = "most_frequent"', 'rule = "most_recent"\ndate = "nosuch"')
    )
    status, said = call("link", spec, "--out", tmp_path / "other")
    assert status == 2
    assert "'nosuch', a field that no source has" in said


def test_a_dictionary_that_changed_after_the_run_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("word\nvon\n")
    step = '{ type = "remove_words", dictionary = "words.csv" }'
    steps = f'[[prepare.fields]]\nfield = "surname"\nsteps = [{step}]\n'
    spec = two_files(tmp_path, steps)
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        assert call("link", "s.toml", "--out", "out")[0] == 0
        os.chdir(here)
        status, said = call("export", tmp_path / "out", "--out", tmp_path / "x.csv")
        assert status == 0, said
    finally:
        os.chdir(here)
    (tmp_path / "words.csv").write_text("word\nvan\n")
    status, said = call("export", tmp_path / "out", "--out", tmp_path / "y.csv")
    assert status == 2
    assert "words.csv: this file, which the preparation needs, has changed since the run" in said
    assert spec.exists()


def test_a_run_counts_the_records_read_and_those_left(tmp_path: Path) -> None:
    spec = two_files(tmp_path, DUPLICATES)
    assert call("link", spec, "--out", tmp_path / "out")[0] == 0
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [one["rows"] for one in facts["inputs"]] == [4, 5]
    said = call("link", spec, "--out", tmp_path / "again")[1]
    assert "7 of 9 records are linked once prepared: 2 removed as duplicates" in said
    assert facts["counts"]["records"] == {"a": 3, "b": 4}


def test_prepare_leaves_an_unfinished_run_alone(tmp_path: Path) -> None:
    spec = two_files(tmp_path, DUPLICATES)
    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    (out / ".work" / "run").write_text("another")
    (out / "counts.parquet").write_bytes(b"kept")
    status, said = call("prepare", spec, "--out", out)
    assert status == 2
    assert "an unfinished run of another specification" in said
    assert (out / "counts.parquet").exists()


@pytest.mark.parametrize("name", ["../evil", "x/y", "..", "failures", "reported"])
def test_a_source_whose_name_is_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    spec = two_files(tmp_path, DUPLICATES)
    spec.write_text(spec.read_text().replace('name = "b"', f'name = "{name}"'))
    status, said = call("prepare", spec, "--out", tmp_path / "out")
    assert status == 2
    assert "cannot give its name to a file" in said
    assert not (tmp_path / "out").exists()


# --- what is wrong is said, and where -------------------------------------------------------------------


def fails(text: str) -> int:
    return int(text)


def test_a_process_that_fails_is_an_error_of_ours_without_the_value() -> None:
    with pytest.raises(RunError) as error:
        map_texts(fails, ["1", "secret"] * 4, processes=2, few=1)
    assert "secret" not in str(error.value)


def test_a_step_that_takes_much_away_is_warned_of() -> None:
    table = pl.DataFrame({"born": [f"{day:02}/13/1980" for day in range(1, 31)]})
    with pytest.warns(
        TallystickWarning, match=r"the step 'date' of 'born': 30 of 30 values set missing \(100%\)"
    ):
        prepare_table(
            table, of(fields=[{"field": "born", "steps": [{"type": "date", "order": "day_first"}]}])
        )


def test_what_was_warned_of_in_a_run_is_not_warned_of_again() -> None:
    table = pl.DataFrame({"born": [f"{day:02}/13/1980" for day in range(1, 31)]})
    steps = of(fields=[{"field": "born", "steps": [{"type": "date", "order": "day_first"}]}])
    with warnings.catch_warnings():
        warnings.simplefilter("error", TallystickWarning)
        (made,) = as_prepared([Source(name="a", table=table)], steps)
    assert made.table["born"].null_count() == 30


def test_values_that_could_not_be_decided_are_listed_by_record() -> None:
    table = pl.DataFrame({"born": ["03/04/1980", "1980-01-01", "03/04/1980"]})
    found = prepare_table(table, of(fields=[{"field": "born", "steps": ["date"]}]))
    assert found.reported["id"].to_list() == ["1", "3"]
    assert found.reported["place"].to_list() == ["prepare.fields[0].steps[0]"] * 2
    assert (found.steps[0].n_reported, found.steps[0].n_emptied, found.steps[0].n_present) == (2, 2, 3)


def test_steps_after_one_of_two_fields_see_each_value_once() -> None:
    names = ["Smithson"] * 60 + ["SMITHSON"] + ["Smithsen"]
    table = pl.DataFrame({"surname": names, "forename": [f"f{k}" for k in range(62)]})
    swap = {"type": "swapped_names", "forename": "forename", "surname": "surname"}
    for steps in ([swap, "phonetic"], [swap, {"type": "text"}]):
        if steps[1] == "phonetic":
            steps[1] = {"type": "phonetic", "code": "soundex"}
        found = prepare_table(table, of(fields=[{"field": "surname", "steps": steps}]), ["forename"])
        assert found.steps[1].n_values == 3


def test_a_rule_that_fails_for_all_that_it_can_judge_is_refused() -> None:
    table = pl.DataFrame({"age": [*range(20, 39), None]})
    rule = {"name": "a", "fails_if": "age >= 0", "action": "set_missing"}
    with pytest.raises(InputError, match="fails for all 19 records that it can judge"):
        prepare_table(table, of(types={"age": "integer"}, edits=[rule]))


def test_a_rule_of_values_that_are_not_of_their_type_is_refused() -> None:
    table = pl.DataFrame({"born": ["31/12/1980", "01/02/1990"], "n": ["1", "x"]})
    rule = {"name": "a", "fails_if": "born > DATE '2020-01-01'"}
    with pytest.raises(InputError, match="no value of 'born' is a date as 1980-01-31"):
        prepare_table(table, of(types={"born": "date"}, edits=[rule]))
    some = prepare_table(table, of(types={"n": "integer"}, edits=[{"name": "b", "fails_if": "n > 5"}]))
    assert dict(some.edits[0].unreadable) == {"n": 1}


def test_an_error_of_a_rule_names_no_value() -> None:
    table = pl.DataFrame({"age at death": ["secret", "3"]})
    with pytest.raises(InputError) as error:
        prepare_table(table, of(edits=[{"name": "a", "fails_if": 'CAST("age at death" AS INT) < 3'}]))
    assert "secret" not in str(error.value)


def test_rules_of_a_group_may_count_its_records() -> None:
    table = pl.DataFrame({"hh": ["1", "1", "2", None], "x": list("abcd")})
    found = prepare_table(table, of(edits=[{"name": "two", "fails_if": "COUNT(*) > 1", "group": "hh"}]))
    assert found.failures.rows() == [(one, "two", "hh", "error", "flag") for one in ("1", "2")]
    with pytest.raises(SpecError, match="without a SELECT of its own"):
        Edit(name="a", fails_if="x IN (SELECT 1)")


def test_the_hint_for_text_in_double_quotes() -> None:
    table = pl.DataFrame({"relation": ["head"]})
    with pytest.raises(InputError, match="a text, unlike a field, stands in single quotes"):
        prepare_table(table, of(edits=[{"name": "a", "fails_if": 'relation = "child"'}]))


def test_types_are_of_fields_that_somebody_reads() -> None:
    with pytest.raises(SpecError, match=r'types.agee: found "agee".*did you mean "age"'):
        of(types={"agee": "integer"}, edits=[{"name": "a", "fails_if": "age < 3"}])


def test_harmonisation_reads_its_fields_and_asks_for_something_to_compare(tmp_path: Path) -> None:
    rows = "".join(f"{k},Name{k},19{k}-01-01,{'mf'[k % 2]},p{k}\n" for k in range(10, 40))
    spec = two_files(tmp_path, '[prepare.harmonise]\nfields = ["sex"]\n', rows=rows)
    assert call("prepare", spec, "--out", tmp_path / "one")[0] == 0
    (tmp_path / "b.csv").write_text((tmp_path / "b.csv").read_text().replace(",m,", ",male,"))
    status, said = call("prepare", spec, "--out", tmp_path / "two")
    assert status == 2
    assert "field 'sex'" in said
    spec.write_text(spec.read_text().replace('fields = ["sex"]', ""))
    assert "no field is prepared" in call("prepare", spec, "--out", tmp_path / "three")[1]


def test_a_field_that_steps_empty_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    rows = "1,n/a,1980-01-02,m,p1\n2,unknown,1981-01-02,f,p2\n"
    spec = two_files(tmp_path, '[[prepare.fields]]\nfield = "surname"\nsteps = ["missing"]\n', rows=rows)
    status, said = call("link", spec, "--out", tmp_path / "out")
    assert status == 2
    assert "the preparation leaves no value of field 'surname'" in said


def test_sources_alone_can_be_profiled_and_prepared_but_not_linked(tmp_path: Path) -> None:
    spec = two_files(tmp_path, "")
    spec.write_text(spec.read_text().partition("[[comparisons]]")[0])
    assert call("profile", spec)[0] == 0
    assert "there is nothing to prepare" in call("prepare", spec)[1]
    status, said = call("link", spec, "--out", tmp_path / "out")
    assert status == 2
    assert "sources alone can be profiled and prepared" in said
