"""Phonetic codes against the examples that their authors, or those who keep them, have published."""

from __future__ import annotations

import string
import sys
from itertools import product

import jellyfish
import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_persons import encoded

import tallystick as ts
from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import KeyPart
from tallystick.blocking.plan import plan_blocking
from tallystick.errors import InputError, SpecError
from tallystick.preparation.phonetic.codes import phonetic_codes
from tallystick.preparation.phonetic.daitch_mokotoff import daitch_mokotoff
from tallystick.preparation.phonetic.letters import folded, words_of_letters
from tallystick.preparation.steps.phonetic import PhoneticField
from tallystick.preparation.steps.step import Context

CODES = [
    "soundex", "nysiis", "metaphone", "match_rating", "cologne", "double_metaphone", "daitch_mokotoff",
]  # fmt: skip

PUBLISHED = {
    # National Archives, "Soundex System", https://www.archives.gov/research/census/soundex (Washington to
    # Ashcraft, VanDeusen with its prefix); Knuth (1973), The Art of Computer Programming 3 (Euler to
    # Lukasiewicz).
    "soundex": {
        "Washington": "W252", "Lee": "L000", "Gutierrez": "G362", "Pfister": "P236", "Jackson": "J250",
        "Tymczak": "T522", "VanDeusen": "V532", "Ashcraft": "A261", "Euler": "E460", "Gauss": "G200",
        "Hilbert": "H416", "Knuth": "K530", "Lloyd": "L300", "Lukasiewicz": "L222", "Ellery": "E460",
        "Ghosh": "G200", "Heilbronn": "H416", "Kant": "K530", "Ladd": "L300", "Lissajous": "L222",
        "Reid": "R300", "Reed": "R300",
    },
    # Taft (1970), Name Search Techniques, rules as in the NIST Dictionary of Algorithms and Data Structures,
    # https://xlinux.nist.gov/dads/HTML/nysiis.html; codes of the rules worked by hand: MAC is MCC, KN is NN,
    # PH is FF, final EE and IE are Y, final DT, RT, RD, NT and ND are D, EV is AF, and a vowel is A.
    # (Brown is BRAN, too; jellyfish 1.3 makes BRAON of it.)
    "nysiis": {
        "Macintosh": "MCANT", "Knuth": "NAT",  "Brian": "BRAN", "Brun": "BRAN", "Phil": "FAL",
        "Lee": "LY", "Diggell": "DAGAL", "Dougal": "DAGAL",
    },
    # Philips (1990), Hanging on the Metaphone, Computer Language 7 (12): TH is 0, PH is F, initial KN
    # is N, WR is R,
    # initial X is S, SCH and SH are X, final MB is M.
    "metaphone": {
        "Thompson": "0MPSN", "Thumb": "0M", "Knight": "NT", "Wright": "RT",
        "Phillips": "FLPS", "Xalan": "SLN",
        "Filips": "FLPS", "Shaw": "X",
    },
    # Moore and others (1977), Accessing Individual Records from Personal Data Files using Non-Unique
    # Identifiers,
    # NBS Special Publication 500-2 (rules); examples of https://en.wikipedia.org/wiki/Match_rating_approach.
    "match_rating": {
        "Byrne": "BYRN", "Boern": "BRN", "Smith": "SMTH", "Smyth": "SMYTH", "Catherine": "CTHRN",
        "Kathryn": "KTHRYN",
    },
    # Postel (1969) as in https://de.wikipedia.org/wiki/Kölner_Phonetik.
    "cologne": {
        "Wikipedia": "3412", "Breschnew": "17863",
        "Müller-Lüdenscheidt": "65752682", "Heinz Classen": "0684586",
        "Meyer": "67", "Maier": "67", "Mayr": "67",
    },
    # Philips (2000), The Double Metaphone Search Algorithm, C/C++ Users Journal 18 (6): Smith shares XMT with
    # Schmidt; both ways to read of the rest as in https://en.wikipedia.org/wiki/Metaphone.
    "double_metaphone": {
        "Smith": "SM0|XMT", "Schmidt": "XMT|SMT", "Thomas": "TMS", "Catherine": "K0RN|KTRN",
        "Michael": "MKL|MXL", "Knight": "NT", "Wasserman": "ASRMN|FSRMN",
    },
    # Mokotoff (1997), and https://en.wikipedia.org/wiki/Daitch–Mokotoff_Soundex (to Jackson); the
    # page of JewishGen,
    # https://www.jewishgen.org/infofiles/soundex.html (Alpert to Mintz).
    "daitch_mokotoff": {
        "Peters": "734000|739400", "Peterson": "734600|739460", "Moskowitz": "645740", "Moskovitz": "645740",
        "Auerbach": "097400|097500", "Uhrbach": "097400|097500", "Jackson": "145460|154600|445460|454600",
        "Alpert": "087930", "Breuer": "791900", "Haber": "579000", "Mannheim": "665600", "Mintz": "664000",
        "Topf": "370000",
    },
}  # fmt: skip


