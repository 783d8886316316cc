"""Masks name fields that are there: one misspelt would hide nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tallystick._problems import nearest
from tallystick.errors import InputError


def checked_masks(masks: Iterable[str], fields: Sequence[str]) -> tuple[str, ...]:
    """Names of fields to be masked, each once.

    Parameters
    ----------
    masks : iterable of str
        As they were given.
    fields : sequence of str
        Those that there are.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        Where one is no field.

    Examples
    --------
    >>> checked_masks(["born", "born"], ["name", "born"])
    ('born',)
    >>> checked_masks(["bron"], ["name", "born"])
    Traceback (most recent call last):
    tallystick.errors.InputError: there is no field 'bron' to mask (did you mean 'born'?): the fields are \
name, born.
    """
    for name in masks:
        if name not in fields:
            near = nearest(name, fields)
            hint = f" (did you mean {near!r}?)" if near else ""
            raise InputError(f"there is no field {name!r} to mask{hint}: the fields are {', '.join(fields)}.")
    return tuple(dict.fromkeys(masks))
