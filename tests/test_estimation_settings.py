"""The settings of estimation: TOML and Python alike, refused where they are wrong, part of what a run is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tallystick as ts
from tallystick.estimation.settings import Estimation
from tallystick.spec import dump_spec, parse_spec, resolved
from tests.small_files import SPEC, call, tree, write_small

words = st.sampled_from(["a", "my file", 'with "quotes"', "ünïcode"])
positive = st.floats(1e-3, 1e9)


@st.composite
def previous(draw: st.DrawFn) -> dict[str, Any]:
    use = draw(st.sampled_from(["as_is", "start", "prior"]))
    weight = {"weight": draw(positive)} if use == "prior" else {}
    return {
        "model": draw(words),
        "use": use,
        "others": draw(st.sampled_from(["refuse", "estimate"])),
        **weight,
    }


@st.composite
def estimations(draw: st.DrawFn) -> Estimation:
    asked: dict[str, Any] = {
        "u": draw(st.sampled_from(["non_matches", "all_pairs", "free"])),
        "monotone": draw(st.booleans()),
        "starts": draw(st.integers(1, 50)),
    }
    if draw(st.booleans()):
        asked["previous"] = draw(previous())
    kind = draw(st.sampled_from(["none", "one", "each", "rules"]))
    if kind == "one":
        asked["expected_matches"] = draw(st.one_of(positive, st.integers(1, 10**9)))
    if kind == "each":
        places = draw(st.lists(words, min_size=1, unique=True))
        asked["expected_matches"] = [
            {"left": "left", "right": one, "matches": draw(positive)} for one in places
        ]
    if kind == "rules":
        rules = draw(
            st.lists(st.lists(st.sampled_from("pqr"), min_size=1, unique=True), min_size=1, max_size=3)
        )
        asked["deterministic"] = {"rules": rules, "recall": draw(st.floats(0.01, 1))}
    if draw(st.booleans()) and asked.get("previous", {}).get("use") != "as_is":
        asked["reference"] = {"name": "register", "path": draw(words) + ".csv", "columns": {"p": draw(words)}}
    return Estimation(**asked)


@given(estimations())
def test_toml_gives_back_what_python_said(estimation: Estimation) -> None:
    spec = ts.Spec(
        comparisons=[ts.comparison("p", ts.exact())], passes=[ts.all_pairs()], estimation=estimation
    )
    assert parse_spec(dump_spec(spec)) == spec


def test_a_table_of_its_own_in_toml() -> None:
    text = """
[[comparisons]]
field = "p"
comparator = { type = "exact" }
[[passes]]
type = "all_pairs"
[estimation]
u = "all_pairs"
[estimation.previous]
model = "last/model.json"
use = "prior"
weight = 100
[estimation.reference]
name = "register"
path = "${REGISTER:-reg}.csv"
"""
    spec = resolved(parse_spec(text), "/data")
    assert spec.estimation.previous is not None
    assert spec.estimation.reference is not None
    assert spec.estimation.previous.model == "/data/last/model.json"
    assert str(spec.estimation.reference.path) == "/data/reg.csv"
    with pytest.raises(
        ts.SpecError, match=r"line 10.*estimation\.previous\.model.*NOWHERE, which is not set"
    ):
        parse_spec(text.replace("last/model", "${NOWHERE}/model"))


def refuse(folder: Path, more: str, message: str, prepare: Callable[[Path], object] | None = None) -> None:
    """One sentence, the exit status 2, and nothing written."""
    spec = write_small(folder)
    spec.write_text(SPEC + more, "utf-8")
    if prepare:
        prepare(folder)
    before = tree(folder)
    result = call("link", spec, "--out", folder / "out")
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split()), result.stderr
    assert "Traceback" not in result.stderr
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('u = "free"', 'estimation.u: found "free" where the passes do not compare all pairs'),
        ("expected_matches = 0", "estimation.expected_matches: found 0 matches, expected a number above 0"),
        ('expected_matches = "many"', "estimation.expected_matches"),
        ("starts = 0", "estimation.starts"),
        ('previous = { model = "none.json", use = "start" }', "none.json: there is no such file"),
        ('previous = { model = "a.csv", use = "start" }', "a.csv: the file cannot be read as JSON"),
        ('previous = { model = "a.csv" }', "estimation.previous"),
        ('previous = { model = "a.csv", use = "prior" }', "without a weight"),
        ('deterministic = { rules = [["person"]], recall = 0.9 }', "truth column"),
        ('deterministic = { rules = [["id"]], recall = 0.9 }', "record id"),
        ('deterministic = { rules = [["birthday"]], recall = 0.9 }', "no column 'birthday'"),
        ('reference = { name = "r", path = "none.csv" }', "none.csv: there is no such file"),
        ('reference = { name = "r", path = "other.csv" }', "all fields of no comparison"),
        ('reference = { name = "r", path = "one.csv" }', "single record"),
        ('reference = { path = "a.csv" }', "estimation.reference.name"),
        ('expected_matches = [{ left = "a", right = "c", matches = 3 }]', "a and c are no pair of sources"),
    ],
)
def test_bad_input(tmp_path: Path, more: str, message: str) -> None:
    def files(folder: Path) -> None:
        (folder / "other.csv").write_text("key,value\n1,2\n3,4\n")
        (folder / "one.csv").write_text("given,surname,born\nann,smithe,1950-01-01\n")

    refuse(tmp_path, more + "\n", message, files)


def test_a_run_with_all_of_it_says_where_everything_comes_from(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    assert call("link", spec, "--out", tmp_path / "first").exit_code == 0
    register = (tmp_path / "a.csv").read_text()
    (tmp_path / "register.csv").write_text(register)
    spec.write_text(
        SPEC
        + """
monotone = true
starts = 3
deterministic = { rules = [["surname", "born"], ["given", "surname", "zip"]], recall = 0.9 }
[estimation.previous]
model = "first"
use = "prior"
weight = 50
[estimation.reference]
name = "register"
path = "register.csv"
id = "id"
""",
        "utf-8",
    )
    result = call("link", spec, "--out", tmp_path / "second")
    assert result.exit_code == 0, result.output
    model = json.loads((tmp_path / "second" / "model.json").read_text())
    assert {one["m_origin"] for one in model["comparisons"]} == {
        f"EM, prior worth 50 matches from previous model {tmp_path / 'first'}"
    }
    assert {one["u_origin"].split(" (")[0] for one in model["comparisons"]} == {"reference table register"}
    (rate,) = model["match_rates"]
    assert "deterministic rules, precision 1 and recall 0.9" in rate["origin"]
    assert len(model["em"]["starts"]) == 3
    assert ts.Model.load(tmp_path / "second").to_dict() == model


def test_a_run_is_not_taken_up_with_another_model_or_register(tmp_path: Path) -> None:
    from tallystick.linkage.outside import outside_sha256

    spec = write_small(tmp_path)
    assert call("link", spec, "--out", tmp_path / "first").exit_code == 0
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "register.csv").write_text(text)
    more = (
        'previous = { model = "first", use = "start" }\nreference = { name = "r", path = "register.csv" }\n'
    )
    read = resolved(parse_spec(SPEC + more), tmp_path)
    before = outside_sha256(read)
    assert len(before) == 2
    assert outside_sha256(read) == before
    (tmp_path / "register.csv").write_text(text + "z9,emil,jonsen,1950-01-01,1003,99\n")
    model = tmp_path / "first" / "model.json"
    model.write_text(model.read_text() + "\n")
    assert all(a != b for a, b in zip(outside_sha256(read), before, strict=True))
