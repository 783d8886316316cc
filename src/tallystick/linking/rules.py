"""Where thresholds can come from instead of being given: bounds, targets, capacity, costs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tallystick._schema import Settings

Share = Annotated[float, Field(gt=0, lt=1)]
Among = Literal["all", "candidates"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class ErrorBounds(Settings):
    """Thresholds from bounds of the two errors (Fellegi and Sunter 1969).

    Attributes
    ----------
    type1 : float
        Largest share of the non-matches that may become links, of all allowed pairs.
    type2 : float
        Largest share of the matches that may become non-links.
    among : {"all", "candidates"}
        Which matches `type2` is a share of: all, so that those that no pass finds count as non-links, or
        those that some pass finds. A step of sequential passes before the last takes the latter by default.
    """

    type: Literal["error_bounds"] = "error_bounds"
    type1: Share = 1e-6
    type2: Share = 0.05
    among: Among = "all"

    def of_all(self, found: float) -> ErrorBounds:
        """The same bounds of all matches, where the passes find this share of them.

        Examples
        --------
        >>> round(ErrorBounds(type2=0.1, among="candidates").of_all(0.8).type2, 3)
        0.28
        """
        if self.among == "all":
            return self
        return ErrorBounds(type1=self.type1, type2=1 - found * (1 - self.type2))


class Targets(Settings):
    """Thresholds from a precision of the links, from a recall, or from both.

    Attributes
    ----------
    precision : float, optional
        Smallest share of the links that are matches.
    recall : float, optional
        Smallest share of the matches that are links or, where a precision is given, too, possible links.
    among : {"all", "candidates"}
        Which matches `recall` is a share of (see `ErrorBounds`).
    """

    type: Literal["targets"] = "targets"
    precision: Share | None = None
    recall: Share | None = None
    among: Among = "all"

    def of_all(self, found: float) -> Targets:
        """The same targets of all matches, where the passes find this share of them."""
        if self.among == "all":
            return self
        return Targets(precision=self.precision, recall=self.recall and found * self.recall)

    @model_validator(mode="after")
    def _some(self) -> Targets:
        if self.precision is None and self.recall is None:
            raise ValueError("found no target, expected precision, recall or both")
        return self


class Capacity(Settings):
    """Thresholds from the number of pairs that people can review.

    Attributes
    ----------
    pairs : int, optional
        Most pairs that are possible links.
    hours : float, optional
        Hours of review, instead of pairs.
    pairs_per_hour : float, optional
        Pairs that are judged in an hour.
    """

    type: Literal["capacity"] = "capacity"
    pairs: int | None = Field(default=None, ge=0)
    hours: Positive | None = None
    pairs_per_hour: Positive | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Capacity:
        given = self.hours is not None, self.pairs_per_hour is not None
        if (self.pairs is None) == (not any(given)) or given[0] != given[1]:
            raise ValueError("expected either pairs, or hours and pairs_per_hour")
        return self

    @property
    def most(self) -> int:
        """Most pairs that are reviewed."""
        if self.pairs is not None:
            return self.pairs
        assert self.hours is not None
        assert self.pairs_per_hour is not None
        return int(self.hours * self.pairs_per_hour)


class Costs(Settings):
    """Thresholds from what the two errors and a review cost (Sadinle 2017), in any unit.

    Attributes
    ----------
    false_link : float
        Cost of a link that is no match.
    missed : float
        Cost of a match that is a non-link.
    review : float
        Cost of judging one pair.
    """

    type: Literal["costs"] = "costs"
    false_link: Positive
    missed: Positive
    review: Positive


ThresholdRule = Annotated[ErrorBounds | Targets | Capacity | Costs, Field(discriminator="type")]
"""Any of the rules, chosen by the key ``type``."""
