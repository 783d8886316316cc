"""A source read as it is, every field as codes of its distinct values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick.errors import InputError
from tallystick.preparation.detect import SAMPLE_ROWS, Look, describe_values
from tallystick.preparation.encodings import wrongly_decoded
from tallystick.preparation.normalise import Normalise, normalise_column
from tallystick.preparation.profile.shapes import Shape, shape_counts
from tallystick.preparation.read import open_source
from tallystick.preparation.roles import written_beside
from tallystick.preparation.source import Source
from tallystick.preparation.steps.missing import MissingLabels
from tallystick.preparation.steps.step import Context

Codes = NDArray[np.int64]

_WITH_CASE = Normalise(casefold=False)


@dataclass(frozen=True)
class Column:
    """One field of a source.

    Attributes
    ----------
    name, column : str
        Of the field, and of the column that holds it.
    stored : str
        Type in which the source stores it.
    looks_like : str
        As of `tallystick.preparation.detect.ColumnDescription`.
    values : polars.Series
        Distinct values as a linkage reads them (case folded), dtype String, shape (n_distinct,).
    counts : int64 array, shape (n_distinct,)
        Records that have each.
    codes : int64 array, shape (n_records,)
        1 plus the place of a record's value among `values`; 0 is missing.
    n_empty : int
        Records without a value.
    labels : mapping of str to int
        Labels that mean missing (`MissingLabels`), and the records that have them; these are missing here.
    shapes : tuple of Shape
        Pattern classes, the most common first.
    lengths : int64 array, shape (n_lengths, 2)
        Numbers of characters, ascending, and the records that have them.
    broken : bool array, shape (n_distinct,)
        Values that seem to have been decoded by the wrong encoding.
    """

    name: str
    column: str
    stored: str
    looks_like: Look
    values: pl.Series
    counts: NDArray[np.int64]
    codes: Codes
    n_empty: int
    labels: Mapping[str, int]
    shapes: tuple[Shape, ...]
    lengths: NDArray[np.int64] = field(repr=False)
    broken: NDArray[np.bool_] = field(repr=False)

    @property
    def n_records(self) -> int:
        """Number of records."""
        return len(self.codes)

    @property
    def n_present(self) -> int:
        """Records that have a value."""
        return int(self.counts.sum())

    @property
    def chance_agreement(self) -> float | None:
        """Share of the pairs of records with a value that agree: an unbiased estimate of the u-probability.

        With n_v records of value v it is the sum of n_v (n_v - 1) over n (n - 1). The plain sum of squared
        relative frequencies counts each record as a pair with itself, too.
        None where fewer than two records have a value.
        """
        n = self.n_present
        return float((self.counts * (self.counts - 1)).sum()) / (n * (n - 1)) if n > 1 else None


def read_fields(source: Source) -> tuple[list[Column], tuple[str, ...]]:
    """Read every field of a source but its id and what it declares as truth.

    Parameters
    ----------
    source : Source

    Returns
    -------
    columns : list of Column
        In the order of the source; columns whose values have no form as text are left out.
    left_out : tuple of str
        Columns that are no fields but stand beside prepared ones (`written_beside`).

    Raises
    ------
    InputError
        If the source cannot be read, has no rows or no column to profile, or names a column twice.
    """
    opened = open_source(source)
    for column in source.columns.values():
        if column not in opened.columns:
            raise InputError(
                f"{source.shown}: there is no column {column!r}; correct the columns of the source."
            )
    names = [name for name in opened.columns if name not in (*source.truth, source.id)]
    if not names:
        raise InputError(
            f"{source.shown}: there is no column besides the id and the truth; give a file with fields."
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            f"{source.shown}: {names.count(twice)} columns are called {twice!r}; give them different names."
        )
    frame = opened.read(names, None)
    if frame.height == 0:
        raise InputError(f"{source.shown}: there are no rows besides the header; give a source with records.")
    beside = written_beside(frame, tuple(source.columns.values()))
    called = {column: name for name, column in source.columns.items()}
    columns = []
    for values in frame.drop(beside).get_columns():
        try:
            columns.append(code_column(values, called.get(values.name, values.name)))
        except InputError:
            continue
    if not columns:
        raise InputError(f"{source.shown}: no column has a form as text; convert the columns first.")
    return columns, beside


def code_column(stored: pl.Series, name: str | None = None) -> Column:
    """Take one column apart into distinct values and codes.

    Parameters
    ----------
    stored : polars.Series
        As it was read.
    name : str, optional
        Of the field, where it is not that of the column.

    Returns
    -------
    Column

    Raises
    ------
    InputError
        If its values have no form as text.

    Examples
    --------
    >>> column = code_column(pl.Series("sex", ["F", "f", "M", "", "unknown"]))
    >>> column.values.to_list(), column.counts.tolist(), column.codes.tolist()
    (['f', 'm'], [2, 1], [1, 1, 2, 0, 0])
    >>> column.n_empty, dict(column.labels)
    (1, {'unknown': 1})
    """
    text = normalise_column(stored, None, _WITH_CASE)[0].alias("text")
    raw = pl.DataFrame(text).group_by("text", maintain_order=True).len("n").drop_nulls("text")
    folded = normalise_column(raw["text"])[0]
    kept, by_label, _ = MissingLabels().change(folded, Context())
    n = raw["n"].to_numpy().astype(np.int64)
    labels = {
        rule.removeprefix('label "').removesuffix('"'): int(n[hit].sum()) for rule, hit in by_label.items()
    }
    found = raw.with_columns(value=kept).drop_nulls("value")
    # Before the case is folded: what the signs are would not be told from it.
    found = found.with_columns(broken=pl.Series(wrongly_decoded(found["text"])))
    distinct = found.group_by("value", maintain_order=True).agg(pl.col("n").sum(), pl.col("broken").any())
    numbered = distinct.select("value").with_row_index("code", offset=1)
    to_code = found.select("text", "value").join(numbered, on="value", how="left")
    codes = pl.DataFrame(text).join(to_code, on="text", how="left", maintain_order="left")["code"]
    lengths = (
        found.select(pl.col("text").str.len_chars().cast(pl.Int64), pl.col("n").cast(pl.Int64))
        .group_by("text")
        .agg(pl.col("n").sum())
        .sort("text")
    )
    own = np.asarray(codes.fill_null(0).to_numpy(), np.int64)
    return Column(
        name=name or stored.name,
        column=stored.name,
        stored=str(stored.dtype),
        looks_like=_look(distinct["value"], own),
        values=distinct["value"],
        counts=distinct["n"].to_numpy().astype(np.int64),
        codes=own,
        n_empty=text.null_count(),
        labels=dict(sorted(labels.items(), key=lambda one: (-one[1], one[0]))),
        shapes=shape_counts(found["text"], found["n"]),
        lengths=lengths.to_numpy().astype(np.int64).reshape(-1, 2),
        broken=distinct["broken"].to_numpy(),
    )


def _look(values: pl.Series, codes: Codes) -> Look:
    """What the column looks like, by records that are spread evenly over it."""
    step = max(1, len(codes) // SAMPLE_ROWS)
    some = codes[::step]
    places = pl.Series(some - 1).set(pl.Series(some == 0), None)
    return describe_values(values.gather(places)).looks_like
