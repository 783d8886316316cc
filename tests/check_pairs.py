"""What score and best candidates find, against weights of all candidate pairs worked out plainly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import naive_pairs
import numpy as np
import pytest
from numpy.typing import NDArray

from tallystick.estimation.parameters import Parameters
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import score
from tallystick.patterns.pairs import PatternPairs
from tallystick.patterns.plan import PairPlan

Pair = tuple[int, int]


def check_kept(
    plan: PairPlan,
    parameters: Parameters,
    floors: NDArray[np.float64],
    known: Sequence[PatternPairs] | None,
    expected: Mapping[Pair, float],
) -> None:
    """Just the pairs that reach the floor, the same for all sources, are kept, with the expected weights."""
    found = score(plan, parameters, floors, remembered=known)
    kept = dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.weight, strict=True))
    for pair, weight in kept.items():
        assert weight == pytest.approx(expected[pair], abs=1e-9)
    assert set(kept) == {pair for pair, weight in expected.items() if weight >= floors[0]}


def check_best(
    plan: PairPlan,
    parameters: Parameters,
    wanted: NDArray[np.bool_],
    known: Sequence[PatternPairs] | None,
    expected: Mapping[Pair, float],
    where: Mapping[Pair, tuple[Pair, int]],
) -> None:
    """The best candidate of every wanted row, and none of the others."""
    found = best_candidates(plan, parameters, wanted, remembered=known)
    for row in range(len(wanted)):
        best = naive_pairs.best(expected, where, row) if wanted[row] else None
        if best is None:
            assert found.row[row] == -1
        else:
            assert found.weight[row] == pytest.approx(best[0], abs=1e-9)
            assert (found.row[row], found.pass_number[row]) in best[1]
