"""The passes of a linkage: where its candidate pairs come from."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from tallystick._schema import Settings

Transform = Literal["value", "first", "last", "year", "soundex", "metaphone", "nysiis", "match_rating"]


class KeyPart(Settings):
    """One field of a blocking key, as it is or transformed.

    Attributes
    ----------
    field : str
        The field.
    transform : str
        ``value`` (as it is), ``first`` or ``last`` (`n` characters), ``year`` (the first four
        characters of an ISO date) or a phonetic code (``soundex``, ``metaphone``, ``nysiis``,
        ``match_rating``).
    n : int, optional
        Number of characters of ``first`` and ``last``. A shorter value is taken whole.
    """

    field: str
    transform: Transform = "value"
    n: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _needs_n(self) -> KeyPart:
        if (self.transform in ("first", "last")) != (self.n is not None):
            raise ValueError(
                f"transform {self.transform!r} of field {self.field!r} "
                + ("needs n, the number of characters" if self.n is None else "takes no n")
            )
        return self

    @property
    def label(self) -> str:
        """Text for people: ``soundex(surname)``, ``first(forename, 4)``."""
        if self.transform == "value":
            return self.field
        return f"{self.transform}({self.field}" + (f", {self.n})" if self.n else ")")


def parts_of_names(parts: Any) -> Any:
    """Parts of a key with plain names of fields written out; anything else as it is."""
    if isinstance(parts, str):
        parts = [parts]
    if isinstance(parts, (list, tuple)):
        return [{"field": part} if isinstance(part, str) else part for part in parts]
    return parts


class BlockingKey(Settings):
    """Records that agree on every part of a key are candidates; a missing part finds nothing.

    Attributes
    ----------
    parts : tuple of KeyPart
        In TOML and Python a part may be the plain name of a field.
    name : str, optional
        Label of the pass; by default made of its parts.
    """

    type: Literal["blocking_key"] = "blocking_key"
    parts: tuple[KeyPart, ...] = Field(min_length=1)
    name: str | None = None

    @field_validator("parts", mode="before")
    @classmethod
    def _plain_names(cls, parts: Any) -> Any:
        return parts_of_names(parts)

    @field_validator("parts")
    @classmethod
    def _each_is_a_key(cls, parts: tuple[KeyPart, ...]) -> tuple[KeyPart, ...]:
        for part in parts:
            if part.transform not in get_args(Transform):
                raise ValueError(
                    f"found {part.label!r}, which only match keys take: a name may be a version of several, "
                    "so that it has no code to block on"
                )
        return parts

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or " + ".join(part.label for part in self.parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the pass reads."""
        return tuple(dict.fromkeys(part.field for part in self.parts))


class AllPairs(Settings):
    """Every pair is a candidate.

    Attributes
    ----------
    name : str, optional
        Label of the pass.
    """

    type: Literal["all_pairs"] = "all_pairs"
    name: str | None = None
    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or "all pairs"


class PairTable(Settings):
    """The user's own table of candidate pairs.

    Attributes
    ----------
    path : str
        A CSV or Parquet file with the columns ``id_left`` and ``id_right`` (and ``source_left``
        and ``source_right`` where there are more than two sources).
    name : str, optional
        Label of the pass.
    """

    type: Literal["pair_table"] = "pair_table"
    path: str
    name: str | None = None
    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or f"pairs of {self.path}"


AnyPass = Annotated[BlockingKey | AllPairs | PairTable, Field(discriminator="type")]


def first(field: str, n: int) -> KeyPart:
    """First `n` characters of a field, for a blocking key.

    Examples
    --------
    >>> first("surname", 4).label
    'first(surname, 4)'
    """
    return KeyPart(field=field, transform="first", n=n)


def last(field: str, n: int) -> KeyPart:
    """Last `n` characters of a field, for a blocking key.

    Examples
    --------
    >>> last("phone", 6).label
    'last(phone, 6)'
    """
    return KeyPart(field=field, transform="last", n=n)


def year(field: str) -> KeyPart:
    """Year of a date (``1985-03-07`` gives ``1985``), for a blocking key.

    Examples
    --------
    >>> year("date_of_birth").label
    'year(date_of_birth)'
    """
    return KeyPart(field=field, transform="year")


def soundex(field: str) -> KeyPart:
    """American Soundex code of a field, for a blocking key.

    Examples
    --------
    >>> soundex("surname").label
    'soundex(surname)'
    """
    return KeyPart(field=field, transform="soundex")


def metaphone(field: str) -> KeyPart:
    """Metaphone code of a field (Philips 1990), for a blocking or match key.

    Examples
    --------
    >>> metaphone("surname").label
    'metaphone(surname)'
    """
    return KeyPart(field=field, transform="metaphone")


def nysiis(field: str) -> KeyPart:
    """NYSIIS code of a field (Taft 1970), for a blocking or match key.

    Examples
    --------
    >>> nysiis("surname").label
    'nysiis(surname)'
    """
    return KeyPart(field=field, transform="nysiis")


def match_rating(field: str) -> KeyPart:
    """Match rating code of a field (Moore and others 1977), for a blocking or match key.

    Examples
    --------
    >>> match_rating("surname").label
    'match_rating(surname)'
    """
    return KeyPart(field=field, transform="match_rating")


def blocking_key(*parts: str | KeyPart, name: str | None = None) -> BlockingKey:
    """Candidates are the pairs that agree on every part.

    Parameters
    ----------
    *parts : str or KeyPart
        Fields, or transformed fields: `first`, `last`, `year`, `soundex`, `metaphone`, `nysiis`,
        `match_rating`.
    name : str, optional
        Label of the pass.

    Returns
    -------
    BlockingKey

    Examples
    --------
    >>> blocking_key(soundex("surname"), year("date_of_birth")).label
    'soundex(surname) + year(date_of_birth)'
    """
    return BlockingKey(parts=parts, name=name)  # type: ignore[arg-type]


def all_pairs(name: str | None = None) -> AllPairs:
    """Every pair is a candidate: no match is lost to blocking.

    Examples
    --------
    >>> all_pairs().label
    'all pairs'
    """
    return AllPairs(name=name)


def pair_table(path: str, name: str | None = None) -> PairTable:
    """The pairs that a CSV or Parquet file lists are candidates.

    Parameters
    ----------
    path : str
        File with the columns ``id_left`` and ``id_right``.
    name : str, optional
        Label of the pass.

    Returns
    -------
    PairTable

    Examples
    --------
    >>> pair_table("pairs.csv").label
    'pairs of pairs.csv'
    """
    return PairTable(path=path, name=name)
