"""What every runtime checks: the network fits its configuration, a picture fits the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.model_config import ImageInput


def check_network(
    weights: Path, image_input: ImageInput, inputs: Mapping[str, Sequence[object]]
) -> None:
    """Check that a network has the configured input, and no other.

    Args:
        weights: the network's file, for the error.
        image_input: the configuration.
        inputs: the network's inputs: name -> shape.

    Raises:
        EngineError: it has other inputs, or the input has another (or no fixed) shape.
    """
    wanted = {image_input.name: [1, 3, *image_input.hw]}
    found = {name: list(shape) for name, shape in inputs.items()}
    if found != wanted:
        raise EngineError(f"{weights}: the network's input must be {wanted}, got {found}")


def check_picture(image: Pixels, image_input: ImageInput) -> None:
    """Check that a picture has the network's size.

    Raises:
        EngineError: it has not.
    """
    wanted = (*image_input.hw, 3)
    if image.shape != wanted:
        raise EngineError(f"picture must be {wanted}, got {image.shape}")
