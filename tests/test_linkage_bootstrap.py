"""The bootstrap of the linkage against files whose every pair is drawn, T12, and on runs of this product."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linear_sum_assignment
from simulate_rates import chance_weights

import tallystick as ts
from tallystick.analysis.error_models.bootstrap import bootstrap_linkage
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.simulated_links import LinkageBootstrap, SimulatedLinks
from tallystick.analysis.error_models.simulated_pairs import Pairs, PairSimulator, Population
from tallystick.errors import InputError
from tallystick.estimation.comparison_parameters import ComparisonParameters
from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linkage.analyses.bootstrap import bootstrap_links, missing_by_record
from tallystick.linking.decide import decide
from tallystick.linking.decision import Decision
from tallystick.linking.score import ScoredPairs
from tallystick.quality.model_patterns import model_patterns
from tallystick.quality.pattern_chances import plain_chances, seen_patterns

M, U = np.array([0.85, 0.8, 0.75]), np.array([0.1, 0.15, 0.3])
SIZE = 20
BY_WEIGHT = Decision(one_to_one=True, scale="weight", upper=0.5, lower=0.5)


def files(n: int) -> Parameters:
    """What a decision needs to know of two files of n records that are all matches."""
    own = ComparisonParameters("x", ("differ", "agree"), (0.5, 0.5), (0.5, 0.5), "given", "given")
    pair = PairOfSources("a", "b", n, n, n * SIZE, n * SIZE, float(n), -np.log(SIZE - 1))
    return Parameters((own,), (pair,))


def real_links(n_blocks: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Linked records of files of which every pair is drawn: (left, right), equal numbers are matches."""
    weight = chance_weights(M, U, SIZE, n_blocks, random)
    n = n_blocks * SIZE
    block, i, j = np.indices(weight.shape).reshape(3, -1)
    matter = weight.ravel() >= 0  # which is all that a rule on weights above 0 looks at
    left = (block * SIZE + i).astype(np.int32)[matter]
    right = (block * SIZE + j + n).astype(np.int32)[matter]
    none = np.zeros(len(left), np.int64)
    pairs = ScoredPairs(left, right, weight.ravel()[matter], none, none, none)
    links = decide(pairs, files(n), BY_WEIGHT).links
    return left[links], right[links] - n


def corrected(x: np.ndarray, y: np.ndarray, left: np.ndarray, q: float) -> np.ndarray:
    """Ratio type estimator of the specification (2.4), with the means of the register."""
    a = (SIZE * q - 1) / (SIZE - 1)
    means = x.reshape(-1, SIZE).mean(axis=1).repeat(SIZE)
    design = np.column_stack([np.ones(len(left)), x[left]])
    expected = np.column_stack([np.ones(len(left)), a * x[left] + (1 - a) * means[left]])
    return np.linalg.solve(design.T @ expected, design.T @ y)


def t12(n_rep: int, n_blocks: int, replicates: int) -> dict[str, tuple[float, float]]:
    """q estimated from m and u alone, true q, and the bias of slopes of 2, with their Monte Carlo errors."""
    random = np.random.default_rng(12)
    blocks = np.repeat(np.arange(n_blocks), SIZE)
    boot = bootstrap_linkage(plain_chances(M, U), blocks, blocks, BY_WEIGHT, replicates=replicates, seed=5)
    right, slopes = [], []
    for _ in range(n_rep):
        left, at = real_links(n_blocks, random)
        x = random.normal(0, 1, n_blocks * SIZE)
        y = (1 + 2 * x + random.normal(0, 1, len(x)))[at]
        right.append(float((left == at).mean()))
        slopes.append([np.polyfit(x[left], y, 1)[0] / 2 - 1, corrected(x, y, left, boot.q)[1] / 2 - 1])
    mean, error = np.mean(slopes, axis=0), np.std(slopes, axis=0) / n_rep**0.5
    return {
        "boot": (boot.q, boot.q_error),
        "true": (float(np.mean(right)), float(np.std(right)) / n_rep**0.5),
        "naive": (float(mean[0]), float(error[0])),
        "corrected": (float(mean[1]), float(error[1])),
    }


