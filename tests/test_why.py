"""Why two records are linked or not: the parts add up, and the reason is the one that decided."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_files import SPEC, call, people, write_csv, write_small

import tallystick as ts
from tallystick.linkage.links import Links
from tallystick.linkage.saved_run import open_run
from tallystick.linking.decide import weight_thresholds


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Links]:
    folder = tmp_path_factory.mktemp("why")
    return folder / "out", ts.Linkage.from_toml(write_small(folder, SPEC, 300)).run(folder / "out")


def test_parts_add_up_and_say_what_the_table_says(run: tuple[Path, Links]) -> None:
    links = run[1]
    for row in links.pairs.sample(60, seed=1).to_dicts():
        found = links.why(row["id_left"], row["id_right"])
        assert found.decision == row["decision"]
        assert found.weight == pytest.approx(row["weight"])
        assert found.posterior == row["posterior"]
        assert found.posterior_pair == pytest.approx(row["posterior_pair"])
        assert sum(part["weight"] for part in found.parts) == pytest.approx(found.weight)
        assert f"{found.weight:.2f}" in found.text()


def test_reasons(run: tuple[Path, Links]) -> None:
    links = run[1]
    seen = set()
    for row in links.pairs.to_dicts():
        found = links.why(row["id_left"], row["id_right"])
        first = found.reason.split()[0:3]
        seen.add(" ".join(first))
        if "lost the assignment" in found.reason:
            assert row["decision"] == "non-link"
            rivals = links.pairs.filter(
                ((links.pairs["id_left"] == row["id_left"]) | (links.pairs["id_right"] == row["id_right"]))
                & (links.pairs["decision"] != "non-link")
            )
            assert any(one in found.reason for one in rivals["id_left"])
        if "below the lower threshold" in found.reason:
            assert row["decision"] == "non-link"
    assert {"It is at", "It lost the"} <= seen


def test_a_possible_link_is_between_the_thresholds_or_has_a_rival(tmp_path: Path) -> None:
    path = write_small(tmp_path, SPEC.replace("one_to_one = true", "one_to_one = true\nupper = 0.9999"), 300)
    second = people(300)[1]
    short = [[f"c{row[0]}", row[1][:3], *row[2:]] for row in second[:60]]  # nearly as good
    write_csv(tmp_path / "b.csv", second + short)
    links = ts.Linkage.from_toml(path).run(tmp_path / "out")
    opened = open_run(tmp_path / "out")
    upper = weight_thresholds(opened.model.parameters, opened.rule)[0][1]
    seen = set()
    for row in links.pairs.filter(links.pairs["decision"] == "possible").to_dicts():
        found = links.why(row["id_left"], row["id_right"])
        if "equally good" in found.reason or "exactly as good" in found.reason:
            continue
        between = row["weight"] < upper
        seen.add(between)
        assert ("between the thresholds" in found.reason) == between
        if not between:
            assert "below the upper threshold of 0.9999: " in found.reason
            rival = found.reason.split("0.9999: ")[1].split(" have a weight")[0].split(" and ")
            assert rival != [row["id_left"], row["id_right"]]
            assert row["id_left"] == rival[0] or row["id_right"] == rival[1]
    assert seen == {True, False}


def test_a_pair_that_was_never_kept(run: tuple[Path, Links]) -> None:
    links = run[1]
    records = links.prepared.records
    left, right = (records.ids[int(records.rows(number).start)] for number in (0, 1))
    kept = set(zip(links.pairs["id_left"], links.pairs["id_right"], strict=True))
    other = next(one for one in records.ids[int(records.rows(1).start) :] if (left, one) not in kept)
    found = links.why(left, other)
    assert found.decision == "non-link"
    assert found.posterior is None
    assert "No pass finds" in found.reason or "below the lower threshold" in found.reason
    assert np.isfinite(found.weight)
    assert right is not None


def test_command(run: tuple[Path, Links]) -> None:
    out, links = run
    row = links.pairs.filter(links.pairs["decision"] == "link").row(0, named=True)
    done = call("why", out, row["id_left"], row["id_right"])
    assert done.exit_code == 0
    assert done.stdout.strip() == links.why(row["id_left"], row["id_right"]).text().strip()


def test_bad_records(run: tuple[Path, Links]) -> None:
    out, links = run
    source = links.prepared.records.sources[1]
    done = call("why", out, links.pairs["id_left"][0], "nobody")
    assert done.exit_code == 2
    assert f"Source {source!r} has no record with the id 'nobody'" in done.stderr
    unknown = call("why", out, "nowhere:1", links.pairs["id_right"][0])
    assert unknown.exit_code == 2
    assert "nowhere:1: there is no record with this id, and no source called 'nowhere'" in unknown.stderr
    one = links.pairs["id_left"][0]
    with pytest.raises(ts.TallystickError, match="are not compared by a linkage of kind 'link'"):
        links.why(one, (links.prepared.records.sources[0], one))
    with pytest.raises(ts.TallystickError, match="There is no source 'x'"):
        links.why(("x", "1"), one)
