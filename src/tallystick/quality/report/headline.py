"""What was linked and how well, in a few figures and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.report.rates import best, rates

DONE = {"link": "Record linkage", "dedupe": "Deduplication", "link_and_dedupe": "Linkage and deduplication"}


def title(figures: Figures) -> dict[str, str]:
    """The name of the linkage, and what it is where the name does not say so."""
    name = figures.spec.get("name")
    done = DONE.get(figures.model.get("kind", ""), "Record linkage")
    sources = formats.sentence_list(figures.sources)
    what = f"{done} of {sources}" if sources else done
    return {"name": name or what, "what": what if name else ""}


def headline(figures: Figures) -> Content:
    """Tiles and sentences on top of the page; error rates are those of the best origin, which is named."""
    return {"tiles": _tiles(figures), "sentences": list(_sentences(figures))}


def _tiles(figures: Figures) -> list[dict[str, Any]]:
    counts = figures.counts
    named = [("Links", "links"), ("Possible links", "possible"), ("Ambiguous records", "ambiguous_records")]
    if figures.model.get("kind") != "link":
        named.append(("Entities", "entities"))
    tiles = [_tile(name, counts[key], "count") for name, key in named if counts.get(key) is not None]
    of_links = rates(figures)
    for key, name in (("precision", "Precision"), ("recall", "Recall")):
        if found := best(of_links, key):
            origin, row = found
            tiles.append(_tile(f"{name}, {origin}", row["value"], row["form"], row["interval"]))
    return tiles


def _tile(name: str, value: Any, form: str, interval: list[float] | None = None) -> dict[str, Any]:
    return {"name": name, "value": value, "form": form, "interval": interval}


def _sentences(figures: Figures) -> Iterator[str]:
    counts, estimated = figures.counts, figures.estimated
    count, percent = formats.count, formats.percent
    records = counts.get("records") or {}
    within_sources = figures.model.get("kind") != "link"
    if records and counts.get("links") is not None:
        total = count(sum(records.values()))
        each = formats.sentence_list([f"{count(n)} in {name}" for name, n in records.items()])
        held = (
            f"{total} records of {next(iter(records))}" if len(records) == 1 else f"{total} records ({each})"
        )
        entities = (
            f", which leaves {count(counts['entities'])} distinct entities"
            if within_sources and counts.get("entities") is not None
            else ""
        )
        yield f"Among {held}, {count(counts['links'])} pairs were accepted as links{entities}."
        if within_sources and counts.get("cut_links"):
            yield (
                f"{count(counts['cut_links'])} of the links were cut: their records are in two entities, "
                "since too few of the other pairs between these agree."
            )
    if estimated.get("precision") is not None:
        wrong = (
            f" ({formats.about(estimated['false_links'])} false)"
            if estimated.get("false_links") is not None
            else ""
        )
        yield (
            f"The model expects {percent(estimated['precision'])}{_within(estimated, 'precision')} of the "
            f"links to be true matches{wrong}."
        )
    if estimated.get("recall") is not None:
        missed = (
            f" ({formats.about(estimated['missed'])} missed)" if estimated.get("missed") is not None else ""
        )
        yield (
            f"It expects {percent(estimated['recall'])}{_within(estimated, 'recall')} of all true matches to "
            f"be among them{missed}."
        )
    yield from _confirmed(figures)
    if counts.get("possible"):
        yield (
            f"Another {count(counts['possible'])} pairs are too uncertain to accept or reject "
            "without a person’s judgement."
        )


def _confirmed(figures: Figures) -> Iterator[str]:
    """What a judged sample and known truth say beside the model."""
    judged, before = figures.judged
    known = (figures.truth or {}).get("rates") or {}
    put_right = judged.get("corrected") or {} if before else {}
    of_before = "Of the run before the decisions were applied, a" if before else "A"
    for words, given, more in (
        (f"{of_before} sample judged by people puts", judged.get("estimates") or {}, judged),
        (
            "With the errors that the sample found put right it puts",
            put_right.get("estimates") or {},
            put_right,
        ),
        ("Known truth puts", known, {}),
    ):
        each = [
            f"{name} at {formats.percent(given[name])}{_within(more, name)}"
            for name in ("precision", "recall")
            if given.get(name) is not None
        ]
        if each:
            yield f"{words} {formats.sentence_list(each)}."


def _within(estimated: Json, name: str) -> str:
    limits = (estimated.get("intervals") or {}).get(name)
    return f" (95% interval {formats.interval(limits, 'percent')})" if limits else ""
