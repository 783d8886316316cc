"""Identifiers, telephone numbers, e-mail addresses, postal codes: right ones in one form, wrong missing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation.addresses.postcodes import POSTCODES, official
from tallystick.preparation.steps.check_digit import CheckDigit, verified
from tallystick.preparation.steps.country import CODES
from tallystick.preparation.steps.email import Email
from tallystick.preparation.steps.postcode import MISREAD, RESTORED, WRONG, Postcode
from tallystick.preparation.steps.step import Applied, Context, PreparationStep
from tallystick.preparation.steps.telephone import EXTENSION, FICTION, Telephone

quick = settings(max_examples=60, deadline=None)
digits = st.integers(0, 10**10 - 1)


def apply(step: PreparationStep, values: list[str | None]) -> Applied:
    frame = pl.DataFrame({"it": pl.Series(values, dtype=pl.String)})
    return step.apply(frame, np.ones(len(values), np.int64), Context())


def result(step: PreparationStep, *values: str | None) -> list[str | None]:
    found: list[str | None] = apply(step, list(values)).columns["it"].to_list()
    return found


def reasons(step: PreparationStep, *values: str | None) -> dict[str, list[bool]]:
    return {reason: which.tolist() for reason, which in apply(step, list(values)).reported.items()}


# Identifiers.

# Examples that the issuers, or the encyclopaedia's pages on the schemes, publish.
PUBLISHED = [
    ("gb.nhs", "943 476 5919", "9434765919"),  # NHS Data Dictionary: NHS number
    ("us.ssn", "536-90-4399", "536904399"),
    ("nl.bsn", "1112.22.333", "111222333"),  # Dutch test number (RvIG)
    ("it.codicefiscale", "rssmra85t10a562s", "RSSMRA85T10A562S"),
    ("es.dni", "12345678-z", "12345678Z"),  # the ministry's specimen
    ("de.idnr", "86 095 742 719", "86095742719"),
    ("fr.nir", "2 53 07 2B 073 004 70", "253072B07300470"),
    ("luhn", "7992-7398 713", "79927398713"),  # Luhn algorithm
    ("verhoeff", "2363", "2363"),  # Verhoeff algorithm
    ("be.nn", "85.07.30-033 28", "85073003328"),
    ("se.personnummer", "811228-9874", "811228-9874"),  # Personnummer
]


@pytest.mark.parametrize(("scheme", "text", "compact"), PUBLISHED)
def test_published_examples_are_right(scheme: str, text: str, compact: str) -> None:
    assert result(CheckDigit(scheme=scheme), text) == [compact]


def nhs_is_right(number: str) -> bool:
    """NHS Data Dictionary: ten less the weighted sum of nine digits modulo 11; 10 is never given, 11 is 0."""
    check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(number[:9])) % 11
    return {11: 0}.get(check, check) == int(number[9])


def bsn_is_right(number: str) -> bool:
    """The eleven test: weights 9 to 2, and -1 for the last digit; a number of zeros is none."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return int(number) > 0 and sum(w * int(d) for w, d in zip(weights, number, strict=True)) % 11 == 0


@pytest.mark.parametrize("number", ["0000000000", "111-111-1111", "9 9 9 9 9 9 9 9 9 9"])
def test_one_digit_throughout_is_a_filler(number: str) -> None:
    assert verified(number, "gb.nhs") == (None, "one character repeated: a filler")


@quick
@given(st.lists(digits.map("{:010}".format), min_size=20, max_size=20))
def test_nhs_numbers_and_bsn_are_judged_by_their_published_rules(numbers: list[str]) -> None:
    # One digit throughout may fit the rules, but is a filler.
    for number in (one for one in numbers if len(set(one[:9])) > 1):
        assert (verified(number, "gb.nhs")[0] is not None) == nhs_is_right(number)
        assert (verified(number[:9], "nl.bsn")[0] is not None) == bsn_is_right(number[:9])


