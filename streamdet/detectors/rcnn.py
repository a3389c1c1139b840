"""R-CNN: Girshick et al., "Rich feature hierarchies for accurate object detection", CVPR 2014.

Every proposal is cut out with some context, warped to the network's size and looked at by itself
(sections 2.1 and 2.2; networks/region_cnn.py has the network). P regions, C classes.

Departure: suppression counts from a score, which a margin has become (see networks/region_head.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.detections import Detections
from streamdet.detectors.parts.network import require_network
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.proposal_options import ProposalOptions, make_proposer
from streamdet.detectors.parts.selection import Selection
from streamdet.detectors.proposals import Boxes
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput, ModelConfig
from streamdet.runtimes import Runtime, Tensors

_REGIONS_AT_ONCE: Final = 64  # 10 MB of crops; 2,000 would be 300


class RcnnOptions(ProposalOptions):
    """Options of `Rcnn`."""

    max_proposals: int = Field(
        2000, ge=1, le=10_000, description="Most regions that are looked at in an image."
    )
    context: int = Field(
        16, ge=0, le=64, description="Border around a region's box in its crop, pixels."
    )


class Rcnn:
    """Looks at each proposed region of an image by itself."""

    Options = RcnnOptions
    takes_any_hw = True  # the network sees warped regions, see parts.network.image_hw

    def __init__(self, options: RcnnOptions, model: ModelConfig, runtime: Runtime | None) -> None:
        """Join options, model and the runtime; OpenCV's threads are set for the whole process.

        Raises:
            ConfigError: the model does not know one of the classes or has no network; what is to
                propose is missing or wrong.
            EngineError: OpenCV is missing, or what is to propose cannot run here.
        """
        self._run, self._input = require_network(model, runtime)
        import_opencv().setNumThreads(options.threads)
        self._options = options
        self._selection = Selection(options, model)
        self._propose = make_proposer(options, model)
        self._count = count()
        self._classes = len(model.classes)
        self.runtime_name = f"{self._run.name}, proposals: {self._propose.name}"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: a runtime failed, or the network's outputs are not of R-CNN.
        """
        return self.detect_frames(images, [next(self._count) for _ in images])

    def detect_frames(self, images: Sequence[Pixels], indices: Sequence[int]) -> list[Detections]:
        """Detect in frames of known places; see `FrameDetector`.

        Raises:
            EngineError: a runtime failed, or the network's outputs are not of R-CNN.
        """
        return [self._detect(image, index) for image, index in zip(images, indices, strict=True)]

    def _detect(self, image: Pixels, index: int) -> Detections:
        proposals = self._propose(image, self._options.max_proposals, index)
        if not len(proposals):
            return Detections.empty()
        looks = list(self._looked_at(image, proposals))
        scores = np.concatenate([look["scores"][0] for look in looks])
        boxes = np.concatenate([look["boxes"][0] for look in looks])
        class_ids = np.tile(np.arange(self._classes), len(proposals))
        rows = self._selection.candidates(scores, class_ids)
        return self._selection.detections(boxes[rows], scores[rows], class_ids[rows])

    def _looked_at(self, image: Pixels, proposals: Boxes) -> Iterator[Tensors]:
        """Give the network's outputs of each region."""
        for first in range(0, len(proposals), _REGIONS_AT_ONCE):
            some = proposals[first : first + _REGIONS_AT_ONCE]
            crops = [warped(image, xyxy, self._input, self._options.context) for xyxy in some]
            outputs = self._run(crops, [{"proposal": xyxy[None]} for xyxy in some])
            yield from (self._checked(region) for region in outputs)

    def _checked(self, outputs: Tensors) -> Tensors:
        wanted = {"scores": (1, self._classes), "boxes": (1, self._classes, 4)}
        found = {name: value.shape for name, value in outputs.items()}
        if found != wanted:
            raise EngineError(f"the network gives {found}, R-CNN wants {wanted}")
        return outputs


def warped(
    image: Pixels, xyxy: npt.NDArray[np.float32], image_input: ImageInput, context: int
) -> Pixels:
    """Cut a region out and warp it to the network's size, whatever its shape (appendix A).

    Args:
        image: (H, W, 3) uint8 BGR.
        xyxy: (4,) pixels, with an area.
        image_input: the size; its mean fills what is outside the image.
        context: pixels of the result around the box on each side (the paper's p), less than half
            of a side.

    Returns:
        (h, w, 3) uint8 BGR.
    """
    cv2 = import_opencv()
    height, width = image_input.hw
    scale = (xyxy[2:] - xyxy[:2]) / (np.array([width, height]) - 2 * context)  # source / result
    start = xyxy[:2] + (0.5 - context) * scale - 0.5  # centres of pixels lie at halves
    matrix = np.array([[scale[0], 0, start[0]], [0, scale[1], start[1]]])
    mean = image_input.mean if image_input.colour == "bgr" else image_input.mean[::-1]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(image, matrix, (width, height), flags=flags, borderValue=mean)
    return np.asarray(crop, dtype=np.uint8)
