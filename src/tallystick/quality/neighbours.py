"""Error rates from how many records of the other file each record is linked to: no labels, no fields.

Before links are made one-to-one, a record i has k_i neighbours: records of the other file whose pairs
with it reach a threshold. Its own match is among them with chance p; false neighbours come beside it, few
out of many, so that their number is Poisson with mean lambda_i:

    k_i = Bernoulli(p) + Poisson(lambda_i).

A record without neighbours has lost its match, one with two or more has a false one, and how often each
happens tells p and lambda apart (Blakely and Salmond 2002 count duplicates so; the model is that of Dasylva
and Goussanou 2021). Names are common or rare, so records differ in lambda: it takes one of G values, p is
common to all, and G is chosen by the Bayesian information criterion (Dasylva and Goussanou 2022).

It assumes that the other file has no duplicates, that a record's chance of being linked to its match does
not go with its lambda, and that records are linked independently of each other. It knows nothing of
comparisons, of weights, and of their independence, which is what makes it a check of the model that decided.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.parameters import NORMAL_95
from tallystick.quality.neighbour_likelihood import (
    CHI2,
    FURTHEST,
    Counts,
    Floats,
    derivatives,
    given_counts,
    likelihood_limit,
    log_chances,
    maximise,
    parameters_of,
    parts_of,
    split_starts,
)
from tallystick.quality.whole_numbers import whole_limits

MOST_CLASSES = 8
VAGUE = 2.0
"""A standard error of the logit beyond which the likelihood is no parabola: intervals go by its ratio."""
AT_BOUNDARY = 1e-7
"""A chance, or a mean number of false neighbours, this small is at its bound."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its error.

    Attributes
    ----------
    value : float
        The estimate.
    se : float or None
        Standard error; None where the estimate is at the bound of its range.
    low, high : float
        95 % interval.
    """

    value: float
    se: float | None
    low: float
    high: float

    def times(self, n: float) -> Estimate:
        """The figure multiplied by a constant."""
        return Estimate(self.value * n, None if self.se is None else self.se * n, self.low * n, self.high * n)


@dataclass(frozen=True)
class NeighbourModel:
    """The model fitted to counts of neighbours.

    Attributes
    ----------
    counts : tuple of int
        Number of records with 0, 1, 2, ... neighbours.
    linked : Estimate
        p, the chance of a record to be linked to its match. Where the other file holds a match of every
        record it is the recall of the pairs; else the chance to have a match and be linked to it.
    true_links : Estimate
        Number of the pairs that are matches; the interval is for the number among these very pairs.
    means, shares : tuple of float
        Mean number of false neighbours of each class of records, from the smallest, and the classes' shares.
    log_likelihood : float
        Of the fitted model.
    bic : tuple of float
        Bayesian information criterion of 1, 2, ... classes; the smallest was chosen.
    """

    counts: tuple[int, ...]
    linked: Estimate
    true_links: Estimate
    means: tuple[float, ...]
    shares: tuple[float, ...]
    log_likelihood: float
    bic: tuple[float, ...]

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(self.counts)

    @property
    def pairs(self) -> int:
        """Number of pairs that were counted."""
        return sum(k * n for k, n in enumerate(self.counts))

    @property
    def false_neighbours(self) -> float:
        """Mean number of false neighbours of a record, lambda."""
        return float(np.dot(self.shares, self.means))

    @property
    def precision(self) -> Estimate | None:
        """Share of the pairs that are matches, p / (p + lambda); None without pairs."""
        return self.true_links.times(1 / self.pairs) if self.pairs else None

    @property
    def recall(self) -> Estimate:
        """Share of the records that are linked to their match, where the other file holds one of each."""
        return self.true_links.times(1 / self.records)

    @property
    def expected_counts(self) -> tuple[float, ...]:
        """What the model expects in place of `counts`."""
        theta = parameters_of(self.linked.value, np.array(self.means), np.array(self.shares))
        log_f = log_chances(theta, np.arange(len(self.counts)))
        return tuple(float(self.records * np.exp(log_f[k]).sum()) for k in range(len(self.counts)))

    def type1(self, n_other: int) -> float | None:
        """Chance of a pair of records that are no match to reach the threshold.

        Parameters
        ----------
        n_other : int
            Number of records of the other file. All but one are no match of a record, where the file
            holds a match of each; where it does not, that one is 1 in `n_other` too many.

        Returns
        -------
        float or None
            lambda / (n_other - 1); None where the other file has a single record.
        """
        return self.false_neighbours / (n_other - 1) if n_other > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Figures and fit, for JSON."""
        return {
            "records": self.records,
            "pairs": self.pairs,
            "counts": list(self.counts),
            "expected_counts": list(self.expected_counts),
            "linked": asdict(self.linked),
            "true_links": asdict(self.true_links),
            "precision": asdict(self.precision) if self.precision else None,
            "classes": [{"share": a, "mean": b} for a, b in zip(self.shares, self.means, strict=True)],
            "log_likelihood": self.log_likelihood,
            "bic": list(self.bic),
        }


