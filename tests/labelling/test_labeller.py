"""Who says what is in the frames of a source."""

from __future__ import annotations

import numpy as np

from streamdet.detections import Detections
from streamdet.labelling.labeller import ByScene
from streamdet.sources.sampling import SamplingOptions
from streamdet.sources.street import CLASS_NAMES
from streamdet.sources.synthetic import SyntheticSource

SCENE = SyntheticSource("synthetic:street?frames=4&hw=240x320&seed=3", SamplingOptions())
NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


def test_of_a_scene_only_the_classes_that_are_asked_for_are_seen() -> None:
    people = ByScene(SCENE, [CLASS_NAMES.index("person")]).see(3, NO_PIXELS)
    truth = SCENE.truth(3)
    assert set(truth.class_ids.tolist()) == {0, 1}
    assert people.xyxy.tolist() == truth.xyxy[truth.class_ids == 0].tolist()
    assert len(ByScene(SCENE, []).see(3, NO_PIXELS)) == 0


def test_what_is_hardly_to_be_seen_is_ignored() -> None:
    found = Detections(
        xyxy=np.array([[0, 0, 8, 8], [4, 0, 12, 8]], np.float32),
        scores=np.array([0.24, 0.25], np.float32),
        class_ids=np.array([1, 0], np.int64),
        track_ids=np.array([7, 3], np.int64),
    )
    [far, near], nothing = ByScene(SCENE, [0, 1]).judge([found, Detections.empty()])
    assert (far.verdict, far.class_id, far.track_id, far.score) == ("ignored", 1, 7, None)
    assert (near.verdict, near.class_id, near.xyxy) == ("object", 0, (4, 0, 12, 8))
    assert nothing == []
