"""A random portion of the records, so that a first look at large files is small work."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind
from tallystick.linkage.prepare import Encoded
from tallystick.records.records import Records

OF_LEFT = 5_000
"""Records of the first of two files that are taken where nothing is said: all of the second meet them."""
OF_ALL = 20_000
"""Records of all files together, where pairs are also sought within files, or between more than two."""


@dataclass(frozen=True)
class Portion:
    """Some of the records, and how many of each source.

    Attributes
    ----------
    encoded : Encoded
        The records that were taken.
    taken, of : int64 arrays, shape (n_sources,)
        Records taken of each source, and records that it has.
    """

    encoded: Encoded
    taken: NDArray[np.int64]
    of: NDArray[np.int64]

    @property
    def text(self) -> str:
        """What was taken, for people."""
        names = self.encoded.records.sources
        parts = [f"{n:,} of {of:,} of {name}" for name, n, of in zip(names, self.taken, self.of, strict=True)]
        return ", ".join(parts)

    def inclusion(self, s: int, t: int) -> float:
        """Probability that both records of a pair of sources `s` and `t` were taken."""
        n, of = self.taken.astype(np.float64), self.of.astype(np.float64)
        if s == t:
            return float(n[s] * (n[s] - 1) / (of[s] * (of[s] - 1)))
        return float(n[s] / of[s] * n[t] / of[t])


def portion_of(encoded: Encoded, kind: Kind, n: int | None, seed: int) -> Portion:
    """Take records at random.

    Between two files records of the first are taken, and all of the second, so that each record taken keeps
    its matches. Else the same share of every file is taken, and of its matches the square of that share.

    Parameters
    ----------
    encoded : Encoded
        All records.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records are compared.
    n : int, optional
        How many: of the first of two files, or of all together. By default as many as are quickly compared.
    seed : int
        Seed of the draw.

    Returns
    -------
    Portion
    """
    records = encoded.records
    of = np.diff(records.offsets)
    first_alone = kind == "link" and len(of) == 2
    if first_alone:
        taken = np.array([min(of[0], OF_LEFT if n is None else n), of[1]])
    else:
        share = min(1.0, (OF_ALL if n is None else n) / of.sum())
        taken = np.minimum(np.maximum(np.rint(of * share), 2), of)
    taken = taken.astype(np.int64)
    if (taken == of).all():
        return Portion(encoded, of, of)
    random = np.random.default_rng([seed, 1])
    chosen = [
        start + np.sort(random.choice(size, k, replace=False))
        for start, size, k in zip(records.offsets, of, taken, strict=False)
    ]
    return Portion(replace(encoded, records=_records_at(records, np.concatenate(chosen), taken)), taken, of)


def _records_at(records: Records, rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> Records:
    columns = {name: replace(column, codes=column.codes[rows]) for name, column in records.columns.items()}
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return replace(records, offsets=offsets, ids=records.ids.gather(rows), columns=columns)
