"""Pairs that agree exactly on the fields of some rule, counted without going through pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.key_pairs import count_key_pairs
from tallystick.blocking.keys import combine_codes
from tallystick.records.records import Records


def count_rule_pairs(
    records: Records, source_pairs: Sequence[tuple[int, int]], rules: Sequence[Sequence[str]]
) -> NDArray[np.int64]:
    """Pairs of records that agree on all fields of at least one rule.

    A pair agrees on two rules at once where it agrees on the fields of both. So the pairs of every set of
    rules are counted from how often each combination of values occurs, and the union of the rules is the sum
    over single rules less that over two of them, and so on (inclusion and exclusion). Exact, and no pair is
    looked at, however common a value is.

    Parameters
    ----------
    records : Records
        The records; a missing value agrees with none.
    source_pairs : sequence of (int, int)
        Pairs of sources whose records are compared; equal numbers for pairs within a source.
    rules : sequence of sequence of str
        The fields of each rule.

    Returns
    -------
    int64 array, shape (n_source_pairs,)

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.preparation.read import read_source
    >>> from tallystick.preparation.source import Source
    >>> from tallystick.records.encode import encode
    >>> a = pl.DataFrame({"name": ["ann", "bob", "eve"], "mail": ["a@x", None, "e@x"]})
    >>> b = pl.DataFrame({"name": ["ann", "bob", "eva"], "mail": ["a@x", "b@x", "e@x"]})
    >>> tables = [read_source(Source(name=n, table=t), ["name", "mail"]) for n, t in (("a", a), ("b", b))]
    >>> count_rule_pairs(encode(tables), [(0, 1)], [["name"], ["mail"]]).tolist()
    [3]
    """
    times: Counter[tuple[str, ...]] = Counter()  # sets of rules that come to the same fields are counted once
    for size in range(1, len(rules) + 1):
        for some in combinations(rules, size):
            times[tuple(sorted({field for rule in some for field in rule}))] += 1 if size % 2 else -1
    found = np.zeros(len(source_pairs), np.int64)
    for fields, n in times.items():
        if n:
            keys = combine_codes([records.columns[field].codes for field in fields])
            pairs = [count_key_pairs(keys, records.offsets, [pair]).n_pairs for pair in source_pairs]
            found += n * np.array(pairs, np.int64)
    return found


def chance_pairs(
    records: Records, source_pairs: Sequence[tuple[int, int]], rules: Sequence[Sequence[str]]
) -> float:
    """Pairs that would agree on some rule if the fields of a pair had nothing to do with each other.

    Parameters
    ----------
    records, source_pairs, rules
        As of `count_rule_pairs`.

    Returns
    -------
    float
        All pairs of records times the share of them that agrees on each field, summed over the rules of two
        fields or more. Of a rule of one field nobody knows which of its pairs are chance.
    """
    sizes = np.diff(records.offsets)
    total = 0.0
    for s, t in source_pairs:
        pairs = float(sizes[s] * (sizes[s] - 1) / 2 if s == t else sizes[s] * sizes[t])
        for rule in rules:
            if len(rule) > 1 and pairs:
                shares = [
                    count_key_pairs(records.columns[field].codes, records.offsets, [(s, t)]).n_pairs / pairs
                    for field in rule
                ]
                total += pairs * float(np.prod(shares))
    return total
