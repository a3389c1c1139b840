"""The first stage: a frame's identity, and its image in a slot where others need it."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest

from streamdet.errors import SourceError
from streamdet.image import ArrayImage
from streamdet.sources import DecodedFrame, Position
from streamdet.stages.source import SourceStage
from tests.stages.toy_jobs import HW, Rig, grey


def decoded(index: int, hw: tuple[int, int] = HW) -> DecodedFrame:
    image = ArrayImage(grey(7, hw))
    return DecodedFrame(image, 40, Fraction(1, 25), 2, 123, Position(index + 1, 10 * index + 10))


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_frame_is_named_by_source_and_index_and_keeps_its_time(rig: Rig) -> None:
    stage = SourceStage("camera", rig.pixels, publishes_image=False)
    job = stage.job("cam", decoded(5), time.monotonic_ns())
    frame = job.message.frame
    assert (frame.source_id, frame.index, frame.pts, frame.duration) == ("cam", 5, 40, 2)
    assert (frame.pts_ns, frame.hw, frame.captured_ns, frame.pixels) == (
        1_600_000_000,
        HW,
        123,
        None,
    )
    assert [timing.node for timing in job.message.timings] == ["camera"]


def test_an_image_that_others_need_is_copied_into_a_slot(rig: Rig) -> None:
    stage = SourceStage("camera", rig.pixels, publishes_image=True)
    ref = stage.job("cam", decoded(0), time.monotonic_ns()).message.frame.pixels
    assert ref is not None
    assert rig.pools["camera"].view(ref, HW).min() == 7


def test_a_later_frame_whose_image_does_not_fit_goes_on_without_it(rig: Rig) -> None:
    stage = SourceStage("camera", rig.pixels, publishes_image=True)
    message = stage.job("cam", decoded(1, (100, 100)), time.monotonic_ns()).message
    assert message.drop_reason is None
    assert (message.index, message.frame.pixels) == (1, None)


def test_the_largest_image_that_did_not_fit_is_told_with_its_source(rig: Rig) -> None:
    stage = SourceStage("camera", rig.pixels, publishes_image=True)
    for index, hw in enumerate([HW, (20, 100), (30, 100), (25, 100)]):
        stage.job("cam", decoded(index, hw), time.monotonic_ns())
    (warning,) = stage.warnings("cam")
    assert "30x100 (3000 pixels) does not fit the slots of camera (24 pixels)" in warning
    assert stage.warnings("other") == ()


def test_a_source_whose_first_image_does_not_fit_is_an_error_that_says_what_to_do(
    rig: Rig,
) -> None:
    stage = SourceStage("camera", rig.pixels, publishes_image=True)
    with pytest.raises(SourceError, match=r"^cam: .* state `slot_hw: \[100, 90\]` in the deploy"):
        stage.job("cam", decoded(0, (100, 90)), time.monotonic_ns())
