"""What came of the linkage, in sentences: review, flow, error rates, unlinked records, bias."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Figures, Json
from tallystick.quality.report.limits import UNLIKE
from tallystick.quality.report.outcomes import table_name

There = Mapping[str, Any]
count, percent, listed, counted = formats.count, formats.percent, formats.sentence_list, formats.counted

MOST_GROUPS = 8
"""Groups that a sentence on a table of subgroups names; the table has all."""
_IN_WORDS = {"precision": "precision", "recall": "recall", "specificity": "specificity", "f1": "F1"}


def review(figures: Figures, there: There, known: There) -> list[str]:
    """How many judged how much, whether they agree, and what it changed; a sample apart."""
    found = list(_applied(figures.review, there)) if figures.review else list(_not_applied(figures))
    judged, before = figures.judged
    if judged:
        of_before = " of the run before these decisions were applied" if before else ""
        found.append(
            f"To estimate the error rates a sample{of_before} was judged by people "
            f"who did not see what the machine had decided: {count(judged.get('judged'))} of "
            f"{count(judged.get('drawn'))}, by {counted(judged.get('reviewers') or 0, 'reviewer')}."
        )
    return found


def _not_applied(figures: Figures) -> Iterator[str]:
    yield "No decisions of reviewers were applied to these links."
    if possible := figures.counts.get("possible"):
        yield f"{counted(possible, 'possible link awaits', 'possible links await')} review."


def _applied(given: Json, there: There) -> Iterator[str]:
    verdicts, links = given.get("verdicts") or {}, given.get("links") or {}
    tasks = given.get("tasks") or 0
    left = (verdicts.get("open") or 0) + (verdicts.get("disagreement") or 0)
    unsure = f" ({count(verdicts['unsure'])} of them unsure)" if verdicts.get("unsure") else ""
    by = f" by {counted(given['reviewers'], 'reviewer')}" if given.get("reviewers") else ""
    yield (
        f"{count(tasks - left)} of {counted(tasks, 'pair or record', 'pairs and records')} to judge were "
        f"judged{by}{unsure}, and the decisions were applied."
    )
    worklists = (there.get("review") or {}).get("worklists", ())
    if len(worklists) > 1:
        each = [f"{one['name']} {count(one['done'])} of {count(one['tasks'])}" for one in worklists]
        yield f"By worklist: {listed(each)}."
    for one in worklists:
        agreement = one["agreement"] or {}
        if agreement.get("kappa") is not None:
            limits = (
                f" (95% interval {agreement['low']:.2f} to {agreement['high']:.2f})"
                if agreement.get("low") is not None
                else ""
            )
            yield (
                f"Of {one['name']} {count(agreement.get('n'))} were judged by two reviewers: they agree on "
                f"{percent(agreement.get('observed'))}, Cohen’s kappa {agreement['kappa']:.2f}{limits}."
            )
    if links.get("before") is not None and links.get("after") is not None:
        changes = [
            f"{count(links[key])} {words}"
            for key, words in (
                ("new_by_review", "new by decisions"),
                ("new_by_consequence", "new since a record became free"),
                ("refused", "refused"),
                ("displaced", "displaced by others"),
                ("lost_by_consequence", "lost when decided anew"),
            )
            if links.get(key)
        ]
        became = f": {listed(changes)}" if changes else ""
        yield f"{counted(links['before'], 'link')} became {count(links['after'])}{became}."
    if given.get("re_estimated"):
        yield "The parameters were estimated anew with the decisions."


def flow(figures: Figures, there: There, known: There) -> list[str]:
    """The numbers of the flow diagram."""
    stages = (there.get("pairs") or {}).get("stages") or ()
    return [f"{one['name']}: {count(one['value'])}." for one in stages] or ["The run has no counts."]


def errors(figures: Figures, there: There, known: There) -> list[str]:
    """Error rates with intervals, a sentence an origin."""
    found = []
    for one in (there.get("quality") or {}).get("by_origin", ()):
        each = [
            f"{_IN_WORDS[row['key']]} {_formed(row)}{_within(row)}"
            for row in one["rows"]
            if row["key"] in _IN_WORDS
        ]
        if each:
            found.append(f"{one['name']}: {listed(each)}.")
    if not found:
        return ["Not known."]
    return [*found, *(["Figures of unlike origin are not to be mixed."] if len(found) > 1 else [])]


def _within(row: Json) -> str:
    """The interval of a rate; nothing where its limits are written alike, so that they say nothing."""
    if not row["interval"]:
        return ""
    low, high = (_formed({**row, "value": limit}) for limit in row["interval"])
    return "" if low == high else f" (95% interval {low} to {high})"


def _formed(row: Json) -> str:
    if row["value"] is None:
        return "none"
    return formats.number(row["value"], row["form"])


def unlinked(figures: Figures, there: There, known: There) -> list[str]:
    """How many records have no link, and why."""
    records = figures.counts.get("records") or {}
    found = [
        f"{count(n)} of {count(records.get(name))} records of {name} ({percent(n / records[name])}) "
        f"{'has' if n == 1 else 'have'} no link."
        for name, n in figures.unlinked.items()
        if records.get(name)
    ]
    reasons = (there.get("unlinked") or {}).get("reasons") or ()
    for source in dict.fromkeys(row["source"] for row in reasons):
        each = [f"{row['reason']} {count(row['records'])}" for row in reasons if row["source"] == source]
        found.append(f"Reasons in {source}: {listed(each)}.")
    return found or ["The run did not count them."]


def bias(figures: Figures, there: There, known: There) -> list[str]:
    """How linked and unlinked records differ, and the groups that differ to speak of."""
    tables = [one for one in there.get("missed") or () if one["difference"] is not None]
    if not tables:
        return ["Linked and unlinked records were not compared by subgroup."]
    found = [
        f"Groups whose shares among linked and unlinked records differ by {UNLIKE} standard deviations or "
        "more (the standardised difference, with its 95% interval; negative: less often linked):"
    ]
    alike = []
    for one in tables:
        name = table_name(one)
        apart = [row for row in one["groups"] if abs(row.get("difference") or 0.0) >= UNLIKE]
        if not apart:
            alike.append(name)
            continue
        apart.sort(key=lambda row: -abs(row["difference"]))
        more = len(apart) - MOST_GROUPS
        each = [_group(row) for row in apart[:MOST_GROUPS]]
        rest = [f"{more} more in the table"] if more > 0 else []
        found.append(f"{name}: {listed([*each, *rest])}.")
    if len(found) == 1:
        found = []
    if alike:
        found.append(f"In no group of {listed(alike)} is the standardised difference {UNLIKE} or more.")
    return found


def _group(row: Json) -> str:
    low, high = row.get("difference_low"), row.get("difference_high")
    limits = "" if low is None else f" ({formats.signed(low, 2)} to {formats.signed(high, 2)})"
    return f"{row['group']} {formats.signed(row['difference'], 2)}{limits}"
