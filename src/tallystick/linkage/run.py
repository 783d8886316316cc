"""A run in its directory: stage by stage, each complete or not there, so that it can be taken up again."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from tallystick import __version__
from tallystick._files import file_sha256, write_json
from tallystick._memory import give_back
from tallystick._progress import Progress, silent
from tallystick.blocking.limits import MOST_PAIRS
from tallystick.errors import InputError, TooManyPairs
from tallystick.estimation.estimate import require_pairs
from tallystick.estimation.knowledge import Knowledge
from tallystick.estimation.parameters import Parameters
from tallystick.linkage.evaluation.missed import check_subgroups
from tallystick.linkage.folder import (
    RUN_FORMAT,
    WORK,
    abandon,
    check_folder,
    check_resumable,
    open_folder,
    refuse,
    remove,
    unfinished,
)
from tallystick.linkage.forecast import CURVE, curve_table
from tallystick.linkage.golden import check_golden
from tallystick.linkage.household_links import HouseholdLinks, link_by_households
from tallystick.linkage.household_model import HouseholdModel
from tallystick.linkage.identify import pair_source, pairs_sha256
from tallystick.linkage.labels import design_path, with_labels
from tallystick.linkage.links import Links, assemble, fit_counts, rated, score_prepared
from tallystick.linkage.matches import Matches
from tallystick.linkage.model import Model
from tallystick.linkage.outside import dictionaries_sha256, outside_sha256, read_knowledge
from tallystick.linkage.prepare import Known, Prepared, as_sources, prepare, read_records
from tallystick.linkage.preparing import preparation_dict, write_preparation
from tallystick.linkage.run_folder import read_later
from tallystick.linkage.sequential import StepLinks, require_some, run_steps
from tallystick.linkage.sequential_links import SequentialLinks, assembled
from tallystick.linkage.sequential_model import SequentialModel
from tallystick.linkage.tables import read_table
from tallystick.linking.score import ScoredPairs
from tallystick.patterns.count import PatternCounts, count_patterns
from tallystick.patterns.plan import DEFAULT_MEMORY
from tallystick.preparation.read import TableFacts
from tallystick.preparation.source import Source
from tallystick.preparation.whole_table import named_as_prepared
from tallystick.preparation.write import write_table
from tallystick.quality.report import write_report
from tallystick.spec import Spec, plain
from tallystick.spec.checks import require_comparisons

COUNT_COLUMNS = ("source_pair", "pass_number", "patterns", "counts")
SCORED_COLUMNS = ("left", "right", "weight", "pattern", "pass_number", "source_pair")
LIBRARIES = ("numba", "numpy", "polars", "scipy", "pydantic")


@dataclass
class Clock:
    """Seconds that each stage took; where it was found complete, those of reading its results."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of what is done within."""
        start = time.perf_counter()
        yield
        give_back()
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)


