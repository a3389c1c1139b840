"""The generalised distance transform of sampled functions, as deformable parts use it.

Felzenszwalb, Huttenlocher, "Distance Transforms of Sampled Functions", Theory of Computing 8, 2012:
D(p) = max over q of f(q) - cost(p - q), with cost(d) = a d^2 + b d on each axis, so that it is
taken along x and then along y (section 2.1). Their lower envelope of parabolas is linear in the
length but goes place by place; here all maps move together, shift by shift, and only as far as a
shift can still win: one that costs at least the map's range never beats staying. The values are
the same. N counts maps.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def distance_transform(maps: Floats, deformations: Floats, most: int | None = None) -> Floats:
    """Give each place the best value that it can get from another place, less the cost.

    Args:
        maps: (N, H, W) float32, finite.
        deformations: (N, 4) float32, a and b of x, a and b of y, each a > 0; the shift d is the
            place that gets the value less the place that has it.
        most: largest shift on each axis, cells; by default any.

    Returns:
        (N, H, W) float32, nowhere below `maps`.

    Raises:
        ValueError: shapes disagree, or an a is not positive.
    """
    if maps.ndim != 3 or deformations.shape != (len(maps), 4):
        raise ValueError(
            f"maps must be (N, H, W) and deformations (N, 4),"
            f" got {maps.shape} and {deformations.shape}"
        )
    if not (deformations[:, [0, 2]] > 0).all():
        raise ValueError("the quadratic costs must be positive")
    if maps.size == 0:
        return maps.copy()
    along_y = _along_rows(maps, deformations[:, 2:], most)
    turned = np.ascontiguousarray(along_y.transpose(0, 2, 1))
    along_x = _along_rows(turned, deformations[:, :2], most)
    return np.ascontiguousarray(along_x.transpose(0, 2, 1))


def _along_rows(maps: Floats, costs: Floats, most: int | None) -> Floats:
    """Transform along the middle axis; costs: (N, 2) a and b."""
    furthest = maps.shape[1] - 1 if most is None else min(most, maps.shape[1] - 1)
    ranges = maps.max(axis=(1, 2)) - maps.min(axis=(1, 2))
    ends = [_winning_shifts(a, b, span) for (a, b), span in zip(costs, ranges, strict=True)]
    low = np.clip([end[0] for end in ends], -furthest, furthest)
    high = np.clip([end[1] for end in ends], -furthest, furthest)
    best = maps.copy()
    moved = np.empty_like(maps)
    for shift in range(int(low.min()), int(high.max()) + 1):
        for row in np.flatnonzero((low <= shift) & (shift <= high)) if shift else ():
            a, b = costs[row]
            gets, has = _overlap(shift)
            source = np.subtract(maps[row, has], a * shift * shift + b * shift, out=moved[row, has])
            np.maximum(best[row, gets], source, out=best[row, gets])
    return best


def _overlap(shift: int) -> tuple[slice, slice]:
    """Give the places that get a value and those that have it."""
    if shift > 0:
        return slice(shift, None), slice(None, -shift)
    return slice(None, shift), slice(-shift, None)


def _winning_shifts(a: np.float32, b: np.float32, span: np.float32) -> tuple[int, int]:
    """Give the first and last shift whose cost a d^2 + b d is below the map's range."""
    root = math.sqrt(b * b + 4 * a * span)
    return math.floor((-b - root) / (2 * a)), math.ceil((-b + root) / (2 * a))
