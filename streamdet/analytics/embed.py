"""Gives objects vectors by which they can be known again (re-identification).

In front of a tracker each frame's objects are looked at, and `bot_sort` compares their vectors in
the place of a network of its own. Behind a tracker a track is looked at now and then, and its
vector is the mean of all looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.looks import Seen
from streamdet.analytics.network_looks import NetworkLookOptions, NetworkLooks
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.models.model_config import ImageInput

_OSNET: Final = ImageInput(
    name="images",
    hw=(256, 128),
    colour="rgb",
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
)


class EmbedOptions(NetworkLookOptions):
    """Options of `embed`."""

    input: ImageInput = Field(
        _OSNET, description="How it wants its image; by default as OSNet (Zhou et al. 2019) does."
    )
    most_looks: int = Field(
        32, ge=1, le=100, description="Looks in one frame, at most; the longest unseen come first."
    )
    min_score: float = Field(
        0.5, ge=0, le=1, description="Score of an object, below which it is not looked at."
    )


class Embed:
    """Gives objects vectors of length 1 by a network of the user's; 0 where nothing was seen."""

    Options = EmbedOptions
    needs_image = True

    def __init__(self, options: EmbedOptions, context: AnalyticsContext) -> None:
        """Begin a source; the network is loaded, once in a process.

        Raises:
            EngineError: it cannot be.
        """
        self._looks = NetworkLooks(options, context, _unit, options.min_score)
        self._length = self._looks.length()

    def update(self, frame: FrameMessage) -> FrameMessage:
        """Say what is known of the tracks, without an image."""
        return self.look(frame, None)

    def look(self, frame: FrameMessage, image: Image | None) -> FrameMessage:
        """Look at the objects that are due, and say what is known of all.

        Raises:
            EngineError: the network has no such output.
        """
        found = frame.detections
        if found is None:
            return frame
        vectors = np.zeros((len(found), self._length), np.float16)
        for row, mean in enumerate(self._looks.means(frame, found, image)):
            if mean is not None:
                vectors[row] = _unit(mean)
        return replace(frame, detections=replace(found, vectors=vectors))

    def state(self) -> bytes:
        """The tracks with what was seen of them."""
        return self._looks.state()

    def restore(self, state: bytes) -> None:
        """Go on with the tracks."""
        self._looks.restore(state)


def _unit(vector: npt.NDArray[np.floating]) -> Seen:
    """Scale a vector to length 1; 0 stays 0."""
    length = float(np.linalg.norm(vector))
    return (vector / (length or 1.0)).astype(np.float32)
