"""Levels by conditions: three-valued logic, combinations of levels, and what is not valid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import naive_values as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.comparisons.conditions import Agrees, Condition, Levels, agrees, digits, levels
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.equality import exact, initial
from tallystick.comparisons.fields import Leaf
from tallystick.comparisons.numbers import absolute_difference, year_proximity
from tallystick.errors import InputError

agreements = st.sampled_from(
    [
        agrees("given", exact()),
        agrees("surname", exact()),
        agrees(left="given", right="surname", comparator=exact()),
        agrees("year", year_proximity()),
        agrees("year", year_proximity(), at_least=1),
        agrees("year", year_proximity(), at_least="1 year apart"),
    ]
)
conditions = st.recursive(
    agreements,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=5,
)


def states(leaves: Sequence[Leaf]) -> list[dict[Leaf, int | None]]:
    """All levels that the leaves can have together, the first leaf changing fastest."""
    result: list[dict[Leaf, int | None]] = [{}]
    for leaf in reversed(leaves):
        values = [*range(leaf.comparator.n_levels), None]
        result = [{leaf: value, **state} for state in result for value in values]
    return result


@given(st.lists(conditions, min_size=1, max_size=3))
@settings(max_examples=80)
def test_combination_is_the_first_condition_that_holds(parts: list[Condition]) -> None:
    found = levels(*parts)
    every = states(found.leaves())
    expected = [naive.first_that_holds(parts, state) for state in every]
    table = found.combination()
    assert table.dtype == np.uint8
    assert [None if level == found.n_levels else level for level in table.tolist()] == expected
    assert found.n_levels == len(found.labels()) == len(parts) + 1


@given(conditions)
@settings(max_examples=80)
def test_a_condition_survives_being_written(condition: Condition) -> None:
    found = levels(condition)
    assert Levels.model_validate(found.model_dump()) == found
    assert Levels.model_validate_json(found.model_dump_json()) == found


def test_a_missing_value_decides_nothing_unless_the_rest_does() -> None:
    """The truth tables of Kleene's strong logic, by hand: 0 disagrees, 1 agrees, 2 missing."""
    a, b = agrees("a", exact()), agrees("b", exact())
    both, either, neither = (levels(one).combination().tolist() for one in (a & b, a | b, ~a & ~b))
    # a counts 0, 1, 2 within b = 0, then b = 1, then b = 2
    assert both == [0, 0, 0, 0, 1, 2, 0, 2, 2]
    assert either == [0, 1, 2, 1, 1, 1, 2, 1, 2]
    assert neither == [1, 0, 2, 0, 0, 0, 2, 0, 2]


def test_a_level_below_an_unknown_one_counts() -> None:
    """The strongest condition is unknown, a weaker one holds: the pair has the weaker level."""
    a, b = agrees("a", exact()), agrees("b", exact())
    found = levels(a & b, a, b)
    table = dict(
        zip(
            [tuple(state.values()) for state in states(found.leaves())],
            found.combination().tolist(),
            strict=True,
        )
    )
    assert table[1, None] == 2
    assert table[None, 1] == 1
    assert table[None, 0] == 4
    assert table[None, None] == 4
    assert table[0, 0] == 0


def test_names_that_were_exchanged() -> None:
    given_name, surname = agrees("given", exact()), agrees("surname", exact())
    exchanged = agrees(left="given", right="surname", comparator=exact()) & agrees(
        left="surname", right="given", comparator=exact()
    )
    comparator = levels(
        given_name & surname, exchanged, given_name | surname, names=["both", "swapped", "one"]
    )
    assert comparator.labels() == ("none of the levels above", "one", "swapped", "both")
    words = pl.Series([None, "ann", "bob", "fox", "lee", "ray"], dtype=pl.String)
    people = {"given": ["ann", "lee", "ann", "bob", None], "surname": ["lee", "ann", "fox", "ray", "lee"]}
    codes = {
        field: np.array([words.to_list().index(name) for name in names], np.int32)
        for field, names in people.items()
    }
    number, radix = np.zeros(4, np.int64), 1
    for leaf in comparator.leaves():
        measure = leaf.comparator.prepare((words,), (words,), True)
        out = np.empty(4, np.uint8)
        measure.levels(np.repeat(codes[leaf.left[0]][:1], 4), codes[leaf.right[0]][1:], out)
        number += radix * out
        radix *= measure.n_levels + 1
    assert comparator.combination()[number].tolist() == [2, 1, 0, 1]


