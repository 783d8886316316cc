"""Whether the labels are what the fitted model expects of the labelled pairs.

How pairs were drawn for labelling is not known here, and those that `tallystick gold` draws are mostly
doubtful ones: so shares among them are no shares among all matches. But given its pattern a labelled pair
matches with the posterior p of that pattern, however the pattern was chosen. So of the labelled pairs that
show a level, sum p should match, with the variance sum p (1 - p); the difference is the score of m at that
level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.em import TINY, Fit
from tallystick.estimation.joint import Joint
from tallystick.estimation.labelled import Labels
from tallystick.estimation.posteriors import posteriors
from tallystick.estimation.table import Table

SURE = 4.0
"""Standard errors beyond which a difference is no chance."""
LARGE = 0.05
"""Share of the labelled matches below which a difference is of no account."""
FEW = 3.0
"""And so is a difference of fewer pairs: the clerk's slips."""
MOST = 3
"""Comparisons that a sentence names."""


def label_cautions(
    comparisons: Sequence[Comparison], labels: Labels, table: Table, fit: Fit, alone: bool
) -> list[str]:
    """Sentences on labels that the model does not account for.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.
    labels : Labels
        The labelled pairs.
    table : Table
        The patterns, with ``known``.
    fit : Fit
        What EM found.
    alone : bool
        Whether m is that of the labels alone.

    Returns
    -------
    list of str
    """
    known = table.known
    assert known is not None
    found = []
    left_out = int((labels.match & (known.rows < 0)).sum() - known.outside.sum())
    if left_out:
        found.append(
            f"{left_out:,} labelled matches are found by no pass and are left out, since it is not known how "
            "a table of pairs was chosen."
        )
    if known.apart.any():
        return [
            *found,
            "No labelled pair is a non-match: the labels are taken for a random sample of the matches; "
            "matches that were known because they are easy make m too high.",
        ]
    seen = known.rows >= 0
    chance = posteriors(table, fit).match[known.rows[seen]]
    match = labels.match[seen]
    large = max(FEW, LARGE * match.sum())
    differing = []
    for factor, start, cells in zip(table.factors, table.starts, known.cells[seen].T, strict=False):
        # Of comparisons that are estimated together the levels are not told apart here.
        if isinstance(factor, Joint) or factor.comparison is None:
            continue
        level = factor.level[cells - start]
        sums = [
            np.bincount(level, weights=values, minlength=factor.n_levels + 1)[: factor.n_levels]
            for values in (match, chance, chance * (1.0 - chance))
        ]
        apart = np.abs(sums[0] - sums[1])
        z = np.where(apart > large, apart / np.sqrt(np.maximum(sums[2], TINY)), 0.0)
        worst = int(z.argmax())
        if z[worst] > SURE:
            comparison = comparisons[factor.comparison]
            label = f"{comparison.name} “{comparison.labels[worst]}”"
            differing.append((z[worst], f"{label} ({sums[0][worst]:,.0f}, not {sums[1][worst]:,.0f})"))
    if differing:
        differing.sort(reverse=True)
        found.append(
            f"The labels disagree with the model: of the {len(match):,} labelled pairs that a pass finds "
            f"{int(match.sum()):,} match where it expects {chance.sum():,.0f}, most apart at "
            + "; ".join(text for _, text in differing[:MOST])
            + ": look at these comparisons, and at whether they depend on each other"
            + ("." if alone else ', or take m from the labels alone (labels_use = "alone").')
        )
    return found
