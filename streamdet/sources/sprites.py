"""Anti-aliased shapes and the sprites made of them: pure numpy, the same pixels on every machine.

Shapes are signed distance fields; only +, -, *, / and sqrt in float32 touch pixels, which IEEE 754
rounds alike everywhere. A sprite is blended in integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamdet.image import Pixels

Point = tuple[float, float]
Colour = tuple[int, int, int]
"""BGR, 0..255."""
_Plane = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """An image with transparency; `blend` puts it into a frame.

    Attributes:
        paint: (H, W, 3) uint16, colour times opacity, opacity being 0..256.
        keep: (H, W, 1) uint16, how much of the background stays, 0..256.
        silhouette: (H, W) bool, the object itself (its shadow is not part of it).
        foot_xy: the pixel that stands on the ground point.
    """

    paint: npt.NDArray[np.uint16]
    keep: npt.NDArray[np.uint16]
    silhouette: npt.NDArray[np.bool_]
    foot_xy: tuple[int, int]

    def mirrored(self) -> Sprite:
        """The sprite seen from the other side, without a copy; its own inverse."""
        width = self.silhouette.shape[1]
        foot_xy = (width - 1 - self.foot_xy[0], self.foot_xy[1])
        return Sprite(self.paint[:, ::-1], self.keep[:, ::-1], self.silhouette[:, ::-1], foot_xy)


def blend(frame: Pixels, sprite: Sprite, ground_xy: tuple[int, int]) -> None:
    """Put a sprite into a frame, standing on `ground_xy`; what lies outside is cut off."""
    there, here = overlap(frame.shape[:2], sprite, ground_xy)
    region = frame[there]
    mixed = region * sprite.keep[here]
    mixed += sprite.paint[here]
    mixed >>= 8
    region[...] = mixed


def overlap(
    hw: tuple[int, ...], sprite: Sprite, ground_xy: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which slices of frame and sprite coincide; empty ones where they do not meet."""
    axes = []
    for size, length, foot, ground in (
        (hw[0], sprite.silhouette.shape[0], sprite.foot_xy[1], ground_xy[1]),
        (hw[1], sprite.silhouette.shape[1], sprite.foot_xy[0], ground_xy[0]),
    ):
        start = ground - foot
        low, high = max(start, 0), min(start + length, size)
        high = max(low, high)
        axes.append((slice(low, high), slice(low - start, high - start)))
    (rows, from_rows), (columns, from_columns) = axes
    return (rows, columns), (from_rows, from_columns)


