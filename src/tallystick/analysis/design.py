"""Formula and data to arrays that stand in the order of an error model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.formulas import first_line, names_in, sides_of
from tallystick.analysis.frames import Frame, aligned, read_frame
from tallystick.errors import InputError
from tallystick.preparation.extras import require


@dataclass(frozen=True, eq=False)
class Design:
    """Outcome and covariates in the order of an error model.

    Attributes
    ----------
    y : float64 array, shape (n_links,)
        Outcomes as linked.
    X : float64 array, shape (n_register, p)
        Covariates of the register; with complete linkage of the rows themselves.
    names : tuple of str
        Columns of X.
    outcome : str
        What the outcome is called.
    formula : str
        As it was given.
    index : array, shape (n_links,), or None
        Names of the rows.
    register_index : array, shape (n_register,), or None
        Names of the records.
    weights : float64 array, shape (n_links,), or None
        Of the rows.
    spec : formulaic.ModelSpec
        Makes the columns of X of other data.
    """

    y: Floats
    X: Floats
    names: tuple[str, ...]
    outcome: str
    formula: str
    index: NDArray[Any] | None
    register_index: NDArray[Any] | None
    weights: Floats | None
    spec: Any


def read_design(
    formula: str,
    data: Any,
    model: ErrorModel,
    *,
    index: str | None = None,
    register: Any = None,
    register_index: str | None = None,
    weights: Any = None,
) -> Design:
    """Outcome and covariates of a formula, put in the order of the error model by name.

    Parameters
    ----------
    formula : str
        Such as ``"income ~ age + C(region)"``, as formulaic reads it.
    data : table
        The linked file, a row per link: polars or pandas DataFrame, Arrow, or a dict of columns.
    model : ErrorModel
        Of the links.
    index : str, optional
        Column of `data` that names the rows; else the index of a pandas frame does.
    register : table, optional
        The register, whose covariates the right side of the formula is made of. Where linkage is complete
        the covariates are those of `data`.
    register_index : str, optional
        Column of `register` that names the records.
    weights : str or array of shape (n_links,), optional
        Weights of the rows: a column of `data`, or numbers in its order.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        Where the formula cannot be read, a column or value is missing, or names of rows are not those of the
        error model.

    Examples
    --------
    >>> from tallystick.analysis import exchangeable
    >>> model = exchangeable([0, 0, 0], 0.8, index=np.array(["a", "b", "c"]))
    >>> data = {"id": ["c", "a", "b"], "y": [3, 1, 2], "x": [6, 4, 5]}
    >>> found = read_design("y ~ x", data, model, index="id")
    >>> found.y, found.X.tolist(), found.names
    (array([1., 2., 3.]), [[1.0, 4.0], [1.0, 5.0], [1.0, 6.0]], ('Intercept', 'x'))
    """
    outcome_terms, covariate_terms = sides_of(formula)
    complete = register is None
    wanted = names_in(outcome_terms) | ({weights} if isinstance(weights, str) else set())
    covariates = names_in(covariate_terms)
    rows = read_frame(data, wanted | covariates if complete else wanted, "data", index=index)
    rows.refuse_missing()
    given = _weights(weights, rows)
    rows, order = aligned(rows, model.index, "index")
    rows.refuse_other_length(model.n_links, "links")
    if complete:
        _refuse_incomplete(model)
        records = rows
    else:
        records = read_frame(register, covariates, "register", index=register_index)
        records.refuse_missing()
        records, _ = aligned(records, model.register_index, "register_index")
        records.refuse_other_length(model.n_register, "records")
    _refuse_dates(outcome_terms, rows, formula)
    _refuse_dates(covariate_terms, records, formula)
    y, outcome, _ = _columns(outcome_terms, rows, formula)
    own = str(outcome_terms).strip()
    if own in rows.table and rows.table[own].dtype.kind not in "biuf":
        raise InputError(
            f"formula {formula!r}: the outcome {own!r} holds categories; it has to be one number a row, such "
            "as 0 and 1."
        )
    if y.shape[1] != 1:
        raise InputError(
            f"formula {formula!r}: the outcome has {y.shape[1]} columns ({', '.join(outcome)}); it has to "
            "be one number a row, such as 0 and 1."
        )
    X, names, spec = _columns(covariate_terms, records, formula)
    if not names:
        raise InputError(f"formula {formula!r} has no covariate and no constant.")
    return Design(
        y[:, 0],
        X,
        names,
        outcome[0],
        formula,
        model.index,
        model.register_index if not complete else model.index,
        given if given is None or order is None else given[order],
        spec,
    )


def new_columns(spec: Any, data: Any) -> Floats:
    """Columns of X of other data, such as those to predict for.

    Parameters
    ----------
    spec : formulaic.ModelSpec
        Of a `Design`.
    data : table
        With the covariates of the formula.

    Returns
    -------
    float64 array, shape (n, p)
    """
    frame = read_frame(data, names_in(spec.formula), "data")
    frame.refuse_missing()
    try:
        made = spec.get_model_matrix(frame.table, context={})
    except Exception as error:
        raise InputError(f"data: the covariates cannot be made of it ({first_line(error)}).") from None
    return np.asarray(made, np.float64)


def _columns(side: Any, frame: Frame, formula: str) -> tuple[Floats, tuple[str, ...], Any]:
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused below
            made = side.get_model_matrix(frame.table, context={}, output="numpy", na_action="ignore")
    except Exception as error:
        raise InputError(
            f"formula {formula!r} cannot be made of the {frame.what}: {first_line(error)}"
        ) from None
    names = tuple(made.model_spec.column_names)
    try:
        values = np.asarray(made, np.float64).reshape(len(frame), len(names))
    except (TypeError, ValueError):
        raise InputError(f"formula {formula!r}: {', '.join(names)} are no numbers.") from None
    finite = np.isfinite(values)
    if not finite.all():
        worst = int(np.argmin(finite.all(axis=0)))
        raise InputError(
            f"formula {formula!r}: {int((~finite[:, worst]).sum()):,} values of {names[worst]!r} in the "
            f"{frame.what} are missing or infinite: see what the formula makes of them (log of 0?), or "
            "leave these rows out before the error model is made."
        )
    return values, names, made.model_spec


def _refuse_dates(side: Any, frame: Frame, formula: str) -> None:
    """Dates as such are neither numbers nor categories."""
    pandas = require("pandas", "the formula", "analysis")
    for name in sorted({str(factor.expr) for term in side for factor in term.factors}):
        if name not in frame.table:
            continue
        column = frame.table[name]
        dates = ("date", "datetime", "datetime64", "timedelta", "timedelta64", "time")
        if column.dtype.kind in "mM" or pandas.api.types.infer_dtype(column) in dates:
            raise InputError(
                f"formula {formula!r}: the column {name!r} holds dates: make numbers of them, such as years "
                "since a day, or categories."
            )


def _weights(weights: Any, rows: Frame) -> Floats | None:
    if weights is None:
        return None
    if isinstance(weights, str):
        return np.asarray(rows.table[weights], np.float64)
    names = getattr(weights, "index", None)
    named = names is not None and not callable(names)
    if named and rows.names is not None and not np.array_equal(np.asarray(names), rows.names):
        raise InputError("weights: its index is not that of data; give the name of a column instead.")
    found = np.asarray(weights, np.float64)
    if found.shape != (len(rows),):
        raise InputError(f"weights: there are {found.size} of them and {len(rows)} rows of data.")
    return found


def _refuse_incomplete(model: ErrorModel) -> None:
    """A model that has a register of its own needs the covariates of all its records."""
    if not model.of_the_rows:
        raise InputError(
            f"The error model is of links to a register of {model.n_register:,} records: give the "
            "covariates of all of them with register=."
        )
