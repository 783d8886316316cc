"""Pictures of every page of the review, of invented persons: ``python -m tests.review_screenshots``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tallystick.review.tasks import POSSIBLE
from tests.small_review import PASSWORD, add_people, chromium, fill, open_store, pair_tasks, served

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PAGES = (
    ("overview", "/"),
    ("pair", "/worklists/possible"),
    ("record", "/worklists/audit?task=27"),
    ("blind", "/worklists/audit?task=21"),
    ("list", "/worklists/possible/tasks"),
    ("history", "/worklists/possible/history"),
    ("disagreements", "/worklists/double/disagreements"),
    ("adjudication", "/worklists/double/disagreements/{disagreement}"),
    ("people", "/people"),
    ("decisions", "/decisions"),
)
"""Name of the picture and address of the page."""


def main(folder: Path = IMAGES, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, open_store(Path(temporary) / "review.sqlite") as store:
        fill(store)
        add_people(store)
        disagreement = disagree(store)
        for name, verdict in (("rolf", "link"), ("rita", "non-link"), ("boss", "unsure"), ("boss", "link")):
            row = store.next(POSSIBLE, name)
            assert row is not None
            comment = "The mother has the same forename." if verdict == "unsure" else ""
            store.decide(row.number, name, verdict, comment=comment, seen={})  # type: ignore[arg-type]
        with served(store, login=True) as address, chromium() as browser:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
            )
            page = context.new_page()
            page.goto(f"{address}/sign-in")
            _save(page, folder / "review-sign-in.png")
            page.fill("[name=name]", "boss")
            page.fill("[name=password]", PASSWORD)
            page.click("button.main")
            page.wait_for_selector("h1")
            for name, path in PAGES:
                page.goto(address + path.format(disagreement=disagreement))
                if (
                    "/tasks" not in path
                    and path.startswith("/worklists/")
                    and not path.endswith(("history", "disagreements"))
                ):
                    page.wait_for_selector("article.case")
                if name == "record":
                    page.fill("[data-first]", "smithe")
                    page.press("[data-first]", "Enter")
                    page.wait_for_selector("[data-found] table")
                _save(page, folder / f"review-{name}.png")
            page.goto(f"{address}/worklists/possible")
            page.wait_for_selector("article.case")
            page.keyboard.press("?")
            _save(page, folder / "review-keys.png")
            context.close()


def disagree(store: Any) -> int:
    """A worklist of double review whose first task has two verdicts that differ; its number."""
    store.fill("double", pair_tasks(8), reviews=2)
    for name, verdict, comment in (
        ("rita", "link", ""),
        ("rolf", "non-link", "The street is another, and so is the date of birth."),
    ):
        row = store.next("double", name, order="plan")
        store.decide(row.number, name, verdict, comment=comment, seen={})
    return int(row.number)


def _save(page: Any, path: Path) -> None:
    page.screenshot(path=path, animations="disabled")
    tool = shutil.which("convert")
    if tool is not None:  # ImageMagick makes a third of it
        small = ["+dither", "-colors", "96", "-strip", "-define", "png:compression-level=9"]
        subprocess.run([tool, path, *small, f"PNG8:{path}"], check=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
