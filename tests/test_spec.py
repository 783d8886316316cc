"""The specification: round trips, every kind of mistake with its exact sentence, paths, JSON Schema."""

# Sentences stand whole, so that they can be searched for.
# ruff: noqa: E501

from __future__ import annotations

import string
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick._problems import nearest, shown, written_path
from tallystick.blocking.passes import (
    all_pairs,
    blocking_key,
    daitch_mokotoff,
    first,
    last,
    pair_table,
    soundex,
    year,
)
from tallystick.comparisons.comparison import Comparison, comparison
from tallystick.comparisons.conditions import agrees, levels
from tallystick.comparisons.dates import date_parts, days_between
from tallystick.comparisons.equality import exact, initial
from tallystick.comparisons.forenames import RELATIONS, forename
from tallystick.comparisons.functions import Function
from tallystick.comparisons.numbers import absolute_difference, relative_difference, year_proximity
from tallystick.comparisons.overlaps import bigram_dice, bigram_jaccard, token_set
from tallystick.comparisons.phonetic import phonetic
from tallystick.comparisons.places import distance_km
from tallystick.comparisons.sets import any_of
from tallystick.comparisons.strings import damerau_levenshtein, jaro, jaro_winkler, levenshtein
from tallystick.comparisons.union import BUILDERS
from tallystick.errors import SpecError
from tallystick.estimation.settings import Estimation
from tallystick.linking.decision import Decision
from tallystick.preparation.normalise import FieldSettings, Normalise
from tallystick.preparation.source import Source
from tallystick.spec import Spec, dump_spec, json_schema, load_spec, parse_spec, plain, resolved
from tallystick.spec.lines import key_lines
from tallystick.spec.paths import expand

GOOD = """\
[linkage]
name = "census to survey"
seed = 7

[[sources]]
name = "census"
path = "census.csv"
id = "rec"
truth = ["person"]
columns = { surname = "last name" }

[[sources]]
name = "survey"
path = "${SURVEY:-data}/survey.csv"

[fields.born]
type = "date"
format = "%d/%m/%Y"

[[comparisons]]
field = "surname"
comparator = { type = "jaro_winkler", thresholds = [0.92, 0.85] }

[[comparisons]]
field = "born"
comparator = { type = "date_parts" }

[[passes]]
type = "blocking_key"
parts = ["postcode", { field = "surname", transform = "first", n = 4 }]

[decision]
one_to_one = true
upper = 0.6
"""


def problems(text: str) -> list[str]:
    """The sentences of the error that a text gives."""
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "s.toml")
    return str(caught.value).split("\n")


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


# Round trips


def test_a_specification_that_is_written_back_is_the_same_text() -> None:
    assert dump_spec(parse_spec(GOOD)) == GOOD


def test_toml_and_python_are_the_same() -> None:
    spec = Spec(
        name="census to survey",
        seed=7,
        sources=(
            Source(
                name="census",
                path="census.csv",
                id="rec",
                truth=("person",),
                columns={"surname": "last name"},
            ),
            Source(name="survey", path="${SURVEY:-data}/survey.csv"),
        ),
        fields={"born": FieldSettings(type="date", format="%d/%m/%Y")},
        comparisons=(comparison("surname", jaro_winkler(0.92, 0.85)), comparison("born", date_parts())),
        passes=(blocking_key("postcode", first("surname", 4)),),
        decision=Decision(one_to_one=True, upper=0.6),
    )
    assert spec == parse_spec(GOOD)
    assert dump_spec(spec) == GOOD


words = st.text(string.ascii_letters + string.digits + " _-.\"'\\#é\n\t", min_size=1, max_size=8)
fields = st.sampled_from(["surname", "given name", "born", "postcode", 'odd "one"', "año"])
shares = st.lists(st.integers(1, 99).map(lambda n: n / 100), min_size=1, max_size=4, unique=True).map(
    lambda found: sorted(found, reverse=True)
)
counts = st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(sorted)

