"""Several starts of EM: the likeliest end is taken, and what the others came to is known."""

from __future__ import annotations

import numpy as np
import pytest
from simulate import Field, two_files
from test_em import PURE, counts_of
from test_related import ingredients

import tallystick as ts
from tallystick.estimation.em import Fit
from tallystick.estimation.parameters import Parameters, Start
from tallystick.estimation.starts import (
    distinct_maxima,
    fit_from_starts,
    log_density,
    starts_warnings,
)
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

SETTINGS = PURE.model_copy(update={"related": "none", "tolerance": 1e-8, "starts": 12})


def two_maxima() -> PatternCounts:
    """Two classes that agree, each on its own half of the comparisons: EM can take either for the matches.

    The usual start, which knows of no difference between comparisons, goes to the larger of them; the smaller
    one agrees the more surely and, with four comparisons, is the likelier to be a class of its own.
    """
    coding = PatternCoding((2,) * 7)
    digits = coding.decode(np.arange(coding.size))
    digits = digits[(digits < 2).all(axis=1)]

    def class_of(agreements: list[float]) -> np.ndarray:
        return np.prod([np.where(digits[:, k] == 1, p, 1 - p) for k, p in enumerate(agreements)], axis=0)

    chance = [0.05] * 7
    first = class_of([0.9] * 3 + chance[3:])
    second = class_of(chance[:3] + [0.85] * 4)
    return counts_of(coding, digits, 4e4 * first + 1e4 * second + 1e6 * class_of(chance))


def fitted(counts: PatternCounts, settings: ts.Estimation, seed: int = 1) -> tuple[Fit, tuple[Start, ...]]:
    return fit_from_starts(*ingredients(counts), np.array([3e4]), settings, seed)  # type: ignore[arg-type]


def test_the_likeliest_of_two_maxima_is_taken() -> None:
    counts = two_maxima()
    fit, starts = fitted(counts, SETTINGS)
    assert len(starts) == 12
    maxima = distinct_maxima(starts)
    assert len(maxima) >= 2
    assert fit.matches.sum() == pytest.approx(maxima[0].matches, rel=0.01)
    table, _, given = ingredients(counts)
    assert log_density(table, given, SETTINGS, fit) == max(one.log_likelihood for one in starts)  # type: ignore[arg-type]
    # Both readings were found: the class of the first three comparisons, and that of the other four.
    found = sorted(one.matches for one in maxima)
    assert any(abs(one - 4e4) < 4e3 for one in found)
    assert any(abs(one - 1e4) < 2e3 for one in found)


def test_the_seed_settles_it() -> None:
    counts = two_maxima()
    one, other = (fitted(counts, SETTINGS.model_copy(update={"starts": 4}), seed=7) for _ in range(2))
    assert one[1] == other[1]
    assert fitted(counts, SETTINGS.model_copy(update={"starts": 4}), seed=8)[1] != one[1]


def test_a_warning_where_the_usual_start_is_left() -> None:
    counts = two_maxima()
    fit, starts = fitted(counts, SETTINGS)
    usual, _ = fitted(counts, SETTINGS.model_copy(update={"starts": 1}))
    differs = abs(usual.matches.sum() - fit.matches.sum()) > 100
    assert bool(starts_warnings(fit, starts)) == differs
    # Whichever way round, an end that is not the usual one is said to be none.
    other = next(one for one in starts if abs(one.matches - usual.matches.sum()) > 100)
    made = Fit(**{**usual.__dict__, "matches": np.array([other.matches])})
    (warning,) = starts_warnings(made, starts)
    assert "not that of the usual start" in warning


def test_one_maximum_is_one() -> None:
    fields = [Field("a", 50), Field("b", 60), Field("c", 40), Field("d", 30)]
    sim = two_files(fields, 1500, 1500, 800, 3)
    comparisons = [ts.comparison(field.name, ts.exact()) for field in fields]

    def fit(n: int) -> Parameters:
        estimation = ts.Estimation(starts=n)
        sources = [
            ts.Source(name=name, table=table, id="id") for name, table in zip("ab", sim.tables, strict=True)
        ]
        return ts.Linkage(comparisons, [ts.all_pairs()], estimation=estimation).fit(*sources).parameters

    one, several = fit(1), fit(6)
    assert one.starts == ()
    assert len(several.starts) == 6
    assert several.comparisons == one.comparisons  # the usual end is kept where it is the same maximum
    assert len(distinct_maxima(several.starts)) == 1
    assert not any("start" in text for text in several.warnings)
    assert Parameters.from_dict(several.to_dict()) == several


def test_an_end_with_the_classes_exchanged_is_passed_over() -> None:
    """Without a prior "matches" may become the bulk of the pairs, at the very same likelihood."""
    counts = two_maxima()
    for seed in range(3):
        fit, _ = fitted(counts, SETTINGS.model_copy(update={"starts": 6}), seed)
        assert fit.matches.sum() < 0.5 * counts.n_pairs
