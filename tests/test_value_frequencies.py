"""Agreement weighed value by value: formulas, every sweep against a plain sum, tables, saved models."""

from __future__ import annotations

import math
from pathlib import Path

import naive_pairs
import numpy as np
import polars as pl
import pytest
from check_pairs import check_best, check_kept
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulate import Field, Values, two_files
from small_files import call
from test_patterns import PASSES, Case, cases, plan_of

import tallystick as ts
from tallystick.blocking import units as units_module
from tallystick.blocking.passes import AnyPass
from tallystick.blocking.plan import source_pairs
from tallystick.comparisons.comparison import Comparison
from tallystick.errors import InputError
from tallystick.estimation.parameters import ComparisonParameters, Parameters
from tallystick.estimation.value_term import value_term
from tallystick.estimation.weighed import weighed
from tallystick.linkage.value_tables import read_value_table
from tallystick.patterns.count import count_patterns
from tallystick.spec import dump_spec, parse_spec

# The formula

tables = st.dictionaries(
    st.text("abc", min_size=1, max_size=4), st.floats(1e-4, 1), min_size=1, max_size=9
).map(lambda table: {name: 0.9 * share / sum(table.values()) for name, share in table.items()})


def plain_weight(
    one: Comparison,
    m: tuple[float, ...],
    u: tuple[float, ...],
    rate: float,
    rest: float,
    value: str,
) -> float:
    """Weight of full agreement on a value in the table: log m + log f_M - log u of the value, damped."""
    known = one.value_frequencies
    assert known is not None
    table = known.table
    assert table is not None
    first = one.n_levels - one.n_top
    band = {name: sum(share < edge for edge in one.edges) for name, share in table.items()}
    b = band[value]
    mass = sum(share for name, share in table.items() if band[name] == b)
    left = 1 - sum(table.values()) if b == one.n_top - 1 else 0.0

    def chance(name: str) -> float:
        return table[name] * max(table[name] - rate * m[first + b] / (mass + left), known.floor)

    every = sum(chance(name) for name in table if band[name] == b) + left * rest
    of_matches = table[value] / (mass + left)
    exact = math.log(m[first + b]) + math.log(of_matches) - math.log(u[first + b] * chance(value) / every)
    undivided = math.log(sum(m[first:]) / sum(u[first:]))
    return undivided + known.power * (exact - undivided)


@given(tables, st.floats(0, 0.01), st.sampled_from([1.0, 0.5]), st.integers(0, 99))
def test_the_weight_of_every_value(table: dict[str, float], rate: float, power: float, seed: int) -> None:
    one = ts.comparison("x", ts.exact(), frequencies={"by": "value", "table": table, "power": power})
    random = np.random.default_rng(seed)
    m = tuple((random.dirichlet(np.ones(one.n_levels)) * 0.99 + 0.01 / one.n_levels).tolist())
    # u as the table has it, so that the scale is near 1.
    squares = np.zeros(one.n_top)
    for share in table.values():
        squares[sum(share < edge for edge in one.edges)] += share**2
    squares = np.maximum(squares, 1e-9)
    u = (1 - float(squares.sum()), *squares.tolist())
    own = weighed(ComparisonParameters("x", one.labels, m, u, "", ""), one, rate=rate)
    assert own.values is not None
    low, high = own.term_ranges
    top, unknown = np.array([one.n_levels - 1], np.uint8), np.array([math.nan])
    term = own.values.terms(top, unknown, unknown)
    assert low[-2] - 1e-12 <= term[0] <= high[-2] + 1e-12
    for value, share in table.items():
        level = np.array([1 + sum(share < edge for edge in one.edges)], np.uint8)
        sides = np.array([share])
        term = own.values.terms(level, sides, sides)
        assert low[level] - 1e-12 <= term <= high[level] + 1e-12
        wanted = plain_weight(one, m, u, rate, own.values.rest, value)
        assert own.weights[level[0]] + term[0] == pytest.approx(wanted, abs=1e-9)


