"""Deformable part models find what they were trained for."""

from pathlib import Path

import numpy as np
import pytest

from streamdet.detectors.dpm import Dpm, DpmOptions
from streamdet.detectors.parts.dpm_pyramid import feature_levels
from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from tests.detectors.small_models import small_model, write_dpm


def test_a_class_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    write_dpm(tmp_path / "small.xml")
    two = small_model("dpm").model_copy(update={"classes": ("person", "car")})
    with pytest.raises(ConfigError, match=r"must have one class, got \('person', 'car'\)"):
        Dpm(DpmOptions(model="own"), two)


def test_levels_shrink_by_the_interval_and_parts_see_twice_the_cells() -> None:
    image = np.zeros((96, 160, 3), dtype=np.uint8)
    levels = {level.index: level for level in feature_levels(image, 8, 2, (1, 2))}
    # 96 pixels are 2.4 times 5 cells: 1 + floor(2 log2 2.4) levels.
    assert [levels[index].scale for index in range(3)] == pytest.approx([1, 2**-0.5, 0.5])
    assert levels[0].coarse.shape == (12 + 2 * 1, 20 + 2 * 2, 32)
    assert levels[0].fine.shape == (24 + 2 * 1, 40 + 2 * 2, 32)
    np.testing.assert_array_equal(levels[2].fine, levels[0].coarse)


def test_cells_outside_the_image_are_marked() -> None:
    [level] = feature_levels(np.zeros((40, 40, 3), dtype=np.uint8), 8, 1, (1, 2))
    inside = np.flatnonzero(level.coarse[..., 31].min(axis=1) == 0)
    # 5 cells, of which the border has no features, and 1 more around.
    assert inside.tolist() == [2, 3, 4]


@pytest.mark.data
@pytest.mark.parametrize("name", ["dpm_person", "dpm_inria_person"])
def test_a_pedestrian_is_found(name: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(data / "dpm"))
    import json

    import cv2

    truth = json.loads((data / "datasets" / "pennfudan" / "val.json").read_text())
    image = truth["images"][0]
    boxes = [a["bbox"] for a in truth["annotations"] if a["image_id"] == image["id"]]
    pixels = cv2.imread(str(data / "datasets" / "pennfudan" / "images" / image["file_name"]))
    assert pixels is not None
    detector = Dpm(DpmOptions(model=name, interval=5), load_model_config(name))
    [found] = detector([pixels.astype(np.uint8)])
    xywh = np.array(boxes)
    people = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    assert (pairwise_iou(found.xyxy[:1], people) > 0.5).any()
