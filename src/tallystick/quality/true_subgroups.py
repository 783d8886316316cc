"""Precision and recall of subgroups of records, counted against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.missed import in_shown_groups
from tallystick.quality.proportions import share_with_limits
from tallystick.quality.subgroups import Grouping


def true_subgroup_rates(
    grouping: Grouping, codes: NDArray[np.integer[Any]], counts: NDArray[np.float64], smallest: int
) -> list[dict[str, Any]]:
    """Precision and recall of the pairs of the records of each group of one source.

    Parameters
    ----------
    grouping : Grouping
        The groups of the distinct values.
    codes : integer array, shape (n_records,)
        Which distinct value each record has.
    counts : float64 array, shape (3, n_records)
        In how many matches each record is, in how many links, and in how many links that are matches.
    smallest : int
        Groups with fewer records are put together (see `in_shown_groups`).

    Returns
    -------
    list of dict
        ``group``, ``records``, ``matches``, ``links``, ``true_links``, ``precision`` with ``precision_low``
        and ``precision_high``, ``recall`` with ``recall_low`` and ``recall_high``: intervals of 95 %
        (Wilson), as if pairs were drawn independently, which those that share a record are not. Empty where
        the groups are too small to be shown.

    Examples
    --------
    >>> counts = np.array([[1.0, 1, 1, 0], [1, 0, 1, 1], [1, 0, 1, 0]])
    >>> found = true_subgroup_rates(Grouping(("f",), np.array([0])), np.zeros(4, int), counts, 1)
    >>> found[0]["recall"], found[0]["precision"]
    (0.6666666666666666, 0.6666666666666666)
    """
    labels, place = in_shown_groups(grouping, codes, smallest)
    if not labels:
        return []
    n = len(labels)
    records = np.bincount(place, minlength=n)
    matches, links, right = (np.bincount(place, weights=row, minlength=n) for row in counts)
    found = []
    for k, label in enumerate(labels):
        row: dict[str, Any] = {
            "group": label,
            "records": int(records[k]),
            "matches": int(matches[k]),
            "links": int(links[k]),
            "true_links": int(right[k]),
        }
        for name, whole in (("precision", links[k]), ("recall", matches[k])):
            row |= share_with_limits(name, float(right[k]), float(whole))
        found.append(row)
    return found
