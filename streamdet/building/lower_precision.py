"""A network's ONNX file in fp16 or int8: TensorRT takes the precision from there.

Convolutions and matrix products, and what lies before them, are lowered. What follows the last of
them stays in fp32: boxes in pixels do not fit into 11 bits, nor do our own nodes.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from streamdet.building.compact import expand
from streamdet.building.engine_recipe import EngineRecipe
from streamdet.errors import EngineError, to_install
from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes import Tensors

_LINEAR: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def prepared(network: Path) -> Any:
    """Read a network's file as it is compiled: whole weights, our nodes ready for their plugins.

    Args:
        network: an ONNX file of ours or of a user's.

    Returns:
        An `onnx.ModelProto`.

    Raises:
        EngineError: onnx is not installed.
    """
    try:
        import onnx
    except ImportError as exc:
        raise EngineError(f"onnx is not installed: {to_install('openvino')}") from exc
    model = onnx.load(network)
    expand(model)
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"  # recipes and reports go by names
        stated = {each.name for each in node.attribute}
        if node.domain == NODE_DOMAIN and "plugin_namespace" not in stated:  # exported before
            node.attribute.append(onnx.helper.make_attribute("plugin_namespace", NODE_DOMAIN))
    return model


def to_fp16(model: Any, recipe: EngineRecipe) -> Any:
    """Lower a network to fp16; its inputs and outputs stay as they are.

    Args:
        model: see `prepared`; it is changed.
        recipe: names nodes that stay in fp32.

    Returns:
        The lowered `onnx.ModelProto`.

    Raises:
        EngineError: ONNX Runtime, whose tools do it, is not installed.
    """
    try:
        from onnxruntime.transformers.float16 import (
            DEFAULT_OP_BLOCK_LIST,
            convert_float_to_float16,
        )
        from onnxruntime.transformers.onnx_model import OnnxModel
    except ImportError as exc:
        raise EngineError(f"onnxruntime is not installed: {to_install('onnxruntime')}") from exc
    own = {node.op_type for node in model.graph.node if node.domain == NODE_DOMAIN}
    lowered = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=[*DEFAULT_OP_BLOCK_LIST, *sorted(own)],
        node_block_list=[*_after_linear(model), *recipe.keep_fp32],
    )
    OnnxModel.graph_topological_sort(lowered.graph, is_deterministic=True)
    return lowered


def to_int8(model: Any, inputs: Iterator[Tensors], recipe: EngineRecipe) -> Any:
    """Lower a network's convolutions and matrix products to int8, calibrated with inputs.

    Jacob et al., "Quantization and Training of Neural Networks", 2018, section 2, with symmetric
    ranges, by channel for weights; biases stay in fp32, because TensorRT takes none of int32.

    Args:
        model: see `prepared`; it may be changed.
        inputs: what the network was given for each image, see `calibration.network_inputs`.
        recipe: names nodes that stay in fp32, and how ranges are found.

    Returns:
        The lowered `onnx.ModelProto`, with QuantizeLinear and DequantizeLinear.

    Raises:
        EngineError: ONNX Runtime, whose tools do it, is not installed.
    """
    import onnx

    try:
        from onnxruntime.quantization import (
            CalibrationDataReader,
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )
    except ImportError as exc:
        raise EngineError(f"onnxruntime is not installed: {to_install('onnxruntime')}") from exc

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out the inputs."""

        def get_next(self) -> Tensors | None:
            """Those of the next image; None after the last."""
            return next(inputs, None)

    methods = {
        "minmax": CalibrationMethod.MinMax,
        "entropy": CalibrationMethod.Entropy,
        "percentile": CalibrationMethod.Percentile,
    }
    with tempfile.TemporaryDirectory(prefix="streamdet-int8-") as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=sorted(_LINEAR),
            nodes_to_exclude=list(recipe.keep_fp32),
            calibrate_method=methods[recipe.calibration],
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
            },
        )
        return onnx.load(path)


def _after_linear(model: Any) -> list[str]:
    """Name the nodes from which no convolution or matrix product is reached.

    A way through the regions of a node of ours does not count, for it leads over boxes in pixels;
    one through its maps does.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    waiting = [node for node in model.graph.node if node.op_type in _LINEAR]
    own = [node for node in model.graph.node if node.domain == NODE_DOMAIN]
    waiting += [makers[name] for node in own for name in _maps(node) if name in makers]
    before = {node.name for node in waiting}
    while waiting:
        node = waiting.pop()
        for maker in (makers[name] for name in node.input if name in makers):
            if maker.name not in before and maker.domain != NODE_DOMAIN:
                before.add(maker.name)
                waiting.append(maker)
    return [node.name for node in model.graph.node if node.name not in before]


def _maps(node: Any) -> Sequence[str]:
    """The feature maps that a node of ours pools from."""
    names: Sequence[str] = node.input
    if node.op_type == "RoiPool":
        return names[1:2]
    return names[1:] if node.op_type.startswith("RoiAlignFpn") else ()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep advice of ONNX Runtime's tools, which nobody can follow here, to itself."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.getLogger().setLevel(level)
