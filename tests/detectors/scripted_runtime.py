"""A runtime that gives what a test tells it to."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels
from streamdet.runtimes import Tensors

END_TO_END = {
    "sppnet": "sppnet_resnet18",
    "fast_rcnn": "fast_rcnn_resnet18",
    "rpn": "faster_rcnn_resnet18",  # one class of its own would be too few for the tests
    "faster_rcnn": "faster_rcnn_resnet18",
    "mask_rcnn": "maskrcnn_resnet50_fpn",
    "localizer": "localizer_resnet18",
}
"""A shipped model of each kind whose network ends in detections."""

NETWORK_OF = END_TO_END | {
    "yolox": "yolox_nano",
    "nanodet": "nanodet_m",
    "picodet": "picodet_s",
    "rcnn": "rcnn_resnet18",
    "overfeat": "overfeat_fast",
    "yolo": "yolo_v1",
    # No model of these is shipped: the tests give another's their kind.
    "yolov5": "yolox_nano",
    "yolov8": "yolox_nano",
    "yolov10": "yolox_nano",
}
"""A shipped model for each kind of detector that has a network."""

MODEL_OF = NETWORK_OF | {"hog_svm": "hog_people", "dpm": "dpm_person", "bow_spm": "small"}
"""A model of every kind of detector."""

OPTIONS_OF = {"rcnn": {"max_proposals": 1}}
"""Options that let one call of a network decide: R-CNN's sees one region."""

PICODET_OUTPUTS = [f"save_infer_model/scale_{level}.tmp_1" for level in range(8)]


SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "yolox": {"output": (3549, 85)},
    "rcnn": {"scores": (80,), "boxes": (80, 4)},  # of one region
    "overfeat": {"scores": (40, 80), "boxes": (40, 4)},
    "yolo": {"cells": (7, 7, 90)},
    "yolov5": {"output0": (10647, 85)},
    "yolov8": {"output0": (84, 3549)},
    "yolov10": {"output0": (300, 6)},
}
"""Outputs, without the image's axis, of kinds that need no more said."""


class ScriptedRuntime:
    """Gives the same outputs for every image."""

    name = "scripted"

    def __init__(self, outputs: Tensors) -> None:
        self.outputs = outputs

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        return [self.outputs for _ in images]


def empty_outputs(kind: str) -> Tensors:
    """Outputs of a 416 x 416 network that sees nothing: all zero."""
    if kind in END_TO_END:
        ids, counts = np.zeros((1, 100), np.int64), np.zeros(1, np.int64)
        floats = {"boxes": _zeros(100, 4), "scores": _zeros(100)}
        return floats | {"class_ids": ids, "counts": counts}
    if kind in SHAPES:
        return {name: _zeros(*shape) for name, shape in SHAPES[kind].items()}
    cells = {8: 52 * 52, 16: 26 * 26, 32: 13 * 13, 64: 7 * 7}
    if kind == "picodet":
        shapes = [(n, 80) for n in cells.values()] + [(n, 32) for n in cells.values()]
        return {name: _zeros(*shape) for name, shape in zip(PICODET_OUTPUTS, shapes, strict=True)}
    scores = {f"cls_pred_stride_{s}": _zeros(cells[s], 80) for s in (8, 16, 32)}
    return scores | {f"dis_pred_stride_{s}": _zeros(cells[s], 32) for s in (8, 16, 32)}


def random_outputs(kind: str, seed: int = 0) -> Tensors:
    """Outputs that look like nothing in particular, with many high scores."""
    rng = np.random.default_rng(seed)
    outputs = empty_outputs(kind)
    for name, values in outputs.items():
        if values.dtype == np.float32:
            outputs[name] = rng.random(values.shape, dtype=np.float32)
    if kind in END_TO_END:
        outputs["class_ids"] = np.arange(100)[None] % 80
        outputs["counts"] = np.array([100])
    if "boxes" in outputs:
        outputs["boxes"][..., 2:] += 1
    if kind == "yolov8":
        outputs["output0"][:, :4] *= 400
    elif kind in ("yolov5", "yolov10"):
        outputs["output0"][..., :4] *= 200
    if kind == "yolov10":
        outputs["output0"][..., 2:4] += 200
        outputs["output0"][..., 5] = np.arange(300) % 80
    return outputs


def _zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros((1, *shape), dtype=np.float32)
