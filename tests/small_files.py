"""Two small files of invented people, and a specification that links them: what the tests of runs share."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from tallystick.cli import app

PROJECT = Path(__file__).resolve().parent.parent
DATA_FILES = (
    "links.parquet",
    "entities.parquet",
    "clusters.parquet",
    "residuals.parquet",
    "review.parquet",
    "curve.parquet",
    "model.json",
    "quality.json",
)
"""What must be byte-identical, whatever happened on the way."""
HEADER = ("id", "given", "surname", "born", "zip", "person")
SPEC = """
[linkage]
name = "small"

[[sources]]
name = "a"
path = "a.csv"
id = "id"
truth = ["person"]

[[sources]]
name = "b"
path = "b.csv"
id = "id"
truth = ["person"]

[[comparisons]]
field = "given"
comparator = { type = "jaro_winkler", thresholds = [0.9, 0.8] }

[[comparisons]]
field = "surname"
comparator = { type = "jaro_winkler", thresholds = [0.9, 0.8] }

[[comparisons]]
field = "born"
comparator = { type = "exact" }

[[passes]]
type = "blocking_key"
parts = ["zip"]

[[passes]]
type = "blocking_key"
parts = ["surname"]

[decision]
one_to_one = true

[estimation]
random_pairs = 100000
"""
_SURNAMES = (
    "smithe",
    "jonsen",
    "miller",
    "taylor",
    "browning",
    "wilson",
    "evans",
    "walker",
    "hallam",
    "greene",
)
_GIVEN = ("annabel", "bertram", "carla", "dorothea", "emil", "franz", "gina", "hugo", "ida", "janette")


def people(n: int = 60, seed: int = 3) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of two files that share a third of `n` people, those of the second file with errors."""
    random_ = random.Random(seed)
    everybody = [
        [
            random_.choice(_GIVEN),
            random_.choice(_SURNAMES),
            f"{random_.randint(1900, 1999)}-{random_.randint(1, 12):02}-{random_.randint(1, 28):02}",
            str(random_.randint(1000, 1009)),
        ]
        for _ in range(n)
    ]

    def spoilt(value: str) -> str:
        chance = random_.random()
        return "" if chance < 0.05 else value[:-1] + "x" if chance < 0.12 else value

    third = n // 3
    first = [[f"a{k}", *row, str(k)] for k, row in enumerate(everybody[: 2 * third])]
    second = [
        [f"b{k}", *map(spoilt, row), str(k + third)] for k, row in enumerate(everybody[third : 3 * third])
    ]
    return first, second


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.write_text("\n".join(",".join(row) for row in [list(HEADER), *rows]) + "\n", encoding="utf-8")


def write_small(folder: Path, spec: str = SPEC, n: int = 60, seed: int = 3) -> Path:
    """The two files and the specification in a folder; the path of the latter."""
    for name, rows in zip("ab", people(n, seed), strict=True):
        write_csv(folder / f"{name}.csv", rows)
    path = folder / "spec.toml"
    path.write_text(spec, encoding="utf-8")
    return path


def part_of_febrl4(febrl: Path, folder: Path, persons: int) -> None:
    """The records of the first persons, of 5,000, who all are in both files of data set 4."""
    for name in ("dataset4a.csv", "dataset4b.csv"):
        head, *rows = (febrl / name).read_text("utf-8").splitlines(keepends=True)
        kept = [row for row in rows if int(row.split("-", 2)[1]) < persons]
        assert len(kept) == persons
        (folder / name).write_text(head + "".join(kept), "utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every data file of a run; all of them must be there."""
    return {name: hash_of(folder / name) for name in DATA_FILES}


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def command(
    *arguments: object, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Call the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "tallystick", *map(str, arguments)],
        cwd=cwd,
        env=process_environment() | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def process_environment() -> dict[str, str]:
    """The environment, with the source of this very checkout in front."""
    path = os.pathsep.join(filter(None, [str(PROJECT / "src"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}


def call(*arguments: object) -> Result:
    """Call the command line in this process; only an error of ours ends in a status, any other is raised."""
    return CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)


def outcome(*arguments: object) -> tuple[int, str]:
    """Exit status and output of a `call`."""
    result = call(*arguments)
    return result.exit_code, result.output


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file of a folder with its content, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }
