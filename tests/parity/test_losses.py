"""Losses and assignments of R-CNN's family are torchvision's, where nothing is left to chance.

Runs where torchvision can be imported: `make parity`. Samples are larger than what there is to
sample.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamdet.networks.region_proposals import AnchorPredictions
from streamdet.ops.box_coding import HEAD_WEIGHTS
from streamdet.training.objectives.mask_rcnn import cells_of_points, masks_in_boxes
from streamdet.training.objectives.region_proposals import AnchorOptions, anchor_losses
from streamdet.training.region_losses import choose_regions, region_losses
from streamdet.training.target import Target

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("no torchvision here: see `make parity`", allow_module_level=True)

from torchvision.models.detection import roi_heads
from torchvision.models.detection.rpn import RegionProposalNetwork

ALL = 10**6
HW = (300, 400)


def boxes(count: int, seed: int, side: float = 120.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * torch.tensor([280.0, 180.0])
    return torch.cat((corner, corner + 4 + torch.rand(count, 2, generator=generator) * side), 1)


def known(count: int, seed: int) -> Target:
    class_ids = torch.arange(count) % 3
    return Target(boxes(count, seed), class_ids, torch.zeros(0, 4), torch.ones(3, dtype=torch.bool))


TARGETS = [known(5, 1), known(0, 2), known(12, 3)]


def of_torchvision(target: Target) -> dict[str, Tensor]:
    return {"boxes": target.xyxy, "labels": target.class_ids + 1}


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_losses_of_the_rpn() -> None:
    anchors = boxes(4000, 4)
    logits, deltas = torch.randn(3, 4000), torch.randn(3, 4000, 4)
    found = anchor_losses(
        AnchorPredictions(anchors, logits, deltas),
        TARGETS, HW, AnchorOptions(anchors=ALL), generator(),
    )  # fmt: skip
    made: Any = nn.Module()
    numbers = {"training": 1, "testing": 1}
    rpn: Any = RegionProposalNetwork(made, made, 0.7, 0.3, ALL, 0.5, numbers, numbers, 0.7)
    labels, matched = rpn.assign_targets_to_anchors(
        [anchors] * 3, [of_torchvision(target) for target in TARGETS]
    )
    wanted = rpn.compute_loss(
        logits.view(-1, 1), deltas.view(-1, 4), labels, rpn.box_coder.encode(matched, [anchors] * 3)
    )
    torch.testing.assert_close((found["rpn_objectness"], found["rpn_box"]), wanted)


def test_the_losses_of_regions() -> None:
    candidates = [boxes(700, seed) for seed in (5, 6, 7)]
    nothing: Any = None
    heads = roi_heads.RoIHeads(nothing, nothing, nothing, 0.5, 0.5, ALL, 0.25, None, 0.05, 0.5, 100)
    proposals, _, labels, wanted_deltas = heads.select_training_samples(
        candidates, [of_torchvision(target) for target in TARGETS]
    )
    ours = [torch.cat((each, t.xyxy)) for each, t in zip(candidates, TARGETS, strict=True)]
    regions = choose_regions(
        ours, TARGETS, lambda overlap: (overlap >= 0.5, overlap < 0.5), (ALL, 0.25), generator()
    )
    is_used = regions.labels >= 0
    assert torch.equal(regions.xyxy[is_used], torch.cat(proposals))
    assert torch.equal(regions.labels[is_used], torch.cat(labels))
    logits, deltas = torch.randn(*is_used.shape, 4), torch.randn(*is_used.shape, 4, 4)
    wanted = roi_heads.fastrcnn_loss(
        logits[is_used], deltas[is_used].flatten(1), labels, wanted_deltas
    )
    found = region_losses(logits, deltas[:, :, 1:], regions, TARGETS, (HEAD_WEIGHTS, 1 / 9))
    torch.testing.assert_close((found["class"], found["box"]), wanted)


def test_masks_and_keypoints_of_regions() -> None:
    objects = torch.arange(200) % 12
    regions = boxes(200, 8)
    masks = torch.rand(12, *HW, generator=generator()) > 0.5
    wanted = roi_heads.project_masks_on_boxes(masks, regions, objects, 28)
    torch.testing.assert_close(
        masks_in_boxes(masks, objects, regions, 28), wanted, rtol=1e-4, atol=1e-4
    )
    points = torch.rand(200, 17, 3, generator=generator()) * torch.tensor([400.0, 300, 3])
    points[..., 2] = points[..., 2].floor()
    wanted, is_valid = roi_heads.keypoints_to_heatmap(points, regions, 56)
    cells = cells_of_points(points, regions, 56)
    assert torch.equal(cells >= 0, is_valid > 0)
    assert torch.equal(cells.clamp(min=0), wanted)
