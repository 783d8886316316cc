"""The content of a report as plain data: what report.json holds, and all that the page is made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tallystick.quality.report.checks import checks
from tallystick.quality.report.examples import examples
from tallystick.quality.report.figures import Content, Figures
from tallystick.quality.report.headline import headline, title
from tallystick.quality.report.inputs import completeness, inputs, preparation
from tallystick.quality.report.limits import absent, limits
from tallystick.quality.report.outcomes import entities, missed, unlinked
from tallystick.quality.report.pairs import pairs
from tallystick.quality.report.parameters import em_path, parameters, value_weights
from tallystick.quality.report.rates import neighbours, rates
from tallystick.quality.report.reproducibility import reproducibility
from tallystick.quality.report.reviewed import audit, review
from tallystick.quality.report.statement import statement
from tallystick.quality.report.truth import truth
from tallystick.quality.report.weights import threshold_choice, weights

FORMAT = "tallystick report 1"
"""Version of the shape; it changes when a reader of ``report.json`` would have to."""

SECTIONS: tuple[tuple[str, str, Callable[[Figures], Any]], ...] = (
    ("quality", "Estimated quality", rates),
    ("neighbours", "Two estimates that know nothing of each other", neighbours),
    ("review", "Clerical review", review),
    ("audit", "Audit sample", audit),
    ("truth", "Against known truth", truth),
    ("inputs", "Inputs", inputs),
    ("preparation", "Preparation", preparation),
    ("pairs", "From records to links", pairs),
    ("completeness", "Completeness", completeness),
    ("parameters", "m, u and weights", parameters),
    ("em", "Path of EM", em_path),
    ("values", "Common and rare values", value_weights),
    ("weights", "Match weights", weights),
    ("thresholds", "Choice of the threshold", threshold_choice),
    ("examples", "Example pairs", examples),
    ("entities", "Entities", entities),
    ("unlinked", "Records without a link", unlinked),
    ("missed", "Who is missed", missed),
)
"""Key, heading and maker of each section, in the order of the page."""
LAST = (
    ("limits", "Known limits"),
    ("statement", "Linkage quality statement"),
    ("reproducibility", "Reproducibility"),
)


def report_content(figures: Figures) -> Content:
    """All that a report says, without a word of how it looks.

    Parameters
    ----------
    figures : Figures
        What is known of the run.

    Returns
    -------
    dict
        ``format``; ``title``; ``headline`` (``tiles`` and ``sentences``); ``checks`` (``warnings`` and
        ``em``); ``show_values``; ``sections``, a list of ``key``, ``title`` and ``content`` in the order of
        the page: only those that the run can have; ``absent``, a sentence on each of the others. It is ready
        for JSON: infinite weights are the texts ``Infinity`` and ``-Infinity``.
    """
    flat = figures.flat()
    made = [(key, heading, make(flat)) for key, heading, make in SECTIONS]
    sections = [
        {"key": key, "title": _title(key, heading, content), "content": content}
        for key, heading, content in made
        if content
    ]
    there = {str(one["key"]): one["content"] for one in sections}
    known = checks(flat)
    there["limits"] = limits(flat, there, known)
    there["reproducibility"] = reproducibility(flat)
    there["statement"] = statement(flat, there, known)
    sections += [{"key": key, "title": heading, "content": there[key]} for key, heading in LAST]
    content = {
        "format": FORMAT,
        "show_values": figures.show_values,
        "title": title(flat),
        "headline": headline(flat),
        "checks": known,
        "sections": sections,
        "absent": absent(flat, there),
    }
    plain: Content = _plain(content)
    return plain


def section_of(content: Content, key: str) -> Any:
    """The content of a section of a report; None where it has none.

    Examples
    --------
    >>> section_of({"sections": [{"key": "em", "title": "Path of EM", "content": [1]}]}, "em")
    [1]
    """
    return next((one["content"] for one in content["sections"] if one["key"] == key), None)


def _title(key: str, heading: str, content: Any) -> str:
    """The heading of a section; error rates that are not the model's alone are no estimates of it."""
    return "Error rates" if key == "quality" and len(content["by_origin"]) > 1 else heading


def _plain(value: Any) -> Any:
    """The same as JSON can hold it."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value
