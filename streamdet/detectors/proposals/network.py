"""Proposals from a second network, such as an RPN (networks/rpn.py), by the name of its model.

Ren et al., "Faster R-CNN", 2015, tables 2 and 3, feed Fast R-CNN with a separate RPN's proposals.
Any model whose network ends in detections can propose; their classes do not matter here.
"""

from __future__ import annotations

import numpy as np

from streamdet.detectors.parts.network import require_network, start_network
from streamdet.detectors.parts.opencv import import_opencv
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.proposals import Boxes, inside
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config


class NetworkProposals:
    """Proposes what a model's network finds, by falling score; see `Proposer`."""

    def __init__(self, name: str, options: NetworkOptions) -> None:
        """Load the network.

        Args:
            name: of its model.
            options: of the detector that it proposes for: runtime, precision and threads.

        Raises:
            ConfigError: there is no such model, or its network is not built.
            EngineError: the runtime cannot be used.
        """
        model = load_model_config(name)
        runtime, remark = start_network(options, model)
        self._run, self._input = require_network(model, runtime)
        self.name = f"{model.name} on {self._run.name}{remark}"

    def __call__(self, image: Pixels, most: int, index: int = 0) -> Boxes:
        """Propose; the image is stretched to the network's size; see `Proposer`.

        Raises:
            EngineError: the runtime failed, or the network does not end in detections.
        """
        height, width = self._input.hw
        fitting = import_opencv().resize(image, (width, height))
        [outputs] = self._run([np.asarray(fitting, dtype=np.uint8)])
        if not {"boxes", "counts"} <= set(outputs):
            raise EngineError(f"{self.name}: the network gives {list(outputs)}, no detections")
        scale = np.array([image.shape[1] / width, image.shape[0] / height] * 2, dtype=np.float32)
        xyxy = outputs["boxes"][0, : int(outputs["counts"][0])] * scale
        return inside(xyxy, (image.shape[0], image.shape[1]), most)
