"""Whether all sources say the same things in the same way, when they are prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from pydantic import Field

from tallystick._schema import Settings
from tallystick.errors import InputError

FEW_CODES = 40
"""A field with at most so many distinct values in every source is taken for one of codes."""
_ONE_LENGTH = 0.99
"""Share of values of one length from which on a field is taken for one of that length."""


class Harmonise(Settings):
    """What has to be alike in all sources.

    Attributes
    ----------
    fields : tuple of str, optional
        Which fields; by default all that are prepared or compared.
    codings : {"error", "ignore"}
        Whether it is an error where a field of few values has values in one source that another never has.
    lengths : {"error", "ignore"}
        Whether it is an error where codes are of one length in a source and of another one elsewhere.
    """

    fields: tuple[str, ...] | None = Field(default=None, min_length=1)
    codings: Literal["error", "ignore"] = "error"
    lengths: Literal["error", "ignore"] = "error"


@dataclass(frozen=True)
class Form:
    """How a source writes a field.

    Attributes
    ----------
    kind : str
        ``integer``, ``number``, ``date``, ``date with gaps`` or ``text``; ``nothing`` where all are missing.
    length : int or None
        Number of characters, where nearly all values have the same and it holds a digit.
    codes : tuple of str or None
        The values, where they are few.
    case : str
        ``upper``, ``lower`` or ``mixed``; empty where no value has a letter.
    """

    kind: str
    length: int | None
    codes: tuple[str, ...] | None
    case: str


def form_of(values: pl.Series) -> Form:
    """How values are written.

    Parameters
    ----------
    values : polars.Series
        Text; null is missing.

    Returns
    -------
    Form

    Examples
    --------
    >>> form_of(pl.Series(["m", "f", "m", None] * 10)).codes
    ('f', 'm')
    >>> form_of(pl.Series(["1980-01-02", "1980"])).kind
    'date with gaps'
    """
    present = values.drop_nulls()
    distinct = present.unique()
    if not len(distinct):
        return Form("nothing", None, None, "")

    def all_match(pattern: str) -> bool:
        return bool(distinct.str.contains(pattern).all())

    lengths = present.str.len_chars()
    common = lengths.mode().sort()[0]
    one_length = int((lengths == common).sum()) >= _ONE_LENGTH * len(present)
    coded = one_length and common > 1 and bool(distinct.str.contains(r"\d").all())
    if all_match(r"^\d{4}-\d{2}-\d{2}$"):
        kind = "date"
    elif all_match(r"^\d{4}(-\d{2}(-\d{2})?)?$") and bool(distinct.str.contains("-").any()):
        kind = "date with gaps"
    elif all_match(r"^-?\d+$"):
        kind = "integer"
    elif all_match(r"^-?\d+(\.\d+)?$"):
        kind = "number"
    else:
        kind = "text"
    few = len(distinct) <= FEW_CODES and len(distinct) * 10 <= max(len(present), 10)
    small, large = bool(distinct.str.contains(r"\p{Ll}").any()), bool(distinct.str.contains(r"\p{Lu}").any())
    case = "mixed" if small and large else "lower" if small else "upper" if large else ""
    return Form(kind, int(common) if coded else None, tuple(distinct.sort()) if few else None, case)


def differences(
    settings: Harmonise, sources: Sequence[str], forms: Sequence[Mapping[str, Form]]
) -> list[str]:
    """What the sources write differently, a sentence a field.

    Parameters
    ----------
    settings : Harmonise
    sources : sequence of str
        Names of the sources.
    forms : sequence of mapping of str to Form
        How each writes its prepared fields.

    Returns
    -------
    list of str
    """
    wanted = settings.fields or tuple(dict.fromkeys(name for own in forms for name in own))
    found: list[str] = []
    for name in wanted:
        without = [source for source, own in zip(sources, forms, strict=True) if name not in own]
        if without:
            found.append(f"field {name!r} is not in {' or '.join(map(repr, without))}")
            continue
        both = {source: own[name] for source, own in zip(sources, forms, strict=True)}
        known = {source: form for source, form in both.items() if form.kind != "nothing"}
        found += [f"field {name!r} {said}" for said in _different(settings, known)]
    return found


def _different(settings: Harmonise, forms: Mapping[str, Form]) -> list[str]:
    said = []
    dates = {"date", "date with gaps"}
    kinds = {source: "date" if form.kind in dates else form.kind for source, form in forms.items()}
    numbers = {"integer", "number"}
    if len({"number" if kind in numbers else kind for kind in kinds.values()}) > 1:
        said.append("is " + _each(kinds))
    lengths = {source: form.length for source, form in forms.items() if form.length is not None}
    if settings.lengths == "error" and len(set(lengths.values())) > 1:
        said.append("has codes of " + _each({s: f"{n} characters" for s, n in lengths.items()}))
    if settings.codings == "error" and all(form.codes is not None for form in forms.values()):
        shared = set.intersection(*(set(form.codes or ()) for form in forms.values())) if forms else set()
        own = {s: tuple(c for c in form.codes or () if c not in shared) for s, form in forms.items()}
        if any(own.values()):
            parts = [f"{', '.join(map(repr, codes[:5]))} only in {s!r}" for s, codes in own.items() if codes]
            said.append("has the codes " + " and ".join(parts))
    cases = {source: form.case for source, form in forms.items() if form.case}
    if {"upper", "lower"} <= set(cases.values()):
        said.append("is in " + _each({s: f"{case} case" for s, case in cases.items()}))
    return said


def _each(what: Mapping[str, str]) -> str:
    return ", ".join(f"{said} in {source!r}" for source, said in what.items())


def check_harmonised(
    settings: Harmonise, sources: Sequence[str], forms: Sequence[Mapping[str, Form]]
) -> None:
    """Raise `InputError` where sources write fields differently, naming all that differs.

    Parameters
    ----------
    settings : Harmonise
    sources : sequence of str
        Names of the sources.
    forms : sequence of mapping of str to Form
        How each writes its prepared fields.
    """
    if len(sources) < 2:
        raise InputError("prepare.harmonise: there is one source, and nothing that it has to be like.")
    if not (settings.fields or any(forms)):
        raise InputError(
            "prepare.harmonise: no field is prepared: say in harmonise.fields which are to be alike."
        )
    if found := differences(settings, sources, forms):
        raise InputError(
            "prepare.harmonise: the sources differ once prepared: " + "; ".join(found) + ". Add steps that "
            "make them alike, or leave what may differ out of harmonise.fields."
        )
