"""The fields that a comparator is applied to, on the left and on the right of a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import model_validator

from tallystick._schema import Settings
from tallystick.comparisons.comparator import Comparator
from tallystick.errors import SpecError


@dataclass(frozen=True)
class Leaf:
    """One comparator on given fields: the unit that is prepared and measured.

    Attributes
    ----------
    left, right : tuple of str
        Names of the fields, one or more a side.
    comparator : Comparator
        How their values are compared.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    comparator: Comparator

    def swapped(self) -> Leaf:
        """The same comparator with the fields of the two sides exchanged."""
        return Leaf(self.right, self.left, self.comparator)


class FieldPair(Settings):
    """The fields of both sides of a pair.

    ``field`` (one name) and ``fields`` (a list) stand for the same fields on both sides.

    Attributes
    ----------
    left, right : tuple of str
        Names of the fields, one or more a side.
    """

    shorthands: ClassVar[tuple[str, ...]] = ("field", "fields")

    @model_validator(mode="before")
    @classmethod
    def _resolve_shorthands(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        rest = {key: value for key, value in data.items() if key not in cls.shorthands}
        short = [key for key in cls.shorthands if key in data]
        sides = [key for key in ("left", "right") if key in data]
        if len(short) > 1 or (short and sides):
            given = ", ".join(f'"{key}"' for key in (*short, *sides))
            raise ValueError(f'found {given} together, expected "field", or "fields", or "left" and "right"')
        if len(sides) == 1:
            other = "right" if sides == ["left"] else "left"
            raise ValueError(f'found "{sides[0]}" without "{other}", expected both')
        for key in (*short, *sides):
            names = (data[key],) if isinstance(data[key], str) else data[key]
            good = isinstance(names, (list, tuple)) and all(isinstance(one, str) and one for one in names)
            if not good or (key == "field" and len(names) != 1):
                kind = "the name of a field" if key == "field" else "names of fields"
                raise ValueError(f'found something else in "{key}", expected {kind}')
            for side in ("left", "right") if key in short else (key,):
                rest[side] = tuple(names)
        return rest


def check_fields(comparator: Comparator, names: tuple[str, ...]) -> None:
    """Check that a comparator takes so many fields a side.

    Parameters
    ----------
    comparator : Comparator
    names : tuple of str
        The fields of one side.

    Raises
    ------
    ValueError
        If it takes another number, or there is none.
    """
    if not names:
        raise ValueError('found no field, expected "field", or "fields", or "left" and "right"')
    takes: tuple[int, ...] | None = getattr(comparator, "arities", None)
    if takes is None and comparator.arity is not None:
        takes = (comparator.arity,)
    if takes is not None and len(names) not in takes:
        expected = " or ".join(map(str, takes))
        plural = "" if takes == (1,) else "s"
        kind = comparator.python_name()
        raise ValueError(
            f"found {len(names)} field{'' if len(names) == 1 else 's'} ({', '.join(names)}), "
            f"expected {expected} field{plural} a side for {kind}"
        )


def sort_arguments(
    builder: str,
    arguments: tuple[Any, ...],
    left: str | tuple[str, ...] | None,
    right: str | tuple[str, ...] | None,
    comparator: Any,
) -> dict[str, Any]:
    """Fields and comparator from what a builder was called with.

    Parameters
    ----------
    builder : str
        Name of the builder, for the error.
    arguments : tuple
        Names of fields, and a comparator after them unless it is given by name.
    left, right : str or tuple of str, optional
        The fields of each side, where they differ.
    comparator : optional
        The comparator, where it is given by name.

    Returns
    -------
    dict
        Keys of the model to be made.

    Raises
    ------
    SpecError
        If there is no comparator or more than one.
    """
    fields = tuple(one for one in arguments if isinstance(one, str))
    comparators = [one for one in arguments if not isinstance(one, str)]
    if comparator is not None:
        comparators.append(comparator)
    if len(comparators) != 1:
        raise SpecError(
            f"{builder}: found {len(comparators) or 'no'} comparators, "
            'expected one after the names of the fields, as in ("surname", exact())'
        )
    result: dict[str, Any] = {"comparator": comparators[0]}
    if fields:
        result["fields"] = fields
    if left is not None:
        result["left"] = left
    if right is not None:
        result["right"] = right
    return result
