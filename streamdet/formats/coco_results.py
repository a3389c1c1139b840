"""COCO's results (cocodataset.org/#format-results): one flat entry for each object.

Images and classes are numbers there. A video's frames are its images and count from 1, as in
COCO-VID. Classes have COCO's own numbers where all of a model's classes are COCO's (person 1, car
3, truck 8); else they count from 1 in the model's order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from streamdet.config.files import shipped
from streamdet.formats.frame_json import BBOX_DECIMALS, CONFIDENCE_DECIMALS, described, shaped
from streamdet.messages import FrameMessage

_UNUSED: Final = "N/A"
_LABELLED: Final = 1
"""What stands behind a point in place of its score: COCO's page asks for this number."""


@lru_cache(maxsize=64)
def category_ids(class_names: tuple[str, ...]) -> tuple[int, ...]:
    """Number a model's classes."""
    plain = range(1, len(class_names) + 1)
    known = _coco_ids()
    if not set(class_names) <= known.keys():
        return tuple(plain)
    return tuple(known[name] or number for name, number in zip(class_names, plain, strict=True))


@lru_cache(maxsize=1)
def _coco_ids() -> dict[str, int]:
    """Name -> number of COCO's categories; 0 for what stands in their list for numbers unused."""
    path = shipped("configs/classes") / "coco90.txt"
    names = path.read_text(encoding="utf-8").splitlines()
    return {name: number for number, name in enumerate(names, start=1)} | {_UNUSED: 0}


def result_entries(message: FrameMessage, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Describe a frame's objects; a dropped frame has none.

    Args:
        message: the frame, in source pixels.
        class_names: of the model that found the objects.

    Raises:
        ValueError: a box, a score or a point is NaN or infinite.
    """
    numbers = category_ids(tuple(class_names))
    entries = []
    for item in shaped(described(message, class_names), message):
        x1, y1, x2, y2 = item["bbox"]
        class_id = item["class_id"]
        entry = result_entry(
            message.index + 1,
            numbers[class_id] if class_id < len(numbers) else class_id + 1,
            item["confidence"],
            (x1, y1, x2 - x1, y2 - y1),
        )
        entry |= shapes(item.get("mask"), item.get("keypoints"))
        entries.append(entry if item["id"] is None else entry | {"track_id": item["id"]})
    return entries


def result_entry(
    image_id: int, category_id: int, score: float, xywh: Sequence[float]
) -> dict[str, Any]:
    """Describe an object without its shapes.

    Args:
        image_id: as the truth numbers it.
        category_id: likewise.
        score: 0..1.
        xywh: left, top, width, height, pixels; the first pixel's left edge is 0.
    """
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [round(value, BBOX_DECIMALS) for value in xywh],
        "score": round(score, CONFIDENCE_DECIMALS),
    }


def shapes(mask: Any, points: Sequence[Sequence[float]] | None) -> dict[str, Any]:
    """Describe what an object has beside its box.

    Args:
        mask: run lengths, with `size` and `counts`; None where it has none.
        points: x, y and score of each; None where it has none.
    """
    found: dict[str, Any] = {} if mask is None else {"segmentation": mask}
    if points is not None:
        found["keypoints"] = [
            value
            for x, y, _ in points
            for value in (round(x, BBOX_DECIMALS), round(y, BBOX_DECIMALS), _LABELLED)
        ]
    return found


def entry_text(entry: dict[str, Any]) -> bytes:
    """Write an entry as one line of JSON, without its end."""
    return json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
