"""What every pooling of regions asks of its feature maps and regions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def check_regions(maps: Sequence[Tensor], rois: Tensor) -> None:
    """Refuse what cannot be pooled.

    Args:
        maps: must be (B, C, H, W) each, with at least one cell.
        rois: must be (K, 5), the first column the index of one of B pictures.

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
        raise ValueError(f"rois must begin with the index of one of {batch} pictures")
