"""Code lists: recodes, values outside the list, and lists that cannot be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, SpecError
from tallystick.preparation.steps.codes import CodeList
from tallystick.preparation.steps.step import Applied, Context

SEX = {"codes": ("1", "2"), "recode": {"m": "1", "Male": "1", "f": "2", "female": "2"}}


def run(step: CodeList, values: list[str | None], n: list[int] | None = None) -> Applied:
    """A step over distinct values of one field."""
    frame = pl.DataFrame({"sex": pl.Series(values, dtype=pl.String)})
    return step.apply(frame, np.array(n or [1] * len(values), np.int64), Context())


def made(step: CodeList, *values: str | None) -> list[str | None]:
    """What the step makes of them."""
    return run(step, list(values)).columns["sex"].to_list()


def test_values_become_codes_and_others_are_missing_and_counted() -> None:
    values = ["M", " male", "F", "1", "2", "x", "9", None]
    found = run(CodeList(**SEX), values)  # type: ignore[arg-type]
    assert found.columns["sex"].to_list() == ["1", "1", "2", "1", "2", None, None, None]
    assert {rule: np.flatnonzero(which).tolist() for rule, which in found.changed.items()} == {
        'becomes "1"': [0, 1],
        'becomes "2"': [2],
        "outside the code list: set missing": [5, 6],
    }
    assert {reason: which.sum() for reason, which in found.reported.items()} == {"outside the code list": 2}


def test_values_outside_can_stay_or_stop_the_run() -> None:
    kept = run(CodeList(**SEX, outside="keep"), ["m", "x", None])  # type: ignore[arg-type]
    assert kept.columns["sex"].to_list() == ["1", "x", None]
    assert list(kept.changed) == ['becomes "1"']
    assert kept.reported["outside the code list"].tolist() == [False, True, False]
    strict = CodeList(**SEX, outside="error")  # type: ignore[arg-type]
    assert made(strict, "m", None) == ["1", None]
    with pytest.raises(InputError, match="12 records of the field 'sex' hold 2 values outside its code list"):
        run(strict, ["m", "secret", "other"], [1, 5, 7])


def test_case_counts_where_it_is_said_to() -> None:
    step = CodeList(codes=("M", "m"), recode={"Male": "M", "male": "m"}, fold_case=False)
    assert made(step, "M", "m", "Male", "male", "MALE") == ["M", "m", "M", "m", None]
    with pytest.raises(SpecError, match="'M' and 'm' differ in case only"):
        CodeList(codes=("M", "m"))
    assert made(CodeList(codes=("M", "F")), "m", "f ", "M") == ["M", "F", "M"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "needs codes, recode or path"),
        ({"codes": ("1",), "recode": {"m": "2"}}, "recode makes 'm' '2', which is not one of the codes"),
        ({"codes": ("1", "2"), "recode": {"1": "2"}}, "recode makes '1', which is a code itself, '2'"),
        ({"recode": {"a": "b", "B": "c"}}, "recode makes 'B', which is a code itself, 'c'"),
        ({"codes": ("1", "2"), "recode": {"m": "1", "M": "2"}}, "gives 'M' two codes, '1' and '2'"),
        ({"codes": (" 1",)}, "empty or has spaces"),
        ({"codes": ("",)}, "empty or has spaces"),
        ({"codes": ("1",), "outside": "drop"}, "outside"),
    ],
)
def test_lists_that_cannot_be_right(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        CodeList(**wrong)


def test_a_file_of_codes(tmp_path: Path) -> None:
    path = tmp_path / "sex.csv"
    path.write_text("value,code\nmale,1\nMale,1\nfemale,2\n")
    step = CodeList(path=str(path), recode={"man": "1"})
    step.check()
    assert step.files() == {"path": str(path)}
    assert made(step, "MALE", "man", "Female", "2", "x") == ["1", "1", "2", "2", None]


@pytest.mark.parametrize(
    ("text", "codes", "words"),
    [
        ("value,code\nm,1\nM,2\n", (), "row 2 gives a value another code"),
        (
            "value,code\nm,1\nf,3\n",
            ("1", "2"),
            "makes 'f' '3', which is not one of the codes; correct the file",
        ),
        ("value,code\nm,1\n1,2\n", (), "makes '1', which is a code itself"),
        ("value,code\nm,\n", (), "row 1 of the code list lacks a value"),
        ("value\nm\n", (), "code"),
        (None, (), "sex.csv"),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, text: str | None, codes: tuple[str, ...], words: str
) -> None:
    path = tmp_path / "sex.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words):
        CodeList(path=str(path), codes=codes).check()


@given(
    st.lists(
        st.one_of(st.none(), st.text(st.sampled_from("mMfF12 xß"), max_size=3)), max_size=8, unique=True
    ),
    st.sampled_from(["missing", "keep"]),
    st.booleans(),
)
@settings(max_examples=80)
def test_idempotent(values: list[str | None], outside: Any, fold_case: bool) -> None:
    step = CodeList(**SEX, outside=outside, fold_case=fold_case)  # type: ignore[arg-type]
    found = run(step, values)
    new = found.columns["sex"]
    assert run(step, new.to_list()).changed == {}
    assert outside == "keep" or set(new.drop_nulls()) <= {"1", "2"}
    outside_list = found.reported.get("outside the code list", np.zeros(len(values), bool))
    for value, code, told in zip(values, new, outside_list, strict=True):
        assert value is None or code is not None or told
