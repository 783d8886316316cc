"""What a reader cannot take from the figures: known limits of the run, and parts that it does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tallystick import _formats as formats
from tallystick.quality.report.figures import Figures
from tallystick.quality.report.outcomes import table_name
from tallystick.quality.steps import of_step

INCOMPLETE = 0.8
"""A field with a smaller share of values is named."""
UNLIKE = 0.1
"""A standardised difference that is to speak of (Austin 2009, Statistics in Medicine 28, 3083)."""
UNREACHED = 0.01


def limits(figures: Figures, there: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Sentences on what limits the use of the links, the warnings left aside.

    Parameters
    ----------
    figures : Figures
        What is known of the run.
    there : mapping
        The sections that it has, by key.
    known : mapping
        What `checks` gave.

    Returns
    -------
    list of str
    """
    found = list(_of_rates(figures, there))
    if n := len(known["warnings"]):
        stand = "s, which stand" if n > 1 else ", which stands"
        found.append(f"The run gave {n} warning{stand} at the top of the report.")
    if possible := figures.counts.get("possible"):
        judged = "Those that no decision has settled are counted as non-links in the error rates."
        are = formats.counted(possible, "pair is a possible link", "pairs are possible links")
        found.append(f"{are}. {judged}")
    found += _of_fields(there)
    found += _of_reach(there)
    found += _of_groups(there)
    return found


def _of_rates(figures: Figures, there: Mapping[str, Any]) -> Iterator[str]:
    origins = {one["origin"] for one in (there.get("quality") or {}).get("by_origin", ())}
    if not origins:
        yield "No error rates are known: neither does a model estimate them, nor has a sample been judged."
    elif origins == {"model"}:
        yield (
            "Error rates are those that the model expects of itself. No reviewed sample and no truth "
            "confirms them."
        )
    if "audit before" in origins and not origins & {"audit", "truth"}:
        yield (
            "The sample was judged on the links before the decisions of reviewers were applied. Of these "
            "links themselves the error rates are those that the model expects; the rates of the sample with "
            "its errors put right do not know what else the decisions have changed."
        )
    estimated = figures.estimated
    lost = estimated.get("blocking_missed")
    total = (estimated.get("true_links") or 0) + (estimated.get("missed") or 0)
    if lost and lost >= 0.5 and total:
        yield (
            f"About {formats.count(lost)} matches ({formats.percent(lost / total)} of all) are expected "
            "among pairs that no pass compared; no threshold can find them."
        )


def _of_fields(there: Mapping[str, Any]) -> Iterator[str]:
    poor: dict[str, list[str]] = {}
    for row in (there.get("completeness") or {}).get("rows", ()):
        for cell in row["cells"]:
            if cell["share"] is not None and cell["share"] < INCOMPLETE:
                poor.setdefault(cell["source"], []).append(
                    f"{row['field']} ({formats.percent(1 - cell['share'])})"
                )
    for source, fields in poor.items():
        yield f"Often missing in {source}: {formats.sentence_list(fields)}."


def _of_reach(there: Mapping[str, Any]) -> Iterator[str]:
    for reach in (there.get("unlinked") or {}).get("reach", ()):
        for own in reach["sources"]:
            if own["share_below"] and own["share_below"] >= UNREACHED:
                yield (
                    f"{formats.percent(own['share_below'])} of the records of {own['source']} hold too "
                    f"little to reach the upper threshold{of_step(reach['step'])}, whatever they are "
                    "compared with."
                )


def _of_groups(there: Mapping[str, Any]) -> Iterator[str]:
    unlike = [
        table_name(table)
        for table in there.get("missed") or ()
        if (own := next((table[key] for key in ("corrected", "difference") if table[key] is not None), None))
        and abs(own) >= UNLIKE
    ]
    if unlike:
        yield (
            f"Linked and unlinked records differ (standardised difference of {UNLIKE} or more) in "
            f"{formats.sentence_list(unlike)}: what is counted among the links is not what would be counted "
            "among all records."
        )


def absent(figures: Figures, there: Mapping[str, Any]) -> list[dict[str, str]]:
    """A word on each part that the report does not have, and why.

    Parameters
    ----------
    figures : Figures
        What is known of the run.
    there : mapping
        The sections that it has, by key.

    Returns
    -------
    list of dict
        ``part`` and ``why``.
    """
    origins = {one["origin"] for one in (there.get("quality") or {}).get("by_origin", ())}
    words = (
        (
            "em",
            "Path of EM",
            "links are those of match keys, which have no parameters."
            if figures.by_keys_alone
            else "m and u were given, or the steps are match keys, so that nothing was estimated from "
            "patterns.",
        ),
        (
            "values",
            "Common and rare values",
            "no comparison weighs agreement by how common the value is.",
        ),
        ("neighbours", "Second estimate", "it is made where the links of one file are counted one-to-one."),
        (
            "thresholds",
            "Choice of the threshold",
            "the run has no error curve, or at no threshold half of the links are expected to be right.",
        ),
        ("missed", "Who is missed", "the run has no table of subgroups."),
        ("preparation", "Preparation", "the specification has no section [prepare]."),
    )
    found = [{"part": part, "why": why} for key, part, why in words if key not in there]
    if not origins & {"audit", "audit before"}:
        found.append({"part": "Audit sample", "why": "none has been judged (tallystick audit)."})
    if "truth" not in origins:
        found.append({"part": "Known truth", "why": "none was compared with (tallystick evaluate --save)."})
    if "review" not in there:
        found.append({"part": "Clerical review", "why": "none has been applied (tallystick finalise)."})
    return found
