"""The stage of a detector: boxes in source pixels, and never a box from another frame's image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks
from streamdet.frame import FrameRef, Geometry
from streamdet.image import Pixels
from streamdet.messages import PreparedImage
from streamdet.ops.run_length import area, decode
from streamdet.stages import Job
from streamdet.stages.detect import DetectStage, to_source
from streamdet.stages.pixels import LOST_PIXELS
from tests.stages.toy_jobs import HW, Rig, boxes, grey, job


class Counting:
    """Finds a box per image, as wide as the image is light; counts its calls."""

    runtime_name = "toy"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        self.batches.append(len(images))
        return [boxes([[0, 0, float(image.max()), 2]]) for image in images]


class OfFrames(Counting):
    """Remembers which frames it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.indices: list[int] = []

    def detect_frames(self, images: Sequence[Pixels], indices: Sequence[int]) -> list[Detections]:
        self.indices += indices
        return self(images)


class Overtaken(Counting):
    """While it works, another frame takes the slot it reads."""

    def __init__(self, rig: Rig, ref: FrameRef) -> None:
        super().__init__()
        self.rig, self.ref = rig, ref

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        self.rig.overwrite(self.ref)
        return super().__call__(images)


def prepared(one: Job, ref: FrameRef | None = None, level: int | None = None) -> Job:
    message = replace(one.message, prepared=PreparedImage(HW, Geometry((2.0, 2.0)), ref))
    return replace(one, message=message, prepared=None if level is None else grey(level))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_batch_is_one_call_and_its_boxes_are_in_source_pixels(rig: Rig) -> None:
    detector = Counting()
    stage = DetectStage("toy", detector, rig.pixels)
    done = stage.process([prepared(job(0), level=4), prepared(job(1), level=6)])
    found = [one.message.detections for one in done]
    assert detector.batches == [2]
    assert [d.xyxy.tolist() for d in found if d] == [[[0, 0, 2, 1]], [[0, 0, 3, 1]]]
    assert [(one.message.model, one.message.prepared) for one in done] == [("toy", None)] * 2


def test_dropped_frames_keep_their_place_and_are_not_looked_at(rig: Rig) -> None:
    detector = Counting()
    stage = DetectStage("toy", detector, rig.pixels)
    jobs = [job(0).dropped("earlier"), prepared(job(1), level=4), job(2)]
    done = stage.process(jobs)
    reasons = [one.message.drop_reason for one in done]
    assert reasons == ["earlier", None, "the frame has no prepared image"]
    assert [one.message.index for one in done] == [0, 1, 2]
    assert detector.batches == [1]


def test_a_detector_that_wants_it_is_told_which_frames_it_sees(rig: Rig) -> None:
    detector = OfFrames()
    jobs = [job(0).dropped("earlier"), prepared(job(3), level=4), prepared(job(1), level=4)]
    DetectStage("toy", detector, rig.pixels).process(jobs)
    assert detector.indices == [3, 1]


def test_a_batch_of_dropped_frames_does_not_wake_the_detector(rig: Rig) -> None:
    detector = Counting()
    DetectStage("toy", detector, rig.pixels).process([job(0).dropped("earlier")])
    assert detector.batches == []


def test_pixels_overwritten_before_or_during_the_look_are_dropped(rig: Rig) -> None:
    ref = rig.filled("prepare", 4)
    stage = DetectStage("toy", Overtaken(rig, ref), rig.pixels)
    during = stage.process([prepared(job(0), ref)])
    before = stage.process([prepared(job(0), ref)])
    assert [one.message.drop_reason for one in during + before] == [LOST_PIXELS] * 2
    assert [one.message.detections for one in during + before] == [None] * 2


def test_boxes_are_clipped_to_the_frame_and_those_outside_it_vanish() -> None:
    found = boxes([[-4, 2, 4, 20], [14, 2, 18, 4], [2, 2, 4, 4]])
    mapped = to_source(found, Geometry((2.0, 2.0), (0.0, 2.0)), hw=(4, 6))
    assert mapped.xyxy.tolist() == [[0, 0, 2, 4], [1, 0, 2, 1]]
    assert len(to_source(Detections.empty(), Geometry((1.0, 1.0)), (4, 6))) == 0


def test_a_box_that_is_not_a_number_vanishes() -> None:
    mapped = to_source(boxes([[np.nan, 0, 2, 2]]), Geometry((1.0, 1.0)), hw=(4, 6))
    assert len(mapped) == 0


def test_keypoints_are_in_source_pixels_with_their_scores() -> None:
    points = np.array([[[4, 6, 0.5], [-2, 2, -3.0]]], np.float32)
    found = replace(boxes([[0, 2, 4, 8]]), keypoints=points)
    mapped = to_source(found, Geometry((2.0, 2.0), (0.0, 2.0)), hw=(4, 6))
    assert mapped.keypoints is not None
    assert mapped.keypoints.tolist() == [[[2, 2, 0.5], [-1, 0, -3.0]]]


def test_masks_are_pasted_into_the_frame() -> None:
    probs = np.zeros((2, 28, 28), np.float32)
    probs[1, :14] = 1
    found = replace(boxes([[90, 90, 99, 99], [0, 0, 56, 112]]), mask_probs=probs)
    mapped = to_source(found, Geometry((2.0, 2.0)), hw=(40, 30))
    assert (len(mapped), mapped.mask_probs) == (1, None)
    assert mapped.masks is not None
    mask = decode(mapped.masks.counts[0], (40, 30))
    assert mask[:27, :28].all()
    assert not mask[30:].any()


def test_a_mask_covers_the_whole_box_also_where_the_frame_cuts_it() -> None:
    probs = np.zeros((1, 28, 28), np.float32)
    probs[:, :, :14] = 1  # the left half, which lies outside the frame
    found = replace(boxes([[-30, 0, 26, 28]]), mask_probs=probs)
    mapped = to_source(found, Geometry((1.0, 1.0)), hw=(28, 28))
    assert mapped.xyxy.tolist() == [[0, 0, 26, 28]]
    assert mapped.masks is not None
    assert area(mapped.masks.counts[0]) == 0


def test_an_image_without_objects_has_masks_of_none() -> None:
    nothing = replace(Detections.empty(), mask_probs=np.zeros((0, 28, 28), np.float32))
    mapped = to_source(nothing, Geometry((1.0, 1.0)), hw=(4, 6))
    assert mapped.masks == FrameMasks((4, 6), ())


def test_it_has_no_state(rig: Rig) -> None:
    stage = DetectStage("toy", Counting(), rig.pixels)
    stage.restore({})
    stage.finish("cam")
    stage.committed()
    stage.close()
    assert stage.states() == {}
