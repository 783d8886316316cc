"""Plain twins of the estimation: enumeration instead of sums, and EM in dictionaries and loops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

from tallystick.blocking.passes import BlockingKey, KeyPart
from tallystick.estimation.factors import Factor

Pattern = tuple[int, ...]


def selected(passes: Sequence[BlockingKey], parts: Sequence[KeyPart], agrees: Mapping[int, bool]) -> bool:
    """Whether some pass finds a pair that agrees on the key parts so."""
    return any(all(agrees[parts.index(part)] for part in one.parts) for one in passes)


def selection_probabilities(
    factors: Sequence[Factor],
    parts: Sequence[KeyPart],
    passes: Sequence[BlockingKey],
    cells: Sequence[Sequence[float]],
) -> tuple[float, list[list[float]]]:
    """Chance of selection, in all and given each cell of each factor, over every combination of cells."""
    total = 0.0
    joint = [[0.0] * len(one) for one in cells]
    for combination in product(*(range(len(one)) for one in cells)):
        chance = math.prod(one[cell] for one, cell in zip(cells, combination, strict=True))
        agrees = {
            key: bool(cell // (factor.n_levels + 1) >> k & 1)
            for factor, cell in zip(factors, combination, strict=True)
            for k, key in enumerate(factor.keys)
        }
        if not factors or not parts or selected(passes, parts, agrees):
            total += chance
            for number, cell in enumerate(combination):
                joint[number][cell] += chance
    given = [
        [part / whole if whole > 0 else math.nan for part, whole in zip(sums, one, strict=True)]
        for sums, one in zip(joint, cells, strict=True)
    ]
    return total, given


def em(
    counts: Mapping[Pattern, float],
    n_levels: Sequence[int],
    m: Sequence[Sequence[float]],
    matches: float,
    prior: float = 0.0,
    iterations: int = 200,
) -> tuple[list[list[float]], list[list[float]], float, list[float], list[float]]:
    """EM of Fellegi and Sunter's model with free u on the patterns of all pairs; missing is n_levels.

    Returns m, u, expected matches, and the paths of the log-likelihood and of its penalised form, in which
    m has a Dirichlet prior of `prior` pairs shaped as its start.
    """
    n = sum(counts.values())
    start = [list(one) for one in m]
    m = [list(one) for one in m]
    u = []
    for k, size in enumerate(n_levels):
        seen = [sum(c for pattern, c in counts.items() if pattern[k] == level) for level in range(size)]
        u.append([one / sum(seen) for one in seen])
    rate = matches / n
    path, penalised = [], []
    for _ in range(iterations):
        of_match = [[0.0] * size for size in n_levels]
        of_other = [[0.0] * size for size in n_levels]
        total = value = 0.0
        for pattern, count in counts.items():
            p, q = rate, 1 - rate
            for k, level in enumerate(pattern):
                if level < n_levels[k]:
                    p *= m[k][level]
                    q *= u[k][level]
            value += count * math.log(p + q)
            share = p / (p + q)
            total += count * share
            for k, level in enumerate(pattern):
                if level < n_levels[k]:
                    of_match[k][level] += count * share
                    of_other[k][level] += count * (1 - share)
        path.append(value)
        penalised.append(
            value
            + prior
            * sum(
                s * math.log(p) for a, b in zip(start, m, strict=True) for s, p in zip(a, b, strict=True) if s
            )
        )
        rate = total / n
        for k in range(len(n_levels)):
            of_match[k] = [a + prior * b for a, b in zip(of_match[k], start[k], strict=True)]
        m = [[one / sum(levels) for one in levels] for levels in of_match]
        u = [[one / sum(levels) for one in levels] for levels in of_other]
    return m, u, rate * n, path, penalised


def em_with_related(
    counts: Mapping[Pattern, float],
    n_levels: Sequence[int],
    m: Sequence[Sequence[float]],
    matches: float,
    prior: float,
    iterations: int,
) -> tuple[list[list[float]], list[list[float]], list[float], float, float, list[float]]:
    """EM with a third class of non-matches, which have the value of field k in common with chance s[k].

    Returns m, u, s, expected matches and related pairs, and the path of the log-likelihood.
    """
    n = sum(counts.values())
    fields = range(len(n_levels))
    start = [list(one) for one in m]
    m = [list(one) for one in m]
    u = []
    for k, size in enumerate(n_levels):
        seen = [sum(c for pattern, c in counts.items() if pattern[k] == level) for level in range(size)]
        u.append([one / sum(seen) for one in seen])
    s = [0.5] * len(n_levels)
    rates = [min(matches / n, 1 / 3)] * 2
    path = []
    for _ in range(iterations):
        sums = [[[0.0] * size for size in n_levels] for _ in range(3)]  # unrelated, matches, related
        shared, related = [0.0 for _ in fields], [0.0 for _ in fields]
        totals = [0.0] * 3
        value = 0.0
        for pattern, count in counts.items():
            chance = [1 - sum(rates), *rates]
            for k, level in enumerate(pattern):
                if level < n_levels[k]:
                    r = s[k] * m[k][level] + (1 - s[k]) * u[k][level]
                    for c, p in enumerate((u[k][level], m[k][level], r)):
                        chance[c] *= p
            value += count * math.log(sum(chance))
            for c in range(3):
                own = count * chance[c] / sum(chance)
                totals[c] += own
                for k, level in enumerate(pattern):
                    if level < n_levels[k]:
                        sums[c][k][level] += own
                        if c == 2:
                            r = s[k] * m[k][level] + (1 - s[k]) * u[k][level]
                            shared[k] += own * s[k] * m[k][level] / r
                            related[k] += own
        path.append(value)
        rates = [totals[1] / n, totals[2] / n]
        s = [min(max(a / b, 1e-6), 1 - 1e-6) for a, b in zip(shared, related, strict=True)]
        for k in fields:
            added = [a + prior * b for a, b in zip(sums[1][k], start[k], strict=True)]
            m[k] = [one / sum(added) for one in added]
            u[k] = [one / sum(sums[0][k]) for one in sums[0][k]]
    return m, u, s, totals[1], totals[2], path
