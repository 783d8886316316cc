"""Comparisons whose fields an index reads together: they are estimated together, and weigh each on its own.

Whether a MinHash index of forename and surname finds a pair says something of both comparisons at once. Among
the pairs that it finds, matches or not, the two agree together, and would look like matches to a model in
which they are independent. So that their m and u come out right, the joint probabilities of the levels and of
being found are estimated (`tallystick.estimation.joint`), in both classes; weights are of the margins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystick.blocking.criteria import Criterion, FoundBy
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.factors import Factor, comparison_of_field
from tallystick.estimation.joint import MAX_CELLS

Indexed = tuple[tuple[int, tuple[int, ...]], ...]
"""Number of the digit of each index, and of the comparisons that it reads."""


def index_groups(
    comparisons: Sequence[Comparison], key_parts: Sequence[Criterion], factors: Sequence[Factor]
) -> Indexed:
    """The comparisons that each index reads together, where it reads more than one.

    Parameters
    ----------
    comparisons : sequence of Comparison
        The comparisons.
    key_parts : sequence of Criterion
        What the digits behind the comparisons are.
    factors : sequence of Factor
        A factor a comparison, in their order, and others behind.

    Returns
    -------
    tuple of (int, tuple of int)
        Digit of the index behind the comparisons, and numbers of the comparisons.

    Raises
    ------
    InputError
        Where the comparisons have too many levels together.
    """
    owner = comparison_of_field(comparisons)
    found = []
    for digit, part in enumerate(key_parts):
        if not isinstance(part, FoundBy):
            continue
        numbers = sorted({owner[field] for field in part.fields if field in owner})
        if len(numbers) < 2:
            continue
        n_cells = int(np.prod([factors[number].n_cells for number in numbers]))
        if n_cells > MAX_CELLS:
            names = ", ".join(comparisons[number].name for number in numbers)
            raise InputError(
                f"Pass {part.label}: the index reads {names} together, which have {n_cells:,} "
                f"combinations of levels, at most {MAX_CELLS:,} can be estimated: make it of fewer parts."
            )
        found.append((digit, tuple(numbers)))
    return tuple(found)
