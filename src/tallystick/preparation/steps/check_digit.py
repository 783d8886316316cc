"""Identifiers whose form and check digit can be verified."""

from __future__ import annotations

import pkgutil
from difflib import get_close_matches
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import StringConstraints

from tallystick.errors import InputError
from tallystick.preparation.distinct import map_given
from tallystick.preparation.extras import require
from tallystick.preparation.steps.checked import by_reason, settle
from tallystick.preparation.steps.step import Change, Context, TextStep

_NO_SCHEMES = frozenset({"exceptions", "numdb", "util"})


_MISSING: tuple[str | None, str | None] = (None, None)
_SEPARATORS = " .-/\u2010\u2011\u2012\u2013\u00a0"


class CheckDigit(TextStep):
    """Write identifiers compactly; set those missing whose form, length or check digit is wrong.

    Attributes
    ----------
    scheme : str
        A module of the library python-stdnum: ``gb.nhs``, ``us.ssn``, ``nl.bsn``, ``it.codicefiscale``,
        ``es.nif``, ``de.idnr``, ``fr.nir``, ``luhn``, ...
    wrong : {"missing", "keep"}
        What becomes of a wrong one.

    Examples
    --------
    >>> numbers = pl.Series(["943 476 5919", "943 476 5910"])
    >>> texts, _, reported = CheckDigit(scheme="gb.nhs").change(numbers, Context())
    >>> texts.to_list(), list(reported)
    (['9434765919', None], ['the check digit is wrong'])
    """

    hints: ClassVar[dict[str, str]] = {"scheme": 'a scheme of python-stdnum, such as "gb.nhs"'}

    type: Literal["identifier"] = "identifier"
    scheme: Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_.]*$")]
    wrong: Literal["missing", "keep"] = "missing"

    def check(self) -> None:
        """Raise `InputError` where there is no such scheme, or no library (see `PreparationStep.check`)."""
        scheme_module(self.scheme)

    def change(self, texts: pl.Series, context: Context) -> Change:
        """Verify identifiers (see `TextStep.change`)."""
        scheme_module(self.scheme)
        verify = partial(verified, scheme=self.scheme)
        every = map_given(verify, texts, _MISSING, context.processes)
        written = pl.Series([compact for compact, _ in every], dtype=pl.String)
        return settle(texts, written, by_reason([reason for _, reason in every]), keep=self.wrong == "keep")


def verified(text: str, scheme: str) -> tuple[str | None, str | None]:
    """The compact form of an identifier, or what is wrong with it.

    Examples
    --------
    >>> verified("2495.66.758", "nl.bsn"), verified("12345", "nl.bsn")[1]
    (('249566758', None), 'the check digit is wrong')
    """
    if len(set(signs := [sign for sign in text if sign.isalnum()])) == 1 and len(signs) > 1:
        return None, "one character repeated: a filler"  # Many a check digit fits it.
    found = _verified(text, scheme)
    if found[1] == "the form is wrong":
        # Some schemes know only their own separators: what stands between the signs says nothing.
        bare = "".join(sign for sign in text if sign not in _SEPARATORS)
        again = _verified(bare, scheme)
        return found if again[1] == found[1] else again
    return found


def _verified(text: str, scheme: str) -> tuple[str | None, str | None]:
    """The same for a text as it is."""
    module = scheme_module(scheme)
    wrong: Any = require("stdnum.exceptions", "the step")
    try:
        # Some schemes (luhn) verify bare digits and leave it to others to remove what stands between them.
        number = text if hasattr(module, "compact") else "".join(c for c in text if c.isalnum())
        return module.validate(number.strip()), None
    except wrong.InvalidLength:
        return None, "the length is wrong"
    except wrong.InvalidChecksum:
        return None, "the check digit is wrong"
    except wrong.InvalidComponent:
        return None, "a part is wrong, such as an area or a date that does not exist"
    except Exception:
        # Besides its own errors the library lets others pass where characters are not what it expects.
        return None, "the form is wrong"


@cache
def scheme_module(scheme: str) -> Any:
    """The module of python-stdnum that verifies a scheme.

    Raises
    ------
    InputError
        If the library is not installed, or has no such scheme.
    """
    library = require("stdnum", 'the step "identifier"')
    # Countries whose code is a word of Python have an underscore there: in_, is_.
    for name in (scheme, scheme.replace(".", "_.", 1)):
        try:
            module = require(f"stdnum.{name}", 'the step "identifier"')
        except InputError:
            continue
        if hasattr(module, "validate"):
            return module
    raise InputError(
        f'python-stdnum has no scheme "{scheme}" that can be verified; {_nearest(scheme, library.__path__)}.'
    )


def _nearest(scheme: str, path: Any) -> str:
    """Which schemes may have been meant."""
    known = sorted(
        found.name.removeprefix("stdnum.").replace("_.", ".")
        for found in pkgutil.walk_packages(path, "stdnum.")
        if not found.ispkg and found.name.removeprefix("stdnum.") not in _NO_SCHEMES
    )
    near = [name for name in known if name.startswith(f"{scheme}.")] or get_close_matches(scheme, known, 3)
    return f"perhaps {', '.join(near)} is meant" if near else "the documentation of the library lists them"
