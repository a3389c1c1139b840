"""Operators of ONNX (opset 11 to 18) in torch, as networks of ours and of YOLOX's kin use them.

Shapes, indices and axes that torch wants as Python's numbers must lie on the CPU: constants do, and
what is computed of them. Nothing else is read back from a GPU. B C H W as in networks/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from streamdet.errors import EngineError

Values = Sequence[Tensor | None]
"""What a node reads; None for an input that is left out."""

Attributes = Mapping[str, Any]
Operator = Callable[[Values, Attributes], Tensor | tuple[Tensor, ...]]


def numbers(value: Tensor | None) -> list[Any]:
    """Read numbers that torch wants as Python's; [] where they are left out.

    Raises:
        EngineError: they lie on a GPU, where reading them would stop the stream.
    """
    if value is None:
        return []
    if value.device.type != "cpu":
        raise EngineError("a shape of the network is computed on the GPU, which is not supported")
    read = value.tolist()
    return read if isinstance(read, list) else [read]


def _axes(values: Values, attributes: Attributes) -> list[int]:
    """Axes as an input, or as an attribute of older opsets."""
    return numbers(values[1]) if len(values) > 1 else list(attributes.get("axes", ()))


def _padded(image: Tensor, pads: Sequence[int], value: float) -> tuple[Tensor, Sequence[int]]:
    """Pad unevenly where torch's own padding cannot; returns what is left for torch."""
    begin, end = list(pads[: len(pads) // 2]), list(pads[len(pads) // 2 :])
    if begin == end:
        return image, begin
    sides = [side for pair in reversed(list(zip(begin, end, strict=True))) for side in pair]
    return functional.pad(image, sides, value=value), [0] * len(begin)


def _conv(values: Values, attributes: Attributes) -> Tensor:
    image, weight, bias = (*values, None)[:3]
    assert image is not None
    assert weight is not None
    image, padding = _padded(image, attributes.get("pads", (0, 0, 0, 0)), 0.0)
    return functional.conv2d(
        image, weight, bias,
        stride=attributes.get("strides", (1, 1)),
        padding=tuple(padding),
        dilation=attributes.get("dilations", (1, 1)),
        groups=attributes.get("group", 1),
    )  # fmt: skip


def _max_pool(values: Values, attributes: Attributes) -> Tensor:
    image = _first(values)
    image, padding = _padded(image, attributes.get("pads", (0, 0, 0, 0)), float("-inf"))
    return functional.max_pool2d(
        image,
        attributes["kernel_shape"],
        stride=attributes.get("strides", (1, 1)),
        padding=tuple(padding),
        dilation=attributes.get("dilations", (1, 1)),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def _resize(values: Values, attributes: Attributes) -> Tensor:
    image = _first(values)
    scales, sizes = (numbers(value) for value in (*values, None, None)[2:4])
    way = (attributes.get("mode", b"nearest"), attributes.get("nearest_mode", b"floor"))
    place = attributes.get("coordinate_transformation_mode", b"half_pixel")
    if way != (b"nearest", b"floor") or place != b"asymmetric":
        raise EngineError(f"Resize is known as nearest, floor and asymmetric, got {way}, {place}")
    height, width = sizes[2:] or [
        int(side * scale) for side, scale in zip(image.shape[2:], scales[2:], strict=True)
    ]
    return functional.interpolate(image, size=(height, width), mode="nearest")


def _slice(values: Values, attributes: Attributes) -> Tensor:
    data = _first(values)
    starts, ends = numbers(values[1]), numbers(values[2])
    axes = numbers((*values, None)[3]) or list(range(len(starts)))
    steps = numbers((*values, None, None)[4]) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        where: list[slice] = [slice(None)] * data.ndim
        where[axis] = slice(start, end, step)
        data = data[tuple(where)]
    return data


def _split(values: Values, attributes: Attributes) -> tuple[Tensor, ...]:
    data, axis = _first(values), attributes.get("axis", 0)
    sizes = numbers((*values, None)[1]) or list(attributes.get("split", ()))
    sizes = sizes or [data.shape[axis] // attributes["num_outputs"]] * attributes["num_outputs"]
    return torch.functional.split(data, sizes, dim=axis)


def _reshape(values: Values, attributes: Attributes) -> Tensor:
    data = _first(values)
    shape = numbers(values[1])
    if not attributes.get("allowzero", 0):
        shape = [data.shape[axis] if side == 0 else side for axis, side in enumerate(shape)]
    return data.reshape(shape)


def _squeeze(values: Values, attributes: Attributes) -> Tensor:
    data, axes = _first(values), _axes(values, attributes)
    return data.squeeze(tuple(axes)) if axes else data.squeeze()


def _unsqueeze(values: Values, attributes: Attributes) -> Tensor:
    data, axes = _first(values), _axes(values, attributes)
    count = data.ndim + len(axes)
    for axis in sorted(axis % count for axis in axes):
        data = data.unsqueeze(axis)
    return data


def _top_k(values: Values, attributes: Attributes) -> tuple[Tensor, Tensor]:
    """Ties by index, as ONNX wants them; torch.topk has no order for them."""
    data, [most], axis = _first(values), numbers(values[1]), attributes.get("axis", -1)
    is_largest = bool(attributes.get("largest", 1))
    ordered, indices = data.sort(dim=axis, descending=is_largest, stable=True)
    return ordered.narrow(axis, 0, most), indices.narrow(axis, 0, most)


def _gather(values: Values, attributes: Attributes) -> Tensor:
    data, indices = _first(values), values[1]
    assert indices is not None
    axis = attributes.get("axis", 0) % data.ndim
    wrapped = torch.where(indices < 0, indices + data.shape[axis], indices)
    picked = data.index_select(axis, wrapped.reshape(-1))
    return picked.reshape(*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])


def _divide(values: Values, attributes: Attributes) -> Tensor:
    first, second = _first(values), values[1]
    is_whole = not first.is_floating_point()
    return torch.div(first, second, rounding_mode="trunc" if is_whole else None)  # type: ignore[arg-type]


def _modulo(values: Values, attributes: Attributes) -> Tensor:
    first, second = _first(values), values[1]
    assert second is not None
    return (
        torch.fmod(first, second) if attributes.get("fmod", 0) else torch.remainder(first, second)
    )


def _gemm(values: Values, attributes: Attributes) -> Tensor:
    first, second, added = (*values, None)[:3]
    assert first is not None
    assert second is not None
    first = first.T if attributes.get("transA", 0) else first
    second = second.T if attributes.get("transB", 0) else second
    product: Tensor = attributes.get("alpha", 1.0) * (first @ second)
    return product if added is None else product.add(added, alpha=attributes.get("beta", 1.0))


def _clip(values: Values, attributes: Attributes) -> Tensor:
    data, low, high = (*values, None, None)[:3]
    assert data is not None
    if "min" in attributes or "max" in attributes:
        return data.clamp(attributes.get("min"), attributes.get("max"))
    return data.clamp(low, high)


def _minimum(values: Values, attributes: Attributes) -> Tensor:
    data, axes = _first(values), _axes(values, attributes)
    return data.amin(
        dim=axes or tuple(range(data.ndim)), keepdim=bool(attributes.get("keepdims", 1))
    )


def _constant(values: Values, attributes: Attributes) -> Tensor:
    from onnx import numpy_helper

    if "value" in attributes:
        return torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
    [stated] = attributes.values()
    return torch.tensor(stated)


def _range(values: Values, attributes: Attributes) -> Tensor:
    start, limit, step = (numbers(value)[0] for value in values)
    return torch.arange(start, limit, step, dtype=_first(values).dtype)


def _shape(values: Values, attributes: Attributes) -> Tensor:
    sides = [*_first(values).shape][attributes.get("start", 0) : attributes.get("end")]
    return torch.tensor(sides, dtype=torch.int64)


def _cast(values: Values, attributes: Attributes) -> Tensor:
    from onnx import helper

    dtype = helper.tensor_dtype_to_np_dtype(attributes["to"])
    return _first(values).to(getattr(torch, dtype.name))


def _hard_sigmoid(values: Values, attributes: Attributes) -> Tensor:
    slope, shift = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    return _first(values).mul(slope).add(shift).clamp(0, 1)


def _flatten(values: Values, attributes: Attributes) -> Tensor:
    data, axis = _first(values), attributes.get("axis", 1)
    return data.reshape(data.shape[:axis].numel(), -1)


def _where(values: Values, attributes: Attributes) -> Tensor:
    condition, first, second = values
    assert condition is not None
    assert first is not None
    assert second is not None
    return torch.where(condition, first, second)


def _first(values: Values) -> Tensor:
    assert values[0] is not None
    return values[0]


def _of_one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda values, attributes: function(_first(values))


def _of_two(function: Callable[[Tensor, Any], Tensor]) -> Operator:
    return lambda values, attributes: function(_first(values), values[1])


OPERATORS: Final[dict[str, Operator]] = {
    "Add": _of_two(torch.add),
    "And": _of_two(torch.logical_and),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda values, attributes: torch.cat([*values], dim=attributes["axis"]),  # type: ignore[list-item]
    "Constant": _constant,
    "Conv": _conv,
    "Div": _divide,
    "Equal": _of_two(torch.eq),
    "Exp": _of_one(torch.exp),
    "Expand": lambda values, attributes: _first(values) * torch.ones(
        numbers(values[1]), dtype=_first(values).dtype, device=_first(values).device
    ),
    "Flatten": _flatten,
    "Gather": _gather,
    "Gemm": _gemm,
    "GlobalAveragePool": _of_one(lambda image: image.mean(dim=(2, 3), keepdim=True)),
    "GreaterOrEqual": _of_two(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "Identity": _of_one(lambda data: data),
    "LeakyRelu": lambda values, attributes: functional.leaky_relu(
        _first(values), attributes.get("alpha", 0.01)
    ),
    "Less": _of_two(torch.lt),
    "MatMul": _of_two(torch.matmul),
    "MaxPool": _max_pool,
    "Mod": _modulo,
    "Mul": _of_two(torch.mul),
    "Range": _range,
    "ReduceMin": _minimum,
    "Relu": _of_one(torch.relu),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": _shape,
    "Sigmoid": _of_one(torch.sigmoid),
    "Slice": _slice,
    "Softmax": lambda values, attributes: torch.softmax(
        _first(values), dim=attributes.get("axis", -1)
    ),
    "Split": _split,
    "Squeeze": _squeeze,
    "Sub": _of_two(torch.sub),
    "TopK": _top_k,
    "Transpose": lambda values, attributes: _first(values).permute(attributes["perm"]),
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}  # fmt: skip
"""By their ONNX names."""

NUMBERS: Final[dict[str, frozenset[int]]] = {
    **dict.fromkeys(("Reshape", "Expand", "Squeeze", "Unsqueeze", "TopK", "Split"), frozenset({1})),
    "ReduceMin": frozenset({1}),
    "Resize": frozenset({1, 2, 3}),
    "Slice": frozenset({1, 2, 3, 4}),
    "Range": frozenset({0, 1, 2}),
}
"""Which inputs of an operator are read by `numbers`."""