def coded(text: str, code: str) -> str | None:
    result: str | None = phonetic_codes(pl.Series([text]), code)[0]
    return result


@pytest.mark.parametrize(("code", "name"), [(code, name) for code in PUBLISHED for name in PUBLISHED[code]])
def test_published_codes(code: str, name: str) -> None:
    assert coded(name, code) == PUBLISHED[code][name]
    assert coded(name.upper(), code) == coded(name.lower(), code) == PUBLISHED[code][name]


@pytest.mark.parametrize(
    ("code", "a", "b"),
    [
        ("soundex", "Reid", "Reed"),
        ("nysiis", "Brian", "Brun"),
        ("metaphone", "Phillips", "Filips"),
        ("cologne", "Müller", "Mueller"),
        ("cologne", "Weiß", "Weiss"),
        ("double_metaphone", "Smith", "Schmidt"),
        ("daitch_mokotoff", "Lewinsky", "Levinski"),
        ("daitch_mokotoff", "Yuri", "Juri"),
    ],
)
def test_names_that_sound_alike_share_a_code(code: str, a: str, b: str) -> None:
    x, y = coded(a, code), coded(b, code)
    assert x is not None
    assert y is not None
    assert set(x.split("|")) & set(y.split("|"))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("text", ["", "12", "- .", "Иванов", "李", "'"])
def test_what_has_no_latin_letter_has_no_code(code: str, text: str) -> None:
    assert coded(text, code) is None


@pytest.mark.parametrize("code", CODES)
@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=6))
@settings(max_examples=40)
def test_any_text_is_coded_as_its_letters_are(code: str, texts: list[str | None]) -> None:
    found = phonetic_codes(pl.Series("x", texts, dtype=pl.String), code)
    assert found.name == "x"
    letters = [None if one is None else " ".join(words_of_letters(one)) for one in texts]
    assert found.to_list() == phonetic_codes(pl.Series(letters, dtype=pl.String), code).to_list()
    assert all(one is None or one for one in found)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14))
def test_jellyfish_is_what_codes_plain_letters(name: str) -> None:
    assert coded(name, "soundex") == jellyfish.soundex(name)
    assert coded(name, "nysiis") == (jellyfish.nysiis(name) or None)
    assert coded(name, "metaphone") == (jellyfish.metaphone(name) or None)
    assert coded(name, "match_rating") == (jellyfish.match_rating_codex(name) or None)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=14))
@example("CHRZJCKXMN")
def test_daitch_mokotoff_codes_are_six_digits_and_start_as_the_name(name: str) -> None:
    codes = daitch_mokotoff(name)
    assert codes
    assert list(codes) == sorted(set(codes))
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    # A letter that is doubled is one sound.
    assert daitch_mokotoff(name[0] + "L" + "L" * 3) == daitch_mokotoff(name[0] + "L")


