"""The errors of a run one by one, each with its reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.linkage.evaluation.error_texts import Errors, false_texts, link_texts, missed_texts, pair_key
from tallystick.linkage.evaluation.true_pairs import TrueRecords
from tallystick.linkage.evaluation.truth import RunTruth
from tallystick.linkage.evaluation.weighed_pairs import WeighedPairs, scenes_of, weigh_given
from tallystick.linkage.identify import known_records
from tallystick.linkage.saved_run import SavedRun

FALSE, MISSED = "false link", "missed match"
MOST_LISTED = 1_000_000
"""So many missed matches are listed at most: their number grows with the square of the size of entities."""
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ErrorList:
    """The errors of a run.

    Attributes
    ----------
    table : polars.DataFrame
        A row per error, false links first, each kind by falling weight: ``error`` (`FALSE` or `MISSED`),
        ``source_left``, ``id_left``, ``source_right``, ``id_right``, ``reason`` (a few words),
        ``explanation`` (sentences), ``decision``; where pairs are weighed ``weight``, ``pass``, ``step``, and
        ``weight_`` of each comparison.
    missed : int
        Missed matches in all; the table lists at most `MOST_LISTED` of them.
    """

    table: pl.DataFrame
    missed: int

    def to_dict(self) -> dict[str, Any]:
        """What ``truth.json`` holds as ``errors``.

        Returns
        -------
        dict
            ``false_links`` and ``missed``, ``listed`` (rows of the table), and ``reasons``, a dict each of
            ``error``, ``reason`` and ``errors``.
        """
        counted = self.table.group_by("error", "reason").len("errors")
        return {
            "false_links": int((self.table["error"] == FALSE).sum()),
            "missed": self.missed,
            "listed": self.table.height,
            "reasons": counted.sort("error", "errors", "reason", descending=[False, True, False]).to_dicts(),
        }


def errors_of_run(found: RunTruth, run: SavedRun) -> ErrorList:
    """List the errors of a run that weighs pairs, and explain them.

    Parameters
    ----------
    found : RunTruth
        The run and the truth.
    run : SavedRun
        The same run, opened.

    Returns
    -------
    ErrorList
        Pairs of which the truth is unknown are no errors.
    """
    errors, n_missed = wrong_pairs(found)
    place = _places(found.records, run)
    a, b = place[errors.left], place[errors.right]
    there = np.flatnonzero((a >= 0) & (b >= 0))
    scenes = scenes_of(run)
    low, high = np.minimum(a[there], b[there]), np.maximum(a[there], b[there])
    weighed = _spread(weigh_given(scenes, low, high), there, len(a))
    steps = [*(one.step for one in scenes), None]
    dropped = (a < 0) | (b < 0)
    assignment = run.model.spec.decision.assignment
    reasons, explanations = missed_texts(errors, weighed, dropped, steps, assignment)
    made = link_texts(errors, weighed, steps)
    why, whys = false_texts(errors, made, weighed.found, weighed.weight, reasons)
    more = {
        "weight": pl.Series(weighed.weight).fill_nan(None),
        "pass": weighed.passes,
        "step": pl.Series([steps[k] for k in weighed.scene.tolist()], dtype=pl.String),
        **{f"weight_{name}": pl.Series(values).fill_nan(None) for name, values in weighed.parts.items()},
    }
    return ErrorList(error_table(errors, [*why, *reasons], [*whys, *explanations], more), n_missed)


def wrong_pairs(found: RunTruth) -> tuple[Errors, int]:
    """The errors of a run, and how many missed matches there are, listed or not.

    Parameters
    ----------
    found : RunTruth
        The run and the truth.

    Returns
    -------
    errors : Errors
    n_missed : int
    """
    records, n = found.records, len(found.records.codes)
    links = (found.pairs["decision"] == "link").to_numpy()
    is_false = links & records.known(found.left, found.right) & ~records.match(found.left, found.right)
    left, right = records.matches()
    linked = pair_key(found.left[links], found.right[links], n)
    missing = np.flatnonzero(~np.isin(pair_key(left, right, n), linked))
    listed = missing[:MOST_LISTED]
    ends = [
        np.concatenate([own[is_false], all_[listed]])
        for own, all_ in ((found.left, left), (found.right, right))
    ]
    return Errors(found, ends[0], ends[1], int(is_false.sum())), len(missing)


def error_table(
    errors: Errors, reasons: Sequence[str], explanations: Sequence[str], more: Mapping[str, Any]
) -> pl.DataFrame:
    """The errors in order.

    Parameters
    ----------
    errors : Errors
        The errors.
    reasons, explanations : sequence of str
        Of each.
    more : mapping of str to values
        Further columns.

    Returns
    -------
    polars.DataFrame
        As of `ErrorList.table`.
    """
    frame, n = errors.found.records.frame, len(errors.left)
    columns: dict[str, Any] = {"error": [FALSE] * errors.n_false + [MISSED] * (n - errors.n_false)}
    for side, rows in (("left", errors.left), ("right", errors.right)):
        columns[f"source_{side}"] = frame["source"].gather(rows)
        columns[f"id_{side}"] = frame["id"].gather(rows)
    columns |= {
        "reason": list(reasons),
        "explanation": list(explanations),
        "decision": errors.decision,
        **more,
    }
    texts = dict.fromkeys(("error", "reason", "explanation"), pl.String)
    table = pl.DataFrame(columns, schema_overrides=texts)
    falling = ["weight"] if "weight" in more else []
    order = ["error", *falling, "source_left", "id_left", "source_right", "id_right"]
    return table.sort(order, descending=[name == "weight" for name in order], nulls_last=True)


def _places(records: TrueRecords, run: SavedRun) -> Ints:
    """Row of each record in the run; -1 where a preparation has dropped it."""
    known = known_records(run.prepared.records).rename({"row": "place"})
    joined = records.frame.join(known, on=["source", "id"], how="left", maintain_order="left")
    return np.asarray(joined["place"].fill_null(-1).to_numpy(), np.int64)


def _spread(one: WeighedPairs, where: Ints, n: int) -> WeighedPairs:
    """What is known of some pairs as that of all, of the others of which nothing is known."""

    def wide(values: NDArray[Any], fill: Any) -> NDArray[Any]:
        result = np.full(n, fill, values.dtype)
        result[where] = values
        return result

    def texts(values: pl.Series) -> pl.Series:
        index = np.full(n, len(values), np.int64)
        index[where] = np.arange(len(values))
        return pl.concat([values, pl.Series(values.name, [None], dtype=pl.String)]).gather(index)

    return WeighedPairs(
        wide(one.scene, -1),
        wide(one.weight, np.nan),
        wide(one.lower, np.nan),
        wide(one.competes, False),
        wide(one.found, False),
        texts(one.passes),
        wide(one.kept, False),
        wide(one.tie, False),
        {name: wide(values, np.nan) for name, values in one.parts.items()},
        {name: texts(values) for name, values in one.labels.items()},
    )
