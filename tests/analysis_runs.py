"""Runs whose links go wrong, an outcome in one file, covariates in the other, a known regression."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

import tallystick as ts
from tallystick.cli.by_table import export_tasks, import_answers
from tallystick.linkage.reviews.store import open_store

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
        ``id``, fields, ``income``, ``rich``, ``events``, ``works``, ``region``, ``person``; some of the
        people of the register.
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
        {
            "id": [f"b{k}" for k in range(len(some))],
            "income": income[some],
            "rich": (income[some] > 1).astype(int),
            "events": income[some].clip(0, 9).round().astype(int),
            "works": works[some],
        }
        | fields(some, 0.12)
    )
    return Files(register, survey)


def linkage(folder: Path, **settings: object) -> ts.Linkage:
    """How the two files in a folder are linked."""
    sources = [
        ts.Source(name=name, path=folder / f"{name}.csv", id="id", truth=["person"])
        for name in ("register", "survey")
    ]
    return ts.Linkage(
        **{
            "sources": sources,
            "comparisons": [
                ts.comparison(name, ts.exact()) for name in ("given", "surname", "born", "region")
            ],
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


def audit_by_truth(run: Path, made: Files, reviews: int = 200) -> None:
    """Draw a sample of a run, answer it by the truth, and estimate."""
    with open_store(run, None) as store:
        ts.draw_audit(run, store, ts.design_audit(run, reviews=reviews), seed=1)
    sheet = run.parent / "sample.csv"
    export_tasks(run, "audit", sheet, "ann", None, force=True)
    people = pl.concat(
        [
            made.register.select(pl.lit("register").alias("source"), "id", "person"),
            made.survey.select(pl.lit("survey").alias("source"), "id", "person"),
        ]
    )
    table = pl.read_csv(sheet, infer_schema=False)
    rows = table.join(people, on=["source", "id"], how="left", maintain_order="left")
    asked = rows.filter(pl.col("row") == "record").select("task", asked="person", of="source")
    shown = rows.filter(pl.col("row") != "record").join(asked, on="task")
    shown = shown.filter(pl.col("person") == pl.col("asked")).select("task", number="row")
    other = asked.join(people, left_on="asked", right_on="person").filter(pl.col("source") != pl.col("of"))
    other = other.select("task", elsewhere=pl.format("{}:{}", "source", "id"))
    answer = asked.join(shown, on="task", how="left").join(other, on="task", how="left")
    answer = answer.select("task", answer=pl.coalesce("number", "elsewhere", pl.lit("0")))
    table = table.drop("answer").join(answer, on="task", how="left", maintain_order="left")
    only = pl.when(pl.col("row") == "record").then("answer")
    table.with_columns(answer=only).write_csv(sheet)
    import_answers(run, "audit", sheet, "ann", None)
    with open_store(run, None, create=False) as store:
        ts.estimate_audit(run, store)


def true_q(run: Path, made: Files) -> float:
    """Share of the links that are right."""
    links = pl.read_parquet(run / "links.parquet").filter(pl.col("decision") == "link")
    joined = links.join(made.register.select(id_left="id", left="person"), on="id_left")
    joined = joined.join(made.survey.select(id_right="id", right="person"), on="id_right")
    return float((joined["left"] == joined["right"]).to_numpy().mean())