def test_leaves_are_named_once_and_in_order() -> None:
    a, b = agrees("a", exact()), agrees("b", year_proximity(), at_least=1)
    found = levels(b & a, a | agrees("b", year_proximity()), ~b)
    assert [leaf.left for leaf in found.leaves()] == [("b",), ("a",)]
    assert levels(a, agrees("a", year_proximity())).leaves() == (
        Leaf(("a",), ("a",), exact()),
        Leaf(("a",), ("a",), year_proximity()),
    )


def test_conditions_in_words() -> None:
    a, year = agrees("a", exact()), agrees("year", year_proximity(), at_least="1 year apart")
    top = exact().labels()[-1]
    assert (a & ~year).text() == f"a {top} and not (year 1 year apart or better)"
    assert ((a | year) & a).text() == f"(a {top} or year 1 year apart or better) and a {top}"
    assert (a & a & a).text() == f"a {top} and a {top} and a {top}"
    assert agrees(left="given", right="surname", comparator=exact()).text() == f"given ~ surname {top}"


def test_a_condition_as_toml_has_it() -> None:
    found = Levels.model_validate(
        {
            "type": "levels",
            "conditions": [
                {
                    "all": [
                        {"field": "a", "comparator": {"type": "exact"}},
                        {"none": [{"left": "a", "right": "b", "comparator": {"type": "exact"}}]},
                    ]
                },
                {"fields": ["y", "m", "d"], "comparator": {"type": "date_parts"}, "at_least": 2},
            ],
        }
    )
    same = agrees(left="a", right="b", comparator=exact())
    assert found == levels(agrees("a", exact()) & ~same, agrees("y", "m", "d", date_parts(), at_least=2))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_digits_number_every_combination(radices: list[int]) -> None:
    found = digits(radices)
    numbers = sum(digit.astype(int) * math.prod(radices[:k]) for k, digit in enumerate(found))
    assert np.array_equal(numbers, np.arange(math.prod(radices)))
    assert all(digit.max() == radix - 1 for digit, radix in zip(found, radices, strict=True))


many = levels(*[agrees(f"field_{k}", absolute_difference(1, 2, 3)) for k in range(6)])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: levels(), "levels, conditions: found no items, expected at least 1"),
        (lambda: levels(agrees("a", exact()), names=["x", "y"]), "names: found 2 names for 1 conditions"),
        (lambda: agrees("a"), "agrees: found no comparators, expected one"),
        (lambda: agrees("a", exact(), exact()), "agrees: found 2 comparators, expected one"),
        (lambda: agrees(exact()), "found nothing, expected a list"),
        (
            lambda: agrees("a", "b", initial()),
            r"found 2 fields \(a, b\), expected 1 field a side for initial",
        ),
        (lambda: agrees("a", "b", date_parts()), "expected 1 or 3 fields a side for date_parts"),
        (lambda: agrees("a", left="b", right="c", comparator=exact()), '"fields", "left", "right" together'),
        (lambda: agrees(left="b", comparator=exact()), 'found "left" without "right"'),
        (
            lambda: agrees("a", year_proximity(), at_least=4),
            "found at_least = 4, expected a level from 1 to 3",
        ),
        (lambda: agrees("a", year_proximity(), at_least=0), "expected a level from 1 to 3"),
        (lambda: agrees("a", year_proximity(), at_least="same"), r"expected one of .*'same year'"),
        (lambda: agrees("a", many), "levels"),  # type: ignore[arg-type]
        (lambda: Levels(conditions=({"al": []},)), "conditions"),  # type: ignore[arg-type]
        (lambda: Levels(conditions=(7,)), r"conditions\[0\]: found no condition, expected a table of keys"),  # type: ignore[arg-type]
        (
            lambda: levels(*[agrees(f"field_{k}", absolute_difference(*range(1, 9))) for k in range(7)]),
            "found 19487171 combinations of levels, expected at most 1048576",
        ),
    ],
)
def test_wrong_conditions_are_told(build: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


def test_a_wrong_key_of_a_condition_is_named() -> None:
    wrong = {"all": [{"field": "a", "comparator": {"type": "exact"}, "atleast": 1}]}
    with pytest.raises(InputError, match=r'conditions\[0\].all\[0\].atleast: .*did you mean "at_least"'):
        Levels(conditions=(wrong,))  # type: ignore[arg-type]
    assert isinstance(agrees("a", exact()), Agrees)
