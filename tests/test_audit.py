"""Samples for quality, from the draw to the estimate: on small runs whose truth is known."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from kinds_of_runs import made_by_households
from perfect_reviewer import Reviewer, audit_once, coverage, measures, truth_of
from simulate import Field, Simulated, one_file, two_files
from small_files import SPEC, outcome, write_small

import tallystick as ts
from tallystick.errors import InputError
from tallystick.linkage.audits.audit import check_drawn, design_audit, draw_audit, estimate_audit
from tallystick.linkage.audits.frame import AuditFrame, By, audit_frame
from tallystick.linkage.audits.judged import Answer, Judged, draw_tasks, judged_strata
from tallystick.linkage.audits.shares import ENDS, Shares, Verdicts
from tallystick.linkage.evaluation.evaluate import read_truth
from tallystick.linkage.evaluation.truth import truth_of_run
from tallystick.quality.audit_rates import AuditRates, audit_rates
from tallystick.quality.rates import Rates
from tallystick.review.cases import RecordKey
from tallystick.review.store import Store
from tallystick.review.tasks import AUDIT, Task, Verdict

PLAIN = (
    Field("given", 150, redrawn=0.12, missing=0.03),
    Field("surname", 300, 0.5, redrawn=0.12),
    Field("birth", 80, redrawn=0.12, missing=0.03),
    Field("place", 40, redrawn=0.15),
)
"""So few values and so many errors that the linkage errs on both sides."""
TELLING = tuple(Field(name, 5000, redrawn=0.0) for name in ("given", "surname", "birth"))


@dataclass(frozen=True)
class Known:
    """A run whose truth is known."""

    folder: Path
    true: Rates
    truth: dict[RecordKey, str]
    kind: str

    def reviewer(self, seed: int = 1) -> Reviewer:
        return Reviewer(self.truth, between=self.kind == "link", seed=seed)

    def frame(self, by: By | None = None, source: str | None = None) -> AuditFrame:
        return audit_frame(self.folder, by=by, source=source)


def run_of(files: Simulated, fields: tuple[Field, ...], folder: Path, **settings: Any) -> Known:
    """Link files, or deduplicate the only one, and count the errors."""
    folder.mkdir()
    sources = []
    for name, table, entities in zip("ab", files.tables, files.entities, strict=False):
        path = folder / f"{name}.parquet"
        table.with_columns(pl.Series("person", entities)).write_parquet(path)
        sources.append(ts.Source(name=name, path=path, id="id", truth=["person"]))
    linkage = ts.Linkage(
        kind="link" if len(sources) == 2 else "dedupe",
        sources=sources,
        comparisons=[ts.comparison(field.name, ts.exact()) for field in fields],
        passes=[ts.all_pairs()],
        **settings,
    )
    links = linkage.run(folder / "run")
    truth = truth_of(read_truth(links.prepared.spec.sources, "person"))
    return Known(folder / "run", links.evaluate("person").links, truth, links.prepared.kind)


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Two files one-to-one."""
    files = two_files(PLAIN, 900, 1000, 700, seed=1)
    return run_of(files, PLAIN, tmp_path_factory.mktemp("linked") / "files", one_to_one=True)


@pytest.fixture(scope="module")
def deduplicated(tmp_path_factory: pytest.TempPathFactory) -> Known:
    files = one_file(PLAIN, 1200, 500, seed=2)
    return run_of(files, PLAIN, tmp_path_factory.mktemp("deduplicated") / "files")


@pytest.fixture
def copied(linked: Known, tmp_path: Path) -> Path:
    """The run of `linked`, to be written into."""
    return Path(shutil.copytree(linked.folder, tmp_path / "run"))


def judge_all(store: Store, reviewer: Reviewer, who: str = "ann", most: int = 10**6) -> int:
    """Judge what is open, in the order of the plan."""
    done = 0
    while done < most and (row := store.next(AUDIT, who, order="plan")) is not None:
        answer = reviewer.answer(row.task)
        assert answer.verdict is not None
        store.decide(row.number, who, answer.verdict, chosen=answer.chosen, seen={})
        done += 1
    return done


def opened(run: Path, create: bool = True) -> Store:
    frame = audit_frame(run)
    return Store.open(run / "review.sqlite", run=frame.run, model=frame.model, create=create)


