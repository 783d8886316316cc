"""Sequential passes: what each step sees, estimates and leaves; models that replay them; runs."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import Field, Simulated, two_files
from small_persons import files, shuffled

import tallystick as ts
from tallystick.errors import InputError, SpecError, TallystickWarning
from tallystick.estimation.carried import level_sums_of, remaining_m, u_without_links
from tallystick.linkage.key_links import link_first
from tallystick.linkage.prepare import prepare
from tallystick.linkage.sequential import run_steps
from tallystick.linkage.sequential_links import SequentialLinks
from tallystick.linking.decide import Verdict
from tallystick.quality.rates import EstimatedRates, StepRates, rates_of_steps
from tallystick.spec import dump_spec, parse_spec
from tallystick.spec.step_decision import decision_of
from tests.small_files import SPEC, call, write_small

COMPARISONS = (
    ts.comparison("forename", ts.jaro_winkler(0.9, 0.8)),
    ts.comparison("surname", ts.jaro_winkler(0.9, 0.8)),
    ts.comparison("dob", ts.levenshtein(1)),
    ts.comparison("phone", ts.levenshtein(1)),
    ts.comparison("sex", ts.exact()),
)
KEYS = ts.Match(keys=[ts.match_key("forename", "surname", "dob"), ts.match_key("surname", "dob", "phone")])
PASSES = (
    ts.blocking_key("postcode", "sex", name="place"),
    ts.blocking_key(ts.soundex("surname"), name="sound"),
    ts.all_pairs(name="rest"),
)


def linkage(**more: object) -> ts.Linkage:
    given = {"comparisons": COMPARISONS, "passes": PASSES, "one_to_one": True, "mode": "sequential", **more}
    return ts.Linkage(**given)  # type: ignore[arg-type]


def named(tables: list[pl.DataFrame]) -> list[ts.Source]:
    return [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", tables, strict=True)]


@pytest.fixture(scope="module")
def frames() -> list[pl.DataFrame]:
    return files([400, 300], 250, seed=3)


@pytest.fixture(scope="module")
def tables(frames: list[pl.DataFrame]) -> list[ts.Source]:
    return named(frames)


@pytest.fixture(scope="module")
def links(tables: list[ts.Source]) -> SequentialLinks:
    found = linkage().fit(*tables).link(*tables)
    assert isinstance(found, SequentialLinks)
    return found


def decisions(links: SequentialLinks) -> set[tuple[str, str, str]]:
    return set(links.pairs.select("id_left", "id_right", "decision").iter_rows())


def test_each_step_sees_what_the_ones_before_have_left(links: SequentialLinks) -> None:
    n = links.prepared.records.n_records
    free = np.ones(n, bool)
    for one in links.steps:
        assert one.records.rows.tolist() == np.flatnonzero(free).tolist()
        free &= ~one.linked(n)
    assert len({row for one in links.steps for row in one.records.rows}) == n
    table = links.table_of_steps()
    assert table["records"].to_list()[1:] == table["residuals"].to_list()[:-1]
    assert table["links"].sum() == (links.pairs["decision"] == "link").sum()
    assert (table["links"] > 0).all()


def test_every_pair_is_there_once_and_links_are_one_to_one(links: SequentialLinks) -> None:
    pairs = links.decided.pairs
    keys = pairs.left.astype(np.int64) * links.prepared.records.n_records + pairs.right
    assert (np.diff(keys) > 0).all()
    linked = links.pairs.filter(pl.col("decision") == "link")
    assert linked["id_left"].is_unique().all()
    assert linked["id_right"].is_unique().all()
    left = set(linked["id_left"]) | set(linked["id_right"])
    possible = links.pairs.filter(pl.col("decision") == "possible")
    assert not left & (set(possible["id_left"]) | set(possible["id_right"]))


def test_most_matches_are_found(links: SequentialLinks) -> None:
    linked = links.pairs.filter(pl.col("decision") == "link")
    right = sum(
        int(a[1:]) == int(b[1:]) and int(a[1:]) < 250
        for a, b in linked.select("id_left", "id_right").iter_rows()
    )
    assert right >= 240
    assert len(linked) - right <= 5
    rates = links.quality()
    assert abs(rates.false_links - (len(linked) - right)) < 5
    assert rates.matches == pytest.approx(250, abs=10)


def test_a_link_belongs_to_the_step_that_made_it(links: SequentialLinks) -> None:
    by_step = {}
    for one in links.steps:
        assert one.links is not None
        by_step[one.step.label] = set(
            one.links.pairs.filter(pl.col("decision") == "link").select("id_left", "id_right").iter_rows()
        )
    linked = links.pairs.filter(pl.col("decision") == "link")
    for a, b, step in linked.select("id_left", "id_right", "step").iter_rows():
        assert (a, b) in by_step[step]


def test_origins_say_what_was_carried(links: SequentialLinks) -> None:
    first, second, last = (one.parameters for one in links.steps)
    assert first is not None
    assert second is not None
    assert last is not None
    for own, before in zip(second.comparisons, first.comparisons, strict=True):
        assert own.u == pytest.approx(before.u)
        assert own.u_origin.endswith("(step place)")
        assert own.m_origin == "carried over from step place, less what it linked"
    assert all("step sound" in own.m_origin for own in last.comparisons)
    assert all(own.u_origin.endswith("(step place)") for own in last.comparisons)
    assert all(sum(own.m) == pytest.approx(1) for own in last.comparisons)


def test_the_order_of_rows_and_files_and_threads_change_nothing(
    links: SequentialLinks, frames: list[pl.DataFrame]
) -> None:
    mixed = named([shuffled(one, 9) for one in frames])
    again = linkage().fit(*mixed, threads=1).link(*mixed, threads=1)
    assert {row for row in decisions(again) if row[2] != "non-link"} == {
        row for row in decisions(links) if row[2] != "non-link"
    }
    back = named(frames)[::-1]
    swapped = linkage().fit(*back).link(*back)
    assert {(b, a, d) for a, b, d in decisions(swapped) if d != "non-link"} == {
        row for row in decisions(links) if row[2] != "non-link"
    }


def test_a_saved_model_replays_the_steps(
    links: SequentialLinks, frames: list[pl.DataFrame], tables: list[ts.Source], tmp_path: Path
) -> None:
    links.model.save(tmp_path / "model.json")
    model = ts.load_model(tmp_path / "model.json")
    assert model == links.model
    again = model.link(*tables)
    assert again.pairs.equals(links.pairs)
    with pytest.raises(InputError, match="load_model"):
        ts.Model.load(tmp_path / "model.json")
    other = model.link(*named([frames[0], frames[1].head(200)]))
    assert isinstance(other, SequentialLinks)
    known, new = links.steps[0].parameters, other.steps[0].parameters
    assert known is not None
    assert new is not None
    assert [own.m for own in new.comparisons] == [own.m for own in known.comparisons]
    assert new.pairs[0].expected_matches < known.pairs[0].expected_matches


def test_residuals_have_a_reason_and_a_candidate(links: SequentialLinks) -> None:
    linked = links.pairs.filter(pl.col("decision") == "link")
    ids = set(links.prepared.records.ids) - set(linked["id_left"]) - set(linked["id_right"])
    assert set(links.residuals["id"]) == ids
    assert (links.residuals["pass"] == "rest").all()  # which has a candidate for everyone
    assert links.review.height == (links.pairs["decision"] == "possible").sum()


def test_why_names_the_step(links: SequentialLinks) -> None:
    link = links.pairs.filter((pl.col("decision") == "link") & (pl.col("step") == "sound")).row(0, named=True)
    found = links.why(link["id_left"], link["id_right"])
    assert found.decision == "link"
    assert found.reason.startswith("Step sound: ")
    assert found.weight == pytest.approx(link["weight"])


def test_steps_choose_passes_comparisons_and_thresholds(tables: list[ts.Source]) -> None:
    steps = (
        ts.step("place", comparisons=["forename", "dob"], decision=ts.Decision(upper=0.99, lower=0.98)),
        ts.step("sound", "rest", name="the others", m="estimate"),
    )
    links = linkage(steps=steps).fit(*tables).link(*tables)
    assert isinstance(links, SequentialLinks)
    first, second = links.steps
    assert first.links is not None
    assert second.links is not None
    assert [own.name for own in first.links.model.parameters.comparisons] == ["forename", "dob"]
    assert (first.links.decided.posterior[first.links.decided.links] >= 0.99).all()
    assert first.links.decision.upper == 0.99
    assert first.links.decision.one_to_one
    origins = {own.name: (own.m_origin, own.u_origin) for own in second.links.model.parameters.comparisons}
    assert (
        origins["dob"][0] == "EM, prior worth 20 matches: carried over from step place, less what it linked"
    )
    # What the first step has not compared is estimated, with u of the files as they were.
    assert origins["surname"] == ("EM", "all pairs, less the links")
    patterns = links.pairs.filter(pl.col("step") == "place")["pattern"].str.split("-")
    assert patterns.list.get(1).eq(".").all()


def test_u_of_a_later_comparison_is_that_of_the_files() -> None:
    """The residuals of a strict step are no sample of the files: u must not be theirs."""
    fields = (Field("a", 60), Field("b", 50), Field("c", 40), Field("d", 3, skew=1.0), Field("e", 200))
    drawn = two_files(fields, 900, 800, 600, seed=4)
    passes = (ts.blocking_key("e", name="strict"), ts.all_pairs(name="rest"))
    comparisons = [ts.comparison(name, ts.exact()) for name in "abcd"]
    steps = (ts.step("strict", comparisons=["a", "b", "c"]), ts.step("rest"))
    model = ts.Linkage(
        comparisons=comparisons, passes=passes, one_to_one=True, mode="sequential", steps=steps
    ).fit(*drawn.tables)
    last = model.steps[1]
    assert last is not None
    for own, field in zip(last.comparisons, fields, strict=False):
        assert own.u[1] == pytest.approx(field.u[-1], rel=0.05), own.name


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    fields = (
        *(Field(name, size, redrawn=0.08) for name, size in zip("abc", (60, 50, 80), strict=True)),
        Field("d", 40, redrawn=0.02),
        Field("key", 300, redrawn=0.3),
    )
    return two_files(fields, 4000, 3000, 2400, seed=8)


def test_m_of_the_matches_that_are_left(simulated: Simulated) -> None:
    """A step takes the matches that agree; what is left has errors, and m has to be that of what is left."""
    comparisons = [ts.comparison(name, ts.exact()) for name in ("a", "b", "c", "d", "key")]
    passes = (ts.blocking_key("key", name="strict"), ts.all_pairs(name="rest"))
    links = (
        ts.Linkage(comparisons=comparisons, passes=passes, one_to_one=True, mode="sequential")
        .fit(*simulated.tables)
        .link(*simulated.tables)
    )
    assert isinstance(links, SequentialLinks)
    first, last = links.steps
    assert first.links is not None
    assert last.links is not None
    # Who is left, by the truth.
    entity = np.concatenate(simulated.entities)
    n_left = len(simulated.entities[0])
    rows = last.records.rows
    left, right = rows[rows < n_left], rows[rows >= n_left]
    where = {int(entity[row]): int(row) for row in left}
    pairs = [(where[int(entity[row])], int(row)) for row in right if int(entity[row]) in where]
    sides = [np.array(side, np.int32) for side in zip(*pairs, strict=True)]
    levels = links.prepared.plan.digits.of(*sides)[:5]
    parameters = last.links.model.parameters
    assert parameters.pairs[0].expected_matches == pytest.approx(len(pairs), rel=0.08)
    for own, row in zip(parameters.comparisons, levels, strict=True):
        assert own.m[1] == pytest.approx((row == 1).mean(), abs=0.04), own.name
    assert parameters.comparisons[4].m[1] < 0.2  # 0.7 of all matches agree on the key
    matches = links.quality().matches
    assert matches == pytest.approx(simulated.n_matches, rel=0.02)


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=5),
    st.floats(1, 1e4),
    st.lists(st.floats(0, 1e4), min_size=5, max_size=5),
)
def test_remaining_m_is_what_is_expected_less_what_is_linked(
    m: list[float], expected: float, linked: list[float]
) -> None:
    own = np.array(m) / sum(m)
    taken = np.array(linked[: len(own)])
    left = remaining_m(own, expected, taken)
    plain = [max(0.0, expected * p - t) + 10 * p for p, t in zip(own, taken, strict=True)]
    assert left == pytest.approx(np.array(plain) / sum(plain))
    assert remaining_m(own, expected, np.zeros(len(own))) == pytest.approx(own)


def test_u_without_links_stays_positive() -> None:
    found = u_without_links(np.array([990.0, 10.0, 0.0]), np.array([0.0, 10.0, 0.0]))
    assert found.tolist() == pytest.approx([990 / 990.5, 0.5 / 990.5, 0.0])


def test_level_sums_leave_missing_values_out() -> None:
    levels = np.array([[0, 1, 2, 1], [1, 1, 1, 0]], np.uint8)
    found = level_sums_of(levels, np.array([1.0, 0.5, 0.25, 0.125]), [2, 2])
    assert [one.tolist() for one in found] == [[1.0, 0.625], [0.125, 1.75]]


def test_rates_of_steps_count_what_false_links_hide() -> None:
    one = StepRates(EstimatedRates(100, 90, 10, 30, 1e6, 2.0, 3.0), 200, 400)
    last = StepRates(EstimatedRates(20, 18, 2, 4, 1e5, 1.0, 1.5), 100, 300)
    total = rates_of_steps([one, last], 1e6)
    assert (total.links, total.true_links, total.false_links) == (120, 108, 12)
    assert total.missed == pytest.approx(4 + 10 * (120 / 200 + 120 / 400))
    assert total.true_links_error == pytest.approx(5**0.5)
    assert rates_of_steps([], 10).links == 0


def test_steps_without_work_say_why(frames: list[pl.DataFrame]) -> None:
    left, right = named(
        [frame.with_columns(nothing=pl.lit(k)) for k, frame in zip("ab", frames, strict=True)]
    )
    passes = (*PASSES[:1], ts.blocking_key("nothing", name="in vain"), *PASSES[1:])
    links = linkage(passes=passes).fit(left, right).link(left, right)
    assert isinstance(links, SequentialLinks)
    idle = links.steps[1]
    assert idle.links is None
    assert idle.reason == "the passes find no pair"
    assert links.table_of_steps()["reason"].to_list() == [None, "the passes find no pair", None, None]
    assert links.model.steps[1] is None
    with pytest.raises(InputError, match="No step finds a pair"):
        linkage(passes=passes[1:2]).fit(left, right).link(left, right)


SEQUENTIAL = SPEC.replace('name = "small"', 'name = "small"\nmode = "sequential"')


def test_a_run_its_files_and_commands(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "spec.toml").write_text(SEQUENTIAL, "utf-8")
    found = call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "-q")
    assert found.exit_code == 0, found.output
    facts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    steps = facts["counts"]["steps"]
    assert len(steps) == len(facts["counts"]["passes"])
    assert facts["counts"]["links"] == sum(one["links"] for one in steps)
    quality = json.loads((tmp_path / "out" / "quality.json").read_text("utf-8"))
    assert quality["estimated"]["links"] == facts["counts"]["links"]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert all(f"(step {one['step']})" in page for one in steps)
    shown = call("passes", tmp_path / "out").output
    assert all(one["step"] in shown for one in steps)
    assert call("evaluate", tmp_path / "out", "--truth", "person").output.startswith("precision")
    link = pl.read_parquet(tmp_path / "out" / "links.parquet").filter(pl.col("decision") == "link").row(0)
    assert "Step " in call("why", tmp_path / "out", link[0], link[1], "-q").output
    refused = call("thresholds", tmp_path / "out")
    assert refused.exit_code == 2
    assert "thresholds of its own" in refused.output
    again = call(
        "score", tmp_path / "out", tmp_path / "a.csv", tmp_path / "b.csv", "--id", "id", "--out",
        tmp_path / "again", "-q",
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    tables = [pl.read_parquet(tmp_path / folder / "links.parquet") for folder in ("out", "again")]
    assert tables[0].equals(tables[1])


def test_a_stopped_run_is_taken_up_with_what_it_has_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.linkage import run as module

    write_small(tmp_path)
    (tmp_path / "spec.toml").write_text(SEQUENTIAL, "utf-8")
    whole = call("link", tmp_path / "spec.toml", "--out", tmp_path / "whole", "-q")
    assert whole.exit_code == 0
    written = module.write_json

    def stop(path: Path, data: object) -> None:
        written(path, data)
        if path.name == "steps.json":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_json", stop)
        assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "-q").exit_code == 1
    assert not (tmp_path / "out" / "run.json").exists()
    fitted = []
    real = ts.linkage.sequential.fit_step  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "tallystick.linkage.sequential.fit_step", lambda *args: fitted.append(args[1].label) or real(*args)
    )
    assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "-q").exit_code == 0
    steps = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]["steps"]
    assert fitted == [one["step"] for one in steps[1:]]
    for name in ("links", "entities", "residuals", "review"):
        one, other = (pl.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in ("whole", "out"))
        assert one.equals(other), name


def test_a_step_that_cannot_be_leaves_nothing_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small(tmp_path)
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(SEQUENTIAL, "utf-8")
    real, calls = ts.linkage.sequential.fit_step, []  # type: ignore[attr-defined]

    def second(*args: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise InputError("This step cannot be estimated: change it.")
        return real(*args)

    with monkeypatch.context() as patched:
        patched.setattr("tallystick.linkage.sequential.fit_step", second)
        refused = call("link", spec, "--out", out, "-q")
    assert refused.exit_code == 2
    assert "This step cannot be estimated" in refused.stderr
    assert not out.exists()
    spec.write_text(SEQUENTIAL.replace("[0.9, 0.8]", "[0.9]"), "utf-8")
    assert call("link", spec, "--out", out, "-q").exit_code == 0


def test_the_limit_on_pairs_is_that_of_what_match_keys_leave(
    frames: list[pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = named([one.with_columns(file=pl.lit(k)) for k, one in zip("ab", frames, strict=True)])
    passes = (ts.blocking_key("sex"), ts.blocking_key("postcode"))
    none = ts.Match(keys=[ts.match_key("file")])
    with warnings.catch_warnings():
        warnings.simplefilter("error", TallystickWarning)
        # On all records the pass makes 60,000 pairs.
        model = linkage(mode="union", match=KEYS, passes=passes, most_pairs=40_000).fit(*tables)
        assert isinstance(model, ts.SequentialModel)
        assert model.steps[0] is not None
        assert model.steps[0].pairs[0].candidates < 40_000
        assert model.link(*tables).pairs["step"].n_unique() == 2
    for keys, most in ((KEYS, 1_000), (none, 40_000)):
        with pytest.raises(InputError, match=f"more than {most:,}; to compare them"):
            linkage(mode="union", match=keys, passes=passes, most_pairs=most).fit(*tables)
        with pytest.raises(InputError, match=f"more than {most:,}; to compare them"):
            linkage(mode="union", match=keys, passes=passes, most_pairs=most).blocks(*tables, fit=True)
    monkeypatch.setattr("tallystick.blocking.key_pairs.LARGE_BLOCK", 20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", TallystickWarning)
        linkage(mode="union", match=KEYS, passes=passes).fit(*tables)
    with pytest.warns(TallystickWarning, match="share the key sex"):
        linkage(mode="union", match=none, passes=passes).fit(*tables)


def test_the_same_in_python_and_toml() -> None:
    steps = (
        ts.step("place", comparisons=["forename"], decision=ts.Decision(upper=0.9, lower=0.5), m="carry"),
        ts.step("sound", "rest", name="rest of all"),
    )
    spec = linkage(steps=steps).spec
    assert parse_spec(dump_spec(spec)) == spec
    assert [one.label for one in spec.all_steps] == ["place", "rest of all"]
    assert [one.label for one in linkage().spec.all_steps] == ["place", "sound", "rest"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"one_to_one": False}, 'mode: found "sequential" where a record may have several links'),
        ({"kind": "dedupe"}, 'mode: found "sequential" where a record may have several links'),
        ({"mode": "union", "steps": (ts.step("place"),)}, 'found steps with mode = "union"'),
        ({"steps": (ts.step("plaec"), ts.step("sound", "rest"))}, 'did you mean "place"'),
        ({"steps": (ts.step("place", "sound"),)}, 'found "rest", which no step uses'),
        ({"steps": (ts.step("place", comparisons=["surnam"]), ts.step("sound", "rest"))}, "surname"),
        (
            {"steps": (ts.step("place", "sound", "rest", comparisons=["forename"]),)},
            'found "surname", which no step uses',
        ),
        (
            {
                "steps": (
                    ts.step("place", decision=ts.Decision(links="one_to_many")),
                    ts.step("sound", "rest"),
                )
            },
            "steps[0].decision.links: found it in a step",
        ),
        (
            {
                "steps": (ts.step("place", decision=ts.Decision(lower=0.4)), ts.step("sound", "rest")),
                "upper": 0.3,
                "lower": 0.2,
            },
            "lower must not be above upper",
        ),
        (
            {"steps": (ts.step("place", name="match keys"), ts.step("sound", "rest")), "match": KEYS},
            "which is that of the match keys",
        ),
        (
            {"steps": (ts.step("place", name="x"), ts.step("sound", "rest", name="x"))},
            'found the name "x", which names steps[0] too',
        ),
        ({"estimation": ts.Estimation(expected_matches=100)}, "of the matches of the files as they are"),
    ],
)
def test_what_does_not_fit(change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as raised:
        linkage(**change)
    assert message in str(raised.value)


def test_a_misspelt_pass_is_one_error() -> None:
    with pytest.raises(SpecError) as raised:
        linkage(steps=(ts.step("plaec"), ts.step("sound", "rest")))
    assert len(str(raised.value).splitlines()) == 1


def test_no_model_without_data() -> None:
    given = [ts.comparison("surname", ts.exact(), m=0.9, u=0.1)]
    with pytest.raises(InputError, match="sequential"):
        linkage(comparisons=given).model()


def test_verdicts_of_merged_pairs(links: SequentialLinks) -> None:
    """A pair that several steps have kept is the link that one of them made of it."""
    n = links.prepared.records.n_records
    expected: dict[int, int] = {}
    for one in links.steps:
        assert one.links is not None
        own, rows = one.links.decided, one.records.rows
        keys = rows[own.pairs.left].astype(np.int64) * n + rows[own.pairs.right]
        for key, verdict in zip(keys.tolist(), own.verdict.tolist(), strict=True):
            expected[key] = max(expected.get(key, 0), verdict)
    found = links.decided
    keys = found.pairs.left.astype(np.int64) * n + found.pairs.right
    linked = found.records_of(found.links, n)
    for key, verdict in zip(keys.tolist(), found.verdict.tolist(), strict=True):
        wanted = expected[key]
        if wanted == Verdict.POSSIBLE and (linked[key // n] or linked[key % n]):
            wanted = Verdict.NON_LINK
        assert verdict == wanted
    assert set(keys.tolist()) == set(expected)


@pytest.fixture(scope="module")
def after_keys(tables: list[ts.Source]) -> SequentialLinks:
    found = linkage(mode="union", match=KEYS).fit(*tables).link(*tables)
    assert isinstance(found, SequentialLinks)
    return found


def test_match_keys_come_first(after_keys: SequentialLinks, tables: list[ts.Source]) -> None:
    first, rest = after_keys.steps
    alone = linkage(match=KEYS).match(*tables)
    keyed = after_keys.pairs.filter(pl.col("step") == "match keys")
    assert set(keyed.select("id_left", "id_right").iter_rows()) == set(
        alone.pairs.select("id_left", "id_right").iter_rows()
    )
    assert keyed["weight"].null_count() == len(keyed) > 50
    assert set(keyed["pass"]) <= {key.label for key in KEYS.keys}
    assert (keyed["decision"] == "link").all()
    linked = first.linked(after_keys.prepared.records.n_records)
    assert rest.records.rows.tolist() == np.flatnonzero(~linked).tolist()
    assert rest.step.passes == tuple(one.label for one in PASSES)
    assert after_keys.model.steps == (rest.parameters,)


def test_u_after_match_keys_is_that_of_the_files(after_keys: SequentialLinks) -> None:
    rest = after_keys.steps[1].parameters
    assert rest is not None
    assert {own.u_origin for own in rest.comparisons} == {"all pairs, less the links"}
    assert {own.m_origin for own in rest.comparisons} == {"EM"}
    surname = after_keys.prepared.records.columns["surname"].codes
    left, right = surname[:400], surname[400:]
    equal = ((left[:, None] == right) & (left[:, None] > 0)).sum()
    pairs = after_keys.decided.pairs
    keyed = after_keys.merged.step == 0
    a, b = surname[pairs.left[keyed]], surname[pairs.right[keyed]]
    posterior = after_keys.decided.posterior[keyed]
    expected = equal - posterior[(a == b) & (a > 0)].sum()
    there = (left > 0).sum() * (right > 0).sum() - posterior[(a > 0) & (b > 0)].sum()
    assert rest.comparisons[1].u[-1] == pytest.approx(expected / there, rel=1e-6)


def test_match_keys_lose_no_link(after_keys: SequentialLinks, links: SequentialLinks) -> None:
    def right(found: SequentialLinks) -> tuple[int, int]:
        linked = found.pairs.filter(pl.col("decision") == "link").select("id_left", "id_right")
        true = sum(a[1:] == b[1:] and int(a[1:]) < 250 for a, b in linked.iter_rows())
        return true, len(linked) - true

    assert right(after_keys)[0] >= right(links)[0] - 2
    assert right(after_keys)[1] <= right(links)[1] + 2
    rates = after_keys.quality()
    assert rates.links == (after_keys.pairs["decision"] == "link").sum()
    assert rates.matches == pytest.approx(250, abs=10)
    assert {"match keys", "place; sound; rest"} == set(after_keys.table_of_steps()["step"])


def test_clusters_of_match_keys_have_no_weight(after_keys: SequentialLinks) -> None:
    keyed = after_keys.pairs.filter(pl.col("step") == "match keys")
    own = after_keys.entities.filter(pl.col("source") == "a", pl.col("id").is_in(keyed["id_left"].implode()))
    table = after_keys.clusters.join(own, on="entity_id", how="semi")
    assert len(table) == len(keyed)
    assert table["weakest_link"].null_count() == table["mean_weight"].null_count() == len(table)
    others = after_keys.clusters.join(own, on="entity_id", how="anti")
    assert others["weakest_link"].null_count() == 0


def test_match_keys_set_nothing_aside_where_records_have_several_links(frames: list[pl.DataFrame]) -> None:
    with pytest.raises(SpecError, match="a record is set aside once it is linked"):
        linkage(mode="union", one_to_one=False, match=KEYS).fit(*named(frames))


def test_false_links_by_a_key_are_about_as_many_as_expected() -> None:
    """Keys that many strangers share, of files in which it is known who is who."""
    frames = files([3000, 2500], 2000, seed=2)
    for parts, most in ((("dob", "sex"), 60), (("forename", "postcode", "sex"), 40)):
        keys = ts.Match(keys=[ts.match_key(*parts)])
        whole = prepare(linkage(mode="union", match=keys).spec, named(frames))
        found = link_first(whole)
        assert found is not None
        ids = [
            whole.records.ids.gather(side).str.slice(1).cast(int)
            for side in (found.matched.left, found.matched.right)
        ]
        false = int((~((ids[0] == ids[1]) & (ids[0] < 2000))).sum())
        assert 5 < false < most
        assert (1 - found.posterior).sum() == pytest.approx(false, rel=0.8)
    keys = ts.Match(keys=[ts.match_key("phone", "sex")])
    found = link_first(prepare(linkage(mode="union", match=keys).spec, named(frames)))
    assert found is not None
    assert found.posterior.min() > 0.999  # unlinked matches that agree are no chance agreements


def test_swapped_names_are_not_taken_for_relatives() -> None:
    """Matches that are left have errors alike; the files as a whole show no class of relatives."""
    frames = files([3000, 2500], 2000, seed=1)
    links = linkage().fit(*named(frames)).link(*named(frames))
    linked = links.pairs.filter(pl.col("decision") == "link").select("id_left", "id_right")
    right = sum(a[1:] == b[1:] and int(a[1:]) < 2000 for a, b in linked.iter_rows())
    assert right >= 1950
    assert all(one.parameters is None or one.parameters.related_share == 0 for one in links.steps)  # type: ignore[union-attr]


def test_a_step_takes_from_the_linkage_what_it_does_not_say(tables: list[ts.Source]) -> None:
    own = linkage(upper=0.8, lower=0.7, assignment="greedy", steps=(
        ts.step("place", decision=ts.Decision(upper=0.99)),
        ts.step("sound", decision=ts.Decision(thresholds=ts.ErrorBounds(type2=0.3))),
        ts.step("rest", decision=ts.Decision(assignment="unique")),
    )).spec  # fmt: skip
    first, second, last = (decision_of(own, one) for one in own.all_steps)
    assert (first.upper, first.lower, first.assignment, first.links) == (0.99, 0.7, "greedy", "one_to_one")
    assert isinstance(second.thresholds, ts.ErrorBounds)
    assert second.thresholds.among == "candidates"
    assert second.assignment == "greedy"
    assert (last.upper, last.lower, last.assignment) == (0.8, 0.7, "unique")


def test_error_bounds_of_early_steps_are_those_of_what_their_passes_find(tables: list[ts.Source]) -> None:
    bounds = ts.Decision(thresholds=ts.ErrorBounds(type1=1e-3, type2=0.05))
    links = (
        linkage(steps=tuple(ts.step(one.label, decision=bounds) for one in PASSES)).fit(*tables).link(*tables)
    )
    first = links.steps[0]  # type: ignore[union-attr]
    assert first.links is not None
    assert first.links.model.parameters.selected_matches < 0.95  # a bound on all matches could not be kept
    found = first.links.thresholds()
    assert found.before.missed / found.before.matches > 0.05


def test_what_match_keys_decided_is_told(after_keys: SequentialLinks) -> None:
    keyed = after_keys.pairs.filter(pl.col("step") == "match keys").row(0, named=True)
    with pytest.raises(InputError, match=f"were linked by the match key {re.escape(keyed['pass'])}"):
        after_keys.why(keyed["id_left"], keyed["id_right"])
    linked = after_keys.pairs.filter((pl.col("decision") == "link") & (pl.col("step") != "match keys")).row(
        0, named=True
    )
    assert "were linked by step" in after_keys.why(linked["id_left"], linked["id_right"]).reason


def test_a_run_with_match_keys_writes_what_is_ambiguous(tmp_path: Path) -> None:
    write_small(tmp_path)
    keys = '\n[match]\nsample = 5\n\n[[match.keys]]\nparts = ["surname", "zip"]\n'
    (tmp_path / "spec.toml").write_text(SPEC + keys, "utf-8")
    assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "-q").exit_code == 0
    assert call("match", tmp_path / "spec.toml", "--out", tmp_path / "alone", "-q").exit_code == 0
    for name in ("ambiguous", "ambiguous_pairs"):
        one, other = (pl.read_parquet(tmp_path / folder / f"{name}.parquet") for folder in ("out", "alone"))
        assert one.drop("linked_by", strict=False).equals(other.drop("linked_by", strict=False))
    assert len(pl.read_csv(tmp_path / "out" / "sample.csv")) == 5


def test_a_run_in_which_match_keys_link_everybody(tmp_path: Path) -> None:
    write_small(tmp_path)
    table = pl.read_csv(tmp_path / "a.csv", infer_schema=False).unique("person").with_columns(code="id")
    table.write_csv(tmp_path / "a.csv")
    table.with_columns(id="b" + pl.col("id")).write_csv(tmp_path / "b.csv")
    keys = '\n[match]\n\n[[match.keys]]\nparts = ["code"]\n'
    (tmp_path / "spec.toml").write_text(SPEC + keys, "utf-8")
    found = call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "-q")
    assert found.exit_code == 0, found.output
    facts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))
    assert facts["counts"]["links"] == len(table)
    assert ts.load_model(tmp_path / "out" / "model.json").steps == (None,)


def test_steps_taken_up_after_match_keys_still_look_for_relatives(
    tables: list[ts.Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare(linkage(match=KEYS).spec, tables)
    asked = []
    monkeypatch.setattr("tallystick.linkage.sequential.has_relatives", lambda *args: bool(asked.append(args)))
    parameters = [one.parameters for one in run_steps(whole) if one.keys is None]
    list(run_steps(whole, parameters[:1]))
    assert len(asked) == 2
    list(run_steps(whole, parameters))
    assert len(asked) == 2


def test_three_sources_are_refused(frames: list[pl.DataFrame]) -> None:
    three = [ts.Source(name=name, table=frames[0], id="id") for name in "abc"]
    with pytest.raises(SpecError, match="with 3 sources, expected two"):
        linkage().fit(*three)
    with pytest.raises(SpecError, match="with 3 sources, expected two"):
        linkage(mode="union", match=KEYS).fit(*three)
    with pytest.raises(SpecError, match="with 3 sources, expected two"):
        linkage(sources=three)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"estimation": ts.Estimation(expected_matches=100)}, "of those that are left"),
        (
            {"match": ts.Match(keys=KEYS.keys, links="many_to_many")},
            "a record is set aside once it is linked",
        ),
    ],
)
def test_what_does_not_fit_with_match_keys_first(
    tables: list[ts.Source], change: dict[str, object], message: str
) -> None:
    with pytest.raises(SpecError) as raised:
        linkage(**{"mode": "union", "match": KEYS, **change}).fit(*tables)
    assert message in str(raised.value)


def test_no_step_after_match_keys_finds_a_pair(frames: list[pl.DataFrame]) -> None:
    apart = named([frame.with_columns(nothing=pl.lit(k)) for k, frame in zip("ab", frames, strict=True)])
    with pytest.raises(InputError, match="link by the keys alone with tallystick match"):
        linkage(mode="union", match=KEYS, passes=[ts.blocking_key("nothing")]).fit(*apart)
