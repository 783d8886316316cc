"""A deterministic linkage of sources, and its run in a directory."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallystick import __version__
from tallystick._files import write_json
from tallystick._progress import Progress, silent
from tallystick.errors import InputError, TallystickWarning
from tallystick.linkage.duplicates import checked_duplicates, duplicates_table
from tallystick.linkage.evaluation.missed import check_subgroups
from tallystick.linkage.folder import WORK, check_folder, check_resumable, open_folder, remove
from tallystick.linkage.golden import check_golden
from tallystick.linkage.key_links import link_records
from tallystick.linkage.matches import Matches
from tallystick.linkage.outside import outside_sha256
from tallystick.linkage.prepare import Known, as_sources, read_records
from tallystick.linkage.preparing import with_references, write_preparation
from tallystick.linkage.run import Clock, named_sha256, run_facts, shown_spec
from tallystick.preparation.nicknames import is_culture
from tallystick.preparation.whole_table import named_as_prepared
from tallystick.preparation.write import write_table
from tallystick.quality.report import write_report
from tallystick.spec import Spec

TABLES = ("links", "ambiguous", "ambiguous_pairs", "entities", "residuals")


def match_sources(
    spec: Spec, inputs: Sequence[Any] = (), *, threads: int | None = None, progress: Progress = silent
) -> Matches:
    """Read the sources and link them by the match keys of a specification.

    Parameters
    ----------
    spec : Spec
        The specification, its paths resolved.
    inputs : sequence, optional
        Sources instead of those of the specification.
    threads : int, optional
        Number of threads that read.
    progress : Progress
        Told how far the reading is.

    Returns
    -------
    Matches

    Raises
    ------
    InputError
        Where the specification has no match keys, the input cannot be used, or a source that is declared to
        be without duplicates has many.

    Warns
    -----
    TallystickWarning
        Where a source that is declared to be without duplicates has some, or one value of a key is that of
        half a file, or makes very many pairs.
    """
    return _link(_read(spec, inputs, threads, progress))


def _read(spec: Spec, inputs: Sequence[Any], threads: int | None, progress: Progress) -> Known:
    if spec.match is None:
        raise InputError(
            "match: found no match keys, expected [match] with at least one of [[match.keys]] (in Python "
            'match=Match(keys=[match_key("surname", "date_of_birth")])).'
        )
    sources = as_sources(inputs, spec.sources)
    kind = spec.kind_of(len(sources))
    encoded = read_records(spec, sources, threads, progress, spec.match.fields)
    return Known(
        spec.model_copy(update={"sources": tuple(sources), "kind": kind}),
        kind,
        encoded.inputs,
        encoded.records,
        prepared_sources=encoded.prepared_sources,
    )


def _link(known: Known) -> Matches:
    settings = known.spec.match
    assert settings is not None
    duplicates = checked_duplicates(known.records, settings.fields)
    found = link_records(known.records, settings, known.kind)
    for text in found.warnings:
        warnings.warn(text, TallystickWarning, stacklevel=4)
    return Matches(known, found, duplicates)


def match_run(
    spec: Spec,
    folder: str | Path,
    *,
    inputs: Sequence[Any] = (),
    force: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> Matches:
    """Link by match keys and write everything to a directory.

    Parameters
    ----------
    spec : Spec
        The specification, its paths resolved.
    folder : path
        The directory. It must not exist, unless it holds this very run unfinished.
    inputs : sequence, optional
        Sources instead of those of the specification.
    force : bool
        Replace a run that is there.
    threads, progress
        As in `match_sources`.

    Returns
    -------
    Matches

    Raises
    ------
    InputError
        Where the input or the directory cannot be used; nothing is written then.
    RunError
        Where something could not be written; the same call writes it anew.
    """
    folder = Path(folder)
    clock = Clock()
    check_folder(folder, force)
    if spec.entities.golden is not None:
        files = named_as_prepared(as_sources(inputs, spec.sources), spec.prepare)
        check_golden(spec.entities.golden, files)
    with clock.stage("read"):
        known = _read(spec, inputs, threads, progress)
    check_subgroups(known.spec, known.spec.sources, known.kind, known.records)
    fingerprint = _fingerprint(known)
    check_resumable(folder, fingerprint, force)
    with clock.stage("match"):
        found = _link(known)
    with clock.stage("write"):
        tables = {name: getattr(found, "pairs" if name == "links" else name) for name in TABLES}
        if found.duplicates:
            tables["duplicates"] = duplicates_table(found.duplicates, known.records)
        settings = found.settings
        sample = found.sample() if settings.sample else None
        golden = None if spec.entities.golden is None else found.golden()
        open_folder(folder, fingerprint)
        write_preparation(folder, known.prepared_sources)
        for name, table in tables.items():
            progress(f"writing {name}", 0, 1)
            write_table(with_references(table, known.prepared_sources), folder / f"{name}.parquet")
            progress(f"writing {name}", 1, 1)
        if sample is not None:
            write_table(sample, folder / "sample.csv")
        if golden is not None:
            write_table(golden, folder / "golden.parquet")
        quality = found.quality_dict()
        write_json(folder / "quality.json", quality)
    facts = run_facts(known, found.counts_dict(), clock.seconds, threads)
    facts = {**facts, "fingerprint": fingerprint}
    write_report(
        folder / "report.html", {"kind": known.kind}, facts, quality, json_path=folder / "report.json"
    )
    write_json(folder / "run.json", facts)
    remove(folder / WORK)
    return found


def _fingerprint(known: Known) -> str:
    """What a run depends on: version, specification, inputs, the list of nicknames."""
    settings = known.spec.match
    assert settings is not None
    facts = {
        "command": "match",
        "version": __version__,
        "spec": shown_spec(known.spec),
        "inputs": [[table.name, table.sha256] for table in known.inputs],
        "outside": outside_sha256(known.spec),
        "nicknames": _nicknames_facts(settings.nicknames),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _nicknames_facts(nicknames: str | None) -> str | None:
    """What tells a dictionary of nicknames from others: the name of a culture, or the hash of a file."""
    return nicknames if nicknames is None or is_culture(nicknames) else named_sha256(nicknames)
