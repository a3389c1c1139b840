"""Events as other programs read them."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from streamdet.events import Event
from streamdet.formats.event_json import (
    CameraEvent,
    SceneEvent,
    camera_event,
    check_event,
    event_line,
    event_schema,
    scene_event,
)
from tests.sinks.frames import message

CAMERA = {"state": "lost", "reason": "the stream ended", "since_ns": 1_700_000_000_123_456_789}


def test_a_camera_event_says_what_changed_and_when() -> None:
    event = json.loads(camera_event("run-1", "door", CAMERA, 250))
    assert event | {"id": "ID"} == {
        "schema": "streamdet-event/1",
        "event": "camera",
        "id": "ID",
        "run": "run-1",
        "source_id": "door",
        "state": "lost",
        "reason": "the stream ended",
        "frame_id": 250,
        "at": "2023-11-14T22:13:20.123456Z",
    }


def test_an_object_s_event_says_all_that_is_known_of_it() -> None:
    counts = {"inside": 1, "entered": 4, "exited": 3}
    box = (1.004, 2, 30, 40)
    event = Event("zone_exit", "yard", 7, 0, box, counts, {"dwell_s": 2.5}, node="zones")
    body = scene_event(event, message("door", 3), "run-1", ("person",))
    assert body | {"id": "ID"} == {
        "schema": "streamdet-event/1",
        "event": "zone_exit",
        "id": "ID",
        "run": "run-1",
        "source_id": "door",
        "frame_id": 3,
        "pts_ns": 300_000_000,
        "at": body["at"],
        "node": "zones",
        "zone": "yard",
        "track": 7,
        "class_id": 0,
        "label": "person",
        "bbox": [1.0, 2.0, 30.0, 40.0],
        "counts": counts,
        "dwell_s": 2.5,
    }


def test_a_zone_says_who_is_inside_by_class() -> None:
    event = Event("zone_enter", "yard", 7, 0, more={"inside": [(0, 2), (1, 1)]})
    body = scene_event(event, message(), "run-1", ("person", "car"))
    assert body["inside"] == {"person": 2, "car": 1}
    assert check_event(json.dumps(body))


def test_what_does_not_apply_is_left_out() -> None:
    body = scene_event(Event("zone_crowded", "yard"), message(), "run-1", ())
    assert not {"track", "class_id", "label", "bbox", "counts", "line", "dwell_s"} & body.keys()


def line(event: Event, index: int = 3, run: str = "run-1") -> bytes:
    return event_line(event, message("door", index), run, ("person",))


def test_an_id_is_the_same_when_it_is_written_again_and_otherwise_never() -> None:
    enter = Event("zone_enter", "yard", 7, node="zones")
    others = [
        line(enter, index=4),
        line(enter, run="run-2"),
        line(replace(enter, kind="zone_exit")),
        line(replace(enter, place="gate")),
        line(replace(enter, track_id=8)),
        line(replace(enter, node="zones-2")),
    ]
    assert line(enter) == line(enter)
    assert len({json.loads(each)["id"] for each in [line(enter), *others]}) == 7


def test_an_event_is_what_the_schema_says() -> None:
    camera = camera_event("run-1", "door", CAMERA, 250)
    crossed = line(
        Event("line_crossed", "gate", 7, 0, (1, 2, 3, 4), {"in": 1}, {"direction": "in"})
    )
    assert isinstance(check_event(camera), CameraEvent)
    assert isinstance(check_event(crossed), SceneEvent)
    known = {name: set(each["properties"]) for name, each in event_schema()["$defs"].items()}
    assert known["CameraEvent"] == set(json.loads(camera))
    assert set(json.loads(crossed)) < known["SceneEvent"]
    with pytest.raises(ValidationError):
        check_event(crossed.replace(b'"in"', b'"up"'))
