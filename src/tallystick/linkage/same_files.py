"""Two sources that are one file: each record would find itself."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import InputError
from tallystick.preparation.source import Source


def check_different(sources: Sequence[Source], digests: Sequence[str], fields: Sequence[str]) -> None:
    """Raise `InputError` where two sources are the same records of the same file, byte for byte.

    Tables in memory and of databases are not looked at. Two sheets of a file are two sources, and so are two
    sets of its columns: the mothers and the children of a register of births.

    Parameters
    ----------
    sources : sequence of Source
        What was read.
    digests : sequence of str
        SHA-256 of the file of each.
    fields : sequence of str
        The fields that were read.

    Examples
    --------
    >>> first, second = (Source(name=name, path="births.csv") for name in "ab")
    >>> check_different([first, second], ["1f", "1f"], ["surname"])
    Traceback (most recent call last):
    tallystick.errors.InputError: births.csv: this is source 'a', byte for byte: each record...
    >>> mothers = second.model_copy(update={"columns": {"surname": "surname_mother"}})
    >>> check_different([first, mothers], ["1f", "1f"], ["surname"])
    """
    known: dict[tuple[object, ...], Source] = {}
    for source, digest in zip(sources, digests, strict=True):
        if source.path is None:
            continue
        content = (digest, source.sheet, *(source.column(field) for field in fields))
        if content in known:
            raise InputError(
                f"{source.shown}: this is source {known[content].name!r}, byte for byte: each record would "
                "be linked to itself; give another file, or a single source to find duplicates within it."
            )
        known[content] = source
