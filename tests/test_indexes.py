"""Passes beyond exact keys, alone and mixed, against brute force over every pair of small random files."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import naive_indexes as plain
import naive_pairs as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from small_persons import encoded
from test_blocking import pairs_of
from test_spec import violations

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.criteria import criteria_of, selects
from tallystick.blocking.indexes import Canopy
from tallystick.blocking.passes import AnyPass, PairTable
from tallystick.blocking.plan import BlockingPlan, Kind, plan_blocking, source_pairs
from tallystick.blocking.text_keys import canopy_keys, drawn_order, minhash_keys
from tallystick.errors import InputError, SpecError
from tallystick.estimation.labelled import first_pass
from tallystick.spec import dump_spec, parse_spec

FILTERS = (
    (),
    (ts.difference("born", 2, part="year"),),
    (ts.difference("born", 40, part="days"), ts.difference("n", 1.5)),
    (ts.reachable(2.0, {"name": 3.0, "town": 1.0}, {"name": -1.0, "town": 0.5}, others=0.5),),
)
KEYED = (
    lambda f: ts.blocking_key("name", filters=f),
    lambda f: ts.blocking_key(ts.first("name", 1), "town", filters=f),
    lambda f: ts.blocking_key(ts.each("aka", ";"), filters=f),
    lambda f: ts.blocking_key(ts.each("aka", ";"), "town", ts.each("tel", "/"), filters=f),
    lambda f: ts.sorted_neighbourhood("name", window=2, filters=f),
    lambda f: ts.sorted_neighbourhood(("town", "name"), ("born",), window=3, filters=f),
    lambda f: ts.sorted_neighbourhood("n", window=1, filters=f),
    lambda f: ts.qgram_index("name", threshold=0.6, filters=f),
    lambda f: ts.qgram_index("name", "town", q=3, threshold=0.8, within=("n",), filters=f),
    lambda f: ts.all_pairs(filters=f),
    lambda f: ts.pair_table("pairs.csv", filters=f),
)
Drawn = tuple[list[naive.Record], list[int], list[AnyPass], Kind, dict[int, frozenset[naive.Pair]]]


def some(*values: str | None) -> st.SearchStrategy[str | None]:
    return st.sampled_from((None, *values))


# A field of which no value is a number, or a date, is refused.
READABLE = {"name": "ann", "town": "york", "aka": "ann", "tel": "1", "born": "1980-02-01", "n": "2"}
rows = st.fixed_dictionaries(
    {
        "name": some("anna", "ana", "hanna", "ann", "peter", "éa", "a", ""),
        "town": some("york", "ely", "rye"),
        "aka": some("ann; anna", "anna;;", ";", "pete;peter;ann", "ann"),
        "tel": some("1/2", "2", "3 / 1"),
        "born": some("1980-02-01", "1980-02-28", "1981-01-01", "1983-05-05", "unknown"),
        "n": some("1", "2", "2.5", "10", "x"),
    }
)


@st.composite
def linkages(draw: st.DrawFn) -> Drawn:
    records = [*draw(st.lists(rows, min_size=3, max_size=14)), READABLE]
    n_sources = draw(st.integers(1, 3))
    cuts = sorted(
        draw(st.lists(st.integers(1, len(records) - 1), min_size=n_sources - 1, max_size=2, unique=True))
    )[: n_sources - 1]
    sizes = np.diff([0, *cuts, len(records)]).tolist()
    kind: Kind = "dedupe" if n_sources == 1 else draw(st.sampled_from(["link", "link_and_dedupe"]))
    everyone = sorted(naive.allowed(sizes, kind))
    passes, listed = [], {}
    for number, make in enumerate(draw(st.lists(st.sampled_from(KEYED), min_size=1, max_size=4))):
        passes.append(make(draw(st.sampled_from(FILTERS))))
        if isinstance(passes[-1], PairTable):
            pairs = draw(st.frozensets(st.sampled_from(everyone), max_size=8)) if everyone else frozenset()
            listed[number] = pairs
    return records, sizes, passes, kind, listed


def planned(linkage: Drawn) -> BlockingPlan:
    rows, sizes, passes, kind, listed = linkage
    arrays = {
        number: tuple(np.array(sorted(pairs), np.int32).reshape(-1, 2).T.copy())
        for number, pairs in listed.items()
    }
    return plan_blocking(encoded(rows, sizes), passes, kind, arrays)  # type: ignore[arg-type]


def owned(everyone: Sequence[naive.Pair], finders: Sequence[plain.Finds]) -> dict[naive.Pair, int]:
    """The first pass that finds each pair."""
    found = {}
    for pair in everyone:
        first = next((number for number, finds in enumerate(finders) if finds(pair)), None)
        if first is not None:
            found[pair] = first
    return found


@pytest.mark.parametrize("chunk", [65_536, 4])
@given(linkages())
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_pair_comes_once_in_the_first_pass_that_finds_it(
    chunk: int, monkeypatch: pytest.MonkeyPatch, linkage: Drawn
) -> None:
    monkeypatch.setattr(units_module, "CHUNK", chunk)
    rows, sizes, passes, kind, listed = linkage
    plan = planned(linkage)
    finders = [plain.finder(rows, one, listed.get(k, frozenset())) for k, one in enumerate(passes)]
    everyone = naive.allowed(sizes, kind)
    expected = owned(list(everyone), finders)
    sources = source_pairs(len(sizes), kind)
    assert sorted(pairs_of(plan)) == sorted(
        (*pair, sources.index(everyone[pair]), number) for pair, number in expected.items()
    )
    assert plan.candidate_pairs().tolist() == [sum(map(finds, everyone)) for finds in finders]
    assert plan.pairs_to_visit() >= sum(unit.n_pairs for unit in plan.units())

    left, right = (np.array(side, np.int32) for side in zip(*everyone, strict=True)) if everyone else ([], [])
    if not everyone:
        return
    for a, b in ((left, right), (right, left)):
        assert first_pass(plan, a, b).tolist() == [expected.get(pair, -1) for pair in everyone]
    # What is a digit of the pattern decides on selection, whatever the passes are.
    bits = {
        own: (asked.holds(left, right) if not isinstance(asked, np.ndarray) else equal(asked, left, right))
        for own, asked in plan.key_parts.items()
    }
    assert tuple(bits) == criteria_of(passes)
    for number, one in enumerate(passes):
        if bits and not isinstance(one, PairTable):
            assert selects(number, one, bits).tolist() == [finders[number](pair) for pair in everyone]


def equal(codes: NDArray[np.int32], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.bool_]:
    return np.asarray((codes[left] == codes[right]) & (codes[left] != 0))


words = st.lists(st.text(alphabet="abcé", min_size=1, max_size=7), min_size=2, max_size=25, unique=True)


def found_by(values: Sequence[str], one: AnyPass, seed: int = 1) -> set[frozenset[str]]:
    """Pairs of distinct values that a pass finds."""
    records = encoded([{"x": value} for value in values], [len(values)])
    left, right, _ = ts.block(records, [one], "dedupe", seed=seed)
    return {frozenset((values[a], values[b])) for a, b in zip(left.tolist(), right.tolist(), strict=True)}


@given(words, st.sampled_from([(0.3, 0.6), (0.4, 0.4), (0.2, 1.0)]), st.integers(1, 3), st.randoms())
@settings(max_examples=60)
def test_canopies(values: list[str], limits: tuple[float, float], q: int, random) -> None:  # type: ignore[no-untyped-def]
    """The order of centres is any; what follows of the order is by the definition."""
    one = ts.canopy("x", loose=limits[0], tight=limits[1], q=q)
    texts = pl.Series(sorted(values))
    order = texts.gather(drawn_order(texts, 7)).to_list()
    members, numbers = canopy_keys(texts, one, 7)
    found = [{texts[int(t)] for t in members[numbers == k]} for k in dict.fromkeys(numbers.tolist())]
    assert found == plain.canopies(order, one)
    shuffled = random.sample(values, len(values))
    pairs = found_by(values, one)
    assert found_by(shuffled, one) == pairs
    together = [pair for pair in pairs if any(pair <= canopy for canopy in plain.canopies(order, one))]
    assert found_by(values, one, seed=7) >= set(together)


@given(words, st.randoms())
@settings(max_examples=30)
def test_minhash_follows_the_values_and_the_seed(values: list[str], random) -> None:  # type: ignore[no-untyped-def]
    one = ts.minhash("x", bands=4, rows=2)
    pairs = found_by(values, one)
    assert found_by(random.sample(values, len(values)), one) == pairs
    # Equal sets of q-grams are always found, disjoint ones never.
    for a, b in ((a, b) for a in values for b in values if a < b):
        alike = plain.jaccard(a, b, 2)
        if alike in (0.0, 1.0):
            assert (frozenset((a, b)) in pairs) == (alike == 1.0)


@given(words, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**70))
@settings(max_examples=40)
def test_bands_of_minima(values: list[str], bands: int, rows: int, q: int, seed: int) -> None:
    one = ts.minhash("x", bands=bands, rows=rows, q=q)
    of, keys = minhash_keys(pl.Series(values), one, seed)
    assert of.tolist() == [k for k in range(len(values)) for _ in range(bands)]
    expected = [plain.band_keys(value, q, bands, rows, seed % 2**64) for value in values]
    assert keys.reshape(-1, bands).tolist() == expected


def test_minhash_finds_pairs_with_the_chance_that_theory_gives() -> None:
    """1 - (1 - s ** rows) ** bands of the pairs of similarity s (Broder 1997; in bands)."""
    # Pairs of 12 characters apiece with 8 of 16 in common, all pairs apart from each other.
    n, bands, rows = 4000, 5, 2
    points = np.arange(n * 16).reshape(n, 16) + 0x4E00
    points = points + 2048 * (points >= 0xD800)  # surrogates are no characters
    values = [
        "".join(map(chr, own))
        for row in points
        for own in (np.concatenate([row[:4], row[4:12]]), np.concatenate([row[4:12], row[12:]]))
    ]
    one = ts.minhash("x", bands=bands, rows=rows, q=1)
    found = found_by(values, one)
    expected = 1 - (1 - 0.5**rows) ** bands
    assert len(found) == sum((frozenset(values[2 * k : 2 * k + 2])) in found for k in range(n))
    assert abs(len(found) / n - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    assert found_by(values, one, seed=2) != found


def test_runs_end_where_neighbours_are_unlike() -> None:
    values = ["martha", "marhta", "marta", "smith", "smyth", "zoe"]
    found = found_by(values, ts.sorted_neighbourhood("x", similarity=0.85))
    assert found == {
        frozenset(pair)
        for pair in (("martha", "marhta"), ("martha", "marta"), ("marhta", "marta"), ("smith", "smyth"))
    }
    both = ts.sorted_neighbourhood("x", (ts.last("x", 1),), similarity=1.0)
    assert frozenset(("marta", "martha")) in found_by(values, both)
    assert frozenset(("smith", "smyth")) in found_by(values, both)
    assert frozenset(("marta", "zoe")) not in found_by(values, both)


def test_too_many_sublists_are_refused() -> None:
    with pytest.raises(InputError, match=r"a text of 40 q-grams makes .* keys.*raise the threshold"):
        found_by(["a" * 41, "b"], ts.qgram_index("x", threshold=0.5))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ts.sorted_neighbourhood("x"), "needs a window or a similarity: give one"),
        (lambda: ts.sorted_neighbourhood("x", window=2, similarity=0.9), "not both: found window = 2 and"),
        (lambda: ts.sorted_neighbourhood(window=2), "sort_keys"),
        (lambda: ts.sorted_neighbourhood(ts.each("x", ";"), window=2), "one value a record"),
        (lambda: ts.minhash(ts.each("x", ";")), "one text a record"),
        (lambda: ts.minhash("x", bands=0), "of at least 1"),
        (lambda: ts.canopy("x", loose=0.8, tight=0.5), "lower loose or raise tight"),
        (lambda: Canopy(parts=("x",), loose=0.8), "lower loose, or give tight a value of at least 0.8"),
        (lambda: Canopy(parts=("x",), tight=0.3), "raise tight, or give loose a value of at most 0.3"),
        (lambda: ts.canopy(), "parts: found no items, expected a list of fields, such as"),
        (lambda: ts.blocking_key(), "parts: found no items, expected a list of fields, such as"),
        (lambda: ts.qgram_index("x", threshold=0), "above 0"),
        (lambda: ts.each("x", ""), "separator"),
        (lambda: ts.blocking_key({"field": "x", "transform": "each"}), "needs a separator"),  # type: ignore[arg-type]
        (lambda: ts.reachable(9, {"x": 3}, {"x": -1}), "no pair reaches"),
        (lambda: ts.reachable(1, {"x": 3}, {"y": -1}), "needs both an agreement and a disagreement"),
        (lambda: ts.reachable(1, {"x": 3}, {"x": 4}), "no less than disagreement"),
        (lambda: ts.difference("x", -1), "of at least 0"),
        (lambda: ts.condition("l.x ="), "cannot be read as SQL"),
        (lambda: ts.condition("l.x = x"), "of neither record: write l.x or r.x"),
        (lambda: ts.condition("l.x = 'a'"), "name fields of both records"),
        (lambda: ts.pair_table(), "either a path or the uri"),
        (lambda: ts.pair_table(uri="sqlite:///a.db"), "go together"),
    ],
)
def test_settings_that_do_not_fit_are_refused(build, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError, match=message):
        build()


def test_a_filter_without_a_number_is_refused() -> None:
    records = encoded([{"x": "a", "n": "b"}] * 2, [2])
    for part, kind in (("number", "a number"), ("year", "a date"), ("days", "a date")):
        one = ts.blocking_key("x", filters=(ts.difference("n", 1, part=part),))  # type: ignore[arg-type]
        with pytest.raises(InputError, match=f"^Pass .*, filter difference: no value of field 'n' is {kind}"):
            ts.block(records, [one], "dedupe")


EVERY_PASS: tuple[AnyPass, ...] = (
    ts.blocking_key(ts.each("aka", ";"), "town", filters=FILTERS[3]),
    ts.sorted_neighbourhood("x", ("x", ts.first("y", 2)), window=4, filters=FILTERS[2]),
    ts.sorted_neighbourhood(ts.soundex("x"), similarity=0.9, name="sn"),
    ts.canopy("x", "y", loose=0.3, tight=0.6, q=3, within=("sex", ts.year("born"))),
    ts.qgram_index("x", threshold=0.7),
    ts.minhash("x", bands=5, rows=2, within=("sex",), filters=FILTERS[1]),
    ts.condition("l.x = r.y AND l.y = r.x"),
    ts.pair_table(uri="sqlite:///pairs.db", query="SELECT id_left, id_right FROM t", filters=FILTERS[1]),
    ts.all_pairs(filters=FILTERS[1]),
)


@pytest.mark.parametrize("one", EVERY_PASS, ids=[one.type for one in EVERY_PASS])
def test_toml_holds_every_pass_without_loss(one: AnyPass) -> None:
    spec = ts.Spec(comparisons=[ts.comparison("x", ts.exact())], passes=[one])
    text = dump_spec(spec)
    assert parse_spec(text) == spec
    schema = ts.json_schema()
    assert list(violations(tomllib.loads(text), schema, schema)) == []
    assert set(one.fields) <= set(spec.fields_used)
    assert {field for own in one.filters for field in own.fields} <= set(spec.fields_used)


def test_a_field_and_a_part_may_be_given_plainly() -> None:
    text = """
    [[comparisons]]
    field = "x"
    comparator = { type = "exact" }
    [[passes]]
    type = "sorted_neighbourhood"
    sort_keys = ["x", ["y", { field = "x", transform = "first", n = 1 }]]
    window = 2
    [[passes]]
    type = "minhash"
    parts = "x"
    within = ["y"]
    """
    schema = ts.json_schema()
    assert list(violations(tomllib.loads(text), schema, schema)) == []
    assert parse_spec(text).passes == (
        ts.sorted_neighbourhood("x", ("y", ts.first("x", 1)), window=2),
        ts.minhash("x", within=("y",)),
    )
