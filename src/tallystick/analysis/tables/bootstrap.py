"""Standard errors of the unbiased table by bootstrap."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tallystick.analysis.confidence import check_alpha
from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.error_models.exchangeable import SMALLEST_A, Exchangeable
from tallystick.analysis.tables.counts import BlockCounts
from tallystick.analysis.tables.raking import rake
from tallystick.analysis.tables.result import ContingencyTable
from tallystick.errors import InputError, TallystickWarning


@dataclass(frozen=True, eq=False)
class TableBootstrap:
    """Unbiased tables of resampled data.

    Attributes
    ----------
    tables : float64 array, shape (times, n_rows, n_columns)
        One of each resample.
    kind : str
        "records" or "linkage".
    """

    tables: Floats
    kind: str

    @property
    def se(self) -> Floats:
        """Standard errors for the superpopulation, shape (n_rows, n_columns)."""
        found: Floats = self.tables.std(axis=0, ddof=1)
        return found

    def conf_int(self, alpha: float = 0.05) -> tuple[Floats, Floats]:
        """Percentiles of the tables, lower and upper, each (n_rows, n_columns)."""
        check_alpha(alpha)
        low, high = np.quantile(self.tables, [alpha / 2, 1 - alpha / 2], axis=0)
        return low, high


def bootstrap_table(
    table: ContingencyTable,
    model: Exchangeable,
    *,
    kind: Literal["records", "linkage"] = "records",
    times: int = 500,
    seed: int = 0,
) -> TableBootstrap:
    """The unbiased table over resampled records, with q drawn anew where it was audited.

    Parameters
    ----------
    table : ContingencyTable
        Of unweighted rows.
    model : Exchangeable
        The one it was made with.
    kind : {"records", "linkage"}
        Draw links within blocks with replacement, or: draw a true table from the estimated chances (the
        raked table, brought to the margins of each block), make as many links wrong as q says, and correct
        again.
    times : int, default 500
        Resamples.
    seed : int, default 0
        Of the random numbers.

    Returns
    -------
    TableBootstrap

    Raises
    ------
    InputError
        Where rows have weights, errors are not exchangeable, or the raked table did not converge ("linkage").

    Notes
    -----
    A q is drawn from the beta distribution of its mean and variance by block, and from a normal one where
    it is shared by blocks; both are kept where a is 0.05 or more, with a warning that counts how many are
    held so.

    Examples
    --------
    >>> import tallystick.analysis as ta
    >>> trained = ["yes"] * 60 + ["no"] * 40
    >>> employed = ["yes"] * 45 + ["no"] * 15 + ["yes"] * 15 + ["no"] * 25
    >>> model = ta.exchangeable(["all"] * 100, 0.8)
    >>> table = ta.contingency_table(trained, employed, model)
    >>> table.se_superpopulation[0, 0].round(1), bootstrap_table(table, model).se[0, 0].round(1)
    (np.float64(4.8), np.float64(5.0))
    """
    if table.weighted or not isinstance(model, Exchangeable):
        raise InputError("A bootstrap of a table takes unweighted rows and exchangeable errors.")
    if kind not in ("records", "linkage"):
        raise InputError(f'kind: {kind!r} is neither "records" nor "linkage".')
    if times < 2:
        raise InputError(f"times: {times} resamples have no standard error; give 2 or more.")
    rng = np.random.default_rng(seed)
    counts = table.blocks.counts
    sizes = table.blocks.sizes.astype(np.int64)
    shape = counts.shape
    chances = counts if kind == "records" else _true(table)
    chances = chances.reshape(len(sizes), -1) / np.maximum(sizes, 1)[:, None]
    found, held = np.empty((times, *shape[1:])), 0
    for k in range(times):
        q, n_held = _drawn(model, sizes, rng)
        held += n_held
        drawn = rng.multinomial(sizes, chances).reshape(shape)
        if kind == "linkage":
            drawn = _linked(drawn, model.q, rng)
        a = np.where(sizes > 1, (sizes * q - 1) / np.maximum(sizes - 1, 1), 1.0)[:, None, None]
        resampled = BlockCounts(drawn.astype(np.float64))
        independent = resampled.independent
        found[k] = (independent + (resampled.counts - independent) / a).sum(axis=0)
    if held:
        warnings.warn(
            f"{held:,} of {times * len(sizes):,} q drawn anew were next to those of random links or above 1 "
            "and are held there: the audit is too small for a bootstrap of these blocks; pool it.",
            TallystickWarning,
            stacklevel=2,
        )
    return TableBootstrap(found, kind)


def _true(table: ContingencyTable) -> Floats:
    """Estimated true tables of the blocks: the raked table, its odds ratios kept, at the margins of each."""
    if not table.raked_converged:
        raise InputError(
            'The raked table, which "linkage" draws from, did not converge: take kind="records".'
        )
    blocks, found = table.blocks, []
    for rows, columns in zip(blocks.rows, blocks.columns, strict=True):
        raked = rake(table.raked, rows, columns)
        if not raked.converged:
            raise InputError(
                'The raked table cannot be brought to the margins of a block: take kind="records".'
            )
        found.append(raked.table)
    return np.array(found)


def _drawn(model: Exchangeable, sizes: np.ndarray, rng: np.random.Generator) -> tuple[Floats, int]:
    """The q of each block drawn by how well it is known, and how many had to be held in their range."""
    precision = model.precision
    q = precision.q.copy()
    if precision.own is not None:
        unsure = (precision.own > 0) & (q > 0) & (q < 1)
        links = q[unsure] * (1 - q[unsure]) / precision.own[unsure] - 1
        q[unsure] = rng.beta(q[unsure] * np.maximum(links, 1e-3), (1 - q[unsure]) * np.maximum(links, 1e-3))
    if precision.shared is not None:
        q = q + precision.shared @ rng.normal(size=precision.shared.shape[1])
    least = (SMALLEST_A * (sizes - 1) + 1) / np.maximum(sizes, 1)
    kept = np.where(sizes > 1, np.clip(q, least, 1.0), q)
    return kept, int((kept != q).sum())


def _linked(true: np.ndarray, q: Floats, rng: np.random.Generator) -> np.ndarray:
    """Tables of the links where (1 - q) n of each block, rounded at random, pass columns on in a ring."""
    n_blocks, n_rows, n_columns = true.shape
    cell = np.repeat(np.arange(true.size), true.ravel())
    block, rest = np.divmod(cell, n_rows * n_columns)
    row, column = np.divmod(rest, n_columns)
    sizes = np.bincount(block, minlength=n_blocks)
    wrong = np.floor((1 - q) * sizes + rng.random(n_blocks)).astype(np.int64)
    order = np.lexsort((rng.random(len(cell)), block))
    first = np.cumsum(sizes) - sizes
    place = np.arange(len(cell)) - first[block]
    next_place = np.where(place + 1 < wrong[block], place + 1, 0)
    source = np.where(place < wrong[block], order[first[block] + next_place], order)
    shown = column.copy()
    shown[order] = column[source]
    again = (block * n_rows + row) * n_columns + shown
    return np.bincount(again, minlength=true.size).reshape(true.shape)
