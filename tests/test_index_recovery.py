"""Selection by indexes: EM recovers m of all matches, and the share that blocking misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import Field, two_files

import tallystick as ts
from tallystick.blocking.criteria import FoundBy
from tallystick.blocking.passes import AnyPass
from tallystick.estimation.factors import Factor, factors_of
from tallystick.estimation.found_pairs import with_found_pairs
from tallystick.estimation.index_groups import index_groups
from tallystick.estimation.joint import Joint
from tallystick.estimation.marginals import marginals_of_counts, marginals_of_random_pairs
from tallystick.estimation.observed import shown
from tallystick.linkage.prepare import Prepared, as_sources, prepare
from tallystick.patterns.coding import PatternCoding

FIELDS = (
    Field("given", 200, 1.0, redrawn=0.12, missing=0.05),
    Field("surname", 1500, 0.9, 4, redrawn=0.08, altered=0.1, missing=0.1),
    Field("sex", 2, redrawn=0.04, missing=0.02),
    Field("birth", 300, 0.3, redrawn=0.06, missing=0.2),
    Field("town", 300, 1.1, 3, redrawn=0.15, altered=0.1, missing=0.1),
)
COMPARISONS = tuple(
    ts.comparison(one.name, ts.exact() if one.n_levels == 2 else ts.levenshtein(1)) for one in FIELDS
)
KEY = ts.blocking_key("given", "birth")
# What sex alone can do for a pair, and a year or more between births, where values stand for days.
LIKELY = ts.reachable(1.0, {"sex": 0.6, "birth": 5.0}, {"sex": -3.0, "birth": -2.0})
DESIGNS: Mapping[str, tuple[AnyPass, ...]] = {
    "windows of two sort keys": (ts.sorted_neighbourhood("surname", "town", window=3),),
    "windows of a sort key of two fields": (
        ts.sorted_neighbourhood(("surname", "given"), window=10),
        ts.blocking_key("birth", "town"),
    ),
    "minhash within sex, filtered": (
        ts.minhash("surname", bands=8, rows=4, within=("sex",)),
        ts.minhash("town", bands=4, rows=4, filters=(LIKELY,)),
        KEY,
    ),
    "minhash of two fields": (
        ts.minhash("surname", "given", bands=8, rows=4),
        ts.blocking_key("surname", "birth"),
        ts.blocking_key("birth", "town"),
    ),
}
REPEATS = 3


@dataclass
class Found:
    """Differences of estimates from the files' own figures, a file each, and of the selected matches' own."""

    errors: dict[str, list[float]]
    selected_only: dict[str, list[float]]


def ready(passes: Sequence[AnyPass], seed: int) -> tuple[Prepared, ts.Linkage, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Two files, prepared, and their 600 matches as global rows."""
    files = two_files(FIELDS, 1200, 1200, 600, seed)
    linkage = ts.Linkage(COMPARISONS, passes, estimation=ts.Estimation(random_pairs=100_000), seed=seed)
    sources = [
        ts.Source(name=name, table=table, id="id") for name, table in zip("ab", files.tables, strict=True)
    ]
    places = [{e: k for k, e in enumerate(one.tolist())} for one in files.entities]
    shared = [entity for entity in places[0] if entity in places[1]]
    left = np.array([places[0][one] for one in shared], np.int32)
    right = np.array([places[1][one] + 1200 for one in shared], np.int32)
    return prepare(linkage.spec, as_sources(sources)), linkage, left, right


def recovered(passes: Sequence[AnyPass], first: int) -> Found:
    found = Found({}, {})
    for seed in range(first, first + REPEATS):
        prepared, linkage, left, right = ready(passes, seed)
        parameters = linkage.fit(*prepared.spec.sources).parameters
        assert parameters.converged
        selected = np.zeros(len(left), bool)
        for finder in prepared.plan.blocking.finders:
            selected |= finder.holds(left, right)
        add(found.errors, "missed", parameters.selected_matches - selected.mean())
        add(found.errors, "matches", parameters.pairs[0].expected_matches / len(left) - 1)
        digits = prepared.plan.digits.of(left, right)
        for number, own in enumerate(parameters.comparisons):
            compared = digits[number] < len(own.m)
            top = digits[number] == len(own.m) - 1
            add(found.errors, own.name, own.m[-1] - top[compared].mean())
            add(found.selected_only, own.name, top[compared & selected].mean() - top[compared].mean())
    return found


def add(to: dict[str, list[float]], name: str, value: float) -> None:
    to.setdefault(name, []).append(float(value))


@pytest.mark.parametrize("name", DESIGNS)
def test_m_and_the_missed_matches_come_back(name: str) -> None:
    found = recovered(DESIGNS[name], 100 * list(DESIGNS).index(name))
    for what, errors in found.errors.items():
        # Of what is allowed, 0.01 is the pull of the prior of m, worth five matches.
        assert abs(np.mean(errors)) < 0.035, (what, errors)
    # The selected matches alone would not do.
    assert max(np.mean(own) for own in found.selected_only.values()) > 0.02


