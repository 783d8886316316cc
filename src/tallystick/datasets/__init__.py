"""Generated data with known truth; names are imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOMES = {
    "tallystick.datasets.generate": ("PersonFiles", "PersonTable", "person_blocks", "persons", "persons_to"),
    "tallystick.datasets.rates": ("ErrorRates",),
    "tallystick.datasets.households": ("Population",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'tallystick.datasets' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from tallystick.datasets.generate import PersonFiles as PersonFiles
    from tallystick.datasets.generate import PersonTable as PersonTable
    from tallystick.datasets.generate import person_blocks as person_blocks
    from tallystick.datasets.generate import persons as persons
    from tallystick.datasets.generate import persons_to as persons_to
    from tallystick.datasets.households import Population as Population
    from tallystick.datasets.rates import ErrorRates as ErrorRates
