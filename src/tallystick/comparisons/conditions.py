"""Levels made of conditions: agreements of single fields, combined by and, or, not.

Truth has three values (Kleene's strong logic): a condition on missing values is unknown, unless
the rest decides it. They are numbers, so that *and* is the minimum and *or* the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from tallystick._schema import Settings
from tallystick.comparisons.fields import FieldPair, Leaf, check_fields, sort_arguments

if TYPE_CHECKING:
    from tallystick.comparisons.union import FieldComparator

FALSE, UNKNOWN, TRUE = 0, 1, 2
Truth = NDArray[np.int8]

LARGEST_TABLE = 1 << 20
"""Most combinations of the levels of all agreements that one comparison may have."""


class Condition(Settings):
    """What can hold for a pair of records; combine with ``&``, ``|`` and ``~``."""

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the condition needs, each once."""
        raise NotImplementedError

    def truth(self, levels: Mapping[Leaf, NDArray[np.uint8]]) -> Truth:
        """Whether the condition holds, given the levels of its leaves.

        Parameters
        ----------
        levels : mapping of Leaf to uint8 array, shape (n,)
            ``n_levels`` of the comparator is missing.

        Returns
        -------
        int8 array, shape (n,)
            `FALSE`, `UNKNOWN` or `TRUE`.
        """
        raise NotImplementedError

    def text(self) -> str:
        """The condition in words."""
        raise NotImplementedError

    def __and__(self, other: Condition) -> AllHold:
        mine = self.all if isinstance(self, AllHold) else (self,)
        return AllHold(all=(*mine, *(other.all if isinstance(other, AllHold) else (other,))))

    def __or__(self, other: Condition) -> AnyHolds:
        mine = self.any if isinstance(self, AnyHolds) else (self,)
        return AnyHolds(any=(*mine, *(other.any if isinstance(other, AnyHolds) else (other,))))

    def __invert__(self) -> NoneHolds:
        return NoneHolds(none=(self,))  # type: ignore[arg-type]  # every condition is of the union


class Agrees(FieldPair, Condition):
    """The fields agree at a level or better (see `agrees`).

    Attributes
    ----------
    left, right : tuple of str
        The fields of each side.
    comparator : Comparator
        How they are compared.
    at_least : int or str, optional
        Lowest level that satisfies: its number (1 and up) or its label. By default the top level.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    comparator: FieldComparator
    at_least: int | str | None = None

    @model_validator(mode="after")
    def _check(self) -> Agrees:
        for side in (self.left, self.right):
            check_fields(self.comparator, side)
        labels = self.comparator.labels()
        found = self.at_least
        if isinstance(found, str) and found not in labels[1:]:
            raise ValueError(
                f'found at_least = "{found}", expected one of {", ".join(map(repr, labels[1:]))}'
            )
        if isinstance(found, int) and not 0 < found < len(labels):
            raise ValueError(f"found at_least = {found}, expected a level from 1 to {len(labels) - 1}")
        return self

    @property
    def level(self) -> int:
        """Lowest level that satisfies."""
        if self.at_least is None:
            return self.comparator.n_levels - 1
        if isinstance(self.at_least, str):
            return self.comparator.labels().index(self.at_least)
        return self.at_least

    def leaves(self) -> tuple[Leaf, ...]:
        """The one measure of the condition."""
        return (Leaf(self.left, self.right, self.comparator),)

    def truth(self, levels: Mapping[Leaf, NDArray[np.uint8]]) -> Truth:
        """Whether the level is reached (see `Condition.truth`)."""
        found = levels[self.leaves()[0]]
        truth = np.where(found >= self.level, TRUE, FALSE)
        return np.where(found == self.comparator.n_levels, UNKNOWN, truth).astype(np.int8)

    def text(self) -> str:
        """The condition in words."""
        fields = "+".join(self.left) + ("" if self.left == self.right else " ~ " + "+".join(self.right))
        label = self.comparator.labels()[self.level]
        top = self.level == self.comparator.n_levels - 1
        return f"{fields} {label}" + ("" if top else " or better")


class AllHold(Condition):
    """All of some conditions hold.

    Attributes
    ----------
    all : tuple of conditions
        At least one.
    """

    all: Annotated[tuple[AnyCondition, ...], Field(min_length=1)]

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the conditions need, each once."""
        return _leaves(self.all)

    def truth(self, levels: Mapping[Leaf, NDArray[np.uint8]]) -> Truth:
        """The least truth of the conditions (see `Condition.truth`)."""
        least: Truth = np.minimum.reduce(_truths(self.all, levels))
        return least

    def text(self) -> str:
        """The condition in words."""
        return " and ".join(_bracketed(one) for one in self.all)


