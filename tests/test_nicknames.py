"""Dictionaries of names and their versions, and the step that writes versions out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tallystick as ts
from tallystick._nicknames import NICKNAME_CULTURES, generated_nicknames, own_names_in, versions_in
from tallystick.comparisons.dictionaries import dictionary_files
from tallystick.errors import InputError, SpecError
from tallystick.preparation.nicknames import dictionary_of, known_pairs, read_nicknames, versions_of
from tallystick.preparation.steps.nickname import FullNameOfNickname
from tallystick.preparation.steps.step import Applied, Context
from tallystick.spec import load_spec, resolved


def applied(texts: list[str | None], **settings: object) -> Applied:
    values = pl.DataFrame({"forename": pl.Series(texts, dtype=pl.String)})
    return FullNameOfNickname(**settings).apply(values, np.ones(len(texts), np.int64), Context())  # type: ignore[arg-type]


def written(texts: list[str | None], **settings: object) -> list[str | None]:
    return applied(texts, **settings).columns["forename"].to_list()


@pytest.mark.parametrize("culture", NICKNAME_CULTURES)
def test_a_dictionary_holds_each_pair_once_and_no_name_as_its_own_version(culture: str) -> None:
    names = versions_in(culture)
    assert len(names) >= 60
    for name, versions in names.items():
        assert len(set(versions)) == len(versions)
        assert name == name.strip()
        assert name not in versions
        assert all(one == one.strip() and one for one in versions)


@pytest.mark.parametrize(
    ("culture", "version", "name"),
    [
        ("english", "peggy", "margaret"),
        ("german", "sepp", "josef"),
        ("french", "babette", "élisabeth"),
        ("spanish", "paco", "francisco"),
        ("italian", "beppe", "giuseppe"),
        ("dutch", "kees", "cornelis"),
        ("russian", "саша", "александр"),
        ("russian", "sasha", "aleksandr"),
        ("polish", "gosia", "małgorzata"),
        ("scandinavian", "lasse", "lars"),
    ],
)
def test_well_known_versions(culture: str, version: str, name: str) -> None:
    found = versions_of(pl.Series([None, version, name]), dictionary_of(culture))
    assert found.explode(np.array([1], np.int32))[1].tolist() == [1, 2]
    other = next(one for one in NICKNAME_CULTURES if one not in (culture, "russian", "italian", "german"))
    assert versions_of(pl.Series([None, version, name]), dictionary_of(other)).explode(
        np.array([1], np.int32)
    )[1].tolist() in ([1], [1, 2])


def test_what_persons_are_generated_with_is_part_of_the_english_dictionary() -> None:
    everything = versions_in("english")
    for name, versions in generated_nicknames().items():
        assert set(versions) <= set(everything[name])


def test_cultures_and_files_together(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    pl.DataFrame({"name": ["Wolfgang", "Xenia"], "version": ["Wolle", "Xeni"]}).write_csv(path)
    names = dictionary_of(["german", str(path)])
    assert names["Xenia"] == ["Xeni"]
    assert names["Wolfgang"] == ["Wolf", "Wolfi", "Wolle"]
    assert dictionary_of("polish") == versions_in("polish")


def test_accents_do_not_count() -> None:
    pairs = known_pairs({"José": ["Pépe"]}).rows()
    assert set(pairs) == {(v, f) for v in ("pépe", "pepe") for f in ("josé", "jose")}
    found = versions_of(pl.Series([None, "pepe", "jose", "josé"]), {"José": ["Pepe"]})
    assert found.explode(np.array([1], np.int32))[1].tolist() == [1, 2, 3]
    assert found.explode(np.array([2], np.int32))[1].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name,nick\na,b\n", r"there is no column 'version'.*those that come with the package are english"),
        ("name,version\na,\n", "row 1 has no version"),
        (None, "there is no such file"),
    ],
)
def test_bad_files(tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "names.csv"
    if content is not None:
        path.write_text(content)
    for use in (
        lambda: read_nicknames(path),
        lambda: FullNameOfNickname(path=str(path)).check(),
        lambda: ts.forename(nicknames=str(path)).prepare(
            (pl.Series([None, "a"]),), (pl.Series([None]),), False
        ),
    ):
        with pytest.raises(InputError, match=said):
            use()


# The step


def test_a_version_of_one_name_is_written_out() -> None:
    found = applied(["Bob", "PEG", "bob", "Robert", None, "Zz", " Bob "])
    assert found.columns["forename"].to_list() == [
        "Robert",
        "MARGARET",
        "robert",
        "Robert",
        None,
        "Zz",
        "Robert",
    ]
    ((rule, changed),) = found.changed.items()
    assert changed.tolist() == [True, True, True, False, False, False, True]
    assert "bob" not in rule.lower()
    assert not found.reported


def test_a_version_of_several_names_is_reported() -> None:
    found = applied(["Alex", "Annie", "Bob"])
    assert found.columns["forename"].to_list() == ["Alex", "Annie", "Robert"]
    (reported,) = found.reported.values()
    assert reported.tolist() == [True, True, False]


def test_a_full_name_stays_though_it_is_a_version_of_another() -> None:
    assert "NANCY" in versions_in("english")["ANN"]
    found = applied(["Nancy"])
    assert found.columns["forename"].to_list() == ["Nancy"]
    assert not found.reported
    assert not found.changed


def test_a_version_that_is_a_name_of_its_own_is_left(tmp_path: Path) -> None:
    own = ["Neil", "Roy", "Vera", "LISA", "Robin"]
    found = applied([*own, "Bob"])
    assert found.columns["forename"].to_list() == [*own, "Robert"]
    assert found.reported["a version that is a given name of its own"].tolist() == [True] * 5 + [False]
    assert written(["Kurt", "Klaus", "Götz", "Gotz"], cultures="german") == ["Kurt", "Klaus", "Götz", "Gotz"]
    assert written(["Paul", "Martin"], cultures="dutch") == ["Paul", "Martin"]
    # What the user says in a file of his own holds.
    path = tmp_path / "own.csv"
    path.write_text("name,version\nCornelius,Neil\n")
    assert written(["Neil", "Roy"], cultures="english", path=str(path)) == ["Cornelius", "Roy"]


@pytest.mark.parametrize("culture", NICKNAME_CULTURES)
def test_names_of_their_own_are_versions_and_comparisons_do_not_mind_them(culture: str) -> None:
    every = {version for versions in versions_in(culture).values() for version in versions}
    assert own_names_in(culture) < every


def test_cultures_of_the_step(tmp_path: Path) -> None:
    assert written(["Pepe", "Ivan", "Sepp"], cultures="spanish") == ["José", "Ivan", "Sepp"]
    assert written(["Миша"], cultures=["russian"]) == ["Михаил"]
    assert written(["JOSE LUIS", "pepelu"], cultures="spanish") == ["JOSE LUIS", "josé luis"]
    path = tmp_path / "own.csv"
    path.write_text("name,version\nXenia,Xeni\n")
    step = FullNameOfNickname(path=str(path))
    assert step.dictionaries == (str(path),)
    assert written(["Xeni", "Bob"], path=str(path)) == ["Xenia", "Bob"]
    assert written(["Xeni", "Bob"], path=str(path), cultures="english") == ["Xenia", "Robert"]
    with pytest.raises(SpecError, match="klingon"):
        FullNameOfNickname(cultures="klingon")  # type: ignore[arg-type]


every = sorted(
    {
        one
        for culture in NICKNAME_CULTURES
        for full, some in versions_in(culture).items()
        for one in (full, *some)
    }
)
cased = st.sampled_from(every).flatmap(
    lambda one: st.sampled_from([one, one.upper(), one.lower(), one.title()])
)
values = st.lists(st.one_of(st.none(), st.text(max_size=5), cased), max_size=12, unique=True)


@given(values, st.lists(st.sampled_from(NICKNAME_CULTURES), min_size=1, max_size=3, unique=True))
@settings(max_examples=40, deadline=None)
def test_done_once_is_done(texts: list[str | None], cultures: list[str]) -> None:
    first = applied(texts, cultures=cultures)
    once = first.columns["forename"]
    again = applied(once.to_list(), cultures=cultures)
    assert again.columns["forename"].equals(once)
    assert not again.changed
    names = {name.casefold() for name in dictionary_of(cultures)}
    changed = np.zeros(len(texts), bool)
    for rule in first.changed.values():
        changed |= rule
    for old, new, was in zip(texts, once, changed, strict=True):
        assert (old != new) == was
        if was:
            assert new is not None
            assert new.casefold() in names


# In a specification


def test_paths_of_dictionaries_are_joined_and_cultures_are_not(tmp_path: Path) -> None:
    spec = ts.Spec(
        comparisons=[
            ts.comparison("a", ts.forename(nicknames=["german", "own.csv"])),
            ts.comparison("b", ts.any_of(ts.forename(nicknames="own.csv"))),
            ts.comparison(ts.levels(~ts.agrees("c", ts.forename(nicknames="${NOWHERE:-own}.csv")))),
            ts.comparison("d", ts.exact()),
        ],
        passes=[ts.all_pairs()],
        match=ts.Match(keys=[ts.match_key(ts.nickname("a"))], nicknames="polish"),
    )
    ready = resolved(spec, "/data")
    files = [list(dictionary_files(one.comparator)) for one in ready.comparisons]
    assert files == [["/data/own.csv"], ["/data/own.csv"], ["/data/own.csv"], []]
    assert ready.match is not None
    assert ready.match.nicknames == "polish"


def test_match_keys_take_a_culture() -> None:
    left = pl.DataFrame({"id": ["1", "2"], "given": ["Gosia", "Kuba"]})
    right = pl.DataFrame({"id": ["1", "2"], "given": ["Jakub", "Małgorzata"]})
    linkage = ts.Linkage(match=ts.Match(keys=[ts.match_key(ts.nickname("given"))], nicknames="polish"))
    found = linkage.match(left, right).pairs
    pairs = set(found.select("id_left", "id_right").rows())
    assert pairs == {("1", "2"), ("2", "1")}


def test_a_specification_names_the_place_of_a_dictionary_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,given\n1,bob\n2,rob\n")
    (tmp_path / "spec.toml").write_text(
        """
[[sources]]
name = "a"
path = "a.csv"
id = "id"

[[comparisons]]
field = "given"
comparator = { type = "forename", nicknames = ["english", "none.csv"] }

[[passes]]
type = "all_pairs"
"""
    )
    spec = load_spec(tmp_path / "spec.toml")
    with pytest.raises(
        InputError, match=r'comparison "given", nicknames, .*none\.csv: there is no such file'
    ):
        ts.Linkage(spec=spec, folder=tmp_path).fit()


def test_the_first_word_alone_is_written_out_where_it_is_asked_for() -> None:
    values = ["tom baron clifford", "alex smith", "  BOB", None, "thomas tom", "nobody here"]
    found = applied(values, first_word=True)
    expected = ["thomas baron clifford", "alex smith", "ROBERT", None, "thomas tom", "nobody here"]
    assert found.columns["forename"].to_list() == expected
    assert [int(mask.sum()) for mask in found.changed.values()] == [2]
    assert [int(mask.sum()) for mask in found.reported.values()] == [1]
