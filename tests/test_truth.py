"""Runs against the truth: matrix, curves, entities, calibration, and every error with why."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from families import families
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds_of_runs import STEPS, made_by_households
from small_files import SPEC, call, people, write_csv, write_small

import tallystick as ts
from tallystick.linkage.evaluation.error_files import list_errors
from tallystick.linkage.evaluation.error_list import FALSE, MISSED
from tallystick.linkage.evaluation.true_pairs import TrueRecords
from tallystick.linkage.evaluation.truth import truth_of_run
from tallystick.linkage.run import run as run_to
from tallystick.linkage.saved_run import open_run
from tallystick.quality.decision_matrix import DECISIONS, decision_matrix
from tallystick.quality.evaluate import b_cubed
from tallystick.quality.exact_entities import exact_entities
from tallystick.quality.subgroups import Subgroup
from tallystick.quality.truth_curves import calibration, threshold_curve

ONE = SPEC[: SPEC.index('[[sources]]\nname = "b"')] + SPEC[SPEC.index("[[comparisons]]") :]
BOTH = SPEC.replace('name = "small"', 'name = "small"\nkind = "link_and_dedupe"')
MANY = "one_to_one = true"
KEYS = """
[match]
[[match.keys]]
parts = ["given", "surname", "born", "zip"]
[[match.keys]]
parts = ["given", "zip"]
"""
HOUSEHOLDS = """
[[sources]]
name = "left"
path = "left.csv"
id = "id"
truth = ["person", "home"]

[[sources]]
name = "right"
path = "right.csv"
id = "id"
truth = ["person", "home"]

[[comparisons]]
field = "forename"
comparator = { type = "jaro_winkler", thresholds = [0.9] }
[[comparisons]]
field = "surname"
comparator = { type = "jaro_winkler", thresholds = [0.9] }
[[comparisons]]
field = "born"
comparator = { type = "exact" }
[[comparisons]]
field = "street"
comparator = { type = "exact" }
[[comparisons]]
field = "number"
comparator = { type = "exact" }

[[passes]]
type = "blocking_key"
parts = ["born"]

[decision]
one_to_one = true

[households]
address = ["street", "number"]
comparisons = ["surname", "street", "number"]
"""
Pair = frozenset[tuple[str, str]]
SPECS = {
    "link": SPEC,
    "many": SPEC.replace("one_to_one = true", ""),
    "unique": SPEC.replace("one_to_one = true", 'one_to_one = true\nassignment = "unique"'),
    "loose": SPEC.replace('[[comparisons]]\nfield = "born"\ncomparator = { type = "exact" }\n', ""),
    "dedupe": ONE.replace(MANY, ""),
    "both": BOTH.replace(MANY, ""),
    "sequential": STEPS,
    "after keys": SPEC + KEYS.replace('[[match.keys]]\nparts = ["given", "zip"]\n', ""),
    "keys": SPEC[: SPEC.index("[[comparisons]]")] + KEYS,
    "households": HOUSEHOLDS,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each kind, of files in which some truths are unknown."""
    found = {}
    for name, spec in SPECS.items():
        folder = tmp_path_factory.mktemp(name.replace(" ", "_"))
        path = write_small(folder, spec, 120)
        first, second = people(120)
        first[3][5] = second[5][5] = second[6][5] = ""
        write_csv(folder / "a.csv", first + second if name == "dedupe" else first)
        write_csv(folder / "b.csv", second)
        for side, table in zip(("left", "right"), families(60).tables(), strict=True):
            table.write_csv(folder / f"{side}.csv")
        done = call("match" if name == "keys" else "link", path, "--out", folder / "out")
        assert done.exit_code == 0, (name, done.output)
        found[name] = folder / "out"
    return found


