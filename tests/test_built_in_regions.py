"""The built-in detectors that look at regions find what moves in a rendered street."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.evaluation.images import ImageDetector
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from streamdet.registry import load
from streamdet.sources.scene_uri import SceneSpec
from streamdet.sources.street import Street

NAMES = ("rcnn", "sppnet", "fast_rcnn", "rpn", "street_rcnn", "mask_rcnn")


@pytest.fixture(autouse=True)
def _no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)


def seen(name: str, index: int) -> tuple[Detections, Detections]:
    """What a model finds in a frame, by its own threshold, and what is there."""
    model = load_model_config(name)
    options = load("detector", model.detector).Options(model=name, runtime="onnxruntime")
    street = Street(SceneSpec())
    detect = ImageDetector(make_detector(options, model)[0], model)
    return detect(street.render(index)), street.truth(index)


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_a_large_object_of_a_rendered_street(name: str) -> None:
    found, truth = seen(name, 100)
    sides = truth.xyxy[:, 2:] - truth.xyxy[:, :2]
    largest = truth.xyxy[[int(np.argmax(sides.prod(axis=1)))]]
    assert pairwise_iou(found.xyxy, largest).max(initial=0.0) >= 0.5


def test_masks_lie_in_their_boxes_and_are_no_boxes() -> None:
    found, _ = seen("mask_rcnn", 100)
    assert found.masks is not None
    assert len(found) > 0
    for mask, box in zip(found.masks.decoded(), found.xyxy.round().astype(int), strict=True):
        inside = mask[box[1] : box[3], box[0] : box[2]]
        assert mask.sum() - inside.sum() <= 0.05 * mask.sum()  # of rounding
        assert 0.2 < inside.mean() < 0.98