@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        ("gb.nhs", "9434765919"),
        ("nl.bsn", "111222333"),
        ("de.idnr", "86095742719"),
        ("luhn", "79927398713"),
        ("verhoeff", "2363"),
        ("es.dni", "12345678Z"),
        ("be.nn", "85073003328"),
        ("iban", "GB29NWBK60161331926819"),
    ],
)
def test_every_single_wrong_digit_is_detected(scheme: str, number: str) -> None:
    assert verified(number, scheme) == (number, None)
    for place, right in enumerate(number):
        for digit in "0123456789" if right.isdigit() else "":
            changed = number[:place] + digit + number[place + 1 :]
            assert (verified(changed, scheme)[0] is None) == (digit != right), changed


def test_wrong_identifiers_are_missing_and_counted_by_reason() -> None:
    step = CheckDigit(scheme="gb.nhs")
    values = ["943 476 5919", "9434765910", "943476591", "94347X5919", None, " ", "9434765919"]
    applied = apply(step, values)
    assert applied.columns["it"].to_list() == ["9434765919", *[None] * 5, "9434765919"]
    assert reasons(step, *values) == {
        "the check digit is wrong": [False, True, False, False, False, False, False],
        "the form is wrong": [False, False, False, True, False, False, False],
        "the length is wrong": [False, False, True, False, False, False, False],
    }
    assert {rule: which.tolist().index(True) for rule, which in applied.changed.items()} == {
        "written in one form": 0,
        "nothing but spaces": 5,
        "wrong, set missing": 1,
    }
    assert "a part is wrong" in next(iter(reasons(CheckDigit(scheme="us.ssn"), "666-12-3456")))


def test_wrong_identifiers_may_be_kept() -> None:
    applied = apply(CheckDigit(scheme="gb.nhs", wrong="keep"), ["943 476 5919", "943 476 5910", None])
    assert applied.columns["it"].to_list() == ["9434765919", "943 476 5910", None]
    assert list(applied.changed) == ["written in one form"]
    assert [which.tolist() for which in applied.reported.values()] == [[False, True, False]]


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        ("gb.nsh", "gb.nhs"),
        ("uk.nhs", "nhs"),
        ("it.fiscale", "it.codicefiscale"),
        ("it", "it.codicefiscale"),
        ("iso7064", "iso7064.mod_97_10"),
        ("exceptions", "no scheme"),
    ],
)
def test_an_unknown_scheme_is_refused_with_the_nearest(scheme: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        CheckDigit(scheme=scheme).check()


@pytest.mark.parametrize("scheme", ["", "../gb", "GB.NHS", "os;path"])
def test_what_is_no_name_of_a_scheme_is_refused(scheme: str) -> None:
    with pytest.raises(InputError):
        CheckDigit(scheme=scheme)


def test_countries_whose_code_is_a_word_of_python_are_known() -> None:
    assert result(CheckDigit(scheme="is.kennitala"), "450401-3150") == ["4504013150"]


# Telephone numbers.


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("GB", "+44 (0)20 7946 0958", "+442079460958"),
        ("GB", "0044 20 7946 0958", "+442079460958"),
        ("US", "011 44 20 7946 0958", "+442079460958"),
        ("US", "(212) 555-0123 ext. 4", "+12125550123"),
        ("DE", "030/23125-012", "+493023125012"),
        ("FR", "01 99 00 12 34", "+33199001234"),
        ("AU", "0491 570 156", "+61491570156"),
        ("gb", "+61 491 570 156", "+61491570156"),
        ("GB", "020 7946 09", None),
        ("US", "555-0123", None),
        ("GB", "020 7946 0958 / 020 7946 0959", None),
        ("GB", "0000000000", None),
        ("GB", "none", None),
    ],
)
def test_telephone_numbers_are_written_in_e164(country: str, text: str, expected: str | None) -> None:
    assert result(Telephone(country=country), text) == [expected]


