"""Factors and the chance of selection against enumeration of every combination of cells."""

from __future__ import annotations

from collections.abc import Sequence

import naive_estimation as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tallystick as ts
from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.factors import Factor, factors_of, selection_of
from tallystick.patterns.coding import PatternCoding

PARTS = (
    KeyPart(field="surname"),
    ts.soundex("surname"),
    ts.first("surname", 2),
    KeyPart(field="postcode"),
    ts.year("birth"),
    KeyPart(field="town"),
    ts.last("town", 3),
)
COMPARISONS = (
    ts.comparison("surname", ts.jaro_winkler(0.9)),
    ts.comparison("birth", ts.exact()),
    ts.comparison("sex", ts.exact()),
)


def set_up(
    passes: Sequence[BlockingKey], comparisons: Sequence[Comparison]
) -> tuple[tuple[Factor, ...], tuple[KeyPart, ...]]:
    parts = tuple(dict.fromkeys(part for one in passes for part in one.parts))
    coding = PatternCoding(tuple(one.n_levels for one in comparisons), len(parts))
    return factors_of(comparisons, parts, coding), parts


def test_key_parts_go_with_the_comparison_of_their_field() -> None:
    passes = [
        ts.blocking_key(ts.soundex("surname"), ts.year("birth")),
        ts.blocking_key("town", "postcode"),
        ts.blocking_key("surname", ts.last("town", 3)),
    ]
    factors, parts = set_up(passes, COMPARISONS)
    assert [part.label for part in parts] == [
        "soundex(surname)",
        "year(birth)",
        "town",
        "postcode",
        "surname",
        "last(town, 3)",
    ]
    assert [(one.comparison, one.keys, one.n_cells) for one in factors] == [
        (0, (0, 4), 16),
        (1, (1,), 6),
        (2, (), 3),
        (None, (2, 5), 4),
        (None, (3,), 2),
    ]


def test_a_comparison_of_the_field_alone_comes_before_one_of_several() -> None:
    several = ts.comparison("surname", "birth", ts.exact())
    # A comparison across two fields says nothing certain of agreement on one of them.
    across = ts.comparison(left=("town",), right=("birth",), comparator=ts.exact())
    factors, _ = set_up([ts.blocking_key("surname", "birth", "town")], [several, across, COMPARISONS[0]])
    assert [(one.comparison, one.keys) for one in factors] == [(0, (1,)), (1, ()), (2, (0,)), (None, (2,))]


def test_cells_of_patterns() -> None:
    passes = [ts.blocking_key(ts.soundex("surname")), ts.blocking_key("surname")]
    (surname, sex), _ = set_up(passes, [COMPARISONS[0], COMPARISONS[2]])
    digits = np.array([[0, 1, 0, 0], [1, 0, 1, 1], [2, 2, 0, 0], [0, 0, 1, 0]], np.uint8)
    assert surname.cells(digits, 2).tolist() == [0, 13, 2, 4]
    assert sex.cells(digits, 2).tolist() == [1, 0, 2, 0]
    assert surname.level[[0, 13, 2, 4]].tolist() == [0, 1, 2, 0]
    assert surname.bits[[0, 13, 2, 4]].tolist() == [0, 3, 0, 1]
    assert surname.present.tolist() == [True, True, True, False] * 4


def test_more_key_parts_than_can_be_estimated() -> None:
    passes = [ts.blocking_key(ts.first("surname", n)) for n in range(1, 18)]
    with pytest.raises(InputError, match="17 different parts of keys"):
        set_up(passes, COMPARISONS)


@st.composite
def designs(draw: st.DrawFn) -> tuple[list[BlockingKey], list[Comparison]]:
    pool = draw(st.permutations(PARTS))[: draw(st.integers(1, 4))]
    passes = draw(
        st.lists(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True), min_size=1, max_size=3)
    )
    comparisons = [one for one in COMPARISONS if draw(st.booleans())] or [COMPARISONS[2]]
    return [ts.blocking_key(*parts) for parts in passes], comparisons


@settings(max_examples=60)
@given(designs(), st.integers(0, 2**32 - 1))
def test_selection_equals_enumeration(design: tuple[list[BlockingKey], list[Comparison]], seed: int) -> None:
    passes, comparisons = design
    factors, parts = set_up(passes, comparisons)
    random = np.random.default_rng(seed)
    cells = []
    for factor in factors:
        chances = random.random(factor.n_cells) * (random.random(factor.n_cells) < 0.8)
        chances[random.integers(factor.n_cells)] += 0.1
        cells.append(chances / chances.sum())
    selection = selection_of(passes, parts, factors)
    total, given_cell = selection.probabilities(cells)
    expected, expected_given = naive.selection_probabilities(
        factors, parts, passes, [one.tolist() for one in cells]
    )
    assert total == pytest.approx(expected, abs=1e-12)
    for found, wanted, chances in zip(given_cell, expected_given, cells, strict=True):
        possible = chances > 0
        np.testing.assert_allclose(found[possible], np.array(wanted)[possible], atol=1e-12)


def test_without_key_parts_everything_is_selected() -> None:
    factors, _ = set_up([], COMPARISONS)
    selection = selection_of([ts.all_pairs()], (), factors)
    total, given_cell = selection.probabilities([np.full(f.n_cells, 1 / f.n_cells) for f in factors])
    assert total == 1.0
    assert all((one == 1.0).all() for one in given_cell)
