"""Stores to try things on, and tasks of invented records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from postgres import Server

from tallystick.review.cases import RecordKey
from tallystick.review.store import Store
from tallystick.review.tasks import Task

RUN, MODEL = "f" * 64, "0" * 64


def pair(number: int, weight: float | None = None, **values: Any) -> Task:
    """The pair of the records a:number and b:number."""
    return Task(
        "pair",
        RecordKey("a", str(number)),
        RecordKey("b", str(number)),
        weight=float(number) if weight is None else weight,
        posterior=0.5,
        **{"information": number * 37 % 101 / 101, "place": number, **values},
    )


def record(number: int) -> Task:
    """The record a:number."""
    return Task("record", RecordKey("a", str(number)), None, weight=None, posterior=None, place=number)


@dataclass
class Stores:
    """Opens the same store as often as is asked for."""

    url: str | Path
    stack: ExitStack = field(default_factory=ExitStack)

    def __call__(self, **options: Any) -> Store:
        return self.stack.enter_context(Store.open(self.url, **{"run": RUN, "model": MODEL, **options}))


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """An empty store in a file, then one on the server."""
    if request.param == "sqlite":
        url: str | Path = tmp_path / "review.sqlite"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.emptied_database()
    found = Stores(url)
    with found.stack:
        yield found
