"""The command that links by match keys: its files and their safety, bad input, febrl4 against the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from small_files import SPEC, call, hash_of, tree, write_csv, write_small

import tallystick as ts
from tallystick.linkage.folder import MATCH_OUTPUTS, OUTPUTS
from tallystick.linkage.match import TABLES
from tallystick.linkage.matches import Matches, shared_out

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PERSON = r"^rec-(\d+)-"
SOURCES = SPEC[: SPEC.index("[[comparisons]]")]
MATCH = """
[match]
sample = 5

[[match.keys]]
parts = ["given", "surname", "born", "zip"]

[[match.keys]]
name = "three of four"
parts = ["given", { field = "surname", transform = "nysiis" }, "born", "zip"]
at_least = 3

[[match.keys]]
parts = ["zip", { field = "given", transform = "nickname" }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small(tmp_path, SOURCES + MATCH)
    return tmp_path


def test_golden_records_of_linked_records(folder: Path) -> None:
    golden = '[entities.golden]\nrule = "by_source"\nsources = ["b"]\n'
    (folder / "spec.toml").write_text(SOURCES + MATCH + golden, "utf-8")
    result = call("match", folder / "spec.toml", "--out", folder / "out")
    assert result.exit_code == 0, result.output
    table, entities = written(folder / "out", "golden"), written(folder / "out", "entities")
    assert table["entity_id"].to_list() == entities["entity_id"].unique(maintain_order=True).to_list()
    assert table["records"].sum() == len(entities)
    assert set(table.filter(records=2)["zip_source"].drop_nulls()) == {"b"}
    assert "person" not in table.columns
    (folder / "spec.toml").write_text(SOURCES + MATCH + golden.replace('"b"', '"c"'), "utf-8")
    wrong = call("match", folder / "spec.toml", "--out", folder / "other")
    assert wrong.exit_code == 2
    assert "entities.golden.sources: found 'c', which is no source" in wrong.stderr
    assert not (folder / "other").exists()


def written(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_a_run(folder: Path) -> None:
    out = folder / "out"
    result = call("match", folder / "spec.toml", "--out", out)
    assert result.exit_code == 0, result.output
    links, entities, residuals = (written(out, name) for name in ("links", "entities", "residuals"))
    sources = {"a": 40, "b": 40}
    assert links.columns == ["id_left", "id_right", "key", "decision"]
    assert set(links["decision"]) == {"link"}
    assert links["id_left"].n_unique() == links["id_right"].n_unique() == len(links)
    assert len(residuals) == 80 - 2 * len(links)
    assert entities["entity_id"].n_unique() == 80 - len(links)
    facts = json.loads((out / "run.json").read_text("utf-8"))
    assert facts["counts"]["records"] == sources
    by_key = {one["key"]: one for one in facts["counts"]["keys"]}
    assert {name: one["links"] for name, one in by_key.items()} == {
        name: int((links["key"] == name).sum()) for name in by_key
    }
    assert [one["left"]["a"] for one in by_key.values()][-1] == (residuals["source"] == "a").sum()
    assert (
        " ".join(result.stdout.splitlines()[0].split())
        == "key pairs links ambiguous a ambiguous b left a left b"
    )
    assert f"{len(links):,} links" in result.stdout
    again = call("passes", out)
    assert again.exit_code == 0
    assert result.stdout.startswith(again.stdout)
    assert (out.stat().st_mode & 0o777) == 0o700
    assert sorted(path.name for path in out.iterdir()) == sorted(MATCH_OUTPUTS)
    ambiguous = written(out, "ambiguous")
    left = ambiguous.filter(pl.col("linked_by").is_null()).unique(["source", "id"])
    assert set(left["id"]) == set(residuals.filter(pl.col("key").is_not_null())["id"])
    assert 0 < len(left) < len(ambiguous)
    settled = ambiguous.filter(pl.col("linked_by").is_not_null())
    assert set(settled["id"]) <= {*links["id_left"], *links["id_right"]}
    shown = written(out, "ambiguous_pairs")
    assert shown.columns == [
        "id_left",
        "id_right",
        "key",
        "candidates_left",
        "candidates_right",
        "reason",
        "open",
    ]
    assert len(shown.join(links, on=["id_left", "id_right"], how="semi").filter("open")) == 0
    for one in shown.iter_rows(named=True):
        for side in ("left", "right"):
            told = f"{side} record has {one[f'candidates_{side}']} candidates"
            against = one["reason"].startswith("another candidate agrees on ")
            assert against or (told in one["reason"]) == (one[f"candidates_{side}"] > 1)


def test_a_run_is_evaluated_and_exported(folder: Path) -> None:
    out = folder / "out"
    call("match", folder / "spec.toml", "--out", out)
    links = written(out, "links")
    told = call("evaluate", out, "--truth", "person").stdout
    persons = {row["id"]: row["person"] for name in "ab" for row in _rows(folder / f"{name}.csv")}
    right = sum(persons[a] == persons[b] for a, b in links.select("id_left", "id_right").iter_rows())
    lines = told.splitlines()
    lines = lines[: lines.index("")]  # what follows is of all links together
    assert [line.split(":")[0] for line in lines[1:]] == [
        "key given + surname + born + zip",
        "key three of four",
        "key zip + nickname(given)",
    ]
    assert sum(int(re.search(r"\((\d+) links", line)[1]) for line in lines[1:]) == len(links)  # type: ignore[index]
    assert re.match(rf"precision {right / len(links):.4f}  recall {right / 20:.4f} ", told)
    table = folder / "linked.csv"
    assert call("export", out, "--out", table, "-c", "surname").exit_code == 0
    assert pl.read_csv(table).columns == [
        "id_left",
        "id_right",
        "key",
        "decision",
        "surname_left",
        "surname_right",
    ]
    for command in (["thresholds", out], ["why", out, "a0", "b0"]):
        result = call(*command)
        assert result.exit_code == 2
        assert "the run has linked by match keys, so there is no model" in result.stderr


def _rows(path: Path) -> list[dict[str, str]]:
    return pl.read_csv(path, infer_schema=False).to_dicts()


def test_a_sample_is_answered_like_any_other(folder: Path) -> None:
    out = folder / "out"
    call("match", folder / "spec.toml", "--out", out)
    sample = out / "sample.csv"
    frame = pl.read_csv(sample, infer_schema=False)
    assert frame.columns[:5] == ["id_left", "id_right", "match", "key", "inclusion"]
    assert frame.columns[5:7] == ["given_left", "given_right"]
    assert "person" not in "".join(frame.columns)
    assert len(frame) == 5
    sizes = dict(written(out, "links")["key"].value_counts().iter_rows())
    for key, n in frame["key"].value_counts().iter_rows():
        shares = frame.filter(pl.col("key") == key)["inclusion"].cast(float)
        assert shares.to_list() == pytest.approx([n / sizes[key]] * n)
    result = call("gold", "label", sample, folder / "spec.toml", "--truth", "person")
    assert result.exit_code == 0, result.output
    assert set(pl.read_csv(sample)["match"]) <= {0, 1}


def test_the_sample_is_shared_out() -> None:
    for sizes, n, expected in (
        ([5, 5], 4, [2, 2]),
        ([0, 1, 9], 4, [0, 1, 3]),
        ([3, 2], 9, [3, 2]),
        ([4, 4, 4], 5, [2, 2, 1]),
        ([0, 0], 3, [0, 0]),
        ([7], 0, [0]),
    ):
        assert shared_out(pl.Series(sizes).to_numpy(), n).tolist() == expected


def test_runs_are_equal_and_safe(folder: Path) -> None:
    for name in ("one", "two"):
        call(
            "match", folder / "spec.toml", "--out", folder / name, "--threads", "1" if name == "one" else "3"
        )
    for name in (*(f"{table}.parquet" for table in TABLES), "sample.csv"):
        assert hash_of(folder / "one" / name) == hash_of(folder / "two" / name)
    before = tree(folder)
    result = call("match", folder / "spec.toml", "--out", folder / "one")
    assert result.exit_code == 2
    assert "the directory exists" in result.stderr
    assert tree(folder) == before
    (folder / "one" / "mine.txt").write_text("x")
    spec = (SOURCES + MATCH).replace("sample = 5", "sample = 0")
    (folder / "spec.toml").write_text(spec, "utf-8")
    assert call("match", folder / "spec.toml", "--out", folder / "one", "--force").exit_code == 0
    assert (folder / "one" / "mine.txt").exists()
    assert not (folder / "one" / "sample.csv").exists()  # of the run before
    (folder / "spec.toml").write_text(SPEC, "utf-8")
    assert call("link", folder / "spec.toml", "--out", folder / "one", "--force").exit_code == 0
    assert {path.name for path in (folder / "one").iterdir()} == {*OUTPUTS, "mine.txt"}


def test_a_run_that_was_interrupted_is_done_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.linkage import match as module

    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_json", stops)
        assert call("match", folder / "spec.toml", "--out", folder / "out").exit_code == 1
    assert call("evaluate", folder / "out", "--truth", "person").exit_code == 2
    assert call("match", folder / "spec.toml", "--out", folder / "out").exit_code == 0
    assert not (folder / "out" / ".work").exists()


def test_toml_and_python_are_the_same(folder: Path) -> None:
    linkage = ts.Linkage.from_toml(folder / "spec.toml")
    assert linkage.spec.match == ts.Match(
        sample=5,
        keys=[
            ts.match_key("given", "surname", "born", "zip"),
            ts.match_key("given", ts.nysiis("surname"), "born", "zip", at_least=3, name="three of four"),
            ts.match_key("zip", ts.nickname("given")),
        ],
    )
    (folder / "again.toml").write_text(linkage.to_toml(), "utf-8")
    assert ts.load_spec(folder / "again.toml") == linkage.spec
    call("match", folder / "spec.toml", "--out", folder / "out")
    found = linkage.match()
    for name in TABLES:
        assert getattr(found, "pairs" if name == "links" else name).equals(written(folder / "out", name))
    tables = [pl.read_csv(folder / f"{name}.csv", infer_schema=False) for name in "ab"]
    python = ts.Linkage(match=linkage.spec.match)
    named = [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", tables, strict=True)]
    assert python.match(*named).pairs.equals(found.pairs)
    assert found.sample(3).height == 3
    assert found.join(["zip"]).columns[2:] == ["key", "decision", "zip_left", "zip_right"]
    assert found.evaluate("person").links.links == len(found.pairs)


def test_deduplication_links_every_pair(folder: Path) -> None:
    rows = [
        f"a{k},{name},reid,1990-01-01,1,{k}".split(",") for k, name in enumerate(["ann", "ann", "ann", "bob"])
    ]
    write_csv(folder / "a.csv", rows)
    keys = [ts.match_key("given", "surname")]
    found = ts.Linkage(match=ts.Match(keys=keys)).match(ts.Source(name="a", path=folder / "a.csv", id="id"))
    assert found.pairs.select("id_left", "id_right").rows() == [("a0", "a1"), ("a0", "a2"), ("a1", "a2")]
    ids = found.entities["entity_id"].to_list()
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert found.residuals.rows() == [("a", "a3", None, 0, "no candidate")]
    assert found.counts.columns == ["key", "pairs", "links", "ambiguous_a", "left_a"]


def test_three_sources_are_named(folder: Path) -> None:
    for name in "abc":
        write_csv(
            folder / f"{name}.csv", [f"{k},ann,r{k},1990-01-01,1,{name}{k}".split(",") for k in range(3)]
        )
    sources = [ts.Source(name=name, path=folder / f"{name}.csv", id="id") for name in "abc"]
    found = ts.Linkage(match=ts.Match(keys=[ts.match_key("given", "surname")])).match(*sources)
    assert found.pairs.columns == ["source_left", "id_left", "source_right", "id_right", "key", "decision"]
    assert len(found.pairs) == 9
    assert found.entities["entity_id"].n_unique() == 3
    one = ts.Linkage(match=ts.Match(keys=[ts.match_key("given"), ts.match_key("surname")])).match(*sources)
    assert one.ambiguous["source_candidates"].to_list()[:2] == ["b", "c"]
    assert set(one.ambiguous["linked_by"]) == {"surname"}
    assert one.sample(2).columns[:4] == ["source_left", "id_left", "source_right", "id_right"]


def test_the_schema_knows_match_keys() -> None:
    schema = ts.json_schema()
    parts = schema["$defs"]["MatchKey"]["properties"]["parts"]
    assert {"type": "string"} in parts["items"]["anyOf"]
    transforms = {
        name: schema["$defs"][name]["properties"]["transform"]["enum"] for name in ("KeyPart", "MatchPart")
    }
    several = ["each", "double_metaphone", "daitch_mokotoff"]
    assert [*transforms["MatchPart"][:-1], *several] == transforms["KeyPart"]
    assert transforms["MatchPart"][-1] == "nickname"
    assert "comparisons" not in schema.get("required", [])


def test_nicknames_are_no_blocking_key() -> None:
    with pytest.raises(ts.SpecError, match=r"found 'nickname\(given\)', which only match keys take"):
        ts.blocking_key(ts.nickname("given"))


# Bad input

CASES = {
    "no keys": ("[match]\n", r"match\.keys: missing|match, keys|match\.keys: found nothing"),
    "more than there are": (
        MATCH.replace("at_least = 3", "at_least = 5"),
        r"line \d+, match\.keys\[1\]: found at_least = 5 of 4 parts, expected a number up to 4",
    ),
    "a misspelt key": (MATCH.replace("at_least", "atleast"), r'did you mean "at_least"'),
    "a misspelt transform": (MATCH.replace("nysiis", "nysis"), r'did you mean "nysiis"'),
    "repeated": (
        MATCH + '[[match.keys]]\nparts = ["zip", "born", "surname", "given"]\n',
        r"spec\.toml, line 3\d, match\.keys\[3\]: found the same key as keys\[0\] \(.*\), expected each key",
    ),
    "truth": (
        MATCH.replace('"born"', '"person"'),
        r"match\.keys\[0\]: found .*, which is the truth column \"person\" of sources \"a\" and \"b\"",
    ),
    "id": (
        MATCH.replace('"born"', '"id"'),
        r"match\.keys\[0\]: found the field \"id\", which is the record id",
    ),
    "unknown field": (
        MATCH.replace('"born"', '"borm"'),
        r"a\.csv: there is no column 'borm'; did you mean 'born'; .*; match\.keys\[0\] reads it\.",
    ),
    "no nicknames": (
        MATCH.replace("sample = 5", 'nicknames = "names.csv"'),
        r"match\.nicknames, .*names\.csv: there is no such file; check the path; the list has the columns",
    ),
    "nicknames without columns": (
        MATCH.replace("sample = 5", 'nicknames = "b.csv"'),
        r"match\.nicknames, .*b\.csv: there is no column 'name'; .*; the list has .* 'name' .* 'version'",
    ),
    "a table without keys": (
        "[match]\nsample = 3\n",
        r"match\.keys: found nothing, expected at least one \[\[match\.keys\]\]",
    ),
    "nicknames not used": (
        MATCH.replace("sample = 5", 'nicknames = "b.csv"').replace('nickname"', 'soundex"'),
        "found nicknames, but no part",
    ),
    "one-to-one in one file": (
        MATCH.replace("sample = 5", 'links = "one_to_one"') + '[linkage]\nkind = "link_and_dedupe"\n',
        r'match\.links: found "one_to_one" with kind "link_and_dedupe", expected "many_to_many"',
    ),
    "no year": (
        MATCH + '[[match.keys]]\nparts = ["born", { field = "given", transform = "year" }]\n',
        r"Match key born \+ year\(given\): part year\(given\): no value of field 'given' gives a key",
    ),
    "no match": (
        '[[comparisons]]\nfield = "zip"\ncomparator = { type = "exact" }\n[[passes]]\ntype = "all_pairs"\n',
        r"found no match keys, expected \[match\] with at least one of \[\[match\.keys\]\]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(folder: Path, case: str) -> None:
    text, message = CASES[case]
    sources = SOURCES.replace('[linkage]\nname = "small"\n', "") if "[linkage]" in text else SOURCES
    (folder / "spec.toml").write_text(sources + text, "utf-8")
    before = tree(folder)
    result = call("match", folder / "spec.toml", "--out", folder / "out")
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr), result.stderr
    assert all(line.startswith("tallystick: ") or "spec.toml" in line for line in result.stderr.splitlines())
    assert tree(folder) == before


def test_other_commands_say_what_is_missing(folder: Path) -> None:
    result = call("link", folder / "spec.toml", "--out", folder / "out")
    assert result.exit_code == 2
    assert "comparisons: found none, expected at least one [[comparisons]]: match keys alone" in result.stderr


def test_a_field_without_any_value(folder: Path) -> None:
    rows = [row.split(",") for row in (folder / "a.csv").read_text("utf-8").splitlines()[1:]]
    write_csv(folder / "a.csv", [[*row[:3], "", *row[4:]] for row in rows])
    result = call("match", folder / "spec.toml", "--out", folder / "out")
    assert result.exit_code == 2
    assert "field 'born' (column 'born') is missing in every row" in result.stderr


def test_half_a_file_in_one_block_is_a_warning(folder: Path) -> None:
    rows = [row.split(",") for row in (folder / "a.csv").read_text("utf-8").splitlines()[1:]]
    write_csv(
        folder / "a.csv", [[*row[:4], "0000" if k % 4 else row[4], row[5]] for k, row in enumerate(rows)]
    )
    write_csv(folder / "b.csv", [[*row[:4], "0000" if k % 4 else row[4], "b"] for k, row in enumerate(rows)])
    (folder / "spec.toml").write_text(SOURCES + '[[match.keys]]\nparts = ["zip"]\n', "utf-8")
    result = call("match", folder / "spec.toml", "--out", folder / "out")
    assert result.exit_code == 0
    assert re.search(
        r"warning: Match key zip: 30 of 40 records of a and 30 of 40 records of b share zip = '0000', which "
        r"makes 900 pairs, and none of them can be unique",
        result.stderr,
    )


@pytest.mark.parametrize("command", ["link", "explain", "gold"])
def test_match_keys_alone_are_not_weighed(folder: Path, command: str) -> None:
    arguments = {
        "link": ["link", folder / "spec.toml", "--out", folder / "out"],
        "explain": ["link", folder / "spec.toml", "--explain"],
        "gold": ["gold", "draw", folder / "spec.toml", "--out", folder / "gold.csv"],
    }[command]
    result = call(*arguments)
    assert result.exit_code == 2
    assert re.fullmatch(r"tallystick: comparisons: found none.* tallystick match .*\n", result.stderr)
    assert not (folder / "out").exists()


def test_a_specification_may_have_both(folder: Path) -> None:
    (folder / "spec.toml").write_text(SPEC + MATCH, "utf-8")
    assert call("match", folder / "spec.toml", "--out", folder / "match").exit_code == 0
    assert call("link", folder / "spec.toml", "--out", folder / "link").exit_code == 0
    assert ts.load_model(folder / "link").spec.match is not None
    # The linkage begins with what the keys alone link.
    keyed, links = (pl.read_parquet(folder / name / "links.parquet") for name in ("match", "link"))
    first = links.filter(pl.col("step") == "match keys").select("id_left", "id_right")
    assert set(first.iter_rows()) == set(keyed.select("id_left", "id_right").iter_rows())


# Febrl 4


@pytest.fixture(scope="module")
def febrl4(febrl_dir: Path) -> Matches:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TALLYSTICK_FEBRL", str(febrl_dir))
        return ts.Linkage.from_toml(EXAMPLES / "febrl4-match.toml").match()


def test_febrl4_is_precise(febrl4: Matches) -> None:
    same = pl.col("id_left").str.extract(PERSON) == pl.col("id_right").str.extract(PERSON)
    by_key = febrl4.pairs.group_by("key").agg(pl.len(), same.sum().alias("right"))
    right = int(by_key["right"].sum())
    assert right / len(febrl4.pairs) > 0.999
    assert right / 5000 > 0.89
    assert (by_key["right"] / by_key["len"]).min() > 0.99  # type: ignore[operator]


def test_febrl4_leaves_soc_sec_id_alone(febrl4: Matches) -> None:
    assert "soc_sec_id" not in febrl4.known.records.columns
