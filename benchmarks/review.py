"""The store of a review under load: review.py [--tasks N] [--reviewers K] [--decisions N] [--only WORD].

Fills a worklist with 100,000 pairs in SQLite and in a PostgreSQL server that it starts (both wait for the
disk at each decision), and prints the milliseconds of the calls that a page makes: the median and the
quantile of 95 %. Then 20 reviewers, each a process of its own, judge against PostgreSQL at once and without a
pause; it prints decisions a second, and whether any is lost or doubled.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tallystick.review.cases import RecordKey
from tallystick.review.filters import Filters
from tallystick.review.store import Store
from tallystick.review.tasks import Task

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from postgres import running_server, server_binaries

RUN, MODEL = "f" * 64, "0" * 64
SEEN = {"values": {f"field {k}": ["a value", "another one"] for k in range(10)}, "weight": 3.2}


def tasks(n: int) -> list[Task]:
    rng = random.Random(1)
    return [
        Task(
            "pair",
            RecordKey("a", f"{k}"),
            RecordKey("b", f"{k}"),
            weight=rng.gauss(0, 6),
            posterior=rng.random(),
            information=rng.random(),
            place=k,
            stratum=f"s{k % 20}",
        )
        for k in range(n)
    ]


@contextmanager
def places(only: str) -> Iterator[dict[str, str]]:
    """Where the stores are."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent / "out") as folder:
        found = {"SQLite": str(Path(folder) / "review.sqlite")}
        binaries = server_binaries()
        if binaries is None or only == "sqlite":
            yield found
            return
        with running_server(binaries, durable=True) as server:
            found["PostgreSQL"] = server.new_database()
            yield {name: url for name, url in found.items() if only in name.lower()}


def timed(what: str, call: Callable[[], Any], n: int = 200) -> None:
    seconds = []
    for _ in range(n):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    quantiles = statistics.quantiles(seconds, n=20)
    print(f"  {what:<60} {1000 * quantiles[9]:8.1f} {1000 * quantiles[18]:8.1f}", flush=True)


def one_reviewer(url: str, n: int) -> None:
    with Store.open(url, run=RUN, model=MODEL) as store:
        start = time.perf_counter()
        store.fill("possible", tasks(n))
        print(f"  filled in {time.perf_counter() - start:.1f} s", flush=True)
        store.fill("double", tasks(n), reviews=2)
        _judged_once(store, "double", n // 2)

        def work(worklist: str = "possible", **options: Any) -> None:
            row = store.next(worklist, "ann", **options)
            assert row is not None
            store.decide(row.number, "ann", "link", comment="the same address", seen=SEEN)

        def onward() -> None:
            row = store.next("possible", "bea", after=last[-1] if last else None)
            assert row is not None
            last.append(row.number)

        last: list[int] = []
        timed("next", onward)
        for order in ("information", "weight", "plan"):
            timed(f"next and decide, order {order}", lambda order=order: work(order=order))  # type: ignore[misc]
        narrow = Filters(weight_low=0.0, weight_high=0.5)
        timed("..., weight within 0 and 0.5, order information", lambda: work(filters=narrow))
        timed(
            "..., one stratum of twenty, order plan",
            lambda: work(order="plan", filters=Filters(strata=("s7",))),
        )
        timed("..., double review, half judged once by the same person", lambda: work("double"))
        timed("undo and decide again", lambda: (store.undo("ann"), work()))
        timed("progress", lambda: store.progress("possible"), 40)
        timed("history", lambda: store.history("ann", "possible"), 40)
        timed(
            "a page of 50 tasks", lambda: store.tasks("possible", Filters(weight_low=-3.0), offset=5000), 40
        )


def _judged_once(store: Store, worklist: str, n: int) -> None:
    """Let ann have judged the first n tasks of the queue, which all wait for another person."""
    with store._database.writing() as connection:
        chosen = (
            "select tasks.number, worklist from tasks join worklists on worklists.number = worklist "
            f"where worklists.name = '{worklist}' order by by_information limit {n}"
        )
        connection.execute(
            text(
                "insert into decisions "
                "(worklist, task, reviewer, at, kind, verdict, comment, seen, run, model) "
                "select worklist, number, 'ann', '2026-01-01T00:00:00.000000Z', 'review', 'link', "
                "'', '', '', '' "
                f"from ({chosen}) as chosen"
            )
        )
        connection.execute(
            text(
                f"update tasks set first_by = 'ann' where number in (select number from ({chosen}) as chosen)"
            )
        )
        connection.execute(
            text(f"insert into participants select number, 'ann' from worklists where name = '{worklist}'")
        )


def team(url: str, n: int, reviewers: int, each: int) -> None:
    with Store.open(url, run=RUN, model=MODEL) as store:
        store.fill("team", tasks(n), reviews=2, share=0.2)
        context = multiprocessing.get_context("spawn")
        ready = context.Barrier(reviewers + 1)
        results: Any = context.Queue()
        people = [
            context.Process(target=_reviewer, args=(url, f"r{k}", each, ready, results))
            for k in range(reviewers)
        ]
        for person in people:
            person.start()
        ready.wait()
        start = time.perf_counter()
        found = [results.get() for _ in people]
        seconds = time.perf_counter() - start
        for person in people:
            person.join()
        times = [one for _, mine in found for one in mine]
        said = [number for mine, _ in found for number in mine]
        made = store.decisions("team")
        twice = len(made) - len({(one.task, one.reviewer) for one in made})
        more = sum(len(one.decisions) > 2 for one in store.standing("team"))
        lost = len(set(said) - {one.number for one in made})
        quantiles = statistics.quantiles(times, n=20)
        print(
            f"  {reviewers} reviewers at once: {len(said):,} decisions in {seconds:.1f} s, "
            f"{len(said) / seconds:.0f} a second; next and decide {1000 * quantiles[9]:.1f} ms, "
            f"95 % within {1000 * quantiles[18]:.1f} ms; lost {lost}, doubled {twice + more}, "
            f"of which nobody was told {len(made) - len(said)}",
            flush=True,
        )


def _reviewer(url: str, name: str, n: int, ready: Any, results: Any) -> None:
    made, times = [], []
    with Store.open(url, run=RUN, model=MODEL) as store:
        ready.wait()
        for _ in range(n):
            start = time.perf_counter()
            row = store.next("team", name)
            if row is None:
                break
            made.append(store.decide(row.number, name, "link", seen=SEEN).number)
            times.append(time.perf_counter() - start)
    results.put((made, times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=100, help="of each reviewer")
    parser.add_argument("--only", choices=["sqlite", "postgresql", ""], default="")
    given = parser.parse_args()
    (Path(__file__).parent / "out").mkdir(exist_ok=True)
    with places(given.only) as found:
        for name, url in found.items():
            print(f"{name}, {given.tasks:,} tasks{'milliseconds: median, 95 %':>52}")
            one_reviewer(url, given.tasks)
            if name == "PostgreSQL":
                team(url, given.tasks, given.reviewers, given.decisions)


if __name__ == "__main__":
    main()
