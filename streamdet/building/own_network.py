"""An ONNX file that a user brings: what it holds, which detector reads it, its model file."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamdet.config.files import find_config
from streamdet.config.yaml_loader import read_yaml
from streamdet.detectors.parts.grid import cell_grid
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime

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
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as exc:
        raise EngineError(f"onnx is not installed: {to_install('openvino')}") from exc
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError) as exc:
        raise ConfigError(f"{path}: cannot be read as an ONNX file") from exc
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    shapes = {value.name: _shape(value) for value in inputs}
    if len(shapes) != 1 or [shape[1:2] for shape in shapes.values()] != [(3,)]:
        raise ConfigError(
            f"{path}: wanted one input, an image of shape (batch, 3, height, width), got {shapes}"
        )
    [(name, shape)] = shapes.items()
    sides = [side for side in shape[2:] if isinstance(side, int)]
    hw = (sides[0], sides[1]) if len(sides) == 2 else None
    stated = {entry.key: entry.value for entry in model.metadata_props}
    return OwnNetwork(path, name, hw, _stated_classes(stated.get("names", "")))


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


def recognised(
    network: OwnNetwork, hw: tuple[int, int], classes: Sequence[str], runtime: Runtime
) -> str:
    """Find the kind of detector that reads what a network gives.

    Args:
        network: the file.
        hw: height and width of its image, pixels.
        classes: what class ids mean, index by index.
        runtime: it has loaded the network.

    Raises:
        ConfigError: none does, or there are no classes; it says how many the shapes would fit.
    """
    shapes = _output_shapes(runtime, hw)
    counts = class_counts(shapes, hw)
    fitting = " or ".join(f"{count} classes if it is a {kind}" for kind, count in counts.items())
    hint = f"; it has {fitting}" if fitting else ""
    if not classes:
        raise ConfigError(
            f"{network.path}: name its classes with --classes a,b,c or a file with a name a line"
            f"{hint}"
        )
    for kind in KINDS:
        if _reads(kind, network, hw, classes, runtime):
            return kind
    raise ConfigError(
        f"{network.path}: its outputs {shapes} are not those of a {', '.join(KINDS[:-1])} or"
        f" {KINDS[-1]} with {len(classes)} classes{hint}"
    )


def _reads(
    kind: str, network: OwnNetwork, hw: tuple[int, int], classes: Sequence[str], runtime: Runtime
) -> bool:
    detector_class = load("detector", kind)
    model = ModelConfig(name=network.path.stem, **model_values(network, kind, hw, classes))
    try:
        detector_class(detector_class.Options(model=model.name), model, runtime)
    except EngineError:
        return False
    return True


def _output_shapes(runtime: Runtime, hw: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    [outputs] = runtime([np.full((*hw, 3), 114, dtype=np.uint8)])
    return {name: tuple(output.shape) for name, output in outputs.items()}


def class_counts(shapes: Mapping[str, tuple[int, ...]], hw: tuple[int, int]) -> dict[str, int]:
    """Count the classes that a network would have as each kind that its first output fits.

    Args:
        shapes: of its outputs for one image.
        hw: height and width of the image, pixels.
    """
    shape = next(iter(shapes.values()), ())
    if len(shape) != 3:
        return {}
    cells = len(cell_grid(hw, (8, 16, 32))[0])
    counts = {
        "yolox": shape[2] - 5 if shape[1] == cells else 0,
        "yolov5": shape[2] - 5 if shape[1] == 3 * cells else 0,
        "yolov8": shape[1] - 4 if shape[2] == cells else 0,
    }
    return {kind: count for kind, count in counts.items() if count > 0}
