"""A profile for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tallystick._formats import percent, probability
from tallystick.preparation.profile.kinds import KINDS
from tallystick.preparation.profile.model import FieldProfile, FilesComparison, Profile, SourceProfile
from tallystick.preparation.profile.values import FEWEST, LISTED, shown_values

_SHAPES = 3
_TOP = 3
_WIDEST = 40


def profile_text(profile: Profile, show_values: bool = False) -> str:
    """The profile as plain text.

    Parameters
    ----------
    profile : Profile
    show_values : bool
        Show the most common values as they are; by default their shape, unless they are codes.

    Returns
    -------
    str
    """
    parts = ["\n".join(_source(source, show_values)) for source in profile.sources]
    parts += ["\n".join(_compared(two)) for two in profile.comparisons]
    if profile.warnings:
        parts.append("\n".join(["warnings", *(f"- {text}" for text in profile.warnings)]))
    return "\n\n".join(parts)


def _source(source: SourceProfile, show_values: bool) -> Iterator[str]:
    dated = f", as of {source.reference_date}" if source.reference_date else ""
    yield f"{source.name}: {source.n_records:,} records{dated} ({source.shown})"
    if source.left_out:
        yield f"left out, as preparation wrote it beside the fields: {', '.join(source.left_out)}"
    yield ""
    yield from _table(
        ("field", "type", "kind", "present", "distinct", "bits", "of most", "chance", "role"),
        [_row(one) for one in source.fields],
        right=(3, 4, 5, 6, 7),
    )
    yield "  chance: share of all pairs of records that agree; bits: entropy; of most: of the largest"
    yield ""
    forms = [
        (
            one.name,
            "" if one.lengths is None else f"{one.lengths.least} to {one.lengths.most}",
            _patterns(one, show_values),
            _top(one, show_values),
        )
        for one in source.fields
    ]
    yield from _table(("field", "lengths", "patterns", "most common"), forms)
    if not show_values:
        yield (
            f"  values are masked (x a letter, # a digit; equal masks put together), but those that {FEWEST} "
            f"records share in fields of up to {LISTED} values"
        )
    yield ""
    yield "why"
    for one in source.fields:
        doubts = "".join(f"; {d.n:,} with {d.reason}" for d in one.doubts)
        yield f"  {one.name}: {one.role}: {one.reason}{doubts}"
    if source.combinations:
        yield ""
        yield "matching variables together: share of records made unique"
        for chosen in source.combinations:
            yield f"  {percent(chosen.share):>8}  {' + '.join(chosen.fields)}"
    together = [one for one in source.associations if one.verdict in ("associated", "same persons")]
    if together:
        yield ""
        yield "fields that agree together"
        for found in together:
            same = " (probably the same persons)" if found.verdict == "same persons" else ""
            yield f"  {found.left}, {found.right}{same}: {found.sentence}"


def _row(one: FieldProfile) -> tuple[str, ...]:
    also = " (blocking too)" if one.role == "matching variable" and one.fits_blocking else ""
    return (
        one.name,
        one.looks_like,
        KINDS[one.kind],
        percent(one.completeness),
        f"{one.n_distinct:,}",
        "" if one.entropy is None else f"{one.entropy:.2f}",
        percent(one.entropy_share) if one.entropy_share is not None else "",
        probability(one.chance_agreement) if one.chance_agreement is not None else "",
        one.role + also,
    )


def _patterns(one: FieldProfile, show_values: bool) -> str:
    shown, rest = one.shown_shapes(_SHAPES, show_values)
    parts = [f"{shape.pattern} {_short(shape.n / one.n_present)}" for shape in shown]
    return "  ".join(parts + ([f"({rest.pattern})"] if rest else []))


def _top(one: FieldProfile, show_values: bool) -> str:
    shown = shown_values(one.top, one.n_distinct, show_values)[:_TOP]
    return "  ".join(f"{value.text} {_short(value.n / one.n_present)}" for value in shown)


def _short(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def _compared(two: FilesComparison) -> Iterator[str]:
    yield f"{two.left} and {two.right}"
    yield ""
    rows = [
        (
            one.field,
            percent(one.left.records),
            percent(one.right.records),
            percent(one.shapes_in_common),
            "; ".join(one.differences) or "alike",
        )
        for one in two.fields
    ]
    head = ("field", f"{two.left} found", f"{two.right} found", "patterns", "differences")
    yield from _table(head, rows, right=(1, 2, 3), widest=None)
    yield "  found: share of the records of a file whose value the other file has"
    for name, only in ((two.left, two.only_left), (two.right, two.only_right)):
        if only:
            yield f"  only in {name}: {', '.join(only)}"


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int] = (),
    widest: int | None = _WIDEST,
) -> Iterator[str]:
    """Columns as wide as what they hold; the last one is not cut."""
    cut = [
        [
            text if widest is None or k == len(head) - 1 or len(text) <= widest else text[: widest - 1] + "…"
            for k, text in enumerate(row)
        ]
        for row in (head, *rows)
    ]
    widths = [max(len(row[k]) for row in cut) for k in range(len(head))]
    for row in cut:
        padded = [
            f"{text:>{width}}" if k in right else f"{text:{width}}"
            for k, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(padded).rstrip()
