"""The command that links by match keys; apart from how it is called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tallystick._formats import aligned
from tallystick._progress import Progress
from tallystick.cli.commands import _runnable
from tallystick.linkage.match import match_run


def run_match(path: Path, out: Path, threads: int | None, force: bool, progress: Progress) -> str:
    """Link by the match keys of a specification and write a run; the text tells what each key did."""
    found = match_run(_runnable(path), out, force=force, threads=threads, progress=progress)
    return f"{keys_text(found.counts_dict())}\nresults in {out}; open {out / 'report.html'}"


def keys_text(counts: Mapping[str, Any]) -> str:
    """What each key did, as a table, and what came out.

    Parameters
    ----------
    counts : mapping
        ``counts`` of a run by match keys.

    Returns
    -------
    str
    """
    sources = list(counts["records"])
    heads = [
        "key",
        "pairs",
        "links",
        *(f"{what} {name}" for what in ("ambiguous", "left") for name in sources),
    ]
    rows = []
    for one in counts["keys"]:
        numbers = [one["pairs"], one["links"]]
        numbers += [one[what][name] for what in ("ambiguous", "left") for name in sources]
        rows.append([one["key"], *(f"{n:,}" for n in numbers)])
    total = (
        f"{counts['links']:,} links, {counts['ambiguous_records']:,} records ambiguous under some key, "
        f"{counts['entities']:,} entities of {sum(counts['records'].values()):,} records"
    )
    return "\n".join([*aligned(heads, rows), total])
