"""Makes the pictures of the report in the guide, from a run with an audit and known truth.

``python docs/report_screenshots.py RUN_DIR``, with the run's directory as it stands.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tallystick.linkage.report_again import report_of_run
from tallystick.quality.report import render_page

IMAGES = Path(__file__).parent / "images"
WIDTH = 1120
PICTURES = {
    "report-head": ("header", 1150),
    "report-flow": ("#pairs", 740),
    "report-parameters": ("#parameters", 900),
    "report-weights": ("#weights", 760),
    "report-thresholds": ("#thresholds", 520),
    "report-missed": ("#missed", 900),
    "report-statement": ("#statement", 1500),
}
"""Where a picture begins, and how high it is."""


def make_pictures(run: Path, folder: Path = IMAGES) -> None:
    """Take the pictures of the report of a run.

    Parameters
    ----------
    run : path
        Directory of the run.
    folder : path
        Where they go.
    """
    from playwright.sync_api import sync_playwright

    page_file = folder / ".report.html"
    page_file.write_text(render_page(report_of_run(run)), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
            page.goto(page_file.resolve().as_uri())
            page.wait_for_function(
                "document.querySelectorAll('svg.marks').length === document.querySelectorAll('.chart').length"
            )
            for name, (start, height) in PICTURES.items():
                box = page.locator(start).first.bounding_box()
                assert box is not None
                clip = {"x": 0, "y": max(0, box["y"] - 12), "width": WIDTH, "height": height}
                page.screenshot(path=folder / f"{name}.png", full_page=True, clip=clip)
            browser.close()
    finally:
        page_file.unlink()


if __name__ == "__main__":
    make_pictures(Path(sys.argv[1]))
