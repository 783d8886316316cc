"""Models of what matches agree on, fitted to the agreements that are seen; they tell of those that are not.

Two families. Log-linear: fields agree independently of each other but for some pairs of fields (Bishop,
Fienberg and Holland 1975, Discrete Multivariate Analysis, chapter 6). Latent classes: there are several
kinds of matches, those of careful and of careless entry say, and fields agree independently within each
(Goodman 1974, Biometrika 61; for captures Pledger 2000, Biometrics 56).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MOST_CLASSES = 4
MOST_PAIRS = 12
"""Most pairs of fields that depend on each other."""
TRIED = 3
"""Pairs that are fitted at each step, of those that promise most."""
STARTS = 8
"""Starts of each number of classes, the best of which is followed to its end."""
FIRST_STEPS, MOST_STEPS = 60, 2_000
TOLERANCE = 1e-4
"""Change of the log-likelihood at which EM ends: far below what models are chosen by."""
LEAST = 1e-12


@dataclass(frozen=True)
class Fitted:
    """A model fitted to the cells that are seen.

    Attributes
    ----------
    model : AgreementModel
        The model.
    expected : float64 array, shape (n_cells,)
        Expected counts, of all cells.
    hidden : float
        Expected count of the cells that are not seen.
    deviance : float
        Twice the log-likelihood that a perfect fit of the seen cells has more.
    parameters, freedom : int
        Numbers of free parameters, and of seen cells beyond these.
    state : tuple of float64 array
        Where the next fit may start.
    """

    model: AgreementModel
    expected: Matrix
    hidden: float
    deviance: float
    parameters: int
    freedom: int
    state: tuple[Matrix, ...] = field(default=(), repr=False)

    def bic(self, n: float, dispersion: float = 1.0) -> float:
        """Schwarz's criterion (1978); `n` counts vary `dispersion` times as much as independent ones."""
        return self.deviance / dispersion + self.parameters * float(np.log(max(n / dispersion, 2.0)))


class AgreementModel(ABC):
    """What a model of agreements is asked."""

    @abstractmethod
    def fit(
        self,
        levels: NDArray[np.int64],
        seen: NDArray[np.bool_],
        counts: Matrix,
        random: np.random.Generator,
        start: Fitted | None = None,
    ) -> Fitted:
        """Fit to the seen cells.

        Parameters
        ----------
        levels : int64 array, shape (n_cells, n_fields)
            Level of every field in every cell.
        seen : bool array, shape (n_cells,)
            Which cells are seen.
        counts : float64 array, shape (n_cells,)
            Counts; those of cells that are not seen are not read.
        random : numpy.random.Generator
            For starts.
        start : Fitted, optional
            A fit to like counts.

        Returns
        -------
        Fitted
        """

    @abstractmethod
    def name(self, fields: Sequence[str]) -> str:
        """Name for people."""

    @abstractmethod
    def assumption(self, fields: Sequence[str]) -> str:
        """What must hold for it, in plain words."""


