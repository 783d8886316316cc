"""A casebook of invented persons in memory, a store filled from it, and the application over both."""

from __future__ import annotations

import random
import shutil
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError
from tallystick.review.app import ReviewApp, make_app
from tallystick.review.cases import Candidate, Casebook, CaseRecord, PairCase, Part, RecordCase, RecordKey
from tallystick.review.desk import Desk
from tallystick.review.serve import listen, make_server
from tallystick.review.settings import Settings
from tallystick.review.store import Store
from tallystick.review.tasks import AUDIT, POSSIBLE, Task

with warnings.catch_warnings():  # of a newer client, which is not needed
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

RUN, MODEL = "run-of-the-tests", "model-of-the-tests"
FIELDS = ("given", "surname", "born", "sex", "street", "postcode", "phone")
_GIVEN = ("Annabel", "Bertram", "Carla", "Dorothea", "Emil", "Franziska", "Gina", "Hugo", "Ida", "José")
_SURNAMES = ("Smithe", "Jonsen", "Miller", "Taylor", "Browning", "Wilson", "O'Hara", "Walker", "Hallam")
_STREETS = ("12 High Street", "4 Mill Lane", "88 Station Road", "7 Church Close", "31 Park Avenue")


class SmallCasebook:
    """Two sources of `n` records each; record k of one is the person k of the other, with errors."""

    run = RUN
    model = MODEL
    title = "Census to survey"
    sources = ("census", "survey")
    fields = FIELDS
    weighed = frozenset(FIELDS)

    def __init__(self, n: int = 40, seed: int = 5) -> None:
        draw = random.Random(seed)
        self.records: dict[RecordKey, CaseRecord] = {}
        for k in range(n):
            person = {
                "given": draw.choice(_GIVEN),
                "surname": draw.choice(_SURNAMES),
                "born": f"{draw.randint(1930, 2005)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
                "sex": draw.choice("fm"),
                "street": draw.choice(_STREETS),
                "postcode": str(draw.randint(1000, 1080)),
                "phone": str(draw.randint(10**6, 10**7 - 1)),
            }
            self._add(RecordKey("census", f"c{k:04}"), person)
            self._add(RecordKey("survey", f"s{k:04}"), _misspelt(person, draw))

    def _add(self, key: RecordKey, values: Mapping[str, str | None]) -> None:
        self.records[key] = CaseRecord(key, dict(values))

    def _known(self, key: RecordKey) -> CaseRecord:
        if key not in self.records:
            raise InputError(f"There is no record {key.id!r} in {key.source!r}.")
        return self.records[key]

    def _parts(self, left: CaseRecord, right: CaseRecord) -> tuple[Part, ...]:
        parts = []
        for number, name in enumerate(self.fields):
            a, b = left.values[name], right.values[name]
            if a is None or b is None:
                parts.append(Part(name, "missing", 0.0, (name,), (name,)))
            elif a == b:
                parts.append(Part(name, "equal", 1.2 + 0.6 * number, (name,), (name,)))
            elif a[:1] == b[:1]:
                parts.append(Part(name, "Jaro-Winkler 0.85 and more", 0.4 + 0.1 * number, (name,), (name,)))
            else:
                parts.append(Part(name, "none of the levels above", -1.7 - 0.3 * number, (name,), (name,)))
        return (*parts, Part("surname and street together", "both agree", -0.8))

    def _weight(self, left: CaseRecord, right: CaseRecord) -> float:
        return sum(part.weight for part in self._parts(left, right))

    def _candidates(self, record: CaseRecord, most: int) -> tuple[Candidate, ...]:
        others = [one for one in self.records.values() if one.key.source != record.key.source]
        others.sort(key=lambda one: -self._weight(record, one))
        decisions = ("link", "possible", "non-link", "non-link", None, "non-link")
        return tuple(
            Candidate(one, self._weight(record, one), 1 / (2 + place), decisions[place % 6])
            for place, one in enumerate(others[:most])
        )

    def pair(self, left: RecordKey, right: RecordKey) -> PairCase:
        a, b = self._known(left), self._known(right)
        number = int(left.id[1:])
        mate = RecordKey("census", f"c{(number + 1) % (len(self.records) // 2):04}")
        return PairCase(
            a,
            b,
            self._weight(a, b),
            0.64,
            self._parts(a, b),
            "possible",
            "its posterior is between the thresholds",
            tuple(one for one in self._candidates(a, 3) if one.record.key != right),
            tuple(one for one in self._candidates(b, 3) if one.record.key != left),
            (self.records[mate],),
            (),
            (self.records[mate],) if number % 2 else (),
        )

    def record(self, key: RecordKey) -> RecordCase:
        record = self._known(key)
        return RecordCase(record, self._candidates(record, 6), ())

    def partners(self, source: str) -> tuple[str, ...]:
        return tuple(name for name in self.sources if name != source)

    def once(self, key: RecordKey, source: str) -> bool:
        return True

    def search(self, words: Mapping[str, str], sources: tuple[str, ...], most: int) -> tuple[CaseRecord, ...]:
        found = []
        for one in self.records.values():
            texts = {name: (value or "").casefold() for name, value in one.values.items()}
            every = " ".join((one.key.id, *texts.values()))
            fits = (
                all(word in (texts[name] if name else every) for word in text.casefold().split())
                for name, text in words.items()
            )
            if one.key.source in sources and all(fits):
                found.append(one)
        return tuple(found[:most])


