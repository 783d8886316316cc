"""Files of generated persons with known truth."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import overload

import numpy as np
import polars as pl

from tallystick._files import complete_file
from tallystick.datasets.blocks import blocks, record_ids
from tallystick.datasets.households import Population
from tallystick.datasets.plan import BLOCK, Plan, plan_persons
from tallystick.datasets.rates import ErrorRates
from tallystick.errors import InputError


@dataclass(frozen=True)
class PersonFiles:
    """Two files of persons.

    Parameters
    ----------
    left, right : polars.DataFrame
        The earlier and the later file, with columns record_id, person_id, household_id, forename,
        surname, sex, date_of_birth, house_number, street, town, postcode, phone (and email), all text.
        Two records are of the same person where their person_id is the same.
    """

    left: pl.DataFrame
    right: pl.DataFrame


@dataclass(frozen=True)
class PersonTable:
    """One file of persons, some in it more than once.

    Parameters
    ----------
    table : polars.DataFrame
        The columns of `PersonFiles`.
    """

    table: pl.DataFrame


@overload
def persons(
    n: int,
    n_right: int | None = ...,
    *,
    overlap: float | None = ...,
    duplicates: None = ...,
    seed: int = ...,
    rates: ErrorRates | None = ...,
    population: Population | None = ...,
    email: bool = ...,
    threads: int | None = ...,
) -> PersonFiles: ...
@overload
def persons(
    n: int,
    *,
    duplicates: Sequence[float],
    seed: int = ...,
    rates: ErrorRates | None = ...,
    population: Population | None = ...,
    email: bool = ...,
    threads: int | None = ...,
) -> PersonTable: ...
def persons(
    n: int,
    n_right: int | None = None,
    *,
    overlap: float | None = None,
    duplicates: Sequence[float] | None = None,
    seed: int = 1,
    rates: ErrorRates | None = None,
    population: Population | None = None,
    email: bool = False,
    threads: int | None = None,
) -> PersonFiles | PersonTable:
    """Generate files of realistic persons with known truth.

    Needs the extra ``datasets``, which brings the frequencies of names.

    Parameters
    ----------
    n : int
        Number of records of the left file, or of the one file with `duplicates`.
    n_right : int, optional
        Number of records of the right file; by default n.
    overlap : int or float, optional
        Persons who are in both files: their number, or (a float) the share of the smaller file that they
        are. By default 0.9.
    duplicates : sequence of float, optional
        Instead of two files make one, in which persons have 1, 2, 3, .. records with these
        probabilities. A person's first record is from before the changes, all others from after.
    seed : int
        The same seed gives the same files, whatever the number of threads.
    rates : ErrorRates, optional
        How often each error occurs; by default as between CIS and PRD.
    population : Population, optional
        Twins, namesakes and the like.
    email : bool
        Add e-mail addresses, most of them made of the name.
    threads : int, optional
        Number of threads; by default that of the processors.

    Returns
    -------
    PersonFiles or PersonTable
        The files, in the order of record_id, which tells nothing.

    Raises
    ------
    InputError
        If sizes and overlap do not fit, or the package with the frequencies of names is not installed.

    Examples
    --------
    >>> from tallystick.datasets import ErrorRates, persons
    >>> files = persons(1000, 800, overlap=0.5, seed=1)
    >>> files.left.shape, files.right.shape
    ((1000, 12), (800, 12))
    >>> files.left.join(files.right, on="person_id").height
    400
    >>> faultless = persons(1000, duplicates=(0.7, 0.2, 0.1), rates=ErrorRates().scaled(0)).table
    >>> faultless.null_count().sum_horizontal().item()
    0
    """
    plan = plan_persons(n, n_right, overlap, duplicates, seed, rates, population, email, threads)
    made = list(blocks(plan))
    frames = []
    for side, size in enumerate(plan.sizes):
        order = np.empty(size, np.int64)
        order[plan.record_numbers[side]] = np.arange(size)
        frames.append(pl.concat([block[side] for block in made])[order])
    return _result(frames)


def person_blocks(
    n: int,
    n_right: int | None = None,
    *,
    overlap: float | None = None,
    duplicates: Sequence[float] | None = None,
    seed: int = 1,
    rates: ErrorRates | None = None,
    population: Population | None = None,
    email: bool = False,
    threads: int | None = None,
) -> Iterator[PersonFiles | PersonTable]:
    """The records of `persons`, some 65,000 persons at a time, for files larger than memory.

    Parameters
    ----------
    n, n_right, overlap, duplicates, seed, rates, population, email, threads
        As for `persons`.

    Yields
    ------
    PersonFiles or PersonTable
        The records of some households, in random order; together the same as those of `persons`.

    Raises
    ------
    InputError
        As for `persons`.

    Examples
    --------
    >>> from tallystick.datasets import person_blocks
    >>> [block.left.height for block in person_blocks(100_000, 50_000, overlap=0, seed=1)]
    [43747, 43682, 12571]
    """
    plan = plan_persons(n, n_right, overlap, duplicates, seed, rates, population, email, threads)
    for block in blocks(plan):
        yield _result(block)


def persons_to(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    n: int,
    n_right: int | None = None,
    *,
    overlap: float | None = None,
    duplicates: Sequence[float] | None = None,
    seed: int = 1,
    rates: ErrorRates | None = None,
    population: Population | None = None,
    email: bool = False,
    threads: int | None = None,
) -> None:
    """Write the records of `persons` to Parquet files, in little memory.

    The parts of a file lie beside it until it is complete.

    Parameters
    ----------
    paths : path or sequence of two paths
        The left and the right file; a single path with `duplicates`.
    n, n_right, overlap, duplicates, seed, rates, population, email, threads
        As for `persons`.

    Raises
    ------
    InputError
        As for `persons`, or if the number of paths is not that of files.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import polars as pl
    >>> from tallystick.datasets import persons_to
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     persons_to(Path(folder, "persons.parquet"), 1000, duplicates=(0.8, 0.2), seed=1)
    ...     pl.read_parquet(Path(folder, "persons.parquet")).shape
    (1000, 12)
    """
    plan = plan_persons(n, n_right, overlap, duplicates, seed, rates, population, email, threads)
    targets = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    if len(targets) != len(plan.sizes):
        raise InputError(
            f"persons_to: {len(targets)} paths for {len(plan.sizes)} files; give one path with duplicates, "
            "two without."
        )
    with ExitStack() as folders:
        parts = [
            Path(folders.enter_context(TemporaryDirectory(prefix=".tallystick-", dir=target.parent)))
            for target in targets
        ]
        for number, block in enumerate(blocks(plan)):
            for folder, frame in zip(parts, block, strict=True):
                frame.sort("record_id").write_parquet(folder / f"{number:06}.parquet")
        for side, target in enumerate(targets):
            _write_in_order(parts[side], target, plan, side)


def _write_in_order(parts: Path, target: Path, plan: Plan, side: int) -> None:
    """Join the parts of a file, about as many records at a time as a dozen blocks have."""
    made = pl.scan_parquet(parts / "*.parquet")
    ordered = parts / "sorted"
    ordered.mkdir()
    edges = np.linspace(0, plan.sizes[side], 1 + -(-plan.persons // (12 * BLOCK))).astype(np.int64)
    ids = record_ids(plan, side, edges)
    for number, (first, end) in enumerate(pairwise(ids)):
        there = pl.col("record_id").is_between(pl.lit(first), pl.lit(end), closed="left")
        some = made.filter(there).collect().sort("record_id")
        some.write_parquet(ordered / f"{number:06}.parquet")
    with complete_file(target) as file:
        pl.scan_parquet(ordered / "*.parquet").sink_parquet(file)


def _result(frames: Sequence[pl.DataFrame]) -> PersonFiles | PersonTable:
    return PersonFiles(*frames) if len(frames) == 2 else PersonTable(*frames)
