"""OpenVINO on the CPU: the image's way into the network is part of the compiled graph."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from streamdet.errors import EngineError, to_install
from streamdet.image import Pixels
from streamdet.models.model_config import Arithmetic, ImageInput
from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes import RuntimeOptions, Tensors, threads_text
from streamdet.runtimes.checks import Batch, batches, check_network, one_image_shapes, refused
from streamdet.runtimes.cpu import has_bf16, has_int8
from streamdet.runtimes.focus import fold_focus
from streamdet.runtimes.int8_layers import SMALLEST, layers_in_8_bits, quantise_layers

_HINTS: Final = {
    "fp32": "f32",
    "bf16": "bf16",
    "int8": "f32",
    "int8+fp32": "f32",
    "int8+bf16": "bf16",
}


class OpenVino:
    """Runs a network with OpenVINO; see `Runtime`.

    Starting takes 0.4 s (YOLOX-nano, 1 core: import 0.16, read 0.04, compile 0.17); OpenVINO's
    model cache would save 0.1 of it and leave a 4 MB file per model and version, so it is unused.
    """

    package = "openvino"

    @staticmethod
    def precisions() -> tuple[Arithmetic, ...]:
        """What it can compute with on this machine."""
        plain: tuple[Arithmetic, ...] = ("fp32", "bf16") if has_bf16() else ("fp32",)
        quantised: tuple[Arithmetic, ...] = ("int8+fp32", "int8+bf16")
        return plain + (("int8", *quantised[: len(plain)]) if has_int8() else ())

    def __init__(self, weights: Path, image_input: ImageInput, options: RuntimeOptions) -> None:
        """Load and compile the network.

        Args:
            weights: an ONNX file; the configuration decides what its image input leaves open.
            image_input: how the network wants its image.
            options: precision and threads.

        Raises:
            EngineError: OpenVINO is missing or refuses the file, or the CPU or the network lacks
                what the precision is for.
        """
        version = _import_openvino().__version__.split("-")[0]
        capabilities = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        check_precision(options.precision, capabilities, sums_int8=has_int8())
        precision = options.precision
        try:
            graph = core().read_model(_inlined(weights))
            self._inputs = check_network(weights, image_input, _inputs(weights, graph))
            if self._inputs.has_free_sides:
                graph.reshape({image_input.name: self._inputs.image, **self._inputs.extras})
            fold_focus(graph)
            layers = _quantised(weights, graph) if "int8+" in precision else 0
            graph = _with_image_input(graph, image_input)
            compiled = core().compile_model(graph, "CPU", _properties(precision, options.threads))
        except RuntimeError as exc:
            raise refused(weights, "openvino", exc) from exc
        if layers and (done := layers_in_8_bits(compiled)) < layers:
            raise EngineError(f"{weights}: openvino compiled {done} of {layers} layers in 8 bits")
        self.extra_shapes = one_image_shapes(self._inputs)
        self._input = image_input
        self._request = compiled.create_infer_request()
        self._image = self._request.get_tensor(image_input.name).data
        self._extras = {name: self._request.get_tensor(name).data for name in self._inputs.extras}
        self._outputs = [output.get_any_name() for output in compiled.outputs]
        self.name = f"openvino {version} {precision}, {threads_text(options.threads)}"

    def __call__(
        self, images: Sequence[Pixels], extras: Sequence[Tensors] | None = None
    ) -> list[Tensors]:
        """Run the network on each image: see `Runtime`.

        Images (0.5 MB) and outputs are copied: OpenVINO refuses to wrap a read-only slot.

        Raises:
            EngineError: OpenVINO failed, or an input does not fit the network.
        """
        cut = batches(images, extras, self._input, self._inputs)
        return [outputs for batch in cut for outputs in self._run(batch)]

    def _run(self, batch: Batch) -> list[Tensors]:
        try:
            for row, (image, tensors) in enumerate(zip(*batch, strict=True)):
                self._image[row] = image
                for name, tensor in tensors.items():
                    self._extras[name][row] = tensor[0]
            self._request.infer()
        except RuntimeError as exc:
            raise EngineError(f"openvino failed: {_one_line(exc)}") from exc
        named = {
            name: self._request.get_output_tensor(index).data
            for index, name in enumerate(self._outputs)
        }
        return [
            {name: value[row : row + 1].copy() for name, value in named.items()}
            for row in range(len(batch.images))
        ]


def _inlined(weights: Path) -> Path | bytes:
    """Put the bodies of our own nodes in their places; other files stay as they are.

    OpenVINO knows no local functions. `onnx` is imported only here: 0.07 s.
    """
    exported = weights.read_bytes()
    if NODE_DOMAIN.encode() not in exported:
        return weights
    try:
        import onnx.inliner
    except ImportError as exc:
        raise EngineError(f"onnx is not installed: {to_install('openvino')}") from exc
    model = onnx.load_model_from_string(exported)
    inlined: bytes = onnx.inliner.inline_local_functions(model).SerializeToString()
    return inlined


def _import_openvino() -> Any:
    # Its import reports to Google Analytics, by a process that it forks. None blocks the package
    # that does so, and OpenVINO puts a stub in its place: a worker reports to nobody.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as exc:
        raise EngineError(f"openvino is not installed: {to_install('openvino')}") from exc
    return openvino


@cache
def core() -> Any:
    """Give the one core of this process, which lives as long as it does.

    Each core's CPU plugin gives the thread a stack for signals, and takes it away as it goes. Of
    two that do not go in the reverse order, one puts the other's freed stack back: the next signal
    with a handler of Python's is a segmentation fault (OpenVINO 2026).
    """
    return _import_openvino().Core()


def check_precision(wanted: str, capabilities: Sequence[str], *, sums_int8: bool) -> None:
    """Check that the CPU has the arithmetic that is wanted.

    Args:
        wanted: see `Arithmetic`.
        capabilities: what OpenVINO says of the CPU, e.g. ["BF16", "FP32"].
        sums_int8: see `has_int8`, which OpenVINO does not tell.

    Raises:
        EngineError: bf16 or int8 is wanted and the CPU lacks it.
    """
    if "bf16" in wanted and "BF16" not in capabilities:
        raise EngineError(f"precision {wanted} was asked for, but this CPU has no bf16 arithmetic")
    if "int8" in wanted and not sums_int8:
        raise EngineError(f"precision {wanted} was asked for, but this CPU has no VNNI or AMX")


def _quantised(weights: Path, graph: Any) -> int:
    """Put the graph's large fully connected layers into 8 bits; returns how many."""
    if layers := quantise_layers(graph):
        return layers
    raise EngineError(
        f"{weights}: int8 is for fully connected layers of {SMALLEST} weights or more, this network"
        " has none"
    )


