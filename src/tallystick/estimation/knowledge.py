"""What is known of the parameters before the pairs are looked at, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.em import Given
from tallystick.estimation.factors import Factor
from tallystick.estimation.matches import KnownMatches, known_matches
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.previous import matched
from tallystick.estimation.reference import compared, u_of_reference
from tallystick.estimation.settings import Estimation, Previous
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records

Levels = NDArray[np.float64] | None
ALL_PAIRS = "all pairs, matches included"


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
    matches : KnownMatches, optional
        The number of matches that the settings state, where `checked` has worked it out.
    """

    previous: Parameters | None = None
    reference: Records | None = None
    one_to_one: bool = False
    matches: KnownMatches | None = None


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


def checked(
    records: Records,
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    settings: Estimation,
    knowledge: Knowledge,
) -> Knowledge:
    """Raise what `gather` would raise, before any pair is compared.

    Parameters
    ----------
    records, plan, comparisons, settings, knowledge
        As of `gather`.

    Returns
    -------
    Knowledge
        With the number of matches that the settings state.

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
    return replace(knowledge, matches=known_matches(records, plan, settings, knowledge.one_to_one))


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
    ones = [_Known(u_origin=ALL_PAIRS if settings.u == "all_pairs" else None) for _ in comparisons]
    related = None
    if settings.reference is not None and knowledge.reference is not None:
        table = u_of_reference(
            knowledge.reference, comparisons, _within(plan), settings.random_pairs, seed, threads, progress
        )
        ones = [
            one if u is None else replace(one, u=u, u_origin=table.origin)
            for one, u in zip(ones, table.u, strict=True)
        ]
    if settings.previous is not None and knowledge.previous is not None:
        owns = matched(comparisons, knowledge.previous, settings.previous)
        ones = [_with_previous(one, own, settings.previous) for one, own in zip(ones, owns, strict=True)]
        if settings.previous.use == "as_is" and all(owns):
            related = "class" if knowledge.previous.related_share else "none"
    if known is not None:
        related = "class" if known.related_share else "none"
        ones = [replace(one, shared=own.shared) for one, own in zip(ones, known.comparisons, strict=True)]
    ones = [_with_hand(one, own) for one, own in zip(ones, comparisons, strict=True)]
    of_matches = knowledge.matches or known_matches(records, plan, settings, knowledge.one_to_one)
    of_factor = [_Known() if f.comparison is None else ones[f.comparison] for f in factors]
    given = Given(
        tuple(one.m for one in of_factor),
        tuple(one.u for one in of_factor),
        tuple(one.shared for one in of_factor),
        None if of_matches is None else of_matches.matches,
        tuple(one.start for one in of_factor),
        tuple(one.prior for one in of_factor),
        (settings.previous.weight or 0.0) if settings.previous else 0.0,
    )
    return Gathered(
        given,
        tuple(one.m_origin for one in ones),
        tuple(one.u_origin for one in ones),
        "EM" if of_matches is None else of_matches.origin,
        related,
        () if of_matches is None else of_matches.warnings,
    )


@dataclass(frozen=True)
class _Known:
    """What is known of one comparison: probabilities by level, and where they come from."""

    m: Levels = None
    u: Levels = None
    start: Levels = None
    prior: Levels = None
    shared: float | None = None
    m_origin: str = "EM"
    u_origin: str | None = None


def _with_previous(one: _Known, own: ComparisonParameters | None, settings: Previous) -> _Known:
    if own is None:
        return one
    name, m = f"previous model {settings.model}", np.array(own.m)
    if settings.use == "as_is":
        return replace(one, m=m, u=np.array(own.u), shared=own.shared, m_origin=name, u_origin=name)
    if settings.use == "start":
        return replace(one, start=m, m_origin=f"EM, from {name}")
    origin = f"EM, prior worth {settings.weight:g} matches from {name}"
    return replace(one, start=m, prior=m, m_origin=origin)


def _with_hand(one: _Known, comparison: Comparison) -> _Known:
    if comparison.m is not None:
        one = replace(one, m=np.array(comparison.m), m_origin="given")
    if comparison.u is not None:
        one = replace(one, u=np.array(comparison.u), u_origin="given")
    return one


def _require_all_pairs(plan: PairPlan, settings: Estimation) -> None:
    if settings.u == "free" and not plan.blocking.compares_all:
        raise InputError(
            'estimation.u: found "free" where the passes do not compare all pairs, and candidates alone do '
            'not tell how often non-matches agree: compare all pairs, or leave u = "non_matches".'
        )


def _within(plan: PairPlan) -> bool:
    """Whether records are paired within a source."""
    return any(s == t for s, t in plan.blocking.source_pairs)
