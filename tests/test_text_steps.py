"""Text steps: cleaning, folding, repair of mis-decoded text, labels that mean missing."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation import extras
from tallystick.preparation.steps.fold import Fold, fold_text
from tallystick.preparation.steps.missing import MissingLabels, is_label
from tallystick.preparation.steps.repair import Repair, repair_text
from tallystick.preparation.steps.step import Applied, Context, TextStep, differs
from tallystick.preparation.steps.text import CleanText
from tallystick.preparation.words.files import shipped

ODD = "aZé -'’.,&;#0917\u00a0\u200b\u0301ßŉǰİıΣςñÅøÐ深\ufffd\x92Ã¼â€™ﬁ_?x|\u2010\t"
TEXTS = st.lists(
    st.one_of(st.none(), st.text(st.sampled_from(ODD), max_size=8), st.text(max_size=6)),
    max_size=6,
    unique=True,
)

RIGHT = [
    "Jürgen Groß wohnt in Köln-Mülheim, Straße 5 „Zum Löwen“",
    "François Lefèvre, né à Besançon, père d’Agnès Noël",
    "José María Núñez Ibáñez vive en Cádiz, C/ Ñandú nº 3",
    "João Gonçalves da Conceição, São Luís do Maranhão",
    "Niccolò Pèrez, città di Forlì, perché è così",
    "Åsa Öberg bor på Södermalm i Malmö",
    "Søren Kjærgård, Ærøskøbing på Ærø",
    "Þórður Ævar Guðmundsson á Ísafirði",
    "Łukasz Żółkiewski, Gdańsk, ul. Święta 3",
    "Jiří Dvořák z Plzně, Ústí nad Labem",
    "Đorđe Šišić, Čačak",
    "Пётр Ильич Чайковский, улица Садовая",
    "Νίκος Παπαδόπουλος",
    "Nguyễn Thị Hồng Đào",
    "שלום",
]


LOST_BYTE = [("Ã lvarez", "Ã lvarez"), ("voilÃ la", "voilà la"), ("IRMÃ MARIA", "IRMÃ MARIA")]


def run(step: TextStep, values: list[str | None], **context: Any) -> Applied:
    """A step over distinct values of one field, which it may not touch."""
    frame = pl.DataFrame({"d": pl.Series(values, dtype=pl.String)})
    found = step.apply(frame, np.ones(len(values), np.int64), Context(**context))
    assert frame["d"].to_list() == values
    return found


def made(step: TextStep, *values: str | None) -> list[str | None]:
    """What the step makes of them."""
    return run(step, list(values)).columns["d"].to_list()


@given(
    st.sampled_from(["lower", "upper", "title", None]),
    st.booleans(),
    st.sampled_from(["keep", "remove", "space"]),
    st.sampled_from(["", "-'", "&]^\\"]),
    st.sampled_from(["keep", "remove"]),
    st.sampled_from([None, 1, 3, 20]),
    TEXTS,
)
@settings(max_examples=150)
def test_clean_text_is_idempotent_and_holds_what_it_says(
    case: Any,
    spaces: bool,
    punctuation: Any,
    keep: str,
    digits: Any,
    truncate: int | None,
    values: list[str | None],
) -> None:
    step = CleanText(
        case=case, spaces=spaces, punctuation=punctuation, keep=keep, digits=digits, truncate=truncate
    )
    first = run(step, values)
    new = first.columns["d"]
    assert run(step, new.to_list()).changed == {}
    assert made(step, *new) == new.to_list()
    everything = np.any([*first.changed.values(), np.zeros(len(values), bool)], axis=0)
    assert not (differs(pl.Series(values, dtype=pl.String), new) & ~everything).any()
    for text in new.drop_nulls():
        assert text
        assert text == unicodedata.normalize("NFC", text)
        assert "’" not in text
        assert truncate is None or len(text) <= truncate
        assert digits == "keep" or not any(unicodedata.category(one) == "Nd" for one in text)
        if spaces:
            assert text == text.strip()
            assert not {"\u00a0", "\u200b", "\t"} & set(text)
            assert "  " not in text
        if punctuation != "keep":
            other = {one for one in text if unicodedata.category(one)[0] in "PS"}
            assert other <= {*keep, "\ufffd"}


def test_clean_text_by_example() -> None:
    assert made(
        CleanText(), "  O\u2019NEIL\u00a0 Smith\u2011Jones\u200b ", "e\u0301", "\u200b", "", None
    ) == [
        *("O'NEIL Smith-Jones", "é", None, None, None),
    ]
    assert made(CleanText(case="title"), "jean-luc o'NEIL", "van der BERG") == [
        "Jean-Luc O'Neil",
        "Van Der Berg",
    ]
    assert made(CleanText(case="upper"), "straße") == ["STRASSE"]
    assert made(CleanText(punctuation="remove"), "St. John's (Jr.)", "A/B") == ["St John's Jr", "AB"]
    assert made(CleanText(punctuation="space", keep=""), "St. John's", "A/B", "...") == [
        "St John s",
        "A B",
        None,
    ]
    assert made(CleanText(digits="remove", truncate=5), "12 Main St") == ["Main"]
    found = run(CleanText(case="lower"), ["Ab ", "ab", "AB"])
    assert {rule: which.tolist() for rule, which in found.changed.items()} == {
        "lower case": [True, False, True],
        "spaces": [True, False, False],
    }
    with pytest.raises(SpecError, match="truncate"):
        CleanText(truncate=0)


def test_what_was_lost_stays_marked() -> None:
    lost = ["M\ufffdller", "Gr\u00fcn\ufffd"]
    found = run(Fold(), lost)
    assert found.columns["d"].to_list() == ["M\ufffdller", "Grun\ufffd"]
    assert found.reported["characters that were lost in decoding"].all()
    for punctuation in ("remove", "space"):
        assert made(CleanText(punctuation=punctuation), *lost) == lost
    # A rare ideograph that nothing is known of; a letter that is silent.
    found = run(Fold(), ["a\u39dd", "\u0627\u062d\u0645\u062f"])
    assert found.columns["d"].to_list() == ["a\u39dd", "hmd"]
    assert found.reported["no letters of ASCII stand for it"].tolist() == [True, False]


@given(st.sampled_from([None, "german", "nordic"]), TEXTS)
@settings(max_examples=100)
def test_fold_is_idempotent_and_leaves_ascii_alone(digraphs: Any, values: list[str | None]) -> None:
    found = run(Fold(digraphs=digraphs), values)
    new = found.columns["d"]
    assert made(Fold(digraphs=digraphs), *new) == new.to_list()
    left = np.any([*found.reported.values(), np.zeros(len(values), bool)], axis=0)
    for old, text, reported in zip(values, new, left, strict=True):
        assert text is None or text.isascii() or reported
        assert old is None or not old.isascii() or text == old


@pytest.mark.parametrize(
    ("digraphs", "text", "expected"),
    [
        (None, "Jäger Straße Ørsted", "Jager Strasse Orsted"),
        # DIN 5007, second variant: names in directories.
        (
            "german",
            "Jäger JÄGER Ärger Ä Übü ÜBÜ Straße GROẞ",
            "Jaeger JAEGER Aerger Ae Uebue UEBUE Strasse GROSS",
        ),
        ("german", "A\u0308rger", "Aerger"),
        ("nordic", "Åse ÅSE Sørensen ÆRØ Käthe", "Aase AASE Soerensen AEROE Kaethe"),
        ("nordic", "Müller", "Muller"),
        (None, "ÞÓRÐUR Þórður Æneas", "THORDUR Thordur Aeneas"),
        (None, "Москва Νίκος 北京 Łódź İpek Đặng", "Moskva Nikos BeiJing Lodz Ipek Dang"),
    ],
)
def test_fold_by_example(digraphs: Any, text: str, expected: str) -> None:
    assert made(Fold(digraphs=digraphs), text) == [expected] == [fold_text(text, digraphs)]


def test_only_text_outside_ascii_reaches_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> None:
        raise InputError("not installed")

    for module in ("fold", "repair"):
        monkeypatch.setattr(f"tallystick.preparation.steps.{module}.require", absent)
    assert made(Fold(), "Smith", None) == ["Smith", None]
    assert made(Repair(), "Smith", "AT&T;", None) == ["Smith", "AT&T;", None]
    for step in (Fold(), Repair()):
        with pytest.raises(InputError):
            step.check()
        with pytest.raises(InputError):
            made(step, "é")
    monkeypatch.undo()
    monkeypatch.setattr(extras, "import_module", lambda _: (_ for _ in ()).throw(ImportError))
    with pytest.raises(
        InputError, match=r'the step "repair" needs the library ftfy.*tallystick\[preparation\]'
    ):
        Repair().check()
    # What has to be installed is called otherwise than what is imported.
    with pytest.raises(InputError, match="needs the library python-stdnum,"):
        extras.require("stdnum.exceptions", "the step")


@pytest.mark.parametrize("text", RIGHT)
def test_right_text_is_never_changed(text: str) -> None:
    forms = {text, text.upper(), text.lower(), *text.split(), *text.upper().split()}
    forms |= {unicodedata.normalize("NFD", text)}
    assert {repair_text(one) for one in forms} == forms


@given(st.sampled_from(RIGHT), st.integers(0, 40), st.integers(1, 20))
@settings(max_examples=150)
def test_no_part_of_right_text_is_changed(text: str, start: int, length: int) -> None:
    part = text[start : start + length]
    assert repair_text(part) == part
    assert repair_text(part.upper()) == part.upper()


@pytest.mark.parametrize("wrong", ["latin-1", "cp1252", "cp1250", "cp437"])
@pytest.mark.parametrize("text", ["Jürgen Groß, Köln", "José Núñez", "François", "Søren Kjærgård"])
def test_text_decoded_wrongly_is_repaired(text: str, wrong: str) -> None:
    assert repair_text(text.encode().decode(wrong)) == text
    assert repair_text(text.encode().decode("latin-1").encode().decode("latin-1")) == text
    # One letter of these encodings is too little of a sign for the library; it is left.
    assert repair_text("Grünwald".encode().decode(wrong)) in ("Grünwald", "GrĂĽnwald", "Gr├╝nwald")
    assert repair_text("Łukasz Żółkiewski".encode().decode("latin-1")) == "Łukasz Żółkiewski"


def test_what_is_lost_is_reported_and_left() -> None:
    found = run(Repair(), ["M\ufffdller", "M?ller", "Jos\x8e", "why?", "Müller", "Groà\ufffd", "Gr├╝n & Co"])
    assert found.columns["d"].to_list()[:5] == ["M\ufffdller", "M?ller", "Jos\x8e", "why?", "Müller"]
    assert {reason: np.flatnonzero(which).tolist() for reason, which in found.reported.items()} == {
        "characters that were lost in decoding": [0, 5],
        "a control code, for a letter of an encoding that is not known": [2],
        "a question mark within a word, perhaps for a letter that was lost": [1],
        "signs of a wrong encoding, which could not be undone": [6],
    }


def test_entities_are_replaced_where_they_are_complete() -> None:
    values = [
        "Smith &amp; Sons",
        "Andr&#233;",
        "Andr&#xE9;",
        "Andr&eacute;",
        "&amp;eacute;",
        "AT&T",
        "A&B;",
        "&#0;",
    ]
    values += ["R&D; &copy", "M&Atilde;&frac14;ller"]
    expected = [
        "Smith & Sons",
        "André",
        "André",
        "André",
        "é",
        "AT&T",
        "A&B;",
        "&#0;",
        "R&D; &copy",
        "Müller",
    ]
    assert made(Repair(), *values) == expected
    assert made(Repair(entities=False), *values) == values
    assert list(run(Repair(), ["&eacute;", "MÃ¼ller"]).changed) == [
        *("entities of HTML", "decoded by the right encoding"),
    ]


@given(TEXTS, st.booleans())
@settings(max_examples=100)
def test_repair_is_idempotent(values: list[str | None], entities: bool) -> None:
    new = made(Repair(entities=entities), *values)
    assert made(Repair(entities=entities), *new) == new


def test_several_processes_do_the_same() -> None:
    values = [f"{name} {i}" for i in range(1500) for name in ("Müller", "MÃ¼ller", "Åse", "x")]
    for step in (Fold(), Repair()):
        alone, shared = run(step, values), run(step, values, processes=2)
        assert alone.columns["d"].to_list() == shared.columns["d"].to_list()


@pytest.mark.parametrize(
    "value",
    [
        *(
            "NA",
            "n/a",
            "#N/A",
            "NaN",
            "Null",
            "(null)",
            "<NA>",
            "none",
            "NOT_KNOWN",
            "not  known",
            " Unknown ",
            "[unknown]",
        ),
        *(
            "-",
            "--",
            "- -",
            "...",
            "?",
            "???",
            "*",
            "\u2013",
            "_",
            "xx",
            "XXX",
            "xxxxxxx",
            "9999",
            "99999999",
            "0000-00-00",
        ),
        *(
            "00/00/0000",
            "99/99/9999",
            "999-99-9999",
            "00000 000000",
            "\\N",
            "(blank)",
            "keine Angabe",
            "k. A.",
            "",
            "  ",
        ),
        *("okänd", "нет данных", "Άγνωστο", "não informado"),
    ],
)
def test_labels_that_mean_missing(value: str) -> None:
    assert made(MissingLabels(), value) == [None]
    assert is_label(pl.Series([value])).tolist() == [True]


@pytest.mark.parametrize(
    "value",
    [
        *(
            "Nash",
            "Noone",
            "Blank",
            "X",
            "0",
            "9",
            "99",
            "999",
            "99999",
            "+",
            "NK",
            "DK",
            "unknown soldier",
            "Anna",
            "xxiv",
        ),
        *("0000", "0001", "Nat", "Li", "1", "1900-01-01", "(x)", "9 999", "000", "S/N", "e"),
    ],
)
def test_values_that_only_resemble_labels_stay(value: str) -> None:
    assert made(MissingLabels(), value) == [value]
    assert is_label(pl.Series([value, None])).tolist() == [False, False]


def test_labels_can_be_replaced_added_and_kept() -> None:
    values = ["NA", "9999", "----", "X", "Null"]
    assert made(MissingLabels(keep=("na", "9999", "----", "null")), *values) == values
    assert made(MissingLabels(add=("x",)), *values) == [None] * 5
    assert made(MissingLabels(labels=("X",)), *values) == ["NA", "9999", "----", None, "Null"]
    found = run(MissingLabels(), ["na", "NA ", "xxxx", "----", "9999", " ", "Anna"])
    assert {rule: int(which.sum()) for rule, which in found.changed.items()} == {
        "nothing but spaces or underscores": 1,
        'label "na"': 2,
        "nothing but marks": 1,
        "nothing but crosses": 1,
        "nothing but nines or zeros": 1,
    }


def test_shipped_labels_are_distinct_and_written_as_they_are_looked_up() -> None:
    labels = shipped("missing_labels")["label"]
    assert labels.is_unique().all()
    assert labels.null_count() == 0
    assert (labels == labels.str.strip_chars().str.to_lowercase()).all()
    assert is_label(labels).all()


@given(TEXTS, st.sampled_from([{}, {"keep": ("-",)}, {"labels": ("x",), "add": ("?",)}]))
@settings(max_examples=60)
def test_missing_labels_are_idempotent(values: list[str | None], labels: dict[str, Any]) -> None:
    step = MissingLabels(**labels)
    found = run(step, values)
    new = found.columns["d"]
    assert run(step, new.to_list()).changed == {}
    assert sum(int(which.sum()) for which in found.changed.values()) == new.null_count() - values.count(None)


def test_words_in_place_of_a_name_are_labels_where_it_is_asked_for() -> None:
    values = ["Baby", "Male  child", "Householder", "Anna"]
    assert made(MissingLabels(), *values) == values
    assert made(MissingLabels(names=True), *values) == [None, None, None, "Anna"]
    assert made(MissingLabels(names=True, keep=("baby",)), *values) == ["Baby", None, None, "Anna"]


def test_a_byte_that_became_a_space_is_not_guessed() -> None:
    applied = run(Repair(), [before for before, _ in LOST_BYTE])
    assert applied.columns["d"].to_list() == [after for _, after in LOST_BYTE]
    assert [which.tolist() for which in applied.reported.values()] == [[True, False, False]]
