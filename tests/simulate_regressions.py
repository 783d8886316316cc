"""Regressions of linked data simulated: designs with known coefficients, estimates against the truth.

    python tests/simulate_regressions.py 1000

prints the table of docs/guide/regression.md with that many repetitions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm, t
from simulate_links import exchanged

from tallystick.analysis import Estimate, audited, exchangeable, fit, fit_both_files, incomplete, weighted

Floats = NDArray[np.float64]
Random = np.random.Generator
Draw = Callable[[Random], Mapping[str, Estimate]]
CORRECTED = ("ratio", "lahiri-larsen", "eblue", "inverse")
ALL = ("naive", "scheuren-winkler", *CORRECTED)


@dataclass(frozen=True)
class Simulated:
    """Estimates of repetitions.

    Attributes
    ----------
    estimates, errors : float64 array, shape (repetitions, p)
        Coefficients and their standard errors.
    df : float64 array, shape (repetitions,)
        Of the intervals.
    scales : float64 array, shape (repetitions,)
        sigma^2.
    truth : float64 array, shape (p,)
        The coefficients.
    """

    estimates: Floats
    errors: Floats
    df: Floats
    scales: Floats
    truth: Floats

    @property
    def bias(self) -> Floats:
        return np.asarray(self.estimates.mean(axis=0) - self.truth)

    @property
    def sd(self) -> Floats:
        return np.asarray(self.estimates.std(axis=0, ddof=1))

    @property
    def monte_carlo(self) -> Floats:
        """Standard error of the bias."""
        return self.sd / np.sqrt(len(self.estimates))

    @property
    def se_over_sd(self) -> Floats:
        return np.asarray(np.sqrt((self.errors**2).mean(axis=0)) / self.sd)

    @property
    def coverage(self) -> Floats:
        half = np.where(np.isfinite(self.df), t.isf(0.025, np.minimum(self.df, 1e9)), norm.isf(0.025))
        inside = np.abs(self.estimates - self.truth) <= half[:, None] * self.errors
        return np.asarray(inside.mean(axis=0))


@dataclass(frozen=True)
class Design:
    """A simulation.

    Attributes
    ----------
    title : str
        What is simulated.
    truth : tuple of float
        The coefficients.
    draw : callable
        One repetition: named estimates.
    """

    title: str
    truth: tuple[float, ...]
    draw: Draw

    def repeated(self, repetitions: int, seed: int = 1) -> dict[str, Simulated]:
        """Draw and fit over and over."""
        random = np.random.default_rng(seed)
        rows: dict[str, list[Estimate]] = {}
        for _ in range(repetitions):
            for name, estimate in self.draw(random).items():
                rows.setdefault(name, []).append(estimate)
        return {
            name: Simulated(
                np.array([estimate.coefficients for estimate in found]),
                np.array([estimate.standard_errors for estimate in found]),
                np.array([estimate.df for estimate in found]),
                np.array([estimate.scale for estimate in found]),
                np.asarray(self.truth, np.float64),
            )
            for name, found in rows.items()
        }


def by_block(
    title: str,
    truth: tuple[float, ...],
    sizes: list[int],
    q: list[float],
    *,
    family: str = "linear",
    uniform: bool = False,
    methods: tuple[str, ...] = ALL,
    variances: tuple[str, ...] = ("centred",),
) -> Design:
    """Exchangeable errors with known q: in each block n (1 - q) links are wrong."""
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    wrong = [round(n * (1 - share)) for n, share in zip(sizes, q, strict=True)]
    model = exchangeable(blocks, np.array(q))
    beta, n = np.array(truth), len(blocks)

    def draw(random: Random) -> dict[str, Estimate]:
        x = random.random((n, len(beta) - 1)) if uniform else random.normal(size=(n, len(beta) - 1))
        X = np.column_stack([np.ones(n), x])
        eta = X @ beta
        if family == "logistic":
            y = (random.random(n) < expit(eta)).astype(float)
        elif family == "poisson":
            y = random.poisson(np.exp(eta)).astype(float)
        else:
            y = eta + random.normal(size=n)
        y = y[exchanged(random, sizes, wrong)]
        return {
            f"{method}, {variance}": fit(y, X, model, method=method, variance=variance, family=family)
            for method in methods
            for variance in variances
        }

    return Design(title, truth, draw)


def three_blocks(**changes: Any) -> Design:
    """T2: three large blocks, one without errors."""
    changes = {"methods": ALL[:1] + CORRECTED} | changes
    return by_block(
        "3 blocks of 1500, 300, 200", (1.0, 5.0), [1500, 300, 200], [1, 0.95, 0.75], uniform=True, **changes
    )


def twenty_blocks(**changes: Any) -> Design:
    """T3: twenty blocks of fifty, two covariates."""
    return by_block("20 blocks of 50", (1.0, 2.0, -1.0), [50] * 20, [0.7] * 10 + [0.9] * 10, **changes)


def logistic(**changes: Any) -> Design:
    """T4: a logistic regression."""
    return by_block(
        "10 blocks of 100, logistic",
        (-0.5, 1.0, -0.7),
        [100] * 10,
        [0.75] * 5 + [0.9] * 5,
        family="logistic",
        **changes,
    )


def poisson(**changes: Any) -> Design:
    """T4: a Poisson regression."""
    return by_block(
        "10 blocks of 100, Poisson",
        (0.3, 0.5),
        [100] * 10,
        [0.75] * 5 + [0.9] * 5,
        family="poisson",
        **changes,
    )


def audits(
    methods: tuple[str, ...] = ("ratio",), variances: tuple[str, ...] = ("centred",), pooled: bool = False
) -> Design:
    """T5: q from 30 judged links in each of ten blocks of a hundred, or from 200 of all."""
    sizes, truth = [100] * 10, (1.0, 2.0)
    blocks, beta, n = np.repeat(np.arange(10), 100), np.array([1.0, 2.0]), 1000

    def draw(random: Random) -> dict[str, Estimate]:
        X = np.column_stack([np.ones(n), random.normal(size=n)])
        y = (X @ beta + random.normal(size=n))[exchanged(random, sizes, [20] * 10)]
        if pooled:
            model = audited(blocks, float(random.hypergeometric(800, 200, 200)), 200.0, pooled=True)
        else:
            model = audited(
                blocks,
                random.hypergeometric(80, 20, 30, size=10).astype(float),
                np.full(10, 30.0),
                shrink=False,
            )
        known = model.at(model.q)
        return {
            f"{method}, {variance}{name}": fit(y, X, of, method=method, variance=variance)
            for method in methods
            for variance in variances
            for name, of in (("", model), (", audit taken as sure", known))
        }

    return Design("q of an audit, " + ("pooled" if pooled else "by block"), truth, draw)


def small_audits(methods: tuple[str, ...] = CORRECTED[:3]) -> Design:
    """T5: 15 links judged of 50 in each of 20 blocks that differ, raw and shrunk."""
    sizes, truth = [50] * 20, (1.0, 2.0)
    blocks, beta, n = np.repeat(np.arange(20), 50), np.array([1.0, 2.0]), 1000

    def draw(random: Random) -> dict[str, Estimate]:
        X = np.column_stack([np.ones(n), random.normal(size=n)])
        wrong = random.integers(3, 18, size=20)
        y = (X @ beta + random.normal(size=n))[exchanged(random, sizes, wrong.tolist())]
        right = random.hypergeometric(50 - wrong, wrong, 15).astype(float)
        return {
            f"{method}, {name}": fit(
                y, X, audited(blocks, right, np.full(20, 15.0), shrink=shrink), method=method
            )
            for method in methods
            for name, shrink in (("raw", False), ("shrunk", True))
        }

    return Design("small audits", truth, draw)


def one_block(times: int = 1) -> Design:
    """T6: one block of 200, q = 0.7."""
    truth = (1.0, 1.0)
    model, n = exchangeable(np.zeros(200, int), 0.7), 200

    def draw(random: Random) -> dict[str, Estimate]:
        X = np.column_stack([np.ones(n), random.normal(size=n)])
        y = (X @ np.array(truth) + random.normal(size=n))[exchanged(random, [n], [60])]
        return {
            "naive": fit(y, X, model, method="naive"),
            "scheuren-winkler": fit(y, X, model, method="scheuren-winkler", times=times),
            "ratio": fit(y, X, model),
        }

    return Design("one block of 200", truth, draw)


def missed_links(n_blocks: int = 20) -> Design:
    """[s04]: 54 % of a register linked, the more likely the larger x, which differs between blocks, too."""
    truth, size = (1.0, 2.0), 100
    n = n_blocks * size
    blocks = np.repeat(np.arange(n_blocks), size)

    def draw(random: Random) -> dict[str, Estimate]:
        x = 0.7 * np.repeat(random.normal(size=n_blocks), size) + random.normal(size=n)
        X = np.column_stack([np.ones(n), x])
        y = (X @ np.array(truth) + random.normal(size=n))[
            exchanged(random, [size] * n_blocks, [25] * n_blocks)
        ]
        chance = expit(0.2 + x)
        linked = np.flatnonzero(random.random(n) < chance)
        of_linked = (y[linked], X[linked])
        complete = exchangeable(blocks[linked], 0.75)
        by_weight = weighted(blocks[linked], 0.75, 1 / chance[linked], n_register=size)
        return {
            "naive": fit(*of_linked, complete, method="naive"),
            "linked alone": fit(*of_linked, complete),
            "register, ratio": fit(y[linked], X, incomplete(blocks, 0.75, linked)),
            "register, lahiri-larsen": fit(
                y[linked], X, incomplete(blocks, 0.75, linked), method="lahiri-larsen"
            ),
            "weights, ratio": fit(*of_linked, by_weight),
        }

    return Design("missed links", truth, draw)


def both_files() -> Design:
    """[s08]: covariates of both files, correlated."""
    truth = (1.0, 1.0, 2.0)
    sizes, blocks, n = [50] * 20, np.repeat(np.arange(20), 50), 1000
    model = exchangeable(blocks, 0.76)

    def draw(random: Random) -> dict[str, Estimate]:
        own = random.normal(size=n)
        other = 0.6 * own + 0.8 * random.normal(size=n)
        X = np.column_stack([np.ones(n), own])
        y = X @ np.array(truth[:2]) + truth[2] * other + random.normal(size=n)
        z = other[exchanged(random, sizes, [12] * 20)]
        right = float(random.hypergeometric(760, 240, 200))
        third = y[exchanged(random, sizes, [12] * 20)]
        return {
            "naive": fit(y, np.column_stack([X, z]), model, method="naive"),
            "outcome taken as linked": fit(y, np.column_stack([X, z]), model),
            "moments": fit_both_files(y, X, z[:, None], model),
            "moments, q of an audit": fit_both_files(
                y, X, z[:, None], audited(blocks, right, 200.0, pooled=True)
            ),
            "moments of three files": fit_both_files(third, X, z[:, None], model, outcome_model=model),
        }

    return Design("covariates of both files", truth, draw)


def table(found: Mapping[str, Simulated]) -> str:
    """Figures of a simulation, for reading."""
    lines = []
    for name, of in found.items():
        figures = [
            f"{what} {np.array2string(values, precision=4, suppress_small=True)}"
            for what, values in (
                ("bias", of.bias),
                ("mc", of.monte_carlo),
                ("sd", of.sd),
                ("se/sd", of.se_over_sd),
                ("cover", of.coverage),
            )
        ]
        lines.append(f"{name:32s} " + "  ".join(figures) + f"  scale {of.scales.mean():.4f}")
    return "\n".join(lines)


EVERY: dict[str, Callable[[], Design]] = {
    "T2": lambda: three_blocks(variances=("centred", "published")),
    "T3": lambda: twenty_blocks(variances=("centred", "published", "block")),
    "T4": lambda: logistic(variances=("centred", "block")),
    "T4-poisson": lambda: poisson(variances=("centred", "block")),
    "T5": lambda: audits(CORRECTED[:3], ("centred", "block")),
    "T5-pooled": lambda: audits(CORRECTED[:3], ("centred", "block"), pooled=True),
    "T5-small": small_audits,
    "T6": one_block,
    "missed": missed_links,
    "both": both_files,
}

SHOWN = {
    "T2": [f"{method}, centred" for method in ALL[:1] + CORRECTED],
    "T3": [f"{method}, block" for method in ALL] + ["ratio, centred"],
    "T4": [f"{method}, centred" for method in ALL[:1] + CORRECTED[:3]],
    "T4-poisson": [f"{method}, centred" for method in ALL[:1] + CORRECTED[:3]],
    "T5": ["ratio, centred", "ratio, centred, audit taken as sure", "ratio, block"],
    "T5-pooled": ["ratio, centred", "ratio, centred, audit taken as sure", "ratio, block"],
    "T5-small": [f"{method}, {how}" for method in CORRECTED[:3] for how in ("raw", "shrunk")],
    "T6": ["naive", "scheuren-winkler", "ratio"],
    "missed": ["naive", "linked alone", "register, ratio", "register, lahiri-larsen", "weights, ratio"],
    "both": [
        "naive",
        "outcome taken as linked",
        "moments",
        "moments, q of an audit",
        "moments of three files",
    ],
}
"""What the guide shows of each."""


def markdown(key: str, design: Design, found: Mapping[str, Simulated]) -> str:
    """Rows of the table of the guide: of the first slope, or of that of the linked covariate."""
    at = 2 if key == "both" else 1
    lines = [f"| **{design.title}**, coefficient {design.truth[at]:g} | | | | |"]
    for name in SHOWN[key]:
        of = found[name]
        lines.append(
            f"| {name} | {of.bias[at]:+.4f} ({of.monte_carlo[at]:.4f}) | {of.sd[at]:.3f} | "
            f"{of.se_over_sd[at]:.2f} | {100 * of.coverage[at]:.1f} % |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print("| | bias | SD | SE / SD | coverage |\n|---|---|---|---|---|")
    for key in sys.argv[2:] or EVERY:
        simulated = EVERY[key]()
        print(markdown(key, simulated, simulated.repeated(int(sys.argv[1]))), flush=True)
