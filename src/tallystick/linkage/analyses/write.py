"""An analysis as files: the data, the estimates as a table, and the page."""

from __future__ import annotations

import os
from pathlib import Path

from tallystick._files import write_json, write_text
from tallystick.errors import InputError, RunError
from tallystick.linkage.analyses.page import render_analysis
from tallystick.linkage.analyses.results import AnalysisResult
from tallystick.preparation.write import write_table

FILES = ("analysis.json", "estimates.csv", "estimates.parquet", "analysis.html")


def check_place(folder: str | os.PathLike[str], force: bool) -> None:
    """Refuse a folder that cannot be written to, or holds an analysis, before anything is read.

    Parameters
    ----------
    folder : path
        Where an analysis is to go.
    force : bool
        Whether it may replace one that is there.

    Raises
    ------
    InputError
        Where it may not.
    """
    place = Path(folder)
    if place.exists() and not place.is_dir():
        raise InputError(f"{place}: this is a file: give the name of a folder with --out.")
    if not place.exists() and not place.parent.is_dir():
        raise InputError(f"{place}: the folder {place.parent} does not exist: make it first.")
    there = [name for name in FILES if (place / name).exists()]
    if there and not force:
        raise InputError(
            f"{place / there[0]}: the file exists: give another folder with --out, or use --force to replace "
            "it."
        )


def write_analysis(result: AnalysisResult, folder: str | os.PathLike[str]) -> list[Path]:
    """Write an analysis into a folder.

    Parameters
    ----------
    result : AnalysisResult
        The analysis.
    folder : path
        Made where it is not there; files of the same names are replaced.

    Returns
    -------
    list of Path
        ``analysis.json``, ``estimates.csv``, ``estimates.parquet``, ``analysis.html``.

    Raises
    ------
    RunError
        Where the folder cannot be made or written to.
    """
    place = Path(folder)
    try:
        place.mkdir(exist_ok=True, mode=0o700)
    except OSError as error:
        raise RunError(f"{place}: the folder for the analysis cannot be made ({error}).") from error
    content = result.to_dict()
    write_json(place / FILES[0], content)
    for name in FILES[1:3]:
        write_table(result.estimates, place / name)
    write_text(place / FILES[3], render_analysis(content))
    return [place / name for name in FILES]