simple = st.one_of(
    st.just(exact()),
    st.just(initial()),
    st.builds(lambda t, w: jaro(*t, window=w), shares, st.sampled_from(["practice", "chapter"])),
    st.builds(lambda t, w: jaro_winkler(*t, prefix_weight=w), shares, st.sampled_from([0.1, 0.2])),
    counts.map(lambda c: levenshtein(*c)),
    counts.map(lambda c: damerau_levenshtein(*c)),
    shares.map(lambda t: bigram_dice(*t)),
    shares.map(lambda t: bigram_jaccard(*t)),
    shares.map(lambda t: token_set(*t)),
    counts.map(lambda c: absolute_difference(*c)),
    shares.map(lambda t: relative_difference(*sorted(t))),
    st.just(year_proximity()),
    counts.map(lambda c: days_between(*c, order=("day", "month", "year"))),
    st.just(date_parts()),
    st.builds(phonetic, st.sampled_from(["soundex", "daitch_mokotoff"])),
    st.builds(
        lambda some, t: forename(levels=some, threshold=t, nicknames=["german", "own.csv"]),
        st.lists(st.sampled_from(RELATIONS), unique=True),
        st.sampled_from([0.8, 0.9]),
    ),
    st.just(Function(path="os.path:commonprefix", thresholds=(0.5,))),
)
of_sets = st.builds(any_of, simple.filter(lambda one: one.arity == 1))
conditions = st.recursive(
    st.builds(lambda a, b, c: agrees(left=a, right=b, comparator=c), fields, fields, simple),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda one: ~one),
    ),
    max_leaves=3,
)
comparisons = st.one_of(
    st.builds(lambda f, c: comparison(f, c), fields, simple | of_sets),
    st.builds(
        lambda a, b, c, n: comparison(left=a, right=b, comparator=c, name=n), fields, fields, simple, words
    ),
    st.builds(lambda c: comparison("x", "y", distance_km(*c)), counts),
    st.just(comparison("y", "m", "d", date_parts())),
    st.builds(lambda f, m: comparison(f, exact(), m=m, u=0.05), fields, st.floats(0.5, 0.999)),
    st.builds(lambda c, n: comparison(levels(c), name=n), conditions, words),
)
parts = st.one_of(
    fields,
    fields.map(soundex),
    fields.map(year),
    fields.map(daitch_mokotoff),
    st.builds(first, fields, st.integers(1, 9)),
    st.builds(last, fields, st.integers(1, 9)),
)
passes = st.one_of(
    st.lists(parts, min_size=1, max_size=3).map(lambda found: blocking_key(*found)),
    words.map(all_pairs),
    words.map(lambda path: pair_table(path)),
)
sources = st.builds(
    Source,
    name=words,
    path=words.map(lambda path: f"{path}/x.csv"),
    id=st.none() | st.just("rec"),
    truth=st.just(()) | st.just(("person",)),
    columns=st.dictionaries(fields, words.map(lambda word: f"c {word}"), max_size=2),
    delimiter=st.none() | st.sampled_from([";", "\t"]),
    quote=st.sampled_from(["", '"']),
    header=st.none() | st.booleans(),
)


@st.composite
def specs(draw: Any) -> Spec:
    some_sources = draw(st.lists(sources, max_size=3, unique_by=lambda one: one.name))
    some = draw(st.lists(comparisons, min_size=1, max_size=4, unique_by=lambda one: one.name))
    read = sorted({field for one in some for field in (*one.left, *one.right)})
    switch = st.none() | st.booleans()
    one_to_one = draw(st.booleans()) if len(some_sources) != 1 else False
    return Spec(
        name=draw(st.none() | words),
        kind=draw(st.none() | st.just("link")) if len(some_sources) != 1 else None,
        seed=draw(st.integers(0, 2**31)),
        sources=tuple(some_sources),
        normalise=Normalise(trim=draw(st.booleans()), casefold=draw(st.booleans())),
        fields={name: FieldSettings(trim=draw(switch)) for name in read if draw(st.booleans())},
        comparisons=tuple(some),
        passes=tuple(draw(st.lists(passes, min_size=1, max_size=3, unique_by=lambda one: one.label))),
        decision=Decision(one_to_one=one_to_one, scale="weight", upper=draw(st.floats(1, 20)), lower=-1.5),
        estimation=Estimation(tolerance=draw(st.floats(1e-12, 0.1))),
    )


@settings(max_examples=100, deadline=None)
@given(specs())
def test_every_specification_is_read_back_as_it_was(spec: Spec) -> None:
    assert parse_spec(dump_spec(spec)) == spec


