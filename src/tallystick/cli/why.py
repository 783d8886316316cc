"""The command that tells why two records are linked, or why not; apart from how it is called."""

from __future__ import annotations

from pathlib import Path

from tallystick._progress import Progress
from tallystick.cli.commands import _find_modules_in
from tallystick.errors import InputError
from tallystick.linkage.prepare import Prepared
from tallystick.linkage.saved_run import open_run


def explain_pair(run: Path, left: str, right: str, threads: int | None, progress: Progress) -> str:
    """Why two records of a run are linked, or why not; an id may be written as source:id."""
    _find_modules_in(Path())
    opened = open_run(run, threads=threads, progress=progress)
    return opened.why(*(_named(one, opened.prepared) for one in (left, right))).text()


def _named(text: str, prepared: Prepared) -> str | tuple[str, str]:
    """An id, or a source and an id where it begins with the name of one."""
    source, colon, rest = text.partition(":")
    names = prepared.records.sources
    if not colon or source in names:
        return (source, rest) if colon else text
    if not (prepared.records.ids == text).any():  # ids may have colons
        raise InputError(
            f"{text}: there is no record with this id, and no source called {source!r}: the sources are "
            f"{', '.join(map(repr, names))}."
        )
    return text
