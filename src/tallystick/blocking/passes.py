"""The passes of a linkage: where its candidate pairs come from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SerializationInfo, field_serializer, model_validator

from tallystick._schema import Settings
from tallystick.blocking.filters import AnyFilter
from tallystick.blocking.indexes import Canopy, MinHash, PairCondition, QgramIndex, SortedNeighbourhood
from tallystick.blocking.parts import KeyPart as KeyPart
from tallystick.blocking.parts import KeyParts, fields_of, label_of
from tallystick.preparation.source import mask_password


class BlockingKey(Settings):
    """Records that agree on every part of a key are candidates; a missing part finds nothing.

    Attributes
    ----------
    parts : tuple of KeyPart
        In TOML and Python a part may be the plain name of a field.
    filters : tuple of filters
        Which of the pairs are kept (see `tallystick.blocking.filters`).
    name : str, optional
        Label of the pass; by default made of its parts.
    """

    hints: ClassVar[dict[str, str]] = {"parts": 'a list of fields, such as ["surname", "postcode"]'}

    type: Literal["blocking_key"] = "blocking_key"
    parts: KeyParts = Field(min_length=1)
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or label_of(self.parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the pass reads."""
        return fields_of(self.parts)


class AllPairs(Settings):
    """Every pair is a candidate.

    Attributes
    ----------
    filters : tuple of filters
        Which of the pairs are kept; the pairs are then gone through as those of one large block.
    name : str, optional
        Label of the pass.
    """

    type: Literal["all_pairs"] = "all_pairs"
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None
    fields: ClassVar[tuple[str, ...]] = ()

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or "all pairs"


class PairTable(Settings):
    """The user's own table of candidate pairs: a file, or a query of a database.

    Attributes
    ----------
    path : str, optional
        A CSV or Parquet file with the columns ``id_left`` and ``id_right`` (and ``source_left``
        and ``source_right`` where there are more than two sources).
    uri, query : str, optional
        Instead of a file: a database and a SELECT statement that gives the same columns.
    filters : tuple of filters
        Which of the pairs are kept.
    name : str, optional
        Label of the pass.
    """

    type: Literal["pair_table"] = "pair_table"
    path: str | None = None
    uri: str | None = Field(default=None, repr=False)
    query: str | None = None
    filters: tuple[AnyFilter, ...] = ()
    name: str | None = None
    fields: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _one_place(self) -> PairTable:
        if (self.path is None) == (self.uri is None):
            raise ValueError("a pair_table needs either a path or the uri of a database")
        if (self.uri is None) != (self.query is None):
            raise ValueError("the uri of a pair_table and its query go together: give both or neither")
        return self

    @field_serializer("uri")
    def _uri_without_password(self, uri: str | None, info: SerializationInfo) -> str | None:
        return uri if uri is None or (info.context or {}).get("secrets") else mask_password(uri)

    @property
    def label(self) -> str:
        """Name of the pass, for tables and messages."""
        return self.name or f"pairs of {self.path if self.path is not None else self.query}"


AnyPass = Annotated[
    BlockingKey | AllPairs | PairTable | SortedNeighbourhood | Canopy | QgramIndex | MinHash | PairCondition,
    Field(discriminator="type"),
]


def fields_read(one: AnyPass) -> tuple[str, ...]:
    """Fields that a pass and its filters read, each once.

    Examples
    --------
    >>> from tallystick.blocking.filters import difference
    >>> fields_read(blocking_key("surname", filters=(difference("age", 5),)))
    ('surname', 'age')
    """
    return tuple(dict.fromkeys((*one.fields, *(field for own in one.filters for field in own.fields))))


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


def cologne(field: str) -> KeyPart:
    """Cologne code of a field (Postel 1969), of German names, for a blocking or match key.

    Examples
    --------
    >>> cologne("surname").label
    'cologne(surname)'
    """
    return KeyPart(field=field, transform="cologne")


def double_metaphone(field: str) -> KeyPart:
    """Double Metaphone codes of a field (Philips 2000), for a blocking key: records agree on any one.

    Needs the extra ``preparation``.

    Examples
    --------
    >>> double_metaphone("surname").label
    'double_metaphone(surname)'
    """
    return KeyPart(field=field, transform="double_metaphone")


def daitch_mokotoff(field: str) -> KeyPart:
    """Daitch-Mokotoff codes of a field (Mokotoff 1997), for a blocking key: records agree on any one.

    Examples
    --------
    >>> daitch_mokotoff("surname").label
    'daitch_mokotoff(surname)'
    """
    return KeyPart(field=field, transform="daitch_mokotoff")


def each(field: str, separator: str) -> KeyPart:
    """Every item of a list in a field, for a blocking key: records agree on any one.

    Examples
    --------
    >>> each("aliases", ";").label
    "each(aliases, ';')"
    """
    return KeyPart(field=field, transform="each", separator=separator)


def blocking_key(
    *parts: str | KeyPart, filters: tuple[AnyFilter, ...] = (), name: str | None = None
) -> BlockingKey:
    """Candidates are the pairs that agree on every part.

    Parameters
    ----------
    *parts : str or KeyPart
        Fields, or transformed fields: `first`, `last`, `year`, `soundex`, `metaphone`, `nysiis`,
        `match_rating`, `cologne`, `double_metaphone`, `daitch_mokotoff`, `each`.
    filters : tuple of filters
        Which of the pairs are kept: `difference`, `reachable`.
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
    return BlockingKey(parts=parts, filters=filters, name=name)  # type: ignore[arg-type]


def all_pairs(name: str | None = None, filters: tuple[AnyFilter, ...] = ()) -> AllPairs:
    """Every pair is a candidate: no match is lost to blocking.

    Examples
    --------
    >>> all_pairs().label
    'all pairs'
    """
    return AllPairs(name=name, filters=filters)


def pair_table(
    path: str | None = None,
    name: str | None = None,
    *,
    uri: str | None = None,
    query: str | None = None,
    filters: tuple[AnyFilter, ...] = (),
) -> PairTable:
    """The pairs that a file lists, or a query of a database gives, are candidates.

    Parameters
    ----------
    path : str, optional
        CSV or Parquet file with the columns ``id_left`` and ``id_right``.
    name : str, optional
        Label of the pass.
    uri, query : str, optional
        Instead: a database and a SELECT statement with these columns.
    filters : tuple of filters
        Which of the pairs are kept.

    Returns
    -------
    PairTable

    Examples
    --------
    >>> pair_table("pairs.csv").label
    'pairs of pairs.csv'
    """
    return PairTable(path=path, uri=uri, query=query, filters=filters, name=name)
