"""Small networks that look at regions, and what comes into them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

from streamdet.image import Pixels
from streamdet.registry import load_network
from streamdet.runtimes import ImageInput, Tensors

HW = (64, 96)
CLASSES = 3
INPUT = ImageInput(name="image", hw=HW, std=(64.0, 64.0, 64.0), mean=(128.0, 128.0, 128.0))
PROPOSALS = 6

_BACKBONE = {"backbone": "alexnet", "map": "conv2"}
_ENDS = {"proposals": PROPOSALS, "width": 16, "score_thresh": 0.2, "detections": 10}
OPTIONS: dict[str, dict[str, Any]] = {
    "fast_rcnn": _BACKBONE | _ENDS | {"side": 3},
    "sppnet": _BACKBONE | _ENDS | {"levels": [1, 2, 3]},
    "rcnn": _BACKBONE | {"width": 16},
    "rpn": {
        "backbone": "alexnet",
        "maps": ["conv2"],
        "neck": "none",
        "scales": [[16, 32]],
        "after_nms": 10,
    },
}


PYRAMID: dict[str, Any] = {
    "backbone": "mobilenet_v2_same",
    "maps": ["features.6", "features.13"],
    "neck": "fpn",
    "neck_width": 8,
    "scales": [[16], [32], [48]],
    "after_nms": 10,
}
"""Of an RPN."""


def region_network(kind: str, **options: Any) -> Any:
    """Make one whose scores and deltas vary, as trained ones do; the same each time."""
    network_class = load_network(kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = network_class(
            network_class.Options.model_validate(OPTIONS[kind] | options),
            1 if kind == "rpn" else CLASSES,
            HW,
        )
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and "backbone" not in name:
                nn.init.normal_(layer.weight, std=0.4 * layer.weight[0].numel() ** -0.5)
    return network.eval()


def noise_images(count: int) -> list[Pixels]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*HW, 3), dtype=np.uint8) for _ in range(count)]


def extras(kind: str, count: int) -> list[Tensors] | None:
    """Proposals of all sizes, one of them empty, for each image."""
    rng = np.random.default_rng(1)
    if kind == "rpn":
        return None
    corners = rng.random((count, PROPOSALS, 2), dtype=np.float32) * (48, 32)
    sides = 4 + rng.random((count, PROPOSALS, 2), dtype=np.float32) * (44, 28)
    xyxy = np.concatenate((corners, corners + sides), axis=2).astype(np.float32)
    xyxy[:, -1] = 0
    if kind == "rcnn":
        return [{"proposal": one[:1]} for one in xyxy]
    return [{"proposals": one[None]} for one in xyxy]


def in_torch(
    network: Any, images: Sequence[Pixels], others: Sequence[Tensors] | None
) -> list[Tensors]:
    """Run the network itself on what a runtime would be given."""
    planes = np.stack(images).transpose(0, 3, 1, 2).astype(np.float32)
    batch = torch.from_numpy((planes - 128) / 64)
    names = [] if others is None else list(others[0])
    more = {
        name: torch.from_numpy(np.concatenate([one[name] for one in others or ()]))
        for name in names
    }
    with torch.no_grad():
        outputs = {name: value.numpy() for name, value in network(batch, **more).items()}
    return [
        {name: value[row : row + 1] for name, value in outputs.items()}
        for row in range(len(images))
    ]


def write_model(kind: str, folder: Path, **changes: Any) -> Path:
    """Write the configuration small_KIND.yaml of such a network."""
    network = changes.get("network") or OPTIONS[kind]  # None: the weights hold it
    config = {
        "detector": kind,
        "network": network,
        "input": {"name": "image", "hw": list(HW), "mean": [128] * 3, "std": [64] * 3},
        "transform": {"kind": "letterbox", "hw": list(HW)},
        "classes": ["object"] if kind == "rpn" else ["person", "car", "bus"],
        "score_thresh": network.get("score_thresh", 0.0),
        "iou_thresh": 0.7 if kind == "rpn" else 0.5,
        "runtimes": {"onnxruntime": {"precision": "fp32"}, "openvino": {"precision": "fp32"}},
    }
    path = folder / f"small_{kind}.yaml"
    path.write_text(yaml.safe_dump(config | changes))
    return path
