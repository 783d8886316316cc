"""A gold standard: the pairs that are drawn, with what probability, and the commands from end to end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulate import Field, Simulated, one_file, two_files

import tallystick as ts
from tallystick.blocking.passes import AnyPass
from tallystick.errors import InputError
from tallystick.estimation.labelled import first_pass
from tallystick.linkage.gold import label_by_truth
from tallystick.linkage.links import fit_counts
from tallystick.linkage.portion import portion_of
from tallystick.linkage.prepare import as_sources, prepare, read_records
from tallystick.linking import sample
from tallystick.linking.sample import draw_pairs
from tallystick.linking.strata import EDGES, allocate
from tallystick.patterns.count import count_patterns
from tests.small_files import SPEC, call, tree, write_small

FIELDS = (
    Field("given", 40, redrawn=0.15),
    Field("surname", 60, 0.5, redrawn=0.1, missing=0.1),
    Field("birth", 50, redrawn=0.1),
)
ALL = (ts.all_pairs(),)
KEYS = (ts.blocking_key("surname"), ts.blocking_key("given"))


def linkage(passes: Sequence[AnyPass] = ALL, seed: int = 1, **estimation: object) -> ts.Linkage:
    return ts.Linkage(
        [ts.comparison(one.name, ts.exact()) for one in FIELDS],
        passes,
        estimation=ts.Estimation(random_pairs=100_000, related="none", **estimation),
        seed=seed,
    )


def inputs(files: Simulated) -> list[ts.Source]:
    return [
        ts.Source(name=f"s{k}", table=table.with_columns(person=entity), id="id", truth=("person",))
        for k, (table, entity) in enumerate(zip(files.tables, files.entities, strict=True))
    ]


@given(
    sizes=st.lists(st.integers(0, 10**6), min_size=1, max_size=9),
    n=st.integers(1, 1000),
    seed=st.integers(0, 1000),
)
def test_every_stratum_gets_its_share(sizes: list[int], n: int, seed: int) -> None:
    size = np.array(sizes)
    doubt = size * np.random.default_rng(seed).uniform(0, 0.5, len(size))
    taken = allocate(size, doubt, n)
    assert taken.sum() == min(n, size.sum())
    assert ((taken >= 0) & (taken <= size)).all()
    filled = int((size > 0).sum())
    if filled and n >= filled:
        assert (taken >= np.minimum(size, max(1, n // (2 * filled)))).all()
    free = (taken < size) & (np.arange(len(size)) > 0)
    if free.sum() > 1:  # beyond the floor, in proportion to the doubt
        extra = taken[free] - n // (2 * filled)
        rate = extra.sum() / doubt[free].sum()
        assert np.abs(extra - rate * doubt[free]).max() <= len(size)


def drawn_once(
    files: Simulated, passes: Sequence[AnyPass], n: int, seed: int, memory: int = 2**29
) -> tuple[sample.DrawnPairs, NDArray[np.float64], tuple[NDArray[np.int32], NDArray[np.int32]]]:
    """A sample, and the posteriors of all candidate pairs told pair by pair, with their rows."""
    prepared = prepare(linkage(passes).spec, as_sources(inputs(files)), memory=memory)
    counts = count_patterns(prepared.plan)
    parameters = fit_counts(prepared, counts).parameters
    found = draw_pairs(prepared.plan, parameters, counts, n, seed)
    records = prepared.records
    if len(files.tables) == 1:
        left, right = np.triu_indices(records.n_records, 1)
    else:
        left, right = np.indices((len(files.tables[0]), len(files.tables[1]))).reshape(2, -1)
        right = right + len(files.tables[0])
    left, right = left.astype(np.int32), right.astype(np.int32)
    keep = first_pass(prepared.plan.blocking, left, right) >= 0
    left, right = left[keep], right[keep]
    digits = prepared.plan.digits.of(left, right)[: len(FIELDS)].T
    source_pair = np.zeros(len(left), np.int64)
    posterior = parameters.posterior(
        parameters.weights(np.ascontiguousarray(digits), source_pair), source_pair
    )
    return found, posterior, (left, right)


WAYS = {"listed": "link", "by trial": "dedupe", "remembered": "dedupe", "compared again": "link"}


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, marks=() if WAYS[way] == kind else pytest.mark.long)
        for way in WAYS
        for kind in ("link", "dedupe")
    ],
)
def test_pairs_are_drawn_with_the_probability_they_say(
    monkeypatch: pytest.MonkeyPatch, way: str, kind: str
) -> None:
    files = two_files(FIELDS, 45, 50, 30, 1) if kind == "link" else one_file(FIELDS, 60, 30, 1)
    passes = ALL if way in ("listed", "by trial") else KEYS
    tries, by_trial = [], sample._tried
    monkeypatch.setattr(sample, "TRIES", 64)
    monkeypatch.setattr(sample, "_tried", lambda *given: tries.append(1) or by_trial(*given))
    if way == "by trial":
        monkeypatch.setattr(sample, "MOST", 100)
    memory = 1 if way == "compared again" else 2**29
    times: dict[tuple[int, int], int] = {}
    chance: dict[tuple[int, int], float] = {}
    n_draws = 40
    for seed in range(n_draws):
        found, posterior, (left, right) = drawn_once(files, passes, 60, seed, memory)
        pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
        assert len(set(pairs)) == 60
        place = {pair: k for k, pair in enumerate(zip(left.tolist(), right.tolist(), strict=True))}
        at = [place[pair] for pair in pairs]  # each of them a candidate
        np.testing.assert_allclose(found.posterior, posterior[at], rtol=1e-9)
        edges = found.strata.edges
        stratum = np.searchsorted(edges, posterior, side="right")
        assert (found.stratum == stratum[at]).all()
        sizes = np.bincount(stratum, minlength=len(edges) + 1)
        assert (found.strata.totals == sizes).all()
        taken = np.bincount(found.stratum, minlength=len(edges) + 1)
        np.testing.assert_allclose(found.inclusion, (taken / np.maximum(sizes, 1))[found.stratum])
        for pair in pairs:
            times[pair] = times.get(pair, 0) + 1
        chance = {pair: (taken / np.maximum(sizes, 1))[stratum[k]] for pair, k in place.items()}
    assert bool(tries) == (way == "by trial")
    z = np.array(
        [
            (times.get(pair, 0) - n_draws * p) / np.sqrt(n_draws * p * (1 - p))
            for pair, p in chance.items()
            if 0 < p < 1
        ]
    )
    # z^2 has mean 1; its spread allows for few draws of rare pairs.
    assert abs((z**2).mean() - 1) < 5 * (z**2).std() / np.sqrt(len(z))
    assert all(times[pair] == n_draws for pair, p in chance.items() if p == 1)


def test_threads_and_memory_do_not_matter() -> None:
    files = two_files(FIELDS, 100, 120, 60, 2)
    for passes in (ALL, KEYS):
        one = linkage(passes).draw_gold(*inputs(files), pairs=80, threads=1)
        two = linkage(passes).draw_gold(*inputs(files), pairs=80, threads=3, memory=1000)
        assert one.table.equals(two.table)
        assert one.design.equals(two.design)
        assert not one.table.equals(linkage(passes, seed=2).draw_gold(*inputs(files), pairs=80).table)


def test_nothing_tells_what_the_machine_thinks() -> None:
    files = two_files(FIELDS, 200, 200, 120, 3)
    found = linkage().draw_gold(*inputs(files), pairs=150)
    assert found.table.columns == [
        "id_left",
        "id_right",
        "match",
        *(f"{field.name}_{side}" for field in FIELDS for side in ("left", "right")),
    ]
    assert found.table["match"].null_count() == 150
    assert found.table.select("id_left", "id_right").equals(found.design.select("id_left", "id_right"))
    place = np.arange(150)
    correlation = np.corrcoef(place, found.design["posterior"].to_numpy())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(150)
    # The values are those of the files.
    for side, table in zip(("left", "right"), files.tables, strict=True):
        joined = found.table.join(table, left_on=f"id_{side}", right_on="id", maintain_order="left")
        for field in FIELDS:
            assert joined[f"{field.name}_{side}"].equals(joined[field.name], check_names=False)
    # Certain matches, certain non-matches and most of all doubtful ones.
    posterior = found.design["posterior"].to_numpy()
    assert (posterior > 0.99).sum() >= 5
    assert (posterior < 0.001).sum() >= 5
    doubtful = ((posterior > 0.01) & (posterior < 0.99)).sum()
    assert doubtful > 75


@pytest.mark.parametrize(
    ("kind", "passes"),
    [
        pytest.param("link", ALL, id="link, all pairs"),
        pytest.param("dedupe", KEYS, id="dedupe, blocked"),
        pytest.param("link_and_dedupe", ALL, id="link and dedupe, all pairs"),
        pytest.param("link", KEYS, id="link, blocked", marks=pytest.mark.long),
        pytest.param("dedupe", ALL, id="dedupe, all pairs", marks=pytest.mark.long),
        pytest.param("link_and_dedupe", KEYS, id="link and dedupe, blocked", marks=pytest.mark.long),
    ],
)
def test_a_portion_stands_for_all_records(kind: str, passes: Sequence[AnyPass]) -> None:
    """Sums of 1 / inclusion are the candidate pairs, and those of labelled matches the matches."""
    pairs_found, matches_found, n_pairs = [], [], 0
    files = one_file(FIELDS, 100, 60, 4) if kind == "dedupe" else two_files(FIELDS, 110, 90, 70, 4)
    sources = inputs(files)
    spec = linkage(passes).spec.model_copy(update={"kind": kind})
    whole = prepare(spec, as_sources(sources))
    n_pairs = count_patterns(whole.plan).n_pairs
    person = np.concatenate(files.entities)
    row = {
        (source.name, id_): number
        for number, (source, id_) in enumerate(
            (source, id_) for source, table in zip(sources, files.tables, strict=True) for id_ in table["id"]
        )
    }
    left, right = np.triu_indices(len(person), 1)
    match = person[left] == person[right]
    a, b = left[match].astype(np.int32), right[match].astype(np.int32)
    n_matches = int((first_pass(whole.plan.blocking, a, b) >= 0).sum())
    for seed in range(25):
        one = ts.Linkage(spec=spec.model_copy(update={"seed": seed}))
        design = one.draw_gold(*sources, pairs=150, records=60 if kind == "link" else 120).design
        weight = 1 / design["inclusion"].to_numpy()
        names = [
            design[f"source_{side}"].to_list() if f"source_{side}" in design.columns else [own] * len(design)
            for side, own in (("left", sources[0].name), ("right", sources[-1].name))
        ]
        ends = [
            person[[row[key] for key in zip(name, design[f"id_{side}"].to_list(), strict=True)]]
            for name, side in zip(names, ("left", "right"), strict=True)
        ]
        pairs_found.append(weight.sum())
        matches_found.append(weight[ends[0] == ends[1]].sum())
    for found, true in ((pairs_found, n_pairs), (matches_found, n_matches)):
        error = np.std(found, ddof=1) / np.sqrt(len(found))
        assert abs(np.mean(found) - true) < 4 * error + 1e-6 * true


def test_portion() -> None:
    files = two_files(FIELDS, 110, 90, 70, 4)
    encoded = read_records(linkage().spec, as_sources(inputs(files)))
    whole = portion_of(encoded, "link", None, 1)
    assert whole.encoded is encoded
    assert whole.inclusion(0, 1) == 1
    part = portion_of(encoded, "link", 30, 1)
    assert part.encoded.records.n_records == 120
    assert part.inclusion(0, 1) == pytest.approx(30 / 110)
    part = portion_of(encoded, "link_and_dedupe", 100, 1)
    assert part.taken.tolist() == [55, 45]
    assert part.inclusion(0, 0) == pytest.approx(55 * 54 / (110 * 109))
    records = part.encoded.records
    for name, column in records.columns.items():
        values = column.values[0].gather(column.codes)
        table = pl.concat([files.tables[0], files.tables[1]]).select("id", name)
        joined = pl.DataFrame({"id": records.ids}).join(table, on="id", maintain_order="left")
        assert values.equals(joined[name], check_names=False)


def test_m_of_a_drawn_sample_has_no_bias(tmp_path: Path) -> None:
    """Doubtful pairs are drawn densely: alone the labels are weighted for that, with EM they need not be."""
    found: dict[str, list[list[float]]] = {"alone": [], "with_em": []}
    path = tmp_path / "gold.csv"
    for seed in range(20):
        files = two_files(FIELDS, 250, 250, 200, seed)
        linkage(seed=seed).draw_gold(*inputs(files), pairs=150).save(path)
        table, _ = label_by_truth(
            path, linkage().spec.model_copy(update={"sources": tuple(inputs(files))}), "person"
        )
        table.write_csv(path)
        for use, values in found.items():
            one = linkage(labels=str(path), labels_use=use, prior_matches=0)
            values.append([c.m[-1] for c in one.fit(*inputs(files)).parameters.comparisons])
    true = np.array([f.m[-1] for f in FIELDS])
    for values in map(np.array, found.values()):
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        assert (np.abs(values.mean(axis=0) - true) < 4 * error).all()
        assert error.max() < 0.025


def test_commands_from_end_to_end(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    gold = tmp_path / "gold.csv"
    result = call("gold", "draw", spec, "--out", gold, "--pairs", 40)
    assert result.exit_code == 0, result.stderr
    assert "records looked at: 40 of 40 of a, 40 of 40 of b" in result.stdout
    assert 'labels = "gold.csv"' in result.stdout
    assert result.stdout.count("pairs drawn") == len(EDGES) + 1
    n = len(pl.read_csv(gold))
    assert n == 40
    first = tree(tmp_path)
    again = call("gold", "draw", spec, "--out", gold, "--pairs", 40)
    assert again.exit_code == 2
    assert "gold.csv: the file exists" in again.stderr
    assert call("gold", "draw", spec, "--out", gold, "--pairs", 40, "--force", "--quiet").stdout == ""
    assert tree(tmp_path) == first  # same input, same bytes
    (tmp_path / "gold.csv").rename(tmp_path / "other.csv")
    assert "gold.design.csv: the file exists" in call("gold", "draw", spec, "--out", gold).stderr
    (tmp_path / "other.csv").rename(tmp_path / "gold.csv")

    checked = call("gold", "check", gold, spec)
    assert checked.exit_code == 0, checked.stderr
    assert "0 of 40 pairs are labelled: 0 matches, 0 non-matches; 40 are blank or unsure" in checked.stdout
    table = pl.read_csv(gold, infer_schema=False)
    answers = [None] * 38 + ["unsure", "no"]
    table.with_columns(match=pl.Series(answers, dtype=pl.String)).write_csv(gold)
    result = call("gold", "label", gold, spec, "--truth", "person")
    assert result.exit_code == 0, result.stderr
    assert "39 of 40 pairs answered from 'person'; 1 answers that were there stay" in result.stdout
    labelled = pl.read_csv(gold, infer_schema=False)
    assert labelled.drop("match").equals(table.drop("match"))
    assert labelled["match"][-1] == "no"
    assert "39 of 40" not in call("gold", "label", gold, spec, "--truth", "person", "--force").stdout
    labelled = pl.read_csv(gold)
    persons = [
        dict(zip(t["id"], t["person"], strict=True))
        for t in (pl.read_csv(tmp_path / f"{k}.csv") for k in "ab")
    ]
    truth = [
        int(persons[0][a] == persons[1][b]) for a, b in labelled.select("id_left", "id_right").iter_rows()
    ]
    assert labelled["match"].to_list() == truth
    checked = call("gold", "check", gold, spec).stdout
    assert f"40 of 40 pairs are labelled: {sum(truth)} matches, {40 - sum(truth)} non-matches" in checked
    by_stratum = re.findall(r"stratum (\d): (\d+) matches, (\d+) non-matches, 0 not labelled", checked)
    assert sum(int(m) for _, m, _ in by_stratum) == sum(truth)
    design = pl.read_csv(tmp_path / "gold.design.csv")
    assert {int(h) for h, *_ in by_stratum} == set(design["stratum"])

    for use in ("with_em", "alone"):
        spec.write_text(SPEC + f'labels = "gold.csv"\nlabels_use = "{use}"\n', "utf-8")
        linked = call("link", spec, "--out", tmp_path / "out", "--force")
        assert linked.exit_code == 0, linked.stderr
        origins = {
            one.m_origin for one in ts.Model.load(tmp_path / "out" / "model.json").parameters.comparisons
        }
        assert all(f"40 labelled pairs ({sum(truth)} matches)" in one for one in origins)
    # A specification that names labels draws as one that does not: the draw is blind to them.
    assert call("gold", "draw", spec, "--out", tmp_path / "more.csv", "--pairs", 40).exit_code == 0
    assert pl.read_csv(tmp_path / "more.csv").drop("match").equals(labelled.drop("match"))


def test_values_that_are_asked_for_are_shown(tmp_path: Path) -> None:
    spec = write_small(
        tmp_path, SPEC.replace('[[comparisons]]\nfield = "born"\ncomparator = { type = "exact" }\n', "")
    )
    out = tmp_path / "gold.parquet"
    assert call("gold", "draw", spec, "-o", out, "--pairs", 30, "-c", "born", "--records", 20).exit_code == 0
    assert {"born_left", "born_right", "zip_left"} <= set(pl.read_parquet(out).columns)
    assert (tmp_path / "gold.design.parquet").is_file()
    result = call("gold", "draw", spec, "-o", tmp_path / "x.csv", "-c", "person")
    assert result.exit_code == 2
    assert "truth" in result.stderr
    assert call("gold", "label", out, spec, "--truth", "person").exit_code == 0
    assert "30 of 30 pairs are labelled" in call("gold", "check", out, spec).stdout


def test_truth_that_is_missing_stays_blank(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    table = pl.read_csv(tmp_path / "a.csv", infer_schema=False)
    table.with_columns(person=pl.when(pl.int_range(len(table)) < 20).then("person")).write_csv(
        tmp_path / "a.csv"
    )
    gold = tmp_path / "gold.csv"
    assert call("gold", "draw", spec, "-o", gold, "--pairs", 40).exit_code == 0
    text = call("gold", "label", gold, spec, "--truth", "person").stdout
    blank = pl.read_csv(gold)["match"].null_count()
    assert 0 < blank < 40
    assert f"{40 - blank} of 40 pairs answered" in text
    assert f"{blank} stay blank, since 'person' is missing" in text


def spoilt(folder: Path, change: pl.Expr, name: str = "gold.csv") -> None:
    table = pl.read_csv(folder / name, infer_schema=False)
    table.with_columns(change).write_csv(folder / name)


def test_bad_input(tmp_path: Path) -> None:
    spec = write_small(tmp_path)
    gold = tmp_path / "gold.csv"
    assert call("gold", "draw", spec, "-o", gold, "--pairs", 40).exit_code == 0
    assert call("gold", "label", gold, spec, "--truth", "person").exit_code == 0
    good = gold.read_text()
    rows = good.splitlines(keepends=True)
    other = rows[1].replace(",0,", ",1,", 1) if ",0," in rows[1] else rows[1].replace(",1,", ",0,", 1)
    cases = (
        (good + other, r"1 contradiction among the labels: rows 1 and 41 label the same pair"),
        (
            good.replace("a", "q", 1).replace("id_left", "id_left", 1),
            r"there is no column|belong to no record",
        ),
    )
    for text, message in cases:
        gold.write_text(text)
        result = call("gold", "check", gold, spec)
        assert result.exit_code == 2
        assert re.search(message, result.stderr), result.stderr
        assert result.stdout == ""
    gold.write_text(good)
    ids = set(zip(*(pl.read_csv(gold)[name].to_list() for name in ("id_left", "id_right")), strict=True))
    a, b = next((f"a{k}", f"b{j}") for k in range(40) for j in range(40) if (f"a{k}", f"b{j}") not in ids)
    pl.concat(
        [
            pl.read_csv(gold, infer_schema=False),
            pl.DataFrame({"id_left": [a], "id_right": [b], "match": ["0"]}),
        ],
        how="diagonal",
    ).write_csv(gold)
    result = call("gold", "check", gold, spec)
    assert result.exit_code == 2
    assert "row 41 is a pair that gold.design.csv does not have" in result.stderr
    result = call("gold", "label", gold, spec, "--truth", "nobody")
    assert (result.exit_code, "there is no column 'nobody'" in result.stderr) == (2, True)
    assert call("gold", "draw", spec, "-o", tmp_path / "gold.txt").exit_code == 2
    assert "does not exist" in call("gold", "draw", spec, "-o", tmp_path / "no" / "gold.csv").stderr
    assert "there is no such file" in call("gold", "check", tmp_path / "none.csv", spec).stderr
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        "id_left,id_right\n" + "".join(f"a{k},b{j}\n" for k in range(40) for j in range(k, 40, 4))
    )
    key = 'type = "blocking_key"\nparts = ["zip"]'
    spec.write_text(SPEC.replace(key, 'type = "pair_table"\npath = "pairs.csv"'))
    assert call("gold", "draw", spec, "-o", tmp_path / "p.csv", "--pairs", 30).exit_code == 0
    result = call("gold", "draw", spec, "-o", tmp_path / "q.csv", "--records", 10)
    assert result.exit_code == 2
    assert "a pass is a table of pairs" in result.stderr
    assert not (tmp_path / "q.csv").exists()
    with pytest.raises(InputError, match="at least one pair"):
        ts.Linkage.from_toml(spec).draw_gold(pairs=0)
