"""What a sample for quality is drawn from: every link and every record or pair that is none, in strata.

By record the units are the records of one source, each of which has one match at most: those with a link and
those without, shown alike. By pair they are the links, the candidate pairs between records that
have links, and the records without a link, which stand for all pairs that they are in. What is needed stands
in the tables of the run: its sources are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.constraint import constraint
from tallystick.errors import InputError
from tallystick.linkage.run_folder import model_version, read_facts, read_figures
from tallystick.linkage.saved import load_model
from tallystick.linkage.tables import read_table
from tallystick.quality.audit_design import AuditPlan, PlannedStratum
from tallystick.quality.audit_strata import LINK, LINK_OF_RECORD, NO_LINK, Outcome, StratumKind
from tallystick.review.cases import RecordKey

By = Literal["record", "pair"]

LINK_EDGES = (0.9, 0.99, 0.9999)
"""Posteriors that divide the links."""
OTHER_EDGES = (0.001, 0.01, 0.1)
"""Posteriors that divide what is no link, by its best candidate; possible links are a stratum apart."""
UNKNOWN_ERRORS = 0.01
"""Share of errors that links without a posterior are planned with."""
KEY = ("source", "id")
_PAIR = ("source_left", "id_left", "source_right", "id_right")


@dataclass(frozen=True)
class FrameStratum:
    """A stratum of units.

    Attributes
    ----------
    name : str
        A short name that tells a reviewer nothing.
    label : str
        What is in it.
    kind : {"link", "non-link", "record"}
        What its units are.
    outcomes : tuple of Outcome
        What a unit can be.
    low, high : float or None
        Posteriors between which it lies, of the link or of the best rejected candidate.
    errors : float
        Share of the units where the machine is expected to be wrong.
    """

    name: str
    label: str
    kind: StratumKind
    outcomes: tuple[Outcome, ...]
    low: float | None
    high: float | None
    errors: float


@dataclass(frozen=True)
class AuditFrame:
    """Everything that a sample can be drawn from.

    Attributes
    ----------
    by : {"record", "pair"}
        What is sampled.
    sources : tuple of str
        The sources whose records are units: one by record; by pair those whose unlinked records are.
    units : polars.DataFrame
        A row per unit: ``source_left`` and ``id_left`` (the record, or the left one of a pair),
        ``source_right`` and ``id_right`` (the right one; of a record with a link its partner; null without),
        ``weight`` and ``posterior`` (of the pair, or of the record's best candidate), ``task`` (``record``
        or ``pair``) and ``stratum``, a number.
    strata : tuple of FrameStratum
        Those that have units, the links first, each kind from the highest posterior down.
    allowed_pairs : float
        All pairs that could have been linked.
    below : float
        Expected matches, by the model, among the pairs that the run has not kept.
    run, model : str
        Fingerprint of the run and SHA-256 of its model.
    kind : str
        ``link``, ``dedupe`` or ``link_and_dedupe``.
    entities : polars.DataFrame
        ``source``, ``id`` and ``entity_id`` of every record.
    """

    by: By
    sources: tuple[str, ...]
    units: pl.DataFrame
    strata: tuple[FrameStratum, ...]
    allowed_pairs: float
    below: float
    run: str
    model: str
    kind: str
    entities: pl.DataFrame

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Numbers of units, shape (n_strata,)."""
        return np.bincount(self.units["stratum"].to_numpy(), minlength=len(self.strata)).astype(np.int64)

    @cached_property
    def partners(self) -> dict[RecordKey, RecordKey | None]:
        """With whom the run has linked each record that is a unit."""
        records = self.units.filter(pl.col("task") == "record")
        return {
            RecordKey(row[0], row[1]): None if row[3] is None else RecordKey(row[2], row[3])
            for row in records.select(*_PAIR).iter_rows()
        }

    @property
    def links(self) -> int:
        """Number of links."""
        return sum(int(n) for n, one in zip(self.sizes, self.strata, strict=True) if one.kind == "link")

    @property
    def model_missed(self) -> float:
        """Matches that the sample cannot find, so that the model's number is taken: by pair alone."""
        return self.below if self.by == "pair" else 0.0

    def plan(self, precision_width: float = 0.01, recall_width: float = 0.02) -> AuditPlan:
        """The strata as they are planned with, and the widths that matter."""
        planned = tuple(
            PlannedStratum(one.name, one.kind, int(n), one.outcomes, one.errors)
            for one, n in zip(self.strata, self.sizes, strict=True)
        )
        return AuditPlan(planned, self.allowed_pairs, self.model_missed, precision_width, recall_width)


