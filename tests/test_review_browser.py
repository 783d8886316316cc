"""Reviewers at work in a real browser: the keyboard, two at once, undo, a server that dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.review.store import Store
from tallystick.review.tasks import POSSIBLE
from tests.small_files import process_environment
from tests.small_review import (
    PASSWORD,
    LongCasebook,
    SmallCasebook,
    add_people,
    chromium,
    fill,
    open_store,
    pair_tasks,
    record_tasks,
    served,
)

VALUES = {
    *(key.id for key in SmallCasebook().records),
    *(
        value
        for one in SmallCasebook().records.values()
        for name, value in one.values.items()
        if value and name not in ("sex", "postcode")  # a digit or four may stand anywhere
    ),
}
"""What must be in no address and no log."""
WAIT = 10_000
"""Milliseconds that a page may take, on a machine that does much else."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "review.sqlite") as opened:
        yield opened


class Watched:
    """A page that notes all that is asked of the network, and all that goes wrong."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(reduced_motion="reduce", **options)
        self.context.set_default_timeout(WAIT)
        self.address = address
        self.asked: list[str] = []
        self.faults: list[str] = []
        self.bodies: list[str] = []
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def judge(self, path: str = "/worklists/possible") -> None:
        """Go to a desk, and wait until it shows a task."""
        self.go(path)
        self.page.wait_for_selector("article.case")

    def sign_in(self, name: str, page: Any = None) -> None:
        """Sign in on this page, or on another one of the same visit."""
        page = page or self.page
        page.goto(self.address + "/sign-in")
        page.fill("[name=name]", name)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_url(self.address + "/")

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self.page.wait_for_function("() => !document.querySelector('[data-busy]')")

    def number(self) -> int:
        """The task that is shown."""
        return int(self.page.locator("article.case").get_attribute("data-number"))

    def said(self) -> str:
        return str(self.page.locator("[data-status]").text_content())

    def press(self, key: str, says: str) -> None:
        """Press a key, and wait until the page says something."""
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "words => document.querySelector('[data-status]').textContent.includes(words)", arg=says
        )
        self.settle()

    def close(self) -> None:
        """Nothing but the server was asked for, no value was in an address, nothing went wrong."""
        self.context.close()
        assert all(url.startswith(self.address) for url in self.asked), self.asked
        assert not [url for url in self.asked if any(value in url for value in VALUES)]
        assert self.faults == []


def test_twenty_pairs_by_keyboard_alone(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.go("/")
        page = watched.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the content"
        page.get_by_role("link", name="Judge the next").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("article.case")
        wanted = {}
        for count in range(20):
            number = watched.number()
            key, verdict = (("l", "link"), ("n", "non-link"), ("u", "unsure"))[count % 3]
            if count == 4:
                watched.page.keyboard.press("c")
                page.keyboard.type("not the same unless l and n swap")  # keys mean nothing while one types
                assert watched.number() == number
                page.keyboard.press("Enter")
                assert page.evaluate("document.activeElement.id") == "case-title"
            wanted[number] = verdict
            watched.press(key, f"Saved: {verdict} for pair {number}.")
        assert page.locator("#case-title").text_content() == "Nothing is open for you here"
        assert page.locator(".bar-top .progress span").text_content() == "20 of 20"
        watched.close()
    made = store.decisions(POSSIBLE)
    assert len(made) == 20
    found = {row.number: row.verdict for row in store.standing(POSSIBLE)}
    assert found == wanted
    assert {one.comment for one in made} == {"", "not the same unless l and n swap"}
    first = made[0]
    book = SmallCasebook()
    assert first.seen["left"] == dict(book.records[first.task.left].values)
    assert first.seen["weight"] == pytest.approx(book.pair(first.task.left, first.task.right).weight)
    assert (first.reviewer, first.run, first.model) == ("ann", store.run, store.model)
    assert store.tasks(POSSIBLE) == ()  # nothing is open


def test_next_back_undo_and_help(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.judge()
        page = watched.page
        first = watched.number()
        page.keyboard.press("j")
        page.wait_for_selector(f"article.case:not([data-number='{first}'])")
        watched.settle()
        second = watched.number()
        watched.press("u", f"Saved: unsure for pair {second}.")
        assert watched.number() not in (first, second)  # what was passed over comes again at the end
        watched.press("z", f"Undone. Pair {second}.")
        watched.press("k", f"Back. Pair {first}.")
        page.keyboard.press("j")
        page.wait_for_selector(f"article.case[data-number='{second}']")
        watched.settle()
        watched.press("k", f"Back. Pair {first}.")
        watched.press("L", f"Saved: link for pair {first}.")  # with shift or caps lock, too
        assert watched.number() == second
        watched.press("k", f"Back. Pair {first}.")
        assert "You judged this: link." in str(page.locator(".standing").text_content())
        watched.press("n", f"Saved: non-link for pair {first}.")  # another verdict replaces it
        assert [one.verdict for one in store.standing(POSSIBLE) if one.number == first] == ["non-link"]
        watched.press("z", f"Undone. Pair {first}.")
        kinds = [one.kind for one in store.decisions()]
        assert kinds == ["review", "undo", "review", "undo", "review", "undo"]
        assert store.task(first).state == "claimed"
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("l")  # judges nothing behind the list of keys
        page.get_by_label("Keys are on").uncheck()
        page.keyboard.press("Escape")
        page.keyboard.press("l")
        assert page.evaluate("document.querySelector('[data-busy]')") is None
        assert len(store.decisions()) == 6
        page.keyboard.press("?")
        page.get_by_label("Keys are on").check()
        page.keyboard.press("Escape")
        watched.press("u", f"Saved: unsure for pair {first}.")
        watched.go("/worklists/possible/history")
        page.get_by_role("button", name=f"Undo pair {first}").click()
        page.wait_for_selector(f"[data-undo='{first}']", state="detached")
        assert store.progress(POSSIBLE).done == 0
        watched.close()


def test_a_key_held_down_judges_one_pair(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.judge()
        watched.page.keyboard.down("l")
        watched.page.wait_for_function(
            "() => document.querySelector('[data-status]').textContent.includes('Saved')"
        )
        for _ in range(30):  # what a browser sends for a key that stays down
            watched.page.keyboard.down("l")
        watched.page.keyboard.up("l")
        assert watched.page.evaluate("document.querySelector('[data-busy]')") is None
        assert len(store.decisions()) == 1
        watched.close()


def test_two_reviewers_at_once_never_get_the_same_pair(store: Store, browser: Any) -> None:
    fill(store, pairs=10)
    add_people(store)
    with served(store, login=True) as address:
        people = {name: Watched(browser, address) for name in ("rita", "rolf")}
        for name, one in people.items():
            one.sign_in(name)
            one.judge()
        taken: dict[str, list[int]] = {name: [] for name in people}
        for _ in range(5):
            on = [one.number() for one in people.values()]
            assert on[0] != on[1]
            for name, one in people.items():
                taken[name].append(one.number())
                one.press("l", f"Saved: link for pair {taken[name][-1]}.")
        assert sorted(taken["rita"] + taken["rolf"]) == sorted(row.number for row in store.standing(POSSIBLE))
        # The telephone number is masked for one of them: nowhere in the page, and in the other's it is.
        shown = []
        for one in people.values():
            one.judge("/worklists/audit?task=11")
            shown.append(one.page.content())
            one.press("u", "Saved: unsure for pair 11.")
            one.press("z", "Undone. Pair 11.")
            one.page.keyboard.press("j")
            one.page.wait_for_selector("article.case:not([data-number='11'])")
        phone = SmallCasebook().records[pair_tasks(40)[30].left].values["phone"]
        assert phone
        assert [phone in text for text in shown] == [False, True]
        for one in people.values():
            one.close()


def test_a_disagreement_is_settled_by_a_third_verdict(store: Store, browser: Any) -> None:
    add_people(store)
    store.fill("double", pair_tasks(2), reviews=2)
    for name, verdict in (("rita", "link"), ("rolf", "non-link")):
        for _ in range(2):
            row = store.next("double", name)
            assert row is not None
            store.decide(row.number, name, verdict, comment=f"says {name}", seen={})  # type: ignore[arg-type]
    with served(store, login=True) as address:
        watched = Watched(browser, address)
        watched.sign_in("adam")
        page = watched.page
        page.get_by_role("link", name="Settle what is in doubt").click()
        page.get_by_role("link", name="pair 1").click()
        page.wait_for_selector("article.case")
        verdicts = str(page.locator(".verdicts").text_content())
        assert "rita: link" in verdicts
        assert "says rolf" in verdicts
        page.keyboard.press("c")
        page.keyboard.type("the mother")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.wait_for_url("**/disagreements/2")
        page.wait_for_selector("article.case")
        page.keyboard.press("l")
        page.wait_for_url("**/disagreements")
        assert page.get_by_text("No disagreement and no unsure verdict is open.").is_visible()
        # What is settled is settled anew from the list; over what another one settled one has to say why.
        store.undo("adam", 2)
        store.release(2, "adam")
        store.adjudicate(2, "boss", "link", seen={})
        watched.go("/worklists/double/tasks")
        page.get_by_role("link", name="Settle pair 2").click()
        page.wait_for_selector("article.case")
        assert "boss settled it: link" in str(page.locator(".verdicts").text_content())
        watched.press("n", "Not saved: write in the comment why the verdict is to be changed.")
        page.keyboard.type("the father")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        page.wait_for_url("**/disagreements")
        watched.close()
    settled = {row.number: (row.verdict, row.how) for row in store.standing("double")}
    assert settled == {1: ("non-link", "adjudicated"), 2: ("non-link", "adjudicated")}
    assert [one.comment for one in store.decisions() if one.kind == "adjudication"] == [
        "the mother",
        "",
        "",
        "the father",
    ]


def test_a_record_is_judged_by_number_by_search_or_as_having_none(store: Store, browser: Any) -> None:
    store.fill("audit", record_tasks(4), blind=True)
    book = SmallCasebook()
    with served(store) as address:
        watched = Watched(browser, address)
        watched.judge("/worklists/audit")
        page = watched.page
        chosen = page.locator("[data-digit='2']")
        key = [str(chosen.get_attribute(f"data-{part}")) for part in ("source", "id")]
        watched.press("2", "Saved: candidate 2 for record 1.")
        watched.press("0", "Saved: none of them for record 2.")
        page.keyboard.press("/")
        page.keyboard.type("s0039")
        watched.press("Enter", "1 record found.")
        watched.press("Enter", "Saved: candidate of the search for record 3.")
        page.keyboard.press("l")  # means nothing of a record
        page.keyboard.press("/")
        page.keyboard.type("nobody of this name")
        watched.press("Enter", "0 records found.")
        page.locator("#case-title").focus()
        watched.press("u", "Saved: unsure for record 4.")
        watched.close()
    made = store.decisions()
    assert [one.verdict for one in made] == ["link", "non-link", "link", "unsure"]
    assert list(made[0].chosen or ()) == key
    assert made[2].chosen == ("survey", "s0039")
    assert made[2].seen["chosen"]["values"] == dict(book.records[made[2].chosen].values)
    assert made[0].seen["chosen"]["weight"] is None  # the list is blind
    assert len(made[1].seen["candidates"]) == 6


def test_the_list_finds_pairs_and_leads_to_them(
    store: Store, browser: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")  # of all that logs in this process, the server among them
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.go("/worklists/possible/tasks")
        page = watched.page
        assert page.locator("tbody").count() == 20
        page.get_by_label("Weight from").fill("3")
        page.get_by_label("to", exact=True).fill("4")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody").count() == 5
        page.get_by_role("link", name="Judge these").click()
        page.wait_for_selector("article.case")
        assert "at least 3 and a weight of at most 4" in page.locator(".note").first.text_content()
        number = watched.number()
        watched.press("l", f"Saved: link for pair {number}.")
        weights = {row.number: row.task.weight for row in store.standing(POSSIBLE)}
        assert 3 <= float(weights[number] or 0) <= 4
        watched.go("/worklists/possible/tasks")
        surname = SmallCasebook().records[pair_tasks(20)[7].left].values["surname"]
        page.get_by_label("Words").fill(f"{surname} c0007")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="pair 8").click()
        page.wait_for_selector("article.case[data-number='8']")
        watched.go("/worklists/possible/tasks")
        page.get_by_label("Decision").select_option("link")
        page.get_by_role("button", name="Show").click()
        assert page.locator("tbody").count() == 1
        page.get_by_label("Weight from").fill("much")
        page.get_by_role("button", name="Show").click()
        assert "is not a number" in page.locator("[role=alert]").text_content()
        watched.faults = [one for one in watched.faults if "400" not in one]  # the browser notes the status
        watched.close()
    assert "POST /worklists/{worklist}/tasks 200" in caplog.text
    assert not [value for value in VALUES if value in caplog.text]


def test_what_could_not_be_saved_is_said_kept_and_sent_again(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.judge()
        page = watched.page
        number = watched.number()
        page.route("**/decide", lambda route: route.abort())
        page.keyboard.press("l")
        page.wait_for_selector("[data-alert]:not([hidden])")
        alert = str(page.locator("[data-alert]").text_content())
        assert f"Not saved: link for pair {number}. The server cannot be reached." in alert
        assert "Saved" not in watched.said()
        page.keyboard.press("n")  # the verdict that waits is not replaced unseen
        page.keyboard.press("j")
        assert watched.number() == number
        page.unroute("**/decide")
        watched.press("r", f"Saved: link for pair {number}.")
        assert [one.verdict for one in store.decisions()] == ["link"]
        assert page.locator("[data-alert]").is_hidden()
        watched.faults = [one for one in watched.faults if "ERR_FAILED" not in one]  # the one that was made
        watched.close()


SERVER = """
import sys
from tests.small_review import SmallCasebook, open_store
from tallystick.review.app import make_app
from tallystick.review.serve import listen, make_server
from tallystick.review.settings import Settings

