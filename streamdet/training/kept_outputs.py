"""What the frozen beginning of a network computes of each sample, computed once.

A head on a backbone that keeps its weights learns from the same maps again and again. Where a
recipe says how many variations of each image are shown (`kept.variations`), these maps are kept in
half precision, and later rounds neither read images nor run the backbone. ONNX Runtime computes
them, on a CPU four times as fast as torch (MobileNetV2, 256 x 384, one thread of a Xeon: 14 ms).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import torch
from torch import Tensor, nn

from streamdet.errors import ConfigError
from streamdet.networks.backbones.backbone import Backbone
from streamdet.training.frozen_backbone import FrozenBackbone, Maps
from streamdet.training.recipe import Kept
from streamdet.training.samples import Batch, Key, Samples
from streamdet.training.target import Target


class KeptOutputs:
    """The maps of a network's backbone, by sample."""

    def __init__(self, network: nn.Module, options: Kept) -> None:
        """Find the backbone.

        Args:
            network: what learns; what is frozen in it takes no gradients already.
            options: of the recipe.

        Raises:
            ConfigError: it has no backbone of ours, or one that learns.
            EngineError: ONNX Runtime is missing.
        """
        bodies = [
            (name, part) for name, part in network.named_modules() if isinstance(part, Backbone)
        ]
        if len(bodies) != 1:
            raise ConfigError(f"kept: goes with a network of one backbone, this has {len(bodies)}")
        [(name, self._body)] = bodies
        self._compute = FrozenBackbone(self._body, "kept", name)
        self._variations = options.variations
        self._maps: dict[tuple[Key, int], Maps] = {}
        self._targets: dict[Key, Target] = {}

    def batches(self, samples: Samples, keys: Iterator[list[Key]]) -> Iterator[Batch]:
        """Prepare batches; of one whose samples are all known the pixels are blank.

        Raises:
            ConfigError: an image cannot be read.
        """
        for wanted in keys:
            shown = [(key[0] % self._variations, key[1]) for key in wanted]  # of one size
            if all((key, 0) in self._maps for key in shown):
                targets = tuple(self._targets[key] for key in shown)
                blank = torch.zeros(1, dtype=torch.uint8).expand(len(shown), *samples.hw, 3)
                yield Batch(blank, targets, tuple(shown))
                continue
            batch = replace(samples.batch(shown), keys=tuple(shown))
            self._targets.update(zip(shown, batch.targets, strict=True))
            yield batch

    @contextmanager
    def in_use(self, keys: Sequence[Key]) -> Iterator[None]:
        """Have the backbone give what it keeps of a batch, in the order of its calls."""
        calls = count()

        def forward(images: Tensor) -> Maps:
            with torch.autocast(images.device.type, enabled=False):
                return self._outputs(images, keys, next(calls))

        self._body.forward = forward  # type: ignore[method-assign]
        try:
            yield
        finally:
            del self._body.forward

    def _outputs(self, images: Tensor, keys: Sequence[Key], call: int) -> Maps:
        known = [self._maps.get((key, call)) for key in keys]
        if None in known:
            computed = self._compute(images)
            for row, key in enumerate(keys):
                maps = {name: value[row].half() for name, value in computed.items()}
                self._maps[key, call] = maps
        rows = [self._maps[key, call] for key in keys]
        return {
            name: torch.stack([row[name] for row in rows]).to(images.device, torch.float32)
            for name in rows[0]
        }
