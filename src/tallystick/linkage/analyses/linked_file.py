"""The linked file of an analysis: a row per link, and beside it the register that wrong links come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tallystick._formats import counted
from tallystick.errors import InputError
from tallystick.linkage.analyses.linked_pairs import LinkedPairs, linked_pairs
from tallystick.linkage.analyses.settings import Variable
from tallystick.linkage.analyses.variables import Located, locate, read_variables
from tallystick.preparation.read import ID_COLUMN, named_column, no_such_column, open_source, read_columns
from tallystick.preparation.source import Source

if TYPE_CHECKING:
    from tallystick.linkage.matches import Matches
    from tallystick.linkage.results import Results

BLOCK = "link_block"
"""What the column of blocks is called: no variable of an analysis begins with ``link_``."""


@dataclass(frozen=True)
class LinkedFile:
    """Links with the variables of an analysis.

    Attributes
    ----------
    rows : polars.DataFrame
        A row per link, in the order of the outcome's source: ``link_outcome``, ``link_covariates``, the
        variables, ``link_posterior``, ``link_weight`` and, where there is one, ``link_block``. Rows without a
        value that the analysis needs are left out.
    register : polars.DataFrame
        The records of the covariates' source, linked or not, that have all covariates: ``link_record``, the
        covariates, ``link_made`` (whether it has a link) and ``link_block``.
    all_covariates : polars.DataFrame
        All records of the covariates' source: as `register`, values that are missing included.
    outcomes : polars.DataFrame
        The records of the outcome's source: ``link_record``, their variables, ``link_made``.
    candidates : polars.DataFrame
        Kept pairs of the rows: ``link_outcome``, ``link_covariates``, ``link_posterior``,
        ``link_weight``, ``link_decision``.
    pairs : polars.DataFrame
        The same of all records of both sources.
    outcome, covariates : str
        Names of the sources.
    variables : tuple of Located
        Where each was read.
    left_out : tuple of str
        What was left out, in sentences.
    crossing : float or None
        Share of the links whose ends are of different blocks, where both sources have it.
    run : LinkedPairs
        The linkage.
    """

    rows: pl.DataFrame
    register: pl.DataFrame
    all_covariates: pl.DataFrame
    outcomes: pl.DataFrame
    candidates: pl.DataFrame
    pairs: pl.DataFrame
    outcome: str
    covariates: str
    variables: tuple[Located, ...]
    left_out: tuple[str, ...]
    crossing: float | None
    run: LinkedPairs

    @property
    def own(self) -> tuple[str, ...]:
        """Variables that stand in the outcome's source."""
        return tuple(one.name for one in self.variables if one.source == self.outcome)

    @property
    def linked(self) -> tuple[str, ...]:
        """Variables that stand in the covariates' source."""
        return tuple(one.name for one in self.variables if one.source == self.covariates)


def linked_file(
    run: str | Path | Results | Matches | LinkedPairs,
    outcome: Sequence[str],
    covariates: Sequence[str],
    *,
    variables: Mapping[str, Variable] | None = None,
    block: str | None = None,
) -> LinkedFile:
    """Links with variables of both sources, joined by the ids of the records.

    Parameters
    ----------
    run : path, Links, SequentialLinks, HouseholdLinks or Matches
        Directory of a run, or a linkage in memory.
    outcome : sequence of str
        Variables of one source; its records are the rows.
    covariates : sequence of str
        Variables of the other source, or also of the outcome's.
    variables : mapping of str to Variable, optional
        Where some of them are read; else by name, where exactly one source has such a column.
    block : str, optional
        A variable or column within which wrong links stay.

    Returns
    -------
    LinkedFile

    Raises
    ------
    InputError
        Where variables are not there or not of two sources, a record of the outcome has several links, or
        nothing is left.
    """
    pairs = run if isinstance(run, LinkedPairs) else linked_pairs(run)
    stated = dict(variables or {})
    names = list(dict.fromkeys([*outcome, *covariates]))
    if taken := [name for name in names if name.startswith("link_")]:
        raise InputError(
            f"{taken[0]}: names that begin with link_ are those of the linked file itself: give the variable "
            f'another one, [variables] NAME = {{ source = "SOURCE", column = "{taken[0]}" }}.'
        )
    found = locate(
        names, pairs.sources, {name: one for name, one in stated.items() if name != block or name in names}
    )
    first, second = _two_sources(outcome, covariates, found)
    tables: dict[str, pl.DataFrame] = {}
    located: list[Located] = []
    for source in (first, second):
        own = {name: column for name, (of, column) in found.items() if of.name == source.name}
        tables[source.name], told = read_variables(source, own, stated)
        located += told
    blocks = _block_values(block, stated, (first, second))
    for name, values in blocks.items():
        tables[name] = tables[name].join(values, on="link_record", how="left", maintain_order="left")
    return _joined(pairs, tables, first.name, second.name, tuple(located), block, tuple(blocks))


def _two_sources(
    outcome: Sequence[str], covariates: Sequence[str], found: Mapping[str, tuple[Source, str]]
) -> tuple[Source, Source]:
    of_outcome = {found[name][0].name: found[name][0] for name in outcome}
    if len(of_outcome) != 1:
        raise InputError(
            f"{' and '.join(outcome)} stand in several sources ({', '.join(of_outcome)}): they have to be of "
            "one, so that a record has all of them."
        )
    first = next(iter(of_outcome.values()))
    others = {found[name][0].name: found[name][0] for name in covariates if found[name][0].name != first.name}
    if not others:
        raise InputError(
            f"All variables stand in source {first.name!r}, so that no link is needed and none can be wrong: "
            "analyse that file itself, or use a variable of another source."
        )
    if len(others) > 1:
        raise InputError(
            f"The covariates stand in {len(others)} sources besides that of the outcome "
            f"({', '.join(others)}): an analysis joins two sources; use variables of one of these."
        )
    return first, next(iter(others.values()))


