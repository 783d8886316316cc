"""What holds for every step: none changes its own output, none changes the number of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.preparation.prepare import prepare_table
from tallystick.preparation.settings import Preparation
from tallystick.preparation.steps.any_step import AnyStep
from tallystick.spec import Spec, dump_spec, json_schema, parse_spec, resolved

STEPS: dict[str, dict[str, Any]] = {
    "missing": {"names": True},
    "text": {"case": "lower", "punctuation": "space", "digits": "remove"},
    "fold": {"digraphs": "german"},
    "repair": {},
    "codes": {"codes": ["1", "2"], "recode": {"m": "1", "f": "2"}},
    "date": {"two_digit_years": {"pivot": 30}, "into": {"year": "year"}},
    "join_date": {"into": "when", "month": "y", "day": "z"},
    "split_date": {"into": {"year": "year"}},
    "split_name": {},
    "remove_words": {"dictionary": "titles"},
    "spelling": {},
    "correct_spelling": {"ratio": 2, "least": 2, "min_length": 3},
    "nickname": {"first_word": True},
    "swapped_names": {"forename": "x", "surname": "y"},
    "split_address": {"country": "GB"},
    "standard_words": {"dictionary": "street_types", "country": "US"},
    "postcode": {"country": "GB", "into": {"outward": "outward"}},
    "identifier": {"scheme": "gb.nhs"},
    "telephone": {"country": "GB"},
    "email": {"provider_rules": True},
    "phonetic": {"code": "soundex"},
}
"""A setting of each step."""

PIECES = [
    *("Smith", "SMITH", "o’neil", "Müller", "MÃ¼ller", "Dr.", "van", "de", "Bill", "Anna", "anna", "Jr", ","),
    *("-", "  ", "12", "12A", "High", "St", "Flat", "London", "SW1A 1AA", "1980", "01/02/1980", "31.12.79"),
    *("5 May", "n/a", "9999", "m", "f", "1", "943 476 5919", "020 7946 0958", "a.b@example.org", "李", "€"),
    *("\x00", "(", "'", "II"),
]
VALUES = st.one_of(
    st.none(),
    st.lists(st.sampled_from(PIECES), min_size=0, max_size=5).map(" ".join),
    st.text(max_size=12),
)
TABLES = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=12)


def test_every_step_is_here() -> None:
    kinds = [model.model_fields["type"].default for model in get_args(get_args(AnyStep)[0])]
    assert sorted(kinds) == sorted(STEPS)


@pytest.fixture(scope="module")
def spellings(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("words") / "spellings.csv"
    path.write_text("variant,standard\nbill,William\nanna,Ann\nSMITH,Smyth\n")
    return str(path)


@pytest.mark.filterwarnings("ignore::tallystick.errors.TallystickWarning")
@pytest.mark.parametrize("kind", STEPS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=TABLES)
def test_a_step_changes_nothing_of_its_own_output(
    spellings: str, kind: str, rows: list[tuple[str | None, ...]]
) -> None:
    step = {"type": kind, **STEPS[kind]}
    if kind == "spelling":
        step["dictionary"] = spellings
    preparation = Preparation(fields=[{"field": "x", "steps": [step]}])  # type: ignore[list-item]
    if kind == "swapped_names":
        preparation = Preparation(fields=[{"field": "y", "steps": [step]}])  # type: ignore[list-item]
    table = pl.DataFrame(rows, schema=dict.fromkeys("xyz", pl.String), orient="row")
    once = prepare_table(table, preparation, ["x", "y", "z"])
    assert once.n_records == len(rows)
    assert once.ids.to_list() == [str(k + 1) for k in range(len(rows))]
    for count in once.steps:
        assert count.n_records == len(rows)
        assert all(0 < n <= len(rows) for n in (*count.rules.values(), *count.reported.values()))
    again = prepare_table(
        pl.DataFrame({name: once.columns[name] for name in "xyz"}), preparation, ["x", "y", "z"]
    )
    written = preparation.fields[0].writes
    kept = {name: once.columns[name].to_list() for name in written}
    assert {name: again.columns[name].to_list() for name in written} == kept


def test_every_step_is_the_same_in_toml_and_python() -> None:
    steps = [{"type": kind, **STEPS[kind]} for kind in STEPS]
    next(step for step in steps if step["type"] == "spelling")["dictionary"] = "words.csv"
    preparation = Preparation(fields=[{"field": "x", "steps": steps}])  # type: ignore[list-item]
    spec = Spec(prepare=preparation)
    assert parse_spec(dump_spec(spec)) == spec
    assert resolved(spec, "/folder").prepare.files() == ("/folder/words.csv",)  # type: ignore[union-attr]


def test_every_step_is_in_the_guide_and_in_the_schema() -> None:
    guide = Path(__file__).parent.parent / "docs" / "guide"
    table = (guide / "prepare.md").read_text(encoding="utf-8")
    pages = "".join(page.read_text(encoding="utf-8") for page in guide.glob("*.md"))
    for model in get_args(get_args(AnyStep)[0]):
        kind = model.model_fields["type"].default
        assert f"`{kind}`" in table, kind
        for key in model.model_fields.keys() - {"type"}:
            assert f"`{key}`" in pages or f"{key} =" in pages, (kind, key)
    definitions = json_schema()["$defs"]
    items = definitions["PreparedField"]["properties"]["steps"]["items"]
    assert {"type": "string"} in items.get("anyOf", [])