def run(
    spec: Spec,
    folder: str | Path,
    *,
    inputs: Sequence[Any] = (),
    model: Model | SequentialModel | None = None,
    force: bool = False,
    threads: int | None = None,
    memory: int | None = None,
    progress: Progress = silent,
) -> Links | SequentialLinks:
    """Link and write everything to a directory; take up again what an interrupted run left complete.

    Parameters
    ----------
    spec : Spec
        The specification, its paths resolved.
    folder : path
        The directory. It must not exist, unless it holds this very run unfinished.
    inputs : sequence, optional
        Sources instead of those of the specification.
    model : Model or SequentialModel, optional
        Score with this model instead of estimating one.
    force : bool
        Replace a run that is there.
    threads, memory, progress
        As in `Model.link`.

    Returns
    -------
    Links or SequentialLinks
        The latter of sequential passes, or as `HouseholdLinks` of a linkage with households.

    Raises
    ------
    InputError
        Where the input or the directory cannot be used; nothing is written then. Where a step makes too many
        pairs, what the steps before it have estimated is kept for the run that confirms them.
    RunError
        Where something could not be written; the same call takes the run up again.
    """
    require_comparisons(spec)
    folder = Path(folder)
    clock = Clock()
    sources = as_sources(inputs, spec.sources)
    spec = spec.model_copy(update={"kind": spec.kind_of(len(sources))})
    check_folder(folder, force)
    if spec.entities.golden is not None:
        check_golden(spec.entities.golden, named_as_prepared(sources, spec.prepare))
    with clock.stage("read"):
        encoded = read_records(spec, sources, threads, progress)
    if model is None:
        check_sizes(encoded.inputs)
    check_subgroups(spec, sources, spec.kind_of(len(sources)), encoded.records)
    fingerprint = _fingerprint(spec, encoded.inputs, model)
    check_resumable(folder, fingerprint, force)
    with clock.stage("prepare"):
        prepared = prepare(
            spec,
            sources,
            memory=memory or DEFAULT_MEMORY,
            threads=threads,
            progress=progress,
            encoded=encoded,
        )
        if model is None:
            prepared = with_labels(prepared)
    if spec.households is not None:
        given = model.parameters if isinstance(model, HouseholdModel) else None
        with clock.stage("steps"):
            by_households = link_by_households(prepared, given, threads=threads, progress=progress)
        open_folder(folder, fingerprint)
        by_households.model.save(folder / "model.json")
        return write_run(folder, fingerprint, by_households, clock, threads, progress)
    if spec.by_steps:
        steps_given = model.steps if isinstance(model, SequentialModel) else None
        with clock.stage("steps"):
            try:
                by_steps = _steps(folder, fingerprint, prepared, steps_given, threads, progress)
            except InputError as error:
                if unfinished(folder) == fingerprint:  # a step before it has opened the directory
                    (refuse if isinstance(error, TooManyPairs) else abandon)(folder)
                raise
        return write_run(folder, fingerprint, by_steps, clock, threads, progress)
    assert not isinstance(model, SequentialModel)
    estimates = model is None and not (folder / "model.json").exists()
    knowledge = read_knowledge(prepared, threads, progress) if estimates else None
    with clock.stage("count"):
        counts = _counts(folder, fingerprint, prepared, threads, progress)
    try:
        with clock.stage("estimate"):
            parameters, known = _fitted(folder, prepared, counts, model, knowledge, threads, progress)
        with clock.stage("score"):
            scored = _scored(folder, prepared, counts, parameters, known, threads, progress)
        with clock.stage("decide"):
            links = assemble(prepared, parameters, counts, scored, threads)
    except InputError:  # no thresholds do what is asked for: there is nothing to take up
        abandon(folder)
        raise
    with clock.stage("write"):
        if not (folder / "residuals.parquet").exists():
            links = replace(links, best=links.find_best())
        # Nothing goes through all pairs any more: they need not be held.
        counts = replace(counts, remembered=None)
        links = replace(links, counts=counts)
        give_back()
    return write_run(folder, fingerprint, links, clock, threads, progress)


Result = TypeVar("Result", bound=Links | SequentialLinks | HouseholdLinks)


def write_run(
    folder: Path,
    fingerprint: str,
    links: Result,
    clock: Clock,
    threads: int | None,
    progress: Progress,
    *,
    further: Mapping[str, Any] | None = None,
    carried: Mapping[str, Any] | None = None,
) -> Result:
    """Write the tables, figures and report of decided pairs; the run is complete then.

    Parameters
    ----------
    folder : path
        The directory, which `open_folder` has opened, with ``model.json``.
    fingerprint : str
        Of the run.
    links : Links, SequentialLinks or HouseholdLinks
        The decided pairs.
    clock : Clock
        Seconds of the stages.
    threads : int, optional
        Number of threads that was asked for.
    progress : Progress
        Told how far the writing is.
    further : mapping, optional
        More for ``run.json``.
    carried : mapping, optional
        Entries of ``quality.json`` that stay as another run has them.

    Returns
    -------
    Links, SequentialLinks or HouseholdLinks
        What was given.
    """
    with clock.stage("write"):
        write_preparation(folder, links.prepared.prepared_sources)
        for name in (*links.table_names, *(("duplicates",) if links.prepared.duplicates else ())):
            if not (folder / f"{name}.parquet").exists():
                progress(f"writing {name}", 0, 1)
                write_table(links.table(name), folder / f"{name}.parquet")
                progress(f"writing {name}", 1, 1)
        if links.prepared.spec.entities.golden is not None and not (folder / "golden.parquet").exists():
            write_table(links.golden(), folder / "golden.parquet")
        if isinstance(links, SequentialLinks) and links.matches is not None:
            _write_ambiguous(folder, links.matches)
        if links.curves and not (folder / CURVE).exists():
            write_table(curve_table(links.curves), folder / CURVE)
        quality = {**links.quality_dict(read_table(folder / "residuals.parquet")), **(carried or {})}
        write_json(folder / "quality.json", quality)
    facts = {**run_facts(links.prepared, links.counts_dict(), clock.seconds, threads), **(further or {})}
    progress("writing report", 0, 1)
    facts = {**facts, "fingerprint": fingerprint}
    write_report(
        folder / "report.html",
        links.model.to_dict(),
        facts,
        quality,
        json_path=folder / "report.json",
        review=read_later(folder / "review.json"),
    )
    progress("writing report", 1, 1)
    write_json(folder / "run.json", facts)
    remove(folder / WORK)  # a directory that has run.json and not this is complete
    return links


