"""Persons and their records, block by block."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.datasets.changes import later
from tallystick.datasets.emails import emails
from tallystick.datasets.errors import records
from tallystick.datasets.households import Truth, households
from tallystick.datasets.names import names
from tallystick.datasets.plan import BLOCK, Plan

# Streams of random numbers: with the number of the block, each is independent of all others.
_TRUTH, _CHANGES, _RECORDS = 1, 2, 3


def blocks(plan: Plan) -> Iterator[list[pl.DataFrame]]:
    """The records of each block, a frame a file."""
    # How many records of each file come before each block.
    before = np.cumsum(plan.members @ plan.copies, axis=0) - plan.members @ plan.copies
    units = range(len(plan.members))
    return run_units(lambda block: _block(plan, block, before[block]), units, plan.threads)


def _block(plan: Plan, block: int, before: NDArray[np.int64]) -> list[pl.DataFrame]:
    rng = plan.rng(_TRUTH, block)
    first, last = plan.first_postcode[block : block + 2].tolist()
    count = int(plan.members[block].sum())
    known = names()
    early = households(
        block * BLOCK,
        count,
        first,
        last - first,
        places=plan.places,
        names=known,
        population=plan.population,
        seed=plan.seed,
        rng=rng,
    )
    copies = plan.copies[rng.permutation(np.repeat(np.arange(len(plan.copies)), plan.members[block]))]
    address = emails(early, known, plan.population.email_of_name, rng) if plan.email else None
    late = later(
        early,
        plan.persons,
        places=plan.places,
        names=known,
        rates=plan.rates,
        seed=plan.seed,
        rng=plan.rng(_CHANGES, block),
    )
    frames = []
    for side in range(len(plan.sizes)):
        rng = plan.rng(_RECORDS, side, block)
        rows = np.arange(count).repeat(copies[:, side])
        # A person's second record in a file is from after the changes, as is the whole right file.
        again = np.full(len(rows), side == 1)
        again[1:] |= rows[1:] == rows[:-1]
        order = rng.permutation(len(rows))
        rows, again = rows[order], again[order]
        truth = early.take(rows).changed(again, late.take(rows))
        made = records(
            truth,
            None if address is None else address.gather(rows),
            places=plan.places,
            names=known,
            rates=plan.rates,
            seed=plan.seed,
            rng=rng,
        )
        start = int(before[side])
        numbers = plan.record_numbers[side][start : start + len(rows)]
        frames.append(_identified(made, truth, numbers, plan, side))
    return frames


def _identified(
    made: pl.DataFrame, truth: Truth, numbers: NDArray[np.int64], plan: Plan, side: int
) -> pl.DataFrame:
    """The records with their own ids and those of the truth."""
    width = len(str(2 * plan.persons))
    return made.select(
        record_ids(plan, side, numbers).alias("record_id"),
        _padded("P", truth.person, width).alias("person_id"),
        _padded("H", truth.household, width).alias("household_id"),
        pl.all(),
    )


def record_ids(plan: Plan, side: int, numbers: NDArray[np.int64]) -> pl.Series:
    """Ids of records of a file from their numbers, in the same order as text."""
    letter = "LR"[side] if len(plan.sizes) == 2 else "R"
    return _padded(letter, numbers, len(str(plan.sizes[side])))


def _padded(letter: str, numbers: NDArray[np.int64], width: int) -> pl.Series:
    """Ids of the same length, so that they sort as the numbers do."""
    return letter + pl.Series(numbers).cast(pl.String).str.zfill(width)