def test_where_fields_are_read_together_their_weights_stay_apart() -> None:
    """They are estimated together, but the model has no term of both, unless it is asked for."""
    passes = DESIGNS["minhash of two fields"]
    prepared, linkage, *_ = ready(passes, 7)
    assert linkage.fit(*prepared.spec.sources).parameters.interactions == ()
    asked = ts.Linkage(
        COMPARISONS,
        passes,
        estimation=ts.Estimation(random_pairs=100_000, interactions=[("surname", "given")]),  # type: ignore[arg-type]
    )
    found = asked.fit(*prepared.spec.sources).parameters.interactions
    assert [one.names for one in found] == [("given", "surname")]


def test_what_an_index_finds_is_counted_exactly_among_all_pairs() -> None:
    """Cells that an index finds have the counts of all pairs, whatever few random pairs there are."""
    passes = DESIGNS["windows of two sort keys"]
    prepared, *_ = ready(passes, 3)
    plan = prepared.plan
    factors = factors_of(COMPARISONS, plan.key_parts, plan.coding)
    counts = ts.count_patterns(plan)
    drawn = marginals_of_random_pairs(plan, COMPARISONS, factors, 20_000, 1)
    found = with_found_pairs(drawn, counts, factors, plan.key_parts)
    every = marginals_of_random_pairs(plan, COMPARISONS, factors, 10**9, 1)
    selected = marginals_of_counts(counts, factors)
    for factor, own, exact, before, part in zip(
        factors, found.counts, every.counts, drawn.counts, selected.counts, strict=True
    ):
        assert own.sum() == pytest.approx(exact.sum(), rel=0.01)
        if factor.keys:
            bit = factor.bits == 1
            np.testing.assert_array_equal(own[bit], exact[bit])
            np.testing.assert_array_equal(own[bit], part[bit])
            assert (before[bit] != exact[bit]).any()
        else:
            np.testing.assert_array_equal(own, before)


JOINTS = (
    Joint((Factor(0, (0, 1), 2), Factor(1, (2,), 3)), indexed=((1, (0, 1)),)),
    Joint((Factor(0, (0,), 2), Factor(1, (), 2), Factor(2, (1, 2), 2)), indexed=((0, (0, 1)), (2, (1, 2)))),
)


@pytest.mark.parametrize("joint", JOINTS)
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_pairs_in_which_a_field_of_an_index_is_missing(joint: Joint, seed: int) -> None:
    """Against a sum over all complete cells: what is missing is open, and whether the index would find it."""
    random = np.random.default_rng(seed)
    p = random.random(joint.n_cells) * joint.present
    p /= p.sum()
    cells = list(zip(*(cell.tolist() for cell in joint.of_part), strict=True))

    def may_be(seen: Sequence[int], whole: Sequence[int]) -> bool:
        for k, (part, a, b) in enumerate(zip(joint.parts, seen, whole, strict=True)):
            if not part.present[b]:
                return False
            if not part.present[a]:
                continue
            bits_a, bits_b = int(part.bits[a]), int(part.bits[b])
            for place, digit in enumerate(part.keys):
                read = next((parts for own, parts in joint.indexed if own == digit), ())
                lacking = any(not joint.parts[j].present[seen[j]] for j in read if j != k)
                if lacking:
                    if bits_a >> place & 1:
                        return False  # the index finds no such pair
                    bits_b &= ~(1 << place)
            if part.level[a] != part.level[b] or bits_a != bits_b:
                return False
        return True

    may = np.array([[may_be(seen, whole) for whole in cells] for seen in cells])
    may[~joint.seen] = False
    likely = may @ p
    found = joint.likelihoods(p)
    np.testing.assert_allclose(found[joint.seen], likely[joint.seen], atol=1e-14)
    np.testing.assert_array_equal(shown(joint), may.astype(float))
    seen = np.where(likely > 0, random.random(joint.n_cells), 0.0)
    shared = (seen / np.where(likely > 0, likely, 1.0)) @ (may * p)
    np.testing.assert_allclose(joint.completed(seen, p), shared, atol=1e-12)


def test_which_comparisons_an_index_reads_together() -> None:
    parts = (
        FoundBy(0, 0, ("surname", "other", "given"), "a", True),
        FoundBy(1, 0, ("town",), "b", True),
        FoundBy(2, 0, ("other", "town"), "c", True),
    )
    coding = PatternCoding(tuple(one.n_levels for one in COMPARISONS), 3)
    factors = factors_of(COMPARISONS, parts, coding)
    assert [one.keys for one in factors] == [(), (0,), (), (), (1, 2)]
    assert index_groups(COMPARISONS, parts, factors) == ((0, (0, 1)),)
