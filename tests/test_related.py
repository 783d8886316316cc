"""Related non-matches: EM against a plain twin, when the class is taken, and what it saves."""

from __future__ import annotations

import naive_estimation as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_em import PURE, counts_of, fit_files, starts, tables

import tallystick as ts
from tallystick.datasets import persons
from tallystick.estimation import related as related_module
from tallystick.estimation.em import Fit, Given, Related, fit_em
from tallystick.estimation.factors import Factor, selection_of
from tallystick.estimation.marginals import marginals_of_counts
from tallystick.estimation.related import fit_classes, looks_related
from tallystick.estimation.table import table_of
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

N_LEVELS = (3, 3, 2, 2, 2)
M = [(0.05, 0.1, 0.85), (0.08, 0.07, 0.85), (0.1, 0.9), (0.05, 0.95), (0.08, 0.92)]
U = [(0.97, 0.02, 0.01), (0.96, 0.03, 0.01), (0.995, 0.005), (0.5, 0.5), (0.998, 0.002)]


def ingredients(counts: PatternCounts) -> tuple[object, ...]:
    factors = tuple(Factor(k, (), size) for k, size in enumerate(counts.coding.n_levels))
    nothing = (None,) * len(factors)
    table = table_of(counts, factors, marginals_of_counts(counts, factors))
    return table, selection_of([ts.all_pairs()], (), factors), Given(nothing, nothing)


def mixture(matches: float, related: float, shared: list[float], n: float = 1e9) -> PatternCounts:
    """Exact counts of patterns of three classes."""
    coding = PatternCoding(N_LEVELS)
    digits = coding.decode(np.arange(coding.size))
    digits = digits[(digits < np.array(N_LEVELS)).all(axis=1)]
    mixed = [s * np.array(m) + (1 - s) * np.array(u) for s, m, u in zip(shared, M, U, strict=True)]
    m, r, u = (
        np.prod([np.array(one)[digits[:, k]] for k, one in enumerate(levels)], axis=0)
        for levels in (M, mixed, U)
    )
    return counts_of(coding, digits, matches * m + related * r + (n - matches - related) * u)


@settings(max_examples=25)
@given(tables(), st.sampled_from([0.0, 5.0]))
def test_em_with_related_pairs_equals_the_plain_twin(
    table: tuple[PatternCounts, float], prior: float
) -> None:
    counts, start = table
    n_levels = counts.coding.n_levels
    plain = {
        tuple(row): float(c)
        for row, c in zip(counts.coding.decode(counts.patterns).tolist(), counts.counts.tolist(), strict=True)
    }
    m, u, shared, matches, related, path = naive.em_with_related(
        plain, n_levels, [starts(size) for size in n_levels], start, prior, iterations=40
    )
    estimation = ts.Estimation(prior_matches=prior, tolerance=1e-300, max_iterations=40)
    fit = fit_em(*ingredients(counts), np.array([start]), estimation, related=True)  # type: ignore[arg-type]
    assert fit.related is not None
    for own, wanted in zip(fit.m, m, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=1e-6)
    for own, wanted in zip(fit.u, u, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=1e-6)
    np.testing.assert_allclose(fit.related.shared, shared, atol=1e-5)
    assert fit.matches[0] == pytest.approx(matches, rel=1e-5, abs=1e-5)
    assert fit.related.pairs[0] == pytest.approx(related, rel=1e-5, abs=1e-5)
    np.testing.assert_allclose(np.diff(fit.log_likelihood), np.diff(path), atol=1e-6 * abs(path[0]))


def classes(counts: PatternCounts, related: str = "auto") -> Fit:
    estimation = PURE.model_copy(update={"related": related, "tolerance": 1e-9, "max_iterations": 3000})
    return fit_classes(*ingredients(counts), np.array([2e4]), estimation)  # type: ignore[arg-type]


def test_exact_counts_of_three_classes_give_them_back() -> None:
    """Matches and m exactly; the number of related pairs is told by few patterns, so EM nears it slowly."""
    shared = [0.0, 0.9, 0.02, 0.1, 0.95]
    fit = classes(mixture(3e4, 9e4, shared))
    assert fit.related is not None
    np.testing.assert_allclose(fit.related.shared, shared, atol=0.05)
    assert fit.matches[0] == pytest.approx(3e4, rel=0.001)
    assert fit.related.pairs[0] == pytest.approx(9e4, rel=0.06)
    for own, wanted in zip(fit.m, M, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=0.002)
    # Without the class its pairs are taken for matches.
    assert classes(mixture(3e4, 9e4, shared), "none").matches[0] > 4e4


