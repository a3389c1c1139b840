"""Weights from TensorFlow Lite find their layers and recognise what they were trained on."""

from pathlib import Path

import cv2
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from streamdet.errors import ConfigError
from streamdet.networks.backbones import backbone, body_weights, classifier
from streamdet.networks.backbones.numbered_weights import NETWORK, named_weights
from streamdet.networks.state_dict import assign_weights, read_weights

Weights = dict[str, Tensor]
pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def numbered(data: Path) -> Weights:
    return read_weights(data / "weights" / "mobilenetv2_1.0_224_imagenet.pth")


def trained(numbered: Weights) -> torch.nn.Module:
    network = classifier(NETWORK, num_classes=1001).eval()
    assign_weights(network, named_weights(numbered), "mobilenet_v2")
    return network


def prepared(path: Path) -> Tensor:
    pixels = cv2.imread(str(path))
    assert pixels is not None
    resized = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), (224, 224))
    return torch.from_numpy(resized).permute(2, 0, 1)[None].float() / 127.5 - 1


def walk(numbered: Weights, images: Tensor) -> Tensor:
    """The network as the description of its file says it, convolution by convolution."""

    def step(number: int, features: Tensor) -> Tensor:
        stride, is_depthwise, has_relu6 = numbered[f"{number:02}.meta"].tolist()
        weight, bias = numbered[f"{number:02}.weight"], numbered[f"{number:02}.bias"]
        pads = []
        for length in (features.shape[3], features.shape[2]):
            total = max((-(-length // stride) - 1) * stride + weight.shape[2] - length, 0)
            pads += [total // 2, total - total // 2]
        groups = features.shape[1] if is_depthwise else 1
        padded = functional.pad(features, pads)
        features = functional.conv2d(padded, weight, bias, stride, groups=groups)
        return features.clamp(0, 6) if has_relu6 else features

    features = step(2, step(1, step(0, images)))
    for first in range(3, 51, 3):
        output = step(first + 2, step(first + 1, step(first, features)))
        adds = first in {6, 12, 15, 21, 24, 27, 33, 36, 42, 45}
        features = features + output if adds else output
    return step(52, step(51, features).mean((2, 3), keepdim=True)).flatten(1)


@torch.inference_mode()
def test_network_is_what_the_weights_description_says(numbered: Weights) -> None:
    images = torch.rand(2, 3, 101, 64, generator=torch.Generator().manual_seed(5)) * 2 - 1
    torch.testing.assert_close(
        trained(numbered)(images), walk(numbered, images), rtol=1e-4, atol=1e-4
    )


# Of 1001 classes, after cv2's resize; the places after these are below 0.012 and change with it.
@pytest.mark.parametrize(
    ("name", "best"), [("000000000034.jpg", [341, 807]), ("000000000036.jpg", [880, 640, 776])]
)
@torch.inference_mode()
def test_it_sees_the_zebra_and_the_umbrella(
    name: str, best: list[int], numbered: Weights, data: Path
) -> None:
    (path,) = (data / "datasets" / "coco-mini").rglob(name)
    probabilities = trained(numbered)(prepared(path)).softmax(dim=1)[0]
    assert probabilities.topk(len(best)).indices.tolist() == best
    assert probabilities.max() > 0.8


def test_a_backbone_starts_from_the_same_weights(numbered: Weights) -> None:
    network = backbone(NETWORK)
    assign_weights(network, body_weights(NETWORK, named_weights(numbered)), "mobilenet_v2")
    assert network.state_dict()["18.1.bias"].equal(numbered["51.bias"])


def test_a_number_too_many_is_refused(numbered: Weights) -> None:
    weights = named_weights({**numbered, "53.weight": torch.zeros(1)})
    with pytest.raises(ConfigError, match=r"the model has no 53\.weight"):
        assign_weights(classifier(NETWORK, num_classes=1001), weights, "mobilenet_v2")
