"""What is measured on: classes that are labelled, images that were not learnt from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections
from streamdet.evaluation.coco import coco_scores
from streamdet.image import Pixels
from streamdet.training.examples import Faults, examples_of
from streamdet.training.recipe import Data, TrainingSource
from streamdet.training.validation import ValidationSet, validation_sets
from tests.evaluation.scenes import write_json
from tests.training.toy_training import write_images


def sets(folder: Path, classes: tuple[str, ...], **options: Any) -> tuple[ValidationSet, ...]:
    source = TrainingSource(truth=folder / "train.json", images=folder / "images", **options)
    faults = Faults(are_skipped=False)
    return validation_sets(Data(train=(source,)), classes, faults)


def test_what_is_held_out_is_not_learnt_from(tmp_path: Path) -> None:
    write_images(tmp_path)
    source = TrainingSource(truth=tmp_path / "train.json", images=tmp_path / "images", held_out=0.3)
    faults = Faults(are_skipped=False)
    learnt = {each.path for each in examples_of(source, ("cat",), faults)}
    [held_out] = validation_sets(Data(train=(source,)), ("cat",), faults)
    measured = {path for _, path in held_out.images}
    assert (len(learnt), len(measured)) == (4, 2)
    assert not learnt & measured
    assert len(held_out.truth.objects) == 2


def held_out(folder: Path, count: int, share: float = 0.3, **image: Any) -> set[str]:
    path = write_images(folder, count)
    content = json.loads(path.read_text())
    for number, entry in enumerate(content["images"]):
        entry |= {key: value[number] for key, value in image.items()}
    write_json(path, content)
    [held] = sets(folder, ("cat",), held_out=share)
    return {each.file_name for each, _ in held.images}


def test_more_images_leave_those_that_are_held_out_where_they_are(tmp_path: Path) -> None:
    few, more = held_out(tmp_path, 12), held_out(tmp_path, 30)
    names = {f"{number}.png" for number in range(1, 13)}
    assert 0 < len(few) < 12
    assert more & names == few


@pytest.mark.parametrize(("share", "count"), [(1e-9, 1), (0.999999, 5)])
def test_there_are_images_on_both_sides(tmp_path: Path, share: float, count: int) -> None:
    assert len(held_out(tmp_path, 6, share)) == count


def test_of_each_video_the_last_frames_are_held_out(tmp_path: Path) -> None:
    frames = [3, 2, 1, 0, 0, 1, 2, 3]
    held = held_out(tmp_path, 8, share=0.5, video_id=[1] * 4 + [2] * 4, frame_id=frames)
    assert held == {"1.png", "2.png", "7.png", "8.png"}


def test_without_validation_sources_nothing_is_measured(tmp_path: Path) -> None:
    write_images(tmp_path)
    assert sets(tmp_path, ("cat",)) == ()


def test_objects_of_ignored_classes_are_not_held_against_who_finds_them(tmp_path: Path) -> None:
    write_images(tmp_path)
    [truth] = sets(tmp_path, ("dog",), held_out=0.5, ignore=("cat",))
    assert list(truth.truth.categories.values()) == ["dog"]
    assert [each.is_crowd for each in truth.truth.objects] == [True] * 2


def test_a_perfect_detector_has_an_ap_of_1(tmp_path: Path) -> None:
    write_images(tmp_path)
    [held_out] = sets(tmp_path, ("dog", "cat"), held_out=0.5)

    def detect(image: Pixels) -> Detections:
        rows, columns = np.nonzero(image[..., 0] > 100)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        return Detections(np.array([box], np.float32), np.ones(1, np.float32), np.array([1]))

    results = held_out.detected(detect, ("dog", "cat"), iter)
    assert coco_scores(held_out.truth, results, "bbox").metrics["AP"] == pytest.approx(1.0)
