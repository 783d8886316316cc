"""Comparators of names: forenames by how one stands for another, phonetic codes, names that are swapped."""

from __future__ import annotations

import pickle
from pathlib import Path

import naive
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_persons import encoded

import tallystick as ts
from tallystick._nicknames import versions_in
from tallystick.comparisons.comparator import Comparator
from tallystick.comparisons.forenames import RELATIONS, Relation
from tallystick.comparisons.measure import Measure
from tallystick.errors import SpecError
from tallystick.preparation.phonetic.codes import phonetic_codes
from tallystick.spec import dump_spec, load_spec

Texts = list[str | None]


def table(values: Texts) -> pl.Series:
    return pl.Series(
        "name", [None, *dict.fromkeys(one for one in values if one is not None)], dtype=pl.String
    )


def level_names(comparator: Comparator, left: Texts, right: Texts) -> list[str | None]:
    """Label of the level of every pair, None where missing; as two tables and, where it can be, as one."""
    labels = (*comparator.labels(), None)

    def of(x: pl.Series, y: pl.Series, same: bool) -> list[str | None]:
        measure: Measure = comparator.prepare((x,), (y,), same)
        code_x = {one: code for code, one in enumerate(x)}
        code_y = {one: code for code, one in enumerate(y)}
        a = np.array([code_x[one] for one in left], np.int32)
        b = np.array([code_y[one] for one in right], np.int32)
        out = np.empty(len(a), np.uint8)
        measure.levels(a, b, out)
        assert measure.n_levels == comparator.n_levels
        again = np.empty(len(a), np.uint8)
        pickle.loads(pickle.dumps(measure)).levels(a, b, again)
        assert out.tolist() == again.tolist()
        alike = measure.similarities(a, b)
        assert np.isnan(alike).tolist() == (out == measure.n_levels).tolist()
        there = out < measure.n_levels
        assert (np.diff(alike[there][np.argsort(out[there], kind="stable")]) >= 0).all()
        return [labels[one] for one in out]

    apart = of(table(left), table(right), False)
    both = table([*left, *right])
    assert of(both, both, True) == apart
    return apart


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("robert", "robert", "equal"),
        ("robert", "bob", "nickname"),
        ("bob", "rob", "nickname"),
        ("peggy", "margaret", "nickname"),
        ("j", "john", "initial"),
        ("j.", "john", "initial"),
        ("j", "j.", "initial"),
        ("é", "eric", "initial"),
        ("q", "john", "different"),
        ("maximili", "maximilian", "prefix"),
        ("rosa", "rosalind", "prefix"),
        ("mary", "mary ann", "prefix"),
        ("josé", "jose", "variant"),
        ("søren", "soren", "variant"),
        ("jonathan", "jonathon", "variant"),
        ("jean-pierre", "jean pierre", "variant"),
        ("juri", "yuri", "sound"),
        ("mohammed", "muhammad", "sound"),
        ("katharina", "catherine", "sound"),
        ("anna", "peter", "different"),
        ("12", "13", "different"),
        ("12", "12", "equal"),
        ("李", "李明", "different"),
        (None, "anna", None),
    ],
)
def test_how_forenames_relate(a: str | None, b: str | None, expected: str | None) -> None:
    assert level_names(ts.forename(), [a], [b]) == [expected]
    assert level_names(ts.forename(), [b], [a]) == [expected]


