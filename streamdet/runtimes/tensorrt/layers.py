"""Which arithmetic each layer of an engine has, as TensorRT's verbose log tells while it builds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

HEADING: Final = "Layers:"
"""With this a message of the log begins that lists the layers of an engine, one a line."""

_LINE: Final = re.compile(
    r"^Name: (?P<name>.*?), LayerType: (?P<type>\w+), Inputs: \[(?P<inputs>.*)\],"
    r"(?: Constants: \[(?P<constants>.*)\],)? Outputs: \[(?P<outputs>.*)\], TacticName"
)
_DTYPE: Final = re.compile(r"Datatype: (\w+)")
_NODE: Final = re.compile(r"\[ONNX Layer: ([^\]\x1e]+)")
_WAITING: Final = frozenset({"signal", "wait"})
_PLUGINS: Final = frozenset({"custom_layer", "PluginV3", "plugin_v3"})
_SHORT: Final = {"Float": "fp32", "Half": "fp16", "Int8": "int8", "BFloat16": "bf16", "FP8": "fp8"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of an engine; several nodes of the network may have become one.

    Attributes:
        name: TensorRT's.
        type: TensorRT's word for what it does.
        precision: type of its first input, which it computes with: "fp32", "fp16", "int8"; scales
            of an int8 layer are fp32 inputs behind it.
        output: type of its first output.
        nodes: of the ONNX file.
        plugin: type of our node that it runs; "" for a layer of TensorRT's own.
    """

    name: str
    type: str
    precision: str
    output: str
    nodes: tuple[str, ...] = ()
    plugin: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def read_layers(messages: Sequence[str], node_types: Mapping[str, str]) -> list[Layer]:
    """Read the layers that compute something.

    Args:
        messages: those of the log that begin with `HEADING`, one for each target.
        node_types: name of each node of the ONNX file -> its type.
    """
    lines = [line for message in messages for line in message.splitlines()]
    found = [_read(match, node_types) for line in lines if (match := _LINE.match(line))]
    return [layer for layer in found if layer.type not in _WAITING]


def counted_layers(layers: Sequence[Layer]) -> dict[str, int]:
    """Count the layers by their precision."""
    return dict(Counter(layer.precision for layer in layers).most_common())


def _read(match: re.Match[str], node_types: Mapping[str, str]) -> Layer:
    nodes = tuple(_NODE.findall(match.string))
    is_plugin = match["type"] in _PLUGINS
    return Layer(
        name=match["name"],
        type=match["type"],
        precision=_dtype(match["inputs"]),
        output=_dtype(match["outputs"]),
        nodes=nodes,
        plugin=next((node_types[node] for node in nodes if node in node_types), "?")
        if is_plugin
        else "",
    )


def _dtype(tensors: str) -> str:
    """The type of the first tensor; "none" where there is none."""
    found = _DTYPE.search(tensors)
    return "none" if found is None else _SHORT.get(found[1], found[1].lower())
