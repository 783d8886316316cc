"""The content of a report as one self-contained HTML page.

The page makes no network request (its own policy forbids it), can be read without JavaScript
(every figure of a chart is also in a table), and shows the shape of record values only.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tallystick import _formats as formats
from tallystick._pages import page_environment
from tallystick.quality.report.content import section_of
from tallystick.quality.report.drawn import Drawing, band, drawings
from tallystick.quality.report.figures import Content
from tallystick.quality.report.statement import BLANK
from tallystick.quality.vega_bundle import vega_bundle

if TYPE_CHECKING:
    from jinja2 import Environment

FORMATS = ("count", "percent", "probability", "number", "interval", "weight", "seconds", "signed")


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
    bundle, script = (vega_bundle(), _asset("report.js")) if charts else ("", "")
    page: str = (
        _environment()
        .get_template("report.html.j2")
        .render(
            content=content,
            names={one["key"]: one["title"] for one in content["sections"]},
            charts=charts,
            style=_asset("report.css"),
            bundle=bundle,
            script=script,
            policy=_policy(bundle, script),
            specs=_for_script(charts),
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
        _environment()
        .get_template("statement.html.j2")
        .render(
            content=content,
            it=section_of(content, "statement"),
            flow=(section_of(content, "pairs") or {}).get("flow"),
            names={},
            style=_asset("report.css"),
            policy=_policy(),
            blank=BLANK,
        )
    )
    return page


@cache
def _environment() -> Environment:
    environment = page_environment("tallystick.quality", FORMATS)
    environment.filters["band"] = band
    environment.filters["gain"] = _gain
    environment.globals["bar"] = bar
    return environment


def _gain(value: float) -> str:
    """What an iteration gained: whole numbers where it is much, as a probability where it is little."""
    return formats.count(value) if value >= 1 else formats.probability(value)


@cache
def _asset(name: str) -> str:
    return files("tallystick.quality").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Content security policy: nothing is loaded, and only our own scripts run."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts if s]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _for_script(charts: Mapping[str, Drawing]) -> str:
    """JSON that cannot end the script element that it stands in."""
    specs = {key: one.spec for key, one in charts.items()}
    text = json.dumps(specs, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def bar(start: Any, end: Any, lowest: float, highest: float) -> dict[str, Any]:
    """A bar from start to end on an axis, in per cent of its width; beyond the axis it is cut.

    Examples
    --------
    >>> bar(0, "Infinity", -5, 5)
    {'left': '50.00', 'width': '50.00', 'zero': '50.00', 'sign': 'for'}
    """
    span = (highest - lowest) or 1.0

    def place(value: float) -> float:
        return 100 * (min(max(value, lowest), highest) - lowest) / span

    start, end = (0.0 if one is None else float(one) for one in (start, end))
    ends = [place(one) if one == one else place(0.0) for one in (start, end)]
    low, high = sorted(ends)
    return {
        "left": f"{low:.2f}",
        "width": f"{high - low:.2f}",
        "zero": f"{place(0):.2f}",
        "sign": "against" if end < start else "for",
    }