# What is drawn from


def test_every_record_of_a_source_is_a_unit(linked: Known) -> None:
    frame = linked.frame()
    assert frame.by == "record"
    assert frame.sources == ("a",)  # 900 records, fewer of them unlinked than of 1,000
    assert len(frame.units) == 900
    assert frame.links == linked.true.links
    assert int(frame.sizes.sum()) == 900
    assert frame.allowed_pairs == 900_000
    assert all(
        "posterior" in one.label or "possible" in one.label or "kept" in one.label for one in frame.strata
    )
    assert linked.frame(source="b").sources == ("b",)
    assert len(linked.frame(source="b").units) == 1000


def test_expected_errors_are_those_of_the_model(linked: Known) -> None:
    frame = linked.frame()
    quality = json.loads((linked.folder / "quality.json").read_text())["estimated"]
    expected = sum(
        one.errors * n for one, n in zip(frame.strata, frame.sizes, strict=True) if one.kind == "link"
    )
    assert expected == pytest.approx(quality["false_links"], rel=1e-6)


def test_pairs_and_records_are_not_counted_twice(deduplicated: Known) -> None:
    frame = deduplicated.frame()
    assert frame.by == "pair"
    tasks = frame.units
    unlinked = set(tasks.filter(pl.col("task") == "record")["id_left"])
    pairs = tasks.filter((pl.col("task") == "pair") & ~pl.col("stratum").is_in(_kind(frame, "link")))
    assert unlinked
    assert not unlinked & (set(pairs["id_left"]) | set(pairs["id_right"]))
    assert 0 <= frame.beyond <= frame.below


def _kind(frame: AuditFrame, kind: str) -> list[int]:
    return [k for k, one in enumerate(frame.strata) if one.kind == kind]


def test_by_pair_on_request(linked: Known) -> None:
    frame = linked.frame(by="pair")
    assert frame.by == "pair"
    assert frame.sources == ("a", "b")
    assert frame.links == linked.true.links
    one = linked.frame(by="pair", source="a")
    assert set(one.units.filter(pl.col("task") == "record")["source_left"]) == {"a"}


# The sample


