from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamdet.detections import FrameMasks, class_label
from streamdet.formats.frame_json import deepstream_json, native_json, rfc3339
from streamdet.formats.message_schema import check_message
from streamdet.messages import FrameMessage
from tests.sinks.frames import frame, message, one, tracked

NAMES = ("car", "bus")


def native(of: FrameMessage) -> dict[str, Any]:
    text = native_json(of, "run-1", NAMES)
    check_message(text)
    body: dict[str, Any] = json.loads(text, parse_constant=pytest.fail)
    return body


def test_native_json_says_who_when_and_how_large() -> None:
    body = native(message(index=7))
    assert {key: body[key] for key in list(body)[:10]} == {
        "schema": "streamdet/1",
        "run": "run-1",
        "source_id": "cam",
        "frame_id": 7,
        "pts_ns": 700_000_000,
        "captured_at": "2023-11-14T22:13:20.123456Z",
        "clock": "host",
        "width": 64,
        "height": 48,
        "model": "toy",
    }


def test_native_json_rounds_boxes_to_2_and_confidence_to_4_decimals() -> None:
    found = one([1.006, 2, 3.14159, 4], score=0.123456, track_id=12)
    assert native(replace(message(), detections=found))["objects"] == [
        {"id": 12, "class_id": 0, "label": "car", "confidence": 0.1235, "bbox": [1.01, 2, 3.14, 4]}
    ]


def test_native_json_gives_latency_by_node_and_from_first_start_to_last_end() -> None:
    assert native(message())["latency_ms"] == {"detect": 2.5, "track": 0.25, "total": 3.25}


def test_native_json_of_a_dropped_frame_has_the_reason_and_no_objects() -> None:
    body = native(replace(message(), drop_reason="pixels lost"))
    assert (body["objects"], body["dropped"]) == ([], "pixels lost")
    assert "dropped" not in native(message())


def test_native_json_of_a_frame_without_pts_model_and_tracker_has_nulls() -> None:
    body = native(FrameMessage(replace(frame(), pts=None), detections=one([1, 2, 3, 4])))
    assert (body["pts_ns"], body["model"], body["objects"][0]["id"]) == (None, None, None)
    assert body["latency_ms"] == {}


@pytest.mark.parametrize("count", [0, 1, 200])
def test_native_json_is_one_line_with_every_object(count: int) -> None:
    text = native_json(message(count=count), "run\n1", NAMES)
    assert b"\n" not in text
    assert len(json.loads(text)["objects"]) == count


