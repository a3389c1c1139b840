"""SPP-net and Fast R-CNN: networks that look at given regions and end in detections.

Their papers stand in networks/sppnet.py and networks/fast_rcnn.py. Beside the image such a
network takes `proposals` (1, P, 4) float32, xyxy, pixels of the image; rows of zeros fill it up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np

from streamdet.detections import Detections
from streamdet.detectors.end_to_end import read_detections
from streamdet.detectors.parts.built_in import check_built_in
from streamdet.detectors.parts.network import require_network
from streamdet.detectors.parts.proposal_options import ProposalOptions, make_proposer
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime, Tensors


class WithProposals:
    """Proposes regions of each image and lets the network look at them."""

    Options = ProposalOptions
    runs_on_gpu = True

    def __init__(
        self, options: ProposalOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's network.

        Raises:
            ConfigError: the model does not know one of the classes, has no network or does not
                state its number of proposals; an option asks for what is built into the network;
                what is to propose is missing or wrong.
            EngineError: what is to propose cannot run here.
        """
        self._run, _ = require_network(model, runtime)
        self._most = _number_of_proposals(model)
        check_built_in(options, model)
        self._selection = Selection(options, model)
        self._propose = make_proposer(options, model)
        self._count = count()
        self.runtime_name = f"{self._run.name}, proposals: {self._propose.name}"

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: a runtime failed, or the network's outputs are not detections.
        """
        return self.detect_frames(images, [next(self._count) for _ in images])

    def detect_frames(self, images: Sequence[Pixels], indices: Sequence[int]) -> list[Detections]:
        """Detect in frames of known places; see `FrameDetector`.

        Raises:
            EngineError: a runtime failed, or the network's outputs are not detections.
        """
        extras = [
            self._proposals(image, index) for image, index in zip(images, indices, strict=True)
        ]
        outputs = self._run(images, extras)
        return [read_detections(found, self._selection) for found in outputs]

    def _proposals(self, image: Pixels, index: int) -> Tensors:
        filled = np.zeros((1, self._most, 4), dtype=np.float32)
        xyxy = self._propose(image, self._most, index)
        filled[0, : len(xyxy)] = xyxy
        return {"proposals": filled}


def _number_of_proposals(model: ModelConfig) -> int:
    number = (model.network or {}).get("proposals")
    if not isinstance(number, int) or number < 1:
        raise ConfigError(
            f"model {model.name!r}: network.proposals must be a whole number from 1, got {number!r}"
        )
    return number
