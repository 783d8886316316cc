"""The JSON Schema of a specification's TOML, for editors that check and complete."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tallystick._schema import Settings
from tallystick.comparisons.union import BUILDERS
from tallystick.spec.model import Spec
from tallystick.spec.toml import LINKAGE_KEYS

PARTS_OF_PASSES = {
    "BlockingKey": ("parts",),
    "MatchKey": ("parts",),
    "SortedNeighbourhood": ("sort_keys",),
    **dict.fromkeys(("Canopy", "QgramIndex", "MinHash"), ("parts", "within")),
}
"""Keys of passes, and of match keys, that hold parts, of which one may be the name of a field."""

_SECTION = re.compile(r"\n\n([A-Z]\w+)\n-+\n")


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what a TOML specification may hold.

    Returns
    -------
    dict
        Ready for ``json.dumps``; keys have the descriptions of the Python reference.

    Examples
    --------
    >>> schema = json_schema()
    >>> schema["properties"]["linkage"]["properties"]["seed"]["default"]
    1
    """
    schema = Spec.model_json_schema(schema_generator=_Generator)
    definitions = schema["$defs"]
    models = {model.__name__: model for model in _descendants(Settings)}
    for name, definition in [("Spec", schema), *definitions.items()]:
        if name in models:
            _describe(definition, models[name])
        properties = definition.get("properties", {})
        if "const" in properties.get("type", {}):
            definition["required"] = ["type", *definition.get("required", [])]
        for key, value in properties.items():
            properties[key] = _without_null(value)
    properties = schema["properties"]
    linkage: dict[str, Any] = {
        "type": "object",
        "title": "Linkage",
        "description": "The linkage as a whole.",
        "properties": {key: properties.pop(key) for key in LINKAGE_KEYS},
        "additionalProperties": False,
    }
    schema["properties"] = {"linkage": linkage, **properties}
    _allow_shorthands(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "tallystick specification",
    }


class _Generator(GenerateJsonSchema):
    """Pydantic's generator; what only Python can give (a function) matches nothing in TOML."""

    def callable_schema(self, schema: core_schema.CallableSchema) -> JsonSchemaValue:
        return {"not": {}}


def _without_null(value: dict[str, Any]) -> dict[str, Any]:
    """A key that may be left out: TOML has no null."""
    kinds = [kind for kind in value.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == len(value.get("anyOf", [])):
        return value
    rest = {
        key: inner for key, inner in value.items() if key != "anyOf" and (key, inner) != ("default", None)
    }
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}


def _descendants(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [one for child in model.__subclasses__() for one in (child, *_descendants(child))]


def _describe(definition: dict[str, Any], model: type[BaseModel]) -> None:
    """Take the descriptions from the docstrings of the model and, before it, of its builder."""
    text = inspect.cleandoc(model.__doc__ or "")
    definition["description"] = " ".join(_SECTION.split(text)[0].split())
    name = model.python_name() if issubclass(model, Settings) else ""
    builder = getattr(importlib.import_module(BUILDERS[name]), name) if name in BUILDERS else None
    described = {**_documented(inspect.getdoc(builder) or ""), **_documented(text)}
    for key, value in definition.get("properties", {}).items():
        if key in described:
            value["description"] = described[key]


def _documented(text: str) -> dict[str, str]:
    """Descriptions by name, of the parameters or attributes of a numpydoc docstring."""
    sections = _SECTION.split(text)
    described = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        if title in ("Attributes", "Parameters"):
            for names, description in re.findall(
                r"^(\S.*?) : .*\n((?:[ ]+.*(?:\n|$)|\n)+)", body + "\n", re.M
            ):
                words = " ".join(description.replace("`", "").split())
                described.update(dict.fromkeys(names.replace("*", "").split(", "), words))
    return described


def _allow_shorthands(definitions: dict[str, Any]) -> None:
    """Add the short forms that validators accept and pydantic's schema does not know."""
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    for name in ("Comparison", "Agrees"):
        definition = definitions[name]
        sides = {
            side: {
                "anyOf": [{"type": "string"}, texts],
                "title": side.title(),
                "description": f"The fields of the {side} record.",
            }
            for side in ("left", "right")
        }
        definition["properties"] = {
            "field": {
                "type": "string",
                "title": "Field",
                "description": "The field, the same on both sides.",
            },
            "fields": {**texts, "title": "Fields", "description": "The fields, the same on both sides."},
            **definition["properties"],
            **sides,
        }
        definition["required"] = ["comparator"]
    steps = definitions["PreparedField"]["properties"]["steps"]
    steps["items"] = {"anyOf": [{"type": "string"}, steps["items"]]}
    for name, keys in PARTS_OF_PASSES.items():
        for key in keys:
            parts = definitions[name]["properties"][key]
            if key == "sort_keys":
                parts["items"] = {"anyOf": [{"type": "string"}, _or_names(parts["items"])]}
            else:
                _or_names(parts)


def _or_names(parts: dict[str, Any]) -> dict[str, Any]:
    parts["type"] = ["array", "string"]  # what is said of items holds for a list only
    parts["items"] = {"anyOf": [{"type": "string"}, parts["items"]]}
    return parts
