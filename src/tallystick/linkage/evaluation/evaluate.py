"""A run against the truth: the only place that reads truth columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.plan import Kind
from tallystick.errors import InputError
from tallystick.linkage.evaluation.true_pairs import TrueRecords
from tallystick.preparation.read import ID_COLUMN, read_columns
from tallystick.preparation.source import Source
from tallystick.quality.evaluate import entity_rates
from tallystick.quality.rates import Rates, true_rates

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Rates of a run counted against the truth.

    Attributes
    ----------
    links : Rates
        Of the links.
    entities : Rates or None
        Of all pairs of records that share an entity; None where only links between two files were sought.
    by_key : tuple of (str, Rates)
        Of the links of each match key, where records were linked by such; the recall is the share of all true
        pairs that the key links.
    """

    links: Rates
    entities: Rates | None
    by_key: tuple[tuple[str, Rates], ...] = ()

    def text(self) -> str:
        """One line for the links, one for the entities, and one a match key."""
        lines = [_line(self.links, "links")]
        if self.entities is not None:
            lines.insert(0, "entities: " + _line(self.entities, "pairs"))
            lines[-1] = "links: " + lines[-1]
        lines += [f"key {label}: {_line(rates, 'links')}" for label, rates in self.by_key]
        return "\n".join(lines)


def _line(rates: Rates, what: str) -> str:
    def shown(value: float | None) -> str:
        return "none" if value is None else f"{value:.4f}"

    return (
        f"precision {shown(rates.precision)}  recall {shown(rates.recall)}  F1 {shown(rates.f1)}  "
        f"({rates.links:.0f} {what}, {rates.matches:.0f} true)"
    )


def read_truth(sources: Sequence[Source], truth: str) -> list[pl.DataFrame]:
    """Who every record is, source by source.

    Parameters
    ----------
    sources : sequence of Source
        The sources.
    truth : str
        Field or column of every source that says who a record is; equal values are matches.

    Returns
    -------
    list of polars.DataFrame
        ``source``, ``id`` and ``truth`` as text; null where it is missing.

    Raises
    ------
    InputError
        Where a source lacks the column, or no record has a value.
    """
    parts = []
    for source in sources:
        column = source.column(truth)
        frame = read_columns(source, [column], allow_truth=True)
        parts.append(
            frame.select(
                pl.lit(source.name).alias("source"),
                pl.col(ID_COLUMN).alias("id"),
                pl.col(column).cast(pl.String).alias("truth"),
            )
        )
    if all(part["truth"].null_count() == len(part) for part in parts):
        raise InputError(f"The truth column {truth!r} is missing in every record.")
    return parts


def evaluate(
    pairs: pl.DataFrame,
    entities: pl.DataFrame,
    sources: Sequence[Source],
    kind: Kind,
    truth: str,
    keys: Sequence[str] = (),
    removed: pl.DataFrame | None = None,
) -> Evaluation:
    """Count the errors of a linkage.

    Parameters
    ----------
    pairs, entities : polars.DataFrame
        As `Links.pairs` and `Links.entities`.
    sources : sequence of Source
        The sources.
    kind : {"link", "dedupe", "link_and_dedupe"}
        Which records were compared.
    truth : str
        Field or column of every source that says who a record is.
    keys : sequence of str
        Labels of the match keys that linked the records, where such did.
    removed : polars.DataFrame, optional
        ``source`` and ``id`` of records that were taken out as duplicates before linking: no link can have
        them, so the links are not asked for them; the entities are, since each is of that of its survivor.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        Where a source lacks the column.
    """
    everybody = read_truth(sources, truth)
    records = TrueRecords.of(everybody, [source.name for source in sources], kind, removed)
    links = pairs.filter(pl.col("decision") == "link")
    named = links["key"] if keys else None
    rates, by_key = link_rates(records, *records.rows(links), keys, named)
    if kind == "link":
        return Evaluation(rates, None, by_key)
    joined = with_entities(everybody, entities)
    return Evaluation(rates, entity_rates(joined["entity_id"], joined["truth"]), by_key)


def link_rates(
    records: TrueRecords, left: Ints, right: Ints, keys: Sequence[str] = (), key: pl.Series | None = None
) -> tuple[Rates, tuple[tuple[str, Rates], ...]]:
    """Rates of links between records of which it is known who they are, and of those of each match key.

    Parameters
    ----------
    records : TrueRecords
        The records that could be linked.
    left, right : int64 arrays, shape (n_links,)
        Rows of the linked ones.
    keys : sequence of str
        Labels of the match keys that linked the records, where such did.
    key : polars.Series, optional
        Of each link the label of its match key; None where there are none.

    Returns
    -------
    rates : Rates
    by_key : tuple of (str, Rates)
    """
    sizes = np.bincount(records.source, minlength=len(records.sources)).tolist()

    def rates_of(chosen: NDArray[np.bool_] | slice) -> Rates:
        return true_rates(
            left[chosen],
            right[chosen],
            records.frame["truth"],
            sizes,
            within=records.kind != "link",
            between=records.kind != "dedupe",
        )

    by_key = () if key is None else tuple((label, rates_of((key == label).to_numpy())) for label in keys)
    return rates_of(slice(None)), by_key


def with_entities(everybody: Sequence[pl.DataFrame], entities: pl.DataFrame) -> pl.DataFrame:
    """Every record with who it is and its entity, those too that were taken out as duplicates.

    Parameters
    ----------
    everybody : sequence of polars.DataFrame
        What `read_truth` gives.
    entities : polars.DataFrame
        ``source``, ``id`` and ``entity_id``.

    Returns
    -------
    polars.DataFrame
        ``source``, ``id``, ``truth`` and ``entity_id``.
    """
    joined = pl.concat(everybody).join(entities, on=["source", "id"], how="left", maintain_order="left")
    # A record that an edit dropped is of no entity: it is alone, not with all others that were dropped.
    alone = pl.concat_str(pl.lit("\0"), "source", pl.lit("\0"), "id")
    return joined.with_columns(pl.coalesce(pl.col("entity_id").cast(pl.String), alone))
