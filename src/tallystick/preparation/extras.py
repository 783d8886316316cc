"""Libraries that only some steps need."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from tallystick.errors import InputError

_DISTRIBUTIONS = {"stdnum": "python-stdnum"}
"""What a library is called on the package index, where that is not the name that is imported."""


def require(module: str, what: str, extra: str = "preparation") -> ModuleType:
    """A library that an extra of the package installs.

    Parameters
    ----------
    module : str
        Name that is imported.
    what : str
        What needs it, for the message: ``'the step "split_name"'``.
    extra : str
        The extra.

    Returns
    -------
    module

    Raises
    ------
    InputError
        If it is not installed.

    Examples
    --------
    >>> require("json", "the step")
    <module 'json' ...>
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        library = _DISTRIBUTIONS.get(library, library)
        raise InputError(
            f"{what} needs the library {library}, which is not installed; run: "
            f'pip install "tallystick[{extra}]".'
        ) from None
