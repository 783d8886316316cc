"""The assignment against every one-to-one set of small graphs, and its ties against every other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_graphs import best_with_and_without, random_pairs, sure_and_tied

import tallystick.linking.assign as assign_module
import tallystick.linking.contenders as contenders_module
from tallystick.errors import InputError, RunError
from tallystick.linking.assign import Assignment, assign
from tallystick.linking.contenders import contenders
from tallystick.linking.matching import Matching

TOLERANCE = 1e-9


def check(left: np.ndarray, right: np.ndarray, gain: np.ndarray) -> Assignment:
    """Hold an assignment to brute force: one to one, best, and ties as defined."""
    found = assign(left, right, gain)
    chosen = np.flatnonzero(found.chosen)
    assert len(set(left[chosen])) == len(set(right[chosen])) == len(chosen)
    assert (gain[chosen] > 0).all()
    lists = (left.tolist(), right.tolist(), gain.tolist())
    best, _, _ = best_with_and_without(*lists)
    assert found.total == pytest.approx(best, abs=1e-10)
    assert float(gain[chosen].sum()) == pytest.approx(best, abs=1e-10)
    sure, tied = sure_and_tied(*lists, TOLERANCE)
    assert set(np.flatnonzero(found.tie).tolist()) == tied
    assert set(np.flatnonzero(found.chosen & ~found.tie).tolist()) == sure
    return found


GAINS = {
    "whole": lambda rng, n: rng.integers(-2, 5, n).astype(float),
    "thirds": lambda rng, n: rng.integers(-3, 9, n) / 3.0,
    "sums of weights": lambda rng, n: rng.choice([0.1, 0.2, 0.3, 0.7, -0.4], (n, 4)).sum(axis=1),
    "continuous": lambda rng, n: rng.normal(1.0, 4.0, n),
    "close": lambda rng, n: 3.0 + rng.integers(0, 3, n) + rng.normal(0.0, 1e-14, n),
    # gains a third of the tolerance apart: ties that only the sum of a walk can tell
    "nearly equal": lambda rng, n: rng.integers(-1, 3, n) + rng.integers(0, 4, n) * 3.1e-10,
    "large": lambda rng, n: rng.integers(-5, 20, n) * 10.0 + rng.random(n),
}


@pytest.mark.parametrize("kind", GAINS)
def test_equals_brute_force_on_random_graphs(kind: str) -> None:
    rng = np.random.default_rng(20260 + len(kind))
    n_ties = n_chosen = 0
    for _ in range(700):
        n_left, n_right = rng.integers(1, 6, 2)
        left, right = random_pairs(rng, n_left, n_right, int(rng.integers(1, min(n_left * n_right, 11) + 1)))
        found = check(left, right, GAINS[kind](rng, left.size))
        n_ties += found.tie.sum()
        n_chosen += found.chosen.sum()
    assert n_chosen > 500
    if kind in ("whole", "thirds", "close", "nearly equal"):
        assert n_ties > 150


def unreduced(
    monkeypatch: pytest.MonkeyPatch, left: np.ndarray, right: np.ndarray, gain: np.ndarray
) -> Assignment:
    """The assignment where the solver gets every candidate."""
    with monkeypatch.context() as patch:
        patch.setattr(assign_module, "contenders", lambda first, *_: np.arange(first.size))
        return assign(left, right, gain)


def check_alike(found: Assignment, other: Assignment) -> None:
    """Equal but for which of the ties are chosen, which a solver may choose as it likes."""
    assert found.tie.tolist() == other.tie.tolist()
    assert (found.chosen & ~found.tie).tolist() == (other.chosen & ~other.tie).tolist()
    if not found.tie.any():
        assert found.chosen.tolist() == other.chosen.tolist()
    assert found.total == pytest.approx(other.total, abs=1e-10)


@pytest.mark.parametrize("kind", GAINS)
def test_candidates_that_are_always_bettered_change_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contenders_module, "_WORTHWHILE", 0)
    rng = np.random.default_rng(711 + len(kind))
    n_dropped = 0
    for _ in range(400):
        n_few, n_many = int(rng.integers(1, 4)), int(rng.integers(3, 8))
        n_left, n_right = (n_few, n_many) if rng.random() < 0.5 else (n_many, n_few)
        left, right = random_pairs(rng, n_left, n_right, int(rng.integers(3, min(n_left * n_right, 13) + 1)))
        gain = GAINS[kind](rng, left.size)
        check_alike(check(left, right, gain), unreduced(monkeypatch, left, right, gain))
        # what is left out is exactly in no assignment that comes near the best
        eligible = np.flatnonzero(gain > 0)
        whole = np.rint(gain[eligible] * 2.0**40).astype(np.int64)
        ends = left[eligible], right[eligible]
        kept = contenders(*ends, whole, n_left + n_right, TOLERANCE * 2.0**40)
        best, with_it, _ = best_with_and_without(ends[0].tolist(), ends[1].tolist(), whole.tolist())
        out = np.setdiff1d(np.arange(eligible.size), kept)
        assert all(best - with_it[k] >= TOLERANCE * 2.0**40 for k in out)
        n_dropped += out.size
    assert n_dropped > 50


def test_equal_candidates_are_all_kept_whatever_the_margin() -> None:
    first, second = np.zeros(100, np.int64), np.arange(1, 101)
    assert contenders(first, second, np.full(100, 7), 101, 0.0).tolist() == list(range(100))
    # less than the margin apart, the second is in a near best assignment, too
    assert contenders(first, second, np.arange(200, 100, -1), 101, 1.0).tolist() == [0]
    assert contenders(first, second, np.arange(200, 100, -1), 101, 1.5).tolist() == [0, 1]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("levels", [True, False])
def test_a_few_records_with_a_thousand_candidates_each(
    levels: bool, swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    few, many = np.repeat(np.arange(12), 1000), 12 + np.tile(np.arange(1000), 12)
    gain = rng.integers(1, 400, few.size) / 4.0 if levels else rng.normal(5.0, 3.0, few.size)
    kept = contenders(few, many, np.rint(np.maximum(gain, 0.01) * 2**40).astype(np.int64), 1012, 1000.0)
    assert kept.size < (600 if levels else 12 * 12 + 1)
    pairs = (many, few, gain) if swapped else (few, many, gain)
    check_alike(assign(*pairs), unreduced(monkeypatch, *pairs))


def test_a_group_that_the_solver_cannot_hold_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    left, right = np.repeat(np.arange(30), 30), 30 + np.tile(np.arange(30), 30)
    gain = rng.normal(9.0, 0.5, left.size)
    assert assign(left, right, gain).chosen.sum() == 30
    monkeypatch.setattr(assign_module, "MOST_PAIRS", 800)
    with pytest.raises(
        RunError, match=r"30 and 30 records is joined by 900 pairs, more than the 800 that .* lower"
    ):
        assign(left, right, gain)
    # what no assignment needs counts for nothing, and neither do other components
    lopsided = np.repeat(np.arange(8), 200), 8 + np.tile(np.arange(200), 8)
    both = [np.concatenate((one, one + 1000)) for one in lopsided]
    assert assign(*both, rng.normal(5.0, 0.5, 3200)).chosen.sum() == 16


def test_components_solved_together_equal_components_solved_alone() -> None:
    rng = np.random.default_rng(4)
    parts, offset = [], 0
    for k in range(1500):
        n_left, n_right = rng.integers(2, 5, 2)
        left, right = random_pairs(rng, n_left, n_right, int(rng.integers(3, n_left * n_right + 1)))
        gain = rng.integers(-1, 5, left.size) * (1.0 if k % 2 else 0.37) + (k % 3) * rng.random(left.size)
        parts.append((left, right, gain, offset))
        offset += n_left + n_right
    whole = assign(
        np.concatenate([left + at for left, _, _, at in parts]),
        np.concatenate([right + at + 100_000 for _, right, _, at in parts]),
        np.concatenate([gain for _, _, gain, _ in parts]),
    )
    alone = [assign(left, right, gain) for left, right, gain, _ in parts]
    assert whole.total == pytest.approx(sum(found.total for found in alone), abs=1e-8)
    at = 0
    for found in alone:
        here = slice(at, at + found.chosen.size)
        at += found.chosen.size
        assert whole.tie[here].tolist() == found.tie.tolist()
        assert (whole.chosen & ~whole.tie)[here].tolist() == (found.chosen & ~found.tie).tolist()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    cells = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9)), max_size=9, unique=True))
    level = st.sampled_from([-1.0, 0.0, 5e-10, 0.5, 1.0, 1.5, 2.0]) | st.floats(-5, 50, allow_nan=False)
    gain = draw(st.lists(level, min_size=len(cells), max_size=len(cells)))
    left = np.array([a for a, _ in cells], np.int64)
    right = np.array([b for _, b in cells], np.int64)
    return left, right, np.array(gain, np.float64)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_any_order_and_either_side_first(graph: tuple[np.ndarray, ...], random: object) -> None:
    left, right, gain = graph
    # gains nearer to a tie than rounding can tell are not for this test
    best, with_it, without = best_with_and_without(left.tolist(), right.tolist(), gain.tolist())
    if any(abs(best - other - TOLERANCE) < 1e-11 for other in with_it + without):
        return
    found = check(left, right, gain)
    order = list(range(left.size))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = assign(left[order].astype(np.int32), right[order].astype(np.int32), gain[order])
    assert shuffled.chosen.tolist() == found.chosen[order].tolist()
    assert shuffled.tie.tolist() == found.tie[order].tolist()
    assert shuffled.total == found.total
    swapped = assign(right, left, gain)
    assert swapped.chosen.tolist() == found.chosen.tolist()
    assert swapped.tie.tolist() == found.tie.tolist()
    # the same ties, and else the same set, when all rows are renumbered in another order
    renumbered = assign(100 - left, 50 - right, gain)
    assert renumbered.tie.tolist() == found.tie.tolist()
    assert (renumbered.chosen & ~renumbered.tie).tolist() == (found.chosen & ~found.tie).tolist()
    assert renumbered.total == pytest.approx(found.total, abs=1e-10)


def arrays(*pairs: tuple[int, int, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.array([p[0] for p in pairs], np.int64),
        np.array([p[1] for p in pairs], np.int64),
        np.array([p[2] for p in pairs], np.float64),
    )


def test_no_pairs_and_no_eligible_pairs() -> None:
    empty = assign(*arrays())
    assert empty.chosen.shape == empty.tie.shape == (0,)
    assert empty.total == 0.0
    none = assign(*arrays((0, 5, 0.0), (0, 6, -1.0), (1, 5, -np.inf)))
    assert not none.chosen.any()
    assert none.total == 0.0


def test_a_star_takes_its_best_pair_and_the_lowest_rows_among_equals() -> None:
    assert check(*arrays((0, 9, 2.0), (0, 8, 3.0), (0, 7, 1.0))).chosen.tolist() == [False, True, False]
    tied = check(*arrays((0, 9, 3.0), (0, 8, 3.0), (0, 7, 3.0)))
    assert tied.chosen.tolist() == [False, False, True]
    assert tied.tie.all()
    some = check(*arrays((0, 9, 3.0 - 2e-9), (0, 8, 3.0), (0, 7, 3.0 - 5e-10), (1, 6, 3.0 - 5e-10)))
    assert some.tie.tolist() == [False, True, True, False]


def test_a_pair_hardly_worth_its_while_is_a_tie_with_no_pair() -> None:
    found = assign(*arrays((0, 5, 5e-10), (1, 6, 2e-9)))
    assert found.chosen.tolist() == [True, True]
    assert found.tie.tolist() == [True, False]


def test_cycles() -> None:
    even = check(*arrays((0, 5, 1.0), (0, 6, 1.0), (1, 5, 1.0), (1, 6, 1.0)))
    assert even.tie.all()
    # 0.1 + 0.7 against 0.5 + 0.3, equal but for rounding
    rounding = check(*arrays((0, 5, 0.1), (0, 6, 0.5), (1, 5, 0.3), (1, 6, 0.7)))
    assert rounding.tie.all()
    assert rounding.chosen.sum() == 2
    uneven = check(*arrays((0, 5, 1.0), (0, 6, 1.0), (1, 5, 1.0), (1, 6, 1.0 + 1e-8)))
    assert not uneven.tie.any()


def test_ties_with_no_partner() -> None:
    """A path on which one record must go without: any of three, and nothing else is open."""
    path = [(0, 5, 3.0), (1, 5, 3.0), (1, 6, 3.0), (2, 6, 3.0)]
    assert check(*arrays(*path)).tie.all()
    # ... and where the last record would rather go without than the others
    found = check(*arrays(*path[:3], (2, 6, 2.0)))
    assert found.tie.tolist() == [False] * 4
    # a pair of its own at the end, worth nothing, changes nothing
    assert check(*arrays(*path, (0, 7, 0.0), (2, 8, -1.0))).tie.tolist() == [True] * 4 + [False] * 2
    # what takes no part in the exchange is no tie
    hanging = check(*arrays(*path, (3, 5, 2.9), (2, 9, 2.9), (4, 9, 2.95)))
    assert hanging.tie.tolist() == [True] * 4 + [False] * 3
    assert hanging.chosen.tolist()[4:] == [False, False, True]


def test_a_path_gives_up_its_best_pair_for_two_good_ones() -> None:
    found = check(*arrays((0, 5, 2.0), (1, 5, 3.0), (1, 6, 2.0)))
    assert found.chosen.tolist() == [True, False, True]


@pytest.mark.parametrize("step", [6e-10, 3e-10, 1e-10, 2e-11])
def test_small_losses_add_up_along_a_cycle(step: float) -> None:
    """Each change costs less than the tolerance, but only the whole cycle can change."""
    n = 5
    keep = [(k, n + k, 4.0 + step) for k in range(n)]
    move = [(k, n + (k + 1) % n, 4.0) for k in range(n)]
    found = check(*arrays(*keep, *move))
    assert found.chosen.tolist() == [True] * n + [False] * n
    assert found.tie.tolist() == [n * step < TOLERANCE] * (2 * n)


def test_small_losses_in_one_part_leave_certain_ties_alone() -> None:
    cheap = [(k, 100 + k, 4.0 + 4e-10) for k in range(4)] + [(k, 100 + (k + 1) % 4, 4.0) for k in range(4)]
    even = [(50, 150, 1.0), (50, 151, 1.0), (51, 150, 1.0), (51, 151, 1.0)]
    found = assign(*arrays(*cheap, *even))
    assert not found.tie[:8].any()
    assert found.tie[8:].all()


def test_the_tolerance_is_the_callers() -> None:
    pairs = arrays((0, 5, 2.0), (0, 6, 1.9))
    assert assign(*pairs).tie.tolist() == [False, False]
    assert assign(*pairs, tie_tolerance=0.2).tie.tolist() == [True, True]
    cycle = arrays((0, 5, 1.0), (0, 6, 1.0), (1, 5, 1.0), (1, 6, 1.1))
    assert assign(*cycle).tie.sum() == 0
    assert assign(*cycle, tie_tolerance=0.2).tie.all()
    assert assign(*cycle, tie_tolerance=0.0).total == pytest.approx(2.1)


@pytest.mark.parametrize("length", range(38, 47))
def test_what_rounds_of_clear_pairs_leave_is_no_tie(length: int) -> None:
    """Each round finds one clear pair, and there are more than rounds: a star may be left, or a path."""
    step = np.arange(length)
    gain = np.linspace(100.0, 101.0 - length, length)
    found = assign((step + 1) // 2, 100 + step // 2, gain)
    assert found.chosen.tolist() == [k % 2 == 0 for k in range(length)]
    assert not found.tie.any()


def test_long_path_and_large_component() -> None:
    rng = np.random.default_rng(8)
    n = 40_000
    label = rng.permutation(n)
    rows = np.concatenate((label, label[1:]))
    gains = np.concatenate((1.0 + np.arange(n) * 1e-5, 1.0 + (np.arange(1, n) - 0.5) * 1e-5))
    path = assign(rows, n + np.concatenate((label, label[:-1])), gains)
    # all n pairs (k, k) use every record, and no n - 1 others are worth more
    assert path.chosen.tolist() == [True] * n + [False] * (n - 1)
    assert not path.tie.any()

    cells = np.unique(rng.integers(0, 8_000, 40_000) * 8_000 + rng.integers(0, 8_000, 40_000))
    gain = rng.integers(1, 40, cells.size) / 2.0
    big = assign(cells // 8_000, 8_000 + cells % 8_000, gain)
    assert np.bincount(cells[big.chosen] // 8_000).max() == 1
    assert np.bincount(cells[big.chosen] % 8_000).max() == 1
    assert big.tie.any()
    # taking away a tie costs nothing; nor does taking one that was not chosen, with its records
    for kind, costs in [(big.tie, False), (~big.tie, True)]:
        out, into = (np.flatnonzero(kind & which)[0] for which in (big.chosen, ~big.chosen))
        rest = np.arange(cells.size) != out
        again = assign(cells[rest] // 8_000, 8_000 + cells[rest] % 8_000, gain[rest])
        assert (again.total < big.total - TOLERANCE) == costs
        rest = (cells // 8_000 != cells[into] // 8_000) & (cells % 8_000 != cells[into] % 8_000)
        again = assign(cells[rest] // 8_000, 8_000 + cells[rest] % 8_000, gain[rest])
        assert (again.total + gain[into] < big.total - TOLERANCE) == costs


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (arrays((0, 5, 1.0), (1, 5, 2.0), (0, 5, 1.0)), "rows 0 and 5 is given more than once"),
        (arrays((0, 5, -1.0), (0, 5, -1.0)), "given more than once"),
        (arrays((0, 5, 1.0), (5, 6, 1.0)), "Row 5 is the left row of one pair and the right row of another"),
        (arrays((0, 5, 1.0), (1, 6, float("nan"))), "gain of pair 1 is nan"),
        (arrays((0, 5, float("inf"))), "gain of pair 0 is inf"),
        ((np.arange(2), np.arange(2, 5), np.zeros(2)), r"shapes \(2,\) and \(3,\)"),
        ((np.arange(2), np.arange(2, 4), np.zeros(3)), r"gain has shape \(3,\)"),
    ],
)
def test_bad_input(pairs: tuple[np.ndarray, np.ndarray, np.ndarray], says: str) -> None:
    with pytest.raises(InputError, match=says):
        assign(*pairs)


def test_a_wrong_answer_of_the_solver_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def diagonal(first: np.ndarray, second: np.ndarray, gain: np.ndarray) -> Matching:
        same = first == second
        return Matching(same, gain[same], np.zeros(2, np.int64))

    pairs = arrays((0, 5, 2.0), (0, 6, 3.0), (1, 5, 3.0), (1, 6, 2.0))
    assert assign(*pairs).total == 6.0
    monkeypatch.setattr(assign_module, "best_matching", diagonal)
    with pytest.raises(RunError, match="not optimal"):
        assign(*arrays((0, 5, 2.0), (0, 6, 2.5), (1, 5, 2.5), (1, 6, 2.0)))
