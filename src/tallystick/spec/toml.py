"""Specifications as TOML, read and written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args

import tomlkit
from pydantic import BaseModel, ValidationError

from tallystick._problems import KeyPath, Problem, shown, unknown_key, written_path
from tallystick._schema import translated_outside
from tallystick._translation import problems_of
from tallystick.blocking.passes import KeyPart, PairTable
from tallystick.comparisons.comparison import Comparison
from tallystick.comparisons.conditions import Levels
from tallystick.comparisons.fields import FieldPair
from tallystick.errors import SpecError
from tallystick.linking.decision import Decision
from tallystick.preparation.source import Source, mask_password
from tallystick.spec.model import Spec
from tallystick.spec.paths import path_problems
from tallystick.spec.toml_text import read_toml_text, refuse, toml_data

LINKAGE_KEYS = ("name", "kind", "mode", "seed", "most_pairs")
"""Keys of `Spec` that stand in the table ``[linkage]``."""


def load_spec(path: str | Path) -> Spec:
    """Read a specification from a TOML file.

    Paths in it stay as they are written; `tallystick.spec.resolved` makes them ready for reading.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Spec

    Raises
    ------
    SpecError
        If the file is absent, is not TOML, or does not describe a linkage; one sentence a problem.
    """
    return parse_spec(read_toml_text(path), str(path))


def parse_spec(text: str, name: str = "specification") -> Spec:
    """Read a specification from TOML text.

    Parameters
    ----------
    text : str
    name : str
        What messages call the text: the name of its file.

    Returns
    -------
    Spec

    Raises
    ------
    SpecError
        If the text is not TOML or does not describe a linkage; one sentence a problem.

    Examples
    --------
    >>> spec = parse_spec('''
    ... [[comparisons]]
    ... field = "surname"
    ... comparator = { type = "exact" }
    ...
    ... [[passes]]
    ... type = "all_pairs"
    ... ''')
    >>> spec.comparisons[0].name
    'surname'
    """
    data, found = _lifted(toml_data(text, name))
    spec = None
    try:
        with translated_outside():
            spec = Spec.model_validate(data)
    except ValidationError as error:
        found += [Problem(_in_toml(one.path), one.text) for one in problems_of(error, Spec)]
    if spec is not None:
        found += path_problems(spec)
    if found or spec is None:
        refuse(text, name, found)
    return spec


def dump_spec(spec: Spec) -> str:
    """Write a specification as TOML text: what differs from the defaults, and no more.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    str
        Text that `parse_spec` reads back to an equal specification.

    Raises
    ------
    SpecError
        If the specification holds what TOML cannot: a Python function, for example.

    Examples
    --------
    >>> spec = Spec(
    ...     comparisons=[{"field": "surname", "comparator": {"type": "exact"}}],
    ...     passes=[{"type": "blocking_key", "parts": ["postcode"]}],
    ...     seed=7,
    ... )
    >>> print(dump_spec(spec))
    [linkage]
    seed = 7
    <BLANKLINE>
    [[comparisons]]
    field = "surname"
    comparator = { type = "exact" }
    <BLANKLINE>
    [[passes]]
    type = "blocking_key"
    parts = ["postcode"]
    <BLANKLINE>
    """
    data = _table(spec, ())
    blocks = []
    if linkage := {key: data.pop(key) for key in LINKAGE_KEYS if key in data}:
        blocks.append(_block("[linkage]", linkage))
    for key, value in data.items():
        if key == "fields":
            blocks += [_block(f"[fields.{key_text(name)}]", settings) for name, settings in value.items()]
        elif key == "prepare":
            blocks += _prepare_blocks(value)
        elif isinstance(value, list):
            blocks += [_block(f"[[{key}]]", table) for table in value]
        else:
            blocks.append(_block(f"[{key}]", value))
    return "\n".join(blocks)


def plain(spec: Spec) -> dict[str, Any]:
    """A specification as plain values for the record of a run, without what is default.

    Its keys are those of the TOML text, but for ``[linkage]``, whose keys stand at the top. A
    table in memory is left out, and so is the password of a database.

    Parameters
    ----------
    spec : Spec

    Returns
    -------
    dict
        Without sources, ``Spec.model_validate`` makes it an equal specification.

    Raises
    ------
    SpecError
        If a value has no plain form.
    """
    estimation = spec.estimation
    if (table := estimation.reference) is not None:
        kept = None if table.uri is None and table.path is None else _hidden(table)
        estimation = estimation.model_copy(update={"reference": kept})
    sources = tuple(map(_hidden, spec.sources))
    passes = tuple(
        one.model_copy(update={"uri": mask_password(one.uri)})
        if isinstance(one, PairTable) and one.uri is not None
        else one
        for one in spec.passes
    )
    hidden = {"sources": sources, "passes": passes, "estimation": estimation}
    return _table(spec.model_copy(update=hidden), ())


def _hidden(source: Source) -> Source:
    """The source without a table in memory and without a password."""
    in_memory = source.uri is None and source.path is None
    hidden = {"table": None} if in_memory else {"uri": source.uri and mask_password(source.uri)}
    return source.model_copy(update=hidden)


def _lifted(data: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Move the keys of ``[linkage]`` up to where the model has them."""
    found = [
        Problem((key,), "found at the top, expected in the table [linkage]")
        for key in LINKAGE_KEYS
        if key in data
    ]
    linkage = data.get("linkage", {})
    rest = {key: value for key, value in data.items() if key not in (*LINKAGE_KEYS, "linkage")}
    if not isinstance(linkage, dict):
        found.append(Problem(("linkage",), f"found {shown(linkage)}, expected a table of keys"))
        return rest, found
    found += [
        Problem(("linkage", key), unknown_key(key, LINKAGE_KEYS))
        for key in linkage
        if key not in LINKAGE_KEYS
    ]
    return {**rest, **{key: linkage[key] for key in LINKAGE_KEYS if key in linkage}}, found


