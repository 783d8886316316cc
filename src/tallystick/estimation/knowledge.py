"""What is known of the parameters before the pairs are looked at, and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.blocking.constraint import Links
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.carried import WORTH, Carried
from tallystick.estimation.cells import Levels
from tallystick.estimation.em import Given
from tallystick.estimation.interactions import Interaction, of_group
from tallystick.estimation.joint import AnyFactor, Joint
from tallystick.estimation.matches import KnownMatches, known_matches
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.previous import matched
from tallystick.estimation.reference import compared, u_of_reference
from tallystick.estimation.settings import Estimation, Previous
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records

Known = NDArray[np.float64] | None
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
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many matches a record may have (see `tallystick.blocking.constraint`).
    matches : KnownMatches, optional
        The number of matches that the settings state, where `checked` has worked it out.
    carried : mapping of str to Carried
        What earlier steps of the linkage tell of comparisons, by name.
    """

    previous: Parameters | None = None
    reference: Records | None = None
    links: Links = "many_to_many"
    matches: KnownMatches | None = None
    carried: Mapping[str, Carried] = field(default_factory=dict)


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
    return replace(knowledge, matches=known_matches(records, plan, settings, knowledge.links))


def gather(
    records: Records,
    plan: PairPlan,
    comparisons: Sequence[Comparison],
    factors: Sequence[AnyFactor],
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
    factors : sequence of Factor or Joint
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
    if known is None:
        ones = [
            _with_carried(one, knowledge.carried.get(own.name))
            for one, own in zip(ones, comparisons, strict=True)
        ]
    ones = [_with_hand(one, own) for one, own in zip(ones, comparisons, strict=True)]
    of_matches = knowledge.matches or known_matches(records, plan, settings, knowledge.links)
    joint, lost = _joint_tables(comparisons, factors, settings, knowledge, known)
    levels = {
        which: tuple(_levels(factor, ones, which, joint[k]) for k, factor in enumerate(factors))
        for which in ("m", "u", "start", "prior")
    }
    of_part = [None if p.comparison is None else ones[p.comparison].shared for f in factors for p in f.parts]
    given = Given(
        levels["m"],
        levels["u"],
        tuple(of_part),
        None if of_matches is None else of_matches.matches,
        levels["start"],
        levels["prior"],
        (settings.previous.weight or WORTH) if settings.previous else WORTH,
    )
    return Gathered(
        given,
        tuple(one.m_origin for one in ones),
        tuple(one.u_origin for one in ones),
        "EM" if of_matches is None else of_matches.origin,
        related,
        (*(() if of_matches is None else of_matches.warnings), *lost),
    )


@dataclass(frozen=True)
class _Known:
    """What is known of one comparison: probabilities by level, and where they come from."""

    m: Known = None
    u: Known = None
    start: Known = None
    prior: Known = None
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


def _with_carried(one: _Known, carried: Carried | None) -> _Known:
    """What earlier steps tell, where a previous model has not settled it."""
    if carried is None:
        return one
    if one.u is None:
        one = replace(one, u=carried.u, u_origin=carried.u_origin, shared=carried.shared)
    if carried.m is None or one.m is not None:
        return one
    if carried.hold:
        return replace(one, m=carried.m, m_origin=carried.m_origin)
    origin = f"EM, prior worth {WORTH:g} matches: {carried.m_origin}"
    return replace(one, start=carried.m, prior=carried.m, m_origin=origin)


def _with_hand(one: _Known, comparison: Comparison) -> _Known:
    if comparison.m is not None:
        one = replace(one, m=np.array(comparison.m), m_origin="given")
    if comparison.u is not None:
        one = replace(one, u=np.array(comparison.u), u_origin="given")
    return one


def _levels(
    factor: AnyFactor, ones: Sequence[_Known], which: str, joint: dict[str, NDArray[np.float64]]
) -> Levels:
    """What is known of a factor: the joint levels, or those of each part, or nothing."""
    if which in joint:
        return joint[which]
    own = tuple(
        None if part.comparison is None else getattr(ones[part.comparison], which) for part in factor.parts
    )
    if isinstance(factor, Joint):
        return None if all(one is None for one in own) else own
    return own[0]


def _joint_tables(
    comparisons: Sequence[Comparison],
    factors: Sequence[AnyFactor],
    settings: Estimation,
    knowledge: Knowledge,
    known: Parameters | None,
) -> tuple[list[dict[str, NDArray[np.float64]]], list[str]]:
    """For every factor what a model says of its levels together, and sentences on what is not made use of."""
    found: list[dict[str, NDArray[np.float64]]] = [{} for _ in factors]
    model = known or (knowledge.previous if settings.previous else None)
    if model is None:
        return found, []
    use = "as_is" if known is not None or settings.previous is None else settings.previous.use
    asked = {"as_is": {"m": "m", "u": "u"}, "start": {"start": "m"}, "prior": {"start": "m", "prior": "m"}}[
        use
    ]
    groups = []
    for own, factor in zip(found, factors, strict=True):
        if not isinstance(factor, Joint):
            continue
        parts = [comparisons[part.comparison] for part in factor.parts if part.comparison is not None]
        groups.append({one.name for one in parts})
        table = of_group(model.interactions, [one.name for one in parts])
        if table is None:
            continue
        for which, of in asked.items():
            # What is given by hand of one of them comes before all else.
            if known is not None or all(getattr(one, of) is None for one in parts):
                own[which] = table.table(of)
    if use != "as_is" or settings.previous is None:
        return found, []
    lost = [one for one in model.interactions if not any(set(one.names) <= group for group in groups)]
    return found, [_lost(one, settings.previous.model) for one in lost]


def _lost(one: Interaction, model: str) -> str:
    return (
        f"The previous model {model} has joint probabilities of {', '.join(one.names)}, which are not used: "
        "they are weighed as if they were independent; add interactions = "
        f"[{json.dumps(list(one.names), ensure_ascii=False)}] under [estimation]."
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