@settings(max_examples=20, deadline=None)
@given(st.lists(comparisons, min_size=20, max_size=20))
def test_json_schema_knows_every_comparator(some: list[Comparison]) -> None:
    schema = json_schema()
    for one in some:
        spec = Spec(comparisons=(one,), passes=(all_pairs(),))
        assert list(violations(tomllib.loads(dump_spec(spec)), schema, schema)) == []


def test_the_strategies_leave_no_builder_out() -> None:
    # What this file builds specifications from, by the names that users call.
    built = {name for name in BUILDERS if name in globals()} | {"function"}
    assert built == set(BUILDERS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            Spec(
                comparisons=(comparison("a", Function(call=lambda x, y: 1.0, thresholds=(0.5,))),),
                passes=(all_pairs(),),
            ),
            "comparisons[0].comparator.call: found a value of type function, which TOML cannot hold",
        ),
        (
            Spec(
                sources=(Source(name="a", table=pl.DataFrame({"x": [1]})),),
                comparisons=(comparison("a", exact()),),
                passes=(all_pairs(),),
            ),
            "sources[0].table: found a value of type DataFrame, which TOML cannot hold",
        ),
    ],
)
def test_what_toml_cannot_hold_is_said(spec: Spec, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        dump_spec(spec)
    assert str(caught.value) == message


def test_plain_values_for_the_record_hold_no_password_and_no_table() -> None:
    spec = Spec(
        sources=(
            Source(name="a", table=pl.DataFrame({"x": [1]})),
            Source(name="b", uri="postgresql://me:secret@host/db", table="persons", id="rec"),
        ),
        comparisons=(comparison("x", exact()),),
        passes=(all_pairs(),),
    )
    assert plain(spec) == {
        "sources": [
            {"name": "a"},
            {"name": "b", "table": "persons", "uri": "postgresql://me:***@host/db", "id": "rec"},
        ],
        "comparisons": [{"field": "x", "comparator": {"type": "exact"}}],
        "passes": [{"type": "all_pairs"}],
    }


def test_given_m_and_u_need_neither_sources_nor_passes() -> None:
    spec = parse_spec('[[comparisons]]\nfield = "sex"\ncomparator = { type = "exact" }\nm = 0.8\nu = 0.1\n')
    assert spec.comparisons[0].m == pytest.approx((0.2, 0.8))
    assert spec.passes == ()


# Mistakes

COMPARATORS = ", ".join(
    f'"{name}"' for name in BUILDERS if name not in ("agrees", "comparison", "any_of", "function", "levels")
) + ', "any_of", "function", "levels"'  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            changed("seed = 7", "sede = 7"),
            [
                's.toml, line 3, linkage.sede: found an unknown key, expected one of "name", "kind", "mode", "seed", '
                '"most_pairs"; did you mean "seed"?'
            ],
        ),
        (
            changed("seed = 7", 'seed = "seven"'),
            ['s.toml, line 3, linkage.seed: found "seven", expected a whole number'],
        ),
        (
            changed("seed = 7", "seed = 1.5"),
            ["s.toml, line 3, linkage.seed: found 1.5, expected a whole number"],
        ),
        (
            changed("seed = 7", "seed = -1"),
            ["s.toml, line 3, linkage.seed: found -1, expected a number of at least 0"],
        ),
        (
            changed("seed = 7", 'kind = "lnik"'),
            [
                's.toml, line 3, linkage.kind: found "lnik", expected one of "link", "dedupe", "link_and_dedupe"; '
                'did you mean "link"?'
            ],
        ),
        (
            changed("seed = 7", 'mode = "sequental"'),
            [
                's.toml, line 3, linkage.mode: found "sequental", expected one of "union", "sequential"; '
                'did you mean "sequential"?'
            ],
        ),
        (
            "linkage = 3\n" + GOOD.split("\n\n", 1)[1],
            ["s.toml, line 1, linkage: found 3, expected a table of keys"],
        ),
        ("seed = 3\n" + GOOD, ["s.toml, line 1, seed: found at the top, expected in the table [linkage]"]),
        (
            changed("0.92, 0.85", '0.92, "high"'),
            ['s.toml, line 22, comparisons[0].comparator.thresholds[1]: found "high", expected a number'],
        ),
        (
            changed('comparator = { type = "date_parts" }', 'comparater = { type = "date_parts" }'),
            [
                "s.toml, line 26, comparisons[1].comparater: found an unknown key, expected one of "
                '"comparator", "left", "right", "name", "missing", "m", "u", "frequencies", "interpolate", "field", "fields"; did you mean "comparator"?'
            ],
        ),
        (
            changed('comparator = { type = "date_parts" }', ""),
            [
                "s.toml, line 24, comparisons[1].comparator: found nothing, "
                f'expected a table of keys with "type" one of {COMPARATORS}'
            ],
        ),
        (
            changed('"date_parts"', '"dateparts"'),
            [
                's.toml, line 26, comparisons[1].comparator.type: found "dateparts", '
                f'expected one of {COMPARATORS}; did you mean "date_parts"?'
            ],
        ),
        (
            changed('{ type = "date_parts" }', "{ order = 3 }"),
            [f's.toml, line 26, comparisons[1].comparator: found no "type", expected one of {COMPARATORS}'],
        ),
        (
            changed('{ type = "date_parts" }', '"date_parts"'),
            ['s.toml, line 26, comparisons[1].comparator: found "date_parts", expected a table of keys'],
        ),
        (
            changed('transform = "first"', 'transform = "frist"'),
            [
                's.toml, line 30, passes[0].parts[1].transform: found "frist", '
                'expected one of "value", "first", "last", "year", "soundex", "metaphone", "nysiis", "match_rating", '
                '"cologne", "each", "double_metaphone", "daitch_mokotoff"; did you mean "first"?'
            ],
        ),
        (
            changed("n = 4", 'n = "four"'),
            ['s.toml, line 30, passes[0].parts[1].n: found "four", expected a whole number'],
        ),
        (
            changed(", n = 4", ""),
            [
                "s.toml, line 30, passes[0].parts[1]: transform 'first' of field 'surname' "
                "needs n, the number of characters"
            ],
        ),
        (
            changed('"blocking_key"', '"block"'),
            [
                's.toml, line 29, passes[0].type: found "block", '
                'expected one of "blocking_key", "all_pairs", "pair_table", '
                '"sorted_neighbourhood", "canopy", "qgram_index", "minhash", "condition"'
            ],
        ),
        (
            changed("upper = 0.6", "upper = 0.6\nlower = 0.7"),
            [
                "s.toml, line 32, decision: the thresholds are in the wrong order: lower is 0.7 and upper is 0.6, "
                "but lower must not be above upper"
            ],
        ),
        (
            changed("one_to_one = true", 'one_to_one = "yes please"'),
            ['s.toml, line 33, decision.one_to_one: found "yes please", expected true or false'],
        ),
        (
            changed('path = "census.csv"', "path = 3"),
            ["s.toml, line 7, sources[0].path: found 3, expected a path"],
        ),
        (
            changed('truth = ["person"]', "truth = true"),
            ["s.toml, line 9, sources[0].truth: found true, expected a list"],
        ),
        (
            changed('columns = { surname = "last name" }', "columns = { surname = 3 }"),
            ["s.toml, line 10, sources[0].columns.surname: found 3, expected text"],
        ),
        (
            changed('name = "survey"', 'name = "census"'),
            [
                's.toml, line 13, sources[1].name: found "census", which names sources[0] too; expected another'
            ],
        ),
        (
            changed("[fields.born]", "[fields.bron]"),
            [
                's.toml, line 16, fields.bron: found "bron", expected a field that a comparison or a pass reads; '
                'did you mean "born"?'
            ],
        ),
        (
            changed('{ surname = "last name" }', '{ surname = "person" }'),
            [
                's.toml, line 20, comparisons[0]: found the field "surname", which is the truth column "person" of '
                'source "census"; expected a field that a linkage may read',
                's.toml, line 28, passes[0]: found the field "surname", which is the truth column "person" of '
                'source "census"; expected a field that a linkage may read',
            ],
        ),
        (
            changed('["postcode", ', '["rec", '),
            [
                's.toml, line 28, passes[0]: found the field "rec", which is the record id "rec" of source "census"; '
                "expected a field that says something about the record"
            ],
        ),
        (
            changed("seed = 7", 'kind = "dedupe"'),
            [
                's.toml, line 3, linkage.kind: found "dedupe" with 2 sources, '
                'expected "link" or "link_and_dedupe"'
            ],
        ),
        (
            changed("seed = 7", 'kind = "link_and_dedupe"'),
            [
                's.toml, line 33, decision.one_to_one: found true with kind "link_and_dedupe", expected false: '
                "one-to-one is for links between files, not within them"
            ],
        ),
        (
            changed('[[comparisons]]\nfield = "born"', '[[comparisons]]\nname = "surname"\nfield = "born"'),
            [
                's.toml, line 25, comparisons[1].name: found "surname", which names comparisons[0] too; '
                "expected another"
            ],
        ),
        (
            GOOD.split("[[passes]]")[0],
            [
                's.toml, passes: found none, expected at least one: a blocking key, or type = "all_pairs" where '
                "every pair is to be compared"
            ],
        ),
        ("", ["s.toml, comparisons: found none, expected at least one"]),
        ("comparisons = []", ["s.toml, line 1, comparisons: found none, expected at least one"]),
        (
            changed("${SURVEY:-data}", "${TALLYSTICK_NOT_SET}"),
            [
                "s.toml, line 14, sources[1].path: found the environment variable TALLYSTICK_NOT_SET, "
                "which is not set; expected it to be set, or a default as in ${TALLYSTICK_NOT_SET:-folder}"
            ],
        ),
        (changed("seed = 7", "seed = "), ["s.toml: not valid TOML: invalid value, at line 3, column 8"]),
        (
            'comparisons = [\n  { field = "a", comparator = { type = "exact" } },\n'
            '  { field = "b", comparator = { type = "exact", x = 1 } },\n]',
            ['s.toml, line 1, comparisons[1].comparator.x: found an unknown key, expected "type"'],
        ),
    ],
)
def test_a_mistake_is_told_in_a_sentence(text: str, sentences: list[str]) -> None:
    assert problems(text) == sentences


