"""Our nodes of a network as a GPU runs them: attributes, outputs, types, launches of their kernels.

TensorRT asks for them through its plugins (tensorrt/plugins.py), a network that runs by parts
starts them itself (gpu/by_parts.py). B images, N candidates, R regions, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from streamdet.kernels.launch import DeviceArray, Launch
from streamdet.kernels.nms import Candidates, Kept, Nms, workspace_bytes
from streamdet.kernels.roi_align_fpn import MOST_LEVELS, RoiAlignFpn
from streamdet.kernels.roi_pool import RoiPool
from streamdet.networks import NODE_DOMAIN

Attributes = Mapping[str, np.ndarray[Any, Any]]
"""Name -> its numbers."""

Side = Any
"""A side of a shape: a number, or TensorRT's expression of one that is free."""

PTX_FIELD: Final = "ptx"
"""Beside the attributes an engine keeps the kernels' PTX of each plugin, under this name."""

FLOAT: Final = np.dtype(np.float32)
HALF: Final = np.dtype(np.float16)
INT64: Final = np.dtype(np.int64)


class PluginNode(Protocol):
    """A node of ours with its attributes."""

    outputs: int

    def output_types(self, inputs: Sequence[np.dtype[Any]]) -> list[np.dtype[Any]]:
        """Types of the outputs by those of the inputs."""
        ...

    def output_shapes(self, inputs: Sequence[Sequence[Side]]) -> list[list[Side]]:
        """Shapes of the outputs by those of the inputs."""
        ...

    def takes(self, position: int, types: Sequence[np.dtype[Any]]) -> bool:
        """Whether the tensor at a position, inputs first, may have its type; `types` ends there."""
        ...

    def workspace(self, inputs: Sequence[Sequence[int]]) -> int:
        """Bytes of device memory beside the tensors, for inputs of at most these shapes."""
        ...

    def launches(
        self, inputs: Sequence[DeviceArray], outputs: Sequence[DeviceArray], workspace: int
    ) -> list[Launch]:
        """The kernels to start, in order; `workspace` is the address of those bytes."""
        ...


class NmsNode:
    """Nms: boxes (B, N, 4), scores (B, N), class ids (B, N) -> indices (B, K), counts (B,)."""

    outputs = 2

    def __init__(self, attributes: Attributes) -> None:
        """Read the attributes."""
        self._most = _integer(attributes, "most")
        self._nms = Nms(_number(attributes, "iou_thresh"), _number(attributes, "score_thresh"))

    def output_types(self, inputs: Sequence[np.dtype[Any]]) -> list[np.dtype[Any]]:
        """Two of int64."""
        return [INT64, INT64]

    def output_shapes(self, inputs: Sequence[Sequence[Side]]) -> list[list[Side]]:
        """A fixed number of indices for each image, and how many of them count."""
        images = inputs[0][0]
        return [[images, self._most], [images]]

    def takes(self, position: int, types: Sequence[np.dtype[Any]]) -> bool:
        """Boxes and scores of float32, all else of int64."""
        return types[position] == (FLOAT if position < 2 else INT64)

    def workspace(self, inputs: Sequence[Sequence[int]]) -> int:
        """The table of overlaps and the order."""
        images, boxes = inputs[0][:2]
        return workspace_bytes(images, boxes)

    def launches(
        self, inputs: Sequence[DeviceArray], outputs: Sequence[DeviceArray], workspace: int
    ) -> list[Launch]:
        """Order, overlaps, selection."""
        return self._nms.launches(Candidates(*inputs), workspace, Kept(*outputs))


