"""The stage of a sink: hands over messages, and images where they are wanted and still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from streamdet.errors import EngineError
from streamdet.image import Image
from streamdet.messages import FrameMessage
from streamdet.sinks import PublicEntry
from streamdet.stages.sink import SinkStage
from tests.stages.toy_jobs import Rig, job


class Noting:
    """Notes everything that is asked of it."""

    has_file_per_source = False

    def __init__(self, *, needs_image: bool) -> None:
        self.needs_image = needs_image
        self.notes: list[object] = []

    def restore(self, states: Mapping[str, bytes]) -> None:
        self.notes.append(states)

    def write(
        self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
    ) -> list[tuple[PublicEntry, ...]]:
        levels = [None if image is None else int(image.bgr().max()) for image in images]
        self.notes.append(levels)
        return [(PublicEntry("s", {"n": b"%d" % m.index}, 1),) for m in messages]

    def finish(self, source_id: str) -> None:
        self.notes.append(source_id)

    def states(self) -> dict[str, bytes]:
        return {"file": b"1"}

    def committed(self) -> None:
        self.notes.append("committed")

    def close(self) -> None:
        self.notes.append("closed")


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_entries_go_with_their_own_frames_and_those_of_an_earlier_stage_do_not_go_twice(
    rig: Rig,
) -> None:
    stage = SinkStage(Noting(needs_image=False), rig.pixels)
    once = stage.process([job(0), job(1)])
    twice = stage.process(once)
    for jobs in (once, twice):
        assert [[e.fields["n"] for e in one.public] for one in jobs] == [[b"0"], [b"1"]]


@pytest.mark.parametrize("returned", [None, [], [()] * 3])
def test_a_sink_that_does_not_answer_for_each_message_is_told_how(
    rig: Rig, returned: list[tuple[PublicEntry, ...]]
) -> None:
    class Forgetful(Noting):
        def write(
            self, messages: Sequence[FrameMessage], images: Sequence[Image | None]
        ) -> list[tuple[PublicEntry, ...]]:
            return returned

    stage = SinkStage(Forgetful(needs_image=False), rig.pixels)
    with pytest.raises(EngineError, match=r"Forgetful\.write must return a list .* the 2 messages"):
        stage.process([job(0), job(1)])


def test_a_sink_without_an_answer_to_what_its_states_are_is_told_how(rig: Rig) -> None:
    class Silent(Noting):
        def states(self) -> dict[str, bytes]:
            return None  # type: ignore[return-value]

    with pytest.raises(EngineError, match=r"Silent\.states must return a dict .*, got None"):
        SinkStage(Silent(needs_image=False), rig.pixels).states()


def test_images_come_only_to_a_sink_that_wants_them(rig: Rig) -> None:
    wants, does_not = Noting(needs_image=True), Noting(needs_image=False)
    for sink in (wants, does_not):
        SinkStage(sink, rig.pixels).process([job(0, level=7)])
    assert (wants.notes, does_not.notes) == ([[7]], [[None]])


def test_an_image_that_is_lost_leaves_the_frame_without_one(rig: Rig) -> None:
    sink = Noting(needs_image=True)
    ref = rig.filled("camera", 5)
    rig.overwrite(ref)
    SinkStage(sink, rig.pixels).process([job(0, pixels=ref), job(1, level=3)])
    assert sink.notes == [[None, 3]]


def test_its_life_is_the_sinks_life(rig: Rig) -> None:
    sink = Noting(needs_image=False)
    stage = SinkStage(sink, rig.pixels)
    stage.restore({"file": b"0"})
    stage.finish("cam")
    assert stage.states() == {"file": b"1"}
    stage.committed()
    stage.close()
    assert sink.notes == [{"file": b"0"}, "cam", "committed", "closed"]
