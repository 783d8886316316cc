"""What of the fields is compared, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.dates import date_parts
from tallystick.comparisons.equality import exact
from tallystick.comparisons.numbers import absolute_difference, year_proximity
from tallystick.comparisons.overlaps import bigram_dice
from tallystick.comparisons.strings import damerau_levenshtein, jaro_winkler
from tallystick.preparation.roles import words
from tallystick.starter.dates import compare_dates
from tallystick.starter.dependence import without_followers
from tallystick.starter.guess import Field, Guess
from tallystick.starter.overlaps import Dropped, without_overlaps

MOSTLY_MISSING = 0.8
"""Share of missing values from which on a field is not compared."""

SAME = 0.95
"""Share of the commonest value from which on a field is not compared."""

UNIQUE = 0.99
"""Share of values that are in one record only, from which on a code or a long text tells nothing."""

IN_BOTH = 0.01
"""Share of such values that must be in two files to tell something between them."""

APART = 0.005
"""Share of dates of which only some of year, month and day are there, for them to be compared one by one."""

REPEATED = 0.01
"""Share of records equal to another one of their file from which on a file has persons more than once."""

_MANY_WORDS = 3.5
_FREE_TEXT_WORDS = 6
_LONG_CODE = 5
_FEW_NUMBERS = 31


@dataclass(frozen=True)
class Choice:
    """One comparison.

    Attributes
    ----------
    field : Field
    comparator : Comparator
    looks : str
        What to say of it.
    format : str or None
        How its dates are written, where that needs to be declared.
    """

    field: Field
    comparator: Comparator
    looks: str
    format: str | None = None


def choose(found: Guess) -> tuple[list[Choice], list[Dropped]]:
    """Choose what is compared.

    Parameters
    ----------
    found : Guess

    Returns
    -------
    choices : list of Choice
    dropped : list of Dropped
        Fields that are not compared, and why.
    """
    useless = [
        Dropped(field, reason) for field in found.fields if (reason := _why_useless(field, found.frames))
    ]
    unusable = {one.field.names for one in useless}
    kept = without_overlaps([one for one in found.fields if one.names not in unusable], found.frames)
    followers: list[Dropped] = []
    if len(found.frames) > 1 and repeated(kept.fields, found.frames) < REPEATED:
        followers = without_followers(kept.fields, found.frames)
    choices = []
    for field in kept.fields:
        if field in [one.field for one in followers]:
            continue
        if len(field.names) == 3 and _apart(field, found.frames):
            choices += [
                Choice(
                    Field((name,), "date part", field.columns),
                    exact(),
                    "part of a date, at times without the others",
                )
                for name in field.names
            ]
        else:
            choices.append(_choice(field, found.frames, field.names[0] in kept.wholes))
    return choices, [*useless, *kept.dropped, *followers]


def repeated(fields: Sequence[Field], frames: Sequence[pl.DataFrame]) -> float:
    """Share of complete records that are equal to another one of their file, of the file with most.

    Parameters
    ----------
    fields : sequence of Field
        What records are compared by here; fewer than three tell nothing, and give 0.
    frames : sequence of polars.DataFrame
        Values by source.

    Returns
    -------
    float
    """
    names = [name for field in fields for name in field.names]
    if len(names) < 3:
        return 0.0
    complete = [frame.select(names).drop_nulls() for frame in frames]
    return max(1 - rows.n_unique() / rows.height if rows.height else 0.0 for rows in complete)


def _why_useless(field: Field, frames: Sequence[pl.DataFrame]) -> str:
    """Why comparing a field tells nothing, or an empty text."""
    if field.missing >= MOSTLY_MISSING:
        return f"{field.missing:.0%} of its values are missing"
    if len(field.names) == 3:
        return ""
    sides = [frame[field.names[0]].drop_nulls() for frame in frames]
    if any(values.n_unique() == 1 for values in sides):
        return "all its values are the same"
    commonest = [int(values.value_counts()["count"].max()) / len(values) for values in sides]  # type: ignore[arg-type]
    if min(commonest) >= SAME:
        return f"{min(commonest):.0%} of its values are the same"
    free = field.kind == "text" and max(map(_mean_words, sides)) >= _FREE_TEXT_WORDS
    measured = field.kind == "number" and not all(map(_is_whole, sides))
    if not (free or measured or field.kind in ("code", "number")):
        return ""
    if all(values.n_unique() >= UNIQUE * len(values) for values in sides):
        if len(sides) == 1:
            return "nearly every record has a value of its own"
        fewer, more = sorted(sides[:2], key=len)
        if int(fewer.is_in(more.implode()).sum()) < IN_BOTH * len(fewer):
            return "nearly every record has a value of its own, and hardly any is in both files"
    return ""


def _apart(field: Field, frames: Sequence[pl.DataFrame]) -> bool:
    """Whether year, month and day are missing without each other."""
    rows = pl.concat([frame.select(field.names) for frame in frames])
    absent = rows.select(pl.sum_horizontal(pl.all().is_null()).alias("n"))["n"]
    return int(absent.is_between(1, 2).sum()) >= APART * len(rows)


def _choice(field: Field, frames: Sequence[pl.DataFrame], is_whole: bool) -> Choice:
    """How one field is compared."""
    if len(field.names) == 3:
        return Choice(field, date_parts(), "the year, month and day of a date")
    sides = [frame[field.names[0]].drop_nulls() for frame in frames]
    kind = field.kind
    if kind == "date":
        dates = compare_dates(sides)
        return Choice(field, dates.comparator, dates.looks, dates.format)
    if kind == "year":
        return Choice(field, year_proximity(), "a year")
    if kind == "e-mail":
        return Choice(field, damerau_levenshtein(1, 3), "an e-mail address")
    if kind == "number":
        if "age" in words(field.names[0]):
            return Choice(field, absolute_difference(1, 3), "an age, which goes up from file to file")
        # Numbers of houses, telephones and the like; few values are of a scale or a calendar.
        if all(map(_is_whole, sides)) and min(values.n_unique() for values in sides) > _FEW_NUMBERS:
            kind = "code"
        else:
            return Choice(field, exact(), "a number; absolute_difference allows for inexact ones")
    if kind == "code":
        distances = (1, 2) if field.mean_length >= _LONG_CODE - 1 else (1,)
        return Choice(
            field, damerau_levenshtein(*distances), "a code or number: wrong characters are counted"
        )
    if kind in ("name", "text"):
        if field.mean_length < 2:
            return Choice(field, exact(), "a letter")
        full = is_whole and max(map(_mean_words, sides)) >= 2
        if full or min(map(_mean_words, sides)) >= _MANY_WORDS:
            return Choice(
                field,
                bigram_dice(0.9, 0.75, 0.6, 0.45),
                "several words: by neighbouring letters in common, in whatever order the words come",
            )
        return Choice(
            field,
            jaro_winkler(0.92, 0.85, 0.75),
            "a name or a few words" if kind == "name" else "a text; token_set compares word by word",
        )
    return Choice(field, exact(), "a category")


def _mean_words(values: pl.Series) -> float:
    mean = (values.str.count_matches(r"\s+") + 1).mean()
    return float(mean) if isinstance(mean, int | float) else 0.0


def _is_whole(values: pl.Series) -> bool:
    return bool(values.str.contains(r"^\d+$").mean() >= SAME)  # type: ignore[operator]
