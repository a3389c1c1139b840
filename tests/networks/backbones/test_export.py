"""An exported backbone gives the maps that torch gives."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from streamdet.building.export import export
from streamdet.networks.backbones import ARCHITECTURES, backbone


class EveryMap(nn.Module):
    """A network that gives all the maps of the table."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.backbone = backbone(name, maps=[level.name for level in ARCHITECTURES[name].maps])

    def forward(self, image: Tensor, **_extra: Tensor) -> dict[str, Tensor]:
        maps: dict[str, Tensor] = self.backbone(image)
        return maps


@pytest.mark.parametrize(
    ("name", "hw"),
    [
        pytest.param("resnet18", (65, 96), marks=pytest.mark.nightly),
        ("mobilenet_v3_small", (64, 70)),
    ],
)
def test_exported_backbone_equals_torch(name: str, hw: tuple[int, int]) -> None:
    network = EveryMap(name).eval()
    exported = export(network, "image", hw, batch=2).SerializeToString()
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    image = torch.randn(2, 3, *hw, generator=torch.Generator().manual_seed(1))
    outputs = session.run(None, {"image": image.numpy()})
    with torch.inference_mode():
        wanted = network(image)
    assert [output.name for output in session.get_outputs()] == [*wanted]
    for output, values in zip(outputs, wanted.values(), strict=True):
        np.testing.assert_allclose(output, values.numpy(), rtol=1e-4, atol=1e-4)
