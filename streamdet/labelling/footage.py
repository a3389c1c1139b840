"""Looks at the frames of one source, and writes images of some of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from streamdet.detections import Detections
from streamdet.image import Pixels
from streamdet.sources import DecodedFrame
from streamdet.system.atomic_file import write_whole

_JPEG_QUALITY: Final = 95

See = Callable[[int, Pixels], Detections]
"""Takes a frame's number and pixels and says what is in it; see `Labeller.see`."""


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """One frame that was looked at.

    Attributes:
        number: its place among the decoded frames of its source, from 0.
        hw: height and width, pixels.
        file_name: of its image; None where none was written.
        found: what is in it, with track ids; 0 for what belongs to no track.
    """

    number: int
    hw: tuple[int, int]
    file_name: str | None
    found: Detections


@dataclass(frozen=True, slots=True)
class Images:
    """Where images are written.

    Attributes:
        folder: of all images; made where it is missing.
        source_id: what their names begin with.
        keep_every: of the frames that are looked at, each N-th is written.
    """

    folder: Path
    source_id: str
    keep_every: int = 1

    def write(self, number: int, pixels: Pixels) -> str:
        """Write the image of a frame as a JPEG, whole or not at all; returns its name.

        Raises:
            EngineError: it cannot be written.
        """
        import cv2

        name = f"{self.source_id}-{number:06d}.jpg"
        _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        write_whole(self.folder / name, encoded.tobytes())
        return name


def look_at(frames: Iterable[DecodedFrame], see: See, images: Images) -> Iterator[SeenFrame]:
    """Look at the frames of one source, one after the other.

    Args:
        frames: of the source; each image is valid until the next.
        see: says what is in them.
        images: where frames are written.

    Raises:
        EngineError: an image cannot be written.
    """
    for count, frame in enumerate(frames):
        pixels, number = frame.image.bgr(), frame.position.decoded - 1
        found = see(number, pixels)
        is_kept = count % images.keep_every == 0
        name = images.write(number, pixels) if is_kept else None
        yield SeenFrame(number, frame.image.hw, name, replace(found, mask_probs=None))
