"""All comparators as one type, chosen by the key ``type``, and the builders of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tallystick.comparisons import conditions, sets
from tallystick.comparisons.dates import DatePartAgreement, DaysBetween
from tallystick.comparisons.equality import Exact, Initial
from tallystick.comparisons.forenames import Forename
from tallystick.comparisons.functions import Function
from tallystick.comparisons.numbers import AbsoluteDifference, RelativeDifference, YearProximity
from tallystick.comparisons.overlaps import BigramDice, BigramJaccard, TokenSet
from tallystick.comparisons.phonetic import Phonetic
from tallystick.comparisons.places import Distance
from tallystick.comparisons.strings import DamerauLevenshtein, Jaro, JaroWinkler, Levenshtein

BUILDERS = {
    "exact": "tallystick.comparisons.equality",
    "initial": "tallystick.comparisons.equality",
    "jaro": "tallystick.comparisons.strings",
    "jaro_winkler": "tallystick.comparisons.strings",
    "levenshtein": "tallystick.comparisons.strings",
    "damerau_levenshtein": "tallystick.comparisons.strings",
    "bigram_dice": "tallystick.comparisons.overlaps",
    "bigram_jaccard": "tallystick.comparisons.overlaps",
    "token_set": "tallystick.comparisons.overlaps",
    "absolute_difference": "tallystick.comparisons.numbers",
    "relative_difference": "tallystick.comparisons.numbers",
    "year_proximity": "tallystick.comparisons.numbers",
    "days_between": "tallystick.comparisons.dates",
    "date_parts": "tallystick.comparisons.dates",
    "distance_km": "tallystick.comparisons.places",
    "phonetic": "tallystick.comparisons.phonetic",
    "forename": "tallystick.comparisons.forenames",
    "any_of": "tallystick.comparisons.sets",
    "function": "tallystick.comparisons.functions",
    "agrees": "tallystick.comparisons.conditions",
    "levels": "tallystick.comparisons.conditions",
    "comparison": "tallystick.comparisons.comparison",
}
"""Module of every public builder of this package, so that a name can be imported when it is used."""

FieldComparator = Annotated[
    Exact
    | Initial
    | Jaro
    | JaroWinkler
    | Levenshtein
    | DamerauLevenshtein
    | BigramDice
    | BigramJaccard
    | TokenSet
    | AbsoluteDifference
    | RelativeDifference
    | YearProximity
    | DaysBetween
    | DatePartAgreement
    | Distance
    | Phonetic
    | Forename
    | sets.AnyOf
    | Function,
    Field(discriminator="type"),
]
"""A comparator that is applied to fields."""

_names = {"FieldComparator": FieldComparator, "AnyCondition": conditions.AnyCondition}
sets.AnyOf.model_rebuild(_types_namespace=_names)
for _model in (
    conditions.Agrees,
    conditions.AllHold,
    conditions.AnyHolds,
    conditions.NoneHolds,
    conditions.Levels,
):
    _model.model_rebuild(_types_namespace=_names)

AnyComparator = Annotated[FieldComparator | conditions.Levels, Field(discriminator="type")]
"""Any comparator, levels by conditions included."""
