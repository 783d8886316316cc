"""A run against the truth: the only place that reads truth columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tallystick.blocking.plan import Kind
from tallystick.errors import InputError
from tallystick.preparation.read import ID_COLUMN, read_columns
from tallystick.preparation.source import Source
from tallystick.quality.evaluate import entity_rates
from tallystick.quality.rates import Rates, true_rates


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
    parts = read_truth(sources, truth)
    every = pl.concat(parts)
    if removed is not None:
        parts = [part.join(removed, on=["source", "id"], how="anti", maintain_order="left") for part in parts]
    records = pl.concat(parts).with_row_index("row")
    links = pairs.filter(pl.col("decision") == "link")
    rows = {}
    for side, source in (("left", sources[0]), ("right", sources[-1])):
        named = (
            pl.col(f"source_{side}").alias("source")
            if f"source_{side}" in links.columns
            else pl.lit(source.name).alias("source")
        )
        wanted = links.select(named, pl.col(f"id_{side}").alias("id"))
        rows[side] = wanted.join(records, on=["source", "id"], how="left", maintain_order="left")[
            "row"
        ].to_numpy()
    left, right = (rows[side].astype(np.int64) for side in ("left", "right"))

    def rates_of(chosen: pl.Series | slice) -> Rates:
        some = chosen if isinstance(chosen, slice) else chosen.to_numpy()
        return true_rates(
            left[some],
            right[some],
            records["truth"],
            [len(part) for part in parts],
            within=kind != "link",
            between=kind != "dedupe",
        )

    rates = rates_of(slice(None))
    by_key = tuple((label, rates_of(links["key"] == label)) for label in keys)
    if kind == "link":
        return Evaluation(rates, None, by_key)
    joined = every.join(entities, on=["source", "id"], how="left", maintain_order="left")
    # A record that an edit dropped is of no entity: it is alone, not with all others that were dropped.
    alone = pl.concat_str(pl.lit("\0"), "source", pl.lit("\0"), "id")
    joined = joined.with_columns(pl.coalesce("entity_id", alone))
    return Evaluation(rates, entity_rates(joined["entity_id"], joined["truth"]), by_key)
