"""EM against an independent implementation, on tables of exact expected counts, and at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import naive_estimation as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulate import Field, one_file, two_files

import tallystick as ts
from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.errors import InputError
from tallystick.estimation.em import Fit, Given, fit_em
from tallystick.estimation.factors import Factor, factors_of, selection_of
from tallystick.estimation.marginals import Marginals, marginals_of_counts
from tallystick.estimation.table import table_of
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

PURE = ts.Estimation(prior_matches=0, tolerance=1e-12, max_iterations=20_000)
"""Maximum likelihood, to the last digit."""


def starts(n_levels: int) -> list[float]:
    """Where EM starts: 0.9 for full agreement, each lower level a third as likely as the one above."""
    lower = [3.0**level for level in range(n_levels - 1)]
    return [0.1 * one / sum(lower) for one in lower] + [0.9]


def counts_of(
    coding: PatternCoding, digits: NDArray[np.integer], counts: NDArray[np.float64], source_pair: int = 0
) -> PatternCounts:
    """Rounded counts of patterns, those above 0."""
    whole = np.rint(counts).astype(np.int64)
    patterns = coding.encode(digits.astype(np.uint8))
    keep = whole > 0
    order = np.argsort(patterns[keep])
    n = int(keep.sum())
    return PatternCounts(
        coding, np.full(n, source_pair), np.zeros(n, np.int64), patterns[keep][order], whole[keep][order]
    )


def free_fit(counts: PatternCounts, start: float, estimation: ts.Estimation) -> Fit:
    """EM on the patterns of all pairs."""
    n = len(counts.coding.n_levels)
    factors = tuple(Factor(k, (), size) for k, size in enumerate(counts.coding.n_levels))
    selection = selection_of([ts.all_pairs()], (), factors)
    none = Given((None,) * n, (None,) * n)
    marginals = marginals_of_counts(counts, factors)
    return fit_em(table_of(counts, factors, marginals), selection, none, np.array([start]), estimation)


@st.composite
def tables(draw: st.DrawFn) -> tuple[PatternCounts, float]:
    """Counts of patterns with a class of agreeing ones, some values missing."""
    n_levels = tuple(draw(st.lists(st.integers(2, 4), min_size=2, max_size=4)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coding = PatternCoding(n_levels)
    digits = coding.decode(np.arange(coding.size))
    expected = []
    for ascending in (True, False):
        share = np.ones(coding.size)
        for k, size in enumerate(n_levels):
            levels = random.dirichlet(2.0 ** np.arange(size)[:: 1 if ascending else -1] * 2)
            share *= np.append(levels * 0.8, 0.2)[digits[:, k]]
        expected.append(share)
    n = 10.0 ** random.integers(4, 7)
    matches = n * random.uniform(0.01, 0.3)
    mean = matches * expected[0] + (n - matches) * expected[1]
    return counts_of(coding, digits, random.poisson(mean).astype(float) + 1), 0.5 * matches


@settings(max_examples=40)
@given(tables(), st.sampled_from([0.0, 5.0, 40.0]))
def test_em_equals_the_plain_twin(table: tuple[PatternCounts, float], prior: float) -> None:
    counts, start = table
    n_levels = counts.coding.n_levels
    plain = {
        tuple(row): float(c)
        for row, c in zip(counts.coding.decode(counts.patterns).tolist(), counts.counts.tolist(), strict=True)
    }
    m, u, matches, path, penalised = naive.em(
        plain, n_levels, [starts(size) for size in n_levels], start, prior, iterations=100
    )
    fit = free_fit(counts, start, ts.Estimation(prior_matches=prior, tolerance=1e-300, max_iterations=100))
    for own, wanted in zip(fit.m, m, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=1e-6)
    for own, wanted in zip(fit.u, u, strict=True):
        np.testing.assert_allclose(own[:-1], wanted, atol=1e-6)
    assert fit.matches[0] == pytest.approx(matches, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(np.diff(fit.log_likelihood), np.diff(path), atol=1e-6 * abs(path[0]))
    # EM climbs the likelihood, with the prior the penalised one (Dempster, Laird and Rubin 1977).
    slack = 1e-12 * abs(path[0])
    assert (np.diff(penalised) >= -slack).all()
    if prior == 0:
        assert (np.diff(fit.log_likelihood) >= -slack).all()


# Nearer together the classes are hard to tell apart, and EM takes more steps than a test has time for.
probabilities = st.floats(0.75, 0.98)


@settings(max_examples=30)
@given(
    st.lists(probabilities, min_size=3, max_size=3),
    st.lists(st.floats(0.02, 0.25), min_size=3, max_size=3),
    st.floats(0.02, 0.4),
)
def test_three_variables_with_two_levels(m: list[float], u: list[float], rate: float) -> None:
    """Eight patterns for seven parameters: exact counts give the parameters back."""
    coding = PatternCoding((2, 2, 2))
    digits = np.array(list(product((0, 1), repeat=3)))
    of = [np.prod([np.where(digits[:, k] == 1, p[k], 1 - p[k]) for k in range(3)], axis=0) for p in (m, u)]
    n = 1e12
    counts = counts_of(coding, digits, n * (rate * of[0] + (1 - rate) * of[1]))
    # At 1e-12 what is left of a change is rounding, which need not end.
    pure = PURE.model_copy(update={"tolerance": 1e-10})
    for estimation in (pure, ts.Estimation(tolerance=1e-9, max_iterations=20_000)):
        fit = free_fit(counts, 0.3 * n, estimation)
        assert fit.converged
        np.testing.assert_allclose([one[1] for one in fit.m], m, atol=1e-4)
        np.testing.assert_allclose([one[1] for one in fit.u], u, atol=1e-4)
        assert fit.matches[0] / n == pytest.approx(rate, abs=1e-4)


# Blocked pairs: exact counts of the patterns of selected pairs only.

NAME = ts.comparison("name", ts.levenshtein(1))  # differ, one edit, equal
TOWN = ts.comparison("town", ts.exact())
SEX = ts.comparison("sex", ts.exact())
BIRTH = ts.comparison("birth", ts.exact())
DESIGNS: dict[str, list[BlockingKey]] = {
    "one key": [ts.blocking_key(ts.first("name", 2))],
    "two keys": [ts.blocking_key("name"), ts.blocking_key("town")],
    "shared parts": [
        ts.blocking_key("town", ts.first("name", 2)),
        ts.blocking_key("birth", "town"),
        ts.blocking_key("name"),
    ],
    "a field without a comparison": [ts.blocking_key("street"), ts.blocking_key("town")],
}
# Cells by (level, key bits); what is not named is impossible.
M_LEVELS = {"name": (0.05, 0.1, 0.85), "town": (0.25, 0.75), "sex": (0.02, 0.98), "birth": (0.1, 0.9)}
U_LEVELS = {"name": (0.9, 0.06, 0.04), "town": (0.8, 0.2), "sex": (0.5, 0.5), "birth": (0.97, 0.03)}
FIRST = {0: 0.1, 1: 0.8, 2: 1.0}  # agreement of the first letters by level of the name, matches or not
STREET = (0.7, 0.05)


def true_cells(factor: Factor, parts: Sequence[KeyPart], match: bool) -> NDArray[np.float64]:
    """Probability of each present cell of a factor."""
    if factor.comparison is None:
        agreed = STREET[0 if match else 1]
        return np.array([1 - agreed, agreed])
    name = ("name", "town", "sex", "birth")[factor.comparison]
    levels = (M_LEVELS if match else U_LEVELS)[name]
    cells = np.zeros(factor.n_cells)
    for cell, (level, bits) in enumerate(zip(factor.level, factor.bits, strict=True)):
        if level == factor.n_levels:
            continue
        cells[cell] = levels[level]
        for k, key in enumerate(factor.keys):
            agreed = FIRST[level] if parts[key].transform == "first" else float(level == factor.n_levels - 1)
            cells[cell] *= agreed if bits >> k & 1 else 1 - agreed
    return cells


def with_missing(factor: Factor, cells: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Cells where a comparison's value is missing at random; a missing value has no key."""
    if factor.comparison is None:
        return cells
    return cells * (1 - share) + share * ((factor.level == factor.n_levels) & (factor.bits == 0))


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("design", DESIGNS)
def test_likelihood_conditional_on_selection(design: str, missing: float) -> None:
    """m, u and all matches come back from the patterns of the selected pairs and the marginals."""
    passes = DESIGNS[design]
    comparisons = (NAME, TOWN, SEX, BIRTH)
    parts = tuple(dict.fromkeys(part for one in passes for part in one.parts))
    coding = PatternCoding((3, 2, 2, 2), len(parts))
    factors = factors_of(comparisons, parts, coding)
    selection = selection_of(passes, parts, factors)
    cells = [[true_cells(f, parts, match) for f in factors] for match in (True, False)]
    full = [[with_missing(f, c, missing) for f, c in zip(factors, side, strict=True)] for side in cells]
    chances = [selection.probabilities(side)[0] for side in full]
    matches, pairs = np.array([3e9, 2e8]), np.array([1e12, 4e11])

    digits, shares = [], []
    for combination in product(*(range(f.n_cells) for f in factors)):
        digit = np.zeros(coding.n_digits, int)
        agrees = dict.fromkeys(range(len(parts)), False)
        for f, cell in zip(factors, combination, strict=True):
            if f.comparison is not None:
                digit[f.comparison] = f.level[cell]
            for k, key in enumerate(f.keys):
                agrees[key] = bool(f.bits[cell] >> k & 1)
                digit[4 + key] = agrees[key]
        if naive.selected(passes, parts, agrees):
            digits.append(digit)
            shares.append([np.prod([c[k] for c, k in zip(s, combination, strict=True)]) for s in full])
    share = np.array(shares)
    by_pair = [
        counts_of(coding, np.array(digits), e * share[:, 0] + (n - e) * share[:, 1], number)
        for number, (e, n) in enumerate(zip(matches, pairs, strict=True))
    ]
    counts = PatternCounts(
        coding, *(np.concatenate([getattr(one, name) for one in by_pair]) for name in
                  ("source_pair", "pass_number", "patterns", "counts"))
    )  # fmt: skip
    total = matches.sum()
    among = tuple(total * a + (pairs.sum() - total) * b for a, b in zip(*full, strict=True))
    # A large floor, as of few random pairs, must not reach cells that cannot occur.
    smallest = tuple(np.full(f.n_cells, 1e9) for f in factors)
    none = Given((None,) * len(factors), (None,) * len(factors))
    table = table_of(
        counts,
        factors,
        Marginals(among, smallest, "exact", np.zeros((0, 0), np.uint8), np.zeros(0, np.int64)),
    )
    fit = fit_em(table, selection, none, 0.3 * matches, PURE)
    assert fit.converged
    one_key = design == "one key"  # then nothing tells how many matches differ in the key
    near = 1e-3 if one_key else 2e-4  # and the matches that are thought to differ weigh in u
    for k, factor in enumerate(factors):
        if not (one_key and factor.keys):
            np.testing.assert_allclose(fit.m[k], cells[0][k], atol=near)
        np.testing.assert_allclose(fit.u[k], cells[1][k], atol=near)
    found = fit.matches * fit.selected_m
    np.testing.assert_allclose(found, matches * chances[0], rtol=0.01 if one_key else near)
    assert fit.selected_u == pytest.approx(chances[1], rel=near)
    if not one_key:
        assert fit.selected_m == pytest.approx(chances[0], abs=2e-4)
        np.testing.assert_allclose(fit.matches, matches, rtol=1e-3)


