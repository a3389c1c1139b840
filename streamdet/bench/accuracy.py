"""Accuracy of YOLOX-nano as configured against fp32: AP on coco-mini's validation part."""

from __future__ import annotations

import os
from collections.abc import Mapping

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
    aps, runtimes = {}, {}
    for way, options in WAYS.items():
        stated = NetworkOptions.model_validate({"model": MODEL, **EVALUATION, **options})
        detector, runtimes[way] = make_detector(stated, model)
        aps[way] = coco_ap(material.images, ImageDetector(detector, model), model.classes)
    return compare(aps, runtimes)


def compare(aps: Mapping[str, float], runtimes: Mapping[str, str]) -> Outcome:
    """Say how much accuracy is lost.

    Args:
        aps: each of WAYS -> AP.
        runtimes: each of WAYS -> what ran the network.
    """
    loss = Metric("AP lost against fp32", aps["fp32"] - aps["as configured"], "", Aim("<", 0.005))
    metrics = [Metric(f"AP {way} ({runtimes[way]})", ap) for way, ap in aps.items()]
    return Outcome([loss, *metrics], {"ap": {**aps}})
