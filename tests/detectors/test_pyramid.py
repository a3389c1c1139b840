"""An image at several sizes: what the detector sees, and where its boxes come out."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.detectors.end_to_end import EndToEnd
from streamdet.detectors.hog_svm import HogSvm
from streamdet.detectors.parts.options import DetectorOptions, NetworkOptions
from streamdet.detectors.pyramid import Pyramid, at_scales, joined, tile_starts
from streamdet.detectors.rcnn import Rcnn
from streamdet.detectors.yolox import Yolox
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from tests.detectors.scripted_runtime import ScriptedRuntime, empty_outputs, random_outputs

PERSON = np.zeros(1, np.int64)


class WhitePixels:
    """Finds the box around what is white; remembers what it saw."""

    runtime_name = "none"
    Options = DetectorOptions

    def __init__(self, options: DetectorOptions, *_: Any) -> None:
        self.options = options
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        self.seen += [image.shape[:2] for image in images]
        return [self._found(image) for image in images]

    def _found(self, image: Pixels) -> Detections:
        y, x = np.nonzero(image[..., 0] > 250)
        if not len(x):
            return Detections.empty()
        box = [[x.min(), y.min(), x.max() + 1, y.max() + 1]]
        points = np.array([[[x.min(), y.min(), 1.0]]], np.float32)
        return Detections(
            np.array(box, np.float32), np.full(1, 0.9, np.float32), PERSON, keypoints=points
        )


def white_box(hw: tuple[int, int] = (40, 60)) -> Pixels:
    """Black, with a white box: x 20 to 32, y 8 to 24."""
    image = np.zeros((*hw, 3), dtype=np.uint8)
    image[8:24, 20:32] = 255
    return image


def pyramid(*scales: float, model: str = "hog_people", **options: Any) -> Pyramid:
    made = at_scales(
        WhitePixels, DetectorOptions(model=model, scales=scales, **options),
        load_model_config(model), None,
    )  # fmt: skip
    assert isinstance(made, Pyramid)
    return made


def seen(detector: Pyramid) -> list[tuple[int, ...]]:
    inner: Any = detector._detector
    return list(inner.seen)


def test_the_whole_image_is_seen_at_each_size_and_its_boxes_become_one() -> None:
    detector = pyramid(0.5, 1.0, 2.0)
    [found] = detector([white_box()])
    assert seen(detector) == [(20, 30), (40, 60), (80, 120)]
    assert found.xyxy.tolist() == [[20.0, 8.0, 32.0, 24.0]]
    assert found.keypoints is not None
    assert found.keypoints.tolist() == [[[20.0, 8.0, 1.0]]]


def test_each_image_of_a_batch_gets_its_own() -> None:
    detector = pyramid(1.0, 2.0)
    first, second = detector([white_box(), np.zeros((1, 70, 3), dtype=np.uint8)])
    assert (len(first), len(second)) == (1, 0)
    assert seen(detector) == [(40, 60), (80, 120), (1, 70), (2, 140)]


def test_suppression_is_left_to_the_pyramid() -> None:
    inner: Any = pyramid(1.0, 2.0, iou_thresh=0.4)._detector
    assert (inner.options.iou_thresh, inner.options.max_detections) == (1.0, 1000)


def test_a_network_of_fixed_size_sees_tiles_of_its_size() -> None:
    detector = pyramid(0.5, 2.0, model="yolox_nano")  # 416 x 416
    [found] = detector([white_box((416, 416))])
    # At half size one, padded; at 832 tiles overlap by 104: (832 - 104) / (416 - 104) = 2.3.
    assert seen(detector) == [(416, 416)] * (1 + 3 * 3)
    np.testing.assert_allclose(found.xyxy, [[20.0, 8.0, 32.0, 24.0]])


def test_tiles_of_a_larger_image_show_it_at_full_size() -> None:
    image = np.zeros((416, 832, 3), dtype=np.uint8)
    image[100:140, 700:720] = 255
    [found] = pyramid(0.5, 1.0, model="yolox_nano")([image])
    np.testing.assert_allclose(found.xyxy, [[700.0, 100.0, 720.0, 140.0]])


def test_what_a_tile_cuts_off_is_left_out() -> None:
    image = np.zeros((416, 416, 3), dtype=np.uint8)
    image[100:140, 200:215] = 255  # doubled x 400 to 430: the first tile ends at 416
    [found] = pyramid(2.0, model="yolox_nano")([image])
    np.testing.assert_allclose(found.xyxy, [[200.0, 100.0, 215.0, 140.0]], atol=0.5)


def test_r_cnn_sees_the_whole_image_though_its_network_has_a_size() -> None:
    made = at_scales(
        Rcnn, Rcnn.Options(model="rcnn_resnet18", scales=(1.0, 2.0)),
        load_model_config("rcnn_resnet18"), ScriptedRuntime(empty_outputs("rcnn")),
    )  # fmt: skip
    assert isinstance(made, Pyramid)
    assert [view.image.shape[:2] for view in made.views(white_box())] == [(40, 60), (80, 120)]


def test_one_size_of_1_is_the_detector_itself() -> None:
    assert isinstance(
        at_scales(WhitePixels, DetectorOptions(model="any"), load_model_config("hog_people"), None),
        WhitePixels,
    )


def busy(kind: type[Yolox | EndToEnd], name: str) -> Detector:
    outputs = ScriptedRuntime(random_outputs(load_model_config(name).detector))
    options = NetworkOptions(model=name, scales=(1.0, 1.5), score_thresh=0.0, max_detections=5)
    return at_scales(kind, options, load_model_config(name), outputs)


@pytest.mark.parametrize(
    ("kind", "name"), [(Yolox, "yolox_nano"), (EndToEnd, "localizer_resnet18")]
)
def test_what_a_pyramid_promises_is_what_every_detector_does(
    kind: type[Yolox | EndToEnd], name: str
) -> None:
    detector = busy(kind, name)
    [found] = detector([np.zeros((416, 416, 3), dtype=np.uint8)])
    assert len(found) == 5
    assert (np.diff(found.scores) <= 0).all()
    assert detector.runtime_name == "scripted, scales 1, 1.5"
    assert detector([]) == []


def test_hog_finds_people_that_are_too_small_at_full_size() -> None:
    # Below the window of 128 x 64.
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    model = load_model_config("hog_people")
    options = HogSvm.Options(model="hog_people", scales=(2.5,), score_thresh=0.0)
    assert len(at_scales(HogSvm, options, model, None)([image])[0]) > 0


def test_masks_go_with_their_boxes() -> None:
    masks = [np.full((1, 2, 2), value, np.float32) for value in (0.1, 0.9)]
    box, score = np.ones((1, 4), np.float32), np.ones(1, np.float32)
    boxes = [Detections(box, score, PERSON, mask_probs=each) for each in masks]
    both = joined(boxes).mask_probs
    assert both is not None
    np.testing.assert_array_equal(both, np.concatenate(masks))


@given(st.integers(1, 3000), st.integers(4, 600))
def test_tiles_cover_the_axis_and_overlap_by_a_quarter(length: int, side: int) -> None:
    starts = tile_starts(length, side)
    assert starts[0] == 0
    assert starts[-1] + side >= length
    assert all(b - a <= 0.75 * side + 1 for a, b in pairwise(starts))
    assert len(starts) == 1 or starts[-1] + side == length
