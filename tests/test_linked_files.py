"""The whole way, from two files to a corrected regression (see simulate_linked_files.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulate_linked_files import CORRECTED, SLOPE, learnt, repetition


def repeated(folder: Path, n: int, runs: int) -> list[dict[str, Any]]:
    model = learnt(folder, n)
    return [repetition(n, seed, model) for seed in range(1, runs + 1)]


def biases(done: list[dict[str, Any]], name: str, truth: str | float = SLOPE) -> tuple[float, float]:
    """Mean difference from the truth, or from what theory says, and its Monte Carlo error."""
    values = np.array([one[name][0] if isinstance(one[name], tuple) else one[name] for one in done])
    true = np.array([one[truth] if isinstance(truth, str) else truth for one in done])
    off = values - true
    return float(off.mean()), float(off.std(ddof=1) / np.sqrt(len(off)))


def check(done: list[dict[str, Any]], told: float) -> None:
    """What has to hold; `told` is how many Monte Carlo errors an estimate may be off by."""
    mean = {name: np.mean([one[name] for one in done]) for name in ("wrong", "expected", "matches")}
    assert 0.05 < mean["wrong"] < 0.12
    assert mean["expected"] == pytest.approx(mean["matches"], rel=0.03)
    off, error = biases(done, "naive")
    assert off < -10 * error
    for name, theory in (
        ("naive", "naive, theory"),
        ("injected naive", "theory naive"),
        ("injected scheuren-winkler", "theory scheuren-winkler"),
        *((f"table {one}", f"table theory {one}") for one in ("unbiased", "naive", "biased")),
    ):
        off, error = biases(done, name, theory)
        assert abs(off) < told * error, name
    for name in (f"injected {method}" for method in CORRECTED):
        off, error = biases(done, name)
        assert abs(off) < told * error, name
    # The bias of the posteriors is that of their calibration, small beside that of the naive estimate.
    assert (
        abs(biases(done, "posterior Q")[0])
        < 0.1 * abs(biases(done, "naive")[0]) + 4 * biases(done, "posterior Q")[1]
    )


def test_from_two_files_to_a_corrected_regression(tmp_path: Path) -> None:
    check(repeated(tmp_path, 3000, 4), told=6)  # the error is told by three degrees of freedom


@pytest.mark.long
def test_coverage(tmp_path: Path) -> None:
    done = repeated(tmp_path, 20_000, 100)
    check(done, told=4)
    for name in ("posterior Q", *(f"injected {method}" for method in CORRECTED)):
        covers = np.mean([one[name][2] for one in done])
        assert abs(covers - 0.95) < 4 * np.sqrt(0.95 * 0.05 / len(done)), name
    assert np.mean([one["injected naive"][2] for one in done]) < 0.1
