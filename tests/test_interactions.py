"""Comparisons that are estimated together: joint probabilities, weights and sweeps against brute force."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import naive_pairs as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_em import counts_of
from test_marginals import DESIGNS, count_all, prepared, sample
from test_patterns import PASSES, Case, cases, plan_of
from test_score import parameters_of

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import source_pairs
from tallystick.errors import InputError, SpecError
from tallystick.estimation import dependence as dependence_module
from tallystick.estimation import joint as joint_module
from tallystick.estimation import parameters as parameters_module
from tallystick.estimation.dependence import Dependence, advice
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Factor, selection_of
from tallystick.estimation.interactions import Interaction
from tallystick.estimation.joint import Joint, joined
from tallystick.estimation.marginals import marginals_of_counts
from tallystick.estimation.parameters import Parameters
from tallystick.estimation.table import table_of
from tallystick.linking import residuals as residuals_module
from tallystick.linking.residuals import best_candidates
from tallystick.linking.score import score, weigh_patterns
from tallystick.patterns.coding import PatternCoding
from tallystick.spec.toml import parse_spec

Floats = NDArray[np.float64]


def joint_of(random: np.random.Generator, shape: Sequence[int]) -> Floats:
    """Any joint probabilities."""
    table = random.dirichlet(np.full(int(np.prod(shape)), 0.7)) * 0.98 + 0.02 / np.prod(shape)
    return table.reshape(tuple(shape))


def with_interaction(plain: Parameters, numbers: Sequence[int], seed: int) -> Parameters:
    """Invented joint probabilities of some comparisons, whose own are then the margins."""
    random = np.random.default_rng(seed)
    comparisons = list(plain.comparisons)
    shape = tuple(len(comparisons[number].labels) for number in numbers)
    tables = {which: joint_of(random, shape) for which in ("mur" if plain.related_share else "mu")}
    for axis, number in enumerate(numbers):
        others = tuple(k for k in range(len(numbers)) if k != axis)
        own = {which: tuple(table.sum(axis=others).tolist()) for which, table in tables.items()}
        comparisons[number] = replace(comparisons[number], **own)
    flat = {which: tuple(table.ravel().tolist()) for which, table in tables.items()}
    names = tuple(comparisons[number].name for number in numbers)
    one = Interaction(tuple(numbers), names, shape, **flat)
    return replace(plain, comparisons=tuple(comparisons), interactions=(one,))


def plain_weight(parameters: Parameters, row: Sequence[int], share: float) -> float:
    """Log m - log((1 - share) u + share r), joint probabilities summed over what is missing."""
    chance = dict.fromkeys("mur", 1.0)
    together = {number for one in parameters.interactions for number in one.comparisons}
    for which in chance:
        for one in parameters.interactions:
            table = one.table(which if which != "r" or one.r else "u")
            own = [row[number] for number in one.comparisons]
            chance[which] *= sum(
                table[cell]
                for cell in product(*(range(size) for size in one.shape))
                if all(a in (b, size) for a, b, size in zip(own, cell, one.shape, strict=True))
            )
        for number, comparison in enumerate(parameters.comparisons):
            if number not in together and row[number] < len(comparison.labels):
                values = {"m": comparison.m, "u": comparison.u, "r": comparison.r or comparison.u}
                chance[which] *= values[which][row[number]]
    return math.log(chance["m"]) - math.log((1 - share) * chance["u"] + share * chance["r"])


@pytest.mark.parametrize("seed", range(8))
def test_the_weight_of_every_pattern(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    shape = [(2, 3, 2, 4), (3, 2, 2, 2)][seed % 2]
    names = [ts.comparison(name, ts.exact()) for name in "abcd"]
    case = Case([], [1], "dedupe", [])
    parameters = parameters_of(case, seed)
    random = np.random.default_rng(seed)
    comparisons = tuple(
        parameters_module.ComparisonParameters(
            one.name,
            tuple("0123"[:size]),
            *(tuple(joint_of(random, [size]).tolist()) for _ in range(2)),
            "",
            "",
            tuple(joint_of(random, [size]).tolist()) if seed % 2 else None,
            0.5 if seed % 2 else None,
        )
        for one, size in zip(names, shape, strict=True)
    )
    parameters = replace(parameters, comparisons=comparisons)
    parameters = with_interaction(parameters, [(0, 2), (1, 3), (0, 1, 3), (1, 2, 3)][seed // 2], seed)
    digits = parameters.coding.decode(np.arange(parameters.coding.size))
    wanted = [plain_weight(parameters, row, parameters.related_share) for row in digits.tolist()]
    np.testing.assert_allclose(parameters.weights(digits), wanted, atol=1e-12)
    for most in (2**20, 1):  # by a table of all patterns, and without
        monkeypatch.setattr(parameters_module, "MOST_TABLED", most)
        found = weigh_patterns(replace(parameters), np.arange(2 * len(digits)), 0)
        np.testing.assert_allclose(found, wanted * 2, atol=1e-12)
    # No sum of what sweeps look at is below the weight.
    rows = np.arange(len(shape))
    most = parameters.bounding_weights[rows, digits].sum(axis=1) + parameters.most_gained(0)
    assert (most >= np.array(wanted) - 1e-12).all()
    again = Parameters.from_dict(json.loads(json.dumps(parameters.to_dict())))
    assert again == parameters
    np.testing.assert_array_equal(again.weights(digits), parameters.weights(digits))


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(cases(), st.integers(0, 99), st.integers(0, 5), st.sampled_from([1, 2]))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_pairs_and_best_candidates_are_those_of_brute_force(
    monkeypatch: pytest.MonkeyPatch, passes: list[AnyPass], case: Case, seed: int, share: int, threads: int
) -> None:
    for module in (units_module, residuals_module):
        monkeypatch.setattr(module, "TILE_LEFT", 3)
    if len(case.comparisons) < 2:
        return
    numbers = [(0, 1), tuple(range(len(case.comparisons)))][seed % 2]
    parameters = with_interaction(parameters_of(case, seed), numbers, seed)
    where = naive.candidates(case.rows, case.sizes, passes, case.kind)
    patterns = naive.patterns(case.rows, where, case.comparisons, case.kind)
    wanted = {pair: plain_weight(parameters, row, parameters.related_share) for pair, row in patterns.items()}
    floor = sorted(wanted.values())[(len(wanted) - 1) * share // 5] - 1e-6 if wanted else 0.0
    plan = plan_of(case, passes)
    found = score(
        plan, parameters, np.full(len(source_pairs(len(case.sizes), case.kind)), floor), threads=threads
    )
    kept = dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.weight, strict=True))
    assert kept == pytest.approx({pair: w for pair, w in wanted.items() if w >= floor}, abs=1e-9)
    best = best_candidates(plan, parameters, np.ones(len(case.rows), bool), threads)
    for row in range(len(case.rows)):
        top = naive.best(wanted, where, row)
        if top is None:
            assert best.row[row] == -1
        else:
            # Tiles choose in single precision, in which two patterns may be equal.
            assert best.weight[row] == pytest.approx(top[0], abs=1e-4)
            assert wanted[min(row, best.row[row]), max(row, best.row[row])] == pytest.approx(
                best.weight[row], abs=1e-9
            )


# Joint probabilities of two dependent comparisons (3 and 2 levels), and three that depend on nothing.
OTHERS_M = [(0.1, 0.9), (0.05, 0.95), (0.15, 0.05, 0.8)]
OTHERS_U = [(0.99, 0.01), (0.98, 0.02), (0.9, 0.07, 0.03)]
JOINT_M = np.array([[0.06, 0.01], [0.03, 0.05], [0.05, 0.80]])
JOINT_U = np.array([[0.955, 0.005], [0.018, 0.002], [0.002, 0.018]])
APART_M = np.outer(JOINT_M.sum(axis=1), JOINT_M.sum(axis=0))
APART_U = np.outer(JOINT_U.sum(axis=1), JOINT_U.sum(axis=0))
SHAPE = (3, 2, 2, 2, 3)


def patterns_of(m: Floats, u: Floats, matches: float, n: float, missing: float = 0.1) -> ts.PatternCounts:
    """Expected counts of the patterns of all pairs, each value missing by chance."""
    coding = PatternCoding(SHAPE)
    digits = coding.decode(np.arange(coding.size))
    found = np.zeros(coding.size)
    for size, joint, others in ((matches, m, OTHERS_M), (n - matches, u, OTHERS_U)):
        whole = np.zeros((4, 3))
        whole[:3, :2] = joint * (1 - missing) ** 2
        whole[3, :2] = joint.sum(axis=0) * missing * (1 - missing)
        whole[:3, 2] = joint.sum(axis=1) * missing * (1 - missing)
        whole[3, 2] = missing**2
        chance = size * whole[digits[:, 0], digits[:, 1]]
        for k, levels in enumerate(others, start=2):
            chance *= np.append(np.array(levels) * (1 - missing), missing)[digits[:, k]]
        found += chance
    return counts_of(coding, digits, found)


def fit_of(counts: ts.PatternCounts, groups: Sequence[Sequence[int]], related: bool = False) -> Fit:
    factors = joined([Factor(k, (), size) for k, size in enumerate(SHAPE)], groups, list("abcde"))
    nothing = (None,) * len(factors)
    table = table_of(counts, factors, marginals_of_counts(counts, factors))
    selection = selection_of([ts.all_pairs()], (), factors)
    start = np.array([0.5 * counts.n_pairs * 1e-3])
    plain = ts.Estimation(prior_matches=0, max_iterations=3000, tolerance=1e-9)
    return fit_em(table, selection, Given(nothing, nothing), start, plain, related)


def levels(cells: Floats) -> Floats:
    return cells.reshape(4, 3)[:3, :2]


def test_known_joint_probabilities_are_recovered() -> None:
    counts = patterns_of(JOINT_M, JOINT_U, 1e5, 1e8)
    fit = fit_of(counts, [[0, 1]])
    np.testing.assert_allclose(levels(fit.m[0]), JOINT_M, atol=5e-5)
    np.testing.assert_allclose(levels(fit.u[0]), JOINT_U, atol=1e-6)
    assert fit.matches[0] == pytest.approx(1e5, rel=1e-4)
    for own, wanted in zip(fit.m[1:], OTHERS_M, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=5e-5)
    # Without the interaction the pairs that agree on both pass for matches.
    assert fit_of(counts, []).matches[0] > 1.1e5


def test_where_nothing_depends_weights_hardly_change() -> None:
    counts = patterns_of(APART_M, APART_U, 1e5, 1e8)
    fit, plain = fit_of(counts, [[0, 1]]), fit_of(counts, [])
    np.testing.assert_allclose(levels(fit.m[0]), np.outer(plain.m[0][:3], plain.m[1][:2]), atol=1e-4)
    assert fit.matches[0] == pytest.approx(plain.matches[0], rel=1e-4)
    table = np.log(levels(fit.m[0]) / levels(fit.u[0]))
    one, other = (np.log(plain.m[k][:-1] / plain.u[k][:-1]) for k in (0, 1))
    apart = np.add.outer(one, other)
    np.testing.assert_allclose(table, apart, atol=5e-3)


@pytest.mark.parametrize("design", DESIGNS)
def test_cells_of_random_pairs_are_unbiased(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    together = joined(factors, [(0, 1)], [one.name for one in ready.spec.comparisons])
    n, repeats = 1000, 60
    runs = [sample(ready, together, n, seed).counts for seed in range(repeats)]
    for k, wanted in enumerate(count_all(ready, together)):
        found = np.array([run[k] for run in runs])
        error = np.maximum(found.std(axis=0, ddof=1), 1e-9) / np.sqrt(repeats)
        rare = wanted * n / wanted.sum() * repeats < 25
        assert (np.abs(found.mean(axis=0) - wanted)[~rare] < 4.5 * error[~rare] + 1e-6).all()
        np.testing.assert_allclose(found.sum(axis=1), wanted.sum())
    two = sample(ready, together, n, 1, threads=2).counts
    for one, other in zip(sample(ready, together, n, 1, threads=1).counts, two, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("design", DESIGNS)
def test_pairs_with_an_equal_value_are_all_taken_where_they_are_few(design: str) -> None:
    kind, tables = DESIGNS[design]
    ready, factors = prepared(kind, tables)
    together = joined(factors, [(0, 1)], [one.name for one in ready.spec.comparisons])
    found, every = sample(ready, together, 4000, seed=3).counts[0], count_all(ready, together)[0]
    (joint,) = [one for one in together if isinstance(one, Joint)]
    # Equal surnames are fewer than a quarter of the random pairs; equal towns may be more.
    top = joint.parts[0].level[joint.of_part[0]] == joint.parts[0].n_levels - 1
    np.testing.assert_allclose(found[top], every[top])
    assert every[top].sum() > 0


def tables_of(seed: int, follows: float, together: float) -> list[pl.DataFrame]:
    """Two files with 2,500 persons in common of 4,000 each, values of five fields, some missing.

    The town is that of the surname for a share of the persons; in a share of the copies both surname and
    house are drawn anew, as where a wrong form was copied.
    """
    random = np.random.default_rng(seed)
    n, common = 4000, 2500
    sizes = {"given": 60, "surname": 100, "birth": 300, "house": 200, "town": 40}

    def drawn(count: int) -> dict[str, NDArray[np.int64]]:
        own = {name: random.integers(0, size, count) for name, size in sizes.items()}
        own["town"] = np.where(random.random(count) < follows, own["surname"] % 40, own["town"])
        return own

    left, right = drawn(n), drawn(n)
    for name in sizes:
        right[name][:common] = left[name][:common]
    fresh = drawn(common)
    for name in sizes:
        wrong = random.random(common) < 0.07
        right[name][:common] = np.where(wrong, fresh[name], right[name][:common])
    both = random.random(common) < together
    for name in ("surname", "house"):
        right[name][:common] = np.where(both, fresh[name], right[name][:common])
    tables = []
    for side, own in (("a", left), ("b", right)):
        columns = {"id": pl.Series([f"{side}{k}" for k in range(n)])}
        for name, values in own.items():
            text = pl.Series(values.astype(str))
            text = text.set(pl.Series(random.random(n) < 0.05), None)
            columns[name] = text
        tables.append(pl.DataFrame(columns).sample(fraction=1.0, shuffle=True, seed=seed))
    return tables


NAMES = ("given", "surname", "birth", "house", "town")
BLOCKED = (ts.blocking_key("birth"), ts.blocking_key("given", "town"), ts.blocking_key("surname", "house"))


def linkage_of(
    interactions: Sequence[Sequence[str]],
    passes: Sequence[AnyPass] = BLOCKED,
    related: str = "none",
    among_matches: Sequence[Sequence[str]] = (),
) -> ts.Linkage:
    estimation = ts.Estimation(
        interactions=interactions,  # type: ignore[arg-type]
        match_interactions=among_matches,  # type: ignore[arg-type]
        related=related,  # type: ignore[arg-type]
    )
    return ts.Linkage([ts.comparison(one, ts.exact()) for one in NAMES], passes, estimation=estimation)


def sources_of(tables: Sequence[pl.DataFrame]) -> list[ts.Source]:
    return [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", tables, strict=True)]


@pytest.mark.parametrize("passes", [BLOCKED, (ts.all_pairs(),)], ids=["passes", "all pairs"])
def test_files_whose_town_follows_the_surname(passes: Sequence[AnyPass]) -> None:
    sources = sources_of(tables_of(1, follows=0.8, together=0.0))
    plain = linkage_of([], passes).fit(*sources)
    told = [text for text in plain.warnings if "depend on" in text]
    if passes == BLOCKED:
        assert told[0].startswith(
            "Comparisons surname and town depend on each other: “equal” and “equal” come"
        )
        assert 'interactions = [["surname", "town"]] under [estimation]' in told[0]
    else:  # EM takes those who share both for the matches, so that the matches seem a dependence
        assert plain.parameters.pairs[0].expected_matches > 50_000
        assert told
        assert all("look first at the number of matches" in text for text in told)
    model = linkage_of([["surname", "town"]], passes).fit(*sources)
    assert not [text for text in model.warnings if "depend on" in text]
    assert model.parameters.pairs[0].expected_matches == pytest.approx(2500, rel=0.03)
    # u as the files have it: all pairs in which nothing is missing, less the matches.
    (one,) = model.parameters.interactions
    left, right = (source.table.drop_nulls(["surname", "town"]) for source in sources)
    n = len(left) * len(right)
    matches = 2500 * 0.95**4
    m = one.table("m")
    for fields, seen, chance in (
        (["surname", "town"], one.table("u")[1, 1], m[1, 1]),
        (["surname"], one.table("u")[1, :].sum(), m[1, :].sum()),
        (["town"], one.table("u")[:, 1].sum(), m[:, 1].sum()),
    ):
        together = left.join(right, on=fields).height
        assert seen == pytest.approx((together - matches * chance) / (n - matches), rel=0.02)
    # A copy has the surname by 0.93, and the town, too; nothing but chance makes them go together.
    wrong = 0.07 * (1 - 0.01)
    assert m[1, 1] == pytest.approx((1 - wrong) ** 2, abs=0.02)
    assert m[0, 0] == pytest.approx(wrong**2, abs=0.01)


def test_errors_that_come_together() -> None:
    tables = tables_of(2, follows=0.0, together=0.08)
    plain = linkage_of([]).fit(*sources_of(tables))
    (told,) = [text for text in plain.warnings if "depend on" in text]
    assert told.startswith(
        "Comparisons surname and house depend on each other among matches: “different” and"
    )
    assert 'match_interactions = [["surname", "house"]] under' in told
    # With joint u alone the matches are taken to be independent, so that nothing is better.
    half = linkage_of([["surname", "house"]]).fit(*sources_of(tables))
    assert [text for text in half.warnings if "among matches" in text]
    (one,) = half.parameters.interactions
    np.testing.assert_allclose(
        one.table("m"), np.outer(*(one.table("m").sum(axis=k) for k in (1, 0))), atol=1e-6
    )
    model = linkage_of([], among_matches=[["surname", "house"]]).fit(*sources_of(tables))
    assert not [text for text in model.warnings if "depend on" in text]
    (one,) = model.parameters.interactions
    assert one.table("m")[0, 0] == pytest.approx(0.08 + 0.92 * 0.07**2, abs=0.02)
    # Such pairs weigh more than they did, and no match is lost for it.
    assert model.weight("1-0-1-0-1") > plain.weight("1-0-1-0-1") + 1.0
    assert model.parameters.pairs[0].expected_matches == pytest.approx(2500, rel=0.04)


@pytest.mark.parametrize("seed", range(3))
def test_independent_files_are_told_nothing(seed: int) -> None:
    tables = tables_of(seed, follows=0.0, together=0.0)
    plain = linkage_of([]).fit(*sources_of(tables))
    assert not [text for text in plain.warnings if "depend on" in text]
    model = linkage_of([], among_matches=[["surname", "town"]]).fit(*sources_of(tables))
    digits = np.array(list(product((0, 1), repeat=5)), np.uint8)
    apart = np.abs(model.parameters.weights(digits) - plain.parameters.weights(digits))
    one_agrees = digits[:, 1] + digits[:, 4] > 0
    assert apart[one_agrees].max() < 0.1
    assert apart.max() < 1.0  # 12 matches differ in both
    found, wanted = (own.parameters.pairs[0].expected_matches for own in (model, plain))
    assert found == pytest.approx(wanted, rel=0.01)


SURNAME_TOWN = [["surname", "town"]]


def test_a_linkage_shows_saves_and_links_again(tmp_path: Path) -> None:
    tables = tables_of(4, follows=0.8, together=0.0)
    sources = sources_of(tables)
    linkage = linkage_of(SURNAME_TOWN)
    links = linkage.run(tmp_path / "run", *sources, threads=2)
    model = links.model
    (one,) = model.parameters.interactions
    assert one.names == ("surname", "town")
    a = {"given": "1", "surname": "2", "birth": "3", "house": "4", "town": "5"}
    compared = model.compare_records(a, {**a, "house": "9", "birth": None})
    parts = {part["comparison"]: part for part in compared.parts}
    part = parts["surname × town together"]
    assert part["label"] == "equal and equal"
    assert part["weight"] == pytest.approx(float(one.terms[1, 1]))
    assert part["weight"] < -1
    assert sum(own["weight"] for own in compared.parts) == pytest.approx(compared.weight)
    assert compared.weight == pytest.approx(plain_weight(model.parameters, [1, 1, 2, 0, 1], 0.0))

    review = links.review
    assert len(review)
    summed = review.select(pl.sum_horizontal(pl.col("^weight_.*$"))).to_series().to_numpy()
    np.testing.assert_allclose(summed, review["weight"].to_numpy(), atol=1e-9)
    assert "weight_surname_x_town" in review.columns
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "surname × town" in page
    again = ts.Model.load(tmp_path / "run")
    assert again.parameters == model.parameters
    # The same with one thread, from the saved model, and (where the rates are estimated anew) on other files.
    one_thread = linkage.fit(*sources, threads=1)
    assert one_thread.parameters == model.parameters
    assert again.link(*sources, threads=1).pairs.equals(links.pairs)
    newer = again.link(*sources_of([table.head(3000) for table in tables])).model.parameters
    assert newer.interactions == model.parameters.interactions
    assert newer.comparisons == model.parameters.comparisons
    assert newer.pairs[0].expected_matches < model.parameters.pairs[0].expected_matches


def test_models_saved_before_load() -> None:
    data = linkage_of([]).fit(*sources_of(tables_of(5, 0.0, 0.0))).to_dict()
    assert "interactions" not in data
    assert ts.Model.from_dict(data).parameters.interactions == ()


def test_toml_and_back() -> None:
    linkage = linkage_of(
        [["surname", "town"], ["given", "town", "house"]], among_matches=[["given", "house"]]
    )
    again = parse_spec(linkage.to_toml())
    assert again == linkage.spec
    assert 'interactions = [["surname", "town"], ["given", "town", "house"]]' in linkage.to_toml()
    assert 'match_interactions = [["given", "house"]]' in linkage.to_toml()


@pytest.mark.parametrize(
    ("interactions", "message"),
    [
        ([["surname", "twon"]], 'found "twon", expected the name of a comparison; did you mean "town"'),
        ([["town", "town"]], "found ['town', 'town'], expected the names of two or more different comp"),
        ([["town"]], "found ['town'], expected the names of two or more different comparisons"),
        ([["town", "given"], ["given", "town"]], "found ['given', 'town'] twice; name it once"),
    ],
)
def test_what_is_refused(interactions: list[list[str]], message: str) -> None:
    for own in ({}, {"among_matches": interactions}):
        with pytest.raises((SpecError, ValueError)) as raised:
            linkage_of([] if own else interactions, **own)
        assert message in str(raised.value)
        assert ("match_interactions" if own else "interactions") in str(raised.value)
    text = linkage_of([], related="auto").to_toml()
    assert "[estimation]" not in text
    text += f"\n[estimation]\ninteractions = {json.dumps(interactions)}\n"
    with pytest.raises(SpecError) as raised:
        parse_spec(text, "spec.toml")
    assert message in str(raised.value)
    assert str(raised.value).startswith("spec.toml")


def test_a_table_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = sources_of(tables_of(6, 0.8, 0.0))
    monkeypatch.setattr(joint_module, "MAX_CELLS", 11)
    with pytest.raises(InputError) as raised:
        linkage_of(SURNAME_TOWN).fit(*sources)
    assert str(raised.value) == (
        "estimation.interactions: surname, town have 36 combinations of levels and parts of keys together, "
        "at most 11 can be estimated: name fewer that share a comparison, or give them fewer levels."
    )
    monkeypatch.setattr(dependence_module, "MAX_CELLS", 11)
    (told,) = [text for text in linkage_of([]).fit(*sources).warnings if "depend on" in text]
    assert told.endswith(
        "make one comparison of both or leave one out (they have too many levels to be estimated together)."
    )


def test_a_model_without_data_has_no_interactions() -> None:
    given_by_hand = [ts.comparison(name, ts.exact(), m=0.9, u=0.1) for name in NAMES]
    settings = ts.Estimation(interactions=SURNAME_TOWN)
    with pytest.raises(InputError, match="joint probabilities are estimated from data"):
        ts.Linkage(given_by_hand, estimation=settings).model()


def test_given_probabilities_stay_the_margins() -> None:
    comparisons = [ts.comparison(one, ts.exact()) for one in NAMES]
    comparisons[1] = ts.comparison("surname", ts.exact(), m=0.9, u=0.012)
    linkage = ts.Linkage(comparisons, BLOCKED, estimation=ts.Estimation(interactions=SURNAME_TOWN))
    model = linkage.fit(*sources_of(tables_of(7, 0.8, 0.0)))
    (one,) = model.parameters.interactions
    np.testing.assert_allclose(one.table("m").sum(axis=1), [0.1, 0.9], atol=1e-9)
    np.testing.assert_allclose(one.table("u").sum(axis=1), [0.988, 0.012], atol=1e-9)
    assert one.table("u")[1, 1] > 0.3 * 0.012
    assert model.parameters.comparisons[1].m_origin == "given"


def test_a_copy_is_to_be_left_out() -> None:
    tables = [
        table.with_columns(town=pl.col("surname").replace({"7": "8"}))
        for table in tables_of(8, follows=0.0, together=0.0)
    ]
    told = [text for text in linkage_of([]).fit(*sources_of(tables)).warnings if "depend on" in text]
    assert told[0].startswith("Comparisons surname and town depend on each other")
    assert told[0].endswith("they say nearly the same, so leave one of them out.")


def test_the_largest_comes_first_and_what_shares_a_comparison_with_it() -> None:
    def one(first: str, second: str, lift: float) -> Dependence:
        return Dependence(first, second, "equal", "equal", 1000, lift)

    found = [one("forename", "email", 70.0), one("surname", "postcode", 5.0), one("surname", "email", 4.0)]
    sizes = dict.fromkeys(("forename", "surname", "email", "postcode"), 20)
    told = advice(found, ts.Estimation(), sizes)
    wanted = 'interactions = [["forename", "email"], ["surname", "email"]]'
    assert [wanted in text for text in told] == [True, False, True]
    assert told[1].endswith("do first what is said of forename and email, which it may come of.")
    # What does not fit beside the first is left out of the line; what is estimated together already is in it.
    small = advice(found, ts.Estimation(), sizes | {"surname": 100})
    assert 'interactions = [["forename", "email"]]' in small[0]
    assert "too many levels" in small[2]
    (again,) = advice(found[2:], ts.Estimation(interactions=(("forename", "email"),)), sizes)
    assert wanted in again
    assert advice([], ts.Estimation(), sizes) == []
