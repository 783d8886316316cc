"""Pairs against the truth: truth.py BY PAIRS DATA prints the errors at each cut-off as JSON.

DATA is the file of generated persons, or (BY is febrl) the folder of the Febrl files, whose record ids tell
the truth. All true pairs count, also those that no pass finds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

CUTS = (0.5, 0.9)


def main(by: str, pairs: str, data: str) -> None:
    if by == "febrl":
        print(json.dumps([_febrl(Path(pairs), Path(data))]))
        return
    names = {
        "tallystick": ("id_left", "id_right", "posterior_pair"),
        "splink": ("record_id_l", "record_id_r", "match_probability"),
    }
    left, right, score = names[by]
    truth = pl.read_parquet(data, columns=["record_id", "person_id"])
    sizes = truth["person_id"].value_counts()["count"].cast(pl.Int64)
    true = int((sizes * (sizes - 1) // 2).sum())
    found = pl.read_parquet(pairs, columns=[left, right, score])
    for side in (left, right):
        named = truth.rename({"record_id": side, "person_id": f"person_{side}"})
        found = found.join(named, on=side, how="left", validate="m:1")
    hit = found[f"person_{left}"] == found[f"person_{right}"]
    reached = [(cut, found[score] >= cut) for cut in CUTS]
    print(
        json.dumps(
            [{"cut_off": cut, **_rates(int(r.sum()), int((r & hit).sum()), true)} for cut, r in reached]
        )
    )


def _febrl(pairs: Path, folder: Path) -> dict[str, Any]:
    """Errors of links of febrl4: rec-1070-org and rec-1070-dup-0 are person 1070."""
    if pairs.suffix == ".csv":
        links = pl.read_csv(pairs)
    else:
        links = pl.read_parquet(pairs).filter(pl.col("decision") == "link")
    persons = [links[side].str.extract(r"^rec-(\d+)-", 1) for side in ("id_left", "id_right")]
    sides = [
        set(
            pl.read_csv(folder / f"dataset4{side}.csv", columns=["rec_id"])["rec_id"].str.extract(
                r"^rec-(\d+)-", 1
            )
        )
        for side in "ab"
    ]
    true = len(sides[0] & sides[1])
    return {"cut_off": 0.5, **_rates(len(links), int((persons[0] == persons[1]).sum()), true)}


def _rates(links: int, hits: int, true: int) -> dict[str, Any]:
    return {
        "links": links,
        "true_pairs": true,
        "precision": round(hits / max(links, 1), 5),
        "recall": round(hits / max(true, 1), 5),
        "f1": round(2 * hits / max(links + true, 1), 5),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
