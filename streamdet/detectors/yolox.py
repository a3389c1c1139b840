"""YOLOX: Ge, Liu, Wang, Li, Sun, "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430.

Anchor-free, one box per cell (section 2.1). The exported network gives objectness and class scores
after their sigmoids, and boxes as they come out of the head; this file decodes the boxes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.network import network_of
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime

_STRIDES: Final = (8, 16, 32)

Floats = npt.NDArray[np.float32]


class Yolox:
    """Decodes a YOLOX network; a cell has one class, its best, as in the paper's own code."""

    Options = NetworkOptions

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's weights.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
        """
        self._run, image_input = network_of(model, runtime)
        self._selection = Selection(options, model)
        self._cells, self._strides = cell_grid(image_input.hw, _STRIDES)
        self._columns = 5 + len(model.classes)
        self.runtime_name = self._run.name

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's output is not YOLOX's.
        """
        return [self._decode(next(iter(outputs.values()))) for outputs in self._run(images)]

    def _decode(self, output: Floats) -> Detections:
        wanted = (1, len(self._cells), self._columns)
        if output.shape != wanted:
            raise EngineError(f"a YOLOX network gives {wanted}, got {output.shape}")
        # A score never exceeds its objectness: most cells end here.
        cells = np.flatnonzero(output[0, :, 4] >= self._selection.score_thresh)
        raw = output[0, cells]
        class_ids = raw[:, 5:].argmax(axis=1)
        scores = raw[:, 4] * raw[np.arange(len(raw)), 5 + class_ids]
        rows = self._selection.candidates(scores, class_ids)
        xyxy = decode_boxes(raw[rows, :4], self._cells[cells[rows]], self._strides[cells[rows]])
        return self._selection.detections(xyxy, scores[rows], class_ids[rows])


def decode_boxes(deltas: Floats, cells: Floats, strides: Floats) -> Floats:
    """Decode boxes from the cells' top left corners.

    Args:
        deltas: (N, 4), centre x and y in cells from the cell's corner, log of width and height
            in cells.
        cells: (N, 2), column and row of each cell.
        strides: (N, 1), pixels per cell.

    Returns:
        (N, 4) xyxy float32, pixels; infinite where a size overflows.
    """
    centres = (deltas[:, :2] + cells) * strides
    with np.errstate(over="ignore", invalid="ignore"):
        half = np.exp(deltas[:, 2:]) * strides / 2
        return np.concatenate([centres - half, centres + half], axis=1)