# What a user meets.

FIELDS = (
    Field("given", 300, 0.9, missing=0.05),
    Field("surname", 800, 0.8, 4, altered=0.1, missing=0.1),
    Field("sex", 2, redrawn=0.04),
    Field("birth", 300, redrawn=0.06, missing=0.1),
    Field("town", 200, 1.0, redrawn=0.2, missing=0.3),
)
FILES = two_files(FIELDS, 1000, 1000, 500, seed=11)


def comparisons_of(fields: Sequence[Field], **given: object) -> list[ts.Comparison]:
    return [
        ts.comparison(
            one.name,
            ts.exact() if one.n_levels == 2 else ts.levenshtein(1),
            **given.get(one.name, {}),  # type: ignore[attr-defined]
        )
        for one in fields
    ]


def fit_files(
    tables: Sequence[pl.DataFrame], passes: Sequence[object] = (), fields: Sequence[Field] = FIELDS,
    given: dict[str, object] | None = None, **estimation: object,
) -> ts.Model:  # fmt: skip
    return ts.Linkage(
        comparisons_of(fields, **(given or {})),
        passes or [ts.all_pairs()],  # type: ignore[arg-type]
        estimation=ts.Estimation(**estimation),  # type: ignore[arg-type]
    ).fit(*tables)


