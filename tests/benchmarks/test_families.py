"""The lectures' table."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.detector_table import SETS
from benchmarks.families import PUBLISHED, measure
from streamdet.building.build import build
from streamdet.detectors.make import make_detector
from streamdet.models.model_config import TAKE_PROPOSALS, load_model_config
from streamdet.registry import load
from tests.evaluation.scenes import write_json
from tests.networks.region_networks import write_model

CARS = 5  # in each set


@pytest.fixture
def datasets(tmp_path: Path) -> Path:
    """Sets of images of a bright car each."""
    for name in SETS:
        (tmp_path / name / "images").mkdir(parents=True)
        pixels = np.full((64, 96, 3), 20, np.uint8)
        pixels[20:40, 30:70] = 230
        for number in range(CARS):
            cv2.imwrite(str(tmp_path / name / "images" / f"{number}.png"), pixels)
        box = {"category_id": 1, "bbox": [30, 20, 40, 20], "area": 800, "iscrowd": 0}
        numbers = range(CARS)
        content = {
            "images": [{"id": n, "file_name": f"{n}.png", "height": 64, "width": 96}
                       for n in numbers],
            "categories": [{"id": 1, "name": "car"}],
            "annotations": [box | {"id": n + 1, "image_id": n} for n in numbers],
        }  # fmt: skip
        write_json(tmp_path / name / "val.json", content)
    return tmp_path


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An RPN and a Fast R-CNN of random weights: kind -> path."""
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    paths = {kind: write_model(kind, tmp_path) for kind in ("rpn", "fast_rcnn")}
    for path in paths.values():
        build(str(path), tmp_path, seed=0)
    return {kind: str(path) for kind, path in paths.items()}


@pytest.mark.nightly
def test_each_way_to_propose_is_measured_beside_what_was_published(
    models: dict[str, str], datasets: Path
) -> None:
    outcome = measure([models["fast_rcnn"]], datasets, models["rpn"])
    figures = {metric.what: metric.value for metric in outcome.metrics}
    assert figures["Fast R-CNN, published (VOC 2007, GPU): mAP@0.5"] == 66.9
    for words in ("selective search", "the RPN"):
        whole = figures[f"Fast R-CNN, {words}: an image with proposals"]
        assert whole > figures[f"Fast R-CNN, {words}: without"] > 0
        assert 0 <= figures[f"Fast R-CNN, {words}: mAP@0.5"] <= 100
    assert {name: [*found] for name, found in outcome.details.items()} == {
        f"{models['fast_rcnn']} {method}": ["car"] for method in ("selective_search", "rpn")
    }


def test_every_kind_that_takes_proposals_has_its_published_row() -> None:
    assert set(PUBLISHED) > TAKE_PROPOSALS


def test_a_shipped_detector_looks_at_what_the_rpn_proposes() -> None:
    model = load_model_config("fast_rcnn")
    options = load("detector", model.detector).Options(model="fast_rcnn", runtime="onnxruntime")
    assert "proposals: rpn on onnxruntime" in make_detector(options, model)[1]