@pytest.mark.parametrize(
    ("country", "text"),
    [("GB", "01632 960123"), ("GB", "07700 900461"), ("FR", "06 39 98 12 34"), ("US", "212 555 0199")],
)
def test_numbers_reserved_for_fiction_are_kept_and_reported(country: str, text: str) -> None:
    applied = apply(Telephone(country=country), [text])
    assert applied.columns["it"].item().startswith("+")
    assert list(applied.reported) == [FICTION]


def test_a_long_extension_is_a_second_number() -> None:
    applied = apply(Telephone(country="GB"), ["020 7946 0958 ext 02079460959", "020 7946 0958 ext 123456"])
    assert applied.columns["it"].to_list() == [None, "+442079460958"]
    assert applied.reported["perhaps a second number, not an extension"].tolist() == [True, False]


def test_a_lost_digit_is_seen_unless_only_the_length_is_asked() -> None:
    assert result(Telephone(country="GB"), "0207 946 095") == [None]
    assert result(Telephone(country="GB", accept="possible"), "0207 946 095") == ["+44207946095"]
    assert result(Telephone(country="GB", wrong="keep"), "0207 946 095") == ["0207 946 095"]


def test_extensions_are_removed_and_counted_or_kept() -> None:
    applied = apply(Telephone(country="GB"), ["020 7946 0958 x12", "020 7946 0958"])
    assert applied.columns["it"].to_list() == ["+442079460958"] * 2
    assert {rule: which.tolist() for rule, which in applied.changed.items()} == {
        EXTENSION: [True, False],
        "written in one form": [False, True],
    }
    keep = Telephone(country="GB", extension="keep")
    assert result(keep, "020 7946 0958 x12") == ["+442079460958;ext=12"]
    assert result(keep, "+442079460958;ext=12") == ["+442079460958;ext=12"]


def test_a_country_without_telephones_is_refused() -> None:
    with pytest.raises(InputError, match="ZZ"):
        Telephone(country="zz")


@pytest.mark.parametrize(
    ("step", "library"),
    [(Telephone(country="GB"), "phonenumbers"), (CheckDigit(scheme="isbn"), "stdnum")],
)
def test_a_library_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, step: PreparationStep, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=r"pip install .tallystick\[preparation\]"):
        step.check()


# E-mail.

