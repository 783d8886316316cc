"""What a record could weigh at most: who cannot be linked, whoever the other record is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.finders import Filtered, Finder, Listed
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.parameters import Parameters
from tallystick.linking.score import weigh_digits
from tallystick.linking.terms import pair_terms
from tallystick.patterns.plan import PairPlan
from tallystick.records.records import MISSING, Records

Rows = NDArray[np.int32]


def has_key(finder: Finder, rows: Rows) -> NDArray[np.bool_]:
    """Which records have what a pass needs: whether it would find another record that is the very same.

    Parameters
    ----------
    finder : Finder
        How the pass finds pairs. Of one that is a list of pairs, whether the record is in any.
    rows : int32 array, shape (n,)
        Global rows.

    Returns
    -------
    bool array, shape (n,)

    Examples
    --------
    >>> from tallystick.blocking.finders import OneKey
    >>> has_key(OneKey(np.array([4, 0, 4], np.int32)), np.arange(3, dtype=np.int32)).tolist()
    [True, False, True]
    """
    own = finder.finder if isinstance(finder, Filtered) else finder
    if isinstance(own, Listed):
        listed = np.zeros(own.n_records, bool)
        listed[own.left] = listed[own.right] = True
        return np.asarray(listed[rows], np.bool_)
    return np.asarray(finder.holds(rows, rows), np.bool_)


def attainable_weights(
    records: Records,
    comparisons: tuple[Comparison, ...],
    plan: PairPlan,
    parameters: Parameters,
    rows: Rows,
    source_pair: int,
) -> NDArray[np.float64]:
    """The weight of each record with another that agrees on all it has: the most that it could weigh.

    Values that are missing weigh what missing ones do; values that are rare weigh more, where weights follow
    them. Of a comparison whose weights do not rise with its levels the level that weighs most is taken.
    (Where comparisons were estimated together, levels that fall short together may weigh a little more.)

    Parameters
    ----------
    records : Records
        The records.
    comparisons : tuple of Comparison
        Which fields are compared.
    plan : PairPlan
        The plan.
    parameters : Parameters
        The model.
    rows : int32 array, shape (n,)
        Global rows, of one source.
    source_pair : int
        The pair of sources whose records are compared.

    Returns
    -------
    float64 array, shape (n,)
    """
    digits = np.ascontiguousarray(plan.digits.of(rows, rows)[: len(comparisons)])
    source = int(plan.blocking.source_pairs[source_pair][0])
    offsets = records.offsets
    is_left = len(rows) > 0 and offsets[source] <= rows[0] < offsets[source + 1]
    terms = pair_terms(plan.comparisons, parameters, rows, rows, digits)
    for number, one in enumerate(comparisons):
        levels = parameters.coding.n_levels[number]
        if one.left != one.right:
            # A record's own values of two fields need not agree: what counts is whether it has any.
            absent = _missing(records, one.left if is_left else one.right, rows)
            digits[number] = np.where(absent, levels, levels - 1)
        # Weights need not rise with the levels: what weighs most is then not full agreement.
        weights = parameters.level_weights[number]
        best = int(weights[:levels].argmax())
        own = weights[digits[number]] + terms.get(number, 0.0)
        digits[number] = np.where((own < weights[best]) & (digits[number] < levels), best, digits[number])
    return weigh_digits(plan, parameters, rows, rows, digits, source_pair)


def _missing(records: Records, fields: tuple[str, ...], rows: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    absent = np.ones(len(rows), bool)
    for field in fields:
        absent &= records.columns[field].codes[rows] == MISSING
    return absent
