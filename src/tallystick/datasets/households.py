"""A block of households as they truly are."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from tallystick.datasets.names import Names
from tallystick.datasets.places import Places
from tallystick.datasets.vocabulary import Ints
from tallystick.errors import InputError

# Days count from here; no date of birth, nor any error in one, lies outside these years.
FIRST_DAY, LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2030-12-31")
# The day of the earlier file.
_TODAY = int((np.datetime64("2025-04-06") - FIRST_DAY).astype(int))
_YEAR = 365.25

HEAD, PARTNER, CHILD, LODGER, GRANDPARENT, NOBODY = range(6)
_LETTERS = {"H": HEAD, "P": PARTNER, "C": CHILD, "L": LODGER, "G": GRANDPARENT}
# Kinds of household and their shares, roughly those of England; children stand from the oldest down.
_KINDS = {
    "H": 0.30,
    "HP": 0.265,
    "HPC": 0.10,
    "HPCC": 0.12,
    "HPCCC": 0.04,
    "HPCCCC": 0.01,
    "HC": 0.045,
    "HCC": 0.03,
    "HCCC": 0.01,
    "HL": 0.02,
    "HLL": 0.012,
    "HLLL": 0.006,
    "HPL": 0.01,
    "HG": 0.01,
    "HPG": 0.006,
    "HPCG": 0.008,
    "HPCCG": 0.008,
}
_SIZE = max(map(len, _KINDS))
_ROLES = np.array([[_LETTERS[x] for x in kind] + [NOBODY] * (_SIZE - len(kind)) for kind in _KINDS])
_SHARES = np.cumsum(list(_KINDS.values())) / sum(_KINDS.values())
# Ages of heads of households without children: quantiles 0, 1/8, .. 1, of those alone and of all others.
_AGES_ALONE = (19, 29, 37, 46, 55, 63, 71, 80, 98)
_AGES_COUPLE = (20, 29, 36, 46, 55, 61, 67, 74, 94)
_OLDEST = 104


@dataclass(frozen=True)
class Population:
    """What the population is like, apart from errors.

    Parameters
    ----------
    twins : float
        Share of children with an older brother or sister who are born on the same day as that one.
    namesakes : float
        Share of households with children whose oldest child has forename, surname and sex of a parent.
    partner_keeps_name : float
        Share of partners with a surname of their own.
    first_of_month : float
        Share of births recorded on the first of the month instead of their day, besides those of chance.
    mobile : float
        Share of persons of 16 and over with a phone number of their own; all others have the household's.
    email_of_name : float
        Share of e-mail addresses that are made of the person's name.

    Raises
    ------
    InputError
        If a share is not between 0 and 1.
    """

    twins: float = 0.03
    namesakes: float = 0.05
    partner_keeps_name: float = 0.2
    first_of_month: float = 0.015
    mobile: float = 0.75
    email_of_name: float = 0.7

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= 1.0:
                raise InputError(f"Population: {field.name} is {value}; give a share between 0 and 1.")


@dataclass(frozen=True)
class Truth:
    """Persons as they are at one time; one entry a person in each array.

    Parameters
    ----------
    person, household : ndarray of int64
        Numbers; a household has the number of its first member.
    role : ndarray of int8
        Place in the household.
    male : ndarray of bool
        Sex.
    forename, surname : ndarray of int32
        Codes into the names.
    born : ndarray of int32
        Days since the beginning of 1900.
    postcode, house : ndarray of int64
        Number of the postcode in the country, number of the house in the street.
    phone : ndarray of int64
        The number without its leading 0.
    """

    person: NDArray[np.int64]
    household: NDArray[np.int64]
    role: NDArray[np.int8]
    male: NDArray[np.bool_]
    forename: NDArray[np.int32]
    surname: NDArray[np.int32]
    born: NDArray[np.int32]
    postcode: NDArray[np.int64]
    house: NDArray[np.int64]
    phone: NDArray[np.int64]

    def take(self, rows: Ints) -> Truth:
        """These persons alone, in this order."""
        return replace(self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def changed(self, where: NDArray[np.bool_], other: Truth) -> Truth:
        """These persons, but as `other` has them where `where` is true."""
        mixed = {
            field.name: np.where(where, getattr(other, field.name), getattr(self, field.name))
            for field in fields(self)
        }
        return replace(self, **mixed)

    def adult(self, years: int = 18) -> NDArray[np.bool_]:
        """Who is at least so old."""
        return np.asarray(_TODAY - self.born >= years * _YEAR)


def households(
    first_person: int,
    persons: int,
    first_postcode: int,
    postcodes: int,
    *,
    places: Places,
    names: Names,
    population: Population,
    seed: int,
    rng: np.random.Generator,
) -> Truth:
    """Households of so many persons in all, spread over a range of postcodes.

    Parameters
    ----------
    first_person, persons : int
        The numbers of the persons.
    first_postcode, postcodes : int
        The postcodes to fill.
    places, names, population
        The country, its names and its customs.
    seed : int
        What streets and house numbers depend on, beside the postcode.
    rng : numpy.random.Generator
        Where all else is drawn from.

    Returns
    -------
    Truth
        Persons, household by household.
    """
    # Enough households: every one has at least one person. The last is cut to size.
    kind = np.searchsorted(_SHARES, rng.random(persons), side="right")
    role = _ROLES[kind]
    sizes = np.cumsum((role != NOBODY).sum(axis=1))
    count = int(np.searchsorted(sizes, persons)) + 1
    role = role[:count]
    surplus = int(sizes[count - 1]) - persons
    if surplus:
        size = int((role[-1] != NOBODY).sum())
        role[-1, size - surplus :] = NOBODY

    male = _sexes(role, rng)
    namesake = (role == CHILD).any(axis=1) & (rng.random(count) < population.namesakes)
    eldest = (np.flatnonzero(namesake), (role[namesake] == CHILD).argmax(axis=1))
    male[eldest] = male[namesake, 0]
    forename = _forenames(role, male, names, rng)
    forename[eldest] = forename[namesake, 0]
    surname = _surnames(role, names, population, rng)
    born = _dates_of_birth(role, population, rng)
    local, rank = _postcodes_of(count, postcodes, rng)
    postcode = first_postcode + local
    house = places.house_number(postcode, rank, seed)
    own_phone = (rng.random(role.shape) < population.mobile) & (_TODAY - born >= 16 * _YEAR)
    phone = np.where(own_phone, mobiles(rng, role.shape), landlines(rng, count)[:, None])

    there = role != NOBODY
    size = there.sum(axis=1)
    start = first_person + np.cumsum(size) - size
    return Truth(
        person=first_person + np.arange(persons),
        household=np.repeat(start, size),
        role=role[there].astype(np.int8),
        male=male[there],
        forename=forename[there],
        surname=surname[there],
        born=born[there].astype(np.int32),
        postcode=np.repeat(postcode, size),
        house=np.repeat(house, size),
        phone=phone[there],
    )


def landlines(rng: np.random.Generator, size: int) -> NDArray[np.int64]:
    """Numbers of telephones at home."""
    return rng.integers(1_100_000_000, 2_000_000_000, size)


def mobiles(rng: np.random.Generator, size: int | tuple[int, ...]) -> NDArray[np.int64]:
    """Numbers of telephones in the pocket."""
    return rng.integers(7_100_000_000, 8_000_000_000, size)


def _sexes(role: Ints, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Even for children and lodgers; most couples are a man and a woman, most lone parents women."""
    male = rng.random(role.shape) < 0.5
    couple = role[:, 1] == PARTNER
    male[:, 0] = rng.random(len(role)) < np.where(couple, 0.6, np.where(role[:, 1] == CHILD, 0.15, 0.47))
    male[:, 1] = np.where(couple, male[:, 0] ^ (rng.random(len(role)) < 0.98), male[:, 1])
    return male


