"""Entities against the truth."""

from __future__ import annotations

import polars as pl

from tallystick.quality.rates import Rates


def entity_rates(entities: pl.Series, truth: pl.Series) -> Rates:
    """Rates of all pairs of records that share an entity.

    Parameters
    ----------
    entities : polars.Series, shape (n_records,)
        Entity of each record.
    truth : polars.Series, shape (n_records,)
        Who each record is; null matches nothing.

    Returns
    -------
    Rates

    Examples
    --------
    >>> entity_rates(pl.Series([1, 1, 1, 2]), pl.Series(["a", "a", "b", "b"])).to_dict()["precision"]
    0.3333333333333333
    """
    table = pl.DataFrame({"entity": entities, "truth": truth})
    known = table.drop_nulls("truth")
    links = _pairs(table.group_by("entity").len())
    true = _pairs(known.group_by("entity", "truth").len())
    matches = _pairs(known.group_by("truth").len())
    n = float(len(table))
    return Rates(links, true, links - true, matches - true, n * (n - 1) / 2)


def _pairs(groups: pl.DataFrame) -> float:
    size = groups["len"].cast(pl.Float64)
    return float((size * (size - 1) / 2).sum())
