"""What a review of a run asks: its possible links, and other pairs whose answer would tell something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tallystick.linkage.model import Model
from tallystick.linkage.saved_run import SavedRun, limits_of
from tallystick.linking.constraints import zero_weight
from tallystick.linking.information import expected_gain
from tallystick.review.cases import RecordKey
from tallystick.review.tasks import POSSIBLE, Task

if TYPE_CHECKING:
    from tallystick.review.store import Store

LEAST_GAIN = 0.01
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
    gain = gain_of_answers(run)
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


def fill_possible(store: Store, run: SavedRun | Callable[[], SavedRun], double: float | None = None) -> None:
    """Put the possible links into their worklist, unless they are there and nothing new is asked for.

    Parameters
    ----------
    store : Store
        The store of the run.
    run : SavedRun or callable
        The run, or what opens it, which is called where it is needed.
    double : float, optional
        Share of the tasks that two people judge; None for what is there, else for none.
    """
    if double is None and any(one.name == POSSIBLE for one in store.worklists()):
        return
    tasks = review_tasks(run() if callable(run) else run)
    store.fill(POSSIBLE, tasks, reviews=1 if double is None else 2, share=1.0 if double is None else double)


def gain_of_answers(run: SavedRun) -> NDArray[np.float64]:
    """Errors that the answer to each kept pair of a run is expected to remove.

    Parameters
    ----------
    run : SavedRun
        The run.

    Returns
    -------
    float64 array, shape (n_pairs,)
        See `tallystick.linking.information.expected_gain`; of a linkage by steps from the posteriors alone.
    """
    decided, limits = run.decided, limits_of(run)
    if not isinstance(run.model, Model):
        return expected_gain(decided, limits)
    pairs, rule = run.model.parameters.pairs, run.rule
    zeros = np.array([zero_weight(pair, one) for pair, one in zip(pairs, limits, strict=True)])
    return expected_gain(
        decided,
        limits,
        cut=rule.upper if rule.scale == "posterior" else 0.5,
        gain=decided.pairs.weight - zeros[decided.pairs.source_pair],
    )
