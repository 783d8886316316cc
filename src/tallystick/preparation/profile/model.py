"""What a profile consists of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from tallystick.preparation.profile.associations import Association
from tallystick.preparation.profile.combinations import Combination
from tallystick.preparation.profile.compare import FieldComparison
from tallystick.preparation.profile.criteria import Criterion, Role
from tallystick.preparation.profile.doubts import Doubt
from tallystick.preparation.profile.kinds import Kind
from tallystick.preparation.profile.shapes import Shape
from tallystick.preparation.profile.values import FEWEST, TopValue, value_dicts

FORMAT = "tallystick-profile/1"


@dataclass(frozen=True)
class Lengths:
    """Numbers of characters: the least, the most, the mean over records, and the most common one."""

    least: int
    most: int
    mean: float
    common: int
    common_share: float


@dataclass(frozen=True)
class FieldProfile:
    """One field of one source.

    Attributes
    ----------
    name, column, stored : str
        The field, the column that holds it, and the type in which that is stored.
    looks_like : str
        What values look like: id, date, year, postcode-like code, name, category, number, e-mail or text.
    kind : {"name", "birth", "changes", "unknown"}
        Proper name, fixed at birth, changes over time, or not known.
    kind_from : str
        Who says so: ``field name``, ``user``, or nobody.
    n_records, n_present, n_empty : int
        Records; those with a value; those without one.
    labels : mapping of str to int
        Labels that mean missing, and the records that have them: not present.
    n_distinct, n_once : int
        Distinct values, and those that one record has.
    entropy : float or None
        In bits: the sum over values of -p log2 p, p being their relative frequency. None without a value.
    entropy_share : float or None
        Entropy over the largest possible, log2 of the number of records with a value: 1 where all differ.
    chance_agreement : float or None
        Share of the pairs of records with a value that agree (the unbiased pair form of the sum of squared
        relative frequencies): the u-probability, as long as hardly any person is in the source twice.
    top : tuple of TopValue
        The most common values.
    lengths : Lengths or None
    shapes : tuple of Shape
        Pattern classes, the most common first.
    doubts : tuple of Doubt
        Values that are probably wrong.
    criteria : tuple of Criterion
        Uniqueness, availability, accuracy, stability.
    role : {"matching variable", "blocking variable", "unsuitable"}
    fits_blocking : bool
        Whether a matching variable would do as a blocking variable, too.
    reason : str
        Why it has this role: the criterion that fails.
    """

    name: str
    column: str
    stored: str
    looks_like: str
    kind: Kind
    kind_from: str
    n_records: int
    n_present: int
    n_empty: int
    labels: Mapping[str, int]
    n_distinct: int
    n_once: int
    entropy: float | None
    entropy_share: float | None
    chance_agreement: float | None
    top: tuple[TopValue, ...]
    lengths: Lengths | None
    shapes: tuple[Shape, ...]
    doubts: tuple[Doubt, ...]
    criteria: tuple[Criterion, ...]
    role: Role
    fits_blocking: bool
    reason: str

    @property
    def completeness(self) -> float:
        """Share of the records that have a value."""
        return self.n_present / self.n_records

    def shown_shapes(self, most: int, show_values: bool = False) -> tuple[list[Shape], Shape | None]:
        """The most common pattern classes, and all others as one: rare ones could tell a person."""
        able = [one for one in self.shapes[:most] if show_values or one.n >= FEWEST]
        rest = self.shapes[len(able) :]
        n = sum(one.n for one in rest)
        return able, Shape(f"{len(rest):,} other{'s' * (len(rest) > 1)}", n) if rest else None

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON; values are masked unless they are asked for."""
        shapes, rest = self.shown_shapes(20, show_values)
        lengths = self.lengths
        return {
            "field": self.name,
            "column": self.column,
            "stored": self.stored,
            "looks_like": self.looks_like,
            "kind": self.kind,
            "kind_from": self.kind_from,
            "records": self.n_records,
            "present": self.n_present,
            "empty": self.n_empty,
            "labels": dict(self.labels),
            "completeness": self.completeness,
            "distinct": self.n_distinct,
            "once": self.n_once,
            "entropy_bits": self.entropy,
            "entropy_share": self.entropy_share,
            "chance_agreement": self.chance_agreement,
            "top": value_dicts(self.top, self.n_distinct, show_values),
            "lengths": None if lengths is None else vars(lengths).copy(),
            "shapes": [{"pattern": one.pattern, "records": one.n} for one in shapes],
            "other_shapes": 0 if rest is None else rest.n,
            "doubts": [{"reason": one.reason, "records": one.n} for one in self.doubts],
            "criteria": [vars(one).copy() for one in self.criteria],
            "role": self.role,
            "fits_blocking": self.fits_blocking,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class SourceProfile:
    """One source.

    Attributes
    ----------
    name, shown : str
        Of the source, and where it is.
    n_records : int
    reference_date : date or None
        The day that it tells of.
    fields : tuple of FieldProfile
        In the order of the source.
    combinations : tuple of Combination
        The best one, two, three ... matching variables together.
    associations : tuple of Association
        Every two fields.
    left_out : tuple of str
        Columns that ``tallystick prepare`` wrote beside the fields: raw values and reference numbers.
    """

    name: str
    shown: str
    n_records: int
    reference_date: date | None
    fields: tuple[FieldProfile, ...]
    combinations: tuple[Combination, ...]
    associations: tuple[Association, ...]
    left_out: tuple[str, ...] = ()

    def field(self, name: str) -> FieldProfile:
        """The profile of a field; `KeyError` where there is none of that name."""
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    def association(self, one: str, other: str) -> Association:
        """The association of two fields, in either order; `KeyError` where there is none."""
        for found in self.associations:
            if {found.left, found.right} == {one, other}:
                return found
        raise KeyError((one, other))

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "source": self.name,
            "shown": self.shown,
            "records": self.n_records,
            "reference_date": self.reference_date.isoformat() if self.reference_date else None,
            "left_out": list(self.left_out),
            "fields": [one.to_dict(show_values) for one in self.fields],
            "combinations": [
                {**vars(one), "fields": list(one.fields), "share": one.share} for one in self.combinations
            ],
            "associations": [
                {
                    **vars(one),
                    "phi": one.phi,
                    "right_given_left": one.right_given_left,
                    "left_given_right": one.left_given_right,
                }
                for one in self.associations
            ],
        }


