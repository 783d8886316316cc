"""Runs whose links go wrong, with an outcome in one file and covariates in the other, and a known regression."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import tallystick as ts

SLOPE, CONSTANT = 2.0, 1.0
LETTERS = np.array(list("abcdefgh"))


@dataclass(frozen=True)
class Files:
    """Two files of the same people.

    Attributes
    ----------
    register : polars.DataFrame
        ``id``, fields, ``age``, ``sex``, ``region``, ``person``.
    survey : polars.DataFrame
        ``id``, fields, ``income``, ``works``, ``region``, ``person``; some of the people of the register.
    """

    register: pl.DataFrame
    survey: pl.DataFrame


def files(n: int = 800, share: float = 0.8, seed: int = 1, blocks: int = 20) -> Files:
    """People with fields that tell them apart in most cases only, and errors in them."""
    random = np.random.default_rng(seed)
    region = np.array([f"r{k:02}" for k in range(blocks)])[np.arange(n) % blocks]
    given, surname = random.integers(0, 12, n), random.integers(0, 25, n)
    year = random.integers(0, 12, n)
    age = random.normal(size=n)
    sex = np.where(random.random(n) < 0.5, "f", "m")
    income = CONSTANT + SLOPE * age + random.normal(size=n)
    works = np.where(random.random(n) < np.where(sex == "f", 0.75, 0.35), "yes", "no")

    def fields(rows: np.ndarray, wrong: float) -> dict[str, pl.Series]:
        def spoilt(values: np.ndarray, most: int) -> np.ndarray:
            again = random.random(len(rows)) < wrong
            return np.where(again, random.integers(0, most, len(rows)), values[rows])

        return {
            "given": pl.Series([f"given{k}" for k in spoilt(given, 12)]),
            "surname": pl.Series([f"surname{k}" for k in spoilt(surname, 25)]),
            "born": pl.Series([str(1950 + k) for k in spoilt(year, 12)]),
            "region": pl.Series(region[rows]),
            "person": pl.Series([f"p{k}" for k in rows]),
        }

    everybody, some = random.permutation(n), random.permutation(n)[: int(share * n)]
    register = pl.DataFrame(
        {"id": [f"a{k}" for k in range(n)], "age": age[everybody], "sex": sex[everybody]}
        | fields(everybody, 0.0)
    )
    survey = pl.DataFrame(
        {"id": [f"b{k}" for k in range(len(some))], "income": income[some], "works": works[some]}
        | fields(some, 0.12)
    )
    return Files(register, survey)


def linkage(folder: Path, **settings: object) -> ts.Linkage:
    """How the two files in a folder are linked."""
    sources = [
        ts.Source(name=name, path=folder / f"{name}.csv", id="id", truth=["person"], duplicate_free=True)
        for name in ("register", "survey")
    ]
    return ts.Linkage(
        **{
            "sources": sources,
            "comparisons": [ts.comparison(name, ts.exact()) for name in ("given", "surname", "born", "region")],
            "passes": [ts.blocking_key("region")],
            "one_to_one": True,
            **settings,
        }
    )


def write_files(folder: Path, made: Files) -> None:
    """The two files as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    made.register.write_csv(folder / "register.csv")
    made.survey.write_csv(folder / "survey.csv")


def made_run(folder: Path, made: Files | None = None, **settings: object) -> Path:
    """The directory of a run of the two files."""
    write_files(folder, made or files())
    linkage(folder, **settings).run(folder / "out")
    return folder / "out"