def brute(run: Path) -> tuple[dict[str, list[int]], set[Pair], set[Pair]]:
    """The decision matrix, false links and missed matches of a run, pair by pair over all allowed pairs."""
    facts = json.loads((run / "run.json").read_text("utf-8"))
    people: list[tuple[str, str, str | None]] = []
    for source in facts["spec"]["sources"]:
        table = pl.read_csv(source["path"], infer_schema_length=0)
        people += [(source["name"], row["id"], row["person"] or None) for row in table.iter_rows(named=True)]
    links = pl.read_parquet(run / "links.parquet")
    names = [source["name"] for source in facts["spec"]["sources"]]
    decided = {}
    for row in links.iter_rows(named=True):
        ends = (
            (row.get("source_left", names[0]), row["id_left"]),
            (row.get("source_right", names[-1]), row["id_right"]),
        )
        decided[frozenset(ends)] = row["decision"]
    matrix = {name: [0, 0, 0] for name in DECISIONS}
    false, missed = set(), set()
    for (s, a, x), (t, b, y) in combinations(people, 2):
        if facts["kind"] == "link" and s == t:
            continue
        pair = frozenset([(s, a), (t, b)])
        decision = decided.get(pair, "not kept")
        column = 2 if x is None or y is None else int(x != y)
        matrix[decision][column] += 1
        if column == 1 and decision == "link":
            false.add(pair)
        if column == 0 and decision != "link":
            missed.add(pair)
    return matrix, false, missed


@pytest.mark.parametrize("name", SPECS)
def test_every_pair_is_counted_and_every_error_listed(runs: dict[str, Path], name: str) -> None:
    run = runs[name]
    matrix, false, missed = brute(run)
    found = truth_of_run(run, "person")
    told = {key: list(row.values()) for key, row in found.figures["matrix"].items()}
    assert told == matrix
    rates = found.evaluation.links
    assert found.figures["rates"]["links"] == rates.links
    for key in ("true_links", "false_links", "missed", "allowed_pairs", "precision", "recall", "f1", "type1"):
        assert found.figures["rates"][key] == pytest.approx(getattr(rates, key)), key
    listed = list_errors(found)
    for error, pairs in ((FALSE, false), (MISSED, missed)):
        own = listed.table.filter(pl.col("error") == error)
        ends = own.select("source_left", "id_left", "source_right", "id_right").iter_rows()
        assert {frozenset([(s, a), (t, b)]) for s, a, t, b in ends} == pairs
        assert own.height == len(pairs)
    assert listed.missed == len(missed)
    assert listed.table["explanation"].str.len_chars().min() or not listed.table.height
    counted = listed.to_dict()
    assert sum(row["errors"] for row in counted["reasons"]) == len(false) + len(missed)


@pytest.mark.parametrize("name", [name for name in SPECS if name != "keys"])
def test_explanations_agree_with_those_of_single_pairs(runs: dict[str, Path], name: str) -> None:
    run = runs[name]
    opened = open_run(run)
    listed = list_errors(truth_of_run(run, "person")).table
    assert listed.height
    told = 0
    for row in listed.iter_rows(named=True):
        if row["weight"] is None:
            continue
        told += 1
        own = opened.why((row["source_left"], row["id_left"]), (row["source_right"], row["id_right"]))
        assert row["weight"] == pytest.approx(own.weight)
        assert (row["pass"] is not None) == ("Found by the pass" in own.reason)
        for part in own.parts:
            assert row[f"weight_{part['comparison']}"] == pytest.approx(part["weight"])
        says = {
            "no pass finds it": "No pass finds the pair",
            "below threshold": "below the lower threshold",
            "lost the assignment": "It lost the assignment",
            "possible link": "between the thresholds",
            "tie": "exactly as good",
            "not unique": "only unique pairs are links",
        }
        if row["reason"] in says and name not in ("sequential", "after keys", "households"):
            if row["reason"] == "tie" and "between" in own.reason:
                continue  # what is opened again does not know ties
            assert says[row["reason"]] in own.reason, (row, own.reason)
    assert told > listed.height / 2


def test_errors_of_stages_that_compare_different_fields(tmp_path: Path) -> None:
    """The first error is of a stage that leaves out what others compare, such as the surname."""
    listed = list_errors(truth_of_run(made_by_households(tmp_path), "person")).table
    first, last = listed["weight_surname"][0], listed["weight_surname"][-1]
    assert first is None
    assert last is not None
    assert "Not compared, since a value is missing: street." in listed["explanation"].to_list()[3]


