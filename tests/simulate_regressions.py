"""Regressions of linked data simulated: outcomes moved between records, estimates against the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from tallystick.analysis import Estimate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def moved(blocks: Ints, wrong: Ints, random: np.random.Generator) -> Ints:
    """Which record the outcome of each row is of: in block k exactly `wrong[k]` rows have another's.

    The wrong ones are drawn at random and put in a ring at random, so that each has any other's alike.
    """
    found = np.arange(len(blocks))
    for block, count in enumerate(wrong):
        if count:
            ring = random.permutation(np.flatnonzero(blocks == block))[:count]
            found[ring] = np.roll(ring, 1)
    return found


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


def repeated(
    draw: Callable[[np.random.Generator], Mapping[str, Estimate]],
    truth: Any,
    repetitions: int,
    seed: int = 1,
) -> dict[str, Simulated]:
    """Draw and fit over and over; `draw` gives named estimates."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[Estimate]] = {}
    for _ in range(repetitions):
        for name, estimate in draw(random).items():
            rows.setdefault(name, []).append(estimate)
    return {
        name: Simulated(
            np.array([estimate.coefficients for estimate in found]),
            np.array([estimate.standard_errors for estimate in found]),
            np.array([estimate.df for estimate in found]),
            np.array([estimate.scale for estimate in found]),
            np.asarray(truth, np.float64),
        )
        for name, found in rows.items()
    }


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
