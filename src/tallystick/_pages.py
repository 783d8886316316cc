"""Templates of pages: one way to fill them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick import _formats as formats

if TYPE_CHECKING:
    from jinja2 import Environment


def page_environment(package: str, filters: Sequence[str]) -> Environment:
    """What fills in the templates of a package, strict about names and with values escaped.

    Parameters
    ----------
    package : str
        Whose folder ``templates`` it is.
    filters : sequence of str
        Functions of `tallystick._formats` that the templates use.

    Returns
    -------
    jinja2.Environment
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in filters:
        environment.filters[name] = getattr(formats, name)
    return environment
