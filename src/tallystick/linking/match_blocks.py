"""The largest block of a match key: the records that share most, of which none can be unique."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.linking.match_codes import KeyCodes, KeySet, Rows, shown_key
from tallystick.records.records import Records

FEW = 20
"""Records that may share a key without a warning, however small the file is."""


@dataclass(frozen=True)
class LargestBlock:
    """The records that share most of a key: how many of either side, and one of them."""

    n_pairs: int = 0
    sizes: tuple[int, int] = (0, 0)
    parts: tuple[int, ...] = ()
    row: int = -1

    def or_of(self, part: KeySet, sides: Sequence[NDArray[np.bool_]], rows: Rows) -> LargestBlock:
        """The larger of this block and the largest of some parts."""
        sizes = [part.sizes(side) for side in sides]
        products = sizes[0] * sizes[1]
        if not len(products) or products.max() <= self.n_pairs:
            return self
        code = int(products.argmax())
        row = int(rows[np.flatnonzero(part.answers == code)[0]])
        return LargestBlock(int(products[code]), (int(sizes[0][code]), int(sizes[1][code])), part.parts, row)

    def sentence(self, records: Records, one: KeyCodes, sources: tuple[int, int], unique: bool) -> str | None:
        """What is to be said of it; None where it is small."""
        names = [records.sources[k] for k in sources]
        of = [len(records.rows(k)) for k in sources]
        half = any(n > FEW and 2 * n >= every for n, every in zip(self.sizes, of, strict=True))
        if not half and self.n_pairs <= LARGE_BLOCK:
            return None
        told = [
            f"{n:,} of {every:,} records of {name}"
            for n, every, name in zip(self.sizes, of, names, strict=True)
        ]
        who = told[0] if sources[0] == sources[1] else " and ".join(told)
        value = shown_key(records, one.key, self.parts, self.row)
        n = self.n_pairs if sources[0] != sources[1] else self.sizes[0] * (self.sizes[0] - 1) // 2
        so = "none of them can be unique" if unique else "all of them are links"
        return (
            f"Match key {one.key.label}: {who} share {value}, which makes {n:,} pairs, and {so}: add a part "
            "to the key, or empty the value in the source where it stands for unknown."
        )
