"""A comparison: fields, the comparator that is applied to them, and m and u where they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, StrictBool, ValidationInfo, field_validator

from tallystick.comparisons.conditions import Levels, check_size, digits
from tallystick.comparisons.fields import FieldPair, Leaf, check_fields, sort_arguments
from tallystick.comparisons.frequencies import EDGES, BandedMeasure, band_labels, bands_of, edges_of
from tallystick.comparisons.interpolation import Interpolation, check_interpolation
from tallystick.comparisons.measure import Measure
from tallystick.comparisons.missing import (
    MISSING_LEVEL,
    Categories,
    labels_with_missing,
    with_missing_level,
)
from tallystick.comparisons.probabilities import Probabilities, checked_probabilities, of_agreement
from tallystick.comparisons.union import AnyComparator
from tallystick.comparisons.value_frequencies import ValueFrequencies
from tallystick.errors import InputError


class Comparison(FieldPair):
    """One comparison of a linkage (see `comparison`).

    Attributes
    ----------
    comparator : Comparator or Levels
        How the fields are compared.
    left, right : tuple of str
        The fields of each side. For `Levels`, which name their own, they may be left out.
    name : str
        By default the names of the fields, joined by ``+``.
    missing : {"neutral", "level"} or Categories
        What a value that is missing on either side says: nothing; or it is a level of its own, number 1,
        above disagreement; or it agrees to the share 1 / k.
    m, u : tuple of float, optional
        Probability of each level among matches and among non-matches, from disagreement up, where
        they are given rather than estimated. For two levels the probability of agreement will do.
    frequencies : bool, "values", ValueFrequencies or mapping of str to float
        Whether agreement on a rare value counts for more than on a common one: full agreement is then
        split by the relative frequency of the value (see `tallystick.comparisons.frequencies`), as it is
        in the files, or as a table of the user's own says; or each value is weighed for itself.
    interpolate : bool or Interpolation
        Whether the weight follows the similarity of the two values, rather than their level.
    """

    comparator: AnyComparator
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    name: str = ""
    missing: Literal["neutral", "level"] | Categories = "neutral"
    m: Probabilities | None = None
    u: Probabilities | None = None
    frequencies: (
        StrictBool | Literal["values"] | ValueFrequencies | dict[str, Annotated[float, Field(gt=0, le=1)]]
    ) = False
    interpolate: StrictBool | Interpolation = False

    _made_symmetric: bool = PrivateAttr(default=False)

    @field_validator("left", "right")
    @classmethod
    def _fields_fit(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        comparator = info.data.get("comparator")
        if isinstance(comparator, Levels):
            own = _unique(getattr(leaf, str(info.field_name)) for leaf in comparator.leaves())
            if value and value != own:
                raise ValueError(
                    f"found the fields {', '.join(value)}, but the conditions name {', '.join(own)}: "
                    "leave the fields of the comparison out"
                )
            return own
        if comparator is not None and (value or info.field_name == "left"):
            check_fields(comparator, value)
        return value

    @field_validator("name")
    @classmethod
    def _default_name(cls, value: str, info: ValidationInfo) -> str:
        left, right = info.data.get("left", ()), info.data.get("right", ())
        return value or "+".join(left) + ("" if left == right else "~" + "+".join(right))

    @field_validator("m", "u", mode="before", json_schema_input_type=Probabilities | float | None)
    @classmethod
    def _of_agreement(cls, value: Any, info: ValidationInfo) -> Any:
        return of_agreement(value, _labels(info.data))

    @field_validator("m", "u")
    @classmethod
    def _are_probabilities(cls, value: Probabilities | None, info: ValidationInfo) -> Probabilities | None:
        return None if value is None else checked_probabilities(value, _labels(info.data))

    @field_validator("frequencies")
    @classmethod
    def _can_be_split(cls, value: Any, info: ValidationInfo) -> Any:
        comparator = info.data.get("comparator")
        if value is False or comparator is None:
            return value
        fields = info.data.get("left", ()), info.data.get("right", ())
        if isinstance(comparator, Levels) or comparator.labels()[-1] != "equal":
            raise ValueError(
                "found a comparator whose full agreement is not equality of a value, expected one such as "
                "exact, jaro_winkler or levenshtein"
            )
        if fields[0] != fields[1] or len(fields[0]) != 1:
            raise ValueError("found more than one field, expected the same single field on both sides")
        if info.data.get("m") is not None or info.data.get("u") is not None:
            raise ValueError("found m or u given besides, expected one of the two: leave m and u out")
        return value

    @field_validator("interpolate")
    @classmethod
    def _has_similarity(cls, value: Any, info: ValidationInfo) -> Any:
        comparator = info.data.get("comparator")
        if value is not False and comparator is not None:
            check_interpolation(comparator, Interpolation() if value is True else value)
        return value

    @property
    def interpolation(self) -> Interpolation | None:
        """How the weight follows the similarity; None where it follows the level."""
        if isinstance(self.interpolate, Interpolation):
            return self.interpolate
        return Interpolation() if self.interpolate else None

    @property
    def edges(self) -> tuple[float, ...]:
        """Relative frequencies at which full agreement is split; which of them is known when values are."""
        if self.frequencies is False:
            return ()
        return edges_of(self.shares) if self.has_shares else EDGES

    @property
    def value_frequencies(self) -> ValueFrequencies | None:
        """How agreement is weighed by the very value; None where it is not."""
        if self.frequencies == "values":
            return ValueFrequencies(by="value")
        return self.frequencies if isinstance(self.frequencies, ValueFrequencies) else None

    @property
    def shares(self) -> Mapping[str, float]:
        """Relative frequencies of the common values; empty where they are not known."""
        known = self.frequencies
        if isinstance(known, ValueFrequencies):
            return known.table or {}
        return known if isinstance(known, dict) else {}

    @property
    def has_shares(self) -> bool:
        """Whether the frequencies of values are known, or not asked for."""
        if isinstance(self.frequencies, ValueFrequencies):
            return self.frequencies.table is not None
        return self.frequencies is False or isinstance(self.frequencies, dict)

    @property
    def n_top(self) -> int:
        """Number of levels that are full agreement: one, or one for each band of frequency."""
        return len(self.edges) + 1

    @property
    def missing_level(self) -> int | None:
        """Number of the level that is a missing value; None where that is no level."""
        return MISSING_LEVEL if self.missing == "level" else None

    @property
    def n_levels(self) -> int:
        """Number of levels; a missing value counts only where it is one."""
        return self._n_present + (self.missing == "level")

    @property
    def _n_present(self) -> int:
        """Number of levels of values that are not missing."""
        return self.comparator.n_levels - 1 + self.n_top

    @property
    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        labels = self.comparator.labels()
        labels = (*labels[:-1], *band_labels(self.edges)) if self.edges else labels
        return labels_with_missing(labels) if self.missing == "level" else labels

    def measure(
        self, leaf: Leaf, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool
    ) -> Measure:
        """The measure of one of its leaves (see `Comparator.prepare`), full agreement split by frequency."""
        measure = leaf.comparator.prepare(left, right, same)
        if self.frequencies is False:
            return measure
        return BandedMeasure(measure, bands_of(left[0], self.shares, self.edges), self.n_top)

    @property
    def is_symmetric(self) -> bool:
        """Whether the level does not depend on which record of a pair is the left one."""
        if self._made_symmetric:
            return True
        leaves = self._own_leaves()
        if all(leaf.left == leaf.right for leaf in leaves):
            return True
        every = _oriented(leaves)
        if len(every) > len(leaves):
            return False
        levels = _digits_of(every)
        return bool(np.array_equal(self._level(levels, False), self._level(levels, True)))

    def leaves(self) -> tuple[Leaf, ...]:
        """The measures that the comparison needs, each once.

        Returns
        -------
        tuple of Leaf
            One, with the comparison's own comparator, unless conditions are combined or the
            comparison was made symmetric.
        """
        leaves = self._own_leaves()
        return _oriented(leaves) if self._made_symmetric else leaves

    def combination(self) -> NDArray[np.uint8] | None:
        """Level by the levels of the leaves.

        Returns
        -------
        uint8 array, shape (product of the leaves' n_levels + 1,), or None
            Indexed by the mixed-radix number of the leaves' levels (each with its missing one),
            the first leaf the least significant digit. None where the level of the one leaf is
            the level of the comparison.
        """
        found = self._combination()
        if self.missing != "level":
            return found
        found = np.arange(self._n_present + 1, dtype=np.uint8) if found is None else found
        return with_missing_level(found, self._n_present)

    def _combination(self) -> NDArray[np.uint8] | None:
        """What `combination` gives where missing is no level."""
        if self._made_symmetric:
            levels = _digits_of(self.leaves())
            # Missing is the highest number, but less than any level here.
            both = [self._level(levels, swapped).astype(np.int16) for swapped in (False, True)]
            best = np.max([np.where(one == self._n_present, -1, one) for one in both], axis=0)
            return np.where(best < 0, self._n_present, best).astype(np.uint8)
        return self.comparator.combination() if isinstance(self.comparator, Levels) else None

    def symmetric(self) -> Comparison:
        """The comparison for deduplication, where the order of two records means nothing.

        Returns
        -------
        Comparison
            The comparison itself where it is symmetric. Otherwise one whose level is the better
            of the levels in both orders; it is missing where both are.

        Raises
        ------
        InputError
            If both orders together have more than 2**20 combinations of levels.
        """
        if self.is_symmetric:
            return self
        try:
            check_size(_oriented(self._own_leaves()))
        except ValueError as error:
            raise InputError(f'comparison "{self.name}", made symmetric for deduplication: {error}') from None
        made = self.model_copy()
        made._made_symmetric = True
        return made

    def _own_leaves(self) -> tuple[Leaf, ...]:
        if isinstance(self.comparator, Levels):
            return self.comparator.leaves()
        return (Leaf(self.left, self.right, self.comparator),)

    def _level(self, levels: dict[Leaf, NDArray[np.uint8]], swapped: bool) -> NDArray[np.uint8]:
        """Level of the comparison in one order of the records, by the levels of leaves of both orders."""
        leaves = self._own_leaves()
        number = np.zeros(len(next(iter(levels.values()))), np.int64)
        for leaf in reversed(leaves):
            number *= leaf.comparator.n_levels + 1
            number += levels[leaf.swapped() if swapped else leaf]
        if isinstance(self.comparator, Levels):
            return self.comparator.combination()[number]
        return number.astype(np.uint8)


def comparison(
    *arguments: str | AnyComparator,
    left: str | tuple[str, ...] | None = None,
    right: str | tuple[str, ...] | None = None,
    comparator: AnyComparator | None = None,
    name: str | None = None,
    missing: Literal["neutral", "level"] | Categories | Mapping[str, int] = "neutral",
    m: Probabilities | float | None = None,
    u: Probabilities | float | None = None,
    frequencies: bool | Literal["values"] | ValueFrequencies | Mapping[str, Any] = False,
    interpolate: bool | Interpolation | Mapping[str, Any] = False,
) -> Comparison:
    """Compare fields of two records.

    Parameters
    ----------
    *arguments : str and Comparator
        Names of the fields, the same on both sides, and after them the comparator.
    left, right : str or tuple of str, optional
        Names of the fields of each side, instead. In deduplication such a comparison takes the
        better of both orders of the records.
    comparator : Comparator or Levels, optional
        The comparator, where it is not the last of the arguments.
    name : str, optional
        By default the names of the fields, joined by ``+``.
    missing : {"neutral", "level"} or mapping, optional
        What a value that is missing on either side says: ``"neutral"``, nothing; ``"level"``: it is a level
        of its own, with m and u of its own; ``{"categories": k}``: it agrees to the share 1 / k.
    m, u : float or tuple of float, optional
        Probability of each level among matches (m) and among non-matches (u), from disagreement
        up, where they are given rather than estimated: each above 0 and below 1, with sum 1. For
        two levels the probability of agreement will do.
    frequencies : bool, "values" or mapping
        Let agreement on a rare value count for more than on a common one, by the frequencies in the files
        or those of a table (value to share of records). ``"values"`` weighs every value for itself, or
        ``{"by": "value", ...}`` as `tallystick.comparisons.value_frequencies.ValueFrequencies` says. For
        comparators whose full agreement is equality.
    interpolate : bool or mapping, optional
        Let the weight follow the similarity of the two values rather than their level, as
        `tallystick.comparisons.interpolation.Interpolation` says. For comparators of strings.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If fields, comparator and probabilities do not fit each other.

    Examples
    --------
    >>> from tallystick.comparisons.dates import date_parts
    >>> from tallystick.comparisons.equality import exact
    >>> comparison("year", "month", "day", date_parts()).name
    'year+month+day'
    >>> comparison("surname", exact(), m=0.9, u=0.05).u
    (0.95, 0.05)
    """
    given = sort_arguments("comparison", arguments, left, right, comparator)
    shares = dict(frequencies) if isinstance(frequencies, Mapping) else frequencies
    rest: dict[str, Any] = {"missing": missing, "m": m, "u": u, "frequencies": shares}
    rest["interpolate"] = interpolate
    return Comparison(**given, name=name or "", **rest)


def _labels(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Labels of the levels that m and u are given for; none where the comparator is not valid."""
    if (comparator := data.get("comparator")) is None:
        return ()
    labels: tuple[str, ...] = comparator.labels()
    return labels_with_missing(labels) if data.get("missing") == "level" else labels


def _unique(groups: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(field for group in groups for field in group))


def _oriented(leaves: tuple[Leaf, ...]) -> tuple[Leaf, ...]:
    """The leaves, and after them those with the sides exchanged that are not among them."""
    return tuple(dict.fromkeys((*leaves, *(leaf.swapped() for leaf in leaves))))


def _digits_of(leaves: tuple[Leaf, ...]) -> dict[Leaf, NDArray[np.uint8]]:
    return dict(zip(leaves, digits([leaf.comparator.n_levels + 1 for leaf in leaves]), strict=True))
