"""The number of matches where the user states it, or rules of a stated recall tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint, Links, constraint
from tallystick.errors import InputError
from tallystick.estimation.deterministic import chance_pairs, count_rule_pairs
from tallystick.estimation.settings import Deterministic, Estimation, StatedMatches
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import Records

MOST_BY_CHANCE = 0.1
"""Share of the pairs that rules find which may agree by chance before a warning."""


@dataclass(frozen=True)
class KnownMatches:
    """A number of matches that is not estimated from patterns.

    Attributes
    ----------
    matches : float64 array, shape (n_source_pairs,)
        How many.
    origin : str
        Where it comes from.
    warnings : tuple of str
        What was changed of it.
    """

    matches: NDArray[np.float64]
    origin: str
    warnings: tuple[str, ...]


_LIMITS = {
    (True, True): "the records of the smaller file, as links are one-to-one",
    (True, False): "the records of {left}, which have one match each at most",
    (False, True): "the records of {right}, which have one match each at most",
    (False, False): "the pairs of records",
}


@dataclass(frozen=True)
class MatchLimit:
    """How many matches a pair of sources can have.

    Attributes
    ----------
    most : float
        The most that there can be.
    once : bool
        Whether that follows from records that have one match at most.
    where, said : str
        The pair of sources and the limit, for a sentence.
    """

    most: float
    once: bool
    where: str
    said: str


def match_limits(records: Records, plan: PairPlan, links: Links) -> list[MatchLimit]:
    """How many matches each pair of sources can have: as many as records that have one match at most.

    Parameters
    ----------
    records : Records
        The records.
    plan : PairPlan
        Their plan.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many matches a record may have.

    Returns
    -------
    list of MatchLimit
        In the order of the plan's pairs of sources.
    """
    sizes = np.diff(records.offsets)
    found = []
    for (s, t), allowed in zip(
        plan.blocking.source_pairs, plan.blocking.allowed_pairs().tolist(), strict=True
    ):
        limits = constraint(links, *records.declared(s, t)) if s != t else Constraint()
        most = limits.most_matches(int(sizes[s]), int(sizes[t]), max(allowed - 1.0, 0.5 * allowed))
        left, right = records.sources[s], records.sources[t]
        where = f"within {left}" if s == t else f"between {left} and {right}"
        said = _LIMITS[limits.left_once, limits.right_once].format(left=left, right=right)
        found.append(MatchLimit(most, limits.competes, where, said))
    return found


def start_matches(plan: PairPlan) -> NDArray[np.float64]:
    """Numbers of matches that EM starts from: half the smaller file, or a fifth of one file."""
    sizes = np.diff(plan.blocking.offsets)
    return np.array(
        [0.2 * sizes[s] if s == t else 0.5 * min(sizes[s], sizes[t]) for s, t in plan.blocking.source_pairs]
    )


def known_matches(
    records: Records, plan: PairPlan, settings: Estimation, links: Links
) -> KnownMatches | None:
    """The number of matches that the settings state.

    A single number for several pairs of sources is shared out in proportion to what EM starts from: half
    the smaller file, or a fifth of one file. The pairs that deterministic rules find, times the rules'
    precision over their recall, are the matches of each pair of sources.

    A number beyond what is possible is clipped, and a warning says so: the records of
    a file whose records have at most one match, of two such files the smaller one, otherwise all allowed
    pairs but one.

    Parameters
    ----------
    records : Records
        The records.
    plan : PairPlan
        Their plan.
    settings : Estimation
        With `expected_matches` or `deterministic`.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many matches a record may have.

    Returns
    -------
    KnownMatches or None
        None where the settings state nothing.

    Raises
    ------
    InputError
        Where a stated pair of sources is none, one has no number, or no pair agrees on any rule.
    """
    pairs = plan.blocking.source_pairs
    warnings: list[str] = []
    if settings.expected_matches is not None:
        stated, origin = _stated(records, plan, settings.expected_matches), "stated"
    elif settings.deterministic is not None:
        rules = settings.deterministic
        found = count_rule_pairs(records, pairs, rules.rules)
        if not found.sum():
            raise InputError(
                "estimation.deterministic: no pair of records agrees on all fields of any rule, so they say "
                "nothing of the number of matches: check that the fields are coded alike, or drop a field."
            )
        # A pair of sources without any such pair may still have matches that the rules do not find.
        stated = np.maximum(found, 0.5) * rules.precision / rules.recall
        warnings += _by_chance(records, plan, rules, found)
        origin = (
            f"{int(found.sum()):,} pairs of deterministic rules, precision {rules.precision:g} and "
            f"recall {rules.recall:g}"
        )
    else:
        return None
    sizes = np.diff(records.offsets)
    matches = stated.copy()
    for k, ((s, t), limit) in enumerate(zip(pairs, match_limits(records, plan, links), strict=True)):
        if stated[k] > limit.most:
            matches[k] = limit.most
            warnings.append(
                f"There cannot be {stated[k]:,.0f} matches {limit.where} (origin: {origin}), more than "
                f"{limit.said}: {limit.most:,.0f} are taken; check the number."
            )
        elif s != t and stated[k] > min(sizes[s], sizes[t]):
            warnings.append(
                f"{stated[k]:,.0f} matches (origin: {origin}) are more than the {min(sizes[s], sizes[t]):,} "
                f"records of the smaller of {records.sources[s]} and {records.sources[t]}: right only if "
                "files hold an entity more than once; check the number."
            )
    return KnownMatches(matches, origin, tuple(warnings))


def _stated(
    records: Records, plan: PairPlan, stated: float | tuple[StatedMatches, ...]
) -> NDArray[np.float64]:
    pairs = plan.blocking.source_pairs
    if not isinstance(stated, tuple):
        shares = start_matches(plan)
        return np.asarray(stated * shares / shares.sum(), np.float64)
    names = [frozenset((records.sources[s], records.sources[t])) for s, t in pairs]
    of_pair = {frozenset((one.left, one.right)): one for one in stated}
    for place, one in of_pair.items():
        if place not in names:
            raise InputError(
                f"estimation.expected_matches: {one.left} and {one.right} are no pair of sources that is "
                f"compared; those are {_listed(names)}."
            )
    lacking = [place for place in names if place not in of_pair]
    if lacking:
        raise InputError(
            f"estimation.expected_matches: there is no number for {_listed(lacking)}: give one for every "
            "pair of sources, or one for all together."
        )
    return np.array([of_pair[place].matches for place in names])


def _by_chance(records: Records, plan: PairPlan, rules: Deterministic, found: NDArray[np.int64]) -> list[str]:
    """A warning where many of the pairs that rules find are chance, and no precision is stated."""
    by_chance = chance_pairs(records, plan.blocking.source_pairs, rules.rules)
    if rules.precision < 1 or by_chance <= MOST_BY_CHANCE * found.sum():
        return []
    return [
        f"About {by_chance:,.0f} of the {int(found.sum()):,} pairs that the deterministic rules find would "
        "agree by chance alone: add fields to the rules, or state their precision."
    ]


def _listed(places: Sequence[frozenset[str]]) -> str:
    return "; ".join(" and ".join(sorted(place)) for place in places)
