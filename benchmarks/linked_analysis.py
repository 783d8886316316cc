"""The whole way, many times: two files of persons with families, linked with wrong links, a known regression.

Run: python benchmarks/linked_analysis.py [--runs 300] [--persons 20000] [--processes 2] [--write]
With --write the table goes to docs/guide/linked-simulations.md. Each repetition draws persons, errors and the
outcome anew, links the files with this product and estimates (tests/simulate_linked_files.py); repetitions
that are done are kept in out/, so that an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))
for name in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402
from simulate_linked_files import CORRECTED, SLOPE, learnt, repetition  # noqa: E402

PAGE = HERE.parent / "docs" / "guide" / "linked-simulations.md"


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    folder = HERE / "out"
    folder.mkdir(exist_ok=True)
    kept = folder / f"linked_analysis_{asked.persons}.jsonl"
    done = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    seeds = sorted(set(range(1, asked.runs + 1)) - {one["seed"] for one in done})
    started = time.perf_counter()
    if seeds:
        one = partial(repetition, asked.persons, model=learnt(folder, asked.persons))
        # Polars has threads by now, and a fork of it would hang.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(asked.processes, context) as pool, kept.open("a") as file:
            for figures in pool.map(one, seeds):
                done.append(figures)
                file.write(json.dumps(figures) + "\n")
                file.flush()
    print(f"{len(seeds)} repetitions in {time.perf_counter() - started:.0f} s")
    table = table_of([one for one in done if one["seed"] <= asked.runs])
    print(table)
    if asked.write:
        before, _, rest = PAGE.read_text("utf-8").partition("<!-- table -->\n")
        after = rest.partition("<!-- end of table -->\n")[2]
        PAGE.write_text(f"{before}<!-- table -->\n{table}<!-- end of table -->\n{after}", "utf-8")


def table_of(done: Sequence[dict[str, Any]]) -> str:
    """The table of the page."""

    def mean(name: str) -> float:
        return float(np.mean([one[name] for one in done]))

    def row(label: str, name: str, theory: str = "") -> str:
        values, errors, covers = np.array([one[name] for one in done]).T
        spread = values.std(ddof=1)
        expected = f"{mean(theory) - SLOPE:+.4f}" if theory else ""
        return (
            f"| {label} | {values.mean() - SLOPE:+.4f} ({spread / np.sqrt(len(done)):.4f}) | {expected} | "
            f"{spread:.4f} | {errors.mean() / spread:.2f} | {100 * covers.mean():.1f} % |\n"
        )

    def naive(before: str) -> str:
        values = np.array([one[before + "naive"] for one in done]) - SLOPE
        spread = values.std(ddof=1)
        theory = mean(f"{before}naive, theory") - SLOPE
        return (
            f"{values.mean():+.4f} ({spread / np.sqrt(len(done)):.4f}) | {theory:+.4f} | {spread:.4f} | | |\n"
        )

    text = (
        f"{len(done)} repetitions; {mean('links'):,.0f} links, {100 * mean('wrong'):.2f} % of them wrong; "
        f"{mean('expected'):,.0f} matches expected of the candidates, {mean('matches'):,.0f} true; a of the "
        f"injected errors {mean('a'):.3f}.\n\n"
        "| errors and estimator | bias of the slope 2 (Monte Carlo error) | theory | spread | "
        "standard error / spread | 95 % interval covers |\n|---|---|---|---|---|---|\n"
    )
    for before, words in (("", "x of each by itself"), ("alike ", "x alike in families")):
        text += f"| **errors of the linkage, {words}**: naive | {naive(before)}"
        text += row("Lahiri-Larsen with this run's posteriors (Q posterior)", f"{before}posterior Q")
        for method in ("ratio", "lahiri-larsen", "eblue"):
            text += row(f"{method}, exchangeable, true q by block", f"{before}real {method}")
        text += row("ratio, exchangeable, one q from 400 judged links", f"{before}real ratio, q audited")
        text += row("ratio, q by band, 400 judged links", f"{before}real ratio, q by band audited")
    text += row("**errors injected exchangeably**: naive", "injected naive", "theory naive")
    for method in CORRECTED:
        text += row(method, f"injected {method}")
    text += row("scheuren-winkler", "injected scheuren-winkler", "theory scheuren-winkler")
    text += (
        "\n| table of x > 0 by y > 1, injected errors, cell of both | mean | theory | "
        "95 % interval covers |\n|---|---|---|---|\n"
        f"| true links | {mean('table true'):.1f} | | |\n"
    )
    for name, words in (("unbiased", "X'Q^-1 Y*"), ("naive", "X'Y*"), ("biased", "X'Q Y*")):
        covers = f"{100 * mean('table covers'):.1f} %" if name == "unbiased" else ""
        theory = mean(f"table theory {name}")
        text += f"| {name}, {words} | {mean(f'table {name}'):.1f} | {theory:.1f} | {covers} |\n"
    return text


if __name__ == "__main__":
    main()
