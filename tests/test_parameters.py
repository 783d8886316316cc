"""Parameters: the worked example of the source chapter, posteriors, JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tallystick as ts
from tallystick.errors import InputError
from tallystick.estimation import parameters as parameters_module
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linking.score import weigh_patterns

CHAPTER = Path(__file__).parent.parent / "examples" / "chapter.toml"


def test_worked_example_of_the_source_chapter() -> None:
    """m = 0.9 and 0.8, u = 0.05 and 0.1, three variables each, by hand."""
    model = ts.Linkage.from_toml(CHAPTER).model()
    assert [one.name for one in model.parameters.comparisons] == [
        "first name",
        "last name",
        "birth year",
        "house number",
        "street",
        "gender",
    ]
    by_hand = 2 * math.log(0.9 / 0.05) + math.log(0.1 / 0.95) + math.log(0.8 / 0.1) + 2 * math.log(0.2 / 0.9)
    weight = model.weight((1, 1, 0, 1, 0, 0))
    assert weight == pytest.approx(by_hand, abs=1e-12)
    assert round(weight, 4) == 2.6007
    assert round(weight / math.log(10), 4) == 1.1295
    assert model.weight("1-1-0-1-0-0") == model.weight("1,1,0,1,0,0") == weight
    # A missing value adds nothing.
    assert model.weight("1-1-.-1-0-0") == pytest.approx(weight - math.log(0.1 / 0.95))
    assert model.weight((None,) * 6) == 0.0


def test_worked_example_on_the_command_line() -> None:
    command = [sys.executable, "-m", "tallystick", "score", str(CHAPTER), "--pattern", "1-1-0-1-0-0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "weight 2.6007 (natural log), 1.1295 (base 10), 3.7521 (base 2)" in done.stdout
    done = subprocess.run([*command[:-1], "1-1-0-1-0-2"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Level 6" in done.stderr


def test_without_data_m_and_u_must_be_given() -> None:
    given = ts.comparison("sex", ts.exact(), m=0.9, u=0.5)
    for one, missing in (
        (ts.comparison("a", ts.exact(), u=0.5), "m"),
        (ts.comparison("a", ts.exact(), m=0.5), "u"),
    ):
        with pytest.raises(InputError, match=f"'a' has no {missing}"):
            ts.Linkage([given, one], [ts.all_pairs()]).model()


NAME = ComparisonParameters(
    "name", ("else", "near", "exact"), (0.1, 0.2, 0.7), (0.9, 0.08, 0.02), "EM", "given"
)
SEX = ComparisonParameters("sex", ("else", "exact"), (0.05, 0.95), (0.5, 0.5), "EM", "all pairs")
PAIRS = (
    PairOfSources("a", "b", 10, 20, 200, 150, 8.0, -3.0),
    PairOfSources("a", "c", 10, 30, 300, 250, 2.0, -5.5),
)
MODEL = Parameters((NAME, SEX), PAIRS, ("town",), 0.9, 17, True, (-10.5, -9.25), ("careful",))


def test_weights_of_patterns() -> None:
    digits = np.array([[0, 0], [1, 1], [2, 1], [3, 1], [2, 2], [3, 2]], np.uint8)
    name, sex = np.log([0.1 / 0.9, 0.2 / 0.08, 0.7 / 0.02]), np.log([0.1, 1.9])
    wanted = [name[0] + sex[0], name[1] + sex[1], name[2] + sex[1], sex[1], name[2], 0.0]
    np.testing.assert_allclose(MODEL.weights(digits), wanted, atol=1e-14)


RELATED = replace(
    MODEL,
    comparisons=(replace(NAME, r=(0.3, 0.1, 0.6), shared=0.8), replace(SEX, r=(0.5, 0.5), shared=0.0)),
    pairs=tuple(
        replace(pair, related_share=share) for pair, share in zip(MODEL.pairs, (0.02, 0.3), strict=True)
    ),
    related_share=0.1,
)


@pytest.mark.parametrize(("pair", "share"), [(0, 0.02), (1, 0.3), (None, 0.1)])
def test_weights_where_non_matches_may_be_related(
    monkeypatch: pytest.MonkeyPatch, pair: int | None, share: float
) -> None:
    digits = RELATED.coding.decode(np.arange(RELATED.coding.size))
    wanted = []
    for row in digits.tolist():
        chance = dict.fromkeys("mur", 1.0)
        for one, level in zip(RELATED.comparisons, row, strict=True):
            if level < len(one.labels):
                for key in chance:
                    chance[key] *= getattr(one, key)[level]
        wanted.append(math.log(chance["m"] / ((1 - share) * chance["u"] + share * chance["r"])))
    of_pair = None if pair is None else np.full(len(digits), pair)
    np.testing.assert_allclose(RELATED.weights(digits, of_pair), wanted, atol=1e-13)
    if pair is None:
        return
    np.testing.assert_allclose(RELATED.pattern_weights(pair), wanted, atol=1e-13)
    # No weight exceeds the sum over the comparisons by more than it says.
    assert (np.array(wanted) <= MODEL.weights(digits) + RELATED.most_gained(pair) + 1e-13).all()
    patterns = np.arange(3 * RELATED.coding.size)  # digits of keys stand behind those of the comparisons
    for most in (2**20, 1):
        monkeypatch.setattr(parameters_module, "MOST_TABLED", most)
        found = weigh_patterns(replace(RELATED), patterns, pair)
        np.testing.assert_allclose(found, np.tile(wanted, 3), atol=1e-13)


def test_posterior_of_each_pair_of_sources() -> None:
    weights = np.array([3.0, 3.0, 2000.0, -2000.0])
    found = MODEL.posterior(weights, np.array([0, 1, 0, 0]))
    np.testing.assert_allclose(found, [0.5, 1 / (1 + math.exp(2.5)), 1.0, 0.0], atol=1e-14)


def test_json_and_back() -> None:
    assert Parameters.from_dict(json.loads(json.dumps(MODEL.to_dict()))) == MODEL
    assert Parameters.from_dict(json.loads(json.dumps(RELATED.to_dict()))) == RELATED
    by_hand = Parameters((NAME, SEX))
    assert Parameters.from_dict(json.loads(json.dumps(by_hand.to_dict()))) == by_hand
    assert by_hand.to_dict()["em"] is None
    assert MODEL.to_dict()["match_rates"][0]["rate"] == 8.0 / 200
