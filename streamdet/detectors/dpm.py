"""DPM: a mixture of deformable part models, a root filter and parts that move at a cost.

Felzenszwalb, Girshick, McAllester, Ramanan, "Object Detection with Discriminatively Trained Part
Based Models", PAMI 32(9), 2010, sections 3 and 6, over a pyramid of HOG features. The models are
those of voc-release5 (.mat) or OpenCV (.xml). Departures: boxes are the roots' (no regression from
the places of the parts), suppression is by IoU, and a score becomes a chance (see
parts/margins.py). As in the paper a part may move anywhere; release 5 says 4 cells at most
(`part_reach: 4`), which is 8 % faster and has the same AP on Penn-Fudan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.dpm_file import load_mixture
from streamdet.detectors.parts.dpm_pyramid import feature_levels
from streamdet.detectors.parts.dpm_scores import MixtureScores
from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.options import DetectorOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig, find_weights
from streamdet.runtimes import Runtime

# Fitted to the share of right boxes (IoU 0.5) by margin on 2,400 boxes of release 5's person and
# car on Penn-Fudan, coco-mini, cars-320 and highway-id: half of them are right at about 0.0.
_SCALE: Final = MarginScale(half=0.0, steepness=3.6)

Floats = npt.NDArray[np.float32]


class DpmOptions(DetectorOptions):
    """Options of `Dpm`."""

    interval: int | None = Field(
        None, ge=1, le=20, description="Sizes of the image in an octave; by default the model's."
    )
    part_reach: int | None = Field(
        None, ge=0, le=100, description="Cells that a part may move on each axis; by default any."
    )


class Dpm:
    """Finds one class; runs in numpy."""

    Options = DpmOptions

    def __init__(
        self, options: DpmOptions, model: ModelConfig, runtime: Runtime | None = None
    ) -> None:
        """Load the model's filters; OpenCV's number of threads is set for the whole process.

        Raises:
            ConfigError: the model does not know one of the classes, has more than one itself, or
                its weights are missing or wrong.
            EngineError: what reads the weights is not installed.
        """
        self._selection = Selection(options, model)
        if len(model.classes) != 1:
            raise ConfigError(f"model {model.name!r} must have one class, got {model.classes}")
        import_opencv().setNumThreads(options.threads)
        self._mixture = load_mixture(find_weights(model))
        self._interval = options.interval or self._mixture.interval
        self._scores = MixtureScores(self._mixture, options.part_reach)
        self._least_margin = _SCALE.margin(self._selection.score_thresh)
        self.runtime_name = f"numpy {np.__version__}"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`; nothing below 40 x 40 pixels."""
        return [self._detect(image) for image in images]

    def _detect(self, image: Pixels) -> Detections:
        mixture = self._mixture
        boxes, margins = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        for level in feature_levels(image, mixture.cell, self._interval, mixture.padding_hw):
            stride = mixture.cell / level.scale
            for component, score in zip(mixture.components, self._scores(level), strict=True):
                y, x = np.nonzero(score >= self._least_margin)
                margins.append(score[y, x])
                corner = np.stack([x, y], axis=1) - np.array(mixture.padding_hw[::-1])
                sides = np.array(component.window_hw[::-1])
                cells = np.concatenate([corner, corner + sides], axis=1)
                boxes.append((cells * stride).astype(np.float32))
        xyxy: Floats = np.concatenate(boxes)
        scores = _SCALE.score(np.concatenate(margins))
        class_ids = np.zeros(len(scores), dtype=np.int64)
        rows = self._selection.candidates(scores, class_ids)
        return self._selection.detections(xyxy[rows], scores[rows], class_ids[rows])
