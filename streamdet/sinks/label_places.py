"""Where the labels of boxes go, so that they do not hide each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Edges = Sequence[int]
"""x1, y1, x2, y2 of a box, pixels; x2 and y2 lie just outside."""

Size = tuple[int, int]
"""Height and width, pixels."""


def place_labels(
    boxes: Sequence[Edges], label_hws: Sequence[Size], order: Iterable[int], image_hw: Size
) -> list[tuple[int, int]]:
    """Choose a place for each label: above its box, inside its top, below it, inside its bottom.

    The first place that lies in the image and is free is taken; if there is none, the first that
    lies in the image.

    Args:
        boxes: N boxes.
        label_hws: their labels' sizes.
        order: rows of all boxes; who comes first chooses first.
        image_hw: size of the image.

    Returns:
        Left and top of each label, pixels.
    """
    places = [(0, 0)] * len(boxes)
    taken = np.empty((len(boxes), 4), np.int64)
    for count, row in enumerate(order):
        candidates = _candidates(boxes[row], label_hws[row], image_hw)
        free = candidates[~_overlap(candidates, taken[:count])]
        taken[count] = free[0] if len(free) else candidates[0]
        places[row] = int(taken[count, 0]), int(taken[count, 1])
    return places


def _candidates(box: Edges, label_hw: Size, image_hw: Size) -> npt.NDArray[np.int64]:
    """Return the places inside the image, (K, 4) edges, at least one."""
    x1, y1, _, y2 = box
    height, width = label_hw
    lowest = max(0, image_hw[0] - height)
    left = min(max(0, x1), max(0, image_hw[1] - width))
    tops = [y1 - height, max(0, y1), y2, min(y2, image_hw[0]) - height]
    inside = [top for top in tops if 0 <= top <= lowest] or [min(max(0, y1), lowest)]
    return np.array([(left, top, left + width, top + height) for top in inside], np.int64)


def _overlap(places: npt.NDArray[np.int64], taken: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each of (K, 4) places overlaps any of (M, 4) taken ones; touching is none."""
    starts = np.maximum(places[:, None, :2], taken[None, :, :2])
    ends = np.minimum(places[:, None, 2:], taken[None, :, 2:])
    return np.asarray(np.any(np.all(starts < ends, axis=2), axis=1), np.bool_)
