"""A bag of words that was fitted to discs finds discs among squares."""

from pathlib import Path

import pytest

from streamdet.detectors.bow_spm import BowSpm, BowSpmOptions
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from tests.training.svm.discs import disc_image, fitted, write_discs, write_recipe


@pytest.fixture(scope="module")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fit to twelve images; the model's file."""
    folder = tmp_path_factory.mktemp("discs")
    write_discs(folder)
    return fitted(write_recipe(folder), folder / "out")


def test_the_detector_finds_both_discs(discs: Path) -> None:
    options = BowSpmOptions(model=str(discs), max_detections=2, window_step=1 / 6, score_thresh=0.1)
    pixels, boxes, is_disc = disc_image(100)
    [found] = BowSpm(options, load_model_config(str(discs)))([pixels])
    overlaps = pairwise_iou(found.xyxy, boxes[is_disc])
    assert (overlaps.max(axis=0) > 0.6).all()
