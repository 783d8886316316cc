"""What guarded spelling correction does to surnames: the table of `docs/guide/names.md`.

Half a million surnames drawn by their frequencies in the United States (package `names`), with one random
edit in 2 % of them. Counted are records corrected rightly, corrected wrongly, and of these the right ones.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.preparation.chain import run_steps
from tallystick.preparation.steps.correct_spelling import CorrectSpelling
from tallystick.preparation.steps.step import Context

LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))


def edited(name: str, random: np.random.Generator) -> str:
    """The name with a letter changed, added, left out, or exchanged with the next."""
    at = int(random.integers(0, len(name)))
    kind, letter = int(random.integers(0, 4)), str(random.choice(LETTERS))
    if kind == 0:
        return name[:at] + letter + name[at + 1 :]
    if kind == 1:
        return name[:at] + letter + name[at:]
    if kind == 2 or at + 1 == len(name):
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=500_000)
    given = parser.parse_args()
    lines = files("names").joinpath("dist.all.last").read_text().splitlines()
    table = [line.split() for line in lines]
    every = np.array([row[0].lower() for row in table])
    share = np.array([float(row[1]) for row in table])
    random = np.random.default_rng(1)
    right = every[random.choice(len(every), given.records, p=share / share.sum())]
    wrong = random.random(given.records) < 0.02
    typed = np.array(
        [edited(name, random) if is_wrong else name for name, is_wrong in zip(right, wrong, strict=True)]
    )
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.csv"
        pl.DataFrame({"name": every}).write_csv(known)
        print("| | corrected rightly | wrongly | of these, right names |")
        print("|---|---|---|---|")
        for ratio, path in ((50, None), (200, None), (500, None), (50, str(known))):
            step = CorrectSpelling(ratio=ratio, known=path)
            columns, _ = run_steps({"x": pl.Series("x", typed)}, "x", [step], "benchmark", Context())
            found = columns["x"].to_numpy()
            changed = found != typed
            good = changed & (found == right)
            bad = changed & (found != right)
            name = f"`ratio = {ratio}`" + (", with `known`" if path else "")
            print(f"| {name} | {good.sum():,} | {bad.sum():,} | {(bad & (typed == right)).sum():,} |")


if __name__ == "__main__":
    main()
