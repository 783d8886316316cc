"""Decisions of people applied to runs: they hold, all else is decided with them, and what changed is told."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinds_of_runs import MANY, STEPS, made, made_by_households
from reviewed import by_truth, judged, pair_task, standing, truth_of
from small_files import DATA_FILES, call, hash_of, outcome, tree

import tallystick as ts
from tallystick.errors import InputError
from tallystick.linkage.reviews.finalise import Finalised, finalise
from tallystick.linkage.reviews.store import open_store
from tallystick.linkage.reviews.tasks import review_tasks
from tallystick.linkage.saved_run import SavedRun, open_run
from tallystick.linking.decide import decide
from tallystick.linking.fixed import Fixed, decide_fixed
from tallystick.review.cases import RecordKey
from tallystick.review.standing import Standing

COMPONENTS = MANY + '\n[entities]\nmethod = "components"\n'
FILES = (*DATA_FILES, "changes.parquet", "review.json")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("finalise"))


@pytest.fixture(scope="module")
def perfect(run: Path) -> list[Standing]:
    return by_truth(review_tasks(open_run(run)), truth_of(run.parent))


@pytest.fixture(scope="module")
def done(run: Path, perfect: list[Standing]) -> Finalised:
    return finalise(run, run.parent / "final", perfect)


def pairs(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "links.parquet")


def key(row: dict[str, str], side: str, names: tuple[str, str] = ("a", "b")) -> RecordKey:
    return RecordKey(names[side == "right"], row[f"id_{side}"])


def errors(folder: Path, truth: dict[RecordKey, str]) -> int:
    """False links and missed matches."""
    links = pairs(folder).filter(pl.col("decision") == "link").to_dicts()
    right = sum(truth[key(row, "left")] == truth[key(row, "right")] for row in links)
    who = [{person for name, person in truth.items() if name.source == source} for source in ("a", "b")]
    return len(links) - right + len(who[0] & who[1]) - right


def test_decisions_hold_and_errors_go(run: Path, perfect: list[Standing], done: Finalised) -> None:
    out = pairs(run.parent / "final")
    for one in perfect:
        assert one.task.right is not None
        row = out.filter(
            (pl.col("id_left") == one.task.left.id) & (pl.col("id_right") == one.task.right.id)
        ).row(0, named=True)
        assert row["decision"] == one.verdict
        assert row["posterior"] == (1.0 if one.verdict == "link" else 0.0)
        assert row["decided_by"] == "reviewer"
    assert (out["decided_by"] == "reviewer").sum() == len(perfect)
    links = out.filter(pl.col("decision") == "link")
    assert links["id_left"].is_unique().all()
    assert links["id_right"].is_unique().all()
    truth = truth_of(run.parent)
    assert errors(run.parent / "final", truth) < errors(run, truth) * 2 / 3
    assert done.figures["pairs_decided"] == len(perfect)


def test_all_else_is_decided_as_before_where_nothing_competes(run: Path, done: Finalised) -> None:
    ids = ["id_left", "id_right"]
    both = pairs(run).join(pairs(run.parent / "final"), on=ids, suffix="_now")
    decided = both.filter(pl.col("decided_by") == "reviewer")
    touched = both.filter(
        pl.col("id_left").is_in(decided["id_left"].implode())
        | pl.col("id_right").is_in(decided["id_right"].implode())
    )
    # Competitors of competitors feel it, too, but for their weight.
    far = both.filter(
        ~pl.col("id_left").is_in(touched["id_left"].implode())
        & ~pl.col("id_right").is_in(touched["id_right"].implode())
    )
    assert (far["weight"] == far["weight_now"]).all()
    changed = {tuple(row) for row in done.changes.filter(pl.col("what") == "pair").select(ids).rows()}
    for row in both.to_dicts():
        is_changed = (row["id_left"], row["id_right"]) in changed
        assert is_changed == (row["decision"] != row["decision_now"])


def test_figures_add_up(run: Path, done: Finalised) -> None:
    figures = json.loads((run.parent / "final" / "review.json").read_text("utf-8"))
    links = figures["links"]
    assert (
        links["after"]
        == links["before"]
        - links["refused"]
        - links["displaced"]
        - links["lost_by_consequence"]
        + links["new_by_review"]
        + links["new_by_consequence"]
    )
    now = pairs(run.parent / "final")
    assert links["after"] == (now["decision"] == "link").sum()
    assert figures["possible"]["after"] == (now["decision"] == "possible").sum()
    assert figures["links_gained"] - figures["links_lost"] == links["after"] - links["before"]
    assert len(pl.read_parquet(run.parent / "final" / "review.parquet")) == figures["possible"]["after"]
    text = json.dumps(figures)
    assert "ann" not in text
    assert figures["decisions_by_reviewer"] == [figures["tasks"]]
    entities = pl.read_parquet(run.parent / "final" / "entities.parquet")
    old = pl.read_parquet(run / "entities.parquet")
    sets = [
        {frozenset(one) for one in frame.group_by("entity_id").agg(pl.struct("source", "id")).select(
            pl.col("source").list.eval(pl.element().struct.json_encode()))["source"].to_list()}
        for frame in (old, entities)
    ]  # fmt: skip
    assert figures["entities_changed"] == len(sets[1] - sets[0])


def test_estimated_quality_counts_what_is_decided_as_certain(run: Path, done: Finalised) -> None:
    before = json.loads((run / "quality.json").read_text("utf-8"))["estimated"]
    after = json.loads((run.parent / "final" / "quality.json").read_text("utf-8"))["estimated"]
    assert after["false_links"] < before["false_links"]
    assert after["missed"] < before["missed"]
    now = pairs(run.parent / "final").filter(pl.col("decision") == "link")
    assert after["true_links"] == pytest.approx(now["posterior"].sum())


def test_twice_gives_the_same_files_and_the_run_stays(
    run: Path, perfect: list[Standing], done: Finalised
) -> None:
    before = tree(run)
    finalise(run, run.parent / "again", perfect[::-1])
    assert {name: hash_of(run.parent / "final" / name) for name in FILES} == {
        name: hash_of(run.parent / "again" / name) for name in FILES
    }
    facts = [
        json.loads((run.parent / name / "run.json").read_text("utf-8")) for name in ("final", "again", "out")
    ]
    assert facts[0]["fingerprint"] == facts[1]["fingerprint"] != facts[2]["fingerprint"]
    assert facts[0]["finalised"]["fingerprint"] == facts[2]["fingerprint"]
    assert tree(run) == before


def test_other_commands_work_on_a_finalised_run(run: Path, done: Finalised) -> None:
    final = run.parent / "final"
    changed = done.changes.filter(pl.col("what") == "pair").row(0, named=True)
    said = call("why", final, changed["id_left"], changed["id_right"]).output
    assert "reviewer" in said
    assert changed["after"] in said.splitlines()[0]
    assert call("export", final, "--out", run.parent / "linked.csv").exit_code == 0
    assert call("evaluate", final, "--truth", "person").exit_code == 0
    status, text = outcome("add", final, run.parent / "a.csv", "--name", "c", "--out", run.parent / "added")
    assert status == 2
    assert "finalised" in text
    assert not (run.parent / "added").exists()
    assert (final / "report.html").stat().st_size > 1000


def test_a_second_review_keeps_the_first(run: Path, perfect: list[Standing], done: Finalised) -> None:
    final = run.parent / "final"
    opened = open_run(final)
    assert {one.task.left for one in perfect}.isdisjoint({one.left for one in review_tasks(opened)}) or all(
        (one.left, one.right) not in {(old.task.left, old.task.right) for old in perfect}
        for one in review_tasks(opened)
    )
    # One more decision, and one that is decided anew.
    kept = pairs(final)
    more = kept.filter((pl.col("decided_by") == "model") & (pl.col("decision") == "link")).row(0, named=True)
    turned = next(one for one in perfect if one.verdict == "link")
    assert turned.task.right is not None
    second = judged(
        [
            (key(more, "left"), key(more, "right"), "non-link"),
            (turned.task.left, turned.task.right, "non-link"),
        ]
    )
    finalise(final, run.parent / "second", second)
    now = pairs(run.parent / "second").filter(pl.col("decided_by") == "reviewer")
    assert len(now) == len(perfect) + 1
    row = now.filter(pl.col("id_left") == turned.task.left.id, pl.col("id_right") == turned.task.right.id)
    assert row["decision"].to_list() == ["non-link"]


def test_re_estimated(run: Path, perfect: list[Standing]) -> None:
    out = run.parent / "anew"
    found = finalise(run, out, perfect, re_estimate=True)
    model = (out / "model.json").read_text("utf-8")
    assert "labelled pairs" in model
    assert model != (run / "model.json").read_text("utf-8")
    now = pairs(out)
    decided = now.filter(pl.col("decided_by") == "reviewer")
    assert len(decided) == len(perfect)
    truth = truth_of(run.parent)
    for row in decided.to_dicts():
        same = truth[key(row, "left")] == truth[key(row, "right")]
        assert row["decision"] == ("link" if same else "non-link")
    assert found.figures["re_estimated"]
    assert errors(out, truth) < errors(run, truth)
    refused = [one for one in perfect if one.verdict == "non-link"]
    with pytest.raises(InputError, match="needs decisions that are links"):
        finalise(run, run.parent / "none", refused, re_estimate=True)


def one_of_each(run: Path) -> tuple[dict[str, str], dict[str, str]]:
    """A non-link whose left record is linked, and that link."""
    table = pairs(run)
    links = {row["id_left"]: row for row in table.filter(pl.col("decision") == "link").to_dicts()}
    rival = next(
        row for row in table.filter(pl.col("decision") == "non-link").to_dicts() if row["id_left"] in links
    )
    return rival, links[rival["id_left"]]


def test_a_fixed_link_displaces_and_a_refused_one_frees(run: Path, tmp_path: Path) -> None:
    rival, link = one_of_each(run)
    done = finalise(run, tmp_path / "f", judged([(key(rival, "left"), key(rival, "right"), "link")]))
    now = {(row["id_left"], row["id_right"]): row for row in pairs(tmp_path / "f").to_dicts()}
    assert now[(rival["id_left"], rival["id_right"])]["decision"] == "link"
    displaced = now[(link["id_left"], link["id_right"])]
    assert (displaced["decision"], displaced["posterior"]) == ("non-link", 0.0)
    reasons = {
        (row["id_left"], row["id_right"]): row["reason"]
        for row in done.changes.filter(pl.col("what") == "pair").to_dicts()
    }
    assert (
        reasons[(link["id_left"], link["id_right"])]
        == "a reviewer has linked one of its records with another"
    )
    assert reasons[(rival["id_left"], rival["id_right"])] == "decided by a reviewer: decision 1 (pair 1)"
    assert done.figures["links"]["displaced"] >= 1
    finalise(run, tmp_path / "g", judged([(key(link, "left"), key(link, "right"), "non-link")]))
    now = {(row["id_left"], row["id_right"]): row for row in pairs(tmp_path / "g").to_dicts()}
    assert now[(link["id_left"], link["id_right"])]["posterior"] == 0.0
    residuals = pl.read_parquet(tmp_path / "g" / "residuals.parquet")
    own = residuals.filter(pl.col("source") == "b", pl.col("id") == link["id_right"])
    assert own["id_candidate"].to_list() == [link["id_left"]]
    assert own["reason"].to_list() == ["refused in review"]


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["optimal", "greedy"]))
def test_fixed_pairs_are_as_if_they_weighed_all_and_refused_ones_nothing(
    run: Path, random: Random, assignment: str
) -> None:
    opened = open_once(run)
    assert isinstance(opened.model, ts.Model)
    all_pairs, parameters = opened.decided.pairs, opened.model.parameters
    rule = opened.rule.model_copy(update={"assignment": assignment})  # type: ignore[union-attr] # no rule here
    n = len(all_pairs)
    link, refused = np.zeros(n, bool), np.zeros(n, bool)
    taken: set[int] = set()
    for at in random.sample(range(n), 60):
        ends = {int(all_pairs.left[at]), int(all_pairs.right[at])}
        if random.random() < 0.5:
            refused[at] = True
        elif not ends & taken:
            link[at] = True
            taken |= ends
    found = decide_fixed(all_pairs, parameters, rule, Fixed(link, refused))
    # The same by the plain rule, on weights that leave no choice.
    weight = np.where(link, 500.0, np.where(refused, -500.0, all_pairs.weight))
    plain = decide(replace(all_pairs, weight=weight), parameters, rule)
    # Of large components with cycles the posterior is an approximation, the better the smaller they are.
    assert found.posterior == pytest.approx(plain.posterior, abs=5e-3)
    clear = (np.abs(found.posterior[:, None] - [rule.lower, rule.upper]) > 5e-3).all(axis=1)
    assert (found.verdict == plain.verdict)[clear].all()
    assert (found.posterior_pair == opened.decided.posterior_pair).all()


@cache
def open_once(run: Path) -> SavedRun:
    return open_run(run)


def test_an_interrupted_finalise_is_taken_up(
    run: Path, perfect: list[Standing], done: Finalised, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.linkage import run as module

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    out = run.parent / "stopped"
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_report", stop)
        with pytest.raises(KeyboardInterrupt):
            finalise(run, out, perfect)
    assert not (out / "run.json").exists()
    with pytest.raises(InputError, match="unfinished"):
        finalise(run, out, perfect[:3])
    finalise(run, out, perfect)
    for name in FILES:
        assert hash_of(out / name) == hash_of(run.parent / "final" / name), name


def test_records_that_a_reviewer_has_searched(run: Path, tmp_path: Path) -> None:
    table = pairs(run)
    unlinked = pl.read_parquet(run / "residuals.parquet")
    alone = unlinked.filter(pl.col("source") == "a")["id"].to_list()
    others = unlinked.filter(pl.col("source") == "b")["id"].to_list()
    kept = {(row["id_left"], row["id_right"]) for row in table.to_dicts()}
    left, right = next((a, b) for a in alone for b in others if (a, b) not in kept)
    some = next(one for one in alone if one != left and any(one == a for a, _ in kept))
    done = finalise(
        run,
        tmp_path / "f",
        [
            standing(1, task("a", left), "link", RecordKey("b", right), "audit"),
            standing(2, task("a", some), "non-link", None, "audit"),
            standing(3, task("a", alone[-1]), "unsure", None, "audit"),
        ],
    )
    now = pairs(tmp_path / "f")
    row = now.filter(pl.col("id_left") == left, pl.col("id_right") == right).row(0, named=True)
    assert (row["decision"], row["decided_by"]) == ("link", "reviewer")
    shown = now.filter(pl.col("id_left") == some)
    assert (shown["decision"] == "non-link").all()
    assert (shown["decided_by"] == "reviewer").sum() == len(shown)
    assert done.figures["found_among_reviewed"]["missed_matches"] == 1
    # The run that comes of it opens again, with the pair that no pass had found.
    again = open_run(tmp_path / "f")
    assert int(again.decided.links.sum()) == done.figures["links"]["after"]
    assert len(now) == len(again.decided.pairs)


def task(source: str, name: str) -> object:
    from tallystick.review.tasks import Task

    return Task("record", RecordKey(source, name), None, None, None)


def test_contradictions_are_named_and_nothing_is_written(run: Path, tmp_path: Path) -> None:
    rival, link = one_of_each(run)
    one, two = (key(rival, "left"), key(rival, "right")), (key(link, "left"), key(link, "right"))
    cases: list[tuple[list[Standing], str]] = [
        (
            judged([(*one, "link"), (*one, "non-link")]),
            r"\n- decision 1 \(pair 1\) and decision 2 \(pair 2\) judge",
        ),
        (
            judged([(*one, "link"), (*two, "link")]),
            r"\n- decision 1 \(pair 1\) and decision 2 \(pair 2\) link .* with two records.*\n"
            r"(?s:.*)one_to_one = false",
        ),
        (
            [standing(4, task("a", link["id_left"]), "non-link"), *judged([(*two, "link")])],  # type: ignore[arg-type]
            r"decision 4 \(record 4\) and decision 1 \(pair 1\) judge",
        ),
        (
            judged([(one[0], RecordKey("b", "zz"), "link")]),
            r"decision 1 \(pair 1\): .*no record with the id 'zz'",
        ),
        (judged([(one[0], RecordKey("a", "a1"), "link")]), "not compared"),
        ([standing(1, pair_task(*one), "unsure")], "nothing is decided yet"),
        ([], "nothing is decided yet"),
    ]
    for decisions, says in cases:
        with pytest.raises(InputError, match=says):
            finalise(run, tmp_path / "f", decisions)
        assert not (tmp_path / "f").exists()
    with pytest.raises(InputError, match="stays: give another directory"):
        finalise(run, run, judged([(*one, "link")]))


@pytest.mark.parametrize("spec", [MANY, COMPONENTS])
def test_entities_hold_apart_what_reviewers_hold_apart(tmp_path: Path, spec: str) -> None:
    run = made(tmp_path, spec)
    entities = pl.read_parquet(run / "entities.parquet")
    # Two records of one entity that are a pair of both files, and another link inside.
    sizes = entities.group_by("entity_id").len().filter(pl.col("len") >= 3)["entity_id"]
    own = entities.filter(pl.col("entity_id") == sizes.sort()[0])
    left = own.filter(pl.col("source") == "a")["id"][0]
    right = own.filter(pl.col("source") == "b")["id"][0]
    done = finalise(run, tmp_path / "f", judged([(RecordKey("a", left), RecordKey("b", right), "non-link")]))
    now = {(s, i): e for e, s, i in pl.read_parquet(tmp_path / "f" / "entities.parquet").select(
        "entity_id", "source", "id").rows()}  # fmt: skip
    assert now[("a", left)] != now[("b", right)]
    assert (done.changes["what"] == "entity").any()
    # Links whose chain joins what is held apart are a contradiction.
    links = pairs(run).filter(pl.col("decision") == "link").to_dicts()
    chain = next(
        (x, y, z)
        for x in links
        for y in links
        for z in links
        if x["id_left"] == y["id_left"] and x is not y and z["id_right"] == y["id_right"] and z is not y
    )
    said = judged(
        [
            *((key(row, "left"), key(row, "right"), "link") for row in chain),
            (key(chain[2], "left"), key(chain[0], "right"), "non-link"),
        ]  # type: ignore[arg-type] # a literal
    )
    with pytest.raises(InputError, match=r"decision 4 \(pair 4\) says that .* but the links of decision"):
        finalise(run, tmp_path / "g", said)


@pytest.mark.parametrize("by_households", [False, True])
def test_steps_and_households(tmp_path: Path, by_households: bool) -> None:
    run = made_by_households(tmp_path) if by_households else made(tmp_path, STEPS)
    names = ("early", "late") if by_households else ("a", "b")
    table = pairs(run)
    taken = {row["id_left"]: row for row in table.filter(pl.col("decision") == "link").to_dicts()}
    rival = next(row for row in table.to_dicts() if row["decision"] != "link" and row["id_left"] in taken)
    link = taken[rival["id_left"]]
    other = next(row for name, row in taken.items() if name != rival["id_left"])
    unlinked = pl.read_parquet(run / "residuals.parquet").filter(pl.col("source") == names[0])["id"].to_list()
    kept = {(row["id_left"], row["id_right"]) for row in table.to_dicts()}
    free = pl.read_parquet(run / "residuals.parquet").filter(pl.col("source") == names[1])["id"].to_list()
    new = next((a, b) for a in unlinked for b in free if (a, b) not in kept and b != rival["id_right"])
    said = judged(
        [
            (key(rival, "left", names), key(rival, "right", names), "link"),
            (key(other, "left", names), key(other, "right", names), "non-link"),
            (RecordKey(names[0], new[0]), RecordKey(names[1], new[1]), "link"),
        ]
    )
    done = finalise(run, tmp_path / "f", said)
    now = {(row["id_left"], row["id_right"]): row for row in pairs(tmp_path / "f").to_dicts()}
    assert now[(rival["id_left"], rival["id_right"])]["decision"] == "link"
    assert now[(link["id_left"], link["id_right"])]["decision"] == "non-link"
    assert now[(other["id_left"], other["id_right"])]["decision"] == "non-link"
    assert now[new]["decision"] == "link"
    assert now[new]["weight"] is None
    left = {row["id_left"] for row in now.values() if row["decision"] == "link"}
    assert len(left) == sum(row["decision"] == "link" for row in now.values())
    assert (tmp_path / "f" / "households.parquet").exists() == by_households
    again = open_run(tmp_path / "f")
    assert int(again.decided.links.sum()) == done.figures["links"]["after"]
    assert again.why(rival["id_left"], rival["id_right"]).decision == "link"
    assert "linked one of its records" in again.why(link["id_left"], link["id_right"]).reason
    before = json.loads((run / "quality.json").read_text("utf-8"))["estimated"]
    after = json.loads((tmp_path / "f" / "quality.json").read_text("utf-8"))["estimated"]
    assert after["links"] == done.figures["links"]["after"]
    assert after["matches"] != before["matches"]
    with pytest.raises(InputError, match="--re-estimate needs a linkage that decides all pairs at once"):
        finalise(run, tmp_path / "g", said, re_estimate=True)
    # What is finalised can be finalised again, and keeps what was decided.
    third = next(row for name, row in taken.items() if name not in (rival["id_left"], other["id_left"]))
    finalise(
        tmp_path / "f",
        tmp_path / "h",
        judged([(key(third, "left", names), key(third, "right", names), "link")]),
    )
    assert (pairs(tmp_path / "h")["decided_by"] == "reviewer").sum() == 4


def test_the_command(tmp_path: Path) -> None:
    run = made(tmp_path)
    status, text = outcome("finalise", run, "--out", tmp_path / "f")
    assert status == 2
    assert "nothing has been decided yet" in text
    truth = truth_of(tmp_path)
    with open_store(run) as store:
        store.fill("possible", review_tasks(open_run(run)))
        for _ in range(30):
            row = store.next("possible", "ann")
            assert row is not None
            assert row.task.right is not None
            same = truth[row.task.left] == truth[row.task.right]
            store.decide(row.number, "ann", "link" if same else "non-link", seen={})
    status, text = outcome("finalise", run, "--out", tmp_path / "f")
    assert status == 0, text
    assert "30 of " in text
    assert "confirmed" in text
    assert "report.html" in text
    status, text = outcome("finalise", run, "--out", tmp_path / "f")
    assert status == 2
    assert "--force" in text
    assert "order information" not in text
    status, text = outcome("finalise", run, "--out", tmp_path / "f", "--force", "--re-estimate")
    assert status == 0, text
    assert "order information" in text  # what they do to the estimates is said where they do
    assert outcome("finalise", run, "--out", tmp_path / "f", "--force", "--re-estimate", "-q") == (0, "")
    # The decisions belong to the run that was reviewed, not to what came of it.
    store_of_run = ("--store", run / "review.sqlite")
    status, text = outcome("finalise", tmp_path / "f", *store_of_run, "--out", tmp_path / "g")
    assert status == 2
    assert "another run" in text


def test_a_perfect_reviewer_removes_a_third_of_the_errors_of_cis_to_prd(
    data_dir: Path, tmp_path: Path, essnet: tuple[Path, ts.Links]
) -> None:
    run, _ = essnet
    opened = open_run(run)
    truth = {
        RecordKey(source, row[f"{source}_id"]): row["person_id"] or f"{source} {row[f'{source}_id']}"
        for source in ("cis", "prd")
        for row in pl.read_csv(data_dir / f"{source}.csv", infer_schema=False).to_dicts()
    }

    def wrong(folder: Path) -> int:
        links = pairs(folder).filter(pl.col("decision") == "link").select("id_left", "id_right").rows()
        right = sum(truth[RecordKey("cis", a)] == truth[RecordKey("prd", b)] for a, b in links)
        who = [{person for key, person in truth.items() if key.source == name} for name in ("cis", "prd")]
        return len(links) - right + len(who[0] & who[1]) - right

    before = wrong(run)
    queue = sorted(review_tasks(opened), key=lambda task: -task.information)
    # 250 answers are asked for to remove a third; the first 50 of them do.
    finalise(run, tmp_path / "out", by_truth(queue[:50], truth), opened=opened)
    assert before >= 30
    assert wrong(tmp_path / "out") <= before * 2 / 3
