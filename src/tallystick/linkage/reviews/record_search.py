"""Records found by what they say: words are matched with distinct values first, values with records then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.records.records import Column, Records

Floats = NDArray[np.float32]

EXACT, BEGINS, WITHIN = 1.0, 0.9, 0.8
"""How alike a value is that is the word, begins with it, or has it somewhere."""
LEAST = 0.85
"""Jaro-Winkler similarity from which on a value is like a word; it counts for `WITHIN` times as much."""
REACH = 3
"""Characters by which the length of a value may differ from that of a word that it is like."""


class RecordSearch:
    """Finds records by words.

    Parameters
    ----------
    records : Records
        The records.
    columns : mapping of str to Column
        The fields that are searched.
    """

    def __init__(self, records: Records, columns: Mapping[str, Column]) -> None:
        self._records = records
        self._columns = columns
        self._lower: dict[str, pl.Series] = {}

    def rows(self, words: Mapping[str, str], sources: tuple[str, ...], most: int) -> list[int]:
        """Global rows of the records that are most like some words.

        A record has a share of the words, each counted by how much the likest of its values is like it: the
        word itself 1, a beginning 0.9, a part 0.8, and 0.8 times the Jaro-Winkler similarity where that is at
        least 0.85. A value of several words counts by the likest of its words.

        Parameters
        ----------
        words : mapping of str to str
            By field; those under the empty name may stand in any field, or be an id.
        sources : tuple of str
            Whose records are wanted.
        most : int
            How many at most.

        Returns
        -------
        list of int
            The likest first, of equally like ones the first record; none that is like no word.
        """
        records = self._records
        total = np.zeros(records.n_records, np.float32)
        for field, text in words.items():
            for word in text.lower().split():
                total += self._likeness(field, word)
        wanted = np.zeros(records.n_records, bool)
        for name in sources:
            own = records.rows(records.sources.index(name))
            wanted[own.start : own.stop] = True
        found = np.flatnonzero(wanted & (total > 0))
        if len(found) > most > 0:
            score = total[found]
            least = np.partition(score, len(score) - most)[len(score) - most]
            found = found[score >= least]
        order = np.lexsort((found, -total[found]))
        return [int(row) for row in found[order][: max(0, most)]]

    def _likeness(self, field: str, word: str) -> Floats:
        """How much each record is like one word."""
        records = self._records
        best = np.zeros(records.n_records, np.float32)
        for name in [field] if field else self._columns:
            column = self._columns[name]
            np.maximum(best, self._of_values(name, column, word)[column.codes], out=best)
        if not field:
            best[np.flatnonzero((records.ids.str.to_lowercase() == word).to_numpy())] = EXACT
        return best

    def _of_values(self, name: str, column: Column, word: str) -> Floats:
        """How much each distinct value of a field is like a word."""
        import jellyfish

        if name not in self._lower:
            self._lower[name] = column.values[0].str.to_lowercase()
        values = self._lower[name]
        frame = pl.DataFrame({"value": values}).select(
            exact=pl.col("value") == word,
            begins=pl.col("value").str.starts_with(word)
            | pl.col("value").str.contains(f" {word}", literal=True),
            within=pl.col("value").str.contains(word, literal=True),
            near=(pl.col("value").str.len_chars().cast(pl.Int64) - len(word)).abs() <= REACH,
            alike=pl.col("value").str.starts_with(word[0]) | pl.col("value").str.ends_with(word[-1]),
        )
        score = np.zeros(len(values), np.float32)
        flags = {key: frame[key].fill_null(False).to_numpy() for key in frame.columns}
        if len(word) > 2 and not word.isdigit():
            for at in np.flatnonzero(flags["near"] & flags["alike"] & ~flags["within"]):
                alike = jellyfish.jaro_winkler_similarity(word, values[int(at)])
                if alike >= LEAST:
                    score[at] = WITHIN * alike
        for key, value in (("within", WITHIN), ("begins", BEGINS), ("exact", EXACT)):
            score[flags[key]] = value
        return score
