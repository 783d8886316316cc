"""The best matching of pairs that compete, with prices that prove it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.errors import RunError

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Matching:
    """A set of pairs in which no record occurs twice, and its dual solution.

    Attributes
    ----------
    chosen : bool array, shape (n_pairs,)
        The pairs.
    profit, price : int64 arrays, shape (n_first,) and (n_second,)
        Of each record of either side. Where `check` holds of them, no such set has a larger sum of gains.
    """

    chosen: Bools
    profit: Ints
    price: Ints

    def check(self, first: Ints, second: Ints, gain: Ints) -> None:
        """Raise `RunError` unless profits and prices prove that the set is a best one.

        They do where they are 0 or more, 0 for records without a pair, and together at least the gain of
        every pair, and exactly that of a chosen one: the sum of the gains of any set is then at most the sum
        of all profits and prices, which that of the chosen pairs is (duality of linear programming; Kuhn
        1955). Integers leave no doubt.

        Parameters
        ----------
        first, second, gain
            As of `best_matching`.
        """
        ends = first[self.chosen], second[self.chosen]
        slack = self.profit[first] + self.price[second] - gain
        alone = [np.ones(side.size, np.bool_) for side in (self.profit, self.price)]
        for rows, one in zip(alone, ends, strict=True):
            rows[one] = False
        proven = (
            all(np.unique(one).size == one.size for one in ends)
            and (slack >= 0).all()
            and not slack[self.chosen].any()
            and (self.profit >= 0).all()
            and (self.price >= 0).all()
            and not self.profit[alone[0]].any()
            and not self.price[alone[1]].any()
        )
        if not proven:
            raise RunError(
                "The assignment solver's answer is not optimal; please report this with its input."
            )


def best_matching(first: Ints, second: Ints, gain: Ints) -> Matching:
    """The set of pairs with the largest sum of gains in which no record occurs twice.

    Parameters
    ----------
    first, second : int64 arrays, shape (n_pairs,)
        The records that each pair joins, numbered from 0 on each side; sorted by (first, second).
    gain : int64 array, shape (n_pairs,)
        0 or more, below 2**49.

    Returns
    -------
    Matching

    References
    ----------
    Edmonds, J. and Karp, R. M. (1972). Theoretical improvements in algorithmic efficiency for network flow
    problems. Journal of the ACM 19(2), 248-264.

    Jonker, R. and Volgenant, A. (1987). A shortest augmenting path algorithm for dense and sparse linear
    assignment problems. Computing 38, 325-340.

    Kuhn, H. W. (1955). The Hungarian method for the assignment problem. Naval Research Logistics Quarterly
    2, 83-97.

    Examples
    --------
    >>> first, second = np.array([0, 0, 1]), np.array([0, 1, 0])
    >>> best_matching(first, second, np.array([4, 3, 3])).chosen
    array([False,  True,  True])
    """
    from tallystick.linking.kernels_assignment import solve_assignment

    n_first, n_second = int(first.max(initial=-1)) + 1, int(second.max(initial=-1)) + 1
    start = np.concatenate(([0], np.cumsum(np.bincount(first, minlength=n_first)))).astype(np.int64)
    matched_edge, _, profit, price = solve_assignment(first, second, gain, start, n_second)
    chosen = np.zeros(first.size, np.bool_)
    chosen[matched_edge[matched_edge >= 0]] = True
    return Matching(chosen, profit, price)
