"""Images of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamdet.errors import ConfigError
from streamdet.image import Pixels


def read_image(path: Path, hw: tuple[int, int] | None = None) -> Pixels:
    """Decode an image: upright as its EXIF data says, or as it is stored if that has size `hw`.

    Labels were drawn on one or the other (COCO's on images as stored), which their size tells.

    Raises:
        ConfigError: it cannot be read, or it has another size.
    """
    import cv2

    upright = None
    if path.is_file():
        upright = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if upright is None:
        raise ConfigError(f"{path}: cannot be read as an image")
    if hw is None or upright.shape[:2] == hw:
        return np.asarray(upright, np.uint8)
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if stored is None or stored.shape[:2] != hw:
        height, width = upright.shape[:2]
        raise ConfigError(f"{path}: is {width} x {height} pixels, its truth says {hw[1]} x {hw[0]}")
    return np.asarray(stored, np.uint8)
