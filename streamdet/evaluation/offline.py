"""Makes the tracks of what a pipeline published better, as an archive does (trackers/offline)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

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
    has_masks, has_points = "mask" in objects[0], "keypoints" in objects[0]
    return Detections(
        xyxy=np.array([each["bbox"] for each in objects], np.float32),
        scores=np.array([each["confidence"] for each in objects], np.float32),
        class_ids=np.array([labels.index(each["label"]) for each in objects], np.int64),
        track_ids=np.array([each["id"] or UNTRACKED for each in objects], np.int64),
        masks=_masks(objects) if has_masks else None,
        keypoints=np.array([o["keypoints"] for o in objects], np.float32) if has_points else None,
    )


def _masks(objects: Sequence[dict[str, Any]]) -> FrameMasks:
    height, width = objects[0]["mask"]["size"]
    counts = tuple(each["mask"]["counts"].encode("ascii") for each in objects)
    return FrameMasks((height, width), counts)


def _as_objects(found: Detections, labels: Sequence[str]) -> list[dict[str, Any]]:
    columns = found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist(), found.tracks()
    objects: list[dict[str, Any]] = [
        {"bbox": bbox, "confidence": score, "label": labels[class_id], "id": track_id}
        for bbox, score, class_id, track_id in zip(*columns, strict=True)
    ]
    for row, each in enumerate(objects):
        if found.masks is not None:
            counts = found.masks.counts[row].decode("ascii")
            each["mask"] = {"size": list(found.masks.hw), "counts": counts}
        if found.keypoints is not None:
            each["keypoints"] = found.keypoints[row].tolist()
    return objects
