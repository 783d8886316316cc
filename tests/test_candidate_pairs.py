"""Candidate pairs of runs: gains that agree with their posteriors, and runs that have none."""

from __future__ import annotations

from pathlib import Path

import kinds_of_runs
import numpy as np
import polars as pl
import pytest

from tallystick import bootstrap_links, candidate_pairs
from tallystick.analysis import impute_equivocal, impute_matchings
from tallystick.errors import InputError
from tallystick.linking.bipartite import bipartite_posterior


def test_gains_give_the_posteriors_of_the_run(tmp_path: Path) -> None:
    run = kinds_of_runs.made(tmp_path)
    assert 0.5 < bootstrap_links(run, replicates=2).q <= 1
    pairs = candidate_pairs(run)
    assert pairs.columns == ["id_left", "id_right", "weight", "gain", "posterior", "decision"]
    left, right = (pairs[side].rank("dense").cast(pl.Int64).to_numpy() for side in ("id_left", "id_right"))
    again = bipartite_posterior(left, right + 10_000, pairs["gain"].to_numpy())
    np.testing.assert_allclose(again.probability, pairs["posterior"].to_numpy(), atol=1e-6)

    rng = np.random.default_rng(1)
    ids = {
        side: pl.read_csv(tmp_path / f"{name}.csv", infer_schema=False)["id"]
        for side, name in (("left", "a"), ("right", "b"))
    }
    x = {name: rng.normal() for name in ids["right"].to_list()}
    best = dict(zip(*pairs.filter(pl.col("decision") == "link").select("id_left", "id_right"), strict=True))
    outcome = [2 * x.get(best.get(name, ""), rng.normal()) + rng.normal() for name in ids["left"].to_list()]
    files = (
        pl.DataFrame({"id": ids["left"], "y": outcome}),
        pl.DataFrame({"id": ids["right"], "x": list(x.values())}),
        pairs,
    )
    joint = impute_matchings("y ~ x", *files, n_imputations=4, burn_in=10).regression()
    single = impute_equivocal("y ~ x", *files, n_imputations=4).regression()
    for found in (joint, single):
        assert abs(found.params["x"] - 2) < 5 * found.bse["x"]


@pytest.mark.parametrize("kind", ["steps", "households", "many"])
def test_runs_without_one_matching_are_refused(tmp_path: Path, kind: str) -> None:
    if kind == "households":
        run = kinds_of_runs.made_by_households(tmp_path)
    else:
        run = kinds_of_runs.made(tmp_path, kinds_of_runs.STEPS if kind == "steps" else kinds_of_runs.MANY)
    with pytest.raises(InputError, match="no gains of one matching"):
        candidate_pairs(run)
