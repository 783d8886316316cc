"""What a profile warns of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick._formats import sentence_list
from tallystick.preparation.profile.compare import FieldComparison
from tallystick.preparation.profile.model import FilesComparison, SourceProfile

_TOLD = ("type", "coverage", "pattern")
"""Differences that a comparison would suffer from; of codings see `CODED`."""
CODED = 0.01
"""Share of the records of a file with a code that the other never has, from which on it is warned of."""


def warnings_of(sources: Sequence[SourceProfile], compared: Sequence[FilesComparison]) -> Iterator[str]:
    """Sentences to read before linking; they hold no value of a record.

    Parameters
    ----------
    sources : sequence of SourceProfile
    compared : sequence of FilesComparison

    Yields
    ------
    str
    """
    for source in sources:
        yield from _labels(source)
        yield from _together(source)
    for two in compared:
        yield from _across_dates(two, {one.name: one for one in sources})
        for one in two.fields:
            found = [text for text in one.differences if text.startswith(_TOLD) or _coded(one, text)]
            if found:
                yield f"{one.field} is not the same in {two.left} and {two.right}: {'; '.join(found)}."


def _labels(source: SourceProfile) -> Iterator[str]:
    found = [one for one in source.fields if one.labels]
    if not found:
        return
    parts = [f"{one.name} ({sum(one.labels.values()):,}: {_some(list(one.labels))})" for one in found]
    yield (
        f"{source.name}: records hold labels that mean missing in {sentence_list(parts)}: set them missing "
        'with the step "missing", or keep those that are values; they count as missing here.'
    )


def _coded(one: FieldComparison, text: str) -> bool:
    found = [side.records for side in (one.left, one.right) if side.only and side.records is not None]
    return text.startswith("coding") and bool(found) and 1 - min(found) >= CODED


def _some(labels: list[str], most: int = 3) -> str:
    shown = ", ".join(f'"{label}"' for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")


def _together(source: SourceProfile) -> Iterator[str]:
    matching = {one.name for one in source.fields if one.role == "matching variable"}
    for found in source.associations:
        if not {found.left, found.right} <= matching:
            continue
        if found.verdict == "associated":
            yield (
                f"{source.name}: {found.left} and {found.right} should not both be matching variables: "
                f"{found.sentence}."
            )
    same = [one for one in source.associations if one.verdict == "same persons"]
    if same:
        yield (
            f"{source.name}: seems to hold persons more than once, since records that agree on "
            f"{same[0].left} and {same[0].right} mostly agree on the other fields, too: chance agreement is "
            "then too high, and association cannot be judged; profile again without duplicates."
        )


def _across_dates(two: FilesComparison, sources: dict[str, SourceProfile]) -> Iterator[str]:
    left, right = sources[two.left], sources[two.right]
    changing = [one.field for one in two.fields if left.field(one.field).kind == "changes"]
    unknown = [one.field for one in two.fields if left.field(one.field).kind == "unknown"]
    dates = left.reference_date, right.reference_date
    change = f"{sentence_list(changing)} change{'s' * (len(changing) == 1)} over time"
    if changing and None in dates:
        yield f"{change}, but the reference dates of {two.left} and {two.right} are not known: give both."
    elif changing and dates[0] != dates[1]:
        yield (
            f"{change}, and {two.left} tells of {dates[0]}, {two.right} of {dates[1]}: a match may disagree "
            "there."
        )
    if unknown and dates[0] != dates[1]:
        yield (
            f"Whether {sentence_list(unknown)} change{'s' * (len(unknown) == 1)} over time is not known, and "
            f"{two.left} and {two.right} tell of different days: say it (--kind FIELD=KIND, or kinds)."
        )