def test_false_links_say_where_the_right_partner_was(tmp_path: Path) -> None:
    """Two people who look alike: the wrong one is nearer, the right one a candidate."""
    rows = people(120)
    write_small(tmp_path, SPEC, 120)
    a, b = rows
    template = a[50]
    # b's record of the person of a[50] is spoilt; that of somebody else is the very same.
    others = [row for row in b if row[5] != template[5]]
    for row in b:
        if row[5] == template[5]:
            row[1:5] = [template[1], "zzzzz", "1901-01-01", template[4]]
    others[-1][1:5] = template[1:5]
    write_csv(tmp_path / "a.csv", a)
    write_csv(tmp_path / "b.csv", b)
    assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out").exit_code == 0
    listed = list_errors(truth_of_run(tmp_path / "out", "person")).table
    wrong = listed.filter((pl.col("error") == FALSE) & (pl.col("id_left") == template[0]))
    assert wrong.height == 1
    assert wrong["reason"][0] == "a right partner was a candidate"
    right = next(row[0] for row in b if row[5] == template[5])
    assert f"The match of {template[0]}, {right}, was a candidate" in wrong["explanation"][0]
    assert "has no match." in wrong["explanation"][0]
    missed = listed.filter((pl.col("id_right") == right) & (pl.col("error") == MISSED))
    assert f"{template[0]} is linked to {wrong['id_right'][0]} (wrongly" in missed["explanation"][0]


records_ = st.lists(
    st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(0, 4))), min_size=2, max_size=14
).filter(lambda rows: any(truth is not None for _, truth in rows))


@given(records_, st.sampled_from(["link", "dedupe", "link_and_dedupe"]))
@settings(max_examples=150, deadline=None)
def test_totals_and_matches_are_those_of_all_pairs(rows: list[tuple[int, int | None]], kind: str) -> None:
    names = ("a",) if kind == "dedupe" else ("a", "b", "c")
    rows = sorted(
        ((0 if kind == "dedupe" else s), t) for s, t in ((s, -1 if t is None else t) for s, t in rows)
    )
    parts = [
        pl.DataFrame(
            {"source": name, "id": str(k), "truth": None if t < 0 else str(t)}
            for k, (s, t) in enumerate(rows)
            if s == number
        )
        for number, name in enumerate(names)
    ]
    schema = {"source": pl.String, "id": pl.String, "truth": pl.String}
    parts = [
        pl.DataFrame(part.rows(), schema, orient="row") if part.width else pl.DataFrame(schema=schema)
        for part in parts
    ]
    found = TrueRecords.of(parts, names, kind)  # type: ignore[arg-type]
    allowed = [
        (i, j)
        for i, j in combinations(range(len(rows)), 2)
        if {"link": rows[i][0] != rows[j][0], "dedupe": True, "link_and_dedupe": True}[kind]
    ]
    known = [(i, j) for i, j in allowed if rows[i][1] >= 0 and rows[j][1] >= 0]
    matches = [(i, j) for i, j in known if rows[i][1] == rows[j][1]]
    assert found.totals == (len(allowed), len(known), len(matches))
    assert list(zip(*(side.tolist() for side in found.matches()), strict=True)) == matches
    partners = np.bincount(np.array(matches, int).ravel(), minlength=len(rows))
    assert found.partners.tolist() == partners.tolist()


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), max_size=30),
    st.integers(0, 5),
    st.integers(1, 50),
)
@settings(max_examples=150, deadline=None)
def test_curves_count_the_pairs_above(pairs: list[tuple[int, bool]], missed: int, more: int) -> None:
    score = np.array([one for one, _ in pairs], float)
    match = np.array([two for _, two in pairs], bool)
    matches = int(match.sum()) + missed
    points = threshold_curve(score, match, matches, len(pairs) + missed + more)
    assert [point["threshold"] for point in points] == sorted(set(score.tolist()), reverse=True)
    for point in points:
        above = score >= point["threshold"]
        true = int((match & above).sum())
        assert point["links"] == above.sum()
        assert point["precision"] == true / above.sum()
        assert point["missed"] == matches - true
        assert point["recall"] == (true / matches if matches else None)
        assert point["type1"] == (above.sum() - true) / (len(pairs) + missed + more - matches)


