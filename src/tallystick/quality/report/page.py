"""The content of a report as one self-contained HTML page.

The page makes no network request (its own policy forbids it), can be read without JavaScript
(every figure of a chart is also in a table), and shows the shape of record values only.
"""

from __future__ import annotations

from tallystick.quality.report.content import section_of
from tallystick.quality.report.drawn import drawings
from tallystick.quality.report.figures import Content
from tallystick.quality.report.statement import BLANK
from tallystick.quality.report.template import asset, environment, for_script, policy
from tallystick.quality.vega_bundle import vega_bundle


def render_page(content: Content) -> str:
    """The report as one HTML text.

    Parameters
    ----------
    content : dict
        What `tallystick.quality.report.content.report_content` gives, or ``report.json`` read again.

    Returns
    -------
    str
        A complete page, the same for the same content.
    """
    charts = {one.id: one for one in drawings(content) if one.on_page}
    bundle, script = (vega_bundle(), asset("report.js")) if charts else ("", "")
    page: str = (
        environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            names={one["key"]: one["title"] for one in content["sections"]},
            charts=charts,
            style=asset("report.css"),
            bundle=bundle,
            script=script,
            policy=policy(bundle, script),
            specs=for_script(charts),
            blank=BLANK,
        )
    )
    return page


def render_statement(content: Content) -> str:
    """The quality statement alone, as an HTML page of its own.

    Parameters
    ----------
    content : dict
        The content of a report.

    Returns
    -------
    str
    """
    page: str = (
        environment()
        .get_template("statement.html.j2")
        .render(
            content=content,
            it=section_of(content, "statement"),
            flow=(section_of(content, "pairs") or {}).get("flow"),
            names={},
            style=asset("report.css"),
            policy=policy(),
            blank=BLANK,
        )
    )
    return page
