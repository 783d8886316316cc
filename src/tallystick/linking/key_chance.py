"""How many links by a match key are false, as chance makes them and relatives do."""

from __future__ import annotations

import math

import numpy as np

from tallystick.linking.match_codes import KeyCodes
from tallystick.records.records import Records


def false_share(codes: KeyCodes, records: Records, n_left: int, n_right: int, n_links: int) -> float:
    """Share of the links by a key that join records of different entities.

    Where a file has every entity once, all pairs within it are of different entities. So the share r of the
    pairs within the files that agree on the key, relatives among them, is that of the pairs between them
    that agree though they do not match. A pair becomes a link only where neither record agrees with
    another: not with its own match, which is so for all but the share of records that the key links, nor
    with others, of which a record has r times as many as there are. So of two sides of n and n' records with
    L links r n n' (1 - L / n) (1 - L / n') exp(-r (n + n')) are expected to be false.

    Parameters
    ----------
    codes : KeyCodes
        The key.
    records : Records
        The records of two sources without duplicates.
    n_left, n_right : int
        Records of either source that no earlier key has linked.
    n_links : int
        Links by the key.

    Returns
    -------
    float
        Between 0 and 1; 0 without links.

    Examples
    --------
    >>> import polars as pl
    >>> from tallystick.linking.match_codes import key_codes
    >>> from tallystick.linking.match_settings import match_key
    >>> from tallystick.preparation.read import Table
    >>> from tallystick.records.encode import encode
    >>> towns = pl.Series([f"town {k // 2}" for k in range(100)])
    >>> ids = pl.Series([str(k) for k in range(100)])
    >>> records = encode([Table(name, ids, {"town": towns}, sha256="") for name in "ab"])
    >>> round(false_share(key_codes(records, match_key("town")), records, 100, 100, 50), 3)
    0.067
    """
    if not n_links:
        return 0.0
    agreeing = pairs = 0
    for k in (0, 1):
        own = records.rows(k)
        rows = np.arange(own.start, own.stop)
        everyone = np.ones(len(rows), np.bool_)
        found = sum(part.weight * int(part.found(everyone, everyone).sum()) for part in codes.sets(rows))
        agreeing += (found - int(codes.has()[rows].sum())) // 2  # each agrees with itself
        pairs += len(rows) * (len(rows) - 1) // 2
    r = agreeing / max(1, pairs)
    alone = max(0.0, 1 - n_links / n_left) * max(0.0, 1 - n_links / n_right)
    false = r * n_left * n_right * alone * math.exp(-r * (n_left + n_right))
    return min(1.0, false / n_links)
