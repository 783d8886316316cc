"""The command that adds a file to a run; apart from how it is called."""

from __future__ import annotations

from pathlib import Path

from tallystick._progress import Progress
from tallystick.cli.commands import _bytes, _find_modules_in
from tallystick.errors import InputError
from tallystick.linkage.addition_run import add_to_run
from tallystick.linkage.run_folder import read_facts, read_sources
from tallystick.preparation.source import Source


def add_file(
    run: Path,
    file: Path,
    name: str | None,
    id: str | None,
    duplicate_free: bool,
    out: Path | None,
    threads: int | None,
    memory: float | None,
    force: bool,
    progress: Progress,
) -> str:
    """Link a new file to the entities of a run, and tell what changed."""
    if out is None:
        raise InputError("add needs --out, the directory for the results; the run itself stays as it is.")
    facts = read_facts(run)
    sources = read_sources(run, facts)
    _find_modules_in(Path())
    like = sources[0]  # the columns are named as in the first source, unless they are named as the fields
    source = Source(
        name=name or file.stem,
        path=file,
        id=id if id is not None else like.id,
        columns=like.columns,
        duplicate_free=duplicate_free,
        truth=like.truth,
    )
    added = add_to_run(
        run,
        facts,
        sources,
        source,
        out,
        force=force,
        threads=threads,
        memory=_bytes(memory),
        progress=progress,
    )
    changes = added.changes
    number = dict(changes.group_by("change").len().iter_rows())
    absorbed = int(changes["absorbed"].list.len().sum())
    records = added.new.prepared.inputs[-1].n_rows
    joined = changes.filter(changes["change"] != "new")
    come = int(joined["added"].sum())
    reached = int((joined["added"] > 0).sum())
    lines = [
        f"{records:,} records of {source.name}: {come:,} joined {reached:,} entities, the other "
        f"{records - come:,} make {number.get('new', 0):,} new ones",
    ]
    if absorbed:
        lines.append(
            f"{number.get('merged', 0):,} entities absorbed {absorbed:,} others, whose ids are no longer "
            "(changes.parquet)"
        )
    lines.append(f"{added.entities['entity_id'].n_unique():,} entities of {len(added.entities):,} records")
    lines.append(f"results in {out}; open {out / 'report.html'}")
    return "\n".join(lines)
