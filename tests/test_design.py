"""Formulas and tables to arrays in the order of an error model: by name, nothing dropped in silence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tallystick.analysis import exchangeable, incomplete, regression
from tallystick.analysis.design import new_columns, read_design
from tallystick.errors import InputError

NAMES = np.array(["p", "q", "r", "s", "t", "u"])
COLUMNS = {
    "id": NAMES.tolist(),
    "y": [1.0, 2.0, 4.0, 3.0, 6.0, 5.0],
    "x": [1, 2, 3, 4, 5, 6],
    "kind": ["b", "a", "c", "a", "b", "c"],
    "flag": [True, False, True, True, False, False],
}
MODEL = exchangeable([0, 0, 0, 1, 1, 1], 0.8, index=NAMES)
PLAIN = exchangeable([0, 0, 0, 1, 1, 1], 0.8)


@pytest.mark.parametrize(
    "made",
    [
        lambda: COLUMNS,
        lambda: pl.DataFrame(COLUMNS),
        lambda: pd.DataFrame(COLUMNS),
        lambda: pa.table(COLUMNS),
        lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("kind").cast(pl.Enum(["a", "b", "c"]))),
        lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("kind").cast(pl.Categorical)),
        lambda: {name: np.array(values) for name, values in COLUMNS.items()},
    ],
)
def test_any_table_will_do(made: Any) -> None:
    found = read_design("y ~ x + kind + flag", made(), MODEL, index="id")
    assert found.names == ("Intercept", "x", "kind[T.b]", "kind[T.c]", "flag")
    np.testing.assert_array_equal(found.y, COLUMNS["y"])
    kinds = np.array(COLUMNS["kind"])
    expected = np.column_stack([np.ones(6), COLUMNS["x"], kinds == "b", kinds == "c", COLUMNS["flag"]])
    np.testing.assert_array_equal(found.X, expected)


def test_rows_are_put_in_order_by_name() -> None:
    order = [3, 1, 5, 0, 4, 2]
    expected = regression("y ~ x", pl.DataFrame(COLUMNS), MODEL, index="id", weights="x")
    for shuffled, index in (
        (pl.DataFrame(COLUMNS)[order], "id"),
        (pd.DataFrame(COLUMNS).set_index("id").iloc[order], None),
    ):
        found = regression("y ~ x", shuffled, MODEL, index=index, weights="x")
        np.testing.assert_array_equal(found.params, expected.params)
        numbers = regression("y ~ x", shuffled, MODEL, index=index, weights=np.array(COLUMNS["x"])[order])
        np.testing.assert_array_equal(numbers.params, expected.params)
    assert list(found.fittedvalues.index) == list(found.resid.index) == NAMES.tolist()


def test_a_register_gives_the_covariates() -> None:
    model = incomplete([0] * 3 + [1] * 3, 0.8, ["u", "p", "r"], register_index=NAMES, index=["k", "l", "m"])
    links = {"link": ["m", "k", "l"], "y": [3.0, 1.0, 2.0], "x": [9, 9, 9]}
    register = pl.DataFrame(COLUMNS)[[5, 4, 3, 2, 1, 0]]
    found = read_design("y ~ x", links, model, index="link", register=register, register_index="id")
    np.testing.assert_array_equal(found.y, [1, 2, 3])
    np.testing.assert_array_equal(found.X[:, 1], COLUMNS["x"])
    result = regression("y ~ x", links, model, index="link", register=register, register_index="id")
    assert (result.nobs, len(result.fittedvalues), len(result.resid)) == (3, 6, 3)
    assert "No. Register" in str(result)
    with pytest.raises(InputError, match=r"of links to a register of 6 records.*register="):
        read_design("y ~ x", links, model, index="link")


DAYS = [date(2020, 1, 1 + k) for k in range(6)]


def test_numbers_held_as_objects_are_numbers() -> None:
    whole = pd.DataFrame(COLUMNS).set_index("id")
    expected = regression("y ~ x", whole, MODEL).params
    for kind in (object, "Int64", "float32"):
        found = regression("y ~ x", whole.astype({"x": kind}), MODEL).params
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    decimals = [Decimal(str(value)) for value in COLUMNS["x"]]
    np.testing.assert_allclose(regression("y ~ x", whole.assign(x=decimals), MODEL).params, expected)


def without(name: str, at: int) -> pl.DataFrame:
    column = [None if k == at else value for k, value in enumerate(COLUMNS[name])]
    return pl.DataFrame(COLUMNS).with_columns(pl.Series(name, column))


@pytest.mark.parametrize(
    ("formula", "data", "options", "message"),
    [
        ("y ~ x + z", COLUMNS, {}, "there is no column 'z'; there are 'id', 'y', 'x', 'kind', 'flag'"),
        ("y ~ x +", COLUMNS, {}, "formula .* cannot be read"),
        ("~ x", COLUMNS, {}, "write outcome, tilde, covariates"),
        ("x", COLUMNS, {}, "write outcome, tilde, covariates"),
        ("kind ~ x", COLUMNS, {}, "the outcome 'kind' holds categories"),
        ("kind ~ x", COLUMNS | {"kind": ["a"] * 6}, {}, "the outcome 'kind' holds categories"),
        ("C(kind) ~ x", COLUMNS, {}, "the outcome has [23] columns"),
        ("y ~ x", COLUMNS | {"x": DAYS}, {}, "the column 'x' holds dates"),
        ("y ~ x", COLUMNS | {"x": np.array(DAYS, "datetime64[D]")}, {}, "the column 'x' holds dates"),
        ("y ~ x", pl.DataFrame(COLUMNS | {"x": DAYS}), {}, "the column 'x' holds dates"),
        (
            "y ~ kind",
            COLUMNS | {"kind": pd.Categorical([*"abcabc"], [*"abcd"])},
            {},
            "a category that no row",
        ),
        ("y ~ x", COLUMNS | {"x": list("uvwxyz")}, {}, "as many columns as there are links"),
        ("y ~ x", pd.DataFrame(COLUMNS), {"index": None}, "are only numbered: say with index="),
        ("y + x ~ 1", COLUMNS, {}, "the outcome has 2 columns"),
        ("y ~ 0", COLUMNS, {}, "no covariate and no constant"),
        ("y ~ nosuch(x)", COLUMNS, {}, "there is no column 'nosuch'|cannot be made of the data"),
        (
            "y ~ np.sqrt(x - 2)",
            COLUMNS,
            {},
            r"1 values of 'np.sqrt\(x - 2\)' in the data are missing or infinite",
        ),
        ("y ~ x", without("x", 2), {}, r"missing in 'x' \(1\) of 6 rows"),
        ("y ~ kind", without("kind", 2), {}, r"missing in 'kind' \(1\)"),
        ("y ~ x", without("id", 2), {}, "'id', which names the rows, has missing values"),
        ("y ~ x", COLUMNS, {"index": None}, "say with index= which column"),
        (
            "y ~ x",
            COLUMNS | {"id": list("pqrstx")},
            {},
            "6 rows that the error model names 1 are not in it, and 1",
        ),
        ("y ~ x", COLUMNS | {"id": list("pqrstt")}, {}, "1 names of rows stand there before"),
        ("y ~ x", {name: values[:5] for name, values in COLUMNS.items()}, {}, "1 are not in it, and 0"),
        ("y ~ x", COLUMNS, {"weights": [1.0]}, "there are 1 of them and 6 rows"),
        ("y ~ x", COLUMNS, {"weights": "w"}, "no column 'w'"),
        ("y ~ x", 5, {}, "give a polars or pandas DataFrame"),
        ("y ~ x", pl.LazyFrame(COLUMNS), {}, "not LazyFrame"),
    ],
)
def test_bad_input_is_refused(formula: str, data: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        regression(formula, data, MODEL, **({"index": "id"} | options))


def test_names_on_one_side_alone_are_refused() -> None:
    with pytest.raises(InputError, match="could only be taken by position"):
        read_design("y ~ x", COLUMNS, PLAIN, index="id")
    filtered = pd.DataFrame(COLUMNS).iloc[::-1]
    with pytest.raises(InputError, match="could only be taken by position"):
        read_design("y ~ x", filtered, PLAIN)
    assert len(read_design("y ~ x", pd.DataFrame(COLUMNS), PLAIN).y) == 6
    with pytest.raises(InputError, match="data has 5 rows and the error model is of 6 links"):
        read_design("y ~ x", pl.DataFrame(COLUMNS)[:5], PLAIN)


def test_weights_of_another_index_are_refused() -> None:
    frame = pd.DataFrame(COLUMNS).set_index("id")
    with pytest.raises(InputError, match="its index is not that of data"):
        read_design("y ~ x", frame, MODEL, weights=pd.Series(1.0, index=NAMES[::-1]))


def test_new_data_get_the_same_columns() -> None:
    """Categories and what a transformation has seen stay those of the fit."""
    found = read_design("y ~ poly(x, 2) + kind", COLUMNS, MODEL, index="id")
    new = new_columns(found.spec, {"x": [3, 6], "kind": ["c", "c"]})
    np.testing.assert_allclose(new, found.X[[2, 5]])
    with pytest.raises(InputError, match="missing in 'x'"):
        new_columns(found.spec, {"x": [3, np.nan], "kind": ["c", "c"]})
