"""The layers of a classifier up to the maps that a detector's head reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from streamdet.networks.backbones.architecture import FeatureMap


class Backbone(nn.Module):
    """Runs named layers one after the other and gives the maps that are asked for.

    Its weights are named after the layers (`layer1.0.conv1.weight`), as in the body of
    torchvision's detectors.
    """

    def __init__(self, layers: Mapping[str, nn.Module], maps: Sequence[FeatureMap]) -> None:
        """Take the layers up to the last map.

        Args:
            layers: in order, each fed with the output of the one before it.
            maps: what to give, in the order of the layers.

        Raises:
            ValueError: a map's layer is not there, or the maps are not in the layers' order.
        """
        super().__init__()
        self.maps = tuple(maps)
        wanted = [feature_map.layer for feature_map in maps]
        if wanted != [layer for layer in layers if layer in wanted] or not wanted:
            raise ValueError(f"maps must name layers, in their order {[*layers]}, got {wanted}")
        for name in [*layers][: [*layers].index(wanted[-1]) + 1]:
            self.add_module(name, layers[name])

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Compute the maps.

        Args:
            images: (B, 3, H, W) float32, normalised as the weights want it.

        Returns:
            By name of `maps`, in their order: (B, channels, about H / stride, W / stride).
        """
        names = {feature_map.layer: feature_map.name for feature_map in self.maps}
        found: dict[str, Tensor] = {}
        features = images
        for layer_name, layer in self.named_children():
            features = layer(features)
            if layer_name in names:
                found[names[layer_name]] = features
        return found
