"""The neighbour-count model: a published table, brute force, simulations, linkages, what is declared."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import approx_fprime
from scipy.stats import poisson
from simulate import Field, two_files

import tallystick as ts
from tallystick.quality.neighbour_likelihood import derivatives, parameters_of
from tallystick.quality.neighbours import Estimate, count_neighbours, fit_neighbours, moments
from tallystick.quality.report import render_report
from tallystick.spec import parse_spec
from tests.sample_report import sample
from tests.small_files import SPEC, call, write_small

Floats = NDArray[np.float64]

PUBLISHED = np.array([1659, 53951, 6875, 603, 62, 5])
"""Table of Dasylva and Goussanou (2021): records with 0, 1, ... neighbours, 63,155 in all."""


def log_likelihood(counts: NDArray[np.int64], p: float, means: Floats, shares: Floats) -> float:
    """The model as it is written down, by Poisson probabilities of another library."""
    k = np.arange(len(counts))[:, None]
    f = (1 - p) * poisson.pmf(k, means) + p * poisson.pmf(k - 1, means)
    return float(counts @ np.log(f @ shares))


def test_published_counts_with_one_class() -> None:
    model = fit_neighbours(PUBLISHED, most_classes=1)
    assert model.records == 63155
    assert 1 - model.linked.value == pytest.approx(0.03007, abs=5e-6)
    assert model.log_likelihood == pytest.approx(-33115.89, abs=0.005)


def test_published_counts_with_the_classes_that_bic_chooses() -> None:
    model = fit_neighbours(PUBLISHED)
    assert len(model.means) == 2
    assert 1 - model.linked.value == pytest.approx(0.0299, abs=5e-5)
    assert model.log_likelihood == pytest.approx(-33064.75, abs=0.005)
    # 63,155 records of either file: each has one match, and all others are none.
    assert model.type1(63155) == pytest.approx(2.136e-6, abs=5e-10)
    assert 1 - moments(PUBLISHED)[0] == pytest.approx(0.0343, abs=5e-5)
    np.testing.assert_allclose(model.expected_counts, PUBLISHED, rtol=0.12)
    assert model.log_likelihood == pytest.approx(
        log_likelihood(PUBLISHED, model.linked.value, np.array(model.means), np.array(model.shares))
    )


def test_a_maximum_has_no_better_neighbour() -> None:
    model = fit_neighbours(PUBLISHED)
    p, means, shares = model.linked.value, np.array(model.means), np.array(model.shares)
    best = log_likelihood(PUBLISHED, p, means, shares)
    for step in (-1e-3, 1e-3):
        assert log_likelihood(PUBLISHED, p + step, means, shares) < best
        assert log_likelihood(PUBLISHED, p, means * (1 + step * np.array([1, 0])), shares) < best
        assert log_likelihood(PUBLISHED, p, means * (1 + step * np.array([0, 1])), shares) < best
        assert log_likelihood(PUBLISHED, p, means, shares + step * np.array([1, -1])) < best


chances = st.floats(0.02, 0.98)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=7), chances, st.integers(1, 3), st.randoms())
def test_derivatives_are_those_of_differences(counts: list[int], p: float, n_classes: int, random) -> None:  # type: ignore[no-untyped-def]
    means = np.array([random.uniform(0.05, 3) for _ in range(n_classes)])
    shares = np.array([random.uniform(0.2, 1) for _ in range(n_classes)])
    theta = parameters_of(p, means, shares / shares.sum())
    number, weights = np.arange(len(counts)), np.array(counts, float)
    value, gradient, hessian = derivatives(theta, number, weights)
    assert value == pytest.approx(log_likelihood(np.array(counts), p, means, shares / shares.sum()), abs=1e-6)
    close = {"rtol": 1e-4, "atol": 1e-3 * (1 + sum(counts))}
    np.testing.assert_allclose(
        gradient, approx_fprime(theta, lambda t: derivatives(t, number, weights)[0]), **close
    )
    np.testing.assert_allclose(
        hessian, approx_fprime(theta, lambda t: derivatives(t, number, weights)[1]), **close
    )


def test_standard_error_of_a_share_when_nothing_is_false() -> None:
    """Without any false neighbour the model is a binomial one."""
    model = fit_neighbours(np.array([100, 900]))
    assert model.linked.value == pytest.approx(0.9)
    assert model.linked.se == pytest.approx(math.sqrt(0.9 * 0.1 / 1000))
    logit, se = math.log(9), 1 / math.sqrt(1000 * 0.09)
    ends = [1 / (1 + math.exp(-(logit + side * 1.959964 * se))) for side in (-1, 1)]
    assert [model.linked.low, model.linked.high] == pytest.approx(ends)
    assert (model.means, model.true_links.value, model.true_links.high) == ((0.0,), 900, 900)
    assert 890 < model.true_links.low < 900  # a few of 900 may be false where 100 records lost their match


@pytest.mark.parametrize(
    ("counts", "p", "low"),
    [([0, 100], 1.0, math.exp(-3.841459 / 2 / 100)), ([100], 0.0, 0.0), ([50, 0, 0], 0.0, 0.0)],
)
def test_bounds_of_the_range(counts: list[int], p: float, low: float) -> None:
    """At its bound the interval ends where the likelihood ratio does: p^100 = exp(-1.92)."""
    model = fit_neighbours(np.array(counts))
    n = sum(counts)
    assert model.linked.value == pytest.approx(p, abs=1e-6)
    assert model.linked.se is None
    assert model.linked.low == pytest.approx(low, abs=1e-3)
    if p == 0:
        assert model.linked.high == pytest.approx(1 - math.exp(-3.841459 / 2 / n))
        assert model.precision is None
        assert model.true_links == Estimate(0.0, None, 0.0, 0.0)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=9))
def test_any_counts_give_figures_in_range(counts: list[int]) -> None:
    if not sum(counts):
        with pytest.raises(ValueError, match="at least one record"):
            fit_neighbours(np.array(counts))
        return
    model = fit_neighbours(np.array(counts))
    for one, most in ((model.linked, 1.0), (model.true_links, sum(counts[1:]))):
        assert 0 <= one.low <= one.value * (1 + 1e-6) + 1e-6
        assert one.value <= one.high * (1 + 1e-6) + 1e-6
        assert one.high <= most + 1e-6
    assert sum(model.shares) == pytest.approx(1)
    # At a maximum the mean is that of the counts.
    assert model.linked.value + model.false_neighbours == pytest.approx(
        model.pairs / model.records, abs=2e-4 * (1 + model.pairs / model.records)
    )
    assert sum(model.expected_counts) <= model.records * (1 + 1e-9)
    json.dumps(model.to_dict(), allow_nan=False)


def test_counts_of_neighbours() -> None:
    assert count_neighbours(np.array([3, 3, 3, 0]), 5).tolist() == [3, 1, 0, 1]
    assert count_neighbours(np.array([], np.int64), 5).tolist() == [5]


# Simulated counts: p and the number of true pairs, without bias and with intervals that hold.


Means = Callable[[np.random.Generator, int], Floats]
DESIGNS: dict[str, tuple[int, float, Means]] = {
    "all alike": (3000, 0.93, lambda random, n: np.full(n, 0.15)),
    "few errors": (10_000, 0.98, lambda random, n: np.full(n, 0.02)),
    "two classes": (5000, 0.93, lambda random, n: np.where(random.random(n) < 0.8, 0.1, 0.8)),
    "exponential": (10_000, 0.93, lambda random, n: random.exponential(0.2, n)),
    "lognormal": (10_000, 0.9, lambda random, n: random.lognormal(-2.5, 1.0, n)),
}


def simulate(design: str, repeats: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Errors of p in standard deviations of their mean; errors of moments; which intervals held."""
    n, p, means = DESIGNS[design]
    random = np.random.default_rng(list(DESIGNS).index(design))
    errors, rough, held, held_number = [], [], [], []
    for _ in range(repeats):
        matched = random.random(n) < p
        counts = np.bincount(matched + random.poisson(means(random, n)))
        model = fit_neighbours(counts)
        errors.append(model.linked.value - p)
        rough.append(moments(counts)[0] - p)
        held.append(model.linked.low <= p <= model.linked.high)
        held_number.append(model.true_links.low <= matched.sum() <= model.true_links.high)
    return np.array(errors), np.array(rough), np.array(held), np.array(held_number)


