"""What a sample for quality is drawn from: every link and every record or pair that is none, in strata.

By record the units are the records of one source, each of which has one match at most: those with a link and
those without, shown alike. By pair they are the links, the candidate pairs between records that
have links, and the records without a link, which stand for all pairs that they are in. What is needed stands
in the tables of the run: its sources are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.blocking.constraint import constraint
from tallystick.errors import InputError
from tallystick.linkage.audits.shares import ENDS, Shares, Verdicts, keys_table
from tallystick.linkage.audits.units import KEY, UNKNOWN_ERRORS, Part, Tables, by_pair, by_record
from tallystick.linkage.run_folder import model_version, read_facts, read_figures
from tallystick.linkage.saved import load_model
from tallystick.quality.audit_design import AuditPlan, PlannedStratum
from tallystick.quality.audit_strata import Outcome, StratumKind
from tallystick.review.cases import RecordKey

By = Literal["record", "pair"]


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
        ``posterior`` (of the pair, or of the record's best candidate), ``task`` (``record`` or ``pair``) and
        ``stratum``, a number.
    strata : tuple of FrameStratum
        Those that have units, the links first, each kind from the highest posterior down.
    allowed_pairs : float
        All pairs that could have been linked.
    below : float
        Expected matches, by the model, among the pairs that the run has not kept.
    beyond : float
        By pair those of them that no record without a link is in, so that the sample cannot find them: the
        same part of `below` as the rejected pairs have of the posteriors of all pairs that are no links.
    others : polars.DataFrame
        Pairs that are kept and no links, with ``posterior``.
    run, model : str
        Fingerprint of the run and SHA-256 of its model.
    kind : str
        ``link``, ``dedupe`` or ``link_and_dedupe``.
    once : tuple of str
        Sources whose records have one match at most.
    entities : polars.DataFrame
        ``source``, ``id`` and ``entity_id`` of every record.
    """

    by: By
    sources: tuple[str, ...]
    units: pl.DataFrame
    strata: tuple[FrameStratum, ...]
    allowed_pairs: float
    below: float
    beyond: float
    others: pl.DataFrame
    run: str
    model: str
    kind: str
    once: tuple[str, ...]
    entities: pl.DataFrame

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Numbers of units, shape (n_strata,)."""
        return np.bincount(self.units["stratum"].to_numpy(), minlength=len(self.strata)).astype(np.int64)

    def partners(self, records: Iterable[RecordKey]) -> dict[RecordKey, RecordKey | None]:
        """With whom the run has linked records, for those of them that are units."""
        own = self.units.filter(pl.col("task") == "record").join(
            keys_table(records), left_on=["source_left", "id_left"], right_on=list(KEY), how="semi"
        )
        return {
            RecordKey(row[0], row[1]): None if row[3] is None else RecordKey(row[2], row[3])
            for row in own.select(*ENDS).iter_rows()
        }

    def shares(self, verdicts: Verdicts) -> Shares:
        """How many missed pairs findings of unlinked records stand for, by pair."""
        drawable = self.units.filter((pl.col("task") == "record") & pl.col("id_right").is_null())
        of_links = [h for h, one in enumerate(self.strata) if one.kind == "link"]
        known = pl.col("posterior").fill_nan(None).fill_null(1.0 - UNKNOWN_ERRORS)
        return Shares(
            verdicts,
            drawable.select(pl.col("source_left").alias("source"), pl.col("id_left").alias("id")),
            self.entities,
            self.units.filter(pl.col("stratum").is_in(of_links)).select(*ENDS, known),
            self.others,
            between=self.kind == "link",
            once=self.once,
        )

    @property
    def links(self) -> int:
        """Number of links."""
        return sum(int(n) for n, one in zip(self.sizes, self.strata, strict=True) if one.kind == "link")

    def plan(self, precision_width: float = 0.01, recall_width: float = 0.02) -> AuditPlan:
        """The strata as they are planned with, and the widths that matter."""
        planned = tuple(
            PlannedStratum(one.name, one.kind, int(n), one.outcomes, one.errors)
            for one, n in zip(self.strata, self.sizes, strict=True)
        )
        return AuditPlan(planned, self.allowed_pairs, self.beyond, precision_width, recall_width)


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
    fingerprint, model = run_and_model(run, facts)
    names = tuple(str(one["name"]) for one in facts["inputs"])
    if source is not None and source not in names:
        raise InputError(f"{run}: there is no source {source!r}: choose among {', '.join(names)}.")
    tables = Tables.read(run, names)
    once = _once(run, facts, names)
    by, sources = _choose(run, by, source, names, once, tables)
    estimated = read_figures(run / "quality.json").get("estimated") or {}
    rejected = float(tables.others["posterior"].sum())
    below, beyond = max(0.0, float(estimated.get("missed") or 0.0) - rejected), 0.0
    if by == "record":
        parts = by_record(tables, sources[0], below)
    else:
        parts = by_pair(tables, sources, below)
        between_linked = float(parts[1].units["posterior"].sum())
        beyond = below * (between_linked / rejected if rejected > 0 else 1.0)
    units, strata = _numbered(parts)
    return AuditFrame(
        by=by,
        sources=sources,
        units=units,
        strata=strata,
        allowed_pairs=float(facts["counts"]["pairs_allowed"]),
        below=below,
        beyond=beyond,
        others=tables.others,
        run=fingerprint,
        model=model,
        kind=str(facts["kind"]),
        once=once,
        entities=tables.entities,
    )


def run_and_model(run: Path, facts: dict[str, Any]) -> tuple[str, str]:
    """Fingerprint of a run and SHA-256 of its model, which an audit is of; `InputError` where it has none."""
    if not (run / "model.json").is_file():
        raise InputError(
            f"{run}: the run has no model, as of match keys alone, so there is no posterior to draw a sample "
            "by: link with a model, or check the file sample.csv of the run by hand."
        )
    return str(facts["fingerprint"]), model_version(run, facts)


def _once(run: Path, facts: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """The sources of whose records each has one match at most."""
    if facts["kind"] != "link" or len(names) != 2:
        return ()
    free = [bool(one.get("duplicate_free", False)) for one in facts["spec"]["sources"]]
    limits = constraint(load_model(run).spec.decision.links, *free)
    return tuple(
        name for name, once in zip(names, (limits.left_once, limits.right_once), strict=True) if once
    )


def _choose(
    run: Path,
    by: By | None,
    source: str | None,
    names: tuple[str, ...],
    once: tuple[str, ...],
    tables: Tables,
) -> tuple[By, tuple[str, ...]]:
    possible = bool(once) if source is None else source in once
    if by == "pair" or (by is None and not possible):
        return "pair", names if source is None else (source,)
    if not possible:
        whose = "its records" if source is None else f"records of {source!r}"
        raise InputError(
            f"{run}: {whose} may have several matches, so that a record and its one match are not all: "
            "audit by pair (--by pair)."
        )
    if source is None:
        numbers = {name: len(tables.unlinked.filter(pl.col("source") == name)) for name in once}
        source = min(once, key=lambda name: (numbers[name], once.index(name)))
    return "record", (source,)


def _numbered(parts: Sequence[Part]) -> tuple[pl.DataFrame, tuple[FrameStratum, ...]]:
    """The units of all parts with the number of their stratum, and the strata that have units."""
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
    return pl.concat(tables), tuple(strata)