def test_all_mistakes_are_told_in_the_order_of_the_file() -> None:
    text = (
        GOOD.replace("seed = 7", "seed = x1")
        .replace("x1", "-1")
        .replace("upper", "uper")
        .replace("n = 4", "m = 4")
    )
    assert [sentence.split(":")[0] for sentence in problems(text)] == [
        "s.toml, line 3, linkage.seed",
        "s.toml, line 30, passes[0].parts[1].m",
        "s.toml, line 34, decision.uper",
    ]


def test_mistakes_in_conditions_have_their_own_path() -> None:
    text = GOOD.replace(
        '{ type = "date_parts" }',
        '{ type = "levels", conditions = [{ all = [{ field = "born", comparator = { type = "exct" } }, '
        '{ comparator = { type = "exact" } }] }] }',
    ).replace('field = "born"\ncomparator', "comparator")
    found = problems(text)
    assert found[0].startswith(
        's.toml, line 25, comparisons[1].comparator.conditions[0].all[0].comparator.type: found "exct", expected one of'
    )
    assert found[0].endswith('did you mean "exact"?')
    assert found[1] == (
        "s.toml, line 25, comparisons[1].comparator.conditions[0].all[1].left: "
        'found nothing, expected a list, or instead one of "field", "fields"'
    )


