"""Deterministic linkage: every link, candidate and reason against a plain search through all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import naive_match as naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_pairs import Record
from small_persons import encoded

from tallystick.blocking.keys import transform_values
from tallystick.blocking.passes import first, match_rating, metaphone, nysiis, soundex, year
from tallystick.blocking.plan import Kind
from tallystick.errors import InputError, SpecError
from tallystick.linking import deterministic
from tallystick.linking.deterministic import match
from tallystick.linking.match_codes import key_codes
from tallystick.linking.match_settings import Match, MatchKey, match_key, nickname
from tallystick.linking.matched import REASONS, Matched
from tallystick.preparation.nicknames import read_nicknames, versions_of

NAMES = {"robert": ("bob", "bert"), "herbert": ("bert",), "ann": ("annie",), "anna": ("annie",)}
FORENAMES = (None, "robert", "bob", "bert", "herbert", "ann", "anna", "annie", "an", "zoe")

rows = st.fixed_dictionaries(
    {
        "forename": st.sampled_from(FORENAMES),
        "surname": st.sampled_from((None, "reid", "reed", "nareid", "n areid")),
        "born": st.sampled_from((None, "1985-03-07", "1985-04-01", "1990-01-01")),
        "town": st.sampled_from((None, "york", "hull")),
    }
)
parts = st.sampled_from(
    [
        "forename",
        "surname",
        "born",
        "town",
        first("surname", 2),
        year("born"),
        soundex("surname"),
        nickname("forename"),
    ]
)


@st.composite
def some_key(draw: st.DrawFn) -> MatchKey:
    chosen = draw(st.lists(parts, min_size=1, max_size=4, unique=True))
    together = draw(st.booleans()) and nickname("forename") not in chosen
    least = draw(st.one_of(st.none(), st.integers(1, len(chosen))))
    return match_key(*chosen, at_least=least, concatenated=together)


def usable(records: Sequence[Record], sizes: Sequence[int], keys: Sequence[MatchKey]) -> bool:
    """Whether each source has some record with each key, as is asked for."""
    ends = np.cumsum([0, *sizes])
    return all(
        any(naive.agree(record, record, key, NAMES) for record in records[a:b])
        for key, (a, b) in product(keys, pairwise(ends))
    )


several = st.lists(some_key(), min_size=1, max_size=4, unique_by=lambda key: key.label)
quickly = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much], max_examples=80)


def run(
    records: Sequence[Record],
    sizes: Sequence[int],
    keys: Sequence[MatchKey],
    kind: Kind = "link",
    free: Sequence[bool] | None = None,
    many: bool = False,
) -> Matched:
    may = None if free is None else np.array(free)
    how = "many_to_many" if many else "one_to_one"
    return match(encoded(records, sizes), keys, kind, links=how, free=may, nicknames=NAMES)


def links_of(found: Matched) -> dict[tuple[int, int], int]:
    assert len({*zip(found.left.tolist(), found.right.tolist(), strict=True)}) == len(found.left)
    return {
        (a, b): k
        for a, b, k in zip(found.left.tolist(), found.right.tolist(), found.key.tolist(), strict=True)
    }


@quickly
@given(st.lists(rows, min_size=2, max_size=14), st.data())
def test_one_to_one_is_what_a_plain_search_finds(records: list[Record], data: st.DataObject) -> None:
    n_left = data.draw(st.integers(1, len(records) - 1))
    sizes = [n_left, len(records) - n_left]
    keys = [key for key in data.draw(several) if usable(records, sizes, [key])]
    free = data.draw(st.lists(st.booleans(), min_size=len(records), max_size=len(records)))
    free = [one or data.draw(st.booleans()) for one in free]
    found = run(records, sizes, keys, free=free)
    expected = naive.one_to_one(records, n_left, keys, free, NAMES)
    assert links_of(found) == expected.links
    unclear = found.ambiguous
    seen = {
        (row, key): (n, REASONS[reason])
        for row, key, n, reason in zip(
            unclear.row.tolist(),
            unclear.key.tolist(),
            unclear.candidates.tolist(),
            unclear.reason.tolist(),
            strict=True,
        )
    }
    assert seen == expected.ambiguous
    assert [(one.pairs, one.links) for one in found.counts] == expected.counts
    listed = {
        *zip(found.pairs.left.tolist(), found.pairs.right.tolist(), found.pairs.key.tolist(), strict=True)
    }
    assert listed == expected.listed  # nobody has more than ten candidates here
    linked = {row for pair in expected.links for row in pair}
    assert np.flatnonzero(found.free).tolist() == [
        row for row in range(len(records)) if free[row] and row not in linked
    ]


@quickly
@given(st.lists(rows, min_size=3, max_size=12), st.data())
def test_many_to_many_is_every_pair_with_its_first_key(records: list[Record], data: st.DataObject) -> None:
    kind: Kind = data.draw(st.sampled_from(["link", "dedupe", "link_and_dedupe"]))
    sizes = [len(records)] if kind == "dedupe" else [1, 1, len(records) - 2]
    keys = [key for key in data.draw(several) if usable(records, sizes, [key])]
    found = run(records, sizes, keys, kind, many=True)
    assert links_of(found) == naive.many_to_many(records, sizes, keys, kind, NAMES)
    assert not len(found.ambiguous.row)


@settings(quickly, max_examples=40)
@given(st.lists(rows, min_size=3, max_size=12), st.data())
def test_order_of_rows_and_of_sources_says_nothing(records: list[Record], data: st.DataObject) -> None:
    n_left = data.draw(st.integers(1, len(records) - 1))
    sizes = [n_left, len(records) - n_left]
    keys = [key for key in data.draw(several) if usable(records, sizes, [key])]
    plain = links_of(run(records, sizes, keys))
    order = [
        *data.draw(st.permutations(range(n_left))),
        *data.draw(st.permutations(range(n_left, len(records)))),
    ]
    shuffled = links_of(run([records[k] for k in order], sizes, keys))
    assert {(order[a], order[b]): key for (a, b), key in shuffled.items()} == plain
    swapped = links_of(run([*records[n_left:], *records[:n_left]], sizes[::-1], keys))
    n_right = len(records) - n_left
    assert {(b - n_right, a + n_left): key for (a, b), key in swapped.items()} == plain


def test_three_sources_are_linked_pair_by_pair() -> None:
    person = {"forename": "ann", "surname": "reid"}
    records = [person, person, person, {"forename": "zoe", "surname": "reid"}, person]
    found = run(records, [1, 1, 3], [match_key("forename", "surname")])
    assert links_of(found) == {(0, 1): 0}  # the third has two of them
    assert sorted(zip(found.ambiguous.row.tolist(), found.ambiguous.other.tolist(), strict=True)) == [
        (0, 2),
        (1, 2),
        (2, 0),
        (2, 1),
        (4, 0),
        (4, 1),
    ]
    assert found.counts[0].left == (0, 0, 3)


# What becomes of ambiguous records


def people(*texts: str) -> list[Record]:
    """Records as "forename surname town", each missing where it is a dash."""
    names = ("forename", "surname", "town")
    return [
        {name: None if value == "-" else value for name, value in zip(names, text.split(), strict=True)}
        for text in texts
    ]


NAME, TOWN = match_key("forename", "surname"), match_key("forename", "town")


def test_a_looser_key_settles_which_candidate_it_is() -> None:
    records = people("ann reid york", "ann reid york", "ann reid hull")
    found = run(records, [1, 2], [NAME, TOWN])
    assert links_of(found) == {(0, 1): 1}
    assert found.ambiguous.row.tolist() == [0, 1, 2]
    assert [REASONS[k] for k in found.ambiguous.reason] == [REASONS[0], REASONS[1], REASONS[1]]


def test_a_later_key_brings_in_no_other_candidate() -> None:
    """The name says that record 0 is 1 or 2; that it shares a town with 3 alone does not overrule that."""
    records = people("ann reid york", "ann reid -", "ann reid -", "ann reed york")
    found = run(records, [1, 3], [NAME, TOWN])
    assert links_of(found) == {}
    assert REASONS[found.ambiguous.reason[found.ambiguous.key == 1][0]] == REASONS[2]
    assert (0, 3, 0) in zip(
        found.pairs.left.tolist(), found.pairs.right.tolist(), found.pairs.contradicts.tolist(), strict=True
    )


def test_candidates_that_are_taken_speak_no_longer() -> None:
    """Two share the name of one record; once it is known whose it is, the other is free for a later key."""
    records = people("ann reid york", "ann reid hull", "ann reid york", "ann - hull")
    born = [{**record, "born": value} for record, value in zip(records, ("1", "2", "1", "9"), strict=True)]
    found = run(born, [2, 2], [NAME, match_key("born"), TOWN])
    assert links_of(found) == {(0, 2): 1, (1, 3): 2}


def test_what_an_earlier_key_forbids_makes_no_doubt_of_its_own() -> None:
    """Town says 3, which the name forbids; so date of birth may say 1, which the name allows."""
    records = people("ann reid york", "ann reid -", "ann reid -", "ann reed york")
    born = [{**record, "born": value} for record, value in zip(records, ("1", "1", "2", "3"), strict=True)]
    found = run(born, [1, 3], [NAME, TOWN, match_key("born")])
    assert links_of(found) == {(0, 1): 2}


def test_only_free_records_count() -> None:
    records = people("ann reid york", "ann reid york", "ann reid york")
    assert links_of(run(records, [1, 2], [NAME])) == {}
    assert links_of(run(records, [1, 2], [NAME], free=[True, False, True])) == {(0, 2): 0}
    with pytest.raises(InputError, match=r"free has the shape \(2,\), but there are 3 records"):
        run(records, [1, 2], [NAME], free=[True, True])


# Keys


def test_versions_that_no_free_record_has_are_no_other_name() -> None:
    records = people("bob reid hull", "rob reid hull", "ann reid york", "robert reid york")
    key = [match_key("town", nickname("forename"))]
    names = {"robert": ("bob", "rob")}
    found = match(encoded(records, [2, 2]), key, free=np.array([True, False, True, False]), nicknames=names)
    assert found.counts[0].pairs == 0
    assert not len(found.left)


def agree(a: str | None, b: str | None, key: MatchKey) -> bool:
    records = [{"forename": None, "surname": None, "x": value} for value in (a, b)]
    records += [{"forename": "ann", "surname": "reid", "x": "bob"}] * 2
    codes = key_codes(encoded(records, [3, 1]), key)
    return bool(codes.agree(np.array([0]), np.array([1]))[0])


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("bob", "robert", True),
        ("bob", "rob", True),
        ("bobby", "rob", True),
        ("annie", "ann", True),
        ("annie", "anna", True),
        ("ann", "anna", False),
        ("bert", "robert", True),
        ("bert", "albert", True),
        ("robert", "albert", False),
        ("zoltan", "zoltan", True),
        ("zoltan", "bob", False),
        (None, None, False),
    ],
)
def test_nicknames(a: str | None, b: str | None, same: bool) -> None:
    assert agree(a, b, match_key("x")) == (a == b is not None)
    assert agree(a, b, match_key(nickname("x"))) == agree(b, a, match_key(nickname("x"))) == same


@pytest.mark.parametrize(
    ("part", "a", "b", "other"),
    [
        (soundex("x"), "robert", "rupert", "rubin"),
        (metaphone("x"), "phillips", "filips", "pills"),
        (nysiis("x"), "müller", "muller", "mullins"),
        (nysiis("x"), "knight", "night", "nacht"),
        (match_rating("x"), "smith", "smithe", "smart"),
        (match_rating("x"), "ñandú", "nandu", "mandu"),
    ],
)
def test_phonetic_codes(part: object, a: str, b: str, other: str) -> None:
    key = match_key(part)  # type: ignore[arg-type]
    assert agree(a, b, key)
    assert not agree(a, other, key)


@given(st.text(max_size=6))
def test_phonetic_codes_take_any_text(text: str) -> None:
    for part in (metaphone("x"), nysiis("x"), match_rating("x")):
        code = transform_values(pl.Series([text]), part)[0]
        assert code is None or code


def test_text_put_together() -> None:
    records = people("ann amaria york", "anna maria york", "annamaria - york", "anna - york", "maria - york")
    both = key_codes(encoded(records, [1, 4]), match_key("forename", "surname", concatenated=True))
    assert [bool(both.agree(np.array([0]), np.array([k]))[0]) for k in range(1, 5)] == [
        True,
        False,
        False,
        False,
    ]
    some = match_key("forename", "surname", concatenated=True, at_least=1)
    found = key_codes(encoded(records, [1, 4]), some)
    assert [bool(found.agree(np.array([0]), np.array([k]))[0]) for k in range(1, 5)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_users_nicknames(tmp_path: object) -> None:
    path = f"{tmp_path}/names.csv"
    pl.DataFrame({"name": ["Aleksandr", "aleksandra"], "version": ["Sasha", "SASHA"]}).write_csv(path)
    values = pl.Series([None, "aleksandr", "aleksandra", "bob", "robert", "sasha"])
    found = versions_of(values, read_nicknames(path))
    assert found.explode(np.array([5], np.int32))[1].tolist() == [1, 2, 5]
    assert found.explode(np.array([3], np.int32))[1].tolist() == [3]  # the file stands for ours
    pl.DataFrame({"name": ["a"], "nick": ["b"]}).write_csv(path)
    with pytest.raises(InputError, match=r"there is no column 'version'; it has 'name', 'nick'"):
        read_nicknames(path)
    pl.DataFrame({"name": ["a", None], "version": ["b", "c"]}).write_csv(path)
    with pytest.raises(InputError, match="row 2 has no name"):
        read_nicknames(path)


# Large blocks


def crowd(n: int) -> list[Record]:
    return [{"town": "unknown", "x": str(k)} for k in range(n)]


def test_a_large_block_is_counted_not_listed() -> None:
    """Of 36 million pairs that agree, none is made."""
    found = run(crowd(12_000), [6_000, 6_000], [match_key("town"), match_key("town", "x", at_least=1)])
    assert not len(found.left)
    assert [one.pairs for one in found.counts] == [36_000_000, 36_000_000]
    assert set(found.ambiguous.candidates.tolist()) == {6_000}
    assert len(found.ambiguous.row) == 24_000
    assert not len(found.pairs.left)
    assert found.warnings[0] == (
        "Match key town: 6,000 of 6,000 records of source0 and 6,000 of 6,000 records of source1 share "
        "town = 'unknown', which makes 36,000,000 pairs, and none of them can be unique: add a part to the "
        "key, or empty the value in the source where it stands for unknown."
    )


def test_pairs_are_listed_where_a_record_has_few_candidates() -> None:
    records = [
        *people("ann reid york", "bob reid york"),
        *people(*["- reid york"] * 30),
        *people("bob - hull"),
    ]
    found = run(records, [2, 31], [match_key("surname"), match_key("forename")])
    assert found.counts[0].pairs == 60
    assert len(found.pairs.left) == 61  # each of the thirty has two; and bob, by his forename
    assert links_of(found) == {}  # the thirty are free, and bob is one of them by his surname


def test_half_a_file_in_one_block_is_a_warning() -> None:
    records = [*crowd(40)]
    for number in range(19):
        records[number] = {"town": str(number), "x": str(number)}
    assert "21 of 30 records of source0" not in "".join(run(records, [30, 10], [match_key("x")]).warnings)
    assert len(run(records, [40], [match_key("town")], "dedupe", many=True).warnings) == 1
    few = records[:19] + [{"town": str(k), "x": "1"} for k in range(19, 40)]
    assert not run(few, [40], [match_key("town")], "dedupe", many=True).warnings


def test_too_many_links_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "MOST_LINKS", 1000)
    keys = [match_key("town", name="where")]
    assert len(run(crowd(45), [45], keys, "dedupe", many=True).left) == 990
    with pytest.raises(
        InputError, match=r"Match key where: more than 1,000 pairs would be links.*45 of|46 of"
    ):
        run(crowd(46), [46], keys, "dedupe", many=True)


def test_links_are_made_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deterministic, "_CHUNK", 10)
    assert len(run(crowd(40), [40], [match_key("town")], "dedupe", many=True).left) == 780


# Settings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: match_key("a", "b", at_least=3), "at_least = 3 of 2 parts, expected a number up to 2"),
        (lambda: match_key("a", at_least=0), "at_least: found 0, expected a number of at least 1"),
        (lambda: match_key("a", "a"), "found 'a' twice"),
        (lambda: match_key(), "parts: found no items, expected a list of fields, such as"),
        (lambda: match_key(*"abcdefghijklm", at_least=5), "expected at most 12 parts"),
        (lambda: match_key(nickname("a"), "b", concatenated=True), r"'nickname\(a\)' with concatenated"),
        (
            lambda: Match(keys=[match_key("a", "b"), match_key("b", "a")]),
            r"keys\[1\]: found the same key as keys\[0\]",
        ),
        (lambda: Match(keys=[match_key("a"), match_key("a")]), r"keys\[1\]: found the same key as keys\[0\]"),
        (
            lambda: Match(keys=[match_key("a", name="x"), match_key("b", name="x")]),
            r'keys\[1\]: found "x", which names keys\[0\] too; expected another name',
        ),
        (lambda: Match(keys=[match_key("a")], nicknames="x.csv"), "found nicknames, but no part"),
        (lambda: Match(keys=[]), r"keys: found no items, expected at least one \[\[match\.keys\]\], such as"),
        (lambda: match_key("a", "b", concatenated=1), "concatenated: found 1, expected true or false"),
    ],
)
def test_settings_that_cannot_be(make: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()  # type: ignore[operator]


def test_what_cannot_be_matched() -> None:
    records = people("- reid york", "ann - york")
    with pytest.raises(InputError, match="no record of source 'source0' has it, since all lack a part"):
        run(records, [1, 1], [NAME])
    with pytest.raises(InputError, match='use links = "many_to_many" within a source'):
        run(people("ann reid york", "ann reid york"), [2], [NAME], "dedupe")
    with pytest.raises(InputError, match=r"part year\(town\): no value of field 'town' gives a key"):
        run(people("ann reid york", "ann reid york"), [1, 1], [match_key(year("town"))])
