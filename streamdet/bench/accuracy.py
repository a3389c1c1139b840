"""Accuracy of YOLOX-nano as configured against fp32: AP on coco-mini's validation part."""

from __future__ import annotations

import os

from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.evaluation.images import ImageDetector, coco_ap
from streamdet.models.model_config import load_model_config

MODEL = "yolox_nano"
WAYS = {"as configured": {}, "fp32": {"precision": "fp32"}}
"""What is compared -> options of the detector."""
EVALUATION = {"score_thresh": 0.01, "iou_thresh": 0.65, "threads": 2}
"""The paper's way of measuring AP: hardly any threshold."""


def run(material: Material) -> Outcome:
    """Measure AP both ways."""
    os.environ["STREAMDET_MODELS"] = str(material.models)
    model = load_model_config(MODEL)
    figures, aps = [], []
    for way, options in WAYS.items():
        stated = NetworkOptions.model_validate({"model": MODEL, **EVALUATION, **options})
        detector, runtime = make_detector(stated, model)
        aps.append(coco_ap(material.images, ImageDetector(detector, model), model.classes))
        figures.append(Metric(f"AP {way} ({runtime})", aps[-1]))
    loss = Metric("AP lost against fp32", aps[1] - aps[0], "", Aim("<", 0.005))
    return Outcome([loss, *figures], {"ap": dict(zip(WAYS, aps, strict=True))})