@given(tables, st.integers(0, 99))
def test_the_weights_of_a_band_have_the_mean_of_its_ratio(table: dict[str, float], seed: int) -> None:
    """Among non-matches who agree on a value of the band, the mean of m(v) / u(v) is m / u."""
    one = ts.comparison("x", ts.exact(), frequencies={"by": "value", "table": table, "floor": 1e-9})
    m = tuple((np.random.default_rng(seed).dirichlet(np.ones(one.n_levels)) * 0.9 + 0.01).tolist())
    rest = 1 - sum(table.values())
    squares = np.zeros(one.n_top)
    for share in table.values():
        squares[sum(share < edge for edge in one.edges)] += share**2
    # The rest are rare values, of the frequency of the rarest in the table or below.
    least = min(
        [*(s for s in table.values() if sum(s < e for e in one.edges) == one.n_top - 1), *one.edges[-1:]]
    )
    squares[-1] += rest * least / 2
    u = (1 - float(squares.sum()), *squares.tolist())
    found = value_term(one, m, u, 0.0)
    assert found is not None
    mass = 1 - sum(s for s in table.values() if sum(s < e for e in one.edges) < one.n_top - 1)
    # At least a tenth of the mean, lest the noise of u make them too rare.
    lowest = 0.1 * u[-1] / mass
    assert found.rest == pytest.approx(max(least / 2, lowest))
    plain = np.log(np.array(m) / np.array(u))
    for band in range(one.n_top):
        own = [share for share in table.values() if sum(share < edge for edge in one.edges) == band]
        shares = np.array([*own, *([math.nan] if band == one.n_top - 1 else [])])
        chances = np.array(
            [*(share**2 for share in own), *([rest * found.rest] if band == one.n_top - 1 else [])]
        )
        chances *= u[1 + band] / chances.sum()
        levels = np.full(len(shares), 1 + band, np.uint8)
        exact = plain[1 + band] + found.terms(levels, shares, shares)
        assert (chances * np.exp(exact)).sum() == pytest.approx(m[1 + band])


def test_partial_agreement_counts_by_the_commoner_value() -> None:
    table = {"smith": 0.2, "otto": 0.001}
    how = {"by": "value", "table": table, "partial": True, "power": 0.5, "floor": 1e-4}
    one = ts.comparison("x", ts.levenshtein(1), missing="level", frequencies=how)
    assert one.n_top == 2
    m, u = (0.1, 0.1, 0.1, 0.35, 0.35), (0.8, 0.1, 0.058, 0.04, 0.002)
    own = weighed(ComparisonParameters("x", one.labels, m, u, "", ""), one, rate=0.0)
    assert own.values is not None
    assert own.values.partial == (2,)
    left = np.array([0.2, math.nan, math.nan, 0.001, math.nan])
    right = np.array([0.001, 0.2, 0.001, 0.001, math.nan])
    rest = own.values.rest
    assert 1e-4 <= rest <= 0.001
    found = own.values.terms(np.full(5, 2, np.uint8), left, right)
    commoner = np.array([0.2, 0.2, 0.001, 0.001, rest])
    np.testing.assert_allclose(found, 0.5 * np.log(0.042 / commoner), atol=1e-12)
    others = own.values.terms(np.array([0, 1], np.uint8), left[:2], right[:2])
    assert others.tolist() == [0, 0]


# Every pair of a linkage


