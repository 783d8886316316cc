"""Two texts split into pieces that agree or differ, character by character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

_LONGEST = 200
"""Texts with more characters than this are compared word by word."""
_MOST_CELLS = 250_000
"""Texts that would need more cells of the alignment than this differ as a whole between what they share."""
_LEAST_AGREEING = 0.4
"""Texts of which a smaller share of the characters agrees differ as a whole: chance helps nobody."""
_EDIT = 1_000
"""Cost of an edit; a run of edits costs 1, so that of equally short ways one with fewest runs is taken."""


class Piece(NamedTuple):
    """A part of a text.

    Attributes
    ----------
    text : str
        The part; empty where the other text has something that this one lacks.
    differs : bool
        Whether the other text has something else here.
    """

    text: str
    differs: bool


@dataclass(frozen=True)
class Differences:
    """Two texts in pieces.

    Attributes
    ----------
    left, right : tuple of Piece
        The pieces of each text, which joined give it; none of a missing text.
    """

    left: tuple[Piece, ...]
    right: tuple[Piece, ...]

    @property
    def differ(self) -> bool:
        """Whether any piece differs."""
        return any(piece.differs for piece in (*self.left, *self.right))


def differences(left: str | None, right: str | None) -> Differences:
    """Split two texts into pieces that agree or differ.

    The pieces are those of an alignment with the fewest edits, an edit being a character that is inserted,
    left out or replaced, or two neighbours that are swapped (the errors of Damerau 1964, [1]_); of several
    such alignments one with the fewest runs of edits. Characters stay together with the combining marks after
    them. Texts of more than 200 characters are aligned word by word. Where fewer than 40 % of the
    characters of the longer text agree, the texts differ as a whole. A missing text differs from nothing.

    Parameters
    ----------
    left, right : str or None
        The texts; None where missing.

    Returns
    -------
    Differences

    References
    ----------
    .. [1] Damerau, F. J. (1964). A technique for computer detection and correction of spelling errors.
       Communications of the ACM 7, 171-176.

    Examples
    --------
    >>> differences("smith", "smyth").left
    (Piece(text='sm', differs=False), Piece(text='i', differs=True), Piece(text='th', differs=False))
    >>> differences("1984-05-12", "1984-05-21").right
    (Piece(text='1984-05-', differs=False), Piece(text='21', differs=True))
    >>> differences("ann", "anna").left
    (Piece(text='ann', differs=False), Piece(text='', differs=True))
    """
    if left is None or right is None:
        return Differences(_whole(left, False), _whole(right, False))
    if left == right:
        return Differences(_whole(left, False), _whole(right, False))
    if left > right:  # so that neither side decides between alignments that are equally good
        swapped = _aligned(right, left)
        return Differences(swapped.right, swapped.left)
    return _aligned(left, right)


def characters(text: str) -> tuple[str, ...]:
    """Characters of a text, each with the combining marks that follow it.

    Examples
    --------
    >>> import unicodedata
    >>> len(characters(unicodedata.normalize("NFD", "éa")))
    2
    """
    result: list[str] = []
    for one in text:
        if result and (unicodedata.combining(one) or unicodedata.category(one) in ("Mn", "Me", "Cf")):
            result[-1] += one
        else:
            result.append(one)
    return tuple(result)


def _whole(text: str | None, differs: bool) -> tuple[Piece, ...]:
    return (Piece(text, differs),) if text or (differs and text is not None) else ()


@lru_cache(maxsize=4096)
def _aligned(left: str, right: str) -> Differences:
    a, b = characters(left), characters(right)
    if max(len(a), len(b)) > _LONGEST:
        a, b = tuple(re.findall(r"\s+|\S+", left)), tuple(re.findall(r"\s+|\S+", right))
    start = _shared(a, b)
    end = _shared(a[start:][::-1], b[start:][::-1])
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    if len(middle_a) * len(middle_b) > _MOST_CELLS:
        way = [(middle_a, middle_b, True)]
    else:
        way = _way(middle_a, middle_b)
    steps = [(a[:start], b[:start], False), *way, (a[len(a) - end :], b[len(b) - end :], False)]
    agreeing = sum(len("".join(one)) for one, _, differs in steps if not differs)
    if agreeing < _LEAST_AGREEING * max(len(left), len(right)):
        return Differences(_whole(left, True), _whole(right, True))
    return Differences(
        _pieces([(one, differs) for one, _, differs in steps]),
        _pieces([(other, differs) for _, other, differs in steps]),
    )


def _shared(a: Sequence[str], b: Sequence[str]) -> int:
    """How many characters two texts share from the start."""
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _pieces(steps: Sequence[tuple[tuple[str, ...], bool]]) -> tuple[Piece, ...]:
    """Neighbouring steps that agree, or that differ, as one piece."""
    result: list[Piece] = []
    for part, differs in steps:
        text = "".join(part)
        if result and result[-1].differs == differs:
            result[-1] = Piece(result[-1].text + text, differs)
        elif text or differs:
            result.append(Piece(text, differs))
    return tuple(result)


def _way(a: tuple[str, ...], b: tuple[str, ...]) -> list[tuple[tuple[str, ...], tuple[str, ...], bool]]:
    """The steps of the cheapest alignment: what of either text, and whether it differs."""
    far = _EDIT * (len(a) + len(b) + 1)
    # cost[differs][i][j]: the first i and j characters aligned, the last step one that differs or not.
    cost = [[[far] * (len(b) + 1) for _ in range(len(a) + 1)] for _ in range(2)]
    back: list[list[list[tuple[int, int, int]]]] = [
        [[(0, 0, 0)] * (len(b) + 1) for _ in range(len(a) + 1)] for _ in range(2)
    ]
    cost[0][0][0] = 0
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i and j and a[i - 1] == b[j - 1]:
                best = 0 if cost[0][i - 1][j - 1] <= cost[1][i - 1][j - 1] else 1
                cost[0][i][j] = cost[best][i - 1][j - 1]
                back[0][i][j] = (best, 1, 1)
            for da, db in ((1, 1), (1, 0), (0, 1), (2, 2)):
                if i < da or j < db:
                    continue
                if da == 2 and (a[i - 2] != b[j - 1] or a[i - 1] != b[j - 2]):
                    continue
                for before in (1, 0):
                    total = cost[before][i - da][j - db] + _EDIT + (before == 0)
                    if total < cost[1][i][j]:
                        cost[1][i][j] = total
                        back[1][i][j] = (before, da, db)
    steps = []
    i, j = len(a), len(b)
    state = 0 if cost[0][i][j] <= cost[1][i][j] else 1
    while i or j:
        before, da, db = back[state][i][j]
        steps.append((a[i - da : i], b[j - db : j], state == 1))
        state, i, j = before, i - da, j - db
    return steps[::-1]
