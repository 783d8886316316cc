"""Multiple imputation over matchings, jointly with the analysis."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.analysis.imputation.chains import Problem, start, sweep
from tallystick.analysis.imputation.convergence import effective_draws, r_hat
from tallystick.analysis.imputation.frames import two_files
from tallystick.analysis.imputation.imputed import Imputations, pool_fits
from tallystick.analysis.imputation.matching_graph import best_matching, matching_graph
from tallystick.analysis.imputation.outcome_models import Fit, family_of
from tallystick.analysis.imputation.pair_likelihood import pair_likelihood
from tallystick.analysis.imputation.rubin import Pooled, without_estimates
from tallystick.errors import InputError, TallystickWarning
from tallystick.preparation.extras import require

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST_R_HAT = 1.1
"""Above it chains are taken not to agree (Gelman and others 2013, section 11.5)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MatchingImputations(Imputations):
    """Matchings drawn jointly with the coefficients, and the analysis of each.

    Attributes
    ----------
    names : tuple of str
        Coefficients.
    matchings : tuple of (int64 array, int64 array)
        Rows of the left and the right file that are linked, of each imputation.
    fits : tuple of Fit
        The analysis of each.
    trace : float64 array, shape (n_chains, n_sweeps, p + 2)
        After the burn-in: coefficients, the logarithm of the variance, and the number of linked pairs.
    r_hat, effective : float64 arrays, shape (p + 2,)
        Potential scale reduction, and number of independent draws that the trace is worth.
    converged : bool
        Whether all `r_hat` are at most 1.1; else the pooled estimates are NaN.
    left, right : pandas.DataFrame
        The files.
    """

    names: tuple[str, ...]
    matchings: tuple[tuple[Ints, Ints], ...]
    fits: tuple[Fit, ...]
    trace: Floats
    r_hat: Floats
    effective: Floats
    converged: bool
    left: Any
    right: Any

    @property
    def n_imputations(self) -> int:
        """D."""
        return len(self.matchings)

    def table(self, k: int) -> Any:
        """The linked file of imputation k: columns of both files, `_left` and `_right` where names meet."""
        pandas = require("pandas", "Multiple imputation", "analysis")
        left, right = self.matchings[k]
        both = set(self.left.columns) & set(self.right.columns)
        parts = [
            frame.iloc[rows].reset_index(drop=True).rename(columns={name: f"{name}_{side}" for name in both})
            for frame, rows, side in ((self.left, left, "left"), (self.right, right, "right"))
        ]
        return pandas.concat(parts, axis=1)

    def regression(self, formula: str | None = None, family: str | None = None) -> Pooled:
        """The analysis pooled; another one as `Imputations.regression` says."""
        if formula is None and family is None:
            found = pool_fits(list(self.fits), self.names)
        else:
            found = super().regression(formula, family)
        return found if self.converged else without_estimates(found)


