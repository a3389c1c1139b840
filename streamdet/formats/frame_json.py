"""The JSON that downstream programs read: one compact line of text per frame.

`native_json` is our own schema "streamdet/1"; `deepstream_json` is DeepStream's minimal schema 4.0
(developer guide, "Gst-nvmsgconv", PAYLOAD_DEEPSTREAM_MINIMAL), so that existing
DeepStream consumers can read it.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detections import NO_PARENT, Detections, class_label
from streamdet.messages import FrameMessage, Timing

BBOX_DECIMALS = 2
CONFIDENCE_DECIMALS = 4
SPEED_DECIMALS = 2
_NO_TRACK = -1


def native_json(
    message: FrameMessage, run_id: str, class_names: Sequence[str], *, vectors: bool = False
) -> bytes:
    """Write a frame as "streamdet/1".

    Keys: schema, run, source_id, frame_id (from 0, no gaps), pts_ns (null where the file has none),
    captured_at (RFC 3339, UTC), clock (whose that is, camera or host), width, height, model,
    objects, latency_ms, and for a dropped frame `dropped` (the reason; its objects are []).
    An object: id (track, or null), class_id, label,
    confidence, bbox [x1, y1, x2, y2] in source pixels (x2, y2 exclusive edges); and where the model
    says it, mask {size: [height, width], counts} (COCO's compressed run lengths) and keypoints
    [[x, y, score], ...]; of what a second detector found, parent (the place in objects of the one
    in whose crop) and parent_id (its track, or null); behind analytics, zones (the names of those
    it is in) and speed_mps (metres per second, null where not known yet), and attributes (name ->
    value); interpolated, true, only of an object that was put where its track must have been.
    latency_ms: node -> its milliseconds, and `total` from the first node's start to the last one's
    end.

    Args:
        message: the frame, in source pixels.
        run_id: names the run.
        class_names: of the model that found the objects; a class without one is called by its
            number.
        vectors: whether objects that have a vector say it: `vector`, base64 of float16, low byte
            first.

    Raises:
        ValueError: a box, a score or a keypoint is NaN or infinite, which JSON cannot say.
    """
    frame = message.frame
    objects = _with_findings(described(message, class_names), message)
    if vectors:
        _add_vectors(objects, message.detections)
    body = {
        "schema": "streamdet/1",
        "run": run_id,
        "source_id": frame.source_id,
        "frame_id": frame.index,
        "pts_ns": frame.pts_ns,
        "captured_at": rfc3339(frame.captured_ns),
        "clock": frame.clock,
        "width": frame.hw[1],
        "height": frame.hw[0],
        "model": message.model,
        "objects": objects,
        "latency_ms": _latency_ms(message.timings),
    }
    if message.drop_reason is not None:
        body["dropped"] = message.drop_reason
    return _dump(body)


def deepstream_json(message: FrameMessage, class_names: Sequence[str]) -> bytes:
    """Write a frame as DeepStream's minimal schema.

    An object is "trackId|left|top|right|bottom|Class"; track id -1 means "not tracked",
    which is how an object that belongs to no track is written. The schema
    has no place for scores, masks, keypoints, latencies or drop reasons.

    Args:
        message: the frame, in source pixels.
        class_names: as for `native_json`.

    Raises:
        ValueError: a box or a score is NaN or infinite.
    """
    objects = described(message, class_names)
    return _dump(
        {
            "version": "4.0",
            "id": str(message.index),
            "@timestamp": rfc3339(message.frame.captured_ns),
            "sensorId": message.source_id,
            "objects": [_deepstream_object(item) for item in objects],
        }
    )


def described(message: FrameMessage, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe each object without its shapes: id, class_id, label, confidence, bbox.

    Args:
        message: the frame, in source pixels; a dropped one has no objects.
        class_names: as for `native_json`.

    Raises:
        ValueError: a box or a score is NaN or infinite.
    """
    found = message.detections
    if found is None or message.drop_reason is not None:
        return []
    _check_finite("boxes and scores", (found.xyxy, found.scores), message)
    boxes = found.xyxy.astype(np.float64).round(BBOX_DECIMALS).tolist()
    scores = found.scores.astype(np.float64).round(CONFIDENCE_DECIMALS).tolist()
    return [
        {
            "id": track_id,
            "class_id": class_id,
            "label": class_label(class_names, class_id),
            "confidence": score,
            "bbox": bbox,
        }
        for track_id, class_id, score, bbox in zip(
            found.tracks(), found.class_ids.tolist(), scores, boxes, strict=True
        )
    ]


def rfc3339(epoch_ns: int) -> str:
    """Write nanoseconds since the epoch as UTC date and time, cut to microseconds."""
    seconds, rest_ns = divmod(epoch_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ns // 1000:06d}Z"


def _with_findings(objects: list[dict[str, Any]], message: FrameMessage) -> list[dict[str, Any]]:
    """Add masks, keypoints, zones and speeds, where there are any, to what `described` says."""
    found = message.detections
    if found is None or not objects:
        return objects
    _add_shapes(objects, found, message)
    if found.parents is not None:
        for row in (found.parents != NO_PARENT).nonzero()[0].tolist():
            parent = int(found.parents[row])
            objects[row] |= {"parent": parent, "parent_id": objects[parent]["id"]}
    if found.interpolated is not None:
        for row in found.interpolated.nonzero()[0].tolist():
            objects[row]["interpolated"] = True
    return _with_analytics(objects, found)


def _add_shapes(objects: list[dict[str, Any]], found: Detections, message: FrameMessage) -> None:
    """Add masks and keypoints, of objects whose model says them."""
    if found.masks is not None:
        hw = list(found.masks.hw)
        for item, counts in zip(objects, found.masks.counts, strict=True):
            if counts:
                item["mask"] = {"size": hw, "counts": counts.decode("ascii")}
    if found.keypoints is not None:
        is_there = found.keypoints[..., 2] != -np.inf
        _check_finite("keypoints", (found.keypoints[is_there],), message)
        for item, points, mask in zip(objects, found.keypoints, is_there, strict=True):
            if mask.any():
                item["keypoints"] = [_keypoint(*point) for point in points[mask].tolist()]


def _with_analytics(objects: list[dict[str, Any]], found: Detections) -> list[dict[str, Any]]:
    if found.zones is not None:
        for item, zones in zip(objects, found.zones, strict=True):
            item["zones"] = list(zones)
    if found.speeds is not None:
        for item, speed in zip(objects, found.speeds.tolist(), strict=True):
            item["speed_mps"] = round(speed, SPEED_DECIMALS) if isfinite(speed) else None
    if found.attributes is not None:
        for item, attributes in zip(objects, found.attributes, strict=True):
            item["attributes"] = dict(attributes)
    return objects


def _add_vectors(objects: list[dict[str, Any]], found: Detections | None) -> None:
    if found is not None and found.vectors is not None:
        for item, vector in zip(objects, found.vectors.astype("<f2"), strict=False):
            if vector.any():
                item["vector"] = b64encode(vector.tobytes()).decode("ascii")


def _keypoint(x: float, y: float, score: float) -> list[float]:
    return [round(x, BBOX_DECIMALS), round(y, BBOX_DECIMALS), round(score, CONFIDENCE_DECIMALS)]


def _check_finite(
    what: str, columns: Sequence[npt.NDArray[np.float32]], message: FrameMessage
) -> None:
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError(
            f"{what} must be finite, got NaN or infinity in frame {message.index} "
            f"of {message.source_id}"
        )


def _deepstream_object(item: dict[str, Any]) -> str:
    track_id = _NO_TRACK if item["id"] is None else item["id"]
    return "|".join(map(str, (track_id, *item["bbox"], item["label"])))


def _latency_ms(timings: Sequence[Timing]) -> dict[str, float]:
    latency = {each.node: round((each.end_ns - each.start_ns) / 1e6, 3) for each in timings}
    if timings:
        latency["total"] = round((timings[-1].end_ns - timings[0].start_ns) / 1e6, 3)
    return latency


def _dump(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
