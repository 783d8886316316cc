"""Paths of a specification: environment variables and folders.

A specification keeps a path as it was written, so that it can be written back; only when its
files are about to be read are variables replaced and relative paths joined to a folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tallystick._problems import KeyPath, Problem, sentences, written_path
from tallystick.blocking.passes import PairTable
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.dictionaries import dictionary_files, with_dictionary_files
from tallystick.errors import SpecError
from tallystick.preparation.nicknames import is_culture
from tallystick.preparation.settings import Preparation
from tallystick.preparation.source import Source
from tallystick.spec.model import Spec

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expand(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}`` by the values of environment variables.

    As in a shell, the default counts where the variable is not set or empty.

    Parameters
    ----------
    text : str
    environment : mapping of str to str, optional
        By default the variables of the process.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        With the name of a variable that is not set and has no default.

    Examples
    --------
    >>> expand("${DATA:-data}/a.csv", {})
    'data/a.csv'
    >>> expand("${DATA:-data}/a.csv", {"DATA": "/mnt"})
    '/mnt/a.csv'
    """
    variables = os.environ if environment is None else environment

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if default is not None:
            return variables.get(name) or default
        return variables[name]

    return _VARIABLE.sub(value, text)


def path_problems(spec: Spec) -> list[Problem]:
    """Variables in the paths of a specification that are not set and have no default."""
    problems = []
    for path, text in _written(spec):
        try:
            expand(text)
        except KeyError as error:
            name = error.args[0]
            problems.append(
                Problem(
                    path,
                    f"found the environment variable {name}, which is not set; expected it to be set, "
                    f"or a default as in ${{{name}:-folder}}",
                )
            )
    return problems


def resolved(spec: Spec, folder: str | Path = ".") -> Spec:
    """The specification with its variables replaced and its relative paths joined to a folder.

    Parameters
    ----------
    spec : Spec
    folder : str or Path
        What relative paths are relative to: the folder of the specification's file, or the
        current one for a specification made in Python.

    Returns
    -------
    Spec
        Ready to be read; it differs from `spec` only in its paths.

    Raises
    ------
    SpecError
        If a variable is not set and has no default, or gives what is no URI of a database.

    Examples
    --------
    >>> from tallystick.spec import Spec, resolved
    >>> spec = Spec(
    ...     comparisons=[{"field": "surname", "comparator": {"type": "exact"}}],
    ...     passes=[{"type": "pair_table", "path": "pairs.csv"}],
    ... )
    >>> resolved(spec, "/data").passes[0].path
    '/data/pairs.csv'
    """
    if problems := path_problems(spec):
        raise SpecError(sentences(problems, written_path))

    def joined(text: str | Path) -> str:
        return str(Path(folder) / Path(expand(str(text))).expanduser())

    def source_of(source: Source) -> Source:
        if source.path is not None:
            return source.model_copy(update={"path": Path(joined(source.path))})
        if source.uri is not None:
            return Source(**{**dict(source), "uri": expand(source.uri)})  # what it is, is known only now
        return source

    sources = tuple(map(source_of, spec.sources))
    passes = tuple(_with_place(one, joined) if one.type == "pair_table" else one for one in spec.passes)
    estimation = spec.estimation
    if estimation.previous is not None:
        previous = estimation.previous.model_copy(update={"model": joined(estimation.previous.model)})
        estimation = estimation.model_copy(update={"previous": previous})
    if estimation.reference is not None:
        estimation = estimation.model_copy(update={"reference": source_of(estimation.reference)})
    if estimation.labels is not None:
        estimation = estimation.model_copy(update={"labels": joined(estimation.labels)})
    comparisons = tuple(_with_path(one, joined) for one in spec.comparisons)
    changed: dict[str, object] = {
        "sources": sources,
        "passes": passes,
        "comparisons": comparisons,
        "estimation": estimation,
    }
    if spec.match is not None and spec.match.nicknames is not None:
        nicknames = spec.match.nicknames if is_culture(spec.match.nicknames) else joined(spec.match.nicknames)
        changed["match"] = spec.match.model_copy(update={"nicknames": nicknames})
    if spec.prepare is not None:
        changed["prepare"] = _with_files(spec.prepare, joined)
    return spec.model_copy(update=changed)


def _with_files(prepare: Preparation, joined: Callable[[str | Path], str]) -> Preparation:
    """The preparation with the files that its steps need made ready."""
    fields = []
    for one in prepare.fields:
        steps = [
            # A run keeps its specification: its files are to be found from wherever that is used.
            step.model_copy(
                update={key: str(Path(joined(path)).absolute()) for key, path in step.files().items()}
            )
            for step in one.steps
        ]
        fields.append(one.model_copy(update={"steps": tuple(steps)}))
    return prepare.model_copy(update={"fields": tuple(fields)})


def _with_place(one: PairTable, joined: Callable[[str | Path], str]) -> PairTable:
    """A table of pairs whose path, or database, is ready to be read."""
    if one.path is not None:
        return one.model_copy(update={"path": joined(one.path)})
    return one.model_copy(update={"uri": expand(one.uri or "")})


def _with_path(comparison: Comparison, joined: Callable[[str | Path], str]) -> Comparison:
    """A comparison with the paths of its table of frequencies and its dictionaries, if any, made ready."""
    comparator = with_dictionary_files(comparison.comparator, joined)
    if comparator is not comparison.comparator:
        comparison = comparison.model_copy(update={"comparator": comparator})
    known = comparison.value_frequencies
    if known is None or known.path is None:
        return comparison
    frequencies = known.model_copy(update={"path": joined(known.path)})
    return comparison.model_copy(update={"frequencies": frequencies})


def _written(spec: Spec) -> list[tuple[KeyPath, str]]:
    """Every path and URI of a specification, with where it stands."""
    places: list[tuple[KeyPath, str | Path | None]] = []
    for number, source in enumerate(spec.sources):
        places.append((("sources", number, "path"), source.path))
        places.append((("sources", number, "uri"), source.uri))
    if spec.estimation.previous is not None:
        places.append((("estimation", "previous", "model"), spec.estimation.previous.model))
    if spec.estimation.reference is not None:
        places.append((("estimation", "reference", "path"), spec.estimation.reference.path))
        places.append((("estimation", "reference", "uri"), spec.estimation.reference.uri))
    for number, one in enumerate(spec.passes):
        if one.type == "pair_table":
            places.append((("passes", number, "path"), one.path))
            places.append((("passes", number, "uri"), one.uri))
    places.append((("estimation", "labels"), spec.estimation.labels))
    for number, comparison in enumerate(spec.comparisons):
        if (known := comparison.value_frequencies) is not None:
            places.append((("comparisons", number, "frequencies", "path"), known.path))
        for path in dictionary_files(comparison.comparator):
            places.append((("comparisons", number, "comparator", "nicknames"), path))
    if spec.prepare is not None:
        for number, one_field in enumerate(spec.prepare.fields):
            for place, step in enumerate(one_field.steps):
                for key, path in step.files().items():
                    places.append((("prepare", "fields", number, "steps", place, key), path))
    if spec.match is not None:
        places.append((("match", "nicknames"), spec.match.nicknames))
    return [(path, str(text)) for path, text in places if text is not None]
