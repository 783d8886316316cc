"""What people saw and wrote, emptied in the stores of a run, and gone from the bytes of their files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.errors import NothingDecided, RunError
from tallystick.linkage.reviews.store import (
    STORE_FILE,
    STORE_VARIABLE,
    forget_store,
    noted_stores,
    open_store,
)

WAIT = 10.0
"""Seconds that others who use a file are waited for."""


@dataclass(frozen=True)
class HeldStore:
    """A store of a run that is there.

    Attributes
    ----------
    url : str
        What it is opened by.
    name : str
        ``review.sqlite`` in the directory, else where it is, without user and password.
    seen : int
        Decisions that have what was seen, or a comment.
    file : path or None
        Its file, where it is one.
    finished : bool
        Whether a purge has been through with it, so that no trace is left in the file either.
    """

    url: str
    name: str
    seen: int
    file: Path | None
    finished: bool

    @property
    def holds(self) -> bool:
        """Whether there is anything to remove."""
        return bool(self.seen) or not self.finished


def held_stores(folder: Path, url: str | None, noted: Mapping[str, Any]) -> tuple[HeldStore, ...]:
    """The store in the directory of a run, and the one that is named.

    Parameters
    ----------
    folder : path
        The directory.
    url : str or None
        Another store; by default what the environment variable ``TALLYSTICK_STORE`` says.
    noted : mapping
        What purges before have noted.

    Returns
    -------
    tuple of HeldStore

    Raises
    ------
    InputError
        Where one cannot be read, or is not of this run.
    """
    if not (folder / "model.json").is_file():  # of a run by match keys, without pairs to judge
        return ()
    own = folder / STORE_FILE
    other = url or os.environ.get(STORE_VARIABLE)
    found: dict[str, HeldStore] = {}
    for one in ([str(own)] if own.is_file() else []) + ([other] if other else []):
        try:
            store = open_store(folder, one, create=False)
        except NothingDecided:
            continue
        with store:
            name = STORE_FILE if store.where == str(own.resolve()) else store.where
            seen = sum(bool(decision.seen) or bool(decision.comment) for decision in store.decisions())
            anew = store.file is None or name in noted.get("written_anew", ())
            finished = anew and name not in noted_stores(folder)
            found.setdefault(name, HeldStore(one, name, seen, store.file, finished))
    return tuple(found.values())


def other_stores(folder: Path, held: tuple[HeldStore, ...]) -> tuple[str, ...]:
    """Stores of the run that purging does not reach, since nobody has named them."""
    names = {one.name for one in held}
    return tuple(one for one in noted_stores(folder) if one not in names)


def empty_store(folder: Path, held: HeldStore) -> None:
    """Empty what was seen and the comments, in the bytes of its file, too.

    Raises
    ------
    RunError
        Where traces of them may be left: the next purge tries again.
    """
    if held.seen:
        with open_store(folder, held.url, create=False) as store:
            store.forget_values()
    if held.file is not None:
        write_anew(held.file)
    if held.name != STORE_FILE:
        forget_store(folder, held.name)


def write_anew(path: Path) -> None:
    """Write a SQLite file anew, so that the bytes of what was emptied are gone from it and from its log."""
    import sqlite3

    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=WAIT)
        try:
            connection.execute("pragma secure_delete = on")
            connection.execute("vacuum")
            (busy, _, _) = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
        finally:
            connection.close()
        reason = "another process reads it" if busy else None
    except sqlite3.Error as error:
        reason = str(error)
    if reason is not None:
        raise RunError(
            f"{path}: the values are emptied, but the file could not be written anew ({reason}), so that "
            "traces of them may be in it: close the review and purge again."
        )
