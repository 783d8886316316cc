"""Comparisons: fields, names, given probabilities, both orders of a pair; comparators written and read."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.comparison import Comparison, comparison
from tallystick.comparisons.conditions import Levels, agrees, levels
from tallystick.comparisons.dates import date_parts, days_between
from tallystick.comparisons.equality import exact, initial
from tallystick.comparisons.fields import Leaf
from tallystick.comparisons.forenames import forename
from tallystick.comparisons.functions import function
from tallystick.comparisons.numbers import absolute_difference, relative_difference, year_proximity
from tallystick.comparisons.overlaps import bigram_dice, bigram_jaccard, token_set
from tallystick.comparisons.phonetic import phonetic
from tallystick.comparisons.places import distance_km
from tallystick.comparisons.sets import any_of
from tallystick.comparisons.strings import damerau_levenshtein, jaro, jaro_winkler, levenshtein
from tallystick.comparisons.union import BUILDERS, AnyComparator, FieldComparator
from tallystick.errors import InputError

EVERY: list[tuple[tuple[str, ...], Any]] = [
    (("a",), exact()),
    (("a", "b"), exact()),
    (("a",), initial()),
    (("a",), jaro(0.9)),
    (("a",), jaro(0.9, 0.8, window="chapter")),
    (("a",), jaro_winkler(0.92, 0.85, 0.75)),
    (("a",), levenshtein(1, 2)),
    (("a",), damerau_levenshtein(1)),
    (("a",), bigram_dice(0.8)),
    (("a",), bigram_jaccard(0.8)),
    (("a",), token_set(0.8)),
    (("a",), absolute_difference(1, 2.5)),
    (("a",), relative_difference(0.05)),
    (("a",), year_proximity()),
    (("a",), days_between(1, 31)),
    (("a", "b", "c"), days_between(1, order=("day", "month", "year"))),
    (("a",), date_parts()),
    (("a", "b", "c"), date_parts(order=("day", "month", "year"))),
    (("a", "b"), distance_km(1, 10)),
    (("a",), phonetic("daitch_mokotoff")),
    (("a",), forename(levels=("nickname", "sound"), nicknames=("german", "own.csv"))),
    (("a",), any_of(any_of(jaro_winkler(0.9), separator="/"))),
    (("a",), function("module:name", 0.5)),
    ((), levels(agrees("a", exact()) & ~agrees("b", any_of(exact())), agrees("c", exact()))),
]
adapter: TypeAdapter[Any] = TypeAdapter(AnyComparator)


@pytest.mark.parametrize(("fields", "comparator"), EVERY, ids=lambda one: getattr(one, "type", None))
def test_every_comparator_survives_being_written(fields: tuple[str, ...], comparator: Any) -> None:
    assert adapter.validate_python(comparator.model_dump()) == comparator
    assert adapter.validate_json(comparator.model_dump_json()) == comparator
    made = comparison(*fields, comparator)
    assert Comparison.model_validate(made.model_dump()) == made
    assert Comparison.model_validate_json(made.model_dump_json()) == made
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(Comparison.model_validate(made.model_dump()))
    assert made.n_levels == len(made.labels) == len(set(made.labels))


def test_the_union_has_every_comparator() -> None:
    def kinds(base: type[Any]) -> set[type[Any]]:
        found = {base} if "type" in base.model_fields else set()
        return found.union(*(kinds(child) for child in base.__subclasses__()))

    members = set(get_args(get_args(FieldComparator)[0]))
    assert members == {one for one in kinds(Comparator) if one.__module__.startswith("tallystick.")}
    assert {type(comparator) for _, comparator in EVERY} == members | {Levels}


def test_every_builder_is_where_the_list_says() -> None:
    for name, module in BUILDERS.items():
        built = getattr(importlib.import_module(module), name)
        assert built.__module__ == module
    tags = {member.model_fields["type"].default for member in get_args(get_args(FieldComparator)[0])}
    assert tags | {"levels", "agrees", "comparison"} == set(BUILDERS)


@pytest.mark.parametrize("module", sorted({*BUILDERS.values(), "tallystick.comparisons.union"}))
def test_any_module_can_be_imported_first_and_loads_no_kernel(module: str) -> None:
    code = (
        f"import sys, {module}; import tallystick.comparisons.comparison as c; "
        "assert c.Comparison.__pydantic_complete__; print('numba' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.stderr) == ("False", "")


# Fields and names


@pytest.mark.parametrize(
    "spec",
    [
        {"field": "a"},
        {"fields": "a"},
        {"fields": ["a"]},
        {"left": "a", "right": ["a"]},
        {"left": ("a",), "right": ("a",)},
    ],
)
def test_the_short_forms_of_fields_are_the_same(spec: dict[str, Any]) -> None:
    assert Comparison(**spec, comparator={"type": "exact"}) == comparison("a", exact())


def test_names_are_those_of_the_fields_by_default() -> None:
    assert comparison("y", "m", "d", date_parts()).name == "y+m+d"
    assert comparison(exact(), left="given", right="surname").name == "given~surname"
    assert comparison("a", exact(), name="first").name == "first"
    assert comparison(levels(agrees("a", exact()), agrees("b", exact()))).name == "a+b"


def test_a_comparison_by_conditions_has_the_fields_that_they_name() -> None:
    swapped = levels(agrees(left="a", right="b", comparator=exact()) & agrees("c", "d", exact()))
    made = comparison(swapped)
    assert (made.left, made.right) == (("a", "c", "d"), ("b", "c", "d"))
    assert comparison(comparator=swapped, left=made.left, right=made.right) == made
    with pytest.raises(InputError, match="found the fields x, but the conditions name a, c, d"):
        comparison("x", swapped)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: comparison(exact()), 'comparison, left: found no field, expected "field"'),
        (lambda: comparison("a"), "comparison: found no comparators"),
        (
            lambda: comparison("a", distance_km(1)),
            r"found 1 field \(a\), expected 2 fields a side for distance_km",
        ),
        (
            lambda: comparison(date_parts(), left=("y", "m", "d"), right=("y", "m")),
            r"right: found 2 fields \(y, m\), expected 1 or 3 fields a side for date_parts",
        ),
        (
            lambda: Comparison(field=["a", "b"], comparator=exact()),
            'in "field", expected the name of a field',
        ),
        (lambda: Comparison(fields=[7], comparator=exact()), 'in "fields", expected names of fields'),
        (lambda: Comparison(field="a", fields=["a"], comparator=exact()), 'found "field", "fields" together'),
        (lambda: Comparison(right="a", comparator=exact()), 'found "right" without "left"'),
        (lambda: Comparison(field="a", comparator={"type": "jaro_wrinkler"}), 'did you mean "jaro_winkler"'),
        (lambda: Comparison(feild="a", comparator=exact()), 'did you mean "field"'),
    ],
)
def test_wrong_fields_are_told(build: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build()


# Given probabilities


def test_one_number_is_the_probability_of_agreement() -> None:
    made = comparison("a", exact(), m=0.9, u=0.25)
    assert (made.m, made.u) == ((0.1, 0.9), (0.75, 0.25))
    given_all = comparison("a", year_proximity(), m=(0.1, 0.1, 0.2, 0.6))
    assert (given_all.m, given_all.u) == ((0.1, 0.1, 0.2, 0.6), None)


@pytest.mark.parametrize(
    ("m", "message"),
    [
        (1, "comparison, m: found the probability 0, expected more than 0 and less than 1"),
        (1.5, "found the probability -0.5"),
        ((0.2, 0.7), "found probabilities that sum to 0.9, expected a sum of 1"),
        ((0.2, 0.3, 0.5), "found 3 numbers, expected 2, one for each level from disagreement up"),
        ((1.0,), "found 1 number, expected 2"),
        ("x", 'found "x", expected a list'),
        (True, "found true, expected a list"),
    ],
)
def test_wrong_probabilities_are_told(m: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        comparison("a", exact(), m=m)
    with pytest.raises(InputError, match=message.replace("m: ", "u: ")):
        comparison("a", exact(), u=m)


def test_one_number_for_many_levels_is_told() -> None:
    with pytest.raises(InputError, match=r"m: found one number, expected 4, .* up: 3 or more years apart"):
        comparison("a", year_proximity(), m=0.9)


def test_rounded_probabilities_are_accepted() -> None:
    comparison("a", exact(), m=(0.3333333, 0.6666666))
    with pytest.raises(ValidationError, match="sum"):
        Comparison.model_validate({"field": "a", "comparator": exact(), "m": (0.33333, 0.66666)})


# Both orders of a pair


def test_a_comparison_of_the_same_fields_stays_as_it_is() -> None:
    made = comparison("a", exact())
    assert made.symmetric() is made
    assert made.is_symmetric
    assert made.leaves() == (Leaf(("a",), ("a",), exact()),)
    assert made.combination() is None


def test_different_fields_take_the_better_of_both_orders() -> None:
    made = comparison(year_proximity(), left="born", right="baptised")
    assert not made.is_symmetric
    assert made.combination() is None
    both = made.symmetric()
    assert both.leaves() == (
        Leaf(("born",), ("baptised",), year_proximity()),
        Leaf(("baptised",), ("born",), year_proximity()),
    )
    assert both.is_symmetric
    assert both.symmetric() is both
    assert both != made
    assert (both.name, both.n_levels, both.labels) == (made.name, made.n_levels, made.labels)
    table = both.combination()
    assert table is not None
    for x in range(5):
        for y in range(5):
            expected = max(x, y) if 4 not in (x, y) else min(x, y)
            assert table[x + 5 * y] == expected
    assert pickle.loads(pickle.dumps(both)).leaves() == both.leaves()
    assert Comparison.model_validate(both.model_dump()) == made


given_name, surname = agrees("given", exact()), agrees("surname", exact())
crossed = agrees(left="given", right="surname", comparator=exact())
crossed_back = agrees(left="surname", right="given", comparator=exact())


def test_conditions_that_hold_in_both_orders_are_symmetric() -> None:
    made = comparison(levels(given_name & surname, crossed & crossed_back))
    assert made.is_symmetric
    assert made.symmetric() is made
    for one in (levels(crossed), levels(crossed_back, crossed), levels(crossed & ~crossed_back)):
        assert not comparison(one).is_symmetric


parts = st.lists(
    st.recursive(
        st.sampled_from([given_name, surname, crossed, crossed_back]),
        lambda inner: st.one_of(
            st.builds(lambda a, b: a & b, inner, inner),
            st.builds(lambda a, b: a | b, inner, inner),
            st.builds(lambda a: ~a, inner),
        ),
        max_leaves=4,
    ),
    min_size=1,
    max_size=3,
)
values = st.sampled_from([None, "ann", "lee"])
person = st.fixed_dictionaries({"given": values, "surname": values})


def level_of(made: Comparison, x: dict[str, str | None], y: dict[str, str | None]) -> int:
    """Level of two people when exact agreements are looked up one by one."""
    number, radix = 0, 1
    for leaf in made.leaves():
        a, b = x[leaf.left[0]], y[leaf.right[0]]
        number += radix * (2 if a is None or b is None else int(a == b))
        radix *= 3
    table = made.combination()
    return number if table is None else int(table[number])


@given(parts, person, person)
@settings(max_examples=200)
def test_made_symmetric_is_the_better_of_both_orders(
    conditions: list[Any], x: dict[str, str | None], y: dict[str, str | None]
) -> None:
    made = comparison(levels(*conditions))
    both = made.symmetric()
    orders = {level_of(made, x, y), level_of(made, y, x)}
    known = orders - {made.n_levels}
    expected = max(known) if known else made.n_levels
    assert level_of(both, x, y) == level_of(both, y, x) == expected
    if made.is_symmetric:
        assert len(orders) == 1


def test_too_many_combinations_of_both_orders_are_told_only_in_deduplication() -> None:
    near = absolute_difference(*range(1, 9))
    made = comparison(levels(*[agrees(near, left=f"a{k}", right=f"b{k}") for k in range(4)]), name="many")
    assert made.combination() is not None
    with pytest.raises(
        InputError, match=r'comparison "many", made symmetric .* found 214358881 combinations'
    ):
        made.symmetric()


def test_a_comparison_cannot_be_changed() -> None:
    made = comparison("a", exact())
    with pytest.raises(ValidationError, match="frozen"):
        made.name = "b"
