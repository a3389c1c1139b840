"""A backbone that keeps its weights while what is above it learns: run by ONNX Runtime.

On a CPU that takes a quarter of torch's time (MobileNetV2, 256 x 384, one thread of a Xeon: 14 ms).
What it gives is kept by whoever asks for it: kept_outputs.py in memory, image_cache.py in files.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from streamdet.building.export import export
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.networks.backbones.backbone import Backbone

Maps = dict[str, Tensor]


class FrozenBackbone:
    """Computes the maps of a backbone as it is when it first computes images of a size."""

    def __init__(self, body: Backbone, key: str, name: str = "backbone") -> None:
        """Take a backbone.

        Args:
            body: as its network has it.
            key: of the recipe, which wants it frozen, for errors.
            name: of the body in its network, for errors.

        Raises:
            ConfigError: a weight of it is trained, so that it would not stay the same.
            EngineError: ONNX Runtime is missing.
        """
        if any(parameter.requires_grad for parameter in body.parameters()):
            raise ConfigError(f"{key}: the backbone learns: optimiser.frozen must name '{name}.'")
        try:
            import onnxruntime
        except ModuleNotFoundError as exc:
            raise EngineError(f"onnxruntime is not installed: {to_install('run')}") from exc
        self._runtime: Any = onnxruntime
        self._body = body
        self._sessions: dict[tuple[int, int], Any] = {}

    def __call__(self, images: Tensor) -> Maps:
        """Compute the maps of (B, 3, H, W), normalised: float32, on the CPU.

        Raises:
            EngineError: torch cannot export the backbone.
        """
        hw = (images.shape[2], images.shape[3])
        if hw not in self._sessions:
            self._sessions[hw] = self._session(hw)
        session = self._sessions[hw]
        values = session.run(None, {"image": images.detach().float().cpu().numpy()})
        names = [each.name for each in session.get_outputs()]
        return {name: torch.from_numpy(value) for name, value in zip(names, values, strict=True)}

    def _session(self, hw: tuple[int, int]) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        network = cast(Any, _Alone(self._body))
        with torch.autocast("cpu", enabled=False):
            exported = export(network, "image", hw).SerializeToString()
        return self._runtime.InferenceSession(exported, options, ["CPUExecutionProvider"])


class _Alone(nn.Module):
    """A backbone as a network; see `networks.Network`."""

    def __init__(self, body: Backbone) -> None:
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.body = body

    def forward(self, image: Tensor) -> Maps:
        return Backbone.forward(self.body, image)  # not what kept_outputs.py may put in its place