def test_it_says_when_it_stopped_without_converging() -> None:
    parameters = fit_files(FILES.tables, max_iterations=2).parameters
    assert (parameters.iterations, parameters.converged, len(parameters.log_likelihood)) == (2, False, 2)
    assert any("cap of 2 iterations without converging" in text for text in parameters.warnings)
    enough = fit_files(FILES.tables).parameters
    assert enough.converged
    assert enough.warnings == ()


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("surname"), ts.blocking_key("birth")]])
def test_given_probabilities_are_kept(passes: list[object]) -> None:
    given = {
        "given": {"m": (0.2, 0.8), "u": (0.99, 0.01)},
        "surname": {"m": (0.05, 0.15, 0.8)},
        "birth": {"u": 1 / 300},
    }
    found = {one.name: one for one in fit_files(FILES.tables, passes, given=given).parameters.comparisons}
    for name, which in (("given", "m"), ("given", "u"), ("surname", "m")):
        assert getattr(found[name], which) == pytest.approx(given[name][which], abs=1e-12)
        assert getattr(found[name], which + "_origin") == "given"
    assert found["birth"].u == pytest.approx((299 / 300, 1 / 300), abs=1e-12)
    assert [(one.m_origin, one.u_origin) for one in found.values()] == [
        ("given", "given"),
        ("given", "all pairs, less the matches"),
        ("EM", "all pairs, less the matches"),
        ("EM", "given"),
        ("EM", "all pairs, less the matches"),
    ]
    assert found["sex"].m[1] > 0.93


