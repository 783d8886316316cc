"""The result of a linkage with households: pairs of persons of all stages, and pairs of households."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import polars as pl

from tallystick._progress import Progress, silent
from tallystick.errors import InputError
from tallystick.linkage import sequential_figures
from tallystick.linkage.household_model import HOUSEHOLDS, OUTSIDE, HouseholdModel, HouseholdParameters
from tallystick.linkage.household_stages import HouseholdStages, run_households
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.sequential import StepLinks
from tallystick.linkage.sequential_links import SequentialLinks
from tallystick.linkage.tables import LABELS, NAMES
from tallystick.linkage.why import Why, rows_of_pair
from tallystick.quality.rates import EstimatedRates

NO_CANDIDATES = "no two households have persons who may be one"


@dataclass(frozen=True)
class HouseholdLinks(SequentialLinks):
    """Decided pairs of persons of all stages, and of households.

    Attributes
    ----------
    model : HouseholdModel
        The parameters of the stages.
    prepared : Prepared
        All records.
    steps : tuple of StepLinks
        What each stage of persons did.
    threads : int, optional
        Number of threads.
    stages : HouseholdStages
        All stages, that of households included.
    """

    stages: HouseholdStages | None = None
    table_names: ClassVar[tuple[str, ...]] = (*NAMES, "households")

    @property
    def _all(self) -> HouseholdStages:
        assert self.stages is not None
        return self.stages

    @property
    def whole(self) -> Prepared:
        """All records, with passes for members of households, too."""
        return self._all.whole

    @cached_property
    def _by_pass(self) -> SequentialLinks:
        """The same as of a specification that has passes for members of households, for tables to name."""
        return SequentialLinks(self.model, self.whole, self.steps, self.threads)

    @cached_property
    def households(self) -> pl.DataFrame:
        """A row for each candidate pair of households: weight, posterior, decision, members linked."""
        return self.table("households")

    def table(self, name: str) -> pl.DataFrame:
        """One of the tables, made anew: what is held is held by the properties.

        Parameters
        ----------
        name : {"links", "entities", "clusters", "residuals", "review", "duplicates", "households"}
            Which; ``links`` are `pairs`.

        Returns
        -------
        polars.DataFrame
        """
        return self._households_table() if name == "households" else self._by_pass.table(name)

    def _households_table(self) -> pl.DataFrame:
        first = self._all.first
        pairs, records = first.decided.pairs, first.households.records
        of, sizes = first.households.of, first.households.sizes
        own = self.decided.links
        ends = [
            of[side[own]].astype(np.int64) for side in (self.decided.pairs.left, self.decided.pairs.right)
        ]
        key = ends[0] * records.n_records + ends[1]
        joined, times = np.unique(key[(ends[0] >= 0) & (ends[1] >= 0)], return_counts=True)
        linked = pl.DataFrame({"key": joined, "members_linked": times.astype(np.int64)})
        frame = pl.DataFrame(
            {
                "household_left": records.ids.gather(pairs.left),
                "household_right": records.ids.gather(pairs.right),
                "weight": pairs.weight,
                "posterior": first.decided.posterior,
                "decision": LABELS.gather(first.decided.verdict),
                "members_left": sizes[pairs.left],
                "members_right": sizes[pairs.right],
                "key": pairs.left.astype(np.int64) * records.n_records + pairs.right,
            }
        )
        counted = frame.join(linked, on="key", how="left", maintain_order="left")
        return counted.drop("key").with_columns(pl.col("members_linked").fill_null(0))

    def estimated(self) -> tuple[EstimatedRates, float]:
        """Estimated rates of all stages, and the matches that no pass finds.

        Returns
        -------
        rates : EstimatedRates
            Without intervals: how sure m and u within households are is not worked out.
        missed_by_blocking : float
        """
        return _rates(self.prepared, self.steps)

    def table_of_steps(self) -> pl.DataFrame:
        """A row per stage, the one of households first: what it had, compared, linked, left and took.

        Returns
        -------
        polars.DataFrame
        """
        return pl.DataFrame(self._rows(), infer_schema_length=None)

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row_of_households(), *sequential_figures.step_rows(self.prepared, self.steps)]

    def _row_of_households(self) -> dict[str, Any]:
        first = self._all.first
        n, links = first.households.records.n_records, first.decided.links
        sure = float(first.decided.posterior[links].sum())
        return {
            "step": HOUSEHOLDS,
            "records": n,
            "pairs": first.candidates,
            "links": int(links.sum()),
            "possible": int(first.decided.possible.sum()),
            "residuals": n - 2 * int(links.sum()),
            "false_links": float(links.sum()) - sure,
            "missed": max(0.0, first.parameters.pairs[0].expected_matches - sure),
            "seconds": first.seconds,
            "reason": None if first.candidates else NO_CANDIDATES,
        }

    def counts_dict(self) -> dict[str, Any]:
        """Counts per stage, step and pass, as ``run.json`` holds them."""
        first = self._all.first
        made = first.households
        names, offsets = made.records.sources, made.records.offsets
        return {
            **super().counts_dict(),
            "steps": self._rows(),
            "households": {
                "records": {name: int(n) for name, n in zip(names, np.diff(offsets), strict=True)},
                "without_household": dict(zip(names, made.without, strict=True)),
                "crowded": dict(zip(names, made.crowded, strict=True)),
                "candidates": first.candidates,
                "links": int(first.decided.links.sum()),
                "possible": int(first.decided.possible.sum()),
                "expected": first.parameters.pairs[0].expected_matches,
            },
        }

    def why(self, left: str | tuple[str, str], right: str | tuple[str, str]) -> Why:
        """Why two records are linked, or why not, in the stage that decided (see `Links.why`)."""
        rows = rows_of_pair(self.prepared, left, right)
        own = [one for one in self.steps if one.links is not None and one.has(rows)]
        if not own:
            raise InputError(f"{left!r} and {right!r}: no stage had both records.")
        kept = [one for one in own if _kept(one, rows)]
        outside = [one for one in own if one.step.label.startswith(OUTSIDE)]
        chosen = (kept or outside or own)[-1]
        assert chosen.links is not None
        found = chosen.links.why(left, right)
        return replace(found, reason=f"Stage {chosen.step.label}: {found.reason}{self._of_homes(rows)}")

    def _of_homes(self, rows: tuple[int, int]) -> str:
        first = self._all.first
        a, b = (int(first.households.of[row]) for row in sorted(rows))
        if a < 0 or b < 0:
            return " One of the two is in no household." if max(a, b) >= 0 else " Neither is in a household."
        pairs = first.decided.pairs
        at = np.flatnonzero((pairs.left == a) & (pairs.right == b))
        decision = LABELS[int(first.decided.verdict[at[0]])] if len(at) else "no candidate"
        return f" The pair of their households: {decision}."


def _kept(one: StepLinks, rows: tuple[int, int]) -> bool:
    assert one.links is not None
    a, b = np.searchsorted(one.records.rows, sorted(rows))
    pairs = one.links.decided.pairs
    return bool(((pairs.left == a) & (pairs.right == b)).any())


def _rates(whole: Prepared, steps: Sequence[StepLinks]) -> tuple[EstimatedRates, float]:
    """Rates of all stages, and the matches that no pass finds.

    What is missed is what the first stage outside of households expects and does not link, those that its
    passes do not find included, less what later stages find of it.
    """
    numbers = [k for k, one in enumerate(steps) if one.step.label == OUTSIDE and one.links is not None]
    if not numbers:
        return sequential_figures.estimate_rates(whole, steps)
    first = numbers[0]
    others = [*steps[:first], *steps[first + 1 :]]
    rates, missed = sequential_figures.estimate_rates(whole, [*others, steps[first]])
    later = sum(one.estimated[0].true_links for one in steps[first + 1 :] if one.estimated is not None)
    return replace(rates, missed=max(0.0, rates.missed - later)), missed


def link_by_households(
    whole: Prepared,
    known: HouseholdParameters | None = None,
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> HouseholdLinks:
    """Link prepared records by their households.

    Parameters
    ----------
    whole : Prepared
        All records.
    known : HouseholdParameters, optional
        Parameters to replay; by default they are estimated.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far the stages are.

    Returns
    -------
    HouseholdLinks
    """
    stages = run_households(whole, known, threads=threads, progress=progress)
    spec = whole.spec.model_copy(update={"kind": whole.kind, "sources": ()})
    model = HouseholdModel.of(spec, stages.parameters)
    return HouseholdLinks(model, whole, stages.steps, threads, stages)
