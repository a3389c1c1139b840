"""NanoDet and PicoDet: heads that give each side of a box as a distribution.

NanoDet: Li et al., "Generalized Focal Loss", NeurIPS 2020; the network is RangiLyu's, on GitHub.
PicoDet: Yu et al., "PP-PicoDet: A Better Real-Time Object Detector on Mobile Devices", 2021.

Both have the head of Li et al., section 3 (distribution focal loss). Their class scores come out
of the network after their sigmoids and hold the box's quality; there is no objectness; a cell may
have several classes, as in both projects' own code. N counts cells, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streamdet.detections import Detections
from streamdet.detectors.parts.grid import cell_grid
from streamdet.detectors.parts.network import check_scores, grey_image, require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime, Tensors

Floats = npt.NDArray[np.float32]


class _Map(NamedTuple):
    """One output map: its stride and the names of its two outputs."""

    stride: int
    scores: str
    sides: str


class _Layout(NamedTuple):
    """What a project's network gives.

    Attributes:
        maps: by rising stride.
        shift: of a cell's point to the left and top of the cell's centre, pixels.
    """

    maps: tuple[_Map, ...]
    shift: float


_LAYOUTS: Final = {
    "nanodet": _Layout(
        tuple(
            _Map(stride, f"cls_pred_stride_{stride}", f"dis_pred_stride_{stride}")
            for stride in (8, 16, 32)
        ),
        shift=0.5,  # to the centre of the cell's middle pixel
    ),
    "picodet": _Layout(
        tuple(
            _Map(
                stride,
                f"save_infer_model/scale_{level}.tmp_1",
                f"save_infer_model/scale_{level + 4}.tmp_1",
            )
            for level, stride in enumerate((8, 16, 32, 64))
        ),
        shift=0.0,
    ),
}
"""Kind of detector -> layout."""


def scores_output(kind: str) -> str:
    """Name the output of a kind's finest class scores, (1, cells, classes)."""
    return _LAYOUTS[kind].maps[0].scores


class Gfl:
    """Decodes a NanoDet or PicoDet network; a cell may have several classes."""

    Options = NetworkOptions

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's weights.

        Raises:
            ConfigError: the model does not know one of the classes, or has no network.
            EngineError: the network's outputs are not the layout's.
        """
        self._run, image_input = require_network(model, runtime)
        self._maps, shift = _LAYOUTS[model.detector]
        cells, self._strides = cell_grid(image_input.hw, [level.stride for level in self._maps])
        self._points = (cells + 0.5) * self._strides - shift
        self._shape = (len(cells), len(model.classes))
        self._selection = Selection(options, model)
        self.runtime_name = self._run.name
        check_scores(self._joined(self._run([grey_image(image_input.hw)])[0])[0])

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's outputs are not the layout's.
        """
        return [self._decode(outputs) for outputs in self._run(images)]

    def _joined(self, outputs: Tensors) -> tuple[Floats, Floats]:
        """Join the maps: class scores (N, C) and sides (N, 4 * bins)."""
        missing = [n for m in self._maps for n in (m.scores, m.sides) if n not in outputs]
        if missing:
            raise EngineError(f"the network has no output {missing[0]!r}, only {list(outputs)}")
        class_scores = np.concatenate([outputs[level.scores][0] for level in self._maps])
        sides = np.concatenate([outputs[level.sides][0] for level in self._maps])
        if class_scores.shape != self._shape:
            raise EngineError(
                f"the network's class scores must be {self._shape}, got {class_scores.shape}"
            )
        bins, rest = divmod(sides.shape[1], 4)
        if bins < 2 or rest:
            raise EngineError(
                "the network's boxes must be (N, 4 * bins), a distribution of each side, got"
                f" {sides.shape}"
            )
        return class_scores, sides

    def _decode(self, outputs: Tensors) -> Detections:
        class_scores, sides = self._joined(outputs)
        high = np.flatnonzero(class_scores.ravel() >= self._selection.score_thresh)
        cells, class_ids = np.divmod(high, class_scores.shape[1])
        scores = class_scores[cells, class_ids]
        rows = self._selection.candidates(scores, class_ids)
        cells = cells[rows]
        points = self._points[cells]
        distances = expected_distances(sides[cells]) * self._strides[cells]
        xyxy = np.concatenate([points - distances[:, :2], points + distances[:, 2:]], axis=1)
        return self._selection.detections(xyxy, scores[rows], class_ids[rows])


def expected_distances(sides: Floats) -> Floats:
    """Take the expectation of each side's distribution (equation 5 of the paper).

    Args:
        sides: (N, 4 * bins) logits, the sides in the order left, top, right, bottom; bin k means
            a distance of k cells.

    Returns:
        (N, 4) distances from the cell's point, in cells; NaN where a logit is not finite.
    """
    logits = sides.reshape(len(sides), 4, sides.shape[1] // 4)
    bins = np.arange(logits.shape[2], dtype=np.float32)
    with np.errstate(invalid="ignore"):
        weights = np.exp(logits - logits.max(axis=2, keepdims=True))
        return np.asarray(weights @ bins / weights.sum(axis=2))
