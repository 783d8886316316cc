"""Names and their versions that come with the package, by culture."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

Culture = Literal[
    "english", "german", "french", "spanish", "italian", "dutch", "russian", "polish", "scandinavian"
]
NICKNAME_CULTURES: tuple[str, ...] = get_args(Culture)
"""Cultures that have a dictionary: ``preparation/words/nicknames_CULTURE.csv``."""


@cache
def _rows(culture: str) -> tuple[dict[str, str], ...]:
    path = files("tallystick.preparation.words").joinpath(f"nicknames_{culture}.csv")
    return tuple(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def versions_in(culture: str) -> dict[str, list[str]]:
    """Full forms of a culture's forenames with their versions, as they are written there.

    Parameters
    ----------
    culture : str
        One of `NICKNAME_CULTURES`.

    Returns
    -------
    dict of str to list of str

    Examples
    --------
    >>> versions_in("german")["Wolfgang"]
    ['Wolf', 'Wolfi', 'Wolle']
    """
    return _grouped(_rows(culture))


def own_names_in(culture: str) -> frozenset[str]:
    """Versions that are common given names in their own right: somebody is called so from birth.

    Examples
    --------
    >>> {"Kurt", "Kalle"} & own_names_in("german")
    {'Kurt'}
    """
    return frozenset(row["version"] for row in _rows(culture) if row["own"])


def generated_nicknames() -> dict[str, list[str]]:
    """English forenames with those versions that generated persons are given (see `tallystick.datasets`).

    Fewer than there are, so that a longer dictionary leaves the persons of a seed as they were.

    Examples
    --------
    >>> generated_nicknames()["ALICE"]
    ['ALLIE']
    """
    return _grouped(tuple(row for row in _rows("english") if row["generated"]))


def _grouped(rows: tuple[dict[str, str], ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["name"], []).append(row["version"])
    return found
