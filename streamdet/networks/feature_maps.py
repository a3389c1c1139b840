"""The maps that region proposals and heads read: a backbone's one map, or a pyramid over several.

Ren et al., "Faster R-CNN", 2015, read one map; Lin et al., "Feature Pyramid Networks", 2017, put a
pyramid between. B images, H W their size.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from streamdet.config.options import Options
from streamdet.networks.backbones import backbone
from streamdet.networks.backbones.backbone import Backbone
from streamdet.networks.backbones.normalization import FrozenBatchNorm2d, Norm
from streamdet.networks.fpn import BackboneWithFpn


class FeatureOptions(Options):
    """Options of `make_backbone`."""

    backbone: str = Field(description="Name of a backbone, see networks/backbones.")
    maps: tuple[str, ...] = Field(min_length=1, description="Maps of it that are read, fine first.")
    neck: Literal["fpn", "none"] = Field("fpn", description="A pyramid, or the one map as it is.")
    neck_width: int = Field(256, ge=1, description="Channels of the pyramid; the paper's d.")
    norm: Literal["own", "frozen"] = Field(
        "own", description="Of the backbone: its paper's, or one that keeps its statistics."
    )
    norm_eps: float = Field(1e-5, ge=0, description="Of the frozen norm.")
    has_head_norm: bool = Field(False, description="Batch norm in the pyramid and the heads.")


class SingleMap(nn.Module):
    """A backbone whose one map is read as it is, as in the paper.

    Attributes:
        out_channels: of the map.
        strides: image pixels per cell.
    """

    def __init__(self, body: Backbone) -> None:
        """Wrap a backbone.

        Raises:
            ValueError: it has several maps.
        """
        super().__init__()
        if len(body.maps) != 1:
            raise ValueError(f"without a pyramid one map is read, got {len(body.maps)}")
        self.body = body
        self.out_channels = body.maps[0].channels
        self.strides = {"0": body.maps[0].stride}

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Compute the map of (B, 3, H, W)."""
        return {"0": next(iter(self.body(images).values()))}


def make_backbone(options: FeatureOptions) -> BackboneWithFpn | SingleMap:
    """Make the backbone and its neck.

    Raises:
        ValueError: the options name an unknown backbone or map.
    """
    norm: Norm | None = None
    if options.norm == "frozen":
        norm = partial(FrozenBatchNorm2d, eps=options.norm_eps)
    body = backbone(options.backbone, maps=options.maps, norm=norm)
    if options.neck == "none":
        return SingleMap(body)
    return BackboneWithFpn(
        body,
        out_channels=options.neck_width,
        norm=nn.BatchNorm2d if options.has_head_norm else None,
    )
