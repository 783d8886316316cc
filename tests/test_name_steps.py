"""Steps on names: words removed, standard spellings, corrected spellings, swapped names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import DamerauLevenshtein

from tallystick.errors import InputError, SpecError
from tallystick.preparation.names.neighbours import is_one_edit, one_edit_apart
from tallystick.preparation.steps.correct_spelling import CorrectSpelling
from tallystick.preparation.steps.remove_words import RemoveWords
from tallystick.preparation.steps.spelling import StandardSpelling
from tallystick.preparation.steps.step import Applied, Context, PreparationStep
from tallystick.preparation.steps.swapped_names import SwappedNames
from tallystick.preparation.words.files import shipped


def applied(step: PreparationStep, records: pl.DataFrame) -> tuple[pl.DataFrame, Applied, pl.DataFrame]:
    """The records after a step, what it said, and the distinct values that it saw."""
    seen = records.group_by(records.columns, maintain_order=True).len("n")
    result = step.apply(seen.drop("n"), seen["n"].to_numpy().astype(np.int64), Context())
    after = seen.drop("n").with_columns(
        *(column.alias(f"new {name}") for name, column in result.columns.items())
    )
    joined = records.join(after, on=records.columns, how="left", nulls_equal=True, maintain_order="left")
    return joined.select(pl.col(f"new {name}").alias(name) for name in records.columns), result, seen


def texts(values: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"name": values}, schema={"name": pl.String})


def change(step: PreparationStep, *values: str | None) -> list[str | None]:
    return applied(step, texts(list(values)))[0]["name"].to_list()


# Words that are removed


def test_words_are_removed_whole() -> None:
    step = RemoveWords(dictionary="titles", words=("of the house",))
    assert change(
        step, "Dr. Anna Drake", "Mrs Mrsic", "prof.  dr.  Anna ", "Anna of the House Smith", None
    ) == [
        "Anna Drake",
        "Mrsic",
        "Anna",
        "Anna Smith",
        None,
    ]
    assert change(RemoveWords(dictionary="suffixes"), "Smith, Jr.", "John Smith Ph.D.") == [
        "Smith",
        "John Smith",
    ]
    assert change(RemoveWords(dictionary="firms"), "Müller GmbH & Co. KG") == ["Müller"]


def test_what_would_be_empty_stays_and_is_reported() -> None:
    _, result, _ = applied(RemoveWords(words=("dr", "mr")), texts(["Dr Mr", "Dr Who", ""]))
    assert result.columns["name"].to_list() == ["Dr Mr", "Who", ""]
    assert {rule: mask.tolist() for rule, mask in result.changed.items()} == {
        'word "dr"': [False, True, False]
    }
    assert [mask.tolist() for mask in result.reported.values()] == [[True, False, False]]


def test_a_short_legal_form_is_removed_only_at_the_end() -> None:
    firms = ["AS Roma SpA", "Müller GmbH & Co. KG", "Kaffee AS", "Co Op Ltd"]
    records, _, _ = applied(RemoveWords(dictionary="firms"), texts([*firms]))
    assert records["name"].to_list() == ["AS Roma", "Müller", "Kaffee", "Co Op"]
    # The user's own words are removed wherever they stand.
    records, _, _ = applied(RemoveWords(dictionary="firms", words=("as",)), texts(["AS Roma SpA"]))
    assert records["name"].to_list() == ["Roma"]


def test_a_misspelt_dictionary_of_the_package_is_told() -> None:
    with pytest.raises(InputError, match=r'found "title", expected one of .* or the path .*mean "titles"\?'):
        RemoveWords(dictionary="/data/title").check()


@pytest.mark.parametrize("content", [b"variant,standard\nm\xfcller,mueller\n", b"", b"a,b\nx,y\n", None])
def test_messages_of_a_dictionary_know_no_sources(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"CSV in UTF-8 with a header, with the columns 'variant'") as caught:
        StandardSpelling(dictionary=str(path)).check()
    assert "source" not in str(caught.value)
    assert "encoding" not in str(caught.value)


def test_a_step_without_words_to_remove_is_refused() -> None:
    with pytest.raises(SpecError, match="give dictionary, words, or both"):
        RemoveWords()


def test_a_known_forename_is_not_corrected() -> None:
    frame = texts(["Danielle"] * 3000 + ["Daniele", "Danelle", "Andrea"] + ["Andreas"] * 3000)
    records, _, _ = applied(CorrectSpelling(), frame)
    assert records["name"].tail(3003).head(3).to_list() == ["Daniele", "Danielle", "Andrea"]


WORDS = st.lists(st.sampled_from(["dr", "Dr.", "DR,", "a", "b", "A B", "c", "Ph.D.", " "]), max_size=6).map(
    " ".join
)


@given(
    st.lists(WORDS, max_size=5),
    st.lists(st.sampled_from(["dr", "a b", "a", "b c", "phd"]), min_size=1, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_removing_words_again_changes_nothing(values: list[str], words: list[str]) -> None:
    step = RemoveWords(words=tuple(words))
    once, result, seen = applied(step, texts(list(values)))
    twice, again, _ = applied(step, once)
    assert once.equals(twice)
    assert not again.changed
    touched = np.logical_or.reduce(list(result.changed.values()) or [np.zeros(len(seen), bool)])
    assert touched.tolist() == seen["name"].ne_missing(result.columns["name"]).to_list()


def test_a_file_of_words(tmp_path: Path) -> None:
    path = tmp_path / "words.csv"
    path.write_text("word\nwidow of\nold\n")
    step = RemoveWords(dictionary=str(path))
    assert step.files() == {"dictionary": str(path)}
    assert RemoveWords(dictionary="titles").files() == {}
    assert change(step, "Widow of Old Smith") == ["Smith"]
    path.write_text("wort\nold\n")
    with pytest.raises(InputError, match="word"):
        step.check()
    with pytest.raises(InputError, match="absent"):
        RemoveWords(dictionary=str(tmp_path / "absent.csv")).check()


@pytest.mark.parametrize(
    ("name", "least"),
    [("titles", 150), ("suffixes", 100), ("particles", 90), ("firms", 150), ("known_names", 500)],
)
def test_shipped_lists_hold_each_word_once(name: str, least: int) -> None:
    table = shipped(name)
    assert len(table) >= least
    assert table.is_unique().all()
    keys = table.select(table.columns[:2] if name in ("titles", "particles") else table.columns[:1])
    if name != "known_names":
        assert keys.is_unique().all()
    first = table.to_series()
    assert first.null_count() == 0
    assert (first == first.str.strip_chars()).all()
    if name != "known_names":
        assert (first == first.str.to_lowercase()).all()


# Standard spellings


def dictionary(tmp_path: Path, *rows: str) -> StandardSpelling:
    path = tmp_path / "spellings.csv"
    path.write_text("\n".join(["variant,standard", *rows]) + "\n")
    return StandardSpelling(dictionary=str(path))


def test_spellings_follow_chains(tmp_path: Path) -> None:
    step = dictionary(tmp_path, "jhon,john", "john,John", "johan,jhon", "jhon,john")
    once = change(step, "JOHAN", " Jhon", "john", "Johanna", None)
    assert once == ["John", "John", "John", "Johanna", None]
    assert change(step, *once) == once


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a,b", "b,c", "c,A"], "a -> b -> c -> a"),
        (["a,b", "A,c"], "row 2 gives 'A' a second standard"),
        (["a,"], "row 1 of the spellings lacks a value"),
    ],
)
def test_spellings_that_contradict_themselves(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dictionary(tmp_path, *rows).check()


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("abcdefghIJ"), max_size=6))
@settings(max_examples=40, deadline=None)
def test_standard_spellings_are_final(tmp_path_factory: Any, rows: dict[str, str]) -> None:
    step = dictionary(tmp_path_factory.mktemp("s"), *(f"{old},{new}" for old, new in rows.items()))
    try:
        step.check()
    except InputError:
        return
    once = change(step, *"abcdefghij")
    assert change(step, *(value or "" for value in once)) == once


# Corrected spellings


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
@settings(max_examples=300)
def test_one_edit_is_that_of_rapidfuzz(a: str, b: str) -> None:
    assert is_one_edit(a, b) == (DamerauLevenshtein.distance(a, b) == 1)


@given(st.sets(st.text("abć", min_size=1, max_size=5), max_size=12), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_neighbours_are_all_that_brute_force_finds(words: set[str], cut: int) -> None:
    every = sorted(words)
    rare, frequent = every[:cut], every[cut:]
    found = one_edit_apart(pl.Series(rare, dtype=pl.String), pl.Series(frequent, dtype=pl.String)).rows()
    assert len(set(found)) == len(found)
    assert set(found) == {(a, b) for a in rare for b in frequent if DamerauLevenshtein.distance(a, b) == 1}


def column(counts: dict[str, int]) -> pl.DataFrame:
    return texts([value for value, n in counts.items() for _ in range(n)])


def corrected(counts: dict[str, int], **settings: Any) -> dict[str, str]:
    """Values that became others."""
    records = column(counts)
    after, result, _ = applied(CorrectSpelling(**settings), records)
    assert list(result.changed) in ([], ["one edit from a frequent value"])
    pairs = zip(records["name"], after["name"], strict=True)
    return {old: new for old, new in pairs if old != new}


def test_a_rare_value_becomes_the_frequent_one() -> None:
    counts = {"Johnson": 600, "Johsnon": 1, "johnsson": 1, "Ojhnson": 1, "Jonson": 2, "Jhnsn": 1}
    assert corrected(counts) == {"Johsnon": "Johnson", "johnsson": "Johnson"}
    assert corrected(counts, same_first_letter=False)["Ojhnson"] == "Johnson"
    assert corrected(counts, ratio=300)["Jonson"] == "Johnson"
    assert corrected(counts, least=700) == {}
    assert corrected(counts, min_length=8) == {"johnsson": "Johnson"}


def test_known_and_short_values_and_numbers_stay(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text("name\nJOHNSTON\n")
    counts = {"johnson": 600, "Johnston": 1, "anne": 600, "anna": 1, "flat 12": 600, "flat 13": 1}
    assert corrected(counts, known=str(path)) == {}
    assert corrected(counts) == {"Johnston": "johnson"}
    path.write_text("label\nx\n")
    with pytest.raises(InputError, match="name"):
        CorrectSpelling(known=str(path)).check()


def test_several_candidates_are_reported() -> None:
    _, result, seen = applied(CorrectSpelling(), column({"harper": 600, "harder": 600, "harter": 1}))
    assert result.columns["name"].to_list() == ["harper", "harder", "harter"]
    assert seen["name"].filter(
        pl.Series(result.reported["one edit from several frequent values"])
    ).to_list() == ["harter"]


WORD_COUNTS = st.dictionaries(
    st.text("abA", min_size=1, max_size=4), st.sampled_from([1, 1, 2, 3, 5, 9, 10, 20, 45, 100]), max_size=8
)


@given(WORD_COUNTS, st.sampled_from([1.5, 2.0, 5.0]), st.sampled_from([2, 5, 20]))
@settings(max_examples=150, deadline=None)
def test_correcting_again_changes_nothing(counts: dict[str, int], ratio: float, least: int) -> None:
    step = CorrectSpelling(min_length=2, ratio=ratio, least=least)
    once, _, _ = applied(step, column(counts))
    twice, again, _ = applied(step, once)
    assert once.equals(twice)
    assert not again.changed


# Swapped names


def sample(n: int, rate: float, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """Persons of the United States of 1990 by the frequencies of package `names`, some swapped."""

    def names(*tables: str) -> tuple[list[str], np.ndarray]:
        rows = [
            line.split()
            for table in tables
            for line in files("names").joinpath(f"dist.{table}").read_text().splitlines()
        ]
        shares = np.array([float(row[1]) for row in rows])
        return [row[0] for row in rows], shares / shares.sum()

    rng = np.random.default_rng(seed)
    forenames, of_forenames = names("female.first", "male.first")
    surnames, of_surnames = names("all.last")
    first, last = rng.choice(forenames, n, p=of_forenames), rng.choice(surnames, n, p=of_surnames)
    swapped = rng.random(n) < rate
    return (
        pl.DataFrame({"first": np.where(swapped, last, first), "last": np.where(swapped, first, last)}),
        swapped,
    )


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.1])
def test_swaps_are_found_and_hardly_any_made(rate: float) -> None:
    pytest.importorskip("names")
    records, swapped = sample(40_000, rate, seed=3)
    after, result, _ = applied(SwappedNames(forename="first", surname="last"), records)
    turned = (after["first"] != records["first"]).to_numpy()
    assert (turned & ~swapped).sum() <= 3
    assert (turned & swapped).sum() >= 0.2 * swapped.sum()
    assert ("forename and surname may be swapped" in result.reported) == (rate > 0)


def test_pairs_that_contradict_one_another_stay() -> None:
    records = pl.DataFrame({"first": ["a"] * 50 + ["b"] * 50, "last": ["b"] * 50 + ["a"] * 50})
    after, result, _ = applied(SwappedNames(forename="first", surname="last"), records)
    assert after.equals(records)
    assert not result.changed


NAMES = st.sampled_from([None, "a", "A ", "b", "c", "d"])
RECORDS = st.lists(st.tuples(NAMES, NAMES, st.sampled_from([1, 2, 30, 400])), max_size=8)


@given(RECORDS, st.sampled_from([0.1, 1.0, 4.0]))
@settings(max_examples=150, deadline=None)
def test_swapping_again_changes_nothing(
    rows: list[tuple[str | None, str | None, int]], threshold: float
) -> None:
    records = pl.DataFrame(
        [(first, last) for first, last, n in rows for _ in range(n)],
        schema={"first": pl.String, "last": pl.String},
        orient="row",
    )
    step = SwappedNames(forename="first", surname="last", threshold=threshold)
    once, _, _ = applied(step, records)
    twice, again, _ = applied(step, once)
    assert once.equals(twice)
    assert not again.changed
    # What is swapped holds the same two values.
    pairs = zip(records.rows(), once.rows(), strict=True)
    assert all(new in (old, old[::-1]) for old, new in pairs)


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(InputError, match="two fields"):
        SwappedNames(forename="name", surname="name").reads("name")
    with pytest.raises(SpecError, match="threshold"):
        SwappedNames(forename="a", surname="b", threshold=0)
    with pytest.raises(SpecError, match="ratio"):
        CorrectSpelling(ratio=1)
