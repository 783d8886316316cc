"""Link a fictitious census sample to a patient register: essnet.toml, written in Python.

Run: python examples/essnet.py [FOLDER OF RESULTS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import tallystick as ts

HERE = Path(__file__).parent
DATA = "${TALLYSTICK_DATA:-../../shared/data}"  # as in a specification; relative to HERE


def linkage() -> ts.Linkage:
    """The linkage; why it is as it is stands in essnet.toml."""
    names = ts.jaro_winkler(0.92, 0.85, 0.75)
    return ts.Linkage(
        name="CIS to PRD",
        sources=[
            ts.Source(name="cis", path=f"{DATA}/cis.csv", id="cis_id", truth=("person_id",)),
            ts.Source(name="prd", path=f"{DATA}/prd.csv", id="prd_id", truth=("person_id",)),
        ],
        comparisons=[
            ts.comparison("pername1", names),
            ts.comparison("pername2", names),
            ts.comparison("sex", ts.exact()),
            ts.comparison("dob_day", ts.exact()),
            ts.comparison("dob_mon", ts.exact()),
            ts.comparison("dob_year", ts.exact()),
            ts.comparison("enumpc", ts.levenshtein(1, 2)),
        ],
        passes=[ts.all_pairs()],
        one_to_one=True,
        folder=HERE,
    )


def main() -> None:
    """Link and write the results."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "essnet-out")
    try:
        links = linkage().run(out)
    except ts.TallystickError as error:
        sys.exit(f"essnet: {error}")
    print(f"{len(links.join()):,} links; results in {out}")
    print(f"compare them with the truth: tallystick evaluate {out} --truth person_id")


if __name__ == "__main__":
    main()
