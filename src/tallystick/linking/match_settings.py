"""Settings of deterministic linkage: match keys, strictest first, and what is done with what they find."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, StrictBool, field_validator, model_validator

from tallystick._problems import Problem, report
from tallystick._schema import Settings
from tallystick.blocking.parts import KeyPart, OneTransform, parts_of_names

MOST_PARTS = 12
"""Parts of a key of which only some need agree: the work grows with the number of sets of them."""


MatchTransform = Literal[OneTransform, "nickname"]


class MatchPart(KeyPart):
    """One field of a match key, as it is or transformed.

    Attributes
    ----------
    field : str
        The field.
    transform : str
        As of a blocking key's part, or ``nickname``: versions of one name agree.
    n : int, optional
        Number of characters of ``first`` and ``last``. A shorter value is taken whole.
    """

    transform: MatchTransform = "value"  # type: ignore[assignment]
    separator: ClassVar[None] = None  # type: ignore[misc] # of lists, which have no one text


class MatchKey(Settings):
    """Two records agree on a match key where they agree on its parts.

    Attributes
    ----------
    parts : tuple of MatchPart
        In TOML and Python a part may be the plain name of a field. A missing part agrees with nothing.
    at_least : int, optional
        How many of the parts must agree; by default all. Where the parts are put together, how many of them
        a record must have.
    concatenated : bool
        Compare the text of the parts put together, blanks left out: where one ends and the next begins says
        nothing then.
    name : str, optional
        Label of the key; by default made of its parts.

    Examples
    --------
    >>> MatchKey(parts=["forename", "surname", "born"], at_least=2).label
    '2 of forename, surname, born'
    """

    hints: ClassVar[dict[str, str]] = {
        "parts": 'a list of fields, such as ["forename", "surname", "date_of_birth"]'
    }

    parts: tuple[MatchPart, ...] = Field(min_length=1)
    at_least: int | None = Field(default=None, ge=1)
    concatenated: StrictBool = False
    name: str | None = None

    @field_validator("parts", mode="before")
    @classmethod
    def _plain_names(cls, parts: Any) -> Any:
        parts = parts_of_names(parts)
        if isinstance(parts, (list, tuple)):  # those of blocking keys serve, too
            return [
                part.model_dump(exclude_none=True) if isinstance(part, KeyPart) else part for part in parts
            ]
        return parts

    @field_validator("parts")
    @classmethod
    def _each_once(cls, parts: tuple[MatchPart, ...]) -> tuple[MatchPart, ...]:
        for number, part in enumerate(parts):
            if part in parts[:number]:
                raise ValueError(f"found {part.label!r} twice, expected each part once")
        return parts

    @model_validator(mode="after")
    def _parts_suffice(self) -> MatchKey:
        n = len(self.parts)
        if self.at_least is not None and self.at_least > n:
            raise ValueError(
                f"found at_least = {self.at_least} of {n} part{'s' * (n > 1)}, expected a number up to {n}"
            )
        if self.least < n > MOST_PARTS and not self.concatenated:
            raise ValueError(
                f"found {n} parts of which {self.least} must agree, expected at most {MOST_PARTS} parts; "
                "leave some out, or divide them among several keys"
            )
        for part in self.parts:
            if self.concatenated and part.transform == "nickname":
                raise ValueError(
                    f"found {part.label!r} with concatenated = true, expected parts that have one text each; "
                    "give the nickname a key of its own"
                )
        return self

    @property
    def least(self) -> int:
        """How many parts must agree, or be there where they are put together."""
        return len(self.parts) if self.at_least is None else self.at_least

    @property
    def label(self) -> str:
        """Name of the key, for tables and messages."""
        if self.name:
            return self.name
        labels = [part.label for part in self.parts]
        if self.concatenated:
            some = f" ({self.least} there)" if self.least < len(labels) else ""
            return "".join(["text of ", " + ".join(labels), some])
        return f"{self.least} of {', '.join(labels)}" if self.least < len(labels) else " + ".join(labels)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the key reads."""
        return tuple(dict.fromkeys(part.field for part in self.parts))


