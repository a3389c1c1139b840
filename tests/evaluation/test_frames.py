"""What a pipeline published against the truth of its video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.evaluation.frames import ALL, Published, read_published, score_frames
from streamdet.evaluation.truth import Truth
from streamdet.ops.run_length import encode
from tests.evaluation.scenes import CAT, DOG, a_truth, an_object

BOX = (10.0, 20.0, 40.0, 40.0)
FAR = (150.0, 20.0, 40.0, 40.0)


def published(number: int, *objects: dict[str, Any], is_dropped: bool = False) -> Published:
    return Published(number, (100, 200), objects, is_dropped)


def cat(track_id: int | None = 1, label: str = "cat") -> dict[str, Any]:
    return {"id": track_id, "label": label, "confidence": 0.9, "bbox": [10, 20, 50, 60]}


def walk(frames: int = 4) -> Truth:
    """A cat with track 5 and a dog with track 6 in every frame."""
    objects = [an_object(n, BOX, CAT, track_id=5) for n in range(1, frames + 1)]
    objects += [an_object(n, FAR, DOG, track_id=6) for n in range(1, frames + 1)]
    return a_truth(*objects, images=frames)


def test_lines_are_read_in_the_order_of_the_frames(tmp_path: Path) -> None:
    line = {"height": 100, "width": 200, "objects": []}
    lines = [line | {"frame_id": 1, "dropped": "why"}, line | {"frame_id": 0}]
    (tmp_path / "o.jsonl").write_text("\n".join(map(json.dumps, lines)))
    frames = read_published(tmp_path / "o.jsonl")
    assert [(each.number, each.is_dropped) for each in frames] == [(1, False), (2, True)]


def test_what_a_second_detector_found_again_is_one_object(tmp_path: Path) -> None:
    found = [cat(), cat(None) | {"parent": 0}, cat(None, "collar") | {"parent": 0}]
    line = {"frame_id": 0, "height": 100, "width": 200, "objects": found}
    (tmp_path / "o.jsonl").write_text(json.dumps(line))
    [frame] = read_published(tmp_path / "o.jsonl")
    assert [each["label"] for each in frame.objects] == ["cat", "collar"]


def test_boxes_and_tracks_of_the_sought_classes_are_scored() -> None:
    ids = (1, 1, 2, 2)
    frames = [published(n, cat(ids[n - 1]), cat(7, "sofa")) for n in (1, 2, 3, 4)]
    [scores] = score_frames(frames, walk(), {"cat", "sofa"}, are_tracked=True)
    assert scores.coco.metrics["AP"] == pytest.approx(1.0)
    assert scores.objects == {"cat": 4}
    tracks = scores.tracking["cat"]
    assert (tracks.switches, tracks.recall, tracks.precision) == (1, 1.0, 1.0)
    assert tracks.mota == pytest.approx(1 - 1 / 4)


def test_classes_are_tracked_apart_and_together() -> None:
    frames = [published(n, cat()) for n in (1, 2, 3, 4)]
    [scores] = score_frames(frames, walk(), {"cat", "dog"}, are_tracked=True)
    motas = {name: tracks.mota for name, tracks in scores.tracking.items()}
    assert motas == {"cat": 1.0, "dog": 0.0, ALL: 0.5}


def test_a_track_on_an_ignored_object_is_forgiven() -> None:
    truth = a_truth(an_object(1, BOX, track_id=1, is_difficult=True), an_object(1, FAR, track_id=2))
    [scores] = score_frames([published(1, cat())], truth, {"cat"}, are_tracked=True)
    tracks = scores.tracking["cat"]
    assert (tracks.false_positives, tracks.misses, tracks.objects) == (0, 1, 1)


def test_a_tracker_that_confirms_no_track_misses_every_object() -> None:
    [scores] = score_frames([published(1, cat(None))], walk(1), {"cat"}, are_tracked=True)
    tracks = scores.tracking["cat"]
    assert (tracks.mota, tracks.misses, tracks.false_positives) == (0.0, 1, 0)


def test_without_tracks_there_are_no_metrics_of_them() -> None:
    untracked = a_truth(an_object(1, BOX))
    for are_tracked, truth in ((False, walk()), (True, untracked)):
        [scores] = score_frames([published(1, cat())], truth, {"cat"}, are_tracked=are_tracked)
        assert scores.tracking == {}


def test_dropped_frames_are_missed_and_noted() -> None:
    frames = [published(1, cat()), published(2, is_dropped=True)]
    [scores] = score_frames(frames, walk(2), {"cat"}, are_tracked=True)
    assert scores.tracking["cat"].misses == 1
    assert "1 frames were dropped: nothing was found in them" in scores.notes


def test_masks_and_points_are_scored_where_truth_and_pipeline_have_them() -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[20:60, 10:50] = True
    runs = {"size": [100, 200], "counts": encode(mask).decode()}
    points = [[10.0 + n, 30.0, 0.9] for n in range(17)]
    known = tuple(value for x, y, _ in points for value in (x, y, 2.0))
    truth = a_truth(an_object(1, BOX, segmentation=runs, keypoints=known), images=1)
    found = cat() | {"mask": runs, "keypoints": points}
    scores = score_frames([published(1, found)], truth, {"cat"}, are_tracked=True)
    assert [each.kind for each in scores] == ["bbox", "segm", "keypoints"]
    assert [each.coco.metrics["AP"] for each in scores] == pytest.approx([1.0, 1.0, 1.0])


def test_masks_that_the_truth_does_not_have_are_noted() -> None:
    found = cat() | {"mask": {"size": [100, 200], "counts": "0"}}
    [boxes] = score_frames(
        [published(1, found)], a_truth(an_object(1, BOX)), {"cat"}, are_tracked=True
    )
    assert boxes.kind == "bbox"
    assert boxes.notes[-1] == "the masks that were found are not scored: the truth has none"
