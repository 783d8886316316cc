"""Dictionaries of names and their versions, and which values of a field are versions of one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tallystick._nicknames import NICKNAME_CULTURES, own_names_in, versions_in
from tallystick.errors import InputError
from tallystick.preparation.phonetic.letters import folded
from tallystick.preparation.read import ID_COLUMN, read_columns
from tallystick.preparation.source import Source

Names = Mapping[str, Sequence[str]]
"""Full forms with their versions."""


@dataclass(frozen=True)
class Versions:
    """For every distinct value of a field, those that agree with it as versions of one name.

    Attributes
    ----------
    starts : int64 array, shape (n_values + 2,)
        Value code v agrees with ``codes[starts[v]:starts[v + 1]]``, itself included; 0 (missing) with none.
    codes : int32 array
        Value codes, ascending for each value.
    """

    starts: NDArray[np.int64]
    codes: NDArray[np.int32]

    def explode(self, of: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """All values that agree with each of some values.

        Parameters
        ----------
        of : int32 array, shape (n,)
            Value codes.

        Returns
        -------
        position : int64 array
            Which of the n values each result belongs to, ascending.
        codes : int32 array
            The values that agree with it.
        """
        counts = self.starts[of + 1] - self.starts[of]
        position = np.repeat(np.arange(len(of)), counts)
        begin = np.cumsum(counts) - counts
        return position, self.codes[np.arange(len(position)) - begin[position] + self.starts[of][position]]

    def agree(self, left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether values agree, pair by pair."""
        size = np.int64(len(self.starts) - 1)
        value = np.repeat(np.arange(size), np.diff(self.starts))
        known = value * size + self.codes  # ascending, since both are
        wanted = left.astype(np.int64) * size + right
        at = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
        return known[at] == wanted if len(known) else np.zeros(len(wanted), bool)


def dictionary_of(names: Sequence[str] | str, where: str = "nicknames, ") -> dict[str, list[str]]:
    """Full forms with their versions, of several cultures or files together.

    Parameters
    ----------
    names : str or sequence of str
        Each a culture that has a dictionary (`tallystick._nicknames.NICKNAME_CULTURES`), or the path of a
        list of the user's own (see `read_nicknames`).
    where : str
        What messages begin with.

    Returns
    -------
    dict of str to list of str

    Raises
    ------
    InputError
        Where a file cannot be used.

    Examples
    --------
    >>> dictionary_of(["german", "spanish"])["Wolfgang"]
    ['Wolf', 'Wolfi', 'Wolle']
    """
    found: dict[str, list[str]] = {}
    for one in (names,) if isinstance(names, str) else names:
        own = versions_in(one) if is_culture(one) else read_nicknames(one, where)
        for name, versions in own.items():
            known = found.setdefault(name, [])
            known += [version for version in versions if version not in known]
    return found


@cache
def given_names() -> frozenset[str]:
    """Names given at birth, of all dictionaries of the package: small letters, with accents and without.

    Examples
    --------
    >>> {"danielle", "liam", "andré", "andre", "johny"} - given_names()
    {'johny'}
    """
    found = {name for one in NICKNAME_CULTURES for name in (*versions_in(one), *own_names_in(one))}
    return frozenset(name.casefold() for name in found) | {folded(name).casefold() for name in found}


def is_culture(name: str) -> bool:
    """Whether a name is that of a dictionary of the package, rather than the path of a file."""
    return name in NICKNAME_CULTURES


def known_pairs(names: Names) -> pl.DataFrame:
    """A dictionary as rows of a version and its full form, in small letters, with accents and without.

    Parameters
    ----------
    names : mapping of str to sequence of str
        Full forms with their versions.

    Returns
    -------
    polars.DataFrame
        Columns ``value`` and ``form``, each row once.

    Examples
    --------
    >>> known_pairs({"José": ["Pepe"]}).sort("form").rows()
    [('pepe', 'jose'), ('pepe', 'josé')]
    """
    pairs = {
        written
        for name, versions in names.items()
        for version in versions
        for written in (
            (version.casefold(), name.casefold()),
            (folded(version).casefold(), folded(name).casefold()),
        )
    }
    # A full form without its accents is what a version with them means, too.
    crossed = {(value, folded(form).casefold()) for value, form in pairs}
    crossed |= {(folded(value).casefold(), form) for value, form in pairs}
    return pl.DataFrame(
        sorted(pairs | crossed), schema={"value": pl.String, "form": pl.String}, orient="row"
    ).filter(pl.col("value") != pl.col("form"))


