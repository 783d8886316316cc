"""Missed links: the linked records are a part of a larger register, from all of which wrong links come.

Of the N records of a block only some are linked. A wrong link falls on any of the N, so that the outcome of
a linked record is expected to be a mu_i + (1 - a) mean(mu), a = (N q - 1) / (N - 1), with the mean over the
whole block of the register (Chambers 2009; Kim and Chambers 2012). The mean over the linked records alone,
as for complete linkage, biases where the chance of a link depends on covariates.

Where covariates of the register are not known, `weighted` estimates its means from the linked records. Both
take linkage as independent of the outcome given the covariates and the block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.error_models.blocks import Blocks, blocks_of
from tallystick.analysis.error_models.error_model import ErrorModel, Floats, Ints, checked_index
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.analysis.error_models.precision import LinkPrecision
from tallystick.errors import InputError


@dataclass(frozen=True, eq=False)
class Incomplete(ErrorModel):
    """Links of some records of a register; errors as a model of the whole register has them.

    What is not linked is not observed, so that rows of Q are those of the whole register's, and weights of
    records without a link are 0: V_i and Var(G' C v) follow from the model of the whole.

    Attributes
    ----------
    whole : ErrorModel
        Of the register.
    linked : int64 array, shape (n_links,)
        Row of the register of each link.
    index : array, shape (n_links,), or None
        Names of the links.
    """

    whole: ErrorModel
    linked: Ints
    index: NDArray[Any] | None = None

    @property
    def n_links(self) -> int:
        """Number of links."""
        return len(self.linked)

    @property
    def n_register(self) -> int:
        """Number of records of the register."""
        return self.whole.n_register

    @property
    def register_index(self) -> NDArray[Any] | None:  # type: ignore[override]
        """Names of the records of the register."""
        return self.whole.register_index

    @property
    def precision(self) -> LinkPrecision | None:  # type: ignore[override]
        """As the model of the whole has it."""
        return self.whole.precision

    @property
    def shared_precision(self) -> LinkPrecision | None:
        """As the model of the whole has it."""
        return self.whole.shared_precision

    @cached_property
    def groups(self) -> Ints:  # type: ignore[override]
        """Block of each link, those without a link left out."""
        found: Ints = np.unique(self.whole.groups[self.linked], return_inverse=True)[1]
        return found.astype(np.int64)

    def _lifted(self, weights: Floats) -> Floats:
        """Weights on the rows of the register."""
        found = np.zeros((self.n_register, weights.shape[1]))
        found[self.linked] = weights
        return found

    def as_linked(self, values: Floats) -> Floats:
        """Values of the linked records."""
        return values[self.linked]

    def expected(self, values: Floats) -> Floats:
        """Q v, the means over the whole register."""
        return self.whole.expected(values)[self.linked]

    def inverse(self, values: Floats) -> Floats:
        """Refused unless every record has a link, since outcomes of records without one are not known."""
        if self.n_links < self.n_register:
            raise InputError(
                f"The inverse of Q needs a link of every record; {self.n_register - self.n_links:,} of "
                f'{self.n_register:,} have none: use method="ratio" or "lahiri-larsen", or estimate means '
                "of the register from the linked records (weighted)."
            )
        whole = np.empty_like(values, np.float64)
        whole[self.linked] = values
        return self.whole.inverse(whole)

    def variance(self, values: Floats) -> Floats:
        """V_i of the linked records."""
        return self.whole.variance(values)[self.linked]

    def noise(self, weights: Floats, values: Floats) -> Floats:
        """That of the whole register with weights of 0 where there is no link."""
        return self.whole.noise(self._lifted(weights), values)

    def gradient(self, weights: Floats, values: Floats) -> Floats:
        """That of the whole register with weights of 0 where there is no link."""
        return self.whole.gradient(self._lifted(weights), values)

    def at(self, q: float | Mapping[Any, float] | Floats) -> Incomplete:
        """The same with another q, taken as known."""
        return replace(self, whole=self.whole.at(q))


def incomplete(
    blocks: Any,
    q: float | Mapping[Any, float] | Floats | LinkPrecision,
    linked: Any,
    *,
    register_index: Any = None,
    index: Any = None,
    single: str = "refuse",
) -> Incomplete:
    """Exchangeable errors by block among some records of a register.

    Parameters
    ----------
    blocks : array-like, shape (n_register,)
        Block of each record of the register.
    q : float, mapping, array of shape (n_blocks,), or LinkPrecision
        Chance that a link is right given that there is one. By name, blocks without any link need none.
    linked : array-like, shape (n_links,)
        The record that each link is of: its name where the register has names, else its row from 0.
    register_index : array-like, shape (n_register,), optional
        Names of the records of the register.
    index : array-like, shape (n_links,), optional
        Names of the links.
    single : {"refuse", "right"}
        See `exchangeable`.

    Returns
    -------
    Incomplete

    Raises
    ------
    InputError
        Where a link is of no record of the register, or two are of the same one; as `exchangeable` does.

    Examples
    --------
    >>> model = incomplete(["a"] * 4, 0.7, ["r2", "r4"], register_index=["r1", "r2", "r3", "r4"])
    >>> model.expected(np.array([0.0, 1, 2, 3])).round(3)
    array([1.2, 2.4])
    """
    found = blocks_of(blocks)
    names = checked_index(register_index, len(found.codes), "register_index")
    rows = rows_of(linked, names, len(found.codes))
    if isinstance(q, Mapping | LinkPrecision):
        q = _with_unlinked(q, found, rows)
    whole = exchangeable(found, q, index=names, single=single)
    return Incomplete(whole, rows, checked_index(index, len(rows)))


def _with_unlinked(
    q: Mapping[Any, float] | LinkPrecision, blocks: Blocks, linked: Ints
) -> Mapping[Any, float] | LinkPrecision:
    """The same, blocks without any link as right: nothing follows from it."""
    has_link = np.bincount(blocks.codes[linked], minlength=blocks.n_blocks) > 0
    bare = blocks.labels[~has_link].tolist()
    if isinstance(q, Mapping):
        return {**dict.fromkeys(bare, 1.0), **q}
    stated = set(q.labels.tolist())
    bare = [label for label in bare if label not in stated]
    if not bare:
        return q

    def padded(values: Floats | None, fill: float) -> Floats | None:
        if values is None:
            return None
        return np.concatenate((values, np.full((len(bare), *values.shape[1:]), fill)))

    labels = np.concatenate((q.labels, np.array(bare, q.labels.dtype if len(q.labels) else None)))
    shares = padded(q.q, 1.0)
    assert shares is not None
    return LinkPrecision(labels, shares, padded(q.own, 0.0), padded(q.shared, 0.0))


def rows_of(linked: Any, names: NDArray[Any] | None, n_register: int) -> Ints:
    """Rows of the register that links are of, each at most once."""
    given = np.asarray(linked)
    if given.ndim != 1 or not len(given):
        raise InputError("linked: give the record of each link; there has to be one at least.")
    if names is not None:
        where = {name: k for k, name in enumerate(names.tolist())}
        outside = [name for name in given.tolist() if name not in where]
        if outside:
            raise InputError(
                f"linked: {outside[0]!r} is no record of the register ({len(outside)} of {len(given)} links "
                "are of none): give the whole register, or leave such links out."
            )
        rows = np.array([where[name] for name in given.tolist()], np.int64)
    else:
        if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= n_register:
            raise InputError(
                f"linked: give rows of the register from 0 to {n_register - 1}, or names and register_index."
            )
        rows = given.astype(np.int64)
    twice = len(rows) - len(np.unique(rows))
    if twice:
        raise InputError(
            f"linked: {twice} links are of a record that has another one: with this error model a record has "
            "one link at most."
        )
    return rows
