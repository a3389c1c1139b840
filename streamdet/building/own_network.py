"""An ONNX file that a user brings: what it holds, which detector reads it, its model file."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.config.files import find_config
from streamdet.config.yaml_loader import read_yaml
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.runtimes.checks import UNREADABLE
from streamdet.system.text_file import read_content

Shapes = dict[str, tuple[int | str, ...]]
"""By name; a free side is its name, or "?"."""

_ULTRALYTICS: Final[Mapping[str, Any]] = {
    "input": {"colour": "rgb", "mean": [0.0, 0.0, 0.0], "std": [255.0, 255.0, 255.0]},
    "transform": {"kind": "letterbox", "anchor": "centre", "pad": 114},
    "score_thresh": 0.25,
    "iou_thresh": 0.7,
}
"""How the package ultralytics prepares an image and selects boxes."""

_LIKE: Final = {"yolox": "yolox_nano", "nanodet": "nanodet_m", "picodet": "picodet_s"}
"""Kind -> the shipped model whose image input and thresholds its networks usually have."""

KINDS: Final = (*_LIKE, "yolov8", "yolov5", "yolov10")
"""Kinds of detectors whose networks can be brought, in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class OwnNetwork:
    """What an ONNX file says of itself.

    Attributes:
        path: the file.
        input_name: of its image input.
        hw: height and width of its image, pixels; None: it takes any.
        classes: names that its exporter wrote into it; () if none.
    """

    path: Path
    input_name: str
    hw: tuple[int, int] | None
    classes: tuple[str, ...]


def read_network(path: Path) -> OwnNetwork:
    """Read what an ONNX file says of itself, without its weights' values.

    Raises:
        ConfigError: it is no ONNX file, or it has no image input (B, 3, H, W).
        EngineError: onnx is not installed.
    """
    model = read_onnx(path)
    shapes = input_shapes(model)
    if len(shapes) != 1 or [shape[1:2] for shape in shapes.values()] != [(3,)]:
        raise ConfigError(
            f"{path}: wanted one input, an image of shape (batch, 3, height, width), got {shapes}"
        )
    [(name, shape)] = shapes.items()
    sides = [side for side in shape[2:] if isinstance(side, int)]
    hw = (sides[0], sides[1]) if len(sides) == 2 else None
    stated = {entry.key: entry.value for entry in model.metadata_props}
    return OwnNetwork(path, name, hw, _stated_classes(stated.get("names", "")))


def read_onnx(path: Path) -> Any:
    """Read an ONNX file, without weights that lie in files of their own.

    Raises:
        ConfigError: there is no such file, or it is damaged or no ONNX file.
        EngineError: onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as exc:
        raise EngineError(f"onnx is not installed: {to_install('openvino')}") from exc
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is not a plain file, wanted an ONNX network")
    try:
        model = onnx.load_model_from_string(read_content(path))
    except DecodeError as exc:
        raise ConfigError(f"{path}: {UNREADABLE}") from exc
    if not model.graph.node:
        raise ConfigError(f"{path}: {UNREADABLE}")
    return model


def input_shapes(model: Any) -> Shapes:
    """The shapes of a network's inputs by name."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return {value.name: _shape(value) for value in model.graph.input if value.name not in constants}


def output_shapes(model: Any) -> Shapes:
    """The shapes of a network's outputs by name, as its file states them."""
    return {value.name: _shape(value) for value in model.graph.output}


def _shape(value: Any) -> tuple[int | str, ...]:
    sides = value.type.tensor_type.shape.dim
    return tuple(side.dim_value or side.dim_param or "?" for side in sides)


def _stated_classes(text: str) -> tuple[str, ...]:
    """Read what ultralytics writes: {0: 'person', 1: 'bicycle'}."""
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return ()
    if not isinstance(names, dict) or list(names) != list(range(len(names))):
        return ()
    return tuple(map(str, names.values()))


def model_values(
    network: OwnNetwork, kind: str, hw: tuple[int, int], classes: Sequence[str]
) -> dict[str, Any]:
    """Give the values of a model file, as networks of the kind usually want them.

    Args:
        network: what the model runs.
        kind: one of `KINDS`.
        hw: height and width of its image, pixels.
        classes: what class ids mean, index by index.
    """
    usual = _ULTRALYTICS
    if kind in _LIKE:
        usual = read_yaml(find_config(_LIKE[kind], "configs/models")).values
    return {
        "detector": kind,
        "weights": {"file": network.path.name},
        "input": {**usual["input"], "name": network.input_name, "hw": list(hw)},
        "transform": dict(usual["transform"]),
        "classes": list(classes),
        "score_thresh": usual["score_thresh"],
        "iou_thresh": usual["iou_thresh"],
        "runtimes": {"openvino": {"precision": "fp32"}, "onnxruntime": {"precision": "fp32"}},
    }
