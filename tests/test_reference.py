"""u from a table of reference: near the known u, exact where it can be, held in EM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from simulate import Field, two_files

import tallystick as ts
from tallystick.errors import InputError, SpecError

FIELDS = [
    Field("name", 120, 0.7, 3, 0.05, 0.08, missing=0.1),
    Field("town", 40, 0.5, 1, 0.1),
    Field("year", 60, 0.0, 1, 0.05),
    Field("day", 31, 0.0, 1, 0.08),
]
SIM = two_files(FIELDS, 300, 250, 200, 4)
REGISTER = two_files(FIELDS, 20_000, 10, 0, 5).tables[0]
PASSES = {
    "all pairs": [ts.all_pairs()],
    "blocked": [ts.blocking_key("town"), ts.blocking_key("year"), ts.blocking_key("day")],
}


def comparisons(frequencies: bool = False) -> list[ts.Comparison]:
    return [
        ts.comparison("name", ts.levenshtein(1), frequencies=frequencies),
        *(ts.comparison(field.name, ts.exact()) for field in FIELDS[1:]),
    ]


def fit(
    reference: ts.Source | None, passes: str = "all pairs", asked: Any = None, **settings: Any
) -> ts.Model:
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", SIM.tables, strict=True)]
    estimation = ts.Estimation(reference=reference, random_pairs=400_000, **settings)
    return ts.Linkage(asked or comparisons(), PASSES[passes], estimation=estimation).fit(*sources)


def register(table: Any = REGISTER, **more: Any) -> ts.Source:
    return ts.Source(name="register", table=table, id="id", **more)


@pytest.mark.parametrize("passes", list(PASSES))
def test_u_is_that_of_the_population(passes: str) -> None:
    model, without = fit(register(), passes), fit(None, passes)
    nearer = []
    for field, one, other in zip(
        FIELDS, model.parameters.comparisons, without.parameters.comparisons, strict=True
    ):
        # 20,000 records; the shares of values are those of the table to within a few per cent.
        np.testing.assert_allclose(one.u, field.u, rtol=0.03)
        assert one.u_origin == "reference table register (random pairs and value frequencies)"
        nearer.append(abs(np.log(one.u[-1] / field.u[-1])) < abs(np.log(other.u[-1] / field.u[-1])))
    assert sum(nearer) >= 3  # than u from 550 records


def test_equal_values_are_counted_exactly() -> None:
    (one,) = [c for c in fit(register()).parameters.comparisons if c.name == "town"]
    n = REGISTER.group_by("town").len()["len"].to_numpy().astype(float)
    assert one.u[1] == pytest.approx((n * (n - 1)).sum() / (n.sum() * (n.sum() - 1)), rel=1e-9)


def test_a_small_table_gives_what_brute_force_gives() -> None:
    table = REGISTER.head(120)
    one = fit(register(table)).parameters.comparisons[0]
    assert one.u_origin == "reference table register (all pairs)"
    texts = [text for text in table["name"] if text is not None]
    levels = np.zeros(3)
    for k, a in enumerate(texts):
        for b in texts[:k]:
            edits = 0 if a == b else 1 if a[:-1] == b[:-1] else 2
            levels[2 - edits] += 1
    np.testing.assert_allclose(one.u, levels / levels.sum(), rtol=1e-9)


def test_comparisons_whose_fields_are_not_there_go_on_as_usual() -> None:
    named = register(REGISTER.drop("year").rename({"town": "place"}), columns={"town": "place"})
    model = fit(named)
    origins = [one.u_origin.split(" (")[0] for one in model.parameters.comparisons]
    assert origins == ["reference table register"] * 2 + [
        "all pairs, less the matches",
        "reference table register",
    ]
    usual = fit(None).parameters.comparisons[2]
    assert model.parameters.comparisons[2].u == pytest.approx(usual.u, rel=1e-3)


def test_bands_of_frequency_are_those_of_the_files() -> None:
    model = fit(register(), asked=comparisons(frequencies=True))
    one = model.parameters.comparisons[0]
    # The shares that the files say are common, over the pairs of the register.
    frequencies = model.spec.comparisons[0].frequencies
    assert isinstance(frequencies, dict)
    names = REGISTER["name"].drop_nulls()
    counts = dict(names.value_counts().iter_rows())
    edges = model.spec.comparisons[0].edges
    top = np.zeros(len(edges) + 1)
    for name, n in counts.items():
        top[int((frequencies.get(name, 0.0) < np.array(edges)).sum())] += n * (n - 1)
    wanted = top / (len(names) * (len(names) - 1))
    np.testing.assert_allclose(one.u[-len(wanted) :], wanted, rtol=0.002)  # missing pairs are sampled


def test_a_comparison_of_two_fields_keeps_its_u() -> None:
    """Which of two records stands left is not known in one table."""
    asked = [*comparisons(), ts.comparison(left="town", right="name", comparator=ts.exact(), name="crossed")]
    model = fit(register(), asked=asked)
    assert model.parameters.comparisons[-1].u_origin == "all pairs, less the matches"


def test_u_by_hand_comes_first() -> None:
    asked = [*comparisons()[:3], ts.comparison("day", ts.exact(), u=0.03)]
    one = fit(register(), asked=asked).parameters.comparisons[-1]
    assert one.u == pytest.approx((0.97, 0.03))
    assert one.u_origin == "given"


def test_tables_that_do_not_serve(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has all fields of no comparison, but the columns id, other"):
        fit(register(pl.DataFrame({"id": ["1"], "other": ["x"]})))
    with pytest.raises(InputError, match="single record, which makes no pair"):
        fit(register(REGISTER.drop_nulls().head(1)))
    with pytest.raises(InputError, match="no such file"):
        fit(ts.Source(name="register", path=tmp_path / "none.csv"))
    with pytest.raises(InputError, match=r"twice|more than once|unique"):
        fit(register(pl.concat([REGISTER.head(5), REGISTER.head(5)])))
    with pytest.raises(InputError, match="truth"):
        fit(register(truth=("town",)))
    with pytest.raises(SpecError, match="found both a reference and a previous model"):
        ts.Estimation(reference=register(), previous={"model": "m.json", "use": "as_is"})


def test_a_register_in_memory_is_no_part_of_a_saved_model(tmp_path: Path) -> None:
    model = fit(register())
    model.save(tmp_path / "model.json")
    again = ts.Model.load(tmp_path / "model.json")
    assert again.parameters == model.parameters
    assert again.spec.estimation.reference is None
