"""The records and the plan of one step of a sequential linkage."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.limits import check_pairs
from tallystick.blocking.sizes import large_block_warnings
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import TallystickWarning
from tallystick.estimation.settings import Estimation
from tallystick.linkage.prepare import Listed, Prepared
from tallystick.linkage.rate import measured_rate
from tallystick.linking.step import Step
from tallystick.patterns.plan import PairPlan, plan_pairs
from tallystick.records.records import Records
from tallystick.spec import Spec
from tallystick.spec.step_decision import decision_of


@dataclass(frozen=True)
class StepRecords:
    """What a step works on.

    Attributes
    ----------
    rows : int32 array, shape (n,)
        Global rows, ascending, of the records that it still has.
    passes, comparisons : tuple of int
        Numbers of its passes and of its comparisons in the specification.
    prepared : Prepared
        These records and the plan of their pairs, as of a linkage of their own.
    """

    rows: NDArray[np.int32]
    passes: tuple[int, ...]
    comparisons: tuple[int, ...]
    prepared: Prepared


def step_records(
    whole: Prepared,
    step: Step,
    free: NDArray[np.bool_],
    memory: int,
    threads: int | None = None,
) -> StepRecords:
    """Plan a step.

    Parameters
    ----------
    whole : Prepared
        All records.
    step : Step
        The step.
    free : bool array, shape (n_records,)
        Records that no earlier step has linked.
    memory : int
        Bytes that level tables may take.
    threads : int, optional
        Number of threads.

    Returns
    -------
    StepRecords

    Raises
    ------
    InputError
        Where its passes make more than `Spec.most_pairs` pairs of the records that are left.

    Warns
    -----
    TallystickWarning
        Where match keys came first, and a block of what they have left is large.
    """
    planned = planned_step(whole, step, free, memory, threads)
    _check_size(whole.spec, planned.prepared.plan, planned.prepared.records, threads)
    return planned


def planned_step(
    whole: Prepared,
    step: Step,
    free: NDArray[np.bool_],
    memory: int,
    threads: int | None = None,
) -> StepRecords:
    """What `step_records` gives, however many pairs it makes."""
    rows = np.flatnonzero(free).astype(np.int32)
    passes = tuple(whole.spec.pass_numbers(step))
    comparisons = tuple(whole.spec.comparison_numbers(step))
    spec = spec_of(whole.spec, step)
    same = spec.comparisons == whole.spec.comparisons and spec.passes == whole.plan.blocking.passes
    if same and free.all():
        return StepRecords(rows, passes, comparisons, replace(whole, spec=spec, listed={}))
    records = whole.records.chosen(rows)
    plan = plan_pairs(
        records,
        spec.comparisons,
        spec.passes,
        whole.kind,
        listed=_listed_of(whole.listed, passes, free),
        memory=memory,
        threads=threads,
        seed=spec.seed,
    )
    sizes = np.diff(records.offsets).tolist()
    inputs = tuple(replace(table, n_rows=n) for table, n in zip(whole.inputs, sizes, strict=True))
    return StepRecords(rows, passes, comparisons, Prepared(spec, whole.kind, inputs, records, plan))


def _check_size(spec: Spec, plan: PairPlan, records: Records, threads: int | None) -> None:
    """Refuse a step that makes more pairs than are confirmed; after match keys warn of large blocks, too."""
    rate = cache(lambda: measured_rate(plan, threads, 0.25).seconds(1))
    if spec.match is not None:  # else those of all records have been told of
        for text in large_block_warnings(plan.blocking, records, rate):
            warnings.warn(text, TallystickWarning, stacklevel=3)
    if plan.blocking.pairs_to_visit() > spec.most_pairs:
        check_pairs(plan.blocking, records, spec.most_pairs, rate())


def spec_of(spec: Spec, step: Step) -> Spec:
    """The specification of a step, as of a linkage of its own."""
    chosen = tuple(spec.comparisons[k] for k in spec.comparison_numbers(step))
    return spec.model_copy(
        update={
            "mode": "union",
            "steps": (),
            # Of the records that are left neither file has all.
            "sources": tuple(one.model_copy(update={"covers_other": False}) for one in spec.sources),
            "comparisons": chosen,
            "passes": tuple(spec.passes[k] for k in spec.pass_numbers(step)),
            "decision": decision_of(spec, step),
            "estimation": _estimation_of(spec.estimation, chosen),
        }
    )


def _estimation_of(estimation: Estimation, comparisons: tuple[Comparison, ...]) -> Estimation:
    """The settings with those interactions of which the step makes all comparisons."""
    names = {one.name for one in comparisons}
    kept = {
        key: tuple(one for one in getattr(estimation, key) if set(one) <= names)
        for key in ("interactions", "match_interactions")
    }
    return estimation.model_copy(update=kept)


def _listed_of(listed: Listed, passes: tuple[int, ...], free: NDArray[np.bool_]) -> Listed:
    """Pairs of tables as rows of the step's records; those of records that are linked are left out."""
    row_of = np.cumsum(free) - 1
    found = {}
    for number, whole in enumerate(passes):
        if whole in listed:
            left, right = listed[whole]
            both = free[left] & free[right]
            found[number] = row_of[left[both]].astype(np.int32), row_of[right[both]].astype(np.int32)
    return found
