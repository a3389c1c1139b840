"""The YOLOX network is the published one, and its export is decoded by detectors/yolox.py."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from streamdet.networks.yolox import YoloxNetwork, YoloxOptions
from streamdet.training.recipe import Start
from streamdet.training.start_weights import give_start


def nano() -> YoloxNetwork:
    return YoloxNetwork(YoloxOptions(), 80, (416, 416)).eval()


def test_nano_has_the_published_number_of_parameters() -> None:
    assert sum(weight.numel() for weight in nano().parameters()) == pytest.approx(0.91e6, rel=5e-3)


def test_there_is_a_row_for_each_cell() -> None:
    network = YoloxNetwork(YoloxOptions(width=0.125), 3, (64, 96)).eval()
    output = network(torch.zeros(2, 3, 64, 96))["output"]
    assert output.shape == (2, 8 * 12 + 4 * 6 + 2 * 3, 5 + 3)


def test_another_backbone_stands_in_for_darknet() -> None:
    options = YoloxOptions(
        backbone="mobilenet_v2", maps=("features.6", "features.13", "features.17")
    )
    network = YoloxNetwork(options, 3, (64, 96)).eval()
    assert network(torch.zeros(1, 3, 64, 96))["output"].shape == (1, 126, 8)


def test_maps_of_other_strides_are_refused() -> None:
    options = YoloxOptions(
        backbone="mobilenet_v2", maps=("features.3", "features.6", "features.13")
    )
    with pytest.raises(ValueError, match=r"strides \(8, 16, 32\), got \(4, 8, 16\)"):
        YoloxNetwork(options, 3, (64, 96))


def test_scores_begin_low() -> None:
    output = nano()(torch.zeros(1, 3, 416, 416))["output"]
    torch.testing.assert_close(output[..., 4:].mean(), torch.tensor(0.01), rtol=0.2, atol=0)


def test_sides_that_the_coarsest_map_does_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 32, got \(64, 100\)"):
        YoloxNetwork(YoloxOptions(), 3, (64, 100))


@pytest.mark.data
@torch.inference_mode()
def test_with_the_published_weights_it_gives_what_the_published_file_gives(data: Path) -> None:
    path = data / "weights" / "yolox_nano.onnx"
    image = torch.rand(1, 3, 416, 416, generator=torch.Generator().manual_seed(0)) * 255
    network = nano()
    give_start(network, Start(network=str(path)), None)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [wanted] = session.run(None, {"images": image.numpy()})
    np.testing.assert_allclose(network(image)["output"].numpy(), wanted, rtol=1e-3, atol=1e-3)
