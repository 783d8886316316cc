"""Cells of comparisons that are estimated together, against sums written out, and EM on them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_em import counts_of

import tallystick as ts
from tallystick.datasets import persons
from tallystick.estimation.em import Given, fit_em
from tallystick.estimation.factors import Factor, selection_of
from tallystick.estimation.joint import Joint, joined
from tallystick.estimation.marginals import marginals_of_counts
from tallystick.estimation.table import table_of
from tallystick.patterns.coding import PatternCoding

Floats = NDArray[np.float64]


@st.composite
def joints(draw: st.DrawFn) -> tuple[Joint, Floats, Floats, np.random.Generator]:
    """Parts with levels and key bits, probabilities of matches and non-matches."""
    n_parts, parts, keys = draw(st.integers(2, 3)), [], 0
    for number in range(n_parts):
        n_keys = draw(st.integers(0, 2 if n_parts == 2 else 1))
        parts.append(Factor(number, tuple(range(keys, keys + n_keys)), draw(st.integers(2, 3))))
        keys += n_keys
    joint = Joint(tuple(parts))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    m, u = (np.where(joint.present, random.dirichlet(np.ones(joint.n_cells)), 0.0) for _ in range(2))
    return joint, m / m.sum(), u / u.sum(), random


def parts_of(joint: Joint, cell: int) -> tuple[int, ...]:
    return tuple(int(own[cell]) for own in joint.of_part)


def may_be(joint: Joint, seen: int, cell: int) -> bool:
    """Whether a complete cell may be what a cell with missing parts is."""
    return bool(joint.present[cell]) and all(
        a == b or not part.present[a]
        for part, a, b in zip(joint.parts, parts_of(joint, seen), parts_of(joint, cell), strict=True)
    )


@settings(max_examples=30, deadline=None)
@given(joints())
def test_what_is_missing_is_summed_out_and_shared_out(made: tuple[Joint, Floats, Floats, object]) -> None:
    joint, p, _, _ = made
    seen = np.arange(joint.n_cells) * 1.0
    completed = np.zeros(joint.n_cells)
    for cell in range(joint.n_cells):
        whole = [own for own in range(joint.n_cells) if may_be(joint, cell, own)]
        likely = p[whole].sum()
        assert joint.likelihoods(p)[cell] == pytest.approx(likely)
        if joint.seen[cell] and likely > 0:
            completed[whole] += seen[cell] * p[whole] / likely
    np.testing.assert_allclose(joint.completed(seen, p), completed, atol=1e-9)
    # Every pair that shows anything is shared out and none twice.
    assert joint.completed(seen, p).sum() == pytest.approx(seen[joint.seen].sum())


@settings(max_examples=30, deadline=None)
@given(joints())
def test_the_share_of_what_is_missing(made: tuple[Joint, Floats, Floats, np.random.Generator]) -> None:
    joint, _, _, random = made
    counts = random.integers(0, 50, joint.n_cells).astype(float)

    def absent(cell: int) -> tuple[int | None, ...]:
        return tuple(
            None if part.present[own] else own
            for part, own in zip(joint.parts, parts_of(joint, cell), strict=True)
        )

    found = joint.missing_shares(counts)
    for cell in range(joint.n_cells):
        alike = [own for own in range(joint.n_cells) if absent(own) == absent(cell)]
        assert found[cell] == pytest.approx(counts[alike].sum() / max(1.0, counts.sum()))


@settings(max_examples=30, deadline=None)
@given(joints())
def test_related_pairs_have_some_parts_in_common(
    made: tuple[Joint, Floats, Floats, np.random.Generator],
) -> None:
    joint, m, u, random = made
    shared = random.random(len(joint.parts))
    wanted = np.zeros(joint.n_cells)
    for cell in np.flatnonzero(joint.present):
        own = parts_of(joint, cell)
        for common in product((False, True), repeat=len(own)):
            alike = [
                all(a == b for a, b, c in zip(own, parts_of(joint, k), common, strict=True) if c)
                for k in range(joint.n_cells)
            ]
            share = np.prod([s if c else 1 - s for s, c in zip(shared, common, strict=True)])
            rest = u[cell] / u[alike].sum() if u[alike].sum() > 0 else 0.0
            wanted[cell] += share * m[alike].sum() * (rest if not all(common) else 1.0)
    np.testing.assert_allclose(joint.mixed(shared, m, u), wanted / wanted.sum(), atol=1e-12)
    # Independent parts: each is a mixture by itself.
    m_parts = [joint.margin(m, k) for k in range(len(joint.parts))]
    u_parts = [joint.margin(u, k) for k in range(len(joint.parts))]
    apart = joint.product([s * a + (1 - s) * b for s, a, b in zip(shared, m_parts, u_parts, strict=True)])
    found = joint.mixed(shared, joint.product(m_parts), joint.product(u_parts))
    np.testing.assert_allclose(found, apart, atol=1e-12)
    # Pairs drawn from the mixture say how often each part is in common: EM stays where it is right.
    r = joint.mixed(shared, m, u)
    np.testing.assert_allclose(joint.shares(shared, 1e6 * r, m, u, r), shared, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(joints())
def test_thin_cells_and_given_margins(made: tuple[Joint, Floats, Floats, np.random.Generator]) -> None:
    joint, p, _, random = made
    expected = joint.independent(p * 1000)
    np.testing.assert_allclose(expected.sum(), 1000)
    for k in range(len(joint.parts)):
        np.testing.assert_allclose(joint.margin(expected, k), joint.margin(p * 1000, k))
    emptied = np.where(random.random(joint.n_cells) < 0.3, 0.0, p * 1000)
    filled = joint.shrunk(emptied)
    assert (filled[joint.independent(emptied) > 1e-9] > 0).all()
    assert (filled <= emptied + 1 + 1e-9).all()
    part = joint.parts[1]
    levels = random.dirichlet(np.ones(part.n_levels))
    raked = joint.raked(p, [None, levels, None][: len(joint.parts)])
    level = part.level[joint.of_part[1]]
    np.testing.assert_allclose(
        np.bincount(level, weights=raked, minlength=part.n_levels + 1)[: part.n_levels], levels, atol=1e-9
    )
    table = random.dirichlet(np.ones(joint.levels(p).size)).reshape(joint.levels(p).shape)
    np.testing.assert_allclose(joint.levels(joint.fixed(p, table)), table, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(joints())
def test_independent_blocks_among_matches(made: tuple[Joint, Floats, Floats, object]) -> None:
    joint, p, _, _ = made
    assert (joint.structured(p * 1000) == p * 1000).all()
    last = len(joint.parts) - 1
    for blocks in (tuple((k,) for k in range(last + 1)), ((0, last), *((k,) for k in range(1, last)))):
        found = Joint(joint.parts, blocks).structured(p * 1000).reshape(joint.shape)
        own = (p * 1000).reshape(joint.shape)
        for block in blocks:
            others = tuple(k for k in range(last + 1) if k not in block)
            np.testing.assert_allclose(found.sum(axis=others), own.sum(axis=others), atol=1e-9)
        if len(blocks) == len(joint.parts):
            np.testing.assert_allclose(found.ravel(), joint.independent(p * 1000), atol=1e-9)


SHAPE = (2, 3, 2, 2, 2, 2)
M = np.array([[0.03, 0.02, 0.02], [0.02, 0.11, 0.8]])
U = np.array([[0.955, 0.02, 0.005], [0.002, 0.006, 0.012]])
OTHERS = [
    ((0.1, 0.9), (0.99, 0.01)),
    ((0.05, 0.95), (0.995, 0.005)),
    ((0.08, 0.92), (0.97, 0.03)),
    ((0.06, 0.94), (0.99, 0.01)),
]


def test_matches_relatives_and_dependent_comparisons_at_once() -> None:
    """Relatives share the first of two dependent comparisons and two others, never the rest."""
    shared = np.array([0.8, 0.0, 0.9, 0.0, 0.85, 0.0])
    joint = Joint((Factor(0, (), 2), Factor(1, (), 3)))
    cells = []
    for table in (M, U):
        whole = np.zeros((3, 4))
        whole[:2, :3] = table
        cells.append(whole.ravel())
    r = joint.mixed(shared[:2], *cells).reshape(3, 4)[:2, :3]
    coding = PatternCoding(SHAPE)
    digits = coding.decode(np.arange(coding.size))
    digits = digits[(digits < np.array(SHAPE)).all(axis=1)]
    counts = np.zeros(len(digits))
    sizes = {"m": 2e4, "r": 6e4, "u": 1e8}
    for which, table in (("m", M), ("u", U), ("r", r)):
        chance = table[digits[:, 0], digits[:, 1]]
        for k, (m, u) in enumerate(OTHERS, start=2):
            mixed = shared[k] * np.array(m) + (1 - shared[k]) * np.array(u)
            chance = chance * {"m": np.array(m), "u": np.array(u), "r": mixed}[which][digits[:, k]]
        counts += sizes[which] * chance
    observed = counts_of(coding, digits, counts)
    factors = joined([Factor(k, (), size) for k, size in enumerate(SHAPE)], [(0, 1)], list("abcdef"))
    nothing = (None,) * len(factors)
    table_ = table_of(observed, factors, marginals_of_counts(observed, factors))
    selection = selection_of([ts.all_pairs()], (), factors)
    plain = ts.Estimation(prior_matches=0, max_iterations=2000, tolerance=1e-9)
    fit = fit_em(table_, selection, Given(nothing, nothing), np.array([1e4]), plain, related=True)
    assert fit.related is not None
    assert fit.matches[0] == pytest.approx(2e4, rel=0.005)
    assert fit.related.pairs[0] == pytest.approx(6e4, rel=0.01)
    np.testing.assert_allclose(fit.related.shared, shared, atol=0.01)
    np.testing.assert_allclose(fit.m[0].reshape(3, 4)[:2, :3], M, atol=0.003)
    np.testing.assert_allclose(fit.u[0].reshape(3, 4)[:2, :3], U, atol=1e-5)
    # Without the rounding of counts, and the filling of thin cells, EM climbs the likelihood.
    assert (np.diff(fit.log_likelihood)[1:] > -1e-3).all()


@pytest.mark.parametrize("frequencies", [False, True])
def test_persons_whose_address_is_made_of_their_name(frequencies: bool) -> None:
    table = persons(6000, duplicates=(0.7, 0.2, 0.1), email=True, seed=2).table
    source = ts.Source(name="p", table=table, id="record_id", truth=("person_id", "household_id"))
    jaro = ts.jaro_winkler(0.92, 0.85)
    comparisons = [
        ts.comparison("forename", jaro, frequencies=frequencies),
        ts.comparison("surname", jaro),
        ts.comparison("email", jaro),
        *(ts.comparison(field, ts.exact()) for field in ("date_of_birth", "postcode", "house_number")),
    ]
    passes = [ts.blocking_key("surname"), ts.blocking_key("date_of_birth"), ts.blocking_key("postcode")]
    together = ts.Estimation(interactions=[["forename", "email"], ["surname", "email"]])
    links = ts.Linkage(comparisons, passes, estimation=together).fit(source).link(source)
    rates = links.evaluate("person_id").links
    assert rates.f1 is not None
    assert rates.f1 > 0.985  # 0.983 with no interactions
    expected = links.model.parameters.pairs[0].expected_matches
    assert expected == pytest.approx(rates.matches, rel=0.02)
    assert not [text for text in links.model.warnings if "depend on each other:" in text]
    assert links.model.parameters.interactions[0].shape[1:] == (4, 4)
    assert (links.model.parameters.interactions[0].shape[0] > 4) == frequencies