def _forenames(
    role: Ints, male: NDArray[np.bool_], names: Names, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Forenames after the sex, no two the same in one household."""
    codes = np.zeros(role.shape, np.int32)
    man, woman = male & (role != NOBODY), ~male & (role != NOBODY)
    codes[man] = names.male(rng, int(man.sum()))
    codes[woman] = names.female(rng, int(woman.sum()))
    for place in range(1, _SIZE):
        clash = np.arange(len(role))
        while True:
            same = (codes[clash, :place] == codes[clash, place, None]).any(axis=1)
            clash = clash[same & (role[clash, place] != NOBODY)]
            if len(clash) == 0:
                break
            size = len(clash)
            codes[clash, place] = np.where(male[clash, place], names.male(rng, size), names.female(rng, size))
    return codes


def _surnames(
    role: Ints, names: Names, population: Population, rng: np.random.Generator
) -> NDArray[np.int32]:
    """The head's surname, and own ones of lodgers, some partners and every other grandparent."""
    codes = np.repeat(names.surnames(rng, len(role))[:, None], _SIZE, axis=1)
    chance = np.zeros(NOBODY + 1)
    chance[[LODGER, GRANDPARENT, PARTNER]] = 1.0, 0.5, population.partner_keeps_name
    own = rng.random(role.shape) < chance[role]
    codes[own] = names.surnames(rng, int(own.sum()))
    return codes


def _dates_of_birth(role: Ints, population: Population, rng: np.random.Generator) -> NDArray[np.int64]:
    """Days of birth such that parents are 19 to 38 years older than their first child."""
    count = len(role)
    child = role == CHILD
    # From one child to the next older: none for twins, else one to five years.
    gap = np.where(rng.random(role.shape) < population.twins, 0.0, rng.triangular(1.0, 2.4, 5.0, role.shape))
    younger = np.zeros(role.shape)
    for place in range(_SIZE - 2, 0, -1):
        younger[:, place] = younger[:, place + 1] + np.where(child[:, place + 1], gap[:, place + 1], 0.0)
    children = rng.random(count)[:, None] * 18.0 + younger
    oldest = np.where(child, children, 0.0).max(axis=1)

    quantile = rng.random(count) * 8
    alone = np.interp(quantile, np.arange(9), _AGES_ALONE)
    couple = np.interp(quantile, np.arange(9), _AGES_COUPLE)
    head = np.where(role[:, 1] == NOBODY, alone, couple)
    head = np.where(child.any(axis=1), oldest + 19.0 + 19.0 * rng.beta(2.0, 2.0, count), head)
    head = np.where((role == GRANDPARENT).any(axis=1), np.minimum(head, 68.0), head)[:, None]
    age = np.choose(
        role,
        [
            np.broadcast_to(head, role.shape),
            np.maximum(head + rng.normal(-1.0, 4.0, role.shape), 18.0),
            children,
            18.0 + 30.0 * rng.beta(1.2, 3.0, role.shape),
            head + 20.0 + 15.0 * rng.random(role.shape),
            np.zeros(role.shape),
        ],
    )
    born = _TODAY - np.round(np.minimum(age, _OLDEST) * _YEAR).astype(np.int64)
    born = np.where(rng.random(role.shape) < population.first_of_month, _month_start(born), born)
    for place in range(1, _SIZE):
        twin = child[:, place] & child[:, place - 1] & (gap[:, place] == 0.0)
        born[twin, place] = born[twin, place - 1]
    return np.asarray(born)


def _month_start(days: NDArray[np.int64]) -> NDArray[np.int64]:
    months = (FIRST_DAY + days).astype("datetime64[M]")
    return np.asarray((months.astype("datetime64[D]") - FIRST_DAY).astype(np.int64))


def _postcodes_of(
    count: int, postcodes: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Postcode of each household, in order, and its rank within that postcode."""
    weights = np.cumsum(rng.uniform(15.0, 40.0, postcodes))
    local = np.searchsorted(weights / weights[-1], (np.arange(count) + 0.5) / count)
    first = np.searchsorted(local, np.arange(postcodes))
    return local, np.arange(count) - first[local]
