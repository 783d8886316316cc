"""Kernels on random pairs of rows against rapidfuzz; prints JSON rows.

Both have one worker. Ours gets value codes, as a linkage does, and gives levels; rapidfuzz gets the two
lists of strings, and gives values. It is measured with the lowest threshold as its cut-off and without,
and the faster counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

import tallystick as ts
from tallystick.datasets import persons
from tallystick.records.encode import encode_values

PAIRS = 1_000_000
PERSONS = 50_000
THRESHOLDS = (0.92, 0.85, 0.75)
DISTANCES = (1, 2)


def best_of(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of a few calls, after one that is not counted."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rows(name: str, values: pl.Series, edits: bool, random: np.random.Generator) -> list[dict[str, Any]]:
    """A row of ours and a row of the peer."""
    codes, distinct = encode_values(values)
    comparator = ts.damerau_levenshtein(*DISTANCES) if edits else ts.jaro_winkler(*THRESHOLDS)
    scorer = OSA.distance if edits else JaroWinkler.similarity
    measure = comparator.prepare((distinct,), (distinct,), True)
    at = random.integers(0, len(values), (2, PAIRS))
    a, b = codes[at[0]], codes[at[1]]
    left, right = values.gather(at[0]).to_list(), values.gather(at[1]).to_list()
    levels = np.empty(PAIRS, np.uint8)
    ours = best_of(lambda: measure.levels(a, b, levels))
    full = best_of(lambda: measure.similarities(a, b), 2)
    cut = DISTANCES[-1] if edits else THRESHOLDS[-1]
    plain = best_of(lambda: cpdist(left, right, scorer=scorer, workers=1), 3)
    pruned = best_of(lambda: cpdist(left, right, scorer=scorer, score_cutoff=cut, workers=1), 3)
    # Rapidfuzz itself gives 32-bit numbers, which round some values across a threshold.
    theirs = cpdist(left, right, scorer=scorer, dtype=np.float64)
    mine = measure.similarities(a, b)
    equal = bool(np.allclose(mine, theirs, atol=1e-6) and np.array_equal(levels, _levels(theirs, edits)))
    work = f"kernel: {name}"
    about = {"work": work, "pairs": PAIRS, "distinct_values": len(distinct) - 1}
    return [
        {
            **about,
            "by": f"tallystick {ts.__version__}",
            "seconds": ours,
            "ns_per_pair": round(ours / PAIRS * 1e9, 1),
            "ns_per_pair_values": round(full / PAIRS * 1e9, 1),
            "equal": equal,
        },
        {
            **about,
            "by": f"rapidfuzz {version('rapidfuzz')}",
            "seconds": min(plain, pruned),
            "ns_per_pair": round(min(plain, pruned) / PAIRS * 1e9, 1),
            "ns_per_pair_values": round(plain / PAIRS * 1e9, 1),
        },
    ]


def _levels(values: np.ndarray[Any, Any], edits: bool) -> np.ndarray[Any, Any]:
    """Levels of rapidfuzz's values; equal strings alone have distance 0 and similarity 1."""
    reached = (
        [values <= cut for cut in (*DISTANCES, 0)] if edits else [values >= t for t in (*THRESHOLDS, 1.0)]
    )
    return np.sum(reached, axis=0).astype(np.uint8)


def main() -> None:
    table = persons(PERSONS, duplicates=(0.7, 0.2, 0.1), seed=1, email=True).table
    random = np.random.default_rng(1)
    out = [
        *rows("Jaro-Winkler, surnames", table["surname"].drop_nulls(), False, random),
        *rows("Jaro-Winkler, e-mail addresses", table["email"].drop_nulls(), False, random),
        *rows("edits and swaps, dates", table["date_of_birth"].drop_nulls(), True, random),
    ]
    print(json.dumps(out))


if __name__ == "__main__":
    main()
