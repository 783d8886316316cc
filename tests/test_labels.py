"""Labelled pairs: EM with some classes known, m from labels alone, and labels that cannot be."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simulate import Field, Simulated, one_file, two_files

import tallystick as ts
from tallystick.blocking.passes import AnyPass
from tallystick.errors import InputError, SpecError, TallystickWarning
from tallystick.estimation.labelled import first_pass
from tallystick.linkage.labels import read_label_file, with_labels
from tallystick.linkage.prepare import as_sources, prepare, read_records
from tallystick.linkage.run import _fingerprint
from tallystick.spec import dump_spec, parse_spec, resolved
from tests.small_files import SPEC, call, hashes, tree, write_small

FIELDS = (
    Field("given", 100, redrawn=0.12),
    Field("surname", 400, 0.7, 3, redrawn=0.08, altered=0.1),
    Field("birth", 80, redrawn=0.06, missing=0.1),
    Field("house", 60, redrawn=0.2),
)
ALL = (ts.all_pairs(),)
KEYS = (ts.blocking_key("surname"), ts.blocking_key("given", "birth"))


def linkage(
    labels: Path | None,
    passes: Sequence[AnyPass] = ALL,
    fields: Sequence[Field] = FIELDS,
    one_to_one: bool = False,
    **estimation: object,
) -> ts.Linkage:
    return ts.Linkage(
        [ts.comparison(one.name, ts.exact() if one.n_levels == 2 else ts.levenshtein(1)) for one in fields],
        passes,
        one_to_one=one_to_one,
        estimation=ts.Estimation(labels=labels and str(labels), random_pairs=200_000, **estimation),
    )


def matches_of(files: Simulated) -> list[tuple[int, int]]:
    """Rows of all matches, left and right."""
    left, right = files.entities[0].tolist(), files.entities[-1].tolist()
    where: dict[int, list[int]] = {}
    for row, entity in enumerate(right):
        where.setdefault(entity, []).append(row)
    found = [(row, other) for row, entity in enumerate(left) for other in where.get(entity, [])]
    return [pair for pair in found if len(files.tables) == 2 or pair[0] < pair[1]]


def inputs(files: Simulated) -> list[ts.Source]:
    return [ts.Source(name=f"s{k}", table=table, id="id") for k, table in enumerate(files.tables)]


def every_pair(files: Simulated) -> list[tuple[int, int]]:
    n, m = len(files.tables[0]), len(files.tables[-1])
    return [(k, j) for k in range(n) for j in range(m) if len(files.tables) == 2 or k < j]


def agreements(left: list[str | None], right: list[str | None]) -> NDArray[np.bool_]:
    """Whether the values of every pair are the same, (n_left, n_right)."""
    return np.asarray(np.array(left, object)[:, None] == np.array(right, object), np.bool_)


def write_labels(
    path: Path, files: Simulated, pairs: Sequence[tuple[int, int]], inclusion: Sequence[float] | None = None
) -> Path:
    """The truth of some pairs as a file of labels."""
    left, right = files.tables[0]["id"], files.tables[-1]["id"]
    entity = files.entities[0], files.entities[-1]
    frame = pl.DataFrame(
        {
            "id_left": [left[k] for k, _ in pairs],
            "id_right": [right[j] for _, j in pairs],
            "match": [int(entity[0][k] == entity[1][j]) for k, j in pairs],
        }
    )
    if inclusion is not None:
        frame = frame.with_columns(pl.Series("inclusion", inclusion))
    frame.write_csv(path)
    return path


def drawn(pairs: Sequence[tuple[int, int]], n: int, seed: int) -> list[tuple[int, int]]:
    random = np.random.default_rng(seed)
    return [pairs[k] for k in random.choice(len(pairs), n, replace=False)]


def levels(files: Simulated, pairs: Sequence[tuple[int, int]], field: Field) -> NDArray[np.float64]:
    """Shares of the levels of a field among some pairs, counted in the files."""
    left, right = files.tables[0][field.name].to_list(), files.tables[-1][field.name].to_list()
    found = np.zeros(field.n_levels)
    for k, j in pairs:
        a, b = left[k], right[j]
        if a is None or b is None:
            continue
        found[field.n_levels - 1 if a == b else 1 if field.n_levels == 3 and a[:-1] == b[:-1] else 0] += 1
    return found / found.sum()


def small(seed: int = 1) -> Simulated:
    return two_files(FIELDS, 40, 45, 25, seed)


@pytest.mark.parametrize("use", ["with_em", "alone"])
def test_where_all_pairs_are_labelled_m_is_what_the_matches_show(tmp_path: Path, use: str) -> None:
    for files, related in ((small(), "none"), (one_file(FIELDS, 40, 20, 2), "none"), (small(7), "class")):
        path = write_labels(tmp_path / "gold.csv", files, every_pair(files))
        found = linkage(path, labels_use=use, prior_matches=0, related=related).fit(*inputs(files)).parameters
        for one, field in zip(found.comparisons, FIELDS, strict=True):
            expected = np.maximum(levels(files, matches_of(files), field), 1e-300)
            np.testing.assert_allclose(one.m, expected, atol=1e-12)
        assert found.pairs[0].expected_matches == pytest.approx(files.n_matches)


def test_where_all_pairs_are_labelled_u_is_what_the_non_matches_show(tmp_path: Path) -> None:
    files = small(3)
    true = set(matches_of(files))
    path = write_labels(tmp_path / "gold.csv", files, every_pair(files))
    others = [pair for pair in every_pair(files) if pair not in true]
    for settings_ in ({}, {"labels_use": "alone"}, {"labels_use": "alone", "labels_u": True}):
        fitted = linkage(path, prior_matches=0, related="none", **settings_).fit(*inputs(files))
        for one, field in zip(fitted.parameters.comparisons, FIELDS, strict=True):
            np.testing.assert_allclose(one.u, levels(files, others, field), atol=1e-9)


def test_origins_are_kept_by_the_model(tmp_path: Path) -> None:
    files = small()
    pairs = list(dict.fromkeys([*matches_of(files)[:12], *drawn(every_pair(files), 30, 1)]))
    path = write_labels(tmp_path / "gold.csv", files, pairs)
    counted = f"{len(pairs)} labelled pairs ({len(set(pairs) & set(matches_of(files)))} matches)"
    for use, text in (("with_em", f"EM with {counted}"), ("alone", counted)):
        model = linkage(path, labels_use=use).fit(*inputs(files))
        model.save(tmp_path / "model.json")
        loaded = ts.Model.load(tmp_path / "model.json")
        assert {one.m_origin for one in loaded.parameters.comparisons} == {text}
        assert loaded == model
    u = linkage(path, labels_use="alone", labels_u=True).fit(*inputs(files)).parameters
    assert {one.u_origin for one in u.comparisons} == {text}
    path.unlink()  # a saved model asks for the labels no more
    assert len(loaded.link(*inputs(files)).pairs)
    other = two_files(FIELDS, 50, 50, 20, 9)
    assert len(loaded.link(*inputs(other)).pairs)


def test_what_is_given_stays(tmp_path: Path) -> None:
    files = small()
    path = write_labels(tmp_path / "gold.csv", files, every_pair(files))
    for use in ("with_em", "alone"):
        one = linkage(path, labels_use=use)
        first = one.spec.comparisons[0].model_copy(update={"m": (0.2, 0.8)})
        spec = one.spec.model_copy(update={"comparisons": (first, *one.spec.comparisons[1:])})
        found = ts.Linkage(spec=spec).fit(*inputs(files)).parameters.comparisons[0]
        assert (found.m, found.m_origin) == ((pytest.approx(0.2), pytest.approx(0.8)), "given")


@given(seed=st.integers(0, 2**20), n=st.integers(5, 200))
@settings(max_examples=15)
def test_the_likelihood_never_falls(tmp_path_factory: pytest.TempPathFactory, seed: int, n: int) -> None:
    files = two_files(FIELDS, 150, 150, 80, seed)
    pairs = [*drawn(matches_of(files), 20, seed), *drawn(every_pair(files), n, seed)]
    path = write_labels(tmp_path_factory.mktemp("labels") / "gold.csv", files, pairs)
    model = linkage(path, prior_matches=0, related="none", tolerance=1e-9).fit(*inputs(files))
    assert (np.diff(model.parameters.log_likelihood) > -1e-6).all()


def plain_em(
    files: Simulated,
    fields: Sequence[Field],
    labels: dict[tuple[int, int], bool],
    matches: float,
    prior: float,
    steps: int,
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]], float]:
    """EM pair by pair, all pairs compared, the labelled ones known: m, u and the expected matches."""
    pairs = every_pair(files)
    level = []
    for field in fields:
        left, right = (table[field.name].to_list() for table in (files.tables[0], files.tables[-1]))
        top = field.n_levels - 1
        level.append(
            np.array(
                [
                    -1
                    if left[k] is None or right[j] is None
                    else top
                    if left[k] == right[j]
                    else int(top == 2 and left[k][:-1] == right[j][:-1])
                    for k, j in pairs
                ]
            )
        )
    among_all = [
        np.bincount(one[one >= 0], minlength=f.n_levels) for one, f in zip(level, fields, strict=True)
    ]
    label = np.array([labels.get(pair, -1) for pair in pairs], int)
    start = [np.array([0.1, 0.9]) if f.n_levels == 2 else np.array([0.025, 0.075, 0.9]) for f in fields]
    m, u, p = start, [one / one.sum() for one in among_all], matches / len(pairs)
    for _ in range(steps):
        ratio = np.full(len(pairs), p / (1 - p))
        for own, q, r in zip(level, m, u, strict=True):
            ratio *= np.where(own < 0, 1.0, (q / r)[own])
        g = np.where(label < 0, ratio / (1 + ratio), label)
        sums = [
            np.bincount(own[own >= 0], weights=g[own >= 0], minlength=len(q))
            for own, q in zip(level, m, strict=True)
        ]
        m = [(s + prior * q) / (s.sum() + prior) for s, q in zip(sums, start, strict=True)]
        rest = [np.maximum(a - s, 0.5) for a, s in zip(among_all, sums, strict=True)]
        u = [one / one.sum() for one in rest]
        p = g.mean()
    return m, u, p * len(pairs)


@given(seed=st.integers(0, 2**20), n_matches=st.integers(1, 25), n=st.integers(30, 90))
@settings(max_examples=8)
def test_em_with_labels_is_that_of_the_pairs(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_matches: int, n: int
) -> None:
    files = two_files(FIELDS, 45, 40, 30, seed)
    true = set(matches_of(files))
    pairs = [*drawn(sorted(true), n_matches, seed), *drawn(every_pair(files), n, seed)]
    path = write_labels(tmp_path_factory.mktemp("labels") / "gold.csv", files, pairs)
    found = linkage(path, tolerance=1e-300, max_iterations=300, related="none").fit(*inputs(files)).parameters
    m, u, matches = plain_em(files, FIELDS, {pair: pair in true for pair in pairs}, 20.0, 5, 300)
    for one, own_m, own_u in zip(found.comparisons, m, u, strict=True):
        np.testing.assert_allclose(one.m, own_m, atol=1e-6)
        np.testing.assert_allclose(one.u, own_u, atol=1e-6)
    assert found.pairs[0].expected_matches == pytest.approx(matches, rel=1e-6)


def selected(files: Simulated, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Whether `KEYS` find each pair, told from the values."""

    def agree(pair: tuple[int, int], *names: str) -> bool:
        a, b = files.tables[0].row(pair[0], named=True), files.tables[-1].row(pair[1], named=True)
        return all(a[name] is not None and a[name] == b[name] for name in names)

    return np.array([agree(pair, "surname") or agree(pair, "given", "birth") for pair in pairs])


