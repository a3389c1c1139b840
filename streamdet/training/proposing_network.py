"""A trained network that proposes the regions which another one learns from.

Ren et al., "Faster R-CNN", 2015, section 3.2, train Fast R-CNN on the proposals of a trained RPN.
It runs here as it does in a worker, always by ONNX Runtime: the same recipe draws the same.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.proposals.network import NetworkProposals
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.models.built_network import find_network
from streamdet.models.model_config import ImageInput, load_model_config
from streamdet.training.image_cache import ImageCache, file_digest

_MOST = 10_000  # proposals of an image: all that the network gives


class ProposingNetwork:
    """Proposes regions of the images of a batch."""

    def __init__(self, name: str, cache: Path | None) -> None:
        """Load the network.

        Args:
            name: of its model.
            cache: folder in which proposals are kept; None: they are not.

        Raises:
            ConfigError: there is no such model, or its network is missing.
            EngineError: ONNX Runtime is missing.
        """
        model = load_model_config(name)
        options = NetworkOptions(model=name, runtime="onnxruntime", precision="fp32")
        self._propose = NetworkProposals(name, options)
        assert model.input is not None
        self._input = model.input
        self._cache = ImageCache(cache, f"proposals {file_digest(find_network(model).path)}")

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Propose regions of (B, 3, H, W), normalised as the network wants it.

        Returns:
            (K, 4) xyxy pixels of each image.
        """
        found = [
            self._cache(self._cache.key(image), partial(self._proposals, image)) for image in images
        ]
        return [each["xyxy"].to(images.device) for each in found]

    def _proposals(self, image: Tensor) -> dict[str, Tensor]:
        xyxy = self._propose(pixels_of(image, self._input), _MOST)
        return {"xyxy": torch.from_numpy(np.ascontiguousarray(xyxy))}


def pixels_of(image: Tensor, image_input: ImageInput) -> Pixels:
    """Give back the (H, W, 3) uint8 BGR image that (3, H, W) is: undoes `normalised`."""
    mean, std = (torch.tensor(each) for each in (image_input.mean, image_input.std))
    levels = image.detach().cpu().float().permute(1, 2, 0) * std + mean
    pixels = levels.round().clamp(0, 255).to(torch.uint8)
    bgr = pixels if image_input.colour == "bgr" else pixels.flip(-1)
    return np.ascontiguousarray(bgr.numpy())


def check_proposing(name: str, image_input: ImageInput) -> None:
    """Check that a model sees images that are normalised as another model's.

    Raises:
        ConfigError: there is no such model, or it sees them otherwise.
    """
    model = load_model_config(name)
    if model.input is None:
        raise ConfigError(f"objective.proposals_from: model {name!r} has no network")
    for key in ("colour", "mean", "std"):
        own, other = getattr(image_input, key), getattr(model.input, key)
        if own != other:
            raise ConfigError(
                f"objective.proposals_from: {name!r} sees images with {key} {other}, the model that"
                f" is trained {own}: wanted the same"
            )
