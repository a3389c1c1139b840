"""The columns of the detectors' table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.detector_table import Row, joined, measured, shipped_models
from streamdet.errors import ConfigError
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.training.model_file import read_model_file, write_model_file

BOX = (1.0, 2.0, 3.0, 4.0)


def truth_of(*categories: tuple[int, str]) -> Truth:
    """One image, 7, with an object of each category."""
    images = {7: TruthImage(7, "a.jpg", (48, 64))}
    objects = tuple(TruthObject(7, number, BOX, 12.0) for number, _ in categories)
    return Truth("set", images, dict(categories), objects)


def test_images_of_several_sets_keep_apart_whatever_their_numbers() -> None:
    first, second = truth_of((1, "car"), (2, "bus")), truth_of((5, "bus"))
    truth, results = joined("bus", [(first, [Result(7, 2, 0.9, BOX), Result(7, 1, 0.8, BOX)]),
                                    (second, [Result(7, 5, 0.7, BOX)])])  # fmt: skip
    assert list(truth.images) == [0, 1]
    assert [each.image_id for each in truth.objects] == [0, 1]
    assert [(each.image_id, each.score) for each in results] == [(0, 0.9), (1, 0.7)]


def test_a_row_has_the_mean_of_its_classes() -> None:
    row = Row("yolox", "street", {"car": 0.5, "bus": 0.7}, 8.4, 1.87, "openvino")
    assert row.text.startswith("| `yolox` | `street` | 60.0 | 8 | 1.9 | car 50.0, bus 70.0;")


def test_models_that_ship_without_a_file_of_somebody_else_are_measured() -> None:
    names = shipped_models()
    assert {"hog_people", "street", "street_rcnn"} <= set(names)
    assert not {"yolox_nano", "rpn_resnet18", "dpm_car"} & set(names)


def test_a_model_without_a_class_of_a_street_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "gates.yaml"
    values = read_model_file("hog_people") | {"classes": ["gate"]}
    write_model_file(values, model)
    with pytest.raises(ConfigError, match="has none of person"):
        measured(str(model), tmp_path)
