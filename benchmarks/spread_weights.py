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
"""Layers of a Faster or Mask R-CNN -> standard deviation of what is to come out of them."""


@torch.no_grad()
def randomized(network: nn.Module) -> nn.Module:
    """Draw all weights anew, always the same: features keep their scale, norms vary by channel."""
    generator = torch.Generator().manual_seed(7)
    for name, values in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if values.ndim > 1:  # a convolution or fully connected: keeps the scale of what comes in
            values.normal_(std=(2 / values[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("weight", "running_var")):
            values.uniform_(0.5, 1.5, generator=generator)
        else:
            values.normal_(std=0.2, generator=generator)
    return network.eval()


@torch.no_grad()
def spread(network: nn.Module, images: Any, background: float) -> None:
    """Scale and centre the layers that score and move boxes by what they make of some images.

    Args:
        network: ours or torchvision's.
        images: what it is called with.
        background: logit by which the background leads, as most proposals hold no object.
    """
    for name in [name for name in _SPREADS if name in dict(network.named_modules())]:
        layer: Any = network.get_submodule(name)
        with _outputs_of(layer) as seen:
            network(images)
        outputs = torch.cat(seen) - layer.bias.mean()
        scale = _SPREADS[name] / float(outputs.std())
        layer.weight.mul_(scale)
        layer.bias.fill_(-scale * float(outputs.mean()))
        if name.endswith("cls_score"):
            layer.bias[0] += background


@contextmanager
def _outputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: seen.append(output.flatten()))
    yield seen
    hook.remove()
