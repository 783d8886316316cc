"""Posterior matching probabilities as an error model.

A row of the linked file is a record with an outcome. It is record i of the register with probability q_i,
and no record of it with probability q_0, which is kept: then its covariates are those of anybody, and what
it is expected to show is the mean of the register, over all of it or the row's stratum:

    (Q v)_j = sum_i q_ji v_i + q_j0 mean(v)                                            (after Lahiri and
    Larsen 2005)

To share q_0 out among the candidates biases, by -23 % of a slope where 30 % of the records had no match.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tallystick.analysis.error_models.blocks import Blocks, blocks_of, rows_times
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints, checked_index
from tallystick.analysis.error_models.matching_probabilities import MatchingProbabilities
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError

_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Posterior(ErrorModel):
    """Which record of the register each row is, by probabilities.

    Attributes
    ----------
    matrix : sparse csr array, shape (n_links, n_register)
        q_ji; rows sum to at most 1.
    none : float64 array, shape (n_links,)
        Probability that the row is no record of the register, q_j0.
    linked : int64 array, shape (n_links,)
        Record that the row is linked with, -1 where it has no link.
    groups : int64 array, shape (n_links,)
        Component of the graph of candidates, or stated block, from 0.
    strata : Blocks
        Of the register.
    stratum : int64 array, shape (n_links,)
        Stratum of each row, by its number.
    index, register_index : array or None
        Names.
    """

    matrix: Any
    none: Floats
    linked: Ints
    groups: Ints
    strata: Blocks
    stratum: Ints
    index: NDArray[Any] | None = None
    register_index: NDArray[Any] | None = None

    @property
    def n_links(self) -> int:
        """Number of rows, those without any candidate included."""
        return int(self.matrix.shape[0])

    @property
    def n_register(self) -> int:
        """Number of records of the register."""
        return int(self.matrix.shape[1])

    @property
    def precision(self) -> LinkPrecision | None:  # type: ignore[override]
        """None: probabilities are the linkage model's and taken as known."""
        return None

    @property
    def has_link(self) -> NDArray[np.bool_]:
        """Which rows have a link, shape (n_links,)."""
        return self.linked >= 0

    def _means(self, values: Floats) -> Floats:
        """Mean of the register for each row."""
        return self.strata.means(values)[self.stratum]

    def as_linked(self, values: Floats) -> Floats:
        """Values of the linked records; not a number where a row has no link (see `has_link`, `some`)."""
        found = np.asarray(values, np.float64)[np.maximum(self.linked, 0)]
        found[~self.has_link] = np.nan
        return found

    def expected(self, values: Floats) -> Floats:
        """Posterior mean, none included."""
        found: Floats = self.matrix @ values + rows_times(self.none, self._means(values))
        return found

    def inverse(self, values: Floats) -> Floats:
        """Refused: there are other numbers of rows than of records."""
        raise InputError(
            'Posterior matching probabilities have no inverse: use method="lahiri-larsen", which regresses '
            'on the posterior means of the covariates, or "ratio".'
        )

    def variance(self, values: Floats) -> Floats:
        """Variance of the values over what a row can be."""
        centred = values - values.mean()
        second: Floats = self.matrix @ centred**2 + self.none * self._means(centred**2)
        return np.maximum(second - self.expected(centred) ** 2, 0.0)

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """Sum of V_j g_j g_j': rows are taken as independent.

        Rows of a component compete for records, so that what they show is negatively related for the most
        part: standard errors from this are somewhat too large, by 5 to 18 % in simulations. Those by
        component are not.
        """
        found: Floats = weights.T @ rows_times(self.variance(values), weights)
        return found

    def some(self, rows: Any) -> Posterior:
        """The model of some rows alone, such as those with a link or those of a subpopulation.

        Parameters
        ----------
        rows : array-like
            A bool for each row, or numbers of rows.

        Returns
        -------
        Posterior
            Of the same register.
        """
        at = np.asarray(rows)
        at = np.flatnonzero(at) if at.dtype == bool else at.astype(np.int64)
        groups = np.unique(self.groups[at], return_inverse=True)[1].astype(np.int64)
        return replace(
            self,
            matrix=self.matrix[at],
            none=self.none[at],
            linked=self.linked[at],
            groups=groups,
            stratum=self.stratum[at],
            index=None if self.index is None else self.index[at],
        )


