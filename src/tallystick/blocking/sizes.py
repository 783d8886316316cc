"""How much work the passes make: exact numbers of pairs, and the largest blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import BlockingKey
from tallystick.blocking.plan import BlockingPlan
from tallystick.blocking.units import Rectangle, Unit
from tallystick.records.records import Records


@dataclass(frozen=True)
class Block:
    """The records that share the key of a pass.

    Attributes
    ----------
    parts, values : tuple of str
        Each part of the key, and the value that they share.
    records, pairs : int
        How many records share it, and how many pairs they make.
    share, share_of_all : float
        Of the pairs that the pass finds, and of those that all passes find.
    large : int
        Number of blocks of the pass that make more than `LARGE_BLOCK` pairs; 0 where a pass compares
        all pairs, since blocks make no work then.
    """

    parts: tuple[str, ...]
    values: tuple[str, ...]
    records: int
    pairs: int
    share: float
    share_of_all: float
    large: int

    @property
    def key(self) -> str:
        """The key for people: each part with its value."""
        return " and ".join(
            f"{part} = {value!r}" for part, value in zip(self.parts, self.values, strict=True)
        )

    def sentence(self, label: str, show_values: bool = True) -> str:
        """What a person should know of it, and do.

        Parameters
        ----------
        label : str
            Label of the pass.
        show_values : bool
            Name the key, which is of values of records.

        Returns
        -------
        str
        """
        key = f"the key {self.key}" if show_values else f"one key ({', '.join(self.parts)})"
        whole = "" if self.share_of_all == self.share else f" and {self.share_of_all:.1%} of all passes"
        several = (
            f"; the pass has {self.large:,} blocks of more than {LARGE_BLOCK:,}" if self.large > 1 else ""
        )
        return (
            f"Pass {label}: {self.records:,} records share {key}, which alone makes {self.pairs:,} pairs, "
            f"{self.share:.1%} of the pass{whole}{several}: add a part to the key, or empty the value in the "
            "source where it stands for unknown."
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
    keys, found, one = plan.keys[number], plan.key_pairs[number], plan.passes[number]
    if keys is None or found is None or not found.n_pairs or not isinstance(one, BlockingKey):
        return None
    row = int(np.argmax(keys == found.largest_key))
    values = []
    for part in one.parts:
        column = records.columns[part.field]
        value = column.values[0][int(column.codes[row])]
        values.append(transform_values(pl.Series([value]), part)[0])
    return Block(
        parts=tuple(part.label for part in one.parts),
        values=tuple(values),
        records=found.largest_records,
        pairs=found.largest_pairs,
        share=found.largest_pairs / found.n_pairs,
        share_of_all=found.largest_pairs / int(plan.candidate_pairs().sum()),
        large=0 if plan.compares_all else found.n_large,
    )


def large_block_warnings(plan: BlockingPlan, records: Records) -> tuple[str, ...]:
    """A sentence for each pass with a block of more than `LARGE_BLOCK` pairs, which names its key.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    records : Records
        The records.

    Returns
    -------
    tuple of str
    """
    return tuple(
        block.sentence(one.label)
        for one, block in zip(plan.passes, largest_blocks(plan, records), strict=True)
        if block is not None and block.large
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
