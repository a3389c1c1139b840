"""The JSON Schema (draft 7) of a graph file, for editors that complete and explain its keys.

Save it and put this line on top of a graph file (yaml-language-server, VS Code's YAML extension):
`# yaml-language-server: $schema=graph.schema.json`. Checks that need more than one node
are left to `streamdet check`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from pydantic import BaseModel

from streamdet.config.files import shipped_names
from streamdet.errors import ConfigError
from streamdet.graph.draft import CHOSEN, NAME_SCHEMA, ROLES, GraphFile, NodeKeys
from streamdet.graph.source_items import CAMERA_NAME
from streamdet.registry import load, names

Schema = dict[str, Any]

_VARIABLE: Final[Schema] = {"type": "string", "pattern": r"\$\{"}
_URI: Final[Schema] = {
    "type": "string",
    "description": "File, folder, glob, rendered scene (synthetic:street?seed=3) or live source:"
    " rtsp://..., http://..., 0, file:PATH?live=1.",
}
_CAMERAS: Final = (
    "Live sources, each a process of its own, in place of uri: source id -> address, or its uri and"
    " options of its own; or the path of a YAML file with them, from the graph's folder."
)
_ONE_OF_THEM: Final = {"oneOf": [{"required": ["uri"]}, {"required": ["cameras"]}]}


def graph_schema() -> Schema:
    """Describe every key of a graph file, for all kinds and shipped models."""
    top = _inlined(GraphFile.model_json_schema())
    top["properties"]["nodes"] = {
        **_kept(top["properties"]["nodes"]),
        "type": "object",
        "minProperties": 1,
        "propertyNames": NAME_SCHEMA,
        "additionalProperties": {"$ref": "#/definitions/node"},
    }
    definitions = {kind: _kind_schema(role, kind) for role, kind in _kinds()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **top,
        "title": "streamdet graph",
        "definitions": {"node": _node_schema(), **definitions},
    }


def _kinds() -> list[tuple[str, str]]:
    return [
        (role, kind)
        for role in ROLES
        for kind in ([role] if role in CHOSEN else []) + _importable(role)
    ]


def _importable(role: str) -> list[str]:
    """The kinds of a role, without plugins that cannot be imported: their options are unknown."""
    kinds = []
    for kind in names(role):
        with suppress(ConfigError):
            load(role, kind)
            kinds.append(kind)
    return kinds


def _node_schema() -> Schema:
    kinds = [kind for _, kind in _kinds()]
    description = NodeKeys.model_fields["kind"].description
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": kinds, "description": description}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/definitions/{kind}"},
            }
            for kind in kinds
        ],
    }


def _kind_schema(role: str, kind: str) -> Schema:
    chosen = _importable(role) if kind == role else [kind]
    options = [_inlined(load(role, name).Options.model_json_schema()) for name in chosen]
    properties = _properties(NodeKeys) | _merged([schema["properties"] for schema in options])
    required = set.intersection(*(set(schema.get("required", ())) for schema in options))
    takes_cameras = kind in {"source", "live"}
    required |= {"kind"} | ({"reads"} if role != "source" else set() if takes_cameras else {"uri"})
    if role == "source":
        properties["uri"] = _URI
    if takes_cameras:
        properties["cameras"] = _cameras()
    if "model" in properties:
        properties["model"] = _model(properties["model"])
    if kind == "detector":
        required.add("model")  # by which its kind is chosen
    return {
        "type": "object",
        "properties": {name: _or_variable(schema) for name, schema in properties.items()},
        "required": sorted(required),
        **(_ONE_OF_THEM if takes_cameras else {}),
        "additionalProperties": False,
    }


def _cameras() -> Schema:
    options = _inlined(load("source", "live").Options.model_json_schema())["properties"]
    keys = {name: _or_variable(schema) for name, schema in {"uri": _URI, **options}.items()}
    camera = {
        "type": "object",
        "properties": keys,
        "required": ["uri"],
        "additionalProperties": False,
    }
    many = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": CAMERA_NAME,
        "additionalProperties": {"anyOf": [_URI, camera]},
    }
    return {"description": _CAMERAS, "anyOf": [many, {"type": "string"}]}


def _properties(model: type[BaseModel]) -> dict[str, Schema]:
    properties: dict[str, Schema] = _inlined(model.model_json_schema())["properties"]
    return properties


def _merged(many: list[dict[str, Schema]]) -> dict[str, Schema]:
    """Merge the options of several kinds: each allows what any kind allows."""
    merged: dict[str, Schema] = {}
    for properties in many:
        for name, schema in properties.items():
            known = merged.setdefault(name, schema)
            if schema != known:
                merged[name] = {"anyOf": [*known.get("anyOf", [known]), schema]}
    return merged


def _model(schema: Schema) -> Schema:
    path = {"type": "string", "pattern": r"\.ya?ml$"}
    return {**_kept(schema), "anyOf": [{"enum": shipped_names("configs/models")}, path]}


def _or_variable(schema: Schema) -> Schema:
    """Allow `${NAME}` in place of a value."""
    if schema.get("type") == "string" and not {"pattern", "enum", "const"} & schema.keys():
        return schema
    kept = _kept(schema)
    rest = {key: value for key, value in schema.items() if key not in kept}
    return {**kept, "anyOf": [*rest.pop("anyOf", [rest]), _VARIABLE]}


def _kept(schema: Schema) -> Schema:
    """Return the parts of a key's schema that an editor shows."""
    return {key: value for key, value in schema.items() if key in {"description", "default"}}


def _inlined(schema: Schema) -> Schema:
    """Replace references by their definitions, and write tuples as draft 7 does.

    A mapping whose names have a form is written as `propertyNames`.
    """
    definitions = schema.get("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            target = definitions[value["$ref"].rpartition("/")[2]]
            return inlined({**target, **{k: v for k, v in value.items() if k != "$ref"}})
        kept = {k: inlined(v) for k, v in value.items() if k not in {"$defs", "title", "format"}}
        if "properties" in value:
            kept["properties"] = {name: inlined(v) for name, v in value["properties"].items()}
        for pattern, named in kept.pop("patternProperties", {}).items():
            kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": named}
        if "prefixItems" in kept:
            kept["items"] = kept.pop("prefixItems")
        return kept

    result: Schema = inlined(schema)
    return result
