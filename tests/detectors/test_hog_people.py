"""The HOG detector finds people, and its scores are what their name says."""

import sys
from pathlib import Path

import numpy as np
import pytest

from streamdet.detectors.hog_people import (
    HogPeople,
    HogPeopleOptions,
    margin_of_score,
    score_of_margin,
)
from streamdet.errors import EngineError
from streamdet.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou

MODEL = load_model_config("hog_people")


def detector(threads: int = 1) -> HogPeople:
    return HogPeople(HogPeopleOptions(model="hog_people", threads=threads), MODEL)


@pytest.mark.parametrize("score", [0.01, 0.25, 0.5, 0.99])
def test_score_and_margin_are_inverses(score: float) -> None:
    back = score_of_margin(np.array([margin_of_score(score)]))
    np.testing.assert_allclose(back, [score], atol=1e-5)


def test_a_larger_margin_has_a_larger_score() -> None:
    scores = score_of_margin(np.linspace(-3, 5, 50))
    assert (np.diff(scores) > 0).all()


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_the_ends_of_the_scores_have_finite_margins(score: float) -> None:
    assert np.isfinite(margin_of_score(score))


@pytest.mark.parametrize("hw", [(127, 200), (200, 63), (1, 1)])
def test_a_picture_smaller_than_the_window_holds_nobody(hw: tuple[int, int]) -> None:
    assert len(detector()([np.zeros((*hw, 3), dtype=np.uint8)])[0]) == 0


@pytest.mark.data
def test_a_walker_is_found_at_the_same_place_with_any_number_of_threads(data: Path) -> None:
    import av
    import cv2

    with av.open(str(data / "videos" / "pets09-s2l1.avi")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    picture = np.zeros((720, 960, 3), dtype=np.uint8)
    cv2.resize(frame, (960, 720), dst=picture)
    one, two = (detector(threads)([picture])[0] for threads in (1, 2))
    np.testing.assert_array_equal(one.xyxy, two.xyxy)
    # First row of the sequence's ground truth, scaled from 768 x 576.
    walker = np.array([[498, 157, 529.03, 232.17]]) * 1.25
    assert pairwise_iou(one.xyxy, walker).max() > 0.5


def test_missing_opencv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(EngineError, match=r"pip install 'streamdet\[opencv\]'"):
        detector()


def test_an_opencv_without_the_detector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.delattr(cv2, "HOGDescriptor")
    with pytest.raises(EngineError, match=r"has no HOGDescriptor, a 4.x release has it"):
        detector()
