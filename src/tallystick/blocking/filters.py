"""Filters of passes: pairs that no comparison could save are not found.

A filter asks codes and numbers of the two records alone, so that it costs next to nothing beside the
comparisons. What is missing keeps a pair.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, model_validator

from tallystick._schema import Settings


class Difference(Settings):
    """Keep the pairs whose values lie no further apart than a limit; a missing value keeps its pairs.

    Attributes
    ----------
    field : str
        The field.
    most : float
        The largest difference that is kept.
    part : {"number", "year", "days"}
        What of the value: a number as it is, the year of an ISO date, or the day of an ISO date (in days).
        A value that is no such thing counts as missing.
    """

    type: Literal["difference"] = "difference"
    field: str
    most: FiniteFloat = Field(ge=0)
    part: Literal["number", "year", "days"] = "number"

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the filter reads."""
        return (self.field,)


class Reachable(Settings):
    """Keep the pairs that can still reach a weight, by equality of values alone.

    A pair's bound is `others` and, of each field, its `agreement` where the values are equal or one is
    missing, its `disagreement` where they differ. Give as agreement the highest weight of the comparison,
    as disagreement the highest weight of values that are not equal, and as `others` the sum of the highest
    weights of all other comparisons: then no pair is dropped that could reach `least`.

    Attributes
    ----------
    least : float
        The weight to be reached, natural log.
    agreement, disagreement : dict of str to float
        By field; both name the same fields.
    others : float
        What all other comparisons can add.
    """

    type: Literal["reachable"] = "reachable"
    least: FiniteFloat
    agreement: dict[str, FiniteFloat] = Field(min_length=1)
    disagreement: dict[str, FiniteFloat] = Field(min_length=1)
    others: FiniteFloat = 0.0

    @model_validator(mode="after")
    def _same_fields(self) -> Reachable:
        if unlike := sorted(set(self.agreement) ^ set(self.disagreement)):
            raise ValueError(f"field {unlike[0]!r} needs both an agreement and a disagreement weight")
        for field, weight in self.agreement.items():
            if weight < self.disagreement[field]:
                raise ValueError(f"agreement on field {field!r} has to weigh no less than disagreement")
        best = self.others + sum(self.agreement.values())
        if best < self.least:
            raise ValueError(
                f"no pair reaches least = {self.least:g}: full agreement brings {best:g}; lower it"
            )
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that the filter reads."""
        return tuple(self.agreement)


AnyFilter = Annotated[Difference | Reachable, Field(discriminator="type")]


def difference(field: str, most: float, part: Literal["number", "year", "days"] = "number") -> Difference:
    """Keep pairs whose values differ by at most a limit.

    Parameters
    ----------
    field : str
        The field.
    most : float
        The largest difference that is kept.
    part : {"number", "year", "days"}
        What of the value is compared.

    Returns
    -------
    Difference

    Examples
    --------
    >>> difference("date_of_birth", 2, part="year").fields
    ('date_of_birth',)
    """
    return Difference(field=field, most=most, part=part)


def reachable(
    least: float, agreement: dict[str, float], disagreement: dict[str, float], others: float = 0.0
) -> Reachable:
    """Keep pairs that can still reach a weight (see `Reachable`).

    Parameters
    ----------
    least : float
        The weight to be reached, natural log.
    agreement, disagreement : dict of str to float
        Weights by field.
    others : float
        What all other comparisons can add.

    Returns
    -------
    Reachable

    Examples
    --------
    >>> reachable(4.0, {"surname": 6.0}, {"surname": -2.0}, others=5.0).fields
    ('surname',)
    """
    return Reachable(least=least, agreement=agreement, disagreement=disagreement, others=others)
