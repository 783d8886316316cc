"""From the passes of a specification and the records to finders, filters and criteria in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._parallel import run_units
from tallystick.blocking.criteria import Criterion, FoundBy, NotApart, NotDifferent, criteria_of
from tallystick.blocking.filters import AnyFilter, Difference
from tallystick.blocking.finders import (
    Alike,
    Asked,
    Filtered,
    Finder,
    Listed,
    Near,
    OneKey,
    Reaches,
    SharedKeys,
    Windows,
)
from tallystick.blocking.indexes import Canopy, MinHash, PairCondition, QgramIndex, SortedNeighbourhood
from tallystick.blocking.keys import combine_codes, part_codes, transformed_values
from tallystick.blocking.many_keys import any_of, items, product, within
from tallystick.blocking.passes import AnyPass, BlockingKey, KeyPart
from tallystick.blocking.sort_keys import ranked, runs, texts_of
from tallystick.blocking.text_keys import index_of
from tallystick.blocking.user_condition import pairs_where
from tallystick.errors import InputError
from tallystick.preparation.phonetic.codes import SEPARATOR
from tallystick.records.records import Records

Codes = NDArray[np.int32]
Rows = tuple[Codes, Codes]
PartCodes = Mapping[KeyPart, Codes | SharedKeys]


@dataclass(frozen=True)
class Ready:
    """A pass over the records.

    Attributes
    ----------
    finder : Finder
        How it finds pairs, its filters included.
    ways : tuple of Asked
        Of an index what each of its ways finds, as `FoundBy` has it; empty of other passes.
    """

    finder: Finder
    ways: tuple[Asked, ...] = ()


def ready_parts(records: Records, parts: Sequence[KeyPart], threads: int | None) -> PartCodes:
    """Codes of parts of keys, or the several keys of those that are lists.

    Parameters
    ----------
    records : Records
    parts : sequence of KeyPart
    threads : int, optional
        Number of parts worked out at a time.

    Returns
    -------
    dict of KeyPart to int32 array or SharedKeys
    """
    return dict(zip(parts, run_units(partial(_ready_part, records), parts, threads), strict=True))


def _ready_part(records: Records, part: KeyPart) -> Codes | SharedKeys:
    if not part.several:
        return part_codes(records, part)
    column = records.columns[part.field]
    if part.transform == "each":
        return items(column.codes, column.values[0], part.separator or "")
    return items(column.codes, transformed_values(records, part), SEPARATOR)


def ready_pass(
    records: Records,
    one: AnyPass,
    parts: PartCodes,
    source_pairs: Sequence[tuple[int, int]],
    listed: Rows | None,
    seed: int,
) -> Ready:
    """Work out a pass over the records.

    Parameters
    ----------
    records : Records
    one : pass
        As in the specification.
    parts : mapping of KeyPart
        What `ready_parts` gives, for the parts of exact keys.
    source_pairs : sequence of (int, int)
        Pairs of sources that are compared.
    listed : (left, right), optional
        Pairs of a table.
    seed : int
        Where random numbers start.

    Returns
    -------
    Ready
    """
    filters = tuple(ready_filter(records, own, one.label) for own in one.filters)
    finder, ways = _finder(records, one, parts, source_pairs, listed, seed)
    return Ready(Filtered(finder, filters) if filters else finder, ways)


def _finder(
    records: Records,
    one: AnyPass,
    parts: PartCodes,
    source_pairs: Sequence[tuple[int, int]],
    listed: Rows | None,
    seed: int,
) -> tuple[Finder, tuple[Asked, ...]]:
    if isinstance(one, BlockingKey):
        own = [parts[part] for part in one.parts]
        codes = [part for part in own if not isinstance(part, SharedKeys)]
        several = [part for part in own if isinstance(part, SharedKeys)]
        together = combine_codes(codes) if codes else None
        if not several:
            assert together is not None
            return OneKey(together), ()
        return product(several, together), ()
    if isinstance(one, SortedNeighbourhood):
        return _sorted(records, one)
    if isinstance(one, (Canopy, QgramIndex, MinHash)):
        index = index_of(records, one, seed)
        if not one.within:
            return index, (index,)
        return within(index, combine_codes([_codes(parts[part]) for part in one.within])), (index,)
    if isinstance(one, PairCondition):
        found = Listed(*pairs_where(records, one.where, source_pairs, one.label), records.n_records)
        return found, (found,)
    if listed is not None:
        return Listed(*listed, records.n_records), ()
    return OneKey(np.ones(records.n_records, np.int32)), ()  # all pairs are those of one block


def _codes(one: Codes | SharedKeys) -> Codes:
    assert not isinstance(one, SharedKeys)  # lists are refused there
    return one


def _sorted(records: Records, one: SortedNeighbourhood) -> tuple[Finder, tuple[Asked, ...]]:
    if one.window is not None:
        columns = [ranked([part_codes(records, part) for part in key]) for key in one.sort_keys]
        windows = Windows(np.stack(columns), one.window)
        return windows, tuple(windows.column(number) for number in range(len(columns)))
    columns = [runs(*texts_of(records, key), one.similarity or 1.0) for key in one.sort_keys]
    ways = tuple(OneKey(column) for column in columns)
    return (ways[0] if len(ways) == 1 else any_of(columns)), ways


def ready_filter(records: Records, one: AnyFilter, name: str = "") -> Asked:
    """Work out a filter over the records.

    Parameters
    ----------
    records : Records
    one : filter
        As in the specification.
    name : str
        Label of its pass, for messages.

    Returns
    -------
    Asked

    Raises
    ------
    InputError
        Where no value of a field is a number, or a date.
    """
    if isinstance(one, Difference):
        column = records.columns[one.field]
        numbers = _numbers(column.values[0], one)
        if column.n_values and not np.isfinite(numbers).any():
            kind = "a number" if one.part == "number" else "a date written as 1985-03-07"
            raise InputError(
                f"Pass {name}, filter difference: no value of field {one.field!r} is {kind}; choose another "
                "part, or take the filter out."
            )
        return Near(numbers[column.codes], one.most)
    return Reaches(tuple(Alike(records.columns[field].codes) for field in one.fields), one)


def _numbers(values: pl.Series, one: Difference) -> NDArray[np.float64]:
    """Numbers of distinct values; NaN where a value is none."""
    text = pl.col("value")
    if one.part == "year":
        number = text.str.extract(r"^(\d{4})(?:\D|$)", 1).cast(pl.Float64, strict=False)
    elif one.part == "days":
        number = text.str.to_date("%Y-%m-%d", strict=False).to_physical().cast(pl.Float64)
    else:
        number = text.str.strip_chars().cast(pl.Float64, strict=False)
    found = pl.DataFrame({"value": values}).select(number.fill_null(float("nan"))).to_series().to_numpy()
    return np.where(np.isfinite(found), found, np.nan)


def ready_criteria(
    records: Records, passes: Sequence[AnyPass], parts: PartCodes, ready: Sequence[Ready]
) -> dict[Criterion, Codes | Asked]:
    """What each criterion of the passes asks, in the order of the digits.

    Parameters
    ----------
    records : Records
    passes : sequence of passes
    parts : mapping of KeyPart
        What `ready_parts` gives.
    ready : sequence of Ready
        What `ready_pass` gives for each pass.

    Returns
    -------
    dict of Criterion to int32 array or Asked
        An array of codes asks whether these are equal.
    """
    found: dict[Criterion, Codes | Asked] = {}
    for own in criteria_of(passes):
        if isinstance(own, FoundBy):
            found[own] = ready[own.number].ways[own.way]
        elif isinstance(own, NotApart):
            found[own] = ready_filter(records, own.filter)
        elif isinstance(own, NotDifferent):
            found[own] = Alike(records.columns[own.field].codes)
        else:
            found[own] = parts[own]
    return found
