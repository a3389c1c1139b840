"""Windows of a prepared image: around its objects, and where there is none. N windows."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from streamdet.detectors.hog_svm import shrunk
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.image import Pixels
from streamdet.ops.iou import box_area, pairwise_iou
from streamdet.training.labelled_image import LabelledImage

Floats = npt.NDArray[np.float32]
Sides = tuple[int, int]

_NO_OBJECT: Final = 0.3
"""IoU below which a window holds no object: R-CNN's; Dalal and Triggs have images without any."""

_TRIES: Final = 5  # windows drawn for each one wanted: many overlap an object


def around_objects(xyxy: Floats, window_hw: Sides, shrink_xy: tuple[float, float]) -> Floats:
    """Put a window of its shape around each object (N, 4), with the object's centre.

    The wanted part of the window, what `shrunk` leaves, is as large as the object.
    """
    sides = np.array(window_hw[::-1], np.float32)
    wanted = np.prod(sides * (1 - 2 * np.array(shrink_xy, np.float32)))
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    half = np.sqrt(box_area(xyxy) / wanted)[:, None] * sides / 2
    return np.concatenate((centres - half, centres + half), axis=1)


def likeness(xyxy: Floats, window_hw: Sides, shrink_xy: tuple[float, float]) -> Floats:
    """Tell how much of an object's shape a window is: IoU (N,) of objects and wanted parts."""
    wanted = shrunk(around_objects(xyxy, window_hw, shrink_xy), shrink_xy)
    common = np.minimum(xyxy[:, 2:] - xyxy[:, :2], wanted[:, 2:] - wanted[:, :2]).prod(axis=1)
    return np.asarray(common / (2 * box_area(xyxy) - common), np.float32)


def moved_about(windows: Floats, share: float, count: int, rng: np.random.Generator) -> Floats:
    """Put `count` windows near each one (N, 4), as a detector's grid may lie.

    Args:
        windows: xyxy.
        share: of a window's width and height, how far it moves at most to each side; and how far
            its sides grow or shrink at most.
        count: how many.
        rng: what they depend on.

    Returns:
        (N * count, 4).
    """
    windows = np.repeat(windows, count, axis=0)
    sides = windows[:, 2:] - windows[:, :2]
    centres = windows[:, :2] + sides * (0.5 + rng.uniform(-share, share, sides.shape))
    sides = sides * np.exp(rng.uniform(-share, share, (len(sides), 1)))
    return np.concatenate((centres - sides / 2, centres + sides / 2), axis=1).astype(np.float32)


def drawn_windows(hw: Sides, window_hw: Sides, count: int, rng: np.random.Generator) -> Floats:
    """Draw windows in an image, as large as the window or larger, the logs of sizes evenly.

    Returns:
        (count, 4); none where the image is smaller than the window.
    """
    sides = np.array(window_hw[::-1], np.float32)
    room = np.array(hw[::-1], np.float32)
    most = float((room / sides).min())
    if most < 1:
        return np.empty((0, 4), np.float32)
    drawn = np.exp(rng.random((count, 1)) * math.log(most)) * sides
    start = rng.random((count, 2)) * (room - drawn)
    return np.concatenate((start, start + drawn), axis=1).astype(np.float32)


def has_no_object(
    windows: Floats, shrink_xy: tuple[float, float], image: LabelledImage
) -> npt.NDArray[np.bool_]:
    """Tell (N,) the windows in which no object is, and no region of which nobody knows."""
    boxes = shrunk(windows, shrink_xy)
    overlap = pairwise_iou(boxes, image.xyxy).max(axis=1, initial=0)
    hidden = _covered(boxes, image.ignored).max(axis=1, initial=0)
    return np.asarray((overlap < _NO_OBJECT) & (hidden < _NO_OBJECT))


def drawn_without_object(
    image: LabelledImage,
    window_hw: Sides,
    shrink_xy: tuple[float, float],
    count: int,
    rng: np.random.Generator,
) -> Floats:
    """Draw at most `count` windows in which no object is."""
    windows = drawn_windows(image.hw, window_hw, _TRIES * count, rng)
    return windows[has_no_object(windows, shrink_xy, image)][:count]


def cut(pixels: Pixels, windows: Floats, window_hw: Sides) -> list[Pixels]:
    """Cut windows out and resize them; the image's edge goes on beyond it."""
    return [_cut(pixels, window, window_hw) for window in windows]


def _cut(pixels: Pixels, xyxy: Floats, hw: Sides) -> Pixels:
    cv2 = import_opencv()
    scale = (xyxy[2:] - xyxy[:2]) / np.array(hw[::-1])
    start = xyxy[:2] + 0.5 * scale - 0.5  # centres of pixels lie at halves
    matrix = np.array([[scale[0], 0, start[0]], [0, scale[1], start[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(pixels, matrix, hw[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(patch, np.uint8)


def _covered(boxes: Floats, regions: Floats) -> Floats:
    """Share of each box (N, 4) that lies in each region (M, 4): (N, M)."""
    start = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    end = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    common = np.prod(np.clip(end - start, 0, None), axis=2)
    return np.asarray(common / box_area(boxes)[:, None], np.float32)
