"""How often the intervals of an audit hold the truth, and how narrow they are: prints one table a design.

audits.py [--runs 300] links CIS to PRD once (the example essnet, data from where it looks) and a generated
file of persons with duplicates, then draws samples again and again; a reviewer who knows the truth answers,
and the truth does nothing else. The strata with rare errors are those of tests/test_audit_rates.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from perfect_reviewer import Reviewer, audit_once, coverage, measures, truth_of  # noqa: E402
from test_audit_rates import SIZES, TRUTH, planned, repeated  # noqa: E402

import tallystick as ts  # noqa: E402
from tallystick.datasets import ErrorRates, persons  # noqa: E402
from tallystick.linkage.audits.frame import AuditFrame, audit_frame  # noqa: E402
from tallystick.linkage.evaluation.evaluate import read_truth  # noqa: E402
from tallystick.quality.audit_rates import DRAWS  # noqa: E402
from tallystick.quality.rates import Rates  # noqa: E402


def main() -> None:
    """Measure every design."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        links = ts.Linkage.from_toml(HERE.parent / "examples" / "essnet.toml").run(Path(folder) / "cis")
        reviewer = Reviewer(truth_of(read_truth(links.prepared.spec.sources, "person_id")))
        true = links.evaluate("person_id").links
        frame = audit_frame(Path(folder) / "cis")
        for n in (250, 500, 1500):
            _measured(f"CIS to PRD by record, {n:,} reviews", frame, reviewer, true, n, runs)
        frame = audit_frame(Path(folder) / "cis", by="pair")
        _measured("CIS to PRD by pair, 1,500 reviews", frame, reviewer, true, 1500, runs)

        links = _duplicates(Path(folder))
        reviewer = Reviewer(truth_of(read_truth(links.prepared.spec.sources, "person_id")), between=False)
        true = links.evaluate("person_id").links
        frame = audit_frame(Path(folder) / "run")
        for n in (300, 1000):
            _measured(f"3,000 persons with duplicates, {n:,} reviews", frame, reviewer, true, n, runs)
    for name, taken in (("allocated", planned().allocate(2300).tolist()), ("150 each", [150] * len(SIZES))):
        _rare(f"strata with rare errors, {sum(taken):,} reviews, {name}", taken, runs)


def _duplicates(folder: Path) -> ts.Links:
    """A file in which persons have up to four records with many errors, deduplicated."""
    made = persons(3000, duplicates=(0.6, 0.25, 0.1, 0.05), seed=3, rates=ErrorRates().scaled(2.0))
    made.table.write_parquet(folder / "persons.parquet")
    name = ts.jaro_winkler(0.92, 0.85)
    linkage = ts.Linkage(
        kind="dedupe",
        sources=[
            ts.Source(name="persons", path=folder / "persons.parquet", id="record_id", truth=["person_id"])
        ],
        comparisons=[
            ts.comparison("forename", name),
            ts.comparison("surname", name),
            ts.comparison("date_of_birth", ts.damerau_levenshtein(1, 2)),
            ts.comparison("postcode", ts.levenshtein(1, 2)),
            ts.comparison("sex", ts.exact()),
        ],
        passes=[ts.blocking_key(field) for field in ("date_of_birth", "surname", "postcode")],
        upper=0.9,
        lower=0.1,
    )
    return linkage.run(folder / "run")


def _measured(title: str, frame: AuditFrame, reviewer: Reviewer, true: Rates, n: int, runs: int) -> None:
    start = time.perf_counter()
    taken = frame.plan().allocate(n).tolist()
    found = [audit_once(frame, taken, reviewer, seed, draws=DRAWS) for seed in range(runs)]
    seconds = (time.perf_counter() - start) / runs
    print(f"\n{title} ({runs} draws, {1000 * seconds:.0f} ms each)")
    print(
        "| measure | truth | mean estimate | interval holds the truth | median width |\n|---|---|---|---|---|"
    )
    known = measures(true)
    for name, (held, width) in coverage(found, true).items():
        mean = float(np.mean([one.estimates[name] for one in found]))
        print(f"| {name} | {known[name]:.4g} | {mean:.4g} | {held:.3f} | {width:.2g} |")


def _rare(title: str, taken: Sequence[int], runs: int) -> None:
    found, wald = repeated(list(taken), runs)
    print(f"\n{title} ({runs} draws)")
    print("| measure | truth | interval holds the truth | that of Wald |\n|---|---|---|---|")
    for name, true in TRUTH.items():
        near = 1e-6 * true
        held = [one.intervals[name].low - near <= true <= one.intervals[name].high + near for one in found]
        flat = [one[name].low - near <= true <= one[name].high + near for one in wald]
        print(f"| {name} | {true:.4g} | {np.mean(held):.3f} | {np.mean(flat):.3f} |")


if __name__ == "__main__":
    main()
