"""Whether related pairs are a class of their own in files of which match keys have set records aside.

Among the records that keys leave, matches are few and have errors, so that they may pass for relatives. It is
asked of the files as they were, on some of their records.
"""

from __future__ import annotations

import numpy as np

from tallystick.blocking.plan import finds_all
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.step_plan import planned_step, spec_of
from tallystick.linkage.trial import trial_parameters
from tallystick.linking.step import Step
from tallystick.patterns.count import count_patterns

RECORDS = 20_000
PAIRS = 50_000_000
"""Records of the first file that are looked at, and pairs that these may make with all of the second one."""


def has_relatives(whole: Prepared, step: Step, threads: int | None = None) -> bool:
    """Whether the pairs of a step, of the files as they were, show a class of related pairs.

    Parameters
    ----------
    whole : Prepared
        All records of two sources.
    step : Step
        Passes and comparisons.
    threads : int, optional
        Number of threads.

    Returns
    -------
    bool
    """
    records = whole.records
    first, second = (records.rows(k) for k in (0, 1))
    # Which ones are looked at does not depend on the order of rows.
    order = np.argsort(records.ids[: len(first)].hash(whole.spec.seed).to_numpy(), kind="stable")
    n = min(len(first), RECORDS)
    if any(map(finds_all, spec_of(whole.spec, step).passes)):
        n = min(n, max(1, PAIRS // max(1, len(second))))
    wanted = np.zeros(records.n_records, bool)
    wanted[second.start :] = True
    wanted[order[:n]] = True
    own = planned_step(whole, step, wanted, whole.plan.memory, threads).prepared
    if (visits := own.plan.blocking.pairs_to_visit()) > PAIRS:
        wanted[order[max(1, n * PAIRS // visits) : n]] = False
        own = planned_step(whole, step, wanted, whole.plan.memory, threads).prepared
    counts = count_patterns(own.plan, threads)
    if not counts.n_pairs:
        return False
    return trial_parameters(own, counts, threads).related_share > 0