def test_q_from_m_and_u_alone_corrects_a_slope() -> None:
    found = t12(20, 60, 20)
    slack = 4 * np.hypot(found["boot"][1], found["true"][1])
    assert abs(found["boot"][0] - found["true"][0]) < slack
    assert -0.22 < found["naive"][0] < -0.12
    assert abs(found["corrected"][0]) < 4 * found["corrected"][1] + 0.005


@pytest.mark.long
def test_t12() -> None:
    found = t12(400, 50, 100)
    print(found)  # noqa: T201
    assert abs(found["boot"][0] - found["true"][0]) < 0.015
    # Within blocks the slope is a times the true one; block means, 1 / 20 of the spread, are as they were.
    a = (SIZE * found["true"][0] - 1) / (SIZE - 1)
    assert abs(found["naive"][0] + (1 - a) * (1 - 1 / SIZE)) < 0.01
    assert abs(found["corrected"][0]) < 0.015


def assignment(pairs: Pairs) -> np.ndarray:
    """The specification's own rule: the best assignment of each block, ties left to chance, from 0.5 up."""
    n = int(pairs.left.max()) + 1
    table = np.zeros((n, n))
    reached = pairs.weight >= 0.5
    table[pairs.left[reached], pairs.right[reached]] = pairs.weight[reached]
    shuffled = np.random.default_rng(1).permutation(n)
    i, j = linear_sum_assignment(-table[:, shuffled])
    chosen = np.zeros((n, n), bool)
    chosen[i, shuffled[j]] = table[i, shuffled[j]] >= 0.5
    return chosen[pairs.left, pairs.right]


def test_any_function_of_the_pairs_can_decide() -> None:
    blocks = np.zeros(SIZE)
    found = bootstrap_linkage(plain_chances(M, U), blocks, blocks, assignment, floor=-np.inf, replicates=200)
    random = np.random.default_rng(3)
    right = links = 0
    for weight in chance_weights(M, U, SIZE, 200, random):
        at = np.indices(weight.shape).reshape(2, -1)
        chosen = assignment(Pairs(at[0], at[1], weight.ravel(), np.arange(SIZE)))
        right, links = right + int((chosen & (at[0] == at[1])).sum()), links + int(chosen.sum())
    assert abs(found.q - right / links) < 4 * 2**0.5 * found.q_error


@pytest.mark.parametrize("floor", [-np.inf, 0.5])
def test_pairs_above_a_floor_are_as_many_and_weigh_as_much_as_if_all_were_drawn(floor: float) -> None:
    """Blocks of different sizes, fewer matches than records, things missing: counts of weights by chi2."""
    random = np.random.default_rng(4)
    left, right = np.repeat([0, 1, 2], [6, 4, 1]), np.repeat([0, 1, 2], [3, 7, 1])
    gone = tuple(random.random((len(side), 3)) < 0.3 for side in (left, right))
    population = Population(left, right, np.array([2.5, 4.0, 0.0]), gone)  # type: ignore[arg-type]
    own = tuple(
        ComparisonParameters(
            str(k), ("differ", "agree"), (1 - M[k], M[k]), (1 - U[k], U[k]), "given", "given"
        )
        for k in range(3)
    )
    parameters = Parameters(own)
    by_union = tuple(model_patterns(parameters, row) for row in population.unions[1].tolist())
    simulator = PairSimulator(population, by_union, floor)
    n_rep, weights, counts = 500, [], np.zeros((len(left), len(right)))
    for _ in range(n_rep):
        pairs = simulator.draw(random)
        keys = pairs.left * 100 + pairs.right
        assert len(np.unique(keys)) == len(keys)
        assert (left[pairs.left] == right[pairs.right]).all()
        false = pairs.match_of[pairs.right] != pairs.left
        counts[pairs.left[false], pairs.right[false]] += 1
        weights.append(pairs.weight[~false])
        assert (pairs.match_of >= 0).sum() in (6, 7)
    expected = np.zeros_like(counts)
    share = np.array([2.5, 4.0, 0.0]) / np.array([18, 28, 1])
    for i, j in np.argwhere(left[:, None] == right[None, :]):
        pattern = model_patterns(parameters, gone[0][i] | gone[1][j])
        expected[i, j] = n_rep * (1 - share[left[i]]) * pattern.rate(floor, matches=False)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected + 1)).all()
    found = np.concatenate(weights)
    mean = np.mean(
        [
            model_patterns(parameters, gone[0][i] | gone[1][j]).rate(floor, matches=True)
            for block in (0, 1)
            for i in np.flatnonzero(left == block)
            for j in np.flatnonzero(right == block)
            for _ in range([5 * 28, 8 * 18][block])  # as many matches of either block as it has
        ]
    )
    assert abs(len(found) / (6.5 * n_rep) - mean) < 4 * 0.5 / np.sqrt(6.5 * n_rep) + 0.002