def test_cultures_and_files(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("name,version\nXenia,Oxana\n")
    pairs: tuple[Texts, Texts] = (["sepp", "bob", "oxana"], ["josef", "robert", "xenia"])
    assert level_names(ts.forename(nicknames="german"), *pairs) == ["nickname", "different", "different"]
    assert level_names(ts.forename(nicknames=["german", str(path)]), *pairs) == [
        "nickname",
        "different",
        "nickname",
    ]
    assert level_names(ts.forename(), *pairs) == ["different", "nickname", "different"]


def test_accents_alone_make_a_variant_whatever_the_dictionary() -> None:
    pair = ["josé"], ["jose"]
    for dictionary in ("spanish", "english"):
        assert level_names(ts.forename(nicknames=dictionary), *pair) == ["variant"]


def test_levels_that_are_not_asked_for() -> None:
    some = ts.forename(levels=("initial", "nickname"))
    assert some.labels() == ("different", "initial", "nickname", "equal")
    left: Texts = ["bob", "j", "rosa", "josé", "juri"]
    right: Texts = ["robert", "john", "rosalind", "jose", "yuri"]
    assert level_names(some, left, right) == [
        "nickname",
        "initial",
        "different",
        "different",
        "different",
    ]
    none = ts.forename(levels=())
    assert level_names(none, left, right) == ["different"] * 5
    # What is a nickname and a beginning is a beginning where nicknames are no level.
    assert level_names(ts.forename(), ["will"], ["william"]) == ["nickname"]
    assert level_names(ts.forename(levels=("prefix",)), ["will"], ["william"]) == ["prefix"]
    assert level_names(ts.forename(levels=("prefix",), shortest=5), ["will"], ["william"]) == ["different"]


letters = st.text(alphabet="abeijor.é -Ж1", max_size=7)
english = versions_in("english")
known = sorted({one.lower() for full, some in english.items() for one in (full, *some)})[::7]
names = st.one_of(
    letters, st.sampled_from(known), st.sampled_from(["j", "jo", "jon", "john", "joan", "b", "bob", "rob"])
)
long_name = st.sampled_from(["anna " * 20, "anna " * 19 + "anne ", "b" + "anna " * 20])


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), names, long_name), st.one_of(st.none(), names, long_name)), max_size=12
    ),
    st.sets(st.sampled_from(RELATIONS)),
    st.integers(2, 5),
    st.sampled_from([0.7, 0.85, 0.9]),
    st.sampled_from(["soundex", "daitch_mokotoff"]),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_kernel_is_its_plain_twin(
    pairs: list[tuple[str | None, str | None]],
    relations: set[Relation],
    shortest: int,
    threshold: float,
    code: str,
) -> None:
    dictionary = {name: english[name] for name in [*english][::3]}

    def codes(text: str) -> set[str]:
        found = phonetic_codes(pl.Series([text]), code)[0]
        return set() if found is None else set(found.split("|"))

    def twin(a: str | None, b: str | None) -> str | None:
        if a is None or b is None:
            return None
        return naive.forename(a, b, dictionary, codes, relations, shortest, threshold)

    comparator = ts.forename(
        levels=tuple(relations),
        shortest=shortest,
        threshold=threshold,
        code=code,  # type: ignore[arg-type]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.comparisons.forenames.dictionary_of", lambda names: dictionary)
        found = level_names(comparator, [a for a, _ in pairs], [b for _, b in pairs])
    assert found == [twin(a, b) for a, b in pairs]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"levels": ("nickname", "nickname")}, "found a level twice"),
        ({"levels": ("nicknames",)}, "nicknames"),
        ({"shortest": 1}, "shortest"),
        ({"threshold": 1.0}, "threshold"),
        ({"code": "soundx"}, "soundx"),
    ],
)
def test_wrong_settings(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        ts.forename(**wrong)  # type: ignore[arg-type]


def test_weights_of_generated_persons_ascend_with_the_level() -> None:
    """The order of the levels, by m and u counted on persons of whom all is known."""
    from tallystick.datasets import persons

    files = persons(30_000, overlap=0.8, seed=5)
    left, right = (
        one.with_columns(pl.col("forename").str.to_lowercase()) for one in (files.left, files.right)
    )
    values = table(pl.concat([left["forename"], right["forename"]]).to_list())
    code = pl.DataFrame({"forename": values, "code": pl.int_range(len(values), dtype=pl.Int32, eager=True)})
    codes = [
        one.join(code.drop_nulls(), on="forename", how="left", maintain_order="left")["code"]
        .fill_null(0)
        .to_numpy()
        for one in (left, right)
    ]
    same = left.with_row_index("i").join(right.with_row_index("j"), on="person_id")
    comparator = ts.forename()
    measure = comparator.prepare((values,), (values,), True)
    rng = np.random.default_rng(1)

    def shares(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        out = np.empty(len(i), np.uint8)
        measure.levels(codes[0][i].astype(np.int32), codes[1][j].astype(np.int32), out)
        found = np.bincount(out, minlength=measure.n_levels + 1)[:-1]
        return np.asarray(found / found.sum())

    m = shares(same["i"].to_numpy(), same["j"].to_numpy())
    u = shares(rng.integers(0, len(left), 4_000_000), rng.integers(0, len(right), 4_000_000))
    weights = np.log2(m / u)
    # Beginnings and nicknames are about as telling as each other, and too few here to tell their order.
    chosen = [comparator.labels().index(one) for one in ("different", "sound", "initial", "nickname")]
    ascending = weights[[*chosen, -2, -1]]
    assert (np.diff(ascending) > 0).all(), dict(zip(comparator.labels(), weights.tolist(), strict=True))
    assert weights[-2] - weights[1] > 2


# Phonetic codes


@pytest.mark.parametrize(
    ("code", "a", "b", "expected"),
    [
        ("soundex", "reid", "reed", "same soundex code"),
        ("soundex", "reid", "reid", "equal"),
        ("soundex", "reid", "smith", "different"),
        ("double_metaphone", "smith", "schmidt", "same double metaphone code"),
        ("daitch_mokotoff", "auerbach", "uhrbach", "same daitch mokotoff code"),
        ("cologne", "müller", "mueller", "same cologne code"),
        ("cologne", "12", "12", None),
        ("cologne", None, "a", None),
    ],
)
def test_phonetic_levels(code: str, a: str | None, b: str | None, expected: str | None) -> None:
    assert level_names(ts.phonetic(code), [a], [b]) == [expected]  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(names, names), max_size=10), st.sampled_from(["soundex", "daitch_mokotoff", "cologne"])
)
@settings(max_examples=40, deadline=None)
def test_phonetic_levels_are_those_of_the_codes(pairs: list[tuple[str, str]], code: str) -> None:
    def twin(a: str, b: str) -> int:
        x, y = (phonetic_codes(pl.Series([one]), code)[0] for one in (a, b))
        if x is None or y is None:
            return 3
        return 2 if a == b else int(bool(set(x.split("|")) & set(y.split("|"))))

    labels = (*ts.phonetic(code).labels(), None)  # type: ignore[arg-type]
    found = level_names(ts.phonetic(code), [a for a, _ in pairs], [b for _, b in pairs])  # type: ignore[arg-type]
    assert found == [labels[twin(a, b)] for a, b in pairs]


