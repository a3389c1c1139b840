"""Images of precision over recall."""

from __future__ import annotations

from pathlib import Path

import cv2

from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.plots import write_plots
from tests.evaluation.scenes import a_result, a_truth, an_object

BOX = (10.0, 20.0, 40.0, 40.0)


def test_each_class_with_objects_and_their_mean_get_an_image(tmp_path: Path) -> None:
    scores = coco_scores(a_truth(an_object(1, BOX)), [a_result(1, BOX)], "bbox")
    paths = write_plots(scores, tmp_path / "new", "bbox")
    assert [path.name for path in paths] == ["all-bbox.png", "cat-bbox.png"]
    image = cv2.imread(str(paths[0]))
    assert image is not None and image.shape == (400, 500, 3)


def test_without_objects_there_is_no_image(tmp_path: Path) -> None:
    assert write_plots(coco_scores(a_truth(), [], "bbox"), tmp_path, "bbox") == []