def test_first_pass() -> None:
    files = two_files(FIELDS, 200, 200, 100, 4)
    pairs = drawn(every_pair(files), 3000, 1) + matches_of(files)
    plan = prepare(linkage(None, KEYS).spec, as_sources(inputs(files))).plan
    left, right = np.array(pairs, np.int32).T
    found = first_pass(plan.blocking, left, right + 200)
    assert ((found >= 0) == selected(files, pairs)).all()
    assert set(found.tolist()) == {-1, 0, 1}


TWO = (Field("a", 40, redrawn=0.15), Field("b", 50, redrawn=0.25), Field("c", 30, redrawn=0.2))
WORSE = (Field("a", 60, redrawn=0.35), Field("b", 60, redrawn=0.4), Field("c", 60, redrawn=0.2))


@pytest.mark.parametrize("kinds", ["both", "found", "missed"])
def test_the_likelihood_is_at_its_highest(tmp_path: Path, kinds: str) -> None:
    """The likelihood as `tallystick.estimation.labelled` states it, u given, all levels told by the keys."""
    fields = WORSE
    files = two_files(fields, 500, 500, 300, 5)
    true = matches_of(files)
    values = [[table[f.name].to_list() for f in fields] for table in files.tables]

    agreeing = np.stack([agreements(a, b) for a, b in zip(*values, strict=True)], axis=2)

    def pattern(pair: tuple[int, int]) -> tuple[int, ...]:
        return tuple(agreeing[pair].astype(int).tolist())

    def is_found(g: tuple[int, ...]) -> bool:
        return bool(g[0] or g[1])

    use = [p for p in true if kinds == "both" or is_found(pattern(p)) == (kinds == "found")]
    # Fewer missed ones than there are: that so many there must be at least is then no bound.
    pairs = [
        *use[: 5 if kinds == "missed" else 40],
        *drawn([(k, j) for k, j in np.argwhere(agreeing[..., 0] | agreeing[..., 1]).tolist()], 200, 1),
    ]
    path = write_labels(tmp_path / "gold.csv", files, pairs)
    one = linkage(
        path,
        (ts.blocking_key("a"), ts.blocking_key("b")),
        fields,
        prior_matches=0,
        tolerance=1e-12,
        max_iterations=100_000,
        related="none",
    )
    given_u = [
        c.model_copy(update={"u": tuple(f.u)}) for c, f in zip(one.spec.comparisons, fields, strict=True)
    ]
    spec = one.spec.model_copy(update={"comparisons": tuple(given_u)})
    found = ts.Linkage(spec=spec).fit(*inputs(files)).parameters
    shown, often = np.unique(agreeing.reshape(-1, len(fields)).astype(int), axis=0, return_counts=True)
    counts = {tuple(g): n for g, n in zip(shown.tolist(), often.tolist(), strict=True)}
    labelled = {pair: pair in set(true) for pair in pairs}

    def chance(g: tuple[int, ...], agree: NDArray[np.float64]) -> float:
        return float(np.prod(np.where(np.array(g) == 1, agree, 1 - agree)))

    def log_likelihood(agree: NDArray[np.float64], p: float) -> float:
        u = np.array([f.u[1] for f in fields])
        s_m, s_u = (1 - (1 - x[0]) * (1 - x[1]) for x in (agree, u))
        total, left = 0.0, dict(counts)
        for pair, match in labelled.items():
            g = pattern(pair)
            left[g] -= 1
            if not is_found(g):
                total += np.log(chance(g, agree) / (1 - s_m)) if match else 0.0
            elif match:
                total += np.log(p * chance(g, agree) / s_m)
            else:
                total += np.log((1 - p) * chance(g, u) / s_u)
        for g, n in left.items():
            if is_found(g):
                total += n * np.log(p * chance(g, agree) / s_m + (1 - p) * chance(g, u) / s_u)
        return float(total)

    agree = np.array([c.m[1] for c in found.comparisons])
    u = np.array([f.u[1] for f in fields])
    s_m, s_u = (1 - (1 - x[0]) * (1 - x[1]) for x in (agree, u))
    p = 1 / (1 + np.exp(-found.pairs[0].log_prior_odds - np.log(s_m / s_u)))
    top = log_likelihood(agree, p)
    for k in range(3):
        for step in (-0.01, 0.01):
            moved = agree.copy()
            moved[k] += step
            assert log_likelihood(moved, p) < top
    for factor in (0.97, 1.03):
        assert log_likelihood(agree, p * factor) < top
    assert found.selected_matches == pytest.approx(s_m)


