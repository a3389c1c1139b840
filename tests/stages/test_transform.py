"""The stage of a transform: an image for each frame, or a reason."""

from __future__ import annotations

import numpy as np
import pytest

from streamdet.errors import FrameError
from streamdet.frame import FrameRef, Geometry
from streamdet.image import Image, Pixels
from streamdet.stages.pixels import LOST_PIXELS
from streamdet.stages.transform import TransformStage
from tests.stages.toy_jobs import HW, Rig, job
from tests.toy_run import ToyTransform


class Refusing(ToyTransform):
    """Takes no image that is lighter than 100."""

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        if image.bgr().max() > 100:
            raise FrameError("too light")
        return super().__call__(image, out)


class Overtaken(ToyTransform):
    """While it works, another frame takes the slot it reads."""

    def __init__(self, rig: Rig, ref: FrameRef) -> None:
        self.rig, self.ref = rig, ref

    def __call__(self, image: Image, out: Pixels) -> Geometry:
        self.rig.overwrite(self.ref)
        return super().__call__(image, out)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_image_for_others_lies_in_a_slot(rig: Rig) -> None:
    stage = TransformStage("prepare", ToyTransform(), rig.pixels, publishes=True)
    (done,) = stage.process([job(level=3)])
    assert done.message.prepared is not None
    ref = done.message.prepared.pixels
    assert ref is not None
    assert rig.pools["prepare"].view(ref, HW).max() == 3


def test_an_image_for_this_process_only_needs_no_slot(rig: Rig) -> None:
    stage = TransformStage("prepare", ToyTransform(), rig.pixels, publishes=False)
    (done,) = stage.process([job(level=3)])
    assert isinstance(done.prepared, np.ndarray)
    assert done.message.prepared is not None
    assert (done.prepared.max(), done.message.prepared.pixels) == (3, None)


def test_a_frame_that_cannot_be_prepared_is_dropped_and_the_others_are_not(rig: Rig) -> None:
    stage = TransformStage("prepare", Refusing(), rig.pixels, publishes=False)
    jobs = [job(0, level=1), job(1, level=200), job(2), job(3, level=2)]
    reasons = [done.message.drop_reason for done in stage.process(jobs)]
    assert reasons == [None, "too light", "the image did not fit a slot of its pool", None]


def test_a_dropped_frame_passes_as_it_is(rig: Rig) -> None:
    stage = TransformStage("prepare", ToyTransform(), rig.pixels, publishes=True)
    dropped = job(level=1).dropped("earlier")
    assert stage.process([dropped]) == [dropped]


def test_an_image_that_was_overwritten_is_dropped_before_and_after_use(rig: Rig) -> None:
    ref = rig.filled("camera", 5)
    stage = TransformStage("prepare", Overtaken(rig, ref), rig.pixels, publishes=False)
    during = stage.process([job(pixels=ref)])
    before = stage.process([job(pixels=ref)])
    assert [done.message.drop_reason for done in during + before] == [LOST_PIXELS] * 2


def test_it_has_no_state(rig: Rig) -> None:
    stage = TransformStage("prepare", ToyTransform(), rig.pixels, publishes=True)
    stage.restore({})
    stage.finish("cam")
    stage.committed()
    stage.close()
    assert stage.states() == {}