class AnyHolds(Condition):
    """At least one of some conditions holds.

    Attributes
    ----------
    any : tuple of conditions
        At least one.
    """

    any: Annotated[tuple[AnyCondition, ...], Field(min_length=1)]

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the conditions need, each once."""
        return _leaves(self.any)

    def truth(self, levels: Mapping[Leaf, NDArray[np.uint8]]) -> Truth:
        """The greatest truth of the conditions (see `Condition.truth`)."""
        greatest: Truth = np.maximum.reduce(_truths(self.any, levels))
        return greatest

    def text(self) -> str:
        """The condition in words."""
        return " or ".join(_bracketed(one) for one in self.any)


class NoneHolds(Condition):
    """None of some conditions holds: not, for a single one.

    Attributes
    ----------
    none : tuple of conditions
        At least one.
    """

    none: Annotated[tuple[AnyCondition, ...], Field(min_length=1)]

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the conditions need, each once."""
        return _leaves(self.none)

    def truth(self, levels: Mapping[Leaf, NDArray[np.uint8]]) -> Truth:
        """What the greatest truth of the conditions leaves (see `Condition.truth`)."""
        greatest: Truth = np.maximum.reduce(_truths(self.none, levels))
        return (TRUE - greatest).astype(np.int8)

    def text(self) -> str:
        """The condition in words."""
        return "not (" + " or ".join(_bracketed(one) for one in self.none) + ")"


_KINDS: dict[str, type[Condition]] = {"all": AllHold, "any": AnyHolds, "none": NoneHolds}


def _kind_of_condition(value: Any) -> str | None:
    """Name of the class that a condition is of: in TOML its keys tell."""
    if isinstance(value, Condition):
        return type(value).__name__
    if not isinstance(value, Mapping):
        return None
    return next((kind.__name__ for key, kind in _KINDS.items() if key in value), "Agrees")


# The tags are the names of the classes, by which messages find the right one.
AnyCondition = Annotated[
    Annotated[Agrees, Tag("Agrees")]
    | Annotated[AllHold, Tag("AllHold")]
    | Annotated[AnyHolds, Tag("AnyHolds")]
    | Annotated[NoneHolds, Tag("NoneHolds")],
    Discriminator(
        _kind_of_condition,
        custom_error_type="problem",
        custom_error_message="{text}",
        custom_error_context={
            "text": "found no condition, expected a table of keys "
            'with "comparator" and fields, or "all", or "any", or "none"'
        },
    ),
]
"""Any condition."""


