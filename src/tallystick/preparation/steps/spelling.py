"""Standard spellings by a dictionary."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.steps.step import Change, Context, TextStep, differs
from tallystick.preparation.words.files import read_dictionary


class StandardSpelling(TextStep):
    """Write values in the standard spelling that a dictionary gives.

    Case and spaces around a value do not matter for the look-up. A standard spelling that is itself a variant
    leads on to its own.

    Attributes
    ----------
    dictionary : str
        A file with the columns ``variant`` and ``standard``.
    """

    hints: ClassVar[dict[str, str]] = {"dictionary": 'the path of a file, such as "spellings.csv"'}

    type: Literal["spelling"] = "spelling"
    dictionary: str

    paths: ClassVar[tuple[str, ...]] = ("dictionary",)

    def check(self) -> None:
        """See `PreparationStep.check`."""
        self.standards()

    def standards(self) -> dict[str, str]:
        """Variant, in small letters, to the spelling at the end of its chain."""
        table = read_dictionary(self.dictionary, ("variant", "standard"), "spellings")
        direct: dict[str, str] = {}
        for row, (variant, standard) in enumerate(table.iter_rows(), start=1):
            key = variant.lower()
            if direct.setdefault(key, standard) != standard:
                raise InputError(
                    f"{self.dictionary}: row {row} gives {variant!r} a second standard spelling; "
                    "keep one of the rows."
                )
        return {key: self._end(key, direct) for key in direct}

    def _end(self, key: str, direct: dict[str, str]) -> str:
        passed = [key]
        while True:
            standard = direct[passed[-1]]
            following = standard.lower()
            if following not in direct or following == passed[-1]:
                return standard
            if following in passed:
                circle = " -> ".join([*passed[passed.index(following) :], following])
                raise InputError(
                    f"{self.dictionary}: {following!r} is in the end a variant of itself ({circle}); "
                    "take one of these rows out."
                )
            passed.append(following)

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Write standard spellings (see `TextStep.change`)."""
        standards = self.standards()
        found = (
            texts.str.strip_chars()
            .str.to_lowercase()
            .replace_strict(standards, default=None, return_dtype=pl.String)
        )
        new = found.fill_null(texts)
        changed = differs(texts, new)
        return new, {"standard spelling": changed} if changed.any() else {}, {}
