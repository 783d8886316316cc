"""More matches than there can be: EM is held at the limit, and links are not free for that."""

from __future__ import annotations

import polars as pl
import pytest
from simulate import Field, two_files
from small_persons import files

import tallystick as ts
from tallystick.estimation.matches import match_limits
from tallystick.linkage.constrained_matches import constrained_matches
from tallystick.linking.bipartite import bipartite_posterior, no_link_constant

COMPARISONS = (
    *(ts.comparison(name, ts.jaro_winkler(0.9, 0.8)) for name in ("forename", "surname")),
    *(ts.comparison(name, ts.exact()) for name in ("dob", "postcode", "sex")),
)
SHARED = 900


def linkage(**more: object) -> ts.Linkage:
    """Its only pass is on both names, so that EM cannot tell how many matches it misses."""
    given = {"passes": [ts.minhash("forename", "surname")], "one_to_one": True, **more}
    return ts.Linkage(comparisons=COMPARISONS, **given)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tables() -> list[ts.Source]:
    return [
        ts.Source(name=name, table=one, id="id")
        for name, one in zip("ab", files([1200, 1000], SHARED), strict=True)
    ]


@pytest.fixture(scope="module")
def links(tables: list[ts.Source]) -> ts.Links:
    found = linkage().fit(*tables).link(*tables)
    assert isinstance(found, ts.Links)
    return found


def numbers(side: pl.Series) -> pl.Series:
    """The person of each record: the first ones are in both files."""
    return side.str.slice(1).cast(pl.Int64)


def test_links_have_a_price_where_em_says_that_all_records_match(
    tables: list[ts.Source], links: ts.Links
) -> None:
    free = linkage(one_to_one=False).fit(*tables)
    assert isinstance(free, ts.Model)
    assert free.parameters.pairs[0].expected_matches > 1_100
    (said, taken) = [text for text in links.model.warnings if "matches between a and b" in text]
    assert said.startswith("EM expects 1,1")
    assert "more than the records of the smaller file, as links are one-to-one (1,000)" in said
    pair = links.model.parameters.pairs[0]
    assert taken.startswith(f"{pair.expected_matches:,.0f} matches between a and b are taken")
    assert pair.expected_matches == pytest.approx(SHARED, rel=0.1)
    linked = links.pairs.filter(pl.col("decision") == "link")
    false = (numbers(linked["id_left"]) != numbers(linked["id_right"])) | (
        numbers(linked["id_left"]) >= SHARED
    )
    assert len(linked) > 600
    assert false.sum() < 20
    # With the number at its limit the files have no record without a match, and strangers are linked.
    held = linkage(estimation=ts.Estimation(expected_matches=1_000)).fit(*tables)
    all_match = held.link(*tables).pairs.filter(pl.col("decision") == "link")
    assert (numbers(all_match["id_left"]) != numbers(all_match["id_right"])).sum() > 3 * false.sum()
    # m and u are those of EM with the number at its limit.
    assert isinstance(held, ts.Model)
    for one, other in zip(links.model.parameters.comparisons, held.parameters.comparisons, strict=True):
        assert one.m == pytest.approx(other.m, abs=1e-9)
        assert one.u == pytest.approx(other.u, abs=1e-9)


def test_the_number_agrees_with_the_posteriors(links: ts.Links) -> None:
    parameters, pairs = links.model.parameters, links.decided.pairs
    total = parameters.pairs[0].expected_matches
    found = total * parameters.selected_matches
    gain = pairs.weight - no_link_constant(1_200, 1_000, total)
    assert bipartite_posterior(pairs.left, pairs.right, gain).probability.sum() == pytest.approx(
        found, rel=0.01
    )
    # Half of the records that are left at most have a match that no pass finds.
    assert total - found <= 0.5 * (1_000 - found) + 1e-6
    # Nothing stands at a limit any more.
    assert constrained_matches(parameters, pairs, links.model.spec.decision).pairs == parameters.pairs


def test_the_same_model_links_the_same_and_others_by_their_own_number(
    tables: list[ts.Source], links: ts.Links
) -> None:
    again = links.model.link(*tables)
    assert again.pairs.equals(links.pairs)
    fewer = [tables[0], ts.Source(name="b", table=tables[1].table.head(950), id="id")]  # type: ignore[union-attr]
    assert links.model.link(*fewer).model.parameters.pairs[0].expected_matches < 950


@pytest.mark.parametrize("how", [{"links": "one_to_many"}, {"one_to_one": True}])
def test_comparisons_that_tell_no_records_apart(how: dict[str, object]) -> None:
    """All pairs are compared, so that no match is missed, and most pairs that agree are none."""
    fields = (Field("sex", 2, redrawn=0.01), Field("region", 2, 0.0, redrawn=0.02), Field("size", 3, 0.0))
    made = two_files(fields, 300, 200, 100, seed=1)
    comparisons = [ts.comparison(one.name, ts.exact(), m=0.9, u=0.3) for one in fields]
    model = ts.Linkage(comparisons, [ts.all_pairs()], **how).fit(*made.tables)  # type: ignore[arg-type]
    assert isinstance(model, ts.Model)
    assert any("EM expects" in text and "more than the records" in text for text in model.warnings)
    assert 0 < model.parameters.pairs[0].expected_matches <= 200
    assert model.parameters.selected_matches == pytest.approx(1)


def test_the_limit_is_that_of_the_side_with_one_match(links: ts.Links) -> None:
    records, plan = links.prepared.records, links.prepared.plan
    (limit,) = match_limits(records, plan, "one_to_one")
    assert (limit.most, limit.once) == (1_000, True)
    (limit,) = match_limits(records, plan, "one_to_many")
    assert (limit.most, limit.once) == (1_000, True)
    (limit,) = match_limits(records, plan, "many_to_one")
    assert (limit.most, limit.once) == (1_200, True)
    (limit,) = match_limits(records, plan, "many_to_many")
    assert not limit.once
