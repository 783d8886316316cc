"""String comparators: kernels against their plain twins and against rapidfuzz."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from rapidfuzz.distance import OSA, Levenshtein
from rapidfuzz.distance import Jaro as RapidJaro
from rapidfuzz.distance import JaroWinkler as RapidJaroWinkler

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.equality import exact, initial
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.overlaps import bigram_dice, bigram_jaccard, token_set
from tallystick.comparisons.strings import damerau_levenshtein, jaro, jaro_winkler, levenshtein
from tallystick.errors import InputError

Twin = Callable[[str, str], float]

# Thresholds are values that short strings often hit exactly, to test both sides of `>=`.
SIMILARITIES: list[tuple[Comparator, Twin, tuple[float, ...]]] = [
    (jaro(2 / 3, 0.5, 5 / 6), naive.jaro, (0.5, 2 / 3, 5 / 6)),
    (
        jaro(2 / 3, 0.5, 5 / 6, window="chapter"),
        lambda a, b: naive.jaro(a, b, chapter=True),
        (0.5, 2 / 3, 5 / 6),
    ),
    (jaro_winkler(0.75, 0.92, 0.85), naive.jaro_winkler, (0.75, 0.85, 0.92)),
    (jaro_winkler(0.05), naive.jaro_winkler, (0.05,)),
    (
        jaro_winkler(0.8, 0.95, prefix_weight=0.25, prefix_length=3, boost_threshold=0.4),
        lambda a, b: naive.jaro_winkler(a, b, 0.25, 3, 0.4),
        (0.8, 0.95),
    ),
    (bigram_dice(0.5, 2 / 3, 1.0), naive.bigram_dice, (0.5, 2 / 3, 1.0)),
    (bigram_jaccard(1 / 3, 0.5, 1.0), naive.bigram_jaccard, (1 / 3, 0.5, 1.0)),
    (token_set(1 / 3, 0.5, 1.0), naive.token_set, (1 / 3, 0.5, 1.0)),
    (initial(), naive.initial, (0.5,)),
    (exact(), lambda a, b: float(a == b), ()),
]
DISTANCES: list[tuple[Comparator, bool, tuple[int, ...]]] = [
    (levenshtein(1), False, (1,)),
    (levenshtein(3, 1, 2), False, (1, 2, 3)),
    (levenshtein(40, 2), False, (2, 40)),
    (damerau_levenshtein(1), True, (1,)),
    (damerau_levenshtein(1, 2, 5), True, (1, 2, 5)),
]
COMPARATORS = [comparator for comparator, _, _ in SIMILARITIES + DISTANCES]

few = st.text("ab ", max_size=9)
letters = st.text("aábé .", max_size=20)
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=14)
lengthy = st.text("abc ", min_size=50, max_size=100)
anything = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
some = st.lists(st.one_of(few, letters, names, lengthy, anything), min_size=1, max_size=8)


@st.composite
def related(draw: st.DrawFn) -> list[str]:
    """A text and others made of it by a few edits, so that high similarities occur."""
    text = draw(st.one_of(names, lengthy))
    found = [text]
    for _ in range(4):
        place = draw(st.integers(0, len(text)))
        other = draw(st.sampled_from("aAB "))
        text = draw(
            st.sampled_from(
                [
                    text[:place] + other + text[place:],
                    text[:place] + text[place + 1 :],
                    text[:place] + other + text[place + 1 :],
                    text[:place] + text[place : place + 2][::-1] + text[place + 2 :],
                ]
            )
        )
        found.append(text)
    return found


texts = st.one_of(some, related())


def table(values: Sequence[str]) -> pl.Series:
    """Distinct values after the row of the missing one."""
    return pl.Series([None, *dict.fromkeys(values)], dtype=pl.String)


def all_pairs(left: pl.Series, right: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Codes of all pairs, the missing value included, left codes in runs."""
    a = np.repeat(np.arange(len(left), dtype=np.int32), len(right))
    return a, np.tile(np.arange(len(right), dtype=np.int32), len(left))


