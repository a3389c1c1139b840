"""Makes masks that do not overlap, where each pixel belongs to one object only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamdet.ops.run_length import decode_region, encode_region


def masks_apart(
    counts: Sequence[bytes], scores: npt.NDArray[np.float32], hw: tuple[int, int]
) -> list[bytes | None]:
    """Give each pixel to the object of the highest score; of two alike to the first.

    Args:
        counts: N masks, as compressed run lengths; b"" for an object without one.
        scores: (N,).
        hw: height and width of their frame, pixels.

    Returns:
        N masks, None for one of which nothing is left.

    Raises:
        ValueError: a mask is not of a frame of this size.
    """
    taken = np.zeros(hw[::-1], np.bool_)
    left: list[bytes | None] = [None] * len(counts)
    for row in np.argsort(-scores, kind="stable").tolist():
        if not counts[row]:
            continue
        columns, (x, y) = decode_region(counts[row], hw)
        width, height = columns.shape
        region = taken[x : x + width, y : y + height]
        own = columns & ~region
        if own.any():
            left[row] = encode_region(own, (x, y), hw)
        region |= columns
    return left
