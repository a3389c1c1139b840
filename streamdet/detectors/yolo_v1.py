"""YOLO: Redmon, Divvala, Girshick, Farhadi, "You Only Look Once", CVPR 2016, section 2.

The network (networks/yolo_v1.py) gives S x S cells of B boxes and C class probabilities each.
Departure: what the linear outputs leave of 0..1 is cut off before probabilities are multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.corners import corners
from streamdet.detectors.parts.network import require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime, Tensors

Floats = npt.NDArray[np.float32]


class YoloV1:
    """Decodes a YOLO network; a box may have several classes, as in the paper."""

    Options = NetworkOptions

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's network.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
        """
        self._run, image_input = require_network(model, runtime)
        self._selection = Selection(options, model)
        self._hw = image_input.hw
        self._classes = len(model.classes)
        self.runtime_name = self._run.name

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's output is not YOLO's.
        """
        return [self._decode(self._cells(outputs)) for outputs in self._run(images)]

    def _cells(self, outputs: Tensors) -> Floats:
        cells: Floats = next(iter(outputs.values()))
        boxes, rest = divmod(cells.shape[-1] - self._classes, 5)
        if cells.ndim != 4 or cells.shape[1] != cells.shape[2] or boxes < 1 or rest:
            raise EngineError(
                f"a YOLO network gives (1, S, S, 5 B + {self._classes}), got {cells.shape}"
            )
        first: Floats = cells[0]
        return first

    def _decode(self, cells: Floats) -> Detections:
        xyxy = decode_boxes(cells[..., : -self._classes], self._hw)
        all_scores = class_confidences(cells, self._classes).reshape(len(xyxy), -1)
        # NaN compares as lower than any threshold: such scores end here.
        boxes, class_ids = np.nonzero(all_scores >= self._selection.score_thresh)
        scores = all_scores[boxes, class_ids]
        rows = self._selection.candidates(scores, class_ids)
        return self._selection.detections(xyxy[boxes[rows]], scores[rows], class_ids[rows])


def class_confidences(cells: Floats, classes: int) -> Floats:
    """Multiply Pr(class | object) by Pr(object) * IoU, the confidence (section 2, equation 1).

    Args:
        cells: (S, S, 5 B + C).
        classes: C.

    Returns:
        (S, S, B, C), 0..1; NaN stays.
    """
    probabilities = np.clip(cells[..., None, -classes:], 0, 1)
    confidences = np.clip(cells[..., 4:-classes:5], 0, 1)
    return np.asarray(confidences[..., None] * probabilities)


def decode_boxes(boxes: Floats, hw: tuple[int, int]) -> Floats:
    """Find the boxes of all cells.

    Args:
        boxes: (S, S, 5 B): of each box the centre's x and y in cells from its cell's top left
            corner, the square roots of width and height as shares of the image, and a confidence.
        hw: height and width of the image, pixels.

    Returns:
        (S * S * B, 4) xyxy float32, pixels; cell by cell, row by row. Not finite where an output
        is not, or overflows.
    """
    side = len(boxes)
    image_wh = np.array(hw[::-1], np.float32)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    coded = boxes.reshape(side, side, -1, 5)
    with np.errstate(over="ignore", invalid="ignore"):
        centres = (coded[..., :2] + np.stack([x, y], axis=-1)[:, :, None]) / side * image_wh
        xyxy = corners(centres, np.square(coded[..., 2:4]) * image_wh)
    return np.asarray(xyxy.reshape(-1, 4), np.float32)
