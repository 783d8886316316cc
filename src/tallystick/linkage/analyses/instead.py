"""Regressions without an error model: multiple imputation over links, and the mixture regression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tallystick._formats import percent
from tallystick.analysis.error_models.exchangeable import exchangeable
from tallystick.errors import InputError
from tallystick.linkage.analyses.candidate_pairs import candidate_pairs
from tallystick.linkage.analyses.choose import Choice
from tallystick.linkage.analyses.known_errors import KnownErrors
from tallystick.linkage.analyses.linked_file import LinkedFile
from tallystick.linkage.analyses.results import AnalysisResult, Coefficients
from tallystick.linkage.analyses.settings import Analysis
from tallystick.linkage.links import Links

if TYPE_CHECKING:
    from tallystick.analysis.imputation.matchings import MatchingImputations

LEAST = 1e-5
"""Posterior from which on a pair may be in a matching."""


def mixture_analysis(settings: Analysis, file: LinkedFile) -> AnalysisResult:
    """A regression as a mixture of right and wrong links.

    Parameters
    ----------
    settings : Analysis
        With ``mixture``.
    file : LinkedFile
        The links.

    Returns
    -------
    AnalysisResult
    """
    from tallystick.analysis.mixture.mixture import mixture_regression

    asked, how = settings.regression, settings.mixture
    assert asked is not None
    assert how is not None
    rows, safe = file.rows, None
    if how.safe is not None:
        chance = file.rows["link_posterior"].fill_null(0.0).to_numpy()
        safe = chance >= how.safe
        if not safe.any():
            raise InputError(
                f"mixture.safe: no link has a posterior of {how.safe:g} or more: lower it, or leave it out."
            )
    found = mixture_regression(
        asked.formula,
        rows,
        family=asked.family,
        safe=safe,
        mismatch_rate=how.mismatch_rate,
        at_most=how.at_most,
        index="link_outcome",
        seed=how.seed,
    )
    chances = np.asarray(found.mixture.right, np.float64)
    right = np.ones(len(rows)) if not np.isfinite(chances).all() else chances
    limits = found.mismatch_rate_limits()
    open_share = 1.0 if safe is None else float((~safe).mean())
    shown = None
    if np.isfinite(limits).all():
        shown = (1 - open_share * float(limits[1]), 1 - open_share * float(limits[0]))
    sentences = (
        "Nothing is known of the links: which are wrong follows from outcomes that do not fit their "
        "covariates, so that everything rests on the form of the regression and of its errors.",
        *(() if safe is None else (f"{percent(float(safe.mean()))} of the links are taken as right.",)),
    )
    errors = KnownErrors(None, right, "mixture", sentences, limits=shown, warnings=tuple(found.concerns()))
    choice = Choice("mixture", "the specification has a table [mixture].")
    return AnalysisResult(
        settings,
        file,
        errors,
        choice,
        regression=found,
        corrected=Coefficients.of(found),
        naive=naive_coefficients(settings, file),
        variance=found.cov_type,
    )


def imputation_analysis(settings: Analysis, file: LinkedFile) -> AnalysisResult:
    """A regression by multiple imputation over links.

    Parameters
    ----------
    settings : Analysis
        With ``imputation``.
    file : LinkedFile
        The links.

    Returns
    -------
    AnalysisResult
    """
    asked, how = settings.regression, settings.imputation
    assert asked is not None
    assert how is not None
    if file.run.by_keys:
        raise InputError(
            f"{file.run.shown}: links by match keys have no posteriors and no other candidates, so that "
            'there is nothing to impute from: state the share that is right (from = "known").'
        )
    outcomes = file.outcomes.drop("link_made").drop_nulls()
    register = file.register.select("link_record", *file.linked)
    pairs = file.pairs.filter(
        pl.col("link_outcome").is_in(outcomes["link_record"].implode())
        & pl.col("link_covariates").is_in(register["link_record"].implode())
    ).rename({"link_outcome": "id_left", "link_covariates": "id_right"})
    if how.of == "matchings":
        made: Any = _matchings(settings, file, outcomes, register)
        sentence = (
            "Which records belong together is drawn with the analysis: by weights and by how well outcomes "
            f"fit, {how.imputations} times; pairs with a posterior below {LEAST:g} are left out."
        )
    else:
        from tallystick.analysis.imputation.equivocal import impute_equivocal

        made = impute_equivocal(
            asked.formula,
            outcomes,
            register,
            pairs.select("id_left", "id_right", pl.col("link_posterior").alias("posterior")),
            left_id="link_record",
            right_id="link_record",
            rule=how.rule,
            unequivocal=how.unequivocal,
            family=asked.family,
            n_imputations=how.imputations,
            seed=how.seed,
        )
        sentence = (
            f"Values of {file.covariates} are imputed {how.imputations} times where no candidate has a "
            f"posterior of {how.unequivocal:g}: from the candidates by their posteriors, or from a model of "
            f"the values; every record of {file.outcome} is analysed."
        )
    pooled = made.regression()
    chance = file.rows["link_posterior"].fill_null(float("nan")).to_numpy()
    errors = KnownErrors(None, chance, "posterior", (sentence,))
    names = {"matchings": "imputation of matchings", "equivocal": "imputation of equivocal links"}
    choice = Choice(names[how.of], "the specification has a table [imputation].")
    return AnalysisResult(
        settings,
        file,
        errors,
        choice,
        regression=pooled,
        corrected=Coefficients.pooled(pooled),
        naive=naive_coefficients(settings, file),
        variance="Rubin's rules",
    )


def _matchings(
    settings: Analysis, file: LinkedFile, outcomes: pl.DataFrame, register: pl.DataFrame
) -> MatchingImputations:
    from tallystick.analysis.imputation.matchings import impute_matchings

    asked, how, run = settings.regression, settings.imputation, file.run
    assert asked is not None
    assert how is not None
    linkage = run.folder if run.folder is not None else run.linkage
    if not isinstance(linkage, Path | Links):
        raise InputError(
            "This linkage has no gains of one matching: use a run that compares all its pairs at once."
        )
    gains = candidate_pairs(linkage)
    if run.sources[0].name != file.outcome:
        gains = gains.rename({"id_left": "id_right", "id_right": "id_left"})
    gains = gains.filter(
        pl.col("id_left").is_in(outcomes["link_record"].implode())
        & pl.col("id_right").is_in(register["link_record"].implode())
        & (pl.col("posterior") >= LEAST)
    )
    return impute_matchings(
        asked.formula,
        outcomes,
        register,
        gains.select("id_left", "id_right", "gain"),
        left_id="link_record",
        right_id="link_record",
        family=asked.family,
        n_imputations=how.imputations,
        seed=how.seed,
    )


def naive_coefficients(settings: Analysis, file: LinkedFile) -> Coefficients:
    """The regression that takes links as right.

    Parameters
    ----------
    settings : Analysis
        With a regression.
    file : LinkedFile
        The links.

    Returns
    -------
    Coefficients
    """
    from tallystick.analysis.regressions.regression import regression

    asked = settings.regression
    assert asked is not None
    rows = exchangeable(np.zeros(len(file.rows), np.int64), 1.0, index=file.rows["link_outcome"].to_numpy())
    found = regression(
        asked.formula,
        file.rows,
        rows,
        method="naive",
        family=asked.family,
        variance="centred",
        index="link_outcome",
    )
    return Coefficients.of(found)
