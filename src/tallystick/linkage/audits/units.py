"""Units of an audit, of each kind, divided into strata by what the model thinks of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tallystick.linkage.audits.shares import ENDS
from tallystick.linkage.tables import read_table
from tallystick.quality.audit_strata import LINK, LINK_OF_RECORD, NO_LINK, Outcome, StratumKind

LINK_EDGES = (0.9, 0.99, 0.9999)
"""Posteriors that divide the links."""
OTHER_EDGES = (0.001, 0.01, 0.1)
"""Posteriors that divide what is no link, by its best candidate; possible links are a stratum apart."""
UNKNOWN_ERRORS = 0.01
"""Share of errors that links without a posterior are planned with."""
KEY = ("source", "id")


@dataclass(frozen=True)
class Tables:
    """Tables of a run: links, other kept pairs, records without a link (``source``, ``id``), entities."""

    links: pl.DataFrame
    others: pl.DataFrame
    unlinked: pl.DataFrame
    entities: pl.DataFrame

    @classmethod
    def read(cls, run: Path, names: Sequence[str]) -> Tables:
        """Read those of a run, `names` its sources."""
        pairs = read_table(run / "links.parquet")
        if "source_left" not in pairs.columns:
            pairs = pairs.with_columns(
                pl.lit(names[0]).alias("source_left"), pl.lit(names[-1]).alias("source_right")
            )
        pairs = pairs.select(*ENDS, "posterior", "decision")
        linked = pl.col("decision") == "link"
        return cls(
            pairs.filter(linked),
            pairs.filter(~linked),
            read_table(run / "residuals.parquet").select(*KEY),
            read_table(run / "entities.parquet").select(*KEY, "entity_id"),
        )

    def best(self) -> pl.DataFrame:
        """Of every record in a kept pair that is no link: its best such pair, and what they all come to."""
        ends = [
            self.others.select(
                pl.col(f"source_{side}").alias("source"),
                pl.col(f"id_{side}").alias("id"),
                "posterior",
                (pl.col("decision") == "possible").alias("possible"),
            )
            for side in ("left", "right")
        ]
        return (
            pl.concat(ends)
            .group_by(*KEY)
            .agg(
                pl.col("posterior").max(),
                pl.col("posterior").sum().alias("sum"),
                pl.col("possible").any(),
            )
        )


@dataclass(frozen=True)
class Part:
    """Units of one kind: ``class`` is the stratum of each, ``error`` how likely it is wrong."""

    units: pl.DataFrame
    labels: tuple[str, ...]
    bounds: tuple[tuple[float | None, float | None], ...]
    kind: StratumKind
    outcomes: tuple[Outcome, ...]


def by_record(tables: Tables, source: str, below: float) -> list[Part]:
    """The records of a source, with a link and without; `below` matches are expected where none is kept."""
    side, other = ("left", "right") if (tables.links["source_left"] == source).all() else ("right", "left")
    links = tables.links.select(
        pl.col(f"source_{side}").alias("source_left"),
        pl.col(f"id_{side}").alias("id_left"),
        pl.col(f"source_{other}").alias("source_right"),
        pl.col(f"id_{other}").alias("id_right"),
        "posterior",
    )
    return [
        _links_part(links, "record", LINK_OF_RECORD),
        _records_part(tables, (source,), below),
    ]


def by_pair(tables: Tables, sources: tuple[str, ...], below: float) -> list[Part]:
    """The links, the rejected pairs of linked records, and the unlinked records of some sources."""
    drawn = tables.unlinked.filter(pl.col("source").is_in(sources))
    others = tables.others
    for side in ("left", "right"):  # their records stand for them
        others = others.join(
            drawn,
            left_on=[f"source_{side}", f"id_{side}"],
            right_on=list(KEY),
            how="anti",
            maintain_order="left",
        )
    classes, labels, bounds = _classes(others["posterior"], others["decision"] == "possible")
    pairs = others.select(*ENDS, "posterior").with_columns(
        pl.lit("pair").alias("task"), classes, pl.col("posterior").alias("error")
    )
    return [
        _links_part(tables.links.select(*ENDS, "posterior"), "pair", LINK),
        Part(pairs, tuple(f"rejected pairs, {one}" for one in labels), bounds, "non-link", NO_LINK),
        _records_part(tables, sources, below),
    ]


def _links_part(links: pl.DataFrame, task: str, outcomes: tuple[Outcome, ...]) -> Part:
    edges = (0.0, *LINK_EDGES, 1.0)
    known = links["posterior"].fill_null(-1.0).fill_nan(-1.0).to_numpy()
    n = len(LINK_EDGES)
    # From the surest down; those that no model has weighed come last.
    classes = np.where(known < 0, n + 1, n - np.searchsorted(LINK_EDGES, known, side="right"))
    least = 0.0 if not (known >= 0).any() else float(known[known >= 0].min())
    lows = [max(edges[n - k], least if k == n else 0.0) for k in range(n + 1)]
    labels = [f"links, posterior {_shown(low)} to {_shown(edges[n - k + 1])}" for k, low in enumerate(lows)]
    bounds: list[tuple[float | None, float | None]] = [(low, edges[n - k + 1]) for k, low in enumerate(lows)]
    units = links.with_columns(
        pl.lit(task).alias("task"),
        pl.Series("class", classes, dtype=pl.Int64),
        pl.Series("error", np.where(known < 0, UNKNOWN_ERRORS, 1.0 - known)),
    )
    return Part(units, (*labels, "links without a posterior"), (*bounds, (None, None)), "link", outcomes)


def _records_part(tables: Tables, sources: tuple[str, ...], below: float) -> Part:
    """Records without a link, by their best candidate; those that have none are a stratum of their own."""
    units = tables.unlinked.filter(pl.col("source").is_in(sources)).join(
        tables.best(), on=list(KEY), how="left", maintain_order="left"
    )
    classes, labels, bounds = _classes(units["posterior"], units["possible"].fill_null(False))
    none = units["posterior"].null_count()
    found_nowhere = min(0.5, below / none) if none else 0.0
    units = units.select(
        pl.col("source").alias("source_left"),
        pl.col("id").alias("id_left"),
        pl.lit(None, pl.String).alias("source_right"),
        pl.lit(None, pl.String).alias("id_right"),
        "posterior",
        pl.lit("record").alias("task"),
        classes,
        pl.col("sum").clip(0.0, 1.0).fill_null(found_nowhere).alias("error"),
    )
    return Part(units, tuple(f"unlinked records, {one}" for one in labels), bounds, "record", NO_LINK)


def _classes(
    posterior: pl.Series, possible: pl.Series
) -> tuple[pl.Series, tuple[str, ...], tuple[tuple[float | None, float | None], ...]]:
    """Strata of what is no link: possible links, by the best candidate, without a candidate."""
    edges = (0.0, *OTHER_EDGES, 1.0)
    n = len(OTHER_EDGES)
    known = posterior.fill_null(-1.0).fill_nan(-1.0).to_numpy()
    classes = np.where(known < 0, n + 2, 1 + n - np.searchsorted(OTHER_EDGES, known, side="right"))
    classes = np.where(possible.to_numpy() & (known >= 0), 0, classes)
    between = [(edges[n - k], edges[n - k + 1]) for k in range(n + 1)]
    labels = [f"best posterior {_shown(low)} to {_shown(high)}" for low, high in between]
    return (
        pl.Series("class", classes, dtype=pl.Int64),
        ("possible links", *labels, "no candidate kept"),
        ((None, None), *between, (None, None)),
    )


def _shown(edge: float) -> str:
    return f"{edge:.4g}"