LIKE_RELATIVES = [0.0, 0.9, 0.0, 0.1, 0.95]


@pytest.mark.parametrize(
    ("related", "shared", "looks"),
    [
        (9e4, LIKE_RELATIVES, True),
        (9e4, [0.2, 0.9, 0.3, 0.2, 0.95], False),  # all values are shared now and then
        (9e4, [0.0, 0.9, 0.0, 0.1, 0.3], False),  # a single value in common
        (2e4, LIKE_RELATIVES, False),  # fewer than the matches
    ],
)
def test_what_looks_related(related: float, shared: list[float], looks: bool) -> None:
    """Each criterion by itself."""
    table, *_ = ingredients(mixture(3e4, related, shared))
    found = Related(np.array(shared), (), np.array([related]), 1.0)
    assert looks_related(table, np.array([3e4]), found) == looks  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("related", "shared"),
    [
        (0, [0.5] * 5),  # no third class at all
        (1e4, [0.6] * 5),  # matches with many errors: all values are shared more or less
        (1e4, LIKE_RELATIVES),  # fewer than the matches
        (9e4, [0.0, 0.9, 0.0, 0.1, 0.1]),  # one value only in common
    ],
)
def test_other_third_classes_are_not_taken(related: float, shared: list[float]) -> None:
    counts = mixture(3e4, related, shared)
    fit = classes(counts)
    assert fit.related is None
    assert fit.matches[0] == pytest.approx(classes(counts, "none").matches[0])


def test_what_gains_too_little_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = mixture(3e4, 9e4, LIKE_RELATIVES)
    assert classes(counts).related is not None
    monkeypatch.setattr(related_module, "PRICE", 1e9)
    assert classes(counts).related is None


def given_by_hand(related: str) -> ts.Linkage:
    return ts.Linkage(
        [
            ts.comparison("forename", ts.exact(), m=0.7, u=0.003),
            ts.comparison("surname", ts.exact(), m=0.7, u=0.001),
            ts.comparison("date_of_birth", ts.exact(), m=0.9, u=0.0001),
            ts.comparison("postcode", ts.exact(), m=0.9, u=0.002),
            ts.comparison("house_number", ts.exact(), m=0.94, u=0.02),
        ],
        [ts.all_pairs()],
        estimation=ts.Estimation(related=related),  # type: ignore[arg-type]
    )


def test_nothing_is_added_to_what_is_given() -> None:
    """With m and u of every comparison by hand weights are what they say, unless the class is asked for."""
    table = persons(1500, duplicates=(0.7, 0.2, 0.1), seed=3).table
    assert given_by_hand("auto").fit(table).parameters.related_share == 0
    assert given_by_hand("class").fit(table).parameters.related_share > 0


FIELDS = ("forename", "surname", "date_of_birth", "sex", "postcode", "house_number", "phone")
PASSES = {
    "all pairs": [ts.all_pairs()],
    "blocked": [
        ts.blocking_key("forename", "surname"),
        ts.blocking_key("date_of_birth"),
        ts.blocking_key("postcode"),
        ts.blocking_key("phone"),
    ],
}


