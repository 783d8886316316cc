"""Dates, as they are written in a column, as ISO 8601."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tallystick._schema import Settings
from tallystick.preparation.dates.calendar import EARLIEST, Numbers, exists, iso
from tallystick.preparation.dates.centuries import TwoDigitYears, full_years
from tallystick.preparation.dates.formats import form_of
from tallystick.preparation.dates.forms import UNREAD, Form, Parts, read_forms, usual_forms
from tallystick.preparation.dates.names import Language, months
from tallystick.preparation.dates.order import Order, Ordered, tell_order
from tallystick.preparation.dates.roman import TEN_OR_UNKNOWN, tell_ten
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep, differs, mask

_ISO = Form("ISO 8601", r"^(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?$")
_SUSPICIOUS_SHARE = 0.01
_SUSPICIOUS_LEAST = 10
_SUSPICIOUS = r"-(01-01|11-11|12-31)$|^1899-12-30$"


class DateParts(Settings):
    """Fields that the parts of a date are written to.

    Attributes
    ----------
    year, month, day : str, optional
        Names of fields; a part without one is not written.
    """

    year: str | None = None
    month: str | None = None
    day: str | None = None

    @model_validator(mode="after")
    def _fields_differ(self) -> DateParts:
        if len(set(self.fields())) < len(self.fields()):
            raise ValueError("two parts of a date cannot go to one field")
        return self

    def fields(self) -> tuple[str, ...]:
        """The fields that are named."""
        return tuple(name for name in (self.year, self.month, self.day) if name is not None)

    def columns(self, year: Numbers, month: Numbers, day: Numbers, known: Mask) -> dict[str, pl.Series]:
        """The parts as columns of text without leading zeros; what is 0 or not `known` is missing."""
        named = {self.year: year, self.month: month, self.day: day}
        return {
            name: pl.Series(name, part).set(pl.Series(~known | (part <= 0)), None).cast(pl.String)
            for name, part in named.items()
            if name is not None
        }


class Date(PreparationStep):
    """Write dates by ISO 8601; the order of day and month is told from the column.

    Of a date whose day or month is not known the known part is written: ``1980-05``, ``1980``. What can be
    read in two ways is left missing and reported.

    Attributes
    ----------
    formats : tuple of str
        Formats of ``strptime``, the first that fits counts, instead of detection. ISO 8601 is read besides.
    order : {"detect", "day_first", "month_first"}
        Of dates such as 05/06/1980. A year of four digits in front is recognised in any case.
    evidence : float
        Of the records with such a date, the share whose date can be read in one order only that it takes to
        read the others in this order.
    against : float
        Of these, the share that may be readable in another order only, slips of those who wrote them.
    two_digit_years : {"pivot": n} or "latest", optional
        The century of years of two digits: 00 to n are of 2000 to 2099 and the others of 1900 to 1999; or the
        latest year with which the date is not after the source's reference date. Without a rule such dates
        are missing.
    language : str, optional
        Language whose month names come first and may be shortened at will; the names of all languages that
        come with the package are read besides.
    into : DateParts, optional
        Fields for year, month and day, besides the date itself.
    wrong : {"missing", "keep"}
        What becomes of a value that is no date.
    """

    type: Literal["date"] = "date"
    formats: tuple[str, ...] = ()
    order: Order = "detect"
    evidence: Annotated[float, Field(ge=0, le=1)] = 0.01
    against: Annotated[float, Field(ge=0, lt=0.5)] = 0.02
    two_digit_years: TwoDigitYears = None
    language: Language | None = None
    into: DateParts = DateParts()
    wrong: Literal["missing", "keep"] = "missing"

    @model_validator(mode="after")
    def _formats_are_known(self) -> Date:
        for pattern in self.formats:
            form_of(pattern)
        return self

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes when it is one of a field's steps."""
        return (name, *self.into.fields())

    def dates(self, name: str) -> tuple[str, ...]:
        """Fields that the step writes as dates (ISO 8601)."""
        return (name,)

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others (see `PreparationStep.apply`)."""
        old = values.to_series()
        forms = (_ISO, *map(form_of, self.formats)) if self.formats else usual_forms()
        texts, ten_or_unknown = tell_ten(old)
        parts = read_forms(texts, forms, months(self.language), times=not self.formats)
        told = tell_order(parts, n_records, self.order, self.evidence, self.against)
        if told.order == "month_first":
            ten_or_unknown &= ~parts.open  # "05/x/1980" is of May
        years = _years(parts, told, self.two_digit_years, context)
        found = _judged(old, parts, told, years, ten_or_unknown, read_by_form=not self.formats)
        new = iso(years, told.month, told.day, found.good)
        if self.wrong == "keep":
            new = old.zip_with(pl.Series(found.wrong), new)
        new = new.alias(old.name)
        columns = {
            old.name: new,
            **self.into.columns(years, np.where(found.good, told.month, 0), _days(told), found.good),
        }
        changed = _rules(old, new, parts, told, forms, found, stated=self.order != "detect")
        reported = dict(found.reasons)
        if (suspicious := _suspicious(new, n_records, found.good)) is not None:
            reported["suspicious: the commonest date, a first or last day of the year or such"] = suspicious
        return Applied(columns, changed, reported)


@dataclass(frozen=True)
class _Judged:
    """Which values are dates, which are none, and why the others are left missing."""

    good: Mask
    wrong: Mask
    reasons: dict[str, Mask] = field(default_factory=dict)


def _days(told: Ordered) -> Numbers:
    """Days; without a month they are unknown too."""
    return np.where(told.month > 0, told.day, 0).astype(np.int32)


def _years(parts: Parts, told: Ordered, rule: TwoDigitYears, context: Context) -> Numbers:
    """Years of four digits; -1 where there is none."""
    short = told.two_digits >= 0
    if rule is None or not short.any():
        return np.where(short, -1, parts.year).astype(np.int32)
    full = full_years(told.two_digits, told.month, told.day, rule, context.source, context.reference_date)
    return np.where(short, full, parts.year).astype(np.int32)


def _judged(
    old: pl.Series, parts: Parts, told: Ordered, years: Numbers, ten_or_unknown: Mask, *, read_by_form: bool
) -> _Judged:
    """Sort values into dates, wrong ones and undecided ones; every reason holds values of its own."""
    there = mask(old.is_not_null())
    read = parts.form != UNREAD
    number = mask(old.str.contains(r"^\s*\d{3,7}(\.\d+)?\s*$")) & there & ~read
    none = "a number; perhaps a spreadsheet's count of days, or a date without separators"
    wrong: dict[str, Mask] = {
        none: number,
        "not in a known form" if read_by_form else "not in a stated format": there & ~read & ~number,
        "no such day or month": told.impossible,
        "no such day or month in the stated order, only in another": told.contrary,
    }
    possible = read & ~told.impossible & ~told.contrary
    decided = possible & ~told.ambiguous & ~ten_or_unknown
    no_rule = decided & (told.two_digits >= 0) & (years < 0)
    early = decided & (years < EARLIEST) & ~no_rule
    gone = decided & ~no_rule & ~early & ~exists(np.maximum(years, 0), told.month, told.day)
    wrong[f"a year before {EARLIEST}"] = early
    wrong["no such day or month"] = wrong["no such day or month"] | gone
    evidence = told.evidence
    counts = (
        f"{evidence.day_first:,} records can only be day first, {evidence.month_first:,} only month first"
    )
    if evidence.year_first:
        counts += f", {evidence.year_first:,} only year first"
    undecided = {
        f"day or month first is not known ({counts}, {evidence.either:,} either)": told.ambiguous
        & ~ten_or_unknown,
        TEN_OR_UNKNOWN: possible & ten_or_unknown,
        "a year of two digits without a rule for its century": no_rule,
    }
    every = met({**wrong, **undecided})
    return _Judged(
        good=decided & ~no_rule & ~early & ~gone, wrong=np.any(list(wrong.values()), axis=0), reasons=every
    )


def _rules(
    old: pl.Series,
    new: pl.Series,
    parts: Parts,
    told: Ordered,
    forms: tuple[Form, ...],
    found: _Judged,
    *,
    stated: bool,
) -> dict[str, Mask]:
    """Which rule changed which values; what was left out of a date is counted besides."""
    changed = differs(old, new)
    good = changed & found.good
    rules: dict[str, Mask] = {}
    evidence = told.evidence
    orders = {name: getattr(evidence, name) for name in ("day_first", "month_first", "year_first")}
    others = sum(orders.values()) - orders.get(told.order or "", 0)
    if stated:
        why = "as stated"
    elif others:
        why = f"as {orders[told.order or '']:,} records tell against {others:,}" if told.order else ""
    else:
        why = "as the column tells"
    for name in ("day_first", "month_first", "year_first"):
        first = good & getattr(told, name)
        words = name.replace("_", " ")
        if told.order == name:
            rules[f"{words}, {why}"] = first
        else:
            rules[f"{words} is the only way to read it"] = first & (told.day != told.month)
            rules["day and month are the same"] = rules.get("day and month are the same", False) | (
                first & (told.day == told.month)
            )
    for index, form in enumerate(forms):
        here = good & (parts.form == index) & ~parts.open
        rules[form.rule] = rules.get(form.rule, np.zeros_like(here)) | here
    rules["time of day left out"] = good & parts.timed
    rules["two-digit year in full"] = good & (told.two_digits >= 0)
    rules["unknown day or month left out"] = good & _left_out(parts, told, forms)
    rules["no date that can be read: set missing"] = changed & ~found.good
    return met(rules)


def _left_out(parts: Parts, told: Ordered, forms: tuple[Form, ...]) -> Mask:
    """Where the form has a place for the day or the month, and it is not known."""
    has_day = np.array([any(group in form.pattern for group in ("<day>", "<q>")) for form in forms])
    has_month = np.array([any(group in form.pattern for group in ("<month>", "<q>")) for form in forms])
    unknown: Mask = ((told.day == 0) & has_day[parts.form]) | ((told.month == 0) & has_month[parts.form])
    return unknown


def _suspicious(new: pl.Series, n_records: NDArray[np.int64], good: Mask) -> Mask | None:
    """The values of the commonest date, where it looks like one that was put in for lack of a date."""
    counts = (
        pl.DataFrame({"date": new, "records": n_records})
        .filter(pl.Series(good))
        .group_by("date")
        .agg(pl.col("records").sum())
        .sort("records", "date", descending=[True, False])
    )
    if not len(counts):
        return None
    date, records = counts.row(0)
    least = max(_SUSPICIOUS_LEAST, _SUSPICIOUS_SHARE * int(n_records[good].sum()))
    if records <= least or not counts["date"].head(1).str.contains(_SUSPICIOUS).item():
        return None
    return good & mask(new == date)
