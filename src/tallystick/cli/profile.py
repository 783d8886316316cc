"""The command ``tallystick profile``, apart from how it is called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tallystick.cli.commands import _check_file, _names
from tallystick.errors import InputError
from tallystick.preparation.profile.profile import profile_files
from tallystick.preparation.source import Source
from tallystick.spec import load_spec, resolved


def show_profile(
    files: Sequence[Path],
    *,
    out: Path | None,
    force: bool,
    as_json: bool,
    show_values: bool,
    reference_dates: Sequence[str],
    kinds: Sequence[str],
) -> str:
    """Profile files, or the sources of a specification.

    Parameters
    ----------
    files : sequence of path
        Files, or one specification.
    out : path, optional
        Write the page here.
    force : bool
        Replace it where it is there.
    as_json : bool
        Give JSON instead of text.
    show_values : bool
        Show values as they are.
    reference_dates : sequence of str
        ``NAME=YYYY-MM-DD``; the name of a file is that without its suffix.
    kinds : sequence of str
        ``FIELD=KIND``.

    Returns
    -------
    str
        What to print.
    """
    if out is not None:
        _check_file(out, force)
    found = profile_files(
        _sources(files),
        reference_dates={
            name: _date(name, text) for name, text in _pairs(reference_dates, "--reference-date")
        },
        kinds=dict(_pairs(kinds, "--kind")),
    )
    if out is not None:
        found.html(out, show_values)
    if as_json:
        return json.dumps(found.to_dict(show_values), indent=2, ensure_ascii=False)
    text = found.text(show_values)
    return text if out is None else f"{text}\n\n{out}: open it in a browser"


def _sources(files: Sequence[Path]) -> list[Source]:
    specs = [file for file in files if file.suffix.lower() == ".toml"]
    if not specs:
        return [Source(name=name, path=file) for name, file in zip(_names(files), files, strict=True)]
    if len(files) > 1:
        raise InputError(f"{specs[0]}: a specification has its own sources: give it alone, or files alone.")
    spec = resolved(load_spec(specs[0]), specs[0].parent)
    if not spec.sources:
        raise InputError(f"{specs[0]}: there is no source: add [[sources]] with a name and a path.")
    return list(spec.sources)


def _pairs(texts: Sequence[str], option: str) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not (equals and name and value):
            raise InputError(f'{option} "{text}": write a name, an equals sign and a value.')
        found.append((name, value))
    return found


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f'the reference date of {name} is given as "{text}", which is no date; write it as 2020-04-01.'
        ) from None