@st.composite
def by_value(draw: st.DrawFn) -> tuple[Case, Parameters]:
    """A case with comparisons by value, some that interpolate too, and invented probabilities."""
    case = draw(cases())
    names = sorted({row["surname"] for row in case.rows if row["surname"]})
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=4)) if names else []
    drawn = [draw(st.floats(1e-4, 0.2)) for _ in chosen]
    how = {
        "by": "value",
        "table": dict(zip(chosen, drawn, strict=True)),
        "partial": draw(st.booleans()),
        "power": draw(st.sampled_from([1.0, 0.5])),
    }
    interpolate = draw(st.booleans())
    comparator = (
        ts.jaro_winkler(0.9, 0.7) if interpolate else draw(st.sampled_from([ts.exact(), ts.levenshtein(1)]))
    )
    missing = draw(st.sampled_from(["neutral", "level", {"categories": 5}]))
    extra = ts.comparison(
        "surname", comparator, name="by value", frequencies=how, missing=missing, interpolate=interpolate
    )
    random = np.random.default_rng(draw(st.integers(0, 99)))
    own, related = [], draw(st.booleans())
    rate = draw(st.sampled_from([0.0, 0.01]))
    every = [*case.comparisons, extra]
    for one in every:
        m, u, r = (
            tuple((random.dirichlet(np.full(one.n_levels, 0.7)) * 0.99 + 0.01 / one.n_levels).tolist())
            for _ in range(3)
        )
        known = ComparisonParameters(
            one.name, one.labels, m, u, "", "", *((r, 0.5) if related else (None, None))
        )
        own.append(weighed(known, one, rate=rate))
    share = float(random.uniform(0.01, 0.9)) if related else 0.0
    return Case(case.rows, case.sizes, case.kind, every), Parameters(tuple(own), related_share=share)


def plain_weights(case: Case, passes: list[AnyPass], parameters: Parameters) -> dict[naive_pairs.Pair, float]:
    """Weights of the patterns, those of the last comparison worked out here, its terms one by one."""
    import naive

    found = {}
    extra, own = case.comparisons[-1], parameters.comparisons[-1]
    known = extra.value_frequencies
    assert known is not None
    table = known.table
    assert table is not None
    assert own.values is not None
    pairs = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    rest = naive_pairs.patterns(case.rows, pairs, case.comparisons[:-1], case.kind)
    first = extra.n_levels - extra.n_top
    for (i, j), digits in rest.items():
        a, b = case.rows[i]["surname"], case.rows[j]["surname"]
        phi = math.nan
        term = 0.0
        if a is None or b is None:
            level = 1 if extra.missing == "level" else extra.n_levels
        else:
            if a == b:
                level = first + sum(table.get(a, 0.0) < edge for edge in extra.edges)
            else:
                plain = naive_pairs.leaf_level(extra.leaves()[0], case.rows[i], case.rows[j])
                assert plain is not None
                level = plain + (extra.missing == "level" and plain > 0)
            shares = [np.array([table.get(value, math.nan)]) for value in (a, b)]
            levels = np.array([level], np.uint8)
            term = float(own.values.terms(levels, *shares)[0])
            if own.interpolation is not None and own.interpolation.similarities[level] is not None:
                phi = naive.jaro_winkler(a, b)
                term += float(own.interpolation.weigh(phi)) - own.weights[level]
        pattern = np.array([(*digits, level)], np.uint8)
        share = parameters.related_share
        ratio = 0.0
        for number, (one, k) in enumerate(zip(parameters.comparisons, pattern[0].tolist(), strict=True)):
            if one.r is not None and k < len(one.u):
                ratio += math.log(one.r[k] / one.u[k])
            if number == len(digits) and one.r is not None and k < len(one.u):
                # s m(v) + (1 - s) u(v) over u(v), of the value itself
                weight = one.weights[k] + term
                ratio += math.log(0.5 * math.exp(weight) + 0.5) - math.log(one.r[k] / one.u[k])
        total = sum(
            (*one.weights, one.missing_weight)[k]
            for one, k in zip(parameters.comparisons, pattern[0].tolist(), strict=True)
        )
        off = math.log(1 - share + share * math.exp(ratio)) if share else 0.0
        found[i, j] = total + term - off
    return found


