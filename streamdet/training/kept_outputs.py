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

    def __init__(self, network: nn.Module, options: Kept, images: int) -> None:
        """Find the backbone.

        Args:
            network: what learns; what is frozen in it takes no gradients already.
            options: of the recipe.
            images: of an epoch.

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
        # One block for each call: many small ones would lie scattered between a step's large ones,
        # which then find no place of their size again (14 GB after 183 steps).
        self._maps: dict[tuple[int, str], Tensor] = {}
        self._known: set[tuple[int, int]] = set()
        self._images = images
        self._targets: dict[Key, Target] = {}

    def batches(self, samples: Samples, keys: Iterator[list[Key]]) -> Iterator[Batch]:
        """Prepare batches; of one whose samples are all known the pixels are blank.

        Raises:
            ConfigError: an image cannot be read.
        """
        for wanted in keys:
            shown = [(key[0] % self._variations, key[1]) for key in wanted]  # of one size
            if all((row, 0) in self._known for row in self._rows(shown)):
                targets = tuple(self._targets[key] for key in shown)
                blank = torch.zeros(1, dtype=torch.uint8).expand(len(shown), *samples.hw, 3)
                yield Batch(blank, targets, tuple(shown), is_blank=True)
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
        rows = self._rows(keys)
        if any((row, call) not in self._known for row in rows):
            for name, value in self._compute(images).items():
                self._block(call, name, value)[rows] = value.half()
            self._known.update((row, call) for row in rows)
        return {
            each.name: self._maps[call, each.name][rows].to(images.device, torch.float32)
            for each in self._body.maps
        }

    def _rows(self, keys: Sequence[Key]) -> list[int]:
        """Number the variations of all images."""
        return [variation * self._images + index for variation, index, *_ in keys]

    def _block(self, call: int, name: str, value: Tensor) -> Tensor:
        """Give the place of the maps of a call; memory is taken as rows are written."""
        if (call, name) not in self._maps:
            rows = self._variations * self._images
            self._maps[call, name] = torch.empty(rows, *value.shape[1:], dtype=torch.float16)
        return self._maps[call, name]
