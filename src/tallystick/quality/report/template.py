"""What all pages are made with: templates, style, scripts, and the policy that loads nothing."""

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
from tallystick.quality.report.drawn import Drawing, band

if TYPE_CHECKING:
    from jinja2 import Environment

FORMATS = ("count", "percent", "probability", "number", "interval", "weight", "seconds", "signed")


@cache
def environment() -> Environment:
    """What fills in the templates of this package."""
    found = page_environment("tallystick.quality", FORMATS)
    found.filters["band"] = band
    found.filters["gain"] = _gain
    found.globals["bar"] = bar
    return found


def _gain(value: float) -> str:
    """What an iteration gained: whole numbers where it is much, as a probability where it is little."""
    return formats.count(value) if value >= 1 else formats.probability(value)


@cache
def asset(name: str) -> str:
    """The text of a file beside the templates."""
    return files("tallystick.quality").joinpath("templates", name).read_text(encoding="utf-8")


def policy(*scripts: str) -> str:
    """Content security policy: nothing is loaded, and only our own scripts run."""
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts if s]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def for_script(charts: Mapping[str, Drawing]) -> str:
    """Charts as JSON that cannot end the script element that it stands in."""
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
