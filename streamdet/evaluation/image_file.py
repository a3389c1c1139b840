"""Images of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamdet.errors import ConfigError, FrameError, SourceError
from streamdet.image import Pixels
from streamdet.sources.images import MAX_PIXELS, read_image_file
from streamdet.sources.safe_open import open_plain_file
from streamdet.sources.tiff_thumbnail import THUMBNAIL_FIRST, begins_with_thumbnail


def read_image(path: Path, hw: tuple[int, int] | None = None) -> Pixels:
    """Decode an image: upright as its EXIF data says, or as it is stored if that has size `hw`.

    Labels were drawn on one or the other (COCO's on images as stored), which their size tells.

    Raises:
        ConfigError: it cannot be read, or it has another size.
    """
    upright = _decode(path)
    if hw is None or upright.shape[:2] == hw:
        return upright
    stored = _decode(path, is_upright=False)
    if stored.shape[:2] != hw:
        height, width = upright.shape[:2]
        raise ConfigError(f"{path}: is {width} x {height} pixels, its truth says {hw[1]} x {hw[0]}")
    return stored


def _decode(path: Path, *, is_upright: bool = True) -> Pixels:
    """Decode by OpenCV, or as `run` does: OpenCV always turns TIFF and knows no HEIC."""
    import cv2

    flags = cv2.IMREAD_COLOR | (0 if is_upright else cv2.IMREAD_IGNORE_ORIENTATION)
    cv2.utils.logging.setLogLevel(0)  # it writes errors about images that are read below
    try:
        with open_plain_file(path) as file:
            if begins_with_thumbnail(file):
                raise SourceError(f"{path}: {THUMBNAIL_FIRST}")
        content = path.read_bytes()  # OpenCV crashes on file names that are not UTF-8
        turns_anyway = content.startswith((b"II*\0", b"MM\0*")) and not is_upright  # a TIFF
        pixels = None
        if content and not turns_anyway:
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        if pixels is not None:
            return np.asarray(pixels, np.uint8)
        image = read_image_file(path, MAX_PIXELS)
        return np.ascontiguousarray(image.bgr() if is_upright else image.bgr_as_stored())
    except (SourceError, FrameError) as exc:
        reason = str(exc).removeprefix(f"{path}: ")
        raise ConfigError(f"{path}: cannot be read as an image: {reason}") from exc
