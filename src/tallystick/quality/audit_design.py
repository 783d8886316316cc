"""How many units of each stratum people judge, so that the rates become as certain as possible.

Neyman (1934) gives a stratum n_h ~ N_h sqrt(p_h (1 - p_h)) units, p_h its share of errors. Where a model is
sure, its p_h is nearly 0 and the stratum would get nothing: of nine tenths of the links the sample could say
only what the model says. So what is made small here is the expected variance that a sample will leave: that
of the posterior of a share with a Beta(1/3) prior, which falls with 1 / n^2 where no error is found, and with
p (1 - p) / n where there are some. Each next unit goes where it lowers the variance of precision and
recall most; where errors are not rare this is Neyman's allocation. Half of the sample is shared out evenly
before that, so that a model that is wrong about where its errors are is found out.

Neyman, J. (1934). On the two different aspects of the representative method. Journal of the Royal Statistical
Society 97, 558-625.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.quality.audit_rates import PRIOR, audit_rates
from tallystick.quality.audit_strata import JudgedStratum, Outcome, StratumKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 4000
PORTIONS = 1000
"""A sample is given away in so many portions, or one by one where it is smaller."""


@dataclass(frozen=True)
class PlannedStratum:
    """A stratum before anybody judged.

    Attributes
    ----------
    name : str
        Its name.
    kind : {"link", "non-link", "record"}
        What its units are.
    size : int
        Number of units.
    outcomes : tuple of Outcome
        What a unit can be, the machine's decision right first.
    errors : float
        Expected share of the units where the machine is wrong.
    """

    name: str
    kind: StratumKind
    size: int
    outcomes: tuple[Outcome, ...]
    errors: float


@dataclass(frozen=True)
class AuditPlan:
    """Strata, and what is wanted of a sample of them.

    Attributes
    ----------
    strata : tuple of PlannedStratum
        In an order in which near ones are alike.
    allowed_pairs : float
        All pairs that could have been linked.
    model_missed : float
        Expected matches outside of all strata.
    precision_width, recall_width : float
        Widths of the intervals that matter alike: of a sample of given size the sum of both variances, each
        in units of the square of its width, is made as small as possible. Infinite for one that does not.
    """

    strata: tuple[PlannedStratum, ...]
    allowed_pairs: float
    model_missed: float = 0.0
    precision_width: float = 0.01
    recall_width: float = 0.02

    @property
    def sizes(self) -> Ints:
        """Numbers of units, shape (n_strata,)."""
        return np.array([one.size for one in self.strata], np.int64)

    @property
    def units(self) -> int:
        """Number of all units."""
        return int(self.sizes.sum())

    @cached_property
    def _importance(self) -> Floats:
        """What the variance of a number of errors counts, stratum by stratum: the derivatives, squared."""
        links = sum(one.size for one in self.strata if one.kind == "link")
        wrong = sum(one.size * one.errors for one in self.strata if one.kind == "link")
        missed = self.model_missed + sum(
            one.size * one.errors * one.outcomes[-1].missed / (2 if one.kind == "link" else 1)
            for one in self.strata
        )
        true = max(links - wrong, 1.0)
        matches = true + missed
        result = []
        for one in self.strata:
            if one.kind == "link":
                # Half of the wrong links are of records whose match is another one: the prior's mean.
                other = one.outcomes[-1].missed / 2
                precision, recall = 1 / max(links, 1), (missed + other * true) / matches**2
            else:
                precision, recall = 0.0, true / matches**2
            result.append((precision / self.precision_width) ** 2 + (recall / self.recall_width) ** 2)
        return np.array(result)

    def allocate(self, n: int) -> Ints:
        """How many units each stratum gives to a sample.

        Parameters
        ----------
        n : int
            Size of the sample.

        Returns
        -------
        int64 array, shape (n_strata,)
            Sums to `n`, or to all units where these are fewer.

        Examples
        --------
        >>> from tallystick.quality.audit_strata import LINK, NO_LINK
        >>> plan = AuditPlan(
        ...     (
        ...         PlannedStratum("sure", "link", 20_000, LINK, 0.00001),
        ...         PlannedStratum("less sure", "link", 300, LINK, 0.1),
        ...         PlannedStratum("rejected", "non-link", 2_000, NO_LINK, 0.02),
        ...     ),
        ...     1e8,
        ... )
        >>> plan.allocate(800).sum(), plan.allocate(10**9).tolist()
        (np.int64(800), [20000, 300, 2000])
        """
        sizes = self.sizes
        if n >= self.units:
            return sizes
        taken = _even(sizes, n // 2)
        errors = np.array([one.errors for one in self.strata])
        while (rest := n - int(taken.sum())) > 0:
            # Portion by portion where the sample is large, one by one where it is small.
            step = np.minimum(min(rest, max(1, n // PORTIONS)), sizes - taken)
            gain = expected_variance(sizes, taken, errors) - expected_variance(sizes, taken + step, errors)
            gain = np.where(step > 0, self._importance * gain / np.maximum(step, 1), -np.inf)
            h = int(np.argmax(gain))
            taken[h] += step[h]
        return taken

    def expected(self, taken: Ints) -> list[JudgedStratum]:
        """What a sample would find if every stratum had the errors that are expected of it.

        Numbers of errors are whole, and rounded so that their sum over strata of one kind stays.
        """
        result, carried = [], dict.fromkeys(("link", "non-link", "record"), 0.0)
        for one, n in zip(self.strata, taken.tolist(), strict=True):
            exact = n * one.errors + carried[one.kind]
            errors = min(n, int(np.floor(exact + 0.5)))
            carried[one.kind] = exact - errors
            counts = [n - errors] + [0] * (len(one.outcomes) - 1)
            for k in range(1, len(counts)):
                counts[k] = (errors + k - 1) // (len(counts) - 1)
            result.append(JudgedStratum(one.name, one.kind, one.size, one.outcomes, tuple(counts)))
        return result

    def widths(self, taken: Ints, *, seed: int = 1) -> dict[str, float | None]:
        """Expected widths of the intervals of precision and recall; None where nobody judges for them."""
        found = audit_rates(
            self.expected(taken),
            self.allowed_pairs,
            model_missed=self.model_missed,
            draws=DRAWS,
            seed=seed,
        ).intervals
        return {
            name: found[name].high - found[name].low if name in found else None
            for name in ("precision", "recall")
        }

    def smallest(self, precision_width: float | None, recall_width: float | None) -> int:
        """The smallest sample whose expected intervals are as narrow as wanted; at most all units.

        Parameters
        ----------
        precision_width, recall_width : float or None
            Largest widths; None for one that does not matter.
        """
        limits = {"precision": precision_width, "recall": recall_width}

        def enough(n: int) -> bool:
            found = self.widths(self.allocate(n))
            return all(
                limit is None or ((width := found[name]) is not None and width <= limit)
                for name, limit in limits.items()
            )

        low, high = 0, max(1, min(self.units, 100))
        while high < self.units and not enough(high):
            low, high = high, min(2 * high, self.units)
        while high - low > max(1, high // 100):
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


def _even(sizes: Ints, n: int) -> Ints:
    """Share out `n` units evenly, as far as the strata have so many."""
    taken = np.zeros(len(sizes), np.int64)
    while (rest := min(n, int(sizes.sum())) - int(taken.sum())) > 0:
        open_ = np.flatnonzero(taken < sizes)
        if rest < len(open_):
            taken[open_[:rest]] += 1
            break
        taken[open_] += np.minimum(rest // len(open_), sizes[open_] - taken[open_])
    return taken


def expected_variance(sizes: Ints, taken: Ints, errors: Floats) -> Floats:
    """Expected variance of the number of errors of strata, after samples of them.

    With x errors among n of N units it is that of a beta-binomial distribution (Gelman et al. 2013,
    appendix A), (N - n) (N + 2 a) (x + a) (n - x + a) / ((n + 2 a)^2 (n + 2 a + 1)) with a = 1/3; over x,
    which is binomial with share p, the expectation of (x + a) (n - x + a) is n (n - 1) p (1 - p) + a n + a^2.

    Parameters
    ----------
    sizes, taken : int64 arrays, shape (n_strata,)
        Numbers of units, and of judged ones.
    errors : float64 array, shape (n_strata,)
        Expected shares of errors.

    Returns
    -------
    float64 array, shape (n_strata,)

    References
    ----------
    Gelman, A., Carlin, J. B., Stern, H. S., Dunson, D. B., Vehtari, A. and Rubin, D. B. (2013). Bayesian
    Data Analysis, 3rd edition. Chapman and Hall.

    Examples
    --------
    >>> taken = np.array([50, 1000])
    >>> expected_variance(np.array([1000, 1000]), taken, np.array([0.1, 0.1])).round().tolist()
    [1701.0, 0.0]
    """
    n, big = taken.astype(np.float64), sizes.astype(np.float64)
    mixed = n * (n - 1) * errors * (1 - errors) + PRIOR * n + PRIOR**2
    beta = n + 2 * PRIOR
    return np.asarray((big - n) * (big + 2 * PRIOR) * mixed / (beta**2 * (beta + 1)))


def design_table(plan: AuditPlan, numbers: Sequence[int]) -> list[dict[str, float | int | None]]:
    """Expected widths of the intervals at some sizes of the sample.

    Parameters
    ----------
    plan : AuditPlan
        The strata.
    numbers : sequence of int
        Sizes of the sample.

    Returns
    -------
    list of dict
        ``reviews``, ``precision_width`` and ``recall_width``, a row per size.
    """
    rows: list[dict[str, float | int | None]] = []
    for n in numbers:
        found = plan.widths(plan.allocate(n))
        rows.append(
            {
                "reviews": min(n, plan.units),
                "precision_width": found["precision"],
                "recall_width": found["recall"],
            }
        )
    return rows


def usual_sizes(units: int, around: int) -> list[int]:
    """Sizes to show beside one: round numbers near it, none above the number of units."""
    round_ = [n * 10**k for k in range(2, 7) for n in (1, 2, 5)]
    near = [n for n in round_ if n < units and around / 8 <= n <= around * 8]
    return sorted({*near, min(around, units)})
