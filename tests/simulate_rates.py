"""Generators of simulations with known error rates: audits, mixtures, lists, linkages by chance agreement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AUDIT_SIZES = (8000, 1500, 500, 700, 5000, 200_000)
AUDIT_MATCHES = (7990, 1440, 350, 200, 100, 20)
AUDIT_LINKS = (True, True, True, False, False, False)


def judged_matches(judged: Ints, random: np.random.Generator) -> Ints:
    """Matches among the judged pairs of each stratum of the specification's audit."""
    sizes, matches = np.array(AUDIT_SIZES), np.array(AUDIT_MATCHES)
    return random.hypergeometric(matches, sizes - matches, judged)


def mixture_site(
    n: int, random: np.random.Generator, false: float = 0.05
) -> tuple[Floats, NDArray[np.bool_]]:
    """Weights of links whose squares (Box-Cox power 2, from 0) are normal, and which are right."""
    right = random.random(n) >= false
    z = np.where(right, random.normal(400, 60, n), random.normal(200, 75, n))
    return np.sqrt(np.maximum(z, 1e-3)), right


def linked_lists(random: np.random.Generator) -> tuple[int, int, int, int]:
    """Sizes of two lists of 10,000 persons (80 % and 70 %), their links with errors, their overlap."""
    one, two = random.random(10_000) < 0.8, random.random(10_000) < 0.7
    both = int((one & two).sum())
    linked = random.binomial(both, 0.92) + random.binomial(int(one.sum()) - both, 0.03)
    return int(one.sum()), int(two.sum()), int(linked), both


def linked_survey(n: int, random: np.random.Generator) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """x (n, 2) with a column of ones, y, and which records are linked: the more often the larger x is."""
    x = random.normal(0, 1, n)
    y = 1 + 0.5 * x + random.normal(0, 1, n)
    linked = random.random(n) < 1 / (1 + np.exp(-0.6 - 0.5 * x))
    return np.column_stack([np.ones(n), x]), y, linked


def chance_weights(
    m: Floats, u: Floats, n: int, n_blocks: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Weights of all pairs of blocks of n records a side, every pattern drawn; matches on the diagonal."""
    agree = random.random((n_blocks, n, n, len(m))) < u
    own = np.arange(n)
    agree[:, own, own] = random.random((n_blocks, n, len(m))) < m
    return np.where(agree, np.log(m / u), np.log((1 - m) / (1 - u))).sum(axis=-1)
