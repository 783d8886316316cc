"""Parameters and counts of patterns drawn at random, where only their arithmetic matters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

NAMES = ("name", "town", "born")
PAIRS = (
    PairOfSources("a", "b", 300, 400, 120_000, 0, 250.0, -6.0, 30.0, 0.002),
    PairOfSources("a", "c", 300, 50, 15_000, 0, 40.0, -4.5, 10.0, 0.01),
)


def some_parameters(random: np.random.Generator, related: bool, n_pairs: int) -> Parameters:
    comparisons = []
    for name in NAMES:
        m, u, r = (random.dirichlet(np.ones(3)) for _ in range(3))
        comparisons.append(
            ComparisonParameters(
                name, ("else", "near", "same"), tuple(m), tuple(u), "given", "given", tuple(r), 0.5
            )
        )
    pairs = PAIRS[:n_pairs] if related else tuple(replace(one, related_share=0.0) for one in PAIRS[:n_pairs])
    return Parameters(
        tuple(comparisons), pairs, selected_matches=0.9, related_share=0.003 if related else 0.0
    )


def some_counts(random: np.random.Generator, n_pairs: int) -> PatternCounts:
    coding = PatternCoding((3, 3, 3))
    rows = [(k, pattern) for k in range(n_pairs) for pattern in range(coding.size)]
    chosen = sorted(random.choice(len(rows), min(len(rows), 40), replace=False).tolist())
    source, pattern = (np.array([rows[at][k] for at in chosen], np.int64) for k in (0, 1))
    return PatternCounts(
        coding, source, np.zeros(len(source), np.int64), pattern, random.integers(1, 300, len(source))
    )
