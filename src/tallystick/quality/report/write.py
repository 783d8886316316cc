"""Writing a report: the page, and the content that it was made of."""

from __future__ import annotations

import os

from tallystick._files import write_json, write_text
from tallystick.quality.report.content import report_content
from tallystick.quality.report.figures import Content, Figures, Json
from tallystick.quality.report.page import render_page


def render_report(model: Json, run: Json, quality: Json, *, show_values: bool = False) -> str:
    """The report of a run as one HTML text.

    Parameters
    ----------
    model, run, quality
        Contents of ``model.json``, ``run.json`` and ``quality.json`` (see `Figures`).
    show_values
        Show the values of the example pairs and of the keys of large blocks; by default only the shapes
        of the former (see :func:`tallystick._formats.mask`), so that the page names nobody.

    Returns
    -------
    str
        A complete page, the same for the same input.
    """
    return render_page(report_content(Figures(model, run, quality, show_values=show_values)))


def write_report(
    path: str | os.PathLike[str],
    model: Json,
    run: Json,
    quality: Json,
    *,
    json_path: str | os.PathLike[str] | None = None,
    review: Json | None = None,
    show_values: bool = False,
) -> None:
    """Write the report; it appears under its name only when complete.

    Parameters
    ----------
    path
        File to write; one that exists is replaced.
    model, run, quality, show_values
        As for :func:`render_report`.
    json_path
        Where the same content goes as JSON.
    review
        Content of ``review.json`` of a run that has one.

    Raises
    ------
    RunError
        The folder is absent or cannot be written, or the disk is full; nothing is left behind.
    """
    content = report_content(Figures(model, run, quality, review=review, show_values=show_values))
    write_content(content, path, json_path)


def write_content(
    content: Content, path: str | os.PathLike[str], json_path: str | os.PathLike[str] | None
) -> None:
    """Write the page of a report and, where it has a place, its content as JSON.

    Parameters
    ----------
    content
        What `report_content` gives.
    path
        The page; one that exists is replaced.
    json_path
        Where the content goes.

    Raises
    ------
    RunError
        As of :func:`write_report`.
    """
    page = render_page(content)
    if json_path is not None:
        write_json(json_path, content)
    write_text(path, page)
