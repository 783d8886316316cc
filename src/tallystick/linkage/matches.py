"""The result of a deterministic linkage: links, what is ambiguous, a sample, counts by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.linkage.chart_figures import distinct_values
from tallystick.linkage.duplicates import Duplicates
from tallystick.linkage.entities import entities_table, entity_ids
from tallystick.linkage.evaluation.evaluate import Evaluation, evaluate
from tallystick.linkage.evaluation.missed import missed_figures
from tallystick.linkage.evaluation.residual_figures import residual_figures
from tallystick.linkage.export import PAIR_COLUMNS, join_pairs
from tallystick.linkage.golden import golden_records
from tallystick.linkage.prepare import Known
from tallystick.linkage.preparing import removed_table, with_references, with_removed
from tallystick.linkage.tables import pair_ids
from tallystick.linking.cluster import connected_components
from tallystick.linking.entities import Golden
from tallystick.linking.match_settings import Match
from tallystick.linking.matched import REASONS, Matched
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared


@dataclass(frozen=True)
class Matches:
    """Links by match keys, and what is ambiguous.

    Attributes
    ----------
    known : Known
        The records.
    matched : Matched
        The links as arrays.
    duplicates : tuple of Duplicates
        Equal records of each source that is declared to be without duplicates.
    """

    known: Known
    matched: Matched
    duplicates: tuple[Duplicates, ...] = ()

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """A row per link: ids (with sources where there are more than two), ``key``, ``decision``."""
        found = self.matched
        columns: dict[str, Any] = pair_ids(self.known, found.left, found.right)
        columns["key"] = self._labels.gather(found.key)
        table = pl.DataFrame(columns).with_columns(pl.lit("link").alias("decision"))
        return with_references(table, self.known.prepared_sources)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """A row per key: ``key``, ``pairs`` that agree, ``links``, and by source who is ambiguous and left.

        ``ambiguous_NAME`` are the records that the key could not link though others agree with them,
        ``left_NAME`` those that have no link after it.
        """
        rows = []
        for one in self.matched.counts:
            row: dict[str, Any] = {"key": one.label, "pairs": one.pairs, "links": one.links}
            for what, numbers in (("ambiguous", one.ambiguous), ("left", one.left)):
                row |= {f"{what}_{name}": n for name, n in zip(self._sources, numbers, strict=True)}
            rows.append(row)
        return pl.DataFrame(rows)

    @cached_property
    def ambiguous(self) -> pl.DataFrame:
        """A row per record and key that could not link it though others agree with it.

        ``source``, ``id``, ``key``, ``candidates`` (how many agree), ``reason``, and ``linked_by``, the later
        key that links it, null where none does. Where there are more than two sources, ``source_candidates``
        is that of the candidates.
        """
        found, records = self.matched.ambiguous, self.known.records
        columns: dict[str, Any] = {
            "source": self._names.gather(self.known.source_of(found.row)),
            "id": records.ids.gather(found.row),
        }
        if self.known.names_sources:
            columns["source_candidates"] = self._names.gather(found.other)
        columns |= {
            "key": self._labels.gather(found.key),
            "candidates": found.candidates,
            "reason": pl.Series(REASONS, dtype=pl.String).gather(found.reason),
        }
        later = self._linking_key[found.row, found.other] if len(found.row) else np.zeros(0, np.int64)
        columns["linked_by"] = _labels_or_null(self._labels, later)
        return pl.DataFrame(columns)

    @cached_property
    def ambiguous_pairs(self) -> pl.DataFrame:
        """Pairs that agree on a key and are no links, where one record has few candidates.

        Ids, ``key``, ``candidates_left``, ``candidates_right``, ``reason``, and ``open``: whether neither
        record has been linked by a later key.
        """
        found = self.matched.pairs
        columns: dict[str, Any] = pair_ids(self.known, found.left, found.right)
        columns |= {
            "key": self._labels.gather(found.key),
            "candidates_left": found.candidates_left,
            "candidates_right": found.candidates_right,
        }
        key = self._linking_key
        sources = [self.known.source_of(rows) for rows in (found.right, found.left)]
        is_open = np.zeros(0, bool)
        if len(found.left):
            is_open = (key[found.left, sources[0]] < 0) & (key[found.right, sources[1]] < 0)
        several = {
            side: pl.format(f"{side} record has {{}} candidates", pl.col(f"candidates_{side}"))
            for side in ("left", "right")
        }
        against = pl.Series("against", _labels_or_null(self._labels, found.contradicts))
        frame = pl.DataFrame(columns).with_columns(against, pl.Series("open", is_open))
        left, right = pl.col("candidates_left") > 1, pl.col("candidates_right") > 1
        reason = (
            pl.when(pl.col("against").is_not_null())
            .then(pl.format("another candidate agrees on {}", pl.col("against")))
            .when(left & right)
            .then(pl.concat_str(several["left"], pl.lit(", "), several["right"]))
            .when(left)
            .then(several["left"])
            .otherwise(several["right"])
        )
        ids = [name for name in frame.columns if name.startswith(("source_", "id_"))]
        return frame.select(
            *ids, "key", "candidates_left", "candidates_right", reason.alias("reason"), "open"
        )

    @cached_property
    def entities(self) -> pl.DataFrame:
        """Every record with its ``entity_id``, linked or not."""
        records, entity = self.known.records, self._entity_of
        table = entities_table(records, entity, entity_ids(records, entity))
        prepared = self.known.prepared_sources
        return with_references(with_removed(table, prepared), prepared)

    @cached_property
    def _files(self) -> tuple[Source, ...]:
        """The sources as they were linked: prepared, where there is a preparation."""
        return as_prepared(self.known.spec.sources, self.known.spec.prepare)

    @cached_property
    def residuals(self) -> pl.DataFrame:
        """Every record without a link: ``source``, ``id``, the first ``key`` it is ambiguous under, why.

        ``reason`` is ``values missing`` where it has no key at all, ``no candidate`` where nothing agrees
        with it on any key, else as in `ambiguous`.
        """
        linked = np.zeros(self.known.records.n_records, bool)
        linked[self.matched.left] = linked[self.matched.right] = True
        rows = np.flatnonzero(~linked)
        unclear = self.matched.ambiguous
        which, first = np.unique(unclear.row, return_index=True)  # of each record, the strictest key
        at = np.minimum(np.searchsorted(which, rows), max(0, len(which) - 1))
        is_unclear = which[at] == rows if len(which) else np.zeros(len(rows), bool)
        chosen = first[at] if len(which) else np.zeros(len(rows), np.int64)

        def of(values: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.where(is_unclear, values[chosen], -1) if len(values) else np.full(len(rows), -1)

        number = of(unclear.reason)
        plain = np.where(self.matched.has_key[rows], len(REASONS), len(REASONS) + 1)
        names = pl.Series([*REASONS, "no candidate", "values missing"], dtype=pl.String)
        return pl.DataFrame(
            {
                "source": self._names.gather(self.known.source_of(rows)),
                "id": self.known.records.ids.gather(rows),
                "key": _labels_or_null(self._labels, of(unclear.key)),
                "candidates": np.maximum(of(unclear.candidates), 0),
                "reason": names.gather(np.where(number < 0, plain, number)),
            }
        )

    def sample(self, n: int | None = None) -> pl.DataFrame:
        """Links drawn for checking by hand, as many of each key, with the values of both records.

        Parameters
        ----------
        n : int, optional
            How many; by default ``match.sample``. Where a key has fewer, others give more.

        Returns
        -------
        polars.DataFrame
            Ids, an empty column ``match`` to fill in (1 or 0), ``key``, ``inclusion`` (the share of the key's
            links that were drawn), and the fields of the keys, in random order.
        """
        settings = self.settings
        wanted = settings.sample if n is None else n
        if wanted < 0:
            raise InputError(f"sample: found {wanted}, expected a number of links from 0 up.")
        sizes = np.bincount(self.matched.key, minlength=len(settings.keys))
        drawn = shared_out(sizes, wanted)
        random = np.random.default_rng(self.known.spec.seed)
        chosen = [
            random.choice(np.flatnonzero(self.matched.key == key), int(size), replace=False)
            for key, size in enumerate(drawn)
        ]
        rows = random.permutation(np.concatenate([np.zeros(0, np.int64), *chosen]).astype(np.int64))
        links = self.pairs[rows]
        joined = join_pairs(links, self._files, settings.fields, ["link"])
        ids = [name for name in links.columns if name.startswith(("source_", "id_", "reference_"))]
        order = [f"{name}{side}" for name in settings.fields for side in ("_left", "_right", "")]
        values = [name for name in order if name in joined.columns and name not in (*ids, *PAIR_COLUMNS)]
        share = drawn / np.maximum(sizes, 1)
        return joined.select(
            *ids,
            pl.lit(None, pl.String).alias("match"),
            pl.Series("key", links["key"]),
            pl.Series("inclusion", share[self.matched.key[rows]]),
            *(name for name in values if name not in ("match", "key", "inclusion")),
        )

    def join(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        """The linked table: columns of the files side by side (see `tallystick.linkage.export.join_pairs`).

        Parameters
        ----------
        columns : sequence of str
            Fields or columns; by default all that are no truth.

        Returns
        -------
        polars.DataFrame
        """
        return join_pairs(self.pairs, self._files, columns, ["link"])

    def golden(self, golden: Golden | None = None) -> pl.DataFrame:
        """The golden record of each entity (see `tallystick.linkage.golden.golden_records`).

        Parameters
        ----------
        golden : Golden, optional
            Rules; by default those of the specification, or the most frequent value where it has none.

        Returns
        -------
        polars.DataFrame
        """
        spec = self.known.spec
        table = golden_records(self.entities, self._files, golden or spec.entities.golden or Golden())
        return with_references(table, self.known.prepared_sources)

    def evaluate(self, truth: str) -> Evaluation:
        """Count the errors against a column that says who a record is, which a linkage cannot read.

        Parameters
        ----------
        truth : str
            Field or column of every source; equal values are matches.

        Returns
        -------
        Evaluation
        """
        known = self.known
        removed = removed_table(known.prepared_sources) if known.prepared_sources else None
        keys = self._labels.to_list()
        return evaluate(self.pairs, self.entities, known.spec.sources, known.kind, truth, keys, removed)

    def quality_dict(self) -> dict[str, Any]:
        """What ``quality.json`` holds: residuals by reason, who is missed, completeness; no rates.

        Returns
        -------
        dict
            ``completeness`` and ``distinct`` (values by source and field), ``residuals``
            (`tallystick.linkage.evaluation.residual_figures.residual_figures`) and ``missed``
            (`tallystick.linkage.evaluation.missed.missed_figures`).
        """
        linked = np.zeros(self.known.records.n_records, bool)
        linked[self.matched.left] = linked[self.matched.right] = True
        return {
            "completeness": {table.name: dict(table.completeness) for table in self.known.inputs},
            "distinct": distinct_values(self.known.records),
            "residuals": residual_figures(self.known, linked, self.residuals),
            "missed": missed_figures(self.known, linked),
        }

    def counts_dict(self) -> dict[str, Any]:
        """Counts as plain data, for ``run.json``."""
        return {
            "records": {table.name: table.n_rows for table in self.known.inputs},
            "links": len(self.matched.left),
            "entities": int(self._entity_of.max(initial=-1)) + 1,
            "ambiguous_records": len(np.unique(self.matched.ambiguous.row)),
            "keys": [
                {
                    "key": one.label,
                    "pairs": one.pairs,
                    "links": one.links,
                    "ambiguous": dict(zip(self._sources, one.ambiguous, strict=True)),
                    "left": dict(zip(self._sources, one.left, strict=True)),
                }
                for one in self.matched.counts
            ],
            **(
                {"duplicates": {one.source: len(one.rows) for one in self.duplicates}}
                if self.duplicates
                else {}
            ),
        }

    @property
    def settings(self) -> Match:
        """The keys."""
        assert self.known.spec.match is not None
        return self.known.spec.match

    @property
    def _sources(self) -> tuple[str, ...]:
        return self.known.records.sources

    @property
    def _names(self) -> pl.Series:
        return pl.Series(self._sources, dtype=pl.String)

    @property
    def _labels(self) -> pl.Series:
        return pl.Series([one.label for one in self.settings.keys], dtype=pl.String)

    @cached_property
    def _entity_of(self) -> NDArray[np.int64]:
        return connected_components(self.matched.left, self.matched.right, self.known.records.n_records)

    @cached_property
    def _linking_key(self) -> NDArray[np.int64]:
        """The key that links each record to a record of each source, -1 for none; (n_records, n_sources)."""
        found = self.matched
        key = np.full((self.known.records.n_records, len(self._sources)), -1, np.int64)
        key[found.left, self.known.source_of(found.right)] = found.key
        key[found.right, self.known.source_of(found.left)] = found.key
        return key


def _labels_or_null(labels: pl.Series, numbers: NDArray[np.int64]) -> pl.Series:
    """Labels of keys by number; null where it is negative."""
    return labels.gather(
        pl.select(pl.when(pl.lit(pl.Series(numbers)) >= 0).then(pl.Series(numbers))).to_series()
    )


def shared_out(sizes: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    """Share out n draws as evenly as the sizes of the groups allow.

    Parameters
    ----------
    sizes : integer array, shape (n_groups,)
        How many there are in each group.
    n : int
        How many are drawn in all.

    Returns
    -------
    int64 array, shape (n_groups,)
        Earlier groups get what does not divide.

    Examples
    --------
    >>> shared_out(np.array([50, 2, 9]), 20).tolist()
    [9, 2, 9]
    """
    drawn = np.zeros(len(sizes), np.int64)
    order = np.argsort(sizes, kind="stable")  # the smallest first: what they lack, the larger ones give
    left = min(n, int(sizes.sum()))
    for place, group in enumerate(order):
        each, rest = divmod(left, len(order) - place)
        if sizes[group] > each:
            drawn[order[place:]] = each
            drawn[np.sort(order[place:])[:rest]] += 1
            break
        drawn[group] = sizes[group]
        left -= int(sizes[group])
    return drawn
