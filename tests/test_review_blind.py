"""What decisions mean over HTTP: who may know of whose verdict, and who may change what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError
from tallystick.review.app import ReviewApp, make_app
from tallystick.review.settings import Settings
from tallystick.review.store import Store
from tests.small_review import (
    MODEL,
    PASSWORD,
    RUN,
    SmallCasebook,
    add_people,
    client,
    csrf,
    fill,
    open_store,
    record_tasks,
    sign_in,
    small_app,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "review.sqlite") as opened:
        fill(opened, reviews=2)
        add_people(opened)
        yield opened


class Person:
    """Somebody with a session."""

    def __init__(self, app: ReviewApp, name: str) -> None:
        self.browser, self.token = sign_in(app, name)

    def post(self, path: str, **message: Any) -> Any:
        return self.browser.post(f"/api{path}", json=message, headers={"X-CSRF-Token": self.token})

    def form(self, path: str, **form: Any) -> Any:
        return self.browser.post(path, data={"csrf": self.token, **form})

    def judges_next(self, verdict: str, worklist: str = "possible", **more: Any) -> int:
        number = self.post(f"/worklists/{worklist}/next").json()["task"]["number"]
        self.judges(number, verdict, **more)
        return int(number)

    def judges(self, number: int, verdict: str, **more: Any) -> None:
        answer = self.post(f"/tasks/{number}/decide", verdict=verdict, **more)
        assert answer.status_code == 200, answer.text


def test_who_settles_sees_no_verdict_before_all_are_in(store: Store) -> None:
    app = small_app(store, login=True)
    rolf, rita, adam = (Person(app, name) for name in ("rolf", "rita", "adam"))
    number = rolf.judges_next("link", comment="a secret of rolf's")
    answer = adam.post(f"/tasks/{number}/claim", settle=True, page=True)
    assert answer.status_code == 409
    page = adam.browser.get(f"/worklists/possible/disagreements/{number}")
    assert page.status_code == 400
    assert "waits for a judgement" in page.text
    sent = adam.post(f"/tasks/{number}/adjudicate", verdict="link", comment="so soon")
    assert sent.status_code == 409
    for text in (answer.text, page.text, sent.text, adam.form("/worklists/possible/tasks").text):
        assert "secret" not in text
    boss = Person(app, "boss").browser.get("/decisions").text
    assert "secret" not in boss
    assert "1 rows are kept" in boss
    rita.post(f"/tasks/{number}/claim")
    rita.judges(number, "non-link")
    answer = adam.post(f"/tasks/{number}/claim", settle=True, page=True)
    assert "a secret of rolf" in answer.text
    assert answer.json()["task"]["reason"] is False
    assert adam.post(f"/tasks/{number}/adjudicate", verdict="link").status_code == 200
    assert store.decisions()[-1].seen["verdicts"] == [1, 2]


def _known_to_rita(folder: Path, others: str) -> list[tuple[int, str]]:
    """All that rita is told where rolf has said something else than she has not heard of."""
    folder.mkdir()
    with open_store(folder / "review.sqlite") as store:
        fill(store, reviews=2)
        store.fill("records", record_tasks(2), reviews=2)
        add_people(store)
        app = small_app(store, login=True)
        rolf, rita = Person(app, "rolf"), Person(app, "rita")
        for verdict in ("link", "unsure", "non-link"):
            rolf.judges_next(verdict if others == "agree" else "unsure" if verdict == "link" else "link")
            rita.judges_next(verdict)
        told = [
            rita.browser.get(path)
            for path in (
                "/",
                "/api/worklists",
                "/worklists/possible",
                "/worklists/possible/tasks",
                "/worklists/possible/history",
            )
        ]
        for state in ("open", "done", "unsure", "disagreement", "all"):
            told += [
                rita.form("/worklists/possible/tasks", state=state, verdict=verdict)
                for verdict in ("", "link", "non-link", "unsure")
            ]
        for number in (1, 2, 3):
            told += [
                rita.post(f"/tasks/{number}/{what}", **message)
                for what, message in (
                    ("claim", {"page": True}),
                    ("claim", {"settle": True}),
                    ("renew", {}),
                    ("decide", {"verdict": "link", "comment": "another"}),
                    ("undo", {}),
                    ("adjudicate", {"verdict": "link"}),
                )
            ]
        told += [rita.post("/worklists/possible/undo"), rita.post("/worklists/possible/next", page=True)]
        changing = r'[0-9a-f]{64}|name="csrf" value="[^"]*"|content="[^"]*"|<time.*?</time>'
        return [(one.status_code, re.sub(changing, "", one.text)) for one in told]


def test_a_reviewer_is_told_nothing_of_whether_the_other_agreed(tmp_path: Path) -> None:
    """Every answer is the same, letter by letter, whatever the other one has said."""
    agree, differ = (_known_to_rita(tmp_path / others, others) for others in ("agree", "differ"))
    assert agree == differ
    assert sum("has both judgements" in text for _, text in agree) >= 6
    assert not any("rolf" in text or '"disagreements":1' in text for _, text in agree)


def test_what_is_judged_is_settled_from_the_list_and_the_history(store: Store) -> None:
    app = small_app(store, login=True)
    rolf, rita, adam, boss = (Person(app, name) for name in ("rolf", "rita", "adam", "boss"))
    number, mine = 21, 22  # pairs
    for who, one in ((rolf, number), (adam, mine)):
        who.post(f"/tasks/{one}/claim")
        who.judges(one, "link")
    way = "/worklists/audit/disagreements/{}".format
    done = {"state": "done"}
    assert way(number) in adam.form("/worklists/audit/tasks", **done).text
    assert way(mine) not in adam.form("/worklists/audit/tasks", **done).text  # another one's to settle
    assert way(mine) in boss.form("/worklists/audit/tasks", **done).text
    assert "disagreements" not in rita.form("/worklists/audit/tasks", **done).text
    answer = adam.post(f"/tasks/{number}/claim", settle=True, page=True).json()
    assert answer["task"]["reason"] is True
    assert "Judged already" in answer["html"]
    assert "say why in the comment" in answer["html"]
    refused = adam.post(f"/tasks/{number}/adjudicate", verdict="non-link")
    assert refused.status_code == 409
    assert "say in the comment why" in refused.json()["detail"]
    sent = {"verdict": "non-link", "comment": "another year", "shown": answer["task"]["shown"]}
    assert adam.post(f"/tasks/{number}/adjudicate", **sent).status_code == 200
    assert store.task(number).verdict == "non-link"
    assert way(number) in adam.browser.get("/worklists/audit/history").text
    assert store.decisions()[-1].seen["verdicts"] == [1]
    late = rolf.post(f"/tasks/{number}/decide", verdict="unsure")
    assert "settled by adam" in late.json()["detail"]
    assert [one.kind for one in store.decisions()] == ["review", "review", "adjudication"]


def test_a_changed_verdict_that_is_refused_leaves_the_first(store: Store) -> None:
    app = small_app(store, login=True)
    rolf = Person(app, "rolf")
    chosen = {"source": "survey", "id": "s0020"}
    number = 27  # a record
    rolf.post(f"/tasks/{number}/claim")
    rolf.judges(number, "link", chosen=chosen)
    for message in ({"verdict": "link"}, {"verdict": "non-link", "chosen": chosen}):
        assert rolf.post(f"/tasks/{number}/decide", **message).status_code == 409
    assert [one.kind for one in store.decisions()] == ["review"]
    rolf.judges(number, "non-link")
    assert [one.kind for one in store.decisions()] == ["review", "undo", "review"]


def test_a_verdict_on_what_is_no_longer_shown_is_refused(store: Store) -> None:
    app = small_app(store, login=True)
    rolf = Person(app, "rolf")
    task = rolf.post("/worklists/possible/next").json()["task"]
    store.set_masked("rolf", ["phone"])
    refused = rolf.post(f"/tasks/{task['number']}/decide", verdict="link", shown=task["shown"])
    assert refused.status_code == 409
    assert "has changed meanwhile" in refused.json()["detail"]
    assert store.decisions() == ()
    again = rolf.post(f"/tasks/{task['number']}/claim").json()["task"]
    rolf.judges(task["number"], "link", shown=again["shown"])
    assert store.decisions()[0].seen["masked"] == ["phone"]


def test_who_was_deactivated_does_not_work_at_this_machine_either(store: Store) -> None:
    app = small_app(store)
    browser = client(app)
    assert browser.get("/").status_code == 200
    store.add_reviewer("ann", "administrator", password=PASSWORD)
    assert browser.get("/").status_code == 200
    store.deactivate("ann")
    for path in ("/", "/people", "/api/me"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert "was deactivated" in answer.text
    with pytest.raises(InputError, match=r"ann was deactivated .* --reviewer"):
        make_app(store, SmallCasebook(), Settings("ann"))


def test_what_is_no_json_is_said_plainly(store: Store) -> None:
    browser = client(small_app(store))
    headers = {"X-CSRF-Token": csrf(browser, "/"), "Content-Type": "application/json"}
    for content in (b'{"verdict": "link"', b"\xff"):
        answer = browser.post("/api/tasks/1/decide", content=content, headers=headers)
        assert answer.status_code in (400, 422)
        assert "JSON" in answer.json()["detail"] or "body" in answer.json()["detail"]
        assert "jSON" not in answer.json()["detail"]


def test_the_pages_of_the_administrator_read_no_more_than_they_show(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what was seen nor all rows: a store may have many, each with values of ten records."""
    monkeypatch.setattr("tallystick.review.routes_people._LATEST", 2)
    app = small_app(store, login=True)
    rolf, boss = Person(app, "rolf"), Person(app, "boss")
    for _ in range(4):
        rolf.judges_next("link")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("all of it was read")

    monkeypatch.setattr(Store, "decisions", refuse)
    monkeypatch.setattr(Store, "standing", refuse)
    monkeypatch.setattr("tallystick.review.rows.json", None)  # what was seen is JSON
    text = boss.browser.get("/decisions").text
    assert "4 rows are kept" in text
    assert text.count("<time") == 2
    assert boss.browser.get("/").status_code == 200
    assert boss.browser.get("/worklists/possible/tasks").status_code == 200


def test_worklists_have_titles(store: Store) -> None:
    text = client(small_app(store)).get("/").text
    assert ">Possible links<" in text
    assert ">Audit<" in text
    assert (store.run, store.model) == (RUN, MODEL)
