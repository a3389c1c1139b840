"""Small JPEGs of a source's newest frames, written while somebody looks at them.

A viewer touches a file in the run's folder; the process that decodes the source looks at its time a
few times a second, and writes the frames that follow beside it. So nothing is drawn, copied or held
for a run that nobody looks at, and a slow viewer delays no stage: it finds the newest frames only.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.errors import FrameError
from streamdet.frame import Frame
from streamdet.image import Image

EVERY_S: Final = 0.1
"""Between two frames that are written."""
WANTED_S: Final = 3.0
"""How long frames are written after a viewer has asked."""
LOOK_EVERY_S: Final = 0.2
LONGEST_SIDE: Final = 960
KEPT: Final = 20
"""Frames: those that results come for later, and the one that is being read."""
_QUALITY: Final = 85


class PreviewFolder:
    """The newest frames of one source.

    Args:
        run_folder: of the run.
        source_id: any text.
    """

    def __init__(self, run_folder: Path, source_id: str) -> None:
        self._path = run_folder / "preview" / sha256(source_id.encode()).hexdigest()[:16]
        self._wanted = self._path / "wanted"

    def want(self) -> None:
        """Ask for frames for `WANTED_S`.

        Raises:
            OSError: the folder cannot be written, or the run is over.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        self._wanted.touch()

    def is_wanted(self) -> bool:
        """Whether somebody has asked in the last `WANTED_S`."""
        try:
            asked_s = self._wanted.stat().st_mtime
        except OSError:
            return False
        return abs(time.time() - asked_s) < WANTED_S

    def add(self, index: int, jpeg: bytes) -> None:
        """Write a frame; a reader finds the whole file or none.

        Raises:
            OSError: the folder cannot be written.
        """
        part = self._path / "part"
        part.write_bytes(jpeg)
        part.replace(self._path / f"{index:012}.jpg")
        for _, path in self.frames()[KEPT:]:
            path.unlink(missing_ok=True)

    def frames(self) -> list[tuple[int, Path]]:
        """List the frames that are there, (index, file), newest first."""
        with suppress(OSError):
            names = [name for name in os.listdir(self._path) if name.endswith(".jpg")]  # noqa: PTH208
            return [(int(Path(name).stem), self._path / name) for name in sorted(names)[::-1]]
        return []


@dataclass(slots=True)
class _Look:
    """How the preview of one source stands; times are monotonic seconds."""

    folder: PreviewFolder
    next_look_s: float = 0.0
    next_frame_s: float = 0.0
    is_wanted: bool = field(default=False)


class PreviewTap:
    """Writes the frames that pass by, as far as somebody looks.

    Args:
        run_folder: of the run.
    """

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = run_folder
        self._looks: dict[str, _Look] = {}

    def offer(self, frame: Frame, image: Image) -> None:
        """Write a frame if its source is looked at and the last one was long enough ago.

        A preview is no result: where it cannot be written, there is none.
        """
        now_s = time.monotonic()
        look = self._looks.get(frame.source_id)
        if look is None:
            folder = PreviewFolder(self._run_folder, frame.source_id)
            look = self._looks[frame.source_id] = _Look(folder)
        if now_s >= look.next_look_s:
            look.is_wanted = look.folder.is_wanted()
            look.next_look_s = now_s + LOOK_EVERY_S
        if look.is_wanted and now_s >= look.next_frame_s:
            look.next_frame_s = now_s + EVERY_S
            with suppress(OSError, FrameError):
                look.folder.add(frame.index, small_jpeg(image))


def small_jpeg(image: Image) -> bytes:
    """Write an image as JPEG whose longer side has at most `LONGEST_SIDE` pixels, both even."""
    import cv2

    height, width = image.hw
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    small = np.empty((_even(height * scale), _even(width * scale), 3), np.uint8)
    image.resize_into(small)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return jpeg.tobytes()


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
