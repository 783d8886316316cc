"""How many pairs an index makes that cannot be counted exactly: estimates from samples, with intervals.

Two estimators, for two kinds of index. Where records have several keys each (letters taken three at a time,
hashes of sets), the slots of all keys can be counted but hold a pair once for every key that it shares.
Where a rule says which pairs belong together (windows, canopies), the partners of some records are found
and all others taken to be like them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORMAL_95 = 1.959963984540054
SLOTS = 20_000
RECORDS = 2_000

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SampledSize:
    """An estimated number of pairs.

    Attributes
    ----------
    n_pairs : float
        The estimate, unbiased.
    error : float
        Its standard error; 0 where everything was looked at.
    low, high : float
        Limits of an interval of 95 per cent, normal on the log scale.
    sampled : int
        Slots or records looked at.
    """

    n_pairs: float
    error: float
    low: float
    high: float
    sampled: int


def pairs_of_many_keys(
    starts: NDArray[np.int64],
    keys: NDArray[np.int32],
    offsets: NDArray[np.int64],
    source_pairs: Sequence[tuple[int, int]],
    n_slots: int = SLOTS,
    seed: int = 1,
) -> SampledSize:
    """Pairs of records that share at least one of several keys.

    A slot is a key with a pair of records that have it. Slots are drawn at random from all, and each counts
    one by the number of keys that its two records share, so that every pair counts once whatever it shares:
    the estimator of Hansen and Hurwitz (1943, Annals of Mathematical Statistics 14) under multiplicity
    (Sirken 1970, Journal of the American Statistical Association 65).

    Parameters
    ----------
    starts : int64 array, shape (n_records + 1,)
        Where the keys of each record begin in `keys`.
    keys : int32 array
        Keys of all records, record after record, each key of a record once; 0 is no key.
    offsets : int64 array
        Where the records of each source begin, as in `Records`.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared; equal numbers for pairs within a source.
    n_slots : int
        How many slots are drawn; where there are no more, all are looked at.
    seed : int
        Seed of the draws.

    Returns
    -------
    SampledSize

    Examples
    --------
    Records 0 and 1 share two keys, 1 and 2 one:

    >>> starts, keys = np.array([0, 2, 5, 6]), np.array([1, 2, 1, 2, 3, 3], np.int32)
    >>> pairs_of_many_keys(starts, keys, np.array([0, 3]), [(0, 0)]).n_pairs
    2.0
    """
    record = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    held = keys > 0
    record, held_keys = record[held], keys[held].astype(np.int64)
    order = np.lexsort((record, held_keys))
    record, held_keys = record[order], held_keys[order]
    n_keys = int(held_keys.max(initial=0)) + 1
    source = np.searchsorted(offsets, record, side="right") - 1
    n_sources = len(offsets) - 1
    # Members of a key and source stand together, since records are in the order of their sources.
    begin = np.searchsorted(held_keys * n_sources + source, np.arange(n_keys * n_sources))
    sizes = np.diff(np.append(begin, len(record))).reshape(n_keys, n_sources)
    begin = begin.reshape(n_keys, n_sources)
    slots = np.stack(
        [
            sizes[:, s] * (sizes[:, s] - 1) // 2 if s == t else sizes[:, s] * sizes[:, t]
            for s, t in source_pairs
        ],
        axis=1,
    ).ravel()
    total = int(slots.sum())
    ends = np.cumsum(slots)
    if total <= n_slots:
        drawn = np.arange(total)
    else:
        drawn = np.random.default_rng((seed, 31)).integers(0, total, n_slots)
    cell = np.searchsorted(ends, drawn, side="right")
    within = drawn - (ends[cell] - slots[cell])
    key, pair = cell // len(source_pairs), cell % len(source_pairs)
    s, t = np.array(source_pairs, np.int64).reshape(-1, 2)[pair].T
    left, right = _members(within, sizes[key, t], s == t)
    one, other = record[begin[key, s] + left], record[begin[key, t] + right]
    values = 1.0 / _shared(starts, keys, one, other)
    if total <= n_slots:
        return _sized(float(values.sum()), 0.0, total, 0, total)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    return _sized(total * mean, total * spread / math.sqrt(len(drawn)), len(drawn), 0, total)


def _members(within: Rows, n_right: Rows, same: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Positions of the two records of a slot, by its number among those of its key and sources."""
    left, right = np.divmod(within, np.maximum(n_right, 1))
    # Pairs of one list by the later of the two: b (b - 1) / 2 come before those of b.
    later = np.floor((1 + np.sqrt(1 + 8.0 * within)) / 2).astype(np.int64)
    later -= later * (later - 1) // 2 > within
    later += later * (later + 1) // 2 <= within
    return np.where(same, within - later * (later - 1) // 2, left), np.where(same, later, right)


def _shared(starts: NDArray[np.int64], keys: NDArray[np.int32], left: Rows, right: Rows) -> Rows:
    """How many keys the records of each pair share."""
    of_record = {
        int(row): set(keys[starts[row] : starts[row + 1]].tolist()) - {0}
        for row in np.unique(np.concatenate([left, right]))
    }
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    return np.array([len(of_record[a] & of_record[b]) for a, b in pairs], np.int64)


def pairs_of_partners(
    partners: Callable[[Rows], NDArray[np.integer]],
    n_records: int,
    n_sampled: int = RECORDS,
    seed: int = 1,
) -> SampledSize:
    """Pairs of any index, from how many partners some records have.

    Records are drawn at random without one coming twice; half of the mean number of partners, times the
    number of records, is the number of pairs (each pair is seen from both of its records), and the interval
    allows for the records that are not drawn (Cochran 1977, Sampling Techniques, 2.6).

    Parameters
    ----------
    partners : callable
        Gives for records, int64 array of shape (n,), the number of partners of each, shape (n,): of all
        records with which it is compared, before and after it.
    n_records : int
        Number of records.
    n_sampled : int
        How many records are drawn; where there are no more, all are looked at.
    seed : int
        Seed of the draw.

    Returns
    -------
    SampledSize

    Examples
    --------
    A window of one neighbour on either side of ten records makes nine pairs:

    >>> pairs_of_partners(lambda rows: 2 - (rows == 0) - (rows == 9), 10).n_pairs
    9.0
    """
    drawn = np.arange(n_records, dtype=np.int64)
    if n_records > n_sampled:
        drawn = np.sort(np.random.default_rng((seed, 37)).choice(drawn, n_sampled, replace=False))
    values = np.asarray(partners(drawn), np.float64)
    seen = float(values.sum()) / 2
    if n_records <= n_sampled:
        return _sized(seen, 0.0, n_records, 0, math.inf)
    spread = float(values.std(ddof=1)) * math.sqrt(1 - n_sampled / n_records)
    error = n_records / 2 * spread / math.sqrt(n_sampled)
    return _sized(float(values.mean()) * n_records / 2, error, n_sampled, seen, math.inf)


def _sized(n_pairs: float, error: float, sampled: int, least: float, most: float) -> SampledSize:
    """An estimate with its interval, within what is sure."""
    if n_pairs <= 0 or error == 0:
        return SampledSize(n_pairs, error, n_pairs, n_pairs, sampled)
    factor = math.exp(NORMAL_95 * error / n_pairs)
    return SampledSize(n_pairs, error, max(least, n_pairs / factor), min(most, n_pairs * factor), sampled)
