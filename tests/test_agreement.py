"""Cohen's kappa: published figures, an independent standard error, and reviewers of known agreement."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from review_stores import MODEL, RUN, pair, record

from tallystick.errors import InputError
from tallystick.review.agreement import agreement, cohen_kappa
from tallystick.review.cases import RecordKey
from tallystick.review.standing import Standing, first_judgements
from tallystick.review.tasks import Decision, Task


@pytest.mark.parametrize(
    ("table", "kappa", "error"),
    [
        # J. L. Fleiss, B. Levin, M. C. Paik (2003), table 18.1: 0.68, with the standard error 0.087.
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.68, 0.087),
        # J. Cohen (1960), table 1, as counts of 200: 0.492 printed for the three categories.
        ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], 0.492, None),
    ],
)
def test_published_examples(table: list[list[int]], kappa: float, error: float | None) -> None:
    found = cohen_kappa(table)
    assert found.kappa == pytest.approx(kappa, abs=0.005)
    if error is not None:
        assert found.standard_error == pytest.approx(error, abs=0.001)


tables = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 30), min_size=k, max_size=k), min_size=k, max_size=k)
)


@given(tables)
def test_standard_error_by_the_delta_method(table: list[list[int]]) -> None:
    """The published formula is the delta method for the multinomial: here by differences, cell by cell."""
    counts = np.array(table, dtype=float)
    found = cohen_kappa(table)
    assert found.n == counts.sum()
    if found.kappa is None:
        return
    p = counts / counts.sum()

    def kappa(p: np.ndarray[Any, Any]) -> float:
        expected = p.sum(axis=1) @ p.sum(axis=0)
        return float((np.trace(p) - expected) / (p.sum() - expected))

    if found.expected is None or found.expected > 0.98:
        return  # differences are too coarse there
    gradient = np.zeros_like(p)
    for cell in np.ndindex(p.shape):
        step = np.zeros_like(p)
        step[cell] = 1e-6
        # Along the simplex: what is added here is taken from all in proportion.
        gradient[cell] = (kappa((p + step) / (1 + 1e-6)) - kappa((p - step) / (1 - 1e-6))) / 2e-6
    variance = ((gradient**2 * p).sum() - (gradient * p).sum() ** 2) / counts.sum()
    assert found.kappa == pytest.approx(kappa(p), abs=1e-12)
    assert found.standard_error == pytest.approx(math.sqrt(max(0.0, variance)), abs=1e-4)
    assert -1 <= found.low <= found.kappa <= found.high <= 1  # type: ignore[operator]


@pytest.mark.parametrize("table", [[[0, 0], [0, 0]], [[7, 0], [0, 0]]])
def test_where_there_is_none(table: list[list[int]]) -> None:
    found = cohen_kappa(table)
    assert (found.kappa, found.standard_error, found.low) == (None, None, None)


def test_intervals_cover() -> None:
    """Two reviewers who say what is true with probability 0.9, else anything: 95 % of intervals cover."""
    rng = np.random.default_rng(5)
    truth = np.array([0.55, 0.35, 0.1])
    says = 0.9 * np.eye(3) + 0.1 / 3
    table = np.einsum("t,ti,tj->ij", truth, says, says)
    expected = table.sum(axis=1) @ table.sum(axis=0)
    kappa = (np.trace(table) - expected) / (1 - expected)
    covered = 0
    for _ in range(2000):
        found = cohen_kappa(rng.multinomial(300, table.ravel()).reshape(3, 3))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= kappa <= found.high
    assert 0.935 <= covered / 2000 <= 0.965


def _judged(task: Task, *answers: tuple[str, str] | tuple[str, str, RecordKey]) -> Standing:
    decisions = tuple(
        Decision(
            number,
            "w",
            task,
            one[0],
            datetime.now(UTC),
            "review",
            one[1],  # type: ignore[arg-type]
            one[2] if len(one) > 2 else None,
            None,
            "",
            {},
            RUN,
            MODEL,
        )
        for number, one in enumerate(answers, 1)
    )
    first = [(one.verdict, one.chosen) for one in first_judgements(2, decisions)]
    compared = (first[0], first[1]) if first else None
    return Standing(1, "w", task, "done", None, None, None, decisions, compared)  # type: ignore[arg-type]


def test_bands_of_weight() -> None:
    tasks = [
        _judged(pair(k), ("ann", "link"), ("bea", "link" if k >= 4 or k % 2 else "non-link"))
        for k in range(8)
    ]
    found = agreement([*tasks, _judged(pair(9), ("ann", "link"))], bands=[4.0])
    assert found.overall.n == 8
    assert [(band.low, band.high, band.agreement.n) for band in found.bands] == [
        (None, 4.0, 4),
        (4.0, None, 4),
    ]
    assert [band.agreement.observed for band in found.bands] == [0.5, 1.0]
    assert found.table[0] == (6, 2, 0, 0)
    assert sum(band.agreement.n for band in agreement(tasks).bands) == 8
    with pytest.raises(InputError, match="ascend"):
        agreement(tasks, bands=[4.0, 4.0])
    assert agreement([]).bands == ()


def test_two_who_link_a_record_differently_do_not_agree() -> None:
    here, there = RecordKey("b", "1"), RecordKey("b", "2")
    task = replace(record(1), weight=1.0)
    found = agreement(
        [
            _judged(task, ("ann", "link", here), ("bea", "link", here)),
            _judged(task, ("ann", "link", here), ("bea", "link", there)),
            _judged(task, ("ann", "non-link"), ("bea", "non-link")),
        ]
    )
    assert found.overall.observed == pytest.approx(2 / 3)
    assert found.table[0][3] == 1