def count_neighbours(rows: NDArray[np.integer[Any]], n_records: int) -> NDArray[np.int64]:
    """How many records have 0, 1, 2, ... neighbours.

    Parameters
    ----------
    rows : integer array, shape (n_pairs,)
        Row, in the file whose records are counted, of each pair at or above the threshold.
    n_records : int
        Number of records of that file.

    Returns
    -------
    int64 array, shape (most + 1,)
        From 0 to the largest number of neighbours of any record.

    Examples
    --------
    >>> count_neighbours(np.array([0, 0, 2]), 4).tolist()
    [2, 1, 1]
    """
    return np.bincount(np.bincount(rows, minlength=n_records))


def moments(counts: NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Estimate p and lambda from mean and variance alone, all records with the same lambda.

    The mean is p + lambda and the variance p (1 - p) + lambda, so the mean less the variance is p squared
    (Blakely and Salmond 2002, whose idea it is to count duplicates; Dasylva and Goussanou 2021).
    Records that differ in lambda add to the variance, and p comes out too small.

    Parameters
    ----------
    counts : integer array, shape (n,)
        Number of records with 0, 1, 2, ... neighbours; at least one record.

    Returns
    -------
    p : float
        0 where the variance exceeds the mean.
    false_neighbours : float

    Examples
    --------
    Table of Dasylva and Goussanou (2021):

    >>> p, false_neighbours = moments(np.array([1659, 53951, 6875, 603, 62, 5]))
    >>> round(1 - p, 4)
    0.0343
    """
    number, total = np.arange(len(counts)), counts.sum()
    mean = float(number @ counts) / total
    variance = float((number - mean) ** 2 @ counts) / total
    p = min(float(np.sqrt(max(mean - variance, 0.0))), mean)
    return p, mean - p


def fit_neighbours(counts: NDArray[np.integer[Any]], most_classes: int = MOST_CLASSES) -> NeighbourModel:
    """Fit the model by maximum likelihood, with as many classes of records as the counts speak for.

    The probability of k neighbours is the sum over the classes g, of shares a_g, of
    ``a_g [(1 - p) Pois(k; lambda_g) + p Pois(k - 1; lambda_g)]`` (Dasylva and Goussanou 2022). The likelihood
    is maximised over logit p, log lambda_g and log-ratios of a_g, with its exact gradient and second
    derivatives (Louis 1982, equations 3.1 and 3.2): EM needs thousands of steps here. Classes are added as
    long as the Bayesian information criterion, -2 log L + 2 G log n for the 2 G parameters, falls.

    Standard errors of the parameters are from the observed information, the records being independent; what
    the choice of G adds is not in them. The number of true pairs, T, is not a parameter: its error is that of
    its prediction, the variance of T given the counts of neighbours, n E[r (1 - r)] with r the chance
    that a record's match is among its k neighbours, and that of E[T] by the parameters, D' I^-1 D with
    D = dE[T | counts]/d parameters. The interval of p is symmetric on the logit scale; that of T holds
    whole numbers, by a gamma distribution of the true pairs or of the records that have none but false
    neighbours, whichever are fewer. Where p or lambda is at the bound of its range, or p can hardly be told,
    intervals end where the likelihood ratio does (2 log L falls by 3.84) and there is no standard error.

    Parameters
    ----------
    counts : integer array, shape (n,)
        Number of records with 0, 1, 2, ... neighbours.
    most_classes : int
        Most classes that are tried.

    Returns
    -------
    NeighbourModel

    Raises
    ------
    ValueError
        Where a count is negative, or there is no record.

    Examples
    --------
    Table of Dasylva and Goussanou (2021), 63,155 records: the false negative rate and the classes.

    >>> model = fit_neighbours(np.array([1659, 53951, 6875, 603, 62, 5]))
    >>> round(1 - model.linked.value, 4), len(model.means)
    (0.0299, 2)
    """
    counts = np.trim_zeros(np.asarray(counts, np.int64), "b")
    if (counts < 0).any() or not counts.sum():
        raise ValueError("counts are numbers of records, from 0 up: give those of at least one record")
    weights, number, n = counts.astype(np.float64), np.arange(len(counts)), float(counts.sum())
    if len(counts) == 1:  # no record has a neighbour: there is no pair to say anything of
        none = Estimate(0.0, None, 0.0, 1.0 - float(np.exp(-CHI2 / 2 / n)))
        return NeighbourModel((int(n),), none, none.times(0.0), (0.0,), (1.0,), 0.0, (0.0,))
    p, false_neighbours = moments(counts)
    start = parameters_of(np.clip(p, 0.05, 0.95), np.array([max(false_neighbours, 0.01)]), np.ones(1))
    best, found = maximise([start], number, weights)
    bic = [2 * np.log(n) - 2 * found]
    # Of the chances of 0 to the most neighbours, and of more, all but one are free.
    for n_classes in range(2, min(most_classes, len(counts) // 2) + 1):
        theta, value = maximise(split_starts(best, len(counts) - 1), number, weights)
        if parts_of(theta)[1].max() > number[-1]:  # a class without records, whose mean runs away
            break
        bic.append(2 * n_classes * np.log(n) - 2 * value)
        if bic[-1] >= min(bic[:-1]):
            break
        best, found = theta, value
    p, means, shares = parts_of(best)
    order = np.argsort(means)
    return NeighbourModel(
        tuple(counts.tolist()),
        *_estimates(best, found, number, weights),
        tuple(float(one) if one > AT_BOUNDARY and len(number) > 2 else 0.0 for one in means[order]),
        tuple(shares[order].tolist()),
        found,
        tuple(float(one) for one in bic),
    )


def _estimates(theta: Floats, found: float, number: Counts, weights: Floats) -> tuple[Estimate, Estimate]:
    """Chance of a link to the match, and the number of pairs that are matches, with their errors."""
    p, means, shares = parts_of(theta)
    total, pairs, linked_records = (float(one @ weights) for one in (number >= 0, number, number > 0))
    information = -derivatives(theta, number, weights)[2]
    free = np.concatenate([[True], shares * means > AT_BOUNDARY, shares[1:] > AT_BOUNDARY])
    covariance = np.zeros_like(information)
    covariance[np.ix_(free, free)] = np.linalg.pinv(information[np.ix_(free, free)], hermitian=True)
    if p * (1 - p) < AT_BOUNDARY or covariance[0, 0] > VAGUE**2:
        limits = [float(p > 0.5), float(p > 0.5)]
        for end, side in enumerate((-1, 1)):
            if side * (p - 0.5) < 0.5 - AT_BOUNDARY:
                limits[end] = _share(likelihood_limit(theta, found, number, weights, 0, side))
        linked = Estimate(p, None, *limits)
        low, high = np.floor(limits[0] * total), np.ceil(limits[1] * total)
        true = min(p * total, linked_records)
        return linked, Estimate(true, None, float(min(low, true)), float(min(high, linked_records)))
    linked = _on_logits(p, float(covariance[0, 0]))
    if len(number) == 2:  # no record has two neighbours, which is to say that lambda is 0
        limit = likelihood_limit(theta, found, number, weights, 1, 1)
        furthest, _ = maximise([theta], number, weights, (1, limit))
        false = weights[1:] @ given_counts(furthest, number)[1][1:, ::2].sum(axis=1)
        return linked, Estimate(pairs, None, pairs - float(np.ceil(false)), pairs)
    # Whether a record's match is among its neighbours is not known, and the parameters are not, either.
    _, chance, score = given_counts(theta, number)
    matched = chance[:, 1::2].sum(axis=1)
    slope = weights @ np.einsum("ks,ksi->ki", chance[:, 1::2], score[:, 1::2])
    slope -= (weights * matched) @ np.einsum("ks,ksi->ki", chance, score)
    variance = float(weights @ (matched * (1 - matched)) + slope @ covariance @ slope)
    return linked, _number(float(weights @ matched), variance, linked_records)


def _share(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -FURTHEST, FURTHEST))))


def _on_logits(share: float, variance: float) -> Estimate:
    """A share with the variance of its logit."""
    logit, se = np.log(share) - np.log1p(-share), np.sqrt(max(variance, 0.0))
    low, high = (_share(logit + side * NORMAL_95 * se) for side in (-1, 1))
    return Estimate(share, float(share * (1 - share) * se), low, high)


def _number(mean: float, variance: float, most: float) -> Estimate:
    """A whole number from 0 to `most`: a gamma distribution from its nearer end, rounded outwards."""
    near = min(mean, most - mean)
    if near <= 0 or variance <= 0:
        return Estimate(mean, None, mean, mean)
    low, high = whole_limits(near, variance)
    high = min(high, most)
    if near < mean:
        low, high = most - high, most - low
    return Estimate(mean, float(np.sqrt(variance)), low, high)
