"""Labels that mean that there is no value."""

from __future__ import annotations

from typing import Literal

import polars as pl

from tallystick.preparation.steps.step import Change, Context, Mask, TextStep, mask
from tallystick.preparation.words.files import shipped


class MissingLabels(TextStep):
    """Set values missing that only say that there is none, such as ``N/A``, ``UNKNOWN``, ``9999``.

    A value is such a label where it equals one after folding case and removing spaces around it; what holds a
    label among other words stays.

    Attributes
    ----------
    labels : tuple of str, optional
        Labels instead of the usual ones (``preparation/words/missing_labels.csv``).
    add : tuple of str
        Labels more than these.
    keep : tuple of str
        Labels that are values here: ``null`` where persons have that surname.
    """

    type: Literal["missing"] = "missing"
    labels: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()

    def all_labels(self) -> list[str]:
        """Labels in the form in which values are looked up, sorted."""
        usual = shipped("missing_labels")["label"].to_list() if self.labels is None else self.labels
        kept = {_folded(label) for label in self.keep}
        return sorted({_folded(label) for label in (*usual, *self.add)} - kept)

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Set labels missing (see `TextStep.change`); each label is a rule."""
        folded = texts.str.strip_chars().str.to_lowercase()
        is_label = folded.is_in(self.all_labels()).fill_null(False)
        empty = mask(folded == "")
        found = {
            f'label "{label}"': mask(folded == label) for label in sorted(folded.filter(is_label).unique())
        }
        if empty.any():
            found["nothing but spaces"] = empty
        missing = mask(is_label) | empty
        return texts.set(pl.Series(missing), None), found, {}


def _folded(label: str) -> str:
    return label.strip().lower()


def is_label(texts: pl.Series) -> Mask:
    """Which texts are one of the usual labels that mean missing."""
    folded = texts.str.strip_chars().str.to_lowercase()
    return mask(folded.is_in(MissingLabels().all_labels()))
