"""Leaves the height and width of an exported network's image free, so that one file has any size.

Torch writes the shape of every tensor into the file; of a convolutional network only those of its
last reshapes, which join a map's cells, stand there as numbers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streamdet.errors import EngineError
from streamdet.models.model_config import SIDE_MULTIPLE

BATCH: Final = "batch"
"""Name of the axis that counts images, where a network takes any number of them."""

_NAMES: Final = ("height", "width")


def free_sides(model: Any, input_name: str, *, has_free_batch: bool = False) -> None:
    """Free the sides of a network's image, in place.

    Args:
        model: an `onnx.ModelProto` of a network that is convolutional up to reshapes of
            (B, C, h, w) to (B, C, h * w).
        input_name: of its image, (B, 3, H, W).
        has_free_batch: whether the number of images becomes free, too.

    Raises:
        EngineError: the network does not compute for another size.
    """
    from onnx import numpy_helper

    reshapes = [node for node in model.graph.node if node.op_type == "Reshape"]
    for node in reshapes:
        del node.attribute[:]  # allowzero, with which 0 would not mean "as it is"
    shapes = {node.input[1] for node in reshapes}
    for tensor in model.graph.initializer:
        if tensor.name in shapes:
            batch, *middle, _ = numpy_helper.to_array(tensor)
            shape = np.array([0 if has_free_batch else batch, *middle, -1], np.int64)
            tensor.CopyFrom(numpy_helper.from_array(shape, tensor.name))
    del model.graph.value_info[:]
    sides = _sides(model, input_name)
    hw = [side.dim_value for side in sides]
    _infer(model, sides, [side + 2 * SIDE_MULTIPLE for side in hw])
    for side, name in zip(sides, _NAMES, strict=True):
        side.dim_param = name
    outputs = model.graph.output  # maps of several sizes must not share a name
    for output in outputs:
        name = "cells" if len(outputs) == 1 else f"cells of {output.name}"
        output.type.tensor_type.shape.dim[1].dim_param = name
    for value in (*model.graph.input, *model.graph.output) if has_free_batch else ():
        value.type.tensor_type.shape.dim[0].dim_param = BATCH


def _sides(model: Any, input_name: str) -> list[Any]:
    [image] = [each for each in model.graph.input if each.name == input_name]
    return list(image.type.tensor_type.shape.dim[2:])


def _infer(model: Any, sides: list[Any], hw: list[int]) -> None:
    """Check that every shape follows from another size of image."""
    import onnx

    for side, length in zip(sides, hw, strict=True):
        side.dim_value = length
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].Clear()
    try:
        onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as exc:
        raise EngineError(f"the network does not take images of another size: {exc}") from exc
