"""The chance that links are right from an audit: a sample of links that somebody has judged.

Of the N links of a block r were drawn at random and x found right. Then q is x / r with the variance
q (1 - q) / (r - 1) (1 - r / N) (Cochran 1977, section 3.2); with strata within the block it is their
mean, weighted by their links (section 5.4). Where nobody has found an error, or nobody a right link, this
variance would be 0 however few were judged: then it is that of the links left, beta-binomial given a
Beta(1/3, 1/3) prior.

Small audits are shrunk to their mean, since estimators that weight by q (Lahiri and Larsen's and the
EBLUE) are biased by the noise of q: with 15 links of 50 judged in each of 20 blocks by -0.025 and -0.067
on a slope of 2, and by less than 0.01 when q is shrunk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of
from tallystick.analysis.error_models.exchangeable import Exchangeable, exchangeable
from tallystick.analysis.error_models.precision import Floats, Ints, LinkPrecision
from tallystick.errors import InputError

Counts = float | Mapping[Any, float] | NDArray[Any]
_PRIOR = 1 / 3
_MANY = 3  # blocks from which on the variance between them can be told at all


@dataclass(frozen=True)
class _Cells:
    """Judged links by block and stratum."""

    block: Ints
    stratum: Ints
    links: Floats
    right: Floats
    checked: Floats


def audited(
    blocks: Any,
    right: Counts,
    checked: Counts,
    *,
    strata: Any = None,
    pooled: bool = False,
    shrink: bool | None = None,
    index: NDArray[Any] | None = None,
    single: str = "refuse",
) -> Exchangeable:
    """Exchangeable errors by block, q from an audit of the links.

    Parameters
    ----------
    blocks : array-like, shape (n_links,)
        Block of each row.
    right, checked : mapping, array of shape (n_blocks,), or a number where `pooled`
        How many of the judged links are right, and how many were judged: by the name of the block, or in
        the order of the names. With `strata` by (block, stratum), or by stratum where `pooled`.
    strata : array-like, shape (n_links,), optional
        Stratum of each row, where the audit was stratified within blocks, such as bands of the score.
    pooled : bool
        One q for all blocks, from all that was judged.
    shrink : bool, optional
        Shrink the q of blocks to their mean by empirical Bayes; the default where there are three blocks
        or more and the audit is not pooled.
    index : array, shape (n_links,), optional
        Names of the rows.
    single : {"refuse", "right"}
        See `exchangeable`.

    Returns
    -------
    Exchangeable
        Whose `uncertainty` is that of the audit.

    Raises
    ------
    InputError
        Where a block was not audited, counts contradict each other, or q is below 1 / n.

    Examples
    --------
    >>> blocks = ["a"] * 100 + ["b"] * 50
    >>> model = audited(blocks, {"a": 18, "b": 16}, {"a": 20, "b": 20}, shrink=False)
    >>> model.q, model.precision.standard_errors.round(4)
    (array([0.9, 0.8]), array([0.0616, 0.0711]))
    >>> audited(blocks, 34, 40, pooled=True).q
    array([0.85, 0.85])
    """
    found = blocks_of(blocks)
    names = None if strata is None else blocks_of(strata, "strata")
    precision = _precision(found, names, right, checked, None, pooled, shrink)
    return exchangeable(found, precision, index=index, single=single)


def audited_precision(
    links: Mapping[Any, float],
    right: Counts,
    checked: Counts,
    *,
    pooled: bool = False,
    shrink: bool | None = None,
) -> LinkPrecision:
    """Shares of right links by block, or by score band, from an audit; see `audited`.

    Parameters
    ----------
    links : mapping
        Number of links of each block or band.
    right, checked : mapping, array or number
        As `audited` has them.
    pooled, shrink : bool
        The same.

    Returns
    -------
    LinkPrecision

    Examples
    --------
    >>> found = audited_precision({"sure": 900, "less sure": 100}, [100, 45], [100, 50], shrink=False)
    >>> found.q, found.standard_errors.round(4)
    (array([1. , 0.9]), array([0.0054, 0.0303]))
    """
    labels = np.array(list(links))
    found = Blocks(np.arange(len(labels)), labels)
    return _precision(found, None, right, checked, links, pooled, shrink)


def _precision(
    blocks: Blocks,
    strata: Blocks | None,
    right: Counts,
    checked: Counts,
    n_links: Counts | None,
    pooled: bool,
    shrink: bool | None,
) -> LinkPrecision:
    if pooled and shrink:
        raise InputError(
            "shrink: a pooled audit has one q, so that there is nothing to shrink: leave it out."
        )
    cells = _cells(blocks, strata, right, checked, n_links, pooled)
    n_groups = 1 if pooled else blocks.n_blocks
    if shrink is None:
        shrink = n_groups >= _MANY
    elif shrink and n_groups < _MANY:
        raise InputError(
            f"shrink: of {n_groups} blocks nobody can tell how they differ: shrink = False, or pooled."
        )
    lacking = np.flatnonzero(cells.checked == 0)
    if len(lacking) and not shrink:
        name = "the links" if pooled else f"block {blocks.name(cells.block[lacking[0]])}"
        raise InputError(
            f"checked: nothing was judged of {name} ({len(lacking)} of {len(cells.checked)} have no audit): "
            "join it with another, pool the audit, or shrink it."
        )
    if shrink:
        q, own, common = _shrunk(cells, n_groups)
        return LinkPrecision(blocks.labels, q, own, common[:, None])
    weight = _weights(cells, n_groups)
    q = _sums(cells.block, weight * cells.right / cells.checked, n_groups)
    variance = _sums(cells.block, weight**2 * _variance(cells), n_groups)
    if pooled:
        alike = np.full(blocks.n_blocks, q[0])
        return LinkPrecision(blocks.labels, alike, None, np.full((blocks.n_blocks, 1), np.sqrt(variance[0])))
    return LinkPrecision(blocks.labels, q, variance)


def _cells(
    blocks: Blocks,
    strata: Blocks | None,
    right: Counts,
    checked: Counts,
    n_links: Counts | None,
    pooled: bool,
) -> _Cells:
    """What was judged, by block and stratum, checked."""
    if strata is None:
        block, stratum = np.arange(blocks.n_blocks), np.zeros(blocks.n_blocks, np.int64)
        names, sizes = blocks.labels.tolist(), blocks.sizes.astype(np.float64)
        if pooled:
            block, stratum, names = np.zeros(1, np.int64), np.zeros(1, np.int64), ["all"]
            total = (
                sizes.sum() if n_links is None else _counts(n_links, blocks.labels.tolist(), "n_links").sum()
            )
            sizes, n_links = np.full(1, total, np.float64), None
            right, checked = _total(right), _total(checked)
    else:
        if len(strata.codes) != len(blocks.codes):
            raise InputError(
                f"strata: {len(strata.codes)} rows, but blocks have {len(blocks.codes)}: give one a row."
            )
        first = np.zeros_like(blocks.codes) if pooled else blocks.codes
        cells, counts = np.unique(first * strata.n_blocks + strata.codes, return_counts=True)
        block, stratum = cells // strata.n_blocks, cells % strata.n_blocks
        sizes = counts.astype(np.float64)
        labels = [strata.labels.tolist()[k] for k in stratum]
        names = (
            labels if pooled else list(zip((blocks.labels.tolist()[k] for k in block), labels, strict=True))
        )
    if n_links is not None:
        sizes = _counts(n_links, names, "n_links")
    x, r = _counts(right, names, "right"), _counts(checked, names, "checked")
    for wrong, why in (
        (x > r, "more links are right than were checked"),
        (r > sizes, "more links were checked than there are"),
    ):
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"audit of {names[k]!r}: {why} ({x[k]:g} right, {r[k]:g} checked, {sizes[k]:g} links)."
            )
    return _Cells(block, stratum, sizes, x, r)


def _total(counts: Counts) -> NDArray[Any]:
    if isinstance(counts, Mapping):
        counts = np.array(list(counts.values()), np.float64)
    return np.full(1, np.asarray(counts, np.float64).sum())


def _counts(counts: Counts, names: list[Any], what: str) -> Floats:
    """A count for each name; all of them checked."""
    if isinstance(counts, Mapping):
        lacking = [name for name in names if name not in counts]
        if lacking:
            raise InputError(
                f"{what}: {lacking[0]!r} has none ({len(lacking)} of {len(names)} lack it): "
                "say 0 where nothing was judged."
            )
        counts = np.array([counts[name] for name in names])
    found = np.atleast_1d(np.asarray(counts, np.float64))
    if found.shape != (len(names),):
        raise InputError(
            f"{what}: there are {len(names)} blocks or strata and {found.size} counts: give one each."
        )
    if not (np.isfinite(found) & (found >= 0)).all():
        k = int(np.flatnonzero(~(np.isfinite(found) & (found >= 0)))[0])
        raise InputError(f"{what}: {found[k]:g} of {names[k]!r} is no number of links.")
    return found


def _weights(cells: _Cells, n_groups: int) -> Floats:
    """Share of each cell in the links of its block."""
    return cells.links / _sums(cells.block, cells.links, n_groups)[cells.block]


def _sums(codes: Ints, values: NDArray[Any], n: int) -> Floats:
    return np.asarray(np.bincount(codes, values, n), np.float64)


def _variance(cells: _Cells) -> Floats:
    """Variance of the share of right links of each cell."""
    x, r, n = cells.right, cells.checked, cells.links
    p = x / r
    usual = p * (1 - p) / np.maximum(r - 1, 1) * (1 - r / n)
    alpha, beta, left = x + _PRIOR, r - x + _PRIOR, n - r
    total = alpha + beta
    rest = left * alpha * beta * (total + left) / (total**2 * (total + 1)) / n**2
    return np.where((x > 0) & (x < r), usual, rest)


def _shrunk(cells: _Cells, n_groups: int) -> tuple[Floats, Floats, Floats]:
    """Empirical Bayes by moments: q, its own variance, and the standard error of what is shared.

    Each q is q_bar + B (q_hat - q_bar) with B = tau^2 / (tau^2 + s^2). The variance between blocks, tau^2,
    is that at which the weighted squares about the mean are as many as the degrees of freedom (Paule and
    Mandel 1982). Variances are those of Morris (1983), the mean estimated: B s^2, and
    (1 - B)^2 / sum 1 / (tau^2 + s^2), which is all where no difference between blocks shows.
    """
    n_strata = int(cells.stratum.max()) + 1
    found = _sums(cells.stratum, cells.right, n_strata)
    judged = _sums(cells.stratum, cells.checked, n_strata)
    if not judged.all():
        raise InputError("checked: nothing was judged in a whole stratum: join it with another.")
    overall = (found + _PRIOR) / (judged + 2 * _PRIOR)
    spread = (overall * (1 - overall))[cells.stratum]
    weight = _weights(cells, n_groups)
    r, n = np.maximum(cells.checked, 1), cells.links
    s2 = _sums(cells.block, weight**2 * spread * (1 - r / n) / r * n / np.maximum(n - 1, 1), n_groups)
    raw = _sums(cells.block, weight * cells.right / r, n_groups)
    known = _sums(cells.block, cells.checked == 0, n_groups) == 0
    if known.sum() < _MANY:
        raise InputError(
            f"shrink: {known.sum()} blocks were audited, too few to tell how blocks differ: pool the audit."
        )
    least = 1e-12

    def centre(tau2: float) -> tuple[float, Floats]:
        precision = 1 / (tau2 + s2[known] + least)
        return float(precision @ raw[known] / precision.sum()), precision

    def excess(tau2: float) -> float:
        mean, precision = centre(tau2)
        return float(precision @ (raw[known] - mean) ** 2) - float(known.sum() - 1)

    low, high = 0.0, 0.25
    if excess(low) <= 0:
        high = 0.0
    else:
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    tau2 = high
    mean, precision = centre(tau2)
    s2 = np.where(known, s2, np.inf)
    kept = np.where(s2 > 0, tau2 / np.maximum(tau2 + s2, least), 1.0)
    own = np.where(known, kept * np.where(known, s2, 0.0), tau2)
    q = np.clip(mean + kept * (raw - mean), 0.0, 1.0)
    return q, own, (1 - kept) / np.sqrt(precision.sum())
