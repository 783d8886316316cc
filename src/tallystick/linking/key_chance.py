"""How many pairs would agree on a match key by chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.linking.match_codes import key_codes
from tallystick.linking.match_settings import MatchKey
from tallystick.linking.nicknames import Names
from tallystick.records.records import Records

Rows = NDArray[np.integer[Any]]


def chance_share(
    records: Records,
    key: MatchKey,
    linked: tuple[Rows, Rows],
    nicknames: Names | None = None,
) -> float:
    """Share of the pairs of two sources, less the linked ones, that agree on a key by chance.

    Each part agrees with the share of these pairs that do, and the parts independently, so that the number of
    parts that agree is a sum of independent trials (Poisson binomial). Relatives and neighbours agree on
    several parts together: it is a lower bound. Of parts that are put together all must agree, or as many
    as a record must have.

    Parameters
    ----------
    records : Records
        The records of two sources.
    key : MatchKey
        The key.
    linked : tuple of integer arrays
        Pairs taken for matches, as global rows (left, right).
    nicknames : mapping of str to sequence of str, optional
        Full forms of names with their versions; by default English forenames.

    Returns
    -------
    float

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.linking.match_settings import match_key
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> towns = pl.Series(["york", "york", "hull"])
    >>> tables = [Table(name, pl.Series(["1", "2", "3"]), {"town": towns}, sha256="") for name in "ab"]
    >>> none = np.zeros(0, np.int64)
    >>> round(chance_share(encode(tables), match_key("town"), (none, none)), 3)
    0.556
    """
    sizes = [len(records.rows(k)) for k in (0, 1)]
    n = float(sizes[0] * sizes[1] - len(linked[0]))
    if n <= 0:
        return 0.0
    rows = np.arange(sum(sizes))
    is_left = rows < sizes[0]
    agreeing = np.ones(1)  # by number of parts, the chance that so many agree
    for part in key.parts:
        codes = key_codes(records, MatchKey(parts=(part,)), nicknames)
        pairs = sum(int(one.found(is_left, ~is_left).sum()) for one in codes.sets(rows))
        share = max(0.0, pairs - float(codes.agree(*linked).sum())) / n
        agreeing = np.convolve(agreeing, [1.0 - share, share])
    return float(agreeing[key.least :].sum())
