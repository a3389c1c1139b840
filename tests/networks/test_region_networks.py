"""Networks that look at regions: what they compute, in torch and exported."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from streamdet.building.export import export
from streamdet.ops.spatial_pyramid import project_rois, spatial_pyramid
from streamdet.registry import load, load_network
from streamdet.runtimes import RuntimeOptions, Tensors
from streamdet.runtimes.gpu.by_parts import PartsNetwork
from streamdet.runtimes.gpu.onnx_dense import OnnxDense
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.transport.cuda_device import CudaDevice
from tests.emulation.provider import ON_HOST
from tests.networks.region_networks import (
    CLASSES,
    HW,
    INPUT,
    OPTIONS,
    PROPOSALS,
    PYRAMID,
    extras,
    in_torch,
    noise_images,
    region_network,
)
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def assert_same(came: Tensors, wanted: Tensors) -> None:
    """Boxes within 0.1 pixels, scores within 1e-3, as many of the same classes."""
    count = int(wanted["counts"][0]) if "counts" in wanted else len(wanted["scores"][0])
    assert count > 0
    if "counts" in wanted:
        assert int(came["counts"][0]) == count
        np.testing.assert_array_equal(came["class_ids"][0, :count], wanted["class_ids"][0, :count])
    np.testing.assert_allclose(came["scores"][0, :count], wanted["scores"][0, :count], atol=1e-3)
    np.testing.assert_allclose(came["boxes"][0, :count], wanted["boxes"][0, :count], atol=0.1)


class Exported(NamedTuple):
    kind: str
    network: Any
    path: Path


@pytest.fixture(scope="module", params=[(kind, batch) for kind in OPTIONS for batch in (1, 4)])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    kind, batch = request.param
    network = region_network(kind)
    path = tmp_path_factory.mktemp("networks") / f"{kind}{batch}.onnx"
    path.write_bytes(export(network, INPUT.name, HW, batch).SerializeToString())
    return Exported(kind, network, path)


def test_an_exported_network_gives_what_torch_gives(exported: Exported) -> None:
    images, others = noise_images(4), extras(exported.kind, 4)
    wanted = in_torch(exported.network, images, others)
    for runtime in CPU_RUNTIMES:
        came = load("runtime", runtime)(exported.path, INPUT, RuntimeOptions())(images, others)
        for one, same in zip(came, wanted, strict=True):
            assert_same(one, same)


@pytest.mark.nightly
def test_an_exported_rpn_on_a_pyramid_gives_what_torch_gives(tmp_path: Path) -> None:
    network = region_network("rpn", **PYRAMID)
    path = tmp_path / "network.onnx"
    path.write_bytes(export(network, INPUT.name, HW).SerializeToString())
    images = noise_images(1)
    [wanted] = in_torch(network, images, None)
    [came] = load("runtime", "onnxruntime")(path, INPUT, RuntimeOptions())(images, None)
    assert_same(came, wanted)


def test_an_rpn_on_a_pyramid_has_the_weights_of_faster_r_cnn_s() -> None:
    network = region_network("rpn", **PYRAMID)
    options = {name: PYRAMID[name] for name in ("backbone", "maps", "neck_width")}
    kind = load_network("faster_rcnn")
    whole = kind(kind.Options(**options, rpn={"scales": PYRAMID["scales"]}), CLASSES, HW)
    shapes = {name: value.shape for name, value in whole.state_dict().items()}
    for name, value in network.state_dict().items():
        assert shapes[name] == value.shape


def test_our_kernels_in_the_place_of_its_nodes_give_that_too(
    exported: Exported, emulated_gpu: CudaDevice
) -> None:
    images, others = noise_images(3), extras(exported.kind, 3)  # of 4: the last batch is not full
    network = PartsNetwork(exported.path, INPUT, emulated_gpu, 2, OnnxDense(emulated_gpu, ON_HOST))
    assert ("by our kernels" in network.name) == (exported.kind != "rcnn")
    came = GpuRuntime(network, emulated_gpu, INPUT)(images, others)
    for one, same in zip(came, in_torch(exported.network, images, others), strict=True):
        assert_same(one, same)


def one_image(kind: str) -> tuple[Tensor, Tensor]:
    """An image of noise and its proposals, of which the last is empty."""
    [others] = extras(kind, 1) or [{}]
    return torch.randn(1, 3, *HW), torch.from_numpy(next(iter(others.values())))


@pytest.mark.parametrize("kind", ["fast_rcnn", "sppnet"])
def test_rows_that_fill_up_never_become_detections(kind: str) -> None:
    network = region_network(kind, score_thresh=0.0, iou_thresh=1.0, detections=100)
    image, proposals = one_image(kind)
    found = network(image, proposals)
    assert found["counts"].tolist() == [CLASSES * (PROPOSALS - 1)]
    nothing = network(image, torch.zeros_like(proposals))
    assert nothing["counts"].tolist() == [0]


@pytest.mark.parametrize("kind", ["fast_rcnn", "sppnet"])
def test_boxes_end_at_the_image_s_border(kind: str) -> None:
    network = region_network(kind, score_thresh=0.0)
    image, proposals = one_image(kind)
    name = {"sppnet": "head.bbox_pred", "fast_rcnn": "box_predictor.bbox_pred"}[kind]
    layer = network.get_submodule(name)
    layer.bias.data = torch.tensor([0.0, 0, 20, 20]).repeat(len(layer.bias) // 4)  # far larger
    found = network(image, proposals)
    count = int(found["counts"])
    assert count > 0
    assert found["boxes"][0, :count].unique(dim=0).tolist() == [[0, 0, 96, 64]]


def test_spp_net_pools_the_pyramid_of_each_region_s_cells() -> None:
    network = region_network("sppnet")
    image, proposals = one_image("sppnet")
    features = network.backbone(image)["conv2"]
    rois = torch.cat((torch.zeros(PROPOSALS, 1), proposals[0]), dim=1)
    # AlexNet's conv2: (11 - 1) / 2 - 2 pixels, and (3 - 1) / 2 cells of 4 pixels of the pooling.
    windows = project_rois(rois, features.shape[2:], stride=8, centre=3 + 4).tolist()
    regions = [features[:, :, y1:y2, x1:x2] for _, x1, y1, x2, y2 in windows]
    wanted = torch.cat([spatial_pyramid(region, (1, 2, 3)) for region in regions])
    assert wanted.shape == (PROPOSALS, 192 * (1 + 4 + 9))
    torch.testing.assert_close(network.pyramid(features, proposals), wanted)


def test_a_pyramid_of_one_level_is_roi_pool() -> None:
    network = region_network("sppnet", levels=[7])
    image, proposals = one_image("sppnet")
    features = network.backbone(image)["conv2"]
    assert network.pyramid(features, proposals).shape == (PROPOSALS, 7 * 7 * 192)
    assert network(image, proposals)["boxes"].shape[2] == 4


@pytest.mark.parametrize("kind", ["rcnn", "sppnet"])
@pytest.mark.parametrize(("classifier", "rows"), [("svm", CLASSES), ("softmax", CLASSES + 1)])
def test_regions_are_scored_by_svms_or_by_softmax(kind: str, classifier: str, rows: int) -> None:
    network = region_network(kind, classifier=classifier)
    assert len(network.head.cls_score.weight) == rows
    scores, deltas = network.head(torch.randn(5, network.head.bbox_pred.in_features))
    assert scores.shape == (5, CLASSES)
    assert deltas.shape == (5, CLASSES, 4)
    is_shared = bool((scores.sum(dim=1) < 1).all())  # with the background, to 1
    assert is_shared == (classifier == "softmax")


def test_r_cnn_moves_the_proposal_by_each_class_s_deltas() -> None:
    network = region_network("rcnn")
    layer = network.head.bbox_pred
    torch.nn.init.zeros_(layer.weight)
    layer.bias.data = torch.tensor([0.0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0, math.log(2)])
    boxes = network(torch.randn(1, 3, *HW), torch.tensor([[10.0, 10, 30, 20]]))["boxes"]
    wanted = torch.tensor([[10.0, 10, 30, 20], [20, 10, 40, 20], [10, 5, 30, 25]])
    torch.testing.assert_close(boxes[0], wanted)
