"""Plain twins of the draws of matchings: every set enumerated, every step on dictionaries."""

from __future__ import annotations

import math
from collections.abc import Sequence

from naive_graphs import matchings


def set_weights(
    rows: Sequence[int], columns: Sequence[int], weight: Sequence[float], *, complete: bool
) -> dict[tuple[int, ...], float]:
    """exp(sum of weights) of every set of edges; with `complete` of those that hold every column."""
    every = set(columns)
    return {
        chosen: math.exp(math.fsum(weight[e] for e in chosen))
        for chosen in matchings([("r", r) for r in rows], [("c", c) for c in columns])  # type: ignore[misc]
        if not complete or {columns[e] for e in chosen} == every
    }


def draw_by_rows(
    rows: Sequence[int],
    columns: Sequence[int],
    weight: Sequence[float],
    uniform: Sequence[float],
    *,
    complete: bool,
) -> tuple[int, ...]:
    """Row by row: none or one of its edges, by the sum of all sets that begin as drawn so far."""
    left = set_weights(rows, columns, weight, complete=complete)
    for number, row in enumerate(sorted(set(rows))):
        total = math.fsum(left.values())
        below = uniform[number] * total
        options: list[int | None] = [None, *(e for e in range(len(rows)) if rows[e] == row)]
        parts = []
        for option in options:
            here = {
                chosen: value
                for chosen, value in left.items()
                if (option in chosen if option is not None else all(rows[e] != row for e in chosen))
            }
            parts.append((math.fsum(here.values()), here))
        for part, here in parts:
            below -= part
            left = here
            if part and below < 0:
                break
    (chosen,) = left
    return chosen


def metropolis(
    edges: Sequence[tuple[int, int]],
    weight: Sequence[float],
    chosen: set[int],
    proposed: Sequence[int],
    log_uniform: Sequence[float],
    *,
    complete: bool,
) -> set[int]:
    """The steps one after the other, on a set of edges."""
    number = {edge: k for k, edge in enumerate(edges)}
    chosen = set(chosen)
    for e, log_u in zip(proposed, log_uniform, strict=True):
        r, c = edges[e]
        rivals = [k for k in chosen if k != e and (edges[k][0] == r or edges[k][1] == c)]
        if e in chosen:
            new = chosen - {e}
        elif len(rivals) < 2:
            new = chosen - set(rivals) | {e}
        else:
            of_row = next(k for k in rivals if edges[k][0] == r)
            of_column = next(k for k in rivals if edges[k][1] == c)
            other = number.get((edges[of_column][0], edges[of_row][1]))
            if other is None:
                continue
            new = chosen - {of_row, of_column} | {e, other}
        if complete and {edges[k][1] for k in new} != {c for _, c in edges}:
            continue
        gain = math.fsum(weight[k] for k in new) - math.fsum(weight[k] for k in chosen)
        if log_u < gain:
            chosen = new
    return chosen