def boot(**options: object) -> LinkageBootstrap:
    blocks = np.repeat(["a", "b"], [30, 50])
    return bootstrap_linkage(plain_chances(M, U), blocks, blocks, BY_WEIGHT, replicates=20, **options)  # type: ignore[arg-type]


def test_matches_that_no_pass_finds_are_never_linked() -> None:
    blocks = np.repeat(np.arange(20), 20)
    patterns = seen_patterns([2.0, 5.0], [0.2, 0.5], [0.0, 0.0])
    found = bootstrap_linkage(patterns, blocks, blocks, BY_WEIGHT, replicates=5, seed=3)
    assert found.q == 1
    assert abs(found.linked_share.mean() - 0.7) < 4 * np.sqrt(0.7 * 0.3 / 2000)


def test_a_replicate_is_the_same_whatever_others_there_are() -> None:
    blocks = np.zeros(40)
    few, many = (
        bootstrap_linkage(plain_chances(M, U), blocks, blocks, BY_WEIGHT, replicates=n) for n in (3, 6)
    )
    same = many.links.replicate < 3
    assert np.array_equal(few.links.left, many.links.left[same])
    assert np.array_equal(few.links.weight, many.links.weight[same])


def test_shares_by_block_by_weight_and_by_pairs_are_of_the_same_links() -> None:
    found = boot()
    links, right = found.links, found.links.is_right
    of = found.precision()
    assert of.labels.tolist() == ["a", "b"]
    for k, block in enumerate((slice(0, 30), slice(30, 80))):
        own = (links.left >= block.start) & (links.left < block.stop)
        assert np.isclose(of.q[k], right[own].mean())
        assert np.isclose(found.linked_share[k], own.sum() / 20 / (block.stop - block.start))
    bands = found.by_weight([1.0, 3.0])
    high = links.weight >= 3.0
    assert np.isclose(bands.q[-1], right[high].mean())
    assert bands.q[-1] > bands.q[0]
    q, none = found.candidates()
    assert np.allclose(np.asarray(q.sum(axis=1)).ravel() + none, np.bincount(links.left, minlength=80) > 0)
    assert np.isclose((q.diagonal() * np.bincount(links.left, minlength=80)).sum(), right.sum())


def test_q_and_its_error_go_into_an_error_model() -> None:
    found = boot()
    model = exchangeable(np.repeat(["a", "b"], [30, 50]), found.precision())
    assert np.allclose(model.q, found.precision().q)
    assert (model.precision.standard_errors > 0).all()


def test_an_analysis_in_every_replicate() -> None:
    def share(links: SimulatedLinks) -> list[float]:
        return [links.is_right.mean(), len(links.left)]

    found = boot()
    table = found.analyse(share)
    assert table.shape == (20, 2)
    assert np.isclose((table[:, 0] * table[:, 1]).sum() / table[:, 1].sum(), found.q)


