"""The review application under load: review_pages.py [--persons N] [--tasks N] [--pairs N].

Links generated persons, puts 100,000 of the pairs that the run has kept into a worklist, serves them, and
judges some over HTTP: prints the milliseconds of the routes that the page calls for each pair, the median and
the quantile of 95 %. The next pair is timed as data alone and with its HTML.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

import tallystick as ts
from tallystick.datasets import persons
from tallystick.linkage.reviews.casebook import open_casebook
from tallystick.linkage.reviews.store import open_store
from tallystick.review.app import make_app
from tallystick.review.serve import listen, make_server
from tallystick.review.settings import Settings
from tallystick.review.tasks import Task

SPEC = """
[linkage]
name = "persons"
{sources}
[[comparisons]]
field = "forename"
comparator = {{ type = "jaro_winkler", thresholds = [0.92, 0.85] }}
[[comparisons]]
field = "surname"
comparator = {{ type = "jaro_winkler", thresholds = [0.92, 0.85] }}
[[comparisons]]
field = "date_of_birth"
comparator = {{ type = "damerau_levenshtein", max_distances = [1, 2] }}
[[comparisons]]
field = "sex"
comparator = {{ type = "exact" }}
[[comparisons]]
field = "postcode"
comparator = {{ type = "damerau_levenshtein", max_distances = [1] }}
[[passes]]
type = "blocking_key"
parts = ["postcode"]
[[passes]]
type = "blocking_key"
parts = ["date_of_birth"]
[decision]
one_to_one = true
"""


def linked(folder: Path, n: int) -> Path:
    """The directory of a run over two files of n persons."""
    files = persons(n, n, overlap=0.7, seed=1)
    sources = ""
    for name, table in (("early", files.left), ("late", files.right)):
        table.write_csv(folder / f"{name}.csv")
        sources += f'[[sources]]\nname = "{name}"\npath = "{name}.csv"\nid = "record_id"\n'
        sources += 'truth = ["person_id", "household_id"]\n'
    (folder / "spec.toml").write_text(SPEC.format(sources=sources))
    from tallystick.cli import app

    app(["link", str(folder / "spec.toml"), "--out", str(folder / "out"), "--quiet"], standalone_mode=False)
    return folder / "out"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=300, help="that are judged")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = linked(Path(folder), given.persons)
        book = open_casebook(run)
        kept = book.opened.decided.pairs
        some = np.linspace(0, len(kept) - 1, min(given.tasks, len(kept))).astype(int)
        tasks = [
            Task("pair", book.key(int(kept.left[at])), book.key(int(kept.right[at])), float(kept.weight[at]),
                 0.5, float(k % 977), k)
            for k, at in enumerate(some)
        ]  # fmt: skip
        with open_store(run) as store:
            store.fill("possible", tasks)
            listener = listen("127.0.0.1", 0)
            settings = Settings("ann", port=listener.port)
            server = make_server(make_app(store, book, settings))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener.socket]})
            thread.start()
            print(f"tallystick {ts.__version__}: {len(tasks):,} tasks of {2 * given.persons:,} records")
            with httpx.Client(base_url=settings.address) as browser:
                judge(browser, given.pairs)
            server.should_exit = True
            thread.join()


def judge(browser: httpx.Client, n: int) -> None:
    token = re.search(r'name="csrf" content="(\w+)"', browser.get("/").text)
    assert token is not None
    headers = {"X-CSRF-Token": token[1]}
    times: dict[str, list[float]] = {"next, data": [], "next, with HTML": [], "decide": []}

    def post(what: str, path: str, message: dict[str, object]) -> dict[str, dict[str, int]]:
        start = time.perf_counter()
        answer = browser.post(path, json=message, headers=headers)
        times[what].append(1000 * (time.perf_counter() - start))
        assert answer.status_code == 200, answer.text
        result: dict[str, dict[str, int]] = answer.json()
        return result

    post("decide", "/api/worklists/possible/next", {})  # the first one makes indexes of the casebook
    times["decide"].clear()
    for k in range(n):
        as_page = k % 2 == 1
        what = "next, with HTML" if as_page else "next, data"
        task = post(what, "/api/worklists/possible/next", {"page": as_page})["task"]
        post("decide", f"/api/tasks/{task['number']}/decide", {"verdict": "link"})
    for what, one in times.items():
        quantiles = statistics.quantiles(one, n=20)
        print(f"  {what:<20} median {quantiles[9]:6.1f} ms, 95 % within {quantiles[18]:6.1f} ms")


if __name__ == "__main__":
    main()
