"""Files of deformable part models: voc-release5's .mat and OpenCV's .xml."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from streamdet.detectors.parts.dpm_model import Component, Floats, Mixture, Part
from streamdet.detectors.parts.felzenszwalb_hog import CHANNELS, mirrored
from streamdet.errors import ConfigError, EngineError, to_install

_WRONG: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    NotImplementedError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

_XML_KEYS: Final = (
    "SBin",
    "Interval",
    "MaxSizeX",
    "MaxSizeY",
    "RootFilters",
    "PartFilters",
    "Anchor",
    "Deformation",
    "NumParts",
    "Bias",
    "LocationWeight",
)


def load_mixture(path: Path) -> Mixture:
    """Read a model.

    Raises:
        ConfigError: the file's suffix is neither .mat nor .xml, or it holds no such model.
        EngineError: what reads it is not installed.
    """
    readers: dict[str, Callable[[Path], Mixture]] = {".mat": _read_mat, ".xml": _read_xml}
    if path.suffix not in readers:
        raise ConfigError(f"a DPM is a .mat or an .xml file, got {path}")
    try:
        return readers[path.suffix](path)
    except _WRONG as exc:
        raise ConfigError(f"{path} holds no deformable part model: {exc}") from exc


def _read_mat(path: Path) -> Mixture:
    """Read the star-shaped grammar of voc-release5; its indices count from 1."""
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as exc:
        raise EngineError(f"scipy is not installed: {to_install('classical')}") from exc
    try:
        model = loadmat(path, squeeze_me=True, struct_as_record=False)["model"]
    except MatReadError as exc:
        raise ValueError(exc) from exc
    return Mixture(
        cell=int(model.sbin),
        interval=int(model.interval),
        padding_hw=(int(model.maxsize[0]), int(model.maxsize[1])),
        components=tuple(_grammar_component(model, rule) for rule in model.rules[model.start - 1]),
    )


def _grammar_component(model: Any, rule: Any) -> Component:
    root, *parts = [_grammar_part(model, *pair) for pair in zip(rule.rhs, rule.anchor, strict=True)]
    _, *location = _block(model, rule.loc.blocklabel).tolist()
    return Component(
        root=root.weights,
        parts=tuple(parts),
        bias=float(_block(model, rule.offset.blocklabel)) * float(model.features.bias),
        location=(location[0], location[1]),
        window_hw=(int(rule.detwindow[0]), int(rule.detwindow[1])),
    )


def _grammar_part(model: Any, symbol: int, anchor: Any) -> Part:
    rule = model.rules[symbol - 1]
    for label in (rule.offset.blocklabel, rule.loc.blocklabel):
        if np.any(_block(model, label)):
            raise ValueError("a part has a bias or location weights of its own")
    deformation = getattr(rule, "def")
    costs = _block(model, deformation.blocklabel).astype(np.float32)
    if deformation.flip:
        costs = costs * np.array([1, -1, 1, 1], dtype=np.float32)
    filter_ = model.filters[model.symbols[rule.rhs - 1].filter - 1]
    shape = model.blocks[filter_.blocklabel - 1].shape
    weights = _block(model, filter_.blocklabel).reshape(shape, order="F").astype(np.float32)
    weights = mirrored(weights) if filter_.flip else np.ascontiguousarray(weights)
    return Part(weights, (int(anchor[0]), int(anchor[1])), costs)


def _block(model: Any, label: int) -> Any:
    return np.asarray(model.blocks[label - 1].w)


def _read_xml(path: Path) -> Mixture:
    """Read OpenCV's form; of the cascade's own numbers (PCA, thresholds) none is used."""
    import cv2

    file: Any = cv2.FileStorage()
    try:
        if not file.open(str(path), cv2.FILE_STORAGE_READ):
            raise ValueError("it cannot be opened")
        return _xml_mixture(file)
    except cv2.error as exc:
        raise ValueError(exc.err) from exc


def _xml_mixture(file: Any) -> Mixture:
    nodes = {key: file.getNode(key) for key in _XML_KEYS}
    missing = [key for key, node in nodes.items() if node.empty()]
    if missing:
        raise ValueError(f"it has no {missing[0]}")
    parts = _xml_parts(nodes)
    roots = [_filter(node) for node in _items(nodes["RootFilters"])]
    counts = [int(count) for count in _numbers(nodes["NumParts"])]
    if sum(counts) != len(parts):
        raise ValueError(f"NumParts says {sum(counts)}, PartFilters has {len(parts)}")
    remaining = iter(parts)
    locations = [_numbers(node) for node in _items(nodes["LocationWeight"])]
    biases = _numbers(nodes["Bias"])
    components = tuple(
        Component(
            root=root,
            parts=tuple(islice(remaining, count)),
            bias=bias,
            location=(location[1], location[2]),
            window_hw=(root.shape[0], root.shape[1]),
        )
        for root, count, bias, location in zip(roots, counts, biases, locations, strict=True)
    )
    cell, interval, width, height = (int(nodes[key].real()) for key in _XML_KEYS[:4])
    return Mixture(cell, interval, (height, width), components)


def _xml_parts(nodes: dict[str, Any]) -> list[Part]:
    filters = [_filter(node) for node in _items(nodes["PartFilters"])]
    anchors = [_numbers(node) for node in _items(nodes["Anchor"])]
    deformations = [_numbers(node) for node in _items(nodes["Deformation"])]
    return [
        Part(weights, (int(anchor[0]), int(anchor[1])), np.array(costs, dtype=np.float32))
        for weights, anchor, costs in zip(filters, anchors, deformations, strict=True)
    ]


def _items(node: Any) -> list[Any]:
    return [node.at(place) for place in range(node.size())]


def _numbers(node: Any) -> list[float]:
    return [item.real() for item in _items(node)]


def _filter(node: Any) -> Floats:
    matrix = np.asarray(node.mat(), dtype=np.float32)
    return matrix.reshape(len(matrix), -1, CHANNELS)
