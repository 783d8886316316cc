"""Contingency tables of linked data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tallystick.analysis.error_models.error_model import ErrorModel, Floats
from tallystick.analysis.error_models.exchangeable import Exchangeable
from tallystick.analysis.error_models.weighted import Weighted
from tallystick.analysis.tables import estimates, variances
from tallystick.analysis.tables.columns import read_columns
from tallystick.analysis.tables.counts import BlockCounts, count_by_block
from tallystick.analysis.tables.raking import rake
from tallystick.analysis.tables.result import ContingencyTable
from tallystick.errors import InputError


def contingency_table(
    rows: Any,
    columns: Any,
    model: ErrorModel,
    *,
    data: Any = None,
    index: Any = None,
    weights: Any = None,
    sampling: Literal["by block", "simple"] = "by block",
    wrong_links: Literal["given", "random"] = "given",
) -> ContingencyTable:
    """A table of two variables, one of either file, corrected for linkage errors.

    Every estimate is made block by block and summed: one correction of the whole would take differences
    between the margins of blocks for an association (Simpson's paradox).

    Parameters
    ----------
    rows, columns : str or array-like, shape (n_links,)
        Category of each link by a variable of the one file and by one of the other; the names of columns
        where there are `data`. Which of them is of which file makes no difference.
    model : ErrorModel
        Errors of the links, such as `exchangeable` or `audited`.
    data : table, optional
        Columns by name: a polars or pandas frame, anything that speaks Arrow, or a dict.
    index : str or array-like, optional
        Names of the rows, by which they are put in the order of the error model: a column of `data`, or
        without data the names themselves. Without it the index of a pandas frame or column does.
    weights : str or array-like, shape (n_links,), optional
        What each link counts for, such as survey weights. Where links stand for records that were missed,
        take the error model `weighted`, which has their weights.
    sampling : {"by block", "simple"}
        For the superpopulation standard errors: whether records are drawn within blocks of given size and
        with chances of their own, or at random over all blocks.
    wrong_links : {"given", "random"}
        Whether q is the share of right links in these very blocks, as an audit estimates it, or the chance
        with which each of them came about, which leaves their number to vary.

    Returns
    -------
    ContingencyTable

    Raises
    ------
    InputError
        Where values are missing, rows are not those of the error model, or Q has no inverse of use.

    Examples
    --------
    >>> import tallystick.analysis as ta
    >>> trained = ["yes"] * 60 + ["no"] * 40
    >>> employed = ["yes"] * 45 + ["no"] * 15 + ["yes"] * 15 + ["no"] * 25
    >>> table = contingency_table(trained, employed, ta.exchangeable(["all"] * 100, 0.8))
    >>> table.naive
    array([[25., 15.],
           [15., 45.]])
    >>> table.unbiased.round(2)
    array([[27.28, 12.72],
           [12.72, 47.28]])
    >>> table.se("finite").round(2)
    array([[1.77, 1.77],
           [1.77, 1.77]])
    """
    _check_options(sampling, wrong_links)
    _check_model(model)
    by_row, by_column, w = read_columns(rows, columns, weights, model, data, index)
    if isinstance(model, Weighted):
        if w is not None:
            raise InputError("weights: the error model has weights already; leave them out.")
        w = model.weights
    counts = count_by_block(by_row, by_column, model.groups, model.n_groups, w)
    x, y = by_row.dummies, by_column.dummies
    wx = x if w is None else w[:, None] * x
    # G' = X' Q^-1; Q is symmetric but where wrong links are drawn from weighted rows.
    g = model.weights[:, None] * model.inverse(x) if isinstance(model, Weighted) else model.inverse(wx)

    by_block = estimates.by_block(by_row.codes, len(by_row.labels), w, model.inverse(y), model.groups, counts)
    corrected = by_block.sum(axis=0)
    independent = BlockCounts(by_block).independent.sum(axis=0)
    spread = _spread(model, x, y, g, w, counts, by_block, sampling, wrong_links)
    audit = variances.of_the_audit(model, g, y)
    k = estimates.shrinkage(corrected, independent, spread.near_independence + audit)
    # The margins are those of the links, but for weights that wrong links do not heed.
    raked = rake(corrected, corrected.sum(axis=1), corrected.sum(axis=0))
    of_blocks = model.a if isinstance(model, Exchangeable | Weighted) else None
    return ContingencyTable(
        row_name=by_row.name,
        column_name=by_column.name,
        row_labels=by_row.labels,
        column_labels=by_column.labels,
        naive=counts.counts.sum(axis=0),
        unbiased=corrected,
        biased=wx.T @ model.expected(y),
        shrunk=independent + k * (corrected - independent),
        raked=raked.table,
        se_finite=_root(spread.finite + audit),
        se_superpopulation=_root(spread.superpopulation + audit),
        k=k,
        raked_converged=raked.converged,
        sampling=sampling,
        approximate=of_blocks is None and w is None,
        n_links=model.n_links,
        a=None if of_blocks is None else (float(of_blocks.min()), float(of_blocks.max())),
        weighted=w is not None,
        blocks=counts,
    )


@dataclass(frozen=True, eq=False)
class _Spread:
    """Variances of the unbiased table by all but the audit, each of shape (n_rows, n_columns)."""

    finite: Floats
    superpopulation: Floats
    near_independence: Floats


def _spread(
    model: ErrorModel,
    x: Floats,
    y: Floats,
    g: Floats,
    weights: Floats | None,
    counts: BlockCounts,
    by_block: Floats,
    sampling: str,
    wrong_links: str,
) -> _Spread:
    if weights is not None:
        if not isinstance(model, Exchangeable | Weighted):
            raise InputError(
                "weights: weighted rows take exchangeable errors: `exchangeable`, `audited` or `weighted`."
            )
        pulled_by = weights if isinstance(model, Weighted) else np.ones(model.n_links)
        drawn = variances.linearised(x, y, weights, pulled_by, model.groups, model.a)
        return _Spread(np.full_like(drawn, np.nan), drawn, drawn)
    if isinstance(model, Exchangeable):
        of_block = variances.finite(counts, by_block, model.a, model.q, given=wrong_links == "given")
        finite, near = of_block.sum(axis=0), estimates.near_independence(counts, model.a)
    else:
        finite = near = variances.of_the_linkage(model, g, y)
        # Of which block it comes is not known; the share of a block in it matters little.
        of_block = finite * (counts.sizes / counts.sizes.sum())[:, None, None]
    if sampling == "by block":
        drawn = variances.sampling_by_block(counts, by_block, of_block)
    else:
        drawn = variances.simple_sampling(float(counts.sizes.sum()), by_block.sum(axis=0), finite)
    return _Spread(finite, finite + drawn, near)


def _root(variance: Floats) -> Floats:
    return np.sqrt(np.maximum(variance, 0.0))


def _check_options(sampling: str, wrong_links: str) -> None:
    if sampling not in ("by block", "simple"):
        raise InputError(f'sampling: {sampling!r} is neither "by block" nor "simple".')
    if wrong_links not in ("given", "random"):
        raise InputError(f'wrong_links: {wrong_links!r} is neither "given" nor "random".')


def _check_model(model: ErrorModel) -> None:
    if not model.of_the_rows:
        raise InputError(
            "A table takes an error model of the linked rows themselves: what the column of an unlinked "
            "record of the register is nobody knows. Take `weighted` links in place of a register; with "
            'matching probabilities take regression(method="lahiri-larsen") of the indicator of a column on '
            "the rows."
        )
