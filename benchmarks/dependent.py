"""Persons whose e-mail address is made of their name: dependent.py [RECORDS] [--bare] [--seed SEED].

Generates one file of persons, all with an address made of their name, runs dependent.toml as it is, prints
its warnings and its errors, then does what the warnings recommend, and nothing else, until they recommend no
more. With --bare the addresses have no numbers, so that namesakes have the same ones. The truth only scores.

Of the errors it says what they are made of: matches that no pass finds, matches that are found but not
linked, and false links, of them those between members of one household. The best F1 that any threshold on
the posterior reaches stands beside that of the specification's own.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import polars as pl

import tallystick as ts
from tallystick.datasets import persons
from tallystick.datasets.households import Population

HERE = Path(__file__).parent
MOST_ROUNDS = 8


def generate(n: int, bare: bool, seed: int) -> pl.DataFrame:
    """The persons; without numbers addresses hold nothing but the name and the provider."""
    population = Population(email_of_name=1.0)
    table = persons(n, duplicates=(0.7, 0.2, 0.1), email=True, population=population, seed=seed).table
    return table.with_columns(pl.col("email").str.replace(r"\d+@", "@")) if bare else table


def recommended(warnings: tuple[str, ...]) -> dict[str, list[list[str]]]:
    """The settings that the warnings say to write."""
    lines = [
        found for text in warnings for found in re.findall(r"(?:match_)?interactions = \[\[.*?\]\]", text)
    ]
    return tomllib.loads("\n".join(dict.fromkeys(lines)))


def anatomy(links: ts.Links, table: pl.DataFrame) -> str:
    """What the errors are made of, and the best threshold."""
    person = dict(table.select("record_id", "person_id").iter_rows())
    household = dict(table.select("record_id", "household_id").iter_rows())
    sizes = table["person_id"].value_counts()["count"].cast(pl.Int64)
    true = int((sizes * (sizes - 1) // 2).sum())
    plan = links.prepared.plan
    ids = links.prepared.records.ids.to_list()
    owner = np.unique([person[one] for one in ids], return_inverse=True)[1]
    candidates = 0
    for unit in plan.blocking.units():
        left, right = plan.blocking.pairs(unit)
        candidates += int((owner[left] == owner[right]).sum())
    pairs = links.pairs
    a, b = pairs["id_left"].to_list(), pairs["id_right"].to_list()
    hit = np.array([person[x] == person[y] for x, y in zip(a, b, strict=True)])
    linked = (pairs["decision"] == "link").to_numpy()
    wrong = [(x, y) for x, y, bad in zip(a, b, linked & ~hit, strict=True) if bad]
    same = sum(household[x] == household[y] for x, y in wrong)
    order = np.argsort(-pairs["posterior_pair"].to_numpy(), kind="stable")
    found = np.cumsum(hit[order])
    f1 = 2 * found / (np.arange(1, len(order) + 1) + true)
    unlinked = candidates - int((linked & hit).sum())
    return (
        f"of {true:,} matches no pass finds {true - candidates:,}, {unlinked:,} are found and not linked; "
        f"{len(wrong):,} links are false, {same:,} of them within a household; best F1 of links at any "
        f"threshold from {pairs['posterior_pair'].min():.2f} up {f1.max():.4f}"
    )


def main() -> None:
    """Generate, run, do what is recommended, run again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="?", type=int, default=50_000)
    parser.add_argument("--bare", action="store_true", help="addresses without numbers")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "persons.parquet")
        table = generate(asked.records, asked.bare, asked.seed)
        table.write_parquet(path)
        os.environ["TALLYSTICK_BENCH_DEPENDENT"] = str(path)
        spec = ts.Linkage.from_toml(HERE / "dependent.toml").spec
        for _ in range(MOST_ROUNDS):
            for key in ("interactions", "match_interactions"):
                print(f"{key} = {[list(one) for one in getattr(spec.estimation, key)]}")
            start = time.perf_counter()
            links = ts.Linkage(spec=spec).run(Path(folder, "run"), force=True)
            print(f"  {time.perf_counter() - start:.1f} s")
            for text in links.model.warnings:
                print("  warning:", text)
            print("  " + links.evaluate("person_id").text().replace("\n", "\n  "))
            print("  " + anatomy(links, table))
            wanted = recommended(links.model.warnings)
            if not wanted:
                break
            settings = {key: tuple(map(tuple, groups)) for key, groups in wanted.items()}
            estimation = spec.estimation.model_copy(update=settings)
            spec = spec.model_copy(update={"estimation": estimation})


if __name__ == "__main__":
    main()
