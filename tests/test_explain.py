"""What a linkage says that it will do, against what it does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from small_persons import encoded

from tallystick.blocking.passes import all_pairs, blocking_key, first
from tallystick.blocking.plan import plan_blocking
from tallystick.blocking.sizes import largest_blocks, new_pairs
from tallystick.comparisons.comparison import comparison
from tallystick.comparisons.equality import exact
from tallystick.comparisons.strings import levenshtein
from tallystick.linkage.explain import explain
from tallystick.linkage.linkage import Linkage
from tallystick.linkage.prepare import as_sources, prepare

TOWNS = ["york", "york", "york", "leeds", "leeds", "bath"] * 4
NAMES = [f"name{k % 9}" for k in range(24)]


def test_the_largest_block_of_each_pass() -> None:
    records = encoded([{"town": town, "name": name} for town, name in zip(TOWNS, NAMES, strict=True)], [24])
    passes = (blocking_key("town"), blocking_key(first("name", 4)), all_pairs())
    town, name, every = largest_blocks(plan_blocking(records, passes, "dedupe"), records)
    assert town is not None
    assert (town.key, town.records, town.pairs) == ("town = 'york'", 12, 66)
    assert town.share == pytest.approx(66 / (66 + 28 + 6))
    assert "12 records share the key town = 'york'" in town.sentence("town")
    assert name is not None
    assert (name.records, name.share) == (24, 1.0)
    assert every is None


@pytest.mark.parametrize("passes", [(blocking_key("town"), blocking_key("name")), (all_pairs(),)])
def test_pairs_are_exact(passes: tuple[object, ...], tmp_path: Path) -> None:
    table = pl.DataFrame({"town": TOWNS, "name": NAMES})
    linkage = Linkage(
        comparisons=[comparison("town", comparator=exact()), comparison("name", comparator=levenshtein(1))],
        passes=passes,  # type: ignore[arg-type]
    )
    prepared = prepare(linkage.spec, as_sources([table]))
    found = explain(prepared, 0.0)
    links = linkage.run(tmp_path / "run", table)
    counts = links.counts_dict()
    assert found.sizes.exact
    assert [one.n_pairs for one in found.sizes.new] == [one["pairs"] for one in counts["passes"]]
    assert [one.n_pairs for one in found.sizes.found] == [one["found"] for one in counts["passes"]]
    assert [one.n_pairs for one in found.sizes.new] == new_pairs(prepared.plan.blocking).tolist()
    text = found.text()
    assert f"pairs compared: {counts['candidates']:,}" in text
    assert "codes compared" in text
    assert found.seconds > 0
    assert found.megabytes > 0
