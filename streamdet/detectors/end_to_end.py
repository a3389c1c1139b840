"""Networks whose graph ends in detections: suppression is part of it, at a fixed number of rows.

Faster R-CNN and its kin leave nothing to decode (their papers stand in networks/). Outputs of such
a network, K rows an image of which the first `counts` mean something, by falling score:
    boxes (1, K, 4) float32, xyxy, pixels of the image
    scores (1, K) float32
    class_ids (1, K) int64
    counts (1,) int64
    masks (1, K, M, M) float32, optional: probabilities inside the box
    keypoints (1, K, P, 3) float32, optional: x, y in pixels of the image, and score
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from streamdet.detections import Detections
from streamdet.detectors.parts.built_in import check_built_in
from streamdet.detectors.parts.network import require_network
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.selection import Selection
from streamdet.errors import EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.runtimes import Runtime, Tensors

_FLOATS: Final = ("boxes", "scores", "masks", "keypoints")


class EndToEnd:
    """Reads the detections off a network's outputs."""

    Options = NetworkOptions
    runs_on_gpu = True

    def __init__(
        self, options: NetworkOptions, model: ModelConfig, runtime: Runtime | None
    ) -> None:
        """Join options, model and the runtime that has loaded the model's network.

        Raises:
            ConfigError: the model does not know one of the classes, has no network, or an option
                asks for what is built into the network.
        """
        self._run, _ = require_network(model, runtime)
        check_built_in(options, model)
        self._selection = Selection(options, model)
        self.runtime_name = self._run.name

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        """Detect in each prepared image; see `Detector`.

        Raises:
            EngineError: the runtime failed, or the network's outputs are not detections.
        """
        return [read_detections(outputs, self._selection) for outputs in self._run(images)]


def read_detections(outputs: Tensors, selection: Selection) -> Detections:
    """Read one image's detections off a network's outputs; see the module's head.

    What is not finite, its mask and keypoints included, is left out.

    Raises:
        EngineError: an output is missing, or a class id is none of the model's.
    """
    missing = [name for name in ("boxes", "scores", "class_ids", "counts") if name not in outputs]
    if missing:
        raise EngineError(f"the network has no output {missing[0]!r}, only {list(outputs)}")
    count = int(outputs["counts"][0])
    class_ids = outputs["class_ids"][0, :count]
    selection.check_class_ids(class_ids)
    floats = [np.isfinite(outputs[name][0, :count]) for name in _FLOATS if name in outputs]
    finite = np.all([each.all(axis=tuple(range(1, each.ndim))) for each in floats], axis=0)
    scores = np.where(finite, outputs["scores"][0, :count], -np.inf)
    rows = selection.of_suppressed(scores, class_ids)
    return Detections(
        outputs["boxes"][0][rows],
        scores[rows],
        class_ids[rows],
        keypoints=outputs["keypoints"][0][rows] if "keypoints" in outputs else None,
        mask_probs=outputs["masks"][0][rows] if "masks" in outputs else None,
    )
