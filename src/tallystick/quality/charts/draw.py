"""Charts as files: PNG for documents, SVG for print."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tallystick._files import complete_file
from tallystick.errors import RunError
from tallystick.quality.charts.style import INK, Chart

Format = Literal["png", "svg"]
WIDTH = 640
SCALE = 2.0
"""Pixels of a PNG by unit of width: enough for print at half a page."""
LINE = 88
"""Characters of a title that a line holds."""


def standalone(spec: Chart, title: str) -> Chart:
    """A chart for a file of its own: with a width, a title, and paper behind it."""
    return {
        **spec,
        "width": WIDTH,
        "background": "white",
        "padding": 12,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {**spec.get("config", {}), "background": "white"},
        "title": {
            "text": textwrap.wrap(title, LINE),
            "anchor": "start",
            "color": INK,
            "fontSize": 13,
            "offset": 14,
        },
    }


def save_charts(
    charts: Sequence[tuple[str, str, Chart]], folder: str | os.PathLike[str], form: Format = "png"
) -> list[Path]:
    """Write charts, a file each.

    Parameters
    ----------
    charts : sequence of (str, str, dict)
        Name of the file without its ending, title, specification.
    folder : path
        Made where it is not there; files of the same name are replaced.
    form : {"png", "svg"}
        PNG of twice the width in pixels, or SVG.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    RunError
        The folder cannot be made or written.
    """
    import vl_convert

    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{place}: the folder for the charts cannot be made ({error}).") from error
    written = []
    for name, title, spec in charts:
        drawn = standalone(spec, title)
        made = (
            vl_convert.vegalite_to_svg(drawn).encode()
            if form == "svg"
            else vl_convert.vegalite_to_png(drawn, scale=SCALE)
        )
        path = place / f"{name}.{form}"
        with complete_file(path) as file:
            file.write(made)
        written.append(path)
    return written
