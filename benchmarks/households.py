"""Linkage by households against linkage at once: households.py [PERSONS] [--data FOLDER] [--only NAME].

Links generated persons with families and twins (PERSONS in the earlier file, 100,000 by default), the census
of 2020 to that of 2030, and CIS to PRD, each with the very same comparisons, passes and thresholds. It prints
one table. An error is *in* a household where both records belong to one true household, else *elsewhere*: a
false link joins two persons, a missed match is a person's two records. Truth is read to score, and for
nothing else.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

import tallystick as ts
from tallystick.datasets import persons


@dataclass(frozen=True)
class Task:
    """Two files and how they are linked; `person` and `household` are the truth."""

    name: str
    left: pl.DataFrame
    right: pl.DataFrame
    ids: tuple[str, str]
    comparisons: list[ts.Comparison]
    passes: list[Any]
    households: ts.Households

    def run(self, households: ts.Households | None) -> tuple[pl.DataFrame, float]:
        """The links and the seconds that they took."""
        sources = [
            ts.Source(name=name, table=table, id=key, truth=("person", "household"))
            for name, table, key in zip(("left", "right"), (self.left, self.right), self.ids, strict=True)
        ]
        start = time.perf_counter()
        linkage = ts.Linkage(self.comparisons, self.passes, one_to_one=True, households=households)
        links = linkage.fit(*sources).link(*sources)
        return links.pairs.filter(pl.col("decision") == "link"), time.perf_counter() - start


def generated(n: int) -> Task:
    """Generated persons, four of five of whom are in the later file."""
    files = persons(n, round(0.8 * n), overlap=0.8, seed=1)
    truth = {"person_id": "person", "household_id": "household"}
    names = (0.92, 0.85, 0.75)
    return Task(
        f"generated, {n:,}",
        files.left.rename(truth),
        files.right.rename(truth),
        ("record_id", "record_id"),
        [
            ts.comparison("forename", ts.jaro_winkler(*names)),
            ts.comparison("surname", ts.jaro_winkler(*names)),
            ts.comparison("date_of_birth", ts.damerau_levenshtein(1, 2)),
            ts.comparison("sex", ts.exact()),
            ts.comparison("postcode", ts.damerau_levenshtein(1)),
            ts.comparison("house_number", ts.exact()),
            ts.comparison("phone", ts.damerau_levenshtein(1)),
        ],
        [
            ts.blocking_key("forename", "surname"),
            ts.blocking_key("date_of_birth", ts.first("forename", 1)),
            ts.blocking_key("date_of_birth", ts.first("surname", 1)),
            ts.blocking_key("surname", ts.year("date_of_birth"), "sex"),
            ts.blocking_key("postcode", ts.year("date_of_birth")),
            ts.blocking_key("postcode", "forename"),
            ts.blocking_key("phone", "sex"),
        ],
        ts.Households(
            address=("postcode", "house_number"), comparisons=("surname", "postcode", "house_number")
        ),
    )


def census(data: Path) -> Task:
    """A simulated town in 2020 and 2030; households from street and number, since its ids are answers."""
    truth = {"simulant_id": "person", "household_id": "household"}
    left, right = (pl.read_parquet(data / f"census_{year}.parquet").rename(truth) for year in (2020, 2030))
    names = (0.92, 0.85, 0.75)
    day = ts.last("date_of_birth", 4)
    return Task(
        "census 2020 to 2030",
        left,
        right,
        ("record_id", "record_id"),
        [
            ts.comparison("first_name", ts.jaro_winkler(*names)),
            ts.comparison("middle_initial", ts.exact()),
            ts.comparison("last_name", ts.jaro_winkler(*names)),
            ts.comparison("date_of_birth", ts.damerau_levenshtein(1, 2)),
            ts.comparison("sex", ts.exact()),
            ts.comparison("race_ethnicity", ts.exact()),
            ts.comparison("street_number", ts.damerau_levenshtein(1)),
            ts.comparison("street_name", ts.jaro_winkler(0.92, 0.8)),
        ],
        [
            ts.blocking_key("first_name", "last_name"),
            ts.blocking_key("date_of_birth"),
            ts.blocking_key("street_name", "street_number"),
            ts.blocking_key("last_name", "sex", day),
            ts.blocking_key("first_name", day),
        ],
        ts.Households(
            address=("street_number", "street_name"),
            comparisons=("last_name", "street_number", "street_name"),
        ),
    )


def patients(data: Path) -> Task:
    """CIS to PRD: PRD has no address but the postcode, so those of one postcode and surname live together."""
    sides = []
    for name in ("cis", "prd"):
        table = pl.read_csv(data / f"{name}.csv", infer_schema=False).rename({"person_id": "person"})
        table = table.with_columns(household=pl.col("person").str.head(-3))
        sides.append(
            table.drop(f"{name}_id").with_row_index("row").with_columns(pl.col("row").cast(pl.String))
        )
    return Task(
        "CIS to PRD",
        sides[0],
        sides[1],
        ("row", "row"),
        [
            ts.comparison("pername1", ts.jaro_winkler(0.92, 0.85, 0.75)),
            ts.comparison("pername2", ts.jaro_winkler(0.92, 0.85, 0.75)),
            ts.comparison("sex", ts.exact()),
            ts.comparison("dob_day", ts.exact()),
            ts.comparison("dob_mon", ts.exact()),
            ts.comparison("dob_year", ts.exact()),
            ts.comparison("enumpc", ts.levenshtein(1, 2)),
        ],
        [ts.all_pairs()],
        ts.Households(address=("enumpc", "pername2"), comparisons=("pername2", "enumpc")),
    )


def errors(task: Task, links: pl.DataFrame) -> dict[str, int | float]:
    """False links and missed matches in households and elsewhere."""
    sides = [
        table.select(pl.col(key).cast(pl.String).alias(f"id_{side}"), "person", "household")
        for table, key, side in zip((task.left, task.right), task.ids, ("left", "right"), strict=True)
    ]
    true = sides[0].drop_nulls("person").join(sides[1], on="person", suffix="_right")
    found = links.select("id_left", "id_right").join(sides[0], on="id_left")
    found = found.join(sides[1], on="id_right", suffix="_right")
    hit = pl.col("person") == pl.col("person_right")
    together = pl.col("household") == pl.col("household_right")
    false = found.filter(~hit.fill_null(False))
    missed = true.join(found.filter(hit), on=["id_left", "id_right"], how="anti")
    counts: dict[str, int | float] = {}
    for name, frame in (("false", false), ("missed", missed)):
        inside = frame.filter(together).height
        counts |= {f"{name} in": inside, f"{name} elsewhere": frame.height - inside}
    hits = found.height - false.height
    return {**counts, "F1": 2 * hits / (found.height + true.height)}


def main() -> None:
    """Run all tasks and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("persons", nargs="?", type=int, default=100_000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", choices=("generated", "census", "patients"))
    given = parser.parse_args()
    made = {
        "generated": lambda: generated(given.persons),
        "census": lambda: census(given.data),
        "patients": lambda: patients(given.data),
    }
    if not (given.data / "cis.csv").exists():
        print(f"{given.data}: there is no cis.csv, so only generated persons are linked")
        made = {"generated": made["generated"]}
    tasks = [make() for name, make in made.items() if given.only in (None, name)]
    warnings.simplefilter("ignore")
    small = generated(1000)
    small.run(small.households)  # compiles
    print(
        "| files | linkage | false, in | missed, in | false, elsewhere | missed, elsewhere | F1 | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for task in tasks:
        for name, households in (("flat", None), ("households", task.households)):
            links, seconds = task.run(households)
            own = errors(task, links)
            keys = ("false in", "missed in", "false elsewhere", "missed elsewhere")
            cells = [task.name, name, *(f"{own[key]}" for key in keys), f"{own['F1']:.4f}", f"{seconds:.0f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
