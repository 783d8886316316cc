"""Chances of agreement patterns by a fitted model: joint where it is, with missing values, value by value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.value_term import ValueTerm
from tallystick.quality.pattern_chances import Part, PatternChances

Floats = NDArray[np.float64]

VALUE_CLASSES = 20
"""Classes that the values of one band are put in, by how common they are."""


def model_patterns(
    parameters: Parameters,
    missing: Sequence[bool] | None = None,
    comparisons: Sequence[Comparison] | None = None,
    source_pair: int | None = None,
    agreeing: Sequence[bool] | None = None,
) -> PatternChances:
    """Chances of the agreement patterns of pairs by a model, and what they weigh.

    Comparisons that were estimated together stay together, related pairs are a class of the non-matches where
    the model has it, and where agreement is weighed by value the values of a band are classes of their own,
    which matches have as often as records do and non-matches the more often the commoner they are
    (`tallystick.estimation.value_term`). Weights that follow similarities are those of usual ones.

    Parameters
    ----------
    parameters : Parameters
        The model.
    missing : sequence of bool, shape (n_comparisons,), optional
        Which comparisons say nothing, since a value is missing; by default none.
    comparisons : sequence of Comparison, optional
        The comparisons as in the specification, with their tables of values; without them agreement by value
        weighs as that on usual values does.
    source_pair : int, optional
        Pair of sources, for its share of related pairs.
    agreeing : sequence of bool, shape (n_comparisons,), optional
        Comparisons on which all pairs agree, whether matches or not, as within blocks of such a field:
        chances are those given that. What they weigh stays.

    Returns
    -------
    PatternChances

    Examples
    --------
    >>> own = ComparisonParameters("name", ("differ", "equal"), (0.1, 0.9), (0.95, 0.05), "given", "given")
    >>> chances = model_patterns(Parameters((own, own)), missing=[False, True])
    >>> round(chances.rate(0.0, matches=True), 6)
    0.9
    """
    gone = np.zeros(len(parameters.comparisons), bool) if missing is None else np.asarray(missing, bool)
    share = parameters.share_of(source_pair)
    parts, together = [], set()
    for one in parameters.interactions:
        present = [number for number in one.comparisons if not gone[number]]
        together.update(present)
        if present:
            parts.append(_joint(parameters, one, present, share > 0))
    for number, own in enumerate(parameters.comparisons):
        if gone[number]:
            parts.append(_missing(number, own))
        elif number not in together:
            settings = None if comparisons is None else comparisons[number]
            parts.append(_alone(number, own, settings, share > 0))
    for number in np.flatnonzero(np.zeros(0) if agreeing is None else np.asarray(agreeing, bool)).tolist():
        top = 1 if comparisons is None else comparisons[number].n_top
        least = len(parameters.comparisons[number].labels) - top
        parts = [_agreeing(part, number, least) if number in part.comparisons else part for part in parts]
    return PatternChances(tuple(parts), share)


def _agreeing(part: Part, number: int, least: int) -> Part:
    """The cells of a part in which a comparison agrees fully, or is missing, and their chances given that."""
    kept = part.digits[:, part.comparisons.index(number)] >= least
    m, u, r = (None if one is None else one[kept] for one in (part.m, part.u, part.r))
    assert m is not None
    assert u is not None
    return Part(
        part.comparisons,
        part.digits[kept],
        m / m.sum(),
        u / u.sum(),
        part.weight[kept],
        None if r is None else r / r.sum(),
        None if part.related_weight is None else part.related_weight[kept],
    )


def _missing(number: int, own: ComparisonParameters) -> Part:
    one = np.ones(1)
    return Part(
        (number,),
        np.full((1, 1), len(own.labels), np.uint8),
        one,
        one,
        np.array([own.missing_weight]),
        one,
        np.zeros(1),
    )


def _joint(parameters: Parameters, one: Interaction, present: Sequence[int], related: bool) -> Part:
    axes = tuple(k for k, number in enumerate(one.comparisons) if number not in present)
    kept = tuple(k for k, number in enumerate(one.comparisons) if number in present)
    shape = tuple(one.shape[k] for k in kept)
    levels = np.stack([axis.ravel() for axis in np.indices(shape)], axis=1).astype(np.uint8)
    every = np.array([[len(own.labels) for own in parameters.comparisons]], np.uint8)
    digits = np.repeat(every, len(levels), axis=0)
    digits[:, [one.comparisons[k] for k in kept]] = levels
    chance = {which: one.table(which).sum(axis=axes).ravel() for which in "mu"}
    numbers = [one.comparisons[k] for k in kept]
    weight, extra = (
        table[numbers][np.arange(len(numbers)), levels].sum(axis=1)
        for table in (parameters.level_weights, parameters.related_level_weights)
    )
    weight = weight + one.at(one.terms, digits.T)
    extra = extra + one.at(one.related_terms, digits.T)
    r = None
    if related:
        r = one.table("r" if one.r is not None else "u").sum(axis=axes).ravel()
    return Part(tuple(numbers), levels, chance["m"], chance["u"], weight, r, extra if related else None)


def _alone(number: int, own: ComparisonParameters, settings: Comparison | None, related: bool) -> Part:
    weights = np.array(own.weights)
    levels = np.arange(len(weights), dtype=np.uint8)
    m, u = np.array(own.m), np.array(own.u)
    r, extra = np.array(own.r if own.r is not None else own.u), np.array(own.related_weights)
    if own.values is not None and settings is not None and settings.has_shares:
        levels, m, u, r, term = _by_value(own, own.values, settings)
        extra = extra[levels] + own.related_terms(levels, term)
        weights = weights[levels] + term
    return Part((number,), levels[:, None], m, u, weights, r if related else None, extra if related else None)


def _by_value(
    own: ComparisonParameters, values: ValueTerm, settings: Comparison
) -> tuple[NDArray[np.uint8], Floats, Floats, Floats, Floats]:
    """Levels, m, u, r and term of each cell: a level, or a class of the values of a band."""
    shares = np.array([*settings.shares.values()], np.float64)
    bands = np.searchsorted(-np.array(settings.edges), -shares)
    rest = max(1.0 - float(shares.sum()), 0.0)
    columns: list[list[Floats]] = [[], [], [], [], []]
    for level in range(len(own.labels)):
        band = level - values.first
        f, q = np.ones(1), np.ones(1)
        term = np.zeros(1)
        if 0 <= band < len(values.usual):
            f = shares[bands == band]
            q = values.frequency(f, values.others[band])
            if band == len(values.usual) - 1 and rest > 0:
                f, q = np.append(f, rest), np.append(q, values.rest)
            if not len(f):
                f = q = np.ones(1)
            else:
                term = values.power * (values.usual[band] - np.log(q))
        group = _classes(term, f)
        match = np.bincount(group, weights=f / f.sum())
        chance = np.bincount(group, weights=f * q / (f * q).sum())
        mean = np.bincount(group, weights=term * f / f.sum()) / match
        s = own.shared or 0.0
        r = s * own.m[level] * match + (1 - s) * own.u[level] * chance
        r_level = own.r[level] if own.r is not None else own.u[level]
        made = (np.full(len(match), float(level)), own.m[level] * match, own.u[level] * chance)
        for column, part in zip(columns, (*made, r_level * r / r.sum(), mean), strict=True):
            column.append(part)
    levels, m, u, r, term = (np.concatenate(column) for column in columns)
    return levels.astype(np.uint8), m, u, r, term


def _classes(term: Floats, f: Floats) -> NDArray[np.int64]:
    """A class for each value, values of like terms together, each class about as common as the others."""
    if len(term) <= VALUE_CLASSES:
        return np.arange(len(term), dtype=np.int64)
    order = np.argsort(term, kind="stable")
    at = np.cumsum(f[order]) / f.sum()
    group = np.empty(len(term), np.int64)
    group[order] = np.minimum((at * VALUE_CLASSES).astype(np.int64), VALUE_CLASSES - 1)
    return np.unique(group, return_inverse=True)[1].astype(np.int64).reshape(-1)