def check(design: str, repeats: int) -> None:
    errors, rough, held, held_number = simulate(design, repeats)
    assert abs(errors.mean()) < 4 * errors.std(ddof=1) / math.sqrt(repeats)
    for intervals in (held, held_number):
        noise = math.sqrt(0.95 * 0.05 / repeats)
        # A number that is whole is covered a little more often than 95 times of 100.
        assert 0.95 - 0.01 - 3 * noise < intervals.mean() < 0.97 + 3 * noise
    # Moments take the differences between the records for missed matches.
    alike = design in ("all alike", "few errors")
    assert (abs(rough.mean()) < 0.001) if alike else (rough.mean() < -0.01)


@pytest.mark.parametrize("design", ["all alike", "two classes"])
def test_simulated_counts(design: str) -> None:
    check(design, 40)


@pytest.mark.long
@pytest.mark.parametrize("design", DESIGNS)
def test_many_simulated_counts(design: str) -> None:
    check(design, 1000)


def test_a_chance_that_goes_with_lambda_is_a_bias() -> None:
    """What the guide warns of: common names that are also written badly make the recall look too good."""
    random = np.random.default_rng(1)
    n = 200_000
    common = random.random(n) < 0.2
    matched = random.random(n) < np.where(common, 0.85, 0.95)
    counts = np.bincount(matched + random.poisson(np.where(common, 0.8, 0.1)))
    assert 0.005 < fit_neighbours(counts).linked.value - 0.93 < 0.015


