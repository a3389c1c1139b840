"""The schema of published messages: it takes what is published, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from streamdet.cli import main
from streamdet.formats.frame_json import native_json
from streamdet.formats.message_schema import check_message
from tests.sinks.frames import message


def published() -> dict[str, Any]:
    body: dict[str, Any] = json.loads(native_json(message(count=1), "run-1", ["person"]))
    return body


def test_what_is_published_is_of_the_schema() -> None:
    frame = check_message(json.dumps(published()))
    assert frame.frame_id == published()["frame_id"]
    assert list(frame.objects[0].bbox) == published()["objects"][0]["bbox"]


@pytest.mark.parametrize("key", ["schema", "run", "source_id", "frame_id", "pts_ns", "objects"])
def test_a_message_without_a_key_is_not_of_the_schema(key: str) -> None:
    body = published()
    del body[key]
    with pytest.raises(ValidationError, match=key):
        check_message(json.dumps(body))


@pytest.mark.parametrize(
    ("key", "value"), [("bbox", [1, 2, 3]), ("id", "7"), ("confidence", 1.5), ("colour", "red")]
)
def test_a_wrong_object_is_not_of_the_schema(key: str, value: object) -> None:
    body = published()
    body["objects"][0][key] = value
    with pytest.raises(ValidationError, match=key):
        check_message(json.dumps(body))


def test_the_command_prints_the_schema_of_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "message"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(published()) <= set(schema["properties"])
    assert schema["properties"]["schema"]["const"] == "streamdet/1"
