"""A new file added to the entities of a linkage: its records join them, and what is there stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._progress import Progress, silent
from tallystick.errors import InputError, RunError
from tallystick.estimation.parameters import Parameters, Uncertainty
from tallystick.linkage.entities import clusters_table, entities_table, entity_ids, free_of_duplicates, ranks
from tallystick.linkage.golden import golden_records
from tallystick.linkage.identify import known_records, pair_columns, rows_of_side, tables_of_old
from tallystick.linkage.links import Links, link_prepared
from tallystick.linkage.model import Model
from tallystick.linkage.prepare import Prepared, prepare
from tallystick.linkage.preparing import removed_table, with_references, with_removed, without_references
from tallystick.linkage.tables import LABELS
from tallystick.linking.cluster import connected_components
from tallystick.linking.clustering import Clustering, cluster
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.entities import Golden
from tallystick.linking.score import ScoredPairs
from tallystick.patterns.plan import DEFAULT_MEMORY
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import as_prepared

Ints = NDArray[np.int64]
Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Entered:
    """What a linkage has found so far: all that an addition reads of it.

    Attributes
    ----------
    model : Model
        The model that scored its pairs.
    sources : tuple of Source
        Its sources.
    sha256 : tuple of str
        Of each source.
    links, entities : polars.DataFrame
        As `Links.pairs` and `Links.entities`.
    """

    model: Model
    sources: tuple[Source, ...]
    sha256: tuple[str, ...]
    links: pl.DataFrame
    entities: pl.DataFrame


@dataclass(frozen=True)
class Added:
    """A linkage to which a file was added.

    Attributes
    ----------
    new : Links
        The pairs of the new file alone, with each source and within itself, decided as any.
    model : Model
        The model, with the match rates of the new pairs beside those of the old.
    clustering : Clustering
        Entity of every record by number, and which of all pairs, the old ones first, are links that were cut.
    links, entities, clusters : polars.DataFrame
        Of all records, the old ones included: as `Links.pairs`, `Links.entities` and `Links.clusters`.
    changes : polars.DataFrame
        A row for each entity that is not as it was: ``entity_id``; ``change``, which is ``joined`` (new
        records came to it), ``merged`` (it and other entities became one) or ``new`` (all its records are);
        ``records`` that it has now, and of them those ``added``; ``absorbed``, the ids of the entities that
        are one with it now and no longer exist.
    """

    new: Links
    model: Model
    clustering: Clustering
    links: pl.DataFrame
    entities: pl.DataFrame
    clusters: pl.DataFrame
    changes: pl.DataFrame

    @property
    def entered(self) -> Entered:
        """What the next addition reads."""
        prepared = self.new.prepared
        return Entered(
            self.model,
            prepared.spec.sources,
            tuple(table.sha256 for table in prepared.inputs),
            self.links,
            self.entities,
        )

    def golden(self, golden: Golden | None = None) -> pl.DataFrame:
        """The golden record of each entity (see `tallystick.linkage.golden.golden_records`)."""
        asked = golden or self.model.spec.entities.golden or Golden()
        spec = self.new.prepared.spec
        return golden_records(self.entities, as_prepared(spec.sources, spec.prepare), asked)

    def add(self, source: Source, **how: Any) -> Added:
        """Add another file (see `add_source`)."""
        return add_source(self.entered, source, **how)


def add_source(
    entered: Entered,
    source: Source,
    *,
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> Added:
    """Link the records of a new source to the entities of a linkage, and leave the rest as it is.

    Only pairs with a record of the new source are compared: with all others, and among themselves unless the
    linkage looks for nothing within files. They are scored with m and u of the model; their match rate is
    estimated anew. The new records join entities by the evidence of all pairs
    (`tallystick.linking.clustering.cluster`), where entities that exist are groups that stay together.
    Entities that no new record has a link to are not looked at.

    A table of pairs that names no sources is one of the files so far: it has no pair of the new one. No
    source is taken to cover another any more (`Source.covers_other`), as that is said of two files alone.

    Two entities that become one by way of new records keep the id of the one with more records, of the first
    in the order of ids where they have as many.

    Parameters
    ----------
    entered : Entered
        What there is.
    source : Source
        The new file, under a name of its own.
    threads, memory, progress
        As in `Model.link`.

    Returns
    -------
    Added

    Raises
    ------
    InputError
        Where the file was added before, the name is taken, or the source cannot be used.

    Warns
    -----
    TallystickWarning
        Where a pass is a table of pairs that names no sources.
    """
    if source.name in [one.name for one in entered.sources]:
        raise InputError(f"There is already a source called {source.name!r}: give the new file another name.")
    spec = entered.model.spec
    kind = "link_and_dedupe" if spec.kind == "dedupe" else spec.kind
    spec = spec.model_copy(update={"kind": kind, "sources": ()})
    sources = (*(one.model_copy(update={"covers_other": False}) for one in entered.sources), source)
    prepared = prepare(
        spec,
        sources,
        memory=memory or DEFAULT_MEMORY,
        threads=threads,
        progress=progress,
        unlisted=tables_of_old(spec.passes, pair_columns(len(sources), kind or "link")),
    )
    check_new(source, prepared.inputs[-1].sha256, entered)
    plan = prepared.plan
    last = len(sources) - 1
    chosen = tuple(
        (s, t) for s, t in plan.blocking.source_pairs if t == last and not (s == t and source.duplicate_free)
    )
    narrow = replace(prepared, plan=replace(plan, blocking=replace(plan.blocking, source_pairs=chosen)))
    new = link_prepared(narrow, entered.model.parameters, threads=threads, progress=progress)
    old = _old_pairs(entered, prepared)
    pairs = _joined(old, new.decided)
    before = _entities_before(entered, prepared)
    found = _entities_after(prepared, pairs, len(old.verdict), before)
    kept = entered.entities["entity_id"].unique(maintain_order=True)
    ids, changes = _ids_and_changes(prepared, before, found, kept)
    numbered = prepared.prepared_sources
    links = [_with_sources(entered, old_table(entered)), without_references(new.pairs)]
    parameters = _all_rates(prepared, entered.model.parameters, new.model.parameters)
    return Added(
        new,
        Model(spec, parameters),
        found,
        with_references(pl.concat(links, how="vertical_relaxed"), numbered),
        with_references(
            with_removed(entities_table(prepared.records, found.entity, ids), numbered), numbered
        ),
        clusters_table(prepared, pairs, found, ids),
        changes,
    )


def check_new(source: Source, sha256: str, entered: Entered) -> None:
    """Raise `InputError` where a source is the same, byte for byte, as one that is there."""
    for one, known in zip(entered.sources, entered.sha256, strict=True):
        if known == sha256:
            raise InputError(
                f"{source.shown}: this is source {one.name!r}, byte for byte: the same file added twice "
                "would link each record to itself; give another file."
            )


def old_table(entered: Entered) -> pl.DataFrame:
    """Links so far, whose ids are text."""
    return without_references(entered.links).with_columns(pl.col("id_left", "id_right").cast(pl.String))


def _with_sources(entered: Entered, table: pl.DataFrame) -> pl.DataFrame:
    """Links with the names of their sources, which two files alone need not have."""
    if "source_left" in table.columns:
        return table
    first, last = entered.sources[0].name, entered.sources[-1].name
    rest = [name for name in table.columns if name not in ("id_left", "id_right")]
    return table.select(
        pl.lit(first).alias("source_left"), "id_left", pl.lit(last).alias("source_right"), "id_right", *rest
    )


def _old_pairs(entered: Entered, prepared: Prepared) -> DecidedPairs:
    """The pairs of the linkage so far, as rows of all records."""
    table, known = old_table(entered), known_records(prepared.records)
    first, last = entered.sources[0].name, entered.sources[-1].name
    rows = [rows_of_side(table, known, side, only) for side, only in (("left", first), ("right", last))]
    _check_found([one.null_count() for one in rows])
    verdict = table["decision"].replace_strict(
        LABELS.to_list(), list(range(len(LABELS))), return_dtype=pl.Int8
    )
    none = np.zeros(len(table), np.int64)
    left, right = (one.to_numpy() for one in rows)
    return DecidedPairs(
        ScoredPairs(left, right, table["weight"].to_numpy(), none, none, none),
        table["posterior"].to_numpy(),
        table["posterior_pair"].to_numpy(),
        verdict.to_numpy(),
        np.zeros(len(table), np.bool_),
    )


def _check_found(missing: Sequence[int]) -> None:
    if any(missing):
        raise InputError(
            "The sources no longer have all the records of the linkage, or have others: run the linkage "
            "again before a file is added."
        )


def _joined(old: DecidedPairs, new: DecidedPairs) -> DecidedPairs:
    def both(name: str, of: str = "") -> Any:
        parts = [getattr(one, of) if of else one for one in (old, new)]
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("left", "right", "weight", "pattern", "pass_number", "source_pair")
    pairs = ScoredPairs(*(both(name, "pairs") for name in names))
    return DecidedPairs(pairs, *(both(name) for name in ("posterior", "posterior_pair", "verdict", "tie")))


def _entities_before(entered: Entered, prepared: Prepared) -> Ints:
    """Number of the entity of each record in the order of `Entered.entities`; -1 for new records."""
    table = entered.entities.select("entity_id", "source", pl.col("id").cast(pl.String))
    if prepared.prepared_sources:  # those taken out as duplicates are of the entity of another one
        removed = removed_table(prepared.prepared_sources)
        table = table.join(removed, on=["source", "id"], how="anti", maintain_order="left")
    ids = table["entity_id"].unique(maintain_order=True)
    numbers = pl.DataFrame({"entity_id": ids, "number": np.arange(len(ids))})
    known = known_records(prepared.records)
    rows = table.join(numbers, on="entity_id", how="left", maintain_order="left").join(
        known, on=["source", "id"], how="left", maintain_order="left"
    )
    first_new = int(prepared.records.offsets[-2])
    _check_found([rows["row"].null_count(), first_new - len(rows)])
    result = np.full(prepared.records.n_records, -1, np.int64)
    result[rows["row"].to_numpy()] = rows["number"].to_numpy()
    return result


def _entities_after(prepared: Prepared, pairs: DecidedPairs, n_old: int, before: Ints) -> Clustering:
    """Entities of all records: those that new links reach put together anew, the others as they were."""
    records, scored, asked = prepared.records, pairs.pairs, prepared.spec.entities
    n = records.n_records
    start = np.where(before >= 0, before, before.max(initial=0) + 1 + np.arange(n))
    new_link = pairs.links.copy()
    new_link[:n_old] = False
    reached = np.zeros(int(start.max()) + 1, np.bool_)
    reached[start[scored.left[new_link]]] = True
    reached[start[scored.right[new_link]]] = True
    rows = np.flatnonzero(reached[start])
    place = np.full(n, -1, np.int64)
    place[rows] = np.arange(len(rows))
    own = np.flatnonzero((place[scored.left] >= 0) & (place[scored.right] >= 0))
    left, right = place[scored.left[own]], place[scored.right[own]]
    label = start.copy()
    if asked.method == "components":
        linked = new_link[own]
        order = np.argsort(start[rows], kind="stable")
        same = np.flatnonzero(np.diff(start[rows][order]) == 0)
        group = connected_components(
            np.concatenate((left[linked], order[same])),
            np.concatenate((right[linked], order[same + 1])),
            len(rows),
        )
    else:
        group = cluster(
            left,
            right,
            pairs.posterior[own],
            pairs.links[own],
            len(rows),
            support=asked.support,
            source=prepared.source_of(rows),
            duplicate_free=free_of_duplicates(prepared),
            within=prepared.kind != "link",
            rank=ranks(records, place >= 0)[rows],
            start=start[rows],
        ).entity
    label[rows] = start.max() + 1 + group
    entity = _in_order(label)
    return Clustering(entity, pairs.links & (entity[scored.left] != entity[scored.right]))


def _in_order(label: Ints) -> Ints:
    """Groups numbered from 0 in the order of their first records."""
    _, first, group = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    result: Ints = number[group]
    return result


def _ids_and_changes(
    prepared: Prepared, before: Ints, found: Clustering, kept: pl.Series
) -> tuple[pl.Series, pl.DataFrame]:
    """Id of each entity, and what became of the entities."""
    entity = found.entity
    n = int(entity.max()) + 1
    size = np.bincount(entity, minlength=n)
    old = before >= 0
    added = np.bincount(entity[~old], minlength=n)
    earlier = pl.DataFrame({"entity": entity[old], "before": before[old]}).group_by("entity", "before").len()
    earlier = earlier.with_columns(entity_id=kept.gather(earlier["before"])).sort(
        "entity", "len", "entity_id", descending=[False, True, False]
    )
    by_entity = earlier.group_by("entity", maintain_order=True).agg(
        pl.col("entity_id").first(), pl.col("entity_id").slice(1).alias("absorbed")
    )
    table = pl.DataFrame(
        {
            "entity": np.arange(n),
            "fresh": entity_ids(prepared.records, entity),
            "records": size,
            "added": added,
        }
    ).join(by_entity, on="entity", how="left", maintain_order="left")
    ids = table.select(pl.coalesce("entity_id", "fresh").alias("entity_id"))["entity_id"]
    if ids.n_unique() != n:
        raise RunError("Two entities have the same hash as id: give the new source another name.")
    change = (
        pl.when(pl.col("entity_id").is_null())
        .then(pl.lit("new"))
        .when(pl.col("absorbed").list.len() > 0)
        .then(pl.lit("merged"))
        .when(pl.col("added") > 0)
        .then(pl.lit("joined"))
    )
    changes = table.select(
        ids,
        change.alias("change"),
        "records",
        "added",
        pl.col("absorbed").fill_null(pl.lit([], pl.List(pl.String))),
    )
    return ids, changes.filter(pl.col("change").is_not_null())


def _all_rates(prepared: Prepared, old: Parameters, new: Parameters) -> Parameters:
    """The parameters with the match rates of all pairs of sources, in the order of the plan."""
    rates = {(pair.left, pair.right): pair for pair in (*old.pairs, *new.pairs)}
    names = prepared.records.sources
    wanted = [(names[s], names[t]) for s, t in prepared.plan.blocking.source_pairs]
    wanted = [pair for pair in wanted if pair in rates]
    both = _all_uncertainty(old, new, wanted)
    return replace(new, pairs=tuple(rates[pair] for pair in wanted), uncertainty=both)


def _all_uncertainty(
    old: Parameters, new: Parameters, wanted: Sequence[tuple[str, str]]
) -> Uncertainty | None:
    """How sure m, u and the match rates of all pairs of sources are; old rates and new ones apart."""
    if old.uncertainty is None or new.uncertainty is None:
        return None
    n_held = len(new.uncertainty.errors) - len(new.pairs)
    errors = np.zeros(n_held + len(wanted))
    covariance = np.zeros((len(errors), len(errors)))
    for own, known in ((old, old.uncertainty), (new, new.uncertainty)):
        at = {(pair.left, pair.right): n_held + k for k, pair in enumerate(own.pairs)}
        here = [*range(n_held), *(n_held + k for k, pair in enumerate(wanted) if pair in at)]
        there = [*range(n_held), *(at[pair] for pair in wanted if pair in at)]
        errors[here] = np.array(known.errors)[there]
        covariance[np.ix_(here, here)] = np.array(known.covariance)[np.ix_(there, there)]
    rows = tuple(tuple(row) for row in covariance.tolist())
    return Uncertainty(tuple(errors.tolist()), rows, new.uncertainty.dispersion)
