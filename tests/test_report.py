"""The report: self-contained, inert to what users wrote, without personal values, right in its warnings."""

from __future__ import annotations

import copy
import json
import math
import os
import re
import shutil
import string
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick._formats import mask, percent, probability
from tallystick.errors import RunError
from tallystick.quality import vega_bundle as bundle_module
from tallystick.quality.charts.levels import levels_chart
from tallystick.quality.charts.weights import weights_chart
from tallystick.quality.diagnostics import em_sentence, level_weights, parameter_warnings
from tallystick.quality.report import Figures, render_report, report_content, write_report
from tests.sample_report import sample, troubled_sample

VOID = {"meta", "br", "hr", "img", "input", "link", "col"}
ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7 * 7 }}"
MINIMAL: tuple[dict[str, Any], ...] = (
    {
        "kind": "link",
        "comparisons": [
            {
                "spec": {},
                "name": "name",
                "labels": ["differs", "same"],
                "m": [0.1, 0.9],
                "u": [0.95, 0.05],
                "weights": None,
            }
        ],
        "em": None,
    },
    {},
    {},
)


class Page(HTMLParser):
    """A page's elements and texts; refuses tags that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def attribute(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def html() -> str:
    return render_report(*sample())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_headline_says_what_was_linked_and_how_well(page: Page) -> None:
    assert "Census to coverage survey" in page.text
    assert "Record linkage of census and survey" in page.text
    assert (
        "Among 10,000 records (5,000 in census and 5,000 in survey), 4,981 pairs were accepted as links."
        in page.text
    )
    assert "expects 99.95% of the links to be true matches (about 2 are false)" in page.text
    assert "expects 99.65% of all true matches to be among them (about 18 are missed)" in page.text


def test_entities_are_a_headline_of_deduplication_only() -> None:
    def tiles(model: dict[str, Any], run: dict[str, Any], quality: dict[str, Any]) -> set[str]:
        return {one["name"] for one in report_content(Figures(model, run, quality))["headline"]["tiles"]}

    assert "Entities" not in tiles(*sample())
    assert "Entities" in tiles(*troubled_sample())


def test_no_reference_leaves_the_page(html: str, page: Page) -> None:
    for name in ("src", "href", "action", "srcset", "poster", "data", "background"):
        assert all(value.startswith("#") for value in page.attribute(name)), name
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in page.elements}
    style = html[html.index("<style>") : html.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    (policy,) = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert not re.search(r"script-src[^;]*unsafe", policy)
    specs = json.loads(page.scripts[0])
    assert "url" not in str(specs)


def test_links_within_the_page_have_a_target(page: Page) -> None:
    ids = page.attribute("id")
    assert len(ids) == len(set(ids))
    for name in ("href", "aria-labelledby"):
        assert {value.removeprefix("#") for value in page.attribute(name)} <= set(ids)


def test_every_chart_has_a_place_a_text_and_a_table(page: Page) -> None:
    charts = json.loads(page.scripts[0])
    places = {a["id"]: a for _, a in page.elements if a.get("class") == "chart"}
    assert set(charts) == set(places)
    assert len(charts) == 11
    assert all(a["role"] == "img" and a["aria-label"] for a in places.values())
    model, _, quality = sample()
    for comparison in model["comparisons"]:
        for p in comparison["m"] + comparison["u"]:
            assert probability(p) in page.text
    for number in filter(None, quality["histogram"]["candidates"]):
        assert f"{number:,}" in page.text


def test_tables_say_what_their_headings_head(page: Page) -> None:
    assert all(a.get("scope") in ("row", "col") for tag, a in page.elements if tag == "th")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def _attacked(value: Any) -> Any:
    """The same structure with every text that a user can choose followed by an attack."""
    if isinstance(value, dict):
        return {k if k in FIXED else k + ATTACK: v if k in KEPT else _attacked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_attacked(item) for item in value]
    return value + ATTACK if isinstance(value, str) else value


KEPT = {"kind", "spec", "comparisons", "sha256"}
FIXED = {
    "blocking_missed",
    "candidates",
    "comparison",
    "comparisons",
    "completeness",
    "converged",
    "counts",
    "decision",
    "edges",
    "em",
    "entities",
    "estimated",
    "examples",
    "expected_matches",
    "false_links",
    "format",
    "histogram",
    "inputs",
    "iterations",
    "kept",
    "kind",
    "label",
    "labels",
    "left",
    "level",
    "links",
    "log_likelihood",
    "lower",
    "m",
    "m_origin",
    "match_rates",
    "missed",
    "name",
    "no_link_constant",
    "pairs",
    "pairs_allowed",
    "parts",
    "passes",
    "path",
    "possible",
    "posterior",
    "precision",
    "rate",
    "recall",
    "records",
    "right",
    "rows",
    "seed",
    "sha256",
    "spec",
    "threads",
    "timings",
    "true_links",
    "type1",
    "type2",
    "u",
    "u_origin",
    "unlinked",
    "upper",
    "version",
    "versions",
    "warnings",
    "weight",
    "weights",
}


def test_what_users_wrote_is_inert() -> None:
    model, run, quality = (_attacked(part) for part in sample())
    for comparison in model["comparisons"]:
        comparison["spec"] = {"left": [comparison["name"] + ATTACK], "right": comparison["name"] + ATTACK}
        comparison["name"] += ATTACK
        comparison["labels"] = [label + ATTACK for label in comparison["labels"]]
    run["spec"] = {"name": ATTACK}
    page = Page(render_report(model, run, quality, show_values=True))
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert "img" not in {tag for tag, _ in page.elements}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(ATTACK) > 60
    assert ATTACK in json.loads(page.scripts[0])["levels-0"]["data"]["values"][0]["label"]


def test_values_are_masked_unless_asked_for() -> None:
    model, run, quality = sample()
    values = {
        str(v) for e in quality["examples"] for side in ("left", "right") for v in e[side].values() if v
    }
    telling = {value for value in values if len(value) > 3}
    assert {"Rosalind", "O'Featherstone", "1961-04-12", "2906"} <= telling
    masked, shown = (
        Page(render_report(model, run, quality, show_values=show)).text for show in (False, True)
    )
    assert not [value for value in telling if value in masked]
    assert not [value for value in telling if value not in shown]
    assert "x'xxxx… " in masked
    assert "personal data" in shown
    assert "personal data" not in masked


def test_the_key_of_a_large_block_is_named_only_where_values_are_shown() -> None:
    masked, shown = (Page(render_report(*troubled_sample(), show_values=show)).text for show in (False, True))
    assert "Nowhereville" not in masked
    assert "3,500 records share the key postcode = 'Nowhereville', which" in shown
    assert "S530" not in masked + shown, "a block that is not large is a number in a table"


def test_the_largest_block_of_each_pass_stands_in_the_table(page: Page) -> None:
    assert "postcode 35,412 0.14% 930 2.63% 4,512 4,391" in page.text
    assert "pairs of a colleague 1,204 < 0.01% – – 61 38" in page.text
    model, run, quality = sample()
    for item in run["counts"]["passes"]:
        item.pop("largest_block")
    assert "largest block" not in Page(render_report(model, run, quality)).text


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_mask_keeps_no_letter_and_no_digit(value: str) -> None:
    masked = mask(value)
    assert set(masked) <= set("x#·… -/.,'@:")
    assert not re.search("x{5}|#{5}", masked)


@given(
    st.text(string.ascii_letters, min_size=5, max_size=40),
    st.text(string.ascii_letters, min_size=5, max_size=40),
)
@settings(max_examples=50)
def test_mask_hides_the_length_of_long_words(one: str, other: str) -> None:
    assert mask(one) == mask(other)
    assert mask(f"{one} 12 {one}") == mask(f"{other} 98 {other}")


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("Zoë", "xxx"),
        ("Zoe\u0308", "xxx"),
        ("李小龍", "xxx"),
        ("1 Main St.", "# xxxx xx."),
        (1985, "####"),
        ("", ""),
    ],
)
def test_mask_keeps_the_shape(value: object, masked: str) -> None:
    assert mask(value) == masked


def test_sound_parameters_give_no_warning(page: Page) -> None:
    assert "No warnings" in page.text
    assert "EM converged after 23 iterations." in page.text
    assert "Warning" not in page.text


def test_warnings_stand_on_top() -> None:
    text = Page(render_report(*troubled_sample())).text
    top = text[: text.index("Estimated quality These")]
    assert "7 warnings: read before using the links" in top
    assert "EM stopped after 500 iterations without converging" in top
    assert "comparison state is not estimable in pass postcode" in top
    assert (
        "Pass postcode: 3,500 records share one key (postcode), which alone makes 6,123,250 pairs, 98.1% of "
        "the pass and 39.2% of all passes; the pass has 2 blocks of more than 5,000,000: add"
    ) in top
    assert "state: full agreement (“same”) is no likelier among matches (m = 0.6000)" in top
    assert "state: disagreement (“differs”) is likelier among matches" in top
    assert "surname: weights are not monotone; the level “Jaro-Winkler ≥ 0.85” (+2.10)" in top


def _comparison(m: list[float], u: list[float], weights: list[float] | None = None) -> dict[str, Any]:
    return {"name": "x", "labels": [f"level {k}" for k in range(len(m))], "m": m, "u": u, "weights": weights}


@pytest.mark.parametrize(
    ("m", "u", "found"),
    [
        ([0.1, 0.2, 0.7], [0.8, 0.15, 0.05], []),
        ([0.1, 0.9], [0.1, 0.9], ["full agreement"]),
        ([0.1, 0.3, 0.6], [0.85, 0.05, 0.1], []),
        ([0.1, 0.6, 0.3], [0.8, 0.1, 0.1], ["not monotone"]),
        ([0.3, 0.0, 0.7], [0.6, 0.1, 0.3], ["not monotone"]),
        ([0.1, 0.0, 0.9], [0.9, 0.0, 0.1], []),
        ([0.0, 1.0], [1.0, 0.0], []),
        ([0.5, 0.3, 0.2], [0.4, 0.5, 0.1], ["disagreement", "not monotone"]),
    ],
)
def test_parameter_warnings(m: list[float], u: list[float], found: list[str]) -> None:
    warnings = parameter_warnings(_comparison(m, u))
    if m == [0.1, 0.3, 0.6]:  # equal weights on the two upper levels are monotone
        assert level_weights(_comparison(m, u))[1:] == pytest.approx([math.log(6), math.log(6)])
    assert len(warnings) == len(found)
    for warning, part in zip(warnings, found, strict=True):
        assert part in warning


def test_em_that_did_not_run_is_no_warning() -> None:
    assert em_sentence(None)[0]
    assert em_sentence({})[0]
    assert em_sentence({"converged": True, "iterations": 1})[1] == "EM converged after 1 iteration."


def test_least_that_a_run_can_have() -> None:
    page = Page(render_report(*MINIMAL))
    assert "No EM was run" in page.text
    assert "+2.89" in page.text
    for absent in ("Example pairs", "Completeness", "Histogram", "Inputs", "Estimated quality"):
        assert absent not in page.text


def test_nothing_to_draw_needs_no_script() -> None:
    page = Page(render_report({"kind": "dedupe"}, {}, {}))
    assert page.scripts == []
    assert "Deduplication" in page.text


def test_infinite_weights_are_written_and_drawn() -> None:
    model, run, quality = sample()
    model["comparisons"][3] |= {"m": [0.0, 1.0], "u": [0.99, 0.01], "weights": [-math.inf, math.log(100)]}
    quality["examples"][0]["parts"][3]["weight"] = quality["examples"][0]["weight"] = -math.inf
    html = render_report(model, run, quality)
    assert "−∞" in html
    assert not re.search(r"\b(nan|inf)%", html)


def test_terms_beyond_the_comparisons_are_shown() -> None:
    model, run, quality = sample()
    quality["examples"][0]["weight"] += 1.25
    text = Page(render_report(model, run, quality)).text
    assert "Other terms +1.25" in text


def test_passwords_of_a_database_are_left_out() -> None:
    model, run, quality = sample()
    run["inputs"][0]["path"] = "postgresql://ann:hunter2@db.example/census?password=hunter3"
    html = render_report(model, run, quality)
    assert "db.example" in html
    assert "hunter" not in html


@given(st.floats(0, 1))
@settings(max_examples=200)
def test_shares_are_never_rounded_to_certainty(share: float) -> None:
    assert (percent(share) in ("100%", "0%")) == (share in (0, 1))
    assert (probability(share) in ("1", "0")) == (share in (0, 1))
    assert percent(share) not in ("100.00%", "0.00%")


def test_rendering_changes_nothing_and_repeats() -> None:
    parts = sample()
    before = copy.deepcopy(parts)
    assert render_report(*parts) == render_report(*parts)
    assert parts == before


def test_report_appears_complete_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, html: str
) -> None:
    path = tmp_path / "report.html"
    write_report(path, *sample())
    assert path.read_text(encoding="utf-8") == html

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="No space"):
        write_report(path, *troubled_sample())
    assert path.read_text(encoding="utf-8") == html
    assert list(tmp_path.iterdir()) == [path]


def test_bundle_is_kept_for_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    made: list[None] = []

    def make(_: str) -> str:
        made.append(None)
        return "s = '<!-- </script>'"

    monkeypatch.setattr(vl_convert, "javascript_bundle", make)
    monkeypatch.setenv("TALLYSTICK_CACHE", str(tmp_path / "cache"))
    first = bundle_module.vega_bundle()
    assert "</script" not in first
    assert "<!--" not in first
    assert bundle_module.vega_bundle() == first
    assert len(made) == 1
    monkeypatch.setattr(bundle_module, "version", lambda _: "another")
    bundle_module.vega_bundle()
    assert len(made) == 2


def test_cache_that_cannot_be_written_costs_no_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("TALLYSTICK_CACHE", str(blocked))
    assert "vegaEmbed" in bundle_module.vega_bundle()


def test_charts_compile() -> None:
    import vl_convert

    levels = levels_chart(["differs", "same"], [0.1, 0.9], [1.0, 0.0], 1e-8)
    bins = [
        {"from": -1.0, "to": 0.0, "candidates": 609_000_000, "links": 0, "matches": 0.4},
        {"from": 0.0, "to": 1.0, "candidates": 3, "links": 3, "matches": 2.9},
    ]
    weights = weights_chart(bins, [("upper threshold 0.50", 0.5)])
    for chart in (levels, weights):
        svg = vl_convert.vegalite_to_svg({**chart, "width": 300})
        assert "NaN" not in svg
    assert "upper threshold 0.50" in svg
    assert "1,000,000,000" in svg


def test_draws_every_chart_in_a_browser(tmp_path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian package chromium)")
    write_report(tmp_path / "report.html", *sample())
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += [
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={tmp_path / 'user'}",
    ]
    command += ["--enable-logging=stderr", "--virtual-time-budget=10000", "--dump-dom"]
    done = subprocess.run(
        [*command, (tmp_path / "report.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    drawn = re.findall(r"<svg[^>]*class=\"marks\"", done.stdout)
    assert len(drawn) == 11
    # Whatever the page's policy refuses, and any error of a script, is written to the console.
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
