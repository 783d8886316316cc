"""What steps have in common that write right values in one form and set wrong ones missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from tallystick.preparation.steps.step import Change, Mask, differs, mask


def settle(
    old: pl.Series,
    written: pl.Series,
    reasons: Mapping[str, Mask],
    *,
    keep: bool,
    rules: Mapping[str, Mask] | None = None,
) -> Change:
    """The new values, what changed them, and what is wrong.

    Parameters
    ----------
    old : polars.Series
        Values as they were.
    written : polars.Series
        Right ones in their one form; null where a value is missing or wrong.
    reasons : mapping of str to bool array
        Why values are wrong, or what else is to be reported of them.
    keep : bool
        Whether wrong values stay as they are instead of being set missing.
    rules : mapping of str to bool array, optional
        Rules that changed right values; of the others it is said that they are written in the one form.

    Returns
    -------
    texts : polars.Series
    changed, reported : dict of str to bool array
        Without rules and reasons that no value met.
    """
    blank = mask(old.str.strip_chars() == "")
    wrong = mask(old.is_not_null() & written.is_null()) & ~blank
    new = old.zip_with(pl.Series(wrong), written) if keep else written
    explained = np.zeros(len(old), bool)
    changed = dict(rules or {})
    for found in changed.values():
        explained |= found
    changed["written in one form"] = mask(written.is_not_null()) & differs(old, new) & ~explained
    changed["nothing but spaces"] = blank
    if not keep:
        changed["wrong, set missing"] = wrong
    return new, met(changed), met({reason: found & ~blank for reason, found in reasons.items()})


def met(found: Mapping[str, Mask]) -> dict[str, Mask]:
    """Only those that some value met."""
    return {text: which for text, which in found.items() if which.any()}


def by_reason(reasons: Sequence[str | None]) -> dict[str, Mask]:
    """The values of each reason, given the reason of each value.

    Examples
    --------
    >>> {reason: which.tolist() for reason, which in by_reason(["length", None, "length"]).items()}
    {'length': [True, False, True]}
    """
    found: dict[str, Mask] = {}
    for row, reason in enumerate(reasons):
        if reason is not None:
            found.setdefault(reason, np.zeros(len(reasons), bool))[row] = True
    return dict(sorted(found.items()))
