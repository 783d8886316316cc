"""Why two records are linked, or why not: a pair's weight split by comparison, and what decided it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.errors import InputError
from tallystick.estimation.labelled import first_pass
from tallystick.estimation.parameters import PairOfSources, Parameters
from tallystick.linkage.figures import values_of, weight_parts
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.preparing import taken_out
from tallystick.linking.constraints import constraint_of
from tallystick.linking.decide import AT_THRESHOLD, DecidedPairs, Verdict, weight_thresholds
from tallystick.linking.decision import AssignmentKind, Decision
from tallystick.linking.score import weigh_pairs
from tallystick.linking.terms import pair_terms, part_terms
from tallystick.linking.thresholds import Thresholds

WIDTH = 24
"""Characters of the longest bar of a weight."""


@dataclass(frozen=True)
class Why:
    """A pair, and what decided it.

    Attributes
    ----------
    left, right : tuple of str
        Source and id of the two records.
    decision : str
        ``link``, ``possible`` or ``non-link``.
    reason : str
        A sentence that says why.
    weight : float
        Match weight.
    posterior : float or None
        Probability of a match as the decision had it; None where the pair was not kept.
    posterior_pair : float
        Probability of a match given the pattern alone.
    parts : list of dict
        Comparison, label of the level, weight, and the values of either side.
    """

    left: tuple[str, str]
    right: tuple[str, str]
    decision: str
    reason: str
    weight: float
    posterior: float | None
    posterior_pair: float
    parts: list[dict[str, Any]]

    def text(self) -> str:
        """The weight as a waterfall, and the reason, for people."""
        most = max([abs(part["weight"]) for part in self.parts] + [1e-9])
        names = max(len(part["comparison"]) for part in self.parts)
        lines, total = [], 0.0
        for part in self.parts:
            total += part["weight"]
            bar = ("+" if part["weight"] >= 0 else "-") * round(WIDTH * abs(part["weight"]) / most)
            both = (part["left"], part["right"])
            seen = "" if both == (None, None) else f"{both[0]} | {both[1]}"
            lines.append(
                f"{part['comparison']:<{names}} {part['weight']:+8.2f} {total:+8.2f}  {bar:<{WIDTH}}  "
                f"{part['label']}{': ' + seen if seen else ''}"
            )
        chance = "" if self.posterior is None else f", posterior {self.posterior:.4f}"
        return "\n".join(
            [
                f"{self.left[1]} ({self.left[0]}) and {self.right[1]} ({self.right[0]}): {self.decision}",
                f"weight {self.weight:.2f} (natural log){chance}, given the pattern alone "
                f"{self.posterior_pair:.4f}",
                "",
                *lines,
                "",
                self.reason,
            ]
        )


def why(
    prepared: Prepared,
    parameters: Parameters,
    decided: DecidedPairs,
    decision: Decision | Thresholds,
    left: str | tuple[str, str],
    right: str | tuple[str, str],
) -> Why:
    """Explain what became of two records.

    Parameters
    ----------
    prepared : Prepared
        The records.
    parameters : Parameters
        The model.
    decided : DecidedPairs
        The pairs.
    decision : Decision or Thresholds
        The rule, its thresholds worked out.
    left, right : str or tuple of str
        Ids of the records, or (source, id) where ids alone do not tell them.

    Returns
    -------
    Why

    Raises
    ------
    InputError
        Where a record does not exist, or the linkage does not compare the two.
    """
    sources = prepared.records.sources
    row, other = rows_of_pair(prepared, left, right)
    pair = tuple(int(source) for source in prepared.source_of(np.array([row, other])))
    if row == other or pair not in prepared.plan.blocking.source_pairs:
        raise InputError(
            f"{left!r} and {right!r} are not compared by a linkage of kind {prepared.kind!r}: name two "
            "records that are."
        )
    number = prepared.plan.blocking.source_pairs.index(pair)
    a, b = np.array([row], np.int32), np.array([other], np.int32)
    weights, patterns = weigh_pairs(prepared.plan, parameters, a, b, number)
    digits = parameters.coding.decode(patterns)[0]
    weight = float(weights[0])
    terms = part_terms(pair_terms(prepared.plan.comparisons, parameters, a, b, digits[:, None]), 0)
    sides = [values_of(prepared, one) for one in (row, other)]
    fields = {one.name: (one.left, one.right) for one in prepared.spec.comparisons}
    parts = []
    for part in weight_parts(parameters, digits, weight, terms):
        own = fields.get(part["comparison"], ((), ()))
        shown = [_shown(side, names) for side, names in zip(sides, own, strict=True)]
        parts.append({**part, "left": shown[0], "right": shown[1]})
    pairs = decided.pairs
    at = np.flatnonzero((pairs.left == row) & (pairs.right == other))
    verdict = Verdict(int(decided.verdict[at[0]])) if len(at) else Verdict.NON_LINK
    lower, upper = weight_thresholds(parameters, decision)[number]
    found = int(first_pass(prepared.plan.blocking, a, b)[0])
    if found < 0:
        reason = "No pass finds the pair, so that it was never compared: another pass would have to."
    elif not len(at) or weight < lower:
        reason = f"Its weight is below the lower threshold of {lower:.2f}."
    else:
        reason = _decided(
            prepared, decided, int(at[0]), verdict, (lower, upper), decision, parameters.pairs[number]
        )
    if found >= 0:
        reason += f" Found by the pass {prepared.spec.passes[found].label}."
    names = [(sources[s], prepared.records.ids[one]) for s, one in zip(pair, (row, other), strict=True)]
    chance = parameters.posterior(weights, np.array([number]))
    return Why(
        names[0],
        names[1],
        verdict.label,
        reason,
        weight,
        float(decided.posterior[at[0]]) if len(at) else None,
        float(chance[0]),
        parts,
    )


def rows_of_pair(
    prepared: Prepared, left: str | tuple[str, str], right: str | tuple[str, str]
) -> tuple[int, int]:
    """Global rows of two records, ascending; an id alone is one of the first, or of the last source."""
    sources = prepared.records.sources
    rows = [_row(prepared, one, at) for one, at in ((left, sources[0]), (right, sources[-1]))]
    return min(rows), max(rows)


def _decided(
    prepared: Prepared,
    decided: DecidedPairs,
    at: int,
    verdict: Verdict,
    thresholds: tuple[float, float],
    decision: Decision | Thresholds,
    of: PairOfSources,
) -> str:
    """Why a pair that was kept is what it is."""
    pairs = decided.pairs
    limits = constraint_of(decision, of)
    same = np.zeros(len(pairs), bool)
    own = pairs.source_pair == pairs.source_pair[at]
    for once, rows in ((limits.left_once, pairs.left), (limits.right_once, pairs.right)):
        if once:
            same |= own & (rows == rows[at])
    same[at] = False
    if decision.assignment == "unique" and verdict is Verdict.POSSIBLE and limits.competes:
        others = int((same & (pairs.weight >= thresholds[0])).sum())
        if others:
            return (
                f"Its records have {others} other pair{'s' if others > 1 else ''} above the lower threshold, "
                "and only unique pairs are links: it is a possible link."
            )
    if decided.tie[at] and decision.assignment == "greedy":
        return (
            "Another pair is exactly as good, or this one depends on which of equally good pairs is taken: "
            "it is a possible link."
        )
    if decided.tie[at]:
        return "Another pair is exactly as good, and a record has one link at most: a tie is a possible link."
    if verdict is Verdict.LINK:
        return f"It is at or above the upper threshold{_assigned(decision.assignment, limits)}."
    rivals = same & (decided.links | decided.possible)
    if verdict is Verdict.NON_LINK and rivals.any():
        best = int(np.flatnonzero(rivals)[pairs.weight[rivals].argmax()])
        ids = [prepared.records.ids[int(row[best])] for row in (pairs.left, pairs.right)]
        return (
            f"It lost the assignment: {ids[0]} and {ids[1]} are a "
            f"{Verdict(int(decided.verdict[best])).label} of weight {pairs.weight[best]:.2f}."
        )
    if verdict is Verdict.POSSIBLE and pairs.weight[at] < thresholds[1]:
        return f"It is between the thresholds ({thresholds[0]:.2f} and {thresholds[1]:.2f} as weights)."
    bound = ("upper", decision.upper) if verdict is Verdict.POSSIBLE else ("lower", decision.lower)
    return _beside(prepared, decided, at, same, bound)


def _beside(
    prepared: Prepared, decided: DecidedPairs, at: int, same: NDArray[np.bool_], bound: tuple[str, float]
) -> str:
    """What a pair would be by its weight, but not beside the pairs that compete with it."""
    pairs, ids = decided.pairs, prepared.records.ids
    which, limit = bound
    own = float(decided.posterior[at])
    digits = next((n for n in range(2, 8) if f"{own:.{n}f}" != f"{limit:.{n}f}"), 8)
    text = (
        f"Its posterior beside the records' other candidates is {own:.{digits}f}, below the {which} "
        f"threshold of {limit:g}"
    )
    if not same.any():
        return f"{text}."
    rivals = np.flatnonzero(same)
    best = int(rivals[np.lexsort((-pairs.weight[rivals], -decided.posterior[rivals]))[0]])
    rival = f"{ids[int(pairs.left[best])]} and {ids[int(pairs.right[best])]}"
    if abs(pairs.weight[best] - pairs.weight[at]) < AT_THRESHOLD:
        return f"{text}: {rival} are exactly as good."
    return (
        f"{text}: {rival} have a weight of {pairs.weight[best]:.2f} and a posterior of "
        f"{decided.posterior[best]:.2f}."
    )


def _assigned(kind: AssignmentKind, limits: Constraint) -> str:
    """What a link had to be besides heavy enough."""
    if not limits.competes:
        return ""
    if kind == "unique":
        return ", and its records have no other pair above the lower one"
    if kind == "greedy":
        return ", and no better pair has taken its records"
    if limits.one_to_one:
        return ", and no better set of one-to-one links is without it"
    return ", and its record has no better candidate"


def _row(prepared: Prepared, record: str | tuple[str, str], source: str) -> int:
    """Global row of a record; an id alone is one of the given source."""
    return row_of_record(prepared, *(record if isinstance(record, tuple) else (source, record)))


def row_of_record(prepared: Prepared, source: str, id: str) -> int:
    """Global row of a record.

    Parameters
    ----------
    prepared : Prepared
        The records.
    source, id : str
        Its name.

    Returns
    -------
    int

    Raises
    ------
    InputError
        Where there is no such record.
    """
    records = prepared.records
    if source not in records.sources:
        raise InputError(f"There is no source {source!r}: the sources are {', '.join(records.sources)}.")
    row = records.row_of(records.sources.index(source), id)
    if row is None:
        absent = f"Source {source!r} has no record with the id {id!r}: check the id."
        raise InputError(taken_out(prepared, source, id) or absent)
    return row


def _shown(values: dict[str, str | None], fields: tuple[str, ...]) -> str | None:
    own = [values.get(field) for field in fields]
    return None if not own else " ".join("(missing)" if one is None else one for one in own)