def test_long_curves_are_thinned_to_the_end() -> None:
    score = np.arange(10_000.0)
    match = score > 9_000
    points = threshold_curve(score, match, 1000, 1e6, most=50)
    assert len(points) <= 51
    assert points[-1]["links"] == 10_000
    assert sum(point["recall"] not in (0.0, 1.0) and point["recall"] < 0.999 for point in points) > 15  # type: ignore[operator]


def test_b_cubed_is_that_of_the_paper() -> None:
    """Bagga and Baldwin (1998), figures 1 to 4: the truth, and two responses with one wrong link each."""
    truth = pl.Series(["x"] * 5 + ["y"] * 2 + ["z"] * 5)
    first = b_cubed(pl.Series([1] * 5 + [2] * 7), truth)
    second = b_cubed(pl.Series([1] * 5 + [2] * 2 + [1] * 5), truth)
    assert first[:2] == (pytest.approx(16 / 21), 1.0)  # 76 %
    assert second[:2] == (pytest.approx(7 / 12), 1.0)  # 58 %


@given(
    st.lists(st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 3))), min_size=1, max_size=12)
)
@settings(max_examples=150, deadline=None)
def test_exactly_right_entities_are_equal_sets(rows: list[tuple[int, int | None]]) -> None:
    known = [(k, entity, truth) for k, (entity, truth) in enumerate(rows) if truth is not None]
    by = [
        {
            frozenset(k for k, *labels in known if labels[which] == label)
            for label in {row[1 + which] for row in known}
        }
        for which in range(2)
    ]
    found = exact_entities(
        pl.Series([entity for entity, _ in rows]), pl.Series([truth for _, truth in rows], dtype=pl.Int64)
    )
    assert found["right"] == len(by[0] & by[1])
    assert (found["entities"], found["true_entities"]) == (len(by[0]), len(by[1]))
    assert found["split"] == sum(not any(own <= other for other in by[0]) for own in by[1])
    assert found["joined"] == sum(not any(own <= other for other in by[1]) for own in by[0])
    assert sum(row["right"] for row in found["by_size"]) == found["right"]


def test_calibration_of_posteriors_that_are_right_and_wrong() -> None:
    draw = np.random.default_rng(5)
    posterior = draw.beta(0.3, 0.3, 20_000)
    right = calibration(posterior, draw.random(20_000) < posterior)
    assert (
        sum(row["share_low"] <= row["expected_share"] <= row["share_high"] for row in right) >= len(right) - 1
    )
    wrong = calibration(posterior, draw.random(20_000) < posterior**2)
    assert (
        sum(row["share_low"] <= row["expected_share"] <= row["share_high"] for row in wrong) < len(wrong) / 2
    )
    assert sum(row["pairs"] for row in right) == 20_000


def test_unknown_truth_is_neither_match_nor_error() -> None:
    decision = np.array(["link", "possible", "non-link", "link"])
    match, known = np.array([True, False, False, False]), np.array([True, True, True, False])
    matrix = decision_matrix(decision, match, known, 50, 40, 4)
    assert matrix.rows == {
        "link": (1, 0, 1),
        "possible": (0, 1, 0),
        "non-link": (0, 1, 0),
        "not kept": (3, 34, 9),
    }
    assert matrix.rates().to_dict()["precision"] == 0.5
    assert matrix.rates(possible=True).links == 3


