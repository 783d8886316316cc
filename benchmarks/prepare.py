"""A million raw records of 8 fields prepared by `tallystick prepare`, as a whole process.

Generated persons are made raw first: dates day first, labels instead of missing values, accents, stray
spaces, mixed case, words instead of codes. They are prepared by the steps of PREPARATION below, and time
and peak memory of all processes are printed, behind what the command said of each
step.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from measure import measure

from tallystick.datasets import persons

FIELDS = ("forename", "surname", "sex", "date_of_birth", "house_number", "street", "town", "postcode")
LABELS = ("UNKNOWN", "n/a", "-", "not stated", "999999")

PREPARATION = """
[[sources]]
name = "census"
path = "census.csv"
id = "record_id"
truth = ["person_id", "household_id"]
reference_date = 2021-03-21

[prepare.reference]
iteration = "bench"

[[prepare.fields]]
field = "forename"
steps = [
    "missing",
    "repair",
    { type = "remove_words", dictionary = "titles" },
    { type = "text", case = "lower", punctuation = "space", keep = "-'" },
    "fold",
]

[[prepare.fields]]
field = "surname"
steps = ["missing", "repair", { type = "text", case = "lower", punctuation = "space", keep = "-'" }, "fold"]

[[prepare.fields]]
field = "sex"
steps = ["missing", { type = "codes", codes = ["f", "m"], recode = { female = "f", male = "m" } }]

[[prepare.fields]]
field = "date_of_birth"
steps = ["missing", "date"]

[[prepare.fields]]
field = "house_number"
steps = ["missing", { type = "text", case = "lower" }]

[[prepare.fields]]
field = "street"
steps = [
    "missing",
    { type = "text", case = "lower", punctuation = "space" },
    { type = "standard_words", dictionary = "street_types", country = "GB" },
]

[[prepare.fields]]
field = "town"
steps = ["missing", { type = "text", case = "lower", punctuation = "space" }, "fold"]

[[prepare.fields]]
field = "postcode"
steps = ["missing", { type = "postcode", country = "GB", wrong = "keep" }]

[[prepare.edits]]
name = "born in the future"
fails_if = "date_of_birth > DATE '2021-03-21'"

[prepare.types]
date_of_birth = "date"
"""


def roughen(frame: pl.DataFrame, seed: int = 1) -> pl.DataFrame:
    """The records as a registry might hand them over."""
    random = np.random.default_rng(seed)
    n = frame.height

    def some(share: float) -> pl.Series:
        return pl.Series(random.random(n) < share)

    born = pl.col("date_of_birth").str.to_date("%Y-%m-%d", strict=False).dt.strftime("%d/%m/%Y")
    frame = frame.with_columns(
        born.fill_null(pl.col("date_of_birth")),
        pl.col("sex").replace({"F": "Female", "M": "male"}),
        pl.when(some(0.3))
        .then(pl.col("forename").str.to_titlecase())
        .otherwise("forename")
        .alias("forename"),
        pl.when(some(0.02))
        .then(pl.col("surname").str.replace_all("E", "É"))
        .otherwise("surname")
        .alias("surname"),
        pl.when(some(0.3))
        .then(pl.col("street").str.replace(" STREET$", " ST."))
        .otherwise("street")
        .alias("street"),
        pl.when(some(0.1))
        .then(pl.col("postcode").str.replace_all(" ", ""))
        .otherwise("postcode")
        .alias("postcode"),
        pl.when(some(0.05))
        .then(pl.lit("Mr. ") + pl.col("forename"))
        .otherwise("forename")
        .alias("title and name"),
    )
    frame = frame.with_columns(forename=pl.col("title and name")).drop("title and name")
    label = pl.Series(LABELS).gather(random.integers(0, len(LABELS), n))
    for name in FIELDS:
        frame = frame.with_columns(pl.when(some(0.02)).then(label).otherwise(name).alias(name))
        frame = frame.with_columns(pl.when(some(0.05)).then(pl.col(name) + "  ").otherwise(name).alias(name))
    return frame.select("record_id", "person_id", "household_id", *FIELDS)


def main() -> None:
    """Generate, roughen, prepare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument(
        "--together",
        action="store_true",
        help="house number and street in one field, of many distinct values",
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = persons(given.records, 1_000, overlap=0.8, seed=1).left
        if given.together:
            records = records.with_columns(street=pl.concat_str("house_number", "street", separator=" "))
            print(f"{records['street'].n_unique():,} distinct streets with numbers")
        roughen(records).write_csv(folder / "census.csv")
        (folder / "census.toml").write_text(PREPARATION)
        done = measure([sys.executable, "-m", "tallystick", "prepare", folder / "census.toml"])
    print(done.output)
    print(f"{given.records:,} records of {len(FIELDS)} fields: {done.seconds:.1f} s, {done.peak_gb:.2f} GB")


if __name__ == "__main__":
    main()