def linkage_of(passes: str, related: str) -> ts.Linkage:
    return ts.Linkage(
        [ts.comparison(field, ts.exact() if field == "sex" else ts.levenshtein(1)) for field in FIELDS],
        PASSES[passes],
        estimation=ts.Estimation(related=related, random_pairs=500_000),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("passes", PASSES)
def test_households_do_not_pass_for_matches(passes: str) -> None:
    table = persons(6000, duplicates=(0.7, 0.2, 0.1), seed=5).table
    sizes = table["person_id"].value_counts()["count"].cast(pl.Int64)
    true = int((sizes * (sizes - 1) // 2).sum())
    records = ts.Source(name="a", table=table, id="record_id", truth=("person_id", "household_id"))
    model = linkage_of(passes, "auto").fit(records)
    shared = {one.name: one.shared for one in model.parameters.comparisons}
    assert all(value is not None for value in shared.values())
    assert (
        max(shared["forename"], shared["date_of_birth"])
        < 0.1
        < 0.8
        < min(shared["surname"], shared["postcode"])
    )  # type: ignore[operator, type-var]
    assert model.parameters.pairs[0].expected_matches == pytest.approx(true, rel=0.03)
    found = model.link(records).evaluate("person_id").links
    assert found.f1 is not None
    assert found.f1 > 0.95
    # m is what the true pairs show.
    pairs = table.join(table, on="person_id").filter(pl.col("record_id") < pl.col("record_id_right"))
    for one in model.parameters.comparisons:
        agree = float((pairs[one.name] == pairs[f"{one.name}_right"]).mean())  # type: ignore[arg-type]
        assert one.m[-1] == pytest.approx(agree, abs=0.03)
    plain = linkage_of(passes, "none").fit(records)
    assert plain.parameters.pairs[0].expected_matches > 1.15 * true
    worse = plain.link(records).evaluate("person_id").links
    assert worse.f1 is not None
    assert worse.f1 < found.f1 - 0.05


def test_a_saved_model_rates_related_pairs_anew() -> None:
    first, second = (persons(4000, duplicates=(0.7, 0.2, 0.1), seed=seed).table for seed in (5, 6))
    model = linkage_of("blocked", "auto").fit(first)
    old = model.parameters
    # The same records under another name: everything is found again.
    (again,) = model.link(ts.Source(name="again", table=first)).model.parameters.pairs
    assert again.related_share == pytest.approx(old.pairs[0].related_share, rel=0.02)
    assert again.log_prior_odds == pytest.approx(old.pairs[0].log_prior_odds, abs=0.02)
    assert again.expected_matches == pytest.approx(old.pairs[0].expected_matches, rel=0.02)
    linked = model.link(second.head(2500))
    new = linked.model.parameters
    assert new.comparisons == old.comparisons
    assert new.pairs[0].expected_related < 0.8 * old.pairs[0].expected_related
    assert ts.Model.from_dict(linked.model.to_dict()).parameters == new


def household_pairs(table: pl.DataFrame) -> int:
    """Pairs of records of one household that are not of one person."""
    sizes = [table[key].value_counts()["count"].cast(pl.Int64) for key in ("household_id", "person_id")]
    both = [int((size * (size - 1) // 2).sum()) for size in sizes]
    return both[0] - both[1]


def test_each_pair_of_sources_has_a_share_of_its_own() -> None:
    """A large file and a small one of whole households: relatives are common in the small one alone."""
    table = persons(9000, duplicates=(0.7, 0.2, 0.1), seed=5).table
    chosen = table["household_id"].unique().sort().head(150)
    inside = table["household_id"].is_in(chosen.implode())
    files = [
        ts.Source(name=name, table=part, id="record_id", truth=("person_id", "household_id"))
        for name, part in (("large", table.filter(~inside)), ("small", table.filter(inside)))
    ]
    linkage = ts.Linkage(
        linkage_of("all pairs", "auto").spec.comparisons,
        [ts.all_pairs()],
        kind="link_and_dedupe",
        scale="weight",
        upper=1e9,
        lower=-8.0,
    )
    links = linkage.fit(*files).link(*files)
    parameters = links.model.parameters
    of = {(pair.left, pair.right): pair for pair in parameters.pairs}
    assert of["small", "small"].related_share > 5 * of["large", "large"].related_share
    # Members of a household, and some of the neighbours, who share the postcode.
    of_households = household_pairs(table.filter(inside))
    assert 0.9 < of["small", "small"].expected_related / of_households < 1.5
    # The posterior is that of the three classes, M m / (M m + U u + R r), for each pair of sources.
    decided = links.decided
    digits = parameters.coding.decode(decided.pairs.pattern)
    chance = dict.fromkeys("mur", np.ones(len(digits)))
    for k, one in enumerate(parameters.comparisons):
        for key in chance:
            chance[key] = chance[key] * np.append(getattr(one, key), 1.0)[digits[:, k]]
    for number, pair in enumerate(parameters.pairs):
        own = decided.pairs.source_pair == number
        m, u, r = (chance[key][own] for key in "mur")
        others = pair.pairs - pair.expected_matches - pair.expected_related
        weighed = pair.expected_matches * m, others * u, pair.expected_related * r
        np.testing.assert_allclose(decided.posterior_pair[own], weighed[0] / sum(weighed), atol=2e-3)


@pytest.mark.parametrize("passes", PASSES)
def test_relatives_alone_are_no_matches(passes: str) -> None:
    """Households without a single duplicate: it is said that there may be no match."""
    table = persons(800, duplicates=[1.0], seed=4).table
    assert table["person_id"].n_unique() == len(table)
    parameters = linkage_of(passes, "class").fit(table).parameters
    assert parameters.pairs[0].expected_matches < 5
    assert any("may be few matches or none" in text for text in parameters.warnings)


def test_simulated_files_without_relatives_have_no_such_class() -> None:
    from test_em import FILES

    assert fit_files(FILES.tables).parameters.related_share == 0