def test_values_without_a_code_are_counted() -> None:
    values = pl.Series([None, "anna", "12", "李"])
    assert ts.phonetic("nysiis").prepare((values,), (values,), True).unreadable == 2


# Swapped names


def compared(
    comparison: ts.Comparison, *rows: tuple[str | None, str | None], dedupe: bool = False
) -> list[int]:
    records = encoded([{"forename": a, "surname": b} for a, b in rows], [len(rows)])
    n = len(rows) // 2
    left, right = np.arange(n, dtype=np.int32), np.arange(n, 2 * n, dtype=np.int32)
    return ts.compare(records, [comparison], left, right, within_source=dedupe)[:, 0].tolist()


def test_swapped_names() -> None:
    pairs = [
        (("maria", "rossi"), ("maria", "rossi")),
        (("maria", "rossi"), ("rossi", "maria")),
        (("maria", "rossi"), ("maria", "bianchi")),
        (("maria", "rossi"), ("anna", "rossi")),
        (("maria", "rossi"), ("anna", "bianchi")),
        (("maria", "rossi"), ("rossi", "anna")),
        (("maria", "rossi"), (None, "rossi")),
        (("maria", None), (None, "rossi")),
        (("maria", "rossi"), ("marja", "rossi")),
        (("maria", "rossi"), ("rossi", "marja")),
    ]
    rows = [a for a, _ in pairs] + [b for _, b in pairs]
    exact = ts.comparison(ts.names())
    assert compared(exact, *rows) == [3, 2, 1, 1, 0, 0, 1, 4, 1, 0]
    assert compared(exact, *rows, dedupe=True) == compared(exact, *rows)
    alike = ts.comparison(ts.names(threshold=0.85))
    assert compared(alike, *rows) == [3, 2, 1, 1, 0, 0, 1, 4, 3, 2]
    without = ts.comparison(ts.names(one=False))
    assert without.labels == ("none of the levels above", "swapped", "both agree")
    assert compared(without, *rows) == [2, 1, 0, 0, 0, 0, 3, 3, 0, 0]


def test_specifications_are_written_and_read(tmp_path: Path) -> None:
    spec = ts.Spec(
        comparisons=[
            ts.comparison("forename", ts.forename(nicknames=["german", "english"], levels=("nickname",))),
            ts.comparison("surname", ts.phonetic("cologne"), name="sound"),
            ts.comparison(ts.names(threshold=0.9)),
        ],
        passes=[ts.blocking_key(ts.daitch_mokotoff("surname"), ts.cologne("forename"))],
    )
    (tmp_path / "spec.toml").write_text(dump_spec(spec))
    assert load_spec(tmp_path / "spec.toml") == spec


def test_a_linkage_with_forenames_and_codes_as_keys() -> None:
    left = pl.DataFrame({"id": ["1", "2"], "forename": ["Bob", "Anna"], "surname": ["Smith", "Peters"]})
    right = pl.DataFrame(
        {"id": ["1", "2"], "forename": ["Robert", "Hanna"], "surname": ["Schmidt", "Petersz"]}
    )
    m, u = (0.02, 0.03, 0.05, 0.05, 0.05, 0.1, 0.7), (0.9, 0.02, 0.02, 0.01, 0.02, 0.01, 0.02)
    sound = ts.phonetic("double_metaphone")
    linkage = ts.Linkage(
        comparisons=[
            ts.comparison("forename", ts.forename(), m=m, u=u),
            ts.comparison("surname", sound, m=(0.05, 0.05, 0.9), u=(0.97, 0.02, 0.01)),
        ],
        passes=[
            ts.blocking_key(ts.double_metaphone("surname")),
            ts.blocking_key(ts.daitch_mokotoff("surname"), ts.first("forename", 1)),
            ts.blocking_key(ts.daitch_mokotoff("surname"), ts.double_metaphone("forename")),
        ],
        scale="weight",
        upper=0.0,
        lower=-60.0,
    )
    pairs = linkage.fit(left, right).link(left, right).pairs
    found = set(pairs.select("id_left", "id_right").iter_rows())
    assert {("1", "1"), ("2", "2")} <= found
