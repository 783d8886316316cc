"""What a review of a run asks: its possible links, and other pairs whose answer would tell something."""

from __future__ import annotations

import numpy as np

from tallystick.linkage.saved_run import SavedRun
from tallystick.linking.information import expected_gain
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import Task

LEAST_GAIN = 0.05
"""Errors that the answer to a pair that is no possible link has to be expected to remove."""


def review_tasks(run: SavedRun) -> tuple[Task, ...]:
    """The tasks of the worklist ``possible``.

    Every possible link is one. Other kept pairs are where knowing the answer is expected to remove at least
    `LEAST_GAIN` errors: links that may be false, and non-links that may be matches.

    Parameters
    ----------
    run : SavedRun
        The run.

    Returns
    -------
    tuple of Task
        By falling weight; `Task.information` is the expected number of errors that the answer removes.
    """
    decided, records = run.decided, run.prepared.records
    gain = expected_gain(decided, run.model.spec.decision.one_to_one)
    chosen = np.flatnonzero(decided.possible | (gain >= LEAST_GAIN))
    pairs = decided.pairs
    weight = np.where(np.isnan(pairs.weight), np.inf, pairs.weight)
    order = chosen[np.lexsort((pairs.right[chosen], pairs.left[chosen], -weight[chosen]))]
    sides = []
    for rows in (pairs.left[order], pairs.right[order]):
        names = run.prepared.source_of(rows)
        ids = records.ids.gather(rows)
        sides.append([RecordKey(records.sources[s], one) for s, one in zip(names, ids, strict=True)])
    return tuple(
        Task(
            "pair",
            left,
            right,
            None if np.isnan(pairs.weight[at]) else float(pairs.weight[at]),
            float(decided.posterior[at]),
            float(gain[at]),
            place,
        )
        for place, (at, left, right) in enumerate(zip(order, *sides, strict=True))
    )
