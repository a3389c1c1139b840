"""The layers of a network that give feature maps, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from streamdet.config.suggestions import closest
from streamdet.errors import ConfigError
from streamdet.networks.backbones.backbone import Backbone

Shapes = dict[str, tuple[int, int, int]]
"""Layer -> channels, height, width of its map."""


class _Reached(Exception):  # noqa: N818 (it is no error)
    """The layer that is wanted has run: nothing after it needs to."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


def layer_shapes(network: nn.Module, image: Tensor) -> Shapes:
    """Run a network and list what gives a feature map, in the order in which it first runs.

    Args:
        network: see `Subject`.
        image: (1, 3, H, W).
    """
    shapes: Shapes = {}

    def note(name: str, output: Any) -> None:
        if name and _is_map(output):
            shapes.setdefault(name, (output.shape[1], output.shape[2], output.shape[3]))

    with torch.no_grad(), hooked(network.named_modules(), note):
        network(image, **extra_inputs(network))
    return shapes


def feature_map(network: nn.Module, layer: str, image: Tensor) -> Tensor:
    """Run a network as far as a layer's first run.

    Args:
        network: see `Subject`.
        layer: one of `layer_shapes`.
        image: (1, 3, H, W).

    Returns:
        (C, h, w), differentiable where `image` wants gradients.
    """

    def stop(_name: str, output: Tensor) -> None:
        raise _Reached(output)

    with hooked([(layer, network.get_submodule(layer))], stop):
        try:
            network(image, **extra_inputs(network))
        except _Reached as reached:
            return reached.features[0]
    raise AssertionError(f"{layer} did not run")


def find_layer(network: nn.Module, layers: Iterable[str], asked: str) -> str:
    """Find a layer by its name, the name of a backbone's map, or the end of its name.

    Args:
        network: its backbones know their maps as the papers call them: conv5, layer4.
        layers: the names of its layers, see `layer_shapes`.
        asked: e.g. "backbone.body.layer4", "layer4" or "layer4.1.conv2".

    Raises:
        ConfigError: nothing, or more than one thing, is called so.
    """
    names = list(layers)
    known = {**map_layers(network), **{name: name for name in names}}
    if asked in known:
        return known[asked]
    ends = [name for name in names if name.endswith(f".{asked}")]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise ConfigError(f"--layer {asked} may be {' or '.join(ends[:3])}")
    last_parts = {name.rpartition(".")[2]: name for name in names}
    close = closest(asked, [*known, *last_parts])
    hint = f"; did you mean {close!r}?" if close else f" (there are {len(names)})"
    raise ConfigError(f"--layer {asked}: no layer with a feature map is called so{hint}")


def map_layers(network: nn.Module) -> dict[str, str]:
    """List the maps that backbones give, by the names that their papers have for them."""
    return {
        feature_map.name: f"{place}.{feature_map.layer}".removeprefix(".")
        for place, part in network.named_modules()
        if isinstance(part, Backbone)
        for feature_map in part.maps
    }


def extra_inputs(network: nn.Module) -> dict[str, Tensor]:
    """Make the inputs that a network has beside the image: zeros, e.g. empty proposals."""
    shapes: Mapping[str, tuple[int, ...]] = getattr(network, "extra_inputs", {})
    return {name: torch.zeros((1, *shape)) for name, shape in shapes.items()}


@contextmanager
def hooked(modules: Iterable[tuple[str, nn.Module]], hook: Any) -> Iterator[None]:
    """Have `hook(name, output)` called after each run of these modules, within the block."""
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: hook(name, output))
        for name, module in modules
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_map(output: Any) -> bool:
    return isinstance(output, Tensor) and output.ndim == 4 and len(output) == 1
