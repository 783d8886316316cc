"""Translation of pydantic's findings into problems in plain sentences."""

from __future__ import annotations

import re
import types
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from tallystick._problems import KeyPath, Problem, misspelt, nearest, one_of, shown, unknown_key


def problems_of(error: ValidationError, root: type[BaseModel]) -> list[Problem]:
    """Translate what pydantic found.

    Parameters
    ----------
    error : pydantic.ValidationError
    root : model
        The model whose validation failed.

    Returns
    -------
    list of Problem
        In the order of the specification's fields.
    """
    traced = [_trace(detail, root) for detail in error.errors(include_url=False)]
    kept = [finding for finding in _without_other_branches(traced) if not _follows(finding, traced)]
    return [Problem(finding.path, _text(finding)) for finding in kept]


@dataclass(frozen=True)
class _Finding:
    """One of pydantic's errors, with its place in the specification."""

    detail: ErrorDetails
    path: KeyPath
    owner: Any  # annotation of what holds the last key
    expected: Any  # annotation of the place itself
    branch: tuple[KeyPath, str] | None  # the first plain union passed: where, and which member


def _trace(detail: ErrorDetails, root: type[BaseModel]) -> _Finding:
    """Follow pydantic's location through the types, dropping what is no key (tags, union members)."""
    path: list[str | int] = []
    owner: Any = None
    current: Any = root
    branch = None
    for element in detail["loc"]:
        if element == "[key]":  # the key before it is wrong, not what stands below it
            current = get_args(_unwrapped(owner))[0]
            continue
        current = _unwrapped(current)
        members = _members(current)
        if members and isinstance(element, str):
            tagged = [member for member in members if element in _tags(member)]
            tagged = tagged or _by_tag(current, element)
            if tagged:
                current = tagged[0]
            else:
                branch = branch or (tuple(path), element)
                current = next((member for member in members if _label_fits(member, element)), None)
            continue
        owner = current
        current = _inner(current, element)
        path.append(element)
    if detail["type"] == "union_tag_invalid":
        path.append("type")
    return _Finding(detail, tuple(path), owner, current, branch)


def _unwrapped(annotation: Any) -> Any:
    """The type without its annotations, alias names and ``None``."""
    while True:
        if hasattr(annotation, "__value__"):  # an alias made by a type statement
            annotation = annotation.__value__
        elif get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member is not type(None)]
            if len(members) != 1:
                return annotation
            annotation = members[0]
        else:
            return annotation


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return []
    flat: list[Any] = []
    for member in get_args(annotation):
        if member is type(None):
            continue
        inner = _unwrapped(member)
        flat += _members(inner) or [inner]
    return flat


def _by_tag(union: Any, tag: str) -> list[Any]:
    """The member that a function chooses by a tag which is no key."""
    return [
        _unwrapped(member)
        for member in get_args(union)
        if get_origin(member) is Annotated
        and any(isinstance(one, Tag) and one.tag == tag for one in get_args(member))
    ]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _tags(member: Any) -> tuple[str, ...]:
    """Values of the key ``type`` that choose this member of a union."""
    if _is_model(member) and (field := member.model_fields.get("type")):
        return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return ()


def _label_fits(member: Any, label: str) -> bool:
    """Whether pydantic's name of a union member (``str``, ``tuple[float, ...]``, ``KeyPart``) means it."""
    name = getattr(get_origin(member) or member, "__name__", str(member))
    return re.search(rf"\b{re.escape(name)}\b", label) is not None


def _inner(annotation: Any, element: str | int) -> Any:
    """The type of what stands below a key or a position."""
    if _is_model(annotation):
        field = _fields(annotation).get(str(element))
        return field.annotation if field else None
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    if origin in (tuple, list, set, frozenset) and arguments and isinstance(element, int):
        if origin is tuple and Ellipsis not in arguments:
            return arguments[element] if element < len(arguments) else None
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return arguments[1]
    return None


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _keys(finding: _Finding) -> list[str]:
    """The keys that are valid where a key was found or missed."""
    if not _is_model(finding.owner):
        return []
    extra: tuple[str, ...] = getattr(finding.owner, "shorthands", ())
    return [*_fields(finding.owner), *extra]


