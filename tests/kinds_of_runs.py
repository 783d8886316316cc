"""Small runs of every kind in directories, for what works on runs that are there."""

from __future__ import annotations

from pathlib import Path

from families import families
from small_files import SPEC, call, write_small

STEPS = SPEC.replace('name = "small"', 'name = "small"\nmode = "sequential"')
MANY = SPEC.replace("one_to_one = true", "upper = 0.1\nlower = 0.02")
HOUSEHOLDS = """
[[sources]]
name = "early"
path = "early.parquet"
id = "id"
truth = ["person", "home"]

[[sources]]
name = "late"
path = "late.parquet"
id = "id"
truth = ["person", "home"]

[[comparisons]]
field = "forename"
comparator = { type = "jaro_winkler", thresholds = [0.92, 0.8] }

[[comparisons]]
field = "surname"
comparator = { type = "jaro_winkler", thresholds = [0.92, 0.8] }

[[comparisons]]
field = "born"
comparator = { type = "damerau_levenshtein", max_distances = [1, 2] }

[[comparisons]]
field = "street"
comparator = { type = "damerau_levenshtein", max_distances = [1] }

[[comparisons]]
field = "number"
comparator = { type = "exact" }

[[passes]]
type = "blocking_key"
parts = ["born"]

[[passes]]
type = "blocking_key"
parts = ["forename", "surname"]

[households]
address = ["street", "number"]
comparisons = ["surname", "street", "number"]

[decision]
one_to_one = true
"""


def made(folder: Path, spec: str = SPEC, n: int = 300) -> Path:
    """The directory of a run of the small files."""
    result = call("link", write_small(folder, spec, n), "--out", folder / "out", "-q")
    assert result.exit_code == 0, result.output
    return folder / "out"


def made_by_households(folder: Path, n: int = 100) -> Path:
    """The directory of a run with households."""
    for name, table in zip(("early", "late"), families(n, seed=2).tables(), strict=True):
        table.write_parquet(folder / f"{name}.parquet")
    (folder / "spec.toml").write_text(HOUSEHOLDS, "utf-8")
    result = call("link", folder / "spec.toml", "--out", folder / "out", "-q")
    assert result.exit_code == 0, result.output
    return folder / "out"
