"""The content of the report: what is in it, that the page says the same, and that it names nobody."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError, RunError
from tallystick.quality.charts.draw import save_charts, standalone
from tallystick.quality.charts.style import MATCH, NON_MATCH
from tallystick.quality.report import Figures, render_page, report_content
from tallystick.quality.report.chart_files import save_report_charts
from tallystick.quality.report.content import SECTIONS, section_of
from tallystick.quality.report.drawn import drawings
from tallystick.quality.report.markdown import statement_markdown
from tallystick.quality.report.page import render_statement
from tallystick.quality.report.statement import BLANK, ITEMS, read_statement
from tests.sample_report import full_sample, sample, troubled_sample
from tests.test_report import ATTACK, Page

RECORD_ITEMS = ("1.3", "6.1", "6.2", "6.3", "7.1", "12.1", "12.2", "12.3", "13.1", "19.1", "22.1")


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return report_content(full_sample())


@pytest.fixture(scope="module")
def page(content: dict[str, Any]) -> Page:
    return Page(render_page(content))


def test_json_and_page_are_the_same(content: dict[str, Any]) -> None:
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again == content
    assert render_page(again) == render_page(content)


def test_infinite_weights_go_through_json() -> None:
    model, run, quality = sample()
    model["comparisons"][3] |= {"m": [0.0, 1.0], "u": [0.99, 0.01], "weights": [float("-inf"), 4.6]}
    quality["upper"] = float("inf")
    content = report_content(Figures(model, run, quality))
    again = json.loads(json.dumps(content, allow_nan=False))
    assert "−∞" in render_page(again)
    assert render_page(again) == render_page(content)


def test_a_run_that_has_everything_has_every_section(content: dict[str, Any]) -> None:
    there = {section["key"] for section in content["sections"]}
    assert {key for key, _, _ in SECTIONS} - there == {"preparation"}
    assert {one["part"] for one in content["absent"]} == {"Preparation"}


def test_every_section_has_a_heading_and_a_place_in_the_contents(page: Page, content: dict[str, Any]) -> None:
    ids = page.attribute("id")
    for section in content["sections"]:
        assert section["key"] in ids
        assert f"#{section['key']}" in page.attribute("href")
        assert section["title"] in page.text


def test_parts_that_a_run_cannot_have_are_left_out_with_a_word() -> None:
    content = report_content(Figures({"kind": "link", "comparisons": [], "em": None}, {}, {}))
    assert {one["part"] for one in content["absent"]} >= {
        "Path of EM",
        "Common and rare values",
        "Audit sample",
        "Known truth",
        "Clerical review",
    }
    assert "nothing was estimated from patterns" in Page(render_page(content)).text
    assert [one["key"] for one in content["sections"]] == ["limits", "statement", "reproducibility"]


def test_error_rates_of_unlike_origin_stand_apart(content: dict[str, Any], page: Page) -> None:
    rates = section_of(content, "quality")
    assert [one["origin"] for one in rates["by_origin"]] == ["model", "audit", "truth"]
    of_precision = {
        one["origin"]: row["value"]
        for one in rates["by_origin"]
        for row in one["rows"]
        if row["key"] == "precision"
    }
    assert of_precision == {"model": pytest.approx(4978.7 / 4981), "audit": 0.998, "truth": 0.999}
    for caption in ("Origin: the model", "Origin: a sample judged by people", "Origin: known truth"):
        assert caption in page.text
    assert "A sample judged by people puts precision at 99.80% (95% interval 99.40% to 99.95%)" in page.text
    # What the model expects below the floor is stated as the model's and not added.
    assert "Of the model, not of the sample (below the floor): 6.1 expected matches" in page.text


def test_the_best_origin_stands_on_top_and_is_named() -> None:
    figures = full_sample()
    tiles = []
    for one in (figures, replace(figures, truth=None), replace(figures, truth=None, audit=None)):
        tiles.append({tile["name"]: tile for tile in report_content(one)["headline"]["tiles"]})
    assert tiles[0]["Precision, by known truth"]["value"] == 0.999
    assert tiles[1]["Precision, by the audit sample"]["interval"] == [0.994, 0.9995]
    assert "Precision, by the model" in tiles[2]


def test_an_audit_of_the_run_before_is_labelled() -> None:
    figures = full_sample()
    review = {**(figures.review or {}), "audit": figures.audit}
    content = report_content(replace(figures, audit=None, truth=None, review=review))
    by_origin = {one["origin"]: one for one in section_of(content, "quality")["by_origin"]}
    assert list(by_origin) == ["model", "audit before", "audit corrected"]
    values = {row["key"]: row["value"] for row in by_origin["audit corrected"]["rows"]}
    assert values["precision"] == 0.9985
    page = Page(render_page(content)).text
    assert "of the run before their decisions were applied" in page
    assert "judged on the links before the decisions" in page
    assert "No reviewed sample" not in page
    own = report_content(replace(figures, review=review))
    assert [one["origin"] for one in section_of(own, "quality")["by_origin"]] == ["model", "audit", "truth"]


def test_groups_that_differ_are_named_with_intervals(content: dict[str, Any], page: Page) -> None:
    items = {item["key"]: item["answers"] for item in section_of(content, "statement")["items"]}
    assert "sex of census: female −0.20 (−0.40 to +0.05)" in items["bias"][1]
    assert "−0.200 −0.400 to +0.050" in page.text


def test_what_chance_makes_of_a_distance_is_taken_off(content: dict[str, Any]) -> None:
    quality = sample()[2]
    tables = full_sample().quality["missed"]["sources"]
    plain = [{**one, "subgroups": [{**one["subgroups"][0], "corrected": 0.04}]} for one in tables]
    figures = replace(full_sample(), quality={**quality, "missed": {"sources": plain}})
    corrected = report_content(figures)
    assert "less what chance makes of it 0.040" in Page(render_page(corrected)).text
    said = [
        " ".join(text for text in section_of(one, "limits") if "differ (standardised" in text)
        for one in (content, corrected)
    ]
    assert said[0]
    assert not said[1]


def test_the_flow_is_text(content: dict[str, Any], page: Page) -> None:
    flow = section_of(content, "pairs")["flow"]
    assert [row["name"] for row in flow] == ["Records", "Pairs", "Decision", "Outcome"]
    for text in ("Records in census 5,000", "Candidates 98,486", "Linked in survey 4,981 19 without a link"):
        assert text in page.text
    assert "Linked in survey" in Page(render_statement(content)).text


def test_reviewers_are_counted_and_not_named(page: Page) -> None:
    assert "Reviewers 2" in page.text
    assert "0.875" in page.text


def test_figures_of_charts_stand_in_tables(content: dict[str, Any], page: Page) -> None:
    for text in (
        "surname 99.10% 73.70%",  # completeness of the linked and the unlinked
        "census no candidate 11 57.89%",
        "female 2,500 2,493 99.72%",
        "2 records 4,981 9,962",
        "census 5,000 +29.40 60 1.20%",
        "0.5 to 1 4,990 4,985 4,979",
    ):
        assert text in page.text, text
    em = section_of(content, "em")[0]
    assert em["rows"][0]["iteration"] == 1
    assert em["rows"][-1]["iteration"] == len(em["path"]) == 23


def test_known_limits_are_told(content: dict[str, Any]) -> None:
    text = " ".join(section_of(content, "limits"))
    assert "Often missing in survey: address_2 (38.80%)." in text
    assert "1.20% of the records of census hold too little to reach the upper threshold" in text
    assert "differ (standardised difference of 0.1 or more) in sex of census and sex of survey" in text
    model_alone = report_content(Figures(*sample()))
    assert "No reviewed sample and no truth confirms them." in " ".join(section_of(model_alone, "limits"))


def test_statement_answers_guild_and_record(content: dict[str, Any], page: Page) -> None:
    statement = section_of(content, "statement")
    assert [item["key"] for item in statement["items"]] == [item.key for item in ITEMS]
    asked = {number for item in statement["items"] for number in item["record"]}
    assert asked == set(RECORD_ITEMS)
    assert {item["guild"] for item in statement["items"]} == {1, 2, 3, 4}
    for item in statement["items"]:
        assert item["answers"] or item["blank"], item["key"]
        assert item["title"] in page.text
    assert statement["blanks"] == sum(bool(item.asks) for item in ITEMS)
    assert page.text.count(BLANK) == statement["blanks"]


def test_what_people_wrote_fills_the_blanks(tmp_path: Path) -> None:
    path = tmp_path / "statement.toml"
    path.write_text(
        'purpose = "To measure coverage."\naccess = "  "\nfiles = "Two files."\n', encoding="utf-8"
    )
    texts = read_statement(path)
    assert texts == {"purpose": "To measure coverage.", "files": "Two files."}
    content = report_content(replace(full_sample(), statement=texts))
    items = {item["key"]: item for item in section_of(content, "statement")["items"]}
    assert not items["purpose"]["blank"]
    assert items["access"]["blank"], "an empty text is no answer"
    assert items["files"]["written"] == "Two files."
    assert items["files"]["answers"], "what people write does not displace what the run knows"
    text = Page(render_page(content)).text
    assert "To measure coverage." in text
    markdown = statement_markdown(content)
    assert "To measure coverage." in markdown
    assert "## Error rates" in markdown
    assert markdown.count(BLANK) == section_of(content, "statement")["blanks"]
    alone = Page(render_statement(content))
    assert "To measure coverage." in alone.text
    assert not alone.scripts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("purpos = 'x'", "no item 'purpos'"),
        ("purpose = 3", "purpose is no text"),
        ("purpose = ", "this is no TOML"),
    ],
)
def test_texts_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "statement.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_statement(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_statement(tmp_path / "absent.toml")


def test_no_value_of_a_record_is_in_content_page_or_charts(tmp_path: Path) -> None:
    figures = full_sample()
    telling = {
        str(value)
        for example in figures.quality["examples"]
        for side in ("left", "right")
        for value in example[side].values()
        if value and len(str(value)) > 3
    }
    assert len(telling) > 8
    content = report_content(figures)
    pages = [render_page(content), render_statement(content), statement_markdown(content)]
    texts = [
        json.dumps(content, ensure_ascii=False),
        *(re.sub("<script>.*?</script>", "", one) for one in pages),
    ]
    texts += [path.read_text(encoding="utf-8") for path in save_report_charts(content, tmp_path, "svg")]
    assert len(texts) > 20
    for text in texts:
        assert not [value for value in telling if value in text]
    shown = json.dumps(report_content(replace(figures, show_values=True)), ensure_ascii=False)
    assert not [value for value in telling if value not in shown]


def test_the_key_of_a_large_block_is_not_in_the_json() -> None:
    assert "Nowhereville" not in json.dumps(report_content(Figures(*troubled_sample())))
    shown = report_content(Figures(*troubled_sample(), show_values=True))
    assert "Nowhereville" in json.dumps(shown)


def _attacked(value: Any, under: str = "") -> Any:
    """The same with every text in a place that users fill followed by an attack."""
    places = {"label", "group", "name", "field", "source", "reason", "pass", "notes", "comparison", "truth"}
    if isinstance(value, dict) and under in ("distinct", "completeness"):
        return {
            source + ATTACK: {field + ATTACK: own for field, own in fields.items()}
            for source, fields in value.items()
        }
    if isinstance(value, dict):
        return {key: _attacked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_attacked(item, under if isinstance(item, str) else "item") for item in value]
    return value + ATTACK if isinstance(value, str) and under in places else value


def test_what_users_wrote_is_inert_in_what_came_later(tmp_path: Path) -> None:
    figures = full_sample()
    figures = replace(
        figures,
        quality=_attacked(figures.quality),
        audit=_attacked(figures.audit),
        truth=_attacked(figures.truth),
        statement={"purpose": ATTACK, "files": ATTACK},
    )
    content = report_content(figures)
    page = Page(render_page(content))
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert "img" not in {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(ATTACK) > 40
    markdown = statement_markdown(report_content(replace(figures, statement={})))
    assert not re.search(r"(?<!\\)<", markdown)
    for path in save_report_charts(content, tmp_path, "svg"):
        assert "<script" not in path.read_text(encoding="utf-8")


def test_every_chart_compiles_and_says_what_it_is(content: dict[str, Any], tmp_path: Path) -> None:
    charts = drawings(content)
    kinds = {re.sub(r"-?\d+$", "", one.id) for one in charts}
    assert kinds == {
        "rates-chart", "calibration-chart", "passes-chart", "completeness-chart", "distinct-chart", "levels",
        "em", "values", "weights-chart", "thresholds", "precision-recall-chart", "pair", "entities-chart",
        "reasons-chart", "reach", "missed",
    }  # fmt: skip
    assert len({one.id for one in charts}) == len(charts)
    assert all(one.title and one.label for one in charts)
    paths = save_report_charts(content, tmp_path / "charts", "svg")
    assert [path.stem for path in paths] == [one.id for one in charts]
    for path in paths:
        svg = path.read_text(encoding="utf-8")
        assert "NaN" not in svg, path.stem
        assert "undefined" not in svg, path.stem
        assert svg.count("<path") + svg.count("<line") > 3, path.stem
    page_charts = json.loads(Page(render_page(content)).scripts[0])
    assert set(page_charts) == {one.id for one in charts if one.on_page}


def test_charts_are_written_as_png(content: dict[str, Any], tmp_path: Path) -> None:
    one = next(one for one in drawings(content) if one.id == "weights-chart")
    (path,) = save_charts([(one.id, one.title, one.spec)], tmp_path, "png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert standalone(one.spec, one.title)["width"] == 640
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(RunError, match="cannot be made"):
        save_charts([], blocked)


def test_charts_are_told_apart_without_colour(content: dict[str, Any]) -> None:
    """Wherever colour tells series apart, shape or dash does too; the two colours differ in lightness."""

    def lightness(colour: str) -> float:
        parts = zip((0.299, 0.587, 0.114), bytes.fromhex(colour.removeprefix("#")), strict=True)
        return sum(share * part for share, part in parts)

    assert abs(lightness(MATCH) - lightness(NON_MATCH)) > 25

    def encodings(spec: Any) -> list[dict[str, Any]]:
        if isinstance(spec, dict):
            own = [spec["encoding"]] if "encoding" in spec else []
            return own + [one for value in spec.values() for one in encodings(value)]
        return [one for item in spec for one in encodings(item)] if isinstance(spec, list) else []

    for chart in drawings(content):
        for one in encodings(chart.spec):
            colour = one.get("color", {})
            several = len(colour.get("scale", {}).get("domain", ())) > 1
            if several and chart.id != "weights-chart" and "x2" not in one:
                assert {"shape", "strokeDash"} & set(one), chart.id
