"""Names that stand in one field, taken apart."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from tallystick.errors import InputError
from tallystick.preparation.distinct import map_texts
from tallystick.preparation.extras import require
from tallystick.preparation.names.cultures import CultureName
from tallystick.preparation.names.evidence import Frequencies, Settled, settle
from tallystick.preparation.names.lexicon import plain
from tallystick.preparation.names.library import LibraryParser
from tallystick.preparation.names.parts import PARTS, NameParser, Part, Split, Undecided
from tallystick.preparation.names.rules import RulesParser
from tallystick.preparation.steps.step import Applied, Context, Mask, PreparationStep
from tallystick.preparation.words.files import read_dictionary

_USUAL: tuple[Part, ...] = ("title", "first", "middle", "last", "suffix")
_TURNED = "order told from the frequencies of names"


class SplitName(PreparationStep):
    """Take names apart into title, forename, middle name, surname, suffix.

    The name itself says which is the surname where it has a comma, a surname in capitals, initials at its
    end; else `order` does, or the frequencies of its words in the column and in `forenames` and `surnames`,
    or the custom of the culture. Where they contradict one another the parts are missing, and reported; so
    they are of single words, of two persons and of firms.

    Attributes
    ----------
    into : dict of part to field, optional
        Fields that are written, of the parts ``title``, ``first``, ``middle``, ``last``, ``suffix``,
        ``nickname``, ``maiden``; by default the first five, as NAME_title and so on.
    order : {"auto", "given_first", "surname_first"}
        What stands first, where a name does not say it itself.
    culture : str, optional
        Whose names they are.
    parser : {"rules", "nameparser"}
        That of the package, or the library.
    forenames, surnames : str, optional
        Files with the columns ``name`` and ``records``: how many persons elsewhere have a name.
    """

    type: Literal["split_name"] = "split_name"
    into: dict[Part, str] | None = None
    order: Literal["auto", "given_first", "surname_first"] = "auto"
    culture: CultureName | None = None
    parser: Literal["rules", "nameparser"] = "rules"
    forenames: str | None = None
    surnames: str | None = None

    paths: ClassVar[tuple[str, ...]] = ("forenames", "surnames")

    @field_validator("into")
    @classmethod
    def _fields_differ(cls, into: dict[Part, str] | None) -> dict[Part, str] | None:
        if into is not None and (not into or len(set(into.values())) < len(into)):
            raise ValueError("into needs at least one part, and a field of its own for each")
        return into

    def writes(self, name: str) -> tuple[str, ...]:
        """Fields of the parts (see `PreparationStep.writes`)."""
        return tuple(self._fields(name).values())

    def _fields(self, name: str) -> dict[Part, str]:
        fields = self.into or {part: f"{name}_{part}" for part in _USUAL}
        if name in fields.values():
            raise InputError(
                f"split_name would write a part over the field {name!r} that it reads; name another field "
                "in into."
            )
        return fields

    def check(self) -> None:
        """See `PreparationStep.check`."""
        self._known()
        if self.parser == "nameparser":
            require("nameparser", 'the parser "nameparser"')

    def _known(self) -> Frequencies:
        known = Frequencies()
        for path, counts in ((self.forenames, known.forenames), (self.surnames, known.surnames)):
            if path is None:
                continue
            table = read_dictionary(path, ("name", "records"), "frequencies of names")
            numbers = table["records"].cast(pl.Int64, strict=False)
            wrong = (numbers.is_null() | (numbers < 0)).arg_true()
            if len(wrong):
                raise InputError(
                    f"{path}: row {int(wrong[0]) + 1} has no whole number of records; the column records "
                    "holds how many persons have the name."
                )
            for name, n in zip(table["name"].to_list(), numbers.to_list(), strict=True):
                counts[plain(name)] += n
        return known

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Take distinct names apart (see `PreparationStep.apply`)."""
        names = values.to_series()
        present = np.asarray(names.is_not_null().to_numpy(), bool)
        texts: list[str] = names.drop_nulls().to_list()
        parser: NameParser = (RulesParser if self.parser == "rules" else LibraryParser)(self.culture)
        first = None if self.order == "auto" else self.order == "surname_first"
        splits = map_texts(partial(parser, surname_first=first), texts, context.processes)
        settled = Settled(splits, [False] * len(splits))
        if self.order == "auto":
            settled = settle(texts, splits, n_records[present].tolist(), parser, self._known())
        return self._applied(names.name, settled, present)

    def _applied(self, name: str, settled: Settled, present: Mask) -> Applied:
        found: list[dict[Part, str]] = [one.parts if isinstance(one, Split) else {} for one in settled.splits]
        rows = np.flatnonzero(present)

        def spread(truths: list[bool]) -> Mask:
            mask = np.zeros(len(present), bool)
            mask[rows] = truths
            return mask

        columns = {}
        for part, field in self._fields(name).items():
            column = np.full(len(present), None, object)
            column[rows] = [parts.get(part) for parts in found]
            columns[field] = pl.Series(field, column.tolist(), pl.String)
        changed = {f"{part} found": spread([part in parts for parts in found]) for part in PARTS}
        changed[_TURNED] = spread(settled.turned)
        reported = {why.value: spread([one is why for one in settled.splits]) for why in Undecided}
        return Applied(
            columns,
            {rule: mask for rule, mask in changed.items() if mask.any()},
            {why: mask for why, mask in reported.items() if mask.any()},
        )
