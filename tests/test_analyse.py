"""``tallystick analyse``: runs of every kind, every key of its specification, bad input, its page."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from analysis_runs import Files, audit_by_truth, files, linkage, made_run, true_q, write_files
from kinds_of_runs import MANY, STEPS, made, made_by_households
from small_files import call
from small_review import chromium

import tallystick as ts
from tallystick.errors import InputError, SpecError
from tallystick.linkage.analyses.analyse import analyse
from tallystick.linkage.analyses.linked_file import linked_file
from tallystick.linkage.analyses.linked_pairs import linked_pairs
from tallystick.linkage.analyses.settings import Analysis, Variable, load_analysis, parse_analysis
from tallystick.linkage.analyses.text import analysis_text

LINE = 'run = "out"\n[regression]\nformula = "income ~ age"\n'
KNOWN = '[errors]\nfrom = "known"\nq = 0.95\n'


@dataclass(frozen=True)
class Made:
    """A run with an audit, and what it was made of."""

    folder: Path
    files: Files

    @property
    def run(self) -> Path:
        return self.folder / "out"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder, people = tmp_path_factory.mktemp("analyse"), files(500, blocks=10)
    made_run(folder, people)
    audit_by_truth(folder / "out", people)
    return Made(folder, people)


def run_of(folder: Made, **settings: Any) -> Any:
    return analyse(Analysis(run=folder.run, **{"regression": {"formula": "income ~ age"}, **settings}))


def written(folder: Path, text: str, *arguments: object) -> Any:
    (folder / "a.toml").write_text(text, encoding="utf-8")
    return call("analyse", folder / "a.toml", *arguments)


def test_joined_by_id_and_never_by_position(whole: Made, tmp_path: Path) -> None:
    shuffled = tmp_path / "again"
    shutil.copytree(whole.folder, shuffled)
    links = pl.read_parquet(shuffled / "out" / "links.parquet")
    links.sample(fraction=1.0, shuffle=True, seed=3).write_parquet(shuffled / "out" / "links.parquet")
    first = linked_file(whole.run, ["income"], ["age"], block="region")
    # The run names its sources by absolute paths, so that the files are those of before.
    second = linked_file(shuffled / "out", ["income"], ["age"], block="region")
    assert first.rows.equals(second.rows)
    by_hand = whole.files.survey.join(
        links.filter(pl.col("decision") == "link"), left_on="id", right_on="id_right", maintain_order="left"
    ).join(whole.files.register, left_on="id_left", right_on="id", maintain_order="left")
    assert first.rows["link_outcome"].to_list() == by_hand["id"].to_list()
    np.testing.assert_allclose(first.rows["age"].to_numpy(), by_hand["age"].to_numpy())
    np.testing.assert_allclose(first.rows["income"].to_numpy(), by_hand["income"].to_numpy())
    assert first.rows["link_block"].to_list() == by_hand["region"].to_list()
    assert first.crossing == 0.0
    assert len(first.register) == 500
    assert int(first.register["link_made"].sum()) == len(first.rows)


def test_json_is_what_python_gives(whole: Made) -> None:
    result = written(whole.folder, LINE, "--json", "--out", whole.folder / "res", "--force")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told == run_of(whole).to_dict()
    assert told == json.loads((whole.folder / "res" / "analysis.json").read_text("utf-8"))
    table = pl.read_csv(whole.folder / "res" / "estimates.csv")
    assert table["term"].to_list() == [row["term"] for row in told["estimates"]]
    np.testing.assert_allclose(table["estimate"], [row["estimate"] for row in told["estimates"]])
    assert pl.read_parquet(whole.folder / "res" / "estimates.parquet").shape == table.shape


def test_no_value_of_a_record_is_in_the_files(whole: Made) -> None:
    written(whole.folder, LINE, "--out", whole.folder / "res", "--force", "-q")
    for name in ("analysis.json", "analysis.html", "estimates.csv"):
        text = (whole.folder / "res" / name).read_text("utf-8")
        for value in (whole.files.survey["id"][5], whole.files.register["id"][7]):
            assert f'"{value}"' not in text
            assert f">{value}<" not in text
        assert str(whole.files.survey["income"][0]) not in text


@pytest.mark.parametrize(
    ("errors", "method"),
    [
        ({}, "lahiri-larsen"),
        ({"block": "region"}, "lahiri-larsen"),
        ({"origin": "known", "q": 0.95}, "eblue"),
        ({"origin": "known", "q": 0.95, "block": "region"}, "eblue"),
        ({"origin": "audit"}, "ratio"),
        ({"origin": "audit", "block": "region"}, "ratio"),
        ({"origin": "audit", "by": "block", "block": "region"}, "ratio"),
        ({"origin": "audit", "by": "all"}, "ratio"),
    ],
)
def test_the_method_is_the_recommended_one_and_corrects(
    whole: Made, errors: dict[str, Any], method: str
) -> None:
    found = run_of(whole, errors=errors)
    assert found.choice.method == method
    naive, corrected = found.naive.values[1], found.corrected.values[1]
    assert corrected > naive  # wrong links draw a slope towards 0
    assert abs(corrected - 2) < 4 * found.corrected.standard_errors[1]
    assert method in str(found)
    assert found.choice.why in str(found)


def test_q_of_the_audit_is_what_people_found(whole: Made) -> None:
    audit = json.loads((whole.run / "audit.json").read_text("utf-8"))["estimate"]
    for by in ("band", "block", "all"):
        found = run_of(whole, errors={"origin": "audit", "by": by, "block": "region"}).errors
        assert found.mean_q == pytest.approx(audit["estimates"]["precision"], abs=1e-9)
        assert found.limits[0] <= true_q(whole.run, whole.files) <= found.limits[1]
    pooled = run_of(whole, errors={"origin": "audit", "by": "all"}).errors
    assert len(np.unique(pooled.q)) == 1
    judged = sum(one["judged"] for one in pooled.groups)
    assert judged == sum(one["judged"] for one in audit["strata"] if one["kind"] == "link")


def test_uncertainty_of_an_audit_widens_the_interval(whole: Made) -> None:
    audited = run_of(whole, errors={"origin": "audit", "by": "all"}, register=False)
    q = float(audited.errors.q[0])
    known = run_of(
        whole,
        errors={"origin": "known", "q": q},
        register=False,
        regression={"formula": "income ~ age", "method": "ratio"},
    )
    np.testing.assert_allclose(known.corrected.values, audited.corrected.values)
    assert audited.corrected.standard_errors[1] > known.corrected.standard_errors[1]


def test_every_key_has_an_effect(whole: Made) -> None:
    base = {"origin": "known", "q": 0.9}
    plain = run_of(whole, errors=base)

    def differs(other: Any) -> bool:
        return not np.allclose(other.corrected.values, plain.corrected.values, rtol=1e-9)

    assert differs(run_of(whole, errors={**base, "q": 0.95}))
    assert differs(run_of(whole, errors={**base, "block": "region"}))
    by_block = {f"r{k:02}": 0.9 if k % 2 else 0.97 for k in range(10)}
    assert differs(run_of(whole, errors={**base, "q": by_block, "block": "region"}))
    assert differs(run_of(whole, errors=base, register=False))
    for method in ("naive", "ratio", "lahiri-larsen", "scheuren-winkler", "inverse"):
        line = {"formula": "income ~ age", "method": method}
        other = run_of(whole, errors=base, register=False, regression=line)
        assert other.choice.method == method
        assert differs(other)
    errors = {
        variance: run_of(
            whole,
            errors={**base, "block": "region"},
            regression={"formula": "income ~ age", "variance": variance},
        ).corrected.standard_errors[1]
        for variance in ("block", "centred", "published", "jackknife")
    }
    assert len(set(errors.values())) == 4
    assert run_of(whole, errors=base, diagnostics=False).diagnostics == {}
    assert set(plain.diagnostics) == {"linked", "bands", "residuals", "sensitivity"}
    logistic = {"formula": "works ~ age", "family": "logistic"}
    with pytest.raises(InputError, match="works: a regression needs numbers"):
        run_of(whole, errors=base, regression=logistic)
    named = run_of(whole, errors=base, name="Pay by age")
    assert named.to_dict()["name"] == "Pay by age"
    renamed = {"pay": Variable(source="survey", column="income", type="number")}
    other = run_of(whole, errors=base, variables=renamed, regression={"formula": "pay ~ age"})
    np.testing.assert_allclose(other.corrected.values, plain.corrected.values)
    weighted = {"w": Variable(source="survey", column="born")}
    assert differs(
        run_of(whole, errors=base, variables=weighted, regression={"formula": "income ~ age", "weights": "w"})
    )


def test_families(whole: Made) -> None:
    for family, outcome in (("logistic", "rich"), ("poisson", "events")):
        found = run_of(whole, regression={"formula": f"{outcome} ~ age", "family": family})
        assert found.converged
        assert found.to_dict()["what"]["family"] == family
        assert found.corrected.values[1] > found.naive.values[1] > 0


def test_variables_within_stateful_functions_are_read(whole: Made) -> None:
    plain = run_of(whole)
    centred = run_of(whole, regression={"formula": "income ~ center(age)"})
    assert centred.corrected.values[1] == pytest.approx(plain.corrected.values[1])
    assert run_of(whole, regression={"formula": "income ~ bs(age, df=4)"}).converged
    with pytest.raises(InputError, match="write outcome, tilde, covariates"):
        run_of(whole, regression={"formula": "income ~ age | age"})


def test_tables(whole: Made) -> None:
    for errors in ({}, {"origin": "known", "q": 0.9, "block": "region"}, {"origin": "audit"}):
        found = analyse(Analysis(run=whole.run, table={"rows": "sex", "columns": "works"}, errors=errors))
        told = found.to_dict()
        assert told["what"]["row_labels"] == ["f", "m"]
        moved = found.table.unbiased[0, 1] - found.table.naive[0, 1]
        assert abs(moved) < 10
        assert moved > 0 or errors.get("origin") != "known"  # of all links alike: away from independence
        np.testing.assert_allclose(found.table.unbiased.sum(axis=0), found.table.naive.sum(axis=0))
        assert told["test"]["p_value"] < 0.001
        assert "independence" in analysis_text(told)
    with pytest.raises(InputError, match="has no use for records without a link"):
        analyse(Analysis(run=whole.run, table={"rows": "sex", "columns": "works"}, register=True))


def test_covariates_of_both_files(whole: Made) -> None:
    line = {"formula": "income ~ age + C(works)"}
    found = run_of(whole, regression=line, errors={"origin": "known", "q": 0.95, "block": "region"})
    assert found.choice.method == "moments"
    assert found.corrected.values[found.corrected.names.index("age")] > found.naive.values[1]
    with pytest.raises(InputError, match=r'there is one: .*block = "COLUMN"'):
        run_of(whole, regression=line)
    with pytest.raises(InputError, match="by moments, of the linear family"):
        run_of(whole, regression={**line, "method": "eblue"}, errors={"block": "region"})


def test_bootstrap_of_the_linkage(whole: Made) -> None:
    how = {"origin": "bootstrap", "replications": 20, "block": "region"}
    found = run_of(whole, errors=how)
    assert found.choice.method == "ratio"
    assert abs(found.errors.mean_q - true_q(whole.run, whole.files)) < 0.05
    assert found.corrected.values[1] > found.naive.values[1]


def test_what_a_bootstrap_is_asked_for(whole: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def never(linkage: Any, **how: Any) -> None:
        asked.update(how)
        raise InputError("enough")

    monkeypatch.setattr("tallystick.linkage.analyses.bootstrap.bootstrap_links", never)
    with pytest.raises(InputError, match="enough"):
        run_of(whole, errors={"origin": "bootstrap", "replications": 31, "seed": 5})
    assert asked == {"replicates": 31, "seed": 5}


def test_mixture_and_imputation(whole: Made) -> None:
    mixture = run_of(whole, mixture={"safe": 0.99})
    assert mixture.choice.method == "mixture"
    assert abs(mixture.corrected.values[1] - 2) < 4 * mixture.corrected.standard_errors[1]
    assert run_of(whole, mixture={}).corrected.values[1] != mixture.corrected.values[1]
    equivocal = run_of(whole, imputation={"of": "equivocal", "imputations": 4})
    assert abs(equivocal.corrected.values[1] - 2) < 5 * equivocal.corrected.standard_errors[1]
    assert "Rubin" in str(equivocal)
    matchings = run_of(whole, imputation={"imputations": 4})
    assert abs(matchings.corrected.values[1] - 2) < 5 * matchings.corrected.standard_errors[1]
    assert matchings.choice.method == "imputation of matchings"
    with pytest.raises(SpecError, match=r"\[mixture\] takes its place"):
        Analysis(run="out", regression={"formula": "a ~ b"}, mixture={}, errors={"origin": "posterior"})


def test_a_linkage_in_memory_is_the_same(whole: Made) -> None:
    model = linkage(whole.folder).fit()
    links = model.link(*linkage(whole.folder).spec.sources)
    asked = Analysis(run="nowhere", regression={"formula": "income ~ age"}, errors={"block": "region"})
    here = analyse(asked, links).to_dict()
    there = run_of(whole, errors={"block": "region"}).to_dict()
    for one in (here, there):
        one.pop("run")
        one["warnings"] = []
    assert here == there


SPOILT = (
    ('formula = "income ~ age"', 'formula = "income ~ agee"', "agee: no source of the run has a column"),
    ('formula = "income ~ age"', 'formula = "income ~ given"', "given: register and survey both have"),
    ('formula = "income ~ age"', 'formula = "income ~ works"', "All variables stand in source 'survey'"),
    (
        'formula = "income ~ age"',
        'formula = "income"',
        r"a\.toml, line 3, regression\.formula: a formula has",
    ),
    ('formula = "income ~ age"', 'formula = "income ~ (age"', "regression.formula"),
    ('formula = "income ~ age"', 'formula = "income ~ person"', "person"),
    ('run = "out"', 'run = "gone"', "there is no run.json"),
    (KNOWN, '[errors]\nblock = "regoin"\n', "No source has a field or column 'regoin'"),
    (
        KNOWN,
        '[errors]\nfrom = "known"\nq = 0.95\nblock = "region"\n[errors.x]\n',
        "errors.x: found an unknown",
    ),
    (KNOWN, '[errors]\nfrom = "known"\nq = { r00 = 0.9 }\nblock = "region"\n', "block 'r01' has none"),
    (KNOWN, '[errors]\nfrom = "known"\nq = 1.5\n', "1.5"),
    (KNOWN, '[errors]\nfrom = "known"\nq = 0.0001\n', "0.0001"),
    (KNOWN, '[variables]\nage = { source = "surveys" }\n', "the run has no source 'surveys'"),
    (KNOWN, '[variables]\nage = { source = "register", column = "ages" }\n', "has no column 'ages'"),
    (KNOWN, '[variables]\nage = { source = "register", typ = "number" }\n', 'did you mean "type"'),
    (KNOWN, '[variables]\nsex = { source = "register" }\n', "nothing reads this variable"),
    (
        KNOWN,
        '[variables]\nage = { source = "register", column = "sex", type = "number" }\n',
        "values that are no numbers",
    ),
    (KNOWN, '[table]\nrows = "sex"\ncolumns = "works"\n', "found both, expected one of"),
)


@pytest.mark.parametrize(("old", "new", "message"), SPOILT)
def test_bad_input_is_one_sentence(whole: Made, old: str, new: str, message: str) -> None:
    import re

    result = written(whole.folder, (LINE + KNOWN).replace(old, new))
    assert result.exit_code == 2, result.output
    assert re.search(message, result.stderr), result.stderr
    assert "Traceback" not in result.stderr


def test_files_that_have_changed(tmp_path: Path) -> None:
    made_run(tmp_path, files(300, blocks=5, seed=4))
    result = written(tmp_path, LINE.replace("\n[reg", '\n[errors]\nfrom = "audit"\n[reg'))
    assert result.exit_code == 2
    assert "no sample has been drawn" in result.stderr
    with (tmp_path / "survey.csv").open("a", encoding="utf-8") as file:
        file.write("b9999,1,no,given1,surname1,1950,r01,p1\n")
    result = written(tmp_path, LINE)
    assert result.exit_code == 2
    assert "the file has changed since the run" in result.stderr
    (tmp_path / "out" / "run.json").unlink()
    assert written(tmp_path, LINE).exit_code == 2


def test_no_convergence_is_no_success(whole: Made) -> None:
    line = LINE.replace("income ~ age", "rich ~ age").replace(
        "\n[reg", '\n[errors]\nfrom = "known"\nq = 0.12\n[reg'
    )
    result = written(whole.folder, f'{line}family = "logistic"\nmethod = "lahiri-larsen"\n')
    assert result.exit_code == 1
    assert "did NOT converge" in result.stdout
    assert "did not converge" in result.stderr


PAGES = {
    "a table": '[table]\nrows = "sex"\ncolumns = "works"',
    "both files": '[regression]\nformula = "income ~ age + works"\n[errors]\nfrom = "known"\nq = 0.95\n'
    'block = "region"',
    "a mixture": '[regression]\nformula = "income ~ age"\n[mixture]',
    "imputations": '[regression]\nformula = "income ~ age"\n[imputation]\nof = "equivocal"\nimputations = 2',
    "no diagnostics": 'diagnostics = false\n[regression]\nformula = "income ~ age"',
    "no estimate": '[regression]\nformula = "rich ~ age"\nfamily = "logistic"\nmethod = "lahiri-larsen"\n'
    '[errors]\nfrom = "known"\nq = 0.12',
}


@pytest.mark.parametrize("kind", PAGES)
def test_whatever_is_analysed_has_a_page(whole: Made, kind: str) -> None:
    place = whole.folder / kind.replace(" ", "-")
    result = written(whole.folder, f'run = "out"\n{PAGES[kind]}\n', "--out", place)
    assert result.exit_code == (1 if kind == "no estimate" else 0), result.output
    page = (place / "analysis.html").read_text("utf-8")
    assert "</html>" in page
    assert ("2 warnings: read before" in page) == (kind == "no estimate")
    assert ("Diagnostics were not asked for" in page) == (kind == "no diagnostics")


def test_results_are_not_replaced_unasked(whole: Made) -> None:
    place = whole.folder / "once"
    assert written(whole.folder, LINE, "--out", place, "-q").stdout == ""
    result = written(whole.folder, LINE, "--out", place)
    assert result.exit_code == 2
    assert "use --force" in result.stderr
    result = written(whole.folder, LINE, "--out", whole.folder / "no" / "such")
    assert result.exit_code == 2


def test_a_starter_names_the_columns_and_runs(whole: Made) -> None:
    starter = whole.folder / "starter.toml"
    assert call("analyse", starter, "--init", whole.run, "--force").exit_code == 0
    text = starter.read_text("utf-8")
    assert "register: age, sex" in text
    assert "survey: income, rich, events, works" in text
    assert load_analysis(starter).errors.origin == "audit"
    assert call("analyse", starter).exit_code == 0
    assert call("analyse", starter, "--init", whole.run).exit_code == 2


def test_runs_of_other_kinds(tmp_path: Path) -> None:
    kinds: dict[str, Path] = {}
    for name, spec in (("many", MANY), ("steps", STEPS)):
        (tmp_path / name).mkdir()
        kinds[name] = made(tmp_path / name, spec, 120)
    both = {"left": Variable(source="a", column="zip"), "right": Variable(source="b", column="zip")}
    table = {"rows": "right", "columns": "left"}
    with pytest.raises(InputError, match="several links"):
        analyse(Analysis(run=kinds["many"], table=table, variables=both))
    stepped = linked_pairs(kinds["steps"])
    assert stepped.by_steps
    found = analyse(Analysis(run=kinds["steps"], table=table, variables=both))
    assert found.errors.origin == "posterior"
    line = {"formula": "left ~ right"}
    with pytest.raises(InputError, match="no gains of one matching"):
        analyse(Analysis(run=kinds["steps"], regression=line, variables=both, imputation={}))
    with pytest.raises(InputError, match="by steps or households cannot be drawn again"):
        analyse(Analysis(run=kinds["steps"], regression=line, variables=both, errors={"origin": "bootstrap"}))


def test_households(tmp_path: Path) -> None:
    run = made_by_households(tmp_path, 60)
    both = {
        "left": Variable(source="early", column="number"),
        "right": Variable(source="late", column="number"),
    }
    found = analyse(Analysis(run=run, regression={"formula": "right ~ left"}, variables=both))
    assert found.converged
    assert found.file.run.by_steps


def test_a_finalised_run(whole: Made, tmp_path: Path) -> None:
    result = call("finalise", whole.run, "--out", tmp_path / "final", "-q")
    assert result.exit_code == 0, result.output
    line = {"formula": "income ~ age"}
    found = analyse(Analysis(run=tmp_path / "final", regression=line))
    assert found.to_dict()["run"]["finalised"]
    assert (found.file.rows["link_posterior"] == 1).sum() > 50  # those that people confirmed
    assert found.errors.mean_q > run_of(whole).errors.mean_q
    for origin, message in (("audit", "this run was finalised"), ("bootstrap", "cannot be drawn again")):
        with pytest.raises(InputError, match=message):
            analyse(Analysis(run=tmp_path / "final", regression=line, errors={"origin": origin}))
    matchings = analyse(Analysis(run=tmp_path / "final", regression=line, imputation={"imputations": 2}))
    assert abs(matchings.corrected.values[1] - 2) < 5 * matchings.corrected.standard_errors[1]


def test_deduplication_and_match_keys(tmp_path: Path) -> None:
    people = files(200, blocks=4)
    write_files(tmp_path, people)
    sources = [
        ts.Source(name=name, path=tmp_path / f"{name}.csv", id="id") for name in ("register", "survey")
    ]
    spec = (
        '[[sources]]\nname = "register"\npath = "register.csv"\nid = "id"\n'
        '[[sources]]\nname = "survey"\npath = "survey.csv"\nid = "id"\n'
        '[match]\n[[match.keys]]\nparts = ["given", "surname", "born", "region"]\n'
    )
    (tmp_path / "match.toml").write_text(spec, "utf-8")
    assert call("match", tmp_path / "match.toml", "--out", tmp_path / "keys", "-q").exit_code == 0
    line = {"formula": "income ~ age"}
    with pytest.raises(InputError, match="come of match keys"):
        analyse(Analysis(run=tmp_path / "keys", regression=line))
    with pytest.raises(InputError, match="no posterior to draw an audit by"):
        analyse(Analysis(run=tmp_path / "keys", regression=line, errors={"origin": "audit"}))
    found = analyse(Analysis(run=tmp_path / "keys", regression=line, errors={"origin": "known", "q": 0.97}))
    assert found.converged
    dedupe = ts.Linkage(
        sources=sources[:1],
        comparisons=[ts.comparison("given", ts.exact()), ts.comparison("surname", ts.exact())],
        passes=[ts.blocking_key("region")],
    )
    dedupe.run(tmp_path / "dedupe")
    with pytest.raises(InputError, match="looks for duplicates within one source"):
        analyse(Analysis(run=tmp_path / "dedupe", regression=line))


def test_posteriors_that_an_audit_contradicts_are_said(whole: Made, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "copy")
    run = tmp_path / "copy" / "out"
    audit = json.loads((run / "audit.json").read_text("utf-8"))
    for one in audit["estimate"]["strata"]:
        if one["kind"] == "link" and one["judged"] > 5:
            right = next(iter(one["outcomes"]))
            one["outcomes"][right] = one["judged"] // 2
    (run / "audit.json").write_text(json.dumps(audit), "utf-8")
    found = analyse(Analysis(run=run, regression={"formula": "income ~ age"}))
    assert any("not calibrated" in text for text in found.warnings)


def test_the_page_in_a_browser(whole: Made, tmp_path: Path) -> None:
    place = tmp_path / "page"
    assert written(whole.folder, LINE, "--out", place, "-q").exit_code == 0
    uri = (place / "analysis.html").as_uri()
    said: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url == uri or said.append(request.url))
        page.goto(uri)
        page.wait_for_function(
            "document.querySelectorAll('svg.marks').length === document.querySelectorAll('.chart').length"
        )
        assert page.locator("svg.marks").count() == 4
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.close()
    assert said == []


def test_lines_are_named() -> None:
    with pytest.raises(SpecError, match=r"a, line 4, regression\.method: found \"eblu\".*did you mean"):
        parse_analysis('run = "x"\n[regression]\nformula = "y ~ x"\nmethod = "eblu"\n', "a")