def _write_ambiguous(folder: Path, matches: Matches) -> None:
    """What match keys that came first could not decide, and links of theirs to be checked by hand."""
    write_table(matches.ambiguous, folder / "ambiguous.parquet")
    write_table(matches.ambiguous_pairs, folder / "ambiguous_pairs.parquet")
    if matches.settings.sample:
        write_table(matches.sample(), folder / "sample.csv")


def _steps(
    folder: Path,
    fingerprint: str,
    prepared: Prepared,
    known: Sequence[Parameters | None] | None,
    threads: int | None,
    progress: Progress,
) -> SequentialLinks:
    """The steps of a sequential linkage; what an interrupted run has estimated is not estimated again."""
    path = folder / WORK / "steps.json"
    estimated: tuple[Parameters | None, ...] = ()
    if known is None and unfinished(folder) == fingerprint and path.exists():
        estimated = SequentialModel.from_dict(json.loads(path.read_bytes()), str(path)).steps
    opened = False
    done: list[StepLinks] = []
    for one in run_steps(prepared, estimated if known is None else known, threads=threads, progress=progress):
        done.append(one)
        if one.links is None and not opened:
            continue
        if not opened:
            open_folder(folder, fingerprint)
            opened = True
        so_far = assembled(prepared, tuple(done), threads).model
        write_json(path, so_far.to_dict())
    if not opened:
        require_some(done)
        open_folder(folder, fingerprint)
    links = assembled(prepared, tuple(done), threads)
    links.model.save(folder / "model.json")
    return links


