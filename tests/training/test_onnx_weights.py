"""An exported network gives back the weights that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from streamdet.building.compact import compact
from streamdet.building.export import export
from streamdet.errors import ConfigError
from streamdet.networks.yolox import YoloxNetwork, YoloxOptions
from streamdet.training.recipe import Start
from streamdet.training.start_weights import give_start
from tests.networks.region_networks import HW, region_network


def proposer(seed: int) -> Any:
    """A small network without batch norm, no two of whose biases are alike."""
    network = region_network("rpn", backbone="mobilenet_v2_same", map="features.3")
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
    [told] = give_start(network, Start(network=str(tmp_path / "packed.onnx")), None, ())
    assert "; random: " not in told
    wanted = trained.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-3, atol=1e-4)


def yolox(classes: int, seed: int, depth: float = 0.33) -> YoloxNetwork:
    """A small YOLOX, no two of whose weights and statistics are alike."""
    network = YoloxNetwork(YoloxOptions(width=0.125, depth=depth), classes, (64, 64)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith(("bn.weight", "running_var")):
                value.copy_(0.5 + torch.rand(value.shape, generator=generator))
            elif name.endswith((".bias", "running_mean")):
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))
    return network


def exported(network: YoloxNetwork, path: Path) -> Start:
    """Export a network as others do, who call weights by numbers; returns it as a start."""
    model = export(network, "image", (64, 64))
    names = {each.name: str(n) for n, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = names[each.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, path)
    return Start(network=str(path))


def pictures(seed: int) -> torch.Tensor:
    return torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def packed(network: YoloxNetwork, path: Path) -> Start:
    """Export a network as `models pack` does; returns it as a start."""
    model = export(network, "image", (64, 64))
    compact(model, {})
    onnx.save(model, path)
    return Start(network=str(path))


@pytest.mark.parametrize("written", [exported, packed])
@torch.inference_mode()
def test_a_network_with_batch_norms_computes_what_the_folded_one_does(
    tmp_path: Path, written: Callable[[YoloxNetwork, Path], Start]
) -> None:
    published, network = yolox(3, 0), yolox(3, 1)
    [told] = give_start(network, written(published, tmp_path / "p.onnx"), None, ())
    assert "; random: " not in told
    image = pictures(0)
    torch.testing.assert_close(network(image), published(image), rtol=5e-3, atol=5e-3)


@torch.no_grad()
def test_its_batch_norms_know_the_pictures_and_it_still_computes_the_same(tmp_path: Path) -> None:
    published, network, seen = yolox(3, 0), yolox(3, 1), pictures(0)
    start = exported(published, tmp_path / "p.onnx")
    give_start(network, start, None, (), [seen[:2], seen[2:]])
    unseen = pictures(1)
    torch.testing.assert_close(network(unseen), published(unseen), rtol=1e-3, atol=1e-3)
    # As in training, each norm divides by the statistics of what it sees: they are those now.
    in_training = network.train()(seen)["output"]
    torch.testing.assert_close(in_training, published(seen)["output"], rtol=0.05, atol=0.05)


def test_a_network_with_other_convolutions_is_refused(tmp_path: Path) -> None:
    start = exported(yolox(3, 0), tmp_path / "p.onnx")
    with pytest.raises(
        ConfigError, match=r"has 113 convolutions, the network \d+: it is of another"
    ):
        give_start(yolox(3, 0, depth=0.67), start, None, ())


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packed.onnx").write_bytes(b"no network")
    with pytest.raises(ConfigError, match=r"packed\.onnx: is no ONNX file"):
        give_start(proposer(0), Start(network=str(tmp_path / "packed.onnx")), None, ())
