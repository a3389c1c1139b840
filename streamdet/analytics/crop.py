"""Says which objects a second detector looks at, and where: it reads this node.

Only the places are decided here, with what must be remembered of each track. The pixels are cut out
where they are needed, in the detector's process (stages/detect_crops.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Final

import numpy as np
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.looks import LookOptions, Looks
from streamdet.detections import Detections
from streamdet.messages import Crop, FrameMessage
from streamdet.models.model_config import Hw

_NOTHING: Final = np.zeros(0, np.float32)
"""What this node sees of an object: the detector sees more."""


class CropOptions(LookOptions):
    """Options of `crop`."""

    every_frames: int = Field(
        1,
        ge=1,
        description="A track is looked at again after so many frames, at the earliest. What is"
        " found in it is in the frames in which it is looked at.",
    )
    most_looks: int = Field(
        8, ge=1, le=100, description="Looks in one frame, at most; the longest unseen come first."
    )
    min_side: float = Field(
        16.0, ge=0, description="Pixels of a box's shorter side, below which it is not looked at."
    )


class Crops:
    """Cuts objects out for a second detector, which reads this node."""

    Options = CropOptions

    def __init__(self, options: CropOptions, context: AnalyticsContext) -> None:
        """Begin a source."""
        self._options = options
        self._context = context
        self._looks = Looks(options)

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say which objects of a frame are to be looked at."""
        found = frame.detections or Detections.empty()
        crops = self._crops(frame, found)
        seen = {crop.row: _NOTHING for crop in crops}
        self._looks.add(frame.index, self._context.seconds(frame.frame), found, seen)
        return replace(frame, crops=crops)

    def state(self) -> bytes:
        """When each track was looked at, and seen."""
        return self._looks.state()

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._looks.restore(state)

    def _crops(self, frame: FrameMessage, found: Detections) -> tuple[Crop, ...]:
        options, boxes = self._options, found.xyxy.tolist()
        wanted = self._context.class_ids(frame.model, options.classes)
        places = [crop_xyxy(box, frame.frame.hw, options.margin) for box in boxes]

        def fits(row: int) -> bool:
            x1, y1, x2, y2 = boxes[row]
            is_wanted = wanted is None or int(found.class_ids[row]) in wanted
            is_large = min(x2 - x1, y2 - y1) >= options.min_side
            return is_wanted and is_large and places[row] is not None

        due = self._looks.due(frame.index, found, fits)
        return tuple(Crop(row, place) for row in due if (place := places[row]) is not None)


def crop_xyxy(xyxy: Sequence[float], hw: Hw, margin: float) -> tuple[int, int, int, int] | None:
    """Find the whole pixels of a box and its margin that lie inside a frame; None for none.

    Args:
        xyxy: the box, pixels.
        hw: height and width of the frame.
        margin: share of the box's sides, added on each side.
    """
    x1, y1, x2, y2 = xyxy
    dx, dy = margin * (x2 - x1), margin * (y2 - y1)
    left, top = max(0, floor(x1 - dx)), max(0, floor(y1 - dy))
    right, bottom = min(hw[1], ceil(x2 + dx)), min(hw[0], ceil(y2 + dy))
    return (left, top, right, bottom) if left < right and top < bottom else None
