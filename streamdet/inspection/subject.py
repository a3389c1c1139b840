"""A network together with the way that its images take into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from streamdet.image import ArrayImage, Pixels
from streamdet.models.model_config import ImageInput
from streamdet.transforms import Transform


@dataclass(frozen=True)
class Subject:
    """What is looked into.

    Attributes:
        name: for titles.
        network: in evaluation mode; takes (1, 3, H, W) and perhaps `extra_inputs`.
        transform: makes its image out of one of any size.
        input: order of the channels, mean and standard deviation; its `hw` is a usual size.
        remark: what a user must know of the weights; "" for nothing.
    """

    name: str
    network: nn.Module
    transform: Transform
    input: ImageInput
    remark: str = ""

    def prepare(self, pixels: Pixels) -> Pixels:
        """Make the image that the network sees, (H, W, 3) uint8 BGR.

        Raises:
            FrameError: the image is empty.
        """
        image = ArrayImage(pixels)
        prepared = np.empty((*self.transform.output_hw(image.hw), 3), np.uint8)
        self.transform(image, prepared)
        return prepared

    def tensor(self, prepared: Pixels) -> Tensor:
        """Normalise a prepared image: (1, 3, H, W) float32, channels as the network wants."""
        ordered = prepared[..., ::-1] if self.input.colour == "rgb" else prepared
        normal = (ordered.astype(np.float32) - self.input.mean) / self.input.std
        return torch.from_numpy(normal.astype(np.float32)).permute(2, 0, 1)[None].contiguous()

    def blank(self) -> Tensor:
        """Make an image of the usual size that is mean everywhere."""
        return torch.zeros((1, 3, *self.input.hw))
