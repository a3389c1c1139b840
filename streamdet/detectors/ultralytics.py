"""YOLOv5, YOLOv8 and YOLOv10 networks as the package ultralytics exports them to ONNX.

YOLOv5: Jocher et al., 2020, on GitHub; it has no paper.
YOLOv8: Jocher et al., 2023, on GitHub; it has no paper.
YOLOv10: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024.

YOLOv5 gives a row for each of three anchors of each cell: centre, size, objectness, class scores.
YOLOv8 (YOLO11 and YOLO12 too) gives a column for each cell: centre, size, class scores. YOLOv10
(YOLO26 and exports with `nms=True` too) gives a row for each detection, and needs no suppression
(its section 3.1): corners, score, class.

Boxes are in pixels of the prepared image, scores come after their sigmoids. A cell has its best
class, as in the package's own prediction. N counts rows. Nothing of the package is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.corners import corners
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.network import check_scores, grey_image, require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime, Tensors

STRIDES: Final = ((8, 16, 32), (8, 16, 32, 64))
"""Of a network's maps; the second: of the larger sort, P6."""

Floats = npt.NDArray[np.float32]
_Shape = tuple[int | str, ...]


class _Found(NamedTuple):
    """Rows above the threshold, all finite: (N, 4) xyxy, (N,) scores, (N,) class ids."""

    xyxy: Floats
    scores: Floats
    class_ids: npt.NDArray[np.int64]


_Read = Callable[[Floats, float], _Found]
"""Reads what is above a threshold off an image's output."""


class Ultralytics:
    """Reads the boxes off a network of one of these layouts."""

    Options = NetworkOptions

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's network.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
            EngineError: the network's output is not of the model's layout.
        """
        self._run, image_input = require_network(model, runtime)
        shape_of, self._read = _LAYOUTS[model.detector]
        cells = [len(cell_grid(image_input.hw, strides)[0]) for strides in STRIDES]
        self._wanted = [shape_of(count, len(model.classes)) for count in cells]
        self._is_suppressed = model.detector == "yolov10"
        self._selection = Selection(options, model)
        self.runtime_name = self._run.name
        self._check(self._output(self._run([grey_image(image_input.hw)])[0]))

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's output is not of the layout.
        """
        return [self._decode(self._output(outputs)) for outputs in self._run(images)]

    def _output(self, outputs: Tensors) -> Floats:
        output: Floats = next(iter(outputs.values()))
        if not any(_fits(output.shape, wanted) for wanted in self._wanted):
            wanted = " or ".join(dict.fromkeys(map(str, self._wanted)))
            raise EngineError(f"a network of this model gives {wanted}, got {output.shape}")
        image: Floats = output[0]
        return image

    def _check(self, output: Floats) -> None:
        found = self._read(output, -np.inf)
        check_scores(found.scores)
        if 0 < np.abs(found.xyxy).max(initial=0) <= 2:
            raise EngineError(
                "the network's boxes must be in pixels, these look like shares of the image"
            )

    def _decode(self, output: Floats) -> Detections:
        found = self._read(output, self._selection.score_thresh)
        if self._is_suppressed:
            self._selection.check_class_ids(found.class_ids)
            rows = self._selection.of_suppressed(found.scores, found.class_ids)
            return Detections(found.xyxy[rows], found.scores[rows], found.class_ids[rows])
        rows = self._selection.candidates(found.scores, found.class_ids)
        return self._selection.detections(
            found.xyxy[rows], found.scores[rows], found.class_ids[rows]
        )


def _read_yolov5(output: Floats, thresh: float) -> _Found:
    rows = _finite(output[output[:, 4] >= thresh])
    scores = rows[:, 5:] * rows[:, 4:5]
    return _Found(corners(rows[:, :2], rows[:, 2:4]), scores.max(axis=1), scores.argmax(axis=1))


def _read_yolov8(output: Floats, thresh: float) -> _Found:
    rows = _finite(output.T[output[4:].max(axis=0) >= thresh])
    scores = rows[:, 4:]
    return _Found(corners(rows[:, :2], rows[:, 2:4]), scores.max(axis=1), scores.argmax(axis=1))


def _read_yolov10(output: Floats, thresh: float) -> _Found:
    rows = _finite(output[output[:, 4] >= thresh])
    return _Found(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64))


def _finite(rows: Floats) -> Floats:
    return rows[np.isfinite(rows).all(axis=1)]


def _fits(shape: _Shape, wanted: _Shape) -> bool:
    return len(shape) == len(wanted) and all(
        side in (other, "any") for side, other in zip(wanted, shape, strict=True)
    )


_LAYOUTS: Final[dict[str, tuple[Callable[[int, int], _Shape], _Read]]] = {
    "yolov5": (lambda cells, classes: (1, 3 * cells, 5 + classes), _read_yolov5),
    "yolov8": (lambda cells, classes: (1, 4 + classes, cells), _read_yolov8),
    "yolov10": (lambda cells, classes: (1, "any", 6), _read_yolov10),
}
"""Kind of detector -> the output's shape for so many cells and classes, and what reads it."""
