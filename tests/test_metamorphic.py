"""What must not change the links: order of rows and files, ids, cuts of work and files, threads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_persons import files, shuffled

from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass, all_pairs, blocking_key, soundex, year
from tallystick.comparisons.comparison import Comparison, comparison
from tallystick.comparisons.conditions import agrees, levels
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.equality import exact
from tallystick.comparisons.strings import jaro_winkler, levenshtein
from tallystick.estimation import marginals as marginals_module
from tallystick.linkage.linkage import Linkage
from tallystick.linkage.links import Links
from tallystick.linkage.model import Model
from tallystick.linking import residuals as residuals_module
from tallystick.patterns import count as count_module
from tallystick.patterns import plan as pairs_module
from tallystick.patterns import tiles as tiles_module
from tallystick.preparation.source import Source

CLOSE = 1e-9
SWAPPED = levels(
    agrees("forename", exact()) & agrees("surname", exact()),
    agrees(left="forename", right="surname", comparator=exact())
    & agrees(left="surname", right="forename", comparator=exact()),
    agrees("forename", jaro_winkler(0.85), at_least=1) | agrees("surname", jaro_winkler(0.85), at_least=1),
)
COMPARISONS = (
    comparison(SWAPPED, name="names"),
    comparison("dob", date_parts()),
    comparison("phone", levenshtein(1)),
    comparison("postcode", exact()),
    comparison("sex", exact()),
)
PASSES: dict[str, tuple[AnyPass, ...]] = {
    "all pairs": (all_pairs(),),
    "blocks": (blocking_key("postcode"), blocking_key(soundex("surname")), blocking_key(year("dob"), "sex")),
    "blocks, then all": (blocking_key("postcode"), all_pairs()),
}
Found = dict[tuple[str, ...], dict[str, Any]]


def linkage(passes: str, one_to_one: bool, given: bool = False, kind: Any = None) -> Linkage:
    comparisons: tuple[Comparison, ...] = COMPARISONS
    scale: dict[str, Any] = {}
    if given:
        m = {
            "names": (0.02, 0.05, 0.03, 0.9),
            "dob": (0.02, 0.02, 0.04, 0.02, 0.9),
            "phone": (0.05, 0.05, 0.9),
        }
        u = {
            "names": (0.95, 0.04, 0.005, 0.005),
            "dob": (0.9, 0.05, 0.03, 0.01, 0.01),
            "phone": (0.98, 0.01, 0.01),
        }
        comparisons = tuple(
            one.model_copy(update={"m": m.get(one.name, (0.1, 0.9)), "u": u.get(one.name, (0.6, 0.4))})
            for one in COMPARISONS
        )
        scale = {"scale": "weight", "upper": 6.0, "lower": 0.0}
    return Linkage(comparisons, PASSES[passes], one_to_one=one_to_one, kind=kind, **scale)


def sources(*frames: pl.DataFrame) -> list[Source]:
    return [Source(name=f"file {k}", table=frame, id="id") for k, frame in enumerate(frames)]


def canonical(links: Links, swap: bool = False, unordered: bool = False) -> Found:
    """The kept pairs by their ids; numbers are compared to within `CLOSE`."""
    found: Found = {}
    for row in links.pairs.iter_rows(named=True):
        pair = (
            (row.pop("id_right"), row.pop("id_left")) if swap else (row.pop("id_left"), row.pop("id_right"))
        )
        found[tuple(sorted(pair)) if unordered else pair] = {
            key: value for key, value in row.items() if not key.startswith("source")
        }
    assert len(found) == len(links.pairs)
    return found


def same_links(found: Found, expected: Found, leave_out: tuple[str, ...] = ()) -> None:
    assert len(expected) > 50
    assert found.keys() == expected.keys()
    for pair, row in expected.items():
        for key, value in row.items():
            if key in leave_out:
                continue
            other = found[pair][key]
            if isinstance(value, float) and isinstance(other, float):
                assert abs(other - value) <= CLOSE, (pair, key)
            else:
                assert other == value, (pair, key)


def decided(found: Found) -> Found:
    """Links and possible links: which pairs are kept besides depends on the match rate of their sources."""
    return {pair: row for pair, row in found.items() if row["decision"] != "non-link"}


def same_model(found: Model, expected: Model) -> None:
    for one, other in zip(found.parameters.comparisons, expected.parameters.comparisons, strict=True):
        assert one.m == pytest.approx(other.m, abs=CLOSE)
        assert one.u == pytest.approx(other.u, abs=CLOSE)
    for pair, known in zip(found.parameters.pairs, expected.parameters.pairs, strict=True):
        assert pair.expected_matches == pytest.approx(known.expected_matches, rel=CLOSE)
        assert pair.log_prior_odds == pytest.approx(known.log_prior_odds, abs=CLOSE)
        assert (pair.pairs, pair.candidates) == (known.pairs, known.candidates)
    assert found.parameters.iterations == expected.parameters.iterations


def fitted(how: Linkage, *frames: pl.DataFrame, threads: int = 1) -> Links:
    model = how.fit(*sources(*frames), threads=threads)
    return model.link(*sources(*frames), threads=threads)


@pytest.fixture(scope="module")
def persons() -> list[pl.DataFrame]:
    return files([260, 230], shared=150, seed=4)


@pytest.fixture(scope="module", params=[(p, o) for p in PASSES for o in (True, False)], ids=str)
def linked(request: pytest.FixtureRequest, persons: list[pl.DataFrame]) -> tuple[Linkage, Links]:
    """A linkage of the two files, and what it gives."""
    how = linkage(*request.param)
    return how, fitted(how, *persons)


@pytest.fixture(scope="module", params=list(PASSES))
def deduped(
    request: pytest.FixtureRequest, persons: list[pl.DataFrame]
) -> tuple[Linkage, pl.DataFrame, Links]:
    how = linkage(request.param, False)
    both = pl.concat(persons)
    return how, both, fitted(how, both)


def test_the_links_are_mostly_right(linked: tuple[Linkage, Links]) -> None:
    """That the files are linked at all: a test of what does not change needs something."""
    links = linked[1].pairs.filter(pl.col("decision") == "link")
    right = (links["id_left"].str.tail(4) == links["id_right"].str.tail(4)).sum()
    assert right > 120
    assert len(links) - right < 12


def test_rows_in_another_order(linked: tuple[Linkage, Links], persons: list[pl.DataFrame]) -> None:
    how, before = linked
    for seed in (1, 2):
        after = fitted(how, *(shuffled(one, seed) for one in persons))
        same_model(after.model, before.model)
        same_links(canonical(after), canonical(before))


def test_files_swapped(linked: tuple[Linkage, Links], persons: list[pl.DataFrame]) -> None:
    how, before = linked
    after = fitted(how, *reversed(persons))
    same_model(after.model, before.model)
    same_links(canonical(after, swap=True), canonical(before))


def with_duplicates(frame: pl.DataFrame, rows: slice, copies: int) -> pl.DataFrame:
    """The file with exact copies, under ids of their own, of some of its records."""
    ordered = frame.sort("id")
    again = [ordered[rows].with_columns(pl.col("id") + f"-{k}") for k in range(copies)]
    return pl.concat([ordered, *again])


@pytest.mark.parametrize("passes", list(PASSES))
@pytest.mark.parametrize("by", ["posterior", "weight"])
def test_ties_do_not_depend_on_the_order_of_rows(persons: list[pl.DataFrame], passes: str, by: str) -> None:
    """Exact duplicates in both files: which of them is meant, no order of rows may decide."""
    how = linkage(passes, True, given=by == "weight")
    left = with_duplicates(persons[0], slice(0, 30), 1)
    right = with_duplicates(with_duplicates(persons[1], slice(20, 45), 1), slice(145, 150), 2)

    def linked(*frames: pl.DataFrame) -> Links:
        model = how.model() if by == "weight" else how.fit(*sources(*frames))
        return model.link(*sources(*frames))

    expected = canonical(linked(left, right))
    decisions = {pair: row["decision"] for pair, row in expected.items()}
    # Persons 0 to 19 are twice on the left, 30 to 44 on the right, 20 to 29 on both sides: all that
    # are alike have the same decision, and none of them is a link.
    sides = [
        {one: [x for x in file["id"] if x[:5] == one] for one in file["id"].str.head(5)}
        for file in (left, right)
    ]
    alike = 0
    for a, b in {(a[:5], b[:5]) for a, b in decisions}:
        group = [decisions.get((x, y)) for x in sides[0][a] for y in sides[1][b]]
        assert len(set(group)) == 1
        if len(group) > 1:
            assert group[0] != "link"
            alike += group[0] == "possible"
    assert alike > 35
    for seed in (1, 2, 3):
        order = [shuffled(one, seed) for one in (left, right)]
        same_links(canonical(linked(*order)), expected)
        same_links(canonical(linked(*reversed(order)), swap=True), expected)
    same_links(canonical(linked(right.reverse(), left), swap=True), expected)


def test_other_ids(linked: tuple[Linkage, Links], persons: list[pl.DataFrame]) -> None:
    how, before = linked
    new = pl.concat_str(pl.lit("x"), pl.col("id").str.reverse())
    after = canonical(fitted(how, *(one.with_columns(id=new) for one in persons)))
    back: Found = {(a[1:][::-1], b[1:][::-1]): row for (a, b), row in after.items()}
    assert list(back) == list(canonical(before))
    same_links(back, canonical(before))


@pytest.mark.parametrize("threads", [2, 3])
def test_any_number_of_threads(
    linked: tuple[Linkage, Links], persons: list[pl.DataFrame], threads: int
) -> None:
    how, before = linked
    after = fitted(how, *persons, threads=threads)
    assert after.model.parameters == before.model.parameters
    for name in ("pairs", "entities", "residuals", "review"):
        assert getattr(after, name).equals(getattr(before, name)), name


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_size_of_units(
    linked: tuple[Linkage, Links], persons: list[pl.DataFrame], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    how, before = linked
    cut_work(monkeypatch, size)
    after = fitted(how, *persons, threads=2)
    same_model(after.model, before.model)
    same_links(canonical(after), canonical(before))
    rows = [("source", "id"), ("source_candidate", "id_candidate", "pass", "reason")]
    found, expected = (one.residuals for one in (after, before))
    assert found.select(rows[0]).equals(expected.select(rows[0]))
    assert found.select(rows[1]).equals(expected.select(rows[1]))


def cut_work(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Units of pairs, tiles, batches and merged counts of another size."""
    monkeypatch.setattr(units_module, "CHUNK", size)
    for module in (units_module, tiles_module, residuals_module):
        monkeypatch.setattr(module, "TILE_LEFT", max(3, size // 10))
    monkeypatch.setattr(marginals_module, "CHUNK", 10 * size + 90)
    monkeypatch.setattr(pairs_module, "BATCH", 3 * size)
    monkeypatch.setattr(count_module, "DENSE_LIMIT", size % 2)


def test_little_memory(linked: tuple[Linkage, Links], persons: list[pl.DataFrame]) -> None:
    how, before = linked
    given = sources(*persons)
    after = how.fit(*given, memory=60_000).link(*given, memory=60_000)
    assert after.model.parameters == before.model.parameters
    assert after.pairs.equals(before.pairs)


def test_rows_of_a_single_file_in_another_order(deduped: tuple[Linkage, pl.DataFrame, Links]) -> None:
    how, both, before = deduped
    after = fitted(how, shuffled(both, 5))
    same_model(after.model, before.model)
    same_links(canonical(after, unordered=True), canonical(before, unordered=True))
    partition = [
        {frozenset(group) for group in one.entities.group_by("entity_id").agg("id")["id"].to_list()}
        for one in (after, before)
    ]
    assert partition[0] == partition[1]


def test_a_single_file_cut_into_two_sources(deduped: tuple[Linkage, pl.DataFrame, Links]) -> None:
    """All pairs within and between the parts are those of the whole file."""
    passes = next(key for key, value in PASSES.items() if value == deduped[0].spec.passes)
    both = deduped[1]
    whole = linkage(passes, False, given=True).model().link(*sources(both))
    parts = linkage(passes, False, given=True, kind="link_and_dedupe").model()
    for at in (6, 170, len(both) - 6):
        found = parts.link(*sources(both[:at], both[at:]))
        assert found.counts.n_pairs == whole.counts.n_pairs
        same_links(decided(canonical(found)), decided(canonical(whole)), ("posterior", "posterior_pair"))
    three = parts.link(*sources(both[:100], both[100:106], both[106:]))
    same_links(decided(canonical(three)), decided(canonical(whole)), ("posterior", "posterior_pair"))


@pytest.mark.parametrize("passes", list(PASSES))
def test_a_file_cut_into_two(persons: list[pl.DataFrame], passes: str) -> None:
    model = linkage(passes, False, given=True).model()
    whole = canonical(model.link(*sources(*persons)))
    left, right = persons
    parts: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for part in (right[:90], right[90:]):
        parts |= canonical(model.link(*sources(left, part)))
    same_links(decided(parts), decided(whole), ("posterior", "posterior_pair"))  # type: ignore[arg-type]


@pytest.mark.parametrize("passes", list(PASSES))
def test_runs_are_the_same_to_the_byte(persons: list[pl.DataFrame], passes: str, tmp_path: Path) -> None:
    for threads in (1, 2):
        linkage(passes, True).run(tmp_path / str(threads), *sources(*persons), threads=threads)
    folders = [tmp_path / "1", tmp_path / "2"]
    names = sorted(path.name for path in folders[0].iterdir())
    assert names == sorted(path.name for path in folders[1].iterdir())
    assert len(names) == 11
    for name in names:
        if name not in ("run.json", "report.html", "report.json"):
            assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    facts = [json.loads((folder / "run.json").read_text()) for folder in folders]
    for one in facts:
        del one["timings"], one["threads"]
    assert facts[0] == facts[1]
