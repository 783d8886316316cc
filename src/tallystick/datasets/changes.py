"""What changes between the earlier and the later file: moves, marriages, phone numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tallystick.datasets.households import PARTNER, Truth, landlines, mobiles
from tallystick.datasets.names import Names
from tallystick.datasets.places import Places
from tallystick.datasets.rates import ErrorRates

_RANKS = 15
_FIRST_MOBILE = 7_000_000_000


def later(
    truth: Truth,
    total: int,
    *,
    places: Places,
    names: Names,
    rates: ErrorRates,
    seed: int,
    rng: np.random.Generator,
) -> Truth:
    """The same persons at the time of the later file.

    Parameters
    ----------
    truth : Truth
        Persons, household by household.
    total : int
        Number of persons of the whole population; a person who leaves founds a household with the
        person's own number plus this.
    places, names : Places, Names
        Where one can move, and what one can be called.
    rates : ErrorRates
        How often each change occurs.
    seed : int
        What streets and house numbers depend on.
    rng : numpy.random.Generator
        Where the changes are drawn from.

    Returns
    -------
    Truth
        The same persons in the same order.
    """
    count = len(truth.person)
    first, of_household = np.unique(truth.household, return_index=True, return_inverse=True)[1:]
    size = np.bincount(of_household)[of_household]
    home = rng.random(len(first)) < rates.moved_household
    leaves = (rng.random(count) < rates.moved_person) & truth.adult() & (size > 1)
    moves = home[of_household] | leaves

    # A household draws once, for its first member; a person who leaves, for himself.
    source = np.where(leaves, np.arange(count), first[of_household])
    town = places.town(truth.postcode)
    start, end = places.first_postcode[town], places.first_postcode[town + 1]
    near = rng.random(count) < 0.5
    start, end = np.where(near, start, 0), np.where(near, end, places.first_postcode[-1])
    there = start + (rng.random(count) * (end - start)).astype(np.int64)
    number = places.house_number(there, rng.integers(0, _RANKS, count), seed)
    line = landlines(rng, count)
    own = truth.phone >= _FIRST_MOBILE
    phone = np.where(moves & ~own, line[source], truth.phone)
    phone = np.where(rng.random(count) < rates.new_phone, mobiles(rng, count), phone)

    woman = ~truth.male & truth.adult() & ~truth.adult(46)
    marries = woman & (rng.random(count) < rates.married)
    heads = truth.surname[first][of_household]
    takes = (truth.role == PARTNER) & (truth.surname != heads)
    surname = np.where(takes, heads, names.surnames(rng, count))
    return replace(
        truth,
        household=np.where(leaves, truth.person + total, truth.household),
        surname=np.where(marries, surname, truth.surname),
        postcode=np.where(moves, there[source], truth.postcode),
        house=np.where(moves, number[source], truth.house),
        phone=phone,
    )
