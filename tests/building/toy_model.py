"""A model with a small network: seconds to build."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
import yaml
from torch import nn

from streamdet.building.build import make_network

TORCHVISION = "Toy_Weights.V1"

_CONFIG = {
    "detector": "faster_rcnn",
    "network": {
        "backbone": "alexnet",
        "maps": ["conv2"],
        "neck": "none",
        "rpn": {"scales": [[32]], "before_nms": 8, "after_nms": 8},
        "pooling": "pool",
        "box_width": 8,
        "side": 2,
        "detections": 4,
    },
    "input": {"name": "image", "hw": [64, 64]},
    "transform": {"kind": "letterbox", "anchor": "top_left", "pad": 0},
    "classes": ["person"],
    "score_thresh": 0.5,
    "iou_thresh": 0.5,
    "runtimes": {"onnxruntime": {"precision": "fp32"}},
}


def write_untrained(folder: Path) -> str:
    """Write toy.yaml; returns its path, which is the model's name to a command."""
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(_CONFIG))
    return str(path)


def write_trained(folder: Path) -> tuple[str, Path]:
    """Write toy.yaml with weights that are published as toy-HASH.pth.

    Returns:
        The path of toy.yaml, and the weights' file, which lies in a folder of its own.
    """
    name = write_untrained(folder)
    network = make_network(name, seed=1)
    assert isinstance(network, nn.Module)
    saved = folder / "published" / "toy.pth"
    saved.parent.mkdir()
    torch.save(network.state_dict(), saved)
    sha256 = hashlib.sha256(saved.read_bytes()).hexdigest()[:8]
    weights = saved.rename(saved.with_name(f"toy-{sha256}.pth"))
    stated = {
        "file": weights.name,
        "sha256": sha256,
        "licence": "CC0",
        "origin": "a test",
        "torchvision": TORCHVISION,
    }
    Path(name).write_text(yaml.safe_dump(_CONFIG | {"weights": stated}))
    return name, weights
