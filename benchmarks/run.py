"""Benchmarks: what `make bench` and `make bench-quick` run.

Each row is measured in this run, ours and the peer side by side; the table is printed and written
to results.json with the versions and the machine.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

HERE = Path(__file__).parent
DATA = Path(os.environ.get("TALLYSTICK_DATA", HERE.parent.parent / "shared" / "data"))
N_PAIRS = 1_000_000
Row = dict[str, Any]


def best_of(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of a few calls, after one that is not counted."""
    work()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def kernel_rows() -> list[Row]:
    """Random pairs of rows by value codes, against rapidfuzz on the same strings; one worker each."""
    from rapidfuzz.distance import OSA, JaroWinkler
    from rapidfuzz.process import cpdist

    import tallystick as ts
    from tallystick.records.encode import encode_values

    persons = pl.concat(
        [
            pl.read_csv(DATA / f"{name}.csv", infer_schema=False).select(
                "pername2", "dob_day", "dob_mon", "dob_year"
            )
            for name in ("cis", "prd")
        ]
    )
    dates = (
        persons.drop_nulls()
        .select(
            pl.format("{}-{}-{}", "dob_year", pl.col("dob_mon").str.zfill(2), pl.col("dob_day").str.zfill(2))
        )
        .to_series()
    )
    random = np.random.default_rng(1)
    rows = []
    for name, values, comparator, scorer in (
        (
            "Jaro-Winkler on surnames",
            persons["pername2"].drop_nulls(),
            ts.jaro_winkler(0.92, 0.85, 0.75),
            JaroWinkler.similarity,
        ),
        ("edits and swaps on dates", dates, ts.damerau_levenshtein(1, 2), OSA.distance),
    ):
        codes, distinct = encode_values(values)
        measure = comparator.prepare((distinct,), (distinct,), True)
        at = random.integers(0, len(codes), (2, N_PAIRS))
        a, b = codes[at[0]], codes[at[1]]
        left, right = values.gather(at[0]).to_list(), values.gather(at[1]).to_list()
        out = np.empty(N_PAIRS, np.uint8)
        levels = best_of(lambda m=measure, a=a, b=b, out=out: m.levels(a, b, out))
        full = best_of(lambda m=measure, a=a, b=b: m.similarities(a, b))
        peer = best_of(
            lambda left=left, right=right, scorer=scorer: cpdist(left, right, scorer=scorer, workers=1)
        )
        agree = bool(np.allclose(measure.similarities(a, b), cpdist(left, right, scorer=scorer), atol=1e-6))
        rows.append(
            {
                "work": name,
                "pairs": N_PAIRS,
                "ns_per_pair_levels": round(levels / N_PAIRS * 1e9, 1),
                "ns_per_pair_values": round(full / N_PAIRS * 1e9, 1),
                "ns_per_pair_rapidfuzz": round(peer / N_PAIRS * 1e9, 1),
                "equal": agree,
            }
        )
    return rows


def counting_row() -> Row:
    """Counting the patterns of all pairs of CIS and PRD, tables of values made and kernels warm."""
    from tallystick.linkage.prepare import prepare
    from tallystick.patterns.count import count_patterns
    from tallystick.spec import load_spec, resolved

    path = HERE.parent / "examples" / "essnet.toml"
    spec = resolved(load_spec(path), path.parent)
    plan = prepare(spec, spec.sources).plan
    seconds = best_of(lambda: count_patterns(plan), 2)
    pairs = int(plan.blocking.candidate_pairs().sum())
    return {
        "work": "CIS to PRD, counting patterns",
        "pairs": pairs,
        "seconds": round(seconds, 2),
        "million_pairs_per_second": round(pairs / seconds / 1e6),
    }


def process_row() -> Row:
    """CIS to PRD as a whole process, report included; then its errors against the truth."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "tallystick"]
        start = time.perf_counter()
        subprocess.run(
            [*command, "link", str(HERE.parent / "examples" / "essnet.toml"), "--out", str(out), "--quiet"],
            check=True,
        )
        seconds = time.perf_counter() - start
        # The largest of all children so far; the only one large enough to matter is this.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        done = subprocess.run(
            [*command, "evaluate", str(out), "--truth", "person_id"],
            check=True,
            capture_output=True,
            text=True,
        )
    return {
        "work": "CIS to PRD, whole process",
        "seconds": round(seconds, 1),
        "peak_gb": round(peak, 2),
        "truth": done.stdout.strip(),
    }


def main() -> None:
    """Run the rows and write the results."""
    if not (DATA / "cis.csv").is_file():
        sys.exit(
            f"benchmarks: {DATA} does not hold cis.csv and prd.csv; set TALLYSTICK_DATA to their folder."
        )
    rows = [*kernel_rows(), counting_row(), process_row()]
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    results = {
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("numba", "numpy", "polars", "rapidfuzz")},
        "rows": rows,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
