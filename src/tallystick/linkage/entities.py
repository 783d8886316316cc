"""The entities of a linkage: which records, under which id, and what holds each together."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import RunError
from tallystick.linkage.prepare import Prepared
from tallystick.linking.cannot_link import components_apart
from tallystick.linking.cluster import connected_components
from tallystick.linking.clustering import Clustering, cluster
from tallystick.linking.decide import DecidedPairs
from tallystick.linking.fixed import Fixed
from tallystick.records.records import Records

Ints = NDArray[np.int64]

ID_BYTES = 10
"""Length of the hash in an entity id: among a billion entities two alike come once in two million runs."""


def clustering_of(prepared: Prepared, decided: DecidedPairs) -> Clustering:
    """Entities of all records, as the specification asks for.

    Parameters
    ----------
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs.

    Returns
    -------
    Clustering
    """
    records, pairs, asked = prepared.records, decided.pairs, prepared.spec.entities
    links = decided.links
    if asked.method == "components":
        entity = connected_components(pairs.left[links], pairs.right[links], records.n_records)
        return Clustering(entity, np.zeros(len(pairs), np.bool_))
    return cluster(
        pairs.left,
        pairs.right,
        decided.posterior,
        links,
        records.n_records,
        support=asked.support,
        source=prepared.source_of(np.arange(records.n_records)),
        duplicate_free=free_of_duplicates(prepared),
        within=prepared.kind != "link",
        rank=ranks(records, decided.records_of(links, records.n_records)),
    )


def fixed_clustering(prepared: Prepared, decided: DecidedPairs, fixed: Fixed) -> Clustering:
    """Entities of all records, as the specification asks for, under decisions of people.

    Parameters
    ----------
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs.
    fixed : Fixed
        Which of them people have decided, without contradiction.

    Returns
    -------
    Clustering
        Records of a fixed link are one entity, those of a refused pair two, whatever else joins them.
    """
    records, pairs, asked = prepared.records, decided.pairs, prepared.spec.entities
    links, n = decided.links, records.n_records
    rank = ranks(records, decided.records_of(links, n))
    if asked.method == "components":
        return components_apart(
            pairs.left, pairs.right, decided.posterior, links, fixed.refused, n, held=fixed.link, rank=rank
        )
    return cluster(
        pairs.left,
        pairs.right,
        decided.posterior,
        links,
        n,
        support=asked.support,
        source=prepared.source_of(np.arange(n)),
        duplicate_free=free_of_duplicates(prepared),
        within=prepared.kind != "link",
        rank=rank,
        start=connected_components(pairs.left[fixed.link], pairs.right[fixed.link], n),
        apart=fixed.refused,
    )


def free_of_duplicates(prepared: Prepared) -> list[bool]:
    """Whether each source has at most one record an entity: as it declares, or since links are one-to-one."""
    one_to_one = prepared.spec.decision.one_to_one
    return [one_to_one or source.duplicate_free for source in prepared.spec.sources]


def ranks(records: Records, wanted: NDArray[np.bool_]) -> Ints:
    """Place of records in the order of source names and ids, which does not depend on where they stand.

    Parameters
    ----------
    records : Records
        All records.
    wanted : bool array, shape (n_records,)
        Which of them; all others have rank 0.

    Returns
    -------
    int64 array, shape (n_records,)
    """
    rows = np.flatnonzero(wanted)
    named = pl.DataFrame({"source": _source_names(records, rows), "id": records.ids.gather(rows)})
    order = named.with_row_index("row").sort("source", "id")["row"].to_numpy()
    rank = np.zeros(records.n_records, np.int64)
    rank[rows[order]] = np.arange(len(rows))
    return rank


def _source_names(records: Records, rows: NDArray[np.integer[Any]]) -> pl.Series:
    number = np.searchsorted(records.offsets, rows, side="right") - 1
    return pl.Series(list(records.sources), dtype=pl.String).gather(number)


def entity_ids(records: Records, entity: Ints) -> pl.Series:
    """Id of each entity: a hash of the source and the id of its first record in the order of these.

    So an id depends neither on the order of rows nor on other entities, and stays while an entity keeps that
    record.

    Parameters
    ----------
    records : Records
        All records.
    entity : int64 array, shape (n_records,)
        Entity of each, numbered from 0.

    Returns
    -------
    polars.Series, shape (n_entities,)
        The letter e and 20 hexadecimal digits.

    Raises
    ------
    RunError
        Where two entities have the same hash.
    """
    n_entities = int(entity.max(initial=-1)) + 1
    several = np.bincount(entity, minlength=n_entities)[entity] > 1
    rank = ranks(records, several)
    order = np.lexsort((rank, entity))
    first = order[np.searchsorted(entity[order], np.arange(n_entities))]
    ids = [
        id_of(source, one)
        for source, one in zip(_source_names(records, first), records.ids.gather(first), strict=True)
    ]
    result = pl.Series("entity_id", ids, dtype=pl.String)
    if result.n_unique() != len(result):
        raise RunError("Two entities have the same hash as id: rename one of the sources and run again.")
    return result


def id_of(source: str, id: str) -> str:
    """The entity id that a record gives.

    Examples
    --------
    >>> id_of("census", "17")
    'efde795c198a06fb8a61a'
    """
    digest = hashlib.blake2b(f"{len(source)}:{source}:{id}".encode(), digest_size=ID_BYTES)
    return f"e{digest.hexdigest()}"


def entities_table(records: Records, entity: Ints, ids: pl.Series) -> pl.DataFrame:
    """Every record with its entity, linked or not.

    Parameters
    ----------
    records : Records
        The records.
    entity : int64 array, shape (n_records,)
        Entity of each, numbered from 0.
    ids : polars.Series, shape (n_entities,)
        Id of each entity.

    Returns
    -------
    polars.DataFrame
        ``entity_id``, ``source``, ``id``.
    """
    rows = np.arange(records.n_records)
    return pl.DataFrame(
        {"entity_id": ids.gather(entity), "source": _source_names(records, rows), "id": records.ids}
    )


def entity_figures(prepared: Prepared, found: Clustering) -> dict[str, Any]:
    """What ``quality.json`` says of the entities.

    Parameters
    ----------
    prepared : Prepared
        The records.
    found : Clustering
        The entities.

    Returns
    -------
    dict
        ``method``, ``support``, the number of ``entities``, of those with ``several`` records, of records in
        the ``largest``, and of ``cut_links``; ``sizes``, pairs of a size and how many entities have it.
    """
    asked, size = prepared.spec.entities, np.bincount(found.entity)
    sizes, numbers = np.unique(size, return_counts=True)
    return {
        "method": asked.method,
        "support": asked.support if asked.method == "clusters" else None,
        "entities": len(size),
        "several": int((size > 1).sum()),
        "largest": int(size.max()),
        "cut_links": int(found.cut.sum()),
        "sizes": [[int(one), int(n)] for one, n in zip(sizes, numbers, strict=True)],
    }


def clusters_table(
    prepared: Prepared, decided: DecidedPairs, found: Clustering, ids: pl.Series
) -> pl.DataFrame:
    """What holds each entity together that has more than one record or lost a link; the least sure first.

    Parameters
    ----------
    prepared : Prepared
        The records.
    decided : DecidedPairs
        The pairs.
    found : Clustering
        The entities.
    ids : polars.Series, shape (n_entities,)
        Id of each entity.

    Returns
    -------
    polars.DataFrame
        ``entity_id``; ``records``, and with several sources ``records_NAME`` of each; ``pairs`` of its
        records that may be matches, of which ``links``, ``possible`` links, ``conflicts`` (non-links), and
        ``unseen`` (no pass finds them, or they weigh too little to be kept); ``mean_posterior`` of all pairs,
        that of the unseen 0; ``weakest_link`` and ``mean_weight`` of the links; ``bridges``, links without
        which it would fall apart; ``cut_links``, links to other entities that were cut.
    """
    from tallystick.linking.kernels_bridges import bridges_of
    from tallystick.linking.kernels_graph import incidence

    records, pairs, entity = prepared.records, decided.pairs, found.entity
    n = len(ids)
    size = np.bincount(entity, minlength=n)
    by_source = [
        np.bincount(entity[records.offsets[k] : records.offsets[k + 1]], minlength=n)
        for k in range(len(records.sources))
    ]
    possible_pairs = size * (size - 1) // 2
    for k, own in enumerate(by_source):
        if prepared.kind == "link" or prepared.spec.sources[k].duplicate_free:
            possible_pairs = possible_pairs - own * (own - 1) // 2
    inside = entity[pairs.left] == entity[pairs.right]
    of = entity[pairs.left]

    def count(which: NDArray[np.bool_]) -> Ints:
        return np.bincount(of[which & inside], minlength=n)

    linked = decided.links & inside
    weighed = linked & ~np.isnan(pairs.weight)  # what match keys have linked has no weight
    weakest = np.full(n, np.inf)
    np.minimum.at(weakest, of[weighed], pairs.weight[weighed])
    n_links = count(decided.links)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(of[weighed], pairs.weight[weighed], minlength=n) / count(weighed)
        posterior = np.bincount(of[inside], decided.posterior[inside], minlength=n) / possible_pairs
    nodes, ends = np.unique(np.concatenate((pairs.left[linked], pairs.right[linked])), return_inverse=True)
    first, second = np.split(ends.astype(np.int64), 2)
    bridge = bridges_of(first, second, *incidence(first, second, len(nodes)))
    cut = np.bincount(entity[pairs.left[found.cut]], minlength=n)
    cut += np.bincount(entity[pairs.right[found.cut]], minlength=n)
    columns: dict[str, Any] = {"entity_id": ids, "records": size}
    if len(by_source) > 1:
        columns |= {f"records_{name}": own for name, own in zip(records.sources, by_source, strict=True)}
    kept = count(np.ones(len(pairs), np.bool_))
    columns |= {
        "pairs": possible_pairs,
        "links": n_links,
        "possible": count(decided.possible),
        "conflicts": kept - n_links - count(decided.possible),
        "unseen": possible_pairs - kept,
        "mean_posterior": posterior,
        "weakest_link": weakest,
        "mean_weight": mean,
        "bridges": np.bincount(of[linked][bridge], minlength=n),
        "cut_links": cut,
    }
    table = pl.DataFrame(columns).filter((pl.col("records") > 1) | (pl.col("cut_links") > 0))
    alone = pl.col("records") == 1
    table = table.with_columns(
        pl.when(~alone & pl.col(name).is_finite()).then(pl.col(name))
        for name in ("mean_posterior", "weakest_link", "mean_weight")
    )
    return table.sort("mean_posterior", "entity_id", nulls_last=True)
