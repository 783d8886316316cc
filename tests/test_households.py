"""Households: who lives together, what members say of two, and the stages of a linkage with households."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from families import Families, families
from hypothesis import given, settings
from hypothesis import strategies as st

import tallystick as ts
from tallystick.errors import InputError, SpecError, TallystickWarning
from tallystick.estimation.parameters import ComparisonParameters, PairOfSources, Parameters
from tallystick.linking.decide import Verdict, decide
from tallystick.linking.decision import Decision
from tallystick.linking.household_fit import fit_within
from tallystick.linking.members import MemberPairs, evidence, expected_pairs, log_odds_of, member_pairs
from tallystick.linking.score import ScoredPairs
from tallystick.records.encode import encode_values
from tallystick.records.households import household_records
from tallystick.records.records import Column, Records, records_of
from tallystick.spec import dump_spec, parse_spec
from tests.small_files import call

HOUSEHOLDS = ts.Households(address=("street", "number"), comparisons=("surname", "street", "number"))
COMPARISONS = (
    ts.comparison("forename", ts.jaro_winkler(0.92, 0.8)),
    ts.comparison("surname", ts.jaro_winkler(0.92, 0.8)),
    ts.comparison("born", ts.damerau_levenshtein(1, 2)),
    ts.comparison("sex", ts.exact()),
    ts.comparison("street", ts.damerau_levenshtein(1)),
    ts.comparison("number", ts.exact()),
)
PASSES = (
    ts.blocking_key("street", "number"),
    ts.blocking_key("born"),
    ts.blocking_key("forename", "surname"),
    ts.blocking_key("surname", ts.year("born")),
)


def linkage(households: ts.Households | None = HOUSEHOLDS, **more: object) -> ts.Linkage:
    given = {"comparisons": COMPARISONS, "passes": PASSES, "one_to_one": True, **more}
    return ts.Linkage(households=households, **given)  # type: ignore[arg-type]


def sources(tables: tuple[pl.DataFrame, pl.DataFrame]) -> list[ts.Source]:
    return [
        ts.Source(name=name, table=table, id="id", truth=("person", "home"))
        for name, table in zip(("early", "late"), tables, strict=True)
    ]


def linked(links: ts.Links | ts.SequentialLinks) -> set[tuple[str, str]]:
    return set(links.pairs.filter(pl.col("decision") == "link").select("id_left", "id_right").iter_rows())


@pytest.fixture(scope="module")
def made() -> Families:
    return families(240, seed=2)


@pytest.fixture(scope="module")
def tables(made: Families) -> tuple[pl.DataFrame, pl.DataFrame]:
    return made.tables()


@pytest.fixture(scope="module")
def links(tables: tuple[pl.DataFrame, pl.DataFrame]) -> ts.HouseholdLinks:
    found = linkage().fit(*sources(tables)).link(*sources(tables))
    assert isinstance(found, ts.HouseholdLinks)
    return found


# Who lives together.

people_at_home = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([None, "a", "b", "c"]),
        st.sampled_from([None, "1", "2"]),
        st.sampled_from([None, "x", "y", "z"]),
    ),
    min_size=1,
    max_size=25,
)


def records(rows: list[tuple[int, str | None, str | None, str | None]]) -> Records:
    rows = sorted(rows, key=lambda row: row[0])
    columns = {}
    for k, name in enumerate(("street", "number", "surname"), start=1):
        codes, values = encode_values(pl.Series(name, [row[k] for row in rows], dtype=pl.String))
        columns[name] = Column(codes, (values,))
    sizes = [sum(row[0] == s for row in rows) for s in (0, 1)]
    ids = pl.Series("id", [str(k) for k in range(len(rows))], dtype=pl.String)
    return records_of(["one", "two"], ids, sizes, columns)


@given(people_at_home, st.integers(2, 4))
def test_those_who_are_equal_in_all_fields_of_the_address_live_together(
    rows: list[tuple[int, str | None, str | None, str | None]], largest: int
) -> None:
    found = household_records(records(rows), ("street", "number"), ("surname",), largest)
    rows = sorted(rows, key=lambda row: row[0])
    homes: dict[tuple[int, str, str], list[int]] = {}
    for number, (source, street, house, _) in enumerate(rows):
        if street is not None and house is not None:
            homes.setdefault((source, street, house), []).append(number)
    kept = {key: members for key, members in homes.items() if len(members) <= largest}
    assert found.records.n_records == len(kept)
    assert sorted(found.records.ids) == sorted(f"{street}, {house}" for _, street, house in kept)
    surnames = found.records.columns["surname"]
    for (source, *_), members in kept.items():
        (number,) = set(found.of[members].tolist())
        assert number in found.records.rows(source)
        assert found.members[found.starts[number] : found.starts[number + 1]].tolist() == members
        said = Counter(rows[k][3] for k in members if rows[k][3] is not None)
        most = min(said, key=lambda name: (-said[name], name)) if said else None
        assert surnames.values[0][int(surnames.codes[number])] == most
    inside = {k for members in kept.values() for k in members}
    assert [k for k, home in enumerate(found.of.tolist()) if home < 0] == [
        k for k in range(len(rows)) if k not in inside
    ]
    lost = [sum(len(m) for (s, *_), m in homes.items() if s == side and len(m) > largest) for side in (0, 1)]
    assert list(found.crowded) == lost


# What members say.


def all_sets(a: int, b: int) -> list[tuple[tuple[int, int], ...]]:
    """Every one-to-one set of pairs of a and b persons, the empty one included."""
    found: list[tuple[tuple[int, int], ...]] = []
    for k in range(min(a, b) + 1):
        for left in itertools.combinations(range(a), k):
            found += [tuple(zip(left, right, strict=True)) for right in itertools.permutations(range(b), k)]
    return found


sizes_and_weights = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
        lambda size: st.tuples(
            st.just(size), st.lists(st.floats(-9, 9), min_size=size[0] * size[1], max_size=size[0] * size[1])
        )
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(sizes_and_weights, st.floats(-2, 3))
def test_the_evidence_of_members_is_the_best_of_all_sets_over_their_prior(
    groups: list[tuple[tuple[int, int], list[float]]], log_odds: float
) -> None:
    left, right, weights, expected = [], [], [], []
    start = 0
    for (a, b), own in groups:
        # All groups share their rows: a household may be a candidate of several others.
        left += [i for i in range(a) for _ in range(b)]
        right += [10 + j for _ in range(a) for j in range(b)]
        weights += own
        sums = [(len(one), sum(own[i * b + j] + log_odds for i, j in one)) for one in all_sets(a, b) if one]
        best = max(total for _, total in sums)
        expected.append(best - np.log(sum(np.exp(k * log_odds) for k, _ in sums)))
        start += a * b
    n_left, n_right = (np.array([size[k] for size, _ in groups]) for k in (0, 1))
    pairs = MemberPairs(
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.repeat(np.arange(len(groups)), n_left * n_right),
        n_left,
        n_right,
    )
    found = evidence(pairs, np.array(weights), log_odds)
    assert found.weight == pytest.approx(np.array(expected), abs=1e-6)


@pytest.mark.parametrize("at_least", [0, 1])
@pytest.mark.parametrize("log_odds", [-1.0, 0.7, 2.5])
def test_how_many_persons_two_households_have_in_common(log_odds: float, at_least: int) -> None:
    sizes = [(a, b) for a in range(1, 5) for b in range(1, 5)]
    left, right = np.array(sizes).T
    found = expected_pairs(left, right, log_odds, at_least)
    for (a, b), value in zip(sizes, found.tolist(), strict=True):
        k = np.array([len(one) for one in all_sets(a, b) if len(one) >= at_least])
        weights = np.exp(k * log_odds)
        assert value == pytest.approx((k * weights).sum() / weights.sum())
    assert log_odds_of(float(found.sum()), left, right, at_least) == pytest.approx(log_odds, abs=1e-6)


def test_pairs_of_members_are_all_pairs_of_those_that_are_free() -> None:
    found = household_records(
        records(
            [
                (0, "a", "1", None),
                (0, "a", "1", None),
                (0, "b", "1", None),
                (1, "a", "1", None),
                (1, "a", "1", None),
            ]
        ),
        ("street", "number"),
        (),
        20,
    )
    pairs = member_pairs(found, np.array([0, 1]), np.array([2, 2]))
    assert list(zip(pairs.left, pairs.right, pairs.group, strict=True)) == [
        (0, 3, 0), (0, 4, 0), (1, 3, 0), (1, 4, 0), (2, 3, 1), (2, 4, 1)
    ]  # fmt: skip
    free = np.array([True, False, True, True, True])
    pairs = member_pairs(found, np.array([0, 1]), np.array([2, 2]), free)
    assert list(zip(pairs.left, pairs.right, strict=True)) == [(0, 3), (0, 4), (2, 3), (2, 4)]
    assert pairs.n_left.tolist() == [1, 1]


def test_m_and_u_within_households_are_those_of_members() -> None:
    """Persons of 1,500 pairs of households of three, of whom three of four are in both, and no strangers."""
    draw = np.random.default_rng(5)
    n, size, stays = 1500, 3, 0.75
    m = np.array([[0.05, 0.95], [0.1, 0.9], [0.02, 0.98]])
    u = np.array([[0.97, 0.03], [0.9, 0.1], [0.5, 0.5]])
    number = np.arange(n * size * size)
    group, i, j = number // 9, number // 3 % 3, number % 3
    match = (i == j) & (draw.random(n * size) < stays)[group * size + i]
    digits = np.array(
        [draw.random(len(number)) < np.where(match, m[k, 1], u[k, 1]) for k in range(3)], np.uint8
    )
    pairs = MemberPairs(
        (group * size + i).astype(np.int32), (n * size + group * size + j).astype(np.int32), group,
        np.full(n, size), np.full(n, size),
    )  # fmt: skip
    comparisons = [ts.comparison(name, ts.exact()) for name in "abc"]
    start = [
        ComparisonParameters(one.name, one.labels, (0.2, 0.8), (0.8, 0.2), "EM", "EM") for one in comparisons
    ]
    fit = fit_within(comparisons, start, digits, pairs, log_odds=0.5)
    assert fit.converged
    assert fit.matches == pytest.approx(match.sum(), rel=0.03)
    assert np.array([one.m[1] for one in fit.comparisons]) == pytest.approx(m[:, 1], abs=0.02)
    assert np.array([one.u[1] for one in fit.comparisons]) == pytest.approx(u[:, 1], abs=0.02)
    held = fit_within(comparisons, fit.comparisons, digits, pairs, log_odds=fit.log_odds, hold=True)
    assert held.comparisons == tuple(fit.comparisons)
    assert held.matches == pytest.approx(fit.matches, rel=0.01)


def test_a_weight_that_speaks_against_a_match_is_no_link_whatever_the_constant() -> None:
    names = ("a",)
    pair = PairOfSources("one", "two", 2, 2, 4, 2, 1.5, 0.0, constant=-4.0)
    own = ComparisonParameters("a", ("no", "yes"), (0.1, 0.9), (0.9, 0.1), "given", "given")
    parameters = Parameters((own,), (pair,), names)
    none = np.zeros(2, np.int64)
    pairs = ScoredPairs(
        np.array([0, 1], np.int32), np.array([2, 3], np.int32), np.array([-0.5, 0.5]), none, none, none
    )
    found = decide(pairs, parameters, Decision(one_to_one=True))
    assert found.posterior[0] > 0.9
    assert found.verdict.tolist() == [Verdict.NON_LINK, Verdict.LINK]
    assert Parameters.from_dict(json.loads(json.dumps(parameters.to_dict()))).pairs == (pair,)


# The linkage as a whole.


def test_families_are_linked_better_by_their_households(
    made: Families, tables: tuple[pl.DataFrame, pl.DataFrame], links: ts.HouseholdLinks
) -> None:
    flat = linkage(None).fit(*sources(tables)).link(*sources(tables))
    person = {row["id"]: row["person"] for table in tables for row in table.iter_rows(named=True)}
    true = {
        (a["id"], b["id"])
        for a in tables[0].iter_rows(named=True)
        for b in tables[1].filter(pl.col("person") == a["person"]).iter_rows(named=True)
    }
    false, missed = {}, {}
    for name, found in (("flat", linked(flat)), ("households", linked(links))):
        false[name] = Counter(made.case[person[a]] for a, _ in found - true)
        missed[name] = Counter(made.case[person[a]] for a, _ in true - found)
    # Who moved disagrees in three fields with himself, once for the household and not once for each member.
    assert missed["flat"]["moved"] > missed["households"]["moved"]
    for case in ("plain", "twins", "namesakes", "moved out"):
        for errors in (false, missed):
            assert errors["households"][case] <= errors["flat"][case] + (case == "moved out")
    assert false["households"]["twins"] == false["households"]["namesakes"] == 0
    assert (
        false["households"].total() + missed["households"].total()
        < false["flat"].total() + missed["flat"].total()
    )


def test_every_link_says_its_stage_and_the_stages_add_up(links: ts.HouseholdLinks) -> None:
    table = links.table_of_steps()
    assert table["step"].to_list()[:4] == [
        "households",
        "within households",
        "outside households",
        "pointed to",
    ]
    persons = table.slice(1)
    assert persons["links"].sum() == len(linked(links))
    assert persons["records"].to_list()[1:] == persons["residuals"].to_list()[:-1]
    steps = links.pairs.filter(pl.col("decision") == "link")["step"].value_counts()
    assert dict(steps.iter_rows()) == {
        step: n for step, n in persons.select("step", "links").iter_rows() if n
    }
    passes = links.pairs.filter(pl.col("step") == "within households")["pass"].unique().to_list()
    assert passes == ["within households"]
    pattern = links.pairs.filter(pl.col("step") == "within households")["pattern"]
    # Surname, street and number of members say nothing of a person.
    assert {tuple(text.split("-")[k] for k in (1, 4, 5)) for text in pattern} == {(".", ".", ".")}
    assert links.residuals.height == links.prepared.records.n_records - 2 * len(linked(links))


def test_households_are_told_by_their_address_with_the_members_that_are_linked(
    tables: tuple[pl.DataFrame, pl.DataFrame], links: ts.HouseholdLinks
) -> None:
    found = links.households
    assert (found["decision"] == "link").sum() == links.table_of_steps()["links"][0]
    own = found.filter(pl.col("decision") == "link")
    assert own["household_left"].is_unique().all()
    assert own["household_right"].is_unique().all()
    homes = [
        dict(
            table.select(
                "id", pl.concat_str("street", "number", separator=", ").str.to_uppercase()
            ).iter_rows()
        )
        for table in tables
    ]
    counted = Counter((homes[0][a], homes[1][b]) for a, b in linked(links))
    shown = {
        (str(row["household_left"]).upper(), str(row["household_right"]).upper()): row["members_linked"]
        for row in found.iter_rows(named=True)
    }
    assert {key: n for key, n in shown.items() if n} == {key: n for key, n in counted.items() if key in shown}
    assert found.filter(pl.col("members_left") == 1)["members_linked"].max() == 1


def test_the_order_of_rows_and_of_files_changes_nothing(
    tables: tuple[pl.DataFrame, pl.DataFrame], links: ts.HouseholdLinks
) -> None:
    mixed = tuple(table.sample(fraction=1.0, shuffle=True, seed=9) for table in tables)
    again = linkage().fit(*sources(mixed)).link(*sources(mixed))  # type: ignore[arg-type]
    assert linked(again) == linked(links)
    swapped = sources(tables)[::-1]
    turned = linkage().fit(*swapped).link(*swapped)
    assert {(b, a) for a, b in linked(turned)} == linked(links)


def test_a_saved_model_replays_the_stages(
    tables: tuple[pl.DataFrame, pl.DataFrame], links: ts.HouseholdLinks, tmp_path: Path
) -> None:
    links.model.save(tmp_path / "model.json")
    model = ts.load_model(tmp_path / "model.json")
    assert isinstance(model, ts.HouseholdModel)
    assert model.to_dict() == links.model.to_dict()
    again = model.link(*sources(tables))
    assert isinstance(again, ts.HouseholdLinks)
    assert again.pairs.equals(links.pairs)
    assert again.households.equals(links.households)
    half = (tables[0].head(500), tables[1].head(500))
    fewer = model.link(*sources(half))
    kept = {(a, b) for a, b in linked(links) if a in set(half[0]["id"]) and b in set(half[1]["id"])}
    assert len(linked(fewer) & kept) > 0.97 * len(kept)


def test_why_names_the_stage_and_the_households(links: ts.HouseholdLinks) -> None:
    for step, a, b in (
        links.pairs.filter(pl.col("decision") == "link")
        .group_by("step")
        .first()
        .select("step", "id_left", "id_right")
    ).iter_rows():
        found = links.why(a, b)
        assert found.decision == "link"
        assert found.reason.startswith(f"Stage {step}: ")
        if step == "within households":
            assert found.reason.endswith("The pair of their households: link.")


def test_members_whom_a_linked_person_points_to_are_found() -> None:
    """Half of a family stays and half moves: one household is linked, the other one only pointed to."""
    made = families(200, seed=4)
    left, right = made.tables()
    big = left.group_by("home").len().filter(pl.col("len") >= 4)["home"].sort().to_list()[:30]
    person = pl.col("person").str.split("-").list.last().cast(pl.Int64)
    goes = pl.col("home").is_in(big) & (person >= 2)
    lost = pl.col("home").is_in(big) & (person == 2)
    right = right.with_columns(
        street=pl.when(goes).then(pl.lit("Elsewhere ") + pl.col("home")).otherwise("street"),
        number=pl.when(goes).then(pl.lit("1")).otherwise("number"),
        # Of one of those who moved no pass finds the pair any more.
        surname=pl.when(lost).then(pl.lit("Qx") + pl.col("home")).otherwise("surname"),
        born=pl.when(lost).then(pl.col("born").str.slice(0, 5) + pl.lit("13-31")).otherwise("born"),
    )
    found = linkage().fit(*sources((left, right))).link(*sources((left, right)))
    pairs = found.pairs.filter(pl.col("decision") == "link")
    pointed = pairs.filter(pl.col("step").str.starts_with("pointed to"))
    who = [dict(table.select("id", "person").iter_rows()) for table in (left, right)]
    assert pointed.height >= 15
    right_ones = [who[0][a] == who[1][b] for a, b in pointed.select("id_left", "id_right").iter_rows()]
    assert np.mean(right_ones) > 0.9


def test_files_of_other_people_and_other_places_have_no_households_in_common() -> None:
    left, _ = families(60, seed=1).tables()
    _, right = families(60, seed=99).tables()
    right = right.with_columns(
        pl.col("forename") + "zzz",
        "qq" + pl.col("surname"),
        street=pl.lit("New ") + pl.col("home"),
        number=pl.lit("1"),
    )
    links = linkage().fit(*sources((left, right))).link(*sources((left, right)))
    assert links.pairs.filter(pl.col("decision") == "link").height == 0
    table = links.table_of_steps()
    assert table["links"].to_list() == [0, 0, 0]
    assert table["reason"].to_list()[:2] == [
        "no two households have persons who may be one", "no households are linked"
    ]  # fmt: skip
    assert links.households.height == 0


def test_weights_that_follow_values_go_with_households() -> None:
    """A rare surname says more of a household; a common forename is no likelier among brothers."""
    given = sources(families(120, seed=3).tables())
    names = tuple(
        ts.comparison(name, ts.jaro_winkler(0.92, 0.8), frequencies="values")
        for name in ("forename", "surname")
    )
    model = linkage(comparisons=(*names, *COMPARISONS[2:])).fit(*given)
    assert isinstance(model, ts.HouseholdModel)
    links = model.link(*given)
    assert isinstance(links, ts.HouseholdLinks)
    within = model.parameters.within
    assert within is not None
    assert [one.values is not None for one in model.parameters.households.comparisons] == [True, False, False]
    assert not any(one.has_terms for one in within.comparisons)
    assert links.evaluate("person").links.f1 > 0.97


# Settings, files, and what does not fit.


def test_settings_are_the_same_in_toml() -> None:
    spec = linkage(
        ts.Households(
            id="home", comparisons=("surname",), decision=Decision(upper=0.9), largest=12, sizes_differ=True
        )
    ).spec
    assert parse_spec(dump_spec(spec)) == spec
    assert "home" in spec.fields_used


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": "home"}, "give one of the two"),
        ({"address": None}, "give one of the two"),
        ({"comparisons": ("surnames",)}, 'did you mean "surname"'),
        ({"comparisons": tuple(one.name for one in COMPARISONS)}, "found all comparisons"),
        ({"decision": Decision(one_to_one=False)}, "always decided one to one"),
        ({"decision": Decision(links="one_to_many")}, "always decided one to one"),
        ({"decision": Decision(assignment="greedy")}, "always decided one to one"),
        ({"largest": 1}, "largest"),
    ],
)
def test_settings_that_do_not_fit_are_told_in_a_sentence(change: dict[str, object], says: str) -> None:
    given = {"address": ("street", "number"), "comparisons": ("surname",), **change}
    with pytest.raises(SpecError, match=says):
        linkage(ts.Households(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"one_to_one": False}, "one_to_one = true"),
        ({"kind": "link_and_dedupe", "one_to_one": False}, "expected two sources"),
        ({"mode": "sequential"}, 'expected "union"'),
        ({"match": ts.Match(keys=[{"parts": ["surname", "born"]}])}, "expected one of the two"),
        ({"thresholds": ts.Targets(precision=0.9)}, "expected upper and lower"),
        ({"estimation": ts.Estimation(expected_matches=30)}, "without households"),
    ],
)
def test_what_does_not_go_with_households_is_told_in_a_sentence(more: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        linkage(**more)


@pytest.mark.parametrize("n", [1, 3])
def test_households_are_those_of_two_sources(links: ts.HouseholdLinks, n: int) -> None:
    """The specification need not name the sources, so that their number is known at the call."""
    tables = [pl.DataFrame({name: ["1", "2"] for name in ("id", *links.prepared.spec.fields_used)})] * n
    named = [ts.Source(name="abc"[k], table=table, id="id") for k, table in enumerate(tables)]
    says = "expected two: households" if n == 3 else "links between files|with one source"
    for use in (linkage().fit, links.model.link):
        with pytest.raises(SpecError, match=says):
            use(*named)


def with_homes(tables: tuple[pl.DataFrame, pl.DataFrame], left: pl.Expr, right: pl.Expr) -> list[ts.Source]:
    return sources((tables[0].with_columns(dwelling=left), tables[1].with_columns(dwelling=right)))


HOME, ROW = pl.col("home"), pl.col("id")
STAIR = (HOME.str.split("-").list.first().cast(pl.Int64) // 3).cast(pl.String)


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        (HOME, ROW, r"source 'early' has 3\.\d\d persons on average .* one of source 'late' 1\.00 \(100%\)"),
        (HOME, STAIR, "hardly means the same in both"),
        (HOME, pl.when(pl.int_range(pl.len()) % 3 == 0).then(HOME), "lack the value of 'dwelling'"),
        (HOME, pl.lit("unknown"), r"only 0 are in a household .* share it with more than 20 others"),
    ],
    ids=["a person", "a house of three households", "missing", "a single value"],
)
def test_ids_of_households_that_differ_in_meaning_are_refused(
    tables: tuple[pl.DataFrame, pl.DataFrame], left: pl.Expr, right: pl.Expr, says: str
) -> None:
    asked = ts.Households(id="dwelling", comparisons=("surname", "street", "number"))
    with pytest.raises(InputError, match=says) as raised:
        linkage(asked).fit(*with_homes(tables, left, right))
    assert str(raised.value).startswith("households.id: ")


def test_a_household_of_thousands_is_refused_and_an_institution_is_told() -> None:
    home = [str(k) for k in range(1500)]
    born = [f"19{k % 90 + 10}-01-{k % 28 + 1:02}" for k in range(3000)]
    table = pl.DataFrame(
        {"id": [str(k) for k in range(3000)], "name": born, "born": born, "dwelling": home * 2}
    )
    comparisons = (ts.comparison("name", ts.exact()), ts.comparison("born", ts.exact()))
    asked = ts.Households(id="dwelling", comparisons=("name",))
    own = ts.Linkage(comparisons, [ts.blocking_key("born")], one_to_one=True, households=asked)
    town = pl.when(pl.int_range(pl.len()) < 1200).then(pl.lit("town")).otherwise("dwelling").alias("dwelling")
    with pytest.raises(
        InputError, match="1200 records of source 'a' share the value of 'dwelling', which no household"
    ):
        own.fit(table.with_columns(town), table)
    inn = pl.when(pl.int_range(pl.len()) < 60).then(pl.lit("inn")).otherwise("dwelling").alias("dwelling")
    with pytest.warns(TallystickWarning, match="Of source 'a' 60 records share the value of 'dwelling'"):
        own.fit(table.with_columns(inn), table)


def test_sizes_may_differ_where_one_source_has_only_some_members(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    few = tables[1].unique("home", keep="first", maintain_order=True)
    asked = ts.Households(id="dwelling", comparisons=("surname", "street", "number"))
    given = with_homes((tables[0], few), HOME, HOME)
    with pytest.raises(InputError, match="sizes_differ = true"):
        linkage(asked).fit(*given)
    found = linkage(asked.model_copy(update={"sizes_differ": True})).fit(*given).link(*given)
    who = [dict(table.select("id", "person").iter_rows()) for table in (tables[0], few)]
    right = [who[0][a] == who[1][b] for a, b in linked(found)]
    assert np.mean(right) > 0.98
    assert len(right) > 0.9 * few.height


def test_an_id_of_a_household_may_be_a_truth_column_of_no_source(
    tables: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    with pytest.raises(SpecError, match='truth column "home"'):
        linkage(ts.Households(id="home", comparisons=("surname",)), sources=sources(tables))


def test_a_run_writes_households_and_its_table(
    tables: tuple[pl.DataFrame, pl.DataFrame], links: ts.HouseholdLinks, tmp_path: Path
) -> None:
    for name, table in zip(("early", "late"), tables, strict=True):
        table.write_parquet(tmp_path / f"{name}.parquet")
    files = [
        ts.Source(name=name, path=f"{name}.parquet", id="id", truth=("person", "home"))
        for name in ("early", "late")
    ]
    (tmp_path / "spec.toml").write_text(linkage(sources=files).to_toml(), "utf-8")
    out = tmp_path / "out"
    done = call("link", tmp_path / "spec.toml", "--out", out)
    assert done.exit_code == 0, done.output
    assert "within households" in done.output
    assert pl.read_parquet(out / "households.parquet").equals(links.households)
    assert pl.read_parquet(out / "links.parquet").equals(links.pairs)
    facts = json.loads((out / "run.json").read_text())
    assert facts["counts"]["households"]["links"] == links.table_of_steps()["links"][0]
    assert [one["type"] for one in facts["spec"]["passes"]] == ["blocking_key"] * len(PASSES)
    assert facts["counts"]["links"] == len(linked(links))
    page = (out / "report.html").read_text("utf-8")
    assert "within households" in page
    assert call("passes", out).output.splitlines()[1].startswith("households ")
    own = links.pairs.filter(pl.col("step") == "within households", pl.col("decision") == "link")
    why = call("why", out, *own.select("id_left", "id_right").row(0))
    assert "The pair of their households: link." in " ".join(why.output.split())
    refused = call("thresholds", out)
    assert refused.exit_code == 2
    assert "[households]" in refused.output
    again = call(
        "score", out, tmp_path / "early.parquet", tmp_path / "late.parquet", "--out", tmp_path / "new"
    )
    assert again.exit_code == 0, again.output
