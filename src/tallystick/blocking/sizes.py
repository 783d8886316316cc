"""How much work the passes make: exact numbers of pairs, and the largest blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.index_blocks import IndexBlock, index_blocks
from tallystick.blocking.indexes import SortedNeighbourhood, TextIndex
from tallystick.blocking.key_pairs import LARGE_BLOCK, pairs_by_key
from tallystick.blocking.keys import transform_values
from tallystick.blocking.parts import KeyPart
from tallystick.blocking.passes import AllPairs, BlockingKey
from tallystick.blocking.plan import BlockingPlan
from tallystick.blocking.units import Rectangle, Unit
from tallystick.records.records import Records


@dataclass(frozen=True)
class Block:
    """The records that share the key of a pass.

    Attributes
    ----------
    parts, values : tuple of str
        Each part of the key, and the value that they share; no values where a key of an index has no readable
        one.
    records, pairs : int
        How many records share it, and how many pairs they make.
    share, share_of_all : float
        Of the pairs that the pass looks at, and of those that all passes look at.
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
        if not self.values:
            return f"one key ({', '.join(self.parts)})"
        return " and ".join(
            f"{part} = {value!r}" for part, value in zip(self.parts, self.values, strict=True)
        )

    def sentence(self, label: str, show_values: bool = True, seconds: float | None = None) -> str:
        """What a person should know of it, and do.

        Parameters
        ----------
        label : str
            Label of the pass.
        show_values : bool
            Name the key, which is of values of records.
        seconds : float, optional
            What its pairs take to compare, where that is known.

        Returns
        -------
        str
        """
        readable = show_values and self.values
        key = f"the key {self.key}" if readable else f"one key ({', '.join(self.parts)})"
        whole = "" if self.share_of_all == self.share else f" and {self.share_of_all:.1%} of all passes"
        took = "" if seconds is None else f", and takes {shown_time(seconds)} to compare"
        several = (
            f"; the pass has {self.large:,} blocks of more than {LARGE_BLOCK:,}" if self.large > 1 else ""
        )
        advice = "add a part to the key, or " if self.values else "let the pass ask for more, or "
        return (
            f"Pass {label}: {self.records:,} records share {key}, which alone makes {self.pairs:,} pairs, "
            f"{self.share:.1%} of the pass{whole}{took}{several}: {advice}empty the "
            "value in the source where it stands for unknown."
        )


def shown_time(seconds: float) -> str:
    """A time for people.

    Examples
    --------
    >>> shown_time(0.02), shown_time(75), shown_time(5000), shown_time(200000)
    ('less than a second', 'about 75 s', 'about 83 minutes', 'about 56 hours')
    """
    if seconds < 1:
        return "less than a second"
    if seconds < 120:
        return f"about {seconds:.0f} s"
    if seconds < 7_200:
        return f"about {seconds / 60:.0f} minutes"
    return f"about {seconds / 3_600:,.0f} hours"


def largest_blocks(plan: BlockingPlan, records: Records) -> tuple[Block | None, ...]:
    """The block of each pass that makes the most pairs; None for a pass without keys or pairs.

    A key may be one of several that a record has in an index, or a value of a sort key.

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


def top_blocks(plan: BlockingPlan, records: Records, number: int, most: int = 5) -> tuple[Block, ...]:
    """The blocks of a pass that make the most pairs, the largest first, of equals the lowest key.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    records : Records
        The records.
    number : int
        The pass.
    most : int
        How many blocks.

    Returns
    -------
    tuple of Block
        Fewer where the pass has fewer blocks with pairs; none of a pass without keys.
    """
    keys = plan.keys[number]
    if keys is None:
        return tuple(_of_index(plan, records, number, own) for own in _index_blocks(plan, number, most))
    counts, pairs = pairs_by_key(keys, plan.offsets, plan.source_pairs)
    order = np.argsort(-pairs, kind="stable")[:most]
    return tuple(
        _block(plan, records, number, int(key), int(counts[key]), int(pairs[key]))
        for key in order
        if pairs[key]
    )


def _largest(plan: BlockingPlan, records: Records, number: int) -> Block | None:
    found = plan.key_pairs[number]
    if found is None:
        largest = _index_blocks(plan, number, 1)
        return _of_index(plan, records, number, largest[0]) if largest else None
    if not found.n_pairs:
        return None
    return _block(plan, records, number, found.largest_key, found.largest_records, found.largest_pairs)


def _index_blocks(plan: BlockingPlan, number: int, most: int) -> tuple[IndexBlock, ...]:
    """Of a pass for all pairs none: they are not the block of a key."""
    if isinstance(plan.passes[number], AllPairs):
        return ()
    return index_blocks(plan.finders[number], plan.offsets, plan.source_pairs, most)


def _of_index(plan: BlockingPlan, records: Records, number: int, block: IndexBlock) -> Block:
    one = plan.passes[number]
    parts: tuple[KeyPart, ...] = ()
    if isinstance(one, SortedNeighbourhood):
        parts = one.sort_keys[block.column]
    elif isinstance(one, TextIndex):
        parts = (*one.parts, *one.within)
    elif isinstance(one, BlockingKey):
        parts = one.parts
    values = () if block.row is None else tuple(_value(records, part, block.row) for part in parts)
    return _shares(plan, number, parts, values, block.records, block.pairs, block.large)


def _block(
    plan: BlockingPlan, records: Records, number: int, key: int, n_records: int, n_pairs: int
) -> Block:
    keys, found, one = plan.keys[number], plan.key_pairs[number], plan.passes[number]
    assert keys is not None
    assert found is not None
    assert isinstance(one, BlockingKey)
    row = int(np.argmax(keys == key))
    values = tuple(_value(records, part, row) for part in one.parts)
    return _shares(plan, number, one.parts, values, n_records, n_pairs, found.n_large)


def _value(records: Records, part: KeyPart, row: int) -> str:
    column = records.columns[part.field]
    value = column.values[0][int(column.codes[row])]
    return str(transform_values(pl.Series([value]), part)[0])


def _shares(
    plan: BlockingPlan,
    number: int,
    parts: tuple[KeyPart, ...],
    values: tuple[str, ...],
    n_records: int,
    n_pairs: int,
    n_large: int,
) -> Block:
    return Block(
        parts=tuple(part.label for part in parts),
        values=values,
        records=n_records,
        pairs=n_pairs,
        share=n_pairs / plan.slots(number),
        share_of_all=n_pairs / sum(map(plan.slots, range(len(plan.passes)))),
        large=0 if plan.compares_all else n_large,
    )


def large_block_warnings(
    plan: BlockingPlan, records: Records, seconds_per_pair: Callable[[], float] | None = None
) -> tuple[str, ...]:
    """A sentence for each pass with a block of more than `LARGE_BLOCK` pairs, which names its key.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    records : Records
        The records.
    seconds_per_pair : callable, optional
        Gives what a pair takes in a whole run; asked only where there is a large block.

    Returns
    -------
    tuple of str
    """
    large = [
        (one.label, block)
        for one, block in zip(plan.passes, largest_blocks(plan, records), strict=True)
        if block is not None and block.large
    ]
    rate = seconds_per_pair() if large and seconds_per_pair is not None else None
    return tuple(
        block.sentence(label, seconds=None if rate is None else rate * block.pairs) for label, block in large
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
