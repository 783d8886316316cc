"""What a linkage is going to do, before it does it: pairs, time and memory."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tallystick._memory import give_back
from tallystick.blocking.pass_sizes import PassSizes, pass_sizes
from tallystick.blocking.sizes import Block, largest_blocks
from tallystick.comparisons.memo import RememberingMeasure, TabledMeasure
from tallystick.comparisons.plan import ComparisonPlan, Leaf
from tallystick.estimation.strata import SHARE
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.rate import SWEEPS, measured_rate

BYTES_PER_RECORD = 160
"""Of the tables that a run writes: ids, entities, residuals."""
SECONDS_PER_RECORD = 1.5e-6
"""Of deciding, and of making and writing the tables."""
FIXED_SECONDS = 1.2
"""Of what does not grow with the files: starting, EM, the report."""


@dataclass(frozen=True)
class Explanation:
    """What was found out about a linkage without running it.

    Attributes
    ----------
    prepared : Prepared
        The records and the plan.
    sizes : PassSizes
        Pairs that each pass finds, and those of them that are new, counted or estimated.
    largest : tuple of Block or None
        Largest block of each pass.
    methods : tuple of str
        How each comparison is worked out.
    seconds, megabytes : float
        Expected for the whole run.
    seconds_per_pair : float
        What a pair takes of it.
    """

    prepared: Prepared
    sizes: PassSizes
    largest: tuple[Block | None, ...]
    methods: tuple[str, ...]
    seconds: float
    megabytes: float
    seconds_per_pair: float

    def text(self) -> str:
        """The explanation for people."""
        records, blocking = self.prepared.records, self.prepared.plan.blocking
        sizes = ", ".join(
            f"{name} {n:,}" for name, n in zip(records.sources, np.diff(records.offsets), strict=True)
        )
        allowed, total = int(blocking.allowed_pairs().sum()), self.sizes.together.text
        lines = [f"records: {sizes}", f"allowed pairs: {allowed:,}", f"pairs compared: {total}", "passes:"]
        for number, one in enumerate(blocking.passes):
            found, new = self.sizes.found[number].text, self.sizes.new[number].text
            lines.append(f"  {number + 1}. {one.label}: finds {found}, {new} of them new")
            if (block := self.largest[number]) is not None:
                lines.append(
                    f"     largest block: {block.records:,} records, "
                    f"{block.pairs:,} pairs ({block.share:.0%})"
                )
        lines.append("comparisons:")
        lines += [
            f"  {plan.name}: {method}"
            for plan, method in zip(self.prepared.plan.comparisons, self.methods, strict=True)
        ]
        kept = (
            "compared once and remembered"
            if self.prepared.plan.blocked_pairs_fit()
            else f"compared {SWEEPS} times: to count, to keep, and to find the best of the unlinked"
        )
        lines.append(f"pairs are {kept}")
        lines.append(f"expected: {self.seconds:,.1f} s and {self.megabytes:,.0f} MB")
        return "\n".join(lines)


def explain(prepared: Prepared, seconds_so_far: float, threads: int | None = None) -> Explanation:
    """Work out what a run of prepared records will do.

    The time is measured on some of the units, spread over all passes; the numbers of pairs are counted, or
    estimated where that would take long (see `tallystick.blocking.pass_sizes`).

    Parameters
    ----------
    prepared : Prepared
        The records and the plan.
    seconds_so_far : float
        What reading and preparing took, which a run does again.
    threads : int, optional
        Number of threads of the run.

    Returns
    -------
    Explanation
    """
    plan = prepared.plan
    give_back()
    peak, now = peak_megabytes(), resident_megabytes()
    sizes = pass_sizes(plan.blocking, threads, seed=prepared.spec.seed)
    rate = measured_rate(plan, threads)
    total = round(sizes.together.n_pairs)
    records = prepared.records.n_records
    # Where all pairs are not compared, u is counted on random pairs, which cost about as much each.
    random_pairs = 0 if plan.blocking.compares_all else prepared.spec.estimation.random_pairs
    random_pairs = min(random_pairs, int(plan.blocking.allowed_pairs().sum()))
    together = {name for one in prepared.spec.estimation.together for name in one}
    random_pairs += len(together) * random_pairs // SHARE  # of pairs with equal values, at most
    work = rate.seconds(total) + random_pairs * rate.per_pair + rate.listing * rate.sweeps
    seconds = seconds_so_far + work + FIXED_SECONDS + records * SECONDS_PER_RECORD
    extra = records * BYTES_PER_RECORD + (plan.blocked_pairs_bytes() if plan.blocked_pairs_fit() else 0)
    return Explanation(
        prepared,
        sizes,
        largest_blocks(plan.blocking, prepared.records),
        tuple(_method(prepared, number, one) for number, one in enumerate(plan.comparisons)),
        seconds,
        max(peak, now + extra / 2**20),
        rate.seconds(1),
    )


def peak_megabytes() -> float:
    """Most memory that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def resident_megabytes() -> float:
    """Memory that this process has now, in MB; where the system does not tell, the most it has had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_megabytes()
    return pages * resource.getpagesize() / 2**20


def _method(prepared: Prepared, number: int, comparison: ComparisonPlan) -> str:
    """How the levels of a comparison are found."""
    ways = []
    for k, leaf in enumerate(comparison.leaves):
        if leaf.measure is None:
            ways.append("codes compared")
            continue
        n_left, n_right = (len(np.unique(codes)) for codes in (leaf.left_codes, leaf.right_codes))
        table = None if prepared.plan.tiles is None else prepared.plan.tiles.tables[number][k]
        if table is None:
            ways.append(_blocked_method(leaf, n_left, n_right))
        elif table.levels is None:
            ways.append(f"rows of levels of {n_left:,} by {n_right:,} distinct values, a unit at a time")
        else:
            rows, columns = table.levels.shape
            megabytes = table.levels.nbytes / 2**20
            ways.append(f"a table of levels of {rows:,} by {columns:,} distinct values ({megabytes:.1f} MB)")
    return "; ".join(dict.fromkeys(ways))


def _blocked_method(leaf: Leaf, n_left: int, n_right: int) -> str:
    """How the levels of blocked pairs are found."""
    if isinstance(leaf.measure, TabledMeasure):
        megabytes = leaf.measure.table.nbytes / 2**20
        return f"a table of levels of {n_left:,} by {n_right:,} distinct values ({megabytes:.1f} MB)"
    how = (
        "each pair of values once a unit" if isinstance(leaf.measure, RememberingMeasure) else "pair by pair"
    )
    return f"bounds, then the measure, {how} ({n_left:,} and {n_right:,} distinct values)"
