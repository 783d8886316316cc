"""Comparisons that depend on each other, and what to do about it.

Weights are added up as if comparisons were independent given the class of a pair. Where two of them are
not among non-matches (an e-mail address is made of the name, a street lies in one postcode), a pair that
agrees on both weighs too much. All pairs, or the random pairs that u is counted on, tell: for levels a of one
comparison and b of another, O pairs show both, and the model expects

    E = n (p_U u(a) u(b) + p_M m(a) m(b) + p_R r(a) r(b)),

p the shares of unrelated pairs, matches and related pairs among all, n the pairs in which neither is
missing. O / E is what independence is wrong by, its logarithm what the weight is. Where two of them are not
among matches (both fields are wrong when a form was filled in badly), a match that disagrees on both weighs
too little: see `tallystick.estimation.match_dependence`.

The cure is to estimate the joint u-probabilities of the two (`interactions`), or m and u
(`match_interactions`). It is none where one comparison is a copy of the other, which says nothing more: then
one of them is better left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tallystick.estimation.interactions import Interaction
from tallystick.estimation.joint import MAX_CELLS, groups_of
from tallystick.estimation.marginals import Marginals
from tallystick.estimation.parameters import ComparisonParameters
from tallystick.estimation.settings import Estimation

LIFT = float(np.e)
"""How many times as often as expected two levels come together for a warning: a weight is off by 1."""
FEWEST = 100
"""Pairs that show both levels, at least."""
FEWEST_MATCHES = 50
"""Matches that do, at least."""
ERRORS_MATCHES = 5.0
"""Standard errors among matches, which share few records."""
ERRORS = 10.0
"""Standard errors of independent pairs beyond what is expected: many, since pairs share records."""
LEAST_SHARE = 0.005
"""Among matches, the share of them that show both levels, at least: fewer do not matter to the links."""
COPY = 0.95
"""One comparison is a copy of another where the pairs that agree fully on either agree on both so often."""

Among = Literal["non-matches", "matches"]


@dataclass(frozen=True)
class Dependence:
    """Two levels of two comparisons that come together too often.

    Attributes
    ----------
    first, second : str
        The comparisons.
    first_level, second_level : str
        What the levels mean, of all pairs of levels those with the largest lift.
    pairs : int
        Pairs that show both.
    lift : float
        How many times as often as the model expects.
    among : {"non-matches", "matches"}
        Which pairs those are.
    copy : bool
        Whether full agreement on one goes with full agreement on the other nearly always.
    """

    first: str
    second: str
    first_level: str
    second_level: str
    pairs: int
    lift: float
    among: Among = "non-matches"
    copy: bool = False

    def sentence(self, advice: str) -> str:
        """What a person should know of it, and do."""
        wrong = "much" if self.among == "non-matches" else "little"
        place = "" if self.among == "non-matches" else " among matches"
        return (
            f"Comparisons {self.first} and {self.second} depend on each other{place}: "
            f"“{self.first_level}” and “{self.second_level}” come together {self.lift:,.1f} times as often "
            f"as the model expects, so that such pairs weigh {np.log(self.lift):.1f} too {wrong}: {advice}."
        )


def line(interactions: Iterable[Sequence[str]], among: Among = "non-matches") -> str:
    """The setting of interactions as a line of TOML.

    Examples
    --------
    >>> line([("surname", "email")])
    'interactions = [["surname", "email"]]'
    """
    key = "interactions" if among == "non-matches" else "match_interactions"
    return f"{key} = {json.dumps([list(one) for one in interactions], ensure_ascii=False)}"


def advice(
    found: Sequence[Dependence],
    settings: Estimation,
    sizes: Mapping[str, int],
    passing: float = 0.0,
) -> list[str]:
    """Sentences on dependences, with what to do about the largest and those that share a comparison with it.

    Where two comparisons depend on each other EM takes other pairs for matches and relatives, so that more
    comparisons seem to. Hence one cause at a time: an address made of forename and surname is one.

    Parameters
    ----------
    found : sequence of Dependence
        The dependences, the largest first.
    settings : Estimation
        With what is estimated together now.
    sizes : mapping of str to int
        Cells of each comparison, agreement on parts of keys included.
    passing : float
        Where what EM found is not the matches, how many of the counted pairs these may be: so few pairs
        beyond what is expected may be matches rather than a dependence.

    Returns
    -------
    list of str
    """
    certain = [one for one in found if one.pairs * (1 - 1 / one.lift) > passing]
    if not certain:
        return [one.sentence("look first at the number of matches, which it may come of") for one in found]
    now: list[tuple[Dependence, str | None]] = []
    among = certain[0].among
    groups = list(settings.interactions if among == "non-matches" else settings.match_interactions)
    for one in certain:
        pair = (one.first, one.second)
        if now and not set(pair) & {now[0][0].first, now[0][0].second}:
            continue
        if one.copy:
            now.append((one, "they say nearly the same, so leave one of them out"))
        elif _most_cells([*settings.together, *groups, pair], sizes) > MAX_CELLS:
            too_many = "have too many levels to be estimated together"
            now.append((one, f"make one comparison of both or leave one out (they {too_many})"))
        else:
            groups.append(pair)
            now.append((one, None))
    todo = f"estimate them together ({line(groups, among)} under [estimation]) or leave one of them out"
    first = {id(one): text or todo for one, text in now}
    later = f"do first what is said of {certain[0].first} and {certain[0].second}, which it may come of"
    return [one.sentence(first.get(id(one), later)) for one in found]


def _most_cells(interactions: Sequence[tuple[str, ...]], sizes: Mapping[str, int]) -> int:
    """Cells of the largest group of comparisons that are estimated together."""
    names = list(sizes)
    groups = groups_of(interactions, names)
    return max(math.prod(sizes[names[number]] for number in group) for group in groups)


def dependences(
    comparisons: Sequence[ComparisonParameters],
    marginals: Marginals,
    shares: NDArray[np.float64],
    interactions: Sequence[Interaction] = (),
) -> list[Dependence]:
    """Find comparisons that depend on each other in some class of pairs.

    Parameters
    ----------
    comparisons : sequence of ComparisonParameters
        m, u and r.
    marginals : Marginals
        Patterns of all pairs, or of random ones.
    shares : float64 array, shape (3,)
        Shares of unrelated pairs, matches and related pairs among all.
    interactions : sequence of Interaction
        Comparisons whose joint probabilities were estimated, so that the model expects these.

    Returns
    -------
    list of Dependence
        One for each two comparisons with a lift of `LIFT` or more, the largest first.
    """
    classes = [(one.u, one.m, one.r or one.u) for one in comparisons]
    found = []
    for k, j in combinations(range(len(comparisons)), 2):
        n_k, n_j = len(comparisons[k].labels), len(comparisons[j].labels)
        both = (marginals.levels[:, k] < n_k) & (marginals.levels[:, j] < n_j)
        cells = marginals.levels[both, k].astype(np.int64) * n_j + marginals.levels[both, j]
        seen = np.bincount(cells, weights=marginals.times[both], minlength=n_k * n_j)
        seen = seen.reshape(n_k, n_j)
        together = joint_probabilities(k, j, interactions)
        if together is None:
            together = [np.outer(a, b) for a, b in zip(classes[k], classes[j], strict=True)]
        expected = seen.sum() * sum(share * own for share, own in zip(shares, together, strict=True))
        table = np.asarray(seen, np.float64)
        found += _largest(comparisons[k], comparisons[j], table, expected, (FEWEST, ERRORS), "non-matches")
    return sorted(found, key=lambda one: -one.lift)


def dependences_among_matches(
    comparisons: Sequence[ComparisonParameters],
    tables: Iterable[tuple[int, int, NDArray[np.float64], NDArray[np.float64]]],
) -> list[Dependence]:
    """Find comparisons whose errors come together among the matches.

    Parameters
    ----------
    comparisons : sequence of ComparisonParameters
        m and u.
    tables : iterable of int, int, float64 array, float64 array
        What `match_tables` gives.

    Returns
    -------
    list of Dependence
        One for each two comparisons with a lift of `LIFT` or more, the largest first.
    """
    found = []
    for k, j, seen, expected in tables:
        errors = seen.copy()
        # Full agreement on either is what matches mostly show: errors that come together are of interest.
        errors[-1, :] = errors[:, -1] = 0.0
        fewest = max(float(FEWEST_MATCHES), LEAST_SHARE * float(seen.sum()))
        limits = fewest, ERRORS_MATCHES
        found += _largest(comparisons[k], comparisons[j], errors, expected, limits, "matches")
    return sorted(found, key=lambda one: -one.lift)


def _largest(
    one: ComparisonParameters,
    other: ComparisonParameters,
    seen: NDArray[np.float64],
    expected: NDArray[np.float64],
    limits: tuple[float, float],
    among: Among,
) -> list[Dependence]:
    """The largest lift of two comparisons, where it is beyond the limits in pairs and standard errors."""
    expected = np.maximum(expected, 1e-9)
    excess = (seen - expected) / np.sqrt(expected)
    lift = np.where((seen >= limits[0]) & (excess >= limits[1]), seen / expected, 0.0)
    if among == "non-matches":
        lift[0, :] = lift[:, 0] = 0.0  # agreement alone adds to a weight
    a, b = np.unravel_index(int(lift.argmax()), lift.shape)
    if lift[a, b] < LIFT:
        return []
    top = seen[-1, -1]
    copy = among == "non-matches" and top >= COPY * max(seen[-1, :].sum(), seen[:, -1].sum(), 1.0)
    names = one.name, other.name, one.labels[a], other.labels[b]
    return [Dependence(*names, int(seen[a, b]), float(lift[a, b]), among, bool(copy))]


def joint_probabilities(
    k: int, j: int, interactions: Sequence[Interaction]
) -> list[NDArray[np.float64]] | None:
    """Joint u, m and r of two comparisons that were estimated together; None where they were not."""
    for one in interactions:
        if k in one.comparisons and j in one.comparisons:
            return [one.margin(which, k, j) for which in ("u", "m", "u" if one.r is None else "r")]
    return None
