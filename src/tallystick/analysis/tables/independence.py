"""Tests of independence on linked data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.tables.counts import BlockCounts
from tallystick.analysis.tables.result import ContingencyTable, Estimate
from tallystick.errors import InputError, TallystickWarning

SMALL = 5.0
"""Expected counts below it make Pearson's statistic a poor chi-square (Cochran 1954)."""


@dataclass(frozen=True)
class IndependenceTest:
    """A test of independence of rows and columns within blocks.

    Attributes
    ----------
    statistic : float
        Chi-square.
    df : int
        Degrees of freedom.
    pvalue : float
        Chance of a statistic as large under independence.
    method : str
        "pearson" or "mantel-haenszel".
    n_blocks : int
        Blocks.
    attenuation : tuple of float, or None
        Smallest and largest a of the blocks: the association that the links show is a times the true one, and
        the statistic is larger than its degrees of freedom by about a^2 of what perfect links would give.
    """

    statistic: float
    df: int
    pvalue: float
    method: str
    n_blocks: int
    attenuation: tuple[float, float] | None

    def __str__(self) -> str:
        name = "Pearson's chi-square" if self.method == "pearson" else "Mantel-Haenszel chi-square"
        within = "" if self.n_blocks == 1 else f" within {self.n_blocks:,} blocks"
        text = f"{name} of independence{within}: {self.statistic:.4g}, df {self.df}, p = {self.pvalue:.4g}"
        if self.attenuation is None or self.attenuation[0] >= 1:
            return text
        low, high = (f"{value:.3g}" for value in self.attenuation)
        return (
            f"{text}\nOf the links as they are: the test is valid and weaker than one of perfect links, "
            f"whose association is 1 / a as large (a = {low if low == high else f'{low} to {high}'})."
        )


def independence_test(
    table: ContingencyTable,
    *,
    estimate: Estimate = "naive",
    method: Literal["pearson", "mantel-haenszel"] | None = None,
) -> IndependenceTest:
    """Whether rows and columns are independent within blocks, tested on the table of the links.

    Links that do not depend on the columns leave them in random order under independence, whichever are
    wrong: given the margins of each block every pairing is as likely as any other, with and without errors.
    So tests of the naive table have their size. They are weaker, the association being a times as large. The
    margins of blocks may differ: the table of all blocks together then shows an association although there is
    none within any, and is not tested.

    Parameters
    ----------
    table : ContingencyTable
        Of unweighted rows.
    estimate : {"naive"}
        The only one that can be tested so.
    method : {"pearson", "mantel-haenszel"}, optional
        Pearson's chi-square, over several blocks the sum of theirs, with as many degrees of freedom: for a
        few large blocks. The generalised Mantel-Haenszel statistic (Mantel and Haenszel 1959; Landis, Heyman
        and Koch 1978), over any number of blocks of any size: it looks for an association that goes the same
        way in all. Pearson's for one block and Mantel-Haenszel for several by default.

    Returns
    -------
    IndependenceTest

    Raises
    ------
    InputError
        Where another estimate is asked for, rows have weights, or there is but one row or column.

    Examples
    --------
    >>> import tallystick.analysis as ta
    >>> trained = ["yes"] * 60 + ["no"] * 40
    >>> employed = ["yes"] * 45 + ["no"] * 15 + ["yes"] * 15 + ["no"] * 25
    >>> table = ta.contingency_table(trained, employed, ta.exchangeable(["all"] * 100, 0.8))
    >>> print(independence_test(table))
    Pearson's chi-square of independence: 14.06, df 1, p = 0.0001768
    Of the links as they are: ...
    """
    if estimate != "naive":
        table.estimate(estimate)
        raise InputError(
            f"A chi-square of the {estimate} table is no test: its cells vary more than counts do (or less), "
            "by 1 / a^2 where errors are taken out, and under independence it rejects far more often than it "
            "says. Test the naive table: under independence linkage errors leave it as it is."
        )
    if table.weighted:
        raise InputError("A chi-square of weighted rows is no test: make the table without weights.")
    counts = table.blocks
    if method is None:
        method = "pearson" if len(counts.sizes) == 1 else "mantel-haenszel"
    if method == "pearson":
        statistic, df = _pearson(counts)
    elif method == "mantel-haenszel":
        statistic, df = _mantel_haenszel(counts)
    else:
        raise InputError(f'method: {method!r} is neither "pearson" nor "mantel-haenszel".')
    if not df:
        raise InputError("No block has two rows and two columns with records: there is nothing to test.")
    from scipy.stats import chi2

    return IndependenceTest(statistic, df, float(chi2.sf(statistic, df)), method, len(counts.sizes), table.a)


def _pearson(counts: BlockCounts) -> tuple[float, int]:
    expected = counts.independent
    statistic = float(
        np.divide((counts.counts - expected) ** 2, expected, where=expected > 0, out=0 * expected).sum()
    )
    df = ((counts.rows > 0).sum(axis=1) - 1) * ((counts.columns > 0).sum(axis=1) - 1)
    tested = expected[df > 0]
    small = int(((tested > 0) & (tested < SMALL)).sum())
    if small > 0.2 * max(int((tested > 0).sum()), 1):
        warnings.warn(
            f"{small} of {int((tested > 0).sum())} cells of blocks have expected counts below 5: Pearson's "
            'chi-square is not to be relied on; take method="mantel-haenszel", or join rows and columns.',
            TallystickWarning,
            stacklevel=3,
        )
    return statistic, int(np.maximum(df, 0).sum())


def _mantel_haenszel(counts: BlockCounts) -> tuple[float, int]:
    """(sum of T* - I)' V^-1 (the same), with V the exact covariance of a random pairing in each block.

    Cov(T_rs, T_tu) = n^2 / (n - 1) (p_r [r = t] - p_r p_t) (p_s [s = u] - p_s p_u).
    """
    several = counts.counts[counts.sizes > 1]
    used = BlockCounts(several[:, several.sum(axis=(0, 2)) > 0][:, :, several.sum(axis=(0, 1)) > 0])
    if min(used.counts.shape[1:]) < 2 or not len(used.counts):
        return 0.0, 0
    n = used.sizes
    rows, columns = used.rows[:, :-1] / n[:, None], used.columns[:, :-1] / n[:, None]
    of_rows, of_columns = _covariance(rows), _covariance(columns)
    scale = (n**2 / (n - 1))[:, None, None]
    p, q = rows.shape[1], columns.shape[1]
    joint = (scale * of_rows).reshape(len(n), p * p).T @ of_columns.reshape(len(n), q * q)
    v = joint.reshape(p, p, q, q).transpose(0, 2, 1, 3).reshape(p * q, p * q)
    away = (used.counts - used.independent).sum(axis=0)[:-1, :-1].ravel()
    rank = int(np.linalg.matrix_rank(v, hermitian=True))
    return float(away @ np.linalg.pinv(v, hermitian=True) @ away), rank


def _covariance(shares: Floats) -> Floats:
    found: Floats = -shares[:, :, None] * shares[:, None, :]
    at = np.arange(shares.shape[1])
    found[:, at, at] += shares
    return found
