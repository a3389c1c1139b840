"""Makes a detector with the runtime and the weights that it needs."""

from __future__ import annotations

from streamdet.detectors import Detector
from streamdet.detectors.parts.network import start_network
from streamdet.detectors.parts.options import DetectorOptions, NetworkOptions
from streamdet.detectors.pyramid import at_scales
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.runtimes import Runtime


def make_detector(options: DetectorOptions, model: ModelConfig) -> tuple[Detector, str]:
    """Make a detector with its runtime and weights, and say what really runs it.

    Raises:
        ConfigError: weights are missing, a class is unknown.
        EngineError: a runtime cannot be used.
    """
    runtime: Runtime | None = None
    remark = ""
    if isinstance(options, NetworkOptions):
        runtime, remark = start_network(options, model)
    detector = at_scales(load("detector", model.detector), options, model, runtime)
    return detector, detector.runtime_name + remark
