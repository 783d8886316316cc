"""Which fields of a run a reviewer may be kept from seeing."""

from __future__ import annotations

from pathlib import Path

from tallystick.errors import InputError
from tallystick.linkage.run_folder import read_facts, read_sources, spec_without_sources
from tallystick.preparation.read import open_source


def maskable_fields(run: Path) -> tuple[str, ...]:
    """The fields of a linkage, and what a review could show besides.

    A column that a field is read from is none of them: its values are shown under the name of the field, so
    that a mask of its own name would hide nothing.

    Parameters
    ----------
    run : path
        The directory of the run.

    Returns
    -------
    tuple of str
        The fields that the linkage reads; then other fields and columns of its sources, where these are
        there to be asked.

    Raises
    ------
    InputError
        Where it is no directory of a complete run.
    """
    facts = read_facts(run)
    fields = spec_without_sources(facts).fields_named
    further: list[str] = []
    try:
        for source in read_sources(run, facts):
            read = {source.column(name) for name in fields}
            names = {column: name for name, column in source.columns.items()}
            for column in open_source(source).columns:
                if column not in read and column not in (source.id, *source.truth):
                    further += [names[column], column] if column in names else [column]
    except InputError:  # a source is gone: then nothing else can be shown either
        further = []
    return tuple(dict.fromkeys([*fields, *further]))
