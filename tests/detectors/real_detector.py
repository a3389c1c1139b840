"""A shipped model with its real weights, as a worker would build it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.built_network import find_network
from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.detectors.parts.options import choose_runtime
from streamdet.image import ArrayImage, Pixels
from streamdet.model_config import load_model_config
from streamdet.registry import load
from streamdet.transforms import Transform


class RealDetector:
    """Finds objects of whole pictures, in their own pixels."""

    def __init__(
        self, name: str, data: Path, monkeypatch: pytest.MonkeyPatch, **options: Any
    ) -> None:
        monkeypatch.setenv("STREAMDET_MODELS", str(data / "weights"))
        model = load_model_config(name)
        assert model.input is not None
        detector_class = load("detector", model.detector)
        stated = detector_class.Options(model=name, **options)
        kind, runtime_options = choose_runtime(stated, model)
        runtime = load("runtime", kind)(find_network(model).path, model.input, runtime_options)
        transform_class = load("transform", model.transform.kind)
        transform_options = transform_class.Options(**model.transform_options)
        self.detector: Detector = detector_class(stated, model, runtime)
        self._transform: Transform = transform_class(transform_options)

    def __call__(self, picture: Pixels) -> Detections:
        hw = (picture.shape[0], picture.shape[1])
        prepared = np.empty((*self._transform.output_hw(hw), 3), dtype=np.uint8)
        geometry = self._transform(ArrayImage(picture), prepared)
        [found] = self.detector([prepared])
        return Detections(geometry.to_source(found.xyxy), found.scores, found.class_ids)
