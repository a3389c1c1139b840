"""What finds objects in images. One paper is one file here and one line in registry.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from streamdet.detections import Detections
from streamdet.image import Pixels


class Detector(Protocol):
    """Finds objects.

    Constructed as `Detector(options, model, runtime)` (see model_config.py; runtime is None for a
    detector without a network).

    Attributes:
        runtime_name: what really runs it, for the report, e.g. "openvino 2026.4.1 bf16, 1 thread".
    """

    runtime_name: str

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image.

        Args:
            images: (H, W, 3) uint8 BGR each, of the size that the model's transform makes.

        Returns:
            One `Detections` per image, boxes in that image's pixels (not clipped), sorted by
            falling score, already suppressed and above the score threshold. Class ids are indices
            of the model's classes.
        """
        ...


@runtime_checkable
class FrameDetector(Detector, Protocol):
    """A detector to which it matters which frames it sees, such as one with a file of proposals."""

    def detect_frames(self, images: Sequence[Pixels], indices: Sequence[int]) -> list[Detections]:
        """Detect in frames of one source; `__call__` numbers the images as they come.

        Args:
            images: as of `__call__`.
            indices: each frame's place in its source, from 0; in any order, some may be missing.
        """
        ...
