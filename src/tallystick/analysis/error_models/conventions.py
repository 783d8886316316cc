"""Two meanings of a rate of linkage errors that the literature has, and how they go into each other.

Here, as in Chambers (2009), q is the chance that a link is right. Others say that with chance alpha a link
is drawn anew among all records of the block, the right one included (Slawski and others 2021; Vo and others
2024). Then a = 1 - alpha, and the link is right with chance a + (1 - a) / n.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import InputError

Floats = NDArray[np.float64]


def correct_from_reshuffled(kept: Any, n: Any) -> Floats:
    """The chance that a link is right where it is kept with a given chance and else drawn anew.

    Parameters
    ----------
    kept : float or array
        a = 1 - alpha, chance that a link is not drawn anew.
    n : int or array
        Records of the block.

    Returns
    -------
    float64 array
        q = a + (1 - a) / n.

    Examples
    --------
    >>> round(float(correct_from_reshuffled(0.8, 5)), 12)
    0.84
    """
    a, size = _checked(kept, n)
    return np.asarray(a + (1 - a) / size)


def reshuffled_from_correct(q: Any, n: Any) -> Floats:
    """The chance that a link is kept where it is right with a given chance.

    Parameters
    ----------
    q : float or array
        Chance that a link is right.
    n : int or array
        Records of the block, at least 2.

    Returns
    -------
    float64 array
        a = (n q - 1) / (n - 1); below 0 where links are worse than random.

    Raises
    ------
    InputError
        For a block of one record, whose link cannot be drawn anew.

    Examples
    --------
    >>> round(float(reshuffled_from_correct(0.84, 5)), 12)
    0.8
    """
    share, size = _checked(q, n)
    if (size < 2).any():
        raise InputError("n: a block of one record has no other to be mistaken for: there q is 1.")
    return np.asarray((size * share - 1) / (size - 1))


def _checked(share: Any, n: Any) -> tuple[Floats, Floats]:
    value, size = np.asarray(share, np.float64), np.asarray(n, np.float64)
    if not ((value >= 0) & (value <= 1)).all():
        raise InputError("q: give shares from 0 to 1.")
    if not (size >= 1).all():
        raise InputError("n: a block has one record at least.")
    return value, size
