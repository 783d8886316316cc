"""The directory of a run: whose it is, whether the run is complete, and how it is cleared.

A run that is not complete has a working directory, in which a mark tells what it depends on. It is
complete when it has ``run.json`` and no working directory any more.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from tallystick._files import temporary_name, write_text
from tallystick.errors import InputError, RunError

WORK = ".work"
_STOPPED = "stopped"
"""Mark of a run that was refused on its way: it may be taken up again, and may be replaced."""
RUN_FORMAT = "tallystick-run/1"
OUTPUTS = (
    "links.parquet",
    "entities.parquet",
    "clusters.parquet",
    "residuals.parquet",
    "review.parquet",
    "curve.parquet",
    "model.json",
    "quality.json",
    "report.html",
    "report.json",
    "run.json",
)
"""Files of a run."""
MATCH_OUTPUTS = (
    "links.parquet",
    "ambiguous.parquet",
    "ambiguous_pairs.parquet",
    "entities.parquet",
    "residuals.parquet",
    "quality.json",
    "sample.csv",
    "report.html",
    "report.json",
    "run.json",
)
"""Files of a run by match keys."""
SOMETIMES = (
    "truth.json",
    "errors.parquet",
    "audit.json",
    "duplicates.parquet",
    "households.parquet",
    "golden.parquet",
    "changes.parquet",
    "review.json",
    "prepare.json",
    "failures.parquet",
    "removed.parquet",
    "reported.parquet",
)
"""Outputs that only some runs have."""
_OURS = tuple(dict.fromkeys((*OUTPUTS, *MATCH_OUTPUTS, *SOMETIMES)))


def check_folder(folder: Path, force: bool) -> None:
    """Raise `InputError` where a directory is in use, before anything is read.

    Parameters
    ----------
    folder : path
        Where the results shall stand.
    force : bool
        Whether a run in it may be replaced.
    """
    if not folder.parent.is_dir():
        raise InputError(f"{folder}: the folder {folder.parent} does not exist: make it first.")
    if not folder.exists() or (force and folder.is_dir()):
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: this is a file: give the name of a directory for the results.")
    if unfinished(folder) is None:
        raise InputError(
            f"{folder}: the directory exists: give another name, or use --force to replace a run in it."
        )


def check_resumable(folder: Path, fingerprint: str, force: bool) -> None:
    """Raise `InputError` where a directory holds another run unfinished, unless that one was refused.

    Parameters
    ----------
    folder : path
        Where the results shall stand.
    fingerprint : str
        Of the run that is wanted.
    force : bool
        Whether a run in it may be replaced.
    """
    if force or (folder / WORK / _STOPPED).exists():
        return
    if unfinished(folder) not in (None, fingerprint):
        raise InputError(
            f"{folder}: the directory holds an unfinished run of another specification, of other inputs or "
            "of another version: give another name, or use --force to replace it."
        )


def unfinished(folder: Path) -> str | None:
    """Fingerprint of the run that a directory holds unfinished, None where it holds none."""
    if not (folder / WORK).is_dir():
        return None
    mark, facts = folder / WORK / "run", folder / "run.json"
    if mark.is_file():
        return mark.read_text(encoding="utf-8")
    # Stopped while it was tidying up, as the last thing that a run does.
    return str(json.loads(facts.read_bytes()).get("fingerprint", "")) if facts.is_file() else None


def open_folder(folder: Path, fingerprint: str) -> None:
    """Make the directory, take up the run that it holds unfinished, or clear it of another run.

    Parameters
    ----------
    folder : path
        Where the results shall stand.
    fingerprint : str
        Of the run that is wanted.

    Raises
    ------
    RunError
        Where it cannot be made.
    """
    fresh = folder.with_name(f".{folder.name}.new")
    try:
        if unfinished(folder) == fingerprint:
            _sweep(folder)
            (folder / WORK).mkdir(mode=0o700, exist_ok=True)
            (folder / WORK / _STOPPED).unlink(missing_ok=True)
        elif folder.exists():
            (folder / "run.json").unlink(missing_ok=True)  # from here on it is no complete run
            for name in _OURS:
                (folder / name).unlink(missing_ok=True)
            _sweep(folder)
            remove(folder / WORK)
            (folder / WORK).mkdir(mode=0o700)
            write_text(folder / WORK / "run", fingerprint)
        else:
            # The directory appears with its mark inside, so that a run stopped here can be told from a
            # directory of somebody else.
            remove(fresh)
            fresh.mkdir(mode=0o700)
            (fresh / WORK).mkdir(mode=0o700)
            write_text(fresh / WORK / "run", fingerprint)
            os.rename(fresh, folder)
    except OSError as error:
        raise RunError(
            f"{folder}: the directory could not be made ({error.strerror}): make room or choose another "
            "place."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what a run that was killed had begun to write."""
    for name in _OURS:
        for begun in folder.glob(temporary_name(name, "*")):
            begun.unlink(missing_ok=True)


def abandon(folder: Path) -> None:
    """Delete what a run that cannot be completed has written, and its directory where that is empty."""
    for name in _OURS:
        (folder / name).unlink(missing_ok=True)
    remove(folder / WORK)
    if not any(folder.iterdir()):
        folder.rmdir()


def refuse(folder: Path) -> None:
    """Keep what a run has found before it was refused, for one that confirms what it asks for."""
    write_text(folder / WORK / _STOPPED, "")


def remove(folder: Path) -> None:
    """Delete a directory of ours, if it is there."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(
            f"{folder}: the directory could not be deleted ({error.strerror}): delete it by hand."
        ) from error
