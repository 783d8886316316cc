"""What string kernels rule out before and while they compare: never anything that could count."""

from __future__ import annotations

import itertools

import naive
import numba
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Jaro as RapidJaro
from rapidfuzz.distance import JaroWinkler as RapidJaroWinkler

from tallystick.comparisons import text
from tallystick.comparisons.kernels_jaro import BLOCK, common_letters, jaro_window, letters_moved, most_moved
from tallystick.comparisons.kernels_signatures import common_bound, text_signatures
from tallystick.comparisons.kernels_words import where_equal
from tallystick.comparisons.measures_strings import fewest_common, lowest_jaro
from tallystick.comparisons.strings import jaro, jaro_winkler
from tallystick.comparisons.text import encode_text, occurrence_marks

repeated = st.text("ab", max_size=30)
names = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", max_size=14)
beyond = st.text(
    st.characters(min_codepoint=0xFF00, max_codepoint=0x1F64F, exclude_categories=["Cs"]), max_size=20
)
lengthy = st.text("abcde ", min_size=55, max_size=75)
mails = st.builds(
    lambda name, host: f"{name}@{host}.example",
    st.text("abcdeilnors.1234", min_size=3, max_size=20),
    st.sampled_from(["post", "mail", "inbox"]),
)
texts = st.lists(st.one_of(repeated, names, beyond, lengthy, mails), min_size=1, max_size=12)


def table(values: list[str]) -> pl.Series:
    """Distinct values after the row of the missing one."""
    return pl.Series([None, *dict.fromkeys(values)], dtype=pl.String)


