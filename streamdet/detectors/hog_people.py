"""HOG people: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.

OpenCV's own detector: a linear SVM over the gradients of a 64 x 128 window that slides over an
image pyramid. It finds upright people who are about 96 pixels high or higher in the prepared
picture, and needs no weights file. Departures from the paper: NMS in place of mean shift, and the
SVM's margin becomes a score (see `score_of_margin`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.model_config import ModelConfig
from streamdet.runtimes import Runtime

# Fitted to the share of right boxes (IoU 0.5) by margin on 1,100 detections of PETS09-S2L1,
# TUD-Campus and Penn-Fudan: half of them are right at 0.83.
_MARGIN_OF_HALF: Final = 0.83
_STEEPNESS: Final = 2.7

# The window is wider and higher than the person in it. These shares, cut off each side, gave the
# best AP on PETS09-S2L1: 0.76, against 0.31 with the (0.1, 0.07) of OpenCV's sample.
_SHRINK_XY: Final = (0.2, 0.1)

_WINDOW_HW: Final = (128, 64)


class HogPeopleOptions(DetectorOptions):
    """Options of `HogPeople`."""

    win_stride: int = Field(
        8, ge=8, le=64, multiple_of=8, description="Step of the window, pixels."
    )
    padding: int = Field(
        16, ge=0, le=64, multiple_of=8, description="Border added around the picture, pixels."
    )
    pyramid_scale: float = Field(
        1.2, ge=1.01, le=2.0, description="Ratio of neighbouring sizes; nearer 1: better, slower."
    )


class HogPeople:
    """Finds upright people; the same picture always gives the same boxes in the same order."""

    Options = HogPeopleOptions

    def __init__(
        self, options: HogPeopleOptions, model: ModelConfig, runtime: Runtime | None = None
    ) -> None:
        """Set OpenCV up; its number of threads is set for the whole process.

        Raises:
            ConfigError: the model does not know one of the classes.
            EngineError: OpenCV is missing, or it has no HOGDescriptor (5.0 has none).
        """
        self._options = options
        self._selection = Selection(options, model)
        cv2 = _opencv()
        cv2.setNumThreads(options.threads)
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
        self.class_names = model.classes
        plural = "" if options.threads == 1 else "s"
        self.runtime_name = f"opencv {cv2.__version__}, {options.threads} thread{plural}"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared picture; see `Detector`; below 64 x 128 pixels, nobody."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Pixels) -> Detections:
        if image.shape[0] < _WINDOW_HW[0] or image.shape[1] < _WINDOW_HW[1]:
            return Detections.empty()
        xywh, margins = self._hog.detectMultiScale(
            image,
            hitThreshold=margin_of_score(self._selection.score_thresh),
            winStride=(self._options.win_stride,) * 2,
            padding=(self._options.padding,) * 2,
            scale=self._options.pyramid_scale,
            groupThreshold=0,
        )
        xyxy = _person_boxes(np.reshape(xywh, (-1, 4)).astype(np.float32))
        scores = score_of_margin(np.ravel(margins))
        # OpenCV's threads hand windows in as they finish: a fixed order makes ties fall alike.
        order = np.lexsort((*xyxy.T, -scores))
        class_ids = np.zeros(len(order), dtype=np.int64)
        rows = order[self._selection.candidates(scores[order], class_ids)]
        return self._selection.detections(xyxy[rows], scores[rows], class_ids[rows])


def score_of_margin(margins: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Map the SVM's margins to 0..1, rising: about the chance that the box is right.

    The inverse of `margin_of_score`.
    """
    odds = np.exp(_STEEPNESS * (margins - _MARGIN_OF_HALF))
    return np.asarray(odds / (1.0 + odds), dtype=np.float32)


def margin_of_score(score: float) -> float:
    """Map a score to the SVM's margin, a hair lower; 0 and 1 give a finite margin too."""
    inside = min(max(score, 1e-6), 1.0 - 1e-6)
    return _MARGIN_OF_HALF + math.log(inside / (1.0 - inside)) / _STEEPNESS - 1e-6


def _person_boxes(xywh: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    margin = xywh[:, 2:] * np.array(_SHRINK_XY, dtype=np.float32)
    return np.concatenate([xywh[:, :2] + margin, xywh[:, :2] + xywh[:, 2:] - margin], axis=1)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as exc:
        raise EngineError("opencv is not installed: pip install 'streamdet[opencv]'") from exc
    if not hasattr(cv2, "HOGDescriptor"):
        raise EngineError(f"opencv {cv2.__version__} has no HOGDescriptor, a 4.x release has it")
    return cv2
