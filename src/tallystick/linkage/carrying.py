"""What the steps that have run tell the next one of m and u (see `tallystick.estimation.carried`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.estimation.carried import Carried, level_sums_of, remaining_m, u_without_links
from tallystick.estimation.factors import factors_of
from tallystick.estimation.marginals import marginals_of_random_pairs
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.patterns.coding import PatternCoding

Floats = NDArray[np.float64]
Rows = NDArray[np.int32]


@dataclass(frozen=True)
class _Learnt:
    """What a step has found of a comparison.

    Attributes
    ----------
    m, u : float64 array, shape (n_levels,)
    u_origin : str
    expected : float
        Matches among the records that the step had.
    step : str
        Its label.
    before : float64 array, shape (n_levels,)
        Expected matches by level among the links of the steps before it.
    true_before : float
        Expected matches among these links.
    shared : float, optional
        Share of the related pairs that have the true value in common, where these are a class.
    """

    m: Floats
    u: Floats
    u_origin: str
    expected: float
    step: str
    before: Floats
    true_before: float
    shared: float | None = None


@dataclass(frozen=True)
class Ledger:
    """What is known once some steps have run.

    Attributes
    ----------
    linked : tuple of float64 array
        For every comparison of the linkage the expected matches among the links, by level.
    true_links : float
        Expected matches among the links.
    learnt : mapping of int to _Learnt
        For the comparisons that some step has made.
    relatives : bool
        Whether related pairs are a class of their own, as the first step found: they are non-matches, and
        like u they are those of the files as they were.
    """

    linked: tuple[Floats, ...]
    true_links: float = 0.0
    learnt: Mapping[int, _Learnt] = field(default_factory=dict)
    relatives: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been linked or estimated yet."""
        return not self.learnt and not self.true_links

    @classmethod
    def empty(cls, whole: Prepared) -> Ledger:
        """Before the first step."""
        return cls(tuple(np.zeros(one.n_levels) for one in whole.plan.comparisons))

    def after(
        self,
        whole: Prepared,
        step: str,
        comparisons: Sequence[int],
        parameters: Parameters,
        left: Rows,
        right: Rows,
        posterior: Floats,
    ) -> Ledger:
        """The ledger once a step has run.

        Parameters
        ----------
        whole : Prepared
            All records.
        step : str
            Label of the step.
        comparisons : sequence of int
            Numbers of the comparisons that it has made.
        parameters : Parameters
            What it has found.
        left, right : int32 arrays, shape (n_links,)
            Its links as global rows.
        posterior : float64 array, shape (n_links,)
            Chance that each is a match.

        Returns
        -------
        Ledger
        """
        expected = float(sum(pair.expected_matches for pair in parameters.pairs))
        learnt = dict(self.learnt)
        for number, own in zip(comparisons, parameters.comparisons, strict=True):
            learnt[number] = _Learnt(
                np.array(own.m),
                np.array(own.u),
                own.u_origin,
                expected,
                step,
                self.linked[number],
                self.true_links,
                own.shared,
            )
        relatives = self.relatives or (self.is_empty and parameters.related_share > 0)
        ledger = replace(self, learnt=learnt, relatives=relatives)
        return ledger.with_links(whole, left, right, posterior)

    def with_links(
        self,
        whole: Prepared,
        left: NDArray[np.integer[Any]],
        right: NDArray[np.integer[Any]],
        posterior: Floats,
    ) -> Ledger:
        """The ledger with further links (see `after`)."""
        levels = whole.plan.digits.of(left.astype(np.int32), right.astype(np.int32))[: len(self.linked)]
        sums = level_sums_of(levels, posterior, [len(own) for own in self.linked])
        linked = tuple(a + b for a, b in zip(self.linked, sums, strict=True))
        return replace(self, linked=linked, true_links=self.true_links + float(posterior.sum()))

    def carried(
        self,
        whole: Prepared,
        comparisons: Sequence[int],
        threads: int | None = None,
        progress: Progress = silent,
    ) -> dict[str, Carried]:
        """What is known of the comparisons of the next step, by name; nothing before the first one.

        Parameters
        ----------
        whole : Prepared
            All records.
        comparisons : sequence of int
            Numbers of the comparisons that it makes.
        threads : int, optional
            Number of threads.
        progress : Progress
            Told how far random pairs are.

        Returns
        -------
        dict of str to Carried
        """
        if self.is_empty:
            return {}
        found = {}
        for number, one in self.learnt.items():
            since = self.linked[number] - one.before
            links = self.true_links - one.true_before
            present = min(1.0, since.sum() / links) if links > 0 else 1.0
            m = remaining_m(one.m, one.expected * present, since)
            origin = f"carried over from step {one.step}, less what it linked"
            u_origin = one.u_origin if "step" in one.u_origin else f"{one.u_origin} (step {one.step})"
            name = whole.spec.comparisons[number].name
            found[name] = Carried(one.u, u_origin, m, origin, shared=one.shared)
        new = [number for number in comparisons if number not in self.learnt]
        found |= self._of_new(whole, new, threads, progress) if new else {}
        names = {whole.spec.comparisons[number].name for number in comparisons}
        return {name: own for name, own in found.items() if name in names}

    def _of_new(
        self, whole: Prepared, numbers: Sequence[int], threads: int | None, progress: Progress
    ) -> dict[str, Carried]:
        """What u is of comparisons that no step has made, on the files as they were."""
        plans = tuple(whole.plan.comparisons[k] for k in numbers)
        comparisons = [whole.spec.comparisons[k] for k in numbers]
        coding = PatternCoding(tuple(one.n_levels for one in plans))
        plan = replace(whole.plan, comparisons=plans, key_parts=(), coding=coding)
        marginals = marginals_of_random_pairs(
            plan,
            comparisons,
            factors_of(comparisons, (), coding),
            whole.spec.estimation.random_pairs,
            whole.spec.seed,
            threads,
            progress,
        )
        return {
            one.name: Carried(
                u_without_links(counts[: len(self.linked[k])], self.linked[k]),
                f"{marginals.origin}, less the links",
            )
            for k, one, counts in zip(numbers, comparisons, marginals.counts, strict=True)
        }
