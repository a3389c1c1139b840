"""Accuracy of YOLOX-nano as configured against fp32: AP on coco-mini's validation part."""

from __future__ import annotations

import os

from streamdet.assemble import make_detector
from streamdet.bench.figures import Aim, Figure, Outcome
from streamdet.bench.material import Material
from streamdet.detectors import Detector
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.evaluation.pictures import PictureDetector, coco_ap
from streamdet.graph import Node
from streamdet.model_config import load_model_config
from streamdet.plan import NodePlan

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


def _detector(options: NetworkOptions) -> tuple[Detector, PictureDetector]:
    """Make the detector, and what finds objects in whole pictures with it."""
    model = load_model_config(options.model)
    node = Node("detect", "detector", model.detector, (), options, "detect", model=model)
    detector, _ = make_detector(NodePlan(node, None, (), 0))
    return detector, PictureDetector(detector, model)
