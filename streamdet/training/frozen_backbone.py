"""A backbone that keeps its weights while what is above it learns: run by ONNX Runtime.

On a CPU it computes a map in a third of torch's time, and always the same. What it gives is kept in
half precision by whoever asks for it, see image_cache.py.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from streamdet.building.export import export
from streamdet.errors import ConfigError, EngineError, to_install
from streamdet.networks.backbones.backbone import Backbone


class FrozenBackbone:
    """Computes the one map of a backbone as it is now."""

    def __init__(self, body: Backbone) -> None:
        """Take a backbone.

        Raises:
            ConfigError: a weight of it is trained, so that it would not stay the same.
            EngineError: ONNX Runtime is missing.
        """
        if any(parameter.requires_grad for parameter in body.parameters()):
            raise ConfigError(
                "objective.cache keeps what a frozen backbone computes: optimiser.frozen must name"
                " backbone"
            )
        try:
            import onnxruntime
        except ModuleNotFoundError as exc:
            raise EngineError(f"onnxruntime is not installed: {to_install('run')}") from exc
        self._runtime: Any = onnxruntime
        self._body = body
        self._sessions: dict[tuple[int, int], Any] = {}

    def __call__(self, images: Tensor) -> Tensor:
        """Compute the map of (B, 3, H, W), normalised: (B, C, h, w) float16, on the CPU.

        Raises:
            EngineError: torch cannot export the backbone.
        """
        hw = (images.shape[2], images.shape[3])
        if hw not in self._sessions:
            self._sessions[hw] = self._session(hw)
        pixels = images.detach().float().cpu().numpy()
        [features] = self._sessions[hw].run(None, {"image": pixels})
        return torch.from_numpy(features).half()

    def _session(self, hw: tuple[int, int]) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        with torch.autocast("cpu", enabled=False):
            exported = export(cast(Any, _Alone(self._body)), "image", hw).SerializeToString()
        return self._runtime.InferenceSession(exported, options, ["CPUExecutionProvider"])


class _Alone(nn.Module):
    """A backbone as a network; see `networks.Network`."""

    def __init__(self, body: Backbone) -> None:
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.body = body

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        [features] = self.body(image).values()
        return {"map": features}
