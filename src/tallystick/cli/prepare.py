"""The command ``tallystick prepare``."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tallystick._progress import Progress
from tallystick.errors import InputError
from tallystick.linkage.folder import WORK, check_folder, check_resumable, open_folder, remove
from tallystick.linkage.outside import outside_sha256
from tallystick.linkage.preparing import (
    PREPARATION,
    write_preparation,
)
from tallystick.linkage.run import shown_spec
from tallystick.preparation.harmonise import check_harmonised
from tallystick.preparation.prepare import check_named, check_steps, prepare_raw, read_prepared_raw
from tallystick.preparation.prepared import PreparedTable
from tallystick.preparation.whole_table import whole_table
from tallystick.preparation.write import write_table
from tallystick.spec import load_spec, resolved

_SHOWN_RULES = 6
_TABLES = ("failures", "removed", "reported")


def run_prepare(
    spec_path: Path,
    out: Path | None,
    threads: int | None,
    force: bool,
    progress: Progress,
    show_values: bool = False,
) -> str:
    """Prepare the sources of a specification and write them.

    Parameters
    ----------
    spec_path : path
        The specification.
    out : path, optional
        Directory for the results; by default named for the specification.
    threads : int, optional
        How many processes may share the work of slow libraries; by default as many as there are processors.
    force : bool
        Replace what is there.
    progress : Progress
        Told how far it is.
    show_values : bool
        Show the commonest values of each rule, before and after.

    Returns
    -------
    str
        What was done, for people.
    """
    spec = resolved(load_spec(spec_path), spec_path.parent)
    preparation = spec.prepare
    if preparation is None:
        raise InputError(
            f"{spec_path}: there is nothing to prepare: add [[prepare.fields]] with the steps of a field."
        )
    if not spec.sources:
        raise InputError(f"{spec_path}: there is no source: add [[sources]] with a name and a path.")
    for source in spec.sources:
        if source.name in _TABLES or re.search(r"[/\\]|^\.*$", source.name):
            raise InputError(
                f"{spec_path}: the source {source.name!r} cannot give its name to a file of results: call it "
                "otherwise."
            )
    folder = out or spec_path.with_name(f"{spec_path.stem}-prepared")
    check_folder(folder, force)
    check_steps(preparation)
    check_named(preparation, [source.name for source in spec.sources])
    done: list[PreparedTable] = []
    frames: list[pl.DataFrame] = []
    progress("preparing", 0, len(spec.sources))
    for number, source in enumerate(spec.sources, start=1):
        raw = read_prepared_raw(source, preparation)
        prepared = prepare_raw(raw, preparation, processes=threads or os.cpu_count() or 1)
        frames.append(whole_table(prepared))
        done.append(prepared)
        progress("preparing", number, len(spec.sources))
    if preparation.harmonise is not None:
        check_harmonised(
            preparation.harmonise, [one.name for one in spec.sources], [one.forms for one in done]
        )
    facts = {"command": "prepare", "spec": shown_spec(spec), "inputs": [one.sha256 for one in done]}
    facts["outside"] = outside_sha256(spec)
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    check_resumable(folder, fingerprint, force)
    _clear(folder)
    open_folder(folder, fingerprint)
    for source, frame in zip(spec.sources, frames, strict=True):
        write_table(frame, folder / f"{source.name}.parquet")
    write_preparation(folder, done)
    remove(folder / WORK)
    return "\n".join([*(summary(one, show_values=show_values) for one in done), f"Written to {folder}."])


def _listed(
    counts: Mapping[str, int], before: str, examples: Mapping[str, tuple[tuple[str, str], ...]]
) -> list[str]:
    """Rules or reasons with their counts, the commonest first, and examples where there are any."""
    told = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    lines = []
    for what, n in told[:_SHOWN_RULES]:
        lines.append(f"      {n:>9,}  {before}{what}")
        lines += [f"                   {old!r} -> {new!r}" for old, new in examples.get(what, ())]
    if len(told) > _SHOWN_RULES:
        lines.append(f"                 {before}{len(told) - _SHOWN_RULES} more in {PREPARATION}")
    return lines


def _clear(folder: Path) -> None:
    """Delete the prepared files that are there: those of sources that are gone would look like results."""
    try:
        before = json.loads((folder / PREPARATION).read_bytes())["sources"]
    except (OSError, ValueError, KeyError):
        return
    for one in before:
        (folder / f"{one['name']}.parquet").unlink(missing_ok=True)


def summary(prepared: PreparedTable, *, show_values: bool = False) -> str:
    """What was done to a source, for people.

    Parameters
    ----------
    prepared : PreparedTable
    show_values : bool
        Show the commonest values of each rule, before and after.

    Returns
    -------
    str
    """
    lines = [f"{prepared.source.name}: {prepared.n_read:,} records read, {prepared.n_records:,} prepared"]
    if prepared.n_dropped:
        lines[0] += f", {prepared.n_dropped:,} dropped by edits"
    if prepared.removed.height:
        lines[0] += f", {prepared.removed.height:,} removed as duplicates"
    for step in prepared.steps:
        changed = [f"{n:,} changed" for n in step.n_changed.values()]
        if len(step.n_changed) > 1:
            changed = [f"{name} {n:,}" for name, n in step.n_changed.items() if n]
            changed = ["changed: " + ", ".join(changed) if changed else "0 changed"]
        text = f"  {step.field}, {step.step}: {changed[0]}"
        lines.append(text + (f"; {step.n_reported:,} records reported" if step.reported else ""))
        examples = step.examples if show_values else {}
        lines += _listed(step.rules, "", examples)
        lines += _listed(step.reported, "reported: ", examples)
    for edit in prepared.edits:
        judged = f", {edit.n_not_judged:,} could not be judged" if edit.n_not_judged else ""
        lines.append(f'  edit "{edit.rule}" ({edit.action}): {edit.n_failed:,} fail{judged}')
    return "\n".join(lines)
