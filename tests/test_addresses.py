"""Addresses split into parts, and their words written in full."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from address_cases import address_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError
from tallystick.preparation.addresses.lexicon import fold, lexicon
from tallystick.preparation.addresses.parsers import address_parser, split_by_fastaddress
from tallystick.preparation.addresses.parts import PARTS
from tallystick.preparation.addresses.split import split_by_rules
from tallystick.preparation.steps.split_address import SplitAddress
from tallystick.preparation.steps.standard_words import StandardWords
from tallystick.preparation.steps.step import Applied, Context
from tallystick.preparation.words.files import shipped

KNOWN = ("US", "GB", "DE", "FR", "AU", "NL")


def parts(**values: str) -> dict[str, str]:
    return values


UNDECIDED = [
    ("US", "Main St & 3rd Ave", "cross"),
    ("US", "Main St and 3rd Ave, Salem, OR", "cross"),
    ("US", "Corner of Elm and Oak", "cross"),
    ("US", "One Microsoft Way, Redmond, WA 98052", "first word"),
    ("US", "123 Main Street North Charleston SC 29401", "locality begins"),
    ("US", "123 Wisteria Boston MA 02108", "locality begins"),
    ("US", "12345", "no street"),
    ("GB", "Smith", "no street"),
    ("GB", "The Lodge High Street Leeds LS6 1AB", "locality begins"),
    ("GB", "Room 5, Albert Hall, Kensington Gore, London SW7 2AP", "no street"),
    ("GB", "4 The Mews, Bridge Road, Twickenham TW1 1RF", "more than one street"),
    ("DE", "Mozartstr 3 XY 12, 80336 München", "two numbers"),
    ("FR", "Le Bourg, 24200 Vitrac", "no street"),
    ("NL", "Keizersgracht 123 2, 1015 CJ Amsterdam", "two numbers"),
    ("DE", "Hauptstr. 5, 12345 Berlin, Nachbarhaus", "left over"),
]


def test_addresses_are_split_as_their_countries_write_them() -> None:
    wrong = [
        (text, dict(found.parts or {}))
        for country, text, expected in address_cases()
        if (found := split_by_rules(text, country)).parts != expected
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("text", "street", "region"),
    [
        ("12 Main St Hartford CT 06103", "Main", "ct"),
        ("12 Main St Casper WY", "Main", "wy"),
        ("12 Main St Omaha NE", "Main", "ne"),
        ("12 Elm Ct", "Elm", None),
        ("Bldg 2, 12 Elm Ct", "Elm", None),
        ("12 Main St NE", "Main", None),
        ("12 St James Ct", "St James", None),
        ("123 North Ave W", "North", None),
    ],
)
def test_a_state_that_is_a_type_of_street_too(text: str, street: str, region: str | None) -> None:
    found = split_by_rules(text, "US").parts
    assert found is not None
    assert (found["street"], found.get("region")) == (street, region)


@pytest.mark.parametrize(("country", "text", "reason"), UNDECIDED)
def test_what_cannot_be_split_without_a_guess_is_reported(country: str, text: str, reason: str) -> None:
    found = split_by_rules(text, country)
    assert found.parts is None
    assert reason in found.reason


def test_addressees_are_left_out_and_that_is_said() -> None:
    found = split_by_rules("Miss S Pollard, c/o Smith, 1 Chapel Hill, Leeds LS6 1AB", "GB")
    assert found.parts == parts(
        number="1", street="Chapel", street_type="hill", locality="Leeds", postcode="LS6 1AB"
    )
    assert "addressee" in found.reason


def test_a_wrong_postcode_is_no_part_of_the_locality() -> None:
    found = split_by_rules("1 Station Road, Anytown AB1 2CD", "GB")  # C is not used in the second half
    assert found.parts == parts(number="1", street="Station", street_type="road", locality="Anytown")
    assert "postcode" in found.reason


# Round trips: an address is put together of known parts in the manner of its country.

names = st.sampled_from(["Wisteria", "Baker", "Elm", "Franklin", "Von Braun", "Gladstone", "Copper Beech"])
towns = st.sampled_from(["Springfield", "Ely", "New Haddon", "Bath", "Ottery", "Cedar Falls"])
numbers = st.from_regex(r"[1-9][0-9]{0,3}[a-f]?", fullmatch=True)
breaks = st.sampled_from([", ", "\n", " , ", ";"])


def forms(country: str, full: str) -> st.SearchStrategy[str]:
    """Every way to write a type of street that is one at the end of a street."""
    found = [form for form, kind in lexicon(country).types.items() if kind.full == full and len(form) > 1]
    return st.sampled_from(found).flatmap(
        lambda form: st.sampled_from([form, form.upper(), f"{form.title()}."])
    )


@st.composite
def english(draw: st.DrawFn, country: str) -> tuple[str, dict[str, str]]:
    full = draw(st.sampled_from(["street", "avenue", "road", "drive", "lane", "court", "place"]))
    made = parts(number=draw(numbers), street=draw(names), street_type=full, locality=draw(towns))
    street = f"{made['number']} "
    if country == "US" and draw(st.booleans()):
        made["directional"] = draw(st.sampled_from(["n", "s", "e", "w", "ne", "sw"]))
        street += draw(st.sampled_from([made["directional"], made["directional"].upper() + "."])) + " "
    street += f"{made['street']} {draw(forms(country, full))}"
    if draw(st.booleans()):
        made["unit"] = draw(st.from_regex("[1-9][0-9]?[A-D]?", fullmatch=True))
        designator = draw(st.sampled_from(["Apt", "Unit", "Flat", "UNIT", "Apartment", "#"]))
        first = draw(st.booleans()) and country != "US"
        unit = f"{designator} {made['unit']}"
        street = f"{unit}, {street}" if first else f"{street}{draw(st.sampled_from([' ', ', ']))}{unit}"
    end = draw(breaks)
    if country == "GB":
        made["postcode"] = draw(st.sampled_from(["SW1A 2AA", "M1 1AE", "CR2 6XH", "DN55 1PT", "W1A 1HQ"]))
        code = draw(st.sampled_from([made["postcode"], made["postcode"].lower().replace(" ", "")]))
        return f"{street}{end}{made['locality']}{draw(st.sampled_from([' ', ', ']))}{code}", made
    states = {"US": ("il", "Oregon", "62701-1234"), "AU": ("nsw", "Victoria", "2060")}[country]
    written = draw(st.sampled_from([states[0].upper(), states[1]]))
    made["region"] = lexicon(country).regions[fold(written)]
    made["postcode"] = states[2]
    return f"{street}{end}{made['locality']}{draw(st.sampled_from([' ', ', ']))}{written} {states[2]}", made


@st.composite
def continental(draw: st.DrawFn, country: str) -> tuple[str, dict[str, str]]:
    made = parts(number=draw(st.from_regex(r"[1-9][0-9]{0,2}[a-c]?", fullmatch=True)))
    end = draw(st.sampled_from([", ", "\n", " "]))
    if country == "FR":
        full = draw(st.sampled_from(["rue", "avenue", "boulevard", "place", "impasse", "chemin"]))
        made |= parts(
            street=draw(st.sampled_from(["de la Paix", "du 8 mai 1945", "Voltaire"])), street_type=full
        )
        between = draw(st.sampled_from([" ", ", "]))
        text = f"{made['number']}{between}{draw(forms(country, full))} {made['street']}"
        made |= parts(postcode="75002", locality=draw(st.sampled_from(["PARIS", "Aix-en-Provence"])))
        return f"{text}{end}{draw(st.sampled_from(['', 'F-']))}75002 {made['locality']}", made
    fused = {"DE": ("Hauptstraße", "Hauptstr."), "NL": ("Kerkstraat", "Kerkstr.")}[country]
    made["street"] = fused[0]
    text = f"{draw(st.sampled_from(fused))} {made['number']}"
    made |= {
        "DE": parts(postcode="10623", locality="Bad Orb"),
        "NL": parts(postcode="1015 CJ", locality="Ede"),
    }[country]
    code = made["postcode"] if country == "DE" else draw(st.sampled_from(["1015 CJ", "1015cj"]))
    sign = draw(st.sampled_from(["", f"{country[:1] if country == 'DE' else country}-"]))
    return f"{text}{end}{sign}{code} {made['locality']}", made


@pytest.mark.parametrize("country", KNOWN)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_address_put_together_is_taken_apart_again(country: str, data: st.DataObject) -> None:
    kind = english if country in ("US", "GB", "AU") else continental
    text, made = data.draw(kind(country))
    found = split_by_rules(text, country)
    assert found.parts == made, text


def test_the_rules_and_fastaddress_agree_on_plain_addresses() -> None:
    types = ("St", "Ave", "Rd", "Dr", "Ln", "Ct", "Blvd", "Pl", "Street", "Avenue", "ROAD")
    units = ("", " Apt 4B", " # 12", ", Suite 200", " Unit A")
    for direction, kind, unit, code in product(("", "N ", "SW "), types, units, ("62701", "62701-1234")):
        text = f"1250 {direction}Franklin {kind}{unit}, Cedar Falls, IL {code}"
        found = split_by_rules(text, "US").parts
        assert found is not None
        assert found == split_by_fastaddress(text).parts
        assert len(found) == 6 + bool(direction) + bool(unit)


tokens = st.sampled_from(
    [
        *(
            "12",
            "12a",
            "1/2",
            "3-5",
            "&",
            ",",
            "#4",
            "10115",
            "SW1A",
            "2AA",
            "1015 CJ",
            "//",
            "St.",
            "Str.",
            "Apt",
            "Flat",
        ),
        *(
            "N",
            "rue",
            "Weg",
            "PO Box",
            "Postfach",
            "c/o",
            "The",
            "NSW",
            "IL",
            "OG",
            "2.",
            "Main",
            "Lyon",
            "é",
            "'",
            "bis",
        ),
    ]
)
texts = st.lists(tokens, max_size=9).map(" ".join) | st.text(max_size=25)


@pytest.mark.parametrize("country", [*KNOWN, "IT"])
@settings(max_examples=80, deadline=None)
@given(text=texts)
def test_nothing_is_invented_whatever_the_text(country: str, text: str) -> None:
    found = split_by_rules(text, country)
    if found.parts is None:
        assert found.reason
        return
    known = re.sub(r"\W", "", fold(text))
    for part, value in found.parts.items():
        assert value.strip() == value != ""
        # Types, directions and regions are written in full, fused types as well.
        if part not in ("street_type", "directional", "region", "building", "street", "unit", "locality"):
            assert re.sub(r"\W", "", fold(value)) in known
        elif part in ("building", "locality", "unit"):
            assert all(re.sub(r"\W", "", fold(word)) in known for word in value.split(" "))


def test_what_a_unit_parts_from_the_number_is_not_the_numbers() -> None:
    assert dict(split_by_rules("12 #4 A Hill St, Perth WA 6000", "AU").parts or {})["number"] == "12"
    assert dict(split_by_rules("3/12 A Hill St, Perth WA 6000", "AU").parts or {})["number"] == "12A"
    assert dict(split_by_rules("12 #4 1/2 Hill St", "GB").parts or {}).get("number") != "12 1/2"
    assert dict(split_by_rules("12 1/2 Hill St, Ames, IA 50010", "US").parts or {})["number"] == "12 1/2"


# The step.


def apply(step: SplitAddress | StandardWords, values: list[str | None]) -> Applied:
    frame = pl.DataFrame({"address": pl.Series(values, dtype=pl.String)})
    return step.apply(frame, np.ones(len(values), np.int64), Context())


def test_the_step_writes_a_field_for_every_part_and_reports_the_rest() -> None:
    step = SplitAddress(country="us")
    values = ["Main St & 3rd Ave", None, "1 Elm St, Ames, IA 50010", "  "]
    applied = apply(step, values)
    assert step.writes("address") == tuple(f"address_{part}" for part in PARTS) == tuple(applied.columns)
    assert applied.columns["address_number"].to_list() == [None, None, "1", None]
    assert applied.columns["address_po_box"].null_count() == 4
    assert applied.changed["split into parts"].tolist() == [False, False, True, False]
    (reason,) = applied.reported
    assert applied.reported[reason].tolist() == [True, False, False, False]


def test_only_the_parts_that_are_named_are_written() -> None:
    step = SplitAddress(country="GB", into={"street": "street", "postcode": "code"})
    applied = apply(step, ["10 downing street london sw1a2aa"])
    assert {name: column.to_list() for name, column in applied.columns.items()} == {
        "street": ["downing"],
        "code": ["SW1A 2AA"],
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "Germany"},
        {"country": "GB", "into": {}},
        {"country": "GB", "into": {"street": "a", "number": "a"}},
        {"country": "GB", "into": {"house": "a"}},
        {"country": "GB", "parser": "usaddress"},
        {},
    ],
)
def test_wrong_settings_are_refused(wrong: Mapping[str, object]) -> None:
    with pytest.raises(InputError):
        SplitAddress(**wrong)  # type: ignore[arg-type]


def test_a_part_cannot_take_the_place_of_the_address() -> None:
    with pytest.raises(InputError, match="another field"):
        SplitAddress(country="GB", into={"street": "address"}).writes("address")


def test_another_process_can_be_given_the_parsers() -> None:
    for parser in (address_parser("rules", "DE"), address_parser("fastaddress", "US")):
        assert pickle.loads(pickle.dumps(parser))("") == parser("")


def test_fastaddress_is_for_the_united_states() -> None:
    SplitAddress(country="US", parser="fastaddress").check()
    with pytest.raises(InputError, match="rules"):
        SplitAddress(country="GB", parser="fastaddress").check()
    found = apply(
        SplitAddress(country="US", parser="fastaddress"), ["Main St & 3rd Ave", "1 Elm St, Ames, IA"]
    )
    assert found.columns["address_street"].to_list() == [None, "Elm"]
    assert [which.tolist() for which in found.reported.values()] == [[True, False]]


def test_libpostal_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "postal", None)
    with pytest.raises(InputError, match=r"tallystick\[libpostal\]"):
        SplitAddress(country="FR", parser="libpostal").check()


def test_what_libpostal_says_is_brought_into_the_same_form(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [
        *(("flat 3b", "unit"), ("12", "house_number"), ("high st", "road"), ("leeds", "city")),
        *(("yorks", "state"), ("ls61ab", "postcode")),
    ]
    module = SimpleNamespace(parse_address=lambda text, country: said)
    monkeypatch.setitem(sys.modules, "postal", SimpleNamespace(parser=module))
    monkeypatch.setitem(sys.modules, "postal.parser", module)
    found = address_parser("libpostal", "GB")("whatever")
    assert found.parts is not None
    assert {part: value for part, value in found.parts.items() if value} == parts(
        unit="3b",
        number="12",
        street="high",
        street_type="street",
        locality="leeds",
        region="yorkshire",
        postcode="LS6 1AB",
    )


# Words in full.


@pytest.mark.parametrize(
    ("dictionary", "country", "text", "expected"),
    [
        ("street_types", "GB", "12 St James St.", "12 St James street"),
        ("street_types", "US", "1 Dr King Dr, Ames", "1 Dr King drive, Ames"),
        ("street_types", "FR", "12 bd Voltaire", "12 boulevard Voltaire"),
        ("street_types", "US", "1 Avery Place", "1 Avery Place"),
        ("street_types", "US", "12 Elm Ave, Arlington Hts, IL", "12 Elm avenue, Arlington Hts, IL"),
        ("street_types", "US", "Apt 5, 12 Main St", "Apt 5, 12 Main street"),
        ("street_types", "US", "12 Elm Rd Hartford CT", "12 Elm road Hartford CT"),
        ("street_types", "US", "12 Elm Ct", "12 Elm court"),
        ("street_types", "FR", "3 rue du Car", "3 rue du Car"),
        ("street_types", "FR", "12 bis bd Voltaire", "12 bis boulevard Voltaire"),
        ("street_types", "NL", "Gr. Markt 5", "Gr. Markt 5"),
        ("street_types", "NL", "Heren gr. 5", "Heren gracht 5"),
        ("directionals", "US", "N?", "N?"),
        ("directionals", "US", "(N)", "(N)"),
        ("directionals", "US", "102 N Main St", "102 north Main St"),
        ("directionals", "US", "102 Main St NW", "102 Main St northwest"),
        ("directionals", "US", "1201 E St", "1201 E St"),
        ("directionals", "US", "12 Avenue N", "12 Avenue N"),
    ],
)
def test_abbreviations_are_written_in_full_where_they_are_certain(
    dictionary: str, country: str, text: str, expected: str
) -> None:
    applied = apply(StandardWords(dictionary=dictionary, country=country), [text])
    assert applied.columns["address"].item() == expected
    assert bool(applied.changed) == (text != expected)


def test_an_abbreviation_that_is_left_is_reported() -> None:
    applied = apply(StandardWords(dictionary="street_types", country="GB"), ["St James Road", "5 Kew Rd"])
    assert [which.tolist() for which in applied.reported.values()] == [[True, False]]


def test_redundant_words_are_removed_but_never_all() -> None:
    applied = apply(
        StandardWords(remove="address_words", country="GB"), ["near, 5 Kew Rd", "Near", None, "nearby"]
    )
    assert applied.columns["address"].to_list() == ["5 Kew Rd", "Near", None, "nearby"]
    assert [which.tolist() for which in applied.reported.values()] == [[False, True, False, False]]


@pytest.mark.parametrize("country", KNOWN)
@settings(max_examples=50, deadline=None)
@given(
    st.lists(tokens | st.sampled_from(["near", "Ave", "Av.", "bd", "Rd", "str"]), max_size=7).map(" ".join)
)
def test_words_in_full_stay_so(country: str, text: str) -> None:
    step = StandardWords(dictionary="street_types", country=country, remove="address_words")
    once = apply(step, [text]).columns["address"]
    twice = apply(step, once.to_list())
    assert twice.columns["address"].to_list() == once.to_list()
    assert not twice.changed


def dictionary(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["form,full", *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_a_dictionary_of_the_user(tmp_path: Path) -> None:
    path = dictionary(tmp_path / "own.csv", "hse,House", "Bldg,building", "house,House")
    step = StandardWords(dictionary=path)
    step.check()
    assert step.files() == {"dictionary": path}
    assert apply(step, ["old HSE., bldg"]).columns["address"].item() == "old House, building"


def test_dictionaries_of_the_package_are_no_files() -> None:
    assert not StandardWords(dictionary="street_types", country="GB", remove="address_words").files()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["a,b", "b,c"], "another row"),
        (["a,a b"], "another row"),
        (["a,b", "A.,c"], "two full words"),
        (["a b,c"], "single word"),
        (["a,"], "lacks a value"),
    ],
)
def test_a_dictionary_that_is_not_clear_is_refused(tmp_path: Path, rows: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        StandardWords(dictionary=dictionary(tmp_path / "own.csv", *rows)).check()


def test_a_dictionary_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"own\.csv"):
        StandardWords(dictionary=str(tmp_path / "own.csv")).check()
    with pytest.raises(InputError, match="country IT"):
        StandardWords(dictionary="street_types", country="IT").check()
    for wrong in ({}, {"dictionary": "street_types"}, {"dictionary": "address_words", "country": "GB"}):
        with pytest.raises(InputError):
            StandardWords(**wrong)  # type: ignore[arg-type]


# The lists.


@pytest.mark.parametrize("name", ["street_types", "directionals", "regions"])
def test_no_form_means_two_things_in_one_country(name: str) -> None:
    meant: dict[tuple[str, str, bool], str] = {}
    for countries, form, full, *more in shipped(name).iter_rows():
        for country in countries.split(" "):
            key = (country, fold(form), more == ["before"])
            assert meant.setdefault(key, full) == full, key


def test_words_in_full_are_forms_of_themselves() -> None:
    for country in KNOWN:
        for kind in lexicon(country).types.values():
            assert lexicon(country).types[fold(kind.full)].full == kind.full
