"""The share of matches that indexes, conditions and filters find, against files in which it is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from simulate import one_file
from test_index_recovery import DESIGNS, KEY, ready
from test_suggest import FIELDS as OTHERS
from test_suggest import suggested

import tallystick as ts
from tallystick.blocking.criteria import criteria_of
from tallystick.blocking.passes import AnyPass
from tallystick.linkage.blocks import _estimated
from tallystick.linkage.completeness import agreements, estimated_completeness, found_by
from tallystick.quality.overlap import completeness


def silent(*_: object) -> None:
    """Tell nothing."""


CASES: dict[str, tuple[AnyPass, ...]] = {
    "one pass of two sort keys": DESIGNS["windows of two sort keys"],
    "two passes": (ts.minhash("surname", bands=8, rows=4, within=("sex",)), KEY),
    "filters": DESIGNS["minhash within sex, filtered"],
    "a condition on two fields": (
        ts.condition("l.surname = r.surname AND l.given = r.given"),
        ts.minhash("town", bands=6, rows=3, within=("birth",)),
        KEY,
    ),
    "q-grams and canopies": (
        ts.qgram_index("surname", threshold=0.7),
        ts.canopy("town", loose=0.5, tight=0.8),
        ts.blocking_key("birth", "sex"),
    ),
}


@pytest.mark.filterwarnings("ignore::tallystick.errors.TallystickWarning")
@pytest.mark.parametrize("name", CASES)
def test_the_overlap_of_indexes_tells_what_they_miss(name: str) -> None:
    errors = []
    for seed in (0, 11):
        prepared, _, left, right = ready(CASES[name], seed)
        parameters, counts = _estimated(prepared, None, None, silent)
        found = estimated_completeness(prepared, parameters, counts)
        finds = np.stack([one.holds(left, right) for one in prepared.plan.blocking.finders], axis=1)
        share = finds.any(axis=1).mean()
        assert found.reason == ""
        assert found.by_overlap is not None
        assert found.by_overlap.low < found.by_overlap.share < found.by_overlap.high
        errors.append((found.by_overlap.share - share, found.by_model - share))
        # Expected matches of 600: what each pass finds, and it alone.
        only = (finds & (finds.sum(axis=1) == 1)[:, None]).sum(axis=0)
        np.testing.assert_allclose(found.expected, finds.sum(axis=0), atol=45)
        np.testing.assert_allclose(found.only, only, atol=45)
    np.testing.assert_allclose(np.mean(errors, axis=0), 0, atol=0.03)


def drawn(passes: Sequence[AnyPass], chances: Sequence[float], n: int, seed: int) -> tuple[float, float]:
    """The share of n matches found where criteria hold independently, and the one estimated from those."""
    random = np.random.default_rng(seed)
    bits = random.random((n, len(chances))) < np.array(chances)
    criteria = criteria_of(passes)
    finds = found_by(passes, criteria, bits).any(axis=1)
    table = agreements(passes, criteria, bits[finds], np.ones(int(finds.sum())))
    assert table is not None
    assert table.found == finds.sum()
    found = completeness(table)
    assert found is not None
    return float(finds.mean()), found.share


def test_independent_criteria_are_told_exactly() -> None:
    near = ts.difference("born", 2, part="year")
    passes = (
        ts.minhash("name", filters=(near,)),
        ts.sorted_neighbourhood("town", ("code",), window=3),
        ts.blocking_key("sex", filters=(ts.reachable(1.0, {"area": 1.0}, {"area": 0.0}),)),
    )
    assert len(criteria_of(passes)) == 6
    true, told = drawn(passes, [0.7, 0.6, 0.5, 0.55, 0.9, 0.4], 40_000, 2)
    assert told == pytest.approx(true, abs=0.01)


def test_fields_that_are_read_together_are_one() -> None:
    passes = (ts.minhash("a", "b"), ts.blocking_key("b", "c"), ts.sorted_neighbourhood("d", window=2))
    criteria = criteria_of(passes)
    bits = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [0, 0, 1, 0]], bool)
    table = agreements(passes, criteria, bits, np.ones(3))
    assert table is not None
    assert set(table.fields) == {"b with a", "c", "d"}


@pytest.mark.parametrize(
    ("passes", "reason"),
    [
        ((ts.minhash("a"),), "since there is one pass only"),
        (
            (ts.minhash("a"), ts.pair_table("PAIRS", name="given")),
            "since nothing says how the pairs of given were",
        ),
        (
            (
                ts.minhash("a", within=("b",)),
                ts.blocking_key("b"),
                ts.sorted_neighbourhood("b", "b", window=1),
            ),
            "since every pass asks something of b",
        ),
        ((ts.all_pairs(), ts.minhash("a")), "since all pairs are compared"),
    ],
)
@pytest.mark.filterwarnings("ignore::tallystick.errors.TallystickWarning")
def test_where_the_overlap_tells_nothing(tmp_path, passes: tuple[AnyPass, ...], reason: str) -> None:  # type: ignore[no-untyped-def]
    random = np.random.default_rng(1)
    columns = {name: [f"{name}{n}" for n in random.integers(0, 12, 120)] for name in "ab"}
    people = pl.DataFrame({"id": [str(k) for k in range(120)], **columns})
    (tmp_path / "pairs.csv").write_text("id_left,id_right\n1,2\n3,4\n5,7\n", "utf-8")
    passes = tuple(
        one.model_copy(update={"path": str(tmp_path / "pairs.csv")}) if one.type == "pair_table" else one
        for one in passes
    )
    linkage = ts.Linkage(
        comparisons=[ts.comparison(name, ts.exact()) for name in "ab"], passes=passes, kind="dedupe"
    )
    found = linkage.blocks(ts.Source(name="people", table=people, id="id"), fit=True)
    assert found.completeness is not None
    assert found.completeness.by_overlap is None
    assert found.completeness.reason.startswith(reason)
    assert "matches found, by the overlap of the passes: not known, since" in found.text()
    data = found.to_dict()["passes"][0]
    known = "table" not in reason and "nothing says" not in reason and "all pairs" not in reason
    assert (data["expected_matches"] is not None) == known


@pytest.mark.filterwarnings("ignore::tallystick.errors.TallystickWarning")
@pytest.mark.parametrize(
    "passes",
    [
        [
            ts.minhash("last", bands=12, rows=2, within=("year",)),
            ts.blocking_key("first", "town"),
            ts.blocking_key("street", "year"),
        ],
        [ts.sorted_neighbourhood(("last", "first"), ("town", "street"), window=2)],
        [
            ts.blocking_key("last", "year", filters=(ts.reachable(1.0, {"town": 1.0}, {"town": 0.0}),)),
            ts.blocking_key(ts.each("street", "/"), "first"),
            ts.blocking_key("first", "town"),
        ],
        [ts.minhash("last", bands=12, rows=2, within=("year",))],
    ],
    ids=["index", "index alone", "filter and lists", "one index"],
)
def test_suggestions_with_indexes_among_the_passes(passes: list[AnyPass]) -> None:
    data = one_file(OTHERS, 2_500, 1_200, seed=4)
    found, true = suggested(data, list(passes), 0.9, "dedupe")
    assert found.asked == 0.9 <= found.share
    assert "among the pairs of the present passes" in found.basis
    if len(passes) == 1 and passes[0].type == "minhash":
        assert "what these miss is not known" in found.basis
    else:
        assert "that these miss" in found.basis
        assert true == pytest.approx(found.share, abs=0.03)
