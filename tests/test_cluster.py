"""Entities against a plain spreading of the lowest row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import entities

from tallystick.errors import InputError
from tallystick.linking.cluster import connected_components


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 15), st.data())
def test_equals_the_plain_twin(n_records: int, data: st.DataObject) -> None:
    row = st.integers(0, n_records - 1)
    links = data.draw(st.lists(st.tuples(row, row), max_size=14))
    left = np.array([a for a, _ in links], np.int64)
    right = np.array([b for _, b in links], np.int32)
    found = connected_components(left, right, n_records)
    assert found.dtype == np.int64
    assert found.tolist() == entities(left.tolist(), right.tolist(), n_records)
    order = data.draw(st.permutations(range(len(links))))
    assert connected_components(right[order], left[order], n_records).tolist() == found.tolist()


def test_no_links_and_no_records() -> None:
    none = np.empty(0, np.int64)
    assert connected_components(none, none, 3).tolist() == [0, 1, 2]
    assert connected_components(none, none, 0).tolist() == []


def test_a_long_chain_is_one_entity() -> None:
    order = np.random.default_rng(1).permutation(100_000)
    found = connected_components(order[1:], order[:-1], order.size + 1)
    assert found[:-1].tolist() == [0] * order.size
    assert found[-1] == 1


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        ([0, 1], [1, 3], "Link 1 names row 3, but rows run from 0 to 2"),
        ([-1], [1], "Link 0 names row -1"),
        ([0, 1], [1], r"shapes \(2,\) and \(1,\)"),
    ],
)
def test_bad_input(left: list[int], right: list[int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        connected_components(np.array(left), np.array(right), 3)
