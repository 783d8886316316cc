"""The JavaScript that draws the report's charts: Vega, Vega-Lite and Vega-Embed as one text.

It comes out of the vl-convert package, so that no JavaScript of others is kept in this project, and
is inlined into the page, so that the page asks no network for anything. Making it takes about a
second; it is therefore cached per user, under the version of vl-convert.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from tallystick._cache import user_cache_dir
from tallystick._files import write_text
from tallystick.errors import RunError


def vega_bundle() -> str:
    """JavaScript that sets ``window.vegaEmbed``, safe to stand inside a ``<script>`` element.

    Returns
    -------
    str
        About 900 kB of JavaScript without any import.
    """
    path = user_cache_dir() / "vega" / f"bundle-{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    import vl_convert

    # Inside a string or a regular expression, where alone these can occur, the backslash changes nothing.
    made = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    bundle = made.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    _store(path, bundle)
    return bundle


def _store(path: Path, text: str) -> None:
    """Keep the text for the next run; a cache that cannot be written costs time, not the report."""
    with suppress(OSError, RunError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
