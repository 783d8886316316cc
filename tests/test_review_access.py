"""Who gets in, and to what: every route by every role, and requests that come from elsewhere."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tallystick.errors import InputError
from tallystick.review import security
from tallystick.review.access import RANKS, ROUTES
from tallystick.review.app import ReviewApp, make_app
from tallystick.review.cases import RecordKey
from tallystick.review.settings import Settings
from tallystick.review.store import Store
from tests.small_review import (
    PASSWORD,
    ROLES,
    SmallCasebook,
    add_people,
    client,
    csrf,
    fill,
    open_store,
    pair_tasks,
    sign_in,
    small_app,
)

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/sign-in"): {"data": {"name": "rita", "password": PASSWORD}},
    ("POST", "/worklists/{worklist}/tasks"): {"data": {"state": "all"}},
    ("POST", "/people"): {"data": {"name": "new", "role": "reviewer"}},
    ("POST", "/people/change"): {"data": {"name": "rolf", "role": "reviewer"}},
    ("POST", "/people/password"): {"data": {"name": "rolf", "password": PASSWORD}},
    ("POST", "/people/token"): {"data": {"name": "rolf"}},
    ("POST", "/people/revoke"): {"data": {"name": "rolf"}},
    ("POST", "/people/deactivate"): {"data": {"name": "rolf"}},
    ("POST", "/decisions/export"): {"data": {"format": "csv"}},
    ("POST", "/api/worklists/{worklist}/next"): {"json": {}},
    ("POST", "/api/worklists/{worklist}/undo"): {"json": {}},
    ("POST", "/api/tasks/{number}/claim"): {"json": {}},
    ("POST", "/api/tasks/{number}/decide"): {"json": {"verdict": "link"}},
    ("POST", "/api/tasks/{number}/undo"): {"json": {}},
    ("POST", "/api/tasks/{number}/search"): {"json": {"words": {"": "a"}}},
    ("POST", "/api/tasks/{number}/adjudicate"): {"json": {"verdict": "link"}},
}
"""What routes need to be sent, so that only access can refuse it."""
LAST = ("/sign-out", "/sign-in")
"""Routes that change who asks."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "review.sqlite") as opened:
        fill(opened)
        add_people(opened)
        yield opened


