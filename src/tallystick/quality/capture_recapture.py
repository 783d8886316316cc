"""How many there are, missed ones included, from two lists that overlap: capture and recapture.

Two linkage rules that are independent of each other catch matches as two lists catch persons, and what both
catch tells what neither does. Where the two lists are files, linked with errors, their overlap is itself
estimated: a person on both is found to be so with chance alpha, and one of the first list alone is taken for
somebody of the second with chance beta (Ding and Fienberg 1994; Di Consiglio and Tuoto 2015).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tallystick.errors import InputError
from tallystick.quality.overlap import NORMAL_95, chapman


@dataclass(frozen=True)
class MissedMatches:
    """Matches that two linkage rules have missed, by their overlap.

    Attributes
    ----------
    first, second, both : float
        Matches that each rule finds, and that both do.
    total, error : float
        Estimated number of all matches, and its standard error.
    low, high : float
        Limits of its interval of 95 %; none is below what was found.
    """

    first: float
    second: float
    both: float
    total: float
    error: float
    low: float
    high: float

    @property
    def found(self) -> float:
        """Matches that either rule finds."""
        return self.first + self.second - self.both

    @property
    def missed(self) -> float:
        """Estimated matches that neither rule finds."""
        return self.total - self.found

    @property
    def recall(self) -> float:
        """Share of all matches that either rule finds: an upper bound where the rules are dependent."""
        return self.found / self.total if self.total > 0 else 1.0

    def summary(self) -> str:
        """The estimate in words."""
        return (
            f"{self.total:,.1f} matches (95 % interval {self.low:,.1f} to {self.high:,.1f}), of which "
            f"{self.missed:,.1f} are missed: the recall is at most {self.recall:.2%}, an upper bound where "
            "matches that one rule misses are also harder for the other."
        )


def capture_recapture(first: float, second: float, both: float) -> MissedMatches:
    """How many matches there are, by two rules (or passes) that are independent of each other.

    The estimate is Chapman's (1951), its variance Seber's (1970), see `tallystick.quality.overlap.chapman`.
    The interval is log-normal in the number that neither finds (Burnham et al. 1987, page 212; Chao 1987).
    Rules that share fields miss the same matches: their overlap is too large, the total too small, and the
    recall is overstated. So it is an **upper bound** unless independence is beyond doubt. Count true matches
    only: false links of either rule that the other does not have make the total too large.

    Parameters
    ----------
    first, second, both : float
        Matches that each rule finds, and that both do.

    Returns
    -------
    MissedMatches

    Raises
    ------
    InputError
        Where the numbers cannot be.

    Examples
    --------
    >>> found = capture_recapture(4000, 3500, 2800)
    >>> round(found.total), round(found.missed), round(found.recall, 3)
    (5000, 300, 0.94)
    """
    _check_lists(first, second, both)
    total, error = chapman(first, second, both)
    found = first + second - both
    total = max(total, found)
    low, high = _limits(total, found, error)
    return MissedMatches(first, second, both, total, error, low, high)


@dataclass(frozen=True)
class PopulationSize:
    """Size of a population by two lists that were linked with errors.

    Attributes
    ----------
    size, error : float
        The estimate and its standard error.
    low, high : float
        Limits of its interval of 95 %.
    both, both_error : float
        Estimated number of persons on both lists, and its standard error given the lists.
    naive : float
        What would come out if every link were right and none missed.
    """

    size: float
    error: float
    low: float
    high: float
    both: float
    both_error: float
    naive: float


def ding_fienberg(
    first: float,
    second: float,
    linked: float,
    alpha: float,
    beta: float,
    *,
    alpha_error: float = 0.0,
    beta_error: float = 0.0,
) -> PopulationSize:
    """Size of a population by two lists, corrected for linkage errors.

    Of the n1 persons of the first list those on both lists are linked with chance alpha, and those on the
    first alone with chance beta, so that n12 = (n* - beta n1) / (alpha - beta) and N = n1 n2 / n12 (Ding and
    Fienberg 1994, who have beta = 0; Di Consiglio and Tuoto 2015). Given the lists, n* varies by the overlap,
    which is hypergeometric, and by the linkage, which is binomial twice:

        var(n12) = n1 n2 (N - n1)(N - n2) / (N^2 (N - 1))
                   + [n12 alpha (1 - alpha) + (n1 - n12) beta (1 - beta)] / (alpha - beta)^2
                   + [n12^2 var(alpha) + (n1 - n12)^2 var(beta)] / (alpha - beta)^2,
        var(N) = (N / n12)^2 var(n12),

    by the delta method, checked by simulation (docs/guide/error-rates.md). The estimates of alpha
    and beta are taken as independent of each other and of the links.

    **beta is a chance of a record of the first list.** Swap the lists, and it is another number: the same
    false links are then divided by the persons on the second list alone, so that
    beta' = beta (n1 - n12) / (n2 - n12) (de Wolf, van der Laan and Zult 2019). alpha stays.

    Parameters
    ----------
    first, second : float
        n1 and n2: records of each list, without duplicates.
    linked : float
        n*: links between them.
    alpha : float
        Chance that a person on both lists is linked (to whomever).
    beta : float
        Chance that a person on the first list alone is linked.
    alpha_error, beta_error : float
        Their standard errors, such as those of an audit.

    Returns
    -------
    PopulationSize

    Raises
    ------
    InputError
        Where alpha is not above beta, or there are too few links to be any overlap.

    References
    ----------
    Ding, Y. and Fienberg, S. E. (1994). Dual system estimation of census undercount in the presence of
    matching error. Survey Methodology 20, 149-158.

    Di Consiglio, L. and Tuoto, T. (2015). Coverage evaluation on probabilistically linked data. Journal of
    Official Statistics 31, 415-429.

    Examples
    --------
    >>> found = ding_fienberg(8000, 7000, 5224, alpha=0.92, beta=0.03)
    >>> round(found.naive), round(found.size), round(found.error, 1)
    (10720, 10000, 54.9)
    """
    _check_lists(first, second, linked)
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 <= value <= 1:
            raise InputError(f"{name}: {value:g} is no chance from 0 to 1.")
    for name, value in (("alpha_error", alpha_error), ("beta_error", beta_error)):
        if not 0 <= value < math.inf:
            raise InputError(f"{name}: {value:g} is no standard error.")
    if alpha <= beta:
        raise InputError(
            f"alpha is {alpha:g} and beta {beta:g}: persons on both lists are linked more often than others, "
            "or the links say nothing of the overlap."
        )
    slope = alpha - beta
    both = (linked - beta * first) / slope
    if both <= 0:
        raise InputError(
            f"{linked:g} links are no more than the {beta * first:g} false ones that beta expects: no "
            "overlap is left to estimate from."
        )
    if both > min(first, second) * (1 + 1e-9):
        raise InputError(
            f"{linked:g} links and alpha = {alpha:g} make an overlap of {both:.1f}, more than the smaller "
            "list has: alpha is too small, or beta is."
        )
    size = first * second / both
    variance = first * second * (size - first) * (size - second) / (size**2 * max(size - 1, 1.0))
    variance += (both * alpha * (1 - alpha) + (first - both) * beta * (1 - beta)) / slope**2
    variance += ((both * alpha_error) ** 2 + ((first - both) * beta_error) ** 2) / slope**2
    both_error = math.sqrt(max(variance, 0.0))
    error = size / both * both_error
    low, high = _limits(size, first + second - both, error)
    naive = first * second / linked if linked else math.inf
    return PopulationSize(size, error, low, high, both, both_error, naive)


def _check_lists(first: float, second: float, both: float) -> None:
    for name, value in (("first", first), ("second", second), ("both", both)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name}: {value:g} is no number of records.")
    if both > min(first, second):
        raise InputError(
            f"{both:g} are said to be on both lists, but the smaller one has {min(first, second):g}."
        )


def _limits(total: float, found: float, error: float) -> tuple[float, float]:
    """Limits of 95 %, log-normal in what was not found."""
    unseen = total - found
    if unseen <= 0:
        return total, total + NORMAL_95 * error
    spread = math.exp(NORMAL_95 * math.sqrt(math.log1p((error / unseen) ** 2)))
    return found + unseen / spread, found + unseen * spread
