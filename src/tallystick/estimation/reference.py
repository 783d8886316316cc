"""u from a large table of reference, such as a register of the population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.passes import AllPairs
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.cells import level_sums, normalise
from tallystick.estimation.factors import factors_of
from tallystick.estimation.marginals import marginals_of_random_pairs
from tallystick.patterns.plan import plan_pairs
from tallystick.records.records import Records


@dataclass(frozen=True)
class ReferenceU:
    """u of comparisons by the pairs of records of a table.

    Attributes
    ----------
    u : tuple of float64 array or None
        For every comparison the probability of its levels, (n_levels,); None where the table does not have
        all of its fields.
    origin : str
        Which table, and which of its pairs.
    """

    u: tuple[NDArray[np.float64] | None, ...]
    origin: str


def u_of_reference(
    reference: Records,
    comparisons: Sequence[Comparison],
    within_source: bool,
    n_random: int,
    seed: int,
    threads: int | None = None,
    progress: Progress = silent,
) -> ReferenceU:
    """Work out u of the comparisons of which a table of reference has all fields.

    Two records of a table without duplicates are never a match, so that what its pairs show is u itself: no
    match has to be taken away. Pairs of equal values are counted from the frequencies of the values, as
    `marginals_of_random_pairs` does.

    Parameters
    ----------
    reference : Records
        The records of the table, none of them twice.
    comparisons : sequence of Comparison
        Those of the linkage, frequencies of values in place.
    within_source : bool
        Whether the linkage pairs records within a source. Where it does not, a comparison that depends on the
        order of two records has no u from a single table and is left out.
    n_random : int
        Number of random pairs.
    seed : int
        Their seed.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the random pairs are.

    Returns
    -------
    ReferenceU

    Raises
    ------
    InputError
        Where the table has a single record, or all fields of no comparison.
    """
    chosen = compared(reference, comparisons, within_source)
    asked = [comparisons[number] for number in chosen]
    plan = plan_pairs(reference, asked, [AllPairs()], "dedupe", threads=threads)
    factors = factors_of(asked, plan.key_parts, plan.coding)
    marginals = marginals_of_random_pairs(plan, asked, factors, n_random, seed, threads, progress)
    found: list[NDArray[np.float64] | None] = [None] * len(comparisons)
    for number, factor, counts, smallest in zip(
        chosen, factors, marginals.counts, marginals.smallest, strict=True
    ):
        found[number] = normalise(level_sums(factor, np.maximum(counts, smallest)))
    return ReferenceU(tuple(found), f"reference table {reference.sources[0]} ({marginals.origin})")


def compared(reference: Records, comparisons: Sequence[Comparison], within_source: bool) -> list[int]:
    """Numbers of the comparisons of which a table tells u.

    Parameters
    ----------
    reference, comparisons, within_source
        As of `u_of_reference`.

    Returns
    -------
    list of int

    Raises
    ------
    InputError
        Where the table has a single record, or all fields of no comparison.
    """
    name = reference.sources[0]
    chosen = [
        number
        for number, one in enumerate(comparisons)
        if {*one.left, *one.right} <= set(reference.columns)
        and (within_source or one.is_symmetric)
        # How often a value is missing in the files a register does not tell.
        and one.missing != "level"
    ]
    if not chosen:
        raise InputError(
            f"estimation.reference: the table {name!r} has all fields of no comparison that it could tell u "
            "of: name its columns in columns, or leave it out."
        )
    if reference.n_records < 2:
        raise InputError(
            f"estimation.reference: the table {name!r} has a single record, which makes no pair: give a "
            "larger one."
        )
    return chosen
