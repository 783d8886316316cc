"""The codes that a field may hold, and what stands for them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, StrictBool, model_validator

from tallystick.errors import InputError
from tallystick.preparation.steps.checked import met
from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep, differs, mask
from tallystick.preparation.words.files import read_dictionary


class CodeList(PreparationStep):
    """Write values as codes of a list, and count those that are outside it.

    Attributes
    ----------
    codes : tuple of str
        The codes that are allowed. Where none are given, those that `recode` and the file lead to.
    recode : dict of str to str
        Value to the code that it becomes.
    path : str, optional
        File with columns ``value`` and ``code``: more recodes.
    fold_case : bool
        Find codes and values whatever the case of their letters.
    outside : {"missing", "keep", "error"}
        What becomes of a value that is neither a code nor recoded: missing, unchanged, or the run stops.
    """

    type: Literal["codes"] = "codes"
    paths: ClassVar[tuple[str, ...]] = ("path",)

    codes: tuple[str, ...] = ()
    recode: dict[str, str] = Field(default_factory=dict)
    path: str | None = None
    fold_case: StrictBool = True
    outside: Literal["missing", "keep", "error"] = "missing"

    @model_validator(mode="after")
    def _recodes_lead_to_codes(self) -> CodeList:
        if not (self.codes or self.recode or self.path):
            raise ValueError("a code list needs codes, recode or path")
        if blank := [
            code for code in (*self.codes, *self.recode.values()) if not code or code != code.strip()
        ]:
            raise ValueError(f"the code {blank[0]!r} is empty or has spaces around it")
        self._table(self.recode, "recode")
        return self

    def check(self) -> None:
        """Raise `InputError` where the file cannot be used (see `PreparationStep.check`)."""
        self._all()

    def _all(self) -> dict[str, str]:
        """Every value that is known, as it is looked up, to its code."""
        if self.path is None:
            return self._table(self.recode, "recode")
        file = read_dictionary(self.path, ["value", "code"], "code list")
        recode = dict(self.recode)
        table: dict[str, str] = {}
        for row, (value, code) in enumerate(file.rows(), start=1):
            key = self._key(value)
            if table.setdefault(key, code) != code:
                raise InputError(
                    f"{self.path}: row {row} gives a value another code than a row before it; take one out."
                )
            recode.setdefault(value, code)
        try:
            return self._table(recode, str(self.path))
        except ValueError as error:
            raise InputError(f"{self.path}: {error}; correct the file or the codes.") from None

    def _key(self, value: str) -> str:
        return value.strip().lower() if self.fold_case else value.strip()

    def _table(self, recode: Mapping[str, str], where: str) -> dict[str, str]:
        """Looked-up form to code; ValueError where a code is unknown or would be recoded itself."""
        table: dict[str, str] = {}
        for code in self.codes or sorted(set(recode.values())):
            if table.setdefault(self._key(code), code) != code:
                raise ValueError(f"the codes {table[self._key(code)]!r} and {code!r} differ in case only")
        allowed = set(table.values())
        seen: dict[str, str] = {}
        for value, code in recode.items():
            key = self._key(value)
            if code not in allowed:
                raise ValueError(f"{where} makes {value!r} {code!r}, which is not one of the codes")
            if key in table and table[key] != code:
                raise ValueError(f"{where} makes {value!r}, which is a code itself, {code!r}: a chain")
            if seen.setdefault(key, code) != code:
                raise ValueError(f"{where} gives {value!r} two codes, {seen[key]!r} and {code!r}")
        return table | seen

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Turn distinct values into others (see `PreparationStep.apply`)."""
        old = values.to_series()
        table = self._all()
        keys = old.str.strip_chars()
        if self.fold_case:
            keys = keys.str.to_lowercase()
        found = keys.replace_strict(table, default=None, return_dtype=pl.String)
        outside = mask(old.is_not_null() & found.is_null())
        if self.outside == "error" and outside.any():
            raise InputError(
                f"{int(n_records[outside].sum()):,} records of the field {old.name!r} hold "
                f"{int(outside.sum()):,} values outside its code list; add them to codes or recode, or set "
                'outside = "missing".'
            )
        new = found if self.outside != "keep" else found.zip_with(~pl.Series(outside), old)
        new = new.alias(old.name)
        return Applied(
            {old.name: new}, _rules(old, new, table, outside), met({"outside the code list": outside})
        )


def _rules(old: pl.Series, new: pl.Series, table: Mapping[str, str], outside: Mask) -> dict[str, Mask]:
    """One rule for each code that something else became."""
    changed = differs(old, new)
    rules = {
        f'becomes "{code}"': changed & mask(new == code) & ~outside for code in sorted(set(table.values()))
    }
    rules["outside the code list: set missing"] = changed & outside
    return met(rules)
