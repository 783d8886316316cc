"""How fast pairs are compared, measured on some of a plan's units."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tallystick._parallel import default_threads
from tallystick.blocking.units import Rectangle, Unit
from tallystick.patterns.count import count_block
from tallystick.patterns.plan import PairPlan

SAMPLED_UNITS = 12
SAMPLED_SECONDS = 1.0
LISTING_SECONDS = 2.0
"""After so many seconds of listing units the rest are taken to be like those before."""
SWEEPS = 3
"""How often pairs are compared that are not remembered."""


@dataclass(frozen=True)
class Rate:
    """What comparing takes.

    Attributes
    ----------
    per_pair : float
        Seconds that a pair takes in one sweep, with all threads at work.
    listing : float
        Seconds that listing all units takes in one sweep.
    sweeps : int
        How often a run goes through the pairs.
    """

    per_pair: float
    listing: float
    sweeps: int

    def seconds(self, n_pairs: int) -> float:
        """Seconds that a run needs for so many pairs."""
        return n_pairs * self.per_pair * self.sweeps


def measured_rate(plan: PairPlan, threads: int | None = None, seconds: float = SAMPLED_SECONDS) -> Rate:
    """Compare the pairs of some units, spread over all passes.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    threads : int, optional
        Number of threads of the run.
    seconds : float
        About how long to measure.

    Returns
    -------
    Rate
    """
    start = time.perf_counter()
    units: list[Unit] = []  # spread over all, never all at once
    step, listed, listing = 1, 0, 0.0
    for number, unit in enumerate(plan.blocking.units(plan.row_order)):
        if number % step == 0:
            units.append(unit)
        if len(units) > 2 * SAMPLED_UNITS:
            units, step = units[::2], 2 * step
        listed += unit.n_pairs
        listing = time.perf_counter() - start
        if listing > LISTING_SECONDS * seconds:
            listing *= plan.blocking.pairs_to_visit() / max(1, listed)
            break
    if not units:  # the passes find no pair
        return Rate(0.0, listing, 1)
    count_block(plan, units[:1])  # compiles, uncounted
    pairs, visited, spent = 0, 0, 0.0
    for unit in units:
        start = time.perf_counter()
        found = count_block(plan, [unit])
        spent += time.perf_counter() - start
        pairs += unit.n_pairs if isinstance(unit, Rectangle) else int(found.counts.sum())
        visited += unit.n_pairs
        if spent > seconds:
            break
    # An index may look at many pairs in vain.
    per_pair = spent / max(1, pairs or visited) / (threads or default_threads())
    return Rate(per_pair, listing, 1 if plan.blocked_pairs_fit() else SWEEPS)
