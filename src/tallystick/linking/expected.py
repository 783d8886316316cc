"""How many matches are expected among some pairs, how unsure that is, and how it moves with the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Links
from tallystick.estimation.parameters import Parameters
from tallystick.linking.constraints import constraint_of, zero_slope

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Expected:
    """Expected matches among some pairs.

    Attributes
    ----------
    pairs : float
        Number of pairs.
    matches : float
        Sum of their posteriors p.
    doubt : float
        Sum of q = p (1 - p): the variance of the number of matches among them, were the model known and pairs
        independent.
    by_level : float64 array, shape (n_comparisons, largest radix)
        Sum of q by level of every comparison.
    by_source_pair : float64 array, shape (n_source_pairs,)
        Sum of q by pair of sources.
    """

    pairs: float
    matches: float
    doubt: float
    by_level: Floats
    by_source_pair: Floats

    def __sub__(self, other: Expected) -> Expected:
        """The pairs without those of a part of them."""
        return Expected(
            self.pairs - other.pairs,
            self.matches - other.matches,
            max(0.0, self.doubt - other.doubt),
            self.by_level - other.by_level,
            self.by_source_pair - other.by_source_pair,
        )


def expected_matches(
    parameters: Parameters,
    digits: NDArray[np.uint8],
    source_pair: NDArray[np.int64],
    posterior: Floats,
    times: NDArray[np.int64] | None = None,
) -> Expected:
    """Expected matches among pairs, or patterns of pairs.

    Parameters
    ----------
    parameters : Parameters
        The model.
    digits : uint8 array, shape (n, n_comparisons)
        Levels of the comparisons.
    source_pair : int64 array, shape (n,)
        Pair of sources.
    posterior : float64 array, shape (n,)
        Probability of a match.
    times : int64 array, shape (n,), optional
        How many pairs each stands for.

    Returns
    -------
    Expected
    """
    number = np.ones(len(posterior)) if times is None else times.astype(np.float64)
    doubt = number * posterior * (1.0 - posterior)
    width = parameters.level_weights.shape[1]
    by_level = [np.bincount(digits[:, k], weights=doubt, minlength=width) for k in range(digits.shape[1])]
    n_pairs = max(1, len(parameters.pairs))
    return Expected(
        float(number.sum()),
        float((number * posterior).sum()),
        float(doubt.sum()),
        np.array(by_level),
        np.asarray(np.bincount(source_pair, weights=doubt, minlength=n_pairs), np.float64),
    )


def shared_doubt(posterior: Floats, left: NDArray[np.int32], right: NDArray[np.int32]) -> float:
    """By how much a number of matches varies more as pairs share records: chance agreements come together.

    Parameters
    ----------
    posterior : float64 array, shape (n,)
        Probability of a match, p.
    left, right : int32 arrays, shape (n,)
        Global rows.

    Returns
    -------
    float
        Sum of the products of p (1 - p) of any two pairs with a record in common.

    Examples
    --------
    >>> one, other = np.array([0, 0], np.int32), np.array([5, 6], np.int32)
    >>> shared_doubt(np.array([0.5, 0.5]), one, other)
    0.125
    """
    doubt = posterior * (1.0 - posterior)
    by_record = np.bincount(np.concatenate([left, right]), weights=np.concatenate([doubt, doubt]))
    return float(by_record @ by_record - 2.0 * doubt @ doubt)


def gradient(parameters: Parameters, expected: Expected, links: Links) -> Floats:
    """By how much expected matches move with the model, in the order of `Uncertainty.covariance`.

    The log odds of a pair are its weight, the sum of log m - log u, plus those of the match rate: so their
    derivatives by m and u of a level are 1 / m and -1 / u, and by log E they are 1, or where pairs compete
    for records -E times the derivative of the no-link constant, or of the weight of "none". What related
    records and competing pairs change of that is left out.

    Parameters
    ----------
    parameters : Parameters
        The model.
    expected : Expected
        Of the pairs.
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        What the decision asks of links: the posteriors are those of pairs that compete so.

    Returns
    -------
    float64 array
    """
    by_m, by_u = [], []
    for one, doubt in zip(parameters.comparisons, expected.by_level, strict=True):
        own = doubt[: len(one.labels)]
        by_m.append(own / np.array(one.m))
        by_u.append(-own / np.array(one.u))
    slopes = [zero_slope(pair, constraint_of(links, pair)) for pair in parameters.pairs]
    return np.concatenate([*by_m, *by_u, expected.by_source_pair * np.array(slopes)])
