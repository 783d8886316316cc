"""Fit a mixture regression on arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np

from tallystick.analysis.error_models.error_model import Floats
from tallystick.analysis.mixture.check import WrongLinksCheck, check_wrong_links
from tallystick.analysis.mixture.components import log_marginal
from tallystick.analysis.mixture.em import Fitted, fit_mixture, largest_rate, weighted_fit
from tallystick.analysis.mixture.likelihood import Data, mean_of
from tallystick.analysis.mixture.matches import Matches
from tallystick.analysis.mixture.uncertainty import alpha_error, uncertainty
from tallystick.analysis.regressions.columns import basis
from tallystick.analysis.regressions.families import family_of
from tallystick.errors import InputError, TallystickWarning

VARIANCES = ("sandwich", "information")
FEWEST_SAFE = 10
"""Safe links for each coefficient from which on they tell the coefficients by themselves."""
SURE = 0.01
"""Chance below which the check of wrong links is reported."""
VAGUE = 0.1
"""Standard error of alpha above which the data hardly tell it."""


@dataclass(frozen=True, eq=False)
class MixtureEstimate:
    """A fitted mixture regression, as arrays. All estimates are NaN where it did not converge.

    Attributes
    ----------
    coefficients, covariance : float64 arrays, shapes (p,) and (p, p)
        Of the regression of right links.
    scale : float
        sigma^2 of the linear family, else 1.
    match_coefficients, match_covariance : float64 arrays, shapes (k,) and (k, k)
        gamma: the log-odds that a link is right are z' gamma. Zero covariance where they are held.
    mismatch_rate, mismatch_rate_error : float
        alpha, the mean chance that a link that is not safe is wrong, and its standard error; 0 where it is
        held.
    mismatch_rate_limit : float
        Where no link was found to be wrong the largest share that the data do not speak against, at 95 %;
        else NaN.
    right : float64 array, shape (n,)
        Chance of each link to be right, given its outcome.
    fitted : float64 array, shape (n,)
        Mean outcome of each row by its own covariates.
    naive : float64 array, shape (p,)
        The estimate that takes all links as right.
    loglik : float
        Log-likelihood.
    none_wrong, at_bound : bool
        Whether the likelihood is largest with no link wrong; whether alpha is held at its largest value.
    identified, converged : bool
        Whether the data tell the parameters apart; whether the fit came to rest.
    steps : int
        Iterations of the best start.
    starts : tuple of float
        Log-likelihood that each start came to, best first, before the last steps.
    check : WrongLinksCheck
        Whether the rows taken as wrong links look like such.
    """

    coefficients: Floats
    covariance: Floats
    scale: float
    match_coefficients: Floats
    match_covariance: Floats
    mismatch_rate: float
    mismatch_rate_error: float
    mismatch_rate_limit: float
    right: Floats
    fitted: Floats
    naive: Floats
    loglik: float
    none_wrong: bool
    at_bound: bool
    identified: bool
    converged: bool
    steps: int
    starts: tuple[float, ...]
    check: WrongLinksCheck


def fit_mixture_regression(
    y: Floats,
    X: Floats,
    *,
    family: str = "linear",
    z: Floats | None = None,
    safe: np.ndarray | None = None,
    mismatch_rate: float | None = None,
    at_most: float | None = None,
    prior: tuple[float, float] | None = None,
    variance: str = "sandwich",
    starts: int = 5,
    seed: int = 0,
    names: tuple[str, ...] | None = None,
    match_names: tuple[str, ...] | None = None,
) -> MixtureEstimate:
    """Mixture regression on arrays; the parameters are those of `mixture_regression`.

    Parameters
    ----------
    y : float64 array, shape (n,)
        Outcomes as linked.
    X : float64 array, shape (n, p)
        Covariates, the constant among them.
    z : float64 array, shape (n, k), optional
        Covariates of the links, a constant among them; a constant alone by default.
    safe : bool array, shape (n,), optional
        Links that are known to be right.
    names, match_names : tuple of str, optional
        Columns of X and z, for messages.
    family, mismatch_rate, at_most, prior, variance, starts, seed
        See `mixture_regression`.

    Returns
    -------
    MixtureEstimate

    Raises
    ------
    InputError
        Where the mixture is not identified, designs are singular, or what is known beforehand contradicts
        itself.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> X = np.column_stack([np.ones(2000), rng.normal(size=2000)])
    >>> y = X @ [1, 2] + rng.normal(size=2000)
    >>> y[:400] = np.roll(y[:400], 1)                           # a fifth of the links wrong
    >>> found = fit_mixture_regression(y, X)
    >>> found.naive.round(2), found.coefficients.round(2), round(found.mismatch_rate, 2)
    (array([0.99, 1.61]), array([1.01, 1.96]), 0.19)
    """
    fam = family_of(family)
    fam.check(y)
    n, p = X.shape
    z = np.ones((n, 1)) if z is None else z
    known = np.zeros(n, bool) if safe is None else np.asarray(safe, bool)
    basis(X, names or tuple(f"x{k}" for k in range(p)), "The design")
    matches = Matches(z, known, mismatch_rate, at_most, _prior(prior))
    _check(
        matches, family, X, match_names or tuple(f"z{k}" for k in range(z.shape[1])), variance, starts, prior
    )
    data = Data(fam, y, X, matches, log_marginal(fam, y))
    naive = weighted_fit(data, np.ones(n), np.zeros(p))
    found = fit_mixture(data, starts, seed)
    if found is None or not found.converged:
        _warn(
            "The mixture did not converge: there is no estimate. Name safe links, give a prior or a bound "
            "of the mismatch rate, or leave covariates of the links out."
        )
        return _failed(naive, n, z.shape[1], found)
    parameters = found.parameters
    spread = uncertainty(data, parameters, variance, hold_matches=found.none_wrong)
    if not spread.identified:
        _warn(
            "The data do not tell right links from wrong ones: the information of the mixture is singular, "
            "and there is no estimate. Name safe links, or give the mismatch rate or a prior of it."
        )
        return replace(_failed(naive, n, z.shape[1], found), converged=True)
    linear = int(fam.linear)
    estimate = MixtureEstimate(
        coefficients=parameters.beta,
        covariance=spread.covariance[:p, :p],
        scale=parameters.sigma**2,
        match_coefficients=parameters.gamma,
        match_covariance=spread.covariance[p + linear :, p + linear :],
        mismatch_rate=0.0 if found.none_wrong else matches.alpha(parameters.gamma),
        mismatch_rate_error=alpha_error(data, parameters, spread.covariance),
        mismatch_rate_limit=_limit(data, found),
        right=found.right,
        fitted=mean_of(data, parameters),
        naive=naive,
        loglik=found.loglik,
        none_wrong=found.none_wrong,
        at_bound=matches.rate is None and matches.at_bound(parameters.gamma),
        identified=True,
        converged=True,
        steps=found.steps,
        starts=found.starts,
        check=check_wrong_links(data, parameters),
    )
    for message in concerns(estimate):
        _warn(message)
    return estimate


def concerns(estimate: MixtureEstimate) -> list[str]:
    """What speaks against relying on an estimate, a sentence each."""
    found = []
    if estimate.check.pvalue < SURE:
        found.append(
            f"Rows taken as wrong links follow their own covariates (slope {estimate.check.slope:.2f}, z = "
            f"{estimate.check.z:.1f}; wrong links have 0): right links with large errors are taken as wrong, "
            "as where errors have heavy tails, counts vary more than Poisson counts, or the mean is "
            "misspecified. The mismatch rate is too high then, and standard errors are not those stated."
        )
    if estimate.none_wrong and estimate.mismatch_rate_limit > 0:
        found.append(
            f"The likelihood is largest with no link wrong, but up to {estimate.mismatch_rate_limit:.1%} "
            "wrong links would fit nearly as well (95 % limit): standard errors know nothing of that. Audit "
            "links, or give a prior."
        )
    if estimate.at_bound:
        found.append(
            "The mismatch rate is at the bound that was given: standard errors take it as known. Choose the "
            "bound by what is known of the linkage, or give a prior."
        )
    if estimate.mismatch_rate_error > VAGUE:
        found.append(
            f"The data hardly tell the mismatch rate ({estimate.mismatch_rate:.2f}, standard error "
            f"{estimate.mismatch_rate_error:.2f}): the covariates tell too little of the outcome. Intervals "
            "are not to be relied on; audit links, name safe ones, or give a prior."
        )
    return found


def _limit(data: Data, found: Fitted) -> float:
    unknown = found.none_wrong and data.matches.rate is None and not data.matches.safe.all()
    limit = largest_rate(data, found) if unknown else float("nan")
    return limit if data.matches.at_most is None else min(limit, data.matches.at_most)


def _failed(naive: Floats, n: int, k: int, found: Fitted | None) -> MixtureEstimate:
    p, nothing = len(naive), float("nan")
    return MixtureEstimate(
        coefficients=np.full(p, nothing),
        covariance=np.full((p, p), nothing),
        scale=nothing,
        match_coefficients=np.full(k, nothing),
        match_covariance=np.full((k, k), nothing),
        mismatch_rate=nothing,
        mismatch_rate_error=nothing,
        mismatch_rate_limit=nothing,
        right=np.full(n, nothing),
        fitted=np.full(n, nothing),
        naive=naive,
        loglik=nothing,
        none_wrong=False,
        at_bound=False,
        identified=False,
        converged=False,
        steps=0 if found is None else found.steps,
        starts=() if found is None else found.starts,
        check=WrongLinksCheck(nothing, nothing, nothing),
    )


def _prior(prior: tuple[float, float] | None) -> tuple[float, float] | None:
    """A mean and its standard error as numbers of wrong and right links."""
    if prior is None:
        return None
    mean, error = (float(value) for value in prior)
    if not 0 < mean < 1 or not 0 < error**2 < mean * (1 - mean):
        raise InputError(
            f"prior: ({mean:g}, {error:g}) is no mean between 0 and 1 with a standard error below "
            "sqrt(mean (1 - mean))."
        )
    links = mean * (1 - mean) / error**2 - 1
    return mean * links, (1 - mean) * links


def _check(
    matches: Matches,
    family: str,
    X: Floats,
    names: tuple[str, ...],
    variance: str,
    starts: int,
    prior: tuple[float, float] | None,
) -> None:
    if variance not in VARIANCES:
        raise InputError(f"variance: {variance!r} is none of {', '.join(map(repr, VARIANCES))}.")
    if starts < 1:
        raise InputError(f"starts: {starts} is no number of starts; give 1 or more.")
    given = [
        name
        for name, value in (("mismatch_rate", matches.rate), ("at_most", matches.at_most), ("prior", prior))
        if value is not None
    ]
    if "mismatch_rate" in given and len(given) > 1:
        raise InputError(f"{' and '.join(given)}: a known mismatch rate goes with no bound and no prior.")
    if matches.rate is not None and not 0 <= matches.rate < 1:
        raise InputError(f"mismatch_rate: {matches.rate:g} is no share from 0 to below 1.")
    if matches.at_most is not None and not 0 < matches.at_most < 1:
        raise InputError(f"at_most: {matches.at_most:g} is no share between 0 and 1.")
    if not (matches.z == 1).all(axis=0).any():
        raise InputError("matches: the covariates of the links need a constant; do not take it out.")
    if matches.rate is not None and not matches.constant_alone:
        raise InputError(
            "mismatch_rate: with covariates of the links their mismatch rate cannot be held; give a prior "
            "instead."
        )
    unsure = int((~matches.safe).sum())
    if unsure:
        basis(matches.z[~matches.safe], names, "The design of matches")
    _refuse_unidentified(matches, family, X)


def _refuse_unidentified(matches: Matches, family: str, X: Floats) -> None:
    told = matches.rate is not None or matches.prior is not None or matches.safe.all()
    enough = int(matches.safe.sum()) >= FEWEST_SAFE * X.shape[1]
    if told or enough:
        return
    if family == "logistic":
        raise InputError(
            "A logistic mixture is not identified without more: wrong links flatten the curve as smaller "
            f"coefficients do. Give mismatch_rate or prior, or name at least {FEWEST_SAFE} safe links for "
            f"each coefficient ({FEWEST_SAFE * X.shape[1]}; there are {int(matches.safe.sum())})."
        )
    if not np.ptp(X, axis=0).any():
        raise InputError(
            "A mixture without covariates is not identified: right and wrong links have the same outcomes. "
            "Add covariates that tell of the outcome, or give mismatch_rate."
        )


def _warn(message: str) -> None:
    warnings.warn(message, TallystickWarning, stacklevel=3)
