"""Records with who they are: which pairs are matches, and where they stand in the tables of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind
from tallystick.linkage.identify import rows_of_side

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class TrueRecords:
    """The records that a linkage could have linked, with the truth.

    Attributes
    ----------
    frame : polars.DataFrame
        ``row`` (from 0), ``source``, ``id`` and ``truth`` (null where it is unknown), source by source.
    sources : tuple of str
        Names of the sources.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    """

    frame: pl.DataFrame
    sources: tuple[str, ...]
    kind: Kind

    @classmethod
    def of(
        cls,
        parts: Sequence[pl.DataFrame],
        sources: Sequence[str],
        kind: Kind,
        removed: pl.DataFrame | None = None,
    ) -> TrueRecords:
        """Of what `read_truth` gives, less the records that were taken out and so cannot be linked."""
        frame = pl.concat(parts)
        if removed is not None:
            frame = frame.join(removed, on=["source", "id"], how="anti", maintain_order="left")
        return cls(frame.with_row_index("row"), tuple(sources), kind)

    @cached_property
    def codes(self) -> Ints:
        """Who each record is, by number; -1 where that is unknown; shape (n_records,)."""
        dense = self.frame["truth"].rank("dense").cast(pl.Int64).fill_null(-1)
        return np.asarray(dense.to_numpy(), np.int64)

    @cached_property
    def source(self) -> Ints:
        """Number of the source of each record, shape (n_records,)."""
        names = self.frame["source"]
        return np.asarray(
            names.replace_strict(
                self.sources, list(range(len(self.sources))), return_dtype=pl.Int64
            ).to_numpy(),
            np.int64,
        )

    def rows(self, pairs: pl.DataFrame) -> tuple[Ints, Ints]:
        """Rows of both records of the pairs of a table of a run; the pairs name records that are here."""
        known = self.frame.select("source", "id", "row")
        sides = (("left", self.sources[0]), ("right", self.sources[-1]))
        left, right = (
            rows_of_side(pairs, known, side, only).to_numpy().astype(np.int64) for side, only in sides
        )
        return left, right

    def known(self, left: Ints, right: Ints) -> NDArray[np.bool_]:
        """Of which pairs the truth is known."""
        return np.asarray((self.codes[left] >= 0) & (self.codes[right] >= 0), np.bool_)

    def match(self, left: Ints, right: Ints) -> NDArray[np.bool_]:
        """Which pairs are matches."""
        return np.asarray((self.codes[left] == self.codes[right]) & (self.codes[left] >= 0), np.bool_)

    @cached_property
    def totals(self) -> tuple[float, float, float]:
        """Pairs that could have been linked, those of them of known truth, and the matches."""
        known = self.codes >= 0
        n_sources = len(self.sources)
        everybody = np.bincount(self.source, minlength=n_sources).astype(np.float64)
        of_known = np.bincount(self.source[known], minlength=n_sources).astype(np.float64)
        return self._pairs(everybody[None]), self._pairs(of_known[None]), self._pairs(self._cells)

    @cached_property
    def _cells(self) -> NDArray[np.float64]:
        """Records of each person in each source, shape (n_persons, n_sources), known persons only."""
        known = self.codes >= 0
        n_sources = len(self.sources)
        n = int(self.codes.max(initial=0)) + 1
        place = self.codes[known] * n_sources + self.source[known]
        return np.bincount(place, minlength=n * n_sources).reshape(n, n_sources).astype(np.float64)

    def _pairs(self, cells: NDArray[np.float64]) -> float:
        """Allowed pairs within each row of a table of records by source."""
        total = cells.sum(1)
        every, within = (total * (total - 1) / 2).sum(), (cells * (cells - 1) / 2).sum()
        if self.kind == "dedupe":
            return float(within)
        return float(every if self.kind == "link_and_dedupe" else every - within)

    @cached_property
    def partners(self) -> NDArray[np.float64]:
        """How many matches each record is in, shape (n_records,)."""
        cells, known = self._cells, self.codes >= 0
        found = np.zeros(len(self.codes))
        who, source = self.codes[known], self.source[known]
        own, every = cells[who, source], cells[who].sum(1)
        found[known] = {"link": every - own, "dedupe": own - 1, "link_and_dedupe": every - 1}[self.kind]
        return found

    def matches(self) -> tuple[Ints, Ints]:
        """Every match as rows, left < right: as many as there are matches, however large entities are."""
        order = np.lexsort((np.arange(len(self.codes)), self.codes))
        order = order[self.codes[order] >= 0]
        who = self.codes[order]
        at, step = np.arange(len(order)), 1
        left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        while len(at):
            at = at[at + step < len(order)]
            at = at[who[at] == who[at + step]]
            left.append(order[at])
            right.append(order[at + step])
            step += 1
        a, b = np.concatenate(left), np.concatenate(right)
        if self.kind != "link_and_dedupe":
            same = self.source[a] == self.source[b]
            chosen = same if self.kind == "dedupe" else ~same
            a, b = a[chosen], b[chosen]
        by_rows = np.lexsort((b, a))
        return a[by_rows], b[by_rows]
