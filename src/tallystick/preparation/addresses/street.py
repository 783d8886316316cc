"""One English line that names a street: its direction, name and type, and perhaps the locality behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tallystick.preparation.addresses.lexicon import Lexicon, fold, lexicon

UNCLEAR = "where the street ends and the locality begins cannot be told"


class Street(NamedTuple):
    """A street, each part empty where there is none."""

    directional: str
    name: str
    type: str
    locality: str


def read_street(
    line: Sequence[str], country: str, *, locality_follows: bool, open_end: bool
) -> Street | None:
    """Tell direction, name and type of a street, and what stands behind them.

    Parameters
    ----------
    line : sequence of str
        Words behind the house number.
    country : {"US", "GB", "AU"}
    locality_follows : bool
        Whether the locality stands in a later segment, so that the whole line is the street.
    open_end : bool
        Whether there has to be a locality somewhere.

    Returns
    -------
    Street or None
        None where more than one reading is left.
    """
    words = lexicon(country)
    keys = [fold(token) for token in line]
    if (numbered := _numbered_road(line, keys, country, words)) is not None:
        return numbered
    if not locality_follows and (named := _streetless(line, keys, words)) is not None:
        return named
    at = _last_type(keys, words) if locality_follows else _first_type(keys, words, open_end=open_end)
    if at is None:
        if locality_follows and len(keys) > 2 and keys[0] in words.types and keys[1] == "of":
            # Avenue of the Americas
            return Street("", " ".join(line[1:]), words.types[keys[0]].full, "")
        if (locality_follows or not open_end) and len(keys) > 0 and not _holds_unclear(keys, words):
            return Street("", " ".join(line), "", "")
        return None
    kind = words.types[keys[at]].full
    first, direction = _leading_directional(keys, at, country, words)
    end, behind = _trailing_directional(keys, at, words)
    if behind == UNCLEAR:
        return None
    name = " ".join(line[first:at])
    if fold(name) == "the":
        # "The Avenue": the type is the name.
        name, kind = f"{name} {line[at]}", ""
    return Street(" ".join(filter(None, (direction, behind))), name, kind, " ".join(line[end:]))


def _numbered_road(line: Sequence[str], keys: Sequence[str], country: str, words: Lexicon) -> Street | None:
    """Roads whose type stands before a number or a letter: County Road 5, N Highway 101, Avenue B."""
    if country == "US" and len(keys) > 2 and (leading := words.directionals.get(keys[0])) is not None:
        road = _numbered_road(line[1:], keys[1:], "", words)
        return road and road._replace(directional=f"{leading} {road.directional}".strip())
    for n in range(min(4, len(keys) - 1), 0, -1):
        full = words.before.get(" ".join(keys[:n]))
        name = keys[n]
        if full is None or not (name[0].isdigit() or len(name) == 1):
            continue
        if full == "avenue" and not (len(name) == 1 and name.isalpha()):
            continue
        if full == "avenue" and country == "" and name in words.directionals:
            continue  # North Ave W is no Avenue W.
        end = n + 1
        direction = ""
        if keys[end : end + 1] and keys[end] in words.directionals:
            direction, end = words.directionals[keys[end]], end + 1
        return Street(direction, line[n], full, " ".join(line[end:]))
    return None


def _streetless(line: Sequence[str], keys: Sequence[str], words: Lexicon) -> Street | None:
    """Streets known without a type (Broadway), what follows being the locality."""
    for n in (2, 1):
        if "streetless" in words.words.get(" ".join(keys[:n]), ()) and not (set(keys[n:]) & set(words.types)):
            return Street("", " ".join(line[:n]), "", " ".join(line[n:]))
    return None


def _last_type(keys: Sequence[str], words: Lexicon) -> int | None:
    """The type where the whole line is the street: the last one, with nothing but a direction behind.

    Where words follow it, they name a part of the town; but the saint of St George is no street.
    """
    for weak in (False, True):
        for i in range(len(keys) - 1, 0, -1):
            kind = words.types.get(keys[i])
            ends = i == len(keys) - 1 or (i == len(keys) - 2 and keys[-1] in words.directionals)
            if kind is not None and (ends or (kind.use == "" and not weak)):
                return i
    return None


def _first_type(keys: Sequence[str], words: Lexicon, *, open_end: bool) -> int | None:
    """The type where the locality may follow in the same line: the first one, of neighbours the last."""
    if not open_end and keys and len(keys) > 1 and keys[-1] in words.types:
        return len(keys) - 1
    usual = [i for i in range(1, len(keys)) if (kind := words.types.get(keys[i])) and kind.use != "weak"]
    runs: list[list[int]] = []
    for i in usual:
        saint = words.types[keys[i]].use == "end" and i < len(keys) - 1
        if runs and runs[-1][-1] == i - 1:
            # Of "Main St St Louis" the second is a saint.
            if not saint:
                runs[-1].append(i)
        else:
            runs.append([i])
    if not runs:
        weak = [i for i in range(1, len(keys)) if keys[i] in words.types]
        return weak[0] if len(weak) == 1 else None
    first = runs[0][-1]
    if len(runs) > 1 and words.types[keys[first]].use == "end":
        # "Old St James Road": what looks like a street may be a saint.
        return None
    return first


def _holds_unclear(keys: Sequence[str], words: Lexicon) -> bool:
    """Whether a form that is a type only at the end stands within."""
    return any(key in words.types and words.types[key].use == "" for key in keys[1:])


def _leading_directional(keys: Sequence[str], at: int, country: str, words: Lexicon) -> tuple[int, str]:
    """Where the name begins, and the direction before it; only the United States writes one there."""
    if country == "US":
        for n in (2, 1):
            direction = words.directionals.get(" ".join(keys[:n]))
            # "North Ave": a direction alone is the name itself.
            if direction is not None and n < at:
                return n, direction
    return 0, ""


def _trailing_directional(keys: Sequence[str], at: int, words: Lexicon) -> tuple[int, str]:
    """Where the street ends, and the direction behind its type; `UNCLEAR` where it may be the locality's."""
    for n in (2, 1):
        key = " ".join(keys[at + 1 : at + 1 + n])
        direction = words.directionals.get(key) if len(keys) >= at + 1 + n else None
        if direction is not None:
            more = len(keys) > at + 1 + n
            # "High Street North Walsham" may be a street in North Walsham; "Main St NW Washington" is clear.
            if more and len(key.replace(" ", "")) > 2:
                return at + 1, UNCLEAR
            return at + 1 + n, direction
    return at + 1, ""
