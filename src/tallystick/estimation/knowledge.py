"""What is known of the parameters before the pairs are looked at, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.em import Given
from tallystick.estimation.factors import Factor
from tallystick.estimation.matches import known_matches
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.previous import matched
from tallystick.estimation.reference import compared, u_of_reference
from tallystick.estimation.settings import Estimation
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records

Levels = NDArray[np.float64] | None


@dataclass(frozen=True)
class Knowledge:
    """What comes from outside the files that are linked.

    Attributes
    ----------
    previous : Parameters, optional
        Of the model that ``estimation.previous`` names.
    reference : Records, optional
        Of the table that ``estimation.reference`` names.
    one_to_one : bool
        Whether a record has at most one match.
    """

    previous: Parameters | None = None
    reference: Records | None = None
    one_to_one: bool = False


@dataclass(frozen=True)
class Gathered:
    """What EM is given, with the origin of it.

    Attributes
    ----------
    given : Given
        For EM.
    m_origins, u_origins : tuple of str or None
        One for every comparison; None for u that is counted on the files.
    matches_origin : str
        Of the number of matches.
    related : {"none", "class"} or None
        Whether related pairs are a class of their own, where what is held says so.
    warnings : tuple of str
    """

    given: Given
    m_origins: tuple[str, ...]
    u_origins: tuple[str | None, ...]
    matches_origin: str
    related: Any
    warnings: tuple[str, ...]


def check(
    records: Records,
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    settings: Estimation,
    knowledge: Knowledge,
) -> None:
    """Raise what `gather` would raise, before any pair is compared.

    Parameters
    ----------
    records, plan, comparisons, settings, knowledge
        As of `gather`.

    Raises
    ------
    InputError
        Where what is asked for does not fit.
    """
    _require_all_pairs(plan, settings)
    if settings.previous is not None and knowledge.previous is not None:
        matched(comparisons, knowledge.previous, settings.previous)
    if knowledge.reference is not None:
        compared(knowledge.reference, comparisons, _within(plan))
    known_matches(records, plan, settings, knowledge.one_to_one)


def gather(
    records: Records,
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    factors: Sequence[Factor],
    settings: Estimation,
    knowledge: Knowledge,
    known: Parameters | None = None,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress = silent,
) -> Gathered:
    """Put together what is given by hand, by a previous model, by a reference table and by rules.

    What a comparison gives by hand comes before all else.

    Parameters
    ----------
    records : Records
        The records.
    plan : PairPlan
        Their plan.
    comparisons : sequence of Comparison
        The comparisons.
    factors : sequence of Factor
        The factors.
    settings : Estimation
        Which of them are asked for.
    knowledge : Knowledge
        The model and the table that the settings name.
    known : Parameters, optional
        Parameters that are held whatever the settings say, but for the rules: a number of matches that they
        state is that of other files.
    seed : int
        Seed of random pairs.
    threads : int, optional
        Number of threads.
    progress : Progress
        Told how far random pairs are.

    Returns
    -------
    Gathered

    Raises
    ------
    InputError
        Where what is asked for is not there or does not fit.
    """
    if known is not None:
        rest = {"previous": None, "reference": None, "expected_matches": None}
        settings = settings.model_copy(update=rest)
    for name in ("previous", "reference"):
        if getattr(settings, name) is not None and getattr(knowledge, name) is None:
            raise ValueError(f"estimation.{name} is asked for, but `knowledge` has no {name}")
    _require_all_pairs(plan, settings)
    n = len(comparisons)
    m: list[Levels] = [None] * n
    u: list[Levels] = [None] * n
    start: list[Levels] = [None] * n
    prior: list[Levels] = [None] * n
    shared: list[float | None] = [None] * n
    m_origins, u_origins = ["EM"] * n, [None if settings.u != "all_pairs" else ALL_PAIRS] * n
    related = None
    if settings.reference is not None and knowledge.reference is not None:
        found = u_of_reference(
            knowledge.reference, comparisons, _within(plan), settings.random_pairs, seed, threads, progress
        )
        u = list(found.u)
        u_origins = [
            old if one is None else found.origin for one, old in zip(found.u, u_origins, strict=True)
        ]
    if settings.previous is not None and knowledge.previous is not None:
        use, weight = settings.previous.use, settings.previous.weight
        name = f"previous model {settings.previous.model}"
        owns = matched(comparisons, knowledge.previous, settings.previous)
        for k, own in enumerate(owns):
            if own is None:
                continue
            levels = np.array(own.m)
            if use == "as_is":
                m[k], u[k], shared[k] = levels, np.array(own.u), own.shared
                m_origins[k] = u_origins[k] = name
            else:
                start[k] = levels
                m_origins[k] = f"EM, from {name}"
            if use == "prior":
                prior[k] = levels
                m_origins[k] = f"EM, prior worth {weight:g} matches from {name}"
        if use == "as_is" and all(owns):
            related = "class" if knowledge.previous.related_share else "none"
    if known is not None:
        related = "class" if known.related_share else "none"
        shared = [one.shared for one in known.comparisons]
    for k, one in enumerate(comparisons):
        if one.m is not None:
            m[k], m_origins[k] = np.array(one.m), "given"
        if one.u is not None:
            u[k], u_origins[k] = np.array(one.u), "given"
    of_matches = known_matches(records, plan, settings, knowledge.one_to_one)
    given = Given(
        _by_factor(factors, m),
        _by_factor(factors, u),
        tuple(None if f.comparison is None else shared[f.comparison] for f in factors),
        None if of_matches is None else of_matches.matches,
        _by_factor(factors, start) if any(one is not None for one in start) else (),
        _by_factor(factors, prior) if any(one is not None for one in prior) else (),
        0.0 if settings.previous is None else settings.previous.weight or 0.0,
    )
    return Gathered(
        given,
        tuple(m_origins),
        tuple(u_origins),
        "EM" if of_matches is None else of_matches.origin,
        related,
        () if of_matches is None else of_matches.warnings,
    )


def _require_all_pairs(plan: PairPlan, settings: Estimation) -> None:
    if settings.u == "free" and not plan.blocking.compares_all:
        raise InputError(
            'estimation.u: found "free" where the passes do not compare all pairs, and candidates alone do '
            'not tell how often non-matches agree: compare all pairs, or leave u = "non_matches".'
        )


def _within(plan: PairPlan) -> bool:
    """Whether records are paired within a source."""
    return any(s == t for s, t in plan.blocking.source_pairs)


ALL_PAIRS = "all pairs, matches included"


def _by_factor(factors: Sequence[Factor], values: Sequence[Levels]) -> tuple[Levels, ...]:
    return tuple(None if factor.comparison is None else values[factor.comparison] for factor in factors)
