"""Whether the pairs tell the parameters: against derivatives and simulations, and the warnings."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from simulate import Field, two_files
from test_em import PURE, counts_of
from test_related import ingredients

import tallystick as ts
from tallystick.estimation.em import Fit, fit_em
from tallystick.estimation.identified import LARGEST_ERROR, Precision, precision_of
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

SETTINGS = ts.Estimation(related="none", tolerance=1e-5)


def patterns_of(n: int) -> tuple[PatternCoding, NDArray[np.uint8]]:
    coding = PatternCoding((2,) * n)
    digits = coding.decode(np.arange(coding.size))
    return coding, digits[(digits < 2).all(axis=1)]


def chances(agreements: list[float], digits: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.prod([np.where(digits[:, k] == 1, p, 1 - p) for k, p in enumerate(agreements)], axis=0)


def mixture(m: list[float], u: list[float], share: float, n: float) -> tuple[Any, Any, NDArray[np.float64]]:
    coding, digits = patterns_of(len(m))
    return coding, digits, n * (share * chances(m, digits) + (1 - share) * chances(u, digits))


def precision(
    counts: PatternCounts, start: float, settings: ts.Estimation = SETTINGS
) -> tuple[Fit, Precision]:
    table, selection, given = ingredients(counts)
    fit = fit_em(table, selection, given, np.array([start]), settings)  # type: ignore[arg-type]
    return fit, precision_of(table, selection, given, fit, settings, True)  # type: ignore[arg-type]


def test_the_error_is_that_of_the_fisher_information_by_finite_differences() -> None:
    """Three comparisons, seven parameters, their information from numerical derivatives of the likelihood."""
    m, u, share, n = [0.9, 0.85, 0.8], [0.1, 0.05, 0.2], 0.05, 1e7
    coding, digits, mean = mixture(m, u, share, n)
    fit, found = precision(counts_of(coding, digits, mean), share * n, PURE)
    assert fit.matches[0] == pytest.approx(share * n, rel=1e-3)

    def log_chance(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        p = np.exp(parameters[0])
        a, b = (list(1 / (1 + np.exp(-one))) for one in (parameters[1:4], parameters[4:]))
        return np.log(p * chances(a, digits) + (1 - p) * chances(b, digits))

    logits = [float(np.log(one / (1 - one))) for one in (*m, *u)]
    at = np.array([np.log(share), *logits])
    step = 1e-5 * np.eye(7)
    slopes = np.stack([(log_chance(at + one) - log_chance(at - one)) / 2e-5 for one in step], axis=1)
    information = (slopes * mean[:, None]).T @ slopes
    assert found.error == pytest.approx(np.sqrt(np.linalg.inv(information)[0, 0]), rel=1e-3)
    assert not found.singular
    assert found.needed is None
    assert found.share == pytest.approx(share, rel=1e-3)


def test_the_error_is_the_spread_of_simulated_estimates() -> None:
    random = np.random.default_rng(3)
    coding, digits, mean = mixture([0.9] * 4, [0.1] * 4, 1e-3, 1e7)
    ends = [precision(counts_of(coding, digits, random.poisson(mean).astype(float)), 1e4) for _ in range(60)]
    spread = np.std([np.log(fit.matches[0]) for fit, _ in ends])
    assert np.median([one.error for _, one in ends]) == pytest.approx(
        spread, rel=0.3
    )  # 3 standard errors of it


DESIGNS = {  # m, u, and a share of matches at which EM fails
    "three weak": ([0.9] * 3, [0.1] * 3, 1e-5),
    "four weak": ([0.85] * 4, [0.1] * 4, 1e-6),
    "five": ([0.9] * 5, [0.05] * 5, 3e-7),
}


@pytest.mark.parametrize("design", list(DESIGNS))
def test_it_warns_where_em_fails_and_not_where_it_works(design: str) -> None:
    """EM fails where its number of matches is off by more than a factor of 2."""
    random = np.random.default_rng(11)
    m, u, too_few = DESIGNS[design]

    def tried(share: float) -> tuple[bool, bool]:
        coding, digits, mean = mixture(m, u, share, 1e7)
        counts = counts_of(coding, digits, random.poisson(mean).astype(float))
        fit, found = precision(counts, max(2e7 * share, 100.0))
        failed = abs(np.log(fit.matches[0] / (1e7 * share))) > np.log(2)
        return bool(failed), found.singular or found.error > LARGEST_ERROR

    working = [tried(share) for share in (1e-1, 1e-2, 1e-3) for _ in range(2)]
    assert working == [(False, False)] * 6
    failing = [tried(too_few) for _ in range(8)]
    assert sum(failed for failed, _ in failing) >= 2  # chance and the prior save some
    assert all(warned for _, warned in failing)


@pytest.mark.parametrize("design", list(DESIGNS))
def test_the_share_that_it_says_is_needed_is_enough(design: str) -> None:
    """At the share that a fit with too few matches names, EM is mostly within a factor of 2."""
    random = np.random.default_rng(17)
    m, u, _ = DESIGNS[design]
    coding, digits, mean = mixture(m, u, {"three weak": 1e-4, "four weak": 5e-5, "five": 5e-6}[design], 1e7)
    _, found = precision(counts_of(coding, digits, mean), 2000.0)
    assert found.needed is not None
    assert found.share < found.needed < 0.01
    coding, digits, mean = mixture(m, u, found.needed, 1e7)
    ends = []
    for _ in range(6):
        fit, _ = precision(counts_of(coding, digits, random.poisson(mean).astype(float)), found.needed * 2e7)
        ends.append(abs(np.log(fit.matches[0] / (found.needed * 1e7))) < np.log(2))
    assert np.sum(ends) >= 5


def test_two_comparisons_are_not_enough_and_three_are() -> None:
    for n, singular in ((1, True), (2, True), (3, False)):
        coding, digits, mean = mixture([0.9] * n, [0.1] * n, 0.05, 1e6)
        assert precision(counts_of(coding, digits, mean), 5e4)[1].singular is singular


FIELDS = [Field("name", 200), Field("town", 40), Field("year", 60), Field("day", 31)]
SIM = two_files(FIELDS, 800, 800, 500, 4)


def warnings_of(tables: Any = SIM.tables, names: str = "name town year day", **more: Any) -> list[str]:
    asked = [ts.comparison(name, ts.exact(), **more.pop(name, {})) for name in names.split()]
    passes = more.pop("passes", [ts.all_pairs()])
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", tables, strict=True)]
    return list(ts.Linkage(asked, passes, estimation=ts.Estimation(**more)).fit(*sources).warnings)


def test_a_sound_linkage_has_no_such_warning() -> None:
    assert warnings_of() == []
    assert warnings_of(passes=[ts.blocking_key("town"), ts.blocking_key("year")]) == []
    one_pass = warnings_of(passes=[ts.blocking_key("town")])
    assert not any("identified" in text or "too few" in text for text in one_pass)


def test_a_constant_field_tells_nothing() -> None:
    same = [table.with_columns(country=pl.lit("nl")) for table in SIM.tables]
    found = warnings_of(same, "name town year day country")
    (warning,) = [text for text in found if text.startswith("Comparison country")]
    assert warning.startswith("Comparison country shows “equal” in all pairs of records, so it tells nothing")
    apart = [table.with_columns(file=pl.lit(str(k))) for k, table in enumerate(SIM.tables)]
    found = warnings_of(apart, "name town year day file")
    assert any("Comparison file shows “different” in all pairs" in text for text in found)


def test_too_few_comparisons_are_named() -> None:
    (warning,) = [text for text in warnings_of(names="name town") if "identified" in text]
    assert "2 comparisons with more than one level seen; three are needed" in warning
    known = warnings_of(names="name town", name={"m": 0.9, "u": 0.01}, town={"m": 0.9, "u": 0.025})
    assert not any("identified" in text for text in known)


def test_too_few_matches_are_named_with_the_share_needed() -> None:
    few = two_files([Field("a", 8), Field("b", 9), Field("c", 10)], 1500, 1500, 40, 6)
    (warning,) = [text for text in warnings_of(few.tables, "a b c") if "too few matches" in text]
    assert "of the candidate pairs their number is known to a factor of" in warning
    assert "needed" in warning
    stated = warnings_of(few.tables, "a b c", expected_matches=40)
    assert not any("too few matches" in text for text in stated)
