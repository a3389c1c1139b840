"""Faster and Mask R-CNN: what they compute in torch, and the same exported, on every runtime."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from benchmarks.spread_weights import spread
from streamdet.building.export import export
from streamdet.networks import Network
from streamdet.registry import load, load_network
from streamdet.runtimes import RuntimeOptions, Tensors
from tests.networks.region_networks import CLASSES, HW, INPUT, in_torch, noise_images
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES

PYRAMID: dict[str, Any] = {
    "backbone": "alexnet",
    "maps": ["conv1", "conv2"],
    "rpn": {"scales": [[16], [32], [64]], "before_nms": 60, "after_nms": 40},
    "box_width": 32,
    "detections": 6,
}
OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "paper": (
        "faster_rcnn",
        {
            "backbone": "alexnet",
            "maps": ["conv2"],
            "neck": "none",
            "pooling": "pool",
            "rpn": {"scales": [[32, 64]], "after_nms": 12},
            "box_width": 32,
        },
    ),
    "pyramid": ("faster_rcnn", PYRAMID),
    "convolutional": (
        "faster_rcnn",
        PYRAMID | {"box_head": "convolutional", "has_head_norm": True},
    ),
    "masks": ("mask_rcnn", PYRAMID | {"detections": 2}),
    "narrow_masks": ("mask_rcnn", PYRAMID | {"mask_width": 8, "detections": 2}),
    "masks_and_keypoints": ("mask_rcnn", PYRAMID | {"keypoints": 3, "detections": 2}),
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def made(name: str) -> Any:
    kind, options = OPTIONS[name]
    network_class = load_network(kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = network_class(network_class.Options.model_validate(options), CLASSES, HW).eval()
        spread(network, torch.randn(1, 3, *HW), background=0.0)
    return network


def assert_same(came: Tensors, wanted: Tensors) -> None:
    """Boxes within 0.1 pixels, scores and masks within 1e-3, as many of the same classes."""
    count = int(wanted["counts"][0])
    assert count > 1
    assert int(came["counts"][0]) == count
    assert set(came) == set(wanted)
    for name, values in wanted.items():
        tolerance = 0.1 if name in {"boxes", "keypoints"} else 1e-3
        if name != "counts":
            np.testing.assert_allclose(came[name][0, :count], values[0, :count], atol=tolerance)


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("paper", 4),
        pytest.param("convolutional", 1, marks=pytest.mark.nightly),
        pytest.param("narrow_masks", 1, marks=pytest.mark.nightly),
        pytest.param("masks", 1, marks=pytest.mark.nightly),
        pytest.param("masks_and_keypoints", 4, marks=pytest.mark.nightly),
    ],
)
def test_an_exported_network_gives_what_torch_gives(name: str, batch: int, tmp_path: Path) -> None:
    network: Network = made(name)
    path = tmp_path / "network.onnx"
    onnx.save(export(network, INPUT.name, HW, batch), path)
    images = noise_images(4)
    wanted = in_torch(network, images, None)
    for kind in CPU_RUNTIMES:
        runtime = load("runtime", kind)(path, INPUT, RuntimeOptions())
        for came, same in zip(runtime(images), wanted, strict=True):
            assert_same(came, same)


@torch.no_grad()
def test_boxes_are_clipped_to_the_part_of_each_image_that_is_no_padding() -> None:
    image = torch.randn(2, 3, *HW, generator=torch.Generator().manual_seed(1))
    outputs = made("pyramid")(image, torch.tensor([[40.0, 96.0], [64.0, 50.0]]))
    assert outputs["boxes"][0, :, 3].max() <= 40
    assert outputs["boxes"][1, :, 2].max() <= 50


@torch.no_grad()
def test_an_image_does_not_depend_on_its_neighbours_in_the_batch() -> None:
    network = made("masks")
    image = torch.randn(2, 3, *HW, generator=torch.Generator().manual_seed(1))
    both, alone = network(image), network(image[1:])
    for name, values in alone.items():
        torch.testing.assert_close(both[name][1:], values, rtol=1e-4, atol=1e-3)


def test_the_branch_of_masks_is_as_wide_as_the_options_say() -> None:
    shapes = {name: value.shape for name, value in made("narrow_masks").state_dict().items()}
    assert shapes["roi_heads.mask_head.3.0.weight"] == (8, 8, 3, 3)
    assert shapes["roi_heads.mask_predictor.mask_fcn_logits.weight"] == (CLASSES + 1, 8, 1, 1)


@torch.no_grad()
def test_a_network_that_sees_only_background_finds_nothing() -> None:
    network = made("masks")
    network.roi_heads.box_predictor.cls_score.bias[0] = 1000
    outputs = network(torch.zeros(1, 3, *HW))
    assert outputs["counts"].tolist() == [0]
    assert outputs["masks"].shape == (1, 2, 28, 28)


@torch.no_grad()
def test_detections_are_sorted_and_above_the_threshold() -> None:
    outputs = made("pyramid")(torch.randn(1, 3, *HW, generator=torch.Generator().manual_seed(1)))
    scores = outputs["scores"][0, : int(outputs["counts"])]
    assert (scores.diff() <= 0).all()
    assert (scores > 0.05).all()


def test_pooling_from_several_maps_wants_roi_align() -> None:
    network_class = load_network("faster_rcnn")
    options = network_class.Options.model_validate(PYRAMID | {"pooling": "pool"})
    with pytest.raises(ValueError, match="RoI Pool reads one map, got 2"):
        network_class(options, CLASSES, HW)


def test_without_a_pyramid_one_map_is_read() -> None:
    network_class = load_network("faster_rcnn")
    options = network_class.Options.model_validate(PYRAMID | {"neck": "none"})
    with pytest.raises(ValueError, match="one map is read, got 2"):
        network_class(options, CLASSES, HW)
