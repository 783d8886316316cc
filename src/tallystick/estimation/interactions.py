"""Interactions: what agreement of several comparisons together weighs beyond the sum of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TINY = 1e-300


@dataclass(frozen=True)
class Interaction:
    """Joint probabilities of the levels of comparisons that are estimated together.

    With a, b, .. the levels of the comparisons, they weigh log m(a, b, ..) / u(a, b, ..): that is the weights
    log m(a) / u(a), log m(b) / u(b), .. of the comparisons alone, whose probabilities are the margins, plus a
    *term*, 0 where they are independent in both classes. Of comparisons with missing values the others count,
    with their margin of the joint probabilities; one alone has no term.

    Attributes
    ----------
    comparisons : tuple of int
        Numbers of the comparisons, rising.
    names : tuple of str
        Their names.
    shape : tuple of int
        Number of levels of each, without the missing one.
    m, u : tuple of float
        Joint probability of the levels among matches and among (unrelated) non-matches, in C order.
    r : tuple of float, optional
        The same among related pairs, where these are a class of their own.
    """

    comparisons: tuple[int, ...]
    names: tuple[str, ...]
    shape: tuple[int, ...]
    m: tuple[float, ...]
    u: tuple[float, ...]
    r: tuple[float, ...] | None = None

    @property
    def label(self) -> str:
        """How the part of a weight is named that is theirs together."""
        return " × ".join(self.names) + " together"

    def table(self, which: str) -> Floats:
        """Joint probabilities of the levels: ``m``, ``u`` or ``r``, an axis for each comparison."""
        return np.array(getattr(self, which), np.float64).reshape(self.shape)

    def margin(self, which: str, first: int, second: int) -> Floats:
        """Joint probabilities of two of the comparisons, given by their number, an axis for each."""
        axes = self.comparisons.index(first), self.comparisons.index(second)
        others = tuple(axis for axis in range(len(self.shape)) if axis not in axes)
        found = self.table(which).sum(axis=others)
        return np.asarray(found if axes[0] < axes[1] else found.T, np.float64)

    @cached_property
    def terms(self) -> Floats:
        """Term of log m / u by level, the number of levels for missing; (n_levels + 1 of each)."""
        return self._lift("m") - self._lift("u")

    @cached_property
    def related_terms(self) -> Floats:
        """The same of log r / u."""
        return self._lift("r" if self.r is not None else "u") - self._lift("u")

    def _lift(self, which: str) -> Floats:
        """Log of the joint probability over the product of the margins."""
        table = self.table(which)
        present = np.zeros([size + 1 for size in self.shape], np.int64)
        for axis, size in enumerate(self.shape):
            table = np.concatenate([table, table.sum(axis=axis, keepdims=True)], axis=axis)
            own = (np.arange(size + 1) < size).astype(np.int64)
            present += own.reshape([-1 if k == axis else 1 for k in range(len(self.shape))])
        lift = np.log(np.maximum(table, TINY))
        for axis in range(len(self.shape)):
            alone = tuple(slice(None) if k == axis else slice(-1, None) for k in range(len(self.shape)))
            lift = lift - np.log(np.maximum(table[alone], TINY))
        return np.where(present > 1, lift, 0.0)

    @cached_property
    def bounds(self) -> tuple[Floats, ...]:
        """Numbers for the levels of each comparison that add up to the term or more, (n_levels + 1,) each.

        The first takes what its level can gain at most, and every next one what its level still can.
        """
        rest, found = self.terms, []
        for axis in range(len(self.shape)):
            others = tuple(k for k in range(len(self.shape)) if k != axis)
            most = rest.max(axis=others)
            found.append(most)
            rest = rest - most.reshape([-1 if k == axis else 1 for k in range(len(self.shape))])
        return tuple(found)

    def at(self, table: Floats, digits: Sequence[NDArray[Any]] | NDArray[Any]) -> Floats:
        """Values of a table of terms for pairs; `digits` has the levels by comparison, of all of them."""
        return np.asarray(table[tuple(digits[number] for number in self.comparisons)], np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, an axis of lists for each comparison."""
        tables = {which: self.table(which).tolist() for which in "mur" if getattr(self, which) is not None}
        return {"comparisons": list(self.names), **tables, "terms": self.terms.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], names: Sequence[str]) -> Interaction:
        """Read what `to_dict` gave; `names` are those of all comparisons."""
        tables = {which: np.array(data[which], np.float64) for which in "mur" if which in data}
        own = tuple(data["comparisons"])
        return cls(
            tuple(names.index(name) for name in own),
            own,
            tables["m"].shape,
            **{which: tuple(table.ravel().tolist()) for which, table in tables.items()},
        )


def of_group(interactions: Sequence[Interaction], names: Sequence[str]) -> Interaction | None:
    """The joint probabilities of some comparisons, in their order, where an interaction has them all.

    Parameters
    ----------
    interactions : sequence of Interaction
        Those of a model.
    names : sequence of str
        Names of the comparisons, numbered as they are here.

    Returns
    -------
    Interaction or None

    Examples
    --------
    >>> both = Interaction((0, 1), ("a", "b"), (2, 2), (0.1, 0.2, 0.3, 0.4), (0.4, 0.3, 0.2, 0.1))
    >>> of_group([both], ["b", "a"]).m
    (0.1, 0.3, 0.2, 0.4)
    """
    for one in interactions:
        if not set(names) <= set(one.names):
            continue
        axes = [one.names.index(name) for name in names]
        rest = tuple(axis for axis in range(len(one.names)) if axis not in axes)
        order = [sorted(axes).index(axis) for axis in axes]
        tables = {
            which: np.transpose(one.table(which).sum(axis=rest), order)
            for which in "mur"
            if getattr(one, which) is not None
        }
        return Interaction(
            tuple(range(len(names))),
            tuple(names),
            tables["m"].shape,
            **{which: tuple(table.ravel().tolist()) for which, table in tables.items()},
        )
    return None