# Whole linkages.

FIELDS = (
    Field("given", 60, 0.6, redrawn=0.05),
    Field("surname", 300, 0.8, redrawn=0.05),
    Field("year", 60, redrawn=0.03),
    Field("town", 25, 0.5, redrawn=0.1),
)


def linked(n_left: int, n_right: int, n_matches: int, seed: int, swap: bool = False) -> tuple[ts.Links, int]:
    """A linkage, the second file declared to cover the first if it does; true pairs above the threshold."""
    files = two_files(FIELDS, n_left, n_right, n_matches, seed)
    sources = [
        ts.Source(name=name, table=table, covers_other=name == "b" and n_matches == n_left)
        for name, table in zip("ab", files.tables, strict=True)
    ]
    linkage = ts.Linkage(
        [ts.comparison(field.name, ts.exact()) for field in FIELDS], [ts.all_pairs()], one_to_one=True
    )
    links = linkage.fit(*sources).link(*(sources[::-1] if swap else sources))
    pairs, found = links.decided.pairs, links.neighbours()
    assert found is not None
    entity = np.concatenate(files.entities[::-1] if swap else files.entities)
    above = pairs.weight >= found.threshold
    assert found.model.pairs == above.sum() == found.rates.links
    return links, int((entity[pairs.left[above]] == entity[pairs.right[above]]).sum())


def test_a_register_that_covers_the_other_file() -> None:
    errors, n = [], 600
    for seed in range(2):
        links, true = linked(n, 840, n, seed)
        found = links.neighbours()
        assert found is not None
        assert (found.counted, found.other, found.covers) == ("a", "b", True)
        errors.append((found.model.true_links.value - true) / found.model.true_links.se)
        figures = found.to_dict()
        assert figures["recall"] == asdict(found.model.true_links.times(1 / n))
        assert figures["recall"]["value"] == pytest.approx(true / n, abs=0.015)
        assert figures["precision"]["value"] == pytest.approx(true / found.model.pairs, abs=0.015)
        allowed = n * 839
        assert figures["type1"] == pytest.approx((found.model.pairs - true) / allowed, rel=0.25)
        assert figures["model"]["true_links"] == pytest.approx(true, rel=0.02)
    assert abs(np.mean(errors)) < 2


def test_no_declaration_gives_no_recall() -> None:
    links, true = linked(2000, 1500, 900, 5)
    found = links.neighbours()
    assert found is not None
    assert (found.counted, found.other, found.covers) == ("b", "a", False)
    figures = found.to_dict()
    assert figures["recall"] is None
    assert figures["type1"] is None
    assert figures["true_links"]["low"] < true < figures["true_links"]["high"]
    assert links.quality_dict()["neighbours"] == figures


