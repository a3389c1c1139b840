"""What a pipeline published of a video: lines of "streamdet/1" JSON, held against its truth."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from streamdet.errors import ConfigError
from streamdet.evaluation.class_notes import class_notes
from streamdet.evaluation.mot import FORGIVEN_CLASSES, MotScores, score
from streamdet.evaluation.results import Result
from streamdet.evaluation.scores import Scores, score_all
from streamdet.evaluation.truth import Truth, to_xyxy
from streamdet.formats.mot_text import PEDESTRIAN, MotRows
from streamdet.system.text_file import read_lines

ALL = "all"


@dataclass(frozen=True, slots=True)
class Published:
    """One frame.

    Attributes:
        number: from 1.
        hw: height and width, pixels.
        objects: as `native_json` writes them, without those that a second detector has found in one
            of their own class: that is the same object once more.
        is_dropped: whether the frame was given up.
        pts_ns: when it is shown, nanoseconds; None where the file does not say.
    """

    number: int
    hw: tuple[int, int]
    objects: Sequence[dict[str, Any]]
    is_dropped: bool
    pts_ns: int | None = None


def read_published(path: Path) -> list[Published]:
    """Read what a `jsonl` sink wrote of one source, in the order of the frames.

    Raises:
        ConfigError: the file cannot be read, or a line is something else; names file and line.
    """
    frames = []
    for number, line in enumerate(read_lines(path), start=1):
        try:
            if line.strip():
                frames.append(_published(json.loads(line)))
        except (ValueError, LookupError, TypeError) as exc:
            raise ConfigError(
                f"{path}:{number}: is not what a run wrote by --output FRAMES.jsonl"
            ) from exc
    return sorted(frames, key=lambda frame: frame.number)


def score_frames(
    frames: Sequence[Published], truth: Truth, names: Collection[str], *, are_tracked: bool
) -> list[Scores]:
    """Score a whole pipeline: its boxes; tracks, masks and points where it and the truth have them.

    The tracks stand with the boxes, which come first.

    Args:
        frames: all frames of the video, those without objects too.
        truth: image ids are frame numbers from 1.
        names: classes that the pipeline looks for; objects of others do not count.
        are_tracked: tracks are scored, if only as missing.

    Raises:
        ConfigError: the truth has none of these classes, or a library is missing.
    """
    missing = class_notes(truth, names, "the graph")
    known = [name for name in truth.categories.values() if name in names]
    if len(known) < len(truth.categories):
        truth = truth.of_classes(known or names)
    results = of_frames(frames, truth)
    dropped = sum(frame.is_dropped for frame in frames)
    notes = (*missing, *_dropped(dropped))
    boxes, *others = [
        replace(scores, notes=scores.notes + notes) for scores in score_all(truth, results)
    ]
    return [replace(boxes, tracking=score_tracks(truth, results) if are_tracked else {}), *others]


def _dropped(count: int) -> Iterator[str]:
    if count:
        yield f"{count} frames were dropped: nothing was found in them"


def of_frames(frames: Sequence[Published], truth: Truth) -> list[Result]:
    """Gather what was published of the truth's frames and classes."""
    return [
        result
        for frame in frames
        if frame.number in truth.images
        for result in _results(frame, truth)
    ]


def score_tracks(truth: Truth, results: Sequence[Result]) -> dict[str, MotScores]:
    """Score tracks, each class by itself.

    Returns:
        Class name -> scores, and ALL -> those of all classes; empty where the truth has no tracks.
    """
    if not any(each.track_id is not None for each in truth.objects):
        return {}
    counted = {each.category_id for each in truth.objects if not each.is_ignored}
    numbers = [number for number in truth.categories if number in counted]
    pairs = [(truth_rows(truth, number), result_rows(results, number)) for number in numbers]
    each, overall = score(pairs) if pairs else ([], None)
    names = (truth.categories[number] for number in numbers)
    scores = dict(zip(names, each, strict=True))
    return scores if overall is None else scores | {ALL: overall}


def truth_rows(truth: Truth, category_id: int) -> MotRows:
    """Write the tracks of a class as MOTChallenge would; what does not count is "distractor"."""
    objects = sorted(
        (o for o in truth.objects if o.category_id == category_id and o.track_id is not None),
        key=lambda each: each.image_id,
    )
    return MotRows(
        frames=np.array([each.image_id for each in objects], np.int64),
        track_ids=np.array([each.track_id for each in objects], np.int64),
        xyxy=to_xyxy([each.xywh for each in objects]).astype(np.float32),
        scores=np.array([not each.is_ignored for each in objects], np.float32),
        class_ids=np.where([each.is_ignored for each in objects], FORGIVEN_CLASSES[-1], PEDESTRIAN)
        .astype(np.int64),
    )  # fmt: skip


def result_rows(results: Sequence[Result], category_id: int) -> MotRows:
    """Write the results of a class that have a track as MOTChallenge would."""
    tracked = sorted(
        (r for r in results if r.category_id == category_id and r.track_id is not None),
        key=lambda each: each.image_id,
    )
    return MotRows(
        frames=np.array([each.image_id for each in tracked], np.int64),
        track_ids=np.array([each.track_id for each in tracked], np.int64),
        xyxy=to_xyxy([each.xywh for each in tracked if each.xywh]).astype(np.float32),
        scores=np.array([each.score for each in tracked], np.float32),
        class_ids=np.full(len(tracked), PEDESTRIAN, np.int64),
    )


def _published(entry: dict[str, Any]) -> Published:
    return Published(
        number=entry["frame_id"] + 1,
        hw=(entry["height"], entry["width"]),
        objects=_counted_once(entry["objects"]),
        is_dropped="dropped" in entry,
        pts_ns=entry.get("pts_ns"),
    )


def _counted_once(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    again = ("parent" in each and objects[each["parent"]]["label"] == each["label"]
             for each in objects)  # fmt: skip
    return [each for each, is_again in zip(objects, again, strict=True) if not is_again]


def _results(frame: Published, truth: Truth) -> list[Result]:
    results = []
    for each in frame.objects:
        if each["label"] in truth.category_ids:
            x1, y1, x2, y2 = each["bbox"]
            category_id = truth.category_ids[each["label"]]
            points = each.get("keypoints")
            results.append(
                Result(
                    frame.number,
                    category_id,
                    each["confidence"],
                    xywh=(x1, y1, x2 - x1, y2 - y1),
                    segmentation=each.get("mask"),
                    keypoints=None if points is None else tuple(chain.from_iterable(points)),
                    track_id=each["id"],
                )
            )
    return results