def test_a_value_that_is_of_no_kind_that_would_do_is_told_once() -> None:
    condition = '{ field = "born", comparator = { type = "exact" }, at_least = [1] }'
    text = GOOD.replace('{ type = "date_parts" }', f'{{ type = "levels", conditions = [{condition}] }}')
    assert problems(text.replace('field = "born"\ncomparator', "comparator")) == [
        "s.toml, line 25, comparisons[1].comparator.conditions[0].at_least: found [1], expected a whole number or text"
    ]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: jaro_winkler(1.5),
            "jaro_winkler, thresholds: the threshold 1.5 is out of range: use more than 0 and less than 1",
        ),
        (lambda: first("a", 0), "key_part, n: found 0, expected a number of at least 1"),
        (
            lambda: Decision(scale="wait"),
            'decision, scale: found "wait", expected one of "posterior", "weight"; did you mean "weight"?',
        ),  # type: ignore[arg-type]
        (
            lambda: Spec(
                comparisons=[{"field": "a", "comparator": {"type": "exact"}}],
                passes=[{"type": "all_pairs"}],
                seed=-1,
            ),  # type: ignore[arg-type,list-item]
            "linkage, seed: found -1, expected a number of at least 0",
        ),
        (
            lambda: Spec(comparisons=[{"field": "a", "comparator": {"type": "exact"}}]),  # type: ignore[arg-type,list-item]
            'linkage, passes: found none, expected at least one: a blocking key, or type = "all_pairs" where every pair is to be compared',
        ),
        (lambda: Estimation(tolerance=None), "estimation, tolerance: found nothing, expected a number"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_in_python_are_told_alike(build: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        build()
    assert str(caught.value) == message
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_kind_follows_from_the_number_of_sources() -> None:
    spec = Spec(
        comparisons=(comparison("a", exact()),), passes=(all_pairs(),), decision=Decision(one_to_one=True)
    )
    assert spec.kind_of(2) == "link"
    with pytest.raises(SpecError, match='found true with kind "dedupe", expected false'):
        spec.kind_of(1)
    both = Spec(kind="link_and_dedupe", comparisons=(comparison("a", exact()),), passes=(all_pairs(),))
    assert both.kind_of(3) == "link_and_dedupe"
    with pytest.raises(SpecError, match='found "link_and_dedupe" with one source'):
        both.kind_of(1)


def test_no_field_of_a_comparison_may_be_an_answer() -> None:
    files = (Source(name="a", path="a.csv"), Source(name="b", path="b.csv", truth=("birth",)))
    compared = comparison(left="born", right="birth", comparator=exact())
    with pytest.raises(
        SpecError, match='found the field "birth", which is the truth column "birth" of source "b"'
    ):
        Spec(sources=files, comparisons=(compared,), passes=(all_pairs(),))


# Files, paths and variables


def test_load_reads_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_spec(path) == parse_spec(GOOD)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value) == f"{path}: the specification cannot be read (No such file or directory)"
    path.write_bytes(b"[linkage]\nname = '\xe9'\n")
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value) == f"{path}, line 2: found bytes that are not UTF-8; save it as UTF-8"