@dataclass(frozen=True)
class LogLinear(AgreementModel):
    """Independent fields, but for some pairs.

    Attributes
    ----------
    pairs : tuple of (int, int)
        The fields that depend on each other.

    Examples
    --------
    Three lists that together hold 271 cases of hepatitis (Chao, Tsay, Lin, Shau and Chao 2001, Statistics in
    Medicine 20), all dependences of two lists: 1,313 cases.

    >>> levels = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    >>> counts = np.array([0, 63, 55, 18, 69, 17, 21, 28.0])
    >>> model = LogLinear(((0, 1), (0, 2), (1, 2)))
    >>> fitted = model.fit(levels, levels.any(axis=1), counts, np.random.default_rng(1))
    >>> round(counts.sum() + fitted.hidden)
    1313
    """

    pairs: tuple[tuple[int, int], ...] = ()

    def fit(
        self,
        levels: NDArray[np.int64],
        seen: NDArray[np.bool_],
        counts: Matrix,
        random: np.random.Generator,
        start: Fitted | None = None,
    ) -> Fitted:
        """As `AgreementModel.fit`: maximum likelihood by iteratively reweighted least squares."""
        design = self.design(levels)
        own, observed = design[seen], counts[seen]
        known = observed + 0.5 if start is None else np.maximum(start.expected[seen], LEAST)
        logs, beta = np.log(known), np.zeros(design.shape[1])
        deviance = np.inf
        for _ in range(100):
            mean = np.exp(np.clip(logs, -30, 30))
            weighted = own * mean[:, None]
            beta = np.linalg.lstsq(
                weighted.T @ own, weighted.T @ (logs + (observed - mean) / mean), rcond=1e-12
            )[0]
            logs = np.clip(own @ beta, -30, 30)
            before, deviance = deviance, _deviance(observed, np.exp(logs))
            if abs(before - deviance) <= 1e-9 * (1 + abs(deviance)):
                break
        expected = np.exp(np.clip(design @ beta, -30, 30))
        parameters = _rank(own)
        return Fitted(
            self, expected, float(expected[~seen].sum()), deviance, parameters, len(observed) - parameters
        )

    def design(self, levels: NDArray[np.int64]) -> Matrix:
        """Columns of the model: one for all, one a level of a field but the lowest, products of pairs."""
        own = [_indicators(column) for column in levels.T]
        columns = [np.ones((len(levels), 1)), *own]
        for a, b in self.pairs:
            columns.append((own[a][:, :, None] * own[b][:, None, :]).reshape(len(levels), -1))
        return np.concatenate(columns, axis=1)

    def identified(self, levels: NDArray[np.int64], seen: NDArray[np.bool_]) -> bool:
        """Whether the seen cells tell all parameters."""
        design = self.design(levels)
        used = np.any(design != 0, axis=0)
        return _rank(design[seen]) == int(used.sum()) <= int(seen.sum())

    def name(self, fields: Sequence[str]) -> str:
        """Name for people."""
        if not self.pairs:
            return "fields independent"
        pairs = ", ".join(f"{fields[a]} with {fields[b]}" for a, b in self.pairs)
        return f"log-linear, dependent: {pairs}"

    def assumption(self, fields: Sequence[str]) -> str:
        """What must hold for it, in plain words."""
        rest = ""
        if self.pairs:
            pairs = ", ".join(f"{fields[a]} and {fields[b]}" for a, b in self.pairs)
            rest = f", apart from the dependence seen between {pairs}"
        return f"in matches the fields of the keys agree independently of each other{rest}"


@dataclass(frozen=True)
class LatentClasses(AgreementModel):
    """Several kinds of matches, fields independent in each.

    Attributes
    ----------
    classes : int
        How many.
    """

    classes: int

    def fit(
        self,
        levels: NDArray[np.int64],
        seen: NDArray[np.bool_],
        counts: Matrix,
        random: np.random.Generator,
        start: Fitted | None = None,
    ) -> Fitted:
        """As `AgreementModel.fit`: EM, the cells not seen being missing (Dempster, Laird, Rubin 1977)."""
        full = [_indicators(column, lowest=True) for column in levels.T]
        cells, sizes = np.concatenate(full, axis=1), [one.shape[1] for one in full]
        starts = np.cumsum([0, *sizes])
        states: list[tuple[Matrix, Matrix]] = []
        if start is None:
            for _ in range(STARTS):
                chances = [random.dirichlet(np.ones(n) * 2, self.classes).T for n in sizes]
                states.append((random.dirichlet(np.ones(self.classes) * 3), np.concatenate(chances)))
        else:
            shares, before = start.state
            moved = before * np.exp(random.normal(0, 0.3, before.shape))
            states.append((shares, _normalised(moved, starts)))
        found = float(counts[seen].sum())
        if len(states) > 1:
            tried = [_em(cells, starts, seen, counts, *state, FIRST_STEPS) for state in states]
            states = [max(tried, key=lambda one: one[0])[2]]
        _, chance, end = _em(cells, starts, seen, counts, *states[0], MOST_STEPS)
        expected = chance / chance[seen].sum() * found
        parameters = self.classes * (len(cells[0]) - len(sizes) + 1)
        return Fitted(
            self,
            expected,
            float(expected[~seen].sum()),
            _deviance(counts[seen], expected[seen]),
            parameters,
            int(seen.sum()) - parameters,
            end,
        )

    def name(self, fields: Sequence[str]) -> str:
        """Name for people."""
        return f"{self.classes} kinds of matches"

    def assumption(self, fields: Sequence[str]) -> str:
        """What must hold for it, in plain words."""
        return (
            f"matches are of {self.classes} kinds, those with few and those with more errors say, and within "
            "each kind the fields of the keys agree independently of each other"
        )


