"""Makes the tracks of what a pipeline published better, as an archive does (trackers/offline)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detections import UNTRACKED, Detections, FrameMasks
from streamdet.evaluation.frames import Published
from streamdet.trackers.offline import OfflineOptions, refined
from streamdet.trackers.offline.frames import better_frame
from streamdet.trackers.offline.track_rows import TrackRows


def with_better_tracks(frames: Sequence[Published], options: OfflineOptions) -> list[Published]:
    """Make the tracks of all frames of a source better.

    Args:
        frames: all of them, rising by number from 1.
        options: what is done.
    """
    labels = sorted({each["label"] for frame in frames for each in frame.objects})
    found = [_as_detections(frame, labels) for frame in frames]
    tracks = refined(TrackRows.of_frames(found), options)
    return [
        frame if frame.is_dropped else replace(frame, objects=_as_objects(better, labels))
        for place, frame in enumerate(frames)
        for better in [better_frame(found[place], tracks, place)]
    ]


def _as_detections(frame: Published, labels: Sequence[str]) -> Detections:
    objects = frame.objects
    if not objects:
        return replace(Detections.empty(), track_ids=np.zeros(0, np.int64))
    return Detections(
        xyxy=np.array([each["bbox"] for each in objects], np.float32),
        scores=np.array([each["confidence"] for each in objects], np.float32),
        class_ids=np.array([labels.index(each["label"]) for each in objects], np.int64),
        track_ids=np.array([each["id"] or UNTRACKED for each in objects], np.int64),
        masks=_masks(objects),
        keypoints=_keypoints(objects),
    )


def _masks(objects: Sequence[dict[str, Any]]) -> FrameMasks | None:
    """Gather masks: b"" for an object without one."""
    stated = [each.get("mask") for each in objects]
    known = [mask for mask in stated if mask is not None]
    if not known:
        return None
    height, width = known[0]["size"]
    counts = (b"" if mask is None else mask["counts"].encode("ascii") for mask in stated)
    return FrameMasks((height, width), tuple(counts))


def _keypoints(objects: Sequence[dict[str, Any]]) -> npt.NDArray[np.float32] | None:
    """Gather points: of score -inf for what an object does not have."""
    stated = [each.get("keypoints", []) for each in objects]
    most = max(map(len, stated))
    if not most:
        return None
    keypoints = np.full((len(objects), most, 3), (0.0, 0.0, -np.inf), np.float32)
    for row, points in enumerate(stated):
        if points:
            keypoints[row, : len(points)] = points
    return keypoints


def _as_objects(found: Detections, labels: Sequence[str]) -> list[dict[str, Any]]:
    columns = found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist(), found.tracks()
    objects: list[dict[str, Any]] = [
        {"bbox": bbox, "confidence": score, "label": labels[class_id], "id": track_id}
        for bbox, score, class_id, track_id in zip(*columns, strict=True)
    ]
    for row, each in enumerate(objects):
        if found.masks is not None and found.masks.counts[row]:
            counts = found.masks.counts[row].decode("ascii")
            each["mask"] = {"size": list(found.masks.hw), "counts": counts}
        if found.keypoints is not None:
            all_points = found.keypoints[row]
            if points := all_points[all_points[:, 2] != -np.inf].tolist():
                each["keypoints"] = points
    return objects
