"""Networks that look at regions: what they compute, in torch and exported."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from streamdet.building.export import export
from streamdet.registry import KINDS, load
from streamdet.runtimes import RuntimeOptions, Tensors
from tests.networks.region_networks import (
    HW,
    INPUT,
    OPTIONS,
    extras,
    in_torch,
    pictures,
    region_network,
)


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


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("kind", OPTIONS)
def test_an_exported_network_gives_what_torch_gives(kind: str, batch: int, tmp_path: Path) -> None:
    network = region_network(kind)
    path = tmp_path / "network.onnx"
    path.write_bytes(export(network, INPUT.name, HW, batch).SerializeToString())
    images, others = pictures(4), extras(kind, 4)
    wanted = in_torch(network, images, others)
    for runtime in KINDS["runtime"]:
        came = load("runtime", runtime)(path, INPUT, RuntimeOptions())(images, others)
        for one, same in zip(came, wanted, strict=True):
            assert_same(one, same)
