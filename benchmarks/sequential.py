"""Sequential passes and union of them on a census and a survey: sequential.py [PERSONS] [SAMPLE] [--union].

Generates a census of PERSONS (1,000,000) and a survey of SAMPLE (a tenth of it), 95 % of whom are in the
census, runs census-survey.toml and prints the table of its steps, then its errors. With --union the passes
but the last, which would compare all pairs, also run as a union.

The truth only scores. Of the true pairs those count that could be found: whose weight exceeds the no-link
constant under the generator's own m and u, that is with the levels of all true pairs, and of random pairs,
counted by the truth.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import tallystick as ts
from tallystick.datasets import persons
from tallystick.linkage.prepare import Prepared, prepare
from tallystick.linkage.sequential_links import SequentialLinks
from tallystick.quality.steps import steps_text
from tallystick.spec import load_spec, resolved

HERE = Path(__file__).parent
RANDOM = 20_000_000
MEMORY = 2 * 2**30
"""Bytes that tables of compared values may take: the last step looks most values up instead of comparing."""


def worth_finding(whole: Prepared, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which true pairs, as global rows, weigh more than the no-link constant under the true m and u."""
    offsets = whole.records.offsets
    n1, n2 = np.diff(offsets).tolist()
    random = np.random.default_rng(1)
    a = random.integers(0, n1, RANDOM).astype(np.int32)
    b = (n1 + random.integers(0, n2, RANDOM)).astype(np.int32)
    n = len(whole.plan.comparisons)
    weight = np.zeros(len(left))
    true, others = (whole.plan.digits.of(*rows)[:n] for rows in ((left, right), (a, b)))
    for plan, own, other in zip(whole.plan.comparisons, true, others, strict=True):
        m = np.bincount(own, minlength=plan.n_levels + 1)[: plan.n_levels] + 0.5
        u = np.bincount(other, minlength=plan.n_levels + 1)[: plan.n_levels] + 0.5
        table = np.append(np.log(m / m.sum()) - np.log(u / u.sum()), 0.0)
        weight += table[own]
    return weight > ts.no_link_constant(n1, n2, float(len(left)))


def rows_of(whole: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """The true pairs as global rows."""
    parts = []
    for source in whole.spec.sources:
        frame = pl.read_parquet(source.path, columns=["record_id", "person_id"])
        parts.append(frame.with_columns(source=pl.lit(source.name)))
    ids = pl.DataFrame({"record_id": whole.records.ids}).with_row_index("row")
    names = [name for k, name in enumerate(whole.records.sources) for _ in whole.records.rows(k)]
    truth = ids.with_columns(source=pl.Series(names)).join(pl.concat(parts), on=["source", "record_id"])
    left, right = (truth.filter(pl.col("source") == name) for name in whole.records.sources)
    both = left.join(right, on="person_id")
    return both["row"].to_numpy().astype(np.int32), both["row_right"].to_numpy().astype(np.int32)


def score(name: str, links: ts.Links | SequentialLinks, whole: Prepared, seconds: float) -> None:
    """Print the errors of a linkage."""
    left, right = rows_of(whole)
    n = whole.records.n_records
    true = left.astype(np.int64) * n + right
    worth = true[worth_finding(whole, left, right)]
    pairs = links.decided.pairs
    found = (pairs.left.astype(np.int64) * n + pairs.right)[links.decided.links]
    hits = np.isin(found, true).sum()
    rates = links.quality()
    print(
        f"{name}: {len(found):,} links, {len(found) - hits:,} false; of {len(true):,} true pairs {hits:,} "
        f"found, F1 {2 * hits / (len(found) + len(true)):.4f}; of {len(worth):,} that outweigh the no-link "
        "constant "
        f"{np.isin(worth, found).sum():,} found, {np.isin(worth, found).mean():.4f}; estimated "
        f"{rates.false_links:,.0f} false, {rates.missed:,.0f} missed; {seconds:.0f} s"
    )


def main() -> None:
    """Generate, link, score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("persons", nargs="?", type=int, default=1_000_000)
    parser.add_argument("sample", nargs="?", type=int)
    parser.add_argument("--union", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sample = asked.sample or asked.persons // 10
    files = persons(asked.persons, sample, overlap=0.95, seed=asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TALLYSTICK_BENCH"] = folder
        files.left.write_parquet(f"{folder}/census.parquet")
        files.right.write_parquet(f"{folder}/survey.parquet")
        del files
        spec = resolved(load_spec(HERE / "census-survey.toml"), HERE)
        start = time.perf_counter()
        links = ts.Linkage(spec=spec).run(f"{folder}/run", memory=MEMORY)
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        assert isinstance(links, SequentialLinks)
        print(steps_text(links.counts_dict()["steps"]))
        whole = prepare(spec, spec.sources)
        score("sequential", links, whole, seconds)
        print(f"{memory:,.0f} MB")
        if asked.union:
            passes = tuple(one for one in spec.passes if one.type != "all_pairs")
            once = spec.model_copy(update={"mode": "union", "steps": (), "passes": passes})
            start = time.perf_counter()
            links = ts.Linkage(spec=once).run(f"{folder}/union")
            score("union", links, whole, time.perf_counter() - start)


if __name__ == "__main__":
    main()
