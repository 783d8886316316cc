"""A quick estimate, to see what kind of linkage it is: fewer random pairs, and no standard errors."""

from __future__ import annotations

from tallystick.estimation.estimate import estimate
from tallystick.estimation.knowledge import Knowledge
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.count import PatternCounts

RANDOM_PAIRS = 500_000


def trial_parameters(
    prepared: Prepared, counts: PatternCounts, threads: int | None = None, knowledge: Knowledge | None = None
) -> Parameters:
    """Estimate parameters from few random pairs.

    Parameters
    ----------
    prepared : Prepared
        The records and their plan.
    counts : PatternCounts
        Counts of their patterns.
    threads : int, optional
        Number of threads.
    knowledge : Knowledge, optional
        What is known beforehand.

    Returns
    -------
    parameters : Parameters
        Without standard errors.
    """
    spec = prepared.spec
    few = min(spec.estimation.random_pairs, RANDOM_PAIRS)
    return estimate(
        prepared.records,
        prepared.plan,
        counts,
        spec.comparisons,
        spec.passes,
        spec.estimation.model_copy(update={"random_pairs": few}),
        spec.seed,
        threads,
        knowledge=knowledge,
    )