def candidates(levels: NDArray[np.int64], seen: NDArray[np.bool_], counts: Matrix, seed: int) -> list[Fitted]:
    """Models fitted to a table: independence, dependences added one by one, several kinds of matches.

    Parameters
    ----------
    levels, seen, counts
        As `AgreementModel.fit`.
    seed : int
        Seed of the starts.

    Returns
    -------
    list of Fitted
        Only those whose parameters the seen cells tell; dependences are added while BIC falls.
    """
    random = np.random.default_rng((seed, 13))
    n = float(counts[seen].sum())
    independent = LogLinear()
    if not independent.identified(levels, seen):
        return []
    result = [independent.fit(levels, seen, counts, random)]
    pairs = list(combinations(range(levels.shape[1]), 2))
    while len(result) <= MOST_PAIRS:
        now = result[-1]
        assert isinstance(now.model, LogLinear)
        more = [LogLinear((*now.model.pairs, pair)) for pair in pairs if pair not in now.model.pairs]
        able = [one for one in more if one.identified(levels, seen)]
        gains = [_gain(now, one, levels, seen, counts, n) for one in able]
        first = [able[k] for k in np.argsort(-np.array(gains), kind="stable")[:TRIED]]
        fits = [one.fit(levels, seen, counts, random, now) for one in first]
        better = [one for one in fits if one.bic(n) < now.bic(n)]
        if not better:
            break
        result.append(min(better, key=lambda one: one.bic(n)))
    for classes in range(2, MOST_CLASSES + 1):
        one = LatentClasses(classes).fit(levels, seen, counts, random)
        if one.freedom < 0:
            break
        result.append(one)
    return result


def _gain(
    now: Fitted,
    more: LogLinear,
    levels: NDArray[np.int64],
    seen: NDArray[np.bool_],
    counts: Matrix,
    n: float,
) -> float:
    """About how much BIC falls with one more pair: Rao's score test (1948) less what its parameters cost."""
    assert isinstance(now.model, LogLinear)
    known, every = now.model.design(levels)[seen], more.design(levels)[seen]
    added = every[:, known.shape[1] :]
    mean = now.expected[seen]
    weighted = added * mean[:, None]
    spread = weighted.T @ added
    spread -= weighted.T @ known @ np.linalg.pinv((known * mean[:, None]).T @ known) @ (known.T @ weighted)
    score = added.T @ (counts[seen] - mean)
    statistic: float = float((score * (np.linalg.pinv(spread) @ score)).sum())
    cost: float = added.shape[1] * float(np.log(max(n, 2.0)))
    return statistic - cost


def _rank(design: Matrix) -> int:
    """Rank of a matrix of zeros and ones, by the eigenvalues of its few columns' products."""
    values = np.linalg.eigvalsh(design.T @ design)
    least = 1e-9 * max(1.0, float(values.max(initial=0)))
    return int(np.count_nonzero(values > least))


def _indicators(column: NDArray[np.int64], lowest: bool = False) -> Matrix:
    """A column for each level, but the lowest unless it is asked for, shape (n_cells, n)."""
    values = np.unique(column)
    levels = values[0 if lowest else 1 :]
    return np.asarray(column[:, None] == levels[None, :], np.float64)


def _deviance(observed: Matrix, expected: Matrix) -> float:
    ratio = np.where(observed > 0, np.maximum(observed, LEAST) / np.maximum(expected, LEAST), 1.0)
    return float(2 * (observed * np.log(ratio) - observed + expected).sum())


def _normalised(chances: Matrix, starts: NDArray[np.int64]) -> Matrix:
    parts = [chances[a:b] / np.maximum(chances[a:b].sum(axis=0), LEAST) for a, b in pairwise(starts)]
    return np.concatenate(parts)


def _em(
    cells: Matrix,
    starts: NDArray[np.int64],
    seen: NDArray[np.bool_],
    counts: Matrix,
    shares: Matrix,
    chances: Matrix,
    steps: int,
) -> tuple[float, Matrix, tuple[Matrix, Matrix]]:
    """Log-likelihood, chance of every cell, and where it ended; `chances`: all levels by classes."""
    observed = counts[seen]
    found, likelihood = float(observed.sum()), -np.inf
    chance = np.zeros(len(cells))
    for _ in range(steps):
        # Not `@`: on a busy machine the threads of the library behind it wait for each other at every step.
        logs = np.einsum("ij,jk->ik", cells, np.log(np.maximum(chances, LEAST)))
        each = np.exp(logs + np.log(np.maximum(shares, LEAST)))
        chance = each.sum(axis=1)
        total = float(chance[seen].sum())
        before, likelihood = (
            likelihood,
            float((observed * np.log(np.maximum(chance[seen], LEAST) / total)).sum()),
        )
        if likelihood - before <= TOLERANCE:
            break
        filled = np.where(seen, counts, found / total * chance)
        members = each * (filled / np.maximum(chance, LEAST))[:, None]
        shares = members.sum(axis=0) / members.sum()
        chances = _normalised(np.einsum("ij,ik->jk", cells, members), starts)
    return likelihood, chance, (shares, chances)
