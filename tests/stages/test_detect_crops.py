"""A second detector finds a planted pattern in crops, and says where it is in the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from streamdet.detections import Detections, FrameMasks
from streamdet.frame import Frame, FrameRef
from streamdet.image import ArrayImage, Pixels
from streamdet.messages import Crop, FrameMessage
from streamdet.models.model_config import ModelConfig
from streamdet.stages import Job
from streamdet.stages.children import with_children
from streamdet.stages.detect_crops import NO_IMAGE, DetectCropsStage
from streamdet.stages.pixels import LOST_PIXELS
from tests.stages.toy_jobs import HW, Rig, boxes

MARK = 250
"""The grey level of what is planted; everything else is darker."""
NAMES = {"cars": ("car", "bus")}


class Planted:
    """Finds the bounding box of what is planted in an image; nothing where nothing is."""

    runtime_name = "toy"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images: Sequence[Pixels]) -> list[Detections]:
        self.shapes += [image.shape[:2] for image in images]
        return [self._find(image) for image in images]

    def _find(self, image: Pixels) -> Detections:
        rows, columns = np.nonzero(image[:, :, 0] == MARK)
        if not len(rows):
            return Detections.empty()
        return boxes([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])


class Wide(Planted):
    """Finds a box that is larger than the image on all sides."""

    def _find(self, image: Pixels) -> Detections:
        height, width = image.shape[:2]
        return boxes([[-50, -50, width + 50, height + 50]])


def model(**transform: Any) -> ModelConfig:
    stated = {"kind": "stretch", "hw": (16, 16), **transform}
    return ModelConfig(
        name="plates",
        detector="hog_svm",
        transform=stated,
        classes=("plate", "lamp"),
        score_thresh=0.5,
        iou_thresh=0.5,
    )


def stage(rig: Rig, detector: Planted, **transform: Any) -> DetectCropsStage:
    return DetectCropsStage(model(**transform), detector, rig.pixels, NAMES)


def scene(*marks: tuple[int, int, int, int], hw: tuple[int, int] = (60, 80)) -> Pixels:
    pixels = np.full((*hw, 3), 90, np.uint8)
    for x1, y1, x2, y2 in marks:
        pixels[y1:y2, x1:x2] = MARK
    return pixels


def job(pixels: Pixels, found: Detections, *crops: Crop, index: int = 0) -> Job:
    frame = Frame("cam", index, index, Fraction(1, 10), 1, pixels.shape[:2], 1)
    message = FrameMessage(frame, detections=found, model="cars", crops=crops)
    return Job(message, ArrayImage(pixels))


def one(done: Sequence[Job]) -> Detections:
    (only,) = done
    assert only.message.drop_reason is None
    assert only.message.detections is not None
    return only.message.detections


@pytest.fixture
def rig() -> Rig:
    return Rig()


CAR = boxes([[20, 10, 52, 42]])
"""32 x 32 pixels: in an image of 16 x 16 one pixel is two of the frame."""


def test_what_is_found_in_a_crop_lies_exactly_where_it_was_planted(rig: Rig) -> None:
    pixels = scene((30, 20, 38, 24))
    found = one(stage(rig, Planted()).process([job(pixels, CAR, Crop(0, (20, 10, 52, 42)))]))
    assert found.xyxy.tolist() == [[20, 10, 52, 42], [30, 20, 38, 24]]
    assert found.parents is not None
    assert found.parents.tolist() == [-1, 0]


def test_a_letterbox_that_enlarges_changes_nothing(rig: Rig) -> None:
    # The crop of 16 x 8 becomes 32 x 16, with 8 rows of padding above it and below it.
    letterbox = {"kind": "letterbox", "hw": (32, 32), "anchor": "centre", "resample": "bilinear"}
    pixels = scene((24, 12, 28, 16))
    done = stage(rig, Planted(), **letterbox).process([job(pixels, CAR, Crop(0, (20, 10, 36, 18)))])
    (_, child) = one(done).xyxy.tolist()
    # Bilinear enlarging blurs half a pixel of each edge away.
    assert child == [24.5, 12.5, 27.5, 15.5]


def test_the_second_models_classes_count_on_and_both_models_are_named(rig: Rig) -> None:
    (done,) = stage(rig, Planted()).process(
        [job(scene((30, 20, 38, 24)), CAR, Crop(0, (20, 10, 52, 42)))]
    )
    assert done.message.detections is not None
    assert done.message.detections.class_ids.tolist() == [0, 2]  # car, bus, plate, lamp
    assert (done.message.model, done.message.crops) == ("cars+plates", None)


def test_a_batch_is_one_call_and_each_crop_belongs_to_its_frame(rig: Rig) -> None:
    detector = Planted()
    two = boxes([[0, 0, 16, 16], [40, 40, 56, 56]])
    whole = [Crop(0, (0, 0, 16, 16)), Crop(1, (40, 40, 56, 56))]
    done = stage(rig, detector).process(
        [
            job(scene((2, 2, 4, 4), (44, 44, 46, 47)), two, *whole, index=0),
            job(scene(), Detections.empty(), index=1),
            job(scene((2, 2, 4, 4)), two, *whole, index=2).dropped("earlier"),
            job(scene((45, 45, 46, 46)), two, whole[1], index=3),
        ]
    )
    assert detector.shapes == [(16, 16)] * 3
    found = [each.message.detections for each in done]
    assert [len(each) for each in found if each is not None] == [4, 0, 2, 3]
    assert found[0] is not None
    assert found[0].xyxy[2:].tolist() == [[2, 2, 4, 4], [44, 44, 46, 47]]
    assert found[0].parents is not None
    assert found[0].parents.tolist() == [-1, -1, 0, 1]
    assert found[3] is not None
    assert found[3].xyxy[2:].tolist() == [[45, 45, 46, 46]]
    assert [each.message.drop_reason for each in done] == [None, None, "earlier", None]
    assert [each.message.model for each in done][1] == "cars+plates"


def test_frames_without_crops_do_not_wake_the_detector(rig: Rig) -> None:
    detector = Planted()
    found = one(stage(rig, detector).process([job(scene(), CAR)]))
    assert detector.shapes == []
    assert found.parents is not None
    assert found.parents.tolist() == [-1]


def test_boxes_are_clipped_to_the_crop(rig: Rig) -> None:
    at_the_corner = Crop(0, (70, 50, 80, 60))
    found = one(stage(rig, Wide()).process([job(scene(), CAR, at_the_corner)]))
    assert found.xyxy[1].tolist() == [70, 50, 80, 60]


def test_a_crop_of_one_pixel_is_looked_at(rig: Rig) -> None:
    found = one(
        stage(rig, Planted()).process([job(scene((5, 5, 6, 6)), CAR, Crop(0, (5, 5, 6, 6)))])
    )
    assert found.xyxy[1].tolist() == [5, 5, 6, 6]


def test_a_frame_whose_image_is_gone_or_was_never_made_is_dropped(rig: Rig) -> None:
    ref = rig.filled("camera", MARK)
    crop = Crop(0, (0, 0, 4, 4))
    there = job(scene(hw=HW), CAR, crop)
    frame = replace(there.message.frame, pixels=ref)
    in_slot = replace(there, image=None, message=replace(there.message, frame=frame))
    found = one(stage(rig, Planted()).process([in_slot]))
    assert found.xyxy[1].tolist() == [0, 0, 4, 4]
    rig.overwrite(ref)
    assert dropped(rig, in_slot) == LOST_PIXELS
    assert dropped(rig, replace(there, image=None)) == NO_IMAGE


def dropped(rig: Rig, sent: Job) -> str | None:
    (done,) = stage(rig, Planted()).process([sent])
    return done.message.drop_reason


def test_a_frame_without_crops_needs_no_image(rig: Rig) -> None:
    sent = job(scene(hw=HW), CAR)
    gone = replace(sent.message.frame, pixels=FrameRef("camera", 0, 99))
    sent = replace(sent, image=None, message=replace(sent.message, frame=gone))
    assert len(one(stage(rig, Planted()).process([sent]))) == 1


def test_a_third_model_looks_at_what_the_second_found(rig: Rig) -> None:
    names = {**NAMES, "cars+plates": ("car", "bus", "plate", "lamp")}
    pixels = scene((30, 20, 46, 36))
    second = DetectCropsStage(model(), Planted(), rig.pixels, names)
    (done,) = second.process([job(pixels, CAR, Crop(0, (20, 10, 52, 42)))])
    pixels[22:26, 32:40] = 10
    again = replace(done.message, crops=(Crop(1, (30, 20, 46, 36)),))
    third = DetectCropsStage(model(), Wide(), rig.pixels, names)
    (last,) = third.process([replace(done, message=again)])
    found = last.message.detections
    assert found is not None
    assert found.parents is not None
    assert (found.parents.tolist(), found.class_ids.tolist()) == ([-1, 0, 1], [0, 2, 4])
    assert last.message.model == "cars+plates+plates"


def test_children_have_no_track_no_zones_and_only_what_their_own_model_says() -> None:
    points = np.array([[[1, 2, 0.5]]], np.float32)
    first = replace(
        CAR,
        track_ids=np.array([7]),
        zones=(("yard",),),
        speeds=np.array([1.5]),
        attributes=({"colour": "red"},),
        masks=FrameMasks((60, 80), (b"0\\1",)),
        keypoints=points,
        interpolated=np.array([True]),
    )
    more_points = np.array([[[5, 6, 0.5], [7, 8, 0.25]]], np.float32)
    child = replace(boxes([[1, 1, 2, 2]]), keypoints=more_points)
    both = with_children(first, [(0, child)], first_class=2)
    assert both.tracks() == [7, None]
    assert (both.zones, both.attributes) == ((("yard",), ()), ({"colour": "red"}, {}))
    assert both.masks == FrameMasks((60, 80), (b"0\\1", b""))
    assert both.speeds is not None
    assert np.isnan(both.speeds).tolist() == [False, True]
    assert both.interpolated is not None
    assert both.interpolated.tolist() == [True, False]
    assert both.keypoints is not None
    assert both.keypoints[0].tolist() == [[1, 2, 0.5], [0, 0, -np.inf]]
    assert both.keypoints[1].tolist() == more_points[0].tolist()


def test_masks_of_children_alone_leave_their_parents_without_any() -> None:
    child = replace(boxes([[1, 1, 2, 2]]), masks=FrameMasks((60, 80), (b"0\\1",)))
    assert with_children(CAR, [(0, child)], 2).masks == FrameMasks((60, 80), (b"", b"0\\1"))


def test_it_has_no_state(rig: Rig) -> None:
    made = stage(rig, Planted())
    made.restore({})
    made.finish("cam")
    made.committed()
    made.close()
    assert made.states() == {}
