"""The YOLOX network is the published one, and its export is decoded by detectors/yolox.py."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from streamdet.networks.csp_darknet import ConvBlock
from streamdet.networks.yolox import YoloxNetwork, YoloxOptions


def nano() -> YoloxNetwork:
    return YoloxNetwork(YoloxOptions(), 80, (416, 416)).eval()


def convolutions(network: nn.Module, image: Tensor) -> list[nn.Conv2d]:
    """Convolutions in the order in which they run."""
    order: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_hook(lambda convolution, *_: order.append(convolution))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    network(image)
    for hook in hooks:
        hook.remove()
    return order


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
    tensors = {each.name: each for each in onnx.load(path).graph.initializer}
    nodes = [node for node in onnx.load(path).graph.node if node.op_type == "Conv"]
    owners = {module.conv: module for module in network.modules() if isinstance(module, ConvBlock)}
    for convolution, node in zip(convolutions(network, image), nodes, strict=True):
        weight, bias = (
            torch.from_numpy(numpy_helper.to_array(tensors[name]).copy()) for name in node.input[1:]
        )
        convolution.weight.copy_(weight)
        if convolution.bias is not None:
            convolution.bias.copy_(bias)
            continue
        norm = owners[convolution].bn  # the file has it folded into the convolution
        assert norm.running_var is not None
        norm.running_var.fill_(1 - norm.eps)
        norm.bias.copy_(bias)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    [wanted] = session.run(None, {"images": image.numpy()})
    np.testing.assert_allclose(network(image)["output"].numpy(), wanted, rtol=1e-3, atol=1e-3)