def audit_frame(run: Path, *, by: By | None = None, source: str | None = None) -> AuditFrame:
    """Divide what a run decided into strata.

    Parameters
    ----------
    run : path
        Directory of a run.
    by : {"record", "pair"}, optional
        What is sampled. By default records, where those of one source have one match at most.
    source : str, optional
        The source whose records are audited. By record by default the one with fewer unlinked records;
        by pair its unlinked records alone are audited by record, by default those of all sources.

    Returns
    -------
    AuditFrame

    Raises
    ------
    InputError
        Where the run has no model, or cannot be audited so.
    """
    facts = read_facts(run)
    if not (run / "model.json").is_file():
        raise InputError(
            f"{run}: the run has no model, as of match keys alone, so there is no posterior to draw a sample "
            "by: link with a model, or check the file sample.csv of the run by hand."
        )
    names = tuple(str(one["name"]) for one in facts["inputs"])
    if source is not None and source not in names:
        raise InputError(f"{run}: there is no source {source!r}: choose among {', '.join(names)}.")
    tables = _Tables.read(run, names)
    once = _once(run, facts, names)
    chosen = _choose(run, by, source, names, once, tables)
    estimated = read_figures(run / "quality.json").get("estimated") or {}
    rejected = float(tables.others["posterior"].sum())
    frame = AuditFrame(
        by=chosen[0],
        sources=chosen[1],
        units=pl.DataFrame(),
        strata=(),
        allowed_pairs=float(facts["counts"]["pairs_allowed"]),
        below=max(0.0, float(estimated.get("missed") or 0.0) - rejected),
        run=str(facts["fingerprint"]),
        model=model_version(run, facts),
        kind=str(facts["kind"]),
        entities=tables.entities,
    )
    parts = (
        _by_record(tables, chosen[1][0], frame.below)
        if frame.by == "record"
        else _by_pair(tables, chosen[1], frame.below)
    )
    return _numbered(frame, parts)


@dataclass(frozen=True)
class _Tables:
    """Tables of a run: links, other kept pairs, records without a link (``source``, ``id``), entities."""

    links: pl.DataFrame
    others: pl.DataFrame
    unlinked: pl.DataFrame
    entities: pl.DataFrame

    @classmethod
    def read(cls, run: Path, names: Sequence[str]) -> _Tables:
        pairs = read_table(run / "links.parquet")
        if "source_left" not in pairs.columns:
            pairs = pairs.with_columns(
                pl.lit(names[0]).alias("source_left"), pl.lit(names[-1]).alias("source_right")
            )
        pairs = pairs.select(*_PAIR, "weight", "posterior", "decision")
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
                "weight",
                "posterior",
                (pl.col("decision") == "possible").alias("possible"),
            )
            for side in ("left", "right")
        ]
        return (
            pl.concat(ends)
            .group_by(*KEY)
            .agg(
                pl.col("weight").max(),
                pl.col("posterior").max(),
                pl.col("posterior").sum().alias("sum"),
                pl.col("possible").any(),
            )
        )


