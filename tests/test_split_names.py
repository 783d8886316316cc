"""Names taken apart: by culture, by signs in the name, by frequencies of the column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation.names.cultures import CultureName
from tallystick.preparation.names.library import LibraryParser
from tallystick.preparation.names.parts import Split, Undecided
from tallystick.preparation.names.rules import RulesParser
from tallystick.preparation.steps.split_name import SplitName
from tallystick.preparation.steps.step import Applied, Context

CULTURES: tuple[Any, ...] = (None, *CultureName.__args__)  # type: ignore[attr-defined]


def parts(text: str, culture: Any = None, surname_first: bool | None = None) -> dict[Any, str] | Undecided:
    found = RulesParser(culture)(text, surname_first)
    return found.parts if isinstance(found, Split) else found


def short(text: str, culture: Any = None, surname_first: bool | None = None) -> str:
    """Forenames, middle and surname with bars between, or the name of the reason."""
    found = parts(text, culture, surname_first)
    if isinstance(found, Undecided):
        return found.name
    return "|".join(found.get(part, "") for part in ("first", "middle", "last"))


@pytest.mark.parametrize(
    ("text", "culture", "expected"),
    [
        ("Jan v.d. Berg", "dutch", "Jan||v.d. Berg"),
        ("Johann v. Goethe", "german", "Johann||v. Goethe"),
        ("Murakami Haruki", None, "Haruki||Murakami"),
        ("Park Chan-wook", None, "Chan-wook||Park"),
        ("Tchaikovsky Pyotr Ilyich", "russian", "Pyotr|Ilyich|Tchaikovsky"),
        ("D'Angelo Paolo", "italian", "Paolo||D'Angelo"),
        ("Marie DUPONT épouse MARTIN", "french", "MARRIED"),
        ("de Souza", "portuguese", "SINGLE"),
        ("SIEMENS AG", None, "FIRM"),
        ("Estate of John Smith", None, "PERSONS"),
        ("Queen Elizabeth II", None, "SINGLE"),
        ("John F. Kennedy", None, "John|F.|Kennedy"),
        ("J.R.R. Tolkien", None, "J.|R. R.|Tolkien"),
        ("C.S.Lewis", None, "C.|S.|Lewis"),
        ("JRR Tolkien", None, "J|R R|Tolkien"),
        ("Tolkien, J.R.R.", None, "J.|R. R.|Tolkien"),
        ("Tolkien J.R.R.", None, "J.|R. R.|Tolkien"),
        ("Smith JH", None, "J|H|Smith"),
        ("John Smith V", None, "ORDER"),
        ("van der Berg, J.D.", None, "J.|D.|van der Berg"),
        ("van der Berg, V.", None, "V.||van der Berg"),
        ("Ewing, J.R.", None, "J.|R.|Ewing"),
        ("John Smith, M.D.", None, "John||Smith"),
        ("Emir Hadžić", None, "Emir||Hadžić"),
        ("Sri Mulyani", None, "Sri||Mulyani"),
        ("Ven. Smith", None, "SINGLE"),
        ("Emir Ahmed Khan", None, "Ahmed||Khan"),
        ("Ana Jun", None, "Ana||Jun"),
        ("Tan Ah Beng", None, "Tan|Ah|Beng"),
        ("Malcolm X", None, "Malcolm||X"),
        ("Jean DUPONT", None, "Jean||DUPONT"),
        ("GARCÍA LÓPEZ Ana", None, "Ana||GARCÍA LÓPEZ"),
        ("McDONALD John", None, "John||McDONALD"),
        ("LI Wei", None, "Wei||LI"),
        ("O'Brien Patrick", None, "Patrick||O'Brien"),
        ("van Gogh Vincent", None, "Vincent||van Gogh"),
        ("DE LA CRUZ JUAN", None, "JUAN||DE LA CRUZ"),
        ("Gore, Al", None, "Al||Gore"),
        ("Robert De Niro", None, "Robert||De Niro"),
        ("Velde, Henry van de", "dutch", "Henry||van de Velde"),
        ("'t Hooft, Gerard", "dutch", "Gerard||'t Hooft"),
        ("Karl-Theodor Freiherr von und zu Guttenberg", None, "Karl-Theodor||Freiherr von und zu Guttenberg"),
        ("Steffi Graf", "german", "Steffi||Graf"),
        ("Jan en Marie de Vries", "dutch", "PERSONS"),
        ("Mohammed bin Salman Al Saud", None, "Mohammed|bin Salman|Al Saud"),
        ("Muhammad ibn Musa al-Khwarizmi", None, "Muhammad|ibn Musa|al-Khwarizmi"),
        ("Mahathir bin Mohamad", None, "Mahathir||bin Mohamad"),
        ("Salah al-Din Yusuf", "arabic", "Salah al-Din||Yusuf"),
        ("Abdul Karim", None, "SINGLE"),
        ("Ana María Rodríguez", "spanish", "Ana María||Rodríguez"),
        ("José Luis Rodríguez Zapatero", "spanish", "José Luis||Rodríguez Zapatero"),
        ("Antoni Gaudí i Cornet", "spanish", "Antoni||Gaudí i Cornet"),
        ("JOSE ORTEGA Y GASSET", "spanish", "JOSE||ORTEGA Y GASSET"),
        ("Juan y María García", "spanish", "PERSONS"),
        ("Silva, João da", "portuguese", "João||da Silva"),
        ("Maria da Conceição Silva", "portuguese", "Maria da Conceição||Silva"),
        ("Владимир Владимирович Путин", None, "Владимир|Владимирович|Путин"),
        ("Путин Владимир Владимирович", None, "Владимир|Владимирович|Путин"),
        ("Roman Arkadyevich Abramovich", "russian", "Roman|Arkadyevich|Abramovich"),
        ("Иванова Мария", "russian", "Мария||Иванова"),
        ("Лев Толстой", "russian", "Лев||Толстой"),
        ("Яков Полонский", "russian", "Яков||Полонский"),
        ("Василий Толстой", "russian", "Василий||Толстой"),
        ("Aliyev Heydar Alirza oglu", None, "Heydar|Alirza oglu|Aliyev"),
        ("Xiaoping Deng", "chinese", "Xiaoping||Deng"),
        ("Li Wei", "chinese", "Wei||Li"),
        ("Chan Tai Man, Peter", "chinese", "COMMAS"),
        ("王明", "chinese", "明||王"),
        ("毛泽东", None, "SCRIPT"),
        ("约翰·史密斯", None, "约翰||史密斯"),
        ("山田太郎", "japanese", "太郎||山田"),
        ("黒澤 明", None, "明||黒澤"),
        ("Akira Kurosawa", "japanese", "Akira||Kurosawa"),
        ("Foo Bar", "japanese", "ORDER"),
        ("Văn Thiệu Nguyễn", "vietnamese", "Thiệu|Văn|Nguyễn"),
        ("Nguyen Van Thieu", None, "ORDER"),
        ("Béla Bartók", "hungarian", "Béla||Bartók"),
        ("Kovács Jánosné", "hungarian", "HUSBAND"),
        ("Kovácsné Nagy Mária", "hungarian", "Mária||Kovácsné Nagy"),
        ("Jón Þór Sigurðsson", "icelandic", "Jón|Þór|Sigurðsson"),
        ("A. P. J. Abdul Kalam", "indian", "A.|P. J.|Abdul Kalam"),
        ("Ravi s/o Kumar", "indian", "Ravi||s/o Kumar"),
        ("Smith, John, Paul", None, "COMMAS"),
        ("Mary Smith (deceased)", None, "NOTE"),
        ("John Smith 12", None, "DIGITS"),
        ("John/Mary Smith", None, "PERSONS"),
        ("Müller KG", "german", "FIRM"),
        ("Perez S.A.", None, "FIRM"),
        ("Dr. Smith", None, "SINGLE"),
    ],
)
def test_names_of_many_cultures(text: str, culture: Any, expected: str) -> None:
    assert short(text, culture) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Prof. Dr. med. habil. Hans Schmidt", {"title": "Prof Dr med habil"}),
        ("The Rt. Hon. Winston Churchill", {"title": "Rt Hon"}),
        ("Smith, Jr., John", {"suffix": "Jr"}),
        ("John Smith Ph.D., M.D.", {"suffix": "PhD MD"}),
        ("Smith, John Ph. D.", {"suffix": "PhD"}),
        ("Mary Smith MA", {"suffix": "MA"}),
        ("Juan Pérez (h)", {"suffix": "h"}),
        ("William 'Bill' Clinton", {"nickname": "Bill"}),
        ("William (Bill) Clinton", {"nickname": "Bill"}),
        ("Angela Merkel, geb. Kasner", {"maiden": "Kasner"}),
        ("Max Born", {}),
    ],
)
def test_what_stands_around_a_name(text: str, expected: dict[str, str]) -> None:
    found = parts(text)
    assert not isinstance(found, Undecided)
    assert {
        part: value for part, value in found.items() if part not in ("first", "middle", "last")
    } == expected


def test_what_may_be_a_surname_is_no_suffix() -> None:
    assert short("Ma, Yo-Yo") == "Yo-Yo||Ma"
    assert short("Carlos Neto", "portuguese") == "Carlos||Neto"


WORDS = """
    Anna Bruno Clara Dieter Emma O'Hara Smith-Jones García y e & and van de la bin Al- Abd JR Jr. Dr. (Bill)
    "Bob" née MD Ltd J. J.R. X 欧阳修 김 田中 太郎 Иванович Иванов , ,, · 3rd 12 Nguyễn Kovácsné SMITH
    a/l v.d. d'
