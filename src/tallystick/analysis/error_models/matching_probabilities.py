"""Which record each record of a file is, if any: probabilities of candidate pairs from match weights."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tallystick.analysis.error_models.blocks import blocks_of
from tallystick.errors import InputError, TallystickWarning
from tallystick.linking.bipartite import bipartite_posterior

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rule = Literal["exact", "row", "top-2"]

_FOR_SURE = 60.0  # what a link more gains where every record has one: exp(-60) of the sets lack one
_SETTLED = 1e-5
_MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class MatchingProbabilities:
    """Probabilities of candidate pairs; what is missing to 1 is "no match".

    Attributes
    ----------
    left, right : int64 arrays, shape (n_pairs,)
        Rows of the two files, from 0.
    probability : float64 array, shape (n_pairs,)
        That the pair is a match.
    n_left, n_right : int
        Records of the files.
    exact : bool array, shape (n_pairs,)
        Whether the probability sums over all one-to-one sets; elsewhere it is by loopy messages, or by row.
    rule : str
        How they were made.
    converged : bool
        Whether the messages have settled.
    """

    left: Ints
    right: Ints
    probability: Floats
    n_left: int
    n_right: int
    exact: NDArray[np.bool_]
    rule: str = "given"
    converged: bool = True

    def none(self, side: Literal["left", "right"]) -> Floats:
        """Probability that a record has no match, shape (n_left,) or (n_right,)."""
        rows, n = (self.left, self.n_left) if side == "left" else (self.right, self.n_right)
        return np.clip(1 - np.bincount(rows, self.probability, n), 0.0, 1.0)

    @cached_property
    def _components(self) -> tuple[Ints, Ints]:
        n = self.n_left + self.n_right
        ends = (self.left, self.n_left + self.right)
        found = connected_components(
            coo_array((np.ones(len(self.left)), ends), shape=(n, n)), directed=False
        )[1]
        return found[: self.n_left].astype(np.int64), found[self.n_left :].astype(np.int64)

    def components(self, side: Literal["left", "right"]) -> Ints:
        """Connected component of each record, numbered over both files alike."""
        return self._components[side == "right"]


def matching_probabilities(
    left: NDArray[np.integer[Any]],
    right: NDArray[np.integer[Any]],
    weight: Floats,
    n_left: int,
    n_right: int,
    *,
    rule: Rule = "exact",
    blocks: tuple[Any, Any] | None = None,
    match_rate: float | None = None,
    normalise: Literal["left", "right"] = "right",
) -> MatchingProbabilities:
    """Probabilities that candidate pairs are matches, from their match weights.

    With the rule "exact" a one-to-one set of pairs has probability proportional to the product of its
    pairs' ratios exp(weight - c) (see `bipartite_posterior`): exact on components without cycles or with
    ten open records at most, by belief propagation with slack beyond. With "row" each record of one file is
    normalised by itself: all its candidates and none, which is calibrated, too, but less sharp (Enamorado,
    Fifield and Imai 2019). "top-2" keeps the two most probable candidates of a row, as Lahiri and Larsen
    (2005) have published it: what the others hold is lost, so that estimates are biased.

    Of n1 and n2 records of a block, of which a share r of the second file has a match, r n2 pairs match,
    and a link weighs against none with c = log((n1 - r n2 + 1/2) (n2 - r n2 + 1/2) / (r n2 + 1/2)) (after
    Sadinle 2017).

    Parameters
    ----------
    left, right : integer arrays, shape (n_pairs,)
        Candidate pairs, as rows of the two files from 0. Pairs that are left out cannot match.
    weight : float64 array, shape (n_pairs,)
        Match weights, log(m / u), natural-log units.
    n_left, n_right : int
        Records of the files.
    rule : {"exact", "row", "top-2"}
        See above.
    blocks : tuple of two array-likes, shapes (n_left,) and (n_right,), optional
        Block of each record: matches are within blocks. Without it the files are one block, and agreement
        on what pairs were selected by has to be in the weights.
    match_rate : float, optional
        r, share of the records of the second file that have a match; 1 where all have. By default the one
        that agrees with the sum of the probabilities.
    normalise : {"right", "left"}
        The file whose records are normalised, with "row", and have two candidates, with "top-2".

    Returns
    -------
    MatchingProbabilities

    Raises
    ------
    InputError
        Where a pair occurs twice or is between blocks, or a weight is not a number.

    References
    ----------
    Enamorado, T., Fifield, B. and Imai, K. (2019). Using a probabilistic model to assist merging of
    large-scale administrative records. American Political Science Review 113, 353-371.

    Lahiri, P. and Larsen, M. D. (2005). Regression analysis with linked data. Journal of the American
    Statistical Association 100, 222-230.

    Examples
    --------
    Two records, each like its own and a little like the other's:

    >>> pairs = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> weight = np.array([3.0, 1, 1, 3])
    >>> matching_probabilities(*pairs, weight, 2, 2, match_rate=1.0).probability.round(3)
    array([0.982, 0.018, 0.018, 0.982])
    >>> matching_probabilities(*pairs, weight, 2, 2, match_rate=1.0, rule="row").probability.round(3)
    array([0.881, 0.119, 0.119, 0.881])
    """
    lefts, rights = np.asarray(left).astype(np.int64), np.asarray(right).astype(np.int64)
    weight = np.asarray(weight, np.float64)
    _check(lefts, rights, weight, n_left, n_right, rule, match_rate)
    block, sizes = _sizes(lefts, rights, n_left, n_right, blocks)
    once = lefts if normalise == "left" else rights
    n_once = n_left if normalise == "left" else n_right

    def given(rate: float) -> tuple[Floats, NDArray[np.bool_], bool]:
        constant = np.full(len(sizes[0]), -_FOR_SURE) if rate >= 1 else _constant(*sizes, rate)
        if rule == "exact":
            found = bipartite_posterior(lefts, n_left + rights, weight - constant[block])
            return found.probability, found.exact, found.converged
        none = np.full(len(constant), -np.inf) if rate >= 1 else _none(*sizes, rate, normalise)
        return _by_row(once, weight, none[block], n_once), np.zeros(len(lefts), bool), True

    if match_rate is None:
        match_rate = _agreeing(given, n_right, min(n_left, n_right) / n_right)
    probability, exact, converged = given(match_rate)
    if rule == "exact" and match_rate >= 1 and not exact.all():
        warnings.warn(
            f"{int((~exact).sum())} of {len(exact)} pairs are in components too large to sum over, and with "
            "a match for every record messages there are near the single best assignment: take "
            'rule="row", or smaller blocks.',
            TallystickWarning,
            stacklevel=2,
        )
    if not converged:
        warnings.warn(
            "The messages have not settled: probabilities in large components are those of the last sweep "
            'and not to be relied on (converged is False); take rule="row", or smaller blocks.',
            TallystickWarning,
            stacklevel=2,
        )
    if rule == "top-2":
        probability = _top_two(once, probability, n_once)
    return MatchingProbabilities(lefts, rights, probability, n_left, n_right, exact, rule, converged)


def _check(
    left: Ints, right: Ints, weight: Floats, n_left: int, n_right: int, rule: str, rate: float | None
) -> None:
    if not len(left) == len(right) == len(weight):
        raise InputError(
            f"pairs: {len(left)} and {len(right)} rows and {len(weight)} weights: give one of each."
        )
    for rows, n, side in ((left, n_left, "left"), (right, n_right, "right")):
        if len(rows) and (rows.min() < 0 or rows.max() >= n):
            raise InputError(f"{side}: rows are from 0 to {n - 1}, and some are not.")
    if not np.isfinite(weight).all():
        raise InputError("weight: some weights are no finite numbers: leave out pairs that cannot match.")
    if len(np.unique(left * n_right + right)) < len(left):
        raise InputError("pairs: some occur twice: give each once.")
    if rule not in ("exact", "row", "top-2"):
        raise InputError(f'rule: {rule!r} is none of "exact", "row", "top-2".')
    if rate is not None and not 0 < rate <= 1:
        raise InputError(f"match_rate: {rate:g} is no share above 0 and up to 1.")


def _sizes(
    left: Ints, right: Ints, n_left: int, n_right: int, blocks: tuple[Any, Any] | None
) -> tuple[Ints, tuple[Floats, Floats]]:
    """Block of each pair, and the records of both files in each block."""
    if blocks is None:
        return np.zeros(len(left), np.int64), (np.full(1, float(n_left)), np.full(1, float(n_right)))
    if len(blocks[0]) != n_left or len(blocks[1]) != n_right:
        raise InputError(
            f"blocks: {len(blocks[0])} and {len(blocks[1])} for {n_left} and {n_right} records: give one "
            "for each."
        )
    both = blocks_of(np.concatenate((np.asarray(blocks[0]), np.asarray(blocks[1]))))
    first, second = both.codes[:n_left], both.codes[n_left:]
    between = int((first[left] != second[right]).sum())
    if between:
        raise InputError(f"blocks: {between} of {len(left)} pairs are between blocks: leave them out.")
    sizes = tuple(np.bincount(one, minlength=both.n_blocks).astype(np.float64) for one in (first, second))
    return first[left], (sizes[0], sizes[1])


def _constant(n_left: Floats, n_right: Floats, rate: float) -> Floats:
    """What a link has to weigh against none, by block.

    With k links made there are n1 - k records to choose from, and k is taken at r n2 - 1/2, in the middle
    of a step.
    """
    matches = np.minimum(rate * n_right, np.minimum(n_left, n_right))
    return np.log((1 - rate) / rate * (n_left - matches + 0.5))


def _none(n_left: Floats, n_right: Floats, rate: float, normalise: str) -> Floats:
    """The weight of "none" of a record, by block: its prior odds against one given candidate."""
    if normalise == "right":
        return np.log((1 - rate) / rate * np.maximum(n_left, 1))
    share = np.clip(rate * n_right / np.maximum(n_left, 1), 1e-12, 1 - 1e-12)
    return np.log((1 - share) / share * np.maximum(n_right, 1))


def _by_row(rows: Ints, weight: Floats, none: Floats, n: int) -> Floats:
    """Probability of each pair among those of its row and none."""
    most = np.full(n, -np.inf)
    np.maximum.at(most, rows, np.maximum(weight, none))
    ratio, rest = np.exp(weight - most[rows]), np.exp(none - most[rows])
    total = np.asarray(np.bincount(rows, ratio, n))
    found: Floats = ratio / (total[rows] + rest)
    return found


def _agreeing(given: Any, n_right: int, most: float) -> float:
    """The match rate that equals the sum of the probabilities which follow from it.

    Steps of EM, every third one extrapolated (Aitken 1926). A match for everybody always agrees with itself,
    so that they begin below it.
    """
    top = min(most, 1 - 1e-6)

    def step(rate: float) -> float:
        return float(np.clip(given(rate)[0].sum() / n_right, 1e-9, top))

    rate = top / 2
    for _ in range(_MOST_STEPS):
        first = step(rate)
        second = step(first)
        if abs(second - first) <= _SETTLED:
            if second <= _SETTLED:
                raise InputError(
                    "match_rate: by these weights nothing matches: check their sign, or state the share of "
                    "records that have a match."
                )
            return second
        bend = second - 2 * first + rate
        far = rate - (first - rate) ** 2 / bend if bend else second
        rate = far if 0 < far < top else second
    raise InputError(f"match_rate: it has not settled after {2 * _MOST_STEPS} steps: state it.")


def _top_two(rows: Ints, probability: Floats, n: int) -> Floats:
    """The two most probable of each row, which get what the row's others had."""
    order = np.lexsort((-probability, rows))
    begin = np.searchsorted(rows[order], np.arange(n))
    rank = np.empty(len(rows), np.int64)
    rank[order] = np.arange(len(rows)) - begin[rows[order]]
    kept = np.where(rank < 2, probability, 0.0)
    total = np.asarray(np.bincount(rows, probability, n))
    own = np.asarray(np.bincount(rows, kept, n))
    scaled: Floats = kept * (total / np.where(own > 0, own, 1.0))[rows]
    return scaled
