"""RPN: Ren, He, Girshick, Sun, "Faster R-CNN", 2015, section 3.1; on a pyramid: FPN, section 4.1.

A small network slides over every location of a map and says of each of its A anchors how likely
it holds an object and how to move it; the best become proposals. Weights are named as in
torchvision's detectors. B images, C channels, A anchors of a location, N anchors of a map, P
proposals of an image.

Departures, both of the networks whose weights are published: one objectness per anchor with a
sigmoid in place of two with softmax (footnote 3 of the paper allows it), and on a pyramid the
proposals of a level are suppressed among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from streamdet.config.options import Options
from streamdet.networks import nodes
from streamdet.networks.convolutions import relu_convolutions
from streamdet.ops.anchors import level_anchors
from streamdet.ops.box_coding import decode_boxes
from streamdet.ops.boxes import clip_boxes, is_large_enough
from streamdet.ops.take_rows import take_rows

INPUT_NAME: Final = "proposals"
"""Of the input by which proposals come in from outside (SPP-net, Fast R-CNN); also the option that
states their number P."""

_MIN_SIDE = 1e-3  # pixels; torchvision's


class RegionProposalOptions(Options):
    """Options of `RegionProposals`."""

    scales: tuple[tuple[float, ...], ...] = Field(
        description="Of each map that the RPN reads: square roots of the anchors' areas, pixels."
    )
    ratios: tuple[float, ...] = Field((0.5, 1.0, 2.0), description="Height / width of anchors.")
    convolutions: int = Field(1, ge=1, description="3x3 convolutions before the two outputs.")
    before_nms: int = Field(1000, ge=1, description="Most proposals of a map before suppression.")
    after_nms: int = Field(300, ge=1, description="Most proposals of an image after it.")
    score_thresh: float = Field(0.0, ge=0, le=1, description="Lowest objectness of a proposal.")
    iou_thresh: float = Field(0.7, ge=0, le=1, description="Overlap above which the lower goes.")


class AnchorPredictions(NamedTuple):
    """What the RPN says of the anchors of one map.

    Attributes:
        anchors: (N, 4) xyxy pixels.
        logits: (B, N) of objectness.
        deltas: (B, N, 4), see ops.box_coding.
    """

    anchors: Tensor
    logits: Tensor
    deltas: Tensor


class Proposals(NamedTuple):
    """Regions that may hold an object.

    Attributes:
        xyxy: (B, P, 4) pixels, by falling score.
        scores: (B, P), 0..1: objectness.
        is_proposal: (B, P) bool; the rows where it is False mean nothing.
    """

    xyxy: Tensor
    scores: Tensor
    is_proposal: Tensor


class AnchorHead(nn.Module):
    """The small network (figure 3): 3x3 convolutions, then a 1x1 convolution for each output."""

    def __init__(self, in_channels: int, anchors: int, convolutions: int) -> None:
        """Make it for maps of `in_channels` with so many `anchors` at a location."""
        super().__init__()
        self.conv = nn.Sequential(*relu_convolutions(in_channels, [in_channels] * convolutions))
        self.cls_logits = nn.Conv2d(in_channels, anchors, 1)
        self.bbox_pred = nn.Conv2d(in_channels, 4 * anchors, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)  # section 3.1.3
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, H, W) to logits (B, N) and deltas (B, N, 4), in the order of the anchors."""
        hidden = self.conv(features)
        logits, deltas = self.cls_logits(hidden), self.bbox_pred(hidden)
        by_anchor = deltas.unflatten(1, (-1, 4)).permute(0, 3, 4, 1, 2)  # (B, H, W, A, 4)
        return logits.permute(0, 2, 3, 1).flatten(1), by_anchor.flatten(1, 3)


class RegionProposals(nn.Module):
    """Proposes regions: `forward` predicts for every anchor, `propose` picks the best of them."""

    def __init__(self, options: RegionProposalOptions, in_channels: int) -> None:
        """Make the head for maps of `in_channels`.

        Raises:
            ValueError: the maps do not all have the same number of anchors at a location.
        """
        super().__init__()
        if len({len(scales) for scales in options.scales}) != 1:
            raise ValueError(f"every map must have as many scales, got {options.scales}")
        self.options = options
        anchors = len(options.scales[0]) * len(options.ratios)
        self.head = AnchorHead(in_channels, anchors, options.convolutions)

    def forward(self, image_hw: tuple[int, int], maps: Sequence[Tensor]) -> list[AnchorPredictions]:
        """Predict for every anchor of every map.

        Args:
            image_hw: pixels of the images, padding included.
            maps: (B, C, H, W) of each level.

        Raises:
            ValueError: the options do not state scales for each map.
        """
        hws = [(level.shape[2], level.shape[3]) for level in maps]
        anchors = level_anchors(image_hw, hws, self.options.scales, self.options.ratios)
        return [
            AnchorPredictions(level_anchors.to(level.device), *self.head(level))
            for level_anchors, level in zip(anchors, maps, strict=True)
        ]

    def propose(
        self,
        predictions: Sequence[AnchorPredictions],
        hw: tuple[int, int] | tuple[Tensor, Tensor],
        options: RegionProposalOptions | None = None,
    ) -> Proposals:
        """Pick proposals: the best of each map, clipped, suppressed map by map.

        Args:
            predictions: of `forward`.
            hw: height and width to clip to, pixels; see ops.boxes.clip_boxes.
            options: numbers and thresholds, more of them in training; None: the network's own.
        """
        options = options or self.options
        best = [_best(level, options.before_nms) for level in predictions]
        xyxy = clip_boxes(torch.cat([boxes for boxes, _ in best], dim=1), hw)
        scores = torch.cat([logits for _, logits in best], dim=1).sigmoid()
        sizes = [boxes.shape[1] for boxes, _ in best]
        is_candidate = is_large_enough(xyxy, _MIN_SIDE) & (scores >= options.score_thresh)
        kept = nodes.nms(
            xyxy,
            torch.where(is_candidate, scores, -1.0),
            _level_numbers(sizes, xyxy),
            classes=len(best),
            iou_thresh=options.iou_thresh,
            score_thresh=-1.0,  # an objectness of 0 may be kept
            most=min(options.after_nms, sum(sizes)),
        )
        rows = torch.arange(kept.indices.shape[1], device=xyxy.device)
        return Proposals(
            take_rows(xyxy, kept.indices),
            take_rows(scores, kept.indices),
            rows < kept.counts[:, None],
        )


def _best(level: AnchorPredictions, most: int) -> tuple[Tensor, Tensor]:
    """The boxes (B, k, 4) and logits (B, k) of a map's most likely anchors."""
    logits, rows = nodes.top_k(level.logits, most)
    deltas = take_rows(level.deltas, rows)
    anchors = level.anchors.index_select(0, rows.flatten()).view(*rows.shape, 4)
    return decode_boxes(deltas, anchors), logits


def _level_numbers(sizes: Sequence[int], xyxy: Tensor) -> Tensor:
    numbers = [torch.full((size,), number, device=xyxy.device) for number, size in enumerate(sizes)]
    return torch.cat(numbers).expand(xyxy.shape[0], -1)


def given(xyxy: Tensor) -> Proposals:
    """Tell proposals (B, P, 4), pixels, from the rows that fill up; they score 1 and 0."""
    is_proposal = is_large_enough(xyxy, _MIN_SIDE)
    return Proposals(xyxy, is_proposal.to(xyxy.dtype), is_proposal)