ATOM = st.text("abcxyz0189!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=8)
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
BOX = st.lists(ATOM, min_size=1, max_size=3).map(".".join)
ADDRESS = st.builds(
    lambda box, labels, last: f"{box}@{'.'.join(labels)}.{last}",
    BOX,
    st.lists(LABEL, min_size=1, max_size=3),
    st.sampled_from(["org", "co", "museum", "xn--p1ai"]),
)


@quick
@given(ADDRESS)
def test_dotted_atoms_are_right_and_their_faults_are_not(address: str) -> None:
    assert result(Email(), f"  {address.upper()} ") == [address]
    box, _, domain = address.partition("@")
    for wrong in (
        f".{address}",
        f"{box}.@{domain}",
        f"{box}@-{domain}",
        f"{box} x@{domain}",
        f"{box}@{domain}.",
    ):
        assert result(Email(), wrong) == [None], wrong
    assert (
        result(Email(), f"{box}{domain}", f"{address}@x.org", f"{box}@{domain}-", f"{box}@org") == [None] * 4
    )


def test_lengths_of_addresses() -> None:
    box = "a" * 64
    assert result(Email(), f"{box}@example.org", f"{box}a@example.org") == [f"{box}@example.org", None]
    label = "b" * 63
    assert result(Email(), f"a@{label}.org", f"a@{label}b.org") == [f"a@{label}.org", None]
    long = f"{box}@{'.'.join([label, label, 'b' * 57])}.org"
    assert len(long) == 254
    assert result(Email(), long, long.replace(".org", ".info")) == [long, None]
    assert result(Email(), "a@127.0.0.1") == [None]


def test_rules_of_the_provider_only_where_asked_for() -> None:
    texts = ["An.Na+news@GoogleMail.com", "an.na@example.org", "anna@gmail.com", "+x@gmail.com"]
    assert result(Email(), *texts)[:2] == ["an.na+news@googlemail.com", "an.na@example.org"]
    applied = apply(Email(provider_rules=True), texts)
    assert applied.columns["it"].to_list() == [
        "anna@gmail.com",
        "an.na@example.org",
        "anna@gmail.com",
        "+x@gmail.com",
    ]
    assert [which.tolist() for which in applied.changed.values()] == [[True, False, False, False]]


# Postal codes.


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("GB", "ec1a1bb", "EC1A 1BB"),  # the six formats, as Royal Mail gives them
        ("GB", "W1A 0AX", "W1A 0AX"),
        ("GB", "M11AE", "M1 1AE"),
        ("GB", "b33  8th", "B33 8TH"),
        ("GB", "CR2-6XH", "CR2 6XH"),
        ("GB", "DN55 1PT", "DN55 1PT"),
        ("GB", "gir 0aa", "GIR 0AA"),
        ("GB", "GIR 0AB", None),
        ("GB", "SW1A 0AC", None),
        ("GB", "QA1 1AA", None),
        ("GB", "AJ1 1AA", None),
        ("GB", "SW1C 1AA", None),
        ("GB", "SW1A", None),
        ("US", "02139", "02139"),
        ("US", "021394307", "02139-4307"),
        ("US", "2139", None),
        ("US", "00012", None),
        ("DE", "D-10623", "10623"),
        ("DE", "00123", None),
        ("FR", "F 75002", "75002"),
        ("NL", "nl-1015cj", "1015 CJ"),
        ("NL", "1015 SS", None),
        ("NL", "0123 AB", None),
        ("CA", "k1a0b1", "K1A 0B1"),
        ("CA", "D1A 0B1", None),
        ("AU", "2060", "2060"),
        ("SE", "11455", "114 55"),
        ("PL", "00950", "00-950"),
        ("PT", "1000205", "1000-205"),
    ],
)
def test_postcodes_are_written_officially(country: str, text: str, expected: str | None) -> None:
    assert result(Postcode(country=country), text) == [expected]
    assert official(text, country) == expected


@quick
@given(st.from_regex(r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}", fullmatch=True))
def test_british_codes_are_judged_place_by_place(code: str) -> None:
    outward, inward = code[:-3], code[-3:]
    area = outward.rstrip("0123456789") if outward[-1].isdigit() else outward[:-1].rstrip("0123456789")
    district = outward[len(area) :]
    right = (
        area[0] not in "QVX"
        and (len(area) == 1 or area[1] not in "IJZ")
        and not set(inward[1:]) & set("CIKMOV")
        and (
            district.isdigit()
            or (
                district[1] in ("ABCDEFGHJKPSTUW" if len(area) == 1 else "ABEHMNPRVWXY")
                and district[0].isdigit()
            )
        )
    )
    assert (official(code, "GB") is not None) == right


def test_the_halves_of_a_british_code() -> None:
    step = Postcode(country="GB", into={"outward": "out", "inward": "in"})
    applied = apply(step, ["sw1a0aa", "gir0aa", "nonsense", None])
    assert step.writes("it") == ("it", "out", "in") == tuple(applied.columns)
    assert applied.columns["out"].to_list() == ["SW1A", "GIR", None, None]
    assert applied.columns["in"].to_list() == ["0AA", "0AA", None, None]


def test_zeros_are_restored_only_where_asked_for() -> None:
    assert result(Postcode(country="DE"), "1067", "10623") == [None, "10623"]
    applied = apply(Postcode(country="DE", restore_zeros=True), ["1067", "10623", "12", "123", "01067"])
    assert applied.columns["it"].to_list() == ["01067", "10623", None, None, "01067"]
    assert applied.changed[RESTORED].tolist() == [True, False, False, False, False]
    assert result(Postcode(country="US", restore_zeros=True), "501", "2139-4307") == ["00501", None]


@pytest.mark.parametrize(
    ("country", "text", "reason"),
    [
        ("GB", "SWIA 1AA", MISREAD),
        ("GB", "SW1A OAA", MISREAD),
        ("GB", "SW1A 0AC", WRONG),
        ("DE", "1O623", MISREAD),
        ("NL", "1O15 CJ", MISREAD),
        ("CA", "KIA 0B1", MISREAD),
        ("US", "nonsense", WRONG),
    ],
)
def test_characters_that_look_alike_are_reported_not_exchanged(country: str, text: str, reason: str) -> None:
    assert result(Postcode(country=country), text) == [None]
    assert list(reasons(Postcode(country=country), text)) == [reason]
    assert result(Postcode(country=country, wrong="keep"), text) == [text]


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "XX"},
        {"country": "US", "into": {"outward": "a"}},
        {"country": "GB", "into": {"outward": "a", "inward": "a"}},
        {"country": "GB", "restore_zeros": True},
    ],
)
def test_settings_that_do_not_suit_the_country_are_refused(wrong: Mapping[str, Any]) -> None:
    with pytest.raises(InputError):
        Postcode(**wrong)


