"""A network's ONNX file as it is compiled, and with its layers in int8; of fp16 see half.py.

TensorRT takes the precision of each layer from there.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from streamdet.building.compact import expand
from streamdet.building.engine_recipe import EngineRecipe
from streamdet.building.linear_nodes import LINEAR, before, is_depthwise, is_linear
from streamdet.errors import EngineError, to_install
from streamdet.networks import NODE_DOMAIN
from streamdet.runtimes import Tensors


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


def to_int8(model: Any, inputs: Iterator[Tensors], recipe: EngineRecipe) -> Any:
    """Lower a network's convolutions and matrix products to int8, calibrated with inputs.

    Jacob et al., "Quantization and Training of Neural Networks", 2018, section 2, with symmetric
    ranges, by channel for weights; biases stay in fp32, because TensorRT takes none of int32.
    Depthwise convolutions, the first layer and the last ones stay in fp32, and so does what a
    layer gives before its activation: built-in model `people` has AP .387 so on coco-mini val, .399
    in fp32, .114 with its depthwise convolutions in int8, .035 if the ranges are also the extremes.

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
            op_types_to_quantize=sorted(LINEAR),
            nodes_to_exclude=[*_sensitive(model), *recipe.keep_fp32],
            calibrate_method=methods[recipe.calibration],
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": sorted(LINEAR),
            },
        )
        return onnx.load(path)


def _sensitive(model: Any) -> list[str]:
    """Name the convolutions and matrix products that int8 harms most and speeds up least."""
    linear = [node for node in model.graph.node if is_linear(node)]
    earlier = before(model, linear)
    return [
        node.name
        for index, node in enumerate(linear)
        if index == 0 or node.name not in earlier or is_depthwise(node)
    ]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep advice of ONNX Runtime's tools, which nobody can follow here, to itself."""
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        with redirect_stdout(None):
            yield
    finally:
        logging.getLogger().setLevel(level)
