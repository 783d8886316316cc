"""Files that are either complete or not there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tallystick.errors import RunError


@contextmanager
def complete_file(path: str | os.PathLike[str], *, private: bool = False) -> Iterator[IO[bytes]]:
    """Open a file under a temporary name beside `path`; forced to the disk and renamed at the end.

    A file of that name is replaced. Where anything fails, nothing is left behind.

    Parameters
    ----------
    path : path
        Where the file appears when it is complete.
    private : bool
        Whether only its owner may read it, from the first byte on.

    Yields
    ------
    binary file

    Raises
    ------
    RunError
        If the disk is full or the file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(temporary_name(path.name, os.getpid()))
    try:
        with open(temporary, "wb", opener=_private if private else None) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: the file could not be written ({reason}); make room or choose another place."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def temporary_name(name: str, process: int | str) -> str:
    """What a file is called while a process writes it."""
    return f".{name}.{process}.tmp"


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file as a whole (see `complete_file`)."""
    with complete_file(path) as file:
        file.write(text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], data: Any) -> None:
    """Write plain data as JSON as a whole (see `complete_file`)."""
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the bytes of a file, as ``run.json`` has it of every input."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
