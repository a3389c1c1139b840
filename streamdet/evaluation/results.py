"""What was found in images: from a file in COCO's result format, or from a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.evaluation.json_file import (
    read_json,
    wanted_box,
    wanted_list,
    wanted_number,
    wanted_numbers,
    whole,
)
from streamdet.evaluation.masks import checked_mask
from streamdet.evaluation.name_readings import readings
from streamdet.evaluation.truth import XYWH, Truth
from streamdet.formats.coco_results import entry_text, result_entry, shapes
from streamdet.system.atomic_file import write_whole
from streamdet.system.redaction import short

Kind = Literal["bbox", "segm", "keypoints"]
"""What is compared with the truth: boxes, masks or points."""

POINTS = 17
"""Keypoints of a COCO person; the similarity of points is defined for these only."""

Id = TypeVar("Id", int, int | None)


@dataclass(frozen=True, slots=True)
class Result:
    """One found object.

    Attributes:
        image_id: the image, as its truth calls it.
        category_id: what it is, as the truth numbers it.
        score: any finite number, higher is surer.
        xywh: its box; None where the file states only a mask or points.
        segmentation: COCO polygons or run lengths.
        keypoints: x, y, score of each point.
        track_id: of a tracked video.
    """

    image_id: int
    category_id: int
    score: float
    xywh: XYWH | None = None
    segmentation: Any = None
    keypoints: tuple[float, ...] | None = None
    track_id: int | None = None


def read_results(path: Path, truth: Truth, kind: Kind) -> list[Result]:
    """Read a list of results, cocodataset.org/#format-results.

    `image_id` may be an image's file name or its stem, and `category_id` a class name: VOC's and
    YOLO's images have no numbers.

    Raises:
        ConfigError: an entry is wrong, or names an image or a class that the truth does not have.
    """
    entries = wanted_list(read_json(path), str(path))
    return [_result(each, truth, kind, f"{path}[{n}]") for n, each in enumerate(entries)]


def write_results(path: Path, results: Sequence[Result]) -> None:
    """Write a list of results, whole; what `read_results` reads.

    Raises:
        EngineError: it cannot be written.
    """
    lines = [entry_text(_entry(each)) for each in results]
    write_whole(path, b"[\n" + b",\n".join(lines) + b"\n]\n")


def _entry(result: Result) -> dict[str, Any]:
    points = result.keypoints
    entry = result_entry(result.image_id, result.category_id, result.score, result.xywh or ())
    triples = None if points is None else list(zip(*[iter(points)] * 3, strict=True))
    return entry | shapes(result.segmentation, triples)


def results_of(found: Detections, image_id: int, category_ids: Mapping[int, int]) -> list[Result]:
    """Turn an image's detections into results.

    Args:
        found: boxes in the image's own pixels.
        image_id: the image.
        category_ids: class id -> category id; objects of other classes are left out.
    """
    known = np.isin(found.class_ids, list(category_ids))
    found = found[known]
    return [
        Result(
            image_id=image_id,
            category_id=category_ids[class_id],
            score=score,
            xywh=(x1, y1, x2 - x1, y2 - y1),
            segmentation=_run_lengths(found, row),
            keypoints=_points(found, row),
        )
        for row, ((x1, y1, x2, y2), score, class_id) in enumerate(
            zip(found.xyxy.tolist(), found.scores.tolist(), found.class_ids.tolist(), strict=True)
        )
    ]


def _run_lengths(found: Detections, row: int) -> dict[str, Any] | None:
    if found.masks is None:
        return None
    return {"size": list(found.masks.hw), "counts": found.masks.counts[row].decode()}


def _points(found: Detections, row: int) -> tuple[float, ...] | None:
    return None if found.keypoints is None else tuple(found.keypoints[row].ravel().tolist())


def _result(entry: dict[str, Any], truth: Truth, kind: Kind, place: str) -> Result:
    image_id = _image_id(entry.get("image_id"), truth, f"{place}.image_id")
    category_id = _known(
        entry.get("category_id"), truth.numbers_of_classes, f"{place}.category_id", truth.name
    )
    hw = truth.images[image_id].stated_hw
    mask = checked_mask(entry.get("segmentation"), hw, f"{place}.segmentation")
    has_box = kind == "bbox" and (mask is None or entry.get("bbox"))
    if kind == "segm" and mask is None:
        raise ConfigError(f"{place}.segmentation: must be a mask, got nothing")
    return Result(
        image_id,
        category_id,
        wanted_number(entry, "score", place),
        wanted_box(entry, place) if has_box else None,
        mask,
        wanted_numbers(entry, "keypoints", place, 3 * POINTS) if kind == "keypoints" else None,
    )


def _image_id(value: Any, truth: Truth, place: str) -> int:
    """Look an image up: by what it is called, else by what that may mean."""
    if isinstance(value, str) and value not in truth.image_ids:
        value = next((each for each in readings(value) if each in truth.image_ids), value)
    found = _known(value, truth.image_ids, place, truth.name)
    if found is None:
        raise ConfigError(
            f"{place}: {short(repr(value))} may be several images of {truth.name};"
            " give the whole name of its file"
        )
    return found


def _known(value: Any, known: Mapping[int | str, Id], place: str, truth: str) -> Id:
    key = value if isinstance(value, str) and value in known else whole(value)
    if key is None or key not in known:
        raise ConfigError(f"{place}: {short(repr(value))} is not in {truth}")
    return known[key]