def routes(app: ReviewApp) -> set[tuple[str, str]]:
    """Every route that the application really has, those of included routers among them."""
    found: set[tuple[str, str]] = set()
    waiting: list[Any] = list(app.api.routes)
    while waiting:
        one = waiting.pop()
        inner = getattr(one, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif isinstance(one, APIRoute):
            found |= {(method, one.path) for method in one.methods}
        else:
            raise AssertionError(f"a route of a kind that nobody checks: {one!r}")
    return found


def ask(browser: Any, method: str, path: str, token: str) -> Any:
    """Use a route with all that it needs."""
    address = path.format(worklist="possible", number=1, name="review.js")
    sent = BODIES.get((method, path), {"json": {}}) if method == "POST" else {}
    return browser.request(method, address, headers={"X-CSRF-Token": token}, **sent)


def test_every_route_has_an_entry_and_every_entry_a_route(store: Store) -> None:
    assert routes(small_app(store)) == set(ROUTES)


@pytest.mark.parametrize("role", ["anyone", *ROLES])
@pytest.mark.parametrize("way", ["session", "token"])
def test_every_route_by_every_role(store: Store, role: str, way: str) -> None:
    """A route lets in who may use it and nobody else, whatever it then answers."""
    app = small_app(store, login=True)
    if role == "anyone":
        browser = client(app)
        token = csrf(browser)
    elif way == "session":
        browser, token = sign_in(app, ROLES[role])
    else:
        browser, token = client(app, store.new_token(ROLES[role])), "none is needed"
    for (method, path), least in sorted(
        ROUTES.items(), key=lambda one: one[0][1] in LAST and 1 + LAST.index(one[0][1])
    ):
        if "/sign" in path:
            token = csrf(browser)  # which is another one by then
        answer = ask(browser, method, path, token)
        refused = answer.status_code in (401, 403) or answer.headers.get("location") == "/sign-in"
        allowed = RANKS[role] >= RANKS[least]
        assert refused != allowed, (method, path, role, answer.status_code, answer.text[:200])
        assert answer.status_code < 500


def test_without_a_login_the_one_at_the_machine_may_do_all(store: Store) -> None:
    browser = client(small_app(store))
    token = csrf(browser, "/")
    for method, path in ROUTES:
        answer = ask(browser, method, path, token)
        assert answer.status_code not in (401, 403), (method, path, answer.text)


def test_a_route_without_an_entry_lets_nobody_in(store: Store) -> None:
    app = make_app(store, SmallCasebook(), Settings("ann", names=("testserver",)))
    app.api.add_api_route("/forgotten", lambda: {"secret": 1})
    answer = client(app).get("/forgotten")
    assert answer.status_code == 403
    assert ("GET", "/forgotten") in routes(app) - set(ROUTES)


def test_sessions_begin_and_end(store: Store) -> None:
    app = small_app(store, login=True)
    browser, token = sign_in(app, "rita")
    assert browser.get("/api/me").json() == {"name": "rita", "role": "reviewer", "masked": ["phone"]}
    kept = dict(browser.cookies)
    assert browser.post("/sign-out", data={"csrf": token}).headers["location"] == "/"
    browser.cookies.update(kept)  # a copy of the cookie is worth nothing
    assert browser.get("/api/me").status_code == 401
    browser, _ = sign_in(app, "rolf")
    store.deactivate("rolf")
    assert browser.get("/api/me").status_code == 401


def test_a_session_ends_when_nothing_is_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.review.routes_session.SESSION_MINUTES", 1e-9)
    app = small_app(store, login=True)
    browser = client(app)
    browser.post("/sign-in", data={"name": "rita", "password": PASSWORD, "csrf": csrf(browser)})
    assert browser.get("/").headers["location"] == "/sign-in"
    assert browser.get("/api/me").status_code == 401


def test_what_a_page_asks_by_itself_prolongs_no_session(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.review.routes_session.SESSION_MINUTES", 1 / 60)
    app = small_app(store, login=True)
    browser, token = sign_in(app, "rolf")
    headers = {"X-CSRF-Token": token}
    task = browser.post("/api/worklists/possible/next", json={}, headers=headers).json()["task"]
    codes = [200]
    started = time.monotonic()
    while codes[-1] == 200 and time.monotonic() - started < 20:
        time.sleep(0.2)
        codes.append(browser.post(f"/api/tasks/{task['number']}/renew", headers=headers).status_code)
    assert codes[-1] == 401


def test_a_form_to_sign_in_that_another_tab_made_void_is_given_anew(store: Store) -> None:
    browser = client(small_app(store, login=True))
    void = csrf(browser)
    browser.cookies.clear()
    browser.get("/sign-in")  # in another tab, which was loaded before the first cookie had come
    form = {"name": "rolf", "password": PASSWORD}
    answer = browser.post("/sign-in", data={**form, "csrf": void})
    assert answer.status_code == 403
    fresh = answer.text.partition('name="csrf" content="')[2].partition('"')[0]
    assert browser.post("/sign-in", data={**form, "csrf": fresh}).status_code == 303


def test_weights_that_hold_a_masked_field_are_neither_shown_nor_filtered_by(store: Store) -> None:
    app = small_app(store, login=True)
    for name, shown in (("rita", False), ("rolf", True)):
        browser, token = sign_in(app, name)
        headers = {"X-CSRF-Token": token}
        answer = browser.post("/api/worklists/possible/next", json={"page": True}, headers=headers)
        assert ("Weight of the pair" in answer.text) == shown
        assert ("<b>0.64" in answer.text) == shown
        assert (answer.json()["case"]["weight"] is not None) == shown
        assert ("Weights of pairs depend on what is masked" in answer.text) != shown
        listed = browser.get("/worklists/possible/tasks").text
        assert ("Weight from" in listed) == shown
        assert ("+5.75" in listed) == shown  # of the second pair
        status = 200 if shown else 409
        sent = {"filters": {"low": 5.7}}
        assert browser.post("/api/worklists/possible/next", json=sent, headers=headers).status_code == status
        filtered = browser.post("/worklists/possible/tasks", data={"low": "5.7", "csrf": token})
        assert (filtered.status_code == 200) == shown
        assert (browser.get("/worklists/possible?low=5.7").status_code == 200) == shown


def test_cookies_are_for_this_server_alone(store: Store) -> None:
    for secure in (False, True):
        settings = Settings(None, names=("testserver",), secure=secure, port=443)
        browser = client(make_app(store, SmallCasebook(), settings))
        browser.base_url = "https://testserver" if secure else "http://testserver"
        form = {"name": "boss", "password": PASSWORD, "csrf": csrf(browser)}
        cookie = browser.post("/sign-in", data=form).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.casefold()
        assert ("Secure" in cookie) == secure
        assert cookie.startswith("__Host-") == secure


def test_wrong_passwords_are_refused_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    app = small_app(store, login=True)
    app.api.state.desk.attempts = security.Attempts(most=3)
    browser = client(app)
    token = csrf(browser)
    for name in ("rita", "nobody", "rolf"):
        answer = browser.post("/sign-in", data={"name": name, "password": "wrong", "csrf": token})
        assert answer.status_code == 403
        assert "do not fit" in answer.text  # the same, whether there is such a person
    right = {"name": "rita", "password": PASSWORD, "csrf": token}
    assert browser.post("/sign-in", data=right).status_code == 429
    assert "tallystick-session" not in str(browser.cookies)


def test_guessing_at_a_name_locks_out_only_who_guesses(store: Store) -> None:
    app = small_app(store, login=True)
    guesses = client(app)
    guesses.headers["x-forwarded-for"] = "192.0.2.1"  # nobody's word is taken for where they are

    def try_in(browser: Any, name: str, password: str) -> int:
        return browser.post(
            "/sign-in", data={"name": name, "password": password, "csrf": csrf(browser)}
        ).status_code

    assert [try_in(guesses, "boss", "wrong") for _ in range(6)] == [403] * 5 + [429]
    assert try_in(guesses, "boss", PASSWORD) == 429
    assert try_in(guesses, "rita", PASSWORD) == 303  # another name
    assert try_in(client(app, address="192.0.2.7"), "boss", PASSWORD) == 303
    # Who has an own password does not go on guessing by it.
    other = client(app, address="192.0.2.8")
    assert [try_in(other, f"nobody{k}", "wrong") for k in range(19)] == [403] * 19
    assert try_in(other, "rolf", PASSWORD) == 303
    other = client(app, address="192.0.2.8")
    assert [try_in(other, name, "wrong") for name in ("x", "y")] == [403, 429]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://testserver:8080"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"host": "evil.example"}, 421),
        ({"host": ""}, 421),
        ({"x-csrf-token": "0" * 64}, 403),
        ({"x-csrf-token": "é".encode()}, 403),
        ({"x-forwarded-for": "10.0.0.1"}, 403),
        ({"origin": "http://testserver"}, 200),
        ({"origin": "http://testserver", "sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_requests_of_other_sites_are_refused(store: Store, headers: dict[str, Any], status: int) -> None:
    browser = client(small_app(store))
    sent = {"x-csrf-token": csrf(browser, "/")} | headers
    answer = browser.post("/api/worklists/possible/next", json={}, headers=sent)
    assert answer.status_code == status, answer.text
    assert store.progress("possible").claimed == (status == 200)


def test_without_its_token_no_form_is_taken(store: Store) -> None:
    browser = client(small_app(store))
    assert browser.post("/people", data={"name": "new", "role": "reviewer"}).status_code == 403
    csrf(browser, "/")  # has the cookie now, but sends no token
    assert browser.post("/people", data={"name": "new", "role": "reviewer"}).status_code == 403
    assert store.reviewer("new") is None


def test_a_proxy_needs_reviewers_who_sign_in(store: Store) -> None:
    assert client(small_app(store)).get("/", headers={"X-Forwarded-For": "10.1.1.1"}).status_code == 403
    app = small_app(store, login=True)
    assert client(app).get("/sign-in", headers={"X-Forwarded-For": "10.1.1.1"}).status_code == 200


def test_every_answer_says_that_nothing_is_kept_or_taken_from_elsewhere(store: Store) -> None:
    browser = client(small_app(store))
    for path in ("/", "/nothing", "/api/me", "/worklists/possible", "/api/tasks/1/claim"):
        answer = browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    html = browser.get("/worklists/possible").text
    assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=|javascript:", html)


def test_a_masked_field_is_in_no_answer(store: Store) -> None:
    book = SmallCasebook()
    phones = {one.values["phone"] for one in book.records.values()} - {None}
    app = small_app(store, login=True)
    browser, token = sign_in(app, "rita")
    headers = {"X-CSRF-Token": token}
    texts = [browser.get(f"/worklists/{name}/tasks").text for name in ("possible", "audit")]
    for name in ("possible", "audit"):
        texts.append(browser.get(f"/worklists/{name}").text)
        for _ in range(9):
            answer = browser.post(f"/api/worklists/{name}/next", json={"page": True}, headers=headers)
            texts.append(answer.text)
            task = answer.json()["task"]
            made = browser.post(
                f"/api/tasks/{task['number']}/decide", json={"verdict": "unsure"}, headers=headers
            )
            assert made.status_code == 200, made.text
    found = browser.post("/api/tasks/27/search", json={"words": {"": "a"}, "page": True}, headers=headers)
    assert found.json()["found"]
    texts.append(found.text)
    form = {"words": "a", "field": "", "csrf": token}
    texts.append(browser.post("/worklists/possible/tasks", data=form).text)
    refused = browser.post("/worklists/possible/tasks", data={**form, "field": "phone"})
    assert refused.status_code == 400
    assert "masked" in refused.text
    phone = str(book.records[RecordKey("survey", "s0020")].values["phone"])
    sought = browser.post("/api/tasks/27/search", json={"words": {"": phone}}, headers=headers)
    assert sought.json()["found"] == []
    assert (
        browser.post("/api/tasks/27/search", json={"words": {"phone": "1"}}, headers=headers).status_code
        == 409
    )
    everything = "\n".join(texts)
    assert "postcode" in everything
    assert not [phone for phone in phones if phone in re.sub(r"</?mark[^>]*>", "", everything)]
    for decision in store.decisions():
        assert "phone" not in decision.seen.get("left", {})
        assert not any(phone in str(decision.seen) for phone in phones)


def test_logs_hold_no_values(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = client(small_app(store))
    token = csrf(browser, "/")
    browser.get("/Annabel", params={"surname": "Smithe"})
    browser.post("/worklists/possible/tasks", data={"words": "Smithe", "csrf": token})
    browser.post("/api/tasks/27/search", json={"words": {"": "Smithe"}}, headers={"X-CSRF-Token": token})

    values = "Annabel Smithe"

    def fails(*_: object) -> None:
        raise ValueError(values)

    browser.app.api.state.desk.casebook.pair = fails  # type: ignore[attr-defined]
    answer = browser.post("/api/worklists/possible/next", json={}, headers={"X-CSRF-Token": token})
    assert answer.status_code == 500
    own = [one.getMessage() for one in caplog.records if one.name.startswith("tallystick")]
    assert any("GET no such page 404" in line for line in own)
    assert any("failed with ValueError" in line for line in own)
    assert not any("Smithe" in line or "Annabel" in line for line in own)
    others = {one.name for one in caplog.records if "Smithe" in one.getMessage()}
    assert others <= {"httpx"}, others  # that of the test itself


def test_people_are_administered(store: Store) -> None:
    app = small_app(store, login=True)
    browser, token = sign_in(app, "boss")

    def post(path: str, **form: Any) -> Any:
        return browser.post(path, data={"csrf": token, **form})

    assert "was added" in post("/people", name="nina", role="reviewer", masked=["born", "phone"]).text
    nina = store.reviewer("nina")
    assert nina is not None
    assert nina.masked == ("born", "phone")
    answer = post("/people/token", name="nina", days="2")
    secret = re.search(r"shown this once: <code>([^<]+)</code>", answer.text)
    assert secret is not None
    assert client(app, secret[1]).get("/api/me").json()["name"] == "nina"
    assert secret[1] not in browser.get("/people").text
    post("/people/revoke", name="nina")
    assert client(app, secret[1]).get("/api/me").status_code == 401
    assert post("/people", name="nina", role="reviewer").status_code == 400
    assert post("/people", name="x", role="reviewer", masked="income").status_code == 400
    assert "adjudicator" in post("/people/change", name="nina", role="adjudicator").text
    assert "cannot deactivate yourself" in post("/people/deactivate", name="boss").text
    assert "your own role" in post("/people/change", name="boss", role="reviewer").text
    post("/people/deactivate", name="nina")
    assert not store.reviewer("nina").active  # type: ignore[union-attr]
    post("/people/deactivate", name="nina", active="true")
    assert store.reviewer("nina").active  # type: ignore[union-attr]
    file = post("/decisions/export", format="csv")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.headers["content-disposition"] == 'attachment; filename="decisions.csv"'
    assert "verdict" in file.text.splitlines()[0]


def test_a_store_that_is_gone_is_said_and_nothing_is_confirmed(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    browser = client(small_app(store))
    headers = {"X-CSRF-Token": csrf(browser, "/")}
    number = browser.post("/api/worklists/possible/next", json={}, headers=headers).json()["task"]["number"]
    for path in tmp_path.glob("review.sqlite*"):
        path.rename(path.with_name("moved-" + path.name))
    answer = browser.post(f"/api/tasks/{number}/decide", json={"verdict": "link"}, headers=headers)
    assert answer.status_code == 503
    assert "the file is gone" in answer.json()["detail"]
    page = browser.get("/")
    assert page.status_code == 503
    assert "the file is gone" in page.text
    # Where it was is for the log, not for reviewers.
    assert str(tmp_path) not in answer.text + page.text
    assert str(tmp_path) in caplog.text


def test_strata_can_be_listed_where_the_list_is_not_blind(store: Store) -> None:
    store.fill("plan", pair_tasks(9, strata=True))
    browser = client(small_app(store))
    token = csrf(browser, "/")
    text = browser.post("/worklists/plan/tasks", data={"csrf": token, "stratum": "band 1"}).text
    assert text.count("<tbody>") == 3
    assert "/worklists/plan?stratum=band+1" in text
    blind = browser.post("/worklists/audit/tasks", data={"csrf": token, "stratum": "unlinked"})
    assert blind.status_code == 400
    assert "unlinked" not in blind.text
    for sent in ({"filters": {"low": 1}}, {"filters": {"strata": ["unlinked"]}}):
        answer = browser.post("/api/worklists/audit/next", json=sent, headers={"X-CSRF-Token": token})
        assert answer.status_code == 409


def test_store_and_cases_of_different_runs_do_not_go_together(tmp_path: Path) -> None:
    other = Store.open(tmp_path / "other.sqlite", run="another", model="m")
    with other, pytest.raises(InputError, match="another run"):
        make_app(other, SmallCasebook(), Settings("ann"))


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_many_at_once_never_get_the_same_task(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Six people over two servers of one store: each task is judged once, and nobody meets another on it."""
    url = (
        tmp_path / "many.sqlite" if place == "sqlite" else request.getfixturevalue("postgres").new_database()
    )
    names = [f"person {k}" for k in range(6)]
    with open_store(url) as first, open_store(url) as second:
        fill(first, pairs=24)
        tokens = [first.add_reviewer(name, "reviewer") and first.new_token(name) for name in names]
        settings = Settings(None, names=("testserver",))
        servers = [make_app(one, SmallCasebook(), settings) for one in (first, second)]

        def work(k: int) -> list[int]:
            browser, done = client(servers[k % 2], tokens[k]), []
            while True:
                task = browser.post("/api/worklists/possible/next", json={}).json()["task"]
                if task is None:
                    return done
                answer = browser.post(f"/api/tasks/{task['number']}/decide", json={"verdict": "link"})
                assert answer.status_code == 200, answer.text
                done.append(task["number"])

        with ThreadPoolExecutor(len(names)) as pool:
            judged = [number for one in pool.map(work, range(len(names))) for number in one]
        assert sorted(judged) == sorted(row.number for row in first.standing("possible"))
        assert len(first.decisions("possible")) == 24
        assert len({one.reviewer for one in first.decisions("possible")}) > 1
