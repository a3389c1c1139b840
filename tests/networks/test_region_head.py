"""The head of R-CNN and SPP-net."""

from __future__ import annotations

import torch
from torch.optim import AdamW

from streamdet.networks.region_head import RegionHead


def test_a_box_regressor_sees_features_by_the_root_of_their_number() -> None:
    head = RegionHead(features=4, width=2, classes=1, classifier="softmax")
    with torch.no_grad():
        head.bbox_pred.weight.fill_(1.0)
        head.bbox_pred.bias.fill_(0.0)
        _, deltas = head.look_at(torch.ones(1, 4))
    assert deltas.tolist() == [[[2.0, 2.0, 2.0, 2.0]]]  # 4 features of 1, each by 1 / 2


def test_a_step_of_adam_moves_a_box_by_a_small_share_of_its_side() -> None:
    torch.manual_seed(0)
    head = RegionHead(features=4800, width=8, classes=1, classifier="softmax")
    optimiser = AdamW(head.parameters(), lr=5e-4)
    features = 2 * torch.rand(1, 4800)
    before = head.look_at(features)[1]
    before.sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    assert (head.look_at(features)[1] - before).abs().max() < 0.1
