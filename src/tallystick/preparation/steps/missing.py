"""Values that mean that there is no value."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
from pydantic import StrictBool

from tallystick.preparation.steps.step import Change, Context, Mask, TextStep, mask
from tallystick.preparation.words.files import shipped

_BRACKETS = r"^[(\[{<]\s*(.+?)\s*[)\]}>]$"
_MARKS = r"^[-\u2010-\u2015.,:;?*_/\\#~\s]+$"
_CROSSES = r"^x{3,}$"
_DIGITS = r"^(?:9{4}|(?:9[-/. ]?){8,}|(?:0[-/. ]?){8,})$"
"""Nines as a year, nines or zeros as a date or a long number; 999 or 99999 may be numbers of their own."""

_RULES = {
    "nothing but marks": _MARKS,
    "nothing but crosses": _CROSSES,
    "nothing but nines or zeros": _DIGITS,
}


class MissingLabels(TextStep):
    """Set values missing that only say that there is none, such as ``N/A``, ``UNKNOWN``, ``9999``, ``---``.

    A value is such a label where it equals one, whatever its case, its spaces and underscores, and brackets
    around it; what holds a label among other words stays. Besides labels there are values of repeated
    characters: marks (``-``, ``???``), three crosses or more (``XXXX``), 9999, and eight nines or zeros or
    more with or without separators (``0000-00-00``, ``99999999``).

    Some labels are names or codes elsewhere: see `keep`.

    Attributes
    ----------
    labels : tuple of str, optional
        Labels instead of the usual ones (``preparation/words/missing_labels.csv``) and repeated characters.
    add : tuple of str
        Labels more than these.
    keep : tuple of str
        What is a value here: ``null`` where persons have that surname, ``9999`` among house numbers.
    names : bool
        Also what stands in a name that nobody knows (``preparation/words/placeholder_names.csv``): ``baby``,
        ``male child``, ``householder``. Some of these words are surnames, too.
    """

    type: Literal["missing"] = "missing"
    labels: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    names: StrictBool = False

    def all_labels(self) -> list[str]:
        """Labels in the form in which values are looked up, sorted."""
        usual = shipped("missing_labels")["label"].to_list() if self.labels is None else self.labels
        names = shipped("placeholder_names")["label"].to_list() if self.names else ()
        every, kept = _folded(pl.Series([*usual, *names, *self.add], dtype=pl.String)), self._kept()
        return sorted(set(every) - set(kept))

    def _kept(self) -> list[str]:
        return _folded(pl.Series(self.keep, dtype=pl.String)).to_list()

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Set labels missing (see `TextStep.change`); each label is a rule."""
        folded = _folded(texts)
        labels = self.all_labels()
        found: dict[str, Mask] = {}
        missing = mask(folded == "")
        if missing.any():
            found["nothing but spaces or underscores"] = missing
        rows = np.flatnonzero(mask(folded.is_in(labels)))
        hits = folded.gather(rows)
        missing = missing.copy()
        missing[rows] = True
        for label in sorted(hits.unique()):
            found[f'label "{label}"'] = np.zeros(len(texts), bool)
            found[f'label "{label}"'][rows[mask(hits == label)]] = True
        if self.labels is None:
            kept = mask(folded.is_in(self._kept()))
            for rule, pattern in _RULES.items():
                which = mask(folded.str.contains(pattern)) & ~kept & ~missing
                if which.any():
                    found[rule] = which
                    missing |= which
        return texts.set(pl.Series(missing), None), found, {}


def _folded(texts: pl.Series) -> pl.Series:
    """Texts as labels are looked up: small letters, single spaces, no brackets around them."""
    plain = texts.str.strip_chars().str.to_lowercase()
    if plain.str.contains(r"[_\s]").any():
        plain = plain.str.replace_all(r"[_\s]+", " ").str.strip_chars()
    bracketed = plain.str.contains(r"^[(\[{<]").fill_null(False)
    if bracketed.any():
        inside = plain.str.replace(_BRACKETS, "$1")
        # "(blank)" is a label; without its brackets it is a surname.
        plain = inside.zip_with(bracketed & (inside != "blank"), plain)
    return plain


def is_label(texts: pl.Series) -> Mask:
    """Which texts the usual labels and rules make missing.

    Examples
    --------
    >>> is_label(pl.Series(["unknown", "----", "Smith", None])).tolist()
    [True, True, False, False]
    """
    new, _, _ = MissingLabels().change(texts, Context())
    return mask(new.is_null() & texts.is_not_null())
