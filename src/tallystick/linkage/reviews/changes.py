"""What the decisions of people changed: pair by pair, entity by entity, and in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from tallystick.linkage.reviews.finalised import Final, fixed_of, settled_of
from tallystick.linkage.reviews.verdicts import Verdicts
from tallystick.linkage.saved_run import SavedRun
from tallystick.linkage.tables import LABELS
from tallystick.linking.decide import Verdict
from tallystick.linking.fixed import rivals_of
from tallystick.review.standing import Standing, Worklist

FORMAT = "tallystick-review/1"
BY_REVIEWER = "decided by a reviewer"
DISPLACED = "a reviewer has linked one of its records with another"
ANEW = "decided anew, since decisions about other pairs have changed its competitors"
RE_ESTIMATED = "decided anew with parameters estimated with the decisions"
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "what": pl.String,
    "source_left": pl.String,
    "id_left": pl.String,
    "source_right": pl.String,
    "id_right": pl.String,
    "before": pl.String,
    "after": pl.String,
    "entity_id": pl.String,
    "entities_before": pl.List(pl.String),
    "records": pl.Int64,
    "reason": pl.String,
}


def changes_table(opened: SavedRun, links: Final, found: Verdicts, re_estimated: bool) -> pl.DataFrame:
    """Pairs whose decision changed and entities whose records did, and why.

    Parameters
    ----------
    opened : SavedRun
        The run before.
    links : FinalLinks, FinalSequentialLinks or FinalHouseholdLinks
        The run with the decisions.
    found : Verdicts
        The decisions.
    re_estimated : bool
        Whether the parameters were estimated anew.

    Returns
    -------
    polars.DataFrame
        ``what`` is ``pair`` or ``entity``. Of a pair: ids with sources, the decision ``before`` and
        ``after``, the reason. Of an entity: its ``entity_id``, the ids of those that its records were in
        before, its number of records, and whether it was put together, split or both.
    """
    return pl.concat([_pairs(opened, links, found, re_estimated), _entities(opened, links)])


def _pairs(opened: SavedRun, links: Final, found: Verdicts, re_estimated: bool) -> pl.DataFrame:
    records, now = links.prepared.records, links.decided
    n = records.n_records
    before = _verdict_before(opened, links)
    fixed = fixed_of(links)
    number = now.pairs.left.astype(np.int64) * n + now.pairs.right
    by = dict(zip((found.left.astype(np.int64) * n + found.right).tolist(), found.by, strict=True))
    displaced = _displaced(links)
    at = np.flatnonzero(before != now.verdict)
    reasons = []
    for k in at:
        if fixed.decided[k]:
            reasons.append(f"{BY_REVIEWER}: {by[int(number[k])]}")
        elif displaced[k]:
            reasons.append(DISPLACED)
        else:
            reasons.append(RE_ESTIMATED if re_estimated else ANEW)
    sides: dict[str, Any] = {}
    for side, rows in (("left", now.pairs.left[at]), ("right", now.pairs.right[at])):
        names = pl.Series(list(records.sources), dtype=pl.String)
        sides[f"source_{side}"] = names.gather(links.prepared.source_of(rows))
        sides[f"id_{side}"] = records.ids.gather(rows)
    return _framed(
        {
            "what": ["pair"] * len(at),
            **sides,
            "before": LABELS.gather(before[at]),
            "after": LABELS.gather(now.verdict[at]),
            "reason": reasons,
        }
    )


def _verdict_before(opened: SavedRun, links: Final) -> np.ndarray[Any, np.dtype[np.int8]]:
    """What the pairs of now were before; those that were not kept were non-links."""
    n = links.prepared.records.n_records
    old, now = opened.decided, links.decided
    known = old.pairs.left.astype(np.int64) * n + old.pairs.right
    wanted = now.pairs.left.astype(np.int64) * n + now.pairs.right
    result = np.zeros(len(wanted), np.int8)
    if len(known):
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        result = np.where(known[at] == wanted, old.verdict[at], 0).astype(np.int8)
    return result


def _displaced(links: Final) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Pairs that are no links since a reviewer has linked one of their records with another."""
    return rivals_of(links.decided.pairs, fixed_of(links).link, settled_of(links).limits)


