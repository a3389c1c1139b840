"""Small networks that look at whole images, and their models' configurations."""

from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from streamdet.registry import load_network

GAINS = {"overfeat": 2.0, "yolo": 1.5, "localizer": 1.0, "yolox": 0.2}
"""What weights are multiplied by, so that outputs vary, within bounds."""
CLASSES = ["person", "car", "bus"]
SMALL: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "localizer": ((64, 96), {"backbone": "mobilenet_v3_small", "widths": [16], "keypoints": 3}),
    "overfeat": ((240, 272), {"width": 0.02, "scales": [1.0, 1.25]}),
    "yolo": (
        (64, 96),
        {"body": "mobilenet_v3_small", "grid": 3, "conv_width": 16, "fc_width": 16},
    ),
    "yolox": ((64, 96), {"width": 0.125}),
}
"""Kind -> height and width of its image, options of its network."""


def small_network(kind: str) -> Any:
    """Make one whose outputs vary with the image; the same each time."""
    hw, options = SMALL[kind]
    network_class = load_network(kind)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        network = network_class(network_class.Options.model_validate(options), len(CLASSES), hw)
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layer.weight.mul_(GAINS[kind])
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = None  # the mean over all it has seen
        network.train()(torch.randn(8, 3, *hw))  # as trained ones, norms know what comes
    return network.eval()


def write_model(kind: str, folder: Path) -> Path:
    """Write the configuration small_KIND.yaml of such a network."""
    hw, options = SMALL[kind]
    config = {
        "detector": kind,
        "network": options,
        "input": {"name": "image", "hw": list(hw), "mean": [128] * 3, "std": [64] * 3},
        "transform": {"kind": "letterbox"},
        "classes": CLASSES,
        "score_thresh": 0.0,
        "iou_thresh": 0.5,
        "runtimes": {"onnxruntime": {"precision": "fp32"}},
    }
    path = folder / f"small_{kind}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
