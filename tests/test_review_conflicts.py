"""A link that contradicts another one is a question first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.review.cases import RecordKey
from tallystick.review.store import Store
from tallystick.review.tasks import AUDIT, POSSIBLE, Task
from tests.small_review import add_people, chromium, client, csrf, open_store, served, sign_in, small_app

CENSUS = RecordKey("census", "c0000")
SURVEY = [RecordKey("survey", f"s000{k}") for k in range(3)]
PAIRS = [Task("pair", CENSUS, one, 6.0 - k, 0.5, 3.0 - k, k) for k, one in enumerate(SURVEY)]
QUESTION = "c0000 is linked with s0000 already (pair 1), and has one link at most: link anyway?"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "review.sqlite") as opened:
        yield opened


def decide(browser: Any, token: str, number: int, **message: Any) -> Any:
    headers = {"X-CSRF-Token": token}
    browser.post(f"/api/tasks/{number}/claim", json={}, headers=headers)
    return browser.post(f"/api/tasks/{number}/decide", json=message, headers=headers)


def test_a_second_link_of_a_record_is_asked_about(store: Store) -> None:
    store.fill(POSSIBLE, PAIRS)
    store.fill(AUDIT, [Task("record", CENSUS, None, None, None)], blind=True)
    with client(small_app(store)) as browser:
        token = csrf(browser, "/")
        assert decide(browser, token, 1, verdict="link", ask=True).status_code == 200
        asked = decide(browser, token, 2, verdict="link", ask=True)
        assert (asked.status_code, asked.json()["detail"]) == (428, QUESTION)
        assert len(store.decisions()) == 1
        shown = browser.post("/api/tasks/2/claim", json={"page": True}, headers={"X-CSRF-Token": token})
        assert "linked by a reviewer (pair 1)" in shown.json()["html"]
        assert decide(browser, token, 2, verdict="link").status_code == 200
        assert decide(browser, token, 1, verdict="non-link", ask=True).status_code == 200
        assert decide(browser, token, 2, verdict="link", comment="sure", ask=True).status_code == 200
        chosen = {"source": "survey", "id": "s0002"}
        assert decide(browser, token, 4, verdict="link", chosen=chosen, ask=True).status_code == 200  # blind
        shown = browser.post("/api/tasks/4/claim", json={"page": True}, headers={"X-CSRF-Token": token})
        assert "linked by a reviewer" not in shown.json()["html"]


def test_in_double_review_others_verdicts_are_not_told(store: Store) -> None:
    add_people(store)
    store.fill(POSSIBLE, PAIRS, reviews=2)
    app = small_app(store, login=True)
    browser, token = sign_in(app, "rita")
    assert decide(browser, token, 1, verdict="link", ask=True).status_code == 200
    browser, token = sign_in(app, "rolf")
    assert decide(browser, token, 2, verdict="link", ask=True).status_code == 200
    asked = decide(browser, token, 3, verdict="link", ask=True)  # by an own verdict
    assert (asked.status_code, "s0001 already (pair 2)" in asked.json()["detail"]) == (428, True)


def test_the_page_asks_once_by_keyboard(store: Store) -> None:
    store.fill(POSSIBLE, PAIRS)
    with chromium() as browser, served(store) as address:
        page = browser.new_page()
        page.set_default_timeout(10_000)
        page.goto(address + "/worklists/possible")
        page.wait_for_selector("article.case[data-number='1']")
        page.keyboard.press("l")
        page.wait_for_selector("article.case[data-number='2']")
        page.wait_for_function("() => !document.querySelector('[data-busy]')")
        page.keyboard.press("l")
        page.wait_for_selector("[data-alert]:not([hidden])")
        assert QUESTION in page.locator("[data-alert]").text_content()
        assert len(store.decisions()) == 1
        page.wait_for_function("() => !document.querySelector('[data-busy]')")
        page.keyboard.press("r")
        page.wait_for_selector("article.case[data-number='3']")
        page.wait_for_function("() => !document.querySelector('[data-busy]')")
        page.keyboard.press("n")
        page.wait_for_selector("article.case.empty")
        page.wait_for_function("() => !document.querySelector('[data-busy]')")
        assert "tallystick finalise" in page.locator("article.case").text_content()
        assert page.locator("[data-do=next]").is_disabled()
        assert page.locator("[data-comment]").is_disabled()
        page.set_viewport_size({"width": 400, "height": 800})
        page.goto(address + "/decisions")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert [one.verdict for one in store.standing(POSSIBLE)] == ["link", "link", "non-link"]
