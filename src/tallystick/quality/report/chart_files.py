"""The charts of a report as files."""

from __future__ import annotations

import os
from pathlib import Path

from tallystick.quality.charts.draw import Format, save_charts
from tallystick.quality.report.drawn import drawings
from tallystick.quality.report.figures import Content


def save_report_charts(content: Content, folder: str | os.PathLike[str], form: Format = "png") -> list[Path]:
    """Write every chart of a report, a file each, named by what it shows.

    Parameters
    ----------
    content : dict
        The content of a report.
    folder : path
        Made where it is not there; files of the same name are replaced.
    form : {"png", "svg"}
        What they are written as.

    Returns
    -------
    list of Path

    Raises
    ------
    RunError
        The folder cannot be made or written.
    """
    charts = [(one.id, one.title, one.alone or one.spec) for one in drawings(content)]
    return save_charts(charts, folder, form)
