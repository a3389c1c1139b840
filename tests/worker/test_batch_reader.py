"""What a worker reads next: its own unfinished entries first, then new ones, in order if asked."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from streamdet.frame import Frame
from streamdet.messages import EndOfStream, FrameMessage, encode
from streamdet.transport.bus import Commit, Entry, GroupLayout, Lease, RunLayout, Step
from streamdet.transport.memory_bus import MemoryBus
from streamdet.worker.batch_reader import BatchReader
from streamdet.worker.intake import Intake
from tests.toy_run import back_plan, run_plan

LAYOUT = RunLayout("run", {"front": GroupLayout(("back",)), "back": GroupLayout()}, {})


def frame(index: int, source_id: str = "cam") -> bytes:
    return encode(FrameMessage(Frame(source_id, index, index, Fraction(1), 1, (4, 4), 0)))


def end(index: int, source_id: str = "cam") -> bytes:
    return encode(EndOfStream(source_id, index))


class Feed:
    """Puts messages on the stream that `reader` reads."""

    def __init__(self, bus: MemoryBus | None = None) -> None:
        self.bus = bus or MemoryBus(LAYOUT)
        self.bus.create()
        self._front = self.bus.take_lease("front", "front-0")

    def add(self, *payloads: bytes) -> None:
        commits = [Commit(f"s{i}", 0, outputs=[("back", p)]) for i, p in enumerate(payloads)]
        self.bus.step(Step(self._front, commits))

    def reader(
        self,
        *,
        batch: int = 8,
        next_index: Mapping[str, int] | None = None,
        max_wait_s: float = 0,
        is_wary: bool = False,
    ) -> BatchReader:
        lease = self.bus.take_lease("back", "back-0")
        return BatchReader(
            Intake(self.bus, lease, back_plan(run_plan(Path(), "cam", "a", "b"))),
            batch=batch,
            max_wait_s=max_wait_s,
            next_index=next_index,
            is_wary=is_wary,
        )


def places(reader: BatchReader) -> list[tuple[str, int, bool]]:
    batch = reader.next_batch()
    return [(item.message.source_id, item.message.index, item.is_end) for item in batch]


@pytest.fixture
def feed() -> Feed:
    return Feed()


def dropped(index: int) -> bytes:
    frame = Frame("cam", index, index, Fraction(1), 1, (4, 4), 0)
    return encode(FrameMessage(frame, drop_reason="busy"))


@pytest.mark.parametrize("next_index", [None, {}])
def test_dropped_frames_do_not_fill_a_batch(
    feed: Feed, next_index: Mapping[str, int] | None
) -> None:
    feed.add(frame(0), *map(dropped, range(1, 6)), frame(6), dropped(7), frame(8), end(9))
    reader = feed.reader(batch=2, next_index=next_index)
    assert [index for _, index, _ in places(reader)] == [0, 1, 2, 3, 4, 5, 6]
    assert [index for _, index, _ in places(reader)] == [7, 8, 9]


def test_a_batch_of_dropped_frames_ends_too(feed: Feed) -> None:
    feed.add(*map(dropped, range(1000)))
    reader = feed.reader(batch=8)
    assert 8 <= len(places(reader)) <= 256


def test_without_order_entries_come_as_they_lie(feed: Feed) -> None:
    feed.add(frame(2), frame(0), end(3))
    assert places(feed.reader()) == [("cam", 2, False), ("cam", 0, False), ("cam", 3, True)]


def test_early_entries_wait_until_it_is_their_turn(feed: Feed) -> None:
    feed.add(frame(2), frame(1))
    reader = feed.reader(next_index={})
    assert places(reader) == []
    feed.add(frame(0))
    assert [index for _, index, _ in places(reader)] == [0, 1, 2]


def test_an_end_that_overtakes_its_frames_waits_for_them(feed: Feed) -> None:
    feed.add(end(2), frame(1))
    reader = feed.reader(next_index={})
    assert places(reader) == []
    feed.add(frame(0))
    assert places(reader) == [("cam", 0, False), ("cam", 1, False), ("cam", 2, True)]


def test_the_end_of_a_source_without_frames_comes_at_once(feed: Feed) -> None:
    feed.add(end(0))
    assert places(feed.reader(next_index={})) == [("cam", 0, True)]


def test_sources_do_not_wait_for_each_other(feed: Feed) -> None:
    feed.add(frame(1, "a"), frame(0, "b"), frame(1, "b"))
    reader = feed.reader(next_index={})
    assert places(reader) == [("b", 0, False), ("b", 1, False)]


def test_order_goes_on_from_what_was_committed(feed: Feed) -> None:
    feed.add(frame(6), frame(5))
    assert [index for _, index, _ in places(feed.reader(next_index={"cam": 5}))] == [5, 6]


def test_a_batch_is_never_larger_than_asked_for(feed: Feed) -> None:
    feed.add(*(frame(index) for index in range(5)))
    reader = feed.reader(batch=2, next_index={})
    sizes = [len(places(reader)) for _ in range(4)]
    assert sizes == [2, 2, 1, 0]


def test_a_new_process_reads_the_unfinished_entries_of_the_old_one_first(feed: Feed) -> None:
    feed.add(frame(0), frame(1))
    feed.reader(next_index={}).next_batch()
    feed.add(frame(2))
    reader = feed.reader(next_index={})
    assert [index for _, index, _ in places(reader)] == [0, 1]
    assert [index for _, index, _ in places(reader)] == [2]


def test_more_unfinished_entries_than_a_page_are_all_found(feed: Feed) -> None:
    feed.add(*(frame(index) for index in range(600)))
    feed.reader(batch=600).next_batch()
    assert len(places(feed.reader(batch=1000))) == 600


class Slow(MemoryBus):
    """Brings an entry a read, and notes how long each read was ready to wait."""

    def __init__(self) -> None:
        super().__init__(LAYOUT)
        self.waits: list[float] = []

    def read(self, lease: Lease, count: int, wait_s: float) -> list[Entry]:
        self.waits.append(wait_s)
        return super().read(lease, 1, wait_s)


@pytest.mark.parametrize(("max_wait_s", "size"), [(5.0, 3), (0.0, 1)])
def test_a_read_waits_for_a_fuller_batch_only_when_told_to(max_wait_s: float, size: int) -> None:
    slow = Slow()
    feed = Feed(slow)
    feed.add(frame(0), frame(1), frame(2))
    assert len(feed.reader(batch=3, max_wait_s=max_wait_s).next_batch()) == size
    assert all(wait_s <= 5.0 for wait_s in slow.waits)


def test_waiting_for_a_fuller_batch_ends(feed: Feed) -> None:
    feed.add(frame(0))
    assert len(feed.reader(batch=3, max_wait_s=0.02).next_batch()) == 1


def test_what_an_old_process_may_have_ended_of_comes_one_by_one(feed: Feed) -> None:
    feed.add(*map(frame, range(3)))
    assert len(places(feed.reader())) == 3  # read, and never committed
    feed.add(frame(3), frame(4))
    wary = feed.reader(is_wary=True)
    assert [places(wary) for _ in range(4)] == [
        [("cam", 0, False)],
        [("cam", 1, False)],
        [("cam", 2, False)],
        [("cam", 3, False), ("cam", 4, False)],
    ]