def test_everything_given_leaves_the_match_rate() -> None:
    given = {one.name: {"m": tuple(one.m), "u": tuple(one.u)} for one in FIELDS}
    parameters = fit_files(FILES.tables, given=given).parameters
    assert parameters.pairs[0].expected_matches == pytest.approx(500, rel=0.06)
    assert parameters.pairs[0].log_prior_odds == pytest.approx(
        np.log(parameters.pairs[0].expected_matches / (1e6 - parameters.pairs[0].expected_matches)), abs=1e-3
    )


def test_a_comparison_on_a_field_that_every_pass_blocks_on() -> None:
    passes = [ts.blocking_key("surname", "sex"), ts.blocking_key("birth", "sex")]
    warnings = fit_files(FILES.tables, passes).parameters.warnings
    assert len(warnings) == 1
    assert "Comparison sex: every pass blocks on its field" in warnings[0]


def test_a_key_part_that_every_pass_uses() -> None:
    passes = [
        ts.blocking_key(ts.first("surname", 2), "sex"),
        ts.blocking_key("birth", ts.first("surname", 4)),
    ]
    warnings = fit_files(FILES.tables, passes).parameters.warnings
    assert len(warnings) == 1
    assert "Every pass blocks on the field surname" in warnings[0]


def test_a_blocking_field_that_is_not_compared() -> None:
    passes = [ts.blocking_key("surname"), ts.blocking_key("town")]
    warnings = fit_files(FILES.tables, passes, fields=FIELDS[:4]).parameters.warnings
    assert len(warnings) == 1
    assert "Field town is blocked on but not compared" in warnings[0]


def test_no_pair_in_any_block() -> None:
    left = pl.DataFrame({"id": ["1", "2"], "town": ["x", "y"]})
    right = pl.DataFrame({"id": ["3", "4"], "town": ["z", None]})
    linkage = ts.Linkage([ts.comparison("town", ts.exact())], [ts.blocking_key("town")])
    with pytest.raises(InputError, match=r"no pair at all \(town\)"):
        linkage.fit(left, right)


def test_full_agreement_no_likelier_among_matches() -> None:
    noise = Field("lucky", 3, redrawn=1.0)
    files = two_files((*FIELDS, noise), 800, 800, 400, seed=5)
    given = {"lucky": {"m": 0.3, "u": 0.4}}
    model = fit_files(files.tables, fields=(*FIELDS, noise), given=given)
    assert any("lucky" in text and "no likelier among matches" in text for text in model.warnings)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "passes",
    [
        [ts.all_pairs()],
        [ts.blocking_key("surname"), ts.blocking_key("given", "birth")],
    ],
)
def test_files_without_any_match(passes: list[object], seed: int) -> None:
    """Chance agreements are not taken for matches (maximum likelihood claims up to thousands)."""
    for files in (two_files(FIELDS, 1000, 1000, 0, seed), one_file(FIELDS, 1400, 0, seed)):
        parameters = fit_files(files.tables, passes).parameters
        assert parameters.pairs[0].expected_matches < 8
        assert any("without any match nearly as well" in text for text in parameters.warnings)


def test_few_matches_among_a_million_pairs() -> None:
    found = []
    for seed in range(10):
        files = two_files(FIELDS, 1000, 1000, 5, seed)
        found.append(fit_files(files.tables).parameters.pairs[0].expected_matches)
    assert max(found) < 25
    assert 2 < np.mean(found) < 9


def test_more_matches_than_records() -> None:
    """A class of pairs that is not that of the matches: sex and half of the towns."""
    fields = (Field("sex", 2, redrawn=0.01), Field("region", 2, 0.0, redrawn=0.02), Field("size", 3, 0.0))
    given = {one.name: {"m": 0.9, "u": 0.3} for one in fields}
    files = two_files(fields, 300, 300, 100, seed=1)
    parameters = fit_files(files.tables, fields=fields, given=given).parameters
    assert parameters.pairs[0].expected_matches > 330
    assert any("the smaller file has 300 records" in text for text in parameters.warnings)


@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("surname"), ts.blocking_key("birth")]])
def test_posteriors_add_up_to_the_expected_matches(passes: list[object]) -> None:
    """The prior odds of a candidate pair go with the weights: sums of posteriors are the matches found."""
    model = ts.Linkage(comparisons_of(FIELDS), passes, lower=1e-9).fit(*FILES.tables)  # type: ignore[arg-type]
    expected = model.parameters.pairs[0].expected_matches * model.parameters.selected_matches
    kept = model.link(*FILES.tables).decided
    assert kept.posterior_pair.sum() == pytest.approx(expected, rel=0.01)
