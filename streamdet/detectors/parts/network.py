"""What a detector with a network checks before it starts."""

from __future__ import annotations

from streamdet.errors import ConfigError
from streamdet.model_config import ImageInput, ModelConfig
from streamdet.runtimes import Runtime


def network_of(model: ModelConfig, runtime: Runtime | None) -> tuple[Runtime, ImageInput]:
    """Give back the runtime and the model's input, both present.

    Raises:
        ConfigError: the model's configuration describes no network.
    """
    if model.input is None or runtime is None:
        raise ConfigError(
            f"model {model.name!r} has no network, detector {model.detector!r} wants one"
        )
    return runtime, model.input