def test_order_of_the_files_does_not_matter() -> None:
    for n_matches in (600, 400):
        (one, _), (other, _) = (linked(600, 800, n_matches, 7, swap) for swap in (False, True))
        found, swapped = one.neighbours(), other.neighbours()
        assert found is not None
        assert swapped is not None
        assert found.model == swapped.model
        assert found.counted == swapped.counted == "a"
        # The messages of the posteriors end within their tolerance, from another side.
        assert found.rates.true_links == pytest.approx(swapped.rates.true_links, rel=1e-5)


def test_only_of_two_files_that_are_linked() -> None:
    tables = two_files(FIELDS, 300, 300, 200, 3).tables
    comparisons = [ts.comparison(field.name, ts.exact()) for field in FIELDS]
    for kind, inputs in (("dedupe", tables[:1]), ("link_and_dedupe", tables), ("link", (*tables, tables[0]))):
        linkage = ts.Linkage(comparisons, [ts.all_pairs()], kind=kind)
        links = linkage.fit(*inputs).link(*inputs)
        assert links.neighbours() is None
        assert links.quality_dict()["neighbours"] is None


# What is declared.


def test_toml_and_python_say_the_same() -> None:
    text = SPEC.replace('path = "b.csv"', 'path = "b.csv"\ncovers_other = true')
    spec = parse_spec(text)
    assert [source.covers_other for source in spec.sources] == [False, True]
    assert parse_spec(ts.dump_spec(spec)) == spec
    assert "covers_other" not in ts.dump_spec(parse_spec(SPEC))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("[linkage]", '[linkage]\nkind = "link_and_dedupe"', "one_to_one = true", "one_to_one = false"),
            r'spec\.toml, line \d+, sources\[1\]\.covers_other: found true with kind "link_and_dedupe"',
        ),
        (("covers_other = true", "covers_other = 3"), r"sources\[1\]\.covers_other.*true or false"),
    ],
)
def test_a_declaration_that_cannot_be(tmp_path: Path, change: tuple[str, ...], message: str) -> None:
    text = SPEC.replace('path = "b.csv"', 'path = "b.csv"\ncovers_other = true')
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    result = call("link", write_small(tmp_path, text), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
    assert re.search(message, " ".join(result.output.split())), result.output


def test_a_smaller_file_cannot_cover_a_larger_one() -> None:
    large, small = (two_files(FIELDS, n, 50, 40, 1).tables[0] for n in (200, 100))
    comparisons = [ts.comparison(field.name, ts.exact()) for field in FIELDS]
    sources = (ts.Source(name="all", table=large), ts.Source(name="part", table=small, covers_other=True))
    with pytest.raises(
        ts.InputError, match=r"'part' cannot cover source 'all': it has 100 records and the other 200"
    ):
        ts.Linkage(comparisons, [ts.all_pairs()], one_to_one=True).fit(*sources)
    # Where records may have duplicates there may be more of them than entities.
    ts.Linkage(comparisons, [ts.all_pairs()]).fit(*sources)


def test_a_third_source_is_too_many() -> None:
    tables = two_files(FIELDS, 100, 100, 40, 1).tables
    sources = [ts.Source(name=name, table=tables[0], covers_other=name == "b") for name in "abc"]
    linkage = ts.Linkage([ts.comparison("given", ts.exact())], [ts.all_pairs()])
    with pytest.raises(
        ts.InputError, match=r'sources\[1\]\.covers_other: found true with kind "link" and 3 sources'
    ):
        linkage.fit(*sources)


# The report.


def texts(neighbours: object) -> str:
    model, run, quality = sample()
    return " ".join(
        re.sub(r"<[^>]*>", " ", render_report(model, run, quality | {"neighbours": neighbours})).split()
    )


def test_the_report_shows_both_estimates() -> None:
    found = sample()[2]["neighbours"]
    page = texts(found)
    assert "Recall 99.58% (99.56% to 99.58%) 99.66%" in page
    assert "Precision 99.66% (99.64% to 99.66%) 99.67%" in page
    assert "Expected true links 4,979 (4,978 to 4,979) 4,980" in page
    uncovered = texts(found | {"covers": False, "recall": None, "type1": None})
    assert "Expected true links 4,979" in uncovered
    assert "Recall 99.58%" not in uncovered
    assert "The count gives a recall only where one source is declared" in uncovered
    assert "Two estimates" not in texts(None)