def test_variables_and_folders_are_resolved_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = parse_spec(GOOD)
    assert str(spec.sources[1].path) == "${SURVEY:-data}/survey.csv"
    monkeypatch.delenv("SURVEY", raising=False)
    assert [source.path for source in resolved(spec, tmp_path).sources] == [
        tmp_path / "census.csv",
        tmp_path / "data" / "survey.csv",
    ]
    monkeypatch.setenv("SURVEY", "/mnt/survey")
    assert resolved(spec, tmp_path).sources[1].path == Path("/mnt/survey/survey.csv")
    assert resolved(spec, tmp_path).comparisons == spec.comparisons
    tables = Spec(
        comparisons=(comparison("a", exact()),), passes=(pair_table("${SURVEY}/p.csv"), all_pairs())
    )
    assert resolved(tables, tmp_path).passes[0] == pair_table("/mnt/survey/p.csv")


def test_a_uri_may_be_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Source(name="a", uri="${TALLYSTICK_TEST_URI}", table="persons", id="rec")
    spec = Spec(sources=(database,), comparisons=(comparison("a", exact()),), passes=(all_pairs(),))
    monkeypatch.setenv("TALLYSTICK_TEST_URI", "sqlite:///a.db")
    assert resolved(spec).sources[0].uri == "sqlite:///a.db"
    monkeypatch.setenv("TALLYSTICK_TEST_URI", "gopher:///a.db")
    with pytest.raises(SpecError, match="a uri must begin with sqlite:// or postgresql://"):
        resolved(spec)
    monkeypatch.delenv("TALLYSTICK_TEST_URI")
    with pytest.raises(
        SpecError, match=r"^sources\[0\].uri: found the environment variable TALLYSTICK_TEST_URI"
    ):
        resolved(spec)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain/$HOME", "plain/$HOME"),
        ("${A}", "one"),
        ("x${A}${A:-two}y", "xoneoney"),
        ("${EMPTY:-two}", "two"),
        ("${EMPTY}", ""),
        ("${NOT:-../../shared/data}/a.csv", "../../shared/data/a.csv"),
        ("${NOT:-}a", "a"),
    ],
)
def test_expansion(text: str, value: str) -> None:
    assert expand(text, {"A": "one", "EMPTY": ""}) == value


# Parts


def test_lines_of_nested_tables_and_values_over_several_lines() -> None:
    text = 'a = [\n  1,\n]\n# c\nb.c = 1\n\n[[d]]\nx = """\ny = 1\n"""\n[[d.e]]\nf = { g = [1] }\n[[d]]\n[[d.e]]\n[d.h]\n"i j" = 2\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("a", 0): 1,
        ("b",): 5,
        ("b", "c"): 5,
        ("d", 0): 7,
        ("d", 0, "x"): 8,
        ("d", 0, "e", 0): 11,
        ("d", 0, "e", 0, "f"): 12,
        ("d", 0, "e", 0, "f", "g"): 12,
        ("d", 0, "e", 0, "f", "g", 0): 12,
        ("d", 1): 13,
        ("d", 1, "e", 0): 14,
        ("d", 1, "h"): 15,
        ("d", 1, "h", "i j"): 16,
    }


