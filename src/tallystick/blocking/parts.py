"""Parts of blocking keys and sort keys: a field of a record, as it is or transformed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tallystick._schema import Settings
from tallystick.preparation.phonetic.codes import OneCode, SeveralCodes

OneTransform = Literal["value", "first", "last", "year", OneCode]
"""What gives one text of a value."""
SeveralTransform = Literal["each", SeveralCodes]
"""What may give several, of which two records have to share one."""
Transform = Literal[OneTransform, SeveralTransform]


class KeyPart(Settings):
    """One field of a blocking key, as it is or transformed.

    Attributes
    ----------
    field : str
        The field.
    transform : str
        ``value`` (as it is), ``first`` or ``last`` (`n` characters), ``year`` (the first four characters of
        an ISO date), a phonetic code (``soundex``, ``metaphone``, ``nysiis``, ``match_rating``, ``cologne``),
        or what may give several texts, of which two records have to share one: ``each`` (every item of a
        list), ``double_metaphone``, ``daitch_mokotoff``.
    n : int, optional
        Number of characters of ``first`` and ``last``. A shorter value is taken whole.
    separator : str, optional
        What stands between the items of ``each``.
    """

    field: str
    transform: Transform = "value"
    n: int | None = Field(default=None, ge=1)
    separator: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _needs_n(self) -> KeyPart:
        if (self.transform in ("first", "last")) != (self.n is not None):
            raise ValueError(
                f"transform {self.transform!r} of field {self.field!r} "
                + ("needs n, the number of characters" if self.n is None else "takes no n")
            )
        if (self.transform == "each") != (self.separator is not None):
            raise ValueError(
                f"transform {self.transform!r} of field {self.field!r} "
                + (
                    "needs a separator, the text between items"
                    if self.separator is None
                    else "takes no separator"
                )
            )
        return self

    @property
    def several(self) -> bool:
        """Whether a record may have several texts, so that it has no one key."""
        return self.transform in get_args(SeveralTransform)

    @property
    def fields(self) -> tuple[str, ...]:
        """The field alone."""
        return (self.field,)

    @property
    def label(self) -> str:
        """Text for people: ``soundex(surname)``, ``first(forename, 4)``."""
        if self.transform == "value":
            return self.field
        more = "" if self.separator is None else f", {self.separator!r}"
        return f"{self.transform}({self.field}" + (f", {self.n})" if self.n else f"{more})")


def parts_of_names(parts: Any) -> Any:
    """Parts of a key with plain names of fields written out; anything else as it is."""
    if isinstance(parts, (str, KeyPart)):
        parts = [parts]
    if isinstance(parts, (list, tuple)):
        return [{"field": part} if isinstance(part, str) else part for part in parts]
    return parts


def _each_is_a_key(parts: tuple[KeyPart, ...]) -> tuple[KeyPart, ...]:
    for part in parts:
        if part.transform not in get_args(Transform):
            raise ValueError(
                f"found {part.label!r}, which only match keys take: a name may be a version of several, "
                "so that it has no code to block on"
            )
    return parts


KeyParts = Annotated[tuple[KeyPart, ...], BeforeValidator(parts_of_names), AfterValidator(_each_is_a_key)]
"""Parts, of which one may be the plain name of a field."""


def _lists_of_parts(keys: Any) -> Any:
    if isinstance(keys, (str, KeyPart)):
        return [keys]
    return keys


SortKeys = Annotated[
    tuple[Annotated[KeyParts, Field(min_length=1)], ...],
    BeforeValidator(_lists_of_parts),
    Field(min_length=1),
]
"""Several keys, of which one of a single part may be the part alone."""


def fields_of(parts: tuple[KeyPart, ...]) -> tuple[str, ...]:
    """Fields that some parts read, each once.

    Examples
    --------
    >>> fields_of((KeyPart(field="a"), KeyPart(field="a", transform="soundex")))
    ('a',)
    """
    return tuple(dict.fromkeys(part.field for part in parts))


def label_of(parts: tuple[KeyPart, ...]) -> str:
    """Some parts for people.

    Examples
    --------
    >>> label_of((KeyPart(field="a"), KeyPart(field="b", transform="year")))
    'a + year(b)'
    """
    return " + ".join(part.label for part in parts)
