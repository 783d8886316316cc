"""Link a simulated census of 2020 to that of 2030, prepared first: census.toml, written in Python.

Run: python examples/census.py [FOLDER OF RESULTS]
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import tallystick as ts

HERE = Path(__file__).parent
DATA = "${TALLYSTICK_DATA:-../../shared/data}"  # as in a specification; relative to HERE

CLEAN = {"type": "text", "case": "lower", "punctuation": "space"}
NAME: list[Any] = [{"type": "missing", "names": True}, CLEAN, "fold"]
STREET_TYPES = {"type": "standard_words", "dictionary": "street_types", "country": "US"}
HEAD = "relationship_to_reference_person = 'Reference person'"
OF_CHILDREN = "relationship_to_reference_person IN ('Grandchild', 'Foster child')"


def source(year: int) -> ts.Source:
    """The census of a year."""
    return ts.Source(
        name=f"census{year}",
        path=f"{DATA}/census_{year}.parquet",
        id="record_id",
        truth=("simulant_id", "household_id"),
        reference_date=date(year, 4, 1),
    )


def preparation() -> ts.Preparation:
    """What is done before linking; why it is as it is stands in census.toml."""
    return ts.Preparation(
        fields=[
            ts.PreparedField(field="first_name", steps=[*NAME, "nickname"]),
            ts.PreparedField(field="last_name", steps=NAME),
            ts.PreparedField(field="date_of_birth", steps=["missing", {"type": "date", "wrong": "keep"}]),
            ts.PreparedField(field="street_number", steps=["missing", {"type": "text", "case": "lower"}]),
            ts.PreparedField(field="street_name", steps=["missing", CLEAN, STREET_TYPES]),
        ],
        types={"age": "integer"},
        edits=[
            ts.Edit(name="a child heads the household", fails_if=f"{HEAD} AND age < 14"),
            ts.Edit(name="an old child", fails_if=f"{OF_CHILDREN} AND age > 60", severity="warning"),
        ],
        reference=ts.Reference(iteration="2020-2030"),
    )


def linkage() -> ts.Linkage:
    """The linkage."""
    names = (0.92, 0.85, 0.75)
    born = ts.year("date_of_birth")
    return ts.Linkage(
        name="Census 2020 to 2030",
        sources=[source(2020), source(2030)],
        prepare=preparation(),
        comparisons=[
            ts.comparison("first_name", ts.jaro_winkler(*names)),
            ts.comparison("middle_initial", ts.exact()),
            ts.comparison("last_name", ts.jaro_winkler(*names)),
            ts.comparison("date_of_birth", ts.damerau_levenshtein(1, 2)),
            ts.comparison("sex", ts.exact()),
            ts.comparison("race_ethnicity", ts.exact()),
            ts.comparison("street_number", ts.damerau_levenshtein(1)),
            ts.comparison("street_name", ts.jaro_winkler(0.92, 0.8)),
        ],
        passes=[
            ts.blocking_key("first_name", "last_name"),
            ts.blocking_key("date_of_birth"),
            ts.blocking_key("street_name", "street_number"),
            ts.blocking_key("last_name", "sex", born),
            ts.blocking_key("first_name", born),
        ],
        one_to_one=True,
        folder=HERE,
    )


def main() -> None:
    """Link and write the results."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "census-out")
    try:
        links = linkage().run(out)
    except ts.TallystickError as error:
        sys.exit(f"census: {error}")
    found = links.pairs["decision"].value_counts().filter(decision="link")["count"].sum()
    print(f"{found:,} links; results in {out}")
    print(f"compare them with the truth: tallystick evaluate {out} --truth simulant_id")


if __name__ == "__main__":
    main()
