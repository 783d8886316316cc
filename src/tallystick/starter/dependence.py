"""Fields that agree together among different persons, as street and number of a household do.

Between two files, pairs of records of one file are hardly ever of one person. Where many such
pairs agree on a field or two and therefore on another, this is no further fact: counted as one it makes
households pass for persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import polars as pl

from tallystick.starter.guess import Field
from tallystick.starter.overlaps import Dropped

SAMPLE_ROWS = 20_000

MOST = 0.5
"""Share of the pairs that agree on one or two fields and on another, from which on this one follows."""

LIFT = 2.0
"""Times that this share must be what it is among all pairs: less is too little false evidence to matter."""

FEWEST_PAIRS = 0.05
"""Pairs a record that agree on the fields from which one follows: fewer may be records that a file has
twice, and are too few to pass for the matches."""


def without_followers(fields: Sequence[Field], frames: Sequence[pl.DataFrame]) -> list[Dropped]:
    """Fields whose agreement follows from that of one or two others.

    Parameters
    ----------
    fields : sequence of Field
        Fields that could be compared.
    frames : sequence of polars.DataFrame
        Their values by source; at least two sources, each of them with hardly any person twice.

    Returns
    -------
    list of Dropped
        Of two that follow from each other, the one that agrees by chance more often.
    """
    rows = [frame.gather_every(max(1, frame.height // SAMPLE_ROWS)) for frame in frames]
    single = [field for field in fields if len(field.names) == 1]
    chance = {field.names: _agreeing(rows, field.names)[1] for field in single}
    fewest = FEWEST_PAIRS * sum(frame.height for frame in rows)
    dropped: list[Dropped] = []
    # What agrees by chance most often goes first, so that what tells more stays.
    for follower in sorted(single, key=lambda one: -chance[one.names]):
        gone = {one.field.names for one in dropped}
        rarer = [
            one
            for one in single
            if one is not follower and one.names not in gone and chance[one.names] <= chance[follower.names]
        ]
        for leaders in (*combinations(rarer, 1), *combinations(rarer, 2)):
            by = tuple(name for one in leaders for name in one.names)
            led, _ = _agreeing(rows, by, present=(*by, *follower.names))
            both, _ = _agreeing(rows, (*by, *follower.names))
            share = both / led if led >= fewest else 0.0
            if share >= MOST and share >= LIFT * chance[follower.names]:
                reason = (
                    f"{share:.0%} of the pairs of a file that agree on {' and '.join(by)} agree on it, too, "
                    f"but only {chance[follower.names]:.1%} of all"
                )
                dropped.append(Dropped(follower, reason))
                break
    return dropped


def _agreeing(
    frames: Sequence[pl.DataFrame], names: Sequence[str], present: Sequence[str] = ()
) -> tuple[float, float]:
    """Number and share of the pairs within files that agree on fields, of records that have them all."""
    agree = every = 0.0
    for frame in frames:
        rows = frame.drop_nulls(present or names)
        sizes = rows.group_by(names).len("n")["n"].cast(pl.Float64)
        agree += float((sizes * (sizes - 1)).sum()) / 2
        every += rows.height * (rows.height - 1) / 2
    return agree, agree / every if every else 0.0
