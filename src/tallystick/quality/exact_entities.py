"""Entities that are exactly right: neither split nor joined with others."""

from __future__ import annotations

from typing import Any

import polars as pl

LARGEST = 10
"""Sizes from here on are one row."""


def exact_entities(entities: pl.Series, truth: pl.Series) -> dict[str, Any]:
    """How many true entities are entities of the linkage, record for record.

    Of the entities of the linkage the share that is right is the cluster precision, of the true entities the
    share that is found the cluster recall (Menestrina, Whang and Garcia-Molina 2010, section 2.2: "cluster
    F1" is their harmonic mean). Most entities of a linkage are single records, so that sizes are told, too.

    Parameters
    ----------
    entities : polars.Series, shape (n_records,)
        Entity of each record.
    truth : polars.Series, shape (n_records,)
        Who each record is; records where it is null are left out of both.

    Returns
    -------
    dict
        ``true_entities``, ``entities`` (of the linkage), ``right`` (both), ``precision``, ``recall``, ``f1``;
        ``split`` (true entities that are in several), ``joined`` (entities that hold several true ones); and
        ``by_size``, a dict each of ``size`` (text), ``true_entities``, ``right``, ``share``.

    References
    ----------
    Menestrina, D., Whang, S. E. and Garcia-Molina, H. (2010). Evaluating entity resolution results.
    Proceedings of the VLDB Endowment 3, 208-219.

    Examples
    --------
    >>> found = exact_entities(pl.Series([1, 1, 2, 3, 3]), pl.Series(["a", "a", "b", "c", "d"]))
    >>> found["right"], found["true_entities"], found["joined"]
    (2, 4, 1)
    """
    table = pl.DataFrame({"entity": entities, "truth": truth}).drop_nulls("truth")
    of_truth = table.group_by("truth").agg(size=pl.len(), parts=pl.col("entity").n_unique())
    of_entity = table.group_by("entity").agg(size=pl.len(), parts=pl.col("truth").n_unique())
    cells = table.group_by("truth", "entity").agg(size=pl.len())
    right = (
        cells.join(of_truth.select("truth", of="size"), on="truth")
        .join(of_entity.select("entity", own="size"), on="entity")
        .filter((pl.col("size") == pl.col("of")) & (pl.col("size") == pl.col("own")))
    )
    by_size = (
        of_truth.join(right.select("truth", right=pl.lit(1)), on="truth", how="left")
        .with_columns(shown=pl.min_horizontal("size", pl.lit(LARGEST)))
        .group_by("shown")
        .agg(true_entities=pl.len(), right=pl.col("right").fill_null(0).sum())
        .sort("shown")
    )
    n, m, k = of_truth.height, of_entity.height, right.height
    return {
        "true_entities": n,
        "entities": m,
        "right": k,
        "precision": k / m if m else None,
        "recall": k / n if n else None,
        "f1": 2 * k / (n + m) if n + m else None,
        "split": int((of_truth["parts"] > 1).sum()),
        "joined": int((of_entity["parts"] > 1).sum()),
        "by_size": [
            {
                "size": str(size) if size < LARGEST else f"{LARGEST} or more",
                "true_entities": total,
                "right": own,
                "share": own / total,
            }
            for size, total, own in by_size.iter_rows()
        ],
    }
