"""Random weights that act like trained ones: scores and boxes vary, many pass the thresholds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

_SPREADS: Final = {
    "rpn.head.cls_logits": 2.0,
    "rpn.head.bbox_pred": 0.3,
    "roi_heads.box_predictor.cls_score": 2.5,
    "roi_heads.box_predictor.bbox_pred": 1.0,
    "roi_heads.mask_predictor.mask_fcn_logits": 2.0,
    "roi_heads.keypoint_predictor.kps_score_lowres": 2.0,
}
"""Layers of a Faster or Mask R-CNN -> standard deviation of what comes out of them."""


@torch.no_grad()
def spread(network: nn.Module, pictures: Any, background: float) -> None:
    """Scale the layers that score and move boxes, in order, by what they make of some pictures.

    Args:
        network: ours or torchvision's.
        pictures: what it is called with.
        background: logit by which the background leads, as most proposals hold no object.
    """
    for name in [name for name in _SPREADS if name in dict(network.named_modules())]:
        layer: Any = network.get_submodule(name)
        with _outputs_of(layer) as seen:
            network(pictures)
        layer.weight.mul_(_SPREADS[name] / float(torch.cat(seen).std()))
        layer.bias.zero_()
        if name.endswith("cls_score"):
            layer.bias[0] = background


@contextmanager
def _outputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: seen.append(output.flatten()))
    yield seen
    hook.remove()