def test_the_same_seed_draws_the_same_sample(linked: Known) -> None:
    frame = linked.frame()
    taken = frame.plan().allocate(100).tolist()
    one, same, other = (draw_tasks(frame, taken, seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert sorted(task.place for task in one) == list(range(100))
    for stratum, n in zip(frame.strata, taken, strict=True):
        assert sum(task.stratum == stratum.name for task in one) == n


def test_a_task_tells_nothing_of_the_link(linked: Known) -> None:
    """A linked record is asked about as one without a link is, and in no order that tells."""
    frame = linked.frame()
    tasks = draw_tasks(frame, frame.sizes.tolist(), 1)
    assert all(task.right is None and task.kind == "record" for task in tasks)
    assert all(task.weight is None and task.posterior is None for task in tasks)
    partners = frame.partners(task.left for task in tasks)
    is_linked = [partners[task.left] is not None for task in tasks]
    share = np.mean(is_linked)
    for part in np.array_split(np.array(is_linked), 4):
        assert np.mean(part) == pytest.approx(share, abs=0.1)


# What is found


@pytest.mark.parametrize("by", ["record", "pair"])
def test_a_census_finds_the_truth(linked: Known, by: By) -> None:
    frame = linked.frame(by=by)
    found = judged_strata(frame, linked.reviewer().answers(draw_tasks(frame, frame.sizes.tolist(), 1)))
    counts = audit_once(frame, frame.sizes.tolist(), linked.reviewer(), 1).counts
    assert counts is not None
    assert (counts.true_links, counts.false_links) == (linked.true.true_links, linked.true.false_links)
    if by == "record":
        assert counts.missed == linked.true.missed
        assert found.further == 0
    else:  # what is below the floor is the model's, and a pair of two unlinked records counts half from each
        assert counts.missed - frame.beyond - found.further <= linked.true.missed
        assert counts.missed == pytest.approx(linked.true.missed, rel=0.03)


@pytest.mark.parametrize(("by", "n"), [("record", 150), ("record", 400), ("pair", 300)])
def test_intervals_hold_the_truth_of_a_linkage(linked: Known, by: By, n: int) -> None:
    frame = linked.frame(by=by)
    taken = frame.plan().allocate(n).tolist()
    found = [audit_once(frame, taken, linked.reviewer(seed), seed, draws=1500) for seed in range(100)]
    for name, (held, _) in coverage(found, linked.true).items():
        assert held >= 0.90, name  # two standard errors below 0.95
    mean = np.mean([one.estimates["recall"] for one in found])
    assert mean == pytest.approx(measures(linked.true)["recall"], abs=0.012)


def test_intervals_hold_the_truth_of_a_deduplication(deduplicated: Known) -> None:
    frame = deduplicated.frame()
    taken = frame.plan().allocate(400).tolist()
    found = [audit_once(frame, taken, deduplicated.reviewer(k), k, draws=1500) for k in range(100)]
    for name, (held, _) in coverage(found, deduplicated.true).items():
        assert held >= 0.90, name


def test_intervals_hold_where_the_posterior_tells_nothing(linked: Known) -> None:
    """A model that is wrong about where its errors are costs width, not coverage."""
    frame = linked.frame()
    random = np.random.default_rng(5)
    stratum = frame.units["stratum"].to_numpy().copy()
    for kind in ("link", "record"):
        own = np.flatnonzero(np.isin(stratum, _kind(frame, kind)))
        stratum[own] = random.permutation(stratum[own])
    wrong = replace(frame, units=frame.units.with_columns(pl.Series("stratum", stratum)))
    taken = wrong.plan().allocate(250).tolist()
    found = [audit_once(wrong, taken, linked.reviewer(k), k, draws=1500) for k in range(100)]
    for name, (held, _) in coverage(found, linked.true).items():
        assert held >= 0.90, name


def test_a_linkage_without_any_error(tmp_path: Path) -> None:
    known = run_of(two_files(TELLING, 300, 300, 200, seed=3), TELLING, tmp_path / "files", one_to_one=True)
    assert (known.true.false_links, known.true.missed) == (0, 0)
    frame = known.frame()
    found = audit_once(frame, frame.plan().allocate(60).tolist(), known.reviewer(), 1)
    assert found.estimates["precision"] == found.estimates["recall"] == 1.0
    assert found.intervals["precision"].high == 1.0
    assert 0.9 < found.intervals["precision"].low < 1.0
    assert 0.8 < found.intervals["recall"].low < 1.0


def test_a_linkage_that_leaves_nothing_unlinked(tmp_path: Path) -> None:
    known = run_of(two_files(TELLING, 200, 200, 200, seed=4), TELLING, tmp_path / "files", one_to_one=True)
    frame = known.frame()
    assert not _kind(frame, "record")
    found = audit_once(frame, frame.plan().allocate(50).tolist(), known.reviewer(), 1)
    assert found.estimates["recall"] == 1.0
    assert found.intervals["recall"].low < 1.0  # another record than the one linked could be the match


def test_a_wrong_partner_is_false_and_missed(linked: Known) -> None:
    frame = linked.frame()
    tasks = draw_tasks(frame, frame.sizes.tolist(), 1)
    strangers = RecordKey("b", "somebody else")
    answers = [Answer(task, "link", strangers) for task in tasks]
    strata = judged_strata(frame, answers).strata
    for one in strata:
        assert one.counts[-1] == one.size
    unsure = judged_strata(frame, [Answer(task, "unsure") for task in tasks[:5]]).strata
    assert sum(one.unsure for one in unsure) == 5
    with pytest.raises(InputError, match="not of this sample"):
        judged_strata(frame, [Answer(replace(tasks[0], stratum="s99"), None)])
    with pytest.raises(InputError, match="not of this sample"):
        judged_strata(frame, [Answer(replace(tasks[0], left=strangers), None)])


ONE_TO_ONE = "one_to_one = true"
FALSE_LINKS = "upper = 0.1\nlower = 0.02"
NAME = 'name = "small"'
SECOND = SPEC[SPEC.index('[[sources]]\nname = "b"') : SPEC.index("[[comparisons]]", SPEC.index('name = "b"'))]
THIRD = SECOND.replace('"b"', '"c"').replace("b.csv", "c.csv")
KINDS: dict[str, tuple[dict[str, str], By]] = {
    "one to many": ({ONE_TO_ONE: 'links = "one_to_many"'}, "record"),
    "many to one": ({ONE_TO_ONE: 'links = "many_to_one"'}, "record"),
    "many to many": ({ONE_TO_ONE: 'links = "many_to_many"'}, "pair"),
    "unique": ({ONE_TO_ONE: 'one_to_one = true\nassignment = "unique"'}, "record"),
    "no duplicates": (
        {ONE_TO_ONE: "upper = 0.6", 'path = "b.csv"': 'path = "b.csv"\nduplicate_free = true'},
        "record",
    ),
    "weights": ({ONE_TO_ONE: 'one_to_one = true\nscale = "weight"\nupper = 6.0\nlower = 3.0'}, "record"),
    "sequential": ({NAME: f'{NAME}\nmode = "sequential"'}, "record"),
    "link and dedupe": ({NAME: f'{NAME}\nkind = "link_and_dedupe"', ONE_TO_ONE: ""}, "pair"),
    "false links": ({ONE_TO_ONE: FALSE_LINKS}, "pair"),
    "false links of both": ({NAME: f'{NAME}\nkind = "link_and_dedupe"', ONE_TO_ONE: FALSE_LINKS}, "pair"),
    "false links of three": ({ONE_TO_ONE: FALSE_LINKS, SECOND: SECOND + THIRD}, "pair"),
    "duplicates": ({ONE_TO_ONE: FALSE_LINKS, SECOND: "", NAME: f'{NAME}\nkind = "dedupe"'}, "pair"),
}
SEEDS = [
    (kind, seed)
    for kind in KINDS
    for seed in ((3, 5, 14) if "false" in kind or kind == "duplicates" else (3,))
]


@pytest.mark.parametrize(("kind", "seed"), SEEDS)
def test_a_census_of_every_kind_of_run(kind: str, seed: int, tmp_path: Path) -> None:
    """What people judge is exact, also where links are false; what the model adds is within its limits."""
    changes, by = KINDS[kind]
    text = SPEC
    for old, new in changes.items():
        text = text.replace(old, new)
    path = write_small(tmp_path, text, n=300, seed=seed)
    second = (tmp_path / "b.csv").read_text()
    (tmp_path / "c.csv").write_text(second.replace("\nb", "\nc"))
    if kind == "duplicates":
        with (tmp_path / "a.csv").open("a") as file:
            file.write(second.partition("\n")[2])
    links = ts.Linkage.from_toml(path).run(tmp_path / "run")
    frame = audit_frame(tmp_path / "run")
    assert frame.by == by
    true = links.evaluate("person").links
    assert true.false_links or "false" not in kind
    truth = truth_of(read_truth(links.prepared.spec.sources, "person"))
    judged, found, corrected = census(frame, Reviewer(truth, between=frame.kind == "link", seed=seed))
    counts = found.counts
    assert counts is not None
    assert (counts.links, counts.true_links, counts.allowed_pairs) == (
        true.links,
        true.true_links,
        true.allowed_pairs,
    )
    named = sum(n * one.missed for h in judged.strata for n, one in zip(h.counts, h.outcomes, strict=True))
    assert named == true.missed
    assert counts.missed == pytest.approx(named + frame.beyond + judged.further)
    for name, value in measures(true).items():
        assert found.intervals[name].low - 1e-9 <= value <= found.intervals[name].high + 1e-9, name
    assert corrected.counts is not None
    matches = true.true_links + true.missed
    if "three" in kind:  # where one pair of a record makes others follow
        assert true.true_links < corrected.counts.true_links < matches
    else:
        assert corrected.counts.true_links == corrected.counts.links == matches


def census(frame: AuditFrame, reviewer: Reviewer) -> tuple[Judged, AuditRates, AuditRates]:
    """What everything judged gives, and the rates of the links, as they are and corrected."""
    judged = judged_strata(frame, reviewer.answers(draw_tasks(frame, frame.sizes.tolist(), 1)))
    model = frame.beyond + judged.further
    first, second = (
        audit_rates(judged.strata, frame.allowed_pairs, model_missed=model, corrected=one, draws=200)
        for one in (False, True)
    )
    return judged, first, second


def test_further_matches_are_as_likely_as_the_links_they_come_by() -> None:
    """A record x found to be a; a is linked with b, b with c, and d is a candidate of both x and a."""
    x, a, b, c, d = (RecordKey("f", name) for name in "xabcd")
    schema = dict.fromkeys(ENDS, pl.String) | {"posterior": pl.Float64}

    def table(*pairs: tuple[RecordKey, RecordKey, float]) -> pl.DataFrame:
        return pl.DataFrame([(*one, *other, share) for one, other, share in pairs], schema, orient="row")

    entities = pl.DataFrame({"source": "f", "id": list("xabcd"), "entity_id": list("12223")})
    drawable = pl.DataFrame({"source": "f", "id": ["x", "d"]})
    links, others = table((a, b, 0.9), (b, c, 0.8)), table((x, d, 0.3), (a, d, 0.2))

    def found(alone: Sequence[RecordKey] = (), **judged: bool) -> tuple[float, float]:
        pairs = {(RecordKey("f", name[0]), RecordKey("f", name[1])): said for name, said in judged.items()}
        verdicts = Verdicts([(x, a)], alone, pairs)
        shares = Shares(verdicts, drawable, entities, links, others, between=False)
        return shares.missed(x, a).missed, shares.further(x, a)

    # d could be drawn, so that it counts half from here.
    assert found() == pytest.approx((1, 0.9 + 0.9 * 0.8 + 0.2 / 2))
    assert found([d]) == pytest.approx((1, 0.9 + 0.72))
    assert found([d], ab=False) == (1, 0)
    assert found([d], ab=True) == pytest.approx((2, 0.8))
    assert found([d], ab=True, bc=True) == (3, 0)
    assert found([d], bc=False) == pytest.approx((1, 0.9))
    assert found([d], ab=True, ac=False) == (2, 0)


def test_households_are_audited_by_record(tmp_path: Path) -> None:
    run = made_by_households(tmp_path)
    true = truth_of_run(run, "person").figures["rates"]
    truth = truth_of([_named(tmp_path, name) for name in ("early", "late")])
    for by in ("record", "pair"):
        frame = audit_frame(run, by=by)
        judged, found, corrected = census(frame, Reviewer(truth))
        assert found.counts is not None
        assert corrected.counts is not None
        assert (found.counts.links, found.counts.true_links) == (true["links"], true["true_links"])
        assert found.counts.missed == pytest.approx(true["missed"] + frame.beyond)
        assert corrected.counts.true_links == true["true_links"] + true["missed"]
        assert judged.further == 0
    status, text = outcome("audit", "draw", run, "--reviews", 50)
    assert status == 0, text
    with opened(run) as store:
        assert judge_all(store, Reviewer(truth)) == 50
    status, text = outcome("audit", "estimate", run)
    assert status == 0, text
    assert json.loads((run / "audit.json").read_text())["estimate"]["counts"]["links"] == true["links"]


def _named(folder: Path, name: str) -> pl.DataFrame:
    table = pl.read_parquet(folder / f"{name}.parquet")
    return table.select(pl.lit(name).alias("source"), "id", pl.col("person").alias("truth"))


def test_links_without_a_posterior_are_a_stratum(copied: Path) -> None:
    """Those of match keys that come before the passes."""
    table = pl.read_parquet(copied / "links.parquet").with_row_index("row")
    first = table.filter(pl.col("decision") == "link")["row"][:40]
    blank = pl.when(~pl.col("row").is_in(first.implode())).then(pl.col("posterior"))
    table.with_columns(blank.alias("posterior")).drop("row").write_parquet(copied / "links.parquet")
    frame = audit_frame(copied)
    sizes = {one.label: int(n) for one, n in zip(frame.strata, frame.sizes, strict=True)}
    assert sizes["links without a posterior"] == 40
    assert sum(sizes.values()) == 900


# Commands


def test_draw_judge_estimate(linked: Known, copied: Path) -> None:
    status, text = outcome("audit", "design", copied, "--reviews", 200)
    assert status == 0
    assert "sampled by record: records of a" in text
    assert not (copied / "audit.json").exists()
    status, text = outcome("audit", "draw", copied, "--reviews", 200, "--seed", 7)
    assert status == 0, text
    assert "200 tasks in the worklist audit" in text
    drawn = json.loads((copied / "audit.json").read_text())
    assert sum(one["drawn"] for one in drawn["strata"]) == drawn["reviews"] == 200
    with opened(copied) as store:
        assert store.worklists()[0].blind
        assert judge_all(store, linked.reviewer()) == 200
    status, text = outcome("audit", "estimate", copied)
    assert status == 0, text
    assert "200 of 200 judged by 1 person" in text
    result = json.loads((copied / "audit.json").read_text())
    found = result["estimate"]
    true = measures(linked.true)
    for name, (low, high) in found["intervals"].items():
        assert low <= found["estimates"][name] <= high
        assert low - 1e-9 <= true[name] <= high + 1e-9
    assert found["corrected"]["estimates"]["precision"] >= found["estimates"]["precision"]
    assert found["corrected"]["estimates"]["recall"] >= found["estimates"]["recall"]
    assert found["model_missed"]["origin"] == "model"
    assert {one["name"] for one in found["strata"]} == {one["name"] for one in result["strata"]}
    assert sum(sum(one["outcomes"].values()) for one in found["strata"]) == 200
    assert found["counts"]["links"] == linked.true.links  # exactly, however the sum of the strata rounds
    # Once more, with nothing changed, gives the same; and as JSON.
    status, text = outcome("audit", "estimate", copied, "--json")
    again = json.loads(text)["estimate"]
    assert {**again, "made_at": ""} == {**found, "made_at": ""}


def test_a_deduplication_by_commands(deduplicated: Known, tmp_path: Path) -> None:
    run = Path(shutil.copytree(deduplicated.folder, tmp_path / "run"))
    assert outcome("audit", "draw", run, "--reviews", 250, "-q") == (0, "")
    with opened(run) as store:
        judge_all(store, deduplicated.reviewer())
    status, text = outcome("audit", "estimate", run)
    assert status == 0, text
    assert "expected by the model and judged by nobody" in text
    found = json.loads((run / "audit.json").read_text())
    assert found["by"] == "pair"
    assert found["estimate"]["model_missed"]["matches"] >= 0
    assert {one["kind"] for one in found["strata"]} >= {"link", "record"}


def test_answers_from_a_file(linked: Known, copied: Path, tmp_path: Path) -> None:
    """The sample as a table, filled in without the application."""
    outcome("audit", "draw", copied, "--reviews", 60)
    file = tmp_path / "sample.csv"
    status, text = outcome("decisions", "export", copied, file, "--worklist", AUDIT, "--open")
    assert status == 0, text
    table = pl.read_csv(file, infer_schema=False)
    assert table["weight"].null_count() == table["posterior"].null_count() == 60
    answers = []
    for source, id_ in table.select("left_source", "left_id").iter_rows():
        task = Task("record", RecordKey(source, id_), None, None, None)
        answers.append(linked.reviewer().answer(task))
    table = table.with_columns(
        pl.Series("verdict", [one.verdict for one in answers]),
        pl.Series("chosen_source", [one.chosen and one.chosen.source for one in answers], pl.String),
        pl.Series("chosen_id", [one.chosen and one.chosen.id for one in answers], pl.String),
    )
    table.write_csv(file)
    status, text = outcome("decisions", "import", copied, file, "--reviewer", "ann")
    assert status == 0, text
    status, text = outcome("audit", "estimate", copied)
    assert status == 0, text
    assert "60 of 60 judged by 1 person" in text


def test_half_judged_and_unsure(linked: Known, copied: Path) -> None:
    outcome("audit", "draw", copied, "--reviews", 200, "--double", 0.2)
    with opened(copied) as store:
        judge_all(store, linked.reviewer(), most=80)
        row = store.next(AUDIT, "ann", order="plan")
        assert row is not None
        store.decide(row.number, "ann", "unsure", seen={})
    status, text = outcome("audit", "estimate", copied)
    assert status == 0, text
    found = json.loads((copied / "audit.json").read_text())["estimate"]
    assert found["drawn"] == 200
    assert found["judged"] + found["unsure"] + found["open"] == 200
    assert found["open"] >= 119
    assert "have no verdict yet" in text
    assert "with all without a verdict right or wrong" in text
    low, high = found["ranges"]["open"]["precision"]
    assert low < found["estimates"]["precision"] < high


def answer_all(run: Path, verdict: Verdict) -> None:
    outcome("audit", "draw", run, "--reviews", 100)
    with opened(run) as store:
        while (row := store.next(AUDIT, "ann", order="plan")) is not None:
            store.decide(row.number, "ann", verdict, seen={})


def test_nothing_is_true(copied: Path) -> None:
    """No record has a match: then there is no recall, and no page breaks on it."""
    answer_all(copied, "non-link")
    status, text = outcome("audit", "estimate", copied)
    assert status == 0, text
    assert re.search(r"precision +0\.0000", text)
    assert re.search(r"recall \(sensitivity\) +none\n", text)
    found = json.loads((copied / "audit.json").read_text())["estimate"]
    assert found["estimates"]["recall"] is None
    assert "recall" not in found["wald"]
    status, text = outcome("report", copied)
    assert status == 0, text
    page = (copied / "report.html").read_text("utf-8")
    assert '<th scope="row">Recall (sensitivity)</th><td class="n">none</td>' in page


def test_everybody_is_unsure(copied: Path) -> None:
    answer_all(copied, "unsure")
    status, text = outcome("audit", "estimate", copied)
    assert status == 2
    assert "reviewers were unsure of all of them" in text


def test_a_run_without_any_link(tmp_path: Path) -> None:
    files = two_files(PLAIN, 60, 60, 0, seed=3)
    linkage = run_of(files, PLAIN, tmp_path / "files", lower=0.5, upper=1 - 1e-12)
    assert linkage.true.links == 0
    answer_all(linkage.folder, "non-link")
    status, text = outcome("audit", "estimate", linkage.folder)
    assert status == 0, text
    assert re.search(r"precision +none\n", text)
    status, text = outcome("report", linkage.folder)
    assert status == 0, text


def test_people_who_disagree_leave_it_open(linked: Known, copied: Path) -> None:
    outcome("audit", "draw", copied, "--reviews", 40, "--double", 1)
    with opened(copied) as store:
        judge_all(store, linked.reviewer(), "ann")
        while (row := store.next(AUDIT, "bob", order="plan")) is not None:
            verdict = linked.reviewer().answer(row.task)
            wrong = row.task.place < 3
            assert verdict.verdict is not None
            store.decide(
                row.number,
                "bob",
                "unsure" if wrong else verdict.verdict,
                chosen=None if wrong else verdict.chosen,
                seen={},
            )
    status, text = outcome("audit", "estimate", copied)
    assert status == 0, text
    found = json.loads((copied / "audit.json").read_text())["estimate"]
    assert (found["disagreements"], found["open"], found["judged"], found["reviewers"]) == (3, 3, 37, 2)
    assert "3 of them in disagreement" in text


def test_a_sample_as_narrow_as_wanted(linked: Known) -> None:
    design = design_audit(linked.folder, precision_width=0.06, recall_width=0.08)
    assert design.widths["precision"] is not None
    assert design.widths["precision"] <= 0.06
    assert design.widths["recall"] is not None
    assert design.widths["recall"] <= 0.08
    assert design.reviews < 900
    whole = design_audit(linked.folder, reviews=10**6)
    assert whole.reviews == 900
    assert whole.widths == {"precision": 0.0, "recall": 0.0}
    alone = design_audit(linked.folder, precision_width=0.06)
    assert alone.reviews <= design.reviews
    status, text = outcome("audit", "design", linked.folder, "--reviews", 10**6)
    assert status == 0
    assert "Everything is judged" in text
    # By pair some matches are the model's: no sample makes them certain.
    wide = ("--by", "pair", "--recall-width", 1e-6)
    status, text = outcome("audit", "design", linked.folder, *wide)
    assert status == 0
    assert "cannot be had of: recall" in text
    status, text = outcome("audit", "draw", linked.folder, *wide)
    assert status == 2
    assert "no sample makes the interval of recall as narrow as wanted" in text
    status, text = outcome("audit", "design", linked.folder, "--json")
    assert json.loads(text)["wanted_widths"] == {"precision": 0.01, "recall": 0.02}


def test_what_cannot_be_audited_is_said(linked: Known, copied: Path, tmp_path: Path) -> None:
    def refused(*arguments: object) -> str:
        status, text = outcome("audit", *arguments)
        assert status == 2, text
        assert "Traceback" not in text
        assert not (copied / "audit.json").exists()
        return text

    assert "both given" in refused("draw", copied, "--reviews", 5, "--recall-width", 0.1)
    assert "at least 1" in refused("draw", copied, "--reviews", 0)
    assert "between 0 and 1" in refused("draw", copied, "--precision-width", 2)
    assert "no source 'c'" in refused("draw", copied, "--source", "c")
    assert "no sample has been drawn" in refused("estimate", copied)
    assert "run.json" in refused("draw", tmp_path)
    (copied / "model.json").rename(tmp_path / "model.json")
    assert "no model" in refused("draw", copied)


def test_a_sample_is_drawn_once(linked: Known, copied: Path) -> None:
    draw = ("audit", "draw", copied, "--reviews", 50)
    assert outcome(*draw)[0] == 0
    first = (copied / "audit.json").read_bytes()
    assert outcome(*draw)[0] == 0  # the same again changes nothing
    assert (copied / "audit.json").read_bytes() == first
    for other in (("--seed", 2), ("--by", "pair"), ("--source", "b"), ("--double", 0.5)):
        status, text = outcome(*draw, *other)
        assert status == 2
        assert "has been drawn already" in text
    status, text = outcome("audit", "estimate", copied)
    assert status == 2
    assert "nothing of the audit is judged yet" in text
    assert (copied / "audit.json").read_bytes() == first
    # Stopped between the store and the file: drawn again, it is the same sample.
    (copied / "audit.json").unlink()
    assert outcome(*draw)[0] == 0
    (copied / "audit.json").unlink()
    status, text = outcome("audit", "draw", copied, "--reviews", 60)
    assert status == 2
    assert "other tasks" in text


def test_a_run_that_has_changed_since(linked: Known, copied: Path) -> None:
    outcome("audit", "draw", copied, "--reviews", 50)
    with opened(copied) as store:
        judge_all(store, linked.reviewer())
    whole = pl.read_parquet(copied / "links.parquet")
    whole.filter(pl.col("decision") != "link").write_parquet(copied / "links.parquet")
    status, text = outcome("audit", "estimate", copied)
    assert status == 2
    assert "not those that were drawn" in text
    whole.write_parquet(copied / "links.parquet")
    facts = json.loads((copied / "run.json").read_text())
    (copied / "run.json").write_text(json.dumps({**facts, "fingerprint": "0" * 64}))
    status, text = outcome("audit", "estimate", copied)
    assert status == 2
    assert "from another run" in text
    status, text = outcome("audit", "draw", copied, "--store", copied / "other.sqlite")
    assert status == 2
    assert "the audit of another run" in text
    (copied / "audit.json").write_text("{}")
    status, text = outcome("audit", "estimate", copied)
    assert status == 2
    assert "no audit of this version" in text


def test_from_python(linked: Known, copied: Path) -> None:
    design = design_audit(copied, reviews=120)
    with opened(copied) as store:
        drawn = draw_audit(copied, store, design, seed=3)
        assert drawn["reviews"] == 120
        judge_all(store, linked.reviewer())
        found = estimate_audit(copied, store)["estimate"]
    assert found["judged"] == 120
    assert check_drawn(copied)["by"] == "record"


# CIS to PRD


@pytest.mark.parametrize("repetitions", [150, pytest.param(300, marks=pytest.mark.long)])
def test_cis_to_prd(essnet: tuple[Path, ts.Links], repetitions: int) -> None:
    """1,500 reviews: in all repetitions of the draw the intervals hold the truth, and are narrow."""
    folder, links = essnet
    true = links.evaluate("person_id").links
    reviewer = Reviewer(truth_of(read_truth(links.prepared.spec.sources, "person_id")))
    frame = audit_frame(folder)
    taken = frame.plan().allocate(1500).tolist()
    found = [audit_once(frame, taken, reviewer, seed, draws=1000) for seed in range(repetitions)]
    of = coverage(found, true)
    for name, (held, _) in of.items():
        assert held >= 0.93, name
    assert of["precision"][1] <= 0.01
    assert of["recall"][1] <= 0.02
