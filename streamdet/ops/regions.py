"""What every pooling of regions asks of its feature maps and regions, and the form of these."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_regions(maps: Sequence[Tensor], rois: Tensor) -> None:
    """Refuse what cannot be pooled.

    Args:
        maps: must be (B, C, H, W) each, with at least one cell.
        rois: must be (K, 5), the first column the index of one of B images.

    Raises:
        ValueError: it is not so.
    """
    for features in maps:
        if features.dim() != 4 or 0 in features.shape[2:]:
            raise ValueError(f"features must be (B, C, H, W), got {tuple(features.shape)}")
    if rois.dim() != 2 or rois.shape[1] != 5:
        raise ValueError(f"rois must be (K, 5), got {tuple(rois.shape)}")
    batch = len(maps[0])
    if len(rois) and not (rois[:, 0].min() >= 0 and rois[:, 0].max() < batch):
        raise ValueError(f"rois must begin with the index of one of {batch} images")


def numbered(xyxy: Tensor) -> Tensor:
    """Put each region's image before it.

    Args:
        xyxy: (B, P, 4) regions of each image, pixels.

    Returns:
        (B * P, 5), image by image: its index, then xyxy.
    """
    images = torch.arange(xyxy.shape[0], dtype=xyxy.dtype, device=xyxy.device)
    indices = images[:, None, None].expand(-1, xyxy.shape[1], 1)
    return torch.cat((indices, xyxy), dim=2).flatten(0, 1)
