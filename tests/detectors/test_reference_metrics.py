"""The shipped models give the boxes and the accuracy that were measured with plain decoders."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.evaluation.images import ImageDetector, coco_ap
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou

pytestmark = pytest.mark.data

# Metrics of data/weights/README.md: class id, score, xyxy in source pixels.
FIRST_FRAME = {
    "yolox_nano": [
        (0, 0.844, [370.7, 405.4, 454.6, 646.3]),
        (0, 0.795, [98.4, 543.5, 178.4, 797.9]),
        (0, 0.771, [1352.3, 574.1, 1446.8, 814.7]),
        (2, 0.692, [1187.3, 311.9, 1462.2, 577.8]),
    ],
    "picodet_s": [
        (2, 0.832, [1191.3, 315.8, 1462.8, 577.8]),
        (0, 0.803, [99.9, 537.9, 180.3, 793.1]),
        (0, 0.776, [364.8, 411.9, 454.8, 646.0]),
    ],
    "nanodet_m": [
        (0, 0.606, [357.0, 419.5, 450.6, 633.9]),
        (0, 0.576, [786.2, 155.0, 860.6, 315.3]),
    ],
}


@pytest.fixture(scope="module")
def first_frame(data: Path) -> Pixels:
    with av.open(str(data / "videos" / "crossing-1080p.mp4")) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="bgr24")
    return pixels.astype(np.uint8, copy=False)


@pytest.fixture
def weights(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(data / "weights"))


def image_detector(name: str, **options: Any) -> ImageDetector:
    model = load_model_config(name)
    detector, _ = make_detector(NetworkOptions(model=name, **options), model)
    return ImageDetector(detector, model)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("name", FIRST_FRAME)
def test_the_best_boxes_of_the_first_frame_are_the_reference_s(
    name: str, runtime: str, weights: None, first_frame: Pixels
) -> None:
    detect = image_detector(name, runtime=runtime, precision="fp32")
    best = detect(first_frame)[: len(FIRST_FRAME[name])]
    class_ids, scores, xyxy = zip(*FIRST_FRAME[name], strict=True)
    assert best.class_ids.tolist() == list(class_ids)
    np.testing.assert_allclose(best.scores, scores, atol=6e-4)
    np.testing.assert_allclose(best.xyxy, xyxy, atol=0.06)


# README: 0.277, 0.358, 0.234 with one decoder for all three; NanoDet and PicoDet gain here by
# giving a cell several classes.
@pytest.mark.parametrize(
    ("name", "ap"), [("yolox_nano", 0.276), ("picodet_s", 0.362), ("nanodet_m", 0.251)]
)
def test_the_default_precision_keeps_the_accuracy(
    name: str, ap: float, data: Path, weights: None
) -> None:
    options = {"score_thresh": 0.01, "threads": 2}
    if name == "yolox_nano":
        options["iou_thresh"] = 0.65
    detect = image_detector(name, **options)
    classes = load_model_config(name).classes
    found = coco_ap(data / "datasets" / "coco-mini", detect, classes)
    assert found == pytest.approx(ap, abs=0.005)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_built_in_picodet_finds_what_the_published_one_finds(
    runtime: str, first_frame: Pixels
) -> None:
    """It began with it; `street_best` calls a car 2 as COCO does, a person 0."""
    found = image_detector("street_best", runtime=runtime)(first_frame)
    wanted = FIRST_FRAME["picodet_s"]
    xyxy = np.array([box for *_, box in wanted])
    overlaps = pairwise_iou(xyxy, found.xyxy)
    assert overlaps.max(axis=1).min() > 0.75
    assert found.class_ids[overlaps.argmax(axis=1)].tolist() == [each for each, *_ in wanted]
