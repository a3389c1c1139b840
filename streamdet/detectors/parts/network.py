"""What a detector with a network checks before it starts, and the pictures that it takes."""

from __future__ import annotations

from typing import Any

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


def picture_hw(detector_class: Any, model: ModelConfig) -> tuple[int, int] | None:
    """The only size of prepared pictures that a detector takes; None: it takes any.

    That is the size of the network's input, unless the class states `takes_any_hw = True`.
    """
    if model.input is None or getattr(detector_class, "takes_any_hw", False):
        return None
    return model.input.hw
