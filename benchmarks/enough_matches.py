"""How often EM finds the number of matches within a factor of 2, and how often it warns; prints a table.

Patterns of 10 million independent pairs with comparisons of two levels, all with the same m and u: what the
table of docs/guide/estimation.md on the share of matches rests on. Takes some minutes.
"""

from __future__ import annotations

import numpy as np

import tallystick as ts
from tallystick.estimation.em import Given, fit_em
from tallystick.estimation.factors import Factor, selection_of
from tallystick.estimation.identified import LARGEST_ERROR, precision_of
from tallystick.estimation.marginals import marginals_of_counts
from tallystick.estimation.table import table_of
from tallystick.patterns.coding import PatternCoding
from tallystick.patterns.count import PatternCounts

PAIRS = 1e7
FILES = 12
DESIGNS = [(3, 0.9, 0.1), (4, 0.85, 0.1), (5, 0.9, 0.05), (7, 0.9, 0.03)]
SHARES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def drawn(n: int, m: float, u: float, share: float, random: np.random.Generator) -> PatternCounts:
    """Counts of the patterns of one simulated linkage."""
    coding = PatternCoding((2,) * n)
    patterns = np.arange(coding.size)
    digits = coding.decode(patterns)
    patterns, digits = (one[(digits < 2).all(axis=1)] for one in (patterns, digits))
    agree = digits.sum(axis=1)
    among_matches, among_others = (p**agree * (1 - p) ** (n - agree) for p in (m, u))
    mean = PAIRS * (share * among_matches + (1 - share) * among_others)
    counts = random.poisson(mean)
    seen = counts > 0
    nothing = np.zeros(int(seen.sum()), np.int64)
    return PatternCounts(coding, nothing, nothing, patterns[seen], counts[seen])


def main() -> None:
    settings = ts.Estimation(related="none", max_iterations=3000)
    print("| comparisons | m | u | share of matches | within a factor of 2 | warned | share needed |")
    print("|---|---|---|---|---|---|---|")
    for n, m, u in DESIGNS:
        factors = tuple(Factor(k, (), 2) for k in range(n))
        selection = selection_of([ts.all_pairs()], (), factors)
        given = Given((None,) * n, (None,) * n)
        random = np.random.default_rng(0)
        for share in SHARES:
            near, warned, needed = 0, 0, []
            for _ in range(FILES):
                counts = drawn(n, m, u, share, random)
                table = table_of(counts, factors, marginals_of_counts(counts, factors))
                start = np.array([max(2 * share * PAIRS, 100.0)])
                fit = fit_em(table, selection, given, start, settings)
                found = precision_of(table, selection, given, fit, settings, True)
                near += abs(np.log(fit.matches[0] / (share * PAIRS))) < np.log(2)
                warned += found.error > LARGEST_ERROR
                needed += [found.needed] if found.needed else []
            share_needed = f"{np.median(needed):.1e}" if needed else ""
            print(f"| {n} | {m} | {u} | {share:.0e} | {near}/{FILES} | {warned}/{FILES} | {share_needed} |")


if __name__ == "__main__":
    main()
