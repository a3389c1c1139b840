"""What tells whether results would still be the same: digests of nodes, models and weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from streamdet.archive.detection_graph import SplitGraph
from streamdet.errors import ConfigError
from streamdet.graph import Node
from streamdet.models.model_config import ModelConfig, find_weights

_OF_THE_MACHINE: Final = frozenset({"parallel", "threads"})
"""Options that change how fast results come, not what they are."""


def detect_digest(parts: SplitGraph, detect_every: int) -> str:
    """Digest what the detections of a segment depend on: source, transform, detector, model."""
    digest = _digest([parts.source, *parts.detect])
    return digest if detect_every == 1 else f"{digest}/{detect_every}"


def join_digest(parts: SplitGraph) -> str:
    """Digest what a file's outputs depend on besides its detections: tracker and analytics."""
    return _digest(parts.join)


def _digest(nodes: Iterable[Node]) -> str:
    text = json.dumps([_described(node) for node in nodes], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _described(node: Node) -> dict[str, Any]:
    options = node.options.model_dump(mode="json")
    return {
        "kind": node.kind,
        "options": {name: value for name, value in options.items() if name not in _OF_THE_MACHINE},
        "by_size": {
            str(hw): own.model_dump(mode="json") for hw, own in node.tracking_by_hw.items()
        },
        "model": None if node.model is None else _model(node.model),
    }


def _model(model: ModelConfig) -> dict[str, Any]:
    try:
        weights = hashlib.sha256(find_weights(model).read_bytes()).hexdigest()
    except ConfigError:  # it has none of its own, or its network is built already
        weights = ""
    return {"config": model.model_dump(mode="json"), "weights": weights}
