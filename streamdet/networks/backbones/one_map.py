"""A backbone of which a head reads one map."""

from __future__ import annotations

from torch import Tensor, nn

from streamdet.networks.backbones import backbone


class OneMap(nn.Module):
    """A map of a backbone alone.

    Attributes:
        channels: of the map.
        stride: image pixels per cell.
    """

    def __init__(self, name: str, map_name: str | None) -> None:
        """Make the backbone up to a map; None: its last.

        Raises:
            ValueError: there is no backbone or no map of this name.
        """
        super().__init__()
        self.body = backbone(name, maps=map_name and [map_name])
        [only] = self.body.maps
        self.channels, self.stride = only.channels, only.stride

    def forward(self, image: Tensor) -> Tensor:
        """Compute the map of (B, 3, H, W)."""
        features: Tensor
        [features] = self.body(image).values()
        return features
