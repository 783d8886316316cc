"""Two files whose links are in doubt: candidates with calibrated probabilities, blocks compared by keys.

    python tests/simulate_imputation.py 400

prints the table of docs/guide/imputation.md with that many repetitions, of matchings an eighth of them.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp

from tallystick.analysis import impute_equivocal, impute_matchings
from tallystick.analysis.imputation import equivocal
from tallystick.analysis.imputation.candidate_weights import draw_donors
from tallystick.analysis.imputation.outcome_models import family_of
from tallystick.errors import TallystickWarning

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRUTHS = {"linear": (1.0, 2.0, 1.0), "logistic": (-0.5, 1.0, 0.7), "poisson": (0.3, 0.5, 0.3)}
"""Constant, x and u."""
OF_EQUIVOCAL = np.array([1.0, 1.0, 2.0])


def ols(y: Floats, *columns: Floats) -> Floats:
    """Least squares with a constant."""
    found: Floats = np.linalg.lstsq(np.column_stack((np.ones(len(y)), *columns)), y, rcond=None)[0]
    return found


@dataclass(frozen=True)
class Equivocal:
    """y = 1 + x + 2 z + e; z in another file, in doubt for some records.

    `best` is the row of each record's most probable candidate, `z` the true value.
    """

    left: dict[str, Any]
    right: dict[str, Any]
    pairs: dict[str, Any]
    best: Ints
    z: Floats

    def oracle(self) -> Floats:
        """Coefficients with the true z."""
        return ols(self.left["y"], self.left["x"], self.z)

    def naive(self) -> Floats:
        """Those with the most probable candidate."""
        return ols(self.left["y"], self.left["x"], self.right["z"][self.best])


def equivocal_links(
    rng: np.random.Generator, n: int = 600, share: float = 0.3, none: float = 0.1
) -> Equivocal:
    """A share of the records have three candidates with probabilities Dirichlet(1, 1, 1) times 1 - none."""
    x = rng.normal(size=n)
    z = 0.5 * x + rng.normal(size=n)
    y = 1 + x + 2 * z + rng.normal(size=n)
    best = np.arange(n)
    ids: list[tuple[int, int, float]] = []
    for i in range(n):
        if rng.random() >= share:
            ids.append((i, i, 1.0))
            continue
        chances = rng.dirichlet(np.ones(3)) * (1 - none)
        right_one = rng.choice(4, p=[*chances, none])
        candidates = rng.choice(n - 1, 3, replace=False)
        candidates += candidates >= i
        if right_one < 3:
            candidates[right_one] = i
        best[i] = candidates[np.argmax(chances)]
        ids.extend(zip([i] * 3, candidates.tolist(), chances.tolist(), strict=True))
    left, right, chance = zip(*ids, strict=True)
    pairs = {"id_left": np.array(left), "id_right": np.array(right), "posterior": np.array(chance)}
    return Equivocal({"id": np.arange(n), "x": x, "y": y}, {"id": np.arange(n), "z": z}, pairs, best, z)


@dataclass(frozen=True)
class Blocks:
    """Two files in blocks; `person_left` and `person_right` say who each record is."""

    left: dict[str, Any]
    right: dict[str, Any]
    pairs: dict[str, Any]
    person_left: Ints
    person_right: Ints

    def share_right(self, matching: tuple[Ints, Ints]) -> float:
        """Share of links that join records of one person."""
        return float(np.mean(self.person_left[matching[0]] == self.person_right[matching[1]]))

    def true_rows(self) -> tuple[Ints, Ints]:
        """Rows of the persons that are in both files."""
        _, left, right = np.intersect1d(self.person_left, self.person_right, return_indices=True)
        return left, right


def compared_blocks(
    rng: np.random.Generator,
    n_blocks: int,
    *,
    size: int = 8,
    common: float = 8,
    n_keys: int = 3,
    family: str = "linear",
    both: bool = False,
) -> Blocks:
    """Blocks of `size` records a file, on average `common` of them in both, compared by keys of 4 categories.

    How many of a block are in both is drawn as gains have it: a matching C with probability proportional to
    exp(-c |C|), which is what makes posteriors of the generated pairs right.

    10 % of the keys are drawn anew in each file. The outcome stands in the left file, x in the right one;
    with `both` a covariate u, correlated with x, stands with the outcome. Coefficients are those of `TRUTHS`.
    """
    constant, shared = 0.0, np.full(n_blocks, size)
    if common < size:
        constant, chances = prior_of_sizes(size, common)
        shared = rng.choice(size + 1, n_blocks, p=chances)
    n = 2 * n_blocks * size
    x = rng.normal(size=n)
    u = 0.6 * x + 0.8 * rng.normal(size=n)
    a, b, c = TRUTHS[family]
    linear = a + b * x + (c * u if both else 0)
    if family == "linear":
        y = linear + rng.normal(size=n)
    elif family == "logistic":
        y = (rng.random(n) < 1 / (1 + np.exp(-linear))).astype(np.float64)
    else:
        y = rng.poisson(np.exp(linear)).astype(np.float64)
    place, first = np.arange(size), 2 * size * np.arange(n_blocks)[:, None]
    left = (first + place).reshape(-1)
    right = (first + place + size * (place >= shared[:, None])).reshape(-1)
    keys = rng.integers(4, size=(n, n_keys))
    left_keys, right_keys = (_with_errors(rng, keys[side]) for side in (left, right))
    i = np.repeat(np.arange(n_blocks * size), size)
    j = i // size * size + np.tile(np.arange(size), n_blocks * size)
    m, chance = 0.9**2 + (1 - 0.9**2) / 4, 1 / 4
    agree = left_keys[i] == right_keys[j]
    weight = np.where(agree, np.log(m / chance), np.log((1 - m) / (1 - chance))).sum(axis=1)
    return Blocks(
        {"id": np.arange(len(left)), "y": y[left], "u": u[left]},
        {"id": np.arange(len(right)), "x": x[right]},
        {"id_left": i, "id_right": j, "gain": weight - constant},
        left,
        right,
    )


def prior_of_sizes(size: int, common: float) -> tuple[float, Floats]:
    """The constant c, and the chances of 0 to `size` links in a block, that have a mean of `common`."""
    k = np.arange(size + 1)
    logs = 2 * gammaln(size + 1) - 2 * gammaln(size - k + 1) - gammaln(k + 1)

    def chances(c: float) -> Floats:
        found: Floats = np.exp(logs - c * k - logsumexp(logs - c * k))
        return found

    c = float(brentq(lambda value: float(chances(value) @ k) - common, -20, 20))
    return c, chances(c)


def _with_errors(rng: np.random.Generator, keys: Ints) -> Ints:
    found: Ints = np.where(rng.random(keys.shape) < 0.1, rng.integers(4, size=keys.shape), keys)
    return found


@dataclass(frozen=True)
class Results:
    """Estimates, whether intervals hold the truth, and standard errors; each of shape (reps, p)."""

    truth: Floats
    estimates: Floats
    held: Floats | None = None
    errors: Floats | None = None

    @property
    def bias(self) -> Floats:
        found: Floats = (self.estimates - self.truth).mean(axis=0)
        return found

    @property
    def rmse(self) -> Floats:
        found: Floats = np.sqrt(((self.estimates - self.truth) ** 2).mean(axis=0))
        return found

    def row(self, name: str, shown: str = "") -> str:
        """Of a table in Markdown, by coefficient."""
        columns = [self.bias, self.rmse]
        cells = [" ".join(f"{value:.4f}" for value in column) for column in columns]
        if self.held is not None and self.errors is not None:
            ratio = self.errors.mean(axis=0) / self.estimates.std(axis=0, ddof=1)
            cells.append(" ".join(f"{value:.2f}" for value in ratio))
            cells.append(" ".join(f"{value:.3f}" for value in self.held.mean(axis=0)))
        return " | ".join(["", name, *cells, *[""] * (5 - len(cells))]).strip() + shown


def without_g() -> Any:
    """The fault: candidates weighed by p f, none by what p lacks to 1."""
    return mock.patch.object(
        equivocal, "draw_donors", lambda them, f, g, lower, random: draw_donors(them, f, 0 * g, lower, random)
    )


def equivocal_results(reps: int, rules: tuple[str, ...], n_imputations: int = 10) -> dict[str, Results]:
    """Estimates of y ~ x + z by rule; "no-marginal" is the default without g."""
    data = [equivocal_links(np.random.default_rng([10, seed])) for seed in range(reps)]
    found = {
        "oracle": Results(OF_EQUIVOCAL, np.array([one.oracle() for one in data])),
        "naive": Results(OF_EQUIVOCAL, np.array([one.naive() for one in data])),
    }
    for rule in rules:
        pooled = []
        for seed, one in enumerate(data):
            if rule == "no-marginal":
                with without_g():
                    pooled.append(_impute_equivocal(one, "density-ratio", n_imputations, seed))
            else:
                pooled.append(_impute_equivocal(one, rule, n_imputations, seed))
        found[rule] = _results(OF_EQUIVOCAL, pooled)
    return found


def _impute_equivocal(data: Equivocal, rule: str, n_imputations: int, seed: int) -> Any:
    return impute_equivocal(
        "y ~ x + z", data.left, data.right, data.pairs, rule=rule, n_imputations=n_imputations, seed=seed
    ).regression()


def matching_results(
    reps: int,
    n_blocks: int,
    *,
    common: float = 8,
    family: str = "linear",
    both: bool = False,
    linkage_only: bool = False,
    seed: int = 17,
    **settings: Any,
) -> tuple[Results, Results]:
    """Estimates over matchings and those of the true links."""
    p = 3 if both else 2
    truth = np.array(TRUTHS[family][:p])
    pooled, oracle = [], []
    for rep in range(reps):
        data = compared_blocks(
            np.random.default_rng([seed, rep]), n_blocks, common=common, family=family, both=both
        )
        with warnings.catch_warnings():
            if linkage_only:
                warnings.simplefilter("ignore", TallystickWarning)
            found = impute_matchings(
                "y ~ x + u" if both else "y ~ x",
                data.left,
                data.right,
                data.pairs,
                family=family,
                complete=common == 8,
                linkage_only=linkage_only,
                seed=rep,
                **settings,
            )
        pooled.append(found.regression())
        left, right = data.true_rows()
        columns = [np.ones(len(left)), data.right["x"][right], data.left["u"][left]]
        oracle.append(family_of(family).fit(data.left["y"][left], np.column_stack(columns[:p])).beta)
    return _results(truth, pooled), Results(truth, np.array(oracle))


def _results(truth: Floats, pooled: list[Any]) -> Results:
    limits = np.array([one.conf_int().to_numpy() for one in pooled])
    held = (limits[:, :, 0] < truth) & (limits[:, :, 1] > truth)
    return Results(
        truth,
        np.array([one.estimate for one in pooled]),
        held.astype(np.float64),
        np.array([np.sqrt(np.diag(one.total)) for one in pooled]),
    )


MATCHING_DESIGNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("joint", {}),
    ("linkage only", {"linkage_only": True}),
    ("6 of 8 in both files", {"common": 6}),
    ("covariates on both files", {"both": True}),
    ("both, 6 of 8", {"both": True, "common": 6}),
    ("logistic, 6 of 8", {"family": "logistic", "common": 6}),
    ("poisson, both", {"family": "poisson", "both": True}),
)


def main(reps: int) -> None:
    """Write the table as it goes."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    rules = ("density-ratio", "threshold", "standard", "no-marginal")
    for name, found in equivocal_results(reps, rules).items():
        say(found.row(name))
    for name, settings in MATCHING_DESIGNS:
        blocks = 100 if name in ("joint", "linkage only") else 50
        found, oracle = matching_results(reps // 8, blocks, **settings)
        say(oracle.row(f"{name}: true links"))
        say(found.row(name))


if __name__ == "__main__":
    main(int(sys.argv[1]))