# All of them.

STEPS: list[PreparationStep] = [
    *(CheckDigit(scheme=scheme) for scheme, _, _ in PUBLISHED),
    CheckDigit(scheme="gb.nhs", wrong="keep"),
    Telephone(country="GB"),
    Telephone(country="US", extension="keep", accept="possible"),
    Telephone(country="DE", wrong="keep"),
    Email(),
    Email(provider_rules=True, wrong="keep"),
    *(Postcode(country=country) for country in POSTCODES),
    *(Postcode(country=country, restore_zeros=True) for country, codes in POSTCODES.items() if codes.digits),
    Postcode(country="GB", wrong="keep", into={"outward": "out"}),
]
SOME = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.text("0123456789", min_size=3, max_size=11),
    st.text("0123456789 -.xABZab@+", max_size=14),
    st.sampled_from([text for _, text, _ in PUBLISHED]),
    st.sampled_from(
        ["1067", "sw1a0aa", "020 7946 0958 x12", "212 555 0123", "a.b+c@gmail.com", "02139 4307", ""]
    ),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(SOME, min_size=1, max_size=6, unique=True))
def test_a_step_changes_nothing_more_in_what_it_has_written(values: list[str | None]) -> None:
    for step in STEPS:
        once = apply(step, values)
        written = once.columns["it"].to_list()
        again = apply(step, written)
        assert again.columns["it"].to_list() == written, step
        assert not again.changed, step
        # Every change is counted, and nothing that was there is missing without a reason.
        changed = np.logical_or.reduce([*once.changed.values(), np.zeros(len(values), bool)])
        assert (changed == [old != new for old, new in zip(values, written, strict=True)]).all(), step
        told = np.logical_or.reduce([*once.reported.values(), np.zeros(len(values), bool)])
        for old, new, reported in zip(values, written, told, strict=True):
            assert not (old or "").strip() or new is not None or reported, step


def test_settings_that_are_needed_are_told_with_an_example() -> None:
    for step, example in ((Telephone, "GB"), (Postcode, "GB"), (CheckDigit, "gb.nhs")):
        with pytest.raises(SpecError, match=f'found nothing, expected .* such as "{example}"'):
            step()  # type: ignore[call-arg]


def test_countries_are_those_of_iso_3166() -> None:
    assert len(CODES) == 250
    assert Postcode(country="gb").country == "GB"
    with pytest.raises(SpecError, match='found "UK", expected an ISO 3166-1 code; write "GB"'):
        Postcode(country="UK")
    with pytest.raises(SpecError, match='found "XX", expected an ISO 3166-1 code, such as "GB"'):
        Postcode(country="XX")