@pytest.mark.parametrize("passes", PASSES, ids=lambda passes: ", ".join(one.label for one in passes))
@given(drawn=by_value(), at=st.integers(0, 5), data=st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_pair_is_lost_and_all_weigh_what_they_should(
    monkeypatch: pytest.MonkeyPatch,
    passes: list[AnyPass],
    drawn: tuple[Case, Parameters],
    at: int,
    data: st.DataObject,
) -> None:
    monkeypatch.setattr(units_module, "TILE_LEFT", 3)
    case, parameters = drawn
    n = len(case.rows)
    expected = plain_weights(case, passes, parameters)
    where = naive_pairs.candidates(case.rows, case.sizes, passes, case.kind)
    ordered = sorted(expected.values()) or [0.0]
    floor = ordered[(len(ordered) - 1) * at // 5] - 1e-6
    plan = plan_of(case, passes)
    floors = np.full(len(source_pairs(len(case.sizes), case.kind)), floor)
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool)
    for known in (None, count_patterns(plan).remembered):
        check_kept(plan, parameters, floors, known, expected)
        check_best(plan, parameters, wanted, known, expected, where)


# A linkage from end to end

FIELDS = (
    Field("surname", 300, 1.1, 3, redrawn=0.1, altered=0.1, missing=0.1),
    Field("given", 60, 0.7, redrawn=0.1),
    Field("birth", 200, redrawn=0.05),
)
OTHERS = [ts.comparison("given", ts.exact()), ts.comparison("birth", ts.exact())]


def test_weights_are_those_of_the_truth() -> None:
    """Agreement on a value weighs log m(v) / u(v) of the simulation; by bands it is off."""
    field = FIELDS[0]
    files = two_files(FIELDS, 8000, 8000, 5000, 7)
    passes = [ts.blocking_key("given", "birth"), ts.blocking_key("surname", "birth")]
    squares = {}
    for how in (True, "values"):
        surname = ts.comparison("surname", ts.levenshtein(1), frequencies=how)  # type: ignore[arg-type]
        model = ts.Linkage([surname, *OTHERS], passes).fit(*files.tables)
        errors = []
        for stem, stem_share in enumerate(field.stems.tolist()):
            share = stem_share / field.n_variants
            if share < 0.003:
                break
            m = 1 - field.redrawn - field.altered + field.altered / field.n_variants + field.redrawn * share
            for variant in range(field.n_variants):
                values = Values(np.array([stem]), np.array([variant])).text(field.n_variants)
                record = {"surname": values[0]}
                found = model.compare_records(record, record)
                assert found.parts[0]["weight"] == found.weight
                errors.append(found.weight - math.log(m / share))
        assert len(errors) > 40
        assert how is True or abs(float(np.mean(errors))) < 0.1
        squares[how] = float(np.mean(np.square(errors)))
    assert squares["values"] < 0.025  # that of the frequencies themselves
    assert squares[True] > 4 * squares["values"]


@pytest.mark.parametrize("how", ["values", {"by": "value", "power": 0.7, "floor": 1e-3, "partial": True}])
@pytest.mark.parametrize("passes", [[ts.all_pairs()], [ts.blocking_key("given"), ts.blocking_key("birth")]])
def test_a_saved_model_weighs_alike(passes: list[ts.BlockingKey], how: object, tmp_path: Path) -> None:
    files = two_files(FIELDS, 1000, 1000, 700, 3)
    surname = ts.comparison("surname", ts.levenshtein(1), frequencies=how)  # type: ignore[arg-type]
    spec = ts.Linkage([surname, *OTHERS], passes, scale="weight", upper=8, lower=2)
    model = spec.fit(*files.tables)
    model.save(tmp_path / "model.json")
    loaded = ts.Model.load(tmp_path / "model.json")
    assert loaded == model
    known = loaded.spec.comparisons[0].value_frequencies
    assert known is not None
    assert known.table is not None
    # Values of few records are not written down.
    counts = pl.concat([table["surname"] for table in files.tables]).str.to_lowercase().value_counts()
    rare = set(counts.filter(pl.col("count") < 5)["surname"].drop_nulls())
    assert rare
    assert not rare & set(known.table)
    assert min(known.table.values()) >= known.floor
    # On other files a value weighs what it weighed in those of the fit.
    new = two_files(FIELDS, 200, 200, 120, 4).tables
    tables = [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", new, strict=True)]
    links = loaded.link(*tables)
    assert links.pairs.filter(pl.col("pattern").str.starts_with("2-"))["weight"].n_unique() > 1
    review = links.review
    total = review.select(pl.sum_horizontal(pl.selectors.starts_with("weight_"))).to_series()
    np.testing.assert_allclose(total.to_numpy(), review["weight"].to_numpy(), atol=1e-9)
    by_id = [{row["id"]: row for row in table.iter_rows(named=True)} for table in new]
    near = links.pairs.filter(pl.col("pattern").str.starts_with("1-")).head(15)
    assert len(near) > 5
    for row in pl.concat([near, links.pairs.sample(20, seed=2)]).iter_rows(named=True):
        a, b = (
            {key: by_id[k][row[f"id_{side}"]][key] for key in ("surname", "given", "birth")}
            for k, side in enumerate(("left", "right"))
        )
        found = loaded.compare_records(a, b)
        assert found.weight == pytest.approx(row["weight"])
        assert sum(part["weight"] for part in found.parts) == pytest.approx(found.weight)
        looked_up = loaded.lookup(a, tables[1], most=200)
        (weight,) = looked_up.filter(pl.col("id") == row["id_right"])["weight"].to_list()
        assert weight == pytest.approx(row["weight"])


# Tables in files


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("counted", [False, True])
def test_a_table_in_a_file(tmp_path: Path, suffix: str, counted: bool) -> None:
    shares = {"Smith ": 0.3, "SMITH": 0.1, "Jones": 0.2, "Otto": 0.000001, "Rest": 0.399999}
    column = (
        pl.Series("count", [round(1e6 * one) for one in shares.values()])
        if counted
        else pl.Series("share", list(shares.values()))
    )
    frame = pl.DataFrame([pl.Series("value", list(shares)), column])
    path = tmp_path / f"names.{suffix}"
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    text = f"""
        [[comparisons]]
        field = "surname"
        comparator = {{ type = "exact" }}
        frequencies = {{ by = "value", path = "${{NAMES:-names}}.{suffix}" }}

        [[comparisons]]
        field = "given"
        comparator = {{ type = "exact" }}

        [[passes]]
        type = "all_pairs"
    """
    spec = parse_spec(text)
    assert parse_spec(dump_spec(spec)) == spec
    found = read_value_table(path, "surname", spec, 1e-5)
    assert found == {
        "smith": pytest.approx(0.4),
        "rest": pytest.approx(0.399999),
        "jones": pytest.approx(0.2),
    }
    files = two_files(FIELDS, 200, 200, 120, 4).tables
    model = ts.Linkage(spec=spec, folder=tmp_path).fit(*files)
    known = model.spec.comparisons[0].value_frequencies
    assert known is not None
    assert known.table == found
    assert known.path is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,share\na,0.1\n", "found the columns name, share, expected value, and share or count"),
        ("value,share\na,0.1\nb,much\n", "row 2 has no share of 0 or more"),
        ("value,count\na,1\nb,-2\n", "row 2 has no count of 0 or more"),
        ("value,share\na,0.9\nb,0.3\n", "the shares sum to 1.2, expected 1 at most"),
        ("value,count\na,0\n", "no value with a count above 0"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "names.csv"
    path.write_text(text)
    one = ts.comparison("surname", ts.exact(), frequencies={"by": "value", "path": str(path)})
    files = two_files(FIELDS, 30, 30, 20, 4).tables
    with pytest.raises(InputError, match=message):
        ts.Linkage([one, *OTHERS], [ts.all_pairs()]).fit(*files)


def test_a_table_that_is_not_read_is_no_table() -> None:
    one = ts.comparison("surname", ts.exact(), frequencies={"by": "value", "path": "names.csv"})
    records = ts.encode(
        [ts.read_source(ts.Source(name="a", table=pl.DataFrame({"surname": ["a", "b"]})), ["surname"])]
    )
    with pytest.raises(InputError, match="have not been read"):
        ts.compare(records, [one], np.array([0], np.int32), np.array([1], np.int32))


# Settings


def test_settings_are_the_same_in_toml() -> None:
    for text, how in (
        ('"values"', "values"),
        ('{ by = "value" }', {"by": "value"}),
        ('{ by = "value", power = 0.5, floor = 0.001, partial = true, table = { smith = 0.01 } }',
         {"by": "value", "power": 0.5, "floor": 1e-3, "partial": True, "table": {"smith": 0.01}}),
    ):  # fmt: skip
        spec = parse_spec(
            '[[comparisons]]\nfield = "x"\ncomparator = { type = "exact" }\n'
            f'frequencies = {text}\n[[passes]]\ntype = "all_pairs"\n'
        )
        assert spec.comparisons == (ts.comparison("x", ts.exact(), frequencies=how),)  # type: ignore[arg-type]
        assert f"frequencies = {text}" in dump_spec(spec)
        assert parse_spec(dump_spec(spec)) == spec


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("value", "frequencies"),
        ({"by": "value", "power": 0}, "power: found 0, expected a number above 0"),
        ({"by": "value", "table": {"a": 0.1}, "path": "x.csv"}, "table and path together"),
        ({"by": "value", "table": {"a": 2.0}}, "found 2.0, expected a number of at most 1"),
        ({"by": "value", "least": 0.1}, "least"),
        ({"smith": 1.5}, "1.5"),
    ],
)
def test_bad_settings(how: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ts.comparison("x", ts.exact(), frequencies=how)  # type: ignore[arg-type]


def test_a_run_from_the_command_line(tmp_path: Path) -> None:
    """A table beside the specification; report, review and a second scoring tell the same weights."""
    files = two_files(FIELDS, 300, 300, 200, 5).tables
    for name, table in zip("ab", files, strict=True):
        table.write_csv(tmp_path / f"{name}.csv")
    counts = pl.concat([table["surname"] for table in files]).drop_nulls().alias("value").value_counts()
    (tmp_path / "tables").mkdir()
    counts.write_csv(tmp_path / "tables" / "surnames.csv")
    sources = "".join(f'[[sources]]\nname = "{n}"\npath = "{n}.csv"\nid = "id"\n' for n in "ab")
    others = "".join(
        f'[[comparisons]]\nfield = "{n}"\ncomparator = {{ type = "exact" }}\n' for n in ("given", "birth")
    )
    (tmp_path / "spec.toml").write_text(
        sources
        + '[[comparisons]]\nfield = "surname"\n'
        + 'comparator = { type = "jaro_winkler", thresholds = [0.95, 0.8] }\n'
        + 'frequencies = { by = "value", path = "tables/surnames.csv", partial = true }\n'
        + "interpolate = { scaled = true }\nmissing = { categories = 100 }\n"
        + others
        + '[[passes]]\ntype = "all_pairs"\n[decision]\none_to_one = true\nupper = 0.9\nlower = 0.01\n'
    )
    result = call("link", str(tmp_path / "spec.toml"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    for text in ("weighed by its own similarity", "frequency of the very value", "A missing value weighs"):
        assert text in page
    review = pl.read_parquet(tmp_path / "out" / "review.parquet")
    assert len(review)
    total = review.select(pl.sum_horizontal(pl.selectors.starts_with("weight_"))).to_series()
    np.testing.assert_allclose(total.to_numpy(), review["weight"].to_numpy(), atol=1e-9)
    model = ts.Model.load(tmp_path / "out")
    tables = [ts.Source(name=name, table=table, id="id") for name, table in zip("ab", files, strict=True)]
    links = pl.read_parquet(tmp_path / "out" / "links.parquet")
    decided = pl.col("decision") != "non-link"
    again = model.link(*tables).pairs.filter(decided)
    # Pairs are kept down to a floor that the second scoring has elsewhere, on which sums of posteriors rest.
    assert again.drop("posterior").equals(links.filter(decided).drop("posterior"))
    np.testing.assert_allclose(again["posterior"], links.filter(decided)["posterior"], rtol=1e-2, atol=1e-6)
