"""A previous linkage's model: as it is, as a start, as a prior; and one that does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulate import Field, Simulated, two_files
from test_em import PURE, counts_of
from test_related import ingredients, linkage_of

import tallystick as ts
from tallystick.datasets import persons
from tallystick.errors import InputError, SpecError
from tallystick.estimation.cells import levels_of
from tallystick.estimation.em import Given, fit_em
from tallystick.patterns.coding import PatternCoding

FIELDS = [
    Field("name", 200, 0.8, 3, 0.05, 0.08),
    Field("town", 40, 0.5, 1, 0.1),
    Field("year", 60, 0.0, 1, 0.05),
    Field("day", 31, 0.0, 1, 0.08),
]
COMPARISONS = {
    "name": ts.comparison("name", ts.levenshtein(1)),
    **{field: ts.comparison(field, ts.exact()) for field in ("town", "year", "day")},
}


def files(seed: int, n: int = 1500, matches: int = 700) -> Simulated:
    return two_files(FIELDS, n, n, matches, seed)


def fit(sim: Simulated, comparisons: Any = None, **settings: Any) -> ts.Model:
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("ab", sim.tables, strict=True)]
    comparisons = list(COMPARISONS.values()) if comparisons is None else comparisons
    return ts.Linkage(comparisons, [ts.all_pairs()], estimation=ts.Estimation(**settings)).fit(*sources)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ts.Model]:
    path = tmp_path_factory.mktemp("previous") / "model.json"
    model = fit(files(1))
    model.save(path)
    return path, model


def test_as_it_is_only_the_match_rate_is_new(saved: tuple[Path, ts.Model]) -> None:
    path, model = saved
    now = fit(files(2, matches=300), previous={"model": str(path), "use": "as_is"})
    for old, new in zip(model.parameters.comparisons, now.parameters.comparisons, strict=True):
        np.testing.assert_allclose(new.m, old.m)
        np.testing.assert_allclose(new.u, old.u)
        assert new.m_origin == new.u_origin == f"previous model {path}"
    assert now.parameters.pairs[0].expected_matches == pytest.approx(300, rel=0.1)
    # The same as scoring with the model itself, which estimates the rate alone as well.
    sources = [
        ts.Source(name=n, table=t, id="id") for n, t in zip("cd", files(2, matches=300).tables, strict=True)
    ]
    linked = model.link(*sources).model.parameters.pairs[0].expected_matches
    assert now.parameters.pairs[0].expected_matches == pytest.approx(linked, rel=1e-3)


def test_comparisons_are_matched_by_name_in_any_order(saved: tuple[Path, ts.Model]) -> None:
    path, model = saved
    turned = [COMPARISONS[name] for name in ("day", "year", "town", "name")]
    now = fit(files(2), turned, previous={"model": str(path), "use": "as_is"})
    old = {one.name: one for one in model.parameters.comparisons}
    for one in now.parameters.comparisons:
        np.testing.assert_allclose(one.m, old[one.name].m)


def test_a_start_changes_where_em_begins_and_not_where_it_ends(saved: tuple[Path, ts.Model]) -> None:
    path, _ = saved
    tight = {"tolerance": 1e-10}
    plain, started = (
        fit(files(2), **tight),
        fit(files(2), previous={"model": str(path), "use": "start"}, **tight),
    )
    assert started.parameters.log_likelihood[0] > plain.parameters.log_likelihood[0]
    for one, other in zip(started.parameters.comparisons, plain.parameters.comparisons, strict=True):
        np.testing.assert_allclose(one.m, other.m, atol=1e-6)
        assert one.m_origin == f"EM, from previous model {path}"


def test_the_end_is_the_mode_of_the_posterior() -> None:
    """At the mode m = (expected matches at a level + those of the prior) / (all of both), exactly."""
    random = np.random.default_rng(5)
    coding = PatternCoding((3, 2, 2, 2))
    digits = coding.decode(np.arange(coding.size))
    agree = digits.astype(float).sum(axis=1)
    mean = 2e5 * np.exp(-1.5 * agree) + 300 * np.exp(0.5 * agree)
    counts = counts_of(coding, digits, random.poisson(mean).astype(float) + 1)
    table, selection, _ = ingredients(counts)
    looks = (np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.7]), None, np.array([0.4, 0.6]))
    nothing = (None,) * 4
    given = Given(nothing, nothing, prior=looks, prior_weight=500.0)
    settings = PURE.model_copy(update={"prior_matches": 7.0, "related": "none"})
    found = fit_em(table, selection, given, np.array([3000.0]), settings)  # type: ignore[arg-type]
    log_odds = np.log(found.rate[0] / (1 - found.rate[0]))
    for k in range(4):
        full = [np.where(f.present, p, 1.0) for f, p in zip(table.factors, found.m, strict=True)]  # type: ignore[attr-defined]
        other = [np.where(f.present, p, 1.0) for f, p in zip(table.factors, found.u, strict=True)]  # type: ignore[attr-defined]
        rows = counts.coding.decode(counts.patterns)
        weight = sum(np.log(full[j][rows[:, j]] / other[j][rows[:, j]]) for j in range(4))
        chance = 1 / (1 + np.exp(-(weight + log_odds)))
        n = coding.n_levels[k]
        seen = np.bincount(rows[:, k], weights=chance * counts.counts, minlength=n + 1)[:n]
        usual = np.array([0.025, 0.075, 0.9] if n == 3 else [0.1, 0.9])
        prior = 7.0 * usual if looks[k] is None else 500.0 * looks[k]
        np.testing.assert_allclose(
            levels_of(table.factors[k], found.m[k]), (seen + prior) / (seen + prior).sum(), rtol=1e-6
        )  # type: ignore[attr-defined]


def test_a_prior_of_any_weight_lies_between_the_two(saved: tuple[Path, ts.Model]) -> None:
    path, model = saved
    other = [Field(f.name, f.n_values, f.skew, f.n_variants, 3 * f.redrawn, f.altered) for f in FIELDS]
    sim = two_files(other, 1500, 1500, 700, 9)
    ends = [
        fit(sim, previous={"model": str(path), "use": "prior", "weight": weight})
        .parameters.comparisons[1]
        .m[1]
        for weight in (0.001, 700.0, 1e9)
    ]
    assert ends[0] < ends[1] < ends[2]
    assert ends[2] == pytest.approx(model.parameters.comparisons[1].m[1], abs=1e-4)
    # As many matches as the files hold weigh more than these do, which are not known to be matches.
    assert (ends[0] + ends[2]) / 2 < ends[1]


def test_by_hand_comes_before_the_model(saved: tuple[Path, ts.Model]) -> None:
    path, model = saved
    comparisons = [*list(COMPARISONS.values())[:3], ts.comparison("day", ts.exact(), m=0.8)]
    now = fit(files(2), comparisons, previous={"model": str(path), "use": "as_is"}).parameters.comparisons[3]
    assert now.m == pytest.approx((0.2, 0.8))
    assert now.m_origin == "given"
    assert now.u == pytest.approx(model.parameters.comparisons[3].u)


def test_comparisons_that_the_model_lacks(saved: tuple[Path, ts.Model], tmp_path: Path) -> None:
    three = fit(files(1), list(COMPARISONS.values())[:3])
    three.save(tmp_path / "three.json")
    asked = {"model": str(tmp_path / "three.json"), "use": "as_is"}
    with pytest.raises(
        InputError, match=r"three\.json has no comparison 'day', but name, town, year: .*estimate"
    ):
        fit(files(2), previous=asked)
    now = fit(files(2), previous={**asked, "others": "estimate"}).parameters.comparisons
    assert [one.m_origin == "EM" for one in now] == [False, False, False, True]
    assert now[3].m[1] == pytest.approx(FIELDS[3].m[1], abs=0.05)


def test_a_model_that_does_not_fit(saved: tuple[Path, ts.Model], tmp_path: Path) -> None:
    path, _ = saved
    asked = {"model": str(path), "use": "start"}
    with pytest.raises(
        InputError, match=r"'name' with the levels .*, where this linkage has different, equal"
    ):
        fit(files(2), [ts.comparison("name", ts.exact()), *list(COMPARISONS.values())[1:]], previous=asked)
    with pytest.raises(InputError, match=r"no comparison 'names', .* \(did you mean 'name'\?\)"):
        fit(files(2), [ts.comparison("name", ts.levenshtein(1), name="names")], previous=asked)
    other = ts.comparison("name", ts.levenshtein(1), name="other")
    with pytest.raises(InputError, match="has none of the comparisons of this linkage"):
        fit(files(2), [other], previous={**asked, "others": "estimate"})
    with pytest.raises(InputError, match="there is no such file"):
        fit(files(2), previous={"model": str(tmp_path / "none.json"), "use": "start"})
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InputError, match="JSON that is no model"):
        fit(files(2), previous={"model": str(tmp_path / "list.json"), "use": "start"})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"use": "prior"}, "without a weight, expected how many matches"),
        ({"use": "start", "weight": 3}, 'a weight with use = "start", expected one with use = "prior"'),
        ({"use": "prior", "weight": 0}, "0"),
        ({"use": "copy"}, '"as_is", "start", "prior"'),
        ({}, "use"),
    ],
)
def test_settings_that_say_nothing_clear(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        ts.Estimation(previous={"model": "model.json", **settings})


def test_a_model_made_with_a_previous_one_links_where_that_is_no_more(
    saved: tuple[Path, ts.Model], tmp_path: Path
) -> None:
    path = tmp_path / "old.json"
    saved[1].save(path)
    now = fit(files(2), previous={"model": str(path), "use": "prior", "weight": 100})
    now.save(tmp_path / "new.json")
    path.unlink()
    again = ts.Model.load(tmp_path / "new.json")
    assert again.parameters == now.parameters
    sources = [
        ts.Source(name=n, table=t, id="id") for n, t in zip("cd", files(3, matches=500).tables, strict=True)
    ]
    links = again.link(*sources)
    assert links.model.parameters.pairs[0].expected_matches == pytest.approx(500, rel=0.1)


def test_relatives_of_the_model_stay_a_class(tmp_path: Path) -> None:
    """As it is the class of related pairs is held, too; as a start or a prior it is looked for anew."""
    first, second = (persons(3000, duplicates=(0.7, 0.2, 0.1), seed=seed).table for seed in (5, 6))
    model = linkage_of("blocked", "auto").fit(first)
    old = model.parameters
    assert old.related_share > 0
    model.save(tmp_path / "model.json")

    def again(**settings: Any) -> ts.Model:
        spec = linkage_of("blocked", "auto").spec
        previous = ts.Previous(model=str(tmp_path / "model.json"), **settings)
        estimation = spec.estimation.model_copy(update={"previous": previous})
        return ts.Linkage(spec=spec.model_copy(update={"estimation": estimation})).fit(second)

    held = again(use="as_is").parameters
    linked = model.link(ts.Source(name="second", table=second)).model.parameters
    assert held.pairs[0].expected_matches == pytest.approx(linked.pairs[0].expected_matches, rel=1e-3)
    assert held.pairs[0].expected_related == pytest.approx(linked.pairs[0].expected_related, rel=1e-3)
    for one, other in zip(held.comparisons, old.comparisons, strict=True):
        assert one.shared == pytest.approx(other.shared)
        np.testing.assert_allclose(one.r or (), other.r or ())
    prior = again(use="prior", weight=200).parameters
    assert prior.related_share > 0
    assert prior.comparisons[0].shared != held.comparisons[0].shared
