"""The specification of a linkage: its schema, its checks, and its TOML form."""

from tallystick.spec.json_schema import json_schema
from tallystick.spec.model import Spec
from tallystick.spec.paths import resolved
from tallystick.spec.toml import dump_spec, load_spec, parse_spec, plain

__all__ = ["Spec", "dump_spec", "json_schema", "load_spec", "parse_spec", "plain", "resolved"]
