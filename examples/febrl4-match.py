"""Link two files of 5,000 fictitious persons by match keys: febrl4-match.toml, written in Python.

Run: TALLYSTICK_FEBRL=FOLDER python examples/febrl4-match.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import tallystick as ts

HERE = Path(__file__).parent


def linkage() -> ts.Linkage:
    """The linkage; why its keys are as they are stands in febrl4-match.toml."""
    name, born = ("given_name", "surname"), "date_of_birth"
    home = ("street_number", "address_1", "address_2", "suburb", "postcode")
    keys = [
        ts.match_key(*name, born, *home, "state", name="everything"),
        ts.match_key(*name, born, "postcode"),
        ts.match_key(*name, born, concatenated=True, name="names together"),
        ts.match_key(ts.nickname(name[0]), name[1], born, "address_1", at_least=3, name="3 of 4"),
        ts.match_key(*map(ts.soundex, name), born, name="sound of names"),
        ts.match_key(
            *(ts.first(field, 5) for field in name), "postcode", "street_number", name="beginning of names"
        ),
        ts.match_key(*name, born, *home, at_least=5, name="5 of 8"),
    ]
    return ts.Linkage(
        name="Febrl 4 by match keys",
        sources=[
            ts.Source(name="original", path="${TALLYSTICK_FEBRL}/dataset4a.csv", id="rec_id"),
            ts.Source(name="duplicate", path="${TALLYSTICK_FEBRL}/dataset4b.csv", id="rec_id"),
        ],
        match=ts.Match(keys=keys, links="one_to_one", sample=200),
        folder=HERE,
    )


def main() -> None:
    """Link, and compare the links of each key with the truth in the record ids."""
    try:
        found = linkage().match()
    except ts.TallystickError as error:
        sys.exit(f"febrl4-match: {error}")
    person = r"^rec-(\d+)-"  # rec-1070-org and rec-1070-dup-0 are person 1070
    pairs = found.pairs
    right = pairs["id_left"].str.extract(person) == pairs["id_right"].str.extract(person)
    for key in found.counts["key"]:
        own = pairs["key"] == key
        print(f"{key}: {own.sum():,} links, {(own & right).sum():,} of them right")


if __name__ == "__main__":
    main()
