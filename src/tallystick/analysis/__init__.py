"""Analysis of linked data: estimates corrected for linkage errors.

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "tallystick.quality.rates": (
        "belin_rubin",
        "belin_rubin_training",
        "calibrate",
        "capture_recapture",
        "count_neighbours",
        "ding_fienberg",
        "fit_neighbours",
        "large_sample_intervals",
        "model_patterns",
        "neyman",
        "plain_chances",
        "seen_patterns",
        "simrate",
        "stratified_audit",
    ),
    "tallystick.analysis.error_models.bootstrap": ("bootstrap_linkage",),
    "tallystick.analysis.error_models.simulated_links": ("LinkageBootstrap", "SimulatedLinks"),
    "tallystick.analysis.error_models.audited": ("audited", "audited_precision"),
    "tallystick.analysis.error_models.incomplete": ("Incomplete", "incomplete"),
    "tallystick.analysis.error_models.precision": ("LinkPrecision",),
    "tallystick.analysis.error_models.record_level": ("RecordLevel", "record_level"),
    "tallystick.analysis.error_models.weighted": ("Weighted", "weighted"),
    "tallystick.analysis.error_models.error_model": ("ErrorModel",),
    "tallystick.analysis.error_models.exchangeable": ("Exchangeable", "exchangeable"),
    "tallystick.analysis.mixture.fit": ("MixtureEstimate", "fit_mixture_regression"),
    "tallystick.analysis.mixture.mixture": ("mixture_regression",),
    "tallystick.analysis.mixture.result": ("MixtureResult",),
    "tallystick.analysis.tables.bootstrap": ("TableBootstrap", "bootstrap_table"),
    "tallystick.analysis.tables.contingency": ("contingency_table",),
    "tallystick.analysis.tables.independence": ("IndependenceTest", "independence_test"),
    "tallystick.analysis.tables.result": ("ContingencyTable",),
    "tallystick.analysis.regressions.regression": ("regression",),
    "tallystick.analysis.regressions.result": ("RegressionResult",),
    "tallystick.analysis.regressions.fit": ("Estimate", "fit"),
    "tallystick.analysis.error_models.matching_probabilities": (
        "MatchingProbabilities",
        "matching_probabilities",
    ),
    "tallystick.analysis.error_models.posterior": ("Posterior", "posterior"),
    "tallystick.analysis.diagnostics.bands": ("naive_by_band", "residuals_by_band"),
    "tallystick.analysis.diagnostics.linked_unlinked": ("linked_and_unlinked",),
    "tallystick.analysis.diagnostics.sensitivity": ("sensitivity",),
    "tallystick.analysis.error_models.scaled": ("Scaled",),
    "tallystick.analysis.regressions.both_files": ("fit_both_files", "regression_of_both_files"),
    "tallystick.analysis.error_models.calibration": ("Calibration", "calibration"),
    "tallystick.analysis.error_models.conventions": ("correct_from_reshuffled", "reshuffled_from_correct"),
    "tallystick.analysis.error_models.listed_pairs": ("listed_probabilities",),
    "tallystick.analysis.imputation.equivocal": ("EquivocalImputations", "impute_equivocal"),
    "tallystick.analysis.imputation.matchings": ("MatchingImputations", "impute_matchings"),
    "tallystick.analysis.imputation.rubin": ("Pooled", "pool", "pool_results"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tallystick.analysis' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from tallystick.analysis.diagnostics.bands import naive_by_band as naive_by_band
    from tallystick.analysis.diagnostics.bands import residuals_by_band as residuals_by_band
    from tallystick.analysis.diagnostics.linked_unlinked import linked_and_unlinked as linked_and_unlinked
    from tallystick.analysis.diagnostics.sensitivity import sensitivity as sensitivity
    from tallystick.analysis.error_models.audited import audited as audited
    from tallystick.analysis.error_models.audited import audited_precision as audited_precision
    from tallystick.analysis.error_models.bootstrap import bootstrap_linkage as bootstrap_linkage
    from tallystick.analysis.error_models.calibration import Calibration as Calibration
    from tallystick.analysis.error_models.calibration import calibration as calibration
    from tallystick.analysis.error_models.conventions import (
        correct_from_reshuffled as correct_from_reshuffled,
    )
    from tallystick.analysis.error_models.conventions import (
        reshuffled_from_correct as reshuffled_from_correct,
    )
    from tallystick.analysis.error_models.error_model import ErrorModel as ErrorModel
    from tallystick.analysis.error_models.exchangeable import Exchangeable as Exchangeable
    from tallystick.analysis.error_models.exchangeable import exchangeable as exchangeable
    from tallystick.analysis.error_models.incomplete import Incomplete as Incomplete
    from tallystick.analysis.error_models.incomplete import incomplete as incomplete
    from tallystick.analysis.error_models.listed_pairs import listed_probabilities as listed_probabilities
    from tallystick.analysis.error_models.matching_probabilities import (
        MatchingProbabilities as MatchingProbabilities,
    )
    from tallystick.analysis.error_models.matching_probabilities import (
        matching_probabilities as matching_probabilities,
    )
    from tallystick.analysis.error_models.posterior import Posterior as Posterior
    from tallystick.analysis.error_models.posterior import posterior as posterior
    from tallystick.analysis.error_models.precision import LinkPrecision as LinkPrecision
    from tallystick.analysis.error_models.record_level import RecordLevel as RecordLevel
    from tallystick.analysis.error_models.record_level import record_level as record_level
    from tallystick.analysis.error_models.scaled import Scaled as Scaled
    from tallystick.analysis.error_models.simulated_links import LinkageBootstrap as LinkageBootstrap
    from tallystick.analysis.error_models.simulated_links import SimulatedLinks as SimulatedLinks
    from tallystick.analysis.error_models.weighted import Weighted as Weighted
    from tallystick.analysis.error_models.weighted import weighted as weighted
    from tallystick.analysis.imputation.equivocal import EquivocalImputations as EquivocalImputations
    from tallystick.analysis.imputation.equivocal import impute_equivocal as impute_equivocal
    from tallystick.analysis.imputation.matchings import MatchingImputations as MatchingImputations
    from tallystick.analysis.imputation.matchings import impute_matchings as impute_matchings
    from tallystick.analysis.imputation.rubin import Pooled as Pooled
    from tallystick.analysis.imputation.rubin import pool as pool
    from tallystick.analysis.imputation.rubin import pool_results as pool_results
    from tallystick.analysis.mixture.fit import MixtureEstimate as MixtureEstimate
    from tallystick.analysis.mixture.fit import fit_mixture_regression as fit_mixture_regression
    from tallystick.analysis.mixture.mixture import mixture_regression as mixture_regression
    from tallystick.analysis.mixture.result import MixtureResult as MixtureResult
    from tallystick.analysis.regressions.both_files import fit_both_files as fit_both_files
    from tallystick.analysis.regressions.both_files import (
        regression_of_both_files as regression_of_both_files,
    )
    from tallystick.analysis.regressions.fit import Estimate as Estimate
    from tallystick.analysis.regressions.fit import fit as fit
    from tallystick.analysis.regressions.regression import regression as regression
    from tallystick.analysis.regressions.result import RegressionResult as RegressionResult
    from tallystick.analysis.tables.bootstrap import TableBootstrap as TableBootstrap
    from tallystick.analysis.tables.bootstrap import bootstrap_table as bootstrap_table
    from tallystick.analysis.tables.contingency import contingency_table as contingency_table
    from tallystick.analysis.tables.independence import IndependenceTest as IndependenceTest
    from tallystick.analysis.tables.independence import independence_test as independence_test
    from tallystick.analysis.tables.result import ContingencyTable as ContingencyTable
    from tallystick.quality.audit_numbers import large_sample_intervals as large_sample_intervals
    from tallystick.quality.audit_numbers import neyman as neyman
    from tallystick.quality.audit_numbers import stratified_audit as stratified_audit
    from tallystick.quality.belin_rubin import belin_rubin as belin_rubin
    from tallystick.quality.belin_rubin_training import belin_rubin_training as belin_rubin_training
    from tallystick.quality.calibrate import calibrate as calibrate
    from tallystick.quality.capture_recapture import capture_recapture as capture_recapture
    from tallystick.quality.capture_recapture import ding_fienberg as ding_fienberg
    from tallystick.quality.model_patterns import model_patterns as model_patterns
    from tallystick.quality.neighbours import count_neighbours as count_neighbours
    from tallystick.quality.neighbours import fit_neighbours as fit_neighbours
    from tallystick.quality.pattern_chances import plain_chances as plain_chances
    from tallystick.quality.pattern_chances import seen_patterns as seen_patterns
    from tallystick.quality.simrate import simrate as simrate
