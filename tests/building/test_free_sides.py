"""One file of a convolutional network runs at every size, and gives what torch gives there."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from streamdet.building.build import make_network
from streamdet.building.export import export
from streamdet.errors import EngineError
from streamdet.models.built_network import find_network
from streamdet.models.input_size import at_size, stated_hws
from streamdet.models.model_config import ImageInput, load_model_config
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions

SIZES = ((96, 64), (64, 128))


class Flattened(nn.Module):
    """Its last layer joins all pixels: it takes one size only."""

    extra_inputs: ClassVar[dict[str, tuple[int, ...]]] = {}
    takes_any_hw: ClassVar = True

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * 64 * 64, 2)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"scores": self.layer(image.flatten(1))}


def run(path: Path, hw: tuple[int, int], runtime: str) -> Any:
    """The network's output for one image, and the image as torch takes it."""
    image = np.random.default_rng(0).integers(0, 256, (*hw, 3), np.uint8)
    loaded = load("runtime", runtime)(path, ImageInput(name="image", hw=hw), RuntimeOptions())
    [outputs] = loaded([image])
    return outputs["output"], torch.from_numpy(image.transpose(2, 0, 1)[None].astype(np.float32))


def test_an_exported_yolox_runs_at_other_sizes(tmp_path: Path) -> None:
    network: Any = make_network("yolox_nano_untrained")
    path = tmp_path / "network.onnx"
    path.write_bytes(export(network, "image", (64, 64)).SerializeToString())
    session = onnxruntime.InferenceSession(path)
    two = np.random.default_rng(1).uniform(0, 255, (2, 3, *SIZES[0])).astype(np.float32)
    [both] = session.run(None, {"image": two})
    for row in range(2):
        [alone] = session.run(None, {"image": two[row : row + 1]})
        np.testing.assert_allclose(both[row], alone[0], atol=1e-3)
    for hw, runtime in itertools.product(SIZES, ("onnxruntime", "openvino")):
        found, image = run(path, hw, runtime)
        with torch.no_grad():
            wanted = network(image)["output"].numpy()
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_a_network_of_one_size_is_refused() -> None:
    network: Any = Flattened()
    with pytest.raises(EngineError, match="does not take images of another size"):
        export(network, "image", (64, 64))


@pytest.mark.parametrize("name", ["people", "street"])
def test_the_shipped_models_run_at_each_of_their_sizes(name: str) -> None:
    model = load_model_config(name)
    path = find_network(model).path
    for hw in stated_hws(model):
        cells = sum((hw[0] // stride) * (hw[1] // stride) for stride in (8, 16, 32))
        assert run(path, hw, "onnxruntime")[0].shape == (1, cells, 5 + len(model.classes))
        assert find_network(at_size(model, hw)).path == path
