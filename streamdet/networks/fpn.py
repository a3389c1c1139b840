"""FPN: Lin, Dollar, Girshick and others, "Feature Pyramid Networks", CVPR 2017.

Section 3 and figure 3: coarse maps are enlarged and added to finer ones, so that every level is
both sharp and strong in meaning. Weights are named as in torchvision's detectors. B is the batch,
C the channels of a map, H W its size.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.backbones.normalization import Norm


class FeaturePyramid(nn.Module):
    """Gives every map the same number of channels and the meaning of the coarser ones."""

    def __init__(
        self, in_channels: Sequence[int], out_channels: int = 256, norm: Norm | None = None
    ) -> None:
        """Make the lateral and output convolutions.

        Args:
            in_channels: of the backbone's maps, finest first.
            out_channels: of every level; the paper's d = 256.
            norm: after each convolution, which has no bias then; None: none, as in the paper.
        """
        super().__init__()
        self.inner_blocks = nn.ModuleList(
            _convolution(channels, out_channels, 1, norm) for channels in in_channels
        )
        self.layer_blocks = nn.ModuleList(
            _convolution(out_channels, out_channels, 3, norm) for _ in in_channels
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Build the pyramid from the top down.

        Args:
            maps: (B, C, H, W) each, finest first.

        Returns:
            (B, out_channels, H, W) each, finest first, sizes as they came.
        """
        laterals = [
            block(feature_map) for block, feature_map in zip(self.inner_blocks, maps, strict=True)
        ]
        merged = laterals[-1:]
        for lateral in reversed(laterals[:-1]):
            # To the finer map's size, not twice the coarser one's: odd sizes round up.
            enlarged = functional.interpolate(merged[0], size=lateral.shape[-2:], mode="nearest")
            merged.insert(0, lateral + enlarged)
        return [block(level) for block, level in zip(self.layer_blocks, merged, strict=True)]


def _convolution(
    in_channels: int, out_channels: int, kernel: int, norm: Norm | None
) -> nn.Sequential:
    convolution = nn.Conv2d(
        in_channels, out_channels, kernel, padding=kernel // 2, bias=norm is None
    )
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    if norm:
        return nn.Sequential(convolution, norm(out_channels))
    nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
    return nn.Sequential(convolution)


class BackboneWithFpn(nn.Module):
    """A backbone, the pyramid over its maps, and one level more for the largest anchors.

    Attributes:
        out_channels: of every level.
        strides: image pixels per cell, by the name of a level: "0" (finest), "1", ..., "pool".
    """

    def __init__(
        self, body: Backbone, *, out_channels: int = 256, norm: Norm | None = None
    ) -> None:
        """Join a backbone and a new pyramid over all its maps; `norm` as in `FeaturePyramid`."""
        super().__init__()
        self.body = body
        self.fpn = FeaturePyramid(
            [feature_map.channels for feature_map in body.maps], out_channels, norm
        )
        self.out_channels = out_channels
        self.strides = {str(index): level.stride for index, level in enumerate(body.maps)}
        self.strides["pool"] = 2 * body.maps[-1].stride

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Compute the levels.

        Args:
            images: (B, 3, H, W) float32, normalised as the weights want it.

        Returns:
            By name of `strides`, in that order: (B, out_channels, about H / stride, W / stride).
            "pool" is every second cell of the coarsest map (P6 in section 4.1); only the
            RPN reads it.
        """
        levels = self.fpn([*self.body(images).values()])
        pyramid = {str(index): level for index, level in enumerate(levels)}
        pyramid["pool"] = functional.max_pool2d(levels[-1], kernel_size=1, stride=2)
        return pyramid