store = open_store(sys.argv[1])
listener = listen("127.0.0.1", int(sys.argv[2]))
app = make_app(store, SmallCasebook(), Settings("ann", port=listener.port))
make_server(app).run(sockets=[listener.socket])
"""


def test_kill_9_of_the_server_loses_no_decision(tmp_path: Path, browser: Any) -> None:
    path = tmp_path / "review.sqlite"
    with open_store(path) as store:
        fill(store)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    watched = Watched(browser, address)
    confirmed = {}
    process = start(path, port)
    try:
        watched.judge()
        for count in range(3):
            number = watched.number()
            verdict = ("link", "non-link")[count % 2]
            if count % 2 == 1:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                watched.page.keyboard.press(verdict[0])
                watched.page.wait_for_selector("[data-alert]:not([hidden])")
                process = start(path, port)
                watched.press("r", f"Saved: {verdict} for pair {number}.")
            else:
                watched.press(verdict[0], f"Saved: {verdict} for pair {number}.")
            confirmed[number] = verdict
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    watched.faults = [one for one in watched.faults if "ERR_CONNECTION" not in one]
    watched.close()
    with open_store(path) as store:
        kept = {row.number: row.verdict for row in store.standing(POSSIBLE) if row.verdict}
        assert len(store.decisions()) == 3
    assert kept == confirmed


def start(path: Path, port: int) -> subprocess.Popen[bytes]:
    """The server in a process of its own, once it answers."""
    environment = process_environment()
    environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).resolve().parent.parent)
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(path), str(port)], env=environment)
    for _ in range(600):
        assert process.poll() is None
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return process
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


FAULTS = """() => {
  // Texts that run out of their cell, or over another text, and values that turn the text around them.
  const found = [], all = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode, parent = text.parentElement, range = document.createRange();
    if (!text.data.trim() || parent.closest(".unseen, .skip, option, noscript")) continue;
    if (!parent.checkVisibility() || getComputedStyle(parent).clipPath !== "none") continue;
    const words = text.data.trim().slice(0, 30);
    const turns = /[\u202e\u05d0-\u05ea]/.test(text.data);
    if (turns && !parent.closest("bdi")) found.push(`not isolated: ${words}`);
    range.selectNodeContents(text);
    const cell = parent.closest("td, th")?.getBoundingClientRect();
    for (const box of range.getClientRects()) {
      if (box.width < 1) continue;
      if (cell && (box.right > cell.right + 1 || box.bottom > cell.bottom + 1)) found.push(`out: ${words}`);
      if (!parent.closest(".verdict-bar, dialog")) all.push([box, words]);
    }
  }
  all.forEach(([a, one], k) => {
    for (const [b, other] of all.slice(k + 1)) {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > 6) found.push(`over each other: ${one} / ${other}`);
    }
  });
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window");
  return [...new Set(found)];
}"""


def test_every_page_can_be_read_by_all(store: Store, browser: Any) -> None:
    """Axe finds nothing serious, light and dark; and long values, and those from right to left, fit in."""
    from axe_playwright_python.sync_playwright import Axe

    from tests.review_screenshots import PAGES, disagree

    fill(store)
    add_people(store)
    number = disagree(store)
    name = "\u05ea\u05d9\u05d0\u05d5\u05d3\u05d5\u05e8\u05d4" * 8
    store.add_reviewer(name, "reviewer", masked=("given", "surname", "street"))
    for by in ("boss", name):
        row = store.next(POSSIBLE, by)
        assert row is not None
        store.decide(row.number, by, "unsure", comment="\u202e" + "the same " * 20 + "s" * 90, seen={})
    with served(store, login=True, casebook=LongCasebook()) as address:
        watched = Watched(browser, address, viewport={"width": 1024, "height": 768})
        page = watched.page
        found: dict[str, list[str]] = {}

        # Rows that are made like others before them tell nothing new.
        same = {"list": "tbody:nth-of-type(n + 3)", "adjudication": ".scroll", "blind": ".around"}

        def check(name: str, context: Any = None) -> None:
            context = {"exclude": [[same[name]]]} if name in same else context
            for scheme in ("light", "dark"):  # which changes colours and nothing else
                page.emulate_media(color_scheme=scheme)
                options: dict[str, Any] = {"resultTypes": ["violations"]}
                if scheme == "dark":
                    options["runOnly"] = ["color-contrast"]
                    script = "([where, options]) => axe.run(where || document, options)"
                    violations = page.evaluate(script, [context, options])["violations"]
                else:
                    violations = Axe().run(page, context, options).response["violations"]
                serious = [one for one in violations if one["impact"] in ("serious", "critical")]
                where = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in serious]
                if where:
                    found[f"{name} {scheme}"] = where
            for width in (1024, 1280):
                page.set_viewport_size({"width": width, "height": 768})
                if faults := page.evaluate(FAULTS):
                    found[f"{name} {width}"] = faults

        watched.go("/sign-in")
        check("sign-in")
        watched.sign_in("boss")
        for name, path in PAGES:
            watched.go(path.format(disagreement=number))
            if page.locator("[data-desk]").count():
                page.wait_for_selector("article.case")
            if name == "people":
                page.get_by_text("Change rita").click()
            if name == "record":
                page.fill("[data-first]", "magdalena")
                page.press("[data-first]", "Enter")
                page.wait_for_selector("[data-found] table")
            check(name)
            if name == "pair":
                page.keyboard.press("?")
                check("keys", "dialog")
                page.keyboard.press("Escape")
                page.evaluate("document.querySelector('[data-alert]').hidden = false")
                check("alert", ".verdict-bar")
        assert found == {}
        watched.close()


def test_a_desk_that_is_left_asks_for_nothing(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        page = watched.page
        page.clock.install()
        watched.judge()
        watched.settle()
        before = len(watched.asked)
        page.clock.run_for("45:00")
        page.evaluate("0")
        assert watched.asked[before:] == []
        page.keyboard.press("Shift")
        with page.expect_request("**/renew"):
            page.clock.run_for("02:00")
        page.clock.run_for("45:00")
        page.evaluate("0")
        assert len(watched.asked) == before + 1
        watched.close()


def test_a_verdict_outlives_its_session(store: Store, browser: Any) -> None:
    fill(store)
    add_people(store)
    with served(store, login=True) as address:
        watched = Watched(browser, address)
        watched.sign_in("rolf")
        watched.judge()
        page = watched.page
        number = watched.number()
        page.fill("[data-comment]", "the same")
        page.press("[data-comment]", "Enter")

        def judge_without_a_session() -> None:
            for cookie in watched.context.cookies():
                if "session" in cookie["name"]:
                    store.end_session(cookie["value"])
            page.keyboard.press("l" if page.locator("[data-alert]").is_hidden() else "r")
            page.get_by_text("Your session has ended: sign in again in another tab.").wait_for()

        def sign_in_elsewhere(name: str) -> None:
            other = watched.context.new_page()
            watched.sign_in(name, other)
            other.close()

        judge_without_a_session()
        sign_in_elsewhere("rita")  # somebody else: the verdict is not hers
        page.keyboard.press("r")
        page.get_by_text("rita\u2069 has signed in here since").wait_for()
        assert store.decisions() == ()
        judge_without_a_session()
        sign_in_elsewhere("rolf")
        watched.press("r", f"Saved: link for pair {number}.")
        assert [(one.reviewer, one.comment) for one in store.decisions()] == [("rolf", "the same")]
        watched.faults = [one for one in watched.faults if "401" not in one and "403" not in one]
        watched.close()


def test_two_tabs_of_one_visit_can_both_be_used(store: Store, browser: Any) -> None:
    fill(store)
    with served(store) as address:
        watched = Watched(browser, address)
        watched.judge()
        number = watched.number()
        watched.context.clear_cookies()  # a tab that was loaded before the first cookie came
        other = watched.context.new_page()
        other.goto(address + "/worklists/audit")
        other.wait_for_selector("article.case")
        watched.press("l", f"Saved: link for pair {number}.")
        watched.faults = [one for one in watched.faults if "403" not in one]
        watched.close()
