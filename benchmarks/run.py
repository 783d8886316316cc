"""Benchmarks: what `make bench` and `make bench-quick` run.

Each row is measured in this run, ours and the peer one after the other; the table is printed, and all of
it written with the versions and the machine to results.json (the quick rows alone to out/quick.json).

This file and what it imports stay small, so that the memory of a measured process is its own (measure.py).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import work
from peers import FOLDER, peer_versions, peers_python
from targets import targets

LIBRARIES = ("tallystick", "numba", "numpy", "polars", "scipy", "rapidfuzz")
LARGE = 10_000_000


def parts(quick: bool, large: bool) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What is measured, in this order."""
    yield work.kernels
    yield work.essnet
    if quick:
        return
    yield work.start_up
    yield work.febrl4
    yield partial(work.persons, 100_000, True)
    yield partial(work.persons, 1_000_000, True)
    yield partial(work.persons, 1_000_000, True, "persons-address.toml", ", whole address")
    if large:
        yield partial(work.persons, LARGE, False)


def machine() -> dict[str, Any]:
    """Processor, cores and memory."""
    name = platform.processor() or platform.machine()
    told = Path("/proc/cpuinfo")
    if told.is_file():
        names = [line for line in told.read_text().splitlines() if line.startswith("model name")]
        name = names[0].split(":", 1)[1].strip() if names else name
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": name,
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "system": platform.system(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Versions of tallystick, what it computes with, and the peers."""
    found = {"python": platform.python_version(), "tallystick": work.__version__}
    for name in LIBRARIES:
        try:
            found.setdefault(name, version(name))
        except PackageNotFoundError:
            continue
    return found


def line(row: dict[str, Any]) -> str:
    """A row of the printed table."""
    pairs, seconds = row.get("pairs"), row["seconds"]
    speed = f"{pairs / seconds / 1e6:.2f}" if pairs else ""
    peak = f"{row['peak_gb']:.2f}" if "peak_gb" in row else ""
    scores = "  ".join(f"{found['f1']:.4f} at {found['cut_off']}" for found in row.get("errors", []))
    counted = f"{pairs:,}" if pairs else ""
    return f"{row['work']:40}{row['by']:20}{seconds:9.3f}{peak:>7}{counted:>13}{speed:>10}  {scores}"


def main() -> None:
    """Run the rows, print the table and write the results."""
    parser = argparse.ArgumentParser(description="Measure tallystick beside its peers.")
    parser.add_argument("--quick", action="store_true", help="only the rows that take seconds")
    parser.add_argument("--large", action="store_true", help="10 million persons, too")
    chosen = parser.parse_args()
    about = {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    if not chosen.quick:
        peers_python()  # before anything is measured
    print(f"{'work':40}{'by':20}{'seconds':>9}{'GB':>7}{'pairs':>13}{'M pairs/s':>10}  F1")
    rows: list[dict[str, Any]] = []
    for part in parts(chosen.quick, chosen.large):
        try:
            made = part()
        except work.MissingError as reason:
            print(f"left out: {reason}")
            continue
        for row in made:
            print(line(row), flush=True)
        rows += made
    reached = targets(rows)
    for target in reached:
        limit = f"{'at least' if target.at_least else 'at most'} {target.limit:g}"
        print(f"{'met ' if target.met else 'MISS'}  {target.what}: {target.value:.4g} ({limit})")
    for row in rows:
        if "pairs" in row:
            row["pairs_per_second"] = round(row["pairs"] / row["seconds"])
        row["seconds"] = round(row["seconds"], 4)
        if "peak_gb" in row:
            row["peak_gb"] = round(row["peak_gb"], 3)
    results = {
        **about,
        "versions": versions(),
        **({"peers": peer_versions(FOLDER / "bin" / "python")} if not chosen.quick else {}),
        "rows": rows,
        "targets": [target.as_dict() for target in reached],
    }
    work.OUT.mkdir(exist_ok=True)
    out = work.OUT / "quick.json" if chosen.quick else work.HERE / "results.json"
    out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"written to {os.path.relpath(out)}")


if __name__ == "__main__":
    sys.exit(main())