def _without_other_branches(findings: list[_Finding]) -> list[_Finding]:
    """Of a union, only the complaints of the member that the user meant."""
    branches: dict[KeyPath, dict[str, list[_Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in findings:
        if finding.branch:
            where, label = finding.branch
            branches[where][label].append(finding)
    kept: list[_Finding] = []
    done: set[KeyPath] = set()
    for finding in findings:
        if finding.branch is None:
            kept.append(finding)
            continue
        where = finding.branch[0]
        if where in done:
            continue
        done.add(where)
        every = list(branches[where].values())
        deep = [members for members in every if not any(_wrong_kind(one, where) for one in members)]
        shortest: list[_Finding] = min(deep, key=len, default=[])
        kept += shortest or [_merged([members[0] for members in every])]
    return kept


def _wrong_kind(finding: _Finding, where: KeyPath) -> bool:
    kind, value = finding.detail["type"], finding.detail["input"]
    if kind == "literal_error" and isinstance(value, Mapping):  # a table was meant, not one of some words
        return finding.path == where
    return finding.path == where and kind in _KINDS


def _merged(findings: list[_Finding]) -> _Finding:
    """One finding for a value that is of none of a union's kinds."""
    expected = " or ".join(dict.fromkeys(_KINDS[one.detail["type"]] for one in findings))
    first = findings[0]
    detail = ErrorDetails(type="merged", loc=first.detail["loc"], msg=expected, input=first.detail["input"])
    return _Finding(detail, first.path, first.owner, first.expected, first.branch)


def _follows(finding: _Finding, findings: list[_Finding]) -> bool:
    """Whether a finding only follows from another, which is told."""
    kind, path = finding.detail["type"], finding.path
    if kind == "missing":  # the key is there under a misspelt name
        return any(
            other.detail["type"] == "extra_forbidden"
            and other.path[:-1] == path[:-1]
            and nearest(other.path[-1], _keys(other)) == path[-1]
            for other in findings
        )
    # A list is too short for pydantic where it left out items that are not valid.
    return kind == "too_short" and any(
        len(other.path) > len(path) and other.path[: len(path)] == path for other in findings
    )


_KINDS = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a table of keys",
    "mapping_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
    "callable_type": "a Python function",
    "none_required": "nothing",
    "path_type": "a path",
}

_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "of at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "of at most {le}",
}


def _text(finding: _Finding) -> str:
    """What was found and what was expected."""
    detail = finding.detail
    kind = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    found = shown(detail["input"])
    if kind in ("problem", "merged"):
        return context["text"] if kind == "problem" else f"found {found}, expected {detail['msg']}"
    if kind in ("value_error", "assertion_error"):
        return str(context["error"])
    if kind == "extra_forbidden":
        return unknown_key(finding.path[-1], _keys(finding))
    if kind in ("missing", "too_short") and (hint := _hint(finding)):
        return f"found {'nothing' if kind == 'missing' else 'no items'}, expected {hint}"
    if kind == "missing":
        shorthands: tuple[str, ...] = getattr(finding.owner, "shorthands", ())
        instead = (
            f", or instead {one_of(shorthands)}" if shorthands and "tuple" in str(finding.expected) else ""
        )
        return f"found nothing, expected {_described(finding.expected)}{instead}"
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", context["expected"])
        whole = _inner(finding.owner, finding.path[-1]) if finding.path else None
        also = "true or false or " if bool in _members(_unwrapped(whole)) else ""
        return misspelt(detail["input"], words, also and also + one_of(words))
    if kind == "union_tag_invalid":
        return misspelt(context["tag"], re.findall(r"'([^']*)'", context["expected_tags"]))
    if kind == "union_tag_not_found":
        tags = [tag for member in _members(_unwrapped(finding.expected)) for tag in _tags(member)]
        return 'found no "type", expected ' + one_of(tags)
    if kind in _KINDS:
        return f"found {found}, expected {_KINDS[kind]}"
    if kind in _BOUNDS:
        return f"found {found}, expected a number {_BOUNDS[kind].format(**context)}"
    if kind in ("too_short", "too_long"):
        few = kind == "too_short"
        bound = context["min_length" if few else "max_length"]
        number = context["actual_length"]
        items = f"{number or 'no'} item{'s' * (number != 1)}"
        return f"found {items}, expected at {'least' if few else 'most'} {bound}"
    if kind in ("string_too_short", "string_too_long"):
        few = kind == "string_too_short"
        bound = context["min_length" if few else "max_length"]
        length = f"{bound} character{'s' * (bound != 1)}"
        return f"found {found}, expected text of at {'least' if few else 'most'} {length}"
    if kind == "string_pattern_mismatch":
        return f"found {found}, expected text of the form {context['pattern']}"
    return f"found {found}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _hint(finding: _Finding) -> str | None:
    """What a model says of a key that is needed and is not there."""
    if finding.detail["type"] == "too_short" and finding.detail["ctx"]["actual_length"]:
        return None
    hints: dict[str, str] = getattr(finding.owner, "hints", {})
    return hints.get(str(finding.path[-1])) if finding.path else None


def _described(annotation: Any) -> str:
    """What a missing key should hold."""
    annotation = _unwrapped(annotation)
    members = _members(annotation)
    if members:
        tags = [tag for member in members for tag in _tags(member)]
        if tags:
            return f'a table of keys with "type" {one_of(tags)}'
        return " or ".join(dict.fromkeys(_described(member) for member in members))
    if get_origin(annotation) is Literal:
        return one_of([str(value) for value in get_args(annotation)])
    if _is_model(annotation):
        return "a table of keys"
    kinds = {
        str: "text", int: "a whole number", float: "a number", bool: "true or false",
        tuple: "a list", list: "a list", dict: "a table of keys",
    }  # fmt: skip
    return kinds.get(get_origin(annotation) or annotation, "a value")
