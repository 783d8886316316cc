"""Comparator of places: the distance between two points on the earth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import field_validator

from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.numbers import ascending_limits, count_unreadable, limit_labels, read_numbers

EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth, R1 of the GRS 80 ellipsoid (Moritz 2000, Geodetic Reference System 1980)."""

# Points at most a millimetre apart are the same: what is left is rounding.
_SAME_PLACE_KM = 1e-6


@dataclass(frozen=True)
class PlaceMeasure:
    """Levels by the great-circle distance of two places.

    Attributes
    ----------
    left, right : float64 arrays, shape (n_values + 1, 3)
        The places as points of the unit sphere; NaN where a place is missing or cannot be read.
    limits : float64 array, shape (n_levels - 1,)
        Squared chords of the largest distance of each level from full agreement down, ascending.
    unreadable : int
        Number of values that are no pair of coordinates.
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]
    limits: NDArray[np.float64]
    unreadable: int

    @property
    def n_levels(self) -> int:
        """Number of levels, the missing one not counted."""
        return len(self.limits) + 1

    def levels(self, a: NDArray[np.int32], b: NDArray[np.int32], out: NDArray[np.uint8]) -> None:
        """Write the level of every pair of codes to `out`; arrays of shape (n,)."""
        from tallystick.comparisons.kernels_values import place_levels

        place_levels(self.left, self.right, self.limits, a, b, out)

    def similarities(self, a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
        """Distance of every pair in kilometres; NaN where missing."""
        squares: NDArray[np.float64] = (self.left[a] - self.right[b]) ** 2
        chord: NDArray[np.float64] = np.sqrt(squares.sum(axis=1))
        return 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(chord / 2, 1))


class Distance(Comparator):
    """Levels by the distance between two places (see `distance_km`)."""

    arity: ClassVar[int | None] = 2

    type: Literal["distance_km"] = "distance_km"
    max_km: tuple[float, ...]

    @field_validator("max_km")
    @classmethod
    def _check(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        return ascending_limits(value, "distance")

    def labels(self) -> tuple[str, ...]:
        """What each level means, from disagreement (level 0) up."""
        return limit_labels([f"{limit:g} km" for limit in self.max_km], "same place")

    def prepare(self, left: tuple[pl.Series, ...], right: tuple[pl.Series, ...], same: bool) -> PlaceMeasure:
        """Put the places of both sides on the unit sphere (see `Comparator.prepare`)."""
        x = _unit_vectors(left)
        y = x if same else _unit_vectors(right)
        unreadable = count_unreadable(left, np.isnan(x[:, 0]))
        if not same:
            unreadable += count_unreadable(right, np.isnan(y[:, 0]))
        km = np.array((_SAME_PLACE_KM, *self.max_km))
        # No two places are further apart than half the circumference, where the chord is 2.
        angles = np.minimum(km / EARTH_RADIUS_KM, np.pi)
        return PlaceMeasure(x, y, 4 * np.sin(angles / 2) ** 2, unreadable)


def distance_km(*max_km: float) -> Distance:
    """Compare places by the great-circle distance in kilometres.

    Two fields a side: latitude (-90 to 90) and longitude (-180 to 360) in decimal degrees. The
    same place is the top level; below it, one level for each limit; level 0 is further apart than
    any limit. A place without either coordinate counts as missing.

    The distance is that of the haversine formula (Sinnott 1984, Virtues of the haversine):
    sin^2(d / 2R) = sin^2(dlat / 2) + cos(lat1) cos(lat2) sin^2(dlon / 2), on a sphere of radius
    R = 6371.0088 km. The right side is a quarter of the squared chord between the points of the
    unit sphere, which is how it is computed.

    Parameters
    ----------
    *max_km : float
        Largest distances of the levels below the same place, each above 0.

    Returns
    -------
    Distance

    Raises
    ------
    InputError
        If there is no limit, one is not above 0, or two are equal.

    Examples
    --------
    >>> distance_km(0.5, 10).labels()
    ('more than 10 km apart', 'at most 10 km apart', 'at most 0.5 km apart', 'same place')
    """
    return Distance(max_km=max_km)


def _unit_vectors(values: tuple[pl.Series, ...]) -> NDArray[np.float64]:
    latitude, longitude = read_numbers(values[0]), read_numbers(values[1])
    good = (np.abs(latitude) <= 90) & (longitude >= -180) & (longitude <= 360)
    phi = np.radians(np.where(good, latitude, np.nan))
    lam = np.radians(np.where(good, longitude, np.nan))
    return np.column_stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))
