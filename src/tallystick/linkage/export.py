"""The linked table: columns of the files beside each other, a row per pair."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tallystick.errors import InputError
from tallystick.preparation.read import ID_COLUMN, named_column, no_such_column, open_source, read_columns
from tallystick.preparation.source import Source

PAIR_COLUMNS = ("weight", "posterior", "decision")
"""What is told of a pair; links by match keys have a ``key`` instead of the first two."""


def join_pairs(
    pairs: pl.DataFrame, sources: Sequence[Source], columns: Sequence[str], decisions: Sequence[str]
) -> pl.DataFrame:
    """Put columns of the sources beside the pairs.

    Parameters
    ----------
    pairs : polars.DataFrame
        As `Links.pairs`.
    sources : sequence of Source
        One (deduplication), two, or more.
    columns : sequence of str
        Fields or columns of the files; none for all that are no truth.
    decisions : sequence of str
        Decisions that are wanted.

    Returns
    -------
    polars.DataFrame
        Ids, ``weight``, ``posterior``, ``decision`` (of links by match keys ``key`` and ``decision``), and
        the columns: with ``_left`` and ``_right`` where both sides have one.

    Raises
    ------
    InputError
        Where no source has a column, or a decision does not exist.
    """
    valid = ("link", "possible", "non-link")
    for decision in decisions:
        if decision not in valid:
            raise InputError(f"There is no decision {decision!r}: choose among {', '.join(valid)}.")
    wanted = pairs.filter(pl.col("decision").is_in(list(decisions)))
    available = {source.name: _columns(source, columns) for source in sources}
    for name in columns:
        if not any(name in found for found in available.values()):
            raise no_such_column(sources, name)
    sides = {
        "left": [sources[0]] if len(sources) <= 2 else list(sources),
        "right": [sources[-1]] if len(sources) <= 2 else list(sources),
    }
    ids = [name for name in wanted.columns if name.startswith(("source_", "id_", "reference_"))]
    if "source_left" in ids:
        sides = {side: list(sources) for side in sides}
    tables = {side: _side_table(own, available, side, "source_left" in ids) for side, own in sides.items()}
    both = set(tables["left"].columns) & set(tables["right"].columns)
    result = wanted.select(*ids, *(name for name in ("key", *PAIR_COLUMNS) if name in wanted.columns))
    for side, table in tables.items():
        keys = [key for key in (f"source_{side}", f"id_{side}") if key in ids]
        renamed = table.rename(
            {name: f"{name}_{side}" for name in table.columns if name in both and name not in keys}
        )
        clash = [name for name in renamed.columns if name in result.columns and name not in keys]
        renamed = renamed.rename({name: f"{name}_of_{side}" for name in clash})
        result = result.join(renamed, on=keys, how="left", maintain_order="left")
    return result


def _columns(source: Source, columns: Sequence[str]) -> dict[str, str]:
    """Name asked for to column of this source, for those that it has."""
    have = open_source(source).columns
    if not columns:
        return {name: name for name in have if name not in source.truth and name != source.id}
    return {name: own for name in columns if (own := named_column(source, have, name)) is not None}


def _side_table(
    sources: Sequence[Source], available: dict[str, dict[str, str]], side: str, with_source: bool
) -> pl.DataFrame:
    """The wanted columns of all sources that may stand on a side, by id."""
    parts = []
    for source in sources:
        names = available[source.name]
        frame = read_columns(source, list(dict.fromkeys(names.values())))
        part = frame.select(
            pl.col(ID_COLUMN).alias(f"id_{side}"),
            *(pl.col(column).alias(name) for name, column in names.items()),
        )
        if with_source:
            part = part.with_columns(pl.lit(source.name).alias(f"source_{side}"))
        parts.append(part)
    return pl.concat(parts, how="diagonal_relaxed")
