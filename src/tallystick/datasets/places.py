"""Towns, postcodes and streets: where the addresses of a population are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tallystick.datasets.names import Draw
from tallystick.datasets.vocabulary import SLACK, Ints, Vocabulary
from tallystick.errors import InputError

# Persons of a postcode, on average; each postcode has a share of 15 to 40 before chance.
PERSONS_PER_POSTCODE = 27

_TOWN_STARTS = (
    "ASH BARN BECK BIRCH BLACK BRAD BRIDGE BROOK BURN CALD CARL CHAL CHEST CLAY COLD CROM DAL DEN DUN EAST "
    "ELM FARN FEN FORD GAIN GLEN GRAN HALE HART HAWK HAZEL HEATH HOLM HUNT KEL KIRK LANG LINDEN LONG MARSH "
    "MIDDLE MILL NETHER NEW NORTH OAK OLD ORM PEM RAVEN RED ROCK ROTH SAND SHEP SOUTH STAN STOCK SUTTER "
    "THORN TOR UPPER WAL WEST WHIT WILL WIN WOOD"
)
_TOWN_ENDS = (
    "BOROUGH BOURNE BRIDGE BURY BY CASTER COMBE DALE DEAN FIELD FORD HAM HURST LEIGH LEY MERE MOUTH PORT "
    "STOW THORPE TON WELL WICK WORTH"
)
_STREET_NAMES = (
    "HIGH STATION CHURCH MAIN PARK VICTORIA GREEN MANOR KINGS QUEENS NEW GRANGE NORTH SOUTH WEST EAST MILL "
    "SCHOOL ALBERT YORK STANLEY ALEXANDRA CHESTNUT SPRING GEORGE BROADWAY WINDSOR CRESCENT HIGHFIELD "
    "SPRINGFIELD RICHMOND WOODLAND LIME BEECH OAK ASH CEDAR MAPLE WILLOW ELM HAWTHORN LAUREL POPLAR ROWAN "
    "CLARENCE GLADSTONE WELLINGTON NELSON CROMWELL CAMBRIDGE OXFORD LINCOLN DERBY CHESTER DURHAM CARLISLE "
    "LANCASTER WARWICK NORFOLK SUFFOLK SUSSEX DEVON CORNWALL MOORLAND MEADOW ORCHARD GARDEN FARM BROOK RIVER "
    "BRIDGE CANAL QUARRY HILL VALLEY COMMON HEATH FOREST ABBEY PRIORY CASTLE MARKET CROSS TOWER HARBOUR "
    "CLIFF SILVER GOLDEN ROSE IVY HOLLY PRIMROSE BLUEBELL LARK SWAN HERON KESTREL FOX BADGER TITHE CHAPEL "
    "TEMPLE VICARAGE RECTORY SAXON ROMAN NORMAN TUDOR STUART"
)
_STREET_KINDS = {
    "ROAD": "RD",
    "STREET": "ST",
    "LANE": "LN",
    "AVENUE": "AVE",
    "CLOSE": "CL",
    "DRIVE": "DR",
    "CRESCENT": "CRES",
    "GARDENS": "GDNS",
    "TERRACE": "TERR",
    "GROVE": "GR",
    "COURT": "CT",
    "PLACE": "PL",
}
# The letters of the inward code, and those of areas.
_UNIT_LETTERS = np.frombuffer(b"ABDEFGHJLNPQRSTUWXYZ", np.uint8)
_AREA_LETTERS = np.frombuffer(b"ABCDEGHKLMNOPRSTW", np.uint8)
_POSTCODES_PER_SECTOR, _SECTORS = 60, 10
# Of two digits each; an area has more than the first of these only if the letters do not suffice.
_DISTRICTS_PER_AREA, _MOST_DISTRICTS_PER_AREA = 12, 90
_POSTCODES_PER_DISTRICT = _POSTCODES_PER_SECTOR * _SECTORS


def _zipf(count: int, shift: float) -> NDArray[np.float64]:
    weights = 1.0 / (np.arange(count) + shift)
    return np.asarray(weights / weights.sum())


@dataclass(frozen=True)
class Streets:
    """Street names, full forms first and their abbreviations after them in the same order."""

    words: Vocabulary
    draw: Draw

    def abbreviated(self, codes: Ints) -> NDArray[np.int32]:
        """The short form of each full form."""
        return np.asarray(codes + len(self.words.texts) // 2, np.int32)


@cache
def streets() -> Streets:
    """The street names with the frequencies of the product of Zipf's law for name and kind."""
    names = _STREET_NAMES.split()
    full = [f"{name} {kind}" for name, kind in product(names, _STREET_KINDS)]
    short = [f"{name} {kind}" for name, kind in product(names, _STREET_KINDS.values())]
    weights = np.outer(_zipf(len(names), 8), _zipf(len(_STREET_KINDS), 2)).ravel()
    return Streets(
        Vocabulary.of(full + short), Draw(np.arange(len(full), dtype=np.int32), np.cumsum(weights))
    )


