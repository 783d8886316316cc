"""Subgroups as they are written on a command line, and their tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tallystick._formats import aligned
from tallystick.errors import InputError
from tallystick.quality.subgroups import Subgroup

WRITTEN = "COLUMN, or COLUMN:first=2, COLUMN:width=10, COLUMN:age, COLUMN:age:width=5, COLUMN:age=2021-03-21"

TOO_SMALL = "the groups are too small to be shown."


def parse_subgroup(text: str) -> Subgroup:
    """A subgroup as it is written after ``--by``.

    Parameters
    ----------
    text : str
        The name of a field or column, and behind colons ``first=N``, ``width=N``, ``bands=A,B,...``, ``age``
        or ``age=DATE``.

    Returns
    -------
    Subgroup

    Raises
    ------
    InputError
        Where it is written otherwise.

    Examples
    --------
    >>> parse_subgroup("postcode:first=2").first
    2
    """
    name, *rest = text.split(":")
    values: dict[str, Any] = {"field": name}
    for part in rest:
        key, sign, value = part.partition("=")
        try:
            if key == "first":
                values["first"] = int(value)
            elif key == "width":
                values["width"] = float(value)
            elif key == "bands":
                values["bands"] = tuple(float(one) for one in value.split(","))
            elif key == "age":
                values["age"] = True
                if sign:
                    values["reference_date"] = date.fromisoformat(value)
            else:
                raise ValueError
        except ValueError:
            raise InputError(f"--by {text}: {part!r} is not understood, expected {WRITTEN}.") from None
    return Subgroup(**values)


def missed_text(figures: Mapping[str, Any]) -> str:
    """Rates of linkage by subgroup, a table each.

    Parameters
    ----------
    figures : mapping
        What `tallystick.linkage.evaluation.missed.missed_figures` gives.

    Returns
    -------
    str
    """
    lines = []
    for source in figures["sources"]:
        rate = _shares(source["rate"], source["rate_low"], source["rate_high"])
        lines.append(
            f"{source['source']}: {source['linked']:,} of {source['records']:,} records linked, {rate}"
        )
        for by in source["subgroups"]:
            whole = _numbers(by["difference"], by["low"], by["high"])
            lines += ["", f"{by['name']}: standardised difference of linked and unlinked records {whole}"]
            rows = [
                [
                    row["group"],
                    f"{row['records']:,}",
                    f"{row['linked']:,}",
                    _shares(row["rate"], row["rate_low"], row["rate_high"]),
                    _share(row["share_linked"]),
                    _share(row["share_unlinked"]),
                    _numbers(row["difference"], row["difference_low"], row["difference_high"]),
                ]
                for row in by["groups"]
            ]
            if not rows:
                lines[-1] = f"{by['name']}: {TOO_SMALL}"
                continue
            heads = ["group", "records", "linked", "rate", "of linked", "of unlinked", "difference"]
            lines += aligned(heads, rows)
            if (mean := by.get("mean")) is not None:
                differ = _numbers(mean["difference"], mean["low"], mean["high"])
                lines.append(
                    f"mean: linked {mean['linked']:.2f}, unlinked {mean['unlinked']:.2f}, standardised "
                    f"difference {differ}"
                )
        lines.append("")
    level = f"Intervals of {100 * figures['level']:.0f} %; groups of fewer than {figures['smallest']} records"
    return "\n".join([*lines, f"{level} are put together."])


def truth_text(by: Sequence[Mapping[str, Any]]) -> list[str]:
    """Precision and recall by subgroup, a table each, as lines."""
    lines = []
    for source in by:
        for one in source["subgroups"]:
            rows = [
                [
                    row["group"],
                    f"{row['matches']:,}",
                    f"{row['links']:,}",
                    _shares(row["precision"], row["precision_low"], row["precision_high"]),
                    _shares(row["recall"], row["recall_low"], row["recall_high"]),
                ]
                for row in one["groups"]
            ]
            if not rows:
                lines += ["", f"{one['name']} of {source['source']}: {TOO_SMALL}"]
                continue
            lines += ["", f"{one['name']} of {source['source']}:"]
            lines += aligned(["group", "true", "links", "precision", "recall"], rows)
    return lines


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


def _shares(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "none"
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _numbers(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "none"
    # Adding 0 makes a 0 of a negative one.
    shown = [f"{round(one, 2) + 0.0:.2f}" for one in (value, low, high)]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"
