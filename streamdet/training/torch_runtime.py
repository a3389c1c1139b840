"""A network in torch, run as a runtime runs the exported one: what measures it while it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import Tensors


def normalised(pixels: Tensor, image_input: ImageInput) -> Tensor:
    """Turn (B, H, W, 3) uint8 BGR into what a network sees, (B, 3, H, W) float32."""
    channels = pixels if image_input.colour == "bgr" else pixels.flip(-1)
    mean, std = (
        torch.tensor(each, device=pixels.device) for each in (image_input.mean, image_input.std)
    )
    return ((channels - mean) / std).permute(0, 3, 1, 2)


class TorchRuntime:
    """Runs a network as it is at the moment; see `runtimes.Runtime`."""

    def __init__(self, network: nn.Module, image_input: ImageInput, device: torch.device) -> None:
        """Join a network in evaluation mode with its input."""
        self._network = network
        self._input = image_input
        self._device = device
        self.name = f"torch {torch.__version__}, {device.type}"

    @torch.inference_mode()
    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image, one by one."""
        return [
            self._run(image, extra)
            for image, extra in zip(images, extras or [{}] * len(images), strict=True)
        ]

    def _run(self, image: Pixels, extra: Tensors) -> Tensors:
        pixels = torch.from_numpy(np.ascontiguousarray(image))[None].to(self._device)
        tensors = {name: torch.tensor(value, device=self._device) for name, value in extra.items()}
        outputs = self._network(normalised(pixels, self._input), **tensors)
        return {name: value.cpu().numpy() for name, value in outputs.items()}
