"""What the user should know of an estimate, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.blocking.passes import AnyPass, BlockingKey, PairTable
from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.em import Fit
from tallystick.estimation.factors import Selection
from tallystick.estimation.settings import Estimation
from tallystick.patterns.plan import PairPlan

FEW = 3.0
"""A gain in log-likelihood of less, a ratio of 20, is no clear sign of matches."""


def cautions(
    comparisons: Sequence[Comparison],
    passes: Sequence[AnyPass],
    plan: PairPlan,
    selection: Selection,
    fit: Fit,
    settings: Estimation,
    matches_held: bool = False,
) -> list[str]:
    """Sentences on what an estimate rests on.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.
    passes : sequence of passes
        The passes.
    plan : PairPlan
        The plan.
    selection : Selection
        Which patterns are selected.
    fit : Fit
        What EM found.
    settings : Estimation
        Its settings.
    matches_held : bool
        Whether the number of matches was known beforehand, so that it is no finding.

    Returns
    -------
    list of str
    """
    found = []
    if not fit.converged:
        found.append(
            f"EM stopped at the cap of {settings.max_iterations} iterations without converging: raise "
            "max_iterations or look at the comparisons before relying on the estimates."
        )
    found += _on_matches(plan, fit, matches_held)
    everywhere = blocked_everywhere(comparisons, passes)
    for comparison in everywhere:
        found.append(
            f"Comparison {comparison}: every pass blocks on its field, so its m-probability cannot be "
            "estimated from these pairs: add a pass without the field, give m, or leave the comparison out."
        )
    found += _on_keys(comparisons, plan, selection, everywhere)
    if any(isinstance(one, PairTable) for one in passes) and not plan.blocking.compares_all:
        found.append(
            "A pass is a table of pairs: how it was chosen is not known, so the matches that no pass "
            "finds are not estimated, and m holds for the candidate pairs."
        )
    return found


def _on_matches(plan: PairPlan, fit: Fit, held: bool) -> list[str]:
    """Numbers of matches that cannot be relied on."""
    found: list[str] = []
    if held:
        return found
    gain = fit.log_likelihood[-1] - fit.without_matches
    if gain < FEW:
        found.append(
            "The pairs fit a model without any match nearly as well (log-likelihood lower by "
            f"{max(gain, 0):.1f}): there may be few matches or none, and m is mostly the prior."
        )
    found += [
        f"EM expects {matches:,.0f} matches where the smaller file has {most:,} records: unless they "
        "have many duplicates, other pairs pass for matches; add comparisons that tell records apart."
        for matches, most in too_many_matches(plan, fit)
    ]
    return found


def too_many_matches(plan: PairPlan, fit: Fit) -> list[tuple[float, int]]:
    """Expected matches of pairs of sources, and records of the smaller, where they are more than these.

    Parameters
    ----------
    plan : PairPlan
        The plan.
    fit : Fit
        What EM found.

    Returns
    -------
    list of (float, int)
    """
    sizes = np.diff(plan.blocking.offsets)
    return [
        (float(matches), int(min(sizes[s], sizes[t])))
        for (s, t), matches in zip(plan.blocking.source_pairs, fit.matches, strict=True)
        # Within a file an entity of k records has k (k - 1) / 2 pairs.
        if s != t and matches > 1.1 * min(sizes[s], sizes[t])
    ]


def _on_keys(
    comparisons: Sequence[Comparison], plan: PairPlan, selection: Selection, everywhere: Sequence[str]
) -> list[str]:
    """Blocking fields of which the estimate says less than it may seem."""
    found = []
    even = [np.full(factor.n_cells, 1.0 / factor.n_cells) for factor in selection.factors]
    _, selected = selection.probabilities(even)
    parts = [
        (part, chance[factor.bits_of(number) == 0])
        for factor, chance in zip(selection.factors, selected, strict=True)
        for number, part in enumerate(factor.parts)
    ]
    for factor, disagreeing in parts:
        if not factor.keys:
            continue
        field = plan.key_parts[factor.keys[0]].field
        name = None if factor.comparison is None else comparisons[factor.comparison].name
        if name not in everywhere and not disagreeing.any():
            found.append(
                f"Every pass blocks on the field {field}, so matches that disagree on it cannot be counted: "
                "their number is an assumption until another pass does without the field."
            )
        if name is None:
            found.append(
                f"Field {field} is blocked on but not compared: agreement on it adds nothing to weights and "
                "posteriors, which are too low for pairs that it finds; add a comparison of it."
            )
    return found


def blocked_everywhere(comparisons: Sequence[Comparison], passes: Sequence[AnyPass]) -> list[str]:
    """Names of comparisons on a field on which, as it is, every pass blocks.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.
    passes : sequence of passes
        The passes.

    Returns
    -------
    list of str
    """
    if not passes or not all(isinstance(one, BlockingKey) for one in passes):
        return []
    shared = set.intersection(
        *(
            {part.field for part in one.parts if part.transform == "value"}
            for one in passes
            if isinstance(one, BlockingKey)
        )
    )
    return [
        one.name
        for one in comparisons
        if all(leaf.left == leaf.right and set(leaf.left) <= shared for leaf in one.leaves())
    ]