def test_labelled_matches_beyond_the_passes_are_a_lower_bound(tmp_path: Path) -> None:
    """Fields that go wrong together make blocking miss more than EM believes: what is seen is not less."""
    files = two_files(TWO, 500, 500, 300, 6)
    true = matches_of(files)
    right = files.tables[1].with_columns(
        pl.when(pl.int_range(500) % 3 == 0).then(pl.lit(f"x{name}")).otherwise(pl.col(name)).alias(name)
        for name in ("a", "b")
    )
    files = Simulated((files.tables[0], right), files.entities)
    passes = (ts.blocking_key("a"), ts.blocking_key("b"))
    path = write_labels(tmp_path / "gold.csv", files, true)
    without = linkage(None, passes, TWO).fit(*inputs(files)).parameters.pairs[0].expected_matches
    found = linkage(path, passes, TWO).fit(*inputs(files)).parameters.pairs[0].expected_matches
    assert without < 260
    assert found == pytest.approx(300, abs=3)


def mean_m(designs: Sequence[Sequence[tuple[float, ...]]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values = np.array([[own[-1] for own in one] for one in designs])
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("use", ["alone", "with_em"])
def test_no_bias_where_pairs_are_drawn_unequally(tmp_path: Path, use: str) -> None:
    """The more fields agree, the less likely a pair is drawn: EM needs no weights for that."""
    found, unweighted = [], []
    for seed in range(16):
        files = two_files(FIELDS, 160, 160, 140, seed)
        random = np.random.default_rng(seed)
        values = [[table[f.name].to_list() for f in FIELDS] for table in files.tables]
        wrong = sum((~agreements(a, b)).astype(int) for a, b in zip(*values, strict=True))
        chance = np.array((0.2, 0.5, 0.9, 0.9, 0.005))[wrong]
        taken = random.random(chance.shape) < chance
        pairs = [(k, j) for k, j in np.argwhere(taken).tolist()]
        chances = chance[taken].tolist()
        for inclusion, results in ((chances, found), (None, unweighted)):
            path = write_labels(tmp_path / "gold.csv", files, pairs, inclusion)
            fitted = linkage(path, labels_use=use, prior_matches=0, related="none").fit(*inputs(files))
            results.append([c.m for c in fitted.parameters.comparisons])
    true = np.array([f.m[-1] for f in FIELDS])
    mean, error = mean_m(found)
    assert (np.abs(mean - true) < 4 * error).all()
    assert error.max() < 0.02
    if use == "alone":  # what inclusion is there for
        mean, error = mean_m(unweighted)
        assert (np.abs(mean - true) > 8 * error).any()
    else:  # EM needs none: what is drawn by the pattern says nothing beyond it
        assert found == unweighted


@pytest.mark.parametrize("beyond", [False, True])
def test_m_of_labels_alone_is_that_of_all_matches(tmp_path: Path, beyond: bool) -> None:
    """Also where only matches that the passes find are labelled: among these the keys agree too often."""
    found = []
    for seed in range(20):
        files = two_files(FIELDS, 400, 400, 300, seed)
        true = matches_of(files)
        pairs = true if beyond else [p for p, one in zip(true, selected(files, true), strict=True) if one]
        path = write_labels(tmp_path / "gold.csv", files, drawn(pairs, 200, seed))
        fitted = linkage(path, KEYS, labels_use="alone", prior_matches=0, related="none").fit(*inputs(files))
        found.append([c.m for c in fitted.parameters.comparisons])
    mean, error = mean_m(found)
    assert (np.abs(mean - np.array([f.m[-1] for f in FIELDS])) < 4 * error).all()
    assert error.max() < 0.015


def test_labels_settle_what_em_cannot(tmp_path: Path) -> None:
    """Two fields have no more patterns than parameters: EM alone believes what it starts from."""
    fields = (Field("a", 200, redrawn=0.4), Field("b", 300, redrawn=0.05))
    estimates: dict[bool, list[float]] = {True: [], False: []}
    expected: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(6):
        files = two_files(fields, 1000, 1000, 400, seed)
        equal = sum(
            (
                files.tables[0][f.name].to_numpy()[:, None] == files.tables[1][f.name].to_numpy()[None, :]
            ).astype(int)
            for f in fields
        )
        random = np.random.default_rng(seed)
        pairs = []
        for n_equal, n in ((2, 150), (1, 450)):
            where = np.argwhere(equal == n_equal)
            pairs += [tuple(one) for one in where[random.choice(len(where), n, replace=False)].tolist()]
        path = write_labels(tmp_path / "gold.csv", files, pairs)
        for labelled in (True, False):
            found = (
                linkage(path if labelled else None, fields=fields, related="none")
                .fit(*inputs(files))
                .parameters
            )
            estimates[labelled].append(found.comparisons[0].m[-1])
            expected[labelled].append(found.pairs[0].expected_matches)
    true = float(fields[0].m[-1])
    assert abs(np.mean(estimates[False]) - true) > 0.25
    assert abs(np.mean(expected[False]) - 400) > 100
    assert abs(np.mean(estimates[True]) - true) < 0.08
    assert abs(np.mean(expected[True]) - 400) < 40


def test_matches_alone_do_not_raise_the_match_rate(tmp_path: Path) -> None:
    """Labels without any non-match are matches that were known: what is left is poorer in matches."""
    weak = (
        Field("a", 12, redrawn=0.2),
        Field("b", 15, redrawn=0.1),
        Field("c", 10, redrawn=0.2),
        Field("d", 8),
    )
    ratios = []
    for seed in range(10):
        files = two_files(weak, 300, 300, 150, seed)
        path = write_labels(tmp_path / "gold.csv", files, drawn(matches_of(files), 120, seed))
        model = linkage(path, fields=weak, related="none").fit(*inputs(files))
        ratios.append(model.parameters.pairs[0].expected_matches / 150)
        assert any("No labelled pair is a non-match" in text for text in model.warnings)
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios, ddof=1) / np.sqrt(10) + 0.02


LABELLED = SPEC + 'labels = "gold.csv"\n'
GOOD = (
    "id_left,id_right,match\na20,b0,1\na21,b1,yes\na22,b2,TRUE\na1,b30,0\na2,b31,No\na3,b32,\na4,b33,unsure\n"
)


def labelled(folder: Path, text: str, spec: str = LABELLED) -> Path:
    (folder / "gold.csv").write_text(text, "utf-8")
    return write_small(folder, spec)


def test_a_linkage_by_its_specification(tmp_path: Path) -> None:
    result = call("link", labelled(tmp_path, GOOD), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "5 of 7 pairs are labelled: 3 matches, 2 non-matches; 2 are blank or unsure" in result.stderr
    model = ts.Model.load(tmp_path / "out" / "model.json")
    assert {one.m_origin for one in model.parameters.comparisons} == {"EM with 5 labelled pairs (3 matches)"}
    first = hashes(tmp_path / "out")
    rows = GOOD.splitlines(keepends=True)
    (tmp_path / "gold.csv").write_text("".join([rows[0], *reversed(rows[1:])]), "utf-8")
    assert call("link", tmp_path / "spec.toml", "--out", tmp_path / "out", "--force").exit_code == 0
    assert hashes(tmp_path / "out") == first  # whatever the order of the labels
    pl.read_csv(tmp_path / "gold.csv").write_parquet(tmp_path / "gold.parquet")
    (tmp_path / "spec.toml").write_text(LABELLED.replace("gold.csv", "gold.parquet"), "utf-8")
    with pytest.warns(TallystickWarning, match="5 of 7 pairs"):
        other = ts.Linkage.from_toml(tmp_path / "spec.toml").fit()
    assert other.parameters == model.parameters
    # A run scored with the saved model asks for no labels.
    (tmp_path / "gold.csv").unlink()
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    again = call("score", tmp_path / "out", *files, "--id", "id", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.stderr


BAD = {
    "absent record": (
        GOOD + "a1,nobody,0\n",
        r"gold\.csv: 1 of 8 values of id_right belong to no record, first in row 8: check",
    ),
    "the wrong way round": (
        "id_left,id_right,match\nb0,a20,1\n",
        r"gold\.csv: row 1 has a record of source 'b' in id_left, where one of 'a' belongs: .* wrong way",
    ),
    "no label": (
        GOOD + "a5,b5,maybe\n",
        r"gold\.csv: row 8 has 'maybe' in the column match.*1 such row.*expected",
    ),
    "contradicting labels": (
        GOOD + "a20,b0,0\n",
        r"gold\.csv: 1 contradiction among the labels: rows 1 and 8 label the same pair, 'a20' of source 'a' "
        r"and 'b0' of source 'b', as a match and as none",
    ),
    "two matches of one record": (
        GOOD + "a20,b7,1\n",
        r"rows 1 and 8 match 'a20' of source 'a' with two records, though the linkage is one_to_one",
    ),
    "no match": (
        "id_left,id_right,match\na1,b1,0\na2,b2,\n",
        r"gold\.csv: none of the 1 labelled pairs is a match.*label some",
    ),
    "no answers": ("id_left,id_right\na1,b1\n", r"gold\.csv: there is no column 'match': add one"),
    "no ids": ("left,right,match\na1,b1,1\n", r"gold\.csv: there is no column 'id_left'"),
    "no probability": (
        "id_left,id_right,match,inclusion\na20,b0,1,0.5\na21,b1,1,1.5\n",
        r"gold\.csv: row 2 has 1\.5 as inclusion: expected the probability .*above 0 and at most 1",
    ),
    "no inclusion": (
        "id_left,id_right,match,inclusion\na20,b0,1,\n",
        r"gold\.csv: row 1 has nothing as inclusion",
    ),
    "empty": ("", r"gold\.csv: the file is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_labels(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    labelled(tmp_path, text)
    before = tree(tmp_path)
    for arguments in (("--out", tmp_path / "out"), ("--explain",)):
        result = call("link", tmp_path / "spec.toml", *arguments)
        assert result.exit_code == 2
        assert re.search(message, result.stderr), result.stderr
        assert result.stderr.count("\n") == 1
    assert tree(tmp_path) == before


def test_no_file_of_labels(tmp_path: Path) -> None:
    result = call("link", write_small(tmp_path, LABELLED), "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "gold.csv: there is no such file" in result.stderr
    assert not (tmp_path / "out").exists()


def test_matches_joined_through_others_contradict_a_non_match(tmp_path: Path) -> None:
    files = one_file(FIELDS, 60, 20, 1)
    rows = "r0,r1,1\nr1,r2,1\nr5,r6,1\nr2,r0,0\n"
    path = tmp_path / "gold.csv"
    path.write_text("id_left,id_right,match\n" + rows)
    with pytest.raises(
        InputError, match=r"row 4 says that 'r[02]' and 'r[02]' do not match, but matches of other"
    ):
        linkage(path).fit(*inputs(files))


def test_labels_that_no_pass_finds(tmp_path: Path) -> None:
    files = two_files(FIELDS, 200, 200, 100, 4)
    true = matches_of(files)
    kept = selected(files, true)
    pair_file = tmp_path / "pairs.csv"
    pl.DataFrame(
        {
            "id_left": [files.tables[0]["id"][k] for (k, _), one in zip(true, kept, strict=True) if one],
            "id_right": [files.tables[1]["id"][j] for (_, j), one in zip(true, kept, strict=True) if one],
        }
    ).write_csv(pair_file)
    missed = [pair for pair, one in zip(true, kept, strict=True) if not one]
    path = write_labels(tmp_path / "gold.csv", files, missed)
    with pytest.raises(InputError, match="labels: no pass finds any of the labelled matches"):
        linkage(path, (ts.pair_table(str(pair_file)),)).fit(*inputs(files))
    path = write_labels(tmp_path / "gold.csv", files, [*true[:50], *drawn(every_pair(files), 20, 1)])
    warnings_ = linkage(path, (ts.pair_table(str(pair_file)),)).fit(*inputs(files)).warnings
    n = int((~kept[:50]).sum())
    assert any(f"{n} labelled matches are found by no pass and are left out" in text for text in warnings_)


def test_u_of_labels_asks_for_non_matches_of_all_kinds(tmp_path: Path) -> None:
    files = two_files(FIELDS, 200, 200, 100, 4)
    true = matches_of(files)
    others = [p for p in drawn(every_pair(files), 4000, 1) if p not in set(true)]
    found = [pair for pair, one in zip(others, selected(files, others), strict=True) if one]
    for pairs, message in (
        (true, "no labelled pair is a non-match"),
        ([*true, *found], "all found by blocking passes"),
    ):
        path = write_labels(tmp_path / "gold.csv", files, pairs)
        with pytest.raises(InputError, match=f"labels_u is true, but .*{message}"):
            linkage(path, KEYS, labels_use="alone", labels_u=True).fit(*inputs(files))
    path = write_labels(tmp_path / "gold.csv", files, [*true, *others])
    model = linkage(path, KEYS, labels_use="alone", labels_u=True).fit(*inputs(files))
    assert all("labelled pairs" in one.u_origin for one in model.parameters.comparisons)


def test_settings_that_need_labels() -> None:
    with pytest.raises(SpecError, match=r'labels_use = "alone" needs labels'):
        ts.Estimation(labels_use="alone")
    with pytest.raises(SpecError, match=r'labels_u = true needs labels_use = "alone"'):
        ts.Estimation(labels="gold.csv", labels_u=True)
    spec = parse_spec(LABELLED + 'labels_use = "alone"\nlabels_u = true\n')
    assert parse_spec(dump_spec(spec)) == spec
    unset = parse_spec(SPEC + 'labels = "${NOWHERE:-x}/gold.csv"\n')
    assert unset.estimation.labels == "${NOWHERE:-x}/gold.csv"
    with pytest.raises(SpecError, match="labels: found the environment variable NOWHERE, which is not set"):
        parse_spec(SPEC + 'labels = "${NOWHERE}/gold.csv"\n')


def test_labels_that_the_model_does_not_expect_are_told(tmp_path: Path) -> None:
    """Labels turned round for many pairs that agree on a field; none is told of where they are true."""
    files = two_files(FIELDS, 400, 400, 250, 2)
    true = set(matches_of(files))
    random = np.random.default_rng(1)
    given_a, given_b = (table["given"].to_list() for table in files.tables)
    pairs = [*drawn(sorted(true), 100, 1), *drawn(every_pair(files), 200, 1)]
    pairs = list(dict.fromkeys(pairs))
    for turned in (False, True):
        left, right = files.tables[0]["id"], files.tables[1]["id"]
        match = [
            pair in true and not (turned and given_a[pair[0]] == given_b[pair[1]] and random.random() < 0.4)
            for pair in pairs
        ]
        pl.DataFrame(
            {"id_left": [left[k] for k, _ in pairs], "id_right": [right[j] for _, j in pairs], "match": match}
        ).write_csv(tmp_path / "gold.csv")
        told = [
            t
            for t in linkage(tmp_path / "gold.csv").fit(*inputs(files)).warnings
            if "The labels disagree" in t
        ]
        assert bool(told) == turned
        assert not told or "given “equal”" in told[0]


def test_labels_between_several_sources(tmp_path: Path) -> None:
    files = two_files(FIELDS, 100, 120, 60, 3)
    half = len(files.tables[1]) // 2
    parts = [files.tables[0], files.tables[1][:half], files.tables[1][half:]]
    sources = [ts.Source(name=name, table=table, id="id") for name, table in zip("xyz", parts, strict=True)]
    rows = ["source_left,id_left,source_right,id_right,match"]
    for number, (k, j) in enumerate(matches_of(files)[:30]):
        ends = [f"x,{files.tables[0]['id'][k]}", f"{'yz'[j >= half]},{files.tables[1]['id'][j]}"]
        rows.append(",".join([*(reversed(ends) if number % 2 else ends), "1"]))
    (tmp_path / "gold.csv").write_text("\n".join(rows) + "\n")
    prepared = with_labels(prepare(linkage(tmp_path / "gold.csv").spec, sources))
    assert prepared.labels is not None
    assert (prepared.labels.left < prepared.labels.right).all()
    assert len(prepared.labels) == 30
    file = read_label_file(tmp_path / "gold.csv", prepared.records, prepared.kind)
    assert file.text == "30 of 30 pairs are labelled: 30 matches, 0 non-matches"


def test_what_is_not_labelled_is_said(tmp_path: Path) -> None:
    files = small()
    path = write_labels(tmp_path / "gold.csv", files, every_pair(files)[:600])
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:-3], *(line[:-1] for line in text[-3:])]) + "\n")
    with pytest.warns(
        TallystickWarning, match="597 of 600 pairs are labelled.*3 are blank or unsure and left out"
    ):
        linkage(path).fit(*inputs(files))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path.write_text("\n".join(text[:-3]) + "\n")
        linkage(path).fit(*inputs(files))


def test_an_interrupted_run_is_not_resumed_with_other_labels(tmp_path: Path) -> None:
    spec = labelled(tmp_path, GOOD)
    prints = []
    for text in (GOOD, GOOD, GOOD.replace("a22,b2,TRUE", "a22,b2,")):
        (tmp_path / "gold.csv").write_text(text, "utf-8")
        one = resolved(ts.Linkage.from_toml(spec).spec, tmp_path)
        prints.append(_fingerprint(one, read_records(one, one.sources).inputs, None))
    assert prints[0] == prints[1] != prints[2]
