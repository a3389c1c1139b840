"""How a detector's network is started, and what it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import choose_runtime
from streamdet.errors import ConfigError, EngineError
from streamdet.image import Pixels
from streamdet.models.build_passport import find_int8
from streamdet.models.built_network import find_network
from streamdet.models.input_size import used_hws
from streamdet.models.measured_choice import Candidate
from streamdet.models.model_config import Hw, ImageInput, ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime
from streamdet.runtimes.installed import package_version


def start_network(options: NetworkOptions, model: ModelConfig) -> tuple[Runtime | None, str]:
    """Load a model's network into the runtime that the options choose, or that is the fastest here.

    A run's supervisor has chosen before (see run/choose_runtimes.py); elsewhere this is the only
    process.

    Returns:
        The runtime, None for a model without a network, and what a report must say behind the name
        of whatever runs: "" or ", random weights (seed 0)".

    Raises:
        ConfigError: the network is missing, damaged, or was built from something else.
        EngineError: the runtime cannot be used.
    """
    if model.input is None:
        return None, ""
    network = find_network(model)
    choice = choose_runtime(options, model, network.path)
    runtime_class = load("runtime", choice.candidate.runtime)
    path = executed_file(choice.candidate, model, network.path)
    runtime: Runtime = runtime_class(path, model.input, choice.options)
    remarks = [remark for remark in (network.remark, choice.warning) if remark]
    return runtime, "".join(f", {remark}" for remark in remarks)


def executed_file(candidate: Candidate, model: ModelConfig, network: Path) -> Path:
    """The file that a runtime loads: the network's own, or of int8 the one that was made of it.

    Raises:
        ConfigError: the int8 file is missing or was made of something else.
    """
    if candidate.precision != "int8":
        return network
    name = candidate.runtime
    return find_int8(model, network, f"{name} {package_version(name)}")


def require_network(model: ModelConfig, runtime: Runtime | None) -> tuple[Runtime, ImageInput]:
    """Give back the runtime and the model's input, both present.

    Raises:
        ConfigError: the model's configuration describes no network.
    """
    if model.input is None or runtime is None:
        raise ConfigError(
            f"model {model.name!r} has no network, detector {model.detector!r} wants one"
        )
    return runtime, model.input


def grey_image(hw: tuple[int, int]) -> Pixels:
    """An image by which a detector may find out at the start what a network gives."""
    return np.full((*hw, 3), 114, dtype=np.uint8)


def check_scores(scores: npt.NDArray[np.float32]) -> None:
    """Check that scores, any shape, are probabilities; what is not finite passes.

    Raises:
        EngineError: one is below 0 or above 1.
    """
    wrong = scores[np.isfinite(scores) & ((scores < 0) | (scores > 1))]
    if wrong.size:
        raise EngineError(
            f"the network's scores must be 0 to 1, got {wrong[0]:.3g}: export it with its sigmoids"
        )


def image_hw(detector_class: Any, model: ModelConfig) -> tuple[int, int] | None:
    """The size of prepared images that a detector takes; None: it takes any.

    That is the size of the network's input, unless the class states `takes_any_hw = True`.
    """
    if model.input is None or getattr(detector_class, "takes_any_hw", False):
        return None
    return model.input.hw


def image_hws(detector_class: Any, model: ModelConfig) -> tuple[Hw, ...]:
    """The sizes of prepared images that a detector takes; (): it takes any."""
    return () if image_hw(detector_class, model) is None else used_hws(model)
