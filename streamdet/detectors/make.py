"""Makes a detector with the runtime and the weights that it needs."""

from __future__ import annotations

from streamdet.detectors import Detector
from streamdet.detectors.parts.by_size import BySize
from streamdet.detectors.parts.network import OnGpu, start_network
from streamdet.detectors.parts.options import DetectorOptions, NetworkOptions
from streamdet.detectors.pyramid import at_scales
from streamdet.models.input_size import at_size
from streamdet.models.model_config import Hw, ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime


def make_detector(
    options: DetectorOptions, model: ModelConfig, on: OnGpu | None = None
) -> tuple[Detector, str]:
    """Make a detector with its runtime and weights, and say what really runs it.

    Args:
        options: what the user wants.
        model: what is to be run.
        on: a GPU, on which its images lie; None: the CPU.

    Raises:
        ConfigError: weights are missing, a class is unknown.
        EngineError: a runtime cannot be used.
    """
    if not model.hws:
        return _of_one_size(options, model, on)
    names: list[str] = []

    def make(hw: Hw) -> Detector:
        detector, name = _of_one_size(options, at_size(model, hw), on)
        names.append(name)
        return detector

    return BySize(make, first=model.hws[0]), names[0]


def _of_one_size(
    options: DetectorOptions, model: ModelConfig, on: OnGpu | None
) -> tuple[Detector, str]:
    runtime: Runtime | None = None
    remark = ""
    if isinstance(options, NetworkOptions):
        runtime, remark = start_network(options, model, on)
    detector = at_scales(load("detector", model.detector), options, model, runtime)
    return detector, detector.runtime_name + remark