def _entities(opened: SavedRun, links: Final) -> pl.DataFrame:
    key = ["source", "id"]
    old = opened.entities.select(*(pl.col(name).cast(pl.String) for name in (*key, "entity_id")))
    both = (
        links.entities.select(*key, "entity_id")
        .join(old.rename({"entity_id": "old"}), on=key, how="left")
        .with_columns(size=pl.len().over("old"))
    )
    after = both.group_by("entity_id").agg(
        entities_before=pl.col("old").unique().sort(),
        records=pl.len().cast(pl.Int64),
        size=pl.col("size").sum(),
    )
    # An entity is as it was where its records were all the records of one entity.
    joined = pl.col("entities_before").list.len() > 1
    whole = both.group_by("entity_id", "old").agg(n=pl.len(), size=pl.col("size").first())
    cut = whole.filter(pl.col("n") < pl.col("size"))["entity_id"].unique()
    split = pl.col("entity_id").is_in(cut.implode())
    changed = after.filter(joined | split).sort("entity_id")
    frame = changed.with_columns(
        reason=pl.when(joined & split)
        .then(pl.lit("put together of parts of several entities"))
        .when(joined)
        .then(pl.lit("put together of several entities"))
        .otherwise(pl.lit("split from an entity")),
        what=pl.lit("entity"),
    )
    return _framed(frame.select("what", "entity_id", "entities_before", "records", "reason").to_dict())


def _framed(columns: dict[str, Any]) -> pl.DataFrame:
    n = len(columns["what"])
    return pl.DataFrame(
        {name: columns.get(name, pl.Series([None] * n, dtype=kind)) for name, kind in SCHEMA.items()},
        schema_overrides=SCHEMA,
    )


def review_figures(
    opened: SavedRun,
    links: Final,
    found: Verdicts,
    standing: Sequence[Standing],
    worklists: Sequence[Worklist],
    changes: pl.DataFrame,
    re_estimated: bool,
) -> dict[str, Any]:
    """What ``review.json`` holds: figures of the review, no name of a reviewer, no value of a record.

    Parameters
    ----------
    opened : SavedRun
        The run before.
    links : FinalLinks, FinalSequentialLinks or FinalHouseholdLinks
        The run with the decisions.
    found : Verdicts
        The pairs that the decisions settle.
    standing : sequence of Standing
        The verdicts that count.
    worklists : sequence of Worklist
        The worklists.
    changes : polars.DataFrame
        What `changes_table` gives.
    re_estimated : bool
        Whether the parameters were estimated anew.

    Returns
    -------
    dict
    """
    before, now, fixed = _verdict_before(opened, links), links.decided, fixed_of(links)
    verdicts = Counter(one.verdict or one.state for one in standing)
    by_reviewer = Counter(decision.reviewer for one in standing for decision in one.decisions)
    was_link = before == Verdict.LINK
    lost, displaced = was_link & ~now.links & ~fixed.refused, _displaced(links)
    pairs = changes.filter(pl.col("what") == "pair")
    link = Verdict(Verdict.LINK).label
    return {
        "format": FORMAT,
        "run": opened.fingerprint,
        "model": opened.model_version,
        "re_estimated": re_estimated,
        "tasks": len(standing),
        "verdicts": {
            key: verdicts.get(key, 0) for key in ("link", "non-link", "unsure", "open", "disagreement")
        },
        "decided_by": dict(Counter(one.how for one in standing if one.how)),
        "worklists": [
            {
                "name": one.name,
                "blind": one.blind,
                "reviews": one.reviews,
                "share_reviewed_twice": one.share if one.reviews > 1 else 0.0,
                "tasks": one.progress.tasks,
                "done": one.progress.done,
                "unsure": one.progress.unsure,
                "disagreements": one.progress.disagreements,
                "open": one.progress.open,
                **({"agreement": _agreement(one.name, standing)} if one.reviews > 1 else {}),
            }
            for one in worklists
        ],
        "reviewers": len(by_reviewer),
        "decisions_by_reviewer": sorted(by_reviewer.values(), reverse=True),
        "pairs_decided": len(found),
        "links": {
            "before": int(was_link.sum()),
            "after": int(now.links.sum()),
            "confirmed": int((fixed.link & was_link).sum()),
            "refused": int((fixed.refused & was_link).sum()),
            "new_by_review": int((fixed.link & ~was_link).sum()),
            "new_by_consequence": int((now.links & ~was_link & ~fixed.link).sum()),
            "displaced": int((lost & displaced).sum()),
            "lost_by_consequence": int((lost & ~displaced).sum()),
        },
        "possible": {"before": int((before == Verdict.POSSIBLE).sum()), "after": int(now.possible.sum())},
        "found_among_reviewed": {
            "false_links": int((fixed.refused & was_link).sum()),
            "missed_matches": int((fixed.link & ~was_link).sum()),
            "missed_that_were_possible": int((fixed.link & (before == Verdict.POSSIBLE)).sum()),
        },
        "pairs_changed": len(pairs),
        "links_gained": int((pairs["after"] == link).sum()),
        "links_lost": int((pairs["before"] == link).sum()),
        "entities_changed": int((changes["what"] == "entity").sum()),
    }


def _agreement(worklist: str, standing: Sequence[Standing]) -> dict[str, Any]:
    """Cohen's kappa of a worklist that is judged twice, in all and by band of weight."""
    from tallystick.review.agreement import agreement

    return asdict(agreement([one for one in standing if one.worklist == worklist]))