def two_files(n: int) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
    """Files in blocks of 25 with three coded fields, made with m and u of known size; all are matches."""
    random = np.random.default_rng(20)
    block = np.repeat(np.arange(n // 25), 25)
    left: dict[str, object] = {"block": block.astype(str)}
    right: dict[str, object] = {"block": block.astype(str)}
    for name, values in (("a", 9), ("b", 7), ("c", 5), ("d", 4)):
        true = random.integers(0, values, n)
        for side in (left, right):
            seen = np.where(random.random(n) < 0.06, random.integers(0, values, n), true).astype(str)
            lost = random.random(n) < 0.05
            side[name] = [None if gone else value for gone, value in zip(lost, seen.tolist(), strict=True)]
    order = random.permutation(n)
    shown = pl.DataFrame(left).with_columns(id=pl.Series([f"l{k}" for k in range(n)]))
    other = pl.DataFrame(right).with_columns(id=pl.Series([f"r{k}" for k in range(n)]))
    return shown, other[order], order


@pytest.fixture(scope="module")
def linked() -> tuple[ts.Links, float]:
    left, right, order = two_files(500)
    linkage = ts.Linkage(
        comparisons=[ts.comparison(name, ts.exact()) for name in ("block", "a", "b", "c", "d")],
        passes=[ts.blocking_key("block")],
        one_to_one=True,
    )
    tables = ts.Source(name="one", table=left, id="id"), ts.Source(name="two", table=right, id="id")
    links = linkage.fit(*tables).link(*tables)
    pairs = links.decided.pairs
    chosen = links.decided.links
    right_link = pairs.left[chosen] == order[pairs.right[chosen] - 500]
    return links, float(right_link.mean())


@pytest.mark.parametrize("patterns", ["seen", "model"])
def test_links_of_a_linkage_are_as_often_right_as_its_bootstrap_says(
    linked: tuple[ts.Links, float], patterns: str
) -> None:
    links, true = linked
    found = bootstrap_links(links, "block", patterns=patterns, replicates=6)  # type: ignore[arg-type]
    assert 0.8 < true < 1
    assert abs(found.q - true) < 4 * np.hypot(found.q_error, np.sqrt(true * (1 - true) / 500))
    assert len(found.precision().labels) == 20
    share = float(links.decided.links.sum()) / 500
    # Records that are alike tie, which independent pairs do not: more of them seem to be linked.
    assert -0.02 < found.linked_share.mean() - share < 0.08


def test_what_is_missing_of_records_is_known(linked: tuple[ts.Links, float]) -> None:
    links, _ = linked
    left, right = missing_by_record(links.prepared)
    tables = two_files(500)[:2]
    for found, table in zip((left, right), tables, strict=True):
        assert np.array_equal(found, table.select(pl.col("block", "a", "b", "c", "d").is_null()).to_numpy())


def test_blocks_that_links_cross_are_refused(linked: tuple[ts.Links, float]) -> None:
    links, _ = linked
    wrong = np.arange(500) % 2
    with pytest.raises(InputError, match="different blocks"):
        bootstrap_links(links, (wrong, 1 - wrong))
    with pytest.raises(InputError, match="does not use a field"):
        bootstrap_links(links, "nowhere")
    with pytest.raises(InputError, match="seen"):
        bootstrap_links(links, "block", patterns="other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matches": 40}, "smaller side"),
        ({"matches": [1.0, 2, 3]}, "2 blocks"),
        ({"missing": (np.zeros((80, 3), bool),) * 2}, "parameters of a model"),
    ],
)
def test_inputs_that_do_not_fit(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        boot(**options)


def test_a_rule_whose_thresholds_are_open_is_refused() -> None:
    from tallystick.linking.rules import Targets

    rule = Decision(one_to_one=True, thresholds=Targets(precision=0.9))
    with pytest.raises(InputError, match="worked out"):
        bootstrap_linkage(plain_chances(M, U), np.zeros(20), np.zeros(20), rule)
