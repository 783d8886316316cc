"""Passes against the truth, counted by keys, against a plain walk over all pairs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_pairs import allowed, finds
from small_files import call, write_small
from test_blocking import Drawn, linkages, planned

from tallystick.linkage.evaluate_blocks import true_blocks


@given(linkages(), st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_a_plain_walk(linkage: Drawn, data: st.DataObject) -> None:
    rows, sizes, passes, kind, listed = linkage
    truth = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows))), np.int32)
    found = true_blocks(planned(rows, sizes, passes, kind, listed), truth, threads=1)
    everyone = list(allowed(sizes, kind))
    true = {pair for pair in everyone if truth[pair[0]] and truth[pair[0]] == truth[pair[1]]}
    by_pass = [
        {pair for pair in everyone if finds(rows, one, pair, listed.get(number, frozenset()))}
        for number, one in enumerate(passes)
    ]
    assert (found.true, found.allowed) == (len(true), len(everyone))
    for number, own in enumerate(found.passes):
        others = set().union(*(one for k, one in enumerate(by_pass) if k != number))
        earlier = set().union(*by_pass[:number])
        hits = by_pass[number] & true
        assert (own.pairs, own.true) == (len(by_pass[number]), len(hits))
        assert (own.new, own.only) == (len(hits - earlier), len(hits - others))
        assert own.completeness == (len(hits) / len(true) if true else None)
        assert own.quality == (len(hits) / own.pairs if own.pairs else None)
    union = set().union(*by_pass)
    assert (found.together.pairs, found.together.true) == (len(union), len(union & true))
    assert found.reduction == pytest.approx(1 - len(union) / len(everyone) if everyone else 0)


def test_the_command(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    done = call("evaluate-blocks", spec, "--truth", "person", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["true"] == 20  # the third of 60 people that is in both files
    assert [one["label"] for one in found["passes"]] == ["zip", "surname"]
    shown = call("evaluate-blocks", spec, "--truth", "person").stdout
    assert "all together" in shown
    assert f"{found['together']['completeness']:.4f}" in shown
    wrong = call("evaluate-blocks", spec, "--truth", "nobody")
    assert wrong.exit_code == 2
    assert "nobody" in wrong.stderr