"""
PLAIN = st.sampled_from(WORDS.split())


@given(
    st.lists(PLAIN, max_size=7).map(" ".join) | st.text(max_size=25),
    st.sampled_from(CULTURES),
    st.booleans() | st.none(),
)
@settings(max_examples=400, deadline=None)
def test_no_letter_is_invented_and_a_name_has_two_parts(text: str, culture: Any, order: bool | None) -> None:
    found = RulesParser(culture)(text, order)
    if isinstance(found, Undecided):
        return
    assert found.parts["first"]
    assert found.parts["last"]
    held = "".join(found.parts.values())
    for letter in set(held) - set(" ."):
        assert held.count(letter) <= text.count(letter)


@given(st.lists(st.sampled_from(["anna", "bruno", "clara", "dora", "emil", "frida"]), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None)
def test_both_parsers_agree_on_plain_western_names(words: list[str]) -> None:
    text = " ".join(words).title()
    mine, theirs = RulesParser()(text), LibraryParser()(text)
    assert isinstance(mine, Split)
    assert isinstance(theirs, Split)
    assert mine.parts == theirs.parts


def split(
    texts: list[str | None], counts: list[int] | None = None, **step: Any
) -> tuple[pl.DataFrame, Applied]:
    applied = SplitName(**step).apply(
        pl.DataFrame({"name": texts}, schema={"name": pl.String}),
        np.array(counts or [1] * len(texts)),
        Context(),
    )
    return pl.DataFrame(dict(applied.columns)), applied


FORENAMES = ["Anna", "Bruno", "Clara", "Dieter", "Emma", "Fritz", "Greta", "Hugo"]
SURNAMES = ["Abel", "Bauer", "Cramer", "Dorn", "Ebert", "Fuchs", "Gross", "Huber", "Illner", "Jahn"]
PAIRS = [(forename, surname) for forename in FORENAMES for surname in SURNAMES]


def test_commas_tell_the_order_of_the_rest() -> None:
    texts = [f"{s}, {f}" if k % 3 == 0 else f"{s} {f}" for k, (f, s) in enumerate(PAIRS)]
    frame, applied = split(texts)
    assert list(zip(frame["name_first"], frame["name_last"], strict=True)) == PAIRS
    assert applied.changed["order told from the frequencies of names"].sum() == 53
    assert not applied.reported


def test_the_majority_turns_single_names_round() -> None:
    reversed_ = {3, 17, 42, 66}
    texts = [f"{s} {f}" if k in reversed_ else f"{f} {s}" for k, (f, s) in enumerate(PAIRS)]
    frame, applied = split(texts, [5] * 80)
    assert list(zip(frame["name_first"], frame["name_last"], strict=True)) == PAIRS
    assert set(applied.changed["order told from the frequencies of names"].nonzero()[0]) == reversed_


def test_a_column_in_both_orders_is_reported_not_guessed() -> None:
    rng = np.random.default_rng(5)
    swapped = rng.permutation(np.arange(80) % 2).astype(bool)
    texts = [f"{s} {f}" if other else f"{f} {s}" for other, (f, s) in zip(swapped, PAIRS, strict=True)]
    frame, applied = split(texts)
    wrong = sum(
        last is not None and last != surname
        for last, (_, surname) in zip(frame["name_last"], PAIRS, strict=True)
    )
    assert wrong == 0
    assert applied.reported["surname or forename first"].sum() == frame["name_last"].null_count() > 40


def test_without_evidence_western_order() -> None:
    frame, applied = split(["Abel Anna", "Bauer Bruno"])
    assert frame["name_last"].to_list() == ["Anna", "Bruno"]
    assert not applied.reported


def test_tables_of_names_tell_the_order(tmp_path: Path) -> None:
    for name, words in (("forenames", FORENAMES), ("surnames", SURNAMES)):
        pl.DataFrame({"name": words, "records": [1_000] * len(words)}).write_csv(tmp_path / f"{name}.csv")
    texts = [f"{s} {f}" for f, s in PAIRS]
    frame, _ = split(
        texts, forenames=str(tmp_path / "forenames.csv"), surnames=str(tmp_path / "surnames.csv")
    )
    assert list(zip(frame["name_first"], frame["name_last"], strict=True)) == PAIRS


def test_tables_decide_what_the_custom_leaves_open(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["Zhang"], "records": [900]}).write_csv(tmp_path / "s.csv")
    pl.DataFrame({"name": ["Ziyi"], "records": [900]}).write_csv(tmp_path / "f.csv")
    assert split(["Zhang Ziyi"])[0]["name_last"].to_list() == [None]
    frame, _ = split(["Zhang Ziyi"], forenames=str(tmp_path / "f.csv"), surnames=str(tmp_path / "s.csv"))
    assert frame.row(0) == (None, "Ziyi", None, "Zhang", None)


def test_an_order_that_is_given_holds() -> None:
    assert split(["Abel Anna"], order="surname_first")[0]["name_last"].to_list() == ["Abel"]
    # But what a name itself says is stronger than what is said of its file.
    assert split(["ABEL Anna", "Abel, Anna"], order="given_first")[0]["name_last"].to_list() == [
        "ABEL",
        "Abel",
    ]


def test_parts_go_where_they_are_sent_and_what_was_found_is_counted() -> None:
    step = SplitName(into={"last": "surname", "nickname": "called"})
    assert step.writes("name") == ("surname", "called")
    frame, applied = split(['Dr. William "Bill" Clinton', None, "Cher"], into=step.into)
    assert frame.to_dict(as_series=False) == {
        "surname": ["Clinton", None, None],
        "called": ["Bill", None, None],
    }
    assert {rule: mask.tolist() for rule, mask in applied.changed.items()} == {
        f"{part} found": [True, False, False] for part in ("title", "first", "last", "nickname")
    }
    assert {why: mask.tolist() for why, mask in applied.reported.items()} == {
        "a single word: forename or surname": [False, False, True]
    }


def test_the_library_is_an_alternative() -> None:
    frame, applied = split(["Dr. Martin Luther King, Jr.", "Jane & John Doe"], parser="nameparser")
    assert frame.row(0) == ("Dr", "Martin", "Luther", "King", "Jr")
    assert frame.row(1) == (None,) * 5
    assert list(applied.reported) == ["more than one person"]


def test_processes_make_no_difference() -> None:
    texts = [
        f"{f} {s}{k}".translate(str.maketrans("0123456789", "abcdefghij"))
        for k in range(70)
        for f, s in PAIRS
    ]
    frame = pl.DataFrame({"name": texts})
    counts = np.ones(len(texts), np.int64)
    one, two = (
        SplitName().apply(frame, counts, Context(processes=processes)).columns for processes in (1, 2)
    )
    assert all(one[name].equals(two[name]) for name in one)


def test_capitals_mark_a_surname_only_among_small_letters() -> None:
    # The initial is not in small letters.
    assert short("SMITH MARY A", surname_first=True) == "MARY|A|SMITH"
    assert short("SMITH Mary A") == "Mary|A|SMITH"


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="at least one part"):
        SplitName(into={})
    with pytest.raises(SpecError, match="a field of its own"):
        SplitName(into={"first": "x", "last": "x"})
    with pytest.raises(SpecError, match=r'into\.forename: found "forename", expected one of "title"'):
        SplitName(into={"forename": "x"})  # type: ignore[dict-item]
    with pytest.raises(SpecError, match="culture"):
        SplitName(culture="martian")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="over the field 'name'"):
        SplitName(into={"last": "name"}).writes("name")
    table = tmp_path / "names.csv"
    with pytest.raises(InputError, match=r"names\.csv"):
        SplitName(forenames=str(table)).check()
    table.write_text("name,records\nAnna,many\n")
    with pytest.raises(InputError, match=r"names\.csv: row 1 has no whole number of records"):
        SplitName(surnames=str(table)).check()
