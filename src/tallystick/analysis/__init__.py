"""Analysis of linked data: estimates corrected for linkage errors.

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
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
    from tallystick.analysis.error_models.error_model import ErrorModel as ErrorModel
    from tallystick.analysis.error_models.exchangeable import Exchangeable as Exchangeable
    from tallystick.analysis.error_models.exchangeable import exchangeable as exchangeable
    from tallystick.analysis.error_models.precision import LinkPrecision as LinkPrecision
