"""Candidate pairs as plain arrays, for those who want to hold them all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import Kind, plan_blocking
from tallystick.blocking.units import Rectangle
from tallystick.errors import RunError
from tallystick.records.records import Records


def block(
    records: Records,
    passes: Sequence[AnyPass],
    kind: Kind = "link",
    *,
    most: int = 50_000_000,
    seed: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """List the candidate pairs of some passes, each with the first pass that finds it.

    A linkage does not need the list: it goes through the pairs unit by unit.

    Parameters
    ----------
    records : Records
        The records.
    passes : sequence of passes
        `blocking_key`, `all_pairs`, `sorted_neighbourhood`, ...; all but `pair_table`.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    most : int
        Number of pairs beyond which nothing is returned.
    seed : int
        Where random numbers start, for indexes that draw some.

    Returns
    -------
    left, right : int32 arrays, shape (n_pairs,)
        Global row numbers, left < right.
    pass_number : int64 array, shape (n_pairs,)
        The first pass that finds each pair.

    Raises
    ------
    RunError
        Where there may be more than `most` pairs.

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.blocking.passes import blocking_key
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> towns = pl.Series("town", ["york", "leeds", "york"])
    >>> table = Table("a", pl.Series(["1", "2", "3"]), {"town": towns}, sha256="")
    >>> block(encode([table]), [blocking_key("town")], "dedupe")[:2]
    (array([0], dtype=int32), array([2], dtype=int32))
    """
    plan = plan_blocking(records, passes, kind, seed=seed)
    if (n := int(plan.candidate_pairs().sum())) > most:
        raise RunError(f"The passes find {n} pairs, more than {most}: use other passes or raise most.")
    found: list[tuple[NDArray[np.int32], NDArray[np.int32], int]] = []
    for unit in plan.units():
        if isinstance(unit, Rectangle):
            first = unit.first if unit.first is not None else np.zeros(len(unit.left), np.int64)
            wanted = np.arange(len(unit.right))[None, :] >= first[:, None]
            a, b = np.nonzero(wanted)
            left, right = unit.left[a], unit.right[b]
        else:
            left, right = plan.pairs(unit)
        found.append((left, right, unit.pass_number))
    none = np.zeros(0, np.int32)
    return (
        np.concatenate([none, *(part[0] for part in found)]),
        np.concatenate([none, *(part[1] for part in found)]),
        np.concatenate([np.zeros(0, np.int64), *(np.full(len(p[0]), p[2], np.int64) for p in found)]),
    )