def _block_values(
    block: str | None, stated: Mapping[str, Variable], sources: tuple[Source, Source]
) -> dict[str, pl.DataFrame]:
    """By source the ids and blocks as text, for the sources that have it."""
    if block is None:
        return {}
    if block in stated:
        one = stated[block]
        chosen = [source for source in sources if source.name == one.source]
        if not chosen:
            raise InputError(
                f"variables.{block}: the block is of source {one.source!r}, but the analysis joins "
                f"{sources[0].name} and {sources[1].name}."
            )
        column = locate([block], chosen, {block: one})[block][1]
        columns = {chosen[0].name: column}
    else:
        columns = {
            source.name: own
            for source in sources
            if (own := named_column(source, open_source(source).columns, block)) is not None
        }
        if not columns:
            raise no_such_column(sources, block)
    found = {}
    for source in sources:
        if source.name in columns:
            read = read_columns(source, [columns[source.name]])
            text = read[columns[source.name]].cast(pl.String).str.strip_chars().replace("", None)
            found[source.name] = pl.DataFrame([read[ID_COLUMN].alias("link_record"), text.alias(BLOCK)])
    return found


def _joined(
    pairs: LinkedPairs,
    tables: dict[str, pl.DataFrame],
    first: str,
    second: str,
    located: tuple[Located, ...],
    block: str | None,
    with_block: tuple[str, ...],
) -> LinkedFile:
    between = _between(pairs.pairs, first, second)
    links = between.filter(pl.col("link_decision") == "link").drop("link_decision")
    if not len(links):
        raise InputError(
            f"{pairs.shown}: there are no links between {first} and {second}: nothing to analyse."
        )
    several = links.filter(pl.col("link_outcome").is_duplicated())["link_outcome"].n_unique()
    if several:
        raise InputError(
            f"{pairs.shown}: {counted(several, 'record')} of {first} {'has' if several == 1 else 'have'} "
            f"several links to {second}, so that it is open which covariates are theirs: link with "
            "one_to_one = true, or with one link at most for each of them (many_to_one or one_to_many)."
        )
    of_first = tables[first].with_columns(
        link_made=pl.col("link_record").is_in(links["link_outcome"].implode())
    )
    of_second = tables[second].with_columns(
        link_made=pl.col("link_record").is_in(links["link_covariates"].implode())
    )
    rows = (
        of_first.drop("link_made")
        .rename(
            {
                "link_record": "link_outcome",
                **({BLOCK: "link_block_of_outcome"} if first in with_block else {}),
            }
        )
        .join(links, on="link_outcome", how="inner", maintain_order="left")
        .join(
            of_second.drop("link_made"),
            left_on="link_covariates",
            right_on="link_record",
            how="left",
            maintain_order="left",
        )
    )
    crossing = None
    if block is not None and len(with_block) == 2:
        both = rows.drop_nulls(["link_block_of_outcome", BLOCK])
        different = int((both["link_block_of_outcome"] != both[BLOCK]).sum())
        crossing = different / len(both) if len(both) else None
    if block is not None and second not in with_block:
        rows = rows.rename({"link_block_of_outcome": BLOCK})
    rows = rows.drop("link_block_of_outcome", strict=False)
    rows, left_out = _without_missing(rows, [one.name for one in located], block)
    if not len(rows):
        raise InputError(f"{pairs.shown}: no link has a value of every variable: nothing to analyse.")
    needed = [one.name for one in located if one.source == second]
    needed += [BLOCK] if block is not None and second in with_block else []
    complete = of_second.drop_nulls(needed)
    if lost := len(of_second) - len(complete):
        left_out.append(f"{counted(lost, 'record')} of {second} without a value of {_named(needed)}")
    candidates = between.join(
        rows.select("link_outcome"), on="link_outcome", how="semi", maintain_order="left"
    )
    return LinkedFile(
        rows,
        complete,
        of_second,
        of_first,
        candidates,
        between,
        first,
        second,
        located,
        tuple(left_out),
        crossing,
        pairs,
    )


def _between(pairs: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Pairs of two sources, whichever side each stands on."""
    parts = [
        pairs.filter((pl.col(f"source_{a}") == first) & (pl.col(f"source_{b}") == second)).select(
            pl.col(f"id_{a}").cast(pl.String).alias("link_outcome"),
            pl.col(f"id_{b}").cast(pl.String).alias("link_covariates"),
            pl.col("decision").alias("link_decision"),
            pl.col("weight").cast(pl.Float64).alias("link_weight"),
            pl.col("posterior").cast(pl.Float64).alias("link_posterior"),
        )
        for a, b in (("left", "right"), ("right", "left"))
    ]
    return pl.concat(parts)


def _without_missing(
    rows: pl.DataFrame, names: Sequence[str], block: str | None
) -> tuple[pl.DataFrame, list[str]]:
    """Rows that have every value, and sentences on those that have not."""
    told = []
    for name in [*names, *([BLOCK] if block is not None else [])]:
        if missing := rows[name].null_count():
            shown = f"the block {block}" if name == BLOCK else name
            told.append(f"{counted(missing, 'link')} without a value of {shown}")
    kept = rows.drop_nulls([*names, *([BLOCK] if block is not None else [])])
    return kept, told


def _named(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
