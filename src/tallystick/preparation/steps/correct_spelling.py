"""Rare values that are a frequent one misspelt."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from tallystick.preparation.names.neighbours import one_edit_apart
from tallystick.preparation.nicknames import given_names
from tallystick.preparation.steps.step import Applied, Context, PreparationStep, mask
from tallystick.preparation.words.files import read_dictionary

_CORRECTED = "one edit from a frequent value"
_SEVERAL = "one edit from several frequent values"


class CorrectSpelling(PreparationStep):
    """Correct a rare value that is one edit away from a frequent one, where nothing else explains it.

    A letter changed, added, left out, or two neighbours exchanged is one edit. Frequencies are those of the
    source, case aside. Corrections make frequent values more frequent, so the search is repeated until
    nothing is left to correct; what is itself corrected is nobody's correction. Forenames that a nickname
    dictionary of the package has as names of their own are right, however rare they are.

    Attributes
    ----------
    min_length : int
        Letters that the rare value has to have at least. What holds digits is never corrected.
    ratio : float
        How many times as frequent the frequent value has to be at least.
    least : int
        In how many records it has to be at least.
    same_first_letter : bool
        Whether both have to begin alike: first letters are seldom wrong.
    known : str, optional
        A file with the column ``name``: more values that are right, however rare they are.
    """

    type: Literal["correct_spelling"] = "correct_spelling"
    min_length: Annotated[int, Field(ge=2)] = 5
    ratio: Annotated[float, Field(gt=1)] = 500.0
    least: Annotated[int, Field(ge=2)] = 50
    same_first_letter: bool = True
    known: str | None = None

    paths: ClassVar[tuple[str, ...]] = ("known",)

    def check(self) -> None:
        """See `PreparationStep.check`."""
        self._known()

    def _known(self) -> pl.Series:
        if self.known is None:
            return pl.Series([], dtype=pl.String)
        return read_dictionary(self.known, ("name",), "known names").to_series().str.to_lowercase().unique()

    def apply(self, values: pl.DataFrame, n_records: NDArray[np.int64], context: Context) -> Applied:
        """Correct distinct values (see `PreparationStep.apply`)."""
        texts = values.to_series()
        held = pl.DataFrame({"text": texts, "n": n_records}).with_columns(
            key=pl.col("text").str.to_lowercase()
        )
        counts = held.drop_nulls("key").group_by("key", maintain_order=True).agg(pl.col("n").sum())
        corrections: dict[str, str] = {}
        while True:
            pairs = self._pairs(counts)
            single = pairs.filter(pl.len().over("rare") == 1)
            if not len(single):
                break
            found = dict(single.iter_rows())
            corrections = {old: found.get(new, new) for old, new in corrections.items()} | found
            counts = (
                counts.with_columns(pl.col("key").replace(found))
                .group_by("key", maintain_order=True)
                .agg(pl.col("n").sum())
            )
        several = mask(held["key"].is_in(pairs["rare"].to_list()))
        corrected = mask(held["key"].is_in(list(corrections)))
        new = texts.zip_with(pl.Series(~corrected), held["key"].replace(self._written(held, corrections)))
        return Applied(
            {texts.name: new.alias(texts.name)},
            {_CORRECTED: corrected} if corrected.any() else {},
            {_SEVERAL: several} if several.any() else {},
        )

    def _pairs(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Rare values and the frequent ones that each may be, none of which is rare itself."""
        known = [*self._known(), *given_names()]
        most = counts["n"].max() or 0
        rare = counts.filter(
            (pl.col("n") * self.ratio <= most)
            & (pl.col("key").str.count_matches(r"\p{L}") >= self.min_length)
            & ~pl.col("key").str.contains(r"\d")
            & ~pl.col("key").is_in(known)
        )
        frequent = counts.filter(pl.col("n") >= self.least)
        pairs = (
            one_edit_apart(rare["key"], frequent["key"])
            .join(counts.rename({"key": "rare", "n": "n_rare"}), on="rare", maintain_order="left")
            .join(counts.rename({"key": "frequent", "n": "n_frequent"}), on="frequent", maintain_order="left")
            .filter(pl.col("n_frequent") >= self.ratio * pl.col("n_rare"))
        )
        if self.same_first_letter:
            begins = [pl.col(side).str.slice(0, 1) for side in ("rare", "frequent")]
            pairs = pairs.filter(begins[0] == begins[1])
        return pairs.filter(~pl.col("frequent").is_in(pairs["rare"].to_list())).select("rare", "frequent")

    def _written(self, held: pl.DataFrame, corrections: dict[str, str]) -> dict[str, str]:
        """Corrected values to the way in which the frequent one is written most often."""
        usual = (
            held.filter(pl.col("key").is_in(list(corrections.values())))
            .sort("n", "text", descending=[True, False])
            .unique("key", keep="first")
        )
        forms = dict(zip(usual["key"].to_list(), usual["text"].to_list(), strict=True))
        return {old: forms[new] for old, new in corrections.items()}
