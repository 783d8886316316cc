"""What a person should be told about a model before its links are used."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tallystick._formats import count, probability, sentence_list, weight

TOLERANCE = 1e-9
OFTEN = 0.5
SELDOM = 0.1
"""Shares of related pairs that have a value in common, to speak of."""


def level_weights(comparison: Mapping[str, Any]) -> list[float | None]:
    """Weights ln(m / u) by level, from disagreement up; None for a level that no pair can have."""
    stored = comparison.get("weights") or [None] * len(comparison["m"])
    return [
        given if given is not None else _log_ratio(m, u)
        for given, m, u in zip(stored, comparison["m"], comparison["u"], strict=True)
    ]


def _log_ratio(m: float, u: float) -> float | None:
    if m > 0 and u > 0:
        return math.log(m / u)
    return math.inf if m > 0 else -math.inf if u > 0 else None


def parameter_warnings(comparison: Mapping[str, Any]) -> list[str]:
    """Sentences on m and u that do not behave as agreement should.

    Parameters
    ----------
    comparison
        One entry of ``comparisons`` of a model: name, labels, m, u and weights from disagreement up.

    Returns
    -------
    list of str
        Empty when full agreement favours a match, disagreement a non-match, and weights rise from
        level to level.

    Examples
    --------
    >>> sex = {"name": "sex", "labels": ["differs", "same"], "m": [0.1, 0.9], "u": [0.5, 0.5]}
    >>> parameter_warnings(sex)
    []
    >>> print(parameter_warnings(sex | {"m": [0.6, 0.4]})[0])
    sex: full agreement (“same”) is no likelier among matches (m = 0.4000) than among non-matches
    (u = 0.5000).
    """
    name, labels, m, u = (comparison[key] for key in ("name", "labels", "m", "u"))
    found = []
    if m[-1] <= u[-1]:
        found.append(
            f"{name}: full agreement (“{labels[-1]}”) is no likelier among matches "
            f"(m = {probability(m[-1])}) than among non-matches (u = {probability(u[-1])})."
        )
    if m[0] > u[0]:
        found.append(
            f"{name}: disagreement (“{labels[0]}”) is likelier among matches "
            f"(m = {probability(m[0])}) than among non-matches (u = {probability(u[0])})."
        )
    # Where missing is a level it stands between the others and has no order among them.
    known = [
        (label, w)
        for number, (label, w) in enumerate(zip(labels, level_weights(comparison), strict=True))
        if w is not None and number != comparison.get("missing_level")
    ]
    found += [
        f"{name}: weights are not monotone; the level “{label}” ({weight(w)}) weighs less "
        f"than the lower level “{lower_label}” ({weight(lower)})."
        for (lower_label, lower), (label, w) in pairwise(known)
        if w < lower - TOLERANCE
    ]
    return found


def term_sentences(comparison: Mapping[str, Any]) -> list[str]:
    """What the weights of a comparison follow beyond the levels.

    Parameters
    ----------
    comparison
        One entry of ``comparisons`` of a model.

    Returns
    -------
    list of str
        Empty where they are those of the levels.

    Examples
    --------
    >>> print(term_sentences({"interpolation": {"m": 0.9, "u": 0.05, "slopes": None}})[0])
    Each pair is weighed by its own similarity, between agreement (m = 0.9000, u = 0.0500) and
    disagreement; the weights below are those of a usual similarity of each level.
    """
    found = []
    if (known := comparison.get("interpolation")) is not None:
        found.append(
            f"Each pair is weighed by its own similarity, between agreement (m = {probability(known['m'])}, "
            f"u = {probability(known['u'])}) and disagreement; the weights below are those of a usual "
            "similarity of each level."
        )
    if (known := comparison.get("values")) is not None:
        also = ", and partial agreement by that of the commoner of the two" if known["partial"] else ""
        found.append(
            f"Agreement is weighed by the frequency of the very value{also}; the weights below are those of "
            "values of each level taken together."
        )
    return found


def em_sentence(em: Mapping[str, Any] | None) -> tuple[bool, str]:
    """Whether estimation ended well, and a sentence that says so.

    Parameters
    ----------
    em
        ``em`` of a model; None or empty where m and u were given by hand.

    Returns
    -------
    tuple of bool and str
        False when EM stopped without converging.
    """
    if not em or not em.get("iterations"):
        return True, "No EM was run: m and u were given, so nothing was estimated from agreement patterns."
    iterations = f"{count(em['iterations'])} iteration{'' if em['iterations'] == 1 else 's'}"
    if em.get("converged"):
        return True, f"EM converged after {iterations}."
    return False, (
        f"EM stopped after {iterations} without converging: m, u and all figures that depend on them "
        "are provisional. Allow more iterations, or look for comparisons that agree and disagree together."
    )


def related_sentence(model: Mapping[str, Any]) -> str | None:
    """What is known of related pairs, where they are a class of their own.

    Parameters
    ----------
    model
        A model as plain data.

    Returns
    -------
    str or None
    """
    if not model.get("related_share"):
        return None
    pairs = sum(rate["expected_related"] for rate in model["match_rates"])
    shared = {one["name"]: one["shared"] for one in model["comparisons"]}
    often = sentence_list([f"{name} ({share:.0%})" for name, share in shared.items() if share >= OFTEN])
    # What any two records often have in common, such as their sex, relatives have, too.
    telling = {one["name"] for one in model["comparisons"] if one["u"][0] > 1 - SELDOM}
    seldom = sentence_list([name for name, share in shared.items() if share < SELDOM and name in telling])
    return (
        f"About {count(pairs)} pairs of non-matches are related, such as members of one household: they have "
        f"{often or 'little'} in common{f', and hardly ever {seldom}' if seldom else ''}, so that such "
        "agreement counts for less."
    )
