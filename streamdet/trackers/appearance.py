"""What objects look like, as vectors, and what that is worth (BoT-SORT, section 3.3).

The network is one for finding people again, such as OSNet (Zhou et al. 2019): input `images`,
(1, 3, 256, 128), RGB, ImageNet's mean and deviation; its first output is the vector.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.onnxruntime import OnnxRuntime
from streamdet.system.opencv import import_opencv

Floats = npt.NDArray[np.float64]

_INPUT: Final = ImageInput(
    name="images",
    hw=(256, 128),
    colour="rgb",
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
)
_NEW_SHARE: Final = 0.1  # of a detection in its track's vector: equation 11, alpha .9


class Appearance:
    """A loaded network; use `load_appearance`."""

    def __init__(self, weights: Path) -> None:
        """Load the network.

        Raises:
            EngineError: ONNX Runtime or OpenCV is missing, or the file is not such a network.
        """
        self._cv2 = import_opencv()
        self._runtime = OnnxRuntime(weights, _INPUT, RuntimeOptions())
        self.length = len(self._vectors([np.zeros((*_INPUT.hw, 3), np.uint8)])[0])
        """How many numbers a vector has."""

    def __call__(self, image: Pixels, xyxy: Floats) -> Floats:
        """Look at objects.

        Args:
            image: (H, W, 3) of the frame.
            xyxy: (4, K) their boxes.

        Returns:
            (D, K) of length 1; 0 for a box that has no pixel inside the image.
        """
        vectors = np.zeros((self.length, xyxy.shape[1]))
        crops = [_crop(image, box) for box in xyxy.T]
        seen = [place for place, crop in enumerate(crops) if crop.size]
        if seen:
            shown = [self._cv2.resize(crops[place], _INPUT.hw[::-1]) for place in seen]
            vectors[:, seen] = np.stack(self._vectors(shown), axis=1)
        return unit(vectors)

    def _vectors(self, images: list[Pixels]) -> list[npt.NDArray[np.float32]]:
        return [next(iter(outputs.values()))[0].ravel() for outputs in self._runtime(images)]


@lru_cache(maxsize=4)
def load_appearance(weights: Path) -> Appearance:
    """Load a network once in a process: the trackers of all sources share it."""
    return Appearance(weights)


def with_appearance(
    iou: Floats, tracks: Floats, seen: Floats, gates: tuple[float, float]
) -> Floats:
    """Say what pairs are worth by overlap and look: the better of the two (equations 12 and 13).

    Args:
        iou: (N, M).
        tracks: (D, N) vectors of length 1, or 0 where none is known.
        seen: (D, M) of the detections.
        gates: least cosine, and least overlap, from which on looks count.
    """
    least_cosine, least_iou = gates
    cosine = tracks.T @ seen
    alike = (cosine >= least_cosine) & (iou >= least_iou)
    return np.maximum(iou, np.where(alike, 0.5 + 0.5 * cosine, 0.0))


def blended(tracks: Floats, seen: Floats) -> Floats:
    """Let tracks' vectors (D, K) follow those of their detections; 0 on a side says nothing."""
    is_known, is_seen = tracks.any(axis=0), seen.any(axis=0)
    share = np.where(is_known, np.where(is_seen, _NEW_SHARE, 0.0), 1.0)
    return unit((1.0 - share) * tracks + share * seen)


def unit(vectors: Floats) -> Floats:
    """Scale vectors (D, K) to length 1; 0 stays 0."""
    length = np.sqrt((vectors * vectors).sum(axis=0))
    return np.asarray(vectors / np.where(length > 0.0, length, 1.0))


def _crop(image: Pixels, box: Floats) -> Pixels:
    height, width = image.shape[:2]
    x1, y1 = np.floor(box[:2]).clip(0, (width, height)).astype(int).tolist()
    x2, y2 = np.ceil(box[2:]).clip(0, (width, height)).astype(int).tolist()
    return image[y1:y2, x1:x2]
