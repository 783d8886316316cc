r"""Whether the pairs can tell the parameters at all, and whether there are matches enough.

**Identified.** The scores of the patterns, weighted by their counts, make the information matrix of the
free parameters: the numbers of matches, m, and u where all pairs are compared. Where it is singular, other
parameters fit the pairs just as well (Rothenberg 1971). A model with free m and u takes three comparisons
that tell something (eight patterns of two levels for seven parameters).

**Enough matches.** The inverse of that matrix holds the variance of log E, E the number of matches. What
makes it large is overlap: where many non-matches show the patterns of matches, matches are told only by the
excess of patterns over chance, the less surely the fewer they are. EM is called unreliable where the 95 %
interval of E reaches beyond half or twice of it, that is where the standard error of log E exceeds
log(2) / 1.96 = 0.35. The share needed is that at which it would not, with m and u as they are and as
many candidates: the information is worked out for larger shares until the error falls below the limit.
Winkler's rule of thumb, that matches be 5 % of the pairs, knows nothing of the comparisons: a few weak ones
need more, and many telling ones work at one in a million.

Pairs are taken as independent observations; as they share records, the true errors are larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.comparisons.comparison import Comparison
from tallystick.estimation.cells import all_known, level_sums, with_missing
from tallystick.estimation.em import Fit, Given
from tallystick.estimation.factors import Selection
from tallystick.estimation.joint import AnyFactor, Joint, places_of
from tallystick.estimation.observed import blocks, estimated_blocks, shares, shown, too_many_cells
from tallystick.estimation.settings import Estimation
from tallystick.estimation.table import Table

LARGEST_ERROR = float(np.log(2.0) / 1.96)
"""Standard error of log E beyond which EM is called unreliable: half to twice the matches."""
SINGULAR = 1e-9
"""Smallest eigenvalue, of the information scaled to a diagonal of 1, that counts as above 0."""
CHUNK = 65_536
DRAWN = 20_000
"""Patterns of matches that are drawn to work out the information at other shares."""
TINY = 1e-300


@dataclass(frozen=True)
class Precision:
    """How well the pairs tell the number of matches.

    Attributes
    ----------
    singular : bool
        Whether other parameters fit as well.
    error : float
        Standard error of the log of the number of matches, pairs taken as independent; infinite where
        `singular`.
    share : float
        Share of matches among the candidates.
    needed : float or None
        The share at which the error would be `LARGEST_ERROR`; None where it is less already, or where no
        share up to a half is enough.
    """

    singular: bool
    error: float
    share: float
    needed: float | None


def precision_of(
    table: Table, selection: Selection, given: Given, fit: Fit, settings: Estimation, free_u: bool
) -> Precision:
    """Work out the information that the pairs hold.

    Parameters
    ----------
    table, selection, given, settings
        As of `fit_em`.
    fit : Fit
        What EM found.
    free_u : bool
        Whether u is told by the patterns alone, as where all pairs are compared.

    Returns
    -------
    Precision
    """
    model = _Model(table, selection, given, fit, settings, free_u)
    weights = table.counts.counts.astype(np.float64)
    observed = model.information(table.cells, table.counts.source_pair, weights, model.expected)
    singular, error = model.judged(observed)
    share = float(model.expected.sum() * model.selected_m / model.candidates.sum())
    if singular or error <= LARGEST_ERROR:
        return Precision(singular, np.inf if singular else error, share, None)
    return Precision(False, error, share, model.needed(share))


@dataclass(frozen=True)
class _Free:
    """Parameters of a factor, which are sums of its complete cells: margins where parts are independent.

    `cells` (n_cells, n_parameters) says which cells each is the sum of, `scores`, of the same shape, what
    each adds to the log likelihood of the class at what a pair shows, by its logit.
    """

    factor: int
    cells: NDArray[np.float64]
    scores: NDArray[np.float64]


class _Model:
    """The mixture at the estimates, with its scores."""

    def __init__(
        self, table: Table, selection: Selection, given: Given, fit: Fit, settings: Estimation, free_u: bool
    ) -> None:
        self.table, self.selection, self.settings = table, selection, settings
        self.held_matches = given.matches is not None
        counts = table.counts.counts.astype(np.float64)
        n_pairs = len(fit.matches)
        self.candidates = np.maximum(np.bincount(table.counts.source_pair, counts, n_pairs), 1.0)
        self.expected = np.maximum(fit.matches, 1e-6)
        self.selected_m = max(fit.selected_m, TINY)
        _, chances = selection.probabilities(with_missing(table.factors, fit.m, table.missing))
        # How the chance of selection moves with each complete cell of m.
        self.chances = [
            (own * np.where(f.seen, missing, 0.0)) @ shown(f)
            for f, own, missing in zip(table.factors, chances, table.missing, strict=True)
        ]
        # A cell that no pass selects has an m that is an assumption (another warning), and no parameter.
        reached = [
            np.where(f.present & (chance > 0), p, 0.0)
            for f, p, chance in zip(table.factors, fit.m, self.chances, strict=True)
        ]
        self.m = [p / max(float(p.sum()), TINY) for p in reached]
        self.log_m = self._logs(fit.m)
        self.log_u = self._logs(fit.u)
        self.u = [np.where(f.present, p, 0.0) for f, p in zip(table.factors, fit.u, strict=True)]
        self.log_r = self._logs(fit.related.r) if fit.related else None
        self.fit = fit
        held_u = not free_u or settings.u == "all_pairs"
        total = max(float(one.sum()) for one in table.among_all)
        of_m = [estimated_blocks(f, g) for f, g in zip(table.factors, given.m, strict=True)]
        whole = [[np.eye(f.n_cells)] for f in table.factors]
        self.free_m = self._free(of_m, [blocks(f) for f in table.factors], self.m, self.expected.sum())
        self.free_u = self._free([[g is None and not held_u] for g in given.u], whole, self.u, total)
        self.slopes = [self._selection_slopes(one) for one in self.free_m]

    def _logs(self, cells: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        likely = [f.likelihoods(p) for f, p in zip(self.table.factors, cells, strict=True)]
        return np.log(np.maximum(np.concatenate(likely), TINY))

    def _free(
        self,
        estimated: Sequence[Sequence[bool]],
        sums: Sequence[Sequence[NDArray[np.float64]]],
        cells: Sequence[NDArray[np.float64]],
        mass: float,
    ) -> list[_Free]:
        """The parameters: those that pairs show and expect one at least of, but for one of each block."""
        shows = np.bincount(self.table.cells.ravel(), minlength=int(self.table.starts[-1]))
        seen = self.table.split(shows.astype(np.float64))
        found = []
        for k, (factor, own, shown_at) in enumerate(zip(self.table.factors, cells, seen, strict=True)):
            if not any(estimated[k]):
                continue
            of_cells = shares(factor, own)
            for free, block in zip(estimated[k], sums[k], strict=True):
                p, of_block = own @ block, of_cells @ block
                numbers = np.flatnonzero((p * mass >= 1.0) & (shown_at @ of_block > 0))
                numbers = numbers[numbers != p.argmax()]
                if free and len(numbers):
                    scores = of_block[:, numbers] - factor.seen[:, None] * p[numbers]
                    found.append(_Free(k, block[:, numbers], scores))
        return found

    def _selection_slopes(self, free: _Free) -> NDArray[np.float64]:
        """Derivative of log P(selected | match) by the logits of parameters of m."""
        m, known, chance = self.m[free.factor], self.fit.m[free.factor], self.chances[free.factor]
        slopes = known * (chance - float(m @ chance)) / self.selected_m
        return np.asarray(slopes @ free.cells, np.float64)

    def information(
        self,
        cells: NDArray[np.int32],
        source_pair: NDArray[np.int64],
        weights: NDArray[np.float64],
        expected: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Information matrix, numbers of matches first: the weighted outer products of the scores."""
        size = self._size(len(expected))
        total = np.zeros((size, size))
        for start in range(0, len(cells), CHUNK):
            own = slice(start, start + CHUNK)
            scores = self._scores(cells[own], source_pair[own], expected)
            total += (scores * weights[own, None]).T @ scores
        return total

    def _size(self, n_pairs: int) -> int:
        return n_pairs + sum(int(free.scores.shape[1]) for free in (*self.free_m, *self.free_u))

    def posterior(
        self, cells: NDArray[np.int32], source_pair: NDArray[np.int64], expected: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Chance that a pair of each pattern is a match, and the share of matches in its pair of sources."""
        share = np.clip(expected * self.selected_m / self.candidates, 1e-12, 1 - 1e-9)[source_pair]
        log_match = np.log(share / self.selected_m) + self.log_m[cells].sum(axis=1)
        log_other = self.log_u[cells].sum(axis=1) - np.log(max(self.fit.selected_u, TINY))
        if self.log_r is not None and self.fit.related is not None:
            related = self.fit.related
            rho = np.clip(related.pairs * related.selected / self.candidates, 1e-12, 0.999)[source_pair]
            log_related = self.log_r[cells].sum(axis=1) - np.log(max(related.selected, TINY))
            log_other = np.logaddexp(np.log1p(-rho) + log_other, np.log(rho) + log_related)
        odds = log_match - (np.log1p(-share) + log_other)
        return 1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700))), share

    def _scores(
        self, cells: NDArray[np.int32], source_pair: NDArray[np.int64], expected: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        match, share = self.posterior(cells, source_pair, expected)
        other = (1.0 - match) * share / (1.0 - share)
        n_pairs = len(expected)
        scores = np.zeros((len(cells), self._size(n_pairs)))
        scores[np.arange(len(cells)), source_pair] = match - other
        column = n_pairs
        for number, free in enumerate([*self.free_m, *self.free_u]):
            of_m = number < len(self.free_m)
            own = slice(column, column + free.scores.shape[1])
            at = cells[:, free.factor] - self.table.starts[free.factor]
            scores[:, own] = (match if of_m else 1.0 - match)[:, None] * free.scores[at]
            if of_m:
                scores[:, own] -= np.outer(other, self.slopes[number])
            column = own.stop
        return scores

    def judged(self, information: NDArray[np.float64]) -> tuple[bool, float]:
        """Whether the information is singular, and the standard error of the log of all matches together."""
        n_pairs = len(self.expected)
        keep = np.ones(len(information), bool)
        if self.held_matches:
            keep[:n_pairs] = False
        diagonal = np.diag(information)
        if not keep.any():
            return False, 0.0
        if (diagonal[keep] <= 0).any():
            return True, np.inf
        scale = 1.0 / np.sqrt(np.where(keep, diagonal, 1.0))
        scaled = (information * scale * scale[:, None])[np.ix_(keep, keep)]
        values, vectors = np.linalg.eigh(scaled)
        if values[0] < SINGULAR:
            return True, np.inf
        if self.held_matches:
            return False, 0.0
        direction = np.zeros(len(information))
        direction[:n_pairs] = self.expected / self.expected.sum()
        projected = vectors.T @ (direction * scale)[keep]
        return False, float(np.sqrt((projected**2 / values).sum()))

    def needed(self, share: float) -> float | None:
        """The share of matches among the candidates at which their number would be told well enough."""
        cells, pairs = self._matches_drawn()
        counts = self.table.counts
        match, _ = self.posterior(self.table.cells, counts.source_pair, self.expected)
        others = counts.counts * (1.0 - match)
        every = np.concatenate([self.table.cells, cells])
        of_pair = np.concatenate([counts.source_pair, pairs])

        def error(times: float) -> float:
            expected = self.expected * times
            wanted = expected * self.selected_m
            drawn = wanted[pairs] / np.maximum(np.bincount(pairs, minlength=len(wanted)), 1)[pairs]
            left = np.maximum(self.candidates - wanted, 1.0) / np.maximum(
                np.bincount(counts.source_pair, others, len(wanted)), TINY
            )
            weights = np.concatenate([others * left[counts.source_pair], drawn])
            return self.judged(self.information(every, of_pair, weights, expected))[1]

        low, high = 1.0, 0.5 / max(share, TINY)
        if high <= 1.0 or error(high) > LARGEST_ERROR:
            return None
        for _ in range(12):
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if error(middle) > LARGEST_ERROR else (low, middle)
        return share * high

    def _matches_drawn(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Patterns of matches that some pass selects, drawn from m, spread over the pairs of sources."""
        random = np.random.default_rng(0)
        flat = np.zeros(DRAWN, np.int64)
        cells = np.empty((DRAWN, len(self.table.factors)), np.int32)
        full = with_missing(self.table.factors, self.fit.m, self.table.missing)
        for k, (factor, own) in enumerate(zip(self.table.factors, full, strict=True)):
            drawn = random.choice(len(own), DRAWN, p=own / own.sum())
            cells[:, k] = drawn + self.table.starts[k]
            flat = flat * 2 ** len(factor.keys) + factor.bits[drawn]
        cells = cells[self.selection.selected.ravel()[flat]]
        return cells, np.arange(len(cells)) % len(self.expected)


def constant_comparisons(table: Table, comparisons: Sequence[Comparison]) -> list[tuple[Comparison, str]]:
    """Comparisons that show one level in all pairs, so that they tell nothing, with that level.

    Parameters
    ----------
    table : Table
        The patterns, with how often each cell occurs among all pairs.
    comparisons : sequence of Comparison
        The comparisons.

    Returns
    -------
    list of (Comparison, str)
        ``missing`` for one that is missing in all pairs.
    """
    found = []
    for number, (k, part) in sorted(places_of(table.factors).items()):
        factor, among_all = table.factors[k], table.among_all[k]
        counts = factor.margin(among_all, part) if isinstance(factor, Joint) else among_all
        one = comparisons[number]
        seen = np.flatnonzero(level_sums(factor.parts[part], counts) > 0)
        if len(seen) < 2:
            found.append((one, one.labels[seen[0]] if len(seen) else "missing"))
    return found


def identification_warnings(
    table: Table,
    selection: Selection,
    given: Given,
    fit: Fit,
    settings: Estimation,
    comparisons: Sequence[Comparison],
    free_u: bool,
) -> list[str]:
    """Sentences where the pairs cannot tell the parameters, or hold too few matches to tell them well.

    Parameters
    ----------
    table, selection, given, fit, settings, free_u
        As of `precision_of`.
    comparisons : sequence of Comparison
        The comparisons.

    Returns
    -------
    list of str
    """
    found = []
    constant = constant_comparisons(table, comparisons)
    for one, label in constant:
        where = "is missing in all pairs" if label == "missing" else f"shows “{label}” in all pairs"
        found.append(
            f"Comparison {one.name} {where} of records, so it tells nothing: leave it out or check the field."
        )
    if _nothing_estimated(given, table.factors) or too_many_cells(table):
        return found
    telling = len(comparisons) - len(constant)
    precision = precision_of(table, selection, given, fit, settings, free_u)
    if precision.singular:
        several = "s" * (telling != 1)
        few = f" ({telling} comparison{several} with more than one level seen; three are needed)"
        found.append(
            "The model is not identified: other parameters fit the pairs as well as those found"
            + (few if telling < 3 else "")
            + ". Add comparisons, or give what is known: m or u, expected_matches, a previous model."
        )
    elif precision.error > LARGEST_ERROR:
        factor = np.exp(min(1.96 * precision.error, np.log(1000.0)))
        needed = (
            "no share of matches would make these comparisons tell it"
            if precision.needed is None
            else f"about {precision.needed:.2g} would be needed"
        )
        found.append(
            f"There are too few matches for EM: at a share of {precision.share:.2g} of the candidate pairs "
            f"their number is known to a factor of {factor:,.1f} at best, and {needed} for a factor of 2. "
            "Add comparisons or narrower passes, or give what is known: m, expected_matches, a model."
        )
    return found


def _nothing_estimated(given: Given, factors: Sequence[AnyFactor]) -> bool:
    """Whether m of every comparison is known, so that the pairs only tell the number of matches."""
    compared = zip(factors, given.m, strict=True)
    return all(all_known(m) for f, m in compared if f.parts[0].comparison is not None)
