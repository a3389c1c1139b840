from __future__ import annotations

from typing import Any

import pytest

from streamdet.config.files import shipped_names
from streamdet.graph.draft import CHOSEN, ROLES
from streamdet.graph.schema import graph_schema
from streamdet.registry import KINDS, load

KINDS_OF_NODES = [(role, kind) for role in ROLES for kind in KINDS[role]]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return graph_schema()


def test_every_kind_can_be_completed(schema: dict[str, Any]) -> None:
    kinds = schema["definitions"]["node"]["properties"]["kind"]["enum"]
    assert set(kinds) == {*CHOSEN, *(kind for _, kind in KINDS_OF_NODES)}
    branches = schema["definitions"]["node"]["allOf"]
    assert [branch["then"]["$ref"] for branch in branches] == [f"#/definitions/{k}" for k in kinds]


@pytest.mark.parametrize(("role", "kind"), KINDS_OF_NODES)
def test_every_option_of_a_kind_is_described(role: str, kind: str, schema: dict[str, Any]) -> None:
    described = schema["definitions"][kind]
    options = set(load(role, kind).Options.model_fields)
    assert options | {"kind", "reads", "process", "replicas", "batch"} <= set(
        described["properties"]
    )
    assert all(key["description"] for key in described["properties"].values())
    assert described["additionalProperties"] is False


@pytest.mark.parametrize(
    ("kind", "required"),
    [
        ("source", ["kind"]),
        ("file", ["kind", "uri"]),
        ("transform", ["kind", "reads"]),
        ("detector", ["kind", "model", "reads"]),
        ("byte_track", ["kind", "reads"]),
        ("jsonl", ["kind", "path", "reads"]),
    ],
)
def test_what_a_kind_must_state_is_required(
    kind: str, required: list[str], schema: dict[str, Any]
) -> None:
    assert schema["definitions"][kind]["required"] == required


@pytest.mark.parametrize("kind", ["source", "live"])
def test_a_source_states_a_uri_or_cameras(kind: str, schema: dict[str, Any]) -> None:
    described = schema["definitions"][kind]
    assert described["oneOf"] == [{"required": ["uri"]}, {"required": ["cameras"]}]
    many, path, _ = described["properties"]["cameras"]["anyOf"]
    address, camera = many["additionalProperties"]["anyOf"]
    assert address["type"] == path["type"] == "string"
    assert {"uri", "fps", "max_in_flight", "transport"} <= set(camera["properties"])
    assert camera["required"] == ["uri"]
    assert "cameras" not in schema["definitions"]["file"]["properties"]


def test_a_chosen_kind_allows_what_any_of_its_kinds_allows(schema: dict[str, Any]) -> None:
    keys = set(schema["definitions"]["transform"]["properties"])
    assert {"pad", "anchor", "shortest_edge", "resample"} <= keys


def test_shipped_models_can_be_completed(schema: dict[str, Any]) -> None:
    choices = schema["definitions"]["detector"]["properties"]["model"]["anyOf"]
    assert {"enum": shipped_names("configs/models")} in choices


def test_a_variable_may_stand_for_any_value(schema: dict[str, Any]) -> None:
    batch = schema["definitions"]["sort"]["properties"]["batch"]
    assert {"type": "string", "pattern": r"\$\{"} in batch["anyOf"]


def test_the_schema_is_whole(schema: dict[str, Any]) -> None:
    text = repr(schema)
    assert "$defs" not in text
    assert "prefixItems" not in text
    assert "patternProperties" not in text  # it would take names away from additionalProperties
    assert schema["properties"]["version"]["const"] == 1
    assert schema["required"] == ["version", "nodes"]
