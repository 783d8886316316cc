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


def b_cubed(entities: pl.Series, truth: pl.Series) -> tuple[float, float, float]:
    """B-cubed precision, recall and their harmonic mean: errors as a record meets them.

    Of each record the share of its entity that is the same person, and the share of the person that is in its
    entity, itself included; then the means over the records (Bagga and Baldwin 1998).

    Parameters
    ----------
    entities : polars.Series, shape (n_records,)
        Entity of each record.
    truth : polars.Series, shape (n_records,)
        Who each record is; records where it is null are left out.

    Returns
    -------
    precision, recall, f1 : float

    References
    ----------
    Bagga, A. and Baldwin, B. (1998). Algorithms for scoring coreference chains. Proceedings of the Linguistic
    Coreference Workshop at LREC, 563-566.

    Examples
    --------
    >>> b_cubed(pl.Series([1, 1, 1, 2]), pl.Series(["a", "a", "b", "b"]))[:2]
    (0.6666666666666666, 0.75)
    """
    table = pl.DataFrame({"entity": entities, "truth": truth}).drop_nulls("truth")
    both = pl.len().over("entity", "truth")
    of_entity = table.select((both / pl.len().over("entity")).mean()).item()
    of_truth = table.select((both / pl.len().over("truth")).mean()).item()
    return of_entity, of_truth, 2 * of_entity * of_truth / (of_entity + of_truth)


def _pairs(groups: pl.DataFrame) -> float:
    size = groups["len"].cast(pl.Float64)
    return float((size * (size - 1) / 2).sum())
