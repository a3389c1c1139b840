"""HOG + SVM: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005.

A linear SVM over the gradients of a window that slides over an image pyramid (section 3). The
features and the sliding are OpenCV's. A
model may hold several SVMs, for views of an object whose shapes differ: the mixture of Felzenszwalb
et al., PAMI 2010, section 3.2, without its parts. A model without weights is OpenCV's own people
detector: it finds upright people who are about 96 pixels high or higher in the prepared image.
Departures from the paper: NMS in place of mean shift, and the SVM's margin becomes a score (see
parts/margins.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.detectors.parts.window_svm import HogGeometry, WindowSvm, load_window_svms
from streamdet.errors import ConfigError, EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig, find_weights
from streamdet.runtimes import Runtime, threads_text

# Fitted to the share of right boxes (IoU 0.5) by margin on 1,100 detections of PETS09-S2L1,
# TUD-Campus and Penn-Fudan: half of them are right at 0.83.
_PEOPLE_SCALE: Final = MarginScale(half=0.83, steepness=2.7)

# The window is wider and higher than the person in it. These shares, cut off each side, gave the
# best AP on PETS09-S2L1: 0.76, against 0.31 with the (0.1, 0.07) of OpenCV's sample.
_PEOPLE_SHRINK_XY: Final = (0.2, 0.1)


Floats = npt.NDArray[np.float32]


class HogSvmOptions(DetectorOptions):
    """Options of `HogSvm`."""

    win_stride: int = Field(
        8, ge=8, le=64, multiple_of=8, description="Step of the window, pixels."
    )
    padding: int = Field(
        16, ge=0, le=64, multiple_of=8, description="Border added around the image, pixels."
    )
    pyramid_scale: float = Field(
        1.2, ge=1.01, le=2.0, description="Ratio of neighbouring sizes; nearer 1: better, slower."
    )


class HogSvm:
    """Finds one class; the same image always gives the same boxes in the same order."""

    Options = HogSvmOptions

    def __init__(
        self, options: HogSvmOptions, model: ModelConfig, runtime: Runtime | None = None
    ) -> None:
        """Set OpenCV up; its number of threads is set for the whole process.

        Raises:
            ConfigError: the model does not know one of the classes, has more than one itself, or
                its weights are missing or wrong.
            EngineError: OpenCV is missing, or it has no HOGDescriptor (5.0 has none).
        """
        self._selection = Selection(options, model)
        if len(model.classes) != 1:
            raise ConfigError(f"model {model.name!r} must have one class, got {model.classes}")
        cv2 = _opencv()
        cv2.setNumThreads(options.threads)
        weights = None if model.weights is None else find_weights(model)
        svms = (people_svm(),) if weights is None else load_window_svms(weights)
        self._views = [(svm, Scanner(svm, options)) for svm in svms]
        self.runtime_name = f"opencv {cv2.__version__}, {threads_text(options.threads)}"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`; nothing in one below the window."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Pixels) -> Detections:
        boxes, chances = zip(
            *(self._seen(image, svm, scan) for svm, scan in self._views), strict=True
        )
        xyxy, scores = np.concatenate(boxes), np.concatenate(chances)
        # OpenCV's threads hand windows in as they finish: a fixed order makes ties fall alike.
        order = np.lexsort((*xyxy.T, -scores))
        class_ids = np.zeros(len(order), dtype=np.int64)
        rows = order[self._selection.candidates(scores[order], class_ids)]
        return self._selection.detections(xyxy[rows], scores[rows], class_ids[rows])

    def _seen(self, image: Pixels, svm: WindowSvm, scan: Scanner) -> tuple[Floats, Floats]:
        windows, margins = scan(image, svm.scale.margin(self._selection.score_thresh))
        return shrunk(windows, svm.shrink_xy), svm.scale.score(margins)


class Scanner:
    """Slides a window over a pyramid of images."""

    def __init__(self, svm: WindowSvm, options: HogSvmOptions) -> None:
        """Hand an SVM to OpenCV.

        Raises:
            EngineError: OpenCV is missing or has no HOGDescriptor.
        """
        self._hw = svm.geometry.window_hw
        self._hog = hog_descriptor(svm.geometry)
        self._hog.setSVMDetector(np.append(svm.coefficients, np.float32(svm.bias)))
        self._options = options

    def __call__(self, image: Pixels, least: float) -> tuple[Floats, Floats]:
        """Give the windows (N, 4), xyxy in pixels, whose margins (N,) are at least `least`.

        A window may lie partly in the padding; an image smaller than one has none.
        """
        if image.shape[0] < self._hw[0] or image.shape[1] < self._hw[1]:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        xywh, margins = self._hog.detectMultiScale(
            image,
            hitThreshold=least,
            winStride=(self._options.win_stride,) * 2,
            padding=(self._options.padding,) * 2,
            scale=self._options.pyramid_scale,
            groupThreshold=0,
        )
        windows = np.reshape(xywh, (-1, 4)).astype(np.float32)
        windows[:, 2:] += windows[:, :2]
        return windows, np.ravel(margins).astype(np.float32)


def people_svm() -> WindowSvm:
    """Give the SVM that OpenCV ships: people, trained on the paper's INRIA images.

    Raises:
        EngineError: OpenCV is missing or has no HOGDescriptor.
    """
    coefficients = np.ravel(_opencv().HOGDescriptor_getDefaultPeopleDetector())
    return WindowSvm(
        geometry=HogGeometry(),
        coefficients=coefficients[:-1].astype(np.float32),
        bias=float(coefficients[-1]),
        shrink_xy=_PEOPLE_SHRINK_XY,
        scale=_PEOPLE_SCALE,
    )


def hog_descriptor(geometry: HogGeometry) -> Any:
    """Make OpenCV's HOGDescriptor for a window: square root gamma, L2-Hys.

    Raises:
        EngineError: OpenCV is missing or has no HOGDescriptor.
    """
    hog = _opencv().HOGDescriptor(
        geometry.window_hw[::-1],
        geometry.block_hw[::-1],
        geometry.block_stride_hw[::-1],
        geometry.cell_hw[::-1],
        geometry.bins,
        _gammaCorrection=True,
        _signedGradient=geometry.is_signed,
    )
    return hog


def shrunk(windows: Floats, shrink_xy: tuple[float, float]) -> Floats:
    """Cut shares of the width and height off windows (N, 4), xyxy: the boxes of the objects."""
    margin = (windows[:, 2:] - windows[:, :2]) * np.array(shrink_xy, dtype=np.float32)
    return np.concatenate([windows[:, :2] + margin, windows[:, 2:] - margin], axis=1)


def _opencv() -> Any:
    cv2 = import_opencv()
    if not hasattr(cv2, "HOGDescriptor"):
        raise EngineError(f"opencv {cv2.__version__} has no HOGDescriptor, a 4.x release has it")
    return cv2
