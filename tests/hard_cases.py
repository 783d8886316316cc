"""The hard cases of `tests/cases` run through the steps that a user would write for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tallystick as ts
from tallystick.errors import SpecError
from tallystick.preparation.normalise import normalise_column

FOLDER = Path(__file__).parent / "cases"
NAME_PARTS = ("title", "first", "middle", "last", "suffix", "nickname", "maiden")
ADDRESS_PARTS = (
    "number", "unit", "building", "directional", "street", "street_type", "po_box", "locality", "region",
    "postcode",
)  # fmt: skip
LANGUAGES = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "it": "italian", "nl": "dutch",
    "pt": "portuguese", "sv": "swedish", "no": "norwegian", "nb": "norwegian", "da": "danish",
    "fi": "finnish", "pl": "polish", "ru": "russian", "cs": "czech", "hu": "hungarian", "tr": "turkish",
    "ro": "romanian", "el": "greek", "is": "icelandic",
}  # fmt: skip
"""Languages whose names of months are known, by code; others write months by number."""
LANGUAGES |= {name: name for name in LANGUAGES.values()}


@dataclass(frozen=True)
class Case:
    """One hard case, as its line says."""

    id: str
    kind: str
    settings: dict[str, Any]
    input: Any
    expected: Any
    source: str
    why: str


def read_cases(name: str) -> list[Case]:
    """The cases of one file."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [Case(**json.loads(line)) for line in lines]


def prepared(values: list[str], *steps: dict[str, Any]) -> dict[str, list[str | None]]:
    """A column after some steps, and what they wrote besides."""
    field = ts.PreparedField(field="x", steps=steps)  # type: ignore[arg-type]
    found = ts.prepare_table(pl.DataFrame({"x": values}), ts.Preparation(fields=(field,)))
    return {name: column.to_list() for name, column in found.columns.items()}


def _parts(case: Case, step: str, parts: tuple[str, ...]) -> dict[str, str] | None:
    found = prepared([case.input], {"type": step, "into": {part: part for part in parts}, **case.settings})
    present = {part: values[0] for part, values in found.items() if part in parts and values[0] is not None}
    return present or None  # type: ignore[return-value]


def _value(case: Case, step: str) -> str | None:
    return prepared([case.input], {"type": step, **case.settings})["x"][0]


def _date(case: Case) -> list[str | None]:
    settings = {key: value for key, value in case.settings.items() if key != "language"}
    if "language" in case.settings:
        settings["language"] = LANGUAGES.get(case.settings["language"])
    return prepared(case.input, {"type": "date", **settings})["x"]


def _postcode(case: Case) -> Any:
    if case.settings.get("country") != "GB":
        return _value(case, "postcode")
    into = {"outward": "outward", "inward": "inward"}
    found = prepared([case.input], {"type": "postcode", "into": into, **case.settings})
    return {part: found[part][0] for part in into} if found["x"][0] is not None else None


def _missing(case: Case) -> str | None:
    settings = dict(case.settings)
    if "labels" in settings:
        settings["add"] = settings.pop("labels")
    return prepared([case.input], {"type": "missing", **settings})["x"][0]


def _repair(case: Case) -> str | None:
    """The text; None where it was left as it is, and reported."""
    field = ts.PreparedField(field="x", steps=[{"type": "repair"}])  # type: ignore[list-item]
    found = ts.prepare_table(pl.DataFrame({"x": [case.input]}), ts.Preparation(fields=(field,)))
    reported = bool(found.steps[0].reported)
    value: str | None = found.columns["x"][0]
    return None if reported and value == case.input else value


def _name_pair(case: Case) -> str:
    left, right = (
        pl.concat([pl.Series([None], dtype=pl.String), normalise_column(pl.Series([value]))[0]])
        for value in case.input
    )
    one = ts.comparison("forename", ts.forename(nicknames=ts.NICKNAME_CULTURES))
    measure = one.comparator.prepare((left,), (right,), False)
    level = np.empty(1, np.uint8)
    measure.levels(np.ones(1, np.int32), np.ones(1, np.int32), level)
    found = one.labels[level[0]]
    return {"sound": "variant"}.get(found, found)


RUN: dict[str, Callable[[Case], Any]] = {
    "name": lambda case: _parts(case, "split_name", NAME_PARTS),
    "address": lambda case: _parts(case, "split_address", ADDRESS_PARTS),
    "date": _date,
    "identifier": lambda case: _value(case, "identifier"),
    "phone": lambda case: _value(case, "telephone"),
    "email": lambda case: _value(case, "email"),
    "postcode": _postcode,
    "missing": _missing,
    "fold": lambda case: _value(case, "fold"),
    "repair": _repair,
    "name_pair": _name_pair,
}
"""What a user would have done for each kind of case."""


def in_one_form(value: Any) -> Any:
    """A result as results are compared: case folded, spaces squeezed."""
    if isinstance(value, dict):
        return {key: in_one_form(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [in_one_form(inner) for inner in value]
    return None if value is None else " ".join(str(value).split()).casefold()


def failures(cases: list[Case]) -> Iterator[tuple[Case, Any]]:
    """The cases that are not met, with what was found instead."""
    for case in cases:
        try:
            found = RUN[case.kind](case)
        except SpecError as error:  # what it asks for is not there
            found = str(error)
        if in_one_form(found) != in_one_form(case.expected):
            yield case, found
