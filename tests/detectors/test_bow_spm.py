"""A bag of words that was fitted to discs finds discs among squares."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from streamdet.detectors.bow_spm import BowSpm, BowSpmOptions, region_scores
from streamdet.detectors.parts.bow_fit import (
    BACKGROUND,
    BowFitting,
    LabelledImage,
    fit_bow,
)
from streamdet.detectors.parts.bow_model import BowGeometry, BowModel, save_bow_model
from streamdet.errors import ConfigError
from streamdet.image import Pixels
from streamdet.models.model_config import ModelConfig, Weights, load_model_config
from streamdet.ops.iou import pairwise_iou

FITTING = BowFitting(
    geometry=BowGeometry(step=4, patch=16, windows_hw=((48, 48),)), words=24, most_descriptors=2000
)
CORNERS = np.array([[8, 8], [72, 8], [8, 72], [72, 72]])


def labelled_image(seed: int) -> LabelledImage:
    """Two discs and two squares in four corners, and four even regions between them."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(60, 3, (128, 128))
    y, x = np.mgrid[:48, :48] - 23.5
    is_disc = rng.permutation([True, True, False, False])
    for disc, (left, top) in zip(is_disc, CORNERS, strict=True):
        radius = rng.uniform(16, 20)
        inside = np.hypot(x, y) < radius if disc else np.maximum(abs(x), abs(y)) < radius
        pixels[top : top + 48, left : left + 48][inside] += 120
    boxes = np.concatenate([CORNERS, CORNERS + 48], axis=1)
    even = boxes + np.array([[32, 0, 32, 0]])
    class_ids = np.where(is_disc, 0, BACKGROUND)
    return LabelledImage(
        np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2),
        np.concatenate([boxes, even]).astype(np.float32),
        np.concatenate([class_ids, np.full(4, BACKGROUND)]),
    )


@pytest.fixture(scope="module")
def discs() -> BowModel:
    return fit_bow([labelled_image(seed) for seed in range(12)], 1, FITTING)


def test_regions_of_new_images_are_told_apart(discs: BowModel) -> None:
    for seed in range(100, 104):
        new = labelled_image(seed)
        scores = region_scores(discs, new.pixels, new.xyxy)[:, 0]
        assert ((scores > 0.5) == (new.class_ids == 0)).all()


def test_the_detector_finds_both_discs(
    discs: BowModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    save_bow_model(discs, tmp_path / "discs.npz")
    options = BowSpmOptions(model="discs", max_detections=2, window_step=1 / 6, score_thresh=0.1)
    new = labelled_image(100)
    [found] = BowSpm(options, model_of(tmp_path / "discs.npz"))([new.pixels])
    overlaps = pairwise_iou(found.xyxy, new.xyxy[new.class_ids == 0])
    assert (overlaps.max(axis=0) > 0.6).all()


def model_of(path: Path) -> ModelConfig:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    weights = Weights(file=path.name, sha256=sha256, licence="own", origin="made here")
    update = {"name": "discs", "detector": "bow_spm", "classes": ("disc",), "weights": weights}
    return load_model_config("hog_people").model_copy(update=update)


def test_fitting_twice_gives_the_same(discs: BowModel) -> None:
    again = fit_bow([labelled_image(seed) for seed in range(12)], 1, FITTING)
    np.testing.assert_array_equal(again.words, discs.words)
    np.testing.assert_array_equal(again.coefficients, discs.coefficients)


def test_a_class_without_regions_is_named() -> None:
    with pytest.raises(ConfigError, match="class 1 must have at least 3 regions, got 0"):
        fit_bow([labelled_image(0), labelled_image(1)], 2, FITTING)


def test_more_words_than_descriptors_are_refused() -> None:
    tiny = LabelledImage(
        np.zeros((20, 20, 3), dtype=np.uint8),
        np.tile(np.array([[0, 0, 20, 20]], dtype=np.float32), (6, 1)),
        np.array([0, 0, 0, BACKGROUND, BACKGROUND, BACKGROUND]),
    )
    with pytest.raises(ConfigError, match="24 words want as many descriptors, got 4"):
        fit_bow([tiny], 1, FITTING)


@pytest.mark.data
def test_vehicles_are_told_from_background(data: Path) -> None:
    train, val = (
        vehicle_patches(data, part, count) for part, count in (("train", 240), ("val", 48))
    )
    model = fit_bow(train, 1, BowFitting(words=60, most_descriptors=10_000))
    scores = [region_scores(model, one.pixels, one.xyxy)[0, 0] for one in val]
    right = [
        (score > 0.5) == (one.class_ids[0] == 0) for score, one in zip(scores, val, strict=True)
    ]
    assert np.mean(right) > 0.85


def vehicle_patches(data: Path, part: str, count: int) -> list[LabelledImage]:
    """The first patches of the sheets of vehicles and non-vehicles, 24 a row."""
    return [
        LabelledImage(patch, np.array([[0, 0, 64, 64]], np.float32), np.array([class_id]))
        for kind, class_id in (("vehicles", 0), ("non-vehicles", BACKGROUND))
        for patch in sheet_patches(
            next((data / "datasets/hog-patches").glob(f"{kind}-{part}-*")), count
        )
    ]


def sheet_patches(path: Path, count: int) -> list[Pixels]:
    import cv2

    sheet = cv2.imread(str(path))
    assert sheet is not None
    rows, columns = sheet.shape[0] // 64, sheet.shape[1] // 64
    tiles = sheet.reshape(rows, 64, columns, 64, 3).swapaxes(1, 2).reshape(-1, 64, 64, 3)
    return [np.ascontiguousarray(tile, dtype=np.uint8) for tile in tiles[:count]]