class LongCasebook(SmallCasebook):
    """The same with long values, some of a single word, and others that are written from right to left."""

    title = "\u202eCensus" + "to" * 40

    def _add(self, key: RecordKey, values: Mapping[str, str | None]) -> None:
        long = {
            "given": f"Maria Magdalena Theodora Wilhelmina {values['given']}",
            "surname": f"\u202evon-Hohenlohe-Waldenburg {values['surname']}",
            "street": f"\u05e9\u05d3\u05e8\u05d5\u05ea {values['street']} \u202e",
            "phone": f"Donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichen{values['phone']}",
        }
        super()._add(key, {name: value and long.get(name, value) for name, value in values.items()})


def _misspelt(person: Mapping[str, str], draw: random.Random) -> dict[str, str | None]:
    result: dict[str, str | None] = dict(person)
    for name, value in person.items():
        chance = draw.random()
        if chance < 0.1:
            result[name] = None
        elif chance < 0.35 and len(value) > 2:
            at = draw.randrange(len(value) - 1)
            if draw.random() < 0.4:
                result[name] = value[:at] + value[at + 1] + value[at] + value[at + 2 :]
            else:
                new = draw.choice("0123456789" if value[at].isdigit() else "aeiourstn")
                result[name] = value[:at] + new + value[at + 1 :]
    return result


def pair_tasks(n: int, *, strata: bool = False) -> list[Task]:
    """Pairs of record k of either source, the heaviest first."""
    return [
        Task(
            "pair",
            RecordKey("census", f"c{k:04}"),
            RecordKey("survey", f"s{k:04}"),
            weight=6.0 - k * 0.25,
            posterior=0.9 - 0.8 * k / n,
            information=float(n - k),
            place=k,
            stratum=f"band {k % 3}" if strata else None,
        )
        for k in range(n)
    ]


def record_tasks(n: int, start: int = 20) -> list[Task]:
    """Records of the first source whose partner is looked for."""
    return [
        Task("record", RecordKey("census", f"c{k:04}"), None, 3.0, 0.4, place=k, stratum="unlinked")
        for k in range(start, start + n)
    ]


def open_store(url: str | Path) -> Store:
    return Store.open(url, run=RUN, model=MODEL)


def fill(store: Store, pairs: int = 20, *, reviews: int = 1, records: int = 4) -> None:
    """The worklist of possible links, and a blind one of pairs and records."""
    store.fill(POSSIBLE, pair_tasks(pairs), reviews=reviews)
    sample = [*pair_tasks(40)[30:36], *record_tasks(records)]
    store.fill(AUDIT, sample, blind=True)


def small_app(store: Store, *, login: bool = False) -> ReviewApp:
    settings = Settings(None if login else "ann", names=("testserver", "127.0.0.1", "localhost"))
    return app_over(store, SmallCasebook(), settings)


_MADE: list[ReviewApp] = []


def app_over(store: Store, casebook: Casebook, settings: Settings) -> ReviewApp:
    """As `make_app`, but quicker: all have the routes of the first, so that one is used at a time."""
    if not _MADE:
        _MADE.append(make_app(store, casebook, settings))
    api = _MADE[0].api
    api.state.desk = Desk(store, casebook, settings)
    return ReviewApp(api, settings)


PASSWORD = "correct horse battery"
ROLES = {"reviewer": "rita", "adjudicator": "adam", "administrator": "boss"}
"""One of the people of each role."""


def add_people(store: Store) -> None:
    """A reviewer who sees no telephone number, another one, an adjudicator and an administrator."""
    store.add_reviewer("rita", "reviewer", password=PASSWORD, masked=("phone",))
    store.add_reviewer("rolf", "reviewer", password=PASSWORD)
    store.add_reviewer("adam", "adjudicator", password=PASSWORD)
    store.add_reviewer("boss", "administrator", password=PASSWORD)


def client(app: ReviewApp, token: str | None = None, address: str = "testclient") -> TestClient:
    """A client that keeps its cookies and does not follow redirects."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(
        app, headers=headers, follow_redirects=False, raise_server_exceptions=True, client=(address, 50000)
    )


def csrf(browser: TestClient, path: str = "/sign-in") -> str:
    """The token of a page's forms."""
    text = browser.get(path).text
    return text.partition('<meta name="csrf" content="')[2].partition('"')[0]


def sign_in(app: ReviewApp, name: str) -> tuple[TestClient, str]:
    """A client with a session, and the token of its forms."""
    browser = client(app)
    form = {"name": name, "password": PASSWORD, "csrf": csrf(browser)}
    assert browser.post("/sign-in", data=form).status_code == 303
    return browser, csrf(browser, "/")


@contextmanager
def served(
    store: Store, *, login: bool = False, host: str = "127.0.0.1", casebook: Casebook | None = None
) -> Iterator[str]:
    """The application on a free port of this machine; gives its address."""
    listener = listen(host, 0)
    settings = Settings(None if login else "ann", port=listener.port)
    server = make_server(app_over(store, casebook or SmallCasebook(), settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield settings.address.rstrip("/")
    server.should_exit = True
    thread.join(timeout=10)


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's browser, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine (Debian package chromium)")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