def versions_of(values: pl.Series, names: Names | None = None) -> Versions:
    """Find the values that are versions of one name.

    Two values agree where they share a full form. Every value is a full form of its own; a name may be a
    version of several. So agreement is no equivalence: "annie" agrees with "ann" and with "anna", which do
    not agree with each other.

    Parameters
    ----------
    values : polars.Series
        Distinct values behind a null, as `Column.values`.
    names : mapping of str to sequence of str, optional
        Full forms with their versions; by default English forenames. Case says nothing.

    Returns
    -------
    Versions

    Examples
    --------
    >>> found = versions_of(pl.Series([None, "ann", "anna", "annie"]))
    >>> found.explode(np.array([1, 2, 3], np.int32))[1].tolist()
    [1, 3, 2, 3, 1, 2, 3]
    """
    known = known_pairs(versions_in("english") if names is None else names)
    forms = forms_of(values, known)
    # Self-joins of forms that one value alone has would only find the value itself.
    agreeing = (
        forms.join(forms, on="form", suffix="_other")
        .select("code", "code_other")
        .unique()
        .sort("code", "code_other")
    )
    counts = np.bincount(agreeing["code"].to_numpy(), minlength=len(values))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Versions(starts, agreeing["code_other"].to_numpy().astype(np.int32))


def forms_of(values: pl.Series, known: pl.DataFrame) -> pl.DataFrame:
    """The full forms that every value may stand for, itself among them.

    Parameters
    ----------
    values : polars.Series
        Distinct values, null where missing.
    known : polars.DataFrame
        As of `known_pairs`.

    Returns
    -------
    polars.DataFrame
        Columns ``code`` (row of the value, Int32) and ``form``, each row once.
    """
    lower = pl.Series([None if value is None else value.casefold() for value in values], dtype=pl.String)
    frame = pl.DataFrame({"code": pl.int_range(len(values), dtype=pl.Int32, eager=True), "value": lower})
    frame = frame.drop_nulls()
    return pl.concat(
        [
            frame.select("code", form="value"),
            frame.join(known, on="value").select("code", "form"),
        ]
    ).unique()


def read_nicknames(path: str | Path, where: str = "nicknames, ") -> dict[str, list[str]]:
    """Read a user's list of names and their versions.

    Parameters
    ----------
    path : path
        A CSV or Parquet file with the columns ``name`` (the full form) and ``version``, a row a version.
    where : str
        What messages begin with.

    Returns
    -------
    dict of str to list of str

    Raises
    ------
    InputError
        Where the file or a column is absent, or a row lacks one of both.
    """
    try:
        frame = read_columns(Source(name="nicknames", path=Path(path)), ["name", "version"]).drop(ID_COLUMN)
    except InputError as error:
        said = str(error).removesuffix(".").replace(" of source 'nicknames'", "")
        raise InputError(
            f"{where}{said}; the list has the columns 'name' (a full form) and 'version' (one of its short "
            f"forms); those that come with the package are {', '.join(NICKNAME_CULTURES)}."
        ) from error
    frame = frame.select(pl.all().cast(pl.String).str.strip_chars().replace("", None))
    for column in frame:
        if column.null_count():
            row = int(column.is_null().arg_true()[0]) + 1
            raise InputError(
                f"{where}{path}: row {row} has no {column.name}: give every row a name and one of "
                "its versions, or take the row out."
            )
    versions: dict[str, list[str]] = {}
    for name, version in frame.iter_rows():
        versions.setdefault(name, []).append(version)
    return versions
