"""What people decided as labelled pairs, with which m, u and the match rate are estimated anew.

EM with labels is right as long as which pairs are labelled depends on no more than their patterns (see
`tallystick.estimation.labelled`). A decision about a pair labels that pair. A decision about a record that
has one match at most labels all its pairs: its match and the others, or none. Were its match the only one
that is labelled, pairs would be labelled for being matches, and there would seem to be more of these. So
records that may have several matches, of which people name one, label nothing.

Of a pair that was judged a link the pairs that compete with it are labelled as non-matches, as a record has
one match at most. A queue shows the likeliest of competing pairs, so that the others would be left with the
posterior that their pattern gives them, beside a match that rules them out: counted twice. Of a record that
was judged the pairs of the other record are left: records are drawn whatever their match, and labelled for
competing with one these would be labelled for being none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.constraint import Constraint
from tallystick.errors import InputError
from tallystick.estimation.labelled import Labels
from tallystick.linkage.labels import with_labels
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.reviews.verdicts import Verdicts
from tallystick.linkage.saved_run import SavedRun


def with_review_labels(opened: SavedRun, found: Verdicts, limits: Sequence[Constraint]) -> Prepared:
    """The prepared records of a run with what people decided as labels, beside those of the specification.

    Parameters
    ----------
    opened : SavedRun
        The run.
    found : Verdicts
        What people decided.
    limits : sequence of Constraint
        For each pair of sources, which records have at most one link.

    Returns
    -------
    Prepared

    Raises
    ------
    InputError
        Where no label is a match, a decision contradicts a labelled pair of the specification, or labels are
        used alone: their probabilities to be drawn would have to be known, which those of a queue are not.
    """
    prepared = with_labels(opened.prepared)
    if prepared.spec.estimation.labels_use == "alone":
        raise InputError(
            f'{opened.folder}: --re-estimate does not go with labels_use = "alone": reviewed pairs were '
            'chosen by their weight, with probabilities that are not known; use labels_use = "with_em", or '
            "finalise without it."
        )
    use = _usable(opened, found, limits)
    if not (found.match & use).any():
        several = (
            " (a record that may have several matches says nothing of them, since a reviewer names one)"
            if found.match.any()
            else ""
        )
        raise InputError(
            f"{opened.folder}: --re-estimate needs decisions that are links, since m is learnt from "
            f"matches{several}: review more pairs, or finalise without it."
        )
    n = prepared.records.n_records
    left, right, match = found.left[use], found.right[use], found.match[use]
    by = [one for one, used in zip(found.by, use, strict=True) if used]
    inclusion = np.ones(len(left))
    if prepared.labels is not None:
        old = prepared.labels
        number, known = old.left.astype(np.int64) * n + old.right, left.astype(np.int64) * n + right
        at = {key: k for k, key in enumerate(known.tolist())}
        for key, truth in zip(number.tolist(), old.match.tolist(), strict=True):
            if key in at and bool(match[at[key]]) != truth:
                ids = [prepared.records.ids[int(row)] for row in divmod(key, n)]
                raise InputError(
                    f"{by[at[key]]} judges {ids[0]!r} and {ids[1]!r} differently than the labelled "
                    f"pairs of {prepared.spec.estimation.labels}: decide which is right."
                )
        rest = ~np.isin(number, known)
        left, right = np.concatenate((left, old.left[rest])), np.concatenate((right, old.right[rest]))
        match = np.concatenate((match, old.match[rest]))
        inclusion = np.concatenate((inclusion, old.inclusion[rest]))
    pairs = opened.decided.pairs
    labelled = np.isin(pairs.left.astype(np.int64) * n + pairs.right, left.astype(np.int64) * n + right)
    others = np.flatnonzero(_ruled_out(opened, found, found.match & use, limits) & ~labelled)
    left, right = np.concatenate((left, pairs.left[others])), np.concatenate((right, pairs.right[others]))
    match = np.concatenate((match, np.zeros(len(others), np.bool_)))
    inclusion = np.concatenate((inclusion, np.ones(len(others))))
    order = np.lexsort((right, left))
    return replace(prepared, labels=Labels(left[order], right[order], match[order], inclusion[order]))


def _usable(opened: SavedRun, found: Verdicts, limits: Sequence[Constraint]) -> NDArray[np.bool_]:
    """Which decided pairs are labels: those judged themselves, and of records with one match at most."""
    prepared = opened.prepared
    once = np.zeros(len(prepared.records.sources), np.bool_)
    if len(limits) == 1:  # with further sources a record may have a match in each
        sides = limits[0].left_once, limits[0].right_once
        once[list(prepared.plan.blocking.source_pairs[0])] = sides
    return np.asarray((found.judged < 0) | once[prepared.source_of(np.maximum(found.judged, 0))])


def _ruled_out(
    opened: SavedRun, found: Verdicts, links: NDArray[np.bool_], limits: Sequence[Constraint]
) -> NDArray[np.bool_]:
    """Which kept pairs are no matches since a record of theirs has another one."""
    pairs, prepared = opened.decided.pairs, opened.prepared
    left, right, judged = found.left[links], found.right[links], found.judged[links]
    sources = np.stack((prepared.source_of(left), prepared.source_of(right)), axis=1)
    result = np.zeros(len(pairs), np.bool_)
    for number, (pair, limit) in enumerate(zip(prepared.plan.blocking.source_pairs, limits, strict=True)):
        own, here = pairs.source_pair == number, (sources == pair).all(axis=1)
        for once, rows, linked in (
            (limit.left_once, pairs.left, left),
            (limit.right_once, pairs.right, right),
        ):
            taken = here & (((judged < 0) & once) | (judged == linked))
            result |= own & np.isin(rows, linked[taken])
    return result
