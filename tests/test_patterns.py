"""Agreement patterns: numbers and digits, and their counts against a comparison of every pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import naive_pairs as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_persons import encoded

from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass, all_pairs, blocking_key, first
from tallystick.blocking.plan import Kind, source_pairs
from tallystick.comparisons.comparison import Comparison, comparison
from tallystick.comparisons.conditions import agrees, levels
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.equality import exact, initial
from tallystick.comparisons.numbers import absolute_difference
from tallystick.comparisons.plan import compare
from tallystick.comparisons.strings import jaro_winkler, levenshtein
from tallystick.errors import InputError, RunError
from tallystick.patterns import count as count_module
from tallystick.patterns import plan as plan_module
from tallystick.patterns.coding import PatternCoding, parse_pattern
from tallystick.patterns.count import PatternCounts, Tally, count_patterns
from tallystick.patterns.plan import PairPlan, plan_pairs

# Numbers and digits

radices = st.tuples(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 3))


@given(radices, st.data())
def test_patterns_are_mixed_radix_numbers(shape: tuple[list[int], int], data: st.DataObject) -> None:
    n_levels, n_keys = shape
    coding = PatternCoding(tuple(n_levels), n_keys)
    digit = [st.integers(0, n) for n in n_levels] + [st.integers(0, 1)] * n_keys
    rows = data.draw(st.lists(st.tuples(*digit), min_size=1, max_size=8))
    sizes = [n + 1 for n in n_levels] + [2] * n_keys
    expected = []
    for row in rows:
        number = 0
        for value, size in zip(reversed(row), reversed(sizes), strict=True):
            number = number * size + value
        expected.append(number)
    numbers = coding.encode(np.array(rows, np.uint8))
    assert numbers.tolist() == expected
    assert coding.decode(numbers).tolist() == [list(row) for row in rows]
    assert coding.size == np.prod(sizes)
    adds = coding.digit_values()
    assert [sum(int(adds[d, value]) for d, value in enumerate(row)) for row in rows] == expected
    texts = coding.texts(numbers)
    shown = [row[: len(n_levels)] for row in rows]
    assert texts == [
        "-".join("." if v == n else str(v) for v, n in zip(r, n_levels, strict=True)) for r in shown
    ]
    for text, row in zip(texts, shown, strict=True):
        given_levels = [None if v == n else v for v, n in zip(row, n_levels, strict=True)]
        for written in (text, text.replace("-", ", "), given_levels):
            assert parse_pattern(written, n_levels).tolist() == list(row)


def test_patterns_of_63_bits_are_numbered_and_more_are_refused() -> None:
    most = PatternCoding((1,) * 62)
    top = np.ones((1, 62), np.uint8)
    assert most.encode(top).tolist() == [2**62 - 1]
    assert most.decode(most.encode(top)).tolist() == top.tolist()
    for n_levels, n_keys in (((1,) * 63, 0), ((1,) * 60, 3), ((3,) * 32, 0)):
        with pytest.raises(InputError, match=f"^The {len(n_levels)} comparisons have .* more than 63 bits"):
            PatternCoding(n_levels, n_keys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1-0", "has 2 levels, but there are 3"),
        ("1-2-0", "Level 2 .* '2': expected 0 to 1"),
        ("1--0", "is ''"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_pattern(text, (2, 2, 2))


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=60), max_size=4),
    st.sampled_from([np.uint16, np.int32, np.int64]),
)
def test_a_tally_counts(parts: list[list[int]], dtype: type[Any]) -> None:
    expected = Counter(number for part in parts for number in part)
    for limit in (0, 2**20):
        tally = Tally(50, limit)
        assert tally.dense == (limit > 0)
        for part in parts:
            tally.add(np.array(part, dtype))
        patterns, counts = tally.result()
        assert list(zip(patterns.tolist(), counts.tolist(), strict=True)) == sorted(expected.items())


def test_a_hash_table_grows_and_takes_large_numbers() -> None:
    random = np.random.default_rng(5)
    pool = np.concatenate([random.integers(0, 2**62, 20_000), np.arange(20_000) * 2**20])
    drawn = random.choice(pool, 100_000)
    tally = Tally(2**62)
    for part in np.array_split(drawn, 3):
        tally.add(part)
    expected = np.unique(drawn, return_counts=True)
    assert all((a == b).all() for a, b in zip(tally.result(), expected, strict=True))


# Counts of patterns against a plain comparison of every pair

given_name, surname = agrees("given", exact()), agrees("surname", exact())
SWAP = levels(
    given_name & surname,
    agrees(left="given", right="surname", comparator=exact())
    & agrees(left="surname", right="given", comparator=exact()),
    given_name | agrees("surname", jaro_winkler(0.8), at_least=1),
)
HALF_SWAP = levels(agrees(left="given", right="surname", comparator=exact()) | ~agrees("year", exact()))
COMPARISONS: list[Comparison] = [
    comparison("given", exact()),
    comparison("surname", jaro_winkler(0.92, 0.8)),
    comparison("dob", date_parts()),
    comparison("given", "surname", exact(), name="both"),
    comparison("year", absolute_difference(1, 3), name="years"),
    comparison("given", initial(), name="initial"),
    comparison(SWAP, name="swap"),
    comparison(HALF_SWAP, name="half swap"),
    comparison(levenshtein(1), left="given", right="surname"),
    comparison(exact(), left="surname", right="given"),
    comparison(exact(), left=("given", "year"), right=("surname", "year"), name="tuples"),
]
names = st.sampled_from([None, "anna", "ana", "hanna", "a", "bo", "bob", "sana"])
person = st.fixed_dictionaries(
    {
        "given": names,
        "surname": names,
        "dob": st.sampled_from([None, "1985-03-07", "1985-07-03", "1985", "1986-03-07", "1985-03-08", "x"]),
        "year": st.sampled_from([None, "1985", "1986", "1988", "x"]),
        "one": st.just("1"),
    }
)


@dataclass(frozen=True)
class Case:
    rows: list[naive.Record]
    sizes: list[int]
    kind: Kind
    comparisons: list[Comparison]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rows = draw(st.lists(person, min_size=3, max_size=14))
    n_sources = draw(st.integers(1, 3))
    cuts = draw(st.permutations(range(1, len(rows))))[: n_sources - 1]
    kind: Kind = "dedupe" if n_sources == 1 else draw(st.sampled_from(["link", "link_and_dedupe"]))
    chosen = draw(
        st.lists(st.sampled_from(COMPARISONS), min_size=1, max_size=4, unique_by=lambda one: one.name)
    )
    return Case(rows, np.diff([0, *sorted(cuts), len(rows)]).tolist(), kind, chosen)


def plan_of(case: Case, passes: Sequence[AnyPass], **settings: Any) -> PairPlan:
    return plan_pairs(encoded(case.rows, case.sizes), case.comparisons, passes, case.kind, **settings)


def counted(case: Case, counts: PatternCounts) -> Counter[Any]:
    sources = source_pairs(len(case.sizes), case.kind)
    digits = counts.coding.decode(counts.patterns).tolist()
    rows = zip(
        counts.source_pair.tolist(), counts.pass_number.tolist(), digits, counts.counts.tolist(), strict=True
    )
    return Counter({(sources[pair], number, tuple(row)): n for pair, number, row, n in rows})


def expected_counts(case: Case, passes: Sequence[AnyPass], plan: PairPlan) -> Counter[Any]:
    found = naive.candidates(case.rows, case.sizes, passes, case.kind)
    return naive.count(found, naive.patterns(case.rows, found, case.comparisons, case.kind, plan.key_parts))


PASSES: list[list[AnyPass]] = [
    [all_pairs()],
    [all_pairs(), blocking_key("year")],
    [blocking_key("year"), all_pairs()],
    [blocking_key("one")],
    [blocking_key("year"), blocking_key(first("given", 1), "one"), blocking_key("surname")],
]
FAST = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.sampled_from([1, 2]), st.booleans())
@FAST
def test_counts_are_those_of_every_pair_compared(
    monkeypatch: pytest.MonkeyPatch, passes: list[AnyPass], case: Case, threads: int, hashed: bool
) -> None:
    monkeypatch.setattr(count_module, "DENSE_LIMIT", 0 if hashed else 2**20)
    plan = plan_of(case, passes)
    assert (plan.tiles is not None) == (passes[0] == all_pairs())
    counts = count_patterns(plan, threads)
    assert counted(case, counts) == expected_counts(case, passes, plan)
    rows = list(zip(counts.source_pair, counts.pass_number, counts.patterns, strict=True))
    assert rows == sorted(set(rows))
    assert counts.n_pairs == len(naive.candidates(case.rows, case.sizes, passes, case.kind))


@given(cases(), st.integers(1, 4), st.integers(1, 6))
@FAST
def test_counts_do_not_depend_on_how_the_work_is_cut(
    monkeypatch: pytest.MonkeyPatch, case: Case, tile: int, chunk: int
) -> None:
    tiles, blocks = [all_pairs()], [blocking_key("one")]
    by_tiles = counted(case, count_patterns(plan_of(case, tiles)))
    by_pairs = count_patterns(plan_of(case, blocks))
    # The key, on which all agree, is one more digit: 1 for every pair.
    assert counted(case, by_pairs) == Counter({(s, p, (*d, 1)): n for (s, p, d), n in by_tiles.items()})
    monkeypatch.setattr(units_module, "TILE_LEFT", tile)
    monkeypatch.setattr(units_module, "CHUNK", chunk)
    monkeypatch.setattr(plan_module, "BATCH", 3)
    monkeypatch.setattr(count_module, "DENSE_LIMIT", 1)  # parts are merged while counting
    for threads in (1, 3):
        assert counted(case, count_patterns(plan_of(case, tiles), threads)) == by_tiles
        found = count_patterns(plan_of(case, blocks), threads)
        for name in ("source_pair", "pass_number", "patterns", "counts"):
            assert (getattr(found, name) == getattr(by_pairs, name)).all()


def large_case(kind: Kind, n: int = 300) -> Case:
    """Enough distinct values that groups of comparisons are not joined, and tables do not fit."""
    random = np.random.default_rng(3)

    def value() -> str | None:
        text = "".join(random.choice(list("abcd"), random.integers(1, 7)))
        return None if random.random() < 0.1 else text

    years = [None, *map(str, range(1900, 2000))]
    rows: list[naive.Record] = [
        {"given": value(), "surname": value(), "dob": None, "year": str(random.choice(years[1:])), "one": "1"}
        for _ in range(n)
    ]
    chosen = [
        one for one in COMPARISONS if one.name in ("given", "surname", "years", "swap", "given~surname")
    ]
    return Case(rows, [n] if kind == "dedupe" else [n // 3, n - n // 3], kind, chosen)


@pytest.mark.parametrize("kind", ["dedupe", "link"])
def test_level_tables_by_unit_give_the_same(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    case = large_case(kind)
    blocks, whole = plan_of(case, [blocking_key("one")]), plan_of(case, [all_pairs()])
    assert whole.tiles is not None
    assert len(whole.tiles.groups) > 2
    tables = [table for own in whole.tiles.tables for table in own if table is not None]
    assert all(table.levels is not None for table in tables)
    expected = counted(case, count_patterns(whole))
    pairs = counted(case, count_patterns(blocks))
    assert Counter({(s, p, d[:-1]): n for (s, p, d), n in pairs.items()}) == expected
    shapes = [table.levels.shape for table in tables if table.levels is not None]
    memory = max(min(256, n_left) * n_right for n_left, n_right in shapes)  # one unit's strip of the widest
    small = plan_of(case, [all_pairs()], memory=memory)
    assert small.tiles is not None
    assert any(table.levels is None for own in small.tiles.tables for table in own if table is not None)
    for limit in (2**20, 0):
        monkeypatch.setattr(count_module, "DENSE_LIMIT", limit)
        assert counted(case, count_patterns(small)) == expected


def test_a_table_that_takes_nearly_all_memory_leaves_the_others_to_units() -> None:
    case = large_case("dedupe")
    whole = plan_of(case, [all_pairs()])
    assert whole.tiles is not None
    sizes = [
        t.levels.nbytes for own in whole.tiles.tables for t in own if t is not None and t.levels is not None
    ]
    plan = plan_of(case, [all_pairs()], memory=max(sizes) + 10)
    assert counted(case, count_patterns(plan)) == counted(case, count_patterns(whole))


def test_too_little_memory_is_told() -> None:
    with pytest.raises(RunError, match="distinct values need more than the memory allowed: give more memory"):
        plan_of(large_case("link"), [all_pairs()], memory=1000)


@given(cases())
@settings(max_examples=40)
def test_digits_and_compare_of_given_pairs(case: Case) -> None:
    pairs = naive.allowed(case.sizes, case.kind)
    expected = [list(row) for row in naive.patterns(case.rows, pairs, case.comparisons, case.kind).values()]
    left, right = (np.array([pair[side] for pair in pairs], np.int32) for side in (0, 1))
    plan = plan_of(case, [all_pairs()])
    assert plan.digits.of(left, right).T.tolist() == expected
    within = case.kind != "link"
    assert compare(encoded(case.rows, case.sizes), case.comparisons, left, right, within).tolist() == expected
    if within:
        assert plan.digits.of(right, left).T.tolist() == expected


@pytest.mark.parametrize(
    "passes",
    [[blocking_key("one")], [all_pairs()], [all_pairs(), blocking_key("one")]],
    ids=["blocks", "tiles", "tiles and a pass without use"],
)
def test_progress_ends_with_all_pairs_done(passes: list[AnyPass]) -> None:
    case = Case(
        [{"given": "a", "surname": "b", "dob": None, "year": "1985", "one": "1"}] * 9,
        [4, 5],
        "link",
        COMPARISONS[:1],
    )
    told: list[tuple[str, int, int]] = []
    count_patterns(plan_of(case, passes), progress=lambda *facts: told.append(facts))
    assert (told[0], told[-1]) == (("comparing pairs", 0, 20), ("comparing pairs", 20, 20))
