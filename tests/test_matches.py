"""A stated number of matches, and one that follows from deterministic rules."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulate import Field, one_file, two_files

import tallystick as ts
from tallystick.blocking.plan import Kind, source_pairs
from tallystick.errors import InputError, SpecError
from tallystick.estimation.deterministic import count_rule_pairs
from tallystick.estimation.parameters import Parameters
from tallystick.preparation.read import read_source
from tallystick.records.encode import encode
from tallystick.records.records import Records

FIELDS = [Field("name", 400, 0.5), Field("town", 40), Field("year", 60), Field("day", 31)]
SIM = two_files(FIELDS, 1200, 900, 600, 4)


def fit(tables: Any = SIM.tables, passes: Any = None, one_to_one: bool = False, **settings: Any) -> ts.Model:
    sources = [ts.Source(name=name, table=one, id="id") for name, one in zip("abc", tables, strict=False)]
    return ts.Linkage(
        [ts.comparison(field.name, ts.exact()) for field in FIELDS],
        passes or [ts.all_pairs()],
        one_to_one=one_to_one,
        kind=settings.pop("kind", None),
        estimation=ts.Estimation(**settings),
    ).fit(*sources)


@pytest.mark.parametrize("passes", [None, [ts.blocking_key("town"), ts.blocking_key("year", "day")]])
def test_the_posterior_is_the_closed_formula(passes: Any) -> None:
    """p = exp(W0 + W) / (exp(W0 + W) + 1), W0 = log(E / (N - E)), N all allowed pairs."""
    model = fit(passes=passes, expected_matches=500)
    (pair,) = model.parameters.pairs
    assert (pair.expected_matches, pair.origin) == (pytest.approx(500), "stated")
    w0 = np.log(500 / (1200 * 900 - 500))
    assert pair.log_prior_odds == pytest.approx(w0, abs=1e-12)
    weights = np.array([-3.0, 0.0, 8.0, 15.0])
    wanted = np.exp(w0 + weights) / (np.exp(w0 + weights) + 1)
    np.testing.assert_allclose(model.parameters.posterior(weights, np.zeros(4, np.int64)), wanted, rtol=1e-12)


@pytest.mark.parametrize("passes", [None, [ts.blocking_key("town"), ts.blocking_key("year", "day")]])
def test_the_truth_stated_leaves_m_near_the_truth(passes: Any) -> None:
    model = fit(passes=passes, expected_matches=600)
    for field, one in zip(FIELDS, model.parameters.comparisons, strict=True):
        assert one.m[1] == pytest.approx(field.m[1], abs=0.04)
        assert one.u[1] == pytest.approx(field.u[1], rel=0.15)


def test_what_em_finds_is_where_it_stays() -> None:
    found = fit(tolerance=1e-9).parameters
    stated = fit(tolerance=1e-9, expected_matches=found.pairs[0].expected_matches).parameters
    for one, other in zip(found.comparisons, stated.comparisons, strict=True):
        np.testing.assert_allclose(one.m, other.m, atol=1e-5)


def test_impossible_numbers_are_clipped_and_reported() -> None:
    one_to_one = fit(one_to_one=True, expected_matches=5000)
    assert one_to_one.parameters.pairs[0].expected_matches == pytest.approx(900)
    (warning,) = [text for text in one_to_one.warnings if "There cannot be" in text]
    assert (
        "5,000 matches between a and b (origin: stated), more than the records of the smaller file" in warning
    )
    assert "900 are taken" in warning
    several = fit(expected_matches=2e6)
    assert several.parameters.pairs[0].expected_matches == pytest.approx(1200 * 900 - 1)
    assert any("more than the pairs of records: 1,079,999 are taken" in text for text in several.warnings)
    assert np.isfinite(several.parameters.pairs[0].log_prior_odds)
    assert not any("There cannot be" in text for text in fit(one_to_one=True, expected_matches=900).warnings)


def test_a_number_for_each_pair_of_sources_or_one_for_all() -> None:
    third = two_files(FIELDS, 10, 700, 5, 9).tables[1].with_columns(pl.col("id") + "c")
    tables = [*SIM.tables, third]
    shared = fit(tables, expected_matches=1000).parameters.pairs
    sizes = np.array([900.0, 700.0, 700.0])  # the smaller file of each pair
    np.testing.assert_allclose([one.expected_matches for one in shared], 1000 * sizes / sizes.sum())
    each = [
        {"left": "b", "right": "a", "matches": 600},
        {"left": "a", "right": "c", "matches": 5},
        {"left": "b", "right": "c", "matches": 7.5},
    ]
    stated = fit(tables, expected_matches=each).parameters.pairs
    assert [one.expected_matches for one in stated] == [600, 5, 7.5]
    with pytest.raises(InputError, match="there is no number for a and c; b and c: give one for every"):
        fit(tables, expected_matches=each[:1])
    with pytest.raises(
        InputError, match="a and d are no pair of sources that is compared; those are a and b;"
    ):
        fit(tables, expected_matches=[{"left": "a", "right": "d", "matches": 3}])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"expected_matches": 0}, "found 0 matches, expected a number above 0"),
        ({"expected_matches": -5}, "found -5 matches, expected a number above 0"),
        ({"expected_matches": float("inf")}, "found inf matches"),
        ({"expected_matches": []}, "found no pair of sources"),
        ({"expected_matches": [{"left": "a", "right": "b", "matches": 0}]}, "0"),
        ({"expected_matches": [{"left": x, "right": y, "matches": 1} for x, y in ("ab", "ba")]}, "twice"),
        ({"deterministic": {"rules": [], "recall": 0.5}}, "rules"),
        ({"deterministic": {"rules": [["a"]], "recall": 0}}, "recall"),
        ({"deterministic": {"rules": [["a"]], "recall": 1.2}}, "recall"),
        ({"deterministic": {"rules": [["a"]]}}, "recall"),
        ({"deterministic": {"rules": [["a"], []], "recall": 0.5}}, "no field in rule 2"),
        ({"deterministic": {"rules": [["a", "a"]], "recall": 0.5}}, "a field twice in rule 1"),
        ({"deterministic": {"rules": [["a"]], "recall": 0.5}, "expected_matches": 3}, "found both"),
    ],
)
def test_what_cannot_be_stated(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        ts.Estimation(**settings)


values = st.lists(
    st.tuples(*(st.sampled_from([None, "x", "y", "z"]) for _ in range(3))), min_size=1, max_size=12
)
rule = st.lists(st.sampled_from(["p", "q", "r"]), min_size=1, max_size=3, unique=True)


def records_of(rows: list[list[tuple[str | None, ...]]]) -> Records:
    tables = []
    for name, one in zip("abc", rows, strict=False):
        table = pl.DataFrame(one, schema=dict.fromkeys("pqr", pl.String), orient="row")
        one_more = pl.DataFrame({field: [f"only {name}"] for field in "pqr"})  # no field is wholly missing
        source = ts.Source(name=name, table=pl.concat([table, one_more]))
        tables.append(read_source(source, ["p", "q", "r"]))
    return encode(tables)


@given(
    st.lists(values, min_size=1, max_size=3),
    st.lists(rule, min_size=1, max_size=4),
    st.sampled_from(["link", "dedupe", "link_and_dedupe"]),
)
def test_rules_count_what_brute_force_counts(
    rows: list[list[tuple[str | None, ...]]], rules: list[list[str]], kind: Kind
) -> None:
    records = records_of(rows)
    pairs = source_pairs(len(rows), kind)
    wanted = []
    for s, t in pairs:
        both = combinations(rows[s], 2) if s == t else product(rows[s], rows[t])
        wanted.append(
            sum(
                any(
                    all(a["pqr".index(f)] == b["pqr".index(f)] is not None for f in fields)
                    for fields in rules
                )
                for a, b in both
            )
        )
    assert count_rule_pairs(records, pairs, rules).tolist() == wanted


def test_the_recall_of_the_rules_gives_the_number() -> None:
    """A field that three rules need: E is what the rules find over their recall, to the digit."""
    rules = [["name", "town", "year"], ["name", "day", "year"]]
    model = fit(deterministic={"rules": rules, "recall": 0.8, "precision": 0.99})
    a, b = (table.with_row_index("row") for table in SIM.tables)
    found = pl.concat(
        [a.join(b, on=fields, suffix="_b").select("row", "row_b") for fields in rules]
    ).n_unique()
    (pair,) = model.parameters.pairs
    assert pair.expected_matches == pytest.approx(found * 0.99 / 0.8)
    assert pair.origin == f"{found:,} pairs of deterministic rules, precision 0.99 and recall 0.8"
    assert pair.log_prior_odds == pytest.approx(
        np.log(pair.expected_matches / (pair.pairs - pair.expected_matches))
    )
    # Fields agree independently among matches, so that the recall of the rules is known here.
    keep = {field.name: field.m[1] for field in FIELDS}
    recall = keep["name"] * keep["year"] * (keep["town"] + keep["day"] - keep["town"] * keep["day"])
    known = fit(deterministic={"rules": rules, "recall": float(recall)}).parameters.pairs[0]
    assert known.expected_matches == pytest.approx(600, rel=0.05)


def test_rules_of_one_file_and_beyond_what_is_possible() -> None:
    file = one_file(FIELDS, 800, 200, 2).tables
    rules = [["name", "year"]]
    model = fit(file, deterministic={"rules": rules, "recall": 1.0})
    counts = file[0].drop_nulls(["name", "year"]).group_by(rules[0]).len()["len"]
    assert model.parameters.pairs[0].expected_matches == pytest.approx((counts * (counts - 1) // 2).sum())
    weak = fit(one_to_one=True, deterministic={"rules": [["town"]], "recall": 0.9})
    assert weak.parameters.pairs[0].expected_matches == pytest.approx(900)
    assert any("deterministic rules" in text and "There cannot be" in text for text in weak.warnings)


def test_rules_that_chance_fulfils() -> None:
    """Town and day agree in one pair of 1,240: most of what they find is no match."""
    rules = [["town", "day"]]
    found = fit(deterministic={"rules": rules, "recall": 0.8})
    (warning,) = [text for text in found.warnings if "by chance" in text]
    about = int(warning.split()[1].replace(",", ""))
    assert about == pytest.approx(1200 * 900 * FIELDS[1].u[1] * FIELDS[3].u[1], rel=0.05)
    stated = fit(deterministic={"rules": rules, "recall": 0.8, "precision": 0.4})
    sure = fit(deterministic={"rules": [["name", "year", "day"]], "recall": 0.7})
    for model in (stated, sure):
        assert not any("by chance" in text for text in model.warnings)


def test_more_matches_than_records_are_reported_where_files_may_hold_an_entity_twice() -> None:
    (warning,) = [text for text in fit(expected_matches=1000).warnings if "smaller" in text]
    assert warning.startswith(
        "1,000 matches (origin: stated) are more than the 900 records of the smaller of a"
    )


@pytest.mark.parametrize("passes", [None, [ts.blocking_key("town"), ts.blocking_key("year", "day")]])
def test_a_number_that_the_pairs_contradict(passes: Any) -> None:
    for stated, said in ((100, True), (550, False), (600, False), (650, False), (2400, True)):
        told = [text for text in fit(passes=passes, expected_matches=stated).warnings if "look like" in text]
        assert bool(told) is said, stated
        if said:
            about = float(told[0].split()[4].replace(",", ""))
            assert about == pytest.approx(600, rel=0.1)
    # Where EM could not count the matches either, it contradicts nobody.
    weak = two_files([Field(name, 8) for name in ("name", "town", "year", "day")], 900, 900, 30, 3).tables
    assert not any("look like" in text for text in fit(weak, expected_matches=90).warnings)


def test_rules_that_say_nothing() -> None:
    a, b = SIM.tables
    apart = b.with_columns(pl.col("name") + "x")
    with pytest.raises(InputError, match="no pair of records agrees on all fields of any rule"):
        fit([a, apart], deterministic={"rules": [["name", "year"]], "recall": 0.5})


def test_a_rule_may_read_a_field_that_nothing_else_does_but_no_truth() -> None:
    tables = [table.with_columns(mail=pl.col("name") + pl.col("day")) for table in SIM.tables]
    model = fit(tables, deterministic={"rules": [["mail", "year"]], "recall": 0.9})
    assert model.parameters.pairs[0].origin.endswith("recall 0.9")
    assert model.compare_records({"name": "x"}, {"name": "x"}).weight > 0  # a record is scored without it
    assert model.lookup({"name": "x"}, SIM.tables[1], most=3).height == 3
    with pytest.raises(SpecError, match=r"estimation\.deterministic\.rules\[0\].*truth column"):
        ts.Spec(
            sources=[ts.Source(name=n, path=f"{n}.csv", truth=("person",)) for n in "ab"],
            comparisons=[ts.comparison("name", ts.exact())],
            passes=[ts.all_pairs()],
            estimation={"deterministic": {"rules": [["person"]], "recall": 1}},
        )


def test_a_model_links_other_files_without_the_number_of_these() -> None:
    model = fit(expected_matches=300)
    other = two_files(FIELDS, 1000, 1000, 800, 11).tables
    sources = [ts.Source(name=n, table=t, id="id") for n, t in zip("cd", other, strict=True)]
    (pair,) = model.link(*sources).model.parameters.pairs
    assert pair.expected_matches == pytest.approx(800, rel=0.1)
    assert pair.origin == "EM"


def test_models_saved_before_have_a_match_rate_by_em() -> None:
    data = fit().parameters.to_dict()
    for rate in data["match_rates"]:
        del rate["origin"]
    assert Parameters.from_dict(data).pairs[0].origin == "EM"
