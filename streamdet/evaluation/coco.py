"""Average precision on a data set in COCO's format, with pycocotools (a development dependency)."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.errors import ConfigError
from streamdet.image import Pixels


def coco_ap(folder: Path, detect: Callable[[Pixels], Detections], names: tuple[str, ...]) -> float:
    """Measure AP (IoU 0.5 to 0.95, 0..1) over all pictures of a data set's validation part.

    Args:
        folder: val.json and images/.
        detect: finds objects in a picture, in its own pixels.
        names: class id -> name; objects of classes that the data set does not know are left out.

    Raises:
        ConfigError: pycocotools is missing.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as exc:
        raise ConfigError("AP needs pycocotools: pip install pycocotools") from exc
    import cv2

    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "val.json"))
        category_ids = {c["name"]: c["id"] for c in truth.dataset["categories"]}
        results: list[dict[str, Any]] = []
        for image in truth.dataset["images"]:
            picture: Any = cv2.imread(str(folder / "images" / image["file_name"]))
            found = detect(picture)
            for xyxy, score, class_id in zip(
                found.xyxy, found.scores, found.class_ids, strict=True
            ):
                category_id = category_ids.get(names[class_id])
                if category_id is not None:
                    results.append(_result(image["id"], category_id, xyxy, float(score)))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def _result(
    image_id: int, category_id: int, xyxy: npt.NDArray[np.float32], score: float
) -> dict[str, Any]:
    x1, y1, x2, y2 = map(float, xyxy)
    bbox = [x1, y1, x2 - x1, y2 - y1]
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, "score": score}
