"""Logical edits: rules that a record, or the records of a household, must not break.

A rule is an expression of SQL that tells what is *wrong*, over fields as they are prepared. Of a record that
lacks a value that it needs, it says nothing.
"""

from __future__ import annotations

import re
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError
from pydantic import Field, field_validator, model_validator

from tallystick._schema import Settings
from tallystick.errors import InputError

Action = Literal["flag", "set_missing", "drop"]


class Edit(Settings):
    """One rule, and what is done with records that fail it.

    Attributes
    ----------
    name : str
        What the table of failures calls the rule.
    fails_if : str
        What is wrong, in SQL: ``marital_status = 'married' AND age < 14``. With `group` it may use
        aggregates over the records of a group: ``SUM(relation = 'head') > 1``.
    group : str, optional
        Field that says which records belong together, such as a household. Records without it are not judged.
    action : {"flag", "set_missing", "drop"}
        Whether a record that fails is only listed, loses its values of `fields`, or is taken out.
    fields : tuple of str, optional
        Fields that are set missing, and that the table names; by default those of the expression.
    severity : {"error", "warning"}
        How bad it is, for the table.
    sources : tuple of str
        Names of the sources in which it is asked; by default all.
    """

    name: str = Field(min_length=1)
    fails_if: str
    group: str | None = None
    action: Action = "flag"
    fields: tuple[str, ...] | None = Field(default=None, min_length=1)
    severity: Literal["error", "warning"] = "error"
    sources: tuple[str, ...] = ()

    @field_validator("fails_if")
    @classmethod
    def _is_an_expression(cls, value: str) -> str:
        if any(name.startswith("_POLARS") for name in fields_of_expression(value)):
            raise ValueError(f"found {value!r}, expected an expression without a SELECT of its own")
        return value

    @model_validator(mode="after")
    def _names_a_field(self) -> Edit:
        if not fields_of_expression(self.fails_if) and self.group is None:
            raise ValueError(
                f"found {self.fails_if!r}, which names no field; expected what is wrong with a record"
            )
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Fields that the rule reads."""
        own = fields_of_expression(self.fails_if)
        return tuple(dict.fromkeys([*own, *([self.group] if self.group else []), *(self.fields or ())]))

    @property
    def blames(self) -> tuple[str, ...]:
        """Fields that a failure is put down to."""
        return self.fields or fields_of_expression(self.fails_if) or (self.group or "",)


def fields_of_expression(text: str) -> tuple[str, ...]:
    """Fields that an expression of SQL reads, each once.

    Examples
    --------
    >>> fields_of_expression("marital_status = 'married' AND age < 14")
    ('marital_status', 'age')
    """
    try:
        return tuple(dict.fromkeys(pl.sql_expr(text).meta.root_names()))
    except PolarsError as error:
        said = str(error).partition("\n")[0]
        why = (
            "something is missing in it; check its brackets, quotes and operators"
            if said.startswith("unable to parse")
            else said
        )
        raise ValueError(f"the expression {text!r} cannot be read as SQL: {why}") from None


def typed(values: pl.Series, kind: str) -> pl.Series:
    """Text as values of a type; null where a text is none.

    Examples
    --------
    >>> typed(pl.Series(["12", "x"]), "integer").to_list()
    [12, None]
    """
    if kind == "integer":
        return values.str.strip_chars().cast(pl.Int64, strict=False)
    if kind == "number":
        return values.str.strip_chars().cast(pl.Float64, strict=False)
    if kind == "date":
        return values.str.to_date("%Y-%m-%d", strict=False)
    return values


def judge(edit: Edit, frame: pl.DataFrame) -> pl.Series:
    """Which records fail a rule.

    Parameters
    ----------
    edit : Edit
    frame : polars.DataFrame
        The fields that it reads, of their types, a row a record.

    Returns
    -------
    polars.Series
        True where a record fails, null where it cannot be judged.

    Raises
    ------
    InputError
        If the expression does not go with the types of the fields, is no condition, or holds for all of
        several records.

    Examples
    --------
    >>> rule = Edit(name="child head", fails_if="relation = 'head' AND age < 14")
    >>> judge(rule, pl.DataFrame({"relation": ["head", "child", "head"], "age": [9, 9, None]})).to_list()
    [True, False, None]
    """
    expression = pl.sql_expr(edit.fails_if)
    if edit.group is not None:
        known = pl.col(edit.group).is_not_null()
        expression = pl.when(known).then(expression.over(edit.group))
    try:
        found = frame.select(expression.alias(edit.name)).to_series()
    except PolarsError as error:
        # What follows these words may name values of records.
        said = re.split(r" in column| for \d+ out of|: \[", str(error).partition("\n")[0])[0]
        raise InputError(
            f"the rule {edit.fails_if!r} does not go with the values ({said}): say of what type its fields "
            "are under prepare.types (integer, number or date; a date is compared with DATE '1980-01-31')."
        ) from None
    if found.dtype != pl.Boolean:
        raise InputError(
            f"the rule {edit.fails_if!r} gives values of type {found.dtype}, expected a condition that is "
            "true or false."
        )
    if len(found) == 1 < frame.height:
        raise InputError(
            f"the rule {edit.fails_if!r} tells one thing of the whole file: give the field that says which "
            "records belong together as group."
        )
    judged = found.drop_nulls()
    if len(judged) > 1 and 2 * len(judged) >= frame.height and bool(judged.all()):
        which = "" if len(judged) == frame.height else " that it can judge"
        raise InputError(
            f"the rule {edit.fails_if!r} fails for all {len(judged):,} records{which}: fails_if has to say "
            "what is wrong with a record, not what is right."
        )
    return found
