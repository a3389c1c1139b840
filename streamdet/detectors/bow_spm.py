"""BoW + SPM: regions classified by their visual words, the ancestor that SPP-net is compared with.

Lazebnik, Schmid, Ponce, "Beyond Bags of Features: Spatial Pyramid Matching", CVPR 2006, sections 3
and 4; as a detector of regions: van de Sande, Uijlings, Gevers, Smeulders, "Segmentation as
Selective Search for Object Recognition", ICCV 2011, section 4. Departures: SIFT of grey images at
one scale, the Hellinger kernel in place of histogram intersection (see parts/bow_features.py), and
sliding boxes in place of selective search. training/svm/bow_fit.py makes its weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.bow_features import (
    dense_sift,
    nearest_words,
    pyramid_features,
    word_sums,
)
from streamdet.detectors.parts.bow_model import BowModel, load_bow_model
from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.detectors.parts.sliding_boxes import sliding_boxes
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig, find_weights
from streamdet.runtimes import Runtime, threads_text

_BOXES_AT_ONCE: Final = 256  # 256 x 21 bins x 200 words x 4 bytes: 4 MB, stays in the cache

Floats = npt.NDArray[np.float32]


class BowSpmOptions(DetectorOptions):
    """Options of `BowSpm`."""

    window_step: float = Field(
        0.25, gt=0, le=1, description="From box to box, as a share of the box's sides."
    )


class BowSpm:
    """Classifies sliding boxes; a box may be of several classes."""

    Options = BowSpmOptions

    def __init__(
        self, options: BowSpmOptions, model: ModelConfig, runtime: Runtime | None = None
    ) -> None:
        """Load words and SVMs; OpenCV's number of threads is set for the whole process.

        Raises:
            ConfigError: the model does not know one of the classes, or its weights are missing or
                wrong.
            EngineError: OpenCV is missing.
        """
        self._options = options
        self._selection = Selection(options, model)
        cv2 = import_opencv()
        cv2.setNumThreads(options.threads)
        self._model = load_bow_model(find_weights(model), len(model.classes))
        self.runtime_name = (
            f"opencv {cv2.__version__}, {threads_text(options.threads)}; numpy {np.__version__}"
        )

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`; nothing below the smallest box."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Pixels) -> Detections:
        hw = (image.shape[0], image.shape[1])
        boxes = sliding_boxes(hw, self._model.geometry.windows_hw, self._options.window_step)
        if not len(boxes):
            return Detections.empty()
        scores = region_scores(self._model, image, boxes)
        every_class = np.tile(np.arange(scores.shape[1]), len(boxes))
        rows = self._selection.candidates(scores.ravel(), every_class)
        return self._selection.detections(
            boxes[rows // scores.shape[1]], scores.ravel()[rows], every_class[rows]
        )


def region_scores(model: BowModel, image: Pixels, xyxy: Floats) -> Floats:
    """Score regions of an image, wherever they come from.

    Args:
        model: words and SVMs.
        image: (H, W, 3) uint8 BGR.
        xyxy: (N, 4) pixels.

    Returns:
        (N, C) float32, 0..1.
    """
    words = nearest_words(dense_sift(image, model.geometry), model.words)
    sums = word_sums(words, len(model.words))
    found = [np.zeros((0, len(model.biases)), dtype=np.float32)]
    for few in _portions(xyxy):
        features = pyramid_features(sums, few, model.geometry)
        margins = features @ model.coefficients.T + model.biases
        columns = [
            MarginScale(half, steepness).score(margins[:, column])
            for column, (half, steepness) in enumerate(model.scales.tolist())
        ]
        found.append(np.stack(columns, axis=1))
    return np.concatenate(found)


def _portions(xyxy: Floats) -> Iterator[Floats]:
    for first in range(0, len(xyxy), _BOXES_AT_ONCE):
        yield xyxy[first : first + _BOXES_AT_ONCE]