def posterior(
    probabilities: MatchingProbabilities,
    *,
    outcome: Literal["left", "right"] = "right",
    linked: Any = None,
    blocks: Any = None,
    strata: tuple[Any, Any] | None = None,
    index: Any = None,
    register_index: Any = None,
) -> Posterior:
    """Posterior matching probabilities as an error model.

    Parameters
    ----------
    probabilities : MatchingProbabilities
        Of the candidate pairs of both files.
    outcome : {"right", "left"}
        The file with the outcome, whose records are the rows; the other one is the register.
    linked : array-like, shape (n_links,), optional
        Row of the register that each is linked with, -1 for none, for estimates without correction. By
        default the most probable candidate where it is likelier than none.
    blocks : array-like, shape (n_links,), optional
        Stated block of each row, by which rows are independent; by default the components of the graph of
        candidates.
    strata : tuple of two array-likes, shapes (n_links,) and (n_register,), optional
        Stratum of each row and of each record of the register, for the mean of a row without a match.
    index : array-like, shape (n_links,), optional
        Names of the rows.
    register_index : array-like, shape (n_register,), optional
        Names of the records of the register.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        Where probabilities of a row sum to more than 1, a component spans blocks, or a stratum has no
        register.

    Examples
    --------
    >>> found = MatchingProbabilities(
    ...     np.array([0, 1]), np.array([0, 0]), np.array([0.7, 0.1]), 2, 2, np.ones(2, bool)
    ... )
    >>> model = posterior(found)
    >>> model.none, model.expected(np.array([1.0, 3.0]))
    (array([0.2, 1. ]), array([1.4, 2. ]))
    """
    if outcome not in ("left", "right"):
        raise InputError(f'outcome: {outcome!r} is neither "left" nor "right".')
    sides = (probabilities.right, probabilities.left)
    shape = (probabilities.n_right, probabilities.n_left)
    if outcome == "left":
        sides, shape = sides[::-1], shape[::-1]
    chance = probabilities.probability
    if not ((chance >= 0) & (chance <= 1 + _ROUNDING)).all():
        raise InputError("probability: some are no shares from 0 to 1.")
    matrix = csr_array((chance, sides), shape=shape)
    sums = np.asarray(matrix.sum(axis=1), np.float64)
    over = np.flatnonzero(sums > 1 + _ROUNDING)
    if len(over):
        raise InputError(
            f"probability: those of row {over[0]} sum to {sums[over[0]]:.4g} ({len(over)} of {shape[0]} "
            "rows are above 1): a row is one record at most; give probabilities under one-to-one linkage, "
            "or of each row."
        )
    components = probabilities.components(outcome)
    groups = _groups(components, blocks, shape[0])
    whole = (
        Blocks(np.zeros(shape[1], np.int64), np.zeros(1))
        if strata is None
        else blocks_of(strata[1], "strata")
    )
    stratum = np.zeros(shape[0], np.int64) if strata is None else _stratum(strata[0], whole, shape[0])
    if len(whole.codes) != shape[1]:
        raise InputError(
            f"strata: {len(whole.codes)} for {shape[1]} records of the register: give one for each."
        )
    none = np.clip(1 - sums, 0.0, 1.0)
    rows = _most_probable(matrix, none) if linked is None else _checked_links(linked, shape)
    return Posterior(
        matrix,
        none,
        rows,
        groups,
        whole,
        stratum,
        checked_index(index, shape[0]),
        checked_index(register_index, shape[1], "register_index"),
    )


def _groups(components: Ints, blocks: Any, n: int) -> Ints:
    """Groups of independent rows, from 0."""
    own = np.unique(components, return_inverse=True)[1].astype(np.int64)
    if blocks is None:
        return own
    stated = blocks_of(blocks)
    if len(stated.codes) != n:
        raise InputError(f"blocks: {len(stated.codes)} for {n} rows: give one for each.")
    first = np.full(int(own.max()) + 1, -1)
    first[own] = stated.codes
    spanning = int((first[own] != stated.codes).sum())
    if spanning:
        raise InputError(
            f"blocks: {spanning} rows share a candidate, directly or over others, with rows of another "
            "block, so that blocks are not independent: leave blocks out, or state larger ones."
        )
    return stated.codes


def _stratum(values: Any, register: Blocks, n: int) -> Ints:
    """Number of the stratum of each row."""
    where = {label: k for k, label in enumerate(register.labels.tolist())}
    given = np.asarray(values).tolist()
    if len(given) != n:
        raise InputError(f"strata: {len(given)} for {n} rows: give one for each.")
    lacking = [value for value in given if value not in where]
    if lacking:
        raise InputError(
            f"strata: the register has no record of {lacking[0]!r} ({len(lacking)} of {n} rows are so): "
            "join strata."
        )
    return np.array([where[value] for value in given], np.int64)


def _most_probable(matrix: Any, none: Floats) -> Ints:
    """The most probable record of each row, -1 where none is likelier."""
    begin, chance, columns = matrix.indptr, matrix.data, matrix.indices
    found = np.full(len(none), -1, np.int64)
    filled = np.flatnonzero(np.diff(begin) > 0)
    if not len(filled):
        return found
    rows = np.repeat(np.arange(len(none)), np.diff(begin))
    order = np.lexsort((columns, -chance, rows))
    best = order[begin[filled]]
    found[filled] = np.where(chance[best] > none[filled], columns[best], -1)
    return found


def _checked_links(linked: Any, shape: tuple[int, int]) -> Ints:
    rows = np.asarray(linked)
    if rows.shape != (shape[0],) or rows.dtype.kind not in "iu" or rows.min() < -1 or rows.max() >= shape[1]:
        raise InputError(
            f"linked: give a row of the register, 0 to {shape[1] - 1} or -1, for each of the {shape[0]} rows."
        )
    return rows.astype(np.int64)
