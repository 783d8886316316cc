"""The command that links by match keys; apart from how it is called."""

from __future__ import annotations

from pathlib import Path

from tallystick._progress import Progress
from tallystick.cli.commands import _runnable
from tallystick.linkage.match import match_run
from tallystick.linkage.matches import Matches


def run_match(path: Path, out: Path, threads: int | None, force: bool, progress: Progress) -> str:
    """Link by the match keys of a specification and write a run; the text tells what each key did."""
    found = match_run(_runnable(path), out, force=force, threads=threads, progress=progress)
    return f"{counts_text(found)}\nresults in {out}"


def counts_text(found: Matches) -> str:
    """What each key did, as a table, and what came out."""
    frame = found.counts
    lines = [["key", *(name.replace("_", " ") for name in frame.columns[1:])]]
    lines += [[str(row[0]), *(f"{n:,}" for n in row[1:])] for row in frame.iter_rows()]
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    shown = [
        "  ".join(
            [line[0].ljust(widths[0]), *(text.rjust(w) for text, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    ]
    counts = found.counts_dict()
    total = (
        f"{counts['links']:,} links, {counts['ambiguous_records']:,} records ambiguous under some key, "
        f"{counts['entities']:,} entities of {sum(counts['records'].values()):,} records"
    )
    return "\n".join([*(line.rstrip() for line in shown), total])
