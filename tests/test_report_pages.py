"""The report in a real browser: on a phone and on paper, in the dark, by a screen reader, off the network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.quality.report import render_page, report_content
from tallystick.quality.report.drawn import drawings
from tallystick.quality.report.page import render_statement
from tests.sample_report import full_sample
from tests.small_review import chromium

WIDTHS = (360, 768, 1280, 1920)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return report_content(full_sample())


@pytest.fixture(scope="module")
def files(content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("report")
    pages = {"report": render_page(content), "statement": render_statement(content)}
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in pages}


def _open(browser: Any, uri: str, said: list[str] | None = None, **settings: Any) -> Any:
    page = browser.new_page(**settings)
    if said is not None:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url == uri or said.append(request.url))
    page.goto(uri)
    if "report" in uri.rsplit("/", 1)[-1]:
        page.wait_for_function(
            "document.querySelectorAll('svg.marks').length === document.querySelectorAll('.chart').length"
        )
    return page


def test_all_charts_are_drawn_and_nothing_is_asked_of_the_network(
    browser: Any, files: dict[str, str], content: dict[str, Any]
) -> None:
    said: list[str] = []
    page = _open(browser, files["report"], said)
    on_page = [one.id for one in drawings(content) if one.on_page]
    assert page.locator("svg.marks").count() == len(on_page) > 20
    page.wait_for_timeout(200)
    assert said == []
    page.close()


@pytest.mark.parametrize("name", ["report", "statement"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Any, files: dict[str, str], name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = _open(browser, files[name], color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
    page.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_never_wider_than_the_screen(browser: Any, files: dict[str, str], width: int) -> None:
    page = _open(browser, files["report"], viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_tables_that_scroll_can_be_scrolled_by_keyboard(browser: Any, files: dict[str, str]) -> None:
    page = _open(browser, files["report"], viewport={"width": 360, "height": 900})
    wide = "[...document.querySelectorAll('.scroll')].filter(box => box.scrollWidth > box.clientWidth)"
    assert page.evaluate(f"{wide}.length") > 3
    assert page.evaluate(f"{wide}.every(box => box.tabIndex === 0)")
    page.close()


def test_charts_follow_the_dark_scheme(browser: Any, files: dict[str, str]) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page = _open(browser, files["report"], color_scheme=scheme)
        text = page.locator("#weights-chart svg text").first
        colours[scheme] = text.evaluate("one => getComputedStyle(one).fill")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground != colours[scheme]
        page.close()
    assert colours["light"] != colours["dark"]


def test_print_has_all_charts_within_the_paper(browser: Any, files: dict[str, str], tmp_path: Path) -> None:
    page = _open(browser, files["report"], color_scheme="dark", viewport={"width": 680, "height": 960})
    page.emulate_media(media="print")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.chart svg')].map(one => {"
        "const box = one.getBoundingClientRect(); return [box.left, box.right, box.height]})"
    )
    assert len(boxes) > 20
    assert all(left >= 0 and right <= 681 and height > 20 for left, right, height in boxes)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    page.close()
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5


def test_figures_can_be_read_without_javascript(browser: Any, files: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["report"])
    assert page.locator("noscript p").first.is_visible()
    assert page.get_by_text("Precision", exact=True).first.is_visible()
    context.close()
