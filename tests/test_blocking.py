"""Blocking: keys against plain twins, and candidate pairs against brute force over every pair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product
from random import Random

import jellyfish
import naive_pairs as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_persons import encoded

from tallystick.blocking import key_pairs
from tallystick.blocking import units as units_module
from tallystick.blocking.keys import combine_codes, part_codes, transform_values
from tallystick.blocking.passes import (
    AllPairs,
    AnyPass,
    BlockingKey,
    KeyPart,
    PairTable,
    all_pairs,
    blocking_key,
    first,
    last,
    pair_table,
    soundex,
    year,
)
from tallystick.blocking.plan import BlockingPlan, Kind, plan_blocking, source_pairs
from tallystick.blocking.sizes import largest_blocks
from tallystick.blocking.units import PairBlocks, PairList, Rectangle, block_pairs
from tallystick.errors import InputError, SpecError

texts = st.text(alphabet="abhwé'- 12", max_size=6)
dates = st.sampled_from(
    ["1985-03-07", "1985", "1985-3", "19850307", "985-03-07", "07.03.1985", "2001-01-01", ""]
)

# Transforms and keys


def transformed(values: Sequence[str | None], part: KeyPart) -> list[str | None]:
    return transform_values(pl.Series("x", values, dtype=pl.String), part).to_list()


@given(st.lists(st.one_of(st.none(), texts), min_size=1, max_size=12), st.integers(1, 7), st.booleans())
def test_first_and_last_characters(values: list[str | None], n: int, at_end: bool) -> None:
    part = (last if at_end else first)("x", n)
    assert transformed(values, part) == [naive.key_part({"x": value}, part) for value in values]


@given(st.lists(st.one_of(st.none(), dates), min_size=1, max_size=12))
def test_year(values: list[str | None]) -> None:
    part = year("x")
    assert transformed(values, part) == [naive.key_part({"x": value}, part) for value in values]


def test_characters_are_counted_and_not_bytes() -> None:
    assert transformed(["ééa", "日本語"], first("x", 2)) == ["éé", "日本"]
    assert transformed(["aéé", "日本語"], last("x", 2)) == ["éé", "本語"]


# National Archives, "The Soundex Indexing System", and Knuth (1973), The Art of Computer Programming 3.
PUBLISHED = {
    "Washington": "W252",
    "Lee": "L000",
    "Gutierrez": "G362",
    "Pfister": "P236",
    "Jackson": "J250",
    "Tymczak": "T522",
    "Ashcraft": "A261",
    "Euler": "E460",
    "Gauss": "G200",
    "Hilbert": "H416",
    "Knuth": "K530",
    "Lloyd": "L300",
    "Lukasiewicz": "L222",
    "Robert": "R163",
    "Rupert": "R163",
    "Rubin": "R150",
    "Honeyman": "H555",
}


def test_soundex_gives_the_published_codes() -> None:
    expected = list(PUBLISHED.values())
    for spelt in (PUBLISHED, map(str.lower, PUBLISHED)):
        assert transformed(list(spelt), soundex("x")) == expected
    assert [naive.soundex(name) for name in PUBLISHED] == expected


@given(st.lists(st.text(alphabet="abcdefghijklmnopqrstuvwxyzBHW'- .", max_size=9), min_size=1, max_size=8))
def test_soundex_is_that_of_the_letters(values: list[str]) -> None:
    found = transformed(values, soundex("x"))
    assert found == [naive.soundex(value) for value in values]
    letters = ["".join(filter(str.isalpha, value)) for value in values]
    assert found == [jellyfish.soundex(one) if one else None for one in letters]


def test_a_transform_that_gives_nothing_is_refused() -> None:
    records = encoded([{"x": "07.03.1985"}, {"x": None}, {"x": "--"}], [3])
    with pytest.raises(
        InputError, match=r"^Blocking key year\(x\): no value of field 'x' gives a key; .*1985-03-07"
    ):
        part_codes(records, year("x"))
    digits = encoded([{"x": "12"}], [1])
    with pytest.raises(InputError, match=r"soundex\(x\): .* choose another transform"):
        part_codes(digits, soundex("x"))
    nobody = encoded([{"x": None}, {"x": None}], [2])
    assert part_codes(nobody, soundex("x")).tolist() == [0, 0]


@pytest.mark.parametrize("part", [{"transform": "first"}, {"transform": "year", "n": 2}, {"n": 1}])
def test_n_goes_with_first_and_last_only(part: dict[str, object]) -> None:
    with pytest.raises(SpecError, match=r"n, the number of characters|takes no n"):
        KeyPart(field="x", **part)  # type: ignore[arg-type]


parts = st.sampled_from(
    [
        KeyPart(field="x"),
        KeyPart(field="y"),
        first("x", 1),
        last("x", 2),
        first("y", 2),
        year("z"),
        soundex("x"),
    ]
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.sampled_from([None, "", "ab", "abw", "ba", "b", "-"]),
            "y": st.sampled_from([None, "a", "aa", "aaa", "b"]),
            "z": st.sampled_from([None, "1985-03-07", "1985", "1986", "x"]),
        }
    ),
    min_size=2,
    max_size=14,
)
keys = st.lists(parts, min_size=1, max_size=3).map(lambda chosen: blocking_key(*chosen))


@given(rows, keys)
@settings(max_examples=100)
def test_equal_codes_are_equal_keys(rows: list[naive.Record], one: BlockingKey) -> None:
    expected = [naive.key(row, one) for row in rows]
    records = encoded(rows, [len(rows)])
    try:
        (codes,) = plan_blocking(records, [one], "dedupe").keys
    except InputError:
        refused = [all(naive.key_part(row, part) is None for row in rows) for part in one.parts]
        assert any(refused)
        return
    assert codes is not None
    assert codes.dtype == np.int32
    assert [code == 0 for code in codes] == [key is None for key in expected]
    for i, j in combinations(range(len(rows)), 2):
        assert (codes[i] == codes[j]) == (expected[i] == expected[j])


def test_the_codes_of_many_parts_do_not_overflow() -> None:
    random = np.random.default_rng(1)
    columns = [random.integers(0, 2**30, 200).astype(np.int32) for _ in range(5)]
    columns = [np.concatenate([column, column]) for column in columns]
    codes = combine_codes(columns)
    assert (codes[:200] == codes[200:]).all()
    assert len(np.unique(codes)) == 200


# Candidate pairs

Drawn = tuple[list[naive.Record], list[int], list[AnyPass], Kind, dict[int, frozenset[naive.Pair]]]


def planned(
    rows: Sequence[naive.Record],
    sizes: Sequence[int],
    passes: Sequence[AnyPass],
    kind: Kind,
    listed: dict[int, frozenset[naive.Pair]],
) -> BlockingPlan:
    arrays = {
        number: tuple(np.array(sorted(pairs), np.int32).reshape(-1, 2).T.copy())
        for number, pairs in listed.items()
    }
    return plan_blocking(encoded(rows, sizes), passes, kind, arrays)  # type: ignore[arg-type]


def pairs_of(plan: BlockingPlan, order: NDArray[np.int64] | None = None) -> list[tuple[int, int, int, int]]:
    """All pairs of all units: left, right, pair of sources, pass."""
    result = []
    for unit in plan.units(order):
        if isinstance(unit, Rectangle):
            for a, row in enumerate(unit.left.tolist()):
                others = unit.right[0 if unit.first is None else unit.first[a] :].tolist()
                found = [(min(row, other), max(row, other)) for other in others]
                result += [(*pair, unit.source_pair, unit.pass_number) for pair in found]
        else:
            assert isinstance(unit, PairBlocks | PairList)
            left, right = plan.pairs(unit)
            assert left.dtype == right.dtype == np.int32
            assert (left < right).all()
            assert len(left) <= unit.n_pairs
            found = zip(left.tolist(), right.tolist(), strict=True)
            result += [(*pair, unit.source_pair, unit.pass_number) for pair in found]
    return result


@st.composite
def linkages(draw: st.DrawFn) -> Drawn:
    records = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "x": st.sampled_from([None, "a", "ab", "b", "c"]),
                    "y": st.sampled_from([None, "1", "2"]),
                }
            ),
            min_size=3,
            max_size=16,
        )
    )
    n_sources = draw(st.integers(1, 3))
    cuts = sorted(
        draw(st.lists(st.integers(1, len(records) - 1), min_size=n_sources - 1, max_size=2, unique=True))
    )
    cuts = cuts[: n_sources - 1]
    sizes = np.diff([0, *cuts, len(records)]).tolist()
    kind: Kind = "dedupe" if n_sources == 1 else draw(st.sampled_from(["link", "link_and_dedupe"]))
    everyone = sorted(naive.allowed(sizes, kind))
    key = st.sampled_from([("x",), ("y",), ("x", "y"), (first("x", 1), "y"), (soundex("x"),)])
    kinds = st.sampled_from(["key", "key", "key", "table", "all"])
    passes: list[AnyPass] = []
    listed = {}
    for number, which in enumerate(draw(st.lists(kinds, min_size=1, max_size=4))):
        if which == "table":
            pairs = draw(st.frozensets(st.sampled_from(everyone), max_size=8)) if everyone else frozenset()
            listed[number] = pairs
            passes.append(pair_table("pairs.csv"))
        else:
            passes.append(all_pairs() if which == "all" else blocking_key(*draw(key)))
    return records, sizes, passes, kind, listed


LOTS = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize(("chunk", "tile"), [(65_536, 256), (5, 2), (1, 1)])
@given(linkages(), st.randoms(use_true_random=False))
@LOTS
def test_every_candidate_comes_once_in_the_first_pass_that_finds_it(
    chunk: int, tile: int, monkeypatch: pytest.MonkeyPatch, linkage: Drawn, random: Random
) -> None:
    rows, sizes, passes, kind, listed = linkage
    monkeypatch.setattr(units_module, "CHUNK", chunk)
    monkeypatch.setattr(units_module, "TILE_LEFT", tile)
    plan = planned(rows, sizes, passes, kind, listed)
    expected = [
        (*pair, source_pairs(len(sizes), kind).index(sources), number)
        for pair, (sources, number) in naive.candidates(rows, sizes, passes, kind, listed).items()
    ]
    order = np.array(random.sample(range(len(rows)), len(rows)), np.int64)
    assert sorted(pairs_of(plan)) == sorted(expected)
    assert sorted(pairs_of(plan, order)) == sorted(expected)

    everyone = naive.allowed(sizes, kind)
    assert plan.allowed_pairs().tolist() == [
        sum(sources == one for sources in everyone.values()) for one in source_pairs(len(sizes), kind)
    ]
    assert plan.candidate_pairs().tolist() == [
        sum(naive.finds(rows, one, pair, listed.get(number, frozenset())) for pair in everyone)
        for number, one in enumerate(passes)
    ]
    assert plan.compares_all == any(isinstance(one, AllPairs) for one in passes)
    assert plan.n_records == len(rows)


@given(linkages(), st.integers(0, 4))
@LOTS
def test_the_largest_block_of_each_pass(monkeypatch: pytest.MonkeyPatch, linkage: Drawn, limit: int) -> None:
    monkeypatch.setattr(key_pairs, "LARGE_BLOCK", limit)
    rows, sizes, passes, kind, listed = linkage
    plan = planned(rows, sizes, passes, kind, listed)
    everyone = naive.allowed(sizes, kind)
    everything = int(plan.candidate_pairs().sum())
    for one, block in zip(passes, largest_blocks(plan, encoded(rows, sizes)), strict=True):
        pairs = (
            Counter(naive.key(rows[i], one) for i, j in everyone if naive.finds(rows, one, (i, j)))
            if isinstance(one, BlockingKey)
            else Counter()
        )
        if not pairs:
            assert block is None
            continue
        assert block is not None
        most = max(pairs.values())
        assert (block.pairs, pairs[block.values]) == (most, most)
        assert block.records == sum(naive.key(row, one) == block.values for row in rows)
        assert block.parts == tuple(part.label for part in one.parts)
        assert (block.share, block.share_of_all) == (most / pairs.total(), most / everything)
        assert block.large == (0 if plan.compares_all else sum(n > limit for n in pairs.values()))


@given(linkages(), st.integers(2, 12))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_units_are_about_as_large_as_a_chunk(
    monkeypatch: pytest.MonkeyPatch, linkage: Drawn, chunk: int
) -> None:
    rows, sizes, passes, kind, listed = linkage
    monkeypatch.setattr(units_module, "CHUNK", chunk)
    plan = planned(rows, sizes, passes, kind, listed)
    for unit in plan.units():
        if isinstance(unit, PairList):
            assert 0 < unit.n_pairs <= chunk
        elif isinstance(unit, PairBlocks):
            # A unit closes with the first block beyond the chunk; no block is cut below one left row.
            assert unit.n_pairs == sum(
                len(list(naive.block_pairs(block, unit.triangle))) for block in unit.blocks.tolist()
            )
            assert 0 < unit.n_pairs < 2 * chunk + max(sizes)


def test_a_large_block_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units_module, "CHUNK", 1000)
    rows = [{"x": "a"}] * 120
    for sizes, kind, n in (([120], "dedupe", 120 * 119 // 2), ([50, 70], "link", 50 * 70)):
        plan = planned(rows, sizes, [blocking_key("x")], kind, {})  # type: ignore[arg-type]
        units = list(plan.units())
        assert len(units) >= n // 2000
        assert max(unit.n_pairs for unit in units) <= 2000
        assert len(set(pairs_of(plan))) == len(pairs_of(plan)) == n


@given(
    st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=1, max_size=6),
    st.booleans(),
)
def test_pairs_of_blocks_are_counted(ends: list[tuple[int, int, int, int]], triangle: bool) -> None:
    blocks = [(min(a, b), max(a, b), min(c, d), max(c, d)) for a, b, c, d in ends]
    if triangle:  # as the text of block_pairs says: left positions inside the right ones, or before
        blocks = [(a, min(b, d), c, d) if a <= min(b, d) else (a, a, c, max(a, d)) for a, b, c, d in blocks]
    expected = [len(list(naive.block_pairs(block, triangle))) for block in blocks]
    assert block_pairs(np.array(blocks, np.int64), triangle).tolist() == expected


def test_which_sources_are_compared() -> None:
    for n, kind in product((1, 2, 3, 4), ("link", "dedupe", "link_and_dedupe")):
        sizes = [2] * n
        expected = sorted(set(naive.allowed(sizes, kind).values()))
        assert list(source_pairs(n, kind)) == expected  # type: ignore[arg-type]


def test_two_passes_by_hand() -> None:
    """x finds (0, 1) and (2, 3); y finds (0, 1) again, (0, 4) and (1, 4)."""
    columns = {"x": ["a", "a", "b", "b", None], "y": ["1", "1", None, "2", "1"]}
    rows = [{"x": x, "y": y} for x, y in zip(*columns.values(), strict=True)]
    plan = planned(rows, [5], [blocking_key("x"), blocking_key("y")], "dedupe", {})
    assert sorted(pairs_of(plan)) == [(0, 1, 0, 0), (0, 4, 0, 1), (1, 4, 0, 1), (2, 3, 0, 0)]
    assert plan.candidate_pairs().tolist() == [2, 3]
    assert plan.allowed_pairs().tolist() == [10]


def test_a_pass_without_a_pair_gives_no_unit() -> None:
    plan = planned([{"x": "a"}, {"x": "b"}], [1, 1], [blocking_key("x")], "link", {})
    assert (list(plan.units()), plan.candidate_pairs().tolist()) == ([], [0])


def test_labels() -> None:
    one = blocking_key(soundex("surname"), year("dob"), first("forename", 1), "sex")
    assert one.label == "soundex(surname) + year(dob) + first(forename, 1) + sex"
    assert one.fields == ("surname", "dob", "forename", "sex")
    assert (blocking_key("x", name="n").label, all_pairs("n").label, PairTable(path="p", name="n").label) == (
        "n",
    ) * 3