def test_words() -> None:
    assert nearest("LEVENSTEIN", ["levenshtein", "jaro"]) == "levenshtein"
    assert nearest(3, ["3"]) is None
    assert written_path(("a b", 0, "c")) == '"a b"[0].c'
    assert shown("x" * 100) == '"' + "x" * 55 + '..."'
    assert shown([True, None, {"a": 1}]) == "[true, nothing, a table of keys]"
    assert shown(object()) == "a value of type object"


# JSON Schema


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "") -> Any:
    """What a value has against the part of JSON Schema that pydantic writes."""
    if "$ref" in schema:
        yield from violations(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, where)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            fit = sum(not list(violations(value, one, root, where)) for one in schema[key])
            if fit == 0 or (key == "oneOf" and fit > 1):
                yield f"{where}: {fit} of {key}"
    kinds = {
        "string": (str, date),  # editors take a date of TOML for a text
        "array": list,
        "object": dict,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(
        isinstance(value, kinds[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in types
    ):
        yield f"{where}: not {types}"
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        yield f"{where}: not the constant"
    if "not" in schema and not list(violations(value, schema["not"], root, where)):
        yield f"{where}: not"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for key, inner in value.items():
            other = schema.get("additionalProperties", True)
            if key in known:
                yield from violations(inner, known[key], root, f"{where}.{key}")
            elif other is False:
                yield f"{where}.{key}: unknown"
            elif isinstance(other, dict):
                yield from violations(inner, other, root, f"{where}.{key}")
        yield from (f"{where}.{key}: missing" for key in schema.get("required", []) if key not in value)
    if isinstance(value, list):
        prefix = schema.get("prefixItems", [])
        for number, inner in enumerate(value):
            item = prefix[number] if number < len(prefix) else schema.get("items", {})
            yield from violations(inner, item, root, f"{where}[{number}]")
        if len(value) < schema.get("minItems", 0):
            yield f"{where}: too few"
    if isinstance(value, (int, float)) and (
        value < schema.get("minimum", value) or value <= schema.get("exclusiveMinimum", value - 1)
    ):
        yield f"{where}: too small"


@pytest.mark.parametrize(
    ("old", "new", "valid"),
    [
        ("seed = 7", "seed = 8", True),
        ('field = "born"', 'fields = ["born"]', True),
        ('field = "born"', 'left = "born"\nright = ["born"]', True),
        ("seed = 7", "sede = 7", False),
        ("seed = 7", 'mode = "sequential"', True),
        ('"date_parts"', '"dateparts"', False),
        ('"date_parts"', '"function", call = "f", thresholds = [1]', False),
        ("[0.92, 0.85]", '["high"]', False),
        ('type = "blocking_key"', "", False),
        ("upper = 0.6", 'upper = "x"', False),
        ("n = 4", "n = 0", False),
    ],
)
def test_json_schema_accepts_what_is_valid_and_refuses_what_is_not(old: str, new: str, valid: bool) -> None:
    schema = json_schema()
    found = list(violations(tomllib.loads(changed(old, new)), schema, schema))
    assert (found == []) == valid, found


def test_json_schema_is_documented() -> None:
    schema = json_schema()
    undocumented = [
        f"{name}.{key}"
        for name, definition in [("", schema), *schema["$defs"].items()]
        for key, value in definition.get("properties", {}).items()
        if "description" not in value and "const" not in value and "$ref" not in value
    ]
    assert undocumented == []
    assert (
        schema["$defs"]["Decision"]["properties"]["upper"]["description"]
        == "At or above it a pair is a link."
    )


def test_json_schema_accepts_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_FEBRL", "febrl")
    folder = Path(__file__).parents[1] / "examples"
    schema = json_schema()
    paths = sorted(folder.glob("*.toml"))
    assert paths, "examples/ holds no specification"
    for path in paths:
        assert list(violations(tomllib.loads(path.read_text("utf-8")), schema, schema)) == [], path.name
        assert dump_spec(parse_spec(path.read_text("utf-8"))), path.name
