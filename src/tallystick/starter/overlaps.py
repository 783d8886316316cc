"""Fields that say the same thing twice: which one to keep, and why not the others.

Comparisons are taken as independent given match or non-match. A full name beside the forename and
the surname in it would count one agreement three times.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from tallystick.preparation.roles import words
from tallystick.starter.guess import Field

SAMPLE_ROWS = 2_000

MOST = 0.7
"""Share of rows from which on one value lies in the other, and the share beyond what chance would give."""

ALIKE = 0.9
"""Share of the rows in which two columns are equal, or of the guesses of one that the other saves."""

COVERED = 0.9
"""Share of rows in which parts have every word of the whole, for the parts to stand for it."""

BADLY_CUT = 0.005
"""Share of rows with a title or a digit in a part of a name, from which on the parts were cut badly."""

_FEWEST_ROWS = 20
_FEW_VALUES = 100
_OFTEN_IN_MAIL = 0.5
_LESS_MISSING = 0.05

_TITLES = frozenset(
    ("baroness", "baronet", "bart", "captain", "capt", "colonel", "countess", "dame", "dr", "duchess", "esq",
     "frau", "herr", "lady", "lord", "madame", "miss", "mister", "mme", "mr", "mrs", "ms", "prof",
     "professor", "rev", "reverend", "sir", "viscount")
)  # fmt: skip
"""Those that are hardly names themselves, as Earl and Major are."""

_EIGHT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")


@dataclass(frozen=True)
class Dropped:
    """A field that is not compared.

    Attributes
    ----------
    field : Field
    reason : str
        Ends a sentence that begins with its name.
    """

    field: Field
    reason: str


@dataclass(frozen=True)
class Kept:
    """What overlaps leave.

    Attributes
    ----------
    fields : tuple of Field
        Fields to compare.
    dropped : tuple of Dropped
        The others.
    wholes : frozenset of str
        Names of fields that are compared in place of the parts in them.
    """

    fields: tuple[Field, ...]
    dropped: tuple[Dropped, ...]
    wholes: frozenset[str]


class _Values:
    """Values of a field in some rows, and the words in them."""

    def __init__(self, field: Field, rows: pl.DataFrame) -> None:
        self.field = field
        parts = [rows[name] for name in field.names]
        self.texts: list[str | None] = [
            None if any(value is None for value in row) else " ".join(map(str, row))
            for row in zip(*parts, strict=True)
        ]

    @cached_property
    def tokens(self) -> list[frozenset[str]]:
        """Words, without zeros in front; of a date of eight digits its parts."""
        return [frozenset() if text is None else _tokens(text, self.field.kind) for text in self.texts]


def without_overlaps(fields: Sequence[Field], frames: Sequence[pl.DataFrame]) -> Kept:
    """Keep one representation of each fact.

    Parameters
    ----------
    fields : sequence of Field
        Fields that could be compared.
    frames : sequence of polars.DataFrame
        Their values by source, as in `Guess.frames`.

    Returns
    -------
    Kept
    """
    rows = pl.concat([_spread(frame, SAMPLE_ROWS // len(frames)) for frame in frames])
    values = {field.names: _Values(field, rows) for field in fields}
    dropped: dict[tuple[str, ...], Dropped] = {}
    wholes: set[str] = set()

    def drop(field: Field, reason: str) -> None:
        dropped[field.names] = Dropped(field, reason)

    def left() -> list[Field]:
        return [field for field in fields if field.names not in dropped]

    for field in fields:
        if field.kind == "e-mail":
            for name in left():
                if name.kind == "name" and (share := _in_mail(values[name.names], values[field.names])):
                    drop(field, f"holds {name.label} in {share:.0%} of the rows")
                    break
    for one in fields:
        for other in fields:
            both = one is not other and one in left() and other in left()
            if both and (share := _age_of(values[one.names], values[other.names])):
                drop(one, f"follows from {other.label} in {share:.0%} of the rows")
    for one in fields:
        for other in left():
            if one in left() and one is not other and (why := _alike(values[one.names], values[other.names])):
                worse, better = (
                    (one, other)
                    if (one.missing, -one.mean_length) > (other.missing, -other.mean_length)
                    else (other, one)
                )
                drop(worse, f"{why} {better.label}")
    for whole in sorted(left(), key=lambda one: -one.mean_length):
        if whole.names in dropped:
            continue
        shares = {
            part.names: share
            for part in left()
            if part is not whole and (share := _contained(values[part.names], values[whole.names]))
        }
        parts = [part for part in left() if part.names in shares]
        leaves = [
            part
            for part in parts
            if not any(_contained(values[one.names], values[part.names]) for one in parts if one is not part)
        ]
        if not parts:
            continue
        problem = _why_not(leaves or parts, whole, values)
        if problem is not None:
            wholes.update(whole.names)
            for part in parts:
                drop(part, f"is in {whole.label} in {shares[part.names]:.0%} of the rows{problem}")
        else:
            drop(
                whole,
                f"holds {' and '.join(part.label for part in leaves)}, which are compared by themselves",
            )
    kept = left()
    return Kept(
        tuple(kept),
        tuple(dropped[field.names] for field in fields if field.names in dropped),
        frozenset(wholes & {name for field in kept for name in field.names}),
    )


def _spread(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Rows from all over a table."""
    return frame.gather_every(max(1, frame.height // max(rows, 1))).head(max(rows, _FEWEST_ROWS))


def _tokens(text: str, kind: str) -> frozenset[str]:
    if kind == "date" and (eight := _EIGHT.match(text)):
        found = list(eight.groups())
    else:
        found = re.findall(r"[^\W_]+", text)
    return frozenset(token.lstrip("0") or "0" for token in found)


def _shared(one: _Values, other: _Values) -> list[int]:
    """Rows in which both have a value; none where they are too few to tell anything."""
    rows = [k for k, (a, b) in enumerate(zip(one.texts, other.texts, strict=True)) if a and b]
    return rows if len(rows) >= _FEWEST_ROWS else []


def _contained(part: _Values, whole: _Values) -> float:
    """Share of rows in which a value lies in another one, or 0 where that is seldom or chance."""
    if part.field.mean_length > whole.field.mean_length and part.field.kind != "date":
        return 0.0
    rows = _shared(part, whole)
    if not rows:
        return 0.0

    def lies_in(row: int, of: int) -> bool:
        small, large = part.texts[row] or "", whole.texts[of] or ""
        tokens = part.tokens[row]
        return (
            (bool(tokens) and tokens <= whole.tokens[of]) or large.startswith(small) or large.endswith(small)
        )

    # Rows far apart, since the records of one person may lie side by side.
    by_chance = sum(lies_in(a, b) for a, b in zip(rows, rows[len(rows) // 3 :] + rows, strict=False))
    found = sum(map(lies_in, rows, rows))
    beyond = (found - by_chance) / max(len(rows) - by_chance, 1)
    return found / len(rows) if min(found / len(rows), beyond) >= MOST else 0.0


def _in_mail(name: _Values, mail: _Values) -> float:
    """Share of rows in which an e-mail address holds a name, or 0 where that is not the rule."""
    rows = _shared(name, mail)
    found = sum(
        len(letters) > 1 and letters in _letters((mail.texts[row] or "").partition("@")[0])
        for row in rows
        if (letters := _letters(name.texts[row] or "")) is not None
    )
    share = found / len(rows) if rows else 0.0
    return share if share >= _OFTEN_IN_MAIL else 0.0


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalpha())


def _age_of(age: _Values, born: _Values) -> float:
    """Share of rows in which an age and a year give the same sum, give or take one; or 0."""
    if age.field.kind != "number" or born.field.kind not in ("date", "year"):
        return 0.0
    sums, ages = [], set()
    for row in _shared(age, born):
        years = _YEAR.findall(" ".join(born.tokens[row]))
        text = age.texts[row] or ""
        if len(years) == 1 and text.isdecimal() and int(text) <= 130:
            sums.append(int(text) + int(years[0]))
            ages.add(text)
    if len(sums) < _FEWEST_ROWS or len(ages) < 5:
        return 0.0
    # Files of different years have their own sums, each with neighbours: birthdays before and after a day.
    common = sum(count for _, count in Counter(sums).most_common(4))
    share = common / len(sums)
    return share if share >= MOST else 0.0


def _alike(one: _Values, other: _Values) -> str:
    """How two columns say the same: by equal values, or other names of the same categories; or empty."""
    rows = _shared(one, other)
    if not rows or len(one.field.names) != len(other.field.names):
        return ""
    pairs = pl.DataFrame({"a": [one.texts[k] for k in rows], "b": [other.texts[k] for k in rows]})
    equal = int((pairs["a"] == pairs["b"]).sum()) / len(rows)
    if equal >= ALIKE:
        return f"in {equal:.0%} of the rows is the same as"
    if one.field.kind in ("date", "year", "number") or other.field.kind in ("date", "year", "number"):
        return ""
    few = all(2 <= pairs[side].n_unique() <= min(_FEW_VALUES, len(rows) // 10) for side in "ab")
    if few and min(_saved(pairs, "a", "b"), _saved(pairs, "b", "a")) >= ALIKE:
        return "in other words says the same as"
    return ""


def _saved(pairs: pl.DataFrame, given: str, guessed: str) -> float:
    """Share of wrong guesses of a column that knowing the other saves (Goodman and Kruskal 1954, lambda)."""
    most = pairs[guessed].value_counts()["count"].max()
    known = pairs.group_by(given, guessed).len().group_by(given).agg(pl.col("len").max())["len"].sum()
    wrong = len(pairs) - int(most)  # type: ignore[arg-type]
    return 1 - (len(pairs) - int(known)) / wrong if wrong else 0.0


def _why_not(leaves: Sequence[Field], whole: Field, values: dict[tuple[str, ...], _Values]) -> str | None:
    """Why parts do not stand for the whole: the end of a sentence; None where they do."""
    if whole.kind == "date":
        fuller = [part for part in leaves if part.missing + _LESS_MISSING < whole.missing]
        return None if any(len(part.names) == 3 for part in fuller) else ""
    if len(leaves) < 2:
        return ", which says more"
    tokens = values[whole.names].tokens
    rows = [row for row, found in enumerate(tokens) if found]
    names = [part.names for part in leaves if part.kind in ("name", "text") and _is_name(part)]
    cut = sum(any(_is_odd(values[name].tokens[row]) for name in names) for row in rows) / len(rows)
    if cut >= BADLY_CUT:
        return f"; the parts look badly cut: {cut:.1%} of the rows have titles or digits in them"
    has_all = sum(
        tokens[row] <= frozenset().union(*(values[part.names].tokens[row] for part in leaves)) for row in rows
    )
    if has_all < COVERED * len(rows):
        return f"; the parts lack words of it in {1 - has_all / len(rows):.0%} of the rows"
    return None


def _is_name(field: Field) -> bool:
    return any(word.endswith("name") for one in field.names for word in words(one))


def _is_odd(tokens: frozenset[str]) -> bool:
    return bool(tokens & _TITLES) or any(letter.isdigit() for token in tokens for letter in token)