def run_facts(
    prepared: Known, counts: Mapping[str, Any], timings: Mapping[str, float], threads: int | None
) -> dict[str, Any]:
    """What ``run.json`` holds: spec, versions, input fingerprints, seed, timings, counts.

    Parameters
    ----------
    prepared : Prepared
        The records.
    counts : mapping
        Counts per stage and pass.
    timings : mapping of str to float
        Seconds per stage.
    threads : int, optional
        Number of threads that was asked for.

    Returns
    -------
    dict
        Plain data, without any password.
    """
    versions = {"tallystick": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover - a dependency is always installed
            continue
    prepared_sources = prepared.prepared_sources
    read = {one.source.name: one.n_read for one in prepared_sources}
    return {
        "format": RUN_FORMAT,
        "kind": prepared.kind,
        "spec": shown_spec(prepared.spec),
        "versions": versions,
        "inputs": [
            {
                "name": table.name,
                "path": _anywhere(source).shown,
                "sha256": table.sha256,
                "rows": read.get(table.name, table.n_rows),
                "unreadable": dict(table.unreadable),
            }
            for table, source in zip(prepared.inputs, prepared.spec.sources, strict=True)
        ],
        **({"preparation": preparation_dict(prepared_sources)["sources"]} if prepared_sources else {}),
        **({"dictionaries": found} if (found := dictionaries_sha256(prepared.spec)) else {}),
        "seed": prepared.spec.seed,
        "threads": threads,
        "timings": dict(timings),
        "counts": dict(counts),
    }


def shown_spec(spec: Spec) -> dict[str, Any]:
    """A specification as plain data for people: no password, no table."""
    bare = plain(spec.model_copy(update={"sources": ()}))
    bare["sources"] = [
        {
            key: value
            for key, value in _anywhere(source).model_dump(mode="json", exclude_defaults=True).items()
            if value is not None
        }
        for source in spec.sources
    ]
    return bare


def _anywhere(source: Source) -> Source:
    """The source with a path that holds wherever a later command is called from."""
    return source if source.path is None else source.model_copy(update={"path": source.path.absolute()})


def check_unchanged(sources: Sequence[Source], facts: Mapping[str, Any]) -> None:
    """Raise `InputError` where a file is not the one that the run has read.

    Parameters
    ----------
    sources : sequence of Source
        The sources now.
    facts : mapping
        ``run.json`` of the run.
    """
    for source, read in zip(sources, facts["inputs"], strict=True):
        if source.path is not None and source.path.is_file() and file_sha256(source.path) != read["sha256"]:
            raise InputError(f"{source.shown}: the file has changed since the run: run the linkage again.")
    for path, sha256 in facts.get("dictionaries", {}).items():
        if not Path(path).is_file() or file_sha256(Path(path)) != sha256:
            raise InputError(
                f"{path}: this file, which the preparation needs, has changed since the run: run the linkage "
                "again."
            )


def check_sizes(inputs: Sequence[TableFacts]) -> None:
    """Raise `InputError` where a source has too few records to estimate anything from."""
    for table in inputs:
        if table.n_rows < 2:
            raise InputError(
                f"Source {table.name!r} has a single record: m, u and the match rate cannot be estimated "
                "from it; give a larger file, or score it with a saved model."
            )


def _fingerprint(spec: Spec, inputs: Sequence[TableFacts], model: Model | SequentialModel | None) -> str:
    """What a run depends on: version, specification, inputs, given model; not which limit is confirmed."""
    facts = {
        "version": __version__,
        "spec": shown_spec(spec.model_copy(update={"most_pairs": MOST_PAIRS})),
        "inputs": [[table.name, table.sha256] for table in inputs],
        "pairs": [pairs_sha256(pair_source(one)) for one in spec.passes if one.type == "pair_table"],
        "model": model.to_dict() if model else None,
        "outside": outside_sha256(spec),
    }
    if spec.estimation.labels is not None and model is None:
        labels = Path(spec.estimation.labels)
        facts["labels"] = [named_sha256(str(one)) for one in (labels, design_path(labels)) if one.is_file()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def named_sha256(path: str) -> str:
    """Hash of a file that a specification names beside its sources; `InputError` where it cannot be read."""
    return pairs_sha256(Source(name="pairs", path=Path(path)))


def _fitted(
    folder: Path,
    prepared: Prepared,
    counts: PatternCounts,
    model: Model | None,
    knowledge: Knowledge | None,
    threads: int | None,
    progress: Progress,
) -> tuple[Parameters, ScoredPairs | None]:
    """Parameters of a complete stage, of the given model, or estimated; pairs that were scored with them."""
    path = folder / "model.json"
    if path.exists():
        return Model.load(path).parameters, None
    if model is None:
        fitted = fit_counts(prepared, counts, threads, progress, knowledge=knowledge)
    else:
        fitted = rated(prepared, model.parameters, counts, threads, progress)
    Model(prepared.spec.model_copy(update={"sources": ()}), fitted.parameters).save(path)
    return fitted.parameters, fitted.scored


def _counts(
    folder: Path, fingerprint: str, prepared: Prepared, threads: int | None, progress: Progress
) -> PatternCounts:
    """The counts of a complete stage, or counted; the directory is made once there are pairs."""
    path = folder / WORK / "counts.parquet"
    if unfinished(folder) == fingerprint and path.exists():
        open_folder(folder, fingerprint)
        table = pl.read_parquet(path)
        numbers: list[Any] = [table[name].to_numpy() for name in COUNT_COLUMNS]
        return PatternCounts(prepared.plan.coding, *numbers)
    counts = count_patterns(prepared.plan, threads, progress)
    require_pairs(counts, prepared.spec.passes)
    open_folder(folder, fingerprint)
    write_table(pl.DataFrame({name: getattr(counts, name) for name in COUNT_COLUMNS}), path)
    return counts


def _scored(
    folder: Path,
    prepared: Prepared,
    counts: PatternCounts,
    parameters: Parameters,
    scored: ScoredPairs | None,
    threads: int | None,
    progress: Progress,
) -> ScoredPairs:
    """The scored pairs of a complete stage, or scored."""
    path = folder / WORK / "scored.parquet"
    if path.exists():
        table = pl.read_parquet(path)
        return ScoredPairs(*(table[name].to_numpy() for name in SCORED_COLUMNS))
    if scored is None:
        scored = score_prepared(prepared, parameters, counts, threads, progress)
    write_table(pl.DataFrame({name: getattr(scored, name) for name in SCORED_COLUMNS}), path)
    return scored