def levels_of(measure: Measure, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.full(len(a), 255, np.uint8)
    measure.levels(a, b, out)
    return out


def check(
    comparator: Comparator,
    left: pl.Series,
    right: pl.Series,
    same: bool,
    similarity: Twin,
    level: Callable[[str, str], int],
) -> None:
    """Compare all pairs of two tables with the twins, exactly."""
    measure = comparator.prepare((left,), (right,), same)
    assert measure.n_levels == comparator.n_levels == len(comparator.labels())
    assert measure.unreadable == 0
    a, b = all_pairs(left, right)
    pairs = [(left[int(i)], right[int(j)]) for i, j in zip(a, b, strict=True)]
    missing = [x is None or y is None for x, y in pairs]
    expected = [measure.n_levels if gone else level(*pair) for pair, gone in zip(pairs, missing, strict=True)]
    assert levels_of(measure, a, b).tolist() == expected
    values = [np.nan if gone else similarity(*pair) for pair, gone in zip(pairs, missing, strict=True)]
    np.testing.assert_array_equal(measure.similarities(a, b), values)
    # Any order of pairs gives the same: nothing is left over from the pair before.
    mixed = np.random.default_rng(len(a)).permutation(len(a))
    assert levels_of(measure, a[mixed], b[mixed]).tolist() == np.array(expected)[mixed].tolist()


def both_ways(
    comparator: Comparator,
    left: list[str],
    right: list[str],
    similarity: Twin,
    level: Callable[[str, str], int],
) -> None:
    """Check two tables, as they are and swapped, and one table against itself."""
    check(comparator, table(left), table(right), False, similarity, level)
    check(comparator, table(right), table(left), False, similarity, level)
    check(comparator, table(left + right), table(left + right), True, similarity, level)


@pytest.mark.parametrize(("comparator", "twin", "thresholds"), SIMILARITIES)
@given(left=texts, right=some)
@settings(max_examples=40, deadline=None)
def test_similarity_equals_its_twin(
    comparator: Comparator, twin: Twin, thresholds: tuple[float, ...], left: list[str], right: list[str]
) -> None:
    right = right + left[::2]
    both_ways(comparator, left, right, twin, lambda a, b: naive.level(a, b, twin(a, b), thresholds))


@pytest.mark.parametrize(("comparator", "swaps", "limits"), DISTANCES)
@given(left=texts, right=some)
@settings(max_examples=30, deadline=None)
def test_distance_equals_its_twin(
    comparator: Comparator, swaps: bool, limits: tuple[int, ...], left: list[str], right: list[str]
) -> None:
    def level(a: str, b: str) -> int:
        return len(limits) + 1 if a == b else sum(twin(a, b) <= limit for limit in limits)

    def twin(a: str, b: str) -> float:
        # The twin fills a whole table in Python; rapidfuzz stands in for it on long strings.
        if len(a) + len(b) > 40:
            return (OSA if swaps else Levenshtein).distance(a, b)
        return naive.edit_distance(a, b, swaps)

    both_ways(comparator, left, right + left[::2], twin, level)


@given(texts)
@settings(max_examples=150, deadline=None)
def test_equal_to_rapidfuzz(values: list[str]) -> None:
    column = table(values)
    a, b = all_pairs(column, column)
    kept = (a > 0) & (b > 0)
    a, b = a[kept], b[kept]
    pairs = [(column[int(i)], column[int(j)]) for i, j in zip(a, b, strict=True)]
    for comparator, function, tolerance in (
        (jaro(0.5), RapidJaro.similarity, 1e-12),
        (jaro_winkler(0.5), RapidJaroWinkler.similarity, 1e-12),
        (levenshtein(1), Levenshtein.distance, 0),
        (damerau_levenshtein(1), OSA.distance, 0),
    ):
        measure = comparator.prepare((column,), (column,), True)
        expected = [function(x, y) for x, y in pairs]
        np.testing.assert_allclose(measure.similarities(a, b), expected, rtol=0, atol=tolerance)


@given(st.lists(st.text("abcdef", min_size=55, max_size=100), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_long_strings_equal_rapidfuzz(values: list[str]) -> None:
    values = values + [value[:30] + value[31:] for value in values] + [values[0][:63], values[0][:64]]
    left, right = table(values[::2]), table(values[1::2])
    a, b = all_pairs(left, right)
    kept = (a > 0) & (b > 0)
    pairs = [(left[int(i)], right[int(j)]) for i, j in zip(a[kept], b[kept], strict=True)]
    distances = jaro_winkler(0.6).prepare((left,), (right,), False).similarities(a[kept], b[kept])
    np.testing.assert_allclose(distances, [RapidJaroWinkler.similarity(x, y) for x, y in pairs], atol=1e-12)
    for limit in (1, 8, 30):
        measure = damerau_levenshtein(limit).prepare((left,), (right,), False)
        reached = levels_of(measure, a[kept], b[kept]) > 0
        assert reached.tolist() == [OSA.distance(x, y) <= limit for x, y in pairs]


def one(comparator: Comparator, a: str, b: str) -> float:
    code = np.ones(1, np.int32)
    return float(comparator.prepare((table([a]),), (table([b]),), False).similarities(code, code)[0])


@pytest.mark.parametrize(
    ("a", "b", "plain", "winkler"),
    [
        ("MARTHA", "MARHTA", 0.944, 0.961),
        ("DIXON", "DICKSONX", 0.767, 0.813),
        ("DWAYNE", "DUANE", 0.822, 0.84),
    ],
)
def test_published_examples(a: str, b: str, plain: float, winkler: float) -> None:
    assert round(one(jaro(0.5), a, b), 3) == plain
    assert round(one(jaro_winkler(0.5), a, b), 3) == winkler


def test_boost_is_above_its_threshold() -> None:
    # AB and AC share one letter of two: (1/2 + 1/2 + 1) / 3, and the first letter.
    assert one(jaro_winkler(0.5, boost_threshold=2 / 3), "AB", "AC") == 2 / 3
    assert one(jaro_winkler(0.5, boost_threshold=0.66), "AB", "AC") == pytest.approx(2 / 3 + 0.1 / 3)


def test_chapter_window_and_order() -> None:
    # Half of the shorter string is 2, so of MARTHA and MARHTA all six letters are common, and T
    # and H, both out of order, count two halves: 1 - 2 / 12.
    assert one(jaro(0.5, window="chapter"), "MARTHA", "MARHTA") == pytest.approx((1 + 1 + 1 - 2 / 12) / 3)
    # Practice looks no further than 0 places in strings of two letters; the chapter looks 1 far.
    assert one(jaro(0.5), "AB", "BA") == 0
    assert one(jaro(0.5, window="chapter"), "AB", "BA") == pytest.approx((1 + 1 + 1 - 2 / 4) / 3)
    # Three letters of ABC go round: t = 3, which practice would round down to one transposition.
    assert one(jaro(0.5, window="chapter"), "XABCX", "XCABX") == pytest.approx((1 + 1 + 1 - 3 / 10) / 3)


def test_short_strings_have_no_bigrams() -> None:
    for comparator in (bigram_dice(0.5), bigram_jaccard(0.5)):
        assert one(comparator, "A", "A") == 1
        assert one(comparator, "A", "B") == 0
        assert one(comparator, "A", "AB") == 0
        assert one(comparator, "", "A") == 0
    assert one(bigram_dice(0.5), "AAAA", "AAA") == 4 / 5
    assert one(bigram_jaccard(0.5), "AAAA", "AAA") == 2 / 3


def test_tokens_by_any_white_space() -> None:
    assert one(token_set(0.5), "12 High Street", "high\u2003Street\t12") == 2 / 4
    assert one(token_set(0.5), "a b b", "b\u00a0a") == 1
    measure = token_set(1.0).prepare((table(["a b"]),), (table(["b a", "a b", "a"]),), False)
    assert levels_of(measure, np.ones(3, np.int32), np.array([1, 2, 3], np.int32)).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("a", "b", "level"),
    [
        ("J", "John", 1),
        ("J.", "John", 1),
        ("John", "J.", 1),
        ("J.", "J", 1),
        ("J", "J", 2),
        ("j", "John", 0),
        ("K.", "John", 0),
        ("Jo", "John", 0),
        ("1", "1 High Street", 0),
        ("É.", "Élodie", 1),
        ("", "J", 0),
        ("𐐀.", "𐐀nn", 1),
    ],
)
def test_initials(a: str, b: str, level: int) -> None:
    code = np.ones(1, np.int32)
    measure = initial().prepare((table([a]),), (table([b]),), False)
    assert levels_of(measure, code, code).tolist() == [level]


@pytest.mark.parametrize("n_characters", [256, 257, 5_000, 70_000])
@pytest.mark.parametrize("comparator", [jaro_winkler(0.6), damerau_levenshtein(2), bigram_dice(0.4)])
def test_wide_alphabets(n_characters: int, comparator: Comparator) -> None:
    pool = "".join(chr(0x10000 + i) for i in range(n_characters))
    # Characters whose numbers differ by 65,536 look alike in 16 bits, and must not.
    low, high = pool[:4], pool[-4466:][:4]
    values = [pool[i : i + 50] for i in range(0, n_characters, 50)]
    left = table([low, *values])
    right = table([high, low[:2] + high[2:] + low[3], low, *values[::300], low[::-1] + "x"])
    rng = np.random.default_rng(n_characters)
    a = np.concatenate([np.ones(len(right) - 1), rng.integers(1, len(left), 300)]).astype(np.int32)
    b = np.concatenate([np.arange(1, len(right)), rng.integers(1, len(right), 300)]).astype(np.int32)
    twin: dict[str, Twin] = {
        "jaro_winkler": naive.jaro_winkler,
        "damerau_levenshtein": OSA.distance,
        "bigram_dice": naive.bigram_dice,
    }
    expected = [
        twin[comparator.model_dump()["type"]](left[int(i)], right[int(j)]) for i, j in zip(a, b, strict=True)
    ]
    measure = comparator.prepare((left,), (right,), False)
    np.testing.assert_array_equal(measure.similarities(a, b), expected)


def test_heads_alike_in_16_bits_have_no_prefix() -> None:
    # All characters occur once, in order, so their numbers are their order: the first four of
    # `right` have the numbers of the first four of `left` plus 65,536.
    pool = "".join(chr(0x10000 + i) for i in range(65_540))
    left = table([pool[:65_536]])
    right = table([pool[65_536:]])
    measure: Any = jaro_winkler(0.5, boost_threshold=0.0).prepare((left,), (right,), False)
    heads = measure.tables.left.heads, measure.tables.right.heads
    assert measure.tables.alphabet == 65_540
    assert heads[0][1, 3] == heads[1][1, 3], "the premise of this test"
    from tallystick.comparisons.kernels_jaro import common_prefix

    chars = measure.tables.left.chars, measure.tables.right.chars
    assert common_prefix(heads[0], 1, heads[1], 1, *chars, measure.tables.alphabet) == 0
    assert common_prefix(heads[0], 1, heads[0], 1, chars[0], chars[0], measure.tables.alphabet) == 4


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_symmetric(comparator: Comparator) -> None:
    rng = np.random.default_rng(5)
    values = ["".join(rng.choice(list("ABC "), rng.integers(0, 12))) for _ in range(80)]
    values += [value + "ABCA" * 16 for value in values[:10]]
    column = table(values)
    a, b = all_pairs(column, column)
    measure = comparator.prepare((column,), (column,), True)
    assert levels_of(measure, a, b).tolist() == levels_of(measure, b, a).tolist()
    np.testing.assert_array_equal(measure.similarities(a, b), measure.similarities(b, a))


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_pickled_and_in_threads(comparator: Comparator) -> None:
    rng = np.random.default_rng(6)
    column = table(["".join(rng.choice(list("ABC"), 6)) for _ in range(60)])
    a, b = all_pairs(column, column)
    measure = comparator.prepare((column,), (column,), True)
    expected = levels_of(measure, a, b)
    copy = pickle.loads(pickle.dumps(measure))
    with ThreadPoolExecutor(4) as threads:
        for result in threads.map(lambda _: levels_of(copy, a, b), range(8)):
            assert (result == expected).all()


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_only_missing_values(comparator: Comparator) -> None:
    empty = pl.Series([None], dtype=pl.String)
    zeros = np.zeros(3, np.int32)
    measure = comparator.prepare((empty,), (empty,), False)
    assert levels_of(measure, zeros, zeros).tolist() == [comparator.n_levels] * 3
    assert np.isnan(measure.similarities(zeros, zeros)).all()


def test_exact_with_several_fields() -> None:
    left = (table(["a", "b", "x"]), pl.Series([None, "1", None, "2"], dtype=pl.String))
    right = (pl.Series([None, "a", "a", "b"]), pl.Series([None, "2", "1", None], dtype=pl.String))
    a, b = all_pairs(left[0], right[0])
    levels = levels_of(exact().prepare(left, right, False), a, b).reshape(4, 4)
    assert levels.tolist() == [[2, 2, 2, 2], [2, 0, 1, 2], [2, 2, 2, 2], [2, 0, 0, 2]]
    levels = levels_of(exact().prepare(left, left, True), a, b).reshape(4, 4)
    assert levels.tolist() == [[2, 2, 2, 2], [2, 1, 2, 0], [2, 2, 2, 2], [2, 0, 2, 1]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jaro(), "jaro, thresholds: give at least one threshold"),
        (lambda: jaro(1.0), "the threshold 1 is out of range: use more than 0 and less than 1"),
        (lambda: jaro_winkler(0.9, 0.8, 0.9), "two thresholds are equal"),
        (lambda: jaro_winkler(float("nan")), "the threshold nan is out of range"),
        (lambda: jaro_winkler(0.9, prefix_weight=0.3), "prefix_weight: "),
        (lambda: jaro_winkler(0.9, prefix_length=5), "prefix_length: "),
        (lambda: jaro(0.9, window="other"), "window: "),  # type: ignore[arg-type]
        (lambda: levenshtein(), "give at least one largest distance"),
        (lambda: levenshtein(0), "the largest distance 0 is out of range"),
        (lambda: levenshtein(1.5), "max_distances"),  # type: ignore[arg-type]
        (lambda: damerau_levenshtein(2, 2), "two largest distances are equal"),
        (lambda: bigram_dice(0.0), "the threshold 0 is out of range: use more than 0 and at most 1"),
        (lambda: token_set(1.01), "the threshold 1.01 is out of range"),
        (lambda: bigram_jaccard(-0.1), "the threshold -0.1 is out of range"),
    ],
)
def test_settings_out_of_range(make: Callable[[], Comparator], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("comparator", COMPARATORS)
def test_settings_survive_json(comparator: Comparator) -> None:
    kind = type(comparator)
    assert TypeAdapter(kind).validate_json(comparator.model_dump_json()) == comparator
    assert comparator.model_dump()["type"] == kind.model_fields["type"].default


def test_thresholds_in_any_order() -> None:
    assert jaro_winkler(0.75, 0.92, 0.85) == jaro_winkler(0.92, 0.85, 0.75)
    assert jaro_winkler(0.75, 0.92).labels() == (
        "Jaro-Winkler below 0.75",
        "Jaro-Winkler 0.75 or more",
        "Jaro-Winkler 0.92 or more",
        "equal",
    )
    assert levenshtein(2, 1).labels() == ("more than 2 edits", "at most 2 edits", "1 edit", "equal")
    assert levenshtein(2).labels() == ("more than 2 edits", "at most 2 edits", "equal")