@pytest.mark.parametrize("field", ["xyxy", "scores"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_json_refuses_what_it_cannot_say(field: str, value: float) -> None:
    found = message().detections
    assert found is not None
    broken = replace(found, **{field: np.full_like(getattr(found, field), value)})
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity in frame 0 of cam"):
        native(replace(message(), detections=broken))


def shaped() -> FrameMessage:
    found = replace(
        one([1, 2, 30, 40]),
        masks=FrameMasks((48, 64), (b"0\\1",)),
        keypoints=np.array([[[1.006, 2, -0.123456], [3, 4, 7.5]]]),
    )
    return replace(message(), detections=found)


def test_native_json_has_mask_and_keypoints_where_the_model_says_them() -> None:
    (item,) = native(shaped())["objects"]
    assert item["mask"] == {"size": [48, 64], "counts": "0\\1"}
    assert item["keypoints"] == [[1.01, 2.0, -0.1235], [3.0, 4.0, 7.5]]
    assert not {"mask", "keypoints"} & native(message())["objects"][0].keys()


def test_native_json_of_a_dropped_frame_has_no_masks_either() -> None:
    assert native(replace(shaped(), drop_reason="pixels lost"))["objects"] == []


def test_native_json_says_zones_and_speeds_where_analytics_did() -> None:
    found = replace(one([1, 2, 3, 4]), zones=(("yard",),), speeds=np.array([1.234]))
    (body,) = native(replace(message(), detections=found))["objects"]
    assert (body["zones"], body["speed_mps"]) == (["yard"], 1.23)
    unknown = replace(one([1, 2, 3, 4]), zones=((),), speeds=np.array([np.nan]))
    (body,) = native(replace(message(), detections=unknown))["objects"]
    assert (body["zones"], body["speed_mps"]) == ([], None)
    (body,) = native(replace(message(), detections=one([1, 2, 3, 4])))["objects"]
    assert not {"zones", "speed_mps"} & body.keys()


def test_native_json_says_attributes() -> None:
    found = replace(one([1, 2, 3, 4]), attributes=({"colour": "red"},))
    (body,) = native(replace(message(), detections=found))["objects"]
    assert body["attributes"] == {"colour": "red"}


def test_native_json_refuses_a_keypoint_it_cannot_say() -> None:
    found = replace(one([1, 2, 3, 4]), keypoints=np.full((1, 17, 3), np.nan))
    with pytest.raises(ValueError, match="keypoints must be finite, got NaN"):
        native(replace(message(), detections=found))


def test_deepstream_json_has_no_place_for_masks_and_keypoints() -> None:
    bare = replace(message(), detections=one([1, 2, 30, 40]))
    assert deepstream_json(shaped(), NAMES) == deepstream_json(bare, NAMES)


def test_deepstream_json_is_the_minimal_schema() -> None:
    found = one([1, 2.5, 30, 40.25], track_id=9)
    body = json.loads(deepstream_json(replace(message(index=3), detections=found), NAMES))
    assert body == {
        "version": "4.0",
        "id": "3",
        "@timestamp": "2023-11-14T22:13:20.123456Z",
        "sensorId": "cam",
        "objects": ["9|1.0|2.5|30.0|40.25|car"],
    }


def test_deepstream_json_calls_an_untracked_object_minus_one() -> None:
    untracked = replace(message(), detections=one([1, 2, 3, 4]))
    body = json.loads(deepstream_json(untracked, NAMES))
    assert body["objects"][0].startswith("-1|")


@pytest.mark.parametrize(("class_id", "label"), [(0, "car"), (1, "bus"), (2, "2"), (-1, "-1")])
def test_a_class_without_a_name_is_called_by_its_number(class_id: int, label: str) -> None:
    assert class_label(NAMES, class_id) == label


def test_rfc3339_does_not_round_into_the_next_second() -> None:
    assert rfc3339(999_999_999) == "1970-01-01T00:00:00.999999Z"


def test_native_json_marks_what_was_put_into_a_gap_alone() -> None:
    assert all("interpolated" not in body for body in native(message())["objects"])
    found = replace(one([1, 2, 3, 4]), interpolated=np.array([True]))
    text = native_json(replace(message(), detections=found), "run", ["person"])
    assert json.loads(text)["objects"][0]["interpolated"] is True
    assert check_message(text).objects[0].interpolated


def test_native_json_names_the_object_in_which_another_was_found() -> None:
    found = replace(tracked(3), track_ids=np.array([7, 0, 0]), parents=np.array([-1, 0, 1]))
    first, second, third = native(replace(message(), detections=found))["objects"]
    assert not {"parent", "parent_id"} & first.keys()
    assert (second["parent"], second["parent_id"]) == (0, 7)
    assert (third["parent"], third["parent_id"]) == (1, None)


def test_native_json_says_nothing_of_masks_and_points_that_an_object_s_model_lacks() -> None:
    points = np.array([[[1, 2, 0.5], [0, 0, -np.inf]], [[0, 0, -np.inf]] * 2])
    found = replace(tracked(2), masks=FrameMasks((48, 64), (b"", b"0\\1")), keypoints=points)
    first, second = native(replace(message(), detections=found))["objects"]
    assert (first["keypoints"], first.get("mask")) == ([[1, 2, 0.5]], None)
    assert ("keypoints" in second, second["mask"]["counts"]) == (False, "0\\1")


def test_native_json_says_vectors_only_where_that_is_asked() -> None:
    found = replace(tracked(2), vectors=np.array([[1, -2], [0, 0]], np.float16))
    sent = replace(message(), detections=found)
    text = native_json(sent, "run-1", NAMES, vectors=True)
    check_message(text)
    first, second = json.loads(text)["objects"]
    assert first["vector"] == "ADwAwA=="  # 0x3C00 and 0xC000, low byte first
    assert "vector" not in second  # nothing was seen of it
    assert all("vector" not in each for each in native(sent)["objects"])