@given(texts, texts, st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_bound_is_never_below_the_common_letters(
    first: list[str], second: list[str], sample: int
) -> None:
    left, right = table(first), table(second + first[::2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "SAMPLE", sample)  # so that some values have characters nobody counted
        tables = encode_text(left, right, False)
    for x, y in itertools.product(range(1, len(left)), range(1, len(right))):
        bound = common_bound(tables.left.heads, x, tables.right.heads, y)
        assert naive.shared_letters(left[x], right[y]) <= bound <= min(len(left[x]), len(right[y]))


@given(texts, st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_the_bound_holds_whatever_the_bits(values: list[str], seed: int) -> None:
    column = table(values)
    tables = encode_text(column, column, True)
    rng = np.random.default_rng(seed)
    shape = (tables.alphabet, int(rng.integers(1, 10)))
    marks = np.uint64(1) << rng.integers(0, int(rng.integers(1, 65)), shape, np.uint64)
    marks[rng.random(shape) < 0.2] = 0
    heads = tables.left.heads.copy()
    offsets = np.append(heads[:, 0], heads[-1, 0] + heads[-1, 1]).astype(np.int64)
    text_signatures(tables.left.chars, offsets, marks, heads)
    for x, y in itertools.product(range(1, len(column)), repeat=2):
        assert common_bound(heads, x, heads, y) >= naive.shared_letters(column[x], column[y])


def test_telling_occurrences_have_bits_of_their_own() -> None:
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 1000, (40, 8))
    counts[:5] = 1000
    marks = occurrence_marks(counts, 1000)
    assert (np.bitwise_count(marks) <= 1).all()
    assert (marks[:5] == 0).all(), "what all values have tells nothing"
    telling = np.argsort(np.abs(counts.ravel() - 500.0), kind="stable")[:40]
    bits, uses = np.unique(marks[marks > 0], return_counts=True)
    alone = set(bits[uses == 1].tolist())
    assert {int(marks.ravel()[i]) for i in telling} <= alone
    assert len(bits) == 64


@numba.njit
def equal_places(chars, start, char):  # type: ignore[no-untyped-def]
    return where_equal(chars, start, char)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
@given(numbers=st.lists(st.integers(0, 5), min_size=64, max_size=150), high=st.booleans(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_where_equal(
    dtype: type[np.unsignedinteger], numbers: list[int], high: bool, data: st.DataObject
) -> None:
    chars = np.array(numbers, dtype) + dtype(np.iinfo(dtype).max - 5 if high else 0)
    start = data.draw(st.integers(0, len(numbers) - 64))
    char = data.draw(st.sampled_from(list(chars)))
    expected = sum(1 << i for i in range(64) if chars[start + i] == char)
    assert equal_places(chars, np.uint64(start), char) == expected


@given(texts, texts, st.booleans(), st.integers(-1, 20))
@settings(max_examples=150, deadline=None)
def test_common_letters_equal_their_twin(
    first: list[str], second: list[str], chapter: bool, most: int
) -> None:
    left, right = table(first), table(second + first[::2])
    tables = encode_text(left, right, False)
    chars_l, heads_l, chars_r, heads_r = tables.arrays
    for x, y in itertools.product(range(1, len(left)), range(1, len(right))):
        a, b = left[x], right[y]
        if not (0 < len(a) <= 64 and 0 < len(b) <= 64):
            continue
        start_a, start_b = int(heads_l[x, 0]), int(heads_r[y, 0])
        window = jaro_window(len(a), len(b), chapter)
        words = common_letters(chars_l, start_a, len(a), chars_r, start_b, len(b), window)
        used, taken = naive.common_letters(a, b, window)
        assert words == (sum(1 << i for i in used), sum(1 << j for j in taken))
        moved = sum(a[i] != b[j] for i, j in zip(used, taken, strict=True))
        found = letters_moved(
            chars_l, start_a, np.uint64(words[0]), chars_r, start_b, np.uint64(words[1]), most
        )
        assert found == moved if moved <= most else found > most


@given(
    threshold=st.one_of(st.floats(0.01, 0.99), st.sampled_from([0.5, 2 / 3, 0.75, 5 / 6, 0.85, 0.92])),
    weight=st.one_of(st.floats(0, 0.25), st.sampled_from([0.0, 0.1, 0.25])),
    length=st.integers(0, 4),
    boost=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.7, 1.0])),
    chapter=st.booleans(),
    sizes=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    prefix=st.integers(0, 4),
)
@settings(max_examples=500, deadline=None)
def test_no_pair_that_reaches_the_threshold_is_ruled_out(
    threshold: float,
    weight: float,
    length: int,
    boost: float,
    chapter: bool,
    sizes: tuple[int, int],
    prefix: int,
) -> None:
    lowest = lowest_jaro(threshold, weight, length, boost)
    need = fewest_common(90, lowest)[prefix, min(sizes[0], 64), min(sizes[1], 64)]
    lead = min(prefix, length)
    fewest = 255
    for common in range(1, min(sizes) + 1):
        most = most_moved(common, *sizes, lowest[lead], chapter)
        values = [
            naive.winkler(naive.jaro_value(common, moved, *sizes, chapter), lead, weight, boost)
            for moved in range(common + 1)
        ]
        assert all(moved <= most for moved, value in enumerate(values) if value >= threshold)
        if max(values) >= threshold:
            fewest = min(fewest, common)
    assert need <= fewest


@given(st.lists(st.one_of(mails, mails, names, beyond, lengthy), min_size=30, max_size=45))
@settings(max_examples=40, deadline=None)
def test_levels_equal_rapidfuzz_over_blocks(values: list[str]) -> None:
    column = table(values)
    a, b = (np.ravel(codes).astype(np.int32) for codes in np.indices((len(column), len(column))))
    thresholds = (0.9123457, 0.8456789, 0.7211357, 0.6012468)  # which hardly any two strings hit
    kept = (a > 0) & (b > 0)
    for comparator, peer in (
        (jaro(*thresholds), RapidJaro.similarity),
        (jaro_winkler(*thresholds), RapidJaroWinkler.similarity),
    ):
        measure = comparator.prepare((column,), (column,), True)
        expected = np.full(len(a), len(thresholds) + 2, np.uint8)
        pairs = [(column[int(i)], column[int(j)]) for i, j in zip(a[kept], b[kept], strict=True)]
        expected[kept] = [
            len(thresholds) + 1 if x == y else sum(peer(x, y) >= t for t in thresholds) for x, y in pairs
        ]
        for n in {0, 1, len(a), *(m for m in (BLOCK - 1, BLOCK, BLOCK + 1) if m < len(a))}:
            out = np.full(n, 255, np.uint8)
            measure.levels(a[:n], b[:n], out)
            assert out.tolist() == expected[:n].tolist()


@pytest.mark.parametrize("n_values", [1, 5, 1000])
def test_heads_lie_within_lines_of_the_cache(n_values: int) -> None:
    heads = text.empty_heads(n_values)
    assert heads.shape == (n_values, 4)
    assert not heads.any()
    assert heads.ctypes.data % 64 == 0
