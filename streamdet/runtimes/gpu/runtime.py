"""Prepared images that lie on a GPU through a network there; only what it finds comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from streamdet.errors import EngineError
from streamdet.image import AnyPixels, DevicePixels
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.prepare import BgrFrame, Prepare
from streamdet.models.model_config import ImageInput
from streamdet.runtimes import Tensors
from streamdet.runtimes.checks import Batch, NetworkInputs, batches, one_image_shapes
from streamdet.runtimes.gpu import Gpu, GpuNetwork

_NORMALISE: Final = "prepare"
"""The file of engines/kernels that puts an image's bytes into a network's input."""


class GpuTail(Protocol):
    """What kernels make of a network's outputs, so that less has to come to the CPU.

    Attributes:
        outputs: what it gives, by name; the first axis counts images.
        steps: files of engines/kernels, and what of them is launched, in order.
    """

    outputs: Mapping[str, DeviceArray]
    steps: Sequence[tuple[str, Sequence[Launch]]]


class GpuRuntime:
    """A network on a GPU as detectors see it: a `Runtime` that takes images on the GPU, too.

    Attributes:
        name: what really runs, and where.
        extra_shapes: see runtimes.Runtime.
    """

    def __init__(self, network: GpuNetwork, gpu: Gpu, image_input: ImageInput) -> None:
        """Take a loaded network."""
        self._network, self._gpu, self._input = network, gpu, image_input
        self._tail: GpuTail | None = None
        self._image = network.inputs[image_input.name]
        shapes = {name: array.shape for name, array in network.inputs.items()}
        extras = {name: shape for name, shape in shapes.items() if name != image_input.name}
        self._inputs = NetworkInputs(self._image.shape[0], self._image.shape, extras, False)
        self.extra_shapes = one_image_shapes(self._inputs)
        self._normalise = Prepare(
            hw=image_input.hw,
            is_rgb=image_input.colour == "rgb",
            mean=image_input.mean,
            std=image_input.std,
        )
        self.name = f"{network.name} on {gpu.name} ({gpu.model})"

    def end_in(self, make: Callable[[Gpu, Mapping[str, DeviceArray]], GpuTail]) -> None:
        """Have kernels follow the network from now on; what they give takes its outputs' place.

        Args:
            make: takes the GPU and the network's outputs.
        """
        self._tail = make(self._gpu, self._network.outputs)

    def __call__(
        self, images: Sequence[AnyPixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image: see runtimes.Runtime.

        Args:
            images: on the GPU; one on the CPU is copied there.
            extras: for each image the network's other inputs, (1, ...) each, on the CPU.

        Raises:
            EngineError: the network failed, or an input does not fit it.
        """
        cut = batches(images, extras, self._input, self._inputs)
        return [outputs for batch in cut for outputs in self._run(batch)]

    def _run(self, batch: Batch) -> list[Tensors]:
        held = [self._on_gpu(image) for image in batch.images]
        for row, image in enumerate(held):
            frame = BgrFrame(image.pointer, image.hw[1] * 3, image.hw)
            self._gpu.run(_NORMALISE, self._normalise.launches(frame, row_of(self._image, row)))
        for row, tensors in enumerate(batch.extras):
            for name, tensor in tensors.items():
                self._put(tensor[0], row_of(self._network.inputs[name], row))
        self._network.run()
        outputs = self._network.outputs
        if self._tail is not None:
            outputs = self._tail.outputs
            for file, launches in self._tail.steps:
                self._gpu.run(file, launches)
        values = {name: _as_float32(self._gpu.download(each)) for name, each in outputs.items()}
        return [
            {name: value[row : row + 1] for name, value in values.items()}
            for row in range(len(held))
        ]

    def _on_gpu(self, image: AnyPixels) -> DevicePixels:
        if isinstance(image, DevicePixels):
            if image.device != self._gpu.name:
                raise EngineError(f"an image on {image.device} came to {self._gpu.name}")
            return image
        pixels = self._gpu.private(image.shape, image.dtype)
        self._put(image, pixels)
        return pixels

    def _put(self, array: npt.NDArray[np.generic], to: DevicePixels | DeviceArray) -> None:
        self._gpu.upload(lambda room: np.copyto(room, array), to)


def row_of(array: DeviceArray, row: int) -> DeviceArray:
    """One image's part of an array whose first axis counts images."""
    size = array.nbytes // array.shape[0]
    return DeviceArray(array.pointer + row * size, array.shape[1:], array.dtype)


def _as_float32(value: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    return value.astype(np.float32, copy=False) if value.dtype.kind == "f" else value
