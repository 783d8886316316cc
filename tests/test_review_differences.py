"""Two texts in pieces: nothing lost, no side preferred, and as few edits as there can be."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from tallystick.review.differences import Piece, characters, differences

TEXTS = st.text(alphabet="abcd -1\u0301é", max_size=12)
ANY = st.text(max_size=20) | TEXTS


def joined(pieces: tuple[Piece, ...]) -> str:
    return "".join(piece.text for piece in pieces)


@given(ANY, ANY)
def test_pieces_joined_give_the_texts(left: str, right: str) -> None:
    found = differences(left, right)
    assert (joined(found.left), joined(found.right)) == (left, right)
    assert found.differ == (left != right)


@given(ANY)
def test_equal_texts_have_no_difference(text: str) -> None:
    assert not differences(text, text).differ


@given(ANY, ANY)
def test_sides_are_alike(left: str, right: str) -> None:
    one, other = differences(left, right), differences(right, left)
    assert (one.left, one.right) == (other.right, other.left)


@given(ANY, ANY)
def test_what_agrees_is_the_same_on_both_sides(left: str, right: str) -> None:
    found = differences(left, right)
    agreeing = [[piece.text for piece in side if not piece.differs] for side in (found.left, found.right)]
    assert agreeing[0] == agreeing[1]


@given(st.text(alphabet="abc", max_size=10), st.text(alphabet="abc", max_size=10))
def test_as_few_edits_as_there_can_be(left: str, right: str) -> None:
    """What is marked as differing costs as many edits as the distance of the two texts."""
    found = differences(left, right)
    agreeing = sum(len(piece.text) for piece in found.left if not piece.differs)
    distance = OSA.distance(left, right)
    if agreeing >= 0.4 * max(len(left), len(right), 1):
        marked = sum(OSA.distance(a, b) for a, b in _differing(left, right))
        assert marked == distance


def _differing(left: str, right: str) -> list[tuple[str, str]]:
    """Texts of the runs that differ, one beside the other."""
    found = differences(left, right)
    return [(a.text, b.text) for a, b in zip(found.left, found.right, strict=True) if a.differs]


@given(st.text(alphabet="ae\u0301\u0327 ", max_size=12))
def test_characters_keep_their_marks(text: str) -> None:
    parts = characters(text)
    assert "".join(parts) == text
    assert not any(unicodedata.combining(part[0]) for part in parts[1:])


@pytest.mark.parametrize(
    ("left", "right", "marked"),
    [
        ("smith", "smyth", [("i", "y")]),
        ("smiht", "smith", [("ht", "th")]),
        ("12 high street", "high street", [("12 ", "")]),
        ("high street", "high upper street", [("", "upper ")]),
        ("annabel", "franz", [("annabel", "franz")]),
        ("jose\u0301", "jose", [("e\u0301", "e")]),
        ("1984-05-12", "1948-05-12", [("84", "48")]),
        ("ann marie", "annmarie", [(" ", "")]),
    ],
)
def test_examples(left: str, right: str, marked: list[tuple[str, str]]) -> None:
    assert _differing(left, right) == marked


def test_missing_texts_differ_from_nothing() -> None:
    assert differences(None, "a").right == (Piece("a", False),)
    assert differences(None, "a").left == ()
    assert not differences(None, None).differ
    assert differences("", "a").differ


def test_long_texts_are_compared_word_by_word() -> None:
    words = [f"word{k}" for k in range(100)]
    left, right = " ".join(words), " ".join([*words[:50], "other", *words[51:]])
    assert _differing(left, right) == [("word50", "other")]
    huge = differences("x " * 3000 + "a", "y " * 3000 + "a")
    assert joined(huge.left) == "x " * 3000 + "a"
