"""What is known of one image that a network is trained on.

N objects, M regions that are left out, C classes, H and W the image's sides, P keypoints.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Target:
    """The truth of one image, in pixels of the image that the network sees.

    A source that labels only some classes completely says so by `is_labelled`: objects of the
    others may stand anywhere in its images. Where something else has found these (a detector,
    say), they may be `ignored` regions instead, and every class counts as labelled.

    Attributes:
        xyxy: (N, 4) float32 pixels, wider and higher than 0.
        class_ids: (N,) int64, 0..C - 1.
        ignored: (M, 4) float32 pixels: regions that are neither object nor background.
        is_labelled: (C,) bool: the classes that the image's source labels completely. Others
            are neither positive nor negative, and so is a box of theirs.
        masks: (N, H, W) bool; None: the source has none.
        keypoints: (N, P, 3) x, y in pixels and visibility, 0: unknown; None: the source has none.
    """

    xyxy: Tensor
    class_ids: Tensor
    ignored: Tensor
    is_labelled: Tensor
    masks: Tensor | None = None
    keypoints: Tensor | None = None

    def __post_init__(self) -> None:
        """Check what came.

        Raises:
            ValueError: boxes are not (N, 4), one has no area, or not every object has a class, a
                mask and points.
        """
        for name in ("xyxy", "ignored"):
            boxes = getattr(self, name)
            if boxes.dim() != 2 or boxes.shape[1] != 4:
                raise ValueError(f"{name} must be (N, 4), got {tuple(boxes.shape)}")
        for name in ("class_ids", "masks", "keypoints"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.xyxy):
                raise ValueError(f"{name} must be of {len(self.xyxy)} boxes, got {len(values)}")
        if not (self.xyxy[:, 2:] > self.xyxy[:, :2]).all():
            raise ValueError("xyxy must be wider and higher than 0, got a box without an area")

    def to(self, device: torch.device) -> Target:
        """Copy every tensor to a device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)


def of_labelled_classes(target: Target) -> Target:
    """Turn the objects of classes that the source does not label completely into ignored ones."""
    is_sure = target.is_labelled[target.class_ids]
    return replace(
        target,
        xyxy=target.xyxy[is_sure],
        class_ids=target.class_ids[is_sure],
        ignored=torch.cat((target.ignored, target.xyxy[~is_sure])),
        masks=None if target.masks is None else target.masks[is_sure],
        keypoints=None if target.keypoints is None else target.keypoints[is_sure],
    )