def _once(run: Path, facts: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """The sources of whose records each has one match at most."""
    if facts["kind"] != "link" or len(names) != 2:
        return ()
    spec = load_model(run).spec
    free = [one.duplicate_free for one in spec.sources] if len(spec.sources) == 2 else [False, False]
    limits = constraint(spec.decision.links, *free)
    return tuple(
        name for name, once in zip(names, (limits.left_once, limits.right_once), strict=True) if once
    )


def _choose(
    run: Path,
    by: By | None,
    source: str | None,
    names: tuple[str, ...],
    once: tuple[str, ...],
    tables: _Tables,
) -> tuple[By, tuple[str, ...]]:
    if by == "pair" or (by is None and not once):
        return "pair", names if source is None else (source,)
    if not once or (source is not None and source not in once):
        whose = "its records" if source is None else f"records of {source!r}"
        if by is None:
            return "pair", names if source is None else (source,)
        raise InputError(
            f"{run}: {whose} may have several matches, so that a record and its one match are not all: "
            "audit by pair (--by pair)."
        )
    if source is None:
        numbers = {name: len(tables.unlinked.filter(pl.col("source") == name)) for name in once}
        source = min(once, key=lambda name: (numbers[name], once.index(name)))
    return "record", (source,)


@dataclass(frozen=True)
class _Part:
    """Units of one kind: ``class`` is the stratum of each, ``error`` how likely it is wrong."""

    units: pl.DataFrame
    labels: tuple[str, ...]
    bounds: tuple[tuple[float | None, float | None], ...]
    kind: StratumKind
    outcomes: tuple[Outcome, ...]


def _by_record(tables: _Tables, source: str, below: float) -> list[_Part]:
    side, other = ("left", "right") if (tables.links["source_left"] == source).all() else ("right", "left")
    links = tables.links.select(
        pl.col(f"source_{side}").alias("source_left"),
        pl.col(f"id_{side}").alias("id_left"),
        pl.col(f"source_{other}").alias("source_right"),
        pl.col(f"id_{other}").alias("id_right"),
        "weight",
        "posterior",
    )
    return [
        _links_part(links, "record", LINK_OF_RECORD),
        _records_part(tables, (source,), below),
    ]


def _by_pair(tables: _Tables, sources: tuple[str, ...], below: float) -> list[_Part]:
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
    pairs = others.select(*_PAIR, "weight", "posterior").with_columns(
        pl.lit("pair").alias("task"), classes, pl.col("posterior").alias("error")
    )
    return [
        _links_part(tables.links.select(*_PAIR, "weight", "posterior"), "pair", LINK),
        _Part(pairs, tuple(f"rejected pairs, {one}" for one in labels), bounds, "non-link", NO_LINK),
        _records_part(tables, sources, below),
    ]


def _links_part(links: pl.DataFrame, task: str, outcomes: tuple[Outcome, ...]) -> _Part:
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
    return _Part(units, (*labels, "links without a posterior"), (*bounds, (None, None)), "link", outcomes)


def _records_part(tables: _Tables, sources: tuple[str, ...], below: float) -> _Part:
    """Records without a link, by their best candidate; those that have none are a stratum of their own."""
    units = tables.unlinked.filter(pl.col("source").is_in(sources)).join(
        tables.best(), on=list(KEY), how="left", maintain_order="left"
    )
    classes, labels, bounds = _classes(units["posterior"], units["possible"].fill_null(False))
    none = int((units["posterior"].is_null()).sum())
    found_nowhere = min(0.5, below / none) if none else 0.0
    units = units.select(
        pl.col("source").alias("source_left"),
        pl.col("id").alias("id_left"),
        pl.lit(None, pl.String).alias("source_right"),
        pl.lit(None, pl.String).alias("id_right"),
        "weight",
        "posterior",
        pl.lit("record").alias("task"),
        classes,
        pl.col("sum").clip(0.0, 1.0).fill_null(found_nowhere).alias("error"),
    )
    return _Part(units, tuple(f"unlinked records, {one}" for one in labels), bounds, "record", NO_LINK)


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


def _numbered(frame: AuditFrame, parts: Sequence[_Part]) -> AuditFrame:
    strata: list[FrameStratum] = []
    tables = []
    for part in parts:
        numbers = np.full(len(part.labels), -1, np.int64)
        errors = dict(part.units.group_by("class").agg(pl.col("error").mean()).iter_rows())
        for k in sorted(errors):
            numbers[k] = len(strata)
            low, high = part.bounds[k]
            name, wrong = f"s{len(strata) + 1}", float(errors[k])
            strata.append(FrameStratum(name, part.labels[k], part.kind, part.outcomes, low, high, wrong))
        of = numbers[part.units["class"].to_numpy()]
        tables.append(
            part.units.drop("class", "error").with_columns(pl.Series("stratum", of, dtype=pl.Int64))
        )
    return replace(frame, units=pl.concat(tables), strata=tuple(strata))
