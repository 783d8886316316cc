"""A store against a plain twin of it: any sequence of calls leaves both in the same state."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from postgres import Server
from review_stores import MODEL, RUN, pair
from sqlalchemy import select, text

from tallystick.errors import InputError
from tallystick.review.standing import Progress
from tallystick.review.store import Store
from tallystick.review.tables import TASKS

PEOPLE = ("ann", "bea", "cem")
people = st.sampled_from(PEOPLE)
verdicts = st.sampled_from(["link", "non-link", "unsure"])
numbers = st.integers(1, 5)


class Twin:
    """What a store is to do, in lists and loops; task k is wanted once or twice."""

    def __init__(self, wanted: list[int]) -> None:
        self.wanted = dict(enumerate(wanted, 1))
        self.rows: list[dict[str, Any]] = []
        self.on: dict[int, str] = {}

    def stands(self, task: int) -> list[dict[str, Any]]:
        gone = {row["undoes"] for row in self.rows}
        return [
            row for row in self.rows if row["task"] == task and row["verdict"] and row["number"] not in gone
        ]

    def state(self, task: int) -> tuple[str, str | None]:
        rows = self.stands(task)
        for row in reversed(rows):
            if row["kind"] == "adjudication":
                return "done", row["verdict"]
        if len(rows) < self.wanted[task]:
            return "open", None
        if len({row["verdict"] for row in rows}) > 1:
            return "disagreement", None
        return "done", rows[0]["verdict"]

    def judged(self, task: int, who: str) -> bool:
        return any(row["who"] == who for row in self.stands(task))

    def next(self, who: str, after: int | None) -> int | None:
        if after is not None and self.on.get(after) == who:
            del self.on[after]
        mine = [k for k in self.wanted if self.on.get(k) == who and k != after and self.state(k)[0] == "open"]
        free = [
            k
            for k in self.wanted
            if k not in self.on and self.state(k)[0] == "open" and not self.judged(k, who)
        ]
        if after is not None:
            free = [k for k in free if k > after] + [k for k in free if k < after]
        found = (mine or free or [None])[0]
        if found is not None:
            self.take(found, who)
        return found

    def take(self, task: int, who: str) -> None:
        self.on = {one: other for one, other in self.on.items() if other != who} | {task: who}

    def claim(self, task: int, who: str, settle: bool) -> bool:
        is_open = self.state(task)[0] == "open"
        if self.on.get(task, who) != who or is_open == settle or (is_open and self.judged(task, who)):
            return False
        self.take(task, who)
        return True

    def add(
        self, task: int, who: str, kind: str, verdict: str | None, undoes: int | None = None, why: str = ""
    ) -> None:
        row = {"task": task, "who": who, "kind": kind, "verdict": verdict, "undoes": undoes, "why": why}
        self.rows.append({"number": len(self.rows) + 1, **row})
        if self.state(task)[0] != "open" or self.judged(task, self.on.get(task, "")):
            self.on.pop(task, None)

    def decide(self, task: int, who: str, verdict: str, replace: bool = False) -> bool:
        own = [row for row in self.stands(task) if row["who"] == who]
        if own:
            if (own[-1]["verdict"], own[-1]["why"]) == (verdict, ""):
                return True
            if not replace or any(row["kind"] == "adjudication" for row in self.stands(task)):
                return False
            if self.on.get(task, who) != who:
                return False
            self.take_back(own[-1])
            self.add(task, who, "review", verdict)
            return True
        if self.on.get(task, who) != who or self.state(task)[0] != "open":
            return False
        self.add(task, who, "review", verdict)
        return True

    def take_back(self, row: dict[str, Any]) -> None:
        undone = {"task": row["task"], "who": row["who"], "kind": "undo", "verdict": None, "why": ""}
        self.rows.append({"number": len(self.rows) + 1, **undone, "undoes": row["number"]})

    def compared(self, task: int) -> list[str] | None:
        """What the two said after the earliest row with which both had judged."""
        until = Twin([])
        for row in self.rows if self.wanted[task] == 2 else ():
            until.rows.append(row)
            judged = [one["verdict"] for one in until.stands(task) if one["kind"] != "adjudication"]
            if len(judged) == 2:
                return judged
        return None

    def undo(self, who: str) -> bool:
        for row in reversed(self.rows):
            later = [
                one
                for one in self.stands(row["task"])
                if one["kind"] == "adjudication" and one["number"] > row["number"]
            ]
            if row["who"] == who and row in self.stands(row["task"]) and not later:
                task = row["task"]
                self.add(task, who, "undo", None, row["number"])
                if self.on.get(task, who) == who:
                    self.take(task, who)
                return True
        return False

    def adjudicate(self, task: int, who: str, verdict: str, why: str) -> bool:
        stands = self.stands(task)
        settled = [row for row in stands if row["kind"] == "adjudication"]
        last = settled[-1] if settled else None
        if last and (last["who"], last["verdict"], last["why"]) == (who, verdict, why):
            return True
        if self.state(task)[0] == "open" or self.on.get(task, who) != who:
            return False
        own = last is not None and last["who"] == who
        if last and not own and self.on.get(task) != who:
            return False
        judged = {row["verdict"] for row in stands if row["kind"] != "adjudication"}
        if not why and ((last and not own) or judged in ({"link"}, {"non-link"})):
            return False
        if own and last:
            self.take_back(last)
        self.add(task, who, "adjudication", verdict, why=why)
        return True


def attempt(call: Any) -> Any:
    try:
        return call()
    except InputError:
        return False


class StoreMachine(RuleBasedStateMachine):
    """The same calls to both."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    def url(self) -> str | Path:
        return Path(self.folder.name) / "review.sqlite"

    @initialize(share=st.sampled_from([0.0, 0.6, 1.0]))
    def begin(self, share: float) -> None:
        self.store = Store.open(self.url(), run=RUN, model=MODEL)
        self.store.fill("possible", [pair(k) for k in range(5)], reviews=2, share=share)
        with self.store._database.reading() as connection:
            wanted = connection.execute(select(TASKS.c.wanted).order_by(TASKS.c.number)).scalars()
            self.twin = Twin(list(wanted))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
        self.folder.cleanup()

    @rule(who=people, after=st.none() | numbers)
    def next(self, who: str, after: int | None) -> None:
        row = self.store.next("possible", who, order="plan", after=after)
        assert (None if row is None else row.number) == self.twin.next(who, after)
        assert row is None or (row.claimed_by, row.decisions) == (who, ())

    @rule(who=people, verdict=verdicts)
    def work(self, who: str, verdict: str) -> None:
        row = self.store.next("possible", who, order="plan")
        assert (None if row is None else row.number) == self.twin.next(who, None)
        if row is not None:
            self.store.decide(row.number, who, verdict, seen={})  # type: ignore[arg-type]
            assert self.twin.decide(row.number, who, verdict)

    @rule(who=people, task=numbers, settle=st.booleans())
    def claim(self, who: str, task: int, settle: bool) -> None:
        made = attempt(lambda: self.store.claim(task, who, settle=settle))
        assert bool(made) == self.twin.claim(task, who, settle)

    @rule(who=people, task=numbers)
    def release(self, who: str, task: int) -> None:
        self.store.release(task, who)
        if self.twin.on.get(task) == who:
            del self.twin.on[task]

    @rule(who=people, task=numbers, verdict=verdicts, replace=st.booleans())
    def decide(self, who: str, task: int, verdict: Any, replace: bool) -> None:
        made = attempt(lambda: self.store.decide(task, who, verdict, seen={}, replace=replace))
        assert bool(made) == self.twin.decide(task, who, verdict, replace)

    @rule(who=people)
    def undo(self, who: str) -> None:
        assert bool(self.store.undo(who)) == self.twin.undo(who)

    @rule(who=people, task=numbers, verdict=verdicts, why=st.sampled_from(["", "why"]))
    def adjudicate(self, who: str, task: int, verdict: Any, why: str) -> None:
        made = attempt(lambda: self.store.adjudicate(task, who, verdict, comment=why, seen={}))
        assert bool(made) == self.twin.adjudicate(task, who, verdict, why)

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store.open(self.url(), run=RUN, model=MODEL)

    @invariant()
    def alike(self) -> None:
        if not hasattr(self, "store"):
            return
        twin = self.twin
        rows = [
            (one.reviewer, one.kind, one.verdict, int(one.task.left.id) + 1) for one in self.store.decisions()
        ]
        assert rows == [(row["who"], row["kind"], row["verdict"], row["task"]) for row in twin.rows]
        # What the tables keep follows from the decisions.
        with self.store._database.reading() as connection:
            kept = connection.execute(
                text("select number, state, verdict, first_by, claimed_by from tasks order by number")
            ).all()
        for number, state, verdict, first_by, claimed_by in kept:
            assert (state, verdict) == twin.state(number)
            judged = twin.stands(number)
            assert first_by == (judged[0]["who"] if state == "open" and judged else "")
            assert claimed_by == twin.on.get(number)
        assert [(one.state, one.verdict) for one in self.store.standing()] == [
            twin.state(number) for number in twin.wanted
        ]
        pairs = [one.compared for one in self.store.standing()]
        said = [None if one is None else [verdict for verdict, _ in one] for one in pairs]
        assert said == [twin.compared(number) for number in twin.wanted]
        assert self.store.agreement("possible").overall.n == len(pairs) - said.count(None)
        states = [twin.state(number) for number in twin.wanted]
        by: dict[str, int] = {}
        for number in twin.wanted:
            for row in twin.stands(number):
                by[row["who"]] = by.get(row["who"], 0) + 1
        assert self.store.progress("possible") == Progress(
            tasks=5,
            done=sum(state == "done" for state, _ in states),
            unsure=states.count(("done", "unsure")),
            disagreements=states.count(("disagreement", None)),
            claimed=len(twin.on),
            by_reviewer=dict(sorted(by.items())),
        )
        for who in PEOPLE:
            mine = [
                row["task"]
                for row in reversed(twin.rows)
                if row in twin.stands(row["task"]) and row["who"] == who
            ]
            assert [row.number for row in self.store.history(who, "possible")] == list(dict.fromkeys(mine))


QUICK = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_sqlite_against_the_twin() -> None:
    run_state_machine_as_test(StoreMachine, settings=QUICK)  # type: ignore[no-untyped-call]


def test_postgresql_against_the_twin(postgres: Server) -> None:
    class OnServer(StoreMachine):
        def __init__(self) -> None:
            super().__init__()
            self.address = postgres.emptied_database()

        def url(self) -> str:
            return self.address

    run_state_machine_as_test(OnServer, settings=settings(QUICK, max_examples=3))  # type: ignore[no-untyped-call]


@pytest.mark.long
def test_sqlite_against_the_twin_for_long() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        StoreMachine, settings=settings(QUICK, max_examples=1000, stateful_step_count=60)
    )
