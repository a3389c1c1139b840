"""Detectors are torchvision's: the same names of weights, the same detections.

Runs where torchvision can be imported (`make parity`). torchvision's own transform makes the
pictures. Weights are random; those called spread are scaled, layer by layer, so that scores and
boxes vary as after training and many detections pass the thresholds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from streamdet.building.build import make_network
from streamdet.networks.state_dict import assign_weights
from tests.parity.test_backbones import randomized

if importlib.util.find_spec("torchvision") is None:
    pytest.skip("no torchvision here: see `make parity`", allow_module_level=True)

from torchvision.models import detection
from torchvision.ops import FrozenBatchNorm2d

MODELS = [
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "keypointrcnn_resnet50_fpn",
]
SPREADS = {
    "rpn.head.cls_logits": 2.0,
    "rpn.head.bbox_pred": 0.3,
    "roi_heads.box_predictor.cls_score": 2.5,
    "roi_heads.box_predictor.bbox_pred": 1.0,
    "roi_heads.mask_predictor.mask_fcn_logits": 2.0,
    "roi_heads.keypoint_predictor.kps_score_lowres": 2.0,
}
"""Layers -> standard deviation of what comes out of them."""

SIZES = [[(197, 263)], [(150, 301), (260, 190)]]
"""Batches of pictures, by height and width."""


def theirs(name: str) -> nn.Module:
    """Make torchvision's network with the norms that its published weights come with."""
    model: nn.Module = getattr(detection, name)(weights=None, weights_backbone=None)
    # As it does for published weights of v1; smaller pictures only make the test faster.
    eps = {"resnet50": 0.0, "mobilenet": 1e-5}.get(name.split("_")[1])
    if eps is not None and not name.endswith("v2"):
        freeze(model, eps)
    transform: Any = model.transform
    transform.min_size, transform.max_size = (224,), 320
    return randomized(model)


def freeze(module: nn.Module, eps: float) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features, eps))
        freeze(child, eps)


def ours(name: str, reference: nn.Module) -> Callable[..., dict[str, Tensor]]:
    network: Any = make_network(name)
    assign_weights(network, reference.state_dict(), name)
    return network.eval()  # type: ignore[no-any-return]


@contextmanager
def outputs_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _, __, output: seen.append(output.flatten()))
    yield seen
    hook.remove()


def spread(model: nn.Module, pictures: list[Tensor]) -> None:
    for name in SPREADS.keys() & dict(model.named_modules()).keys():
        layer: Any = model.get_submodule(name)
        with outputs_of(layer) as seen:
            model(pictures)
        layer.weight.mul_(SPREADS[name] / float(torch.cat(seen).std()))
        layer.bias.zero_()


def pictures(hws: list[tuple[int, int]]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.rand(3, *hw, generator=generator) for hw in hws]


@pytest.fixture(scope="module", params=MODELS)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Callable[..., dict[str, Tensor]]]:
    with torch.no_grad():
        reference = theirs(request.param)
        spread(reference, pictures([(197, 263)]))
        return reference, ours(request.param, reference)


def detect_both(
    pair: tuple[Any, Callable[..., dict[str, Tensor]]], hws: list[tuple[int, int]]
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Yield what torchvision and we find in each picture, in the pixels of its prepared form."""
    reference, network = pair
    images, _ = reference.transform(pictures(hws))
    maps = reference.backbone(images.tensors)
    proposals, _ = reference.rpn(images, maps)
    wanted, _ = reference.roi_heads(maps, proposals, images.image_sizes)
    outputs = network(images.tensors, torch.tensor(images.image_sizes, dtype=torch.float32))
    for row, found in enumerate(wanted):
        count = int(outputs["counts"][row])
        yield found, {name: values[row][:count] for name, values in outputs.items()
                      if name != "counts"}  # fmt: skip


def assert_same(wanted: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    assert len(found["scores"]) == len(wanted["scores"])
    # Nearly equal scores may change places.
    apart = (wanted["boxes"][:, None] - found["boxes"]).abs().amax(dim=2)
    apart[wanted["labels"][:, None] != found["class_ids"] + 1] = torch.inf
    distance, rows = apart.min(dim=1)
    assert len(set(rows.tolist())) == len(rows)
    assert distance.max() < 0.05
    assert (wanted["scores"] - found["scores"][rows]).abs().max() < 1e-4
    if "masks" in wanted:
        assert (wanted["masks"][:, 0] - found["masks"][rows]).abs().max() < 1e-3
    if "keypoints" in wanted:
        points = found["keypoints"][rows]
        assert (wanted["keypoints_scores"] - points[..., 2]).abs().max() < 0.01
        is_near = (wanted["keypoints"] - points)[..., :2].abs().amax(dim=2) < 0.05
        assert is_near.float().mean() > 0.99  # see ops.heatmap_points: another peak, as high


@pytest.mark.parametrize("hws", SIZES)
@torch.inference_mode()
def test_detections_are_torchvisions(pair: Any, hws: list[tuple[int, int]]) -> None:
    for wanted, found in detect_both(pair, hws):
        assert len(wanted["scores"]) > 20
        assert_same(wanted, found)


@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("keypoint")])
@torch.inference_mode()
def test_a_fresh_network_finds_nothing_as_torchvisions(name: str) -> None:
    reference: Any = getattr(detection, name)(weights=None, weights_backbone=None).eval()
    reference.transform.min_size, reference.transform.max_size = (160,), 224
    for wanted, found in detect_both((reference, ours(name, reference)), [(90, 121)]):
        assert len(wanted["scores"]) == 0
        assert len(found["scores"]) == 0
        assert set(found) - {"class_ids"} == set(wanted) - {"labels"}
