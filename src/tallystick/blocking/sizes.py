"""How much work the passes make: exact numbers of pairs, and the largest blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import BlockingKey
from tallystick.blocking.plan import BlockingPlan
from tallystick.blocking.units import Rectangle, Unit
from tallystick.records.records import Records

LARGE_BLOCK = 5_000_000
"""Pairs of one block that are worth a warning."""


@dataclass(frozen=True)
class Block:
    """The records that share a key.

    Attributes
    ----------
    pass_number : int
        The pass.
    key : str
        Its key: each part with its value.
    n_records, n_pairs : int
        How many records share it, and how many pairs they make.
    share : float
        Of the pairs that the pass finds.
    """

    pass_number: int
    key: str
    n_records: int
    n_pairs: int
    share: float

    def sentence(self, label: str) -> str:
        """What a person should know of it."""
        return (
            f"Pass {label}: {self.n_records:,} records share the key {self.key}, which alone makes "
            f"{self.n_pairs:,} pairs, {self.share:.0%} of the pass."
        )


def largest_blocks(plan: BlockingPlan, records: Records) -> tuple[Block | None, ...]:
    """The block of each pass that makes the most pairs; None for a pass without keys or pairs.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    records : Records
        The records.

    Returns
    -------
    tuple of Block or None
    """
    return tuple(_largest(plan, records, number) for number in range(len(plan.passes)))


def _largest(plan: BlockingPlan, records: Records, number: int) -> Block | None:
    keys, one = plan.keys[number], plan.passes[number]
    if keys is None or not isinstance(one, BlockingKey):
        return None
    size = int(keys.max(initial=0)) + 1
    n_pairs = np.zeros(size, np.int64)
    counts = [np.bincount(keys[plan.rows(s)], minlength=size) for s in range(len(plan.offsets) - 1)]
    for s, t in plan.source_pairs:
        n_pairs += counts[s] * (counts[s] - 1) // 2 if s == t else counts[s] * counts[t]
    n_pairs[0] = 0
    if not n_pairs.any():
        return None
    key = int(n_pairs.argmax())
    row = int(np.flatnonzero(keys == key)[0])
    values = []
    for part in one.parts:
        column = records.columns[part.field]
        value = column.values[0][int(column.codes[row])]
        values.append(f"{part.label} = {transform_values(pl.Series([value]), part)[0]!r}")
    return Block(
        number,
        " and ".join(values),
        int(sum(count[key] for count in counts)),
        int(n_pairs[key]),
        float(n_pairs[key] / n_pairs.sum()),
    )


def new_pairs(plan: BlockingPlan, threads: int | None = None) -> NDArray[np.int64]:
    """Pairs that belong to each pass: those that it finds and no earlier one does.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    threads : int, optional
        Number of threads.

    Returns
    -------
    int64 array, shape (n_passes,)
        Exact; blocked pairs are gone through, but not compared.
    """
    found = np.zeros(len(plan.passes), np.int64)

    def work(units: Sequence[Unit]) -> tuple[int, int]:
        n = sum(unit.n_pairs if isinstance(unit, Rectangle) else len(plan.pairs(unit)[0]) for unit in units)
        return units[0].pass_number, n

    for number, n in run_units(work, ([unit] for unit in plan.units()), threads):
        found[number] += n
    return found
