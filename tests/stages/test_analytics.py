"""The stage of a kind of analytics: one a source, which sees what is not dropped."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from streamdet.errors import EngineError
from streamdet.events import Event, Marking
from streamdet.formats.event_json import check_event
from streamdet.messages import FrameMessage
from streamdet.stages import Job
from streamdet.stages.analytics import AnalyticsStage, EventStream
from tests.stages.toy_jobs import boxes, job

STREAM = EventStream("events", "run-1", {"toy": ("person", "car")})


class Growing:
    """Lets one more object through with each frame of its source."""

    def __init__(self, source_id: str) -> None:
        self._source_id = source_id
        self._count = 0

    def update(self, frame: FrameMessage) -> FrameMessage:
        assert frame.source_id == self._source_id
        assert frame.detections is not None
        self._count += 1
        return replace(frame, detections=frame.detections[: self._count])

    def state(self) -> bytes:
        return b"%d" % self._count

    def restore(self, state: bytes) -> None:
        self._count = int(state)


def found(index: int, source_id: str = "cam") -> Job:
    one = job(index)
    frame = replace(one.message.frame, source_id=source_id)
    three = boxes([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]])
    return replace(one, message=replace(one.message, frame=frame, detections=three))


def counts(jobs: list[Job]) -> list[int]:
    return [len(each.message.detections or ()) for each in jobs]


def test_each_source_has_analytics_of_its_own() -> None:
    stage = AnalyticsStage("count", Growing, STREAM)
    assert counts(stage.process([found(0), found(0, "b"), found(1), found(1, "b")])) == [1, 1, 2, 2]


def test_a_dropped_frame_is_not_shown_and_stays_dropped() -> None:
    stage = AnalyticsStage("count", Growing, STREAM)
    first, dropped, third = stage.process([found(0), job(1).dropped("why"), found(2)])
    assert counts([first, third]) == [1, 2]
    assert dropped.message.drop_reason == "why"


def test_it_goes_on_from_what_was_committed_and_forgets_what_was_not() -> None:
    stage = AnalyticsStage("count", Growing, STREAM)
    stage.process([found(0)])
    states = stage.states()
    assert (states, stage.states()) == ({"cam": b"1"}, {})
    stage.process([found(1), found(0, "b")])
    stage.restore(states)
    assert counts(stage.process([found(1), found(0, "b")])) == [2, 1]


def test_a_source_that_has_ended_is_forgotten() -> None:
    stage = AnalyticsStage("count", Growing, STREAM)
    stage.process([found(0)])
    stage.finish("cam")
    assert stage.states() == {"cam": b""}


class Greeting(Growing):
    """Notices tracks 1 and 2."""

    def update(self, frame: FrameMessage) -> FrameMessage:
        return replace(frame, events=(Event("track_start", "", 1), Event("track_start", "", 2)))


def test_an_event_has_what_is_known_of_its_object() -> None:
    one = found(0)
    assert one.message.detections is not None
    known = replace(
        one.message.detections,
        track_ids=np.array([2, 1, 3]),
        attributes=({"colour": "red"}, {}, {"colour": "blue"}),
    )
    stage = AnalyticsStage("tracks", Greeting, STREAM)
    (job_,) = stage.process([replace(one, message=replace(one.message, detections=known))])
    said = [json.loads(entry.fields["event"]) for entry in job_.public]
    assert [event.get("attributes") for event in said] == [None, {"colour": "red"}]
    assert check_event(job_.public[1].fields["event"])


class Renaming(Growing):
    """Returns another frame than it got."""

    def update(self, frame: FrameMessage) -> FrameMessage:
        return replace(frame, frame=replace(frame.frame, index=7))


def test_a_frame_that_was_exchanged_is_refused() -> None:
    stage = AnalyticsStage("count", Renaming, STREAM)
    with pytest.raises(EngineError, match=r"^count: update must return the frame that it got.*"):
        stage.process([found(0)])


class Counting(Growing):
    """Notices each frame, and marks a place."""

    def update(self, frame: FrameMessage) -> FrameMessage:
        self._count += 1
        event = Event("zone_enter", "yard", 7, 1, counts={"inside": self._count})
        mark = Marking("zone", "yard", ((0, 0), (1, 0), (1, 1)), "yard 1")
        return replace(frame, events=(*frame.events, event), markings=(*frame.markings, mark))


def test_what_it_notices_is_published_and_travels_on_with_the_name_of_its_node() -> None:
    first, second = (AnalyticsStage(name, Counting, STREAM) for name in ("yard", "again"))
    (once,) = first.process([found(0)])
    (twice,) = second.process([once])
    assert [event.node for event in twice.message.events] == ["yard", "again"]
    assert len(twice.message.markings) == 2
    published = [json.loads(entry.fields["event"]) for job in (once, twice) for entry in job.public]
    assert [(each["node"], each["zone"], each["track"]) for each in published] == [
        ("yard", "yard", 7),
        ("again", "yard", 7),
    ]
    assert {entry.stream for entry in once.public} == {"events"}


class Forgetting(Growing):
    """Leaves out what another node noticed."""

    def update(self, frame: FrameMessage) -> FrameMessage:
        return replace(frame, events=())


def test_a_node_that_removes_another_s_events_is_refused() -> None:
    (noticed,) = AnalyticsStage("count", Counting, STREAM).process([found(0)])
    with pytest.raises(EngineError, match="events and markings added"):
        AnalyticsStage("count", Forgetting, STREAM).process([noticed])
