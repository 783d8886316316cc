"""The analysis of passes before a run, and the limit on pairs: what is said is what a run finds."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import polars as pl
import pytest
from naive_pairs import key
from small_files import SPEC, call, people, write_small
from small_persons import encoded
from test_blocking import planned

import tallystick as ts
from tallystick.blocking.passes import blocking_key
from tallystick.blocking.sizes import shown_time, top_blocks
from tallystick.errors import InputError, TallystickWarning
from tallystick.linkage.completeness import agreements, found_by
from tallystick.spec import dump_spec, load_spec

ROWS = [{"x": "abc"[k % 3], "y": "pqrst"[k * k % 5] if k % 7 else None} for k in range(40)]


def test_several_blocks_of_a_pass() -> None:
    passes = [blocking_key("x", "y"), ts.all_pairs()]
    plan = planned(ROWS, [40], passes, "dedupe", {})
    sizes: dict[object, int] = {}
    for row in ROWS:
        if (own := key(row, passes[0])) is not None:
            sizes[own] = sizes.get(own, 0) + 1
    found = top_blocks(plan, encoded(ROWS, [40]), 0, most=4)
    assert len(found) == 4
    assert [one.pairs for one in found] == sorted((n * (n - 1) // 2 for n in sizes.values()), reverse=True)[
        :4
    ]
    for one in found:
        assert one.records == sizes[one.values]
    assert top_blocks(plan, encoded(ROWS, [40]), 1) == ()


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    third = '[[passes]]\ntype = "blocking_key"\nparts = ["given", "born"]\n\n[decision]'
    return write_small(tmp_path_factory.mktemp("blocks"), SPEC.replace("[decision]", third), 300)


def blocks(spec: Path, *options: object) -> dict[str, object]:
    done = call("blocks", spec, "--json", *options)
    assert done.exit_code == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_analysis_says_what_a_run_finds(spec: Path, tmp_path: Path) -> None:
    found = blocks(spec, "--top", 2)
    counts = ts.Linkage.from_toml(spec).run(tmp_path / "out").counts_dict()
    assert [one["pairs"] for one in found["passes"]] == [one["found"] for one in counts["passes"]]
    assert [one["new"] for one in found["passes"]] == [one["pairs"] for one in counts["passes"]]
    assert found["pairs"] == counts["candidates"]
    assert found["reduction_ratio"] == pytest.approx(1 - found["pairs"] / 200**2)
    assert "completeness" not in found
    first, second = people(300)
    assert found["passes"][0]["no_key"] == sum(row[4] == "" for row in (*first, *second))
    largest = found["passes"][0]["blocks"]
    assert len(largest) == 2
    assert largest[0]["pairs"] == counts["passes"][0]["largest_block"]["pairs"]

    shown = call("blocks", spec, "--show-values").stdout
    assert "zip = '10" in shown
    masked = call("blocks", spec).stdout
    assert "zip = '10" not in masked
    assert "values" not in largest[0]
    assert "values" in blocks(spec, "--show-values")["passes"][0]["blocks"][0]
    assert f"{found['pairs']:,}" in masked


@pytest.mark.parametrize(
    "one",
    ['type = "condition"\nwhere = "l.zip = r.surname"', 'type = "blocking_key"\nparts = ["given", "id2"]'],
)
def test_passes_that_find_no_pair_are_told_as_zeros(one: str, tmp_path: Path) -> None:
    start, end = SPEC.index("[[passes]]"), SPEC.index("[decision]")
    path = write_small(tmp_path, f"{SPEC[:start]}[[passes]]\n{one}\n{SPEC[end:]}")
    for name in "ab":
        file = tmp_path / f"{name}.csv"
        head, *rows = file.read_text("utf-8").splitlines()
        file.write_text(
            "\n".join([f"{head},id2", *(f"{row},{name}{k}" for k, row in enumerate(rows))]), "utf-8"
        )
    found = blocks(path)
    assert (found["pairs"], found["reduction_ratio"]) == (0, 1.0)
    assert [(own["pairs"], own["new"]) for own in found["passes"]] == [(0, 0)]
    shown = call("blocks", path)
    assert shown.exit_code == 0
    assert re.search(r"all together +0 ", shown.stdout)
    explained = call("link", path, "--explain")
    assert explained.exit_code == 0
    assert "pairs compared: 0\n" in explained.stdout
    assert "finds 0, 0 of them new" in explained.stdout


def test_a_model_or_a_fit_estimates_what_is_missed(spec: Path, tmp_path: Path) -> None:
    fitted = blocks(spec, "--fit", "--suggest", 0.9)
    run = ts.Linkage.from_toml(spec).run(tmp_path / "out")
    saved = blocks(spec, "--model", tmp_path / "out")
    assert saved["completeness"] == fitted["completeness"]
    share = run.model.parameters.selected_matches
    assert fitted["completeness"]["by_model"] == pytest.approx(share)
    overlap = fitted["completeness"]["by_overlap"]
    assert overlap["low"] <= overlap["share"] <= overlap["high"]
    assert overlap["assumption"]
    assert overlap["missed"] == pytest.approx(overlap["found"] / overlap["share"] - overlap["found"])
    only = sum(one["matches_only_here"] for one in fitted["passes"])
    assert only <= overlap["found"] <= sum(one["expected_matches"] for one in fitted["passes"])
    assert fitted["suggestion"]["asked"] == 0.9
    text = call("blocks", spec, "--suggest", 0.9).stdout
    assert "assuming that" in text
    assert '[[passes]]\ntype = "blocking_key"' in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--suggest", 1.5), "are to find is 1.5: give one above 0 and below 1, such as 0.99"),
        (("--fit", "--model", "m.json"), "--fit and --model exclude each other"),
        (("--model", "absent.json"), "absent.json: there is no such file"),
    ],
)
def test_bad_options_are_told(spec: Path, options: tuple[object, ...], said: str) -> None:
    done = call("blocks", spec, *options)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_model_of_other_comparisons_is_refused(spec: Path, tmp_path: Path) -> None:
    ts.Linkage.from_toml(spec).run(tmp_path / "out")
    other = spec.with_name("other.toml")
    other.write_text(spec.read_text("utf-8").replace("[0.9, 0.8]", "[0.9]", 1), "utf-8")
    done = call("blocks", other, "--model", tmp_path / "out")
    assert done.exit_code == 2
    assert "give a model that was fitted with this specification" in done.stderr


def test_passes_are_needed() -> None:
    given = ts.Linkage(comparisons=[ts.comparison("a", ts.exact(), m=(0.1, 0.9), u=(0.9, 0.1))])
    with pytest.raises(InputError, match="passes: found none, expected at least one"):
        given.blocks(PEOPLE)


def test_all_pairs_miss_nothing(spec: Path, tmp_path: Path) -> None:
    head = spec.read_text("utf-8").split("[[passes]]")[0]
    every = spec.with_name("all.toml")
    every.write_text(head + '[[passes]]\ntype = "all_pairs"\n', "utf-8")
    found = blocks(every, "--fit")
    assert found["pairs"] == found["pairs_allowed"]
    assert (found["reduction_ratio"], found["passes"][0]["no_key"]) == (0, None)
    assert found["completeness"]["by_model"] == 1
    assert found["completeness"]["by_overlap"] is None


def test_agreements_put_parts_of_a_field_together() -> None:
    passes = (blocking_key("a", "b"), blocking_key(ts.first("a", 2), "c"))
    parts = (*passes[0].parts, *passes[1].parts)
    bits = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], [0, 1, 0, 0]], bool)
    assert found_by(passes, parts, bits).tolist() == [
        [True, True],
        [True, False],
        [False, True],
        [False, False],
    ]
    table = agreements(passes, parts, bits[:3], np.array([5.0, 2.0, 1.0]))
    assert table is not None
    assert table.fields == ("a", "b", "c")
    # Whole values that agree begin alike: neither, the beginning, or both.
    assert table.levels.max(axis=0).tolist() == [2, 1, 1]
    assert table.found == 8
    # Found: a and b, or the beginning of a and c.
    levels = table.levels
    assert (
        table.seen.tolist()
        == (
            ((levels[:, 0] == 2) & (levels[:, 1] == 1)) | ((levels[:, 0] >= 1) & (levels[:, 2] == 1))
        ).tolist()
    )


# The limit on pairs

PEOPLE = pl.DataFrame(
    {"id": [str(k) for k in range(90)], "a": ["x", "y", "z"] * 30, "b": [str(k % 20) for k in range(90)]}
)
PAIRS = 3 * 30 * 29 // 2


def linkage(most: int, *passes: object) -> ts.Linkage:
    return ts.Linkage(
        comparisons=[ts.comparison(name, ts.exact()) for name in "ab"],
        passes=passes or (ts.blocking_key("a"),),  # type: ignore[arg-type]
        kind="dedupe",
        most_pairs=most,
    )


def test_too_many_pairs_are_refused_unless_confirmed() -> None:
    with pytest.raises(
        InputError, match=rf"The passes make {PAIRS:,} pairs .*more than 1,000; to compare them"
    ):
        linkage(1_000).fit(PEOPLE)
    model = linkage(PAIRS).fit(PEOPLE)
    assert model.link(PEOPLE).counts.n_pairs == PAIRS
    more = PEOPLE.vstack(PEOPLE.with_columns(pl.col("id") + "b"))
    with pytest.raises(InputError, match="confirm with most_pairs"):
        model.link(more)
    # All pairs are asked for by name.
    assert linkage(1, ts.all_pairs()).fit(PEOPLE).parameters.pairs[0].candidates == 90 * 89 // 2


def test_the_command_line_confirms(spec: Path, tmp_path: Path) -> None:
    limited = spec.with_name("limited.toml")
    limited.write_text(
        spec.read_text("utf-8").replace('name = "small"', 'name = "small"\nmost_pairs = 10'), "utf-8"
    )
    refused = call("link", limited, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    (said,) = [line for line in refused.stderr.splitlines() if line.startswith("tallystick: ")]
    assert "more than 10; to compare them takes less than a second: add parts to the keys" in said
    assert not (tmp_path / "out").exists()
    n = blocks(limited)["passes"]
    total = sum(one["pairs"] for one in n)
    assert f"confirm with most_pairs = {total} in [linkage], or --most-pairs {total}." in said
    assert call("link", limited, "--explain").exit_code == 0
    assert call("link", limited, "--out", tmp_path / "out", "--most-pairs", total).exit_code == 0


MATCH = '\n[[match.keys]]\nparts = ["given", "surname", "born"]\n'
HOMES = '\n[households]\naddress = ["surname"]\ncomparisons = ["surname"]\n'


def test_sequential_passes(spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = spec.with_name("steps.toml")
    text = spec.read_text("utf-8")
    steps.write_text(text.replace('name = "small"', 'name = "small"\nmode = "sequential"'), "utf-8")
    union, found = blocks(spec), blocks(steps)
    assert (union["sequential"], found["sequential"]) == (False, True)
    assert found["pairs"] == union["pairs"]
    assert "not on those left" in call("blocks", steps).stdout
    # The second step makes more pairs than are confirmed, and says so before it compares them.
    passes, decision = text.split("[decision]")
    head, first, _, third = passes.split("[[passes]]")
    limited = head.replace('name = "small"', 'name = "small"\nmode = "sequential"\nmost_pairs = 500')
    steps.write_text("[[passes]]".join([limited, third, first]) + "[decision]" + decision, "utf-8")
    assert blocks(steps)["passes"][0]["pairs"] < 500
    refused = call("link", steps, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "more than 500; to compare them" in refused.stderr
    # Once confirmed the run is taken up again, the step before as it was, or another takes its place.
    fitted = []
    real = ts.linkage.sequential.fit_step  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "tallystick.linkage.sequential.fit_step", lambda *args: fitted.append(args[1].label) or real(*args)
    )
    assert call("link", steps, "--out", tmp_path / "out", "--most-pairs", 10**6).exit_code == 0
    assert fitted == ["zip"]
    assert (tmp_path / "out" / "run.json").exists()
    assert call("link", steps, "--out", tmp_path / "other").exit_code == 2
    steps.write_text("[[passes]]".join([limited, third]) + "[decision]" + decision, "utf-8")
    assert call("link", steps, "--out", tmp_path / "other").exit_code == 0
    assert not (tmp_path / "other" / ".work").exists()


def test_what_links_before_the_passes_is_told(spec: Path, tmp_path: Path) -> None:
    union, keyed = blocks(spec), spec.with_name("keyed.toml")
    keyed.write_text(spec.read_text("utf-8") + MATCH, "utf-8")
    found = blocks(keyed)
    assert (union["match_first"], found["match_first"], found["households"]) == (False, True, False)
    assert found["passes"] == [{**one, "seconds": ANY} for one in union["passes"]]
    assert "match keys come first: the passes are counted here on all records" in call("blocks", keyed).stdout
    assert "come first" not in call("blocks", spec).stdout
    homes = spec.with_name("homes.toml")
    homes.write_text(spec.read_text("utf-8") + HOMES, "utf-8")
    assert blocks(homes)["households"] is True
    assert "with households: the passes go over all records" in call("blocks", homes).stdout
    assert call("blocks", keyed, "--fit").exit_code == 0
    # A model of every step tells nothing of all passes together.
    assert call("link", keyed, "--out", tmp_path / "out", "-q").exit_code == 0
    refused = call("blocks", spec, "--model", tmp_path / "out")
    assert refused.exit_code == 2
    assert "The model has parameters of every step" in refused.stderr
    assert "have one fitted (--fit" in refused.stderr
    with pytest.raises(InputError, match="parameters of every step"):
        ts.Linkage.from_toml(spec).blocks(model=ts.load_model(tmp_path / "out"))


def test_the_limit_is_part_of_the_specification(tmp_path: Path) -> None:
    text = dump_spec(linkage(7).spec)
    assert "most_pairs = 7" in text.split("[[comparisons]]")[0]
    (tmp_path / "s.toml").write_text(text, "utf-8")
    assert load_spec(tmp_path / "s.toml") == linkage(7).spec
    assert "most_pairs" not in dump_spec(linkage(20_000_000_000).spec)


def test_large_blocks_name_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.blocking.key_pairs.LARGE_BLOCK", 100)
    with pytest.warns(TallystickWarning, match="and takes less than a second to compare"):
        linkage(PAIRS).fit(PEOPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", TallystickWarning)
        monkeypatch.setattr("tallystick.blocking.key_pairs.LARGE_BLOCK", PAIRS)
        linkage(PAIRS).fit(PEOPLE)
    assert shown_time(0.5) == "less than a second"
    assert shown_time(7_300) == "about 2 hours"
