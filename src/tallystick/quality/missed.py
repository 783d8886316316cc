"""Who is missed: rates of linkage by subgroup, and how linked and unlinked records differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.proportions import (
    Difference,
    mean_difference,
    share_difference,
    share_with_limits,
    shares_difference,
)
from tallystick.quality.subgroups import MISSING, Grouping

OTHER = "other (small groups)"


def subgroup_rates(
    grouping: Grouping, codes: NDArray[np.integer[Any]], linked: NDArray[np.bool_], smallest: int
) -> dict[str, Any]:
    """Rates of linkage of the groups of one source, and how its linked and unlinked records differ.

    Parameters
    ----------
    grouping : Grouping
        The groups of the distinct values.
    codes : integer array, shape (n_records,)
        Which distinct value each record has.
    linked : bool array, shape (n_records,)
        Which records have a link.
    smallest : int
        Groups with fewer records are put together (see `in_shown_groups`).

    Returns
    -------
    dict
        ``difference``, ``corrected``, ``low`` and ``high`` of all groups together (`shares_difference`),
        null where all records are linked or none is; ``groups``, a dict each, and none where the groups are
        too small to be shown:
        ``group``, ``records``, ``linked``, ``rate`` with ``rate_low`` and ``rate_high`` (Wilson),
        ``share_linked`` and ``share_unlinked`` (of the linked, of the unlinked records how many are of the
        group), and the standardised ``difference`` of these with ``difference_low`` and ``difference_high``.
        Where the groups are bands of numbers ``mean`` has ``linked``, ``unlinked``, and the standardised
        ``difference`` of the means with ``low`` and ``high``.

    Examples
    --------
    >>> one = Grouping(("f", "m"), np.array([-1, 0, 1]))
    >>> codes = np.repeat([1, 2], [50, 50])
    >>> found = subgroup_rates(one, codes, np.arange(100) < 90, 10)
    >>> [(row["group"], row["rate"]) for row in found["groups"]]
    [('f', 1.0), ('m', 0.8)]
    """
    labels, place = in_shown_groups(grouping, codes, smallest)
    if not labels:
        return rates_of_groups([])
    records = np.bincount(place, minlength=len(labels))
    links = np.bincount(place[linked], minlength=len(labels))
    found = rates_of_groups(
        [(label, int(n), int(k)) for label, n, k in zip(labels, records, links, strict=True)]
    )
    mean = None if grouping.numbers is None else _mean(grouping.numbers[codes], linked)
    return found if mean is None else {**found, "mean": mean}


def in_shown_groups(
    grouping: Grouping, codes: NDArray[np.integer[Any]], smallest: int
) -> tuple[list[str], NDArray[np.int64]]:
    """The groups that a table shows: the large ones, and the small ones together.

    No group of a table has fewer records than asked for, nor can one be had by taking the others from the
    total: where the small groups together are still too few, the next larger one joins them. Missing values
    are as any group in this. What is put together is named by what is in it.

    Parameters
    ----------
    grouping : Grouping
        The groups of the distinct values.
    codes : integer array, shape (n_records,)
        Which distinct value each record has.
    smallest : int
        Groups with fewer records are put together.

    Returns
    -------
    labels : list of str
        Of the groups that have a record. None where all of them would have to be put together.
    place : int64 array, shape (n_records,)
        Which of them each record is in; -1 where there are none.

    Examples
    --------
    >>> one = Grouping(("f", "m", "x", "y"), np.array([-1, 0, 1, 2, 3]))
    >>> labels, place = in_shown_groups(one, np.array([1, 1, 1, 2, 2, 3, 4, 0, 0]), 2)
    >>> labels, place.tolist()
    (['f', 'm', 'other (small groups)', 'missing'], [0, 0, 0, 1, 1, 2, 2, 3, 3])
    >>> labels, place = in_shown_groups(one, np.array([1, 1, 1, 2, 2, 3, 0]), 2)
    >>> labels, place.tolist()
    (['f', 'm', 'other (small groups), missing'], [0, 0, 0, 1, 1, 2, 2])
    >>> in_shown_groups(one, np.array([1, 1, 1, 2, 2, 3]), 2)[0]
    ['f', 'm, other (small groups)']
    """
    n = len(grouping.labels)
    group = grouping.group[codes]
    group = np.where(group < 0, n + 1, group)
    size = np.bincount(group, minlength=n + 2)
    there = np.flatnonzero(size).tolist()
    small = [k for k in there if size[k] < smallest]
    large = sorted((k for k in there if size[k] >= smallest), key=lambda k: (k > n, size[k]))
    joined = large[:1] if small and size[small].sum() < smallest else []
    if small and len(large) == len(joined):
        return [], np.full(len(codes), -1, np.int64)
    shown = np.arange(n + 2)
    shown[[*small, *joined]] = n
    used, place = np.unique(shown[group], return_inverse=True)
    parts = [grouping.labels[k] for k in joined]
    parts += [OTHER] * any(k < n for k in small) + [MISSING] * (n + 1 in small)
    labels = [*grouping.labels, ", ".join(parts), MISSING]
    return [labels[k] for k in used.tolist()], np.asarray(place, np.int64)


def rates_of_groups(rows: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """What `subgroup_rates` gives of groups that are counted already.

    Parameters
    ----------
    rows : sequence of (str, int, int)
        Label, records and linked records of each group.

    Returns
    -------
    dict
        ``difference``, ``corrected``, ``low``, ``high`` and ``groups``.
    """
    records = np.array([row[1] for row in rows], np.float64)
    links = np.array([row[2] for row in rows], np.float64)
    of_all, n, k = shares_difference(links, records - links), records.sum(), links.sum()
    groups = []
    for label, own, linked in rows:
        differ = share_difference(linked, k, own - linked, n - k)
        groups.append(
            {
                "group": label,
                "records": own,
                "linked": linked,
                **share_with_limits("rate", linked, own),
                "share_linked": linked / float(k) if k else None,
                "share_unlinked": (own - linked) / float(n - k) if n > k else None,
                **_prefixed(differ),
            }
        )
    whole = asdict(of_all) if of_all else dict.fromkeys(("value", "corrected", "low", "high"))
    return {
        "difference": whole["value"],
        "corrected": whole["corrected"],
        "low": whole["low"],
        "high": whole["high"],
        "groups": groups,
    }


def _prefixed(one: Difference | None) -> dict[str, float | None]:
    return {
        "difference": None if one is None else one.value,
        "difference_low": None if one is None else one.low,
        "difference_high": None if one is None else one.high,
    }


def _mean(numbers: NDArray[np.float64], linked: NDArray[np.bool_]) -> dict[str, Any] | None:
    """Means of linked and unlinked records that have a number, and how they differ."""
    known = np.isfinite(numbers)
    first, second = numbers[known & linked], numbers[known & ~linked]
    found = mean_difference(first, second)
    if found is None:
        return None
    return {
        "linked": float(first.mean()),
        "unlinked": float(second.mean()),
        "difference": found.value,
        "low": found.low,
        "high": found.high,
    }