def test_the_curve_of_an_assignment_meets_the_links_of_the_run(runs: dict[str, Path]) -> None:
    for name in ("link", "unique"):
        found = truth_of_run(runs[name], "person").figures
        curve, limits = found["assigned_curve"], found["thresholds"]
        at = [point for point in curve["points"] if point["threshold"] >= limits["upper"]]
        assert at[-1]["links"] == found["rates"]["links"]
        assert at[-1]["true_links"] == found["rates"]["true_links"]
    many = truth_of_run(runs["many"], "person").figures
    assert many["assigned_curve"] is None
    assert many["curve"]["points"][-1]["links"] == sum(
        sum(row.values()) for name, row in many["matrix"].items() if name != "not kept"
    )
    for name, why in (("sequential", "Each step"), ("keys", "match keys"), ("households", "Each step")):
        figures = truth_of_run(runs[name], "person").figures
        assert figures["curve"] is None
        assert why in figures["curve_note"]


@pytest.mark.parametrize("name", ["link", "dedupe", "keys", "households"])
def test_saved_and_printed(runs: dict[str, Path], name: str) -> None:
    run = runs[name]
    plain = call("evaluate", run, "--truth", "person")
    assert plain.exit_code == 0
    assert not (run / "truth.json").exists()
    done = call("evaluate", run, "--truth", "person", "--save", "--errors", "2", "--quiet")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(plain.stdout)
    saved = json.loads((run / "truth.json").read_text("utf-8"))
    errors = pl.read_parquet(run / "errors.parquet")
    assert errors.height == saved["errors"]["listed"]
    assert errors["explanation"][0] in done.stdout
    assert errors["explanation"][1] in done.stdout
    printed = call("evaluate", run, "--truth", "person", "--json")
    assert {**json.loads(printed.stdout), "errors": saved["errors"]} == saved
    for file in ("truth.json", "errors.parquet"):
        (run / file).unlink()


def test_recall_and_precision_by_subgroup_add_up(runs: dict[str, Path]) -> None:
    for name in ("link", "dedupe", "both", "keys"):
        found = truth_of_run(runs[name], "person", [Subgroup(field="born", width=20)])
        twice = 2 if name in ("dedupe", "both") else 1
        every = found.figures["by"]
        for key in ("matches", "links", "true_links"):
            total = sum(row[key] for one in every for row in one["subgroups"][0]["groups"])
            ends = 1 if name in ("dedupe", "both") else len(every)
            assert total == found.figures["rates"][key] * twice * ends, (name, key)
    result = call("evaluate", runs["link"], "--truth", "person", "--by", "born:width=20")
    assert "born of a:" in result.stdout


def test_what_cannot_be_asked(runs: dict[str, Path], tmp_path: Path) -> None:
    for options, message in (
        (["--truth", "nobody"], "nobody"),
        (["--truth", "person", "--by", "bron"], "did you mean 'born'?"),
        (["--truth", "person", "--by", "person"], "declared as truth"),
        (["--truth", "person", "--by", "surname:width=2"], "no value of 'surname' is a number"),
    ):
        result = call("evaluate", runs["link"], *options)
        assert result.exit_code == 2
        assert message in result.stderr


def test_prepared_records_that_are_taken_out(tmp_path: Path) -> None:
    """An edit drops a record with a match, and a duplicate is taken out: no link can have either."""
    preparation = """
[[prepare.fields]]
field = "given"
steps = ["text"]

[[prepare.edits]]
name = "no zip of 1001"
fails_if = "zip = '1001'"
action = "drop"
sources = ["a"]

[[prepare.duplicates]]
fields = ["given", "surname", "born", "zip"]
sources = ["b"]
"""
    path = write_small(tmp_path, SPEC + preparation + '[quality]\nsubgroups = ["zip"]\nsmallest = 1\n', 120)
    first, second = people(120)
    second.append(["again", *next(row for row in second if all(row))[1:]])
    write_csv(tmp_path / "b.csv", second)
    out = tmp_path / "out"
    done = call("link", path, "--out", out)
    assert done.exit_code == 0, done.output
    dropped = {row[0] for row in first if row[4] == "1001"}
    removed = pl.read_parquet(out / "removed.parquet")
    assert removed["id"].to_list() == ["again"]
    found = truth_of_run(out, "person", [Subgroup(field="zip")])
    listed = list_errors(found).table
    taken = listed.filter(pl.col("reason") == "dropped")
    assert set(taken["id_left"]) <= dropped
    shared = {row[5] for row in second}
    assert taken.height == sum(row[0] in dropped and row[5] in shared for row in first) > 0
    assert not listed["id_right"].is_in(["again"]).any()
    rates = found.figures["rates"]
    assert listed.filter(pl.col("error") == MISSED).height == rates["missed"]
    told = json.loads((out / "quality.json").read_text("utf-8"))["missed"]["sources"]
    assert [one["records"] for one in told] == [len(first) - len(dropped), len(second) - 1]
    again = call("missed", out, "--by", "zip", "--smallest", "1", "--json")
    assert json.loads(again.stdout)["sources"] == told


