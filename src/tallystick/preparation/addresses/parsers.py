"""Which splitter takes an address apart: the built-in one, fastaddress or libpostal."""

from __future__ import annotations

from functools import partial
from typing import Any

from tallystick.errors import InputError
from tallystick.preparation.addresses.ends import ENGLISH
from tallystick.preparation.addresses.lexicon import fold, lexicon
from tallystick.preparation.addresses.parts import NOTHING, AddressParser, Split, undecided
from tallystick.preparation.addresses.postcodes import POSTCODES, official
from tallystick.preparation.addresses.split import split_by_rules
from tallystick.preparation.addresses.street import read_street
from tallystick.preparation.extras import require

# Labels of the United States Thoroughfare, Landmark, and Postal Address Data Standard, which usaddress and
# fastaddress use.
_FASTADDRESS = {
    "AddressNumberPrefix": "number",
    "AddressNumber": "number",
    "AddressNumberSuffix": "number",
    "StreetNamePreDirectional": "directional",
    "StreetNamePostDirectional": "directional",
    "StreetNamePreModifier": "street",
    "StreetName": "street",
    "StreetNamePreType": "street_type",
    "StreetNamePostType": "street_type",
    "OccupancyIdentifier": "unit",
    "BuildingName": "building",
    "SubaddressType": "building",
    "SubaddressIdentifier": "building",
    "USPSBoxID": "po_box",
    "PlaceName": "locality",
    "StateName": "region",
    "ZipCode": "postcode",
}
_LIBPOSTAL = {
    "house_number": "number",
    "unit": "unit",
    "level": "unit",
    "house": "building",
    "road": "street",
    "po_box": "po_box",
    "city": "locality",
    "suburb": "locality",
    "city_district": "locality",
    "state": "region",
    "postcode": "postcode",
}


def address_parser(name: str, country: str) -> AddressParser:
    """The splitter of a name.

    Parameters
    ----------
    name : {"rules", "fastaddress", "libpostal"}
    country : str

    Returns
    -------
    callable
        Of one address, a `Split`.

    Raises
    ------
    InputError
        If its library is not installed, or it does not know the country.
    """
    if name == "rules":
        return partial(split_by_rules, country=country)
    if name == "fastaddress":
        if country != "US":
            raise InputError(
                f'parser "fastaddress" knows addresses of the US only, not of {country}; take parser "rules".'
            )
        require("fastaddress", 'parser "fastaddress"')
        return split_by_fastaddress
    try:
        require("postal.parser", 'parser "libpostal"', extra="libpostal")
    except InputError:
        raise InputError(
            'parser "libpostal" needs the C library libpostal (github.com/openvenues/libpostal) and then: '
            'pip install "tallystick[libpostal]".'
        ) from None
    return partial(split_by_libpostal, country=country)


def split_by_fastaddress(text: str) -> Split:
    """Split an address of the United States by the library fastaddress.

    Examples
    --------
    >>> parts, _ = split_by_fastaddress("102 N Main St Apt 3B, Springfield, IL 62701")
    >>> parts["street"], parts["street_type"], parts["unit"], parts["region"]
    ('Main', 'street', '3B', 'il')
    """
    library: Any = require("fastaddress", 'parser "fastaddress"')
    try:
        labels, kind = library.tag(text)
    except library.RepeatedLabelError:
        return undecided("the library finds a part twice")
    if kind not in ("Street Address", "PO Box"):
        return undecided("the library calls it no address of a street or a box")
    found: dict[str, str] = {}
    for label, value in labels.items():
        part = _FASTADDRESS.get(label)
        if label == "OccupancyType" and "OccupancyIdentifier" not in labels:
            part = "unit"
        if part is not None:
            found[part] = f"{found[part]} {value}" if part in found else value
    return _standard(found, "US")


def split_by_libpostal(text: str, country: str) -> Split:
    """Split an address by libpostal, which leaves types and directions in the name of the street."""
    library: Any = require("postal.parser", 'parser "libpostal"', extra="libpostal")
    found: dict[str, str] = {}
    for value, label in library.parse_address(text, country=country.lower()):
        part = _LIBPOSTAL.get(label)
        if part is not None:
            found[part] = f"{found[part]} {value}" if part in found else value
    if country in ENGLISH and "street" in found:
        street = read_street(found["street"].split(" "), country, locality_follows=True, open_end=False)
        if street is not None:
            found |= {"street": street.name, "street_type": street.type, "directional": street.directional}
    words = lexicon(country)
    unit = found.get("unit", "").split(" ")
    if len(unit) == 2 and fold(unit[0]) in words.units:
        found["unit"] = unit[1]
    return _standard(found, country)


def _standard(found: dict[str, str], country: str) -> Split:
    """Parts with directions, types, regions and postcodes in their standard form."""
    words = lexicon(country)
    parts = {part: value.strip(" ,.#") for part, value in found.items() if value.strip(" ,.#")}
    if not parts:
        return undecided(NOTHING)
    if kind := parts.get("street_type"):
        full = [
            words.types[fold(word)].full if fold(word) in words.types else word for word in kind.split(" ")
        ]
        parts["street_type"] = words.before.get(fold(kind)) or " ".join(full).lower()
    if direction := parts.get("directional"):
        parts["directional"] = " ".join(
            words.directionals.get(fold(word), word.lower()) for word in direction.split(" ")
        )
    if region := parts.get("region"):
        parts["region"] = words.regions.get(fold(region), region.lower())
    if (code := parts.get("postcode")) and country in POSTCODES:
        parts["postcode"] = official(code, country) or code
    return Split(parts, "")
