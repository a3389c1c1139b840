"""Small truths and results, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import XYWH, Truth, TruthImage, TruthObject

CAT, DOG = 7, 9


def an_object(image_id: int, xywh: XYWH, category_id: int = CAT, **more: Any) -> TruthObject:
    return TruthObject(image_id, category_id, xywh, xywh[2] * xywh[3], **more)


def a_truth(*objects: TruthObject, images: int = 2) -> Truth:
    """Images 1 ... of 100 x 200 pixels, categories 7 (cat) and 9 (dog)."""
    by_id = {n: TruthImage(n, f"{n}.png", (100, 200)) for n in range(1, images + 1)}
    return Truth("truth.json", by_id, {CAT: "cat", DOG: "dog"}, objects)


def a_result(
    image_id: int, xywh: XYWH, score: float = 0.9, category_id: int = CAT, **more: Any
) -> Result:
    return Result(image_id, category_id, score, xywh, **more)


def coco_dict() -> dict[str, Any]:
    """One image `a.png` of 80 x 90 pixels with a cat at x 10..50, y 20..60."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 80, "width": 90}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [10, 20, 40, 40]}],
    }


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path
