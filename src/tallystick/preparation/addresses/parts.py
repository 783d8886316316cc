"""The parts of an address, and what turns a text into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol, get_args

Part = Literal[
    "number",
    "unit",
    "building",
    "directional",
    "street",
    "street_type",
    "po_box",
    "locality",
    "region",
    "postcode",
]
PARTS: tuple[Part, ...] = get_args(Part)
"""Every part that a splitter may find, in the order in which they are written to fields."""


class Split(NamedTuple):
    """What a splitter found.

    Attributes
    ----------
    parts : mapping of str to str, or None
        Part to value, parts that the address does not hold left out; None where it cannot be split without
        a guess.
    reason : str
        Why not, or what the user should know besides; else empty. It holds nothing of the address.
    """

    parts: Mapping[str, str] | None
    reason: str


class AddressParser(Protocol):
    """A function of one address, known by a name so that another process finds it."""

    def __call__(self, text: str) -> Split:
        """Split an address."""


def undecided(reason: str) -> Split:
    """No parts, and why."""
    return Split(None, reason)


NOTHING = "no street, building or box is recognised"
REST = "words are left over that belong to no part"
