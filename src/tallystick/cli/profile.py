"""The command ``tallystick profile``, apart from how it is called."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tallystick._formats import sentence_list
from tallystick.cli.commands import _check_file, _names
from tallystick.errors import InputError
from tallystick.preparation.profile.model import Profile
from tallystick.preparation.profile.profile import profile_files
from tallystick.preparation.read import open_source
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
    ids: Sequence[str] = (),
    truths: Sequence[str] = (),
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
    ids, truths : sequence of str
        ``COLUMN``, or ``NAME=COLUMN`` for one file: columns that name records, or hold the answer.

    Returns
    -------
    str
        What to print.
    """
    if out is not None:
        if out.suffix.lower() != ".html":
            raise InputError(f"{out}: the profile is written as a web page; give a name that ends in .html.")
        _check_file(out, force)
    found = profile_files(
        _sources(files, ids, truths),
        reference_dates={
            name: _date(name, text) for name, text in _pairs(reference_dates, "--reference-date")
        },
        kinds=dict(_pairs(kinds, "--kind")),
    )
    if out is not None:
        found.html(out, show_values)
    if as_json:
        return json.dumps(found.to_dict(show_values), indent=2, ensure_ascii=False)
    page = [] if out is None else [f"{out}: open it in a browser"]
    return "\n\n".join([found.text(show_values), *page, _next(found, files)])


def _next(found: Profile, files: Sequence[Path]) -> str:
    """What to do when the profile is read, in one line."""
    fields = [one for source in found.sources for one in source.fields]
    unclean = any(one.labels or one.doubts for one in fields)
    clean = "clean labels and doubtful values with [prepare] (docs/guide/prepare.md)"
    if _specs(files):
        return f"next: {clean}" if unclean else f"next: tallystick link {files[0]}"
    init = f"tallystick init {' '.join(shlex.quote(str(file)) for file in files)}"
    return f"next: {init} writes a specification" + (f"; in it, {clean}" if unclean else "")


def _specs(files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() == ".toml"]


def _sources(files: Sequence[Path], ids: Sequence[str], truths: Sequence[str]) -> list[Source]:
    specs = _specs(files)
    if not specs:
        named = [Source(name=name, path=file) for name, file in zip(_names(files), files, strict=True)]
        id_of, truth_of = (
            _columns(texts, option, named) for texts, option in ((ids, "--id"), (truths, "--truth"))
        )
        for name, columns in id_of.items():
            if len(columns) > 1:
                raise InputError(f"--id: {name} has {sentence_list(columns)}; give one id column for a file.")
        return [
            one.model_copy(
                update={"id": next(iter(id_of[one.name]), None), "truth": tuple(truth_of[one.name])}
            )
            for one in named
        ]
    if ids or truths:
        raise InputError(
            f"{specs[0]}: --id and --truth are for files: write id and truth of the sources in it."
        )
    if len(files) > 1:
        raise InputError(f"{specs[0]}: a specification has its own sources: give it alone, or files alone.")
    spec = resolved(load_spec(specs[0]), specs[0].parent)
    if not spec.sources:
        raise InputError(f"{specs[0]}: there is no source: add [[sources]] with a name and a path.")
    return list(spec.sources)


def _columns(texts: Sequence[str], option: str, sources: Sequence[Source]) -> dict[str, list[str]]:
    """Columns by source: those given for one, or the ones of that name in each."""
    found: dict[str, list[str]] = {one.name: [] for one in sources}
    for text in texts:
        name, _, column = text.partition("=")
        asked = [one for one in sources if column and one.name == name]
        if not asked:
            asked, column = list(sources), text
        having = [one.name for one in asked if column in open_source(one).columns]
        if not having:
            where = ", ".join(one.shown for one in asked)
            raise InputError(
                f'{option} "{text}": there is no column "{column}" in {where}; correct its name.'
            )
        for own in having:
            found[own].append(column)
    return found


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
