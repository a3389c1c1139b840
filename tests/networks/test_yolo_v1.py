"""YOLO's layers and the shape of what comes out, by the paper's metrics."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from streamdet.networks.yolo_v1 import YoloV1Network, YoloV1Options


def network(classes: int = 20, hw: tuple[int, int] = (448, 448), **options: Any) -> YoloV1Network:
    return YoloV1Network(YoloV1Options(**options), classes, hw).eval()


@pytest.fixture(autouse=True)
def _no_arithmetic() -> Iterator[None]:
    """Only shapes count here: tensors without values."""
    with torch.device("meta"):
        yield


def count(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(each, kind) for each in module.modules())


def test_voc_s_tensor_is_7_by_7_by_30() -> None:
    cells = network(fc_width=8)(torch.zeros(1, 3, 448, 448))["cells"]
    assert cells.shape == (1, 7, 7, 30)


def test_the_paper_s_network_has_24_convolutions_and_2_fully_connected_layers() -> None:
    yolo = network(fc_width=8)
    assert (count(yolo, nn.Conv2d), count(yolo, nn.Linear)) == (24, 2)


def test_its_last_map_is_7_by_7_of_1024_channels() -> None:
    [hidden, _] = [each for each in network(fc_width=8).modules() if isinstance(each, nn.Linear)]
    assert hidden.in_features == 7 * 7 * 1024


def test_fast_yolo_has_9_convolutions() -> None:
    fast = network(body="fast_yolo", fc_width=8)
    assert count(fast, nn.Conv2d) == 9
    assert fast(torch.zeros(2, 3, 448, 448))["cells"].shape == (2, 7, 7, 30)


def test_grid_boxes_and_backbone_are_free() -> None:
    small = network(
        3, (64, 96), body="mobilenet_v3_small", grid=3, boxes=1, conv_width=8, fc_width=8
    )
    assert small(torch.zeros(1, 3, 64, 96))["cells"].shape == (1, 3, 3, 5 + 3)


def test_an_unknown_body_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'yolo9000'"):
        network(body="yolo9000")


def test_without_a_fully_connected_layer_a_convolution_says_each_cell() -> None:
    options = {"body": "mobilenet_v2_same", "map": "features.17", "conv_width": 8, "fc_width": 0}
    yolo = network(6, (128, 128), grid=4, **options)
    assert count(yolo, nn.Linear) == 0
    assert yolo(torch.zeros(2, 3, 128, 128))["cells"].shape == (2, 4, 4, 5 * 2 + 6)


def test_without_one_the_grid_is_the_body_s_map() -> None:
    options = {"body": "mobilenet_v2_same", "map": "features.17", "conv_width": 8, "fc_width": 0}
    with pytest.raises(ValueError, match=r"grid must be the body's map .* \[4, 6\], got 4"):
        network(6, (128, 192), grid=4, **options)
