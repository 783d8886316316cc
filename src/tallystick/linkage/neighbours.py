"""The neighbour-count model on a linkage of two files, beside the figures of the model that decided it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tallystick.estimation.parameters import Parameters
from tallystick.linkage.prepare import Prepared
from tallystick.linking.decide import DecidedPairs, weight_thresholds
from tallystick.linking.decision import Decision
from tallystick.linking.thresholds import Thresholds
from tallystick.quality.neighbours import NeighbourModel, count_neighbours, fit_neighbours
from tallystick.quality.rates import Rates, estimated_rates


@dataclass(frozen=True)
class Neighbours:
    """Two estimates, which know nothing of each other, of the pairs at or above a threshold.

    The pairs are those that would be links were links not made one-to-one.

    Attributes
    ----------
    counted : str
        Source whose records' neighbours were counted.
    other : str
        Source that the neighbours are of.
    covers : bool
        Whether `other` is declared to hold every entity of `counted`.
    threshold : float
        The threshold as a match weight.
    model : NeighbourModel
        What the numbers of neighbours say.
    rates : Rates
        What the model that decided says of the same pairs, by their posteriors.
    n_other : int
        Number of records of `other`.
    """

    counted: str
    other: str
    covers: bool
    threshold: float
    model: NeighbourModel
    rates: Rates
    n_other: int

    def to_dict(self) -> dict[str, Any]:
        """What ``quality.json`` holds; ``recall`` and ``type1`` only where the other file covers this one."""
        return {
            "counted": self.counted,
            "other": self.other,
            "covers": self.covers,
            "threshold": self.threshold,
            **self.model.to_dict(),
            "recall": asdict(self.model.recall) if self.covers else None,
            "type1": self.model.type1(self.n_other) if self.covers else None,
            "model": self.rates.to_dict(),
        }


def neighbours(
    prepared: Prepared,
    parameters: Parameters,
    decided: DecidedPairs,
    decision: Decision | Thresholds,
    matches: float,
) -> Neighbours | None:
    """Estimate the errors of the pairs at or above a threshold from how many of them each record has.

    The threshold is the upper one as it is where pairs do not compete, so that a pair is there by its own
    weight. Where they do a pair without competitors needs less, and where nearly all records of a file have a
    match, a weight of 0: chance pairs are then so many that their number says nothing of the matches.

    Without a declaration of which file covers the other, the records of the smaller file are counted: more of
    them have a match, and the estimate is the surer for it.

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
    matches : float
        Expected matches among all allowed pairs, by the model.

    Returns
    -------
    Neighbours or None
        None but for a linkage of two files.
    """
    if prepared.kind != "link" or len(prepared.records.sources) != 2:
        return None
    sizes = [len(prepared.records.rows(number)) for number in (0, 1)]
    covering = [number for number, source in enumerate(prepared.spec.sources) if source.covers_other]
    other = covering[-1] if covering else int(sizes[1] >= sizes[0])
    counted = 1 - other
    threshold = max(weight_thresholds(parameters, decision, alone=alone)[0][1] for alone in (False, True))
    pairs = decided.pairs
    above = pairs.weight >= threshold
    rows = (pairs.right if counted else pairs.left)[above] - prepared.records.rows(counted).start
    allowed = float(prepared.plan.blocking.allowed_pairs().sum())
    return Neighbours(
        prepared.records.sources[counted],
        prepared.records.sources[other],
        bool(covering),
        float(threshold),
        fit_neighbours(count_neighbours(rows, sizes[counted])),
        estimated_rates(decided.posterior[above], matches, allowed),
        sizes[other],
    )
