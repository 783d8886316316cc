"""Error rates from judged samples: against exact distributions, hand-worked figures and simulations."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from tallystick.quality.audit_design import AuditPlan, PlannedStratum, expected_variance, usual_sizes
from tallystick.quality.audit_rates import MEASURES, AuditRates, Counts, audit_rates
from tallystick.quality.audit_strata import (
    LINK,
    LINK_OF_RECORD,
    NO_LINK,
    JudgedStratum,
    Outcome,
    StratumKind,
    collapse,
)
from tallystick.quality.audit_wald import wald_intervals
from tallystick.quality.rates import Interval, Rates


def links(size: int, *counts: int, name: str = "links") -> JudgedStratum:
    outcomes = LINK if len(counts) == 2 else LINK_OF_RECORD
    return JudgedStratum(name, "link", size, outcomes, counts)


def others(size: int, *counts: int, name: str = "others") -> JudgedStratum:
    return JudgedStratum(name, "non-link", size, NO_LINK, counts)


@st.composite
def some_strata(draw: st.DrawFn, *, census: bool = False) -> list[JudgedStratum]:
    found = []
    for kind, outcomes in (("link", LINK_OF_RECORD), ("record", NO_LINK)):
        for k in range(draw(st.integers(1, 4))):
            counts = draw(st.tuples(*(st.integers(0, 12) for _ in outcomes)))
            if not sum(counts):
                counts = (1, *counts[1:])
            rest = 0 if census else draw(st.integers(0, 500))
            name, size = f"{kind}{k}", sum(counts) + rest
            assert kind in ("link", "record")
            found.append(JudgedStratum(name, kind, size, outcomes, counts))  # type: ignore[arg-type]
    return found


@given(some_strata())
@settings(max_examples=60)
def test_estimates_are_shares_and_intervals_hold_them(strata: list[JudgedStratum]) -> None:
    found = audit_rates(strata, 1e6, draws=400)
    for name in MEASURES:
        value = found.estimates[name]
        if value is None:
            assert name in ("recall", "type2")  # no match at all
            continue
        limits = found.intervals[name]
        assert limits.low <= value <= limits.high
        if name != "matches":
            assert 0 <= limits.low <= limits.high <= 1
    assert found.counts is not None
    assert found.estimates["precision"] == pytest.approx(found.counts.precision)
    assert found.estimates["f1"] == pytest.approx(found.counts.f1)


@given(some_strata(census=True))
@settings(max_examples=60)
def test_who_judges_everything_knows(strata: list[JudgedStratum]) -> None:
    true, false, missed = np.sum([np.array(one.counts) @ one.contributions for one in strata], axis=0)
    known = Rates(true + false, true, false, missed, 1e6)
    found = audit_rates(strata, 1e6, draws=50)
    for name in ("precision", "recall", "type1", "type2", "f1", "matches"):
        assert found.estimates[name] == pytest.approx(getattr(known, name))
        if name in found.intervals:
            assert found.intervals[name].high == found.intervals[name].low
    corrected = audit_rates(strata, 1e6, draws=50, corrected=True)
    if true + missed:
        assert [corrected.estimates[name] for name in ("precision", "recall", "f1")] == [1.0, 1.0, 1.0]


@given(some_strata(), st.integers(1, 20))
@settings(max_examples=40)
def test_strata_with_equal_shares_may_be_put_together(strata: list[JudgedStratum], times: int) -> None:
    first = strata[0]
    twice = replace(
        first,
        name="like the first",
        size=first.size * times,
        counts=tuple(count * times for count in first.counts),
    )
    both = replace(
        first,
        size=first.size + twice.size,
        counts=tuple(a + b for a, b in zip(first.counts, twice.counts, strict=True)),
    )
    apart = audit_rates([first, twice, *strata[1:]], 1e6, draws=10)
    together = audit_rates([both, *strata[1:]], 1e6, draws=10)
    for name in MEASURES:
        assert apart.estimates[name] == pytest.approx(together.estimates[name])


def test_the_order_of_strata_does_not_matter() -> None:
    strata = [links(900, 95, 3, 2), others(400, 50, 4, name="a"), others(9000, 200, 0, name="b")]
    base = audit_rates(strata, 1e6)
    for order in permutations(strata):
        found = audit_rates(list(order), 1e6)
        for name in MEASURES:
            assert found.estimates[name] == pytest.approx(base.estimates[name])
            width = base.intervals[name].high - base.intervals[name].low
            assert found.intervals[name].low == pytest.approx(base.intervals[name].low, abs=0.05 * width)
            assert found.intervals[name].high == pytest.approx(base.intervals[name].high, abs=0.05 * width)


@pytest.mark.parametrize(("size", "n", "wrong"), [(1000, 50, 5), (1000, 50, 1), (60, 40, 3)])
def test_limits_are_those_of_the_exact_distribution(size: int, n: int, wrong: int) -> None:
    exact = betabinom(size - n, wrong + 1 / 3, n - wrong + 1 / 3)
    low, high = wrong + exact.ppf(0.025), wrong + exact.ppf(0.975)
    limits = audit_rates([links(size, n - wrong, wrong)], 1e6, draws=100_000).intervals["precision"]
    assert (1 - limits.high) * size == pytest.approx(low, abs=1.01 + 0.02 * high)
    assert (1 - limits.low) * size == pytest.approx(high, abs=1.01 + 0.02 * high)


def test_a_stratum_without_an_error_found_widens_the_interval() -> None:
    few = [links(1000, 95, 5), others(400, 90, 10)]
    many = [*few, others(50_000, 200, 0, name="far away")]
    narrow, wide = (audit_rates(one, 1e9).intervals["recall"] for one in (few, many))
    assert wide.low < narrow.low - 0.05
    assert wide.high == pytest.approx(narrow.high, abs=0.003)
    flat = [wald_intervals(one, 1e9)["recall"] for one in (few, many)]
    assert flat[0] == flat[1]  # as if nobody could have missed anything there


def test_intervals_of_wald_are_those_worked_by_hand() -> None:
    """Links 1,000, of 100 judged 90 right; 2,000 others, of 200 judged 10 are matches."""
    found = wald_intervals([links(1000, 90, 10), others(2000, 190, 10)], 1_000_000.0)
    true, false, missed, negative = 900.0, 100.0, 100.0, 999_000.0
    v_true = 1000**2 * 0.9 * 0.9 * 0.1 / 99
    v_missed = 2000**2 * 0.9 * 0.05 * 0.95 / 199
    errors = {
        "precision": (0.9, v_true / 1000**2),
        "recall": (0.9, (v_true * missed**2 + v_missed * true**2) / 1000**4),
        "type1": (
            false / negative,
            (v_true * (false - negative) ** 2 + v_missed * false**2) / negative**4,
        ),
        "matches": (1000.0, v_true + v_missed),
    }
    for name, (value, variance) in errors.items():
        half = 1.959963984540054 * variance**0.5
        assert found[name].low == pytest.approx(value - half)
        assert found[name].high == pytest.approx(value + half)
    assert found["type2"].low == pytest.approx(1 - found["recall"].high)
    assert found["specificity"].high == pytest.approx(1 - found["type1"].low)


def test_wald_of_f1_is_the_spread_of_f1() -> None:
    """The delta method against the spread of the estimates over many samples."""
    random = np.random.default_rng(3)
    shares = ((0.9, 0.06, 0.04), (0.8, 0.2))
    estimates, halves = [], []
    for _ in range(400):
        strata = [
            links(20_000, *random.multinomial(400, shares[0]).tolist()),
            others(3000, *random.multinomial(400, shares[1]).tolist()),
        ]
        limits = wald_intervals(strata, 1e9)["f1"]
        estimates.append((limits.low + limits.high) / 2)
        halves.append((limits.high - limits.low) / 2 / 1.96)
    assert np.std(estimates) == pytest.approx(np.mean(halves), rel=0.15)


# The strata of section 6.1 of the specification of analyses: sizes, matches, links or not.
SIZES = (8000, 1500, 500, 700, 5000, 200_000)
WRONG = (10, 60, 150, 200, 100, 20)
KINDS: tuple[StratumKind, ...] = ("link",) * 3 + ("non-link",) * 3
TRUTH = {"precision": 0.978, "recall": 0.968317, "type1": 0.001070, "f1": 0.973134, "matches": 10_100}


def repeated(taken: list[int], runs: int) -> tuple[list[AuditRates], list[dict[str, Interval]]]:
    found, wald = [], []
    for seed in range(runs):
        random = np.random.default_rng(seed)
        strata = []
        for k, (size, wrong, n) in enumerate(zip(SIZES, WRONG, taken, strict=True)):
            x = int(random.hypergeometric(wrong, size - wrong, n))
            strata.append(JudgedStratum(str(k), KINDS[k], size, LINK if k < 3 else NO_LINK, (n - x, x)))
        found.append(audit_rates(strata, sum(SIZES), draws=1500, seed=seed))
        wald.append(wald_intervals(strata, sum(SIZES)))
    return found, wald


def planned() -> AuditPlan:
    strata = tuple(
        PlannedStratum(str(k), KINDS[k], size, LINK if k < 3 else NO_LINK, wrong / size)
        for k, (size, wrong) in enumerate(zip(SIZES, WRONG, strict=True))
    )
    return AuditPlan(strata, sum(SIZES))


@pytest.mark.parametrize("design", ["planned", "even"])
def test_coverage_in_strata_with_rare_errors(design: str) -> None:
    taken = planned().allocate(2300).tolist() if design == "planned" else [150] * 6
    found, wald = repeated(taken, 300)
    for name, true in TRUTH.items():
        mean = np.mean([one.estimates[name] for one in found])
        width = np.mean([one.intervals[name].high - one.intervals[name].low for one in found])
        assert mean == pytest.approx(true, abs=0.12 * width)
        near = 1e-6 * true
        held = np.mean(
            [one.intervals[name].low - near <= true <= one.intervals[name].high + near for one in found]
        )
        assert held >= 0.93, name
    # What the intervals of large samples do, as the specification has it.
    short = np.mean([one["recall"].low <= TRUTH["recall"] <= one["recall"].high for one in wald])
    assert short < (0.93 if design == "planned" else 0.90)


def test_many_sure_strata_do_not_shift_the_interval() -> None:
    """Errors rarer than the prior has them: without its second set of draws hardly an interval would hold."""
    strata = [links(2000, 100, 0, 0, name=f"sure{k}") for k in range(8)]
    strata += [links(50, 40, 10, 0), JudgedStratum("r", "record", 500, NO_LINK, (98, 2))]
    limits = audit_rates(strata, 1e8).intervals["precision"]
    assert limits.high >= 1 - 10 / 16_050
    assert limits.low < 1 - 60 / 16_050


def test_expected_variance_is_that_of_the_beta_binomial() -> None:
    for size, n, share in ((1000, 50, 0.1), (300, 7, 0.0), (40, 40, 0.5), (20_000, 400, 0.001)):
        weights = [float(one) for one in np.array([_binomial(n, x, share) for x in range(n + 1)])]
        exact = sum(
            weight * float(betabinom(size - n, x + 1 / 3, n - x + 1 / 3).var()) if size > n else 0.0
            for x, weight in enumerate(weights)
            if weight > 1e-12
        )
        found = expected_variance(np.array([size]), np.array([n]), np.array([share]))[0]
        assert found == pytest.approx(exact, rel=1e-6, abs=1e-9)


def _binomial(n: int, x: int, share: float) -> float:
    from scipy.stats import binom

    return float(binom(n, share).pmf(x))


def test_allocation_is_neymans_where_errors_are_not_rare() -> None:
    errors, sizes = (0.5, 0.2, 0.05), (50_000, 100_000, 200_000)
    strata = tuple(
        PlannedStratum(str(k), "non-link", size, NO_LINK, share)
        for k, (size, share) in enumerate(zip(sizes, errors, strict=True))
    )
    sure = PlannedStratum("l", "link", 1, LINK, 0.0)
    taken = AuditPlan((sure, *strata), 1e9).allocate(12_000)[1:]
    weights = np.array(sizes) * np.sqrt(np.array(errors) * (1 - np.array(errors)))
    assert taken / taken.sum() == pytest.approx(weights / weights.sum(), abs=0.02)


@given(
    st.lists(st.tuples(st.integers(1, 3000), st.floats(0, 1)), min_size=1, max_size=6), st.integers(1, 4000)
)
@settings(max_examples=60)
def test_allocations_add_up_and_grow(strata: list[tuple[int, float]], n: int) -> None:
    plan = AuditPlan(
        tuple(
            PlannedStratum(str(k), "record", size, NO_LINK, share) for k, (size, share) in enumerate(strata)
        ),
        1e9,
    )
    taken = plan.allocate(n)
    assert (taken >= 0).all()
    assert (taken <= plan.sizes).all()
    assert taken.sum() == min(n, plan.units)
    # Half of it is shared out evenly.
    assert (taken >= np.minimum(plan.sizes, n // 2 // len(strata))).all()


def test_the_smallest_sample_is_as_narrow_as_wanted() -> None:
    plan = planned()
    n = plan.smallest(0.02, 0.05)
    found = plan.widths(plan.allocate(n))
    assert found["precision"] is not None
    assert found["recall"] is not None
    assert found["precision"] <= 0.02
    assert found["recall"] <= 0.05
    fewer = plan.widths(plan.allocate(int(0.9 * n)))
    assert (fewer["precision"] or 0) > 0.02 or (fewer["recall"] or 0) > 0.05
    assert plan.smallest(0.02, None) <= n
    assert plan.smallest(None, 1e-9) == plan.units  # only who judges everything knows that exactly
    assert usual_sizes(1500, 375) == [100, 200, 375, 500, 1000]


def test_strata_that_nobody_judged_are_told() -> None:
    strata = [
        links(1000, 95, 5, name="sure"),
        links(50, 0, 0, name="unsure"),
        others(400, 90, 10, name="near"),
        others(9000, 0, 0, name="far"),
    ]
    found = audit_rates(strata, 1e6)
    assert found.collapsed.joined == (("unsure", "sure"), ("far", "near"))
    assert found.estimates["precision"] == pytest.approx(0.95)
    limits = found.ranges["unjudged"]
    assert limits["precision"].low == pytest.approx(950 / 1050)
    assert limits["precision"].high == pytest.approx(1000 / 1050)
    assert limits["recall"].low < 0.12
    assert not found.collapsed.blank
    alone = audit_rates([strata[0], strata[3]], 1e6)
    assert alone.collapsed.blank == ("non-link",)
    assert alone.estimates["precision"] == pytest.approx(0.95)
    assert alone.estimates["recall"] is None
    assert alone.counts is None
    assert set(alone.intervals) == {"precision"}


def test_unsure_and_open_units_leave_a_range() -> None:
    strata = [
        replace(links(100, 18, 2), unsure=4, open=6),
        others(100, 27, 3),
    ]
    found = audit_rates(strata, 1e6)
    assert found.estimates["precision"] == pytest.approx(0.9)
    assert found.ranges["unsure"]["precision"].low == pytest.approx(18 / 24)
    assert found.ranges["unsure"]["precision"].high == pytest.approx(22 / 24)
    assert found.ranges["open"]["precision"].low == pytest.approx(18 / 30)
    assert found.ranges["open"]["precision"].high == pytest.approx(28 / 30)
    assert "unjudged" not in found.ranges


def test_a_match_elsewhere_is_wrong_and_missed() -> None:
    found = audit_rates([links(10, 8, 1, 1), JudgedStratum("r", "record", 5, NO_LINK, (5, 0))], 100)
    assert found.counts == Rates(10, 8, 2, 1, 100)
    assert found.estimates["type1"] == pytest.approx(2 / 91)
    corrected = audit_rates(
        [links(10, 8, 1, 1), JudgedStratum("r", "record", 5, NO_LINK, (4, 1))], 100, corrected=True
    )
    assert corrected.counts == Rates(10, 10, 0, 0, 100)


def test_what_a_model_adds_is_missed() -> None:
    strata = [links(10, 10, 0), others(5, 5, 0)]
    found = audit_rates(strata, 100, model_missed=2.5)
    assert found.estimates["recall"] == pytest.approx(10 / 12.5)
    assert found.counts == Rates(10, 10, 0, 2.5, 100)
    # Although all is judged: what the model adds nobody has.
    assert found.intervals["recall"].low <= 10 / 15
    assert found.intervals["recall"].high == 1.0


def test_without_links_or_matches_there_is_no_rate() -> None:
    found = audit_rates([others(20, 20, 0)], 100)
    assert found.estimates["precision"] is None
    assert found.estimates["recall"] is None
    assert found.estimates["type1"] == 0
    assert found.estimates["matches"] == 0
    assert set(wald_intervals([others(20, 20, 0)], 100)) == {"type1", "specificity", "matches"}


def test_of_links_that_are_all_false_the_rest_is_told() -> None:
    strata = [links(10, 0, 10), others(20, 20, 0)]
    found = audit_rates(strata, 100)
    assert found.estimates["precision"] == found.estimates["f1"] == 0
    assert found.estimates["recall"] is found.estimates["type2"] is None
    wald = wald_intervals(strata, 100)
    assert "recall" not in wald
    assert "type2" not in wald
    assert (wald["precision"].low, wald["precision"].high) == (0, 0)
    # Of the draws those without the matches of the model have none at all.
    assert audit_rates(strata, 100, model_missed=2.0).estimates["recall"] == 0


def test_where_all_pairs_are_matches_there_is_no_type_1_error() -> None:
    found = audit_rates([links(10, 10, 0)], 10)
    assert found.estimates["type1"] is found.estimates["specificity"] is None
    assert set(wald_intervals([links(10, 10, 0)], 10)) == {"precision", "recall", "type2", "f1", "matches"}


def test_halves_and_wholes_of_missed_pairs() -> None:
    outcomes = (NO_LINK[0], Outcome("half", missed=0.5), NO_LINK[1], Outcome("three", missed=3.0))
    strata = [links(100, 50, 0), JudgedStratum("r", "record", 60, outcomes, (20, 4, 5, 1))]
    found = audit_rates(strata, 1e4)
    assert found.counts is not None
    assert found.counts.missed == pytest.approx(2 * (2 + 5 + 3))


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="belongs to each"):
        JudgedStratum("a", "link", 5, LINK, (1,))
    with pytest.raises(ValueError, match="more units"):
        JudgedStratum("a", "link", 5, LINK, (5, 1))
    with pytest.raises(ValueError, match="two judged units"):
        wald_intervals([links(10, 1, 0)], 100)


def test_nothing_at_all() -> None:
    assert collapse([]).strata == ()
    found = audit_rates([], 100)
    assert found.estimates["precision"] is None
    measures = Counts(*(np.array(0.0) for _ in range(4)), 100.0).measures()
    assert np.isnan(measures["precision"])


def test_the_number_of_links_is_whole() -> None:
    """However the parts that it is the sum of are rounded."""
    for size in range(100, 400):
        strata = [
            JudgedStratum("a", "link", size, LINK, (20, 3)),
            JudgedStratum("b", "link", 7, LINK, (5, 1)),
        ]
        counts = audit_rates(
            [*strata, JudgedStratum("c", "non-link", 9, NO_LINK, (9, 0))], 1e6, draws=2
        ).counts
        assert counts is not None
        assert counts.links == size + 7
