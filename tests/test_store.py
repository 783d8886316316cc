"""The store of a review, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from review_stores import MODEL, RUN, Stores, pair, record, stores
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tallystick.errors import InputError
from tallystick.review import deciding
from tallystick.review.agreement import agreement
from tallystick.review.cases import RecordKey
from tallystick.review.filters import Filters
from tallystick.review.standing import Progress, TaskRow
from tallystick.review.store import Store
from tallystick.review.tasks import Order, Task

__all__ = ["stores"]
PAIRS = [pair(number) for number in range(10)]


def taken(row: TaskRow | None) -> TaskRow:
    assert row is not None
    return row


def judged(store: Store, reviewer: str, verdict: Any, worklist: str = "possible", **values: Any) -> int:
    row = taken(store.next(worklist, reviewer))
    store.decide(row.number, reviewer, verdict, **{"seen": {}, **values})
    return row.number


def test_a_decision_says_all(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS)
    row = taken(store.next("possible", "ann", order="weight"))
    assert (row.task, row.state, row.claimed_by, row.decisions) == (PAIRS[9], "claimed", "ann", ())
    seen = {"values": {"given": ["Zoë", None]}, "weight": 9.0}
    made = store.decide(row.number, "ann", "link", comment="same ✓ address", seen=seen)
    again = stores()
    assert again.decisions() == (made,)
    assert (made.worklist, made.task, made.reviewer, made.kind, made.verdict) == (
        "possible",
        PAIRS[9],
        "ann",
        "review",
        "link",
    )
    assert (made.comment, made.seen, made.run, made.model) == ("same ✓ address", seen, RUN, MODEL)
    assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert made.at.utcoffset() == timedelta(0)
    standing = {one.number: one for one in again.standing()}
    assert (standing[row.number].verdict, standing[row.number].how) == ("link", "single")
    assert sum(one.verdict is None for one in standing.values()) == 9


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("weight", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("plan", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("information", sorted(range(10), key=lambda k: -PAIRS[k].information)),
    ],
)
def test_orders(stores: Stores, order: Order, expected: Sequence[int]) -> None:
    store = stores()
    store.fill("possible", PAIRS)
    got = []
    while row := store.next("possible", "ann", order=order):
        got.append(int(row.task.left.id))
        store.decide(row.number, "ann", "link", seen={})
    assert got == list(expected)


def test_tasks_without_a_weight_come_last(stores: Stores) -> None:
    store = stores()
    tasks = [replace(pair(1), weight=None), pair(2, weight=-3.0), pair(3, weight=2.0)]
    store.fill("possible", tasks)
    rows = store.tasks("possible", Filters(state="all"), order="weight")
    assert [row.task.weight for row in rows] == [2.0, -3.0, None]
    for low, high, expected in [(None, 2.0, [2.0, -3.0]), (-3.0, None, [2.0, -3.0]), (0.0, 1.0, [])]:
        kept = store.tasks("possible", Filters(weight_low=low, weight_high=high))
        assert [row.task.weight for row in kept] == expected


def test_the_queue_goes_on_behind_what_was_left(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:4])
    first = taken(store.next("possible", "ann", order="plan"))
    assert taken(store.next("possible", "ann", order="plan")).number == first.number
    second = taken(store.next("possible", "ann", order="plan", after=first.number))
    third = taken(store.next("possible", "ann", order="plan", after=second.number))
    assert [int(row.task.left.id) for row in (first, second, third)] == [0, 1, 2]
    assert store.task(first.number).state == "open"
    store.decide(third.number, "ann", "unsure", seen={})
    fourth = taken(store.next("possible", "ann", order="plan", after=third.number))
    assert int(fourth.task.left.id) == 3
    # At its end it begins again.
    assert taken(store.next("possible", "ann", order="plan", after=fourth.number)).number == first.number
    store.decide(first.number, "ann", "link", seen={})


def test_nobody_gets_a_task_that_another_is_on(stores: Stores) -> None:
    one, two = stores(), stores()
    one.fill("possible", PAIRS[:2])
    row = taken(one.next("possible", "ann"))
    other = taken(two.next("possible", "bea"))
    assert row.number != other.number
    assert stores().next("possible", "cem") is None
    with pytest.raises(InputError, match="another reviewer is on task"):
        two.claim(row.number, "bea")
    with pytest.raises(InputError, match="not yours"):
        two.decide(row.number, "bea", "link", seen={})
    one.release(row.number, "ann")
    assert taken(two.claim(row.number, "bea")).claimed_by == "bea"
    with pytest.raises(InputError, match="ran out and another reviewer took it"):
        one.decide(row.number, "ann", "link", seen={})
    with pytest.raises(InputError, match="not yours"):
        one.renew(row.number, "ann")
    assert one.decisions() == ()


def test_a_lease_that_ran_out(stores: Stores) -> None:
    hasty, store = stores(lease=0), stores()
    hasty.fill("possible", PAIRS[:2])
    kept, lost = (taken(hasty.next("possible", name)).number for name in ("ann", "bea"))
    assert kept == lost  # it had run out at once
    assert hasty.progress("possible").claimed == 0
    with pytest.raises(InputError, match="another reviewer took it"):
        hasty.decide(kept, "ann", "link", seen={})
    # Nobody has taken it since.
    hasty.decide(lost, "bea", "link", seen={})
    other = taken(hasty.next("possible", "ann")).number
    store.claim(other, "bea")
    store.release(other, "bea")
    with pytest.raises(InputError, match="another reviewer had it meanwhile"):
        hasty.renew(other, "ann")
    store.claim(other, "ann")
    store.renew(other, "ann")
    assert store.progress("possible").claimed == 1


def test_the_same_answer_again_changes_nothing(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:1])
    number = judged(store, "ann", "link", comment="x")
    (made,) = store.decisions()
    assert store.decide(number, "ann", "link", comment="x", seen={"later": True}) == made
    with pytest.raises(InputError, match="has your judgement already"):
        store.decide(number, "ann", "non-link", seen={})
    with pytest.raises(InputError, match="is judged"):
        store.claim(number, "bea")
    assert len(store.decisions()) == 1


def test_undo_is_a_row(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:3])
    first, second = judged(store, "ann", "link"), judged(store, "ann", "non-link")
    undone = store.undo("ann")
    assert undone is not None
    assert (undone.kind, undone.verdict, undone.undoes) == ("undo", None, store.decisions()[1].number)
    assert (store.task(second).state, store.task(second).claimed_by) == ("claimed", "ann")
    assert taken(store.next("possible", "ann")).number == second
    store.decide(second, "ann", "unsure", seen={})
    assert [one.verdict for one in store.decisions()] == ["link", "non-link", None, "unsure"]
    assert [row.number for row in store.history("ann", "possible")] == [second, first]
    undone = store.undo("ann", first)
    assert undone is not None
    assert store.task(first).state == "claimed"
    assert store.undo("ann", first) is None
    assert store.undo("bea") is None
    assert [row.decisions[0].verdict for row in store.history("ann", "possible")] == ["unsure"]
    assert store.progress("possible").by_reviewer == {"ann": 1}


def test_double_review(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:3], reviews=2, blind=True)
    judged(store, "ann", "link")
    judged(store, "ann", "non-link")
    third = judged(store, "ann", "link")
    assert store.next("possible", "ann") is None
    with pytest.raises(InputError, match="another person"):
        store.claim(third, "ann")
    row = taken(store.next("possible", "bea"))
    assert (row.decisions, row.verdict, row.state) == ((), None, "claimed")
    store.decide(row.number, "bea", "link", seen={})
    disputed = judged(store, "bea", "unsure")
    judged(store, "bea", "link")
    progress = store.progress("possible")
    assert (progress.done, progress.disagreements, progress.open) == (2, 1, 0)
    (found,) = store.disagreements("possible")
    assert [(one.reviewer, one.verdict) for one in found.decisions] == [
        ("ann", "non-link"),
        ("bea", "unsure"),
    ]
    assert found.number == disputed
    with pytest.raises(InputError, match="is judged"):
        store.claim(disputed, "cem")
    assert store.claim(disputed, "cem", settle=True).decisions == found.decisions
    with pytest.raises(InputError, match="not open"):
        store.decide(disputed, "cem", "link", seen={})
    store.release(disputed, "cem")
    made = store.adjudicate(disputed, "cem", "link", comment="seen the form", seen={})
    assert (made.kind, made.verdict) == ("adjudication", "link")
    assert {one.how for one in store.standing()} == {"agreed", "adjudicated"}
    with pytest.raises(InputError, match="settled by cem"):
        store.undo("ann", disputed)
    with pytest.raises(InputError, match="settled by cem"):
        store.adjudicate(disputed, "dan", "link", seen={})
    assert store.adjudicate(disputed, "cem", "link", comment="seen the form", seen={}) == made
    undone = store.undo("ann")
    assert undone is not None
    assert undone.task != found.task  # the newest that nobody has settled
    assert store.undo("cem") is not None
    assert store.task(disputed).state == "disagreement"


def test_who_may_settle(stores: Stores) -> None:
    store = stores()
    for name, role in (("ann", "reviewer"), ("bea", "adjudicator"), ("cem", "administrator")):
        store.add_reviewer(name, role)  # type: ignore[arg-type]
    store.fill("possible", PAIRS[:2], reviews=2)
    first, _ = judged(store, "ann", "link"), judged(store, "ann", "link")
    judged(store, "bea", "non-link")
    second = judged(store, "cem", "non-link")
    with pytest.raises(InputError, match="ann is a reviewer"):
        store.adjudicate(first, "ann", "link", seen={})
    with pytest.raises(InputError, match="ann is a reviewer"):
        store.claim(first, "ann", settle=True)
    with pytest.raises(InputError, match="was judged by you"):
        store.adjudicate(first, "bea", "link", seen={})
    store.adjudicate(second, "cem", "unsure", seen={})
    with pytest.raises(InputError, match="settled by cem"):
        store.adjudicate(second, "bea", "link", seen={})
    store.claim(first, "cem", settle=True)
    with pytest.raises(InputError, match="another reviewer is on"):
        store.adjudicate(first, "dan", "link", seen={})
    store.adjudicate(first, "cem", "link", seen={})


@pytest.mark.parametrize("fails", [False, True])
def test_a_changed_verdict_is_one_transaction(
    stores: Stores, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores()
    store.fill("audit", [record(1)])
    first, other = RecordKey("b", "4"), RecordKey("b", "5")
    number = judged(store, "ann", "link", "audit", chosen=first)
    if fails:
        for verdict, chosen in (("link", None), ("non-link", other), ("perhaps", None)):
            with pytest.raises(InputError):
                store.decide(number, "ann", verdict, chosen=chosen, seen={}, replace=True)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no database keeps"):
            store.decide(number, "ann", "unsure", comment="\x00", seen={}, replace=True)
        add = deciding.add_decision

        def add_but_no_review(connection: Any, **values: Any) -> int:
            if values["kind"] == "review":
                raise RuntimeError("the second half fails")
            return add(connection, **values)

        monkeypatch.setattr(deciding, "add_decision", add_but_no_review)
        with pytest.raises(RuntimeError, match="second half"):
            store.decide(number, "ann", "unsure", seen={}, replace=True)
        assert [one.kind for one in stores().decisions()] == ["review"]
    else:
        store.decide(number, "ann", "link", chosen=other, seen={}, replace=True)
        store.decide(number, "ann", "link", chosen=other, seen={}, replace=True)
        assert [one.kind for one in store.decisions()] == ["review", "undo", "review"]
    (standing,) = stores().standing()
    assert (standing.verdict, standing.chosen) == ("link", first if fails else other)


def test_what_is_judged_may_be_settled_by_others_who_say_why(stores: Stores) -> None:
    store = stores()
    for name, role in (("ann", "reviewer"), ("bea", "adjudicator"), ("cem", "administrator")):
        store.add_reviewer(name, role)  # type: ignore[arg-type]
    store.fill("possible", PAIRS[:2])
    number = judged(store, "ann", "link")
    with pytest.raises(InputError, match="ann is a reviewer"):
        store.adjudicate(number, "ann", "non-link", comment="no", seen={})
    with pytest.raises(InputError, match="say in the comment why"):
        store.adjudicate(number, "bea", "non-link", comment=" ", seen={})
    store.adjudicate(number, "bea", "non-link", comment="born in another year", seen={})
    with pytest.raises(InputError, match="settled by you: settle it anew"):
        store.decide(number, "bea", "link", seen={}, replace=True)
    store.adjudicate(number, "bea", "unsure", comment="or is it", seen={})
    with pytest.raises(InputError, match="settled by bea: take it first"):
        store.adjudicate(number, "cem", "link", comment="it is not", seen={})
    assert [one.reviewer for one in store.claim(number, "cem", settle=True).decisions] == ["ann", "bea"]
    with pytest.raises(InputError, match="say in the comment why"):
        store.adjudicate(number, "cem", "link", seen={})
    store.adjudicate(number, "cem", "link", comment="it is not", seen={})
    assert [one.kind for one in store.decisions()][1:] == [
        "adjudication",
        "undo",
        "adjudication",
        "adjudication",
    ]
    assert store.task(number).verdict == "link"
    with pytest.raises(InputError, match="settled by cem"):
        store.undo("bea", number)
    store.undo("cem", number)
    assert store.task(number).verdict == "unsure"
    waiting = taken(store.next("possible", "ann")).number
    with pytest.raises(InputError, match="waits for a judgement"):
        store.claim(waiting, "cem", settle=True)
    with pytest.raises(InputError, match="waits for a judgement"):
        store.adjudicate(waiting, "cem", "link", comment="why not", seen={})


def test_both_judgements_stay_and_kappa_is_of_the_first(stores: Stores) -> None:
    store = stores()
    for name, role in (("ann", "reviewer"), ("bea", "reviewer"), ("cem", "administrator")):
        store.add_reviewer(name, role)  # type: ignore[arg-type]
    store.fill("possible", PAIRS[:2], reviews=2)
    alike, disputed = judged(store, "ann", "link"), judged(store, "ann", "unsure")
    store.decide(disputed, "ann", "link", seen={}, replace=True)  # nobody else has judged it yet
    judged(store, "bea", "link")
    judged(store, "cem", "non-link")
    for number, who in ((alike, "ann"), (disputed, "ann"), (alike, "bea")):
        with pytest.raises(InputError, match="has both judgements"):
            store.undo(who, number)
        with pytest.raises(InputError, match="has both judgements"):
            store.decide(number, who, "unsure", seen={}, replace=True)
    assert store.decide(alike, "ann", "link", seen={}, replace=True).verdict == "link"  # sent again
    store.decide(disputed, "cem", "link", seen={}, replace=True)
    assert store.task(disputed).state == "done"
    found = store.agreement("possible")
    assert found.table[0] == (1, 1, 0, 0)
    assert agreement(store.standing("possible")) == found


def test_a_reviewer_has_one_task_at_a_time(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS)
    store.fill("audit", [record(1)])
    for number in range(1, 11):
        store.claim(number, "greedy")
    assert store.progress("possible").claimed == 1
    assert taken(store.next("audit", "greedy")).worklist == "audit"
    assert store.progress("possible").claimed == 0
    with pytest.raises(InputError, match="have taken another one since"):
        store.renew(10, "greedy")
    store.decide(10, "greedy", "link", seen={})  # of a second tab: nobody else is on it
    store.claim(9, "ann")
    with pytest.raises(InputError, match="not yours"):
        store.decide(9, "greedy", "link", seen={})
    assert taken(store.next("possible", "ann")).claimed_by == "ann"


def test_what_a_reviewer_may_count_and_list(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:3], reviews=2)
    for who, verdicts in (("ann", ("link", "unsure", "link")), ("bea", ("link", "unsure", "non-link"))):
        for verdict in verdicts:
            judged(store, who, verdict)
    progress = store.progress("possible")
    assert (progress.done, progress.unsure, progress.disagreements) == (2, 1, 1)
    assert progress.as_seen_by("ann", 2) == Progress(3, 3, 0, 0, 0, {"ann": 3})
    for filters, ann, bea in (
        (Filters(state="done"), 3, 3),
        (Filters(state="disagreement"), 0, 0),
        (Filters(state="unsure"), 1, 1),
        (Filters(state="all", verdict="link"), 2, 1),
        (Filters(state="done", verdict="non-link"), 0, 1),
        (Filters(state="open"), 0, 0),
    ):
        counts = [store.count("possible", replace(filters, as_seen_by=who)) for who in ("ann", "bea")]
        assert counts == [ann, bea], filters


def test_the_latest_decisions(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:2], reviews=2)
    judged(store, "ann", "link", seen={"given": "Zoë"})
    judged(store, "ann", "link")
    judged(store, "bea", "link")
    assert store.count_decisions() == 3
    newest, before = store.latest(2)
    assert [(one.reviewer, waits) for one, waits in (newest, before)] == [("bea", False), ("ann", True)]
    (first,) = [one for one, _ in store.latest(9)][2:]
    assert (first.verdict, first.seen) == ("link", {})


def test_an_unsure_verdict_may_be_settled(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:2])
    unsure, sure = judged(store, "ann", "unsure"), judged(store, "ann", "link")
    assert [row.number for row in store.tasks("possible", Filters(state="unsure"))] == [unsure]
    store.adjudicate(unsure, "bea", "link", seen={})
    assert store.task(sure).verdict == "link"
    with pytest.raises(InputError, match=r"judged already \(link\): say in the comment why"):
        store.adjudicate(sure, "bea", "non-link", seen={})


def test_a_share_is_judged_twice(stores: Stores) -> None:
    store = stores()
    tasks = [pair(number) for number in range(200)]
    store.fill("possible", tasks, reviews=2, share=0.25, seed=4)
    rows = store.tasks("possible", Filters(state="all"), most=500)
    twice = {row.task.left.id for row in rows if row.wanted == 2}
    assert len(twice) == 50
    other = stores()
    other.fill("others", tasks[::-1], reviews=2, share=0.25, seed=4)
    rows = other.tasks("others", Filters(state="all"), most=500)
    assert {row.task.left.id for row in rows if row.wanted == 2} == twice


def test_filling_again(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS)
    number = judged(store, "ann", "link")
    store.fill("possible", PAIRS[::-1])
    assert len(store.decisions()) == 1
    assert store.task(number).state == "done"
    with pytest.raises(InputError, match="with 10 other tasks"):
        store.fill("possible", PAIRS[:9])
    with pytest.raises(InputError, match="filled with blind = False, not True"):
        store.fill("possible", PAIRS, blind=True)
    store.fill("empty", [])
    assert store.next("empty", "ann") is None
    assert [(one.name, one.tasks, one.progress.done) for one in store.worklists()] == [
        ("possible", 10, 1),
        ("empty", 0, 0),
    ]
    with pytest.raises(InputError, match="no worklist 'audit'; there are: 'possible', 'empty'"):
        store.progress("audit")


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        ([pair(1), pair(1, weight=3.0)], {}, "about a:1 is there twice"),
        ([pair(1, weight=float("nan"))], {}, "not finite"),
        ([replace(pair(1), kind="record")], {}, "a pair has a right record"),
        ([replace(pair(1), left=RecordKey("a", "x\x00"))], {}, "no database keeps"),
        ([replace(pair(1), left=RecordKey("", "x"))], {}, "without a source"),
        ([pair(1)], {"reviews": 3}, "1 or by 2 people"),
        ([pair(1)], {"share": 1.5}, "between 0 and 1"),
    ],
)
def test_bad_tasks(stores: Stores, tasks: list[Task], options: dict[str, Any], message: str) -> None:
    store = stores()
    with pytest.raises(InputError, match=message):
        store.fill("possible", tasks, **options)
    assert store.worklists() == ()


def test_records(stores: Stores) -> None:
    store = stores()
    store.fill("audit", [record(1), record(2), record(3)])
    row = taken(store.next("audit", "ann", order="plan"))
    with pytest.raises(InputError, match="with which one"):
        store.decide(row.number, "ann", "link", seen={})
    with pytest.raises(InputError, match="only a link of a record"):
        store.decide(row.number, "ann", "non-link", chosen=RecordKey("b", "4"), seen={})
    with pytest.raises(InputError, match="with itself"):
        store.decide(row.number, "ann", "link", chosen=RecordKey("a", "1"), seen={})
    store.decide(row.number, "ann", "link", chosen=RecordKey("b", "4"), seen={})
    judged(store, "ann", "non-link", "audit")
    assert [(one.verdict, one.chosen) for one in store.standing()] == [
        ("link", RecordKey("b", "4")),
        ("non-link", None),
        (None, None),
    ]
    assert store.tasks("audit", Filters(state="all"))[0].task == record(1)


def test_two_who_choose_different_records_disagree(stores: Stores) -> None:
    store = stores()
    store.fill("audit", [record(1)], reviews=2)
    judged(store, "ann", "link", "audit", chosen=RecordKey("b", "4"))
    judged(store, "bea", "link", "audit", chosen=RecordKey("b", "5"))
    assert len(store.disagreements("audit")) == 1


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [5, 6, 7, 8, 9]),
        (Filters(state="done"), [0, 1, 2, 3, 4]),
        (Filters(state="all", weight_low=3, weight_high=6), [3, 4, 5, 6]),
        (Filters(state="all", strata=("odd",)), [1, 3, 5, 7, 9]),
        (Filters(state="all", verdict="non-link"), [1, 3]),
        (Filters(state="all", records=(RecordKey("b", "4"), RecordKey("a", "7"))), [4, 7]),
        (Filters(state="unsure"), []),
    ],
)
def test_filters(stores: Stores, filters: Filters, expected: list[int]) -> None:
    store = stores()
    store.fill("possible", [pair(k, stratum="odd" if k % 2 else "even") for k in range(10)])
    for k in range(5):
        row = taken(store.next("possible", "ann", order="plan"))
        store.decide(row.number, "ann", "non-link" if k % 2 else "link", seen={})
    rows = store.tasks("possible", filters, order="plan")
    assert [int(row.task.left.id) for row in rows] == expected
    assert store.count("possible", filters) == len(expected)
    assert store.tasks("possible", filters, order="plan", offset=1, most=2) == rows[1:3]
    if filters.state == "open":
        assert taken(store.next("possible", "ann", order="plan", filters=filters)).task == rows[0].task
    else:
        with pytest.raises(InputError, match="only open tasks"):
            store.next("possible", "ann", filters=filters)


def test_what_one_reviewer_may_see(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:1], reviews=2)
    number = judged(store, "ann", "link")
    assert len(store.task(number).decisions) == 1
    assert store.task(number, reviewer="bea").decisions == ()
    assert [row.decisions for row in store.tasks("possible", reviewer="bea")] == [()]


def test_values_are_forgotten(stores: Stores) -> None:
    store = stores()
    store.fill("possible", PAIRS[:3])
    judged(store, "ann", "link", comment="Smith", seen={"surname": "Smith"})
    judged(store, "ann", "link")
    before = store.decisions()
    assert store.forget_values() == 2
    assert store.forget_values() == 0
    after = store.decisions()
    assert [replace(one, comment="", seen={}) for one in before] == list(after)


@pytest.mark.parametrize(
    "statement",
    [
        "delete from decisions",
        "update decisions set verdict = 'non-link'",
        "update decisions set reviewer = 'bea', seen = ''",
        "update decisions set comment = 'another'",
        "update decisions set number = number + 7",
        "insert into decisions"
        " (number, worklist, task, reviewer, at, kind, verdict, comment, seen, run, model)"
        " values (1, 1, 2, 'bea', '2026-01-01 00:00:00Z', 'review', 'link', '', '', '', '')",
    ],
)
def test_the_database_itself_refuses(stores: Stores, statement: str) -> None:
    store = stores()
    store.fill("possible", PAIRS[:2])
    judged(store, "ann", "link", comment="one")
    before = store.decisions()
    statements = [statement]
    if "insert" in statement and not store._database.is_postgres:
        statements.append(statement.replace("insert", "insert or replace"))
    for one in statements:
        with pytest.raises(DBAPIError), store._database.engine.begin() as connection:
            connection.execute(text(one))
    if store._database.is_postgres:
        with pytest.raises(DBAPIError), store._database.engine.begin() as connection:
            connection.execute(text("truncate decisions cascade"))
    assert store.decisions() == before


def test_people(stores: Stores) -> None:
    store = stores()
    store.add_reviewer("ann", "reviewer", password="long enough", masked=["born", "zip"])
    store.add_reviewer("Bea Öz", "administrator")
    ann = store.reviewer("ann")
    assert ann is not None
    assert (ann.role, ann.masked, ann.active, ann.has_password) == ("reviewer", ("born", "zip"), True, True)
    names = [one.name for one in store.reviewers()]
    assert sorted(names) == ["Bea Öz", "ann"]
    assert store._database.is_postgres or names == sorted(names)  # a server has an order of its own
    assert store.reviewer("cem") is None
    assert store.set_role("ann", "adjudicator").role == "adjudicator"
    assert store.set_masked("ann", ["sex"]).masked == ("sex",)
    with pytest.raises(InputError, match="'ann' already"):
        store.add_reviewer("ann", "reviewer")
    with pytest.raises(InputError, match=r"no reviewer 'cem'; there are: .*ann"):
        store.set_role("cem", "reviewer")
    with pytest.raises(InputError, match="one of reviewer, adjudicator, administrator"):
        store.add_reviewer("cem", "boss")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="8 to 1,000 characters"):
        store.set_password("ann", "short")
    for name in ("", " ann", "a\nb", "x" * 101):
        with pytest.raises(InputError, match="1 to 100 printable"):
            store.add_reviewer(name, "reviewer")


def test_passwords(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.review.people.MOST_FAILURES", 5)
    store = stores()
    store.add_reviewer("ann", "reviewer", password="long enough")
    store.add_reviewer("bea", "reviewer")
    found = store.check_password("ann", "long enough")
    assert found is not None
    assert found.name == "ann"
    for name, password in [
        ("ann", "long enougH"),
        ("cem", "long enough"),
        ("bea", ""),
        ("a\x00", "\x00\ud800"),
    ]:
        assert store.check_password(name, password) is None
    with store._database.reading() as connection:
        kept = connection.execute(text("select password from reviewers where name = 'ann'")).scalar_one()
    assert kept.startswith("$argon2id$")
    # So many wrong ones lock the name out, and the right one does not help then; an administrator does.
    for _ in range(5):
        assert store.check_password("ann", "wrong") is None
    assert store.check_password("ann", "long enough") is None
    store.activate("ann")
    assert store.check_password("ann", "long enough") is not None
    for _ in range(4):
        assert store.check_password("ann", "wrong") is None
    assert store.check_password("ann", "long enough") is not None
    assert store.check_password("ann", "wrong") is None
    monkeypatch.setattr("tallystick.review.people.LOCKED_OUT", timedelta(seconds=-1))
    for _ in range(4):
        assert store.check_password("ann", "wrong") is None
    assert store.check_password("ann", "long enough") is not None


def test_tokens_and_sessions(stores: Stores) -> None:
    store = stores()
    store.add_reviewer("ann", "reviewer", password="long enough")
    token, session = store.new_token("ann", 30), store.start_session("ann", 60)
    for check, secret in ((store.check_token, token), (store.session, session)):
        found = check(secret)
        assert found is not None
        assert found.name == "ann"
        assert check(secret + "x") is None
    assert store.session(token) is None
    assert store.check_token(session) is None
    with store._database.reading() as connection:
        for table in ("tokens", "sessions"):
            for row in connection.execute(text(f"select * from {table}")):
                assert token not in map(str, row)
                assert session not in map(str, row)
    store.end_session(session)
    assert store.session(session) is None
    session = store.start_session("ann", 60)
    store.set_password("ann", "longer than before")
    assert store.session(session) is None
    assert store.revoke_tokens("ann") == 1
    assert store.check_token(token) is None
    token, session = store.new_token("ann", 30), store.start_session("ann", 60)
    store.fill("possible", PAIRS[:1])
    row = taken(store.next("possible", "ann"))
    assert store.deactivate("ann").active is False
    assert (store.check_token(token), store.session(session)) == (None, None)
    assert store.check_password("ann", "longer than before") is None
    assert store.task(row.number).state == "open"
    with pytest.raises(InputError, match="not active"):
        store.start_session("ann")
    with pytest.raises(InputError, match="1 to 3,650 days"):
        store.new_token("ann", 0)


def test_sessions_end(stores: Stores) -> None:
    store = stores()
    store.add_reviewer("ann", "reviewer")
    idle = store.start_session("ann", minutes=0.01)
    used = store.start_session("ann", minutes=0.02)
    short = store.start_session("ann", minutes=60, hours=0)
    assert store.session(short) is None
    started = time.monotonic()
    while time.monotonic() - started < 1.6:
        assert store.session(used) is not None
        time.sleep(0.1)
    assert store.session(idle) is None


def test_twenty_at_once(stores: Stores) -> None:
    """Each task is judged exactly as often as wanted, and no two are on one at once."""
    store = stores()
    people = 20 if store._database.is_postgres else 6
    tasks = [pair(number) for number in range(6 * people)]
    store.fill("possible", tasks, reviews=2, share=0.25)
    on: dict[int, str] = {}
    guard = threading.Lock()
    faults: list[object] = []

    def work(name: str) -> None:
        with Store.open(stores.url, run=RUN, model=MODEL) as mine:
            idle = 0
            while idle < 40:
                row = mine.next("possible", name)
                if row is None:
                    if mine.progress("possible").open == 0:
                        return
                    idle += 1
                    time.sleep(0.02)
                    continue
                with guard:
                    if row.number in on:
                        faults.append((row.number, on[row.number], name))
                    on[row.number] = name
                time.sleep(0.001)
                with guard:
                    del on[row.number]
                mine.decide(row.number, name, "link", seen={"weight": row.task.weight})

    threads = [threading.Thread(target=_caught, args=(faults, work, f"r{k}")) for k in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    rows = store.tasks("possible", Filters(state="all"), most=10_000)
    made = Counter(one.task.left.id for one in store.decisions())
    assert made == {row.task.left.id: row.wanted for row in rows}
    for row in rows:
        assert row.state == "done"
        assert len({one.reviewer for one in row.decisions}) == row.wanted


def _caught(faults: list[object], work: Any, *arguments: Any) -> None:
    try:
        work(*arguments)
    except BaseException as error:
        faults.append(error)
