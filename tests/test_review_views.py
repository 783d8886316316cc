"""What a reviewer is shown: nothing of a masked field, and in a blind worklist nothing of the machine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from tallystick.errors import InputError
from tallystick.review.cases import Part, RecordKey
from tallystick.review.views import Sight, check_words, seen, show_found, show_pair, show_record
from tests.small_review import FIELDS, SmallCasebook

BOOK = SmallCasebook()
LEFT, RIGHT = RecordKey("census", "c0001"), RecordKey("survey", "s0001")


def values_of(name: str) -> set[str]:
    return {value for one in BOOK.records.values() if (value := one.values[name]) is not None}


@pytest.mark.parametrize("name", FIELDS)
def test_a_masked_value_is_nowhere_in_what_is_shown_or_kept(name: str) -> None:
    sight = Sight(frozenset({name}))
    pair = show_pair(BOOK.pair(LEFT, RIGHT), FIELDS, sight)
    record = show_record(BOOK.record(LEFT), FIELDS, ("survey",), sight)
    found = show_found([BOOK.records[RIGHT]], BOOK.records[LEFT], FIELDS, sight)
    texts: list[str] = []
    for view in (asdict(pair), asdict(record), seen(pair), seen(record, found[0])):
        json.dumps(view)
        texts += all_texts(view)
    own = values_of(name) - set().union(*(values_of(other) for other in FIELDS if other != name))
    assert own
    assert not own & set(texts)
    assert name not in pair.fields
    assert name in pair.masked


def all_texts(data: object) -> list[str]:
    """Every text in nested data, and those of pieces joined."""
    if isinstance(data, str):
        return [data]
    if isinstance(data, dict):
        return [text for value in data.values() for text in all_texts(value)]
    if isinstance(data, list | tuple):
        pieces = [one[0] for one in data if isinstance(one, tuple) and len(one) == 2]
        joined = ["".join(pieces)] if pieces and all(isinstance(one, str) for one in pieces) else []
        return joined + [text for value in data for text in all_texts(value)]
    return []


@pytest.mark.parametrize("name", FIELDS)
def test_what_a_masked_field_adds_cannot_be_worked_out(name: str) -> None:
    """Neither its part is shown, nor what holds it: totals, posteriors, reasons, parts of unknown fields."""
    sight = Sight(frozenset({name}), weighed=BOOK.weighed)
    view = show_pair(BOOK.pair(LEFT, RIGHT), FIELDS, sight)
    masked = [part for part in view.parts if part.comparison in (name, "surname and street together")]
    assert len(masked) == 2
    assert all(part.label and part.weight is None for part in masked)
    others = [part.weight for row in view.rows for part in row.parts]
    assert len(others) == len(FIELDS) - 1
    assert all(weight is not None for weight in others)
    record = show_record(BOOK.record(LEFT), FIELDS, ("survey",), sight)
    assert (view.weight, view.posterior, view.reason, view.decision) == (None, None, None, "possible")
    for one in (*view.left_candidates, *view.right_candidates, *record.candidates):
        assert (one.weight, one.posterior) == (None, None)
    kept = seen(view)
    assert (kept["weight"], kept["posterior"]) == (None, None)


def test_a_masked_field_that_no_weight_depends_on_hides_no_weight() -> None:
    case = BOOK.pair(LEFT, RIGHT)
    view = show_pair(case, FIELDS, Sight(frozenset({"phone"}), weighed=frozenset(FIELDS) - {"phone"}))
    assert (view.weight, view.reason) == (case.weight, case.reason)
    assert [part.weight for part in view.parts if part.comparison != "phone"] == [-0.8]


def test_a_comparison_of_two_fields_of_which_one_is_masked_shows_its_level_alone() -> None:
    case = replace(BOOK.pair(LEFT, RIGHT), parts=(Part("names", "swapped", 2.0, ("given",), ("surname",)),))
    view = show_pair(case, FIELDS, Sight(frozenset({"surname"})))
    assert [(part.label, part.weight) for part in view.parts] == [("swapped", None)]


def test_a_blind_view_tells_nothing_of_the_machine() -> None:
    case = BOOK.pair(LEFT, RIGHT)
    view = show_pair(case, FIELDS, Sight(blind=True))
    assert (view.weight, view.posterior, view.decision, view.reason) == (None,) * 4
    assert view.entity == ()
    assert view.parts == ()
    assert all(row.parts == () for row in view.rows)
    for one in (*view.left_candidates, *view.right_candidates):
        assert (one.weight, one.posterior, one.decision) == (None,) * 3


def test_the_order_of_candidates_in_a_blind_view_does_not_depend_on_their_weight() -> None:
    case = BOOK.record(LEFT)
    turned = replace(case, candidates=case.candidates[::-1])
    views = [show_record(one, FIELDS, (), Sight(blind=True)) for one in (case, turned)]
    assert views[0].candidates == views[1].candidates
    assert show_record(case, FIELDS, (), Sight()).candidates[0].key == case.candidates[0].record.key


def test_rows_say_whether_values_agree() -> None:
    view = show_pair(BOOK.pair(LEFT, RIGHT), FIELDS, Sight())
    for row in view.rows:
        a, b = BOOK.records[LEFT].values[row.field], BOOK.records[RIGHT].values[row.field]
        expected = "missing" if None in (a, b) else "equal" if a == b else "differs"
        assert row.relation == expected
        assert (row.left is None) == (a is None)


def test_what_was_seen_is_kept_as_text() -> None:
    kept = seen(show_pair(BOOK.pair(LEFT, RIGHT), FIELDS, Sight(frozenset({"phone"}))))
    expected = {name: value for name, value in BOOK.records[LEFT].values.items() if name != "phone"}
    assert kept["left"] == expected
    assert kept["masked"] == ["phone"]
    assert json.loads(json.dumps(kept)) == kept


def test_words_are_searched_only_where_they_may_be() -> None:
    sight = Sight(frozenset({"phone"}))
    assert check_words({"": " ann ", "born": ""}, FIELDS, sight) == {"": "ann"}
    with pytest.raises(InputError, match="masked"):
        check_words({"phone": "1"}, FIELDS, sight)
    with pytest.raises(InputError, match="no field 'income'"):
        check_words({"income": "1"}, FIELDS, sight)
    with pytest.raises(InputError, match="what is to be searched"):
        check_words({"": "  "}, FIELDS, sight)