def test_a_long_text_that_can_be_read_in_many_ways_has_few_codes() -> None:
    assert len(daitch_mokotoff("CKRSJCH" * 200)) < 200


@given(st.text(max_size=12))
def test_folding_is_done_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert folded(text.swapcase()).isascii() or not text.isascii()


def test_several_processes_give_the_same() -> None:
    letters = string.ascii_lowercase
    names = pl.Series(["".join(one) for one in product(letters, letters, letters[:9])])
    assert phonetic_codes(names, "daitch_mokotoff", processes=2).equals(
        phonetic_codes(names, "daitch_mokotoff")
    )


# Blocking keys


def pairs_of(part: KeyPart, *surnames: str | None) -> set[tuple[int, int]]:
    records = encoded([{"surname": one} for one in surnames], [len(surnames)])
    plan = plan_blocking(records, [ts.blocking_key(part)], "dedupe")
    return {(int(a), int(b)) for unit in plan.units() for a, b in zip(*plan.pairs(unit), strict=True)}


@pytest.mark.parametrize(
    ("part", "names", "expected"),
    [
        (ts.double_metaphone("surname"), ("smith", "schmidt", "jones", None), {(0, 1)}),
        (ts.daitch_mokotoff("surname"), ("peters", "petersz", "auerbach", "uhrbach"), {(0, 1), (2, 3)}),
        (ts.cologne("surname"), ("meyer", "maier", "müller", "mueller"), {(0, 1), (2, 3)}),
    ],
)
def test_keys(part: KeyPart, names: tuple[str | None, ...], expected: set[tuple[int, int]]) -> None:
    found = transform_values(pl.Series(names), part)
    lists = [set() if one is None else set(one.split("|")) for one in found]
    shared = {(i, j) for i in range(len(names)) for j in range(i) if lists[i] & lists[j]}
    assert {(j, i) for i, j in shared} == expected
    assert pairs_of(part, *names) == expected


@pytest.mark.parametrize("part", [ts.double_metaphone("x"), ts.daitch_mokotoff("x")])
def test_several_codes_are_no_key_where_one_is_needed(part: KeyPart) -> None:
    with pytest.raises(SpecError, match="has several: use it in a blocking_key"):
        ts.sorted_neighbourhood(part, window=3)
    with pytest.raises(SpecError, match="has several: use it in a blocking_key"):
        ts.minhash(part)
    with pytest.raises(SpecError):
        ts.match_key(part)


def test_a_field_without_letters_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"daitch_mokotoff\(surname\): no value of field 'surname' gives a key"
    ):
        pairs_of(ts.daitch_mokotoff("surname"), "12", "13")


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "doublemetaphone", None)
    with pytest.raises(
        InputError, match=r'"double_metaphone" needs the library doublemetaphone.*\[preparation\]'
    ):
        phonetic_codes(pl.Series(["a"]), "double_metaphone")
    with pytest.raises(InputError, match="doublemetaphone"):
        PhoneticField(code="double_metaphone").check()
    PhoneticField(code="cologne").check()


# The step


def test_the_step_writes_a_field_of_its_own() -> None:
    step = PhoneticField(code="soundex")
    assert step.reads("surname") == ("surname",)
    assert step.writes("surname") == ("surname_soundex",)
    assert PhoneticField(code="soundex", into="sound").writes("surname") == ("sound",)
    values = pl.DataFrame({"surname": ["reid", "12", None]})
    applied = step.apply(values, np.ones(3, np.int64), Context())
    assert applied.columns["surname_soundex"].to_list() == ["R300", None, None]
    assert not applied.changed
    (reported,) = applied.reported.values()
    assert reported.tolist() == [False, True, False]
    assert (
        step.apply(values, np.ones(3, np.int64), Context())
        .columns["surname_soundex"]
        .equals(applied.columns["surname_soundex"])
    )
    with pytest.raises(SpecError, match="soundx"):
        PhoneticField(code="soundx")  # type: ignore[arg-type]
