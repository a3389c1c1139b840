"""Cuts the best views of tracks out of their videos, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.archive.file_summary import BestView
from streamdet.image import Pixels
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.media_file import MediaPlace

_SEEK_FROM: Final = 50
"""Frames. It is quicker to decode fewer than this than to seek."""
_MARGIN: Final = 0.25
"""Of the box's sides, around it."""
_CROP_HEIGHT: Final = 160
_FRAME_WIDTH: Final = 640


def best_images(
    path: MediaPlace, options: FileOptions, views: Mapping[int, BestView]
) -> Iterator[tuple[int, Pixels]]:
    """Decode the frames of views: track id -> the frame's image, in order of the frames.

    A file that is not sampled is sought in; of a sampled one all frames up to the last are decoded.

    Raises:
        SourceError: the file cannot be read any more.
    """
    source = FileSource(str(path), options)
    is_sampled = options.every > 1 or options.fps is not None or options.keyframes_only
    by_index: dict[int, list[int]] = {}
    for track_id, view in views.items():
        by_index.setdefault(view.index, []).append(track_id)
    place = -_SEEK_FROM
    frames = iter(source.frames(Position()))
    for index in sorted(by_index):
        before = views[by_index[index][0]].before_pts
        if not is_sampled and before is not None and index - place > _SEEK_FROM:
            frames = iter(source.frames(Position(index, index, pts=before)))
        frame = next((frame for frame in frames if frame.position.index == index + 1), None)
        if frame is None:
            return
        image = frame.image.bgr().copy()
        place = index
        yield from ((track_id, image) for track_id in by_index[index])


def crop_jpeg(image: Pixels, view: BestView) -> bytes:
    """Cut a view out of its frame, with some of what is around it."""
    x1, y1, x2, y2 = view.xyxy
    margin_x, margin_y = (x2 - x1) * _MARGIN, (y2 - y1) * _MARGIN
    height, width = image.shape[:2]
    left, right = _inside(x1 - margin_x, x2 + margin_x, width)
    top, bottom = _inside(y1 - margin_y, y2 + margin_y, height)
    crop = image[top:bottom, left:right]
    return _jpeg(crop, _CROP_HEIGHT / crop.shape[0])


def frame_jpeg(image: Pixels) -> bytes:
    """Make a frame small."""
    return _jpeg(image, _FRAME_WIDTH / image.shape[1])


def heat_png(heat: npt.NDArray[np.float64]) -> bytes:
    """Draw a heatmap: nothing is transparent, much is bright and opaque.

    Args:
        heat: (H, W) counts.
    """
    import cv2

    share = np.sqrt(heat / max(1, heat.max()))
    colours = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    alpha = (np.minimum(1.0, share * 1.5) * 220).astype(np.uint8)
    return bytes(cv2.imencode(".png", np.dstack((colours, alpha)))[1])


def _inside(low: float, high: float, limit: int) -> tuple[int, int]:
    first = min(max(0, int(low)), limit - 1)
    return first, max(first + 1, min(limit, int(high) + 1))


def _jpeg(image: Pixels, scale: float) -> bytes:
    import cv2

    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
