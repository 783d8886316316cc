"""Words that say nothing of who somebody is, taken out of values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import model_validator

from tallystick.preparation.steps.step import Change, Context, Mask, TextStep, mask
from tallystick.preparation.words.files import read_dictionary, shipped

_SHIPPED = ("titles", "suffixes", "firms")
_EDGES = " ,;&+"
_EMPTIED = "would be empty without the words to remove"


class RemoveWords(TextStep):
    """Remove titles, suffixes, legal forms of firms or other words, whole words only.

    Case and full stops of words do not matter: ``Ph.D.`` is ``phd``. A value of nothing else is left as it
    is, and reported. Short legal forms that are words elsewhere (``AS``, ``Co``) are removed only where
    nothing is left behind them: ``AS Roma SpA`` is ``AS Roma``.

    Attributes
    ----------
    dictionary : {"titles", "suffixes", "firms"} or str, optional
        A list of the package (of which what is a name elsewhere is left out), or the path of a file with
        the column ``word``.
    words : tuple of str
        More words, or several words one after the other.
    """

    type: Literal["remove_words"] = "remove_words"
    dictionary: str | None = None
    words: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> RemoveWords:
        if self.dictionary is None and not self.words:
            raise ValueError("give dictionary, words, or both")
        return self

    paths: ClassVar[tuple[str, ...]] = ("dictionary",)

    def files(self) -> dict[str, str]:
        """The user's file, where `dictionary` is none of the package (see `PreparationStep.files`)."""
        return {} if self.dictionary in _SHIPPED else super().files()

    def check(self) -> None:
        """See `PreparationStep.check`."""
        self.removed()

    def removed(self) -> list[str]:
        """What is removed, in the form in which it is looked up, sorted."""
        words = [*self.words]
        if self.dictionary in _SHIPPED:
            words += _of_package(self.dictionary or "")
        elif self.dictionary is not None:
            own = read_dictionary(self.dictionary, ("word",), "words to remove", _SHIPPED)
            words += own["word"].to_list()
        return sorted(_looked_up(words))

    def _only_last(self) -> set[str]:
        """Those that are removed only where nothing is left behind them."""
        if self.dictionary != "firms":
            return set()
        ends = shipped("firms").filter(pl.col("place") == "end")["word"].to_list()
        return _looked_up(ends) - _looked_up(self.words)

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Remove the words (see `TextStep.change`); each word is a rule."""
        words, only_last = self.removed(), self._only_last()
        rules: dict[str, Mask] = {}
        new = texts
        # What is left may be one of the words again: "Lt. Col." without a word between them.
        while True:
            after, found = _removed_once(new, words, only_last)
            for word, where in found.items():
                rules[word] = rules[word] | where if word in rules else where
            if not found:
                break
            new = after
        emptied = mask((new == "") & texts.is_not_null() & (texts != ""))
        new = texts.zip_with(pl.Series(emptied), new)
        changed = {f'word "{word}"': rules[word] & ~emptied for word in sorted(rules)}
        return (
            new,
            {rule: where for rule, where in changed.items() if where.any()},
            {_EMPTIED: emptied} if emptied.any() else {},
        )


def _looked_up(words: Iterable[str]) -> set[str]:
    return {" ".join(word.lower().replace(".", "").split()) for word in words} - {""}


def _removed_once(
    texts: pl.Series, words: list[str], only_last: set[str]
) -> tuple[pl.Series, dict[str, Mask]]:
    """Values without the words, and which word was found where; values without any are as they were."""
    longest = max((word.count(" ") + 1 for word in words), default=0)
    for size in range(longest, 0, -1):
        of_size = [word for word in words if word.count(" ") + 1 == size]
        after, found = _removed_of_size(texts, of_size, only_last, size)
        if found:
            return after, found
    return texts, {}


def _removed_of_size(
    texts: pl.Series, words: list[str], only_last: set[str], size: int
) -> tuple[pl.Series, dict[str, Mask]]:
    """The same for entries of so many words."""
    tokens = (
        texts.to_frame("text")
        .select(row=pl.int_range(pl.len()), token=pl.col("text").str.extract_all(r"\S+"))
        .explode("token")
        .drop_nulls("token")
        .with_columns(key=pl.col("token").str.to_lowercase().str.replace_all(r"[.,;]", ""))
    )
    run = pl.concat_str([pl.col("key").shift(-k).over("row") for k in range(size)], separator=" ")
    tokens = tokens.with_columns(entry=run if size > 1 else pl.col("key"))
    last = pl.int_range(pl.len()).over("row") == pl.len().over("row") - size
    hit = pl.col("entry").is_in(words) & (last | ~pl.col("entry").is_in(sorted(only_last)))
    hits = tokens.with_columns(hit=hit.fill_null(False))
    if not hits["hit"].any():
        return texts, {}
    found: dict[str, Mask] = {}
    for entry, rows in hits.filter("hit").group_by("entry").agg("row").iter_rows():
        found[entry] = np.zeros(len(texts), bool)
        found[entry][rows] = True
    covered = pl.any_horizontal(pl.col("hit").shift(k, fill_value=False).over("row") for k in range(size))
    kept = (
        hits.with_columns(covered=covered)
        .group_by("row", maintain_order=True)
        .agg(text=pl.col("token").filter(~pl.col("covered")).str.join(" "), touched=pl.col("covered").any())
        .filter("touched")
    )
    # `scatter` writes into the series that it is called on.
    return texts.clone().scatter(kept["row"], kept["text"].str.strip_chars(_EDGES)), found


def _of_package(name: str) -> list[str]:
    """Words of a shipped list that are words of that kind wherever they stand."""
    table = shipped(name)
    if name == "titles":
        table = table.filter(pl.col("cultures").is_null() & (pl.col("use") == "title"))
    elif name == "suffixes":
        table = table.filter(pl.col("use") == "end")
    else:
        table = table.filter(pl.col("kind") == "form")
    return table.to_series().to_list()