@dataclass(frozen=True)
class Places:
    """The country of one population: postcodes numbered town by town.

    Parameters
    ----------
    first_postcode : ndarray of int64, shape (towns + 1,)
        Where each town's postcodes begin.
    first_district : ndarray of int64, shape (towns,)
        Where each town's postcode districts begin.
    districts_per_area : int
        How many districts share the first two letters of a postcode.
    towns : Vocabulary
        Names of towns.
    """

    first_postcode: NDArray[np.int64]
    first_district: NDArray[np.int64]
    districts_per_area: int
    towns: Vocabulary

    @classmethod
    def of(cls, postcodes: int, rng: np.random.Generator) -> Places:
        """A country of so many postcodes, its towns' sizes after Zipf's law."""
        names = [a + b for a, b in product(_TOWN_STARTS.split(), _TOWN_ENDS.split()) if a != b]
        count = min(max(postcodes // 100, 4), len(names))
        order = rng.permutation(len(names))[:count]
        sizes = np.cumsum(_zipf(count, 2.0))
        first = np.concatenate([[0], np.round(sizes * postcodes)]).astype(np.int64)
        districts = -(-np.diff(first) // _POSTCODES_PER_DISTRICT)
        per_area = max(_DISTRICTS_PER_AREA, -(-int(districts.sum()) // len(_AREA_LETTERS) ** 2))
        if per_area > _MOST_DISTRICTS_PER_AREA:
            raise InputError(
                f"persons: {postcodes} postcodes are more than there can be; ask for fewer records."
            )
        towns = Vocabulary.of([names[k] for k in order])
        return cls(first, np.cumsum(districts) - districts, per_area, towns)

    def town(self, postcodes: Ints) -> NDArray[np.int32]:
        """The town of each postcode."""
        return np.asarray(np.searchsorted(self.first_postcode, postcodes, side="right") - 1, np.int32)

    def street(self, postcodes: Ints, seed: int) -> NDArray[np.int32]:
        """The street of each postcode; two postcodes are the sides of one street."""
        share = _hashed(np.asarray(postcodes) // 2, seed)
        draw = streets().draw
        return draw.codes[np.searchsorted(draw.shares[:-1], share, side="right")]

    def house_number(self, postcodes: Ints, rank: Ints, seed: int) -> NDArray[np.int64]:
        """Number of the house of a given rank within its postcode: odd on one side, even on the other."""
        postcodes = np.asarray(postcodes)
        start = (_hashed(postcodes // 2, seed + 1) ** 2 * 40).astype(np.int64)
        return np.asarray(2 * (start + rank) + 1 + postcodes % 2, np.int64)

    def postcodes(self, numbers: NDArray[np.int64]) -> Vocabulary:
        """The codes of some postcodes, as in LS27 4QH; those of neighbours begin alike."""
        town = self.town(numbers)
        within = numbers - self.first_postcode[town]
        district = self.first_district[town] + within // _POSTCODES_PER_DISTRICT
        sector = within // _POSTCODES_PER_SECTOR % _SECTORS
        # 143 and 400 have no common divisor, so a sector's codes differ.
        unit = (within % _POSTCODES_PER_SECTOR * 143 + district * 37 + sector * 61) % 400
        # Likewise 122 and 17 * 17: neighbouring areas do not look alike.
        area, district = np.divmod(district, self.districts_per_area)
        area = (area * 122 + 60) % len(_AREA_LETTERS) ** 2
        rows = np.zeros((len(numbers), 8 + SLACK), np.uint8)
        rows[:, 0] = _AREA_LETTERS[area // len(_AREA_LETTERS)]
        rows[:, 1] = _AREA_LETTERS[area % len(_AREA_LETTERS)]
        rows[:, 2] = ord("1") + district // 10
        rows[:, 3] = ord("0") + district % 10
        rows[:, 4] = ord(" ")
        rows[:, 5] = ord("0") + sector
        rows[:, 6] = _UNIT_LETTERS[unit // 20]
        rows[:, 7] = _UNIT_LETTERS[unit % 20]
        return Vocabulary.of_rows(rows, 8)


def _hashed(numbers: Ints, seed: int) -> NDArray[np.float64]:
    """A share in [0, 1) that depends on the number and the seed alone (Steele, Lea and Flood 2014)."""
    z = np.asarray(numbers, np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    z = z * np.uint64(0xD1342543DE82EF95) + np.uint64(1)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) / 2.0**53)
