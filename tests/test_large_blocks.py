"""A block that makes most of the work is reported wherever people look: half of the records share a key."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import polars as pl
import pytest

import tallystick as ts
from tallystick.blocking.key_pairs import LARGE_BLOCK
from tallystick.errors import TallystickWarning
from tests.small_files import call, command

HALF = 3_200
VALUE = "nowhereville"
PAIRS = HALF * (HALF - 1) // 2
SPEC = """
[linkage]
kind = "dedupe"

[[sources]]
name = "people"
path = "people.parquet"
id = "id"

[[comparisons]]
field = "town"
comparator = { type = "exact" }

[[comparisons]]
field = "number"
comparator = { type = "exact" }

[[comparisons]]
field = "name"
comparator = { type = "exact" }

[[passes]]
type = "blocking_key"
parts = ["town"]

[[passes]]
type = "blocking_key"
parts = ["name", "number"]
"""


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    """Half of the records live in one town, as if it stood for unknown; the others in one of 800."""
    n = 2 * HALF
    return pl.DataFrame(
        {
            "id": [f"r{k}" for k in range(n)],
            "town": [VALUE if k < HALF else f"town{k % 800}" for k in range(n)],
            "number": [str(k % 400) for k in range(n)],
            "name": [f"name{k % 8}" for k in range(n)],
        }
    )


@pytest.fixture(scope="module")
def linkage() -> ts.Linkage:
    return ts.Linkage(
        comparisons=[ts.comparison(name, ts.exact()) for name in ("town", "number", "name")],
        passes=[ts.blocking_key("town"), ts.blocking_key("name", "number")],
        kind="dedupe",
    )


def test_a_run_warns_and_keeps_the_figures(tmp_path: Path, people: pl.DataFrame) -> None:
    people.write_parquet(tmp_path / "people.parquet")
    (tmp_path / "spec.toml").write_text(SPEC)
    done = command("link", tmp_path / "spec.toml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("warning: Pass ")]
    assert len(said) == 1
    assert f"warning: Pass town: 3,200 records share the key town = '{VALUE}', which alone makes" in said[0]
    assert f" {PAIRS:,} pairs, 99.9% of the pass and 99.0% of all passes" in said[0]
    assert "add a part to the key, or empty the value" in said[0]

    counts = json.loads((tmp_path / "out" / "run.json").read_text("utf-8"))["counts"]
    town, name = (one["largest_block"] for one in counts["passes"])
    assert counts["large_block"] == LARGE_BLOCK < PAIRS
    assert (town["parts"], town["values"], town["records"]) == (["town"], [VALUE], HALF)
    assert (town["pairs"], town["large"]) == (PAIRS, 1)
    assert town["share"] == pytest.approx(PAIRS / (PAIRS + 800 * 4 * 3 // 2))
    assert (name["pairs"], name["large"]) == (16 * 15 // 2, 0)

    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Pass town: 3,200 records share one key (town), which alone makes" in page
    assert VALUE not in page
    quiet = call("link", tmp_path / "spec.toml", "--out", tmp_path / "quiet", "--quiet")
    assert (quiet.exit_code, quiet.output) == (0, "")
    explained = command("link", tmp_path / "spec.toml", "--explain")
    assert f"share the key town = '{VALUE}'" in explained.stderr


def test_python_warns_in_fit_and_in_link(people: pl.DataFrame, linkage: ts.Linkage, tmp_path: Path) -> None:
    with pytest.warns(TallystickWarning, match=f"Pass town: 3,200 records share the key town = '{VALUE}'"):
        model = linkage.fit(people)
    with pytest.warns(TallystickWarning, match="Pass town: 3,200 records"):
        links = model.link(people)
    for show, path in ((False, tmp_path / "masked.html"), (True, tmp_path / "shown.html")):
        links.report(path, show_values=show)
        page = path.read_text("utf-8")
        assert (f"town = &#39;{VALUE}&#39;" in page) == show
        assert ("share one key (town)" in page) != show
    # A model is passed on to others: what it holds must name nobody.
    assert VALUE not in json.dumps(model.to_dict())


def test_nothing_is_said_of_blocks_that_make_no_work(people: pl.DataFrame, linkage: ts.Linkage) -> None:
    few = people.filter(pl.col("town") != VALUE)
    everything = ts.Linkage(
        comparisons=linkage.spec.comparisons,
        passes=[ts.blocking_key("town"), ts.all_pairs()],
        kind="dedupe",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", TallystickWarning)
        linkage.fit(few)
        everything.fit(people)


def test_several_large_blocks_are_one_sentence(people: pl.DataFrame, linkage: ts.Linkage) -> None:
    twice = people.with_columns(pl.col("town").str.replace(r"^town\d+$", "elsewhere"))
    with pytest.warns(TallystickWarning) as warned:
        linkage.fit(twice)
    (text,) = {str(one.message) for one in warned}
    assert (
        "50.0% of the pass and 49.8% of all passes, and takes less than a second to compare; "
        f"the pass has 2 blocks of more than {LARGE_BLOCK:,}" in text
    )
