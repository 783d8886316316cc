"""The analysis of passes that are no exact keys: blocks, truth, matches that are missed, suggestions."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import naive_indexes as plain
import naive_pairs as naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_persons import encoded
from test_indexes import Drawn, linkages, planned

import tallystick as ts
from tallystick.blocking import key_pairs
from tallystick.blocking.index_blocks import without_key
from tallystick.blocking.plan import plan_blocking
from tallystick.blocking.sizes import large_block_warnings, largest_blocks, top_blocks
from tallystick.linkage.evaluate_blocks import true_blocks


@given(linkages(), st.data())
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_truth_of_every_pass(linkage: Drawn, data: st.DataObject) -> None:
    rows, sizes, passes, kind, listed = linkage
    truth = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))), np.int32)
    found = true_blocks(planned(linkage), truth, threads=1)
    everyone = list(naive.allowed(sizes, kind))
    true = {pair for pair in everyone if truth[pair[0]] and truth[pair[0]] == truth[pair[1]]}
    finders = [plain.finder(rows, one, listed.get(k, frozenset())) for k, one in enumerate(passes)]
    by_pass = [set(filter(finds, everyone)) for finds in finders]
    assert found.true == len(true)
    for number, own in enumerate(found.passes):
        others = set().union(*(one for k, one in enumerate(by_pass) if k != number))
        hits = by_pass[number] & true
        assert (own.pairs, own.true) == (len(by_pass[number]), len(hits))
        assert (own.new, own.only) == (len(hits - set().union(*by_pass[:number])), len(hits - others))
    union = set().union(*by_pass)
    assert (found.together.pairs, found.together.true) == (len(union), len(union & true))


NAMES = ["johnson", "jonson", "johnsson", "smith", "smyth", "smithe", "taylor"]
ROWS = [
    {"name": NAMES[k * k % 7], "town": f"t{k % 3}", "aka": f"{NAMES[k % 7]};{NAMES[k % 5]}"}
    for k in range(60)
]


def test_the_largest_blocks_of_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = (
        ts.sorted_neighbourhood("town", ("name",), window=2),
        ts.blocking_key(ts.each("aka", ";")),
        ts.minhash("name", bands=8, rows=1),
        ts.sorted_neighbourhood("name", similarity=0.9),
        ts.canopy("name", loose=0.3, tight=0.5, within=("town",)),
        ts.qgram_index("name", threshold=0.8, filters=(ts.reachable(1.0, {"town": 1.0}, {"town": 0.0}),)),
        ts.condition("l.name = r.aka"),
        ts.all_pairs(filters=(ts.reachable(1.0, {"town": 1.0}, {"town": 0.0}),)),
    )
    records = encoded(ROWS, [20, 40])
    plan = plan_blocking(records, passes, "link")
    sides = [range(20), range(20, 60)]
    found = largest_blocks(plan, records)

    def pairs_of(holds: object) -> int:
        left, right = (sum(map(holds, side)) for side in sides)  # type: ignore[call-overload]
        return int(left * right)

    windows, items, bands, runs, canopy, sublists, listed, every = found
    assert windows is not None
    # Of the two sort keys that whose value makes more pairs.
    most = max(
        pairs_of(lambda k, value=value, field=field: ROWS[k][field] == value)
        for field in ("town", "name")
        for value in {row[field] for row in ROWS}
    )
    assert windows.pairs == most
    assert len(windows.values) == 1
    (value,) = windows.values
    assert pairs_of(lambda k: ROWS[k][windows.parts[0]] == value) == most
    assert windows.records == sum(row[windows.parts[0]] == value for row in ROWS)
    assert items is not None
    assert items.pairs == max(pairs_of(lambda k, n=n: n in ROWS[k]["aka"].split(";")) for n in NAMES)
    assert (items.values, items.key) == ((), "one key (each(aka, ';'))")
    assert runs is not None
    # Adaptive windows are runs of neighbours: the johnsons, or the smiths.
    groups = ({"johnson", "johnsson", "jonson"}, {"smith", "smithe", "smyth"})
    assert runs.pairs == max(pairs_of(lambda k, g=g: ROWS[k]["name"] in g) for g in groups)
    assert sublists is not None
    assert sublists.pairs >= max(pairs_of(lambda k, n=n: ROWS[k]["name"] == n) for n in NAMES)
    for one in (bands, canopy):
        assert one is not None
        assert one.pairs > 0
        assert one.values == ()
    assert (listed, every) == (None, None)
    assert canopy.parts == ("name", "town")
    for number, one in enumerate(found):
        several = top_blocks(plan, records, number, most=3)
        assert one is None or several[0] == one
        assert [own.pairs for own in several] == sorted((own.pairs for own in several), reverse=True)
        assert all(0 < own.share <= 1 and 0 < own.share_of_all < 1 for own in several)

    assert large_block_warnings(plan, records) == ()
    monkeypatch.setattr(key_pairs, "LARGE_BLOCK", items.pairs - 1)
    said = [text for text in large_block_warnings(plan, records) if text.startswith("Pass each(aka, ';'):")]
    assert len(said) == 1
    assert f"{items.records} records share {items.key}, which alone makes {items.pairs:,} pairs" in said[0]
    assert "let the pass ask for more" in said[0]


def test_keys_of_an_index_are_counted_like_a_plain_walk() -> None:
    random = np.random.default_rng(4)
    rows = [
        {"aka": ";".join(f"x{n}" for n in random.integers(0, 9, random.integers(0, 4)))} for _ in range(50)
    ]
    for sizes, kind in (([50], "dedupe"), ([15, 35], "link"), ([15, 35], "link_and_dedupe")):
        records = encoded(rows, sizes)
        plan = plan_blocking(records, [ts.blocking_key(ts.each("aka", ";"))], kind)  # type: ignore[arg-type]
        counts = Counter(
            item
            for i, j in naive.allowed(sizes, kind)  # type: ignore[arg-type]
            for item in (set(rows[i]["aka"].split(";")) & set(rows[j]["aka"].split(";"))) - {""}
        )
        found = top_blocks(plan, records, 0, most=20)
        assert [one.pairs for one in found] == sorted(counts.values(), reverse=True)
        assert without_key(plan.finders[0]) == sum(row["aka"] == "" for row in rows)
        assert len(list(combinations(range(50), 2))) >= plan.slots(0) == sum(counts.values())