def test_three_files_and_a_file_added_later(tmp_path: Path) -> None:
    third = SPEC[SPEC.index('[[sources]]\nname = "b"') : SPEC.index("[[comparisons]]")]
    spec = SPEC.replace("[[comparisons]]", third.replace('"b', '"c') + "[[comparisons]]", 1)
    path = write_small(tmp_path, spec.replace(MANY, ""), 120)
    first, second = people(120)
    write_csv(tmp_path / "c.csv", [[f"c{row[0]}", *row[1:]] for row in second[:40]])
    assert call("link", path, "--out", tmp_path / "out").exit_code == 0
    more = [["d1", *first[0][1:]], ["d2", "zoe", "nobody", "1999-09-09", "1009", "x"]]
    write_csv(tmp_path / "d.csv", more)
    added = call("add", tmp_path / "out", tmp_path / "d.csv", "--out", tmp_path / "more", "--id", "id")
    assert added.exit_code == 0, added.output
    for run in (tmp_path / "out", tmp_path / "more"):
        matrix, false, missed = brute(run)
        found = truth_of_run(run, "person", [Subgroup(field="born", width=50)])
        assert {key: list(row.values()) for key, row in found.figures["matrix"].items()} == matrix
        listed = list_errors(found)
        assert (listed.table.height, listed.missed) == (len(false) + len(missed), len(missed))
        figures = json.loads((run / "quality.json").read_text("utf-8"))
        residuals = pl.read_parquet(run / "residuals.parquet")
        for one in figures["residuals"]["sources"]:
            assert one["unlinked"] == (residuals["source"] == one["source"]).sum()
        shown = call("missed", run, "--json")
        assert json.loads(shown.stdout) == figures["missed"]


def test_nothing_missed_nothing_linked(tmp_path: Path) -> None:
    """Figures without any residual, link, kept pair or error are plain JSON, and say none."""
    left = pl.DataFrame({"id": [f"a{k}" for k in range(40)], "name": [f"n{k}" for k in range(40)]})
    left = left.with_columns(who=pl.col("name"))
    exact = {"comparator": {"type": "exact"}, "m": [0.01, 0.99], "u": [0.9999, 0.0001]}
    linkage = ts.Linkage(comparisons=[{"field": "name", **exact}], passes=[ts.all_pairs()], one_to_one=True)
    other = left.with_columns(id=pl.lit("b") + pl.col("id"))
    for number, right in enumerate((other, other[:2].with_columns(name=pl.lit("zz")), other[:1])):
        sources = []
        for name, table in (("a", left), ("b", right)):
            table.write_csv(tmp_path / f"{name}{number}.csv")
            path = tmp_path / f"{name}{number}.csv"
            sources.append(ts.Source(name=name, path=path, id="id", truth=("who",)))
        model = linkage.model()
        out = tmp_path / f"out{number}"
        run_to(model.spec, out, inputs=sources, model=model)
        quality = json.loads((out / "quality.json").read_text("utf-8"))
        json.dumps(quality, allow_nan=False)
        found = truth_of_run(out, "who")
        listed = list_errors(found)
        json.dumps({**found.figures, "errors": listed.to_dict()}, allow_nan=False)
        assert listed.table.height == found.figures["rates"]["missed"] == (0, 2, 0)[number]
        assert quality["residuals"]["sources"][0]["unlinked"] == (0, 40, 39)[number]
