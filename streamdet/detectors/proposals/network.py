"""Proposals from a second network, such as an RPN (networks/rpn.py), by the name of its model.

Ren et al., "Faster R-CNN", 2015, tables 2 and 3, feed Fast R-CNN with a separate RPN's proposals.
Any model whose network ends in detections can propose; their classes do not matter here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from streamdet.built_network import find_network
from streamdet.detectors.end_to_end import read_detections
from streamdet.detectors.parts.network import network_of
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.options import NetworkOptions, choose_runtime
from streamdet.detectors.parts.selection import Selection
from streamdet.detectors.proposals import Boxes, inside
from streamdet.image import Pixels
from streamdet.model_config import load_model_config
from streamdet.runtimes import Runtime
from streamdet.runtimes.onnxruntime import OnnxRuntime
from streamdet.runtimes.openvino import OpenVino

_RUNTIMES: Final[dict[str, type[OnnxRuntime] | type[OpenVino]]] = {
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
}  # as the registry's
_MOST: Final = 1000  # what `Selection` gives


class NetworkProposals:
    """Proposes what a model's network finds, by falling score; see `Proposer`."""

    def __init__(self, name: str, options: NetworkOptions) -> None:
        """Load the network, on the runtime and in the precision of the detector it proposes for.

        Raises:
            ConfigError: there is no such model, or its network is not built.
            EngineError: the runtime cannot be used.
        """
        model = load_model_config(name)
        stated = NetworkOptions(
            model=name,
            score_thresh=0.0,
            max_detections=_MOST,
            runtime=options.runtime,
            precision=options.precision,
            threads=options.threads,
        )
        network = find_network(model)
        kind, runtime_options = choose_runtime(stated, model)
        runtime: Runtime | None = None
        if model.input is not None:
            runtime = _RUNTIMES[kind](network.path, model.input, runtime_options)
        self._run, self._input = network_of(model, runtime)
        self._selection = Selection(stated, model)
        self.name = ", ".join((f"{name} on {self._run.name}", *filter(None, [network.remark])))

    def __call__(self, image: Pixels, most: int) -> Boxes:
        """Propose; the picture is stretched to the network's size; see `Proposer`."""
        height, width = self._input.hw
        fitting = import_opencv().resize(image, (width, height))
        [outputs] = self._run([np.asarray(fitting, dtype=np.uint8)])
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, dtype=np.float32)
        xyxy = read_detections(outputs, self._selection).xyxy * scale
        return inside(xyxy, (image.shape[0], image.shape[1]), most)
