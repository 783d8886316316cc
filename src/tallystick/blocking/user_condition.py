"""A user's own condition on pairs, in SQL: its fields, and the pairs for which it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from tallystick.errors import InputError
from tallystick.records.records import Records

Rows = NDArray[np.int32]

# A text in single quotes, a name in double quotes, or a field of a side: the first two hide the third.
_TOKEN = re.compile(r"""('(?:[^']|'')*')|(?<![\w."])([lr])\.(?:"([^"]+)"|(\w+))|("[^"]*")""", re.IGNORECASE)


# A field as polars tells of it: a column with a side in front.
_PLACED = re.compile(r"""(?:col\()?["']([lr]\.[^"']+)["']\)?""")


def _with_column_names(where: str) -> str:
    """The condition with the fields of the two sides as columns of one table: ``"l.name"``."""

    def column(match: re.Match[str]) -> str:
        if match[2] is None:
            return match[0]
        return f'"{match[2].lower()}.{match[3] or match[4]}"'

    return _TOKEN.sub(column, where)


def parsed(where: str) -> pl.Expr:
    """A condition as an expression of polars over the columns ``l.name`` and ``r.name``.

    Parameters
    ----------
    where : str
        The condition.

    Returns
    -------
    polars.Expr

    Raises
    ------
    ValueError
        Where it cannot be read, or names what is no field of either side, or only one side.
    """
    try:
        expression = pl.sql_expr(_with_column_names(where))
        names = expression.meta.root_names()
    except PolarsError as error:
        raise ValueError(f"the condition {where!r} cannot be read as SQL: {_unreadable(error)}") from None
    for name in names:
        if not name.startswith(("l.", "r.")):
            raise ValueError(
                f"the condition {where!r} names {name!r}, which is of neither record: write l.{name} or "
                f"r.{name}"
            )
    if {name[0] for name in names} != {"l", "r"}:
        raise ValueError(f"the condition {where!r} has to name fields of both records, as l.name and r.name")
    return expression


def _unreadable(error: PolarsError) -> str:
    """Why a condition cannot be read, with its fields as the user writes them."""
    said = str(error).partition("\n")[0]
    if said.startswith("unable to parse"):
        return "something is missing in it; check its brackets, quotes and operators"
    return _PLACED.sub(r"\1", said)


def fields_of_condition(where: str) -> tuple[str, ...]:
    """Fields that a condition reads, each once.

    Examples
    --------
    >>> fields_of_condition("l.name = r.name AND l.town <> 'l.of r.'")
    ('name', 'town')
    """
    return tuple(dict.fromkeys(name[2:] for name in parsed(where).meta.root_names()))


def _alternatives(expression: pl.Expr) -> list[pl.Expr]:
    """What stands between the ORs on top, so that each can be a join of its own."""
    tree = json.loads(expression.meta.serialize(format="json"))
    if "BinaryExpr" in tree and tree["BinaryExpr"]["op"] == "Or":
        return [found for one in expression.meta.pop() for found in _alternatives(one)]
    return [expression]


def pairs_where(
    records: Records, where: str, source_pairs: Iterable[tuple[int, int]], name: str | None = None
) -> tuple[Rows, Rows]:
    """Pairs for which a condition holds; within a source it may hold either way round.

    Each alternative (what OR joins) is a join of its own: polars takes equalities between the sides as the
    keys of a hash join, and asks the rest of the pairs that agree on them.

    Parameters
    ----------
    records : Records
        The records.
    where : str
        The condition.
    source_pairs : iterable of (int, int)
        Pairs of sources that are compared.
    name : str, optional
        Label of the pass, for messages.

    Returns
    -------
    left, right : int32 arrays, shape (n,)
        Global rows, left < right, each pair once.

    Raises
    ------
    InputError
        Where the condition cannot be worked out for some values; none of them is named.
    """
    expression = parsed(where)
    fields = fields_of_condition(where)
    found = [np.zeros(0, np.int64)]
    for s, t in source_pairs:
        sides = [_side(records, fields, one, side) for one, side in ((s, "l"), (t, "r"))]
        for alternative in _alternatives(expression):
            try:
                # Each side is asked only for rows that a null does not rule out by itself.
                pairs = sides[0].join_where(sides[1], alternative).select("l row", "r row").collect()
            except PolarsError as error:
                which = "The" if name is None or name == where else f"Pass {name}: the"
                raise InputError(f"{which} condition {where!r} {_unworkable(error, expression)}") from None
            a, b = pairs["l row"].to_numpy().astype(np.int64), pairs["r row"].to_numpy().astype(np.int64)
            if s == t:
                a, b = np.minimum(a, b)[a != b], np.maximum(a, b)[a != b]
            found.append(a * records.n_records + b)
    distinct = np.unique(np.concatenate(found))
    return (distinct // records.n_records).astype(np.int32), (distinct % records.n_records).astype(np.int32)


def _unworkable(error: PolarsError, expression: pl.Expr) -> str:
    """Why a condition cannot be worked out, in one sentence without a value of a record.

    What polars says has values in it, and expressions that nobody has written.
    """
    said = str(error)
    found = _PLACED.search(said)
    names = list(dict.fromkeys(expression.meta.root_names()))
    field = f"one of {', '.join(names)}" if found is None else found[1]
    if re.match(r"conversion from \S+ to `?date|casting from string to date|.*to parse dates", said):
        reason = (
            f"since {field} is text, of which not every value is a date: compare parts of it, as in "
            "SUBSTR(l.born, 1, 4) for the year"
        )
    elif said.startswith("conversion from"):
        reason = (
            f"since some values of {field} cannot be converted: write TRY_CAST in place of CAST, which makes "
            "these missing"
        )
    elif "must resolve to boolean" in said:
        reason = "since it is neither true nor false of a pair: compare something, as in l.name = r.name"
    elif said.startswith("regex"):
        reason = "since a regular expression in it cannot be read: check its brackets"
    else:
        reason = (
            f"since {field} is text, as all fields are, and is used as something else: convert it, as in "
            "TRY_CAST(l.age AS INT)"
        )
    return f"cannot be worked out, {reason}."


def _side(records: Records, fields: Iterable[str], source: int, side: str) -> pl.LazyFrame:
    rows = records.rows(source)
    columns = {}
    for field in fields:
        column = records.columns[field]
        columns[f"{side}.{field}"] = column.values[0].gather(column.codes[rows.start : rows.stop])
    columns[f"{side} row"] = pl.Series(np.arange(rows.start, rows.stop, dtype=np.int32))
    return pl.DataFrame(columns).lazy()
