"""How many matches no pass finds, by how the passes that find them overlap: capture and recapture.

A match is found where its records agree on certain fields. The matches that are found tell how agreements
come together, and so how often those fail together that would have found it. A model of the table of
agreements, fitted to the cells that some pass finds, fills the others (Fienberg 1972, The multiple recapture
census for closed populations and incomplete 2^k contingency tables, Biometrika 59; International Working
Group for Disease Monitoring and Forecasting 1995, American Journal of Epidemiology 142).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.agreement_models import AgreementModel, Fitted, LogLinear, candidates

Matrix = NDArray[np.float64]

NORMAL_95 = 1.959963984540054
DRAWS = 100
"""Draws of the bootstrap."""
DRAWN_CELLS = 50_000
"""Cells of all draws together, about: of a large table fewer are drawn."""
FEWEST_DRAWS = 20
LEAST_WEIGHT = 0.01
"""Models of less weight are not drawn from."""


@dataclass(frozen=True)
class Agreements:
    """Matches by what their records agree on.

    Attributes
    ----------
    fields : tuple of str
        What may agree.
    levels : int64 array, shape (n_cells, n_fields)
        How far each field agrees in each cell; every combination that is possible is a cell.
    seen : bool array, shape (n_cells,)
        Whether some pass finds the pairs of the cell.
    counts : float64 array, shape (n_cells,)
        Matches, or expected matches; 0 in cells that are not seen.
    codes : tuple of int64 array
        For each field what its levels stand for, where that is known: which parts agree, as a number of bits.
    """

    fields: tuple[str, ...]
    levels: NDArray[np.int64]
    seen: NDArray[np.bool_]
    counts: Matrix
    codes: tuple[NDArray[np.int64], ...] = ()

    @property
    def found(self) -> float:
        """Matches that the passes find."""
        return float(self.counts[self.seen].sum())


@dataclass(frozen=True)
class Completeness:
    """Estimated share of the matches that the passes find.

    Attributes
    ----------
    share : float
        The estimate.
    low, high : float
        Limits of its interval of 95 per cent, doubt about the model included.
    found : float
        Expected matches among the pairs found.
    method : str
        How it was estimated.
    assumption : str
        What must hold for it, in plain words.
    weights : tuple of (str, float, float)
        Each model: its name, its weight, and the share that it gives.
    hidden : float64 array, shape (n_cells,), optional
        Expected matches that no pass finds, by cell of the table.
    """

    share: float
    low: float
    high: float
    found: float
    method: str
    assumption: str
    weights: tuple[tuple[str, float, float], ...] = ()
    hidden: Matrix | None = field(default=None, repr=False, compare=False)

    @property
    def missed(self) -> float:
        """Expected matches that no pass finds."""
        return self.found / self.share - self.found if self.share else math.inf

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        known = {name: value for name, value in asdict(self).items() if name not in ("hidden", "weights")}
        models = [{"model": name, "weight": weight, "share": share} for name, weight, share in self.weights]
        return {**known, "missed": self.missed, "models": models}


def chapman(first: float, second: float, both: float) -> tuple[float, float]:
    """How many there are, of whom two lists that are independent hold some.

    Parameters
    ----------
    first, second, both : float
        How many are on each list, and on both.

    Returns
    -------
    total, error : float
        Nearly unbiased estimate ``(first + 1)(second + 1) / (both + 1) - 1`` (Chapman 1951, Some properties
        of the hypergeometric distribution, University of California Publications in Statistics 1) and its
        standard error (Seber 1970, The effects of trap response on tag recapture estimates, Biometrics 26).

    Examples
    --------
    >>> [round(number, 1) for number in chapman(135, 122, 49)]
    [333.6, 28.7]
    """
    total = (first + 1) * (second + 1) / (both + 1) - 1
    variance = (first + 1) * (second + 1) * (first - both) * (second - both) / ((both + 1) ** 2 * (both + 2))
    return total, math.sqrt(max(0.0, variance))


def two_passes(first: float, second: float, both: float) -> Completeness:
    """Completeness of two passes that have no field in common, from their overlap alone.

    Parameters
    ----------
    first, second, both : float
        Expected matches that each finds, and that both find.

    Returns
    -------
    Completeness
        The interval is log-normal in the number of matches missed (Burnham et al. 1987, Design and analysis
        methods for fish survival experiments, page 212), so that no limit is below what was found.
    """
    found = first + second - both
    total, error = chapman(first, second, both)
    missed = max(total - found, 0.0)
    spread = math.exp(NORMAL_95 * math.sqrt(math.log1p((error / missed) ** 2))) if missed > 0 else 1.0
    return Completeness(
        share=found / max(total, found),
        low=found / (found + missed * spread),
        high=found / (found + missed / spread),
        found=found,
        method="overlap of the two passes (Chapman)",
        assumption="a match that one pass misses is found by the other as often as any match is; two passes "
        "cannot show whether that holds, a third can",
    )


def completeness(table: Agreements, seed: int = 1) -> Completeness | None:
    """Completeness of passes from how the matches that they find agree.

    Among log-linear models of independence with some dependences of two fields, and models of several
    kinds of matches with independence in each, the one of lowest BIC gives the estimate. The interval is that
    of a parametric bootstrap in which each model takes part by its weight exp(-BIC / 2) (Buckland, Burnham
    and Augustin 1997, Model selection: an integral part of inference, Biometrics 53). Pairs share records, so
    counts vary more than independent ones: deviances and draws allow for that by the deviance for each degree
    of freedom of the model that fits best (McCullagh and Nelder 1989, Generalized Linear Models, 4.5).

    Parameters
    ----------
    table : Agreements
        Expected matches by what agrees.
    seed : int
        Seed of starts and draws.

    Returns
    -------
    Completeness or None
        None where too few cells are seen, or no match is.
    """
    seen, found = table.seen, table.found
    fitted = [] if found <= 0 else candidates(table.levels, seen, table.counts, seed)
    if not fitted:
        return None
    closest = min(fitted, key=lambda one: one.bic(found))
    dispersion = max(1.0, closest.deviance / max(1, closest.freedom))
    scores = np.array([one.bic(found, dispersion) for one in fitted])
    best = fitted[int(scores.argmin())]
    weights = np.exp(-(scores - scores.min()) / 2)
    weights /= weights.sum()
    shares = [found / (found + one.hidden) for one in fitted]
    low, high = np.quantile(_draws(table, fitted, weights, dispersion, seed), [0.025, 0.975])
    share = found / (found + best.hidden)
    names = [one.model.name(table.fields) for one in fitted]
    return Completeness(
        share=share,
        low=float(min(low, share)),
        high=float(max(high, share)),
        found=found,
        method=f"overlap of the passes ({best.model.name(table.fields)})",
        assumption=best.model.assumption(table.fields) + _unknown(table),
        weights=tuple(zip(names, weights.tolist(), shares, strict=True)),
        hidden=np.where(seen, 0.0, best.expected),
    )


def _unknown(table: Agreements) -> str:
    """Pairs of fields of which every pass needs one: their dependence is invisible, and taken for none."""
    pairs = combinations(range(len(table.fields)), 2)
    dark = [pair for pair in pairs if not LogLinear((pair,)).identified(table.levels, table.seen)]
    if not dark:
        return ""
    named = ", ".join(f"{table.fields[a]} and {table.fields[b]}" for a, b in dark[:3])
    more = f" and {len(dark) - 3} more pairs" if len(dark) > 3 else ""
    return (
        f"; the passes cannot show whether these depend on each other, which is taken for no: {named}{more}"
    )


def _draws(
    table: Agreements, fitted: Sequence[Fitted], weights: Matrix, dispersion: float, seed: int
) -> Matrix:
    random = np.random.default_rng((seed, 17))
    n = int(np.clip(DRAWN_CELLS / len(table.seen), FEWEST_DRAWS, DRAWS))
    shares = []
    for one, weight in zip(fitted, weights, strict=True):
        if weight < LEAST_WEIGHT:
            continue
        expected = one.expected[table.seen] / dispersion
        for _ in range(max(1, round(n * weight))):
            counts = np.zeros(len(table.seen))
            counts[table.seen] = random.poisson(expected) * dispersion
            if counts.sum() > 0:
                shares.append(counts.sum() / (counts.sum() + _again(one.model, table, counts, one, random)))
    return np.array(shares or [table.found / (table.found + fitted[int(weights.argmax())].hidden)])


def _again(
    model: AgreementModel, table: Agreements, counts: Matrix, start: Fitted, random: np.random.Generator
) -> float:
    return model.fit(table.levels, table.seen, counts, random, start).hidden
