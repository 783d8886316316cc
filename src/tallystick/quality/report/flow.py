"""The flow diagram of a linkage: from the records of each file to links and entities (RECORD 6.3, 13.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Figures, Json

Row = dict[str, Any]


def flow(figures: Figures) -> list[Row]:
    """Rows of boxes from top to bottom.

    Parameters
    ----------
    figures : Figures
        What is known of the run.

    Returns
    -------
    list of dict
        ``name`` of the row and ``boxes``, each with ``name``, ``value`` (a number), ``notes`` (texts) and
        ``kind`` (``link``, ``possible`` or empty).
    """
    counts = figures.counts
    rows = [("Records", list(_records(figures)))]
    if counts.get("keys"):
        rows += [(f"Match key {one['key']}", list(_of_key(one))) for one in counts["keys"]]
    elif counts.get("steps"):
        rows += [(f"Step {one['step']}", list(_of_step(one))) for one in counts["steps"]]
    else:
        rows += [("Pairs", list(_of_pairs(counts)))]
    rows += [("Decision", list(_decided(figures))), ("Outcome", list(_outcome(figures)))]
    return [{"name": name, "boxes": boxes} for name, boxes in rows if boxes]


def _box(name: str, value: Any, *notes: str, kind: str = "") -> Row:
    return {"name": name, "value": value, "notes": [note for note in notes if note], "kind": kind}


def _records(figures: Figures) -> Iterator[Row]:
    prepared = {one["name"]: one for one in figures.run.get("preparation") or ()}
    for source, n in (figures.counts.get("records") or {}).items():
        own = prepared.get(source) or {}
        left_out = [
            f"{formats.count(own[key])} {words}"
            for key, words in (
                ("records_read", "read"),
                ("records_dropped", "dropped by edits"),
                ("duplicates_removed", "removed as duplicates"),
            )
            if own.get(key)
        ]
        yield _box(f"Records in {source}", n, ", ".join(left_out) if len(left_out) > 1 else "")


def _of_pairs(counts: Json) -> Iterator[Row]:
    if counts.get("pairs_allowed") is not None:
        yield _box("Allowed pairs", counts["pairs_allowed"])
    passes = counts.get("passes") or ()
    if passes:
        yield _box(
            "Candidates",
            sum(one["pairs"] for one in passes),
            f"compared pairs, of {formats.counted(len(passes), 'pass', 'passes')}",
        )
    if counts.get("kept") is not None:
        yield _box("Kept", counts["kept"], "above the floor")


def _of_step(one: Json) -> Iterator[Row]:
    yield _box("Records", one["records"])
    if one.get("reason"):
        yield _box("Candidates", 0, one["reason"])
        return
    yield _box("Candidates", one["pairs"])
    possible = formats.counted(one["possible"], "possible link") if one.get("possible") else ""
    yield _box("Links", one["links"], possible, kind="link")
    yield _box("Records left", one["residuals"])


def _of_key(one: Json) -> Iterator[Row]:
    yield _box("Pairs that agree", one["pairs"])
    unclear = [f"{formats.count(n)} of {source}" for source, n in (one.get("ambiguous") or {}).items() if n]
    note = f"ambiguous records: {formats.sentence_list(unclear)}" if unclear else ""
    yield _box("Links", one["links"], note, kind="link")
    for source, n in (one.get("left") or {}).items():
        yield _box(f"Left in {source}", n)


def _decided(figures: Figures) -> Iterator[Row]:
    counts = figures.counts
    if counts.get("links") is not None:
        of_review = (figures.review or {}).get("links") or {}
        before = of_review.get("before")
        note = "" if before is None else f"after review; {formats.count(before)} before"
        yield _box("Links", counts["links"], note, kind="link")
    if counts.get("possible") is not None:
        yield _box("Possible links", counts["possible"], kind="possible")
    if all(counts.get(key) is not None for key in ("kept", "links", "possible")):
        yield _box("Kept non-links", counts["kept"] - counts["links"] - counts["possible"])


def _outcome(figures: Figures) -> Iterator[Row]:
    counts = figures.counts
    records = counts.get("records") or {}
    for source, n in figures.unlinked.items():
        if records.get(source) is not None:
            yield _box(f"Linked in {source}", records[source] - n, f"{formats.count(n)} without a link")
    if counts.get("entities") is not None:
        yield _box("Entities", counts["entities"])
