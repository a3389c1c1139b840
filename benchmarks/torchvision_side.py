"""torchvision's side of torchvision_ratio.py, run by the Python that has torchvision.

Arguments: the model's name, a file of weights, frames (N, H, W, 3) uint8 RGB as .npy, threads. For
each frame's number on stdin a line of JSON comes out: seconds, cpu_seconds, boxes, scores,
class_ids.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torchvision.models import detection
from torchvision.ops import FrozenBatchNorm2d


def freeze(module: nn.Module, eps: float) -> None:
    """Put in the place of batch norms those that torchvision has with its published weights."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps))
        freeze(child, eps)


def main(name: str, weights: str, frames_file: str, threads: str) -> None:
    """Answer until stdin ends."""
    torch.set_num_threads(int(threads))
    model = getattr(detection, name)(weights=None, weights_backbone=None)
    if not name.endswith("v2"):
        freeze(model, 0.0 if "resnet50" in name else 1e-5)
    model.load_state_dict(torch.load(weights, weights_only=True), strict=True)
    model.eval()
    frames = torch.from_numpy(np.load(frames_file))
    with torch.inference_mode():
        for line in sys.stdin:
            start, cpu_start = time.perf_counter(), time.process_time()
            [found] = model([frames[int(line)].permute(2, 0, 1).float() / 255])
            seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
            answer = {
                "seconds": seconds,
                "cpu_seconds": cpu_seconds,
                "boxes": found["boxes"].tolist(),
                "scores": found["scores"].tolist(),
                "class_ids": (found["labels"] - 1).tolist(),
            }
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