def impute_matchings(
    formula: str,
    left: Any,
    right: Any,
    pairs: Any,
    *,
    left_id: str = "id",
    right_id: str = "id",
    gain: str = "gain",
    family: str = "linear",
    categorical: Sequence[str] = (),
    complete: bool = False,
    linkage_only: bool = False,
    n_imputations: int = 20,
    chains: int = 4,
    burn_in: int = 50,
    thin: int = 20,
    steps: int = 10,
    seed: int = 0,
) -> MatchingImputations:
    """Impute which records belong together, given how alike they are and what the analysis says.

    A one-to-one set C of candidate pairs has a probability proportional to

        product over its pairs of exp(gain_ij) f(y_j | x_i; beta) / g(y_j),

    g the density of y among all records of its file. Draws of C, given beta, and of beta, given C, alternate;
    each of several chains gives linked files, on which the analysis is made, and Rubin's rules pool.

    Parameters
    ----------
    formula : str
        The analysis, such as ``"y ~ x"``. The outcome is a column of one file, covariates may be of either.
    left, right : tables
        The files, with a column of ids each; no record twice in its file.
    pairs : table
        Columns ``id_left``, ``id_right`` and `gain`, a row per candidate pair. Leave none out that might be
        right.
    left_id, right_id : str
        Columns of ids.
    gain : str
        Column of gains, natural-log units: the match weight less the no-link constant, the log of how much
        more probable a set of links is with the pair than without.
    family : {"linear", "logistic", "poisson"}
    categorical : sequence of str
        Linked numeric columns that are categories; it matters where covariates are on both files.
    complete : bool, default False
        Whether every record of the file with the outcome that has candidates has a match among them, as in
        blocks of the same persons. Gains may then be weights, since a constant in all of them says nothing.
    linkage_only : bool, default False
        Draw sets by the gains alone. It shows what harm this does (see the warning), and is for nothing else.
    n_imputations : int, default 20
    chains : int, default 4
        The first starts from the best assignment, the others from sets drawn by the gains alone.
    burn_in, thin : int
        Sweeps before the first imputation of a chain, and from one to the next.
    steps : int
        Metropolis steps per pair and sweep, in components too large to be drawn from exactly.
    seed : int

    Returns
    -------
    MatchingImputations
        Its `regression()` gives the pooled analysis.

    Raises
    ------
    InputError
        Where ids repeat or are unknown, a variable is in both files or in none, values are missing, or the
        outcome is not of its family.
    RunError
        Where the analysis has no estimates on an imputed file.

    Warns
    -----
    TallystickWarning
        With `linkage_only`, and where chains do not agree: the estimates are NaN then.

    Notes
    -----
    Components with up to 10 records on the smaller side are drawn exactly, by sums over subsets of these;
    larger ones move by Metropolis: pairs enter, leave, change a partner, or two swap theirs. Where covariates
    are on both files, u with the outcome and x to be linked, weights have h(x_i | u_j) / h(x_i) too, and g is
    of y given u: records with related covariates are likelier to be of one person. beta has a flat prior, the
    variance 1 / sigma^2.

    References
    ----------
    Gutman, R., Afendulis, C. C. and Zaslavsky, A. M. (2013). A Bayesian procedure for file linking to analyze
    end-of-life medical costs. Journal of the American Statistical Association 108, 34-47.

    Tang, J., Reiter, J. P. and Steorts, R. C. (2020). Bayesian modeling for simultaneous regression and
    record linkage. Privacy in Statistical Databases 2020, LNCS 12276, 209-223.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> n = np.arange(60)
    >>> x = random.normal(size=60)
    >>> left, right = {"id": n, "y": 1 + 2 * x + random.normal(size=60)}, {"id": n, "x": x}
    >>> pairs = {"id_left": np.repeat(n, 2), "id_right": np.stack((n, n ^ 1), axis=1).reshape(-1)}
    >>> pairs["gain"] = np.tile([4.0, 3.0], 60)
    >>> found = impute_matchings("y ~ x", left, right, pairs, complete=True)
    >>> found.converged, found.regression().params.index.tolist()
    (True, ['Intercept', 'x'])
    """
    if n_imputations < 2 or chains < 2 or burn_in < 0 or thin < 1 or steps < 1:
        raise InputError(
            "n_imputations and chains are 2 or more, burn_in 0 or more, thin and steps 1 or more."
        )
    per_chain = -(-n_imputations // chains)
    if thin * per_chain < 8:
        raise InputError(
            f"{thin * per_chain} sweeps a chain after the burn-in are too few to tell whether chains agree: "
            "raise thin."
        )
    files = two_files(left, right, pairs, left_id=left_id, right_id=right_id, value=gain)
    model = family_of(family)
    known = pair_likelihood(formula, files, model, complete, categorical)
    usable = np.isfinite(files.value)
    if np.any(files.value == np.inf):
        raise InputError(f"pairs: column {gain!r} holds plus infinity; give a finite number.")
    graph = matching_graph(known.outcome_row[usable], known.covariate_row[usable], complete=complete)
    numbers = np.flatnonzero(usable)[graph.order]
    if linkage_only:
        warnings.warn(
            "linkage_only: matchings that are drawn without y and x hold wrong links in which y is unrelated "
            "to x, so that coefficients are drawn towards 0 as the naive estimator's are, with intervals "
            "that miss the truth. Use it only to show this.",
            TallystickWarning,
            stacklevel=2,
        )
    gains = files.value[numbers]
    problem = Problem(known, graph, numbers, gains, linkage_only, steps, best_matching(graph, gains))
    traces, draws, fits = [], [], []
    for chain, sequence in enumerate(np.random.SeedSequence(seed).spawn(chains)):
        kept = n_imputations // chains + (chain < n_imputations % chains)
        random = np.random.default_rng(sequence)
        point = start(problem, random, dispersed=chain > 0)
        for _ in range(burn_in):
            point = sweep(problem, point, random)
        trace = np.empty((thin * per_chain, len(point.traced)))
        for step in range(len(trace)):
            point = sweep(problem, point, random)
            trace[step] = point.traced
            if (step + 1) % thin == 0 and (step + 1) // thin <= kept:
                draws.append((files.left_row[point.chosen], files.right_row[point.chosen]))
                fits.append(point.fit)
        traces.append(trace)
    together = np.array(traces)
    agree = r_hat(together)
    converged = bool(np.all(agree <= LARGEST_R_HAT))
    if not converged:
        warnings.warn(
            f"The chains of impute_matchings do not agree (R-hat up to {agree.max():.2f}, wanted at most "
            f"{LARGEST_R_HAT:g}): it did not converge, and there are no estimates. Raise burn_in and thin; "
            "where that does not help, the pairs leave open which of several relations holds.",
            TallystickWarning,
            stacklevel=2,
        )
    return MatchingImputations(
        formula=formula,
        family=family,
        modelled=known.modelled,
        seed=seed,
        names=known.names,
        matchings=tuple(draws),
        fits=tuple(fits),
        trace=together,
        r_hat=agree,
        effective=effective_draws(together),
        converged=converged,
        left=files.left,
        right=files.right,
    )
