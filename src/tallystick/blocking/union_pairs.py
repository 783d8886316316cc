"""How many pairs several passes find together, exactly: pair by pair, or by records alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.finders import Listed, OneKey
from tallystick.blocking.key_pairs import pairs_by_key
from tallystick.blocking.keys import combine_codes
from tallystick.blocking.plan import BlockingPlan, finds_all
from tallystick.blocking.sizes import new_pairs

Way = Literal["keys", "pairs"]

RECORD_COST = 2.0
"""What a record costs in one set of passes, in pairs gone through: 1 ns where most are left out, against 6 ns
a pair, two threads each (a million persons, six passes)."""

Keys = NDArray[np.int32]


@dataclass(frozen=True)
class UnionPairs:
    """Pairs that belong to each pass, and how they were counted.

    Attributes
    ----------
    new : int64 array, shape (n_passes,)
        Pairs that each pass finds and no earlier one; their sum is the union of all.
    way : {"keys", "pairs"}
        Whether joint keys were counted, or the pairs gone through.
    """

    new: NDArray[np.int64]
    way: Way

    @property
    def n_pairs(self) -> int:
        """Number of pairs that some pass finds."""
        return int(self.new.sum())


def union_pairs(plan: BlockingPlan, threads: int | None = None, way: Way | None = None) -> UnionPairs:
    """Count the pairs that belong to each pass, in the way that costs less.

    Pairs on which all passes of a set agree are those that share a joint key, which is counted by
    records alone. Those that pass k finds and no earlier one follow by inclusion and exclusion: the
    sum over all sets S of passes up to k that hold k of ``(-1)^(|S| - 1) N(S)``, N(S) being the pairs
    of the joint key (the sieve; Feller 1968, An Introduction to Probability Theory, IV.1). Records
    that share a joint key with no other are left out of all larger sets.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.
    threads : int, optional
        Number of threads.
    way : {"keys", "pairs"}, optional
        Which way to go; by default that of the lower estimated cost (`costs`). Where some pass has neither
        keys nor a list the pairs are gone through in any case.

    Returns
    -------
    UnionPairs

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.blocking.passes import blocking_key
    >>> from tallystick.blocking.plan import plan_blocking
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> towns, sexes = pl.Series("town", ["york", "bath", "york"]), pl.Series("sex", ["f", "f", "f"])
    >>> table = Table("a", pl.Series(["1", "2", "3"]), {"town": towns, "sex": sexes}, sha256="")
    >>> plan = plan_blocking(encode([table]), [blocking_key("town"), blocking_key("sex")], "dedupe")
    >>> union_pairs(plan).new.tolist()
    [1, 2]
    """
    if not _has_keys(plan):
        way = "pairs"
    if way is None:
        by_keys, by_pairs = costs(plan)
        way = "keys" if by_keys <= by_pairs else "pairs"
    return UnionPairs(_by_keys(plan, threads) if way == "keys" else new_pairs(plan, threads), way)


def _has_keys(plan: BlockingPlan) -> bool:
    """Whether the pairs of all passes are known from keys or lists."""
    found = zip(plan.passes, plan.finders, strict=True)
    return all(finds_all(one) or isinstance(finder, (OneKey, Listed)) for one, finder in found)


def _keys(plan: BlockingPlan) -> list[Keys | None]:
    """The keys of each pass that has one a record, whatever made them; not of one that finds all pairs."""
    return [
        finder.keys if isinstance(finder, OneKey) and not finds_all(one) else None
        for one, finder in zip(plan.passes, plan.finders, strict=True)
    ]


def _lists(plan: BlockingPlan) -> list[tuple[Keys, Keys] | None]:
    """The pairs of each pass that lists them: of a table, of a condition."""
    return [(one.left, one.right) if isinstance(one, Listed) else None for one in plan.finders]


def costs(plan: BlockingPlan) -> tuple[float, float]:
    """About what it costs to count joint keys, and to go through the pairs, in pairs gone through.

    A set of passes costs at most the records that share a key with another in each of them.

    Parameters
    ----------
    plan : BlockingPlan
        The passes.

    Returns
    -------
    by_keys, by_pairs : float
    """
    keyed = (number for number, keys in enumerate(_keys(plan)) if keys is not None)
    shared = sorted(min(plan.n_records, 2 * plan.count_pairs(number)) for number in keyed)
    # The pass of the k-th fewest records is the smallest of 2 to the number of larger ones sets.
    sets = sum(n * 2.0 ** (len(shared) - 1 - k) for k, n in enumerate(shared))
    return RECORD_COST * (sets + plan.n_records * len(shared)), float(plan.pairs_to_visit())


def _by_keys(plan: BlockingPlan, threads: int | None) -> NDArray[np.int64]:
    new = np.zeros(len(plan.passes), np.int64)
    keys, lists = _keys(plan), _lists(plan)
    keyed = [(number, own) for number, own in enumerate(keys) if own is not None]

    def work(first: int) -> NDArray[np.int64]:
        """Of all sets whose lowest pass is this one."""
        own = np.zeros(len(plan.passes), np.int64)
        columns = [column for _, column in keyed]
        for last, size, n in _sets(plan, columns, first + 1, np.arange(plan.n_records), columns[first]):
            own[keyed[last][0]] += n if size % 2 else -n
        return own

    for own in run_units(work, range(len(keyed)), threads):
        new += own
    for number, listed in enumerate(lists):
        if listed is not None:
            new += _of_list(plan, number, listed, keys, lists)
    every = next((k for k, one in enumerate(plan.passes) if finds_all(one)), None)
    if every is not None:
        new[every] = int(plan.allowed_pairs().sum()) - int(new[:every].sum())
        new[every + 1 :] = 0
    return new


def _sets(
    plan: BlockingPlan,
    keys: Sequence[Keys],
    following: int,
    rows: NDArray[np.int64],
    joint: Keys,
    size: int = 1,
) -> Iterator[tuple[int, int, int]]:
    """Last pass, number of passes and pairs of a set and of all that add later passes to it."""
    _, pairs = pairs_by_key(joint, np.searchsorted(rows, plan.offsets), plan.source_pairs)
    yield following - 1, size, int(pairs.sum())
    shared = (pairs > 0)[joint]
    rows, joint = rows[shared], joint[shared]
    if not len(rows):
        return
    for other in range(following, len(keys)):
        yield from _sets(plan, keys, other + 1, rows, combine_codes([joint, keys[other][rows]]), size + 1)


def _of_list(
    plan: BlockingPlan,
    number: int,
    pairs: tuple[Keys, Keys],
    keys: Sequence[Keys | None],
    lists: Sequence[tuple[Keys, Keys] | None],
) -> NDArray[np.int64]:
    """What a list's pairs add: to itself those not found before; later keys lose those."""
    new = np.zeros(len(plan.passes), np.int64)
    left, right = pairs
    known = np.zeros(len(left), bool)
    flat = left.astype(np.int64) * plan.n_records + right
    for earlier in range(number):
        if (other := lists[earlier]) is not None:
            known |= np.isin(flat, other[0].astype(np.int64) * plan.n_records + other[1])
        known |= _agree(keys[earlier], left, right)
    new[number] = np.count_nonzero(~known)
    for later in range(number + 1, len(plan.passes)):
        agree = _agree(keys[later], left, right) & ~known
        # The joint keys took them for new in the later pass.
        new[later] -= np.count_nonzero(agree)
        known |= agree
    return new


def _agree(keys: Keys | None, left: Keys, right: Keys) -> NDArray[np.bool_]:
    if keys is None:
        return np.zeros(len(left), bool)
    return np.asarray((keys[left] != 0) & (keys[left] == keys[right]))
