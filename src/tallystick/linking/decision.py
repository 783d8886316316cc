"""How scored pairs become links, possible links and non-links."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import StrictBool, model_validator

from tallystick._schema import Settings
from tallystick.blocking.constraint import Links
from tallystick.linking.rules import ThresholdRule

AssignmentKind = Literal["optimal", "greedy", "unique"]
"""How links are chosen among pairs that compete for records."""


class Decision(Settings):
    """The decision rule.

    Attributes
    ----------
    links : {"many_to_many", "one_to_one", "one_to_many", "many_to_one"}
        How many links a record may have to another source: of two sources the earlier is the left one. With
        ``one_to_many`` a left record may have several, a right record one at most, and with
        ``many_to_one`` the other way round.
    one_to_one : bool
        Short for ``links = "one_to_one"``.
    assignment : {"optimal", "greedy", "unique"}
        How links are chosen among pairs that compete for records: the best set as a whole, the best pair
        first, or only pairs without competitors.
    scale : {"posterior", "weight"}
        What the thresholds are: probabilities that a pair is a match, or match weights
        (natural-log likelihood ratios).
    upper : float
        At or above it a pair is a link.
    lower : float
        Below it a pair is a non-link; between the two it is a possible link.
    thresholds : ErrorBounds, Targets, Capacity or Costs, optional
        What the thresholds are worked out from once the parameters are known, instead of `upper` and `lower`.
    """

    links: Links = "many_to_many"
    one_to_one: StrictBool = False
    assignment: AssignmentKind = "optimal"
    scale: Literal["posterior", "weight"] = "posterior"
    upper: float = 0.5
    lower: float = 0.1
    thresholds: ThresholdRule | None = None

    @model_validator(mode="after")
    def _short_form(self) -> Decision:
        stated = self.links == "one_to_one"
        given = {"links", "one_to_one"} & self.model_fields_set
        if len(given) == 2 and stated != self.one_to_one:
            raise ValueError(
                f'links is "{self.links}" but one_to_one is {str(self.one_to_one).lower()}, which contradict '
                "each other: leave one_to_one out"
            )
        # The model is frozen, but not yet made.
        if "links" in given:
            self.__dict__["one_to_one"] = stated
        elif self.one_to_one:
            self.__dict__["links"] = "one_to_one"
        return self

    def with_links(self, links: Links) -> Decision:
        """The same thresholds with another constraint on how many links a record may have."""
        return self.model_copy(update={"links": links, "one_to_one": links == "one_to_one"})

    def with_rule(self, rule: ThresholdRule) -> Decision:
        """The same constraint and assignment with thresholds that a rule works out."""
        return Decision(links=self.links, assignment=self.assignment, thresholds=rule)

    @model_validator(mode="after")
    def _one_origin(self) -> Decision:
        if self.thresholds is not None:
            for name in ("upper", "lower", "scale"):
                if name in self.model_fields_set:
                    raise ValueError(
                        f"{name} and thresholds are both given, but a rule works {name} out: "
                        "leave one of the two out"
                    )
        return self

    @model_validator(mode="after")
    def _order(self) -> Decision:
        for name in ("upper", "lower"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"{name} is {value}, but a threshold is a finite number")
            if self.scale == "posterior" and not 0 < value < 1:
                raise ValueError(
                    f"{name} is {value}, but a threshold on the posterior lies between 0 and 1 "
                    '(for match weights set scale = "weight")'
                )
        if self.lower > self.upper:
            raise ValueError(
                f"the thresholds are in the wrong order: lower is {self.lower} and upper is {self.upper}, "
                "but lower must not be above upper"
            )
        return self