def _in_toml(path: KeyPath) -> KeyPath:
    return ("linkage", *path) if path and path[0] in LINKAGE_KEYS else path


def _table(model: BaseModel, path: KeyPath) -> dict[str, Any]:
    """The fields of a model that differ from their defaults; ``type``, which chooses a model, always."""
    table: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        default = field.get_default(call_default_factory=True)
        chooses = name == "type" and len(get_args(field.annotation)) == 1
        # A table in memory does not compare to a single true or false, so its type is asked first.
        if chooses or field.is_required() or type(value) is not type(default) or value != default:
            table[name] = plain_value(value, (*path, name))
    return table


def plain_value(value: Any, path: KeyPath = ()) -> Any:
    """A part of a specification as plain values, without what is default.

    Parameters
    ----------
    value : Settings, or a value of one
    path : tuple, optional
        Where it stands, for the error.

    Returns
    -------
    dict, list, str, bool, int or float

    Raises
    ------
    SpecError
        If a value has no plain form.
    """
    if isinstance(value, FieldPair):
        return _pair(value, path)
    if isinstance(value, KeyPart) and value == type(value)(field=value.field):
        return value.field
    if isinstance(value, Decision) and value.one_to_one:  # in short form, which says what links would
        return {key: inner for key, inner in _table(value, path).items() if key != "links"}
    if isinstance(value, BaseModel):
        return _table(value, path)
    if isinstance(value, Mapping):
        return {str(key): plain_value(inner, (*path, str(key))) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(inner, (*path, number)) for number, inner in enumerate(value)]
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (str, bool, int, float)):
        return value
    raise SpecError(f"{written_path(path)}: found {shown(value)}, which TOML cannot hold")


def _pair(pair: FieldPair, path: KeyPath) -> dict[str, Any]:
    """Fields and comparator in short form: what is the same on both sides once, nothing that follows."""
    table = _table(pair, path)
    left, right = table.pop("left", []), table.pop("right", [])
    fields: dict[str, Any] = {}
    if not isinstance(pair, Comparison) or not isinstance(pair.comparator, Levels):
        if left != right:
            fields = {"left": left, "right": right}
        else:
            fields = {"field": left[0]} if len(left) == 1 else {"fields": left}
    if isinstance(pair, Comparison):
        name = table.pop("name")
        if name != Comparison.model_validate({**fields, "comparator": pair.comparator}).name:
            fields = {"name": name, **fields}
    return {**fields, **table}


def _prepare_blocks(prepare: dict[str, Any]) -> list[str]:
    """The tables of a preparation, each list of tables as such."""
    blocks = []
    for key, value in prepare.items():
        if isinstance(value, list):
            blocks += [_block(f"[[prepare.{key}]]", table) for table in value]
        else:
            blocks.append(_block(f"[prepare.{key}]", value))
    return blocks or [_block("[prepare]", {})]


def _block(header: str, table: dict[str, Any]) -> str:
    lines = [f"{key_text(key)} = {inline(value)}" for key, value in table.items()]
    return "\n".join([header, *lines]) + "\n"


def inline(value: Any) -> str:
    """A value as TOML writes it on one line.

    Parameters
    ----------
    value : str, bool, int, float, list or dict

    Returns
    -------
    str

    Examples
    --------
    >>> inline({"type": "levenshtein", "max_distances": [1]})
    '{ type = "levenshtein", max_distances = [1] }'
    """
    if value == {}:
        return "{}"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key_text(key)} = {inline(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return str(tomlkit.item(value).as_string())


def key_text(name: str) -> str:
    """A key as TOML writes it.

    Examples
    --------
    >>> key_text("given name")
    '"given name"'
    """
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else tomlkit.item(name).as_string()