def _properties(precision: str, threads: int) -> dict[str, object]:
    # Without the precision hint OpenVINO chooses by CPU. Pinning binds each process to the same
    # first cores, while several of them share the machine.
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "ENABLE_CPU_PINNING": False,
    }


def _inputs(weights: Path, graph: Any) -> dict[str, list[object]]:
    for node in graph.inputs:
        if not node.get_element_type().is_real():
            kind = node.get_element_type().get_type_name()
            raise EngineError(
                f"{weights}: input {node.get_any_name()!r} must hold floats, got {kind}"
            )
    sides = {item.get_any_name(): item.get_partial_shape() for item in graph.inputs}
    return {
        name: [side.get_length() if side.is_static else str(side) for side in shape]
        for name, shape in sides.items()
    }


def _with_image_input(graph: Any, image_input: ImageInput) -> Any:
    """Put (1, H, W, 3) uint8 BGR in the place of the network's normalised (1, 3, H, W) floats.

    Other inputs and the outputs that are floats of another size become float32.
    """
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(graph)
    image = steps.input(image_input.name)
    image.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    image.tensor().set_color_format(ColorFormat.BGR)
    image.model().set_layout(Layout("NCHW"))
    if image_input.colour == "rgb":
        image.preprocess().convert_color(ColorFormat.RGB)
    image.preprocess().convert_element_type(Type.f32)
    if any(image_input.mean) or image_input.std != (1.0, 1.0, 1.0):
        image.preprocess().mean(list(image_input.mean)).scale(list(image_input.std))
    extras = [node for node in graph.inputs if image_input.name not in node.get_names()]
    tensors = [(node, steps.input(node.get_any_name())) for node in extras]
    tensors += [(node, steps.output(index)) for index, node in enumerate(graph.outputs)]
    for node, step in tensors:
        if node.get_element_type().is_real():
            step.tensor().set_element_type(Type.f32)
    return steps.build()


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:300]
