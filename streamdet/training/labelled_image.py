"""An image with what is known of it, moved together: every move is exact on boxes.

N objects, M regions that are left out, H and W the image's sides, P keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from streamdet.frame import Geometry
from streamdet.image import ArrayImage, Pixels
from streamdet.transforms import Transform

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Pad = int | tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImage:
    """An image and its labels, all in its pixels.

    Attributes:
        pixels: (H, W, 3) uint8 BGR.
        xyxy: (N, 4) float32.
        class_ids: (N,) int64.
        ignored: (M, 4) float32: neither object nor background.
        is_labelled: (C,) bool: classes that are labelled completely.
        masks: (N, H, W) bool; None: there are none.
        keypoints: (N, P, 3) float32: x, y, visibility; None: there are none.
    """

    pixels: Pixels
    xyxy: Floats
    class_ids: npt.NDArray[np.int64]
    ignored: Floats
    is_labelled: Bools
    masks: Bools | None = None
    keypoints: Floats | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def flipped(self, pairs: Sequence[tuple[int, int]] = ()) -> LabelledImage:
        """Mirror left to right; flipping twice gives the same image.

        Args:
            pairs: keypoints that change places.
        """
        width = self.pixels.shape[1]
        keypoints = self.keypoints
        if keypoints is not None:
            order = np.arange(keypoints.shape[1])
            for left, right in pairs:
                order[[left, right]] = right, left
            keypoints = keypoints[:, order]
            keypoints[..., 0] = width - keypoints[..., 0]
        return replace(
            self,
            pixels=self.pixels[:, ::-1],
            xyxy=_mirrored(self.xyxy, width),
            ignored=_mirrored(self.ignored, width),
            masks=None if self.masks is None else self.masks[:, :, ::-1],
            keypoints=keypoints,
        )

    def window(
        self, top_left: tuple[int, int], hw: tuple[int, int], pad: Pad, min_visible: float
    ) -> LabelledImage:
        """Cut a window out; what lies outside of the image is padding.

        Args:
            top_left: row and column of its first pixel; may be negative.
            hw: its height and width, pixels.
            pad: value of the padding.
            min_visible: an object of which a smaller share remains becomes an ignored region.
        """
        top, left = top_left
        pixels = np.empty((*hw, 3), np.uint8)
        pixels[...] = pad
        masks = None if self.masks is None else np.zeros((len(self.masks), *hw), bool)
        rows, columns = _overlap(top, hw[0], self.hw[0]), _overlap(left, hw[1], self.hw[1])
        there = np.s_[
            rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
        ]
        pixels[there] = self.pixels[rows, columns]
        if masks is not None and self.masks is not None:
            masks[:, *there] = self.masks[:, rows, columns]
        return replace(
            self.moved(Geometry((1.0, 1.0), (-left, -top))), pixels=pixels, masks=masks
        ).clipped(min_visible)

    def prepared(self, transform: Transform) -> LabelledImage:
        """Prepare it as a run prepares a frame; masks follow by the nearest pixel."""
        out = np.empty((*transform.output_hw(self.hw), 3), np.uint8)
        geometry = transform(ArrayImage(np.ascontiguousarray(self.pixels)), out)
        masks = None if self.masks is None else _resampled(self.masks, geometry, out.shape[:2])
        return replace(self.moved(geometry), pixels=out, masks=masks)

    def moved(self, geometry: Geometry) -> LabelledImage:
        """Move boxes and keypoints to another image's pixels; pixels and masks stay."""
        keypoints = self.keypoints
        if keypoints is not None:
            xy = geometry.to_prepared(keypoints[..., :2])
            keypoints = np.concatenate((xy, keypoints[..., 2:]), axis=-1)
        return replace(
            self,
            xyxy=geometry.to_prepared(self.xyxy),
            ignored=geometry.to_prepared(self.ignored),
            keypoints=keypoints,
        )

    def clipped(self, min_visible: float) -> LabelledImage:
        """Clip boxes to the image.

        Objects of which a smaller share of the area than `min_visible` remains become ignored
        regions, those of which nothing remains go; keypoints outside become unknown.
        """
        xyxy, ignored = _clipped(self.xyxy, self.hw), _clipped(self.ignored, self.hw)
        remains = _areas(xyxy)
        is_seen = (remains > 0) & (remains >= min_visible * _areas(self.xyxy))
        is_rest = (remains > 0) & ~is_seen
        keypoints = self.keypoints
        if keypoints is not None:
            keypoints = keypoints[is_seen]
            keypoints[_is_outside(keypoints[..., :2], self.hw)] = 0
        return replace(
            self,
            xyxy=xyxy[is_seen],
            class_ids=self.class_ids[is_seen],
            ignored=np.concatenate((ignored[_areas(ignored) > 0], xyxy[is_rest])),
            masks=None if self.masks is None else self.masks[is_seen],
            keypoints=keypoints,
        )


def _mirrored(xyxy: Floats, width: int) -> Floats:
    mirrored = xyxy.copy()
    mirrored[:, [0, 2]] = width - xyxy[:, [2, 0]]
    return mirrored


def _overlap(start: int, length: int, limit: int) -> slice:
    low = min(max(start, 0), limit)
    return slice(low, max(low, min(start + length, limit)))


def _clipped(xyxy: Floats, hw: tuple[int, int]) -> Floats:
    height, width = hw
    return np.clip(xyxy, 0, np.array([width, height, width, height], np.float32))


def _areas(xyxy: Floats) -> Floats:
    sides = (xyxy[:, 2:] - xyxy[:, :2]).clip(min=0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def _is_outside(xy: Floats, hw: tuple[int, int]) -> Bools:
    return np.asarray(((xy < 0) | (xy > np.array(hw[::-1], np.float32))).any(axis=-1))


def _resampled(masks: Bools, geometry: Geometry, hw: tuple[int, ...]) -> Bools:
    """Look up where each pixel's centre lies in the source; False outside of it."""
    out = np.zeros((len(masks), *hw), bool)
    (to_rows, rows), (to_columns, columns) = (
        _inside(side, limit, scale, offset)
        for side, limit, scale, offset in zip(
            hw, masks.shape[1:], geometry.scale_xy[::-1], geometry.offset_xy[::-1], strict=True
        )
    )
    out[:, to_rows, to_columns] = masks[:, rows][:, :, columns]
    return out


def _inside(
    side: int, limit: int, scale: float, offset: float
) -> tuple[slice, npt.NDArray[np.int64]]:
    """Which pixels of an axis lie in the source, and which of its pixels they show."""
    shown = np.floor((np.arange(side) + 0.5 - offset) / scale).astype(np.int64)
    there = np.flatnonzero((shown >= 0) & (shown < limit))
    return slice(there[0], there[-1] + 1), shown[there]
