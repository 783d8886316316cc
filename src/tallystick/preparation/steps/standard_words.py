"""Abbreviations written in full, and redundant words removed, by dictionary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import model_validator

from tallystick.errors import InputError
from tallystick.preparation.addresses.ends import is_state
from tallystick.preparation.addresses.lexicon import fold, lexicon
from tallystick.preparation.distinct import map_given
from tallystick.preparation.steps.checked import by_reason, met
from tallystick.preparation.steps.country import Country
from tallystick.preparation.steps.step import Change, Context, TextStep, differs, mask
from tallystick.preparation.words.files import read_dictionary, shipped

_WORD = re.compile(r"[^\W_][\w.'’-]*")
_ENDS = re.compile(r"\s*(?:[,;]|$)")
_ENDS_OR_NUMBER = re.compile(r"\s*(?:[,;]|$|\d)")
_REPEATED = frozenset({"bis", "ter", "quater"})
_NUMBERED = re.compile(r"\d\S*\s+[^\W\d]")
_ENDINGS = frozenset({"gr", "ln"})
"""Dutch short forms that mean something else before a name: Gr. Markt is Grote Markt."""

SHIPPED = frozenset({"street_types", "directionals", "address_words"})
"""Names of the dictionaries of the package."""

SHORTENED = "an abbreviation that may mean something else where it stands is left"
EMPTIED = "nothing but redundant words: left as it is"
IN_FULL = "abbreviations written in full"
REMOVED = "redundant words removed"


class StandardWords(TextStep):
    """Write abbreviations in full and remove redundant words, whole words only.

    Case does not count, nor a full stop behind a word; words are written in full as the dictionary has
    them. An abbreviation that means something else unless it stands last is replaced there only: ``st`` is
    a street at the end and a saint within. A single letter is a direction only beside the name of a street.
    Types of streets are written in full in the street alone: of an address of the United States in its line
    and not as the state (``Main St Hartford CT``), in France as the first word or behind the number.

    Attributes
    ----------
    dictionary : str, optional
        ``street_types``, ``directionals``, or the path of a file with the columns ``form`` (a single word)
        and ``full``.
    country : str, optional
        ISO 3166-1 code: whose words; needed unless the dictionary is a file.
    remove : str, optional
        ``address_words`` (near, opposite, ...), or the path of a file with the column ``form``.

    Examples
    --------
    >>> texts = pl.Series(["12 St James St.", "near 5 Park Ave"])
    >>> step = StandardWords(dictionary="street_types", country="GB", remove="address_words")
    >>> step.change(texts, Context())[0].to_list()
    ['12 St James street', '5 Park avenue']
    """

    type: Literal["standard_words"] = "standard_words"
    dictionary: str | None = None
    country: Country | None = None
    remove: str | None = None

    paths: ClassVar[tuple[str, ...]] = ("dictionary", "remove")

    @model_validator(mode="after")
    def _is_complete(self) -> StandardWords:
        if self.dictionary is None and self.remove is None:
            raise ValueError("give dictionary, remove, or both")
        if self.dictionary == "address_words" or self.remove in ("street_types", "directionals"):
            raise ValueError("street_types and directionals are for dictionary, address_words is for remove")
        if SHIPPED & {self.dictionary, self.remove} and self.country is None:
            raise ValueError("the dictionaries of the package need a country")
        return self

    def files(self) -> dict[str, str]:
        """Dictionaries that are files, not names of those of the package (see `PreparationStep.files`)."""
        return {key: path for key, path in super().files().items() if path not in SHIPPED}

    def check(self) -> None:
        """Raise `InputError` where a dictionary cannot be used (see `PreparationStep.check`)."""
        self._words()

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Write words in full (see `TextStep.change`)."""
        every = map_given(partial(standardise, words=self._words()), texts, _NOTHING, context.processes)
        new = pl.Series(texts.name, [done.text for done in every], dtype=pl.String)
        removed = np.array([done.removed for done in every], bool)
        changed = {REMOVED: removed, IN_FULL: np.array([done.replaced for done in every], bool)}
        reported = by_reason([done.reason for done in every])
        # What has neither word stays as it is, to the last space.
        touched = removed | changed[IN_FULL]
        new = new.zip_with(pl.Series(touched), texts)
        return (
            new,
            met({rule: which & differs(texts, new) for rule, which in changed.items()}),
            met({reason: which & mask(texts.is_not_null()) for reason, which in reported.items()}),
        )

    def _words(self) -> Words:
        country = self.country or ""
        full: dict[str, str] = {}
        only_last: frozenset[str] = frozenset()
        beside: frozenset[str] = frozenset()
        types = frozenset(lexicon(country).types)
        if self.dictionary == "street_types":
            single = {form: kind for form, kind in lexicon(country).types.items() if " " not in form}
            full = {form: kind.full for form, kind in single.items()}
            only_last = frozenset(
                form for form, kind in single.items() if kind.use == "end" or len(form) == 1
            )
        elif self.dictionary == "directionals":
            rows = shipped("directionals").iter_rows()
            full = {
                fold(row[1]): row[2] for row in rows if country in row[0].split(" ") and " " not in row[1]
            }
            beside = frozenset(form for form in full if len(form) == 1)
        elif self.dictionary is not None:
            full = _read_forms(self.dictionary)
        if self.dictionary in ("street_types", "directionals") and not full:
            raise InputError(
                f"no {self.dictionary} of country {country} come with the package; give the path of a file."
            )
        removed = self._removed()
        if self.remove in SHIPPED and not removed:
            raise InputError(
                f"no {self.remove} of country {country} come with the package; give the path of a file."
            )
        return Words(
            full, only_last, beside, types, removed, country if self.dictionary == "street_types" else ""
        )

    def _removed(self) -> frozenset[str]:
        if self.remove is None:
            return frozenset()
        if self.remove != "address_words":
            own = read_dictionary(self.remove, ["form"], "redundant words", ["address_words"])
            return frozenset(fold(form) for form in own["form"])
        words = lexicon(self.country or "").words
        return frozenset(form for form, kinds in words.items() if "redundant" in kinds and " " not in form)


