"""Passes against the truth: how many true pairs they find, and how many of their pairs are true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.finders import OneKey
from tallystick.blocking.pass_sizes import pass_sizes
from tallystick.blocking.plan import BlockingPlan, plan_blocking
from tallystick.blocking.sampled_sizes import Size
from tallystick.errors import InputError
from tallystick.linkage.evaluation.evaluate import read_truth
from tallystick.linkage.prepare import as_sources, read_listed, read_records
from tallystick.records.encode import encode_values
from tallystick.records.records import Records
from tallystick.spec import Spec
from tallystick.spec.checks import require_comparisons

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class TruePass:
    """A pass against the truth.

    Attributes
    ----------
    label : str
        Its label.
    size : Size
        Pairs that it finds: counted, or estimated where that would take long.
    true : int
        How many of them are true.
    new, only : int
        True pairs that no earlier pass finds, and those that no other pass does.
    completeness : float or None
        Pairs completeness: share of all true pairs that it finds; None where there is none.
    quality : float or None
        Pairs quality: share of its pairs that are true; None where it finds none.
    """

    label: str
    size: Size
    true: int
    new: int
    only: int
    completeness: float | None
    quality: float | None

    @property
    def pairs(self) -> int:
        """Pairs that it finds."""
        return round(self.size.n_pairs)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"label": self.label, **self.size.to_dict("pairs"), **_without(asdict(self), "label", "size")}


def _without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


@dataclass(frozen=True)
class TrueBlocks:
    """Passes against the truth.

    Attributes
    ----------
    true : int
        True pairs among the allowed ones.
    allowed : int
        Allowed pairs.
    passes : tuple of TruePass
        Pass by pass.
    together : TruePass
        All passes together.
    """

    true: int
    allowed: int
    passes: tuple[TruePass, ...]
    together: TruePass

    @property
    def reduction(self) -> float:
        """Reduction ratio: share of the allowed pairs that no pass finds."""
        return 1 - self.together.pairs / self.allowed if self.allowed else 0.0

    def text(self) -> str:
        """For people."""
        rows = (*self.passes, self.together)
        width = max(len(one.label) for one in rows) + 5
        wide = max(16, *(len(one.size.short) + 2 for one in rows))
        head = f"{'pass':{width}}{'pairs':>{wide}}{'true':>12}{'new':>12}{'only here':>12}"
        lines = [f"true pairs: {self.true:,}", "", f"{head}{'completeness':>14}{'quality':>10}"]
        for number, one in enumerate(rows):
            name = one.label if one is self.together else f"{number + 1}. {one.label}"
            found, good = (
                "none" if value is None else f"{value:.4f}" for value in (one.completeness, one.quality)
            )
            lines.append(
                f"{name:{width}}{one.size.short:>{wide}}{one.true:>12,}{one.new:>12,}{one.only:>12,}"
                f"{found:>14}{good:>10}"
            )
        guessed = [f"  {one.label}: {one.size.text} pairs" for one in rows if not one.size.exact]
        if guessed:
            lines += ["", "estimated from a sample of pairs, with intervals of 95 %:", *guessed]
        return "\n".join([*lines, "", f"reduction ratio: {self.reduction:.6f}"])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "true": self.true,
            "allowed": self.allowed,
            "passes": [one.to_dict() for one in self.passes],
            "together": self.together.to_dict(),
            "reduction_ratio": self.reduction,
        }


def evaluate_blocks(
    spec: Spec, truth: str, threads: int | None = None, progress: Progress = silent
) -> TrueBlocks:
    """Count the true pairs that passes find; no pair is compared.

    Parameters
    ----------
    spec : Spec
        A specification with sources, its paths resolved.
    truth : str
        Field or column of every source that says who a record is; equal values are matches.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the reading is.

    Returns
    -------
    TrueBlocks

    Raises
    ------
    InputError
        Where a source lacks the column, or no record has a value.
    """
    require_comparisons(spec)
    sources = as_sources((), spec.sources)
    kind = spec.kind_of(len(sources))
    records = read_records(spec, sources, threads, progress).records
    listed = read_listed(spec, records, kind)
    plan = plan_blocking(records, spec.passes, kind, listed, threads, spec.seed)
    return true_blocks(plan, _truth_codes(spec, truth, records), threads)


def _truth_codes(spec: Spec, truth: str, records: Records) -> Codes:
    names = pl.Series("source", np.repeat(records.sources, np.diff(records.offsets)), dtype=pl.String)
    own = pl.DataFrame([names, records.ids.alias("id")])  # without those that a preparation has taken out
    everybody = pl.concat(read_truth(spec.sources, truth))
    found = own.join(everybody, on=["source", "id"], how="inner", maintain_order="left")
    if len(found) != len(own):
        raise InputError(
            f"The truth column {truth!r} could not be read for the same records: a file has changed "
            "meanwhile, so run the command again."
        )
    return encode_values(found["truth"])[0]


def true_blocks(plan: BlockingPlan, truth: Codes, threads: int | None = None) -> TrueBlocks:
    """Count the true pairs that passes find.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    truth : int32 array, shape (n_records,)
        Who each record is; 0 is not known, and matches nothing.
    threads : int, optional
        Number of threads.

    Returns
    -------
    TrueBlocks
    """
    true, new, only = (np.zeros(len(plan.passes), np.int64) for _ in range(3))
    all_true = 0
    for left, right in _true_pairs(plan, truth):
        finds = np.stack([finder.holds(left, right) for finder in plan.finders])
        true += finds.sum(axis=1)
        new += np.bincount(finds.argmax(axis=0)[finds.any(axis=0)], minlength=len(finds))
        only += finds[:, finds.sum(axis=0) == 1].sum(axis=1)
        all_true += len(left)
    sizes, found = pass_sizes(plan, threads), int(new.sum())

    def row(label: str, size: Size, n_true: int, n_new: int, only: int) -> TruePass:
        share = n_true / all_true if all_true else None
        # An estimate may be below what is known to be found.
        n_pairs = max(size.n_pairs, n_true)
        quality = n_true / n_pairs if n_pairs else None
        return TruePass(label, size, n_true, n_new, only, share, quality)

    rows = [
        row(one.label, sizes.found[k], int(true[k]), int(new[k]), int(only[k]))
        for k, one in enumerate(plan.passes)
    ]
    together = row("all together", sizes.together, found, found, found)
    return TrueBlocks(all_true, int(plan.allowed_pairs().sum()), tuple(rows), together)


def _true_pairs(plan: BlockingPlan, truth: Codes) -> Iterator[tuple[Codes, Codes]]:
    """The true pairs as global rows, some at a time."""
    same = OneKey(truth)
    for number, (s, t) in enumerate(plan.source_pairs):
        for unit in same.units(0, number, plan.rows(s), plan.rows(t), s == t):
            left, right = same.positions(unit)
            yield unit.left[left], unit.right[right]
