"""Match keys: what each asks for, what it did, and when a pair that agrees on one is a link."""

from __future__ import annotations

from typing import Any

from tallystick import _formats as formats
from tallystick.linking.match_settings import MatchKey
from tallystick.quality.report.figures import Figures


def key_rows(figures: Figures) -> list[dict[str, Any]]:
    """A row for each match key of a linkage by keys alone, in the order in which they were tried."""
    settings = figures.match
    asked = {one.label: agreement(one) for one in settings.keys} if settings else {}
    return [{**row, "asks": asked.get(row["key"], "")} for row in figures.counts.get("keys") or ()]


def agreement(key: MatchKey) -> str:
    """What two records have to agree on.

    Examples
    --------
    >>> agreement(MatchKey(parts=["forename", "surname", "born"], at_least=2))
    'at least 2 of forename, surname and born'
    """
    parts = formats.sentence_list([part.label for part in key.parts])
    some = f"at least {key.least} of " if key.least < len(key.parts) else ""
    return f"the text of {some}{parts} put together" if key.concatenated else f"{some}{parts}"


def rule_of_keys(figures: Figures) -> list[str]:
    """Sentences on when a pair that agrees on a key is a link."""
    settings = figures.match
    if settings is None:
        return []
    if settings.links_of(figures.model.get("kind") or "link") == "many_to_many":
        return ["Every pair of records that agrees on a match key is a link."]
    found = [
        "Links of match keys are one-to-one: a pair is a link where each of its records is, of those still "
        "free, the only one that agrees with the other on the key. Both are set aside then, and the next key "
        "sees the rest.",
        "What agrees on a key and is not unique is ambiguous: it is no link by that key, and no order of "
        "records decides.",
    ]
    ambiguous = figures.counts.get("ambiguous_records")
    if ambiguous is not None:
        words = formats.counted(ambiguous, "record was", "records were")
        found.append(f"{words} ambiguous under some key.")
    return found
