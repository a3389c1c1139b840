"""An exported network gives back the weights that it was made from."""

from __future__ import annotations

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


def test_a_network_with_batch_norms_cannot_begin_with_a_packed_one(tmp_path: Path) -> None:
    (tmp_path / "packed.onnx").write_bytes(b"")
    network = YoloxNetwork(YoloxOptions(width=0.125), 1, (32, 32))
    with pytest.raises(ConfigError, match="batch norms are folded into convolutions"):
        give_start(network, Start(network=str(tmp_path / "packed.onnx")), None, ())


def plain_yolox(classes: int, seed: int) -> YoloxNetwork:
    """A small YOLOX without batch norms, no two of whose weights are alike."""
    network = YoloxNetwork(YoloxOptions(width=0.125, has_norms=False), classes, (64, 64))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return network


def unnamed(model: Any) -> Any:
    """A file of somebody whose exporter calls weights by numbers."""
    names = {each.name: str(n) for n, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = names[each.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
    return model


def test_weights_without_names_are_known_by_the_order_of_convolutions(tmp_path: Path) -> None:
    published, network = plain_yolox(3, 0), plain_yolox(3, 1)
    onnx.save(unnamed(export(published, "image", (64, 64))), tmp_path / "published.onnx")
    give_start(network, Start(network=str(tmp_path / "published.onnx")), None, ())
    wanted = published.state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(value, wanted[name]), name


def test_a_network_with_other_convolutions_is_refused(tmp_path: Path) -> None:
    onnx.save(unnamed(export(plain_yolox(3, 0), "image", (64, 64))), tmp_path / "published.onnx")
    with pytest.raises(ConfigError, match=r"has 113 convolutions, the network \d+: another"):
        start = Start(network=str(tmp_path / "published.onnx"))
        deeper = YoloxOptions(width=0.125, depth=0.67, has_norms=False)
        give_start(YoloxNetwork(deeper, 3, (64, 64)), start, None, ())


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packed.onnx").write_bytes(b"no network")
    with pytest.raises(ConfigError, match=r"packed\.onnx: is no ONNX file"):
        give_start(proposer(0), Start(network=str(tmp_path / "packed.onnx")), None, ())
