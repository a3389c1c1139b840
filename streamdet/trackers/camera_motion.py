"""How a camera moved from one frame to the next (BoT-SORT, section 3.2).

Corners of the last image are followed into this one (Shi & Tomasi 1994; Lucas & Kanade in pyramids,
Bouguet 2000), and RANSAC finds the shift, turn and scale that most of them share. Images are made
small before: what counts is the motion of the scene, not of people.
"""

from __future__ import annotations

import zlib
from typing import Final

import msgpack
import numpy as np
import numpy.typing as npt

from streamdet.image import Image
from streamdet.system.opencv import import_opencv

Floats = npt.NDArray[np.float64]

LONGEST_SIDE: Final = 320
"""Pixels of the small image: 58 kB before compression, which a tracker's state holds."""
_CORNERS: Final = {"maxCorners": 200, "qualityLevel": 0.01, "minDistance": 5, "blockSize": 3}
_LEAST_SHARED: Final = 10
"""Corners that must share a motion; with fewer the camera is taken to stand."""
_RANSAC_PX: Final = 1.0
_STANDS_PX: Final = 0.1
"""A motion that moves no corner of the small image by more is none: what is measured of a camera
that stands."""


class SparseFlow:
    """Follows the corners of a source's images."""

    def __init__(self) -> None:
        """Begin without an image.

        Raises:
            EngineError: OpenCV is not installed.
        """
        self._cv2 = import_opencv()
        self._last: npt.NDArray[np.uint8] | None = None

    def motion(self, image: Image) -> Floats | None:
        """Measure how the scene moved since the last image.

        Returns:
            (2, 3): a point (x, y, 1) of the last image lies there in this one, source pixels; None
            where the camera stands, where too few corners agree, and for the first image.
        """
        small, scale_xy = self._small(image)
        last, self._last = self._last, small
        if last is None or last.shape != small.shape:
            return None
        moved = self._followed(last, small)
        if moved is None or not _is_motion(moved, small.shape):
            return None
        return _in_source_pixels(moved, scale_xy)

    def state(self) -> bytes:
        """Pack the last image; the inverse of `restore`."""
        if self._last is None:
            return b""
        packed: bytes = msgpack.packb((self._last.shape, zlib.compress(self._last.tobytes(), 1)))
        return packed

    def restore(self, state: bytes) -> None:
        """Go on from a packed image.

        Raises:
            ValueError: it is none.
        """
        self._last = None
        if state:
            try:
                shape, pixels = msgpack.unpackb(state)
                self._last = np.frombuffer(zlib.decompress(pixels), np.uint8).reshape(shape)
            except (TypeError, ValueError, zlib.error, msgpack.UnpackException) as exc:
                raise ValueError(f"{len(state)} bytes are not an image: {exc}") from exc

    def _small(self, image: Image) -> tuple[npt.NDArray[np.uint8], Floats]:
        """Make a small grey image; returns it and source pixels per small pixel, (2,) xy."""
        height, width = image.hw
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        small_hw = max(1, round(height * scale)), max(1, round(width * scale))
        # Of all its pixels: `resize_into` gives others where an image is not BGR yet, so that an
        # archive would differ from a run.
        grey = self._cv2.cvtColor(image.bgr(), self._cv2.COLOR_BGR2GRAY)
        grey = self._cv2.resize(grey, small_hw[::-1], interpolation=self._cv2.INTER_AREA)
        return grey, np.array((width / small_hw[1], height / small_hw[0]))

    def _followed(self, last: npt.NDArray[np.uint8], now: npt.NDArray[np.uint8]) -> Floats | None:
        """Find the motion (2, 3) that most corners share, small pixels."""
        cv2 = self._cv2
        corners = cv2.goodFeaturesToTrack(last, **_CORNERS)
        if corners is None or len(corners) < _LEAST_SHARED:
            return None
        found, is_found, _ = cv2.calcOpticalFlowPyrLK(last, now, corners, None)
        good = is_found[:, 0] == 1
        if np.count_nonzero(good) < _LEAST_SHARED:
            return None
        cv2.setRNGSeed(0)  # the same images give the same motion
        moved, shared = cv2.estimateAffinePartial2D(
            corners[good], found[good], method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX
        )
        if moved is None or np.count_nonzero(shared) < max(_LEAST_SHARED, len(shared) // 2):
            return None
        return np.asarray(moved, np.float64)


def move_filters(filters: Floats, motion: Floats) -> None:
    """Move filters of centre, width and height with the camera, in place.

    Variances are scaled, not turned: what a turn moves from one axis to the other is left out.

    Args:
        filters: (5, 4, N), see kalman.py.
        motion: (2, 3), a turn, a scale above 0 and a shift.
    """
    turn, shift = motion[:, :2], motion[:, 2:]
    scale = float(np.sqrt(np.linalg.det(turn)))
    filters[0, :2] = turn @ filters[0, :2] + shift
    filters[3, :2] = turn @ filters[3, :2]
    filters[(0, 3), 2:] *= scale
    filters[(1, 2, 4), :] *= scale * scale


def _is_motion(moved: Floats, hw: tuple[int, ...]) -> bool:
    height, width = hw
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    return bool(np.abs(corners @ moved.T - corners[:, :2]).max() > _STANDS_PX)


def _in_source_pixels(moved: Floats, scale_xy: Floats) -> Floats:
    """Say for source pixels what holds for small ones; rounding has made them not quite square."""
    scale = float(scale_xy.mean())
    return np.hstack((moved[:, :2], moved[:, 2:] * scale))
