"""An exported network gives back the weights that it was made from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from streamdet.building.compact import compact
from streamdet.building.export import export
from streamdet.errors import ConfigError
from streamdet.networks.localizer import Localizer, LocalizerOptions
from streamdet.networks.yolo_v1 import YoloV1Network, YoloV1Options
from streamdet.networks.yolox import YoloxNetwork, YoloxOptions
from streamdet.training.recipe import Start
from streamdet.training.start_weights import give_start
from tests.networks.region_networks import HW, region_network


def proposer(seed: int) -> Any:
    """A small network without batch norm, no two of whose biases are alike."""
    network = region_network("rpn", backbone="mobilenet_v2_same", maps=("features.3",))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


def test_each_weight_comes_back_but_for_half_precision(tmp_path: Path) -> None:
    trained, network = proposer(0), proposer(1)
    model = export(trained, "image", HW)
    compact(model, {})
    onnx.save(model, tmp_path / "packed.onnx")
    [told] = give_start(network, Start(network=str(tmp_path / "packed.onnx")), None)
    assert "; random: " not in told
    wanted = trained.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-3, atol=1e-4)


def test_a_network_begins_with_the_backbone_of_a_packed_detector(tmp_path: Path) -> None:
    """A localizer's: the first convolutions, and the biases behind them, of a network with more."""
    trained = proposer(0)
    model = export(trained, "image", HW)
    compact(model, {})
    onnx.save(model, tmp_path / "packed.onnx")
    options = LocalizerOptions(backbone="mobilenet_v2_same", map="features.3", widths=(8,))
    network = Localizer(options, 2, (32, 32))
    [told] = give_start(network, Start(network=str(tmp_path / "packed.onnx")), None, hw=(32, 32))
    assert "; random: layers.0.weight, layers.0.bias, class_head.weight ..." in told
    wanted = trained.backbone.body.state_dict()
    for name, value in network.backbone.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-3, atol=1e-4)


def yolox(seed: int, depth: float = 0.33) -> YoloxNetwork:
    """A small YOLOX, no two of whose weights and statistics are alike."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        network = YoloxNetwork(YoloxOptions(width=0.125, depth=depth), 3, (64, 64)).eval()
        for name, value in network.state_dict().items():
            if name.endswith(("bn.weight", "running_var")):
                value.uniform_(0.5, 1.5)
            elif name.endswith((".bias", "running_mean")):
                value.normal_(0, 0.1)
    return network


@pytest.fixture(scope="module")
def folded() -> Any:
    """What exporting makes of `yolox(0)`."""
    return export(yolox(0), "image", (64, 64))


def numbered(model: Any) -> Any:
    """Call weights by numbers, as other exporters do."""
    names = {each.name: str(n) for n, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = names[each.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    return model


def packed(model: Any) -> Any:
    compact(model, {})
    return model


def start_with(model: Any, path: Path) -> Start:
    onnx.save(model, path)
    return Start(network=str(path))


def images(seed: int) -> torch.Tensor:
    return torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("written", [pytest.param(numbered, marks=pytest.mark.nightly), packed])
@torch.inference_mode()
def test_a_network_with_batch_norms_computes_what_the_folded_one_does(
    tmp_path: Path, folded: Any, written: Callable[[Any], Any]
) -> None:
    network = yolox(1)
    start = start_with(written(copy.deepcopy(folded)), tmp_path / "p.onnx")
    [told] = give_start(network, start, None)
    assert "; random: " not in told
    image = images(0)
    torch.testing.assert_close(network(image), yolox(0)(image), rtol=5e-3, atol=5e-3)


@torch.no_grad()
def test_its_batch_norms_know_the_images_and_it_still_computes_the_same(
    tmp_path: Path, folded: Any
) -> None:
    network, seen, unseen = yolox(1), images(0), images(1)
    start = start_with(folded, tmp_path / "p.onnx")
    give_start(network, start, None, None, [seen[:2], seen[2:]])
    torch.testing.assert_close(network(unseen), yolox(0)(unseen), rtol=1e-3, atol=1e-3)
    # As in training, each norm divides by the statistics of what it sees: they are those now.
    in_training = network.train()(seen)["output"]
    torch.testing.assert_close(in_training, yolox(0)(seen)["output"], rtol=0.05, atol=0.05)


def test_a_network_with_other_convolutions_is_refused(tmp_path: Path, folded: Any) -> None:
    start = start_with(folded, tmp_path / "p.onnx")
    with pytest.raises(ConfigError, match=r"113 convolutions, the network \d+: it is of another"):
        give_start(yolox(0, depth=0.67), start, None)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packed.onnx").write_bytes(b"no network")
    with pytest.raises(ConfigError, match=r"packed\.onnx: is no ONNX file"):
        give_start(proposer(0), Start(network=str(tmp_path / "packed.onnx")), None)


def test_a_network_with_convolutions_of_its_own_begins_with_a_detector_s_backbone(
    tmp_path: Path,
) -> None:
    """YOLO's come after the backbone's, as those of the RPN that the file holds."""
    trained = proposer(0)
    onnx.save(export(trained, "image", HW), tmp_path / "detector.onnx")
    network = YoloV1Network(
        YoloV1Options(body="mobilenet_v2_same", map="features.3", conv_width=4, fc_width=4),
        2,
        (32, 32),
    )
    before = copy.deepcopy(network.head.state_dict())
    [told] = give_start(network, Start(network=str(tmp_path / "detector.onnx")), None, hw=(32, 32))
    assert "random: body.1.weight" in told
    wanted = {f"0.body.{name}": value for name, value in trained.backbone.state_dict().items()}
    for name, value in network.body.state_dict().items():
        if name in wanted:
            torch.testing.assert_close(value, wanted[name], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(network.head.state_dict(), before)
