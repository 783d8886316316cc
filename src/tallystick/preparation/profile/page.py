"""A profile as one web page: no script, nothing loaded, values masked."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from tallystick._pages import page_environment
from tallystick.preparation.profile import criteria
from tallystick.preparation.profile.associations import (
    BITS_TWICE,
    FEWEST_PAIRS,
    MOST_FOLLOWING,
    MOST_PHI,
    phi_text,
)
from tallystick.preparation.profile.kinds import KINDS
from tallystick.preparation.profile.model import Profile
from tallystick.preparation.profile.values import FEWEST, LISTED, shown_values

if TYPE_CHECKING:
    from jinja2 import Environment

SHAPES = 6
"""Pattern classes shown of a field."""
MATRIX = 18
"""Fields up to which associations are shown as a square."""


def render_page(profile: Profile, show_values: bool = False) -> str:
    """The profile as HTML.

    Parameters
    ----------
    profile : Profile
    show_values : bool
        Show the most common values as they are.

    Returns
    -------
    str
        A complete page, the same for the same profile.
    """
    page: str = (
        _environment()
        .get_template("profile.html.j2")
        .render(
            profile=profile,
            title=" and ".join(source.name for source in profile.sources),
            show_values=show_values,
            style=files("tallystick.preparation.profile")
            .joinpath("templates", "profile.css")
            .read_text("utf-8"),
            kinds=KINDS,
            limits=criteria,
            fewest=FEWEST,
            listed=LISTED,
            most_shapes=SHAPES,
            most_matrix=MATRIX,
            association={
                "phi": MOST_PHI,
                "following": MOST_FOLLOWING,
                "lift": round(2**BITS_TWICE),
                "pairs": FEWEST_PAIRS,
            },
        )
    )
    return page


def _bar(share: float | None) -> str:
    """Width of a bar in per cent."""
    return f"{100 * min(max(share or 0.0, 0.0), 1.0):.2f}%"


@cache
def _environment() -> Environment:
    names = ("count", "percent", "probability", "place", "without_password")
    environment = page_environment("tallystick.preparation.profile", names)
    environment.filters["bar"] = _bar
    environment.filters["shown"] = shown_values
    environment.filters["phi"] = phi_text
    return environment
