"""Analysis of linked data: estimates corrected for linkage errors.

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "tallystick.quality.audit_numbers": ("large_sample_intervals", "neyman", "stratified_audit"),
    "tallystick.quality.belin_rubin": ("belin_rubin", "train"),
    "tallystick.quality.calibrate": ("calibrate",),
    "tallystick.quality.capture_recapture": ("capture_recapture", "ding_fienberg"),
    "tallystick.quality.model_patterns": ("model_patterns",),
    "tallystick.quality.neighbours": ("count_neighbours", "fit_neighbours"),
    "tallystick.quality.pattern_chances": ("plain_chances", "seen_patterns"),
    "tallystick.quality.simrate": ("simrate",),
    "tallystick.analysis.error_models.bootstrap": ("LinkageBootstrap", "bootstrap_linkage"),
    "tallystick.analysis.error_models.audited": ("audited", "audited_precision"),
    "tallystick.analysis.error_models.precision": ("LinkPrecision",),
    "tallystick.analysis.error_models.error_model": ("ErrorModel",),
    "tallystick.analysis.error_models.exchangeable": ("Exchangeable", "exchangeable"),
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
    from tallystick.analysis.error_models.audited import audited as audited
    from tallystick.analysis.error_models.audited import audited_precision as audited_precision
    from tallystick.analysis.error_models.bootstrap import LinkageBootstrap as LinkageBootstrap
    from tallystick.analysis.error_models.bootstrap import bootstrap_linkage as bootstrap_linkage
    from tallystick.analysis.error_models.error_model import ErrorModel as ErrorModel
    from tallystick.analysis.error_models.exchangeable import Exchangeable as Exchangeable
    from tallystick.analysis.error_models.exchangeable import exchangeable as exchangeable
    from tallystick.analysis.error_models.precision import LinkPrecision as LinkPrecision
    from tallystick.quality.audit_numbers import large_sample_intervals as large_sample_intervals
    from tallystick.quality.audit_numbers import neyman as neyman
    from tallystick.quality.audit_numbers import stratified_audit as stratified_audit
    from tallystick.quality.belin_rubin import belin_rubin as belin_rubin
    from tallystick.quality.belin_rubin import train as train
    from tallystick.quality.calibrate import calibrate as calibrate
    from tallystick.quality.capture_recapture import capture_recapture as capture_recapture
    from tallystick.quality.capture_recapture import ding_fienberg as ding_fienberg
    from tallystick.quality.model_patterns import model_patterns as model_patterns
    from tallystick.quality.neighbours import count_neighbours as count_neighbours
    from tallystick.quality.neighbours import fit_neighbours as fit_neighbours
    from tallystick.quality.pattern_chances import plain_chances as plain_chances
    from tallystick.quality.pattern_chances import seen_patterns as seen_patterns
    from tallystick.quality.simrate import simrate as simrate
