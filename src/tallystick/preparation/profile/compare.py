"""Two files side by side, field by field: types, coding, lengths, gaps, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from tallystick._formats import percent
from tallystick.preparation.profile.columns import Column
from tallystick.preparation.profile.values import LISTED, TopValue, value_dicts
from tallystick.preparation.steps.step import mask

GAP = 0.1
"""Difference of the shares of missing values from which on it is told."""
LENGTH = 1.25
"""Ratio of mean lengths from which on it is told."""
WRITTEN_ALIKE = 0.5
"""Share of pattern classes in common below which it is told."""
FEW_FOUND = 0.1
"""Share of records whose value the other file has, below which it is told."""


@dataclass(frozen=True)
class Coverage:
    """How much of one file's field the other file has.

    Attributes
    ----------
    values : float or None
        Share of the distinct values; None where there are none.
    records : float or None
        Share of the records with a value.
    only : tuple of TopValue
        Of a field of few values, those that the other file never has.
    n_distinct : int
        Distinct values of the field.
    """

    values: float | None
    records: float | None
    only: tuple[TopValue, ...]
    n_distinct: int


@dataclass(frozen=True)
class FieldComparison:
    """One field in two files.

    Attributes
    ----------
    field : str
    left, right : Coverage
        Of the first file by the second, and the other way round.
    shapes_in_common : float
        Sum over pattern classes of the smaller of the two shares: 1 where both files write values alike.
    differences : tuple of str
        What differs, in words.
    """

    field: str
    left: Coverage
    right: Coverage
    shapes_in_common: float
    differences: tuple[str, ...]

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON; values are masked unless they are asked for."""
        return {
            "field": self.field,
            **{
                side: {
                    "values_found": own.values,
                    "records_found": own.records,
                    "only_here": value_dicts(own.only, own.n_distinct, show_values),
                }
                for side, own in (("left", self.left), ("right", self.right))
            },
            "shapes_in_common": self.shapes_in_common,
            "differences": list(self.differences),
        }


def compare_fields(left: Column, right: Column, names: tuple[str, str]) -> FieldComparison:
    """Compare a field of two files.

    Parameters
    ----------
    left, right : Column
    names : tuple of str
        Of the two sources.

    Returns
    -------
    FieldComparison

    Examples
    --------
    >>> from tallystick.preparation.profile.columns import code_column
    >>> one, other = (code_column(pl.Series("sex", list(codes))) for codes in ("mff", "122"))
    >>> found = compare_fields(one, other, ("a", "b"))
    >>> found.left.records, found.shapes_in_common
    (0.0, 0.0)
    """
    covered = _coverage(left, right), _coverage(right, left)
    alike = _in_common(left, right)
    differences: list[str] = []
    if left.looks_like != right.looks_like:
        differences.append(f"type: {left.looks_like} in {names[0]}, {right.looks_like} in {names[1]}")
    elif left.stored != right.stored:
        differences.append(f"stored as {left.stored} in {names[0]} and as {right.stored} in {names[1]}")
    if left.n_present and right.n_present:
        differences += _written(left, right, alike, names)
        for own, other, cover in ((0, 1, covered[0]), (1, 0, covered[1])):
            if cover.only:
                n, share = len(cover.only), 1 - (cover.records or 0.0)
                differences.append(
                    f"coding: {n} value{'s' * (n > 1)} of {names[own]} ({percent(share)} of its records) "
                    f"never occur{'s' * (n == 1)} in {names[other]}"
                )
            elif (cover.records or 0.0) < FEW_FOUND:
                differences.append(
                    f"coverage: {percent(cover.records)} of the records of {names[own]} have a value that "
                    f"{names[other]} has"
                )
    gaps = [1 - one.n_present / one.n_records for one in (left, right)]
    if abs(gaps[0] - gaps[1]) >= GAP:
        differences.append(f"missing: {percent(gaps[0])} in {names[0]}, {percent(gaps[1])} in {names[1]}")
    return FieldComparison(left.name, *covered, alike, tuple(differences))


def _written(left: Column, right: Column, alike: float, names: tuple[str, str]) -> list[str]:
    told = []
    means = [float(one.lengths.prod(axis=1).sum()) / one.n_present for one in (left, right)]
    if max(means) > LENGTH * min(means):
        told.append(
            f"length: {means[0]:.1f} characters in {names[0]}, {means[1]:.1f} in {names[1]} on average"
        )
    if alike < WRITTEN_ALIKE:
        told.append(
            f"pattern: mostly {left.shapes[0].pattern} in {names[0]}, {right.shapes[0].pattern} in {names[1]}"
        )
    return told


def _coverage(own: Column, other: Column) -> Coverage:
    if not own.n_present:
        return Coverage(None, None, (), 0)
    found = mask(own.values.is_in(other.values.implode()))
    only: tuple[TopValue, ...] = ()
    # Codes: in both files few values, which most records share.
    few = max(len(own.values), len(other.values)) <= LISTED
    if few and other.n_present and "category" in (own.looks_like, other.looks_like):
        lacking = pl.DataFrame({"value": own.values, "n": own.counts}).filter(pl.Series(~found))
        in_order = lacking.sort("n", "value", descending=[True, False])
        only = tuple(TopValue(value, n) for value, n in in_order.iter_rows())
    records = float(own.counts[found].sum()) / own.n_present
    return Coverage(float(found.mean()), records, only, len(own.values))


def _in_common(left: Column, right: Column) -> float:
    if not left.n_present or not right.n_present:
        return 0.0
    shares = [{one.pattern: one.n / side.n_present for one in side.shapes} for side in (left, right)]
    return sum(min(share, shares[1].get(pattern, 0.0)) for pattern, share in shares[0].items())
