"""What decides whether a pass finds a pair: criteria that are digits of the pattern, and the passes in them.

A pass with exact keys finds a pair that agrees on every part of its key: each part is a criterion, and so is
what a filter asks of a field. Of an index the criterion is that it finds the pair, one for each sort key,
whatever the parts within which it looks and its filters say, which are criteria of their own.
Which pairs a linkage selects is then a truth table over criteria (`selects`), which estimation conditions on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.blocking.filters import Difference, Reachable
from tallystick.blocking.indexes import SortedNeighbourhood, TextIndex
from tallystick.blocking.parts import KeyPart, fields_of
from tallystick.blocking.passes import AllPairs, AnyPass, BlockingKey, PairTable

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class FoundBy:
    """An index finds the pair, its filters and the parts within which it looks left aside.

    Attributes
    ----------
    number : int
        Number of the pass.
    way : int
        Number of the sort key; 0 of an index that has none.
    fields : tuple of str
        Fields that it reads, that which decides most first.
    label : str
        The pass for people.
    suffices : bool
        Whether the pass has nothing else to ask, so that all pairs that the index finds are candidates.
    """

    number: int
    way: int
    fields: tuple[str, ...]
    label: str
    suffices: bool

    @property
    def field(self) -> str:
        """The field with whose comparison it is estimated."""
        return self.fields[0]


@dataclass(frozen=True)
class NotApart:
    """The values of a field differ by at most a limit, or one is missing.

    Attributes
    ----------
    filter : Difference
        Field and limit.
    """

    filter: Difference

    @property
    def field(self) -> str:
        """The field."""
        return self.filter.field

    @property
    def fields(self) -> tuple[str, ...]:
        """The field alone."""
        return (self.field,)

    @property
    def label(self) -> str:
        """The filter for people."""
        part = "" if self.filter.part == "number" else f"{self.filter.part} of "
        return f"{part}{self.field} within {self.filter.most:g}"


@dataclass(frozen=True)
class NotDifferent:
    """The values of a field are equal, or one is missing.

    Attributes
    ----------
    field : str
        The field.
    """

    field: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The field alone."""
        return (self.field,)

    @property
    def label(self) -> str:
        """The criterion for people."""
        return f"{self.field} not different"


Criterion = KeyPart | FoundBy | NotApart | NotDifferent


def ways_of(number: int, one: AnyPass) -> tuple[tuple[Criterion, ...], ...]:
    """The criteria of a pass: it finds a pair where all of any of these hold and its filters keep it.

    Parameters
    ----------
    number : int
        Number of the pass.
    one : pass
        A pass that is no table.

    Returns
    -------
    tuple of tuple of Criterion

    Examples
    --------
    >>> from tallystick.blocking.passes import blocking_key
    >>> [part.label for part in ways_of(0, blocking_key("surname", "sex"))[0]]
    ['surname', 'sex']
    """
    if isinstance(one, BlockingKey):
        return (one.parts,)
    if isinstance(one, AllPairs):
        return ((),)
    suffices = not one.filters
    if isinstance(one, SortedNeighbourhood):
        return tuple(
            (FoundBy(number, way, fields_of(key), f"{one.label} ({way + 1})", suffices),)
            for way, key in enumerate(one.sort_keys)
        )
    if isinstance(one, TextIndex):
        index = FoundBy(number, 0, fields_of(one.parts), one.label, suffices and not one.within)
        return ((index, *one.within),)
    return ((FoundBy(number, 0, one.fields, one.label, suffices),),)


def filter_criteria(one: AnyPass) -> tuple[Criterion, ...]:
    """The criteria of a pass's filters.

    Examples
    --------
    >>> from tallystick.blocking.filters import difference
    >>> from tallystick.blocking.passes import all_pairs
    >>> [own.label for own in filter_criteria(all_pairs(filters=(difference("age", 5),)))]
    ['age within 5']
    """
    found: list[Criterion] = []
    for own in one.filters:
        if isinstance(own, Difference):
            found.append(NotApart(own))
        else:
            found += [NotDifferent(field) for field in own.fields]
    return tuple(found)


def criteria_of(passes: Sequence[AnyPass]) -> tuple[Criterion, ...]:
    """Criteria of all passes, each once, in a fixed order: parts of keys by label, then the others.

    Parameters
    ----------
    passes : sequence of passes
        Tables of pairs have none.

    Returns
    -------
    tuple of Criterion
    """
    found: list[Criterion] = []
    for number, one in enumerate(passes):
        if not isinstance(one, PairTable):
            found += [own for way in ways_of(number, one) for own in way]
            found += filter_criteria(one)
    distinct = list(dict.fromkeys(found))
    parts = [own for own in distinct if isinstance(own, KeyPart)]
    return (
        *sorted(parts, key=lambda part: part.label),
        *(own for own in distinct if not isinstance(own, KeyPart)),
    )


def selects(number: int, one: AnyPass, bits: Mapping[Criterion, Bools]) -> Bools:
    """Whether a pass finds pairs that meet criteria so.

    Parameters
    ----------
    number : int
        Number of the pass.
    one : pass
        The pass.
    bits : mapping of Criterion to bool array
        Arrays of one shape.

    Returns
    -------
    bool array
        Of that shape; False of a table of pairs, of which nothing follows.
    """
    shape = np.shape(next(iter(bits.values())))
    result = np.zeros(shape, bool)
    if isinstance(one, PairTable):
        return result
    for way in ways_of(number, one):
        result |= np.logical_and.reduce([np.ones(shape, bool), *(bits[own] for own in way)])
    for own in one.filters:
        result &= bits[NotApart(own)] if isinstance(own, Difference) else _reached(own, bits)
    return result


def _reached(one: Reachable, bits: Mapping[Criterion, Bools]) -> Bools:
    from tallystick.blocking.finders import reached

    return reached(one, [bits[NotDifferent(field)] for field in one.fields])
