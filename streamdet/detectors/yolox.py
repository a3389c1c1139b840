"""YOLOX: Ge, Liu, Wang, Li, Sun, "YOLOX: Exceeding YOLO Series in 2021", arXiv 2107.08430.

Anchor-free, one box per cell (section 2.1). The exported network gives objectness and class scores
after their sigmoids, and boxes either as they come out of the head or, exported with
--decode_in_inference, in pixels. Which of them is found out by one image at the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.end_to_end import read_detections
from streamdet.detectors.parts.corners import corners
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.network import check_scores, grey_image, require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import MOST_CANDIDATES, Selection
from streamdet.detectors.parts.yolox_tail import TailRules, YoloxTail
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.kernels.yolox import YoloxTop
from streamdet.models.model_config import Hw, ModelConfig
from streamdet.runtimes import Runtime, Tensors
from streamdet.runtimes.gpu.runtime import GpuRuntime

_STRIDES: Final = (8, 16, 32)
_FARTHEST: Final = 5.0
"""Cells between a cell and its box's centre, in the median: .3 to .5 for YOLOX-nano."""

BoxForm = Literal["deltas", "pixels", "corners", "shares of the image"]
"""What four numbers of a box mean; the last two are recognised to be refused."""

Floats = npt.NDArray[np.float32]


class Yolox:
    """Decodes a YOLOX network; a cell has one class, its best, as in the paper's own code."""

    Options = NetworkOptions
    runs_on_gpu = True

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's weights.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
            EngineError: the network's output is not YOLOX's.
        """
        self._run, image_input = require_network(model, runtime)
        self._selection = Selection(options, model)
        self._cells, self._strides = cell_grid(image_input.hw, _STRIDES)
        self._columns = 5 + len(model.classes)
        self.runtime_name = self._run.name
        self._form = self._find_form(grey_image(image_input.hw))
        if isinstance(self._run, GpuRuntime):
            rules = self._tail_rules(image_input.hw)
            self._run.end_in(lambda gpu, given: YoloxTail(rules, gpu, next(iter(given.values()))))

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's output is not YOLOX's.
        """
        found = self._run(images)
        if isinstance(self._run, GpuRuntime):  # its kernels have decoded and suppressed
            return [read_detections(outputs, self._selection) for outputs in found]
        return [self._decode(self._rows(outputs)) for outputs in found]

    def _tail_rules(self, hw: Hw) -> TailRules:
        return TailRules(
            YoloxTop(hw, self._selection.score_thresh, self._form == "deltas"),
            self._selection.is_kept_class.astype(np.uint8),
            self._selection.iou_thresh,
            MOST_CANDIDATES,
            self._selection.max_detections,
        )

    def _find_form(self, image: Pixels) -> BoxForm:
        [outputs] = self._run([image])
        rows = self._rows(outputs)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.any():
            raise EngineError("the network gives no finite numbers for a grey image")
        check_scores(rows[:, 4:])
        return box_form(rows[finite, :4], self._cells[finite], self._strides[finite])

    def _rows(self, outputs: Tensors) -> Floats:
        output = next(iter(outputs.values()))
        wanted = (1, len(self._cells), self._columns)
        if output.shape != wanted:
            raise EngineError(f"a YOLOX network gives {wanted}, got {output.shape}")
        rows: Floats = output[0]
        return rows

    def _decode(self, output: Floats) -> Detections:
        # A score never exceeds its objectness: most cells end here.
        cells = np.flatnonzero(output[:, 4] >= self._selection.score_thresh)
        raw = output[cells]
        class_ids = raw[:, 5:].argmax(axis=1)
        scores = raw[:, 4] * raw[np.arange(len(raw)), 5 + class_ids]
        rows = self._selection.candidates(scores, class_ids)
        cells = cells[rows]
        if self._form == "deltas":
            xyxy = decode_boxes(raw[rows, :4], self._cells[cells], self._strides[cells])
        else:
            xyxy = corners(raw[rows, :2], raw[rows, 2:4])
        return self._selection.detections(xyxy, scores[rows], class_ids[rows])


def box_form(boxes: Floats, cells: Floats, strides: Floats) -> BoxForm:
    """Recognise the form of a network's boxes: in it each box lies near its cell.

    Args:
        boxes: (N, 4), one of each cell.
        cells: (N, 2), column and row of each cell.
        strides: (N, 1), pixels per cell.

    Returns:
        "deltas": centre and size from the cell, see `decode_boxes`; "pixels": both in pixels.

    Raises:
        EngineError: they are in another form.
    """
    image_wh = ((cells + 1) * strides).max(axis=0)
    centres: dict[
        BoxForm, npt.NDArray[Any]
    ] = {  # in pixels; of equally near ones the first is taken
        "deltas": (boxes[:, :2] + cells) * strides,
        "pixels": boxes[:, :2],
        "corners": (boxes[:, :2] + boxes[:, 2:]) / 2,
        "shares of the image": boxes[:, :2] * image_wh,
    }
    distances = {
        form: float(np.median(np.abs(centre / strides - cells - 0.5)))
        for form, centre in centres.items()
    }
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] > _FARTHEST or nearest not in ("deltas", "pixels"):
        found = nearest if distances[nearest] <= _FARTHEST else "nothing near their cells"
        raise EngineError(
            "a YOLOX network gives boxes as centre and size, from their cells or in pixels; these"
            f" look like {found}"
        )
    return nearest


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
    with np.errstate(over="ignore"):
        return corners((deltas[:, :2] + cells) * strides, np.exp(deltas[:, 2:]) * strides)