@dataclass(frozen=True)
class FilesComparison:
    """Two sources, field by field.

    Attributes
    ----------
    left, right : str
        Names of the sources.
    fields : tuple of FieldComparison
        Fields that both have.
    only_left, only_right : tuple of str
        Fields that one has alone.
    """

    left: str
    right: str
    fields: tuple[FieldComparison, ...]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "left": self.left,
            "right": self.right,
            "fields": [one.to_dict(show_values) for one in self.fields],
            "only_left": list(self.only_left),
            "only_right": list(self.only_right),
        }


@dataclass(frozen=True)
class Profile:
    """What one or more sources hold, and what each field is good for in a linkage.

    Attributes
    ----------
    sources : tuple of SourceProfile
    comparisons : tuple of FilesComparison
        Every two sources.
    warnings : tuple of str
        What to look at before linking; no value of a record is in them.
    """

    sources: tuple[SourceProfile, ...]
    comparisons: tuple[FilesComparison, ...]
    warnings: tuple[str, ...]

    @property
    def fields(self) -> tuple[FieldProfile, ...]:
        """Fields of the first source."""
        return self.sources[0].fields

    def field(self, name: str) -> FieldProfile:
        """A field of the first source; `KeyError` where there is none of that name."""
        return self.sources[0].field(name)

    def text(self, show_values: bool = False) -> str:
        """For a terminal."""
        from tallystick.preparation.profile.text import profile_text

        return profile_text(self, show_values)

    def __str__(self) -> str:
        return self.text()

    def html(self, path: str | os.PathLike[str], show_values: bool = False) -> None:
        """Write the profile as a web page that needs no network and no script.

        Parameters
        ----------
        path : path
            A file of that name is replaced.
        show_values : bool
            Show the most common values as they are: they are personal data.

        Raises
        ------
        RunError
            If the file cannot be written.
        """
        from tallystick._files import write_text
        from tallystick.preparation.profile.page import render_page

        write_text(path, render_page(self, show_values))

    def to_dict(self, show_values: bool = False) -> dict[str, Any]:
        """Plain data for JSON; values are masked unless they are asked for."""
        return {
            "format": FORMAT,
            "sources": [one.to_dict(show_values) for one in self.sources],
            "comparisons": [one.to_dict(show_values) for one in self.comparisons],
            "warnings": list(self.warnings),
        }
