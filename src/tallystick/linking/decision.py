"""How scored pairs become links, possible links and non-links."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import model_validator

from tallystick._schema import Settings
from tallystick.linking.rules import ThresholdRule


class Decision(Settings):
    """The decision rule.

    Attributes
    ----------
    one_to_one : bool
        A record has at most one link (linkage of two files without duplicates).
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

    one_to_one: bool = False
    scale: Literal["posterior", "weight"] = "posterior"
    upper: float = 0.5
    lower: float = 0.1
    thresholds: ThresholdRule | None = None

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
