"""Invented families seen twice, with the cases that a linkage without households gets wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import polars as pl

_FORENAMES = [
    a + b
    for a in ("An", "Be", "Ca", "Do", "El", "Fi", "Ge", "Hu", "Io", "Ju", "Ka", "Le")
    for b in ("na", "rtus", "lia", "min", "sso", "vid", "ra")
]
_SURNAMES = [
    a + b
    for a in ("Al", "Bor", "Cra", "Den", "Ers", "Fos", "Gro", "Hal", "Jen", "Kol")
    for b in ("berg", "ton", "sen", "vik", "mann", "ley")
]
_STREETS = [
    f"{name} {kind}"
    for name in ("Mill", "Church", "High", "Station", "Park", "River", "Oak")
    for kind in ("Road", "Lane", "Street")
]


@dataclass
class Families:
    """Two files with their truth.

    Attributes
    ----------
    left, right : list of dict
        Records, with ``person`` and ``home`` as truth.
    case : dict of str to str
        What is remarkable of a person.
    """

    left: list[dict[str, Any]] = field(default_factory=list)
    right: list[dict[str, Any]] = field(default_factory=list)
    case: dict[str, str] = field(default_factory=dict)

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Both files as tables."""
        return tuple(
            pl.DataFrame(rows).with_columns(pl.Series("id", [f"{side}{k}" for k in range(len(rows))]))
            for side, rows in (("l", self.left), ("r", self.right))
        )  # type: ignore[return-value]


def families(n: int, seed: int = 1) -> Families:
    """Generate families of two parents and up to three children, alike in both files but for errors.

    Of thirty families one has twins of one sex, of whom the earlier file has one and the later the other; one
    has moved; of one a child has moved out; two have twins who are in both files, two a father and a son
    with one name.
    """
    draw, found = random.Random(seed), Families()
    for number in range(n):
        _family(draw, number, found)
    draw.shuffle(found.left)
    draw.shuffle(found.right)
    return found


def _home(draw: random.Random) -> dict[str, str]:
    return {"street": draw.choice(_STREETS), "number": str(draw.randint(1, 160))}


def _born(draw: random.Random, first: int, last: int) -> str:
    return f"{draw.randint(first, last)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"


def _family(draw: random.Random, number: int, found: Families) -> None:
    kinds = ("one twin each", "moved", "moved out", "twins", "namesakes", "twins", "namesakes")
    kind = kinds[number % 30] if number % 30 < len(kinds) else "plain"
    surname, home = draw.choice(_SURNAMES), _home(draw)
    names = draw.sample(_FORENAMES, 5)
    born = [_born(draw, 1955, 1975), _born(draw, 1955, 1975), *(_born(draw, 1985, 2005) for _ in range(3))]
    sexes = ["m", "f", *(draw.choice("mf") for _ in range(3))]
    if "twin" in kind:
        born[3], sexes[3] = born[2], sexes[2]
    if kind == "namesakes":
        names[2], sexes[2] = names[0], sexes[0]
    there = range(2, 3 + draw.randint(1, 2)) if kind != "plain" else range(2, 2 + draw.randint(0, 3))
    later = _home(draw) if kind == "moved" else home
    for k in (0, 1, *there):
        person = f"{number}-{k}"
        found.case[person] = kind if k > 1 or kind == "moved" or (kind == "namesakes" and k == 0) else "plain"
        own = {"forename": names[k], "surname": surname, "born": born[k], "sex": sexes[k]}
        if not (kind == "one twin each" and k == 3):
            found.left.append(_noisy(draw, {**own, **home}) | {"person": person, "home": str(number)})
        if kind == "one twin each" and k == 2:
            continue
        out = kind == "moved out" and k == 2
        lives = _home(draw) if out else later
        found.right.append(
            _noisy(draw, {**own, **lives}) | {"person": person, "home": f"{number}{'-out' * out}"}
        )


def _noisy(draw: random.Random, record: dict[str, str]) -> dict[str, str | None]:
    """The record with typing errors and gaps."""
    result: dict[str, str | None] = dict(record)
    for name, rate in (
        ("forename", 0.12),
        ("surname", 0.08),
        ("born", 0.06),
        ("street", 0.02),
        ("number", 0.01),
    ):
        value = record[name]
        if draw.random() < rate:
            at = (
                draw.randrange(len(value) - (name == "born") * 2)
                if name != "born"
                else draw.choice((3, 6, 9))
            )
            new = draw.choice("0123456789" if name in ("born", "number") else "aeimnorst")
            result[name] = value[:at] + new + value[at + 1 :]
        elif draw.random() < 0.02:
            result[name] = None
    return result
