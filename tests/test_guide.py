"""The guide names what there is: every comparator, every key of a specification, every public name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel, TypeAdapter

import tallystick
from tallystick._nicknames import versions_in
from tallystick.blocking.indexes import (
    Canopy,
    MinHash,
    PairCondition,
    QgramIndex,
    SortedNeighbourhood,
    TextIndex,
)
from tallystick.blocking.parts import KeyPart, Transform
from tallystick.blocking.passes import AllPairs, BlockingKey, PairTable
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.union import AnyComparator, FieldComparator
from tallystick.estimation.settings import Estimation
from tallystick.linking.decision import Decision
from tallystick.linking.deterministic import MOST_LINKS
from tallystick.linking.match_settings import Match, MatchKey, MatchTransform
from tallystick.linking.matched import LISTED
from tallystick.preparation.normalise import FieldSettings, Normalise
from tallystick.preparation.source import SUFFIXES, Source
from tallystick.spec import Spec, parse_spec

DOCS = Path(__file__).resolve().parent.parent / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_comparator_has_a_line_that_is_valid() -> None:
    lines = re.findall(r"^    (\{ type = .*\})$", page("guide/comparison.md"), re.M)
    shown = [tomllib.loads(f"comparator = {line}")["comparator"] for line in lines]
    for one in shown:
        TypeAdapter(AnyComparator).validate_python(one)
    types = {model.model_fields["type"].default for model in get_args(get_args(FieldComparator)[0])}
    assert {one["type"] for one in shown} == types


def test_the_example_of_conditions_is_valid() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", page("guide/comparison.md"), re.S)
    levels = [block for block in blocks if '"levels"' in block]
    assert len(levels) == 1
    spec = parse_spec(levels[0] + '[[passes]]\ntype = "all_pairs"\n')
    assert spec.comparisons[0].labels == ("none of the levels above", "surname", "swapped", "both")


def test_the_example_of_a_specification_is_valid() -> None:
    block = re.findall(r"```toml\n(.*?)```", page("guide/specification.md"), re.S)[0]
    assert parse_spec(block).decision.one_to_one


@pytest.mark.parametrize(
    "model",
    [
        Spec,
        Source,
        Normalise,
        FieldSettings,
        Comparison,
        BlockingKey,
        PairTable,
        Decision,
        Estimation,
        Match,
        MatchKey,
    ],
)
def test_every_key_is_in_the_page_of_the_specification(model: type[BaseModel]) -> None:
    text = page("guide/specification.md")
    for key in model.model_fields:
        assert re.search(rf"\b{key}\b", text), key


def test_passes_and_formats_are_in_their_pages() -> None:
    blocking, preparation = page("guide/blocking.md"), page("guide/preparation.md")
    spelling = (Canopy, MinHash, QgramIndex)
    for model in (AllPairs, BlockingKey, PairTable, PairCondition, SortedNeighbourhood, *spelling):
        assert f'"{model.model_fields["type"].default}"' in blocking
    for one in spelling:
        for key in one.model_fields.keys() - TextIndex.model_fields.keys() - {"type"}:
            assert f"`{key}` = {one.model_fields[key].default}" in blocking
    for transform in get_args(Transform):
        assert transform == KeyPart(field="a").transform or f'"{transform}"' in blocking
    for suffix in SUFFIXES:
        assert f"`{suffix}`" in preparation


def test_match_keys_and_their_transforms_are_in_their_page() -> None:
    text = page("guide/deterministic.md")
    spec = parse_spec(re.findall(r"```toml\n(.*?)```", text, re.S)[0])
    assert spec.match is not None
    assert [key.least for key in spec.match.keys] == [4, 3, 3]
    for one in get_args(MatchTransform):
        for transform in get_args(one) or (one,):
            assert transform == KeyPart(field="a").transform or f"`{transform}`" in text
    assert f"at most {LISTED} candidates" in text
    assert f"{MOST_LINKS // 10**6} million" in text
    assert f"{len(versions_in('english'))} forenames" in text


def test_defaults_are_as_the_pages_say() -> None:
    assert Decision() == Decision(one_to_one=False, scale="posterior", upper=0.5, lower=0.1)
    expected = Estimation(
        max_iterations=1000, tolerance=1e-6, random_pairs=5_000_000, start_agreement=0.9, prior_matches=5
    )
    assert Estimation() == expected
    assert Normalise() == Normalise(
        trim=True, casefold=True, nfc=True, empty_is_missing=True, integers=True, dates=True
    )


def test_public_names_are_in_the_reference() -> None:
    table = page("reference/index.md").split("## Names of the package itself")[1]
    named = set(re.findall(r"`(\w+)`", table)) - {"import"}
    assert named == set(tallystick.__all__) - {"__version__"}