class Levels(Settings):
    """Levels by the first condition that holds (see `levels`).

    It names its own fields, so it takes none from the comparison, and it is no `Comparator`: its
    `leaves` are prepared one by one, and `combination` maps their levels to its own.

    Attributes
    ----------
    conditions : tuple of conditions
        From full agreement down; at least one.
    names : tuple of str
        Labels of the conditions' levels, in the same order; by default the conditions in words.
    """

    arity: ClassVar[int | None] = 0

    type: Literal["levels"] = "levels"
    conditions: Annotated[tuple[AnyCondition, ...], Field(min_length=1, max_length=253)]
    names: tuple[str, ...] = ()

    @field_validator("names")
    @classmethod
    def _one_name_each(cls, value: tuple[str, ...], info: Any) -> tuple[str, ...]:
        conditions = info.data.get("conditions", ())
        if value and conditions and len(value) != len(conditions):
            raise ValueError(
                f"found {len(value)} names for {len(conditions)} conditions, expected one for each"
            )
        return value

    @model_validator(mode="after")
    def _check_size(self) -> Levels:
        check_size(self.leaves())
        return self

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.conditions) + 1

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        texts = self.names or tuple(one.text() for one in self.conditions)
        return ("none of the levels above", *reversed(texts))

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the conditions need, each once, in the order they are named."""
        return _leaves(self.conditions)

    def combination(self) -> NDArray[np.uint8]:
        """Level by the levels of the leaves.

        Returns
        -------
        uint8 array, shape (product of the leaves' n_levels + 1,)
            Indexed by the mixed-radix number of the leaves' levels (each with its missing one),
            the first leaf the least significant digit.
        """
        leaves = self.leaves()
        levels = dict(zip(leaves, digits([leaf.comparator.n_levels + 1 for leaf in leaves]), strict=True))
        truths = np.stack(_truths(self.conditions, levels))
        held = truths == TRUE
        level = np.where(held.any(axis=0), self.n_levels - 1 - held.argmax(axis=0), 0)
        unknown = ~held.any(axis=0) & (truths == UNKNOWN).any(axis=0)
        return np.where(unknown, self.n_levels, level).astype(np.uint8)


def agrees(
    *arguments: str | FieldComparator,
    left: str | tuple[str, ...] | None = None,
    right: str | tuple[str, ...] | None = None,
    comparator: FieldComparator | None = None,
    at_least: int | str | None = None,
) -> Agrees:
    """Make a condition: the fields agree at a level or better.

    Parameters
    ----------
    *arguments : str and Comparator
        Names of the fields, the same on both sides, and after them the comparator.
    left, right : str or tuple of str, optional
        Names of the fields of each side, instead.
    comparator : Comparator, optional
        The comparator, where it is not the last of the arguments.
    at_least : int or str, optional
        Lowest level that satisfies: its number (1 and up) or its label. By default the top level.

    Returns
    -------
    Agrees
        Combine conditions with ``&`` (and), ``|`` (or) and ``~`` (not).

    Raises
    ------
    InputError
        If fields or comparator are missing or do not fit, or the level does not exist.

    Examples
    --------
    >>> from tallystick.comparisons.numbers import year_proximity
    >>> one_year = agrees("birth_year", year_proximity(), at_least=2)
    >>> (~one_year).text()
    'not (birth_year 1 year apart or better)'
    """
    return Agrees(**sort_arguments("agrees", arguments, left, right, comparator), at_least=at_least)


def levels(*conditions: Condition, names: Sequence[str] = ()) -> Levels:
    """Levels by conditions: the first that holds gives the level.

    A condition on missing values is unknown (Kleene's three-valued logic), and an unknown
    condition does not hold. Where none holds and at least one is unknown the pair is missing;
    where none holds and all are known its level is 0.

    Parameters
    ----------
    *conditions : Condition
        From full agreement down: made by `agrees`, combined with ``&``, ``|`` and ``~``.
    names : sequence of str
        Labels of the levels, in the same order; by default the conditions in words.

    Returns
    -------
    Levels
        For `comparison`, which then needs no fields.

    Raises
    ------
    InputError
        If there is no condition, or their comparators have more than 2**20 combinations of levels.

    Examples
    --------
    Given name and surname may have been exchanged:

    >>> from tallystick.comparisons.equality import exact
    >>> given, surname = agrees("given", exact()), agrees("surname", exact())
    >>> swapped = agrees(left="given", right="surname", comparator=exact()) & agrees(
    ...     left="surname", right="given", comparator=exact()
    ... )
    >>> names = levels(given & surname, swapped, given | surname, names=["both", "swapped", "one"])
    >>> names.labels()
    ('none of the levels above', 'one', 'swapped', 'both')
    """
    return Levels(conditions=conditions, names=tuple(names))  # type: ignore[arg-type]


def digits(radices: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Digits of all mixed-radix numbers, the least significant first.

    Parameters
    ----------
    radices : sequence of int
        Number of values of each digit.

    Returns
    -------
    list of uint8 arrays, each of shape (product of radices,)
    """
    numbers = np.arange(math.prod(radices))
    result = []
    for radix in radices:
        result.append((numbers % radix).astype(np.uint8))
        numbers //= radix
    return result


def check_size(leaves: Iterable[Leaf]) -> None:
    """Check that the combinations of the leaves' levels fit a table.

    Parameters
    ----------
    leaves : iterable of Leaf

    Raises
    ------
    ValueError
        If there are more than `LARGEST_TABLE`.
    """
    size = math.prod(leaf.comparator.n_levels + 1 for leaf in leaves)
    if size > LARGEST_TABLE:
        raise ValueError(
            f"found {size} combinations of levels, expected at most {LARGEST_TABLE}: use fewer agreements, "
            "or comparators with fewer levels"
        )


def _leaves(conditions: Sequence[Condition]) -> tuple[Leaf, ...]:
    return tuple(dict.fromkeys(leaf for one in conditions for leaf in one.leaves()))


def _truths(conditions: Sequence[Condition], levels: Mapping[Leaf, NDArray[np.uint8]]) -> list[Truth]:
    return [one.truth(levels) for one in conditions]


def _bracketed(condition: Condition) -> str:
    return f"({condition.text()})" if isinstance(condition, (AllHold, AnyHolds)) else condition.text()


# Last, because the union's comparators stand inside conditions: completes `Agrees` and `Levels`.
import tallystick.comparisons.union  # noqa: E402, F401
