"""HOG windows find what their SVM was made for; the model hog_people finds people."""

import hashlib
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detectors.hog_svm import HogSvm, HogSvmOptions, hog_descriptor
from streamdet.detectors.parts.margins import MarginScale
from streamdet.detectors.parts.window_svm import HogGeometry, WindowSvm, save_window_svms
from streamdet.errors import ConfigError, EngineError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig, Weights, load_model_config
from streamdet.ops.iou import pairwise_iou

MODEL = load_model_config("hog_people")
GEOMETRY = HogGeometry(window_hw=(32, 32))


def detector(threads: int = 1, model: ModelConfig = MODEL) -> HogSvm:
    return HogSvm(HogSvmOptions(model=model.name, threads=threads), model)


def patch(is_disc: bool) -> Pixels:
    """A bright disc or a bright square of about 20 pixels."""
    y, x = np.mgrid[:32, :32] - 15.5
    inside = np.hypot(x, y) < 10 if is_disc else np.maximum(abs(x), abs(y)) < 10
    return np.repeat(np.where(inside, 220, 40).astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def disc_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelConfig:
    """A template: what a disc has and a square has not; margin 1 on a disc, -1 on a square."""
    hog = hog_descriptor(GEOMETRY)
    disc, square = (np.ravel(hog.compute(patch(is_disc))) for is_disc in (True, False))
    towards = 2 * (disc - square) / np.sum((disc - square) ** 2)
    bias = 1 - float(towards @ disc)
    svm = WindowSvm(GEOMETRY, towards, bias, (0.2, 0.2), MarginScale(0.0, 4.0))
    save_window_svms([svm], tmp_path / "discs.npz")
    return model_of(tmp_path / "discs.npz", monkeypatch)


def model_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelConfig:
    monkeypatch.setenv("STREAMDET_MODELS", str(path.parent))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = Weights(file=path.name, sha256=sha256, licence="own", origin="made here")
    return MODEL.model_copy(
        update={"name": "discs", "classes": ("disc",), "weights": weights, "score_thresh": 0.9}
    )


def test_an_svm_of_our_own_finds_the_disc_and_not_the_square(disc_model: ModelConfig) -> None:
    image = np.full((64, 160, 3), 40, dtype=np.uint8)
    image[16:48, 16:48] = patch(is_disc=True)
    image[16:48, 96:128] = patch(is_disc=False)
    [found] = detector(model=disc_model)([image])
    assert len(found) == 1
    # The window (16, 16, 48, 48), a fifth of it cut off each side; its margin is 1.
    np.testing.assert_allclose(found.xyxy, [[22.4, 22.4, 41.6, 41.6]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-4))], atol=1e-4)


@pytest.mark.parametrize("is_signed", [False, True])
def test_only_signed_gradients_tell_bright_on_dark_from_dark_on_bright(is_signed: bool) -> None:
    hog = hog_descriptor(HogGeometry(window_hw=(32, 32), is_signed=is_signed))
    rising = np.zeros((32, 32, 3), np.uint8)
    rising[...] = np.arange(0, 256, 8)[:, None]
    falling = np.ascontiguousarray(rising[:, ::-1])
    up, down = (np.reshape(hog.compute(each), (-1, 9)).sum(axis=0) for each in (rising, falling))
    assert np.allclose(up, down, atol=0.1) != is_signed


def test_a_model_of_two_classes_is_refused(disc_model: ModelConfig) -> None:
    two = disc_model.model_copy(update={"classes": ("disc", "square")})
    with pytest.raises(ConfigError, match=r"must have one class, got \('disc', 'square'\)"):
        detector(model=two)


@pytest.mark.parametrize("hw", [(127, 200), (200, 63), (1, 1), (100, 4000)])
def test_an_image_smaller_than_the_window_holds_nobody(hw: tuple[int, int]) -> None:
    assert len(detector()([np.zeros((*hw, 3), dtype=np.uint8)])[0]) == 0


@pytest.mark.data
def test_a_walker_is_found_at_the_same_place_with_any_number_of_threads(data: Path) -> None:
    import av
    import cv2

    with av.open(str(data / "videos" / "pets09-s2l1.avi")) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    image = np.zeros((720, 960, 3), dtype=np.uint8)
    cv2.resize(frame, (960, 720), dst=image)
    one, two = (detector(threads)([image])[0] for threads in (1, 2))
    np.testing.assert_array_equal(one.xyxy, two.xyxy)
    # First row of the sequence's ground truth, scaled from 768 x 576.
    walker = np.array([[498, 157, 529.03, 232.17]]) * 1.25
    assert pairwise_iou(one.xyxy, walker).max() > 0.5


def test_missing_opencv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(EngineError, match=r"pip install -e '\.\[opencv\]'"):
        detector()


def test_an_opencv_without_the_detector_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    monkeypatch.delattr(cv2, "HOGDescriptor")
    with pytest.raises(EngineError, match=r"has no HOGDescriptor, a 4.x release has it"):
        detector()


def test_people_are_what_opencv_s_own_detector_finds() -> None:
    cv2: Any = import_module("cv2")
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    lowest = MarginScale(0.83, 2.7).margin(0.0)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # its threads mix up whose margin is whose: two locks for two lists
    xywh, margins = hog.detectMultiScale(
        noise, hitThreshold=lowest, winStride=(8, 8), padding=(16, 16), scale=1.2, groupThreshold=0
    )
    cv2.setNumThreads(threads)
    options = HogSvmOptions(model="hog_people", score_thresh=0.0, max_detections=1)
    [best] = HogSvm(options, MODEL)([noise])
    x, y, width, height = xywh[np.argmax(margins)]
    np.testing.assert_allclose(
        best.xyxy[0],
        [x + 0.2 * width, y + 0.1 * height, x + 0.8 * width, y + 0.9 * height],
        rtol=1e-6,
    )