class Canvas:
    """Draws shapes given in metres, x to the right and y UP from the ground point."""

    def __init__(self, width_m: float, height_m: float, pixels_per_m: float) -> None:
        """Start an empty canvas around x = 0, with room for the shadow below the ground."""
        self._scale = pixels_per_m
        below = 0.12 * pixels_per_m
        self._origin = (round(width_m * pixels_per_m / 2), round(height_m * pixels_per_m))
        height, width = round(self._origin[1] + below) + 2, 2 * self._origin[0] + 1
        self._colour = np.zeros((height, width, 3), np.float32)
        self._alpha = np.zeros((height, width), np.float32)
        self._solid = np.zeros((height, width), np.float32)

    def limb(self, ends: tuple[Point, Point], radii: tuple[float, float], colour: Colour) -> None:
        """Draw a capsule that tapers from one radius to the other, shaded like a cylinder."""
        (ax, ay), (bx, by) = (self._to_pixel(end) for end in ends)
        ra, rb = radii[0] * self._scale, radii[1] * self._scale
        reach = max(ra, rb) + 1
        box = self._box(
            min(ax, bx) - reach, min(ay, by) - reach, max(ax, bx) + reach, max(ay, by) + reach
        )
        x, y = self._grid(box)
        dx, dy = np.float32(bx - ax), np.float32(by - ay)
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-6), 0, 1)
        off_x, off_y = x - ax - along * dx, y - ay - along * dy
        radius = ra + along * np.float32(rb - ra)
        distance = np.sqrt(off_x * off_x + off_y * off_y) - radius
        shade = 1 + np.float32(0.22) * np.clip((-off_x - off_y) / np.maximum(radius, 1), -1, 1)
        self._paint(box, distance, colour, shade)

    def disc(self, centre: Point, radii: Point, colour: Colour) -> None:
        """Draw an ellipse, lit from above left."""
        cx, cy = self._to_pixel(centre)
        rx, ry = radii[0] * self._scale, radii[1] * self._scale
        box = self._box(cx - rx - 1, cy - ry - 1, cx + rx + 1, cy + ry + 1)
        x, y = self._grid(box)
        u, v = (x - cx) / np.float32(rx), (y - cy) / np.float32(ry)
        distance = (np.sqrt(u * u + v * v) - 1) * np.float32(min(rx, ry))
        self._paint(box, distance, colour, 1 + np.float32(0.18) * np.clip(-u - v, -1, 1))

    def polygon(self, corners: tuple[Point, ...], colour: Colour, radius: float = 0.0) -> None:
        """Draw a convex polygon, corners clockwise as seen, rounded by `radius` metres."""
        points = [self._to_pixel(corner) for corner in corners]
        reach = radius * self._scale + 1
        xs, ys = [x for x, _ in points], [y for _, y in points]
        box = self._box(min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach)
        x, y = self._grid(box)
        distance = np.full(np.broadcast_shapes(x.shape, y.shape), -np.inf, np.float32)
        for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
            dx, dy = np.float32(bx - ax), np.float32(by - ay)
            edge = ((x - ax) * dy - (y - ay) * dx) / np.sqrt(dx * dx + dy * dy)
            distance = np.maximum(distance, edge)
        fall = (y - min(ys)) / np.float32(max(max(ys) - min(ys), 1))
        shade = np.broadcast_to(1 + np.float32(0.15) * (1 - 2 * fall), distance.shape)
        self._paint(box, distance - np.float32(radius * self._scale), colour, shade)

    def shadow(self, half_width: float) -> None:
        """Darken the ground around the foot point; not part of the silhouette."""
        cx, cy = self._origin
        rx, ry = half_width * self._scale, 0.1 * self._scale
        box = self._box(cx - rx, cy - ry, cx + rx, cy + ry)
        x, y = self._grid(box)
        u, v = (x - cx) / np.float32(rx), (y - cy) / np.float32(ry)
        opacity = np.float32(0.55) * np.clip(1 - u * u - v * v, 0, 1)
        self._alpha[box] = np.maximum(self._alpha[box], opacity)

    def sprite(self) -> Sprite:
        """Return what was drawn, cut to what is not empty."""
        rows, columns = np.nonzero(self._alpha > 1 / 512)
        top, left = int(rows.min()), int(columns.min())
        cut = np.s_[top : int(rows.max()) + 1, left : int(columns.max()) + 1]
        opacity = np.rint(self._alpha[cut] * 256).astype(np.uint16)[..., None]
        colour = np.rint(np.clip(self._colour[cut], 0, 255)).astype(np.uint16)
        foot_xy = (self._origin[0] - left, self._origin[1] - top)
        return Sprite(colour * opacity, 256 - opacity, self._solid[cut] > 0.5, foot_xy)

    def _paint(
        self, box: tuple[slice, slice], distance: _Plane, colour: Colour, shade: _Plane
    ) -> None:
        cover = np.clip(np.float32(0.5) - distance, 0, 1)
        self._solid[box] = np.maximum(self._solid[box], cover)
        under, old = self._colour[box], self._alpha[box]
        new = cover + old * (1 - cover)
        share = np.where(new > 0, cover / np.maximum(new, np.float32(1e-6)), 0)[..., None]
        lit = np.asarray(colour, np.float32) * shade[..., None]
        self._colour[box] = under + (lit - under) * share
        self._alpha[box] = new

    def _to_pixel(self, point: Point) -> Point:
        # Sixteenths of a pixel: sine and cosine may differ in their last bit between machines.
        x, y = self._origin[0] + point[0] * self._scale, self._origin[1] - point[1] * self._scale
        return round(x * 16) / 16, round(y * 16) / 16

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        height, width = self._alpha.shape
        rows = slice(max(int(top) - 1, 0), min(int(bottom) + 2, height))
        return rows, slice(max(int(left) - 1, 0), min(int(right) + 2, width))

    def _grid(self, box: tuple[slice, slice]) -> tuple[_Plane, _Plane]:
        x = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None]
        y = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
        return x, y
