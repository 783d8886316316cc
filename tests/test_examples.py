"""Each example as TOML and as Python: one specification, the links that it should give, and a clear error."""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

import tallystick as ts
from tallystick.linkage.evaluation.evaluate import read_truth
from tallystick.linkage.linkage import Linkage
from tallystick.linkage.links import Links
from tallystick.linking.cluster import connected_components
from tallystick.quality.evaluate import b_cubed, entity_rates
from tallystick.quality.rates import Rates, true_rates
from tallystick.spec import Spec, resolved
from tests.small_files import call, part_of_febrl4

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FEBRL = ("febrl3", "febrl4")
DATA = ("essnet", "historical", "census")
KEYS = ("febrl4-match",)  # by match keys: test_match_runs.py
PERSON = r"^rec-(\d+)-"


def python_twin(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def both(name: str) -> tuple[Linkage, Linkage]:
    """The example as TOML and as Python."""
    return Linkage.from_toml(EXAMPLES / f"{name}.toml"), python_twin(name).linkage()


@pytest.mark.parametrize("name", [*FEBRL, *DATA, *KEYS])
def test_toml_and_python_are_the_same_linkage(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FEBRL", "febrl")
    toml, python = both(name)
    assert toml.spec == python.spec
    assert toml.folder.resolve() == python.folder.resolve()


@pytest.mark.parametrize("name", DATA)
def test_the_default_folder_is_beside_the_project(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALLYSTICK_DATA", raising=False)
    linkage, _ = both(name)
    for source in resolved(linkage.spec, linkage.folder).sources:
        assert source.path is not None
        beside = EXAMPLES.resolve().parent.parent / "shared" / "data"
        assert source.path.resolve().parent == beside.resolve()


def test_there_is_no_example_without_its_twin() -> None:
    written = {path.stem for path in EXAMPLES.glob("*.toml")} - {"chapter"}
    assert written == {*FEBRL, *DATA, *KEYS} == {path.stem for path in EXAMPLES.glob("*.py")} - {"demo"}


def two_runs(name: str, out: Path) -> Links:
    """Run both forms, see that they write the same links, and return those of the TOML form.

    Once is enough: that both forms of each example are one specification has a test of its own.
    """
    toml, python = both(name)
    links = toml.run(out / "toml")
    python.run(out / "python")
    for table in ("links", "entities", "residuals", "review"):
        written = [(out / form / f"{table}.parquet").read_bytes() for form in ("toml", "python")]
        assert written[0] == written[1], table
    return links


@pytest.mark.parametrize("persons", [2000, pytest.param(5000, marks=pytest.mark.long)])
def test_febrl4(febrl_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, persons: int) -> None:
    """A part of the persons is a sixth of the pairs, and shows what is wrong as well as all of them."""
    part_of_febrl4(febrl_dir, tmp_path, persons)
    monkeypatch.setenv("TALLYSTICK_FEBRL", str(tmp_path))
    links = Linkage.from_toml(EXAMPLES / "febrl4.toml").run(tmp_path / "out")
    found = links.pairs.filter(pl.col("decision") == "link")
    right = (found["id_left"].str.extract(PERSON) == found["id_right"].str.extract(PERSON)).sum()
    assert len(links.entities) == 2 * persons
    sides = [set(part["id"].str.extract(PERSON)) for part in links.entities.partition_by("source")]
    f1 = 2 * right / (len(found) + len(sides[0] & sides[1]))
    assert f1 >= 0.999


def test_febrl3(febrl_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FEBRL", str(febrl_dir))
    links = both("febrl3")[0].run(tmp_path / "out")
    truth = links.entities["id"].str.extract(PERSON)
    assert f1_of(entity_rates(links.entities["entity_id"], truth)) >= 0.9995
    assert not [text for text in links.model.warnings if "depend on each other" in text]
    found = links.pairs.filter(pl.col("decision") == "link")
    row = {one: number for number, one in enumerate(links.entities["id"])}
    left, right = (
        found[side].replace_strict(row, return_dtype=pl.Int64).to_numpy() for side in ("id_left", "id_right")
    )
    rates = true_rates(left, right, truth, [len(truth)], within=True, between=False)
    assert f1_of(rates) >= 0.999


def f1_of(rates: Rates | None) -> float:
    assert rates is not None
    assert rates.f1 is not None
    return rates.f1


def test_essnet(essnet: tuple[Path, Links]) -> None:
    _, links = essnet
    truth = links.evaluate("person_id").links
    assert truth.false_links + truth.missed <= 110
    assert f1_of(truth) >= 0.9976
    rates = links.quality()
    assert rates.matches == pytest.approx(truth.matches, rel=0.01)
    for which in ("precision", "recall"):
        limits, true = rates.intervals[which], getattr(truth, which)
        assert getattr(rates, which) == pytest.approx(true, abs=0.005)
        assert limits.low <= true <= limits.high
    low, high = rates.intervals["matches"].low, rates.intervals["matches"].high
    assert low <= truth.matches <= high
    # What the run recommends, done.
    assert 'match_interactions = [["dob_mon", "dob_year"]]' in "\n".join(links.model.warnings)


def test_historical(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA", str(data_dir.resolve()))
    links = both("historical")[0].run(tmp_path / "toml")
    assert f1_of(links.evaluate("cluster").entities) >= 0.9
    # Better than connected components, wherever these are cut off.
    truth = read_truth(links.prepared.spec.sources, "cluster")[0]["truth"]
    reached = b_cubed(links.entities["entity_id"], truth)[2]
    pairs, posterior = links.decided.pairs, links.decided.posterior
    for least in (0.5, 0.8, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.99, 0.999):
        above = posterior >= least
        whole = connected_components(pairs.left[above], pairs.right[above], len(truth))
        assert b_cubed(pl.Series(whole), truth)[2] < reached - 0.003, least


def test_census(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA", str(data_dir.resolve()))
    links = two_runs("census", tmp_path)
    assert f1_of(links.evaluate("simulant_id").links) >= 0.993
    assert links.pairs["reference_left"].null_count() == 0
    failures = pl.read_parquet(tmp_path / "toml" / "failures.parquet")
    assert set(failures["rule"]) == {"a child heads the household", "an old child"}
    facts = json.loads((tmp_path / "toml" / "prepare.json").read_text())
    rules = [step["rules"] for one in facts["sources"] for step in one["steps"] if step["step"] == "date"]
    assert all(any(rule.startswith("month first, as ") for rule in own) for own in rules)


def without(spec: Spec, fields: Sequence[str] = ()) -> Spec:
    """The same without its preparation, or with those of some fields alone."""
    assert spec.prepare is not None
    kept = tuple(one for one in spec.prepare.fields if one.field in fields)
    return spec.model_copy(update={"prepare": ts.Preparation(fields=kept) if kept else None})


def test_prepared_files_link_better_than_raw_ones(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA", str(data_dir.resolve()))
    clean = {"type": "text", "case": "lower", "punctuation": "space"}
    name = ["missing", "repair", clean, "fold"]
    titles = {"type": "remove_words", "dictionary": "titles"}
    nicknames = {"type": "nickname", "first_word": True}
    of_persons = ts.Preparation(
        fields=[
            {"field": "full_name", "steps": [*name, titles, nicknames]},
            {"field": "birth_place", "steps": name},
            {"field": "occupation", "steps": name},
        ]
    )
    historical = resolved(both("historical")[0].spec, EXAMPLES)
    f1 = []
    for prepare in (None, of_persons):
        spec = historical.model_copy(update={"prepare": prepare})
        found = Linkage(spec=spec).fit(*spec.sources).link(*spec.sources)
        f1.append(f1_of(found.evaluate("cluster").entities))
    assert f1[1] > f1[0] + 0.001
    # Dates stay as they are written, so that passes and comparisons see the same of both.
    census = resolved(both("census")[0].spec, EXAMPLES)
    year = [ts.blocking_key(*one) for one in (("first_name", "last_name"), ("date_of_birth",))]
    year += [ts.blocking_key("street_name", "street_number")]
    year += [ts.blocking_key("last_name", "sex", ts.last("date_of_birth", 4))]
    year += [ts.blocking_key("first_name", ts.last("date_of_birth", 4))]
    census = census.model_copy(update={"passes": tuple(year)})
    errors = []
    for fields in ((), ("first_name", "last_name", "street_name", "street_number")):
        spec = without(census, fields)
        rates = Linkage(spec=spec).fit(*spec.sources).link(*spec.sources).evaluate("simulant_id").links
        errors.append(rates.false_links + rates.missed)
    assert errors[1] < errors[0]


@pytest.mark.parametrize("name", [*FEBRL, *DATA])
@pytest.mark.parametrize("form", ["toml", "python"])
def test_absent_data_are_named(name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FEBRL" if name in FEBRL else "TALLYSTICK_DATA", str(tmp_path / "nowhere"))
    monkeypatch.chdir(tmp_path)
    if form == "toml":
        done = call("link", EXAMPLES / f"{name}.toml", "--out", "out")
        status, said = done.exit_code, done.stderr
    else:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "out"])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        status, said = 1, stopped.value.code  # a text goes to standard error, with status 1
    assert status == (2 if form == "toml" else 1)
    assert isinstance(said, str)
    assert str(tmp_path / "nowhere") in said
    assert not (tmp_path / "out").exists()
