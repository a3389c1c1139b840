"""Where images lie, and what happens when there is no room or another frame has taken theirs."""

from __future__ import annotations

import pytest

from streamdet.errors import FrameError, StalePixelsError
from streamdet.frame import FrameRef
from streamdet.image import Pixels
from streamdet.messages import PreparedImage
from streamdet.stages.pixels import PixelStore
from streamdet.transport.array_pool import ArrayPool
from streamdet.transport.bus import Commit, Step
from streamdet.transport.shm_growth import SlotGivenUpError
from tests.stages.toy_jobs import HW, SLOT_BYTES, Rig, grey, job


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_image_of_this_process_is_found_without_a_pool(rig: Rig) -> None:
    image = rig.pixels.image(job(level=7))
    assert image is not None
    assert image.bgr().max() == 7


def test_an_image_in_a_pool_that_this_process_does_not_read_is_not_there(rig: Rig) -> None:
    assert rig.pixels.image(job(pixels=FrameRef("elsewhere", 0, 0))) is None


def test_an_image_in_a_slot_is_seen_without_a_copy(rig: Rig) -> None:
    ref = rig.filled("camera", 5)
    image = rig.pixels.image(job(pixels=ref))
    assert image is not None
    rig.pools["camera"].claim(ref, HW)[:] = 6
    assert image.bgr().max() == 6


def test_a_frame_without_an_image_has_none(rig: Rig) -> None:
    assert rig.pixels.image(job()) is None
    assert rig.pixels.prepared(job()) is None


def test_pixels_of_another_frame_are_never_returned(rig: Rig) -> None:
    ref = rig.filled("camera", 5)
    rig.overwrite(ref)
    assert not rig.pixels.is_current(ref)
    with pytest.raises(StalePixelsError):
        rig.pixels.image(job(pixels=ref))


def test_slots_are_taken_as_many_at_once_as_will_be_wanted(rig: Rig) -> None:
    rig.pixels.claim("prepare", HW, wanted=2)
    assert rig.bus.take_slots(rig.lease, "prepare", 1, 0) == []


def test_claiming_waits_until_a_slot_comes_free(rig: Rig) -> None:
    first, _ = rig.filled("prepare", 1), rig.filled("prepare", 2)
    publish = Commit("cam", 0, filled=[(first, 1)])
    rig.bus.step(Step(rig.lease, [publish], positions={"cam": b""}))

    def release() -> None:
        rig.bus.step(Step(rig.lease, [Commit("cam", 1, released=[first])], positions={"cam": b""}))

    rig.pixels.on_wait = release
    ref, _ = rig.pixels.claim("prepare", HW)
    assert (ref.slot, ref.generation) == (first.slot, first.generation + 1)
    assert rig.pixels.take_waited_ns() > 0
    assert rig.pixels.take_waited_ns() == 0


def test_whoever_waits_may_give_up(rig: Rig) -> None:
    rig.pixels.claim("prepare", HW, wanted=2)
    rig.pixels.claim("prepare", HW)

    def give_up() -> None:
        raise InterruptedError

    rig.pixels.on_wait = give_up
    with pytest.raises(InterruptedError):
        rig.pixels.claim("prepare", HW)


def test_a_slot_that_is_too_small_is_kept_for_the_next_image(rig: Rig) -> None:
    with pytest.raises(FrameError, match="larger than the pool's slots"):
        rig.pixels.claim("prepare", (100, 100))
    assert [rig.pixels.claim("prepare", HW)[0].slot for _ in range(2)] == [0, 1]


def test_a_new_process_gives_back_what_the_old_one_took(rig: Rig) -> None:
    taken = rig.filled("prepare", 1)
    fresh = PixelStore(rig.bus, rig.pools, rig.waited)
    fresh.attach(rig.bus.take_lease("g", "g-0"), ("prepare",))
    refs = [fresh.claim("prepare", HW)[0] for _ in range(2)]
    assert taken.generation + 1 in [ref.generation for ref in refs if ref.slot == taken.slot]


def test_a_prepared_image_is_found_here_or_in_its_slot(rig: Rig) -> None:
    from dataclasses import replace

    import numpy as np

    from streamdet.frame import Geometry

    ref = rig.filled("prepare", 8)
    message = replace(job().message, prepared=PreparedImage(HW, Geometry((1.0, 1.0)), ref))
    far = replace(job(), message=message)
    near = replace(far, prepared=grey(9))
    levels = [
        pixels.max()
        for pixels in map(rig.pixels.prepared, (far, near))
        if isinstance(pixels, np.ndarray)
    ]
    assert levels == [8, 9]


def test_a_slot_that_was_given_up_is_nobody_s_until_its_worker_begins_again(rig: Rig) -> None:
    rig.pools["camera"] = GrowingPool()
    ref, _ = rig.pixels.claim("camera", HW)
    assert ref.slot == 1
    assert rig.bus.take_slots(rig.lease, "camera", 2, 0) == []
    rig.pixels.attach(rig.bus.take_lease("g", "g-0"), ("camera",))
    assert len(rig.bus.take_slots(rig.lease, "camera", 2, 0)) == 2


class GrowingPool(ArrayPool):
    """Slot 0 of two cannot grow."""

    def __init__(self) -> None:
        made = ArrayPool.in_memory(2, SLOT_BYTES)
        super().__init__(made.pixel_format, made._generations, made._memory)

    def claim(self, ref: FrameRef, hw: tuple[int, int]) -> Pixels:
        if ref.slot == 0:
            raise SlotGivenUpError("too small")
        return super().claim(ref, hw)
