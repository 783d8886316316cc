"""Deduplicate 50,578 records of historical persons: historical.toml, written in Python.

Run: python examples/historical.py [FOLDER OF RESULTS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import tallystick as ts

HERE = Path(__file__).parent
DATA = "${TALLYSTICK_DATA:-../../shared/data}"  # as in a specification; relative to HERE


def linkage() -> ts.Linkage:
    """The linkage; why it is as it is stands in historical.toml."""
    beginning, end = ts.first("full_name", 5), ts.last("full_name", 5)
    return ts.Linkage(
        name="Historical persons",
        kind="dedupe",
        sources=[
            ts.Source(
                name="persons", path=f"{DATA}/historical_50k.parquet", id="unique_id", truth=("cluster",)
            )
        ],
        comparisons=[
            ts.comparison("full_name", ts.bigram_dice(0.9, 0.75, 0.6, 0.45)),
            ts.comparison("dob", ts.damerau_levenshtein(1, 2)),
            ts.comparison("birth_place", ts.jaro_winkler(0.85), frequencies=True),
            ts.comparison("postcode_fake", ts.damerau_levenshtein(1, 2)),
            ts.comparison("gender", ts.exact()),
            ts.comparison("occupation", ts.exact(), frequencies=True),
        ],
        passes=[
            ts.blocking_key("full_name"),
            ts.blocking_key(beginning, end),
            ts.blocking_key(end, "dob"),
            ts.blocking_key(beginning, "dob"),
            ts.blocking_key(end, "birth_place"),
            ts.blocking_key(beginning, "birth_place"),
            ts.blocking_key("dob", "birth_place"),
            ts.blocking_key("dob", "occupation"),
            ts.blocking_key("postcode_fake"),
        ],
        estimation=ts.Estimation(interactions=(("birth_place", "postcode_fake"),)),
        folder=HERE,
    )


def main() -> None:
    """Deduplicate and write the results."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "historical-out")
    try:
        links = linkage().run(out)
    except ts.TallystickError as error:
        sys.exit(f"historical: {error}")
    entities = links.entities["entity_id"]
    print(f"{entities.n_unique():,} entities of {len(entities):,} records; results in {out}")
    print(f"compare them with the truth: tallystick evaluate {out} --truth cluster")


if __name__ == "__main__":
    main()