@dataclass(frozen=True)
class Words:
    """What is done to words, all by their folded form.

    Attributes
    ----------
    full : mapping of str to str
        Forms to what is written instead.
    only_last : set of str
        Forms that are replaced only where they stand last.
    beside : set of str
        Forms that are replaced only beside the name of a street.
    types : set of str
        Types of streets.
    removed : set of str
    streets_of : str
        Country whose types of streets are written in full; empty where other words are.
    """

    full: Mapping[str, str]
    only_last: frozenset[str]
    beside: frozenset[str]
    types: frozenset[str]
    removed: frozenset[str]
    streets_of: str


@dataclass(frozen=True)
class Standardised:
    """A text, whether words of it were replaced or removed, and what is to be reported."""

    text: str | None
    replaced: bool = False
    removed: bool = False
    reason: str | None = None


_NOTHING = Standardised(None)


def standardise(text: str, words: Words) -> Standardised:
    """Replace and remove words of a text until nothing more changes.

    Each turn writes words in full that stay as they are or takes words away, so there is an end to it.
    """
    first = text
    replaced = removed = False
    while True:
        shorter = _without(text, words)
        removed |= shorter != text
        longer, left = _in_full(shorter, words)
        replaced |= longer != shorter
        if longer == text:
            break
        text = longer
    if not _WORD.search(text) and _WORD.search(first):
        return Standardised(first, reason=EMPTIED)
    return Standardised(text, replaced, removed, SHORTENED if left else None)


def _without(text: str, words: Words) -> str:
    if not words.removed:
        return text
    found = [match for match in _WORD.finditer(text) if fold(match[0]) in words.removed]
    if not found:
        return text
    for match in reversed(found):
        text = text[: match.start()] + text[match.end() :]
    return re.sub(r"\s+", " ", re.sub(r"(?:\s*,)+", ",", text)).strip(" ,")


def _in_full(text: str, words: Words) -> tuple[str, bool]:
    """The text with abbreviations in full, and whether one was left."""
    matches = list(_WORD.finditer(text))
    keys = [fold(match[0]) for match in matches]
    written: list[str] = []
    at = 0
    left = False
    for i, (match, key) in enumerate(zip(matches, keys, strict=True)):
        full = words.full.get(key)
        if full is None or full.casefold() == match[0].casefold():
            continue
        if words.streets_of and not _of_street(text, match, keys[: i + 1], words.streets_of):
            continue
        last = _ENDS.match(text, match.end()) is not None
        if (key in words.only_last and not last) or (
            key in words.beside and not _beside(keys, i, last, words)
        ):
            left = True
            continue
        written += [text[at : match.start()], full]
        at = match.end()
    return "".join([*written, text[at:]]), left


def _of_street(text: str, form: re.Match[str], keys: list[str], country: str) -> bool:
    """Whether a short form stands where the type of a street does, given the words up to it."""
    if country == "FR":
        first = len(keys) == 1 or not text[: form.start()].rpartition(",")[2].strip()
        return first or keys[-2][0].isdigit() or keys[-2] in _REPEATED
    if country == "NL":
        return keys[-1] not in _ENDINGS or bool(len(keys) > 1 and _ENDS_OR_NUMBER.match(text, form.end()))
    if country == "US":
        numbered = _NUMBERED.search(text)
        line = text.count(",", 0, numbered.start()) if numbered else 0
        behind = _ENDS_OR_NUMBER.match(text, form.end()) is not None
        return text.count(",", 0, form.start()) == line and not (behind and is_state(keys, lexicon(country)))
    return True


def _beside(keys: list[str], i: int, last: bool, words: Words) -> bool:
    """Whether a letter is a direction: before a name (N Main St) or behind a type (Main St N).

    Otherwise it may be the name itself: E St, Avenue N.
    """
    if last:
        return i > 1 and keys[i - 1] in words.types and not keys[i - 2][0].isdigit()
    first = i == 0 or keys[i - 1][0].isdigit()
    return first and i + 1 < len(keys) and keys[i + 1] not in words.types


def _read_forms(path: str | Path) -> dict[str, str]:
    """A user's dictionary: forms to words that the dictionary leaves as they are."""
    rows = read_dictionary(path, ["form", "full"], "abbreviations", ["street_types", "directionals"])
    full: dict[str, str] = {}
    for row, (form, word) in enumerate(rows.select("form", "full").iter_rows(), 1):
        key = fold(form)
        if not _WORD.fullmatch(form):
            raise InputError(f"{path}: row {row} has {form!r} as a form; a form is a single word.")
        if full.setdefault(key, word) != word:
            raise InputError(f"{path}: {form!r} has two full words; keep one of the rows.")
    for form, word in full.items():
        for part in map(fold, _WORD.findall(word)):
            if full.get(part, part).casefold() != part and fold(full[part]) != part:
                raise InputError(
                    f"{path}: {form!r} becomes {word!r}, which another row changes again; "
                    "write the last word in both rows."
                )
    return full
