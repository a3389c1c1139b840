"""What every runtime checks and counts: the network's inputs, an image's, batches of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeGuard

from streamdet.errors import EngineError
from streamdet.image import AnyPixels
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import Tensors

Shape = tuple[int, ...]

UNREADABLE: Final = "the file is damaged or no ONNX network: copy or export it again"
_TRACE: Final = re.compile(
    r"^(Exception from .*|Check '.*' failed( at \S+)?:?|\s*)$|^\[ONNXRuntimeError\] : \d+ : \w+ : "
)
"""What comes before the reason in an error of OpenVINO, line by line, and of ONNX Runtime."""


def refused(weights: Path, package: str, exc: Exception) -> EngineError:
    """Say in a sentence why a package cannot load a network, without the trace of its sources."""
    text = str(exc)
    if re.search("Unable to read the model|INVALID_PROTOBUF|No graph was found", text):
        return EngineError(f"{weights}: {package} cannot load it: {UNREADABLE}")
    lines = (_TRACE.sub("", line) for line in text.splitlines())
    reason = " ".join(" ".join(lines).split())[:300]
    return EngineError(f"{weights}: {package} cannot load it: {reason or type(exc).__name__}")


class NetworkInputs(NamedTuple):
    """What a network takes.

    Attributes:
        batch: images at a time.
        image: shape of the image input, (batch, 3, H, W).
        extras: shapes of the inputs beside the image, by name; the first axis is the batch.
        has_free_sides: the file leaves a side open, such as the batch; above it is decided.
    """

    batch: int
    image: Shape
    extras: dict[str, Shape]
    has_free_sides: bool


def check_network(
    weights: Path, image_input: ImageInput, inputs: Mapping[str, Sequence[object]]
) -> NetworkInputs:
    """Check that a network takes the configured image, and decide what its file leaves open.

    Args:
        weights: the network's file, for the error.
        image_input: the configuration; decides a free height and width.
        inputs: the network's inputs: name -> shape; a free side is no integer above 0. A free
            batch becomes 1.

    Raises:
        EngineError: the image input is missing or of another shape, another input has a free side
            that is not the batch, or the inputs disagree about the batch.
    """
    found = {name: tuple(shape) for name, shape in inputs.items()}
    batch = _batch(found.get(image_input.name, ()))
    wanted = (batch, 3, *image_input.hw)
    if _decided(found.get(image_input.name, ()), wanted) != wanted:
        raise EngineError(
            f"{weights}: the network's input must be {{{image_input.name!r}: {wanted}}},"
            f" got {found}"
        )
    extras = {
        name: _fixed(weights, name, _decided(shape, (batch, *shape[1:])), batch)
        for name, shape in found.items()
        if name != image_input.name
    }
    has_free_sides = found != {image_input.name: wanted, **extras}
    return NetworkInputs(batch, wanted, extras, has_free_sides)


def one_image_shapes(inputs: NetworkInputs) -> dict[str, Shape]:
    """The shapes, (1, ...), in which a runtime is given the other inputs of one image."""
    return {name: (1, *shape[1:]) for name, shape in inputs.extras.items()}


class Batch(NamedTuple):
    """What goes through the network together: at most `NetworkInputs.batch` images.

    Attributes:
        images: as they came, Pixels or DevicePixels.
        extras: of each.
    """

    images: Sequence[Any]
    extras: Sequence[Tensors]


def batches(
    images: Sequence[AnyPixels],
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


def _check_image(image: AnyPixels, image_input: ImageInput) -> None:
    wanted = (*image_input.hw, 3)
    if image.shape != wanted:
        raise EngineError(f"image must be {wanted}, got {image.shape}")


def _batch(shape: Sequence[object]) -> int:
    return shape[0] if shape and _is_fixed(shape[0]) else 1


def _decided(shape: Sequence[object], wanted: Sequence[object]) -> tuple[object, ...]:
    """Put the wanted sides in the place of a shape's free ones."""
    if len(shape) != len(wanted):
        return tuple(shape)
    pairs = zip(shape, wanted, strict=True)
    return tuple(side if _is_fixed(side) else other for side, other in pairs)


def _fixed(weights: Path, name: str, shape: Sequence[object], batch: int) -> Shape:
    fixed = tuple(side for side in shape if _is_fixed(side))
    if len(fixed) != len(shape) or fixed[:1] != (batch,):
        raise EngineError(
            f"{weights}: the network's input {name!r} must have a fixed shape that begins with"
            f" {batch}, got {tuple(shape)}"
        )
    return fixed


def _is_fixed(side: object) -> TypeGuard[int]:
    return isinstance(side, int) and side > 0
