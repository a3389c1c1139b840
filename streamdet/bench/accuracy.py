"""Accuracy of YOLOX-nano as configured against fp32: AP on coco-mini's validation part."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from streamdet.bench.figures import Aim, Figure, Outcome
from streamdet.bench.material import Material
from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.detectors.parts.options import NetworkOptions, choose_runtime
from streamdet.evaluation.coco import coco_ap
from streamdet.image import ArrayImage, Pixels
from streamdet.model_config import find_weights, load_model_config
from streamdet.registry import load

MODEL = "yolox_nano"
WAYS = {"as configured": {}, "fp32": {"precision": "fp32"}}
"""What is compared -> options of the detector."""
EVALUATION = {"score_thresh": 0.01, "iou_thresh": 0.65, "threads": 2}
"""The paper's way of measuring AP: hardly any threshold."""


def run(material: Material) -> Outcome:
    """Measure AP both ways."""
    os.environ["STREAMDET_MODELS"] = str(material.models)
    figures, aps = [], []
    for way, options in WAYS.items():
        detector, detect = _detector(NetworkOptions.model_validate(
            {"model": MODEL, **EVALUATION, **options}))  # fmt: skip
        aps.append(coco_ap(material.pictures, detect, detector.class_names))
        figures.append(Figure(f"AP {way} ({detector.runtime_name})", aps[-1]))
    loss = Figure("AP lost against fp32", aps[1] - aps[0], "", Aim("<", 0.005))
    return Outcome([loss, *figures], {"ap": dict(zip(WAYS, aps, strict=True))})


def _detector(options: NetworkOptions) -> tuple[Detector, Callable[[Pixels], Detections]]:
    """Make the detector, and a function that finds objects in whole pictures with it."""
    model = load_model_config(options.model)
    assert model.input is not None
    kind, runtime_options = choose_runtime(options, model)
    runtime = load("runtime", kind)(find_weights(model), model.input, runtime_options)
    detector: Detector = load("detector", model.detector)(options, model, runtime)
    transform_class = load("transform", model.transform.kind)
    transform = transform_class(transform_class.Options(**model.transform_options))

    def detect(picture: Pixels) -> Detections:
        image = ArrayImage(picture)
        prepared = np.empty((*transform.output_hw(image.hw), 3), np.uint8)
        geometry = transform(image, prepared)
        [found] = detector([prepared])
        return Detections(geometry.to_source(found.xyxy), found.scores, found.class_ids)

    return detector, detect
