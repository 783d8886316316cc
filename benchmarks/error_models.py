"""Bias and coverage of regressions under the error models, as docs/guide/error-models.md shows them.

python benchmarks/error_models.py 1000
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from test_error_models import slopes_by_record, slopes_of_audits, slopes_of_missed_links
from test_posterior_model import covered, regressions


def main(repetitions: int) -> None:
    """Print the tables."""
    by_record = slopes_by_record(np.random.default_rng(25), repetitions)
    shown("chances by record", ("naive", "one q", "own q"), by_record)
    missed = slopes_of_missed_links(np.random.default_rng(4), repetitions)
    rules = ("naive", "linked as complete", "register", "weights")
    shown("missed links, slope", rules, missed[:, :, 0])
    shown("missed links, intercept", rules, missed[:, :, 1])
    audits = slopes_of_audits(np.random.default_rng(20), repetitions)
    shown("audits", ("LL", "weighted by 1 / V", "LL, shrunk", "weighted, shrunk"), audits)
    for coverage in (1.0, 0.7):
        found = regressions(np.random.default_rng(10), repetitions, coverage)
        print(f"posterior, {coverage:.0%} have a match")
        for name, rows in found.items():
            error = rows[:, 0].std() / np.sqrt(repetitions)
            ratio = rows[:, 1].mean() / rows[:, 0].std()
            print(
                f"  {name:12} bias {rows[:, 0].mean():+.4f} (se {error:.4f})  SD {rows[:, 0].std():.4f}"
                f"  SE/SD {ratio:.3f}  covers {covered(rows):.3f}"
            )


def shown(title: str, names: tuple[str, ...], errors: np.ndarray) -> None:
    print(title)
    for name, column in zip(names, errors.T, strict=True):
        print(
            f"  {name:20} bias {column.mean():+.4f} (se {column.std() / len(column) ** 0.5:.4f})"
            f"  SD {column.std():.4f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
