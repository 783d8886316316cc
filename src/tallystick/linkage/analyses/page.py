"""An analysis as one self-contained HTML page, in the style of the report of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.linkage.analyses.drawn import analysis_drawings, terms_of, tiles
from tallystick.linkage.analyses.text import figure, headline, p_figure, side_by_side, tables_of
from tallystick.quality.report.template import asset, environment, for_script, policy
from tallystick.quality.vega_bundle import vega_bundle

DIAGNOSTICS = ("sensitivity", "bands", "residuals", "linked")
"""Looks that the page has a section for; which an analysis has depends on what it is of."""


def render_analysis(found: Mapping[str, Any]) -> str:
    """The page of an analysis.

    Parameters
    ----------
    found : mapping
        What `AnalysisResult.to_dict` gives, or ``analysis.json`` read again.

    Returns
    -------
    str
        A complete page that loads nothing; no value of a record is in it.
    """
    charts = {one.id: one for one in analysis_drawings(found)}
    bundle, script = (vega_bundle(), asset("report.js")) if charts else ("", "")
    is_regression = found["what"]["kind"] == "regression"
    page: str = (
        environment()
        .get_template("analysis.html.j2")
        .render(
            content={"title": {"name": found["name"] or _title(found)}},
            found=found,
            looks=dict.fromkeys(DIAGNOSTICS) | dict(found["diagnostics"]),
            headline=headline(found),
            tiles=tiles(found),
            rows=side_by_side(found) if is_regression else [],
            tables={} if is_regression else tables_of(found),
            terms=terms_of(found),
            figure=figure,
            p_figure=p_figure,
            charts=charts,
            style=asset("report.css"),
            bundle=bundle,
            script=script,
            policy=policy(bundle, script),
            specs=for_script(charts),
        )
    )
    return page


def _title(found: Mapping[str, Any]) -> str:
    what = found["what"]
    return what["formula"] if what["kind"] == "regression" else f"{what['rows']} by {what['columns']}"
