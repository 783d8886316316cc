"""How many persons and records there are, and which block makes which of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.datasets.households import Population
from tallystick.datasets.places import PERSONS_PER_POSTCODE, Places
from tallystick.datasets.rates import ErrorRates
from tallystick.errors import InputError

# Persons of a block. Fixed, since what is generated depends on it.
BLOCK = 1 << 16

# The stream of random numbers from which the plan is drawn; `blocks` has the others.
_PLAN = 0


@dataclass(frozen=True)
class Plan:
    """What blocks have to know of the whole."""

    seed: int
    persons: int
    sizes: tuple[int, ...]
    # Records of a person in each file, by kind of person; persons of each kind, by block.
    copies: NDArray[np.int64]
    members: NDArray[np.int64]
    first_postcode: NDArray[np.int64]
    # Numbers of the records of each file in the order in which they are made.
    record_numbers: tuple[NDArray[np.int64], ...]
    places: Places
    rates: ErrorRates
    population: Population
    email: bool
    threads: int | None

    def rng(self, *stream: int) -> np.random.Generator:
        """The random numbers of one stream."""
        return _stream(self.seed, *stream)


def _stream(seed: int, *stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=stream)))


def plan_persons(
    n: int,
    n_right: int | None,
    overlap: float | None,
    duplicates: Sequence[float] | None,
    seed: int,
    rates: ErrorRates | None,
    population: Population | None,
    email: bool,
    threads: int | None,
) -> Plan:
    """Settle how many persons there are of each kind, and which block makes how many of them."""
    if n < 1:
        raise InputError(f"persons: n is {n}; ask for at least one record.")
    if seed < 0:
        raise InputError(f"persons: seed is {seed}; give a number of at least 0.")
    if duplicates is None:
        copies, kinds = _kinds_linked(n, n if n_right is None else n_right, overlap)
    elif n_right is not None or overlap is not None:
        raise InputError("persons: duplicates makes one file; leave out n_right and overlap.")
    else:
        copies, kinds = _kinds_duplicated(n, duplicates)
    total = int(kinds.sum())
    count = -(-total // BLOCK)
    sizes = np.diff(np.append(np.arange(count) * BLOCK, total))
    rng = _stream(seed, _PLAN)
    members, left = [], kinds
    for size in sizes:
        members.append(rng.multivariate_hypergeometric(left, int(size), method="marginals"))
        left = left - members[-1]
    first = np.concatenate([[0], np.cumsum(np.maximum(1, np.round(sizes / PERSONS_PER_POSTCODE)))])
    records_of = kinds @ copies
    return Plan(
        seed=seed,
        persons=total,
        sizes=tuple(int(size) for size in records_of),
        copies=copies,
        members=np.array(members),
        first_postcode=first.astype(np.int64),
        record_numbers=tuple(rng.permutation(int(size)) for size in records_of),
        places=Places.of(int(first[-1]), rng),
        rates=rates or ErrorRates(),
        population=population or Population(),
        email=email,
        threads=threads,
    )


def _kinds_linked(n: int, n_right: int, overlap: float | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Records left and right of each kind of person (both, left, right), and how many persons are of it."""
    share = 0.9 if overlap is None else overlap
    both = share if isinstance(share, int) else round(share * min(n, n_right))
    if n_right < 1 or not 0 <= both <= min(n, n_right):
        raise InputError(
            f"persons: files of {n} and {n_right} records cannot have {share} in common; give n_right of at "
            "least 1 and overlap as a number of persons or, as a float, a share of the smaller file."
        )
    return np.array([[1, 1], [1, 0], [0, 1]]), np.array([both, n - both, n_right - both])


def _kinds_duplicated(n: int, duplicates: Sequence[float]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Records of each kind of person (by their number), and how many persons are of it."""
    shares = np.asarray(duplicates, np.float64)
    if shares.ndim != 1 or not shares.size or not (shares >= 0).all() or not np.isclose(shares.sum(), 1.0):
        raise InputError(
            f"persons: duplicates is {duplicates!r}; give the probabilities of 1, 2, 3, .. records a person, "
            "which sum to 1."
        )
    copies = np.arange(1, len(shares) + 1)
    kinds = np.floor(n / (shares @ copies) * shares + 1e-9).astype(np.int64)
    # What rounding left over goes to persons with as many records as fit; the last may have fewer.
    rest = n - int(kinds @ copies)
    while rest:
        most = min(int(np.flatnonzero(shares)[-1]) + 1, rest)
        kinds[most - 1] += 1
        rest -= most
    return copies[:, None], kinds
