"""Events as other programs read them."""

import json

from streamdet.formats.event_json import CameraEvent, camera_event, event_schema

CAMERA = {"state": "lost", "reason": "the stream ended", "since_ns": 1_700_000_000_123_456_789}


def test_a_camera_event_says_what_changed_and_when() -> None:
    event = json.loads(camera_event("run-1", "door", CAMERA, 250))
    assert event == {
        "schema": "streamdet-event/1",
        "event": "camera",
        "run": "run-1",
        "source_id": "door",
        "state": "lost",
        "reason": "the stream ended",
        "frame_id": 250,
        "at": "2023-11-14T22:13:20.123456Z",
    }


def test_an_event_is_what_the_schema_says() -> None:
    CameraEvent.model_validate_json(camera_event("run-1", "door", CAMERA, 250))
    known = event_schema()["$defs"]["CameraEvent"]["properties"]
    assert set(known) == set(json.loads(camera_event("r", "d", CAMERA, 0)))
