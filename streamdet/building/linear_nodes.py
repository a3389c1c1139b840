"""The convolutions and matrix products of an ONNX file, and what lies before them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamdet.networks import NODE_DOMAIN

LINEAR: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def is_linear(node: Any) -> bool:
    """Whether a node is a convolution or a matrix product."""
    return node.op_type in LINEAR


def is_depthwise(node: Any) -> bool:
    """Whether a convolution has several groups."""
    return any(each.name == "group" and each.i > 1 for each in node.attribute)


def before(model: Any, nodes: Sequence[Any]) -> set[str]:
    """Name the nodes from which one of others is reached.

    A way through the regions of a node of ours does not count, for it leads over boxes in pixels;
    one through its maps does.

    Args:
        model: an `onnx.ModelProto` whose nodes have names.
        nodes: the others; one of them counts only where it lies before another.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    own = [node for node in model.graph.node if node.domain == NODE_DOMAIN]
    waiting = [name for node in nodes for name in node.input]
    waiting += [name for node in own for name in _maps(node)]
    found: set[str] = set()
    while waiting:
        maker = makers.get(waiting.pop())
        if maker is not None and maker.name not in found and maker.domain != NODE_DOMAIN:
            found.add(maker.name)
            waiting += maker.input
    return found


def _maps(node: Any) -> Sequence[str]:
    """The feature maps that a node of ours pools from."""
    names: Sequence[str] = node.input
    if node.op_type == "RoiPool":
        return names[1:2]
    return names[1:] if node.op_type.startswith("RoiAlignFpn") else ()