class _PooledNode:
    """What pools regions (R, 5) out of maps of float32 or float16 into the same type."""

    outputs = 1

    def output_types(self, inputs: Sequence[np.dtype[Any]]) -> list[np.dtype[Any]]:
        """That of the maps."""
        return [inputs[1]]

    def takes(self, position: int, types: Sequence[np.dtype[Any]]) -> bool:
        """Regions of float32; maps and result of float32 or float16, all alike."""
        if position == 0:
            return types[0] == FLOAT
        return types[position] in (FLOAT, HALF) and types[position] == types[1]

    def workspace(self, inputs: Sequence[Sequence[int]]) -> int:
        """None."""
        return 0


class RoiAlignFpnNode(_PooledNode):
    """RoiAlignFpn1 to RoiAlignFpn5: regions (R, 5) and maps -> (R, C, side, side)."""

    def __init__(self, attributes: Attributes) -> None:
        """Read the attributes."""
        self._side = _integer(attributes, "output_side")
        names = [f"scale{level}" for level in range(MOST_LEVELS)]
        self._align = RoiAlignFpn(
            output_side=self._side,
            sampling_ratio=_integer(attributes, "sampling_ratio"),
            finest_level=_number(attributes, "finest_level"),
            scales=tuple(_number(attributes, name) for name in names if name in attributes),
        )

    def output_shapes(self, inputs: Sequence[Sequence[Side]]) -> list[list[Side]]:
        """Each region's bins."""
        return [[inputs[0][0], inputs[1][1], self._side, self._side]]

    def launches(
        self, inputs: Sequence[DeviceArray], outputs: Sequence[DeviceArray], workspace: int
    ) -> list[Launch]:
        """One kernel for all levels."""
        rois, *maps = inputs
        return self._align.launches(rois, maps, outputs[0])


class RoiPoolNode(_PooledNode):
    """RoiPool: regions (R, 5) and one map -> (R, C, height, width)."""

    def __init__(self, attributes: Attributes) -> None:
        """Read the attributes."""
        height, width = map(int, attributes["output_hw"])
        self._hw = (height, width)
        self._pool = RoiPool(self._hw, _number(attributes, "scale"))

    def output_shapes(self, inputs: Sequence[Sequence[Side]]) -> list[list[Side]]:
        """Each region's bins."""
        return [[inputs[0][0], inputs[1][1], *self._hw]]

    def launches(
        self, inputs: Sequence[DeviceArray], outputs: Sequence[DeviceArray], workspace: int
    ) -> list[Launch]:
        """One kernel."""
        rois, features = inputs
        return self._pool.launches(rois, features, outputs[0])


@dataclass(frozen=True, slots=True)
class NodeKind:
    """A kind of node.

    Attributes:
        make: takes its attributes.
        attributes: their names.
        kernels: the file of its kernels, see kernels/ptx.py.
    """

    make: Callable[[Attributes], PluginNode]
    attributes: tuple[str, ...]
    kernels: str


_ALIGN: Final = ("output_side", "sampling_ratio", "finest_level", "levels_above")

NODE_KINDS: Final[dict[str, NodeKind]] = {
    "Nms": NodeKind(NmsNode, ("classes", "iou_thresh", "score_thresh", "most"), "nms"),
    "RoiPool": NodeKind(RoiPoolNode, ("scale", "output_hw"), "roi_pool"),
    **{
        f"RoiAlignFpn{levels}": NodeKind(
            RoiAlignFpnNode,
            (*_ALIGN, *(f"scale{level}" for level in range(levels))),
            "roi_align_fpn",
        )
        for levels in range(1, MOST_LEVELS + 1)
    },
}
"""By the node's type, which is the plugin's name."""


def kernels_of(model: Any) -> dict[str, str]:
    """Find the nodes of ours in a network: each type, and the file of its kernels.

    Args:
        model: an `onnx.ModelProto`.
    """
    types = sorted({node.op_type for node in model.graph.node if node.domain == NODE_DOMAIN})
    return {name: NODE_KINDS[name].kernels for name in types}


def _integer(attributes: Attributes, name: str) -> int:
    return int(attributes[name][0])


def _number(attributes: Attributes, name: str) -> float:
    return float(attributes[name][0])