class Match(Settings):
    """Deterministic linkage: records are linked where they agree on a match key.

    Attributes
    ----------
    keys : tuple of MatchKey
        In the order in which they are tried, the strictest first.
    links : {"one_to_one", "many_to_many"}, optional
        Whether only links that are unique on both sides are accepted, or every pair that agrees on a key. By
        default ``one_to_one`` between files and ``many_to_many`` within one.
    nicknames : str, optional
        For parts with the transform ``nickname``: a culture that has a dictionary (``english``, by default,
        or ``german``, ``french``, ``spanish``, ``italian``, ``dutch``, ``russian``, ``polish``,
        ``scandinavian``), or a CSV or Parquet file with the columns ``name`` and ``version``.
    sample : int
        How many links are drawn for checking by hand.

    Examples
    --------
    >>> match = Match(keys=[match_key("forename", "surname", "born"), match_key("email")])
    >>> match.fields
    ('forename', 'surname', 'born', 'email')
    """

    hints: ClassVar[dict[str, str]] = {
        "keys": 'at least one [[match.keys]], such as parts = ["forename", "surname", "date_of_birth"]'
    }

    keys: tuple[MatchKey, ...] = Field(min_length=1)
    links: Literal["one_to_one", "many_to_many"] | None = None
    nicknames: str | None = None
    sample: int = Field(default=200, ge=0)

    @field_validator("keys")
    @classmethod
    def _each_once(cls, keys: tuple[MatchKey, ...]) -> tuple[MatchKey, ...]:
        problems = []
        for number, key in enumerate(keys):
            for before, other in enumerate(keys[:number]):
                if _content(key) == _content(other):
                    text = f'found the same key as keys[{before}] ("{other.label}"), expected each key once'
                elif key.label == other.label:
                    text = f'found "{key.label}", which names keys[{before}] too; expected another name'
                else:
                    continue
                problems.append(Problem((number,), text))
                break
        if problems:
            report(problems, cls.__name__)
        return keys

    @model_validator(mode="after")
    def _nicknames_are_used(self) -> Match:
        used = any(part.transform == "nickname" for key in self.keys for part in key.parts)
        if self.nicknames is not None and not used:
            raise ValueError(
                'found nicknames, but no part with transform = "nickname"; expected such a part, or no file'
            )
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the keys read, each once."""
        return tuple(dict.fromkeys(field for key in self.keys for field in key.fields))

    def links_of(self, kind: str) -> Literal["one_to_one", "many_to_many"]:
        """Whether links are unique on both sides in a linkage of some kind (see `Spec.kind_of`)."""
        return self.links or ("one_to_one" if kind == "link" else "many_to_many")


def _content(key: MatchKey) -> tuple[object, ...]:
    """What a key asks for, whatever its name; the order of parts counts only where they are put together."""
    return (key.parts if key.concatenated else frozenset(key.parts), key.least)


def nickname(field: str) -> MatchPart:
    """A forename or a version of it, for a match key: "bob" agrees with "robert", "rob" and "bobby".

    Examples
    --------
    >>> nickname("forename").label
    'nickname(forename)'
    """
    return MatchPart(field=field, transform="nickname")


def match_key(
    *parts: str | KeyPart, at_least: int | None = None, concatenated: bool = False, name: str | None = None
) -> MatchKey:
    """A key on which two records must agree to be linked.

    Parameters
    ----------
    *parts : str or KeyPart
        Fields, or transformed fields: `first`, `last`, `year`, `soundex`, `metaphone`, `nysiis`,
        `match_rating`, `cologne`, `nickname`.
    at_least : int, optional
        How many of them must agree; by default all.
    concatenated : bool
        Compare their text put together.
    name : str, optional
        Label of the key.

    Returns
    -------
    MatchKey

    Examples
    --------
    >>> match_key("forename", "surname", concatenated=True).label
    'text of forename + surname'
    """
    return MatchKey(parts=parts, at_least=at_least, concatenated=concatenated, name=name)  # type: ignore[arg-type]
