"""A network by parts: what is dense by a runtime, our own nodes by our own kernels.

A runtime would run the bodies of our nodes, dozens of operators each, in its own way; a kernel of
ours takes their place. Tensors between the parts are ours and stay where they are. Shapes are found
when the network is loaded: they never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from streamdet.errors import EngineError, to_install
from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.models.model_config import ImageInput
from streamdet.runtimes.checks import check_network, refused
from streamdet.runtimes.gpu import Gpu
from streamdet.runtimes.gpu.split import DensePart, NodePart, split


class Step(Protocol):
    """A part, loaded.

    Attributes:
        outputs: what it gives, by name; always at the same address.
    """

    outputs: Mapping[str, DeviceArray]

    def run(self) -> None:
        """Have it run on the GPU's stream, after what came before.

        Raises:
            EngineError: it failed.
        """
        ...


class DenseRuntime(Protocol):
    """What runs dense parts.

    Attributes:
        name: what really runs them: runtime, version, precision.
        package: the Python package, for sentences.
    """

    name: str
    package: str

    def load(self, model: Any, part: DensePart, inputs: Mapping[str, DeviceArray]) -> Step:
        """Load a part.

        Args:
            model: the whole network, an `onnx.ModelProto`.
            part: of it.
            inputs: where it finds what it reads, which has been computed once.

        Raises:
            EngineError: the runtime lacks something, or there is too little memory.
            Exception: whatever the runtime itself raises.
        """
        ...


class PartsNetwork:
    """A network by parts; see gpu.GpuNetwork."""

    def __init__(
        self, file: Path, image_input: ImageInput, gpu: Gpu, batch: int, dense: DenseRuntime
    ) -> None:
        """Load it, and run it once to find the shapes.

        Args:
            file: ONNX file.
            image_input: decides over the size of images that the file leaves open.
            gpu: where.
            batch: images at a time, where the file leaves that open.
            dense: runs the dense parts.

        Raises:
            EngineError: a package is missing, or refuses the network; there is too little memory.
        """
        self._gpu, self._file, self._dense = gpu, file, dense
        model = _read(file, dense.package)
        self._arrays = _input_arrays(model, file, image_input, gpu, batch)
        self.inputs: Mapping[str, DeviceArray] = dict(self._arrays)
        self._steps: list[Step] = []
        for part in split(model):
            self._add(model, part)
        self.outputs: Mapping[str, DeviceArray] = {
            value.name: self._arrays[value.name] for value in model.graph.output
        }
        kernels = sum(isinstance(step, _Node) for step in self._steps)
        self.name = dense.name + (f", {kernels} of its nodes by our kernels" if kernels else "")

    def run(self) -> None:
        """Run all parts: see gpu.GpuNetwork.

        Raises:
            EngineError: a part failed.
        """
        for step in self._steps:
            step.run()

    def _add(self, model: Any, part: DensePart | NodePart) -> None:
        inputs = {name: self._arrays[name] for name in part.inputs}
        step = (
            self._load(model, part, inputs)
            if isinstance(part, DensePart)
            else _Node(part, self._gpu, inputs)
        )
        self._arrays |= step.outputs
        self._steps.append(step)
        step.run()  # what comes next finds its shapes by what this one gives

    def _load(self, model: Any, part: DensePart, inputs: Mapping[str, DeviceArray]) -> Step:
        try:
            return self._dense.load(model, part, inputs)
        except EngineError:
            raise
        except Exception as exc:  # errors of runtimes have no other common class
            raise refused(self._file, self._dense.package, exc) from exc


class _Node:
    """A node of ours, its kernels' launches ready."""

    def __init__(self, part: NodePart, gpu: Gpu, inputs: Mapping[str, DeviceArray]) -> None:
        given = [inputs[name] for name in part.inputs]
        shapes = part.node.output_shapes([array.shape for array in given])
        dtypes = part.node.output_types([array.dtype for array in given])
        made = [gpu.array(tuple(shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        self.outputs: Mapping[str, DeviceArray] = dict(zip(part.outputs, made, strict=True))
        size = part.node.workspace([array.shape for array in given])
        workspace = gpu.array((size,), np.uint8)
        self._launches: Sequence[Launch] = part.node.launches(given, made, workspace.pointer)
        self._gpu, self._kernels = gpu, part.kernels

    def run(self) -> None:
        self._gpu.run(self._kernels, self._launches)


def _read(file: Path, package: str) -> Any:
    try:
        import onnx
    except ImportError as exc:
        raise EngineError(f"onnx is not installed: {to_install('openvino')}") from exc
    try:
        return onnx.load(file)
    except Exception as exc:  # protobuf's errors, and OSError
        raise refused(file, package, exc) from exc


def _input_arrays(
    model: Any, file: Path, image_input: ImageInput, gpu: Gpu, batch: int
) -> dict[str, DeviceArray]:
    """Room for the network's inputs, with zeros: nothing that was there before."""
    from onnx import helper

    stored = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in stored]
    sides = {value.name: value.type.tensor_type.shape.dim for value in values}
    shapes = {name: [side.dim_value for side in each] for name, each in sides.items()}
    for shape in shapes.values():
        shape[:1] = [shape[0] or batch] if shape else []
    found = check_network(file, image_input, shapes)
    wanted = {image_input.name: found.image, **found.extras}
    arrays = {}
    for value in values:
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if dtype not in (np.float32, np.float16):
            raise EngineError(f"{file}: input {value.name!r} must hold floats, got {dtype}")
        arrays[value.name] = gpu.array(wanted[value.name], dtype)
        gpu.upload(lambda room: room.fill(0), arrays[value.name])
    return arrays
