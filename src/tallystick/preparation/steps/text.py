"""Text in one form: case, spaces, punctuation, digits, length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field, StrictBool

from tallystick.preparation.encodings import LOST
from tallystick.preparation.steps.step import Change, Context, Mask, TextStep, differs, mask

_MOST_PASSES = 8

_INVISIBLE = (
    r"\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
)
"""Characters that are not seen: control codes, those of no width, soft hyphens, marks of direction."""

_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES = "\u2018\u2019\u201b\u02bb\u02bc\u02b9\u2032\u00b4\uff07"


class CleanText(TextStep):
    """Bring text into one form.

    Hyphens and apostrophes of every kind become ``-`` and ``'``, and a letter with an accent is one
    character (Unicode NFC), whatever the settings.

    Attributes
    ----------
    case : {"lower", "upper", "title"}, optional
        Letter case; in ``title`` every word has one capital, after a hyphen or an apostrophe too.
    spaces : bool
        Make every run of white space one space, with none around the text; remove what is not seen.
    punctuation : {"keep", "remove", "space"}
        What becomes of characters that are no letters, digits or spaces: nothing, or they are removed,
        or a space takes their place. The mark of a lost letter (U+FFFD) stays.
    keep : str
        Punctuation that stays all the same.
    digits : {"keep", "remove"}
        What becomes of digits.
    truncate : int, optional
        Length in characters after which a text ends.
    """

    type: Literal["text"] = "text"
    case: Literal["lower", "upper", "title"] | None = None
    spaces: StrictBool = True
    punctuation: Literal["keep", "remove", "space"] = "keep"
    keep: str = "-'"
    digits: Literal["keep", "remove"] = "keep"
    truncate: Annotated[int, Field(ge=1)] | None = None

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Clean texts (see `TextStep.change`); each setting is a rule."""
        changed: dict[str, Mask] = {}
        new = texts.clone()  # `scatter` writes into its series
        rows = pl.int_range(len(texts), eager=True)
        # What one rule leaves another may act on once more: until none does.
        for _ in range(_MOST_PASSES):
            part = new.gather(rows)
            again = part
            for rule, before, after in self._one_pass(part):
                if (different := differs(before, after)).any():
                    which = changed.setdefault(rule, np.zeros(len(texts), bool))
                    which[rows.filter(pl.Series(different)).to_numpy()] = True
                again = after
            moved = pl.Series(differs(part, again))
            if not moved.any():
                break
            rows = rows.filter(moved)
            new = new.scatter(rows, again.filter(moved))
        empty = mask(new == "")
        if empty.any():
            changed["nothing left: set missing"] = empty
        return new.set(pl.Series(empty), None), changed, {}

    def _one_pass(self, texts: pl.Series) -> Iterator[tuple[str, pl.Series, pl.Series]]:
        """Each rule with the texts before and after it."""
        for rule, step in self._steps():
            after = step(texts)
            yield rule, texts, after
            texts = after

    def _steps(self) -> Iterator[tuple[str, Callable[[pl.Series], pl.Series]]]:
        yield "one form of accents, hyphens and apostrophes", _one_form
        if self.digits == "remove":
            yield "digits removed", lambda texts: texts.str.replace_all(r"\p{Nd}", "")
        if self.punctuation != "keep":
            other = rf"[^\p{{L}}\p{{M}}\p{{N}}\s{_INVISIBLE}{LOST}{_escaped(self.keep)}]"
            instead = " " if self.punctuation == "space" else ""
            yield "punctuation", lambda texts: texts.str.replace_all(other, instead)
        if self.case is not None:
            yield f"{self.case} case", _CASES[self.case]
        if (length := self.truncate) is not None:
            yield "truncated", lambda texts: texts.str.slice(0, length)
        if self.spaces:
            yield "spaces", _spaced


def _one_form(texts: pl.Series) -> pl.Series:
    """NFC, with one kind of hyphen and apostrophe."""
    beyond = texts.str.len_bytes() != texts.str.len_chars()
    if beyond.any():
        plain = texts.str.normalize("NFC").str.replace_all(f"[{_HYPHENS}]", "-")
        texts = plain.str.replace_all(f"[{_APOSTROPHES}]", "'").zip_with(beyond.fill_null(False), texts)
    return texts.str.replace_all("`", "'", literal=True)


def _spaced(texts: pl.Series) -> pl.Series:
    untidy = texts.str.contains(rf"^\s|\s$|\s\s|[\s--\x20]|[{_INVISIBLE}]").fill_null(False)
    if not untidy.any():
        return texts
    tidy = texts.filter(untidy).str.replace_all(f"[{_INVISIBLE}]", "").str.replace_all(r"\s+", " ")
    return texts.clone().scatter(untidy.arg_true(), tidy.str.strip_chars(" "))


def _escaped(characters: str) -> str:
    """Characters for a class of a regular expression."""
    return "".join(f"\\x{{{ord(one):x}}}" for one in characters)


_CASES: dict[str, Callable[[pl.Series], pl.Series]] = {
    "lower": lambda texts: texts.str.to_lowercase(),
    "upper": lambda texts: texts.str.to_uppercase(),
    "title": lambda texts: texts.str.to_titlecase(),
}
