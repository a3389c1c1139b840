"""How a detector's network is started, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
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
from streamdet.registry import KINDS, load
from streamdet.runtimes import Runtime, RuntimeOptions
from streamdet.runtimes.gpu import Gpu, GpuRuntimeKind
from streamdet.runtimes.gpu.runtime import GpuRuntime
from streamdet.runtimes.installed import package_version


@dataclass(frozen=True, slots=True)
class OnGpu:
    """Where a network runs, if not on the CPU.

    Attributes:
        gpu: opened.
        batch: images at a time.
    """

    gpu: Gpu
    batch: int


def start_network(
    options: NetworkOptions, model: ModelConfig, on: OnGpu | None = None
) -> tuple[Runtime | None, str]:
    """Load a model's network into the runtime that the options choose, or that is the fastest here.

    A run's supervisor has chosen before (see run/choose_runtimes.py); elsewhere this is the only
    process.

    Args:
        options: what the user wants.
        model: whose network.
        on: a GPU, for which the options state the runtime; None: the CPU.

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
    if on is not None:
        return _on_gpu(options, model, network.path, on), _behind(network.remark)
    choice = choose_runtime(options, model, network.path)
    runtime_class = load("runtime", choice.candidate.runtime)
    path = executed_file(choice.candidate, model, network.path)
    runtime: Runtime = runtime_class(path, model.input, choice.options)
    return runtime, _behind(network.remark, choice.warning)


def _behind(*remarks: str) -> str:
    return "".join(f", {remark}" for remark in remarks if remark)


def _on_gpu(options: NetworkOptions, model: ModelConfig, network: Path, on: OnGpu) -> Runtime:
    assert model.input is not None
    kind, wanted = gpu_kind(options), gpu_options(options)
    file = kind.gpu_file(model, network, wanted)
    return GpuRuntime(kind.on_gpu(file, model.input, wanted, on.gpu, on.batch), on.gpu, model.input)


def gpu_kind(options: NetworkOptions) -> GpuRuntimeKind:
    """Import the class of the runtime that runs a network on a GPU.

    Raises:
        ConfigError: it does not run there, or it is not stated: nothing is measured on a GPU.
    """
    kind = None if options.runtime == "auto" else load("runtime", options.runtime)
    if not isinstance(kind, GpuRuntimeKind):
        kinds = {name: load("runtime", name) for name in KINDS["runtime"]}
        able = [name for name, each in kinds.items() if isinstance(each, GpuRuntimeKind)]
        raise ConfigError(f"must be {' or '.join(able)} on a GPU, got {options.runtime}")
    return kind


def gpu_options(options: NetworkOptions) -> RuntimeOptions:
    """How a network computes on a GPU: in fp32, unless another precision is asked for."""
    stated = options.precision
    return RuntimeOptions(precision="fp32" if stated in (None, "auto") else stated)


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
