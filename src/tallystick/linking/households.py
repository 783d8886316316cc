"""Settings of a linkage of households and the persons in them."""

from __future__ import annotations

from pydantic import Field, StrictBool, model_validator

from tallystick._schema import Settings
from tallystick.linking.decision import Decision

LARGEST = 20
"""Members beyond which records that share an address or an id are no household, by default."""


class Households(Settings):
    """Where the household of a record comes from, and what speaks of it.

    Households are linked first; then persons within linked households, by what is their own; then all
    others. Exactly one of `id` and `address` is given. A record without a value in one of them is in no
    household, and so is one where more than `largest` records share it: these are linked outside of
    households.

    Attributes
    ----------
    id : str, optional
        A field with the household of each record. It tells who lives together within a source, and is
        never compared across sources.
    address : tuple of str, optional
        Fields: records of a source that are equal in all of them live together.
    comparisons : tuple of str
        Names of the comparisons that speak of the household, such as surname and postcode; all others are
        personal.
    decision : Decision
        Thresholds of pairs of households, on the posterior. A household has at most one link.
    largest : int
        Most members of a household.
    sizes_differ : bool
        Households of the two sources may differ in size, because one source has only some members. Without
        it sizes that lie far apart are an error, since then the two fields hardly mean the same.

    Examples
    --------
    >>> Households(address=["street", "house_number"], comparisons=["surname", "street"]).fields
    ('street', 'house_number')
    """

    id: str | None = None
    address: tuple[str, ...] | None = Field(default=None, min_length=1)
    comparisons: tuple[str, ...] = Field(min_length=1)
    decision: Decision = Decision()
    largest: int = Field(default=LARGEST, ge=2, le=200)
    sizes_differ: StrictBool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Households:
        if (self.id is None) == (self.address is None):
            raise ValueError(
                "households come from id, a field with the household of each record, or from address, fields "
                "that its members have in common: give one of the two"
            )
        given = self.decision.model_fields_set
        if (
            self.decision.thresholds is not None
            or self.decision.scale != "posterior"
            or given & {"links", "one_to_one", "assignment"}
        ):
            raise ValueError(
                "pairs of households are always decided one to one, on the posterior: give upper and lower, "
                "without links, one_to_one, assignment, scale or thresholds"
            )
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that say which records live together."""
        return (self.id,) if self.id is not None else tuple(self.address or ())
