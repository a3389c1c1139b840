"""Exported, a network that looks at whole images says what it says in torch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from streamdet.building.export import export
from streamdet.models.model_config import ImageInput
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from tests.networks.image_networks import SMALL, small_network
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES


@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.nightly), 4])
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.nightly] if kind in ("yolox", "localizer") else [])
        for kind in SMALL
    ],
)
def test_an_exported_network_equals_torch_in_every_runtime(
    kind: str, batch: int, tmp_path: Path
) -> None:
    hw, _ = SMALL[kind]
    network, path = small_network(kind), tmp_path / "network.onnx"
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*hw, 3), dtype=np.uint8) for _ in range(4)]
    planes = torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2).astype(np.float32))
    with torch.inference_mode():
        wanted = {name: value.numpy() for name, value in network((planes - 128) / 64).items()}
    assert max(values.std(axis=0).max() for values in wanted.values()) > 0.01  # images differ
    path.write_bytes(export(network, "image", hw, batch).SerializeToString())
    image_input = ImageInput(name="image", hw=hw, mean=(128.0,) * 3, std=(64.0,) * 3)
    for runtime in CPU_RUNTIMES:
        run = load("runtime", runtime)(path, image_input, RuntimeOptions(precision="fp32"))
        found = run(images)
        for name, values in wanted.items():
            got = np.concatenate([outputs[name] for outputs in found])
            atol = 0.1 if name in {"boxes", "keypoints"} else 1e-3
            np.testing.assert_allclose(got, values, rtol=0, atol=atol, err_msg=f"{runtime} {name}")
