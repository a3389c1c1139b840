"""What every runtime checks and counts: the network's inputs, an image's, batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import Tensors

Shape = tuple[int, ...]


class NetworkInputs(NamedTuple):
    """What a network takes.

    Attributes:
        batch: images at a time.
        extras: shapes of the inputs beside the image, by name; the first axis is the batch.
    """

    batch: int
    extras: dict[str, Shape]


def check_network(
    weights: Path, image_input: ImageInput, inputs: Mapping[str, Sequence[object]]
) -> NetworkInputs:
    """Check that a network has the configured image input, and only inputs of fixed shape.

    Args:
        weights: the network's file, for the error.
        image_input: the configuration.
        inputs: the network's inputs: name -> shape.

    Raises:
        EngineError: the image input is missing or of another shape, an input has no fixed shape,
            or the inputs disagree about the batch.
    """
    found = {name: list(shape) for name, shape in inputs.items()}
    batch = _batch(found.get(image_input.name, []))
    wanted = {image_input.name: [batch, 3, *image_input.hw]}
    if found.get(image_input.name) != wanted[image_input.name]:
        raise EngineError(f"{weights}: the network's input must be {wanted}, got {found}")
    extras = {name: shape for name, shape in found.items() if name != image_input.name}
    for name, shape in extras.items():
        if not all(isinstance(side, int) for side in shape) or _batch(shape) != batch:
            raise EngineError(
                f"{weights}: the network's input {name!r} must have a fixed shape that begins with"
                f" {batch}, got {shape}"
            )
    return NetworkInputs(batch, {name: _fixed(shape) for name, shape in extras.items()})


def one_image_shapes(inputs: NetworkInputs) -> dict[str, Shape]:
    """The shapes, (1, ...), in which a runtime is given the other inputs of one image."""
    return {name: (1, *shape[1:]) for name, shape in inputs.extras.items()}


class Batch(NamedTuple):
    """What goes through the network together: at most `NetworkInputs.batch` images."""

    images: Sequence[Pixels]
    extras: Sequence[Tensors]


def batches(
    images: Sequence[Pixels],
    extras: Sequence[Tensors] | None,
    image_input: ImageInput,
    inputs: NetworkInputs,
) -> Iterator[Batch]:
    """Cut what a runtime was called with into batches.

    Raises:
        EngineError: an image or another input does not fit the network.
    """
    stated = [{} for _ in images] if extras is None else extras
    if len(stated) != len(images):
        raise EngineError(f"{len(images)} images came with other inputs for {len(stated)}")
    wanted = one_image_shapes(inputs)
    for image, tensors in zip(images, stated, strict=True):
        _check_image(image, image_input)
        found = {name: tensor.shape for name, tensor in tensors.items()}
        if found != wanted:
            raise EngineError(f"the network's other inputs must be {wanted}, got {found}")
    for first in range(0, len(images), inputs.batch):
        rows = slice(first, first + inputs.batch)
        yield Batch(images[rows], stated[rows])


def _check_image(image: Pixels, image_input: ImageInput) -> None:
    wanted = (*image_input.hw, 3)
    if image.shape != wanted:
        raise EngineError(f"image must be {wanted}, got {image.shape}")


def _batch(shape: Sequence[object]) -> int:
    return shape[0] if shape and isinstance(shape[0], int) and shape[0] > 0 else 1


def _fixed(shape: Sequence[object]) -> Shape:
    return tuple(side for side in shape if isinstance(side, int))
