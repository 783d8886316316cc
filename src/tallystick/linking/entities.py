"""How records become entities, and which of their values stand for an entity."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tallystick._schema import Settings
from tallystick.linking.clustering import SUPPORT

Rule = Literal["most_frequent", "most_complete", "most_recent", "by_source"]


class GoldenRule(Settings):
    """Which of the values that the records of an entity have in a field is taken.

    Whatever the rule leaves open is decided by the number of records that have the value, then by its length,
    then by its place in the order of texts, and, for the record that it is said to come from, by the order of
    the sources and of the ids.

    Attributes
    ----------
    rule : {"most_frequent", "most_complete", "most_recent", "by_source"}
        The value that most records have; that of the record with the most fields filled in; that of the
        record with the latest date; that of the first source that has one. A record without a value in the
        field is passed over.
    date : str, optional
        The field or column that dates a record, for ``most_recent``: dates, or text that begins as in
        2021-03-31. Records without a date come last.
    sources : tuple of str
        Names of the sources, the best first, for ``by_source``; those not named come after them, in the
        order of the linkage.

    Examples
    --------
    >>> GoldenRule(rule="most_recent", date="changed").date
    'changed'
    """

    rule: Rule = "most_frequent"
    date: str | None = None
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _what_the_rule_needs(self) -> GoldenRule:
        if (self.rule == "most_recent") != (self.date is not None):
            raise ValueError(
                'rule = "most_recent" needs date, the field that dates a record'
                if self.date is None
                else f'date is given, but rule = "{self.rule}" reads no date: leave it out'
            )
        if (self.rule == "by_source") != bool(self.sources):
            raise ValueError(
                f'sources are given, but rule = "{self.rule}" does not read them: leave them out'
                if self.sources
                else 'rule = "by_source" needs sources, the best first'
            )
        return self


class Golden(GoldenRule):
    """The golden record of each entity: a value for each field.

    Attributes
    ----------
    rule : {"most_frequent", "most_complete", "most_recent", "by_source"}
        As of `GoldenRule`, for all fields that have no rule of their own; so are the next two.
    date : str, optional
        The field or column that dates a record, for ``most_recent``.
    sources : tuple of str
        Names of the sources, the best first, for ``by_source``.
    fields : dict of str to GoldenRule
        What differs for single fields.

    Examples
    --------
    >>> Golden(fields={"surname": {"rule": "most_recent", "date": "changed"}}).fields["surname"].rule
    'most_recent'
    """

    fields: dict[str, GoldenRule] = Field(default_factory=dict)

    def rule_of(self, field: str) -> GoldenRule:
        """The rule of one field."""
        return self.fields.get(field, self)


class Entities(Settings):
    """How linked records are put together into entities.

    Attributes
    ----------
    method : {"clusters", "components"}
        By the evidence of all pairs (`tallystick.linking.clustering.cluster`), which cuts links that the
        other pairs speak against, or whatever links join, directly or through others.
    support : float
        Of ``clusters``: the lowest mean probability of the pairs between two groups that are one entity.
    golden : Golden, optional
        Write a golden record for each entity.

    Examples
    --------
    >>> Entities(support=0.3).method
    'clusters'
    """

    method: Literal["clusters", "components"] = "clusters"
    support: float = Field(default=SUPPORT, ge=0, le=1)
    golden: Golden | None = None

    @model_validator(mode="after")
    def _support_is_read(self) -> Entities:
        if self.method == "components" and "support" in self.model_fields_set:
            raise ValueError('support is given, but method = "components" does not read it: leave it out')
        return self
