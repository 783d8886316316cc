"""What string kernels rule out before and while they compare: never anything that could count."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.comparisons.kernels_words import where_equal


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
