"""The union of passes, counted by joint keys and pair by pair, against a plain walk over all pairs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from naive_pairs import candidates
from small_persons import encoded
from test_blocking import Drawn, linkages, planned

import tallystick as ts
from tallystick.blocking.passes import AnyPass, blocking_key
from tallystick.blocking.plan import plan_blocking
from tallystick.blocking.union_pairs import costs, union_pairs


@given(linkages())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_ways_count_what_a_plain_walk_counts(linkage: Drawn) -> None:
    rows, sizes, passes, kind, listed = linkage
    plan = planned(rows, sizes, passes, kind, listed)
    first = Counter(number for _, number in candidates(rows, sizes, passes, kind, listed).values())
    expected = [first[number] for number in range(len(passes))]
    for way in ("keys", "pairs"):
        found = union_pairs(plan, threads=1, way=way)
        assert (found.new.tolist(), found.way) == (expected, way)
        assert found.n_pairs == len(candidates(rows, sizes, passes, kind, listed))


def test_large_blocks_are_counted_by_keys_and_small_ones_pair_by_pair() -> None:
    n = 4_000
    rows = [
        {"sex": "fm"[k % 2], "town": str(k % 5), "code": str(k % 1_500), "name": str(k % 7)} for k in range(n)
    ]
    records = encoded(rows, [n])
    coarse = plan_blocking(
        records, [blocking_key("sex"), blocking_key("town"), blocking_key("name")], "dedupe"
    )
    fine = plan_blocking(records, [blocking_key("code"), blocking_key("code", "sex")], "dedupe")
    for plan, way in ((coarse, "keys"), (fine, "pairs")):
        by_keys, by_pairs = costs(plan)
        assert (by_keys <= by_pairs) == (way == "keys")
        found = union_pairs(plan)
        assert found.way == way
        other = union_pairs(plan, way="pairs" if way == "keys" else "keys")
        assert found.new.tolist() == other.new.tolist()
    # sex, town and name follow from the row number: by the Chinese remainder theorem their product is known.
    agree = np.array([[2, 5, 7, 10, 14, 35, 70]])
    sizes = [n // d * np.ones(d, np.int64) + (np.arange(d) < n % d) for d in agree[0]]
    a, b, c, ab, ac, bc, abc = (int((one * (one - 1) // 2).sum()) for one in sizes)
    assert union_pairs(coarse).new.tolist() == [a, b - ab, c - ac - bc + abc]


LIKE_KEYS = (
    ts.condition("l.town = r.town AND l.name <> r.name"),
    ts.sorted_neighbourhood("name", similarity=1.0),
    ts.blocking_key("sex"),
    ts.condition("l.town = r.name"),
)


@pytest.mark.parametrize(
    "passes", [LIKE_KEYS, LIKE_KEYS[:1], LIKE_KEYS[1:2], (*LIKE_KEYS[:2], ts.all_pairs())]
)
def test_lists_of_conditions_and_keys_of_sorted_values_are_counted(passes: tuple[AnyPass, ...]) -> None:
    """What a pass finds is counted by the finder it has, not by the kind of pass that made it."""
    random = np.random.default_rng(4)
    rows = [
        {
            "sex": random.choice(["f", "m"]),
            "town": random.choice(list("abcd")),
            "name": random.choice(list("ace")),
        }
        for _ in range(40)
    ]
    plan = plan_blocking(encoded(rows, [25, 15]), passes, "link_and_dedupe")
    by_pair = union_pairs(plan, way="pairs")
    assert union_pairs(plan, way="keys").new.tolist() == by_pair.new.tolist()
    assert by_pair.new[0] > 0
    assert union_pairs(plan).n_pairs == by_pair.n_pairs
