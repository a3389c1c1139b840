"""Gives objects the same id from frame to frame. One paper is one file and one registry line."""

from __future__ import annotations

from typing import Protocol

from streamdet.detections import Detections, RowNumbers
from streamdet.image import Image


class Tracker(Protocol):
    """Follows the objects of ONE source. Constructed as `Tracker(options)`; deterministic.

    Track ids count from 1 in the order in which tracks are first reported.

    Attributes:
        rows: which of the last frame's detections each reported track took, in the order of the
            result of `update`: the others belong to no confirmed track.
    """

    rows: RowNumbers

    def update(self, detections: Detections) -> Detections:
        """Take the next frame's detections and return those that belong to a reported track.

        Args:
            detections: source pixels; an empty one for a frame without objects or without a result.

        Returns:
            Detections with track_ids: what the paper reports for this frame, sorted by track id.
        """
        ...

    def state(self) -> bytes:
        """Everything that later updates depend on; the inverse of `restore`."""
        ...

    def restore(self, state: bytes) -> None:
        """Go on as the tracker that returned `state` would: same ids, same boxes, bit for bit."""
        ...


class LookingTracker(Tracker, Protocol):
    """A tracker that also looks at images, where its options say so (`needs_image`)."""

    def look(self, image: Image | None) -> None:
        """Take the image of the frame whose detections the next `update` takes.

        Args:
            image: valid until then; None for a frame whose image was lost or never made.
        """
        ...
