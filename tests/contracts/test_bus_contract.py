"""What bus.py promises, held against both buses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import uuid4

import pytest

from streamdet.transport.bus import (
    Bus,
    Commit,
    FencedError,
    GroupLayout,
    Lease,
    PublicEntry,
    RunAdmin,
    RunLayout,
    RunLostError,
    SourceResult,
    Step,
)
from streamdet.transport.connection import connect
from streamdet.transport.memory_bus import MemoryBus
from streamdet.transport.redis_bus import RedisBus
from tests.redis_server import RedisServer

LAYOUT = RunLayout(
    run_id="run",
    groups={
        "front": GroupLayout(outputs=("detect",), sinks_downstream=("back",)),
        "detect": GroupLayout(outputs=("back",)),
        "back": GroupLayout(has_sink=True),
    },
    pools={"prepare": 4},
)


class BothRoles(Bus, RunAdmin, Protocol):
    """A bus as worker and supervisor see it."""


@dataclass
class Rig:
    """A bus with a run on it, and a way to read its public streams."""

    bus: BothRoles
    server: RedisServer | None

    def public(self, stream: str) -> list[dict[str, bytes]]:
        if self.server is None:
            assert isinstance(self.bus, MemoryBus)
            return [dict(entry.fields) for entry in self.bus.public[stream]]
        entries: Any = self.server.client().xrange(stream)
        return [{name.decode(): v for name, v in fields.items()} for _, fields in entries]


@pytest.fixture(params=["memory", "redis"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        memory = MemoryBus(LAYOUT)
        memory.create()
        yield Rig(memory, None)
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    layout = replace(LAYOUT, run_id=uuid4().hex)
    bus = RedisBus(connect(server.url), layout)
    bus.create()
    yield Rig(bus, server)
    bus.delete()
    bus.close()


def emit(bus: Bus, count: int, start: int = 0, source_id: str = "cam") -> Lease:
    """Have a source commit frames start .. start + count - 1 of a source."""
    lease = bus.take_lease("front", "front-0")
    commits = [
        Commit(source_id, index, outputs=[("detect", b"frame %d" % index)])
        for index in range(start, start + count)
    ]
    bus.step(Step(lease, commits, positions={source_id: b"at %d" % (start + count)}))
    return lease


def end(bus: Bus, lease: Lease, count: int, source_id: str = "cam") -> None:
    """Have a source commit its end."""
    commit = Commit(source_id, count, end_payload=b"end")
    bus.step(Step(lease, [commit], positions={source_id: b"ended"}))


def test_entries_are_read_in_the_order_in_which_they_were_committed(rig: Rig) -> None:
    emit(rig.bus, 3)
    lease = rig.bus.take_lease("detect", "detect-0")
    payloads = [entry.payload for entry in rig.bus.read(lease, 10, 0.1)]
    assert payloads == [b"frame 0", b"frame 1", b"frame 2"]


def test_nothing_to_read_gives_an_empty_list_in_time(rig: Rig) -> None:
    lease = rig.bus.take_lease("detect", "detect-0")
    assert rig.bus.read(lease, 10, 0.01) == []
    assert rig.bus.read(lease, 10, 0) == []


def test_replicas_share_the_entries_between_them(rig: Rig) -> None:
    emit(rig.bus, 4)
    first = rig.bus.read(rig.bus.take_lease("detect", "detect-0"), 2, 0.1)
    second = rig.bus.read(rig.bus.take_lease("detect", "detect-1"), 10, 0.1)
    assert [e.payload for e in first] == [b"frame 0", b"frame 1"]
    assert [e.payload for e in second] == [b"frame 2", b"frame 3"]


def test_uncommitted_entries_come_back_to_the_same_consumer_page_by_page(rig: Rig) -> None:
    emit(rig.bus, 3)
    read = rig.bus.read(rig.bus.take_lease("detect", "detect-0"), 10, 0.1)
    lease = rig.bus.take_lease("detect", "detect-0")
    page = rig.bus.read_pending(lease, "0", 2)
    rest = rig.bus.read_pending(lease, page[-1].id, 2)
    assert page + rest == read
    assert rig.bus.read_pending(lease, rest[-1].id, 2) == []


def test_a_committed_entry_is_gone_and_its_output_is_there(rig: Rig) -> None:
    emit(rig.bus, 1)
    lease = rig.bus.take_lease("detect", "detect-0")
    (entry,) = rig.bus.read(lease, 10, 0.1)
    result = rig.bus.step(Step(lease, [Commit("cam", 0, entry.id, outputs=[("back", b"boxes")])]))
    assert result.accepted == 1
    assert rig.bus.read_pending(lease, "0", 10) == []
    back = rig.bus.take_lease("back", "back-0")
    assert [e.payload for e in rig.bus.read(back, 10, 0.1)] == [b"boxes"]


def test_of_two_commits_of_one_entry_only_the_first_counts(rig: Rig) -> None:
    emit(rig.bus, 1)
    lease = rig.bus.take_lease("detect", "detect-0")
    (entry,) = rig.bus.read(lease, 10, 0.1)
    other = rig.bus.take_lease("detect", "detect-1")
    commit = Commit("cam", 0, entry.id, outputs=[("back", b"boxes")], drop_reason="once")
    accepted = [rig.bus.step(Step(one, [commit])).accepted for one in (lease, other)]
    assert accepted == [1, 0]
    assert len(rig.bus.read(rig.bus.take_lease("back", "back-0"), 10, 0.1)) == 1


def test_a_step_with_states_is_refused_whole_when_one_entry_is_stale(rig: Rig) -> None:
    emit(rig.bus, 2)
    lease = rig.bus.take_lease("detect", "detect-0")
    first, second = rig.bus.read(lease, 10, 0.1)
    rig.bus.step(Step(lease, [Commit("cam", 0, first.id)], states={("track", "cam"): b"1"}))
    both = [Commit("cam", 0, first.id), Commit("cam", 1, second.id)]
    result = rig.bus.step(Step(lease, both, states={("track", "cam"): b"2"}))
    assert result.accepted == 0
    assert rig.bus.states("track") == {"cam": b"1"}
    assert rig.bus.read_pending(lease, "0", 10) == [second]


def test_states_are_kept_by_node_and_key(rig: Rig) -> None:
    lease = rig.bus.take_lease("back", "back-0")
    states = {("track", "a"): b"\x00\xff", ("track", "b"): b"2", ("sink", "a"): b"3"}
    rig.bus.step(Step(lease, [], states=states))
    assert rig.bus.states("track") == {"a": b"\x00\xff", "b": b"2"}
    assert rig.bus.states("sink") == {"a": b"3"}
    assert rig.bus.states("nobody") == {}


def test_an_empty_state_is_forgotten(rig: Rig) -> None:
    lease = rig.bus.take_lease("back", "back-0")
    rig.bus.step(Step(lease, [], states={("track", "a"): b"1", ("track", "b"): b"2"}))
    rig.bus.step(Step(lease, [], states={("track", "a"): b""}))
    assert rig.bus.states("track") == {"b": b"2"}


def test_a_process_that_lost_its_lease_can_commit_nothing(rig: Rig) -> None:
    emit(rig.bus, 1)
    stale = rig.bus.take_lease("detect", "detect-0")
    (entry,) = rig.bus.read(stale, 10, 0.1)
    fresh = rig.bus.take_lease("detect", "detect-0")
    assert fresh.epoch == stale.epoch + 1
    with pytest.raises(FencedError, match="detect-0"):
        rig.bus.step(Step(stale, [Commit("cam", 0, entry.id, outputs=[("back", b"x")])]))
    assert rig.bus.read_pending(fresh, "0", 10) == [entry]


def test_a_source_commits_each_index_once_and_in_order(rig: Rig) -> None:
    lease = emit(rig.bus, 2)
    again = Step(lease, [Commit("cam", 1)], positions={"cam": b"again"})
    skipped = Step(lease, [Commit("cam", 3)], positions={"cam": b"skipped"})
    due = Step(lease, [Commit("cam", 2)], positions={"cam": b"due"})
    assert [rig.bus.step(step).accepted for step in (again, skipped, due)] == [0, 0, 1]
    assert rig.bus.positions() == {"cam": b"due"}
    assert rig.bus.done_counts("front") == {"cam": 3}


def test_a_source_that_has_ended_commits_nothing_more(rig: Rig) -> None:
    lease = emit(rig.bus, 1)
    end(rig.bus, lease, 1)
    late = Step(lease, [Commit("cam", 1)], positions={"cam": b"late"})
    assert rig.bus.step(late).accepted == 0
    assert rig.bus.ended_sources("front") == {"cam"}


def test_the_first_claim_of_a_source_counts_and_is_its_consumer_s_for_good(rig: Rig) -> None:
    first, second = (rig.bus.take_lease("front", f"front-{n}") for n in range(2))
    assert rig.bus.claim_source(first, "a")
    assert not rig.bus.claim_source(second, "a")
    assert rig.bus.claim_source(second, "b")
    again = rig.bus.take_lease("front", "front-0")
    assert rig.bus.claim_source(again, "a")
    assert not rig.bus.claim_source(again, "b")


def test_an_end_is_sent_on_only_when_every_frame_is_through(rig: Rig) -> None:
    end(rig.bus, emit(rig.bus, 2), 2)
    lease = rig.bus.take_lease("detect", "detect-0")
    first, second, last = rig.bus.read(lease, 10, 0.1)
    rig.bus.step(Step(lease, [Commit("cam", 2, last.id, end_payload=last.payload)]))
    rig.bus.step(Step(lease, [Commit("cam", 1, second.id, outputs=[("back", b"1")])]))
    assert rig.bus.ended_sources("detect") == set()
    rig.bus.step(Step(lease, [Commit("cam", 0, first.id, outputs=[("back", b"0")])]))
    assert rig.bus.ended_sources("detect") == {"cam"}
    back = rig.bus.read(rig.bus.take_lease("back", "back-0"), 10, 0.1)
    assert [entry.payload for entry in back] == [b"1", b"0", b"end"]


def test_a_source_without_frames_ends_too_and_the_run_with_it(rig: Rig) -> None:
    end(rig.bus, rig.bus.take_lease("front", "front-0"), 0)
    for group, consumer in (("detect", "detect-0"), ("back", "back-0")):
        assert rig.bus.finished() == 0
        lease = rig.bus.take_lease(group, consumer)
        (entry,) = rig.bus.read(lease, 10, 0.1)
        rig.bus.step(Step(lease, [Commit("cam", 0, entry.id, end_payload=entry.payload)]))
    assert rig.bus.finished() == 1


def test_two_sources_on_one_stream_end_apart(rig: Rig) -> None:
    end(rig.bus, emit(rig.bus, 1, source_id="a"), 1, source_id="a")
    emit(rig.bus, 1, source_id="b")
    lease = rig.bus.take_lease("detect", "detect-0")
    entries = rig.bus.read(lease, 10, 0.1)
    commits = [
        Commit("a", 0, entries[0].id),
        Commit("a", 1, entries[1].id, end_payload=b"end"),
        Commit("b", 0, entries[2].id),
    ]
    rig.bus.step(Step(lease, commits))
    assert rig.bus.ended_sources("detect") == {"a"}
    assert rig.bus.done_counts("detect") == {"a": 1, "b": 1}


def test_objects_and_tracks_are_counted_where_frames_end_once_each(rig: Rig) -> None:
    commits = [Commit("cam", index, outputs=[("back", b"x")]) for index in range(3)]
    rig.bus.step(Step(rig.bus.take_lease("front", "front-0"), commits, positions={"cam": b""}))
    lease = rig.bus.take_lease("back", "back-0")
    entries = rig.bus.read(lease, 10, 0.1)
    found = [(4, 2), (3, 5), (0, 0)]
    for index, (objects, track) in enumerate(found):
        commit = Commit("cam", index, entries[index].id, objects=objects, last_track=track)
        rig.bus.step(Step(lease, [commit]))
        rig.bus.step(Step(lease, [commit]))  # refused: it has been committed
    assert rig.bus.results("back") == {"cam": SourceResult(frames=3, objects=7, tracks=5)}
    assert rig.bus.results("detect") == {}


def test_frames_without_a_tracker_have_no_tracks(rig: Rig) -> None:
    commit = Commit("cam", 0, outputs=[("back", b"x")])
    rig.bus.step(Step(rig.bus.take_lease("front", "front-0"), [commit], positions={"cam": b""}))
    lease = rig.bus.take_lease("back", "back-0")
    (entry,) = rig.bus.read(lease, 10, 0.1)
    rig.bus.step(Step(lease, [Commit("cam", 0, entry.id, objects=2)]))
    assert rig.bus.results("back") == {"cam": SourceResult(1, 2, None)}


def test_slots_are_given_once_and_come_back_when_the_last_reader_commits(rig: Rig) -> None:
    lease = rig.bus.take_lease("front", "front-0")
    taken = rig.bus.take_slots(lease, "prepare", 10, 0.1)
    assert sorted(ref.slot for ref in taken) == [0, 1, 2, 3]
    assert rig.bus.take_slots(lease, "prepare", 1, 0.01) == []
    assert rig.bus.free_slots() == {"prepare": 0}
    publish = Commit("cam", 0, outputs=[("detect", b"x")], filled=[(taken[0], 2)])
    rig.bus.step(Step(lease, [publish], positions={"cam": b""}))
    reader = rig.bus.take_lease("detect", "detect-0")
    (entry,) = rig.bus.read(reader, 10, 0.1)
    passed_on = Commit("cam", 0, entry.id, outputs=[("back", b"x")], released=[taken[0]])
    rig.bus.step(Step(reader, [passed_on]))
    assert rig.bus.take_slots(lease, "prepare", 1, 0.01) == []
    back = rig.bus.take_lease("back", "back-0")
    (entry,) = rig.bus.read(back, 10, 0.1)
    rig.bus.step(Step(back, [Commit("cam", 0, entry.id, released=[taken[0]])]))
    assert rig.bus.free_slots() == {"prepare": 1}
    (again,) = rig.bus.take_slots(lease, "prepare", 1, 0.1)
    assert (again.slot, again.generation) == (taken[0].slot, taken[0].generation + 1)


def test_a_server_tells_what_it_holds_in_memory(rig: Rig) -> None:
    told = rig.bus.memory_bytes()
    assert told is None if rig.server is None else told is not None and told > 100_000


def test_slots_that_were_never_published_go_back_with_a_new_generation(rig: Rig) -> None:
    lease = rig.bus.take_lease("front", "front-0")
    taken = rig.bus.take_slots(lease, "prepare", 4, 0.1)
    publish = Commit("cam", 0, outputs=[("detect", b"x")], filled=[(taken[0], 1)])
    rig.bus.step(Step(lease, [publish], positions={"cam": b""}))
    rig.bus.return_slots(lease, "prepare")
    free = rig.bus.take_slots(lease, "prepare", 10, 0.1)
    expected = {(ref.slot, ref.generation + 1) for ref in taken[1:]}
    assert {(ref.slot, ref.generation) for ref in free} == expected


def test_a_refused_commit_releases_no_slot(rig: Rig) -> None:
    lease = rig.bus.take_lease("front", "front-0")
    (slot,) = rig.bus.take_slots(lease, "prepare", 1, 0.1)
    publish = Commit("cam", 0, outputs=[("detect", b"x")], filled=[(slot, 2)])
    rig.bus.step(Step(lease, [publish], positions={"cam": b""}))
    reader = rig.bus.take_lease("detect", "detect-0")
    (entry,) = rig.bus.read(reader, 10, 0.1)
    release = Commit("cam", 0, entry.id, released=[slot])
    rig.bus.step(Step(reader, [release]))
    rig.bus.step(Step(reader, [release]))
    free = rig.bus.take_slots(lease, "prepare", 10, 0.01)
    assert slot.slot not in [ref.slot for ref in free]


def test_drops_are_counted_where_frames_end(rig: Rig) -> None:
    emit(rig.bus, 1)
    for group, outputs in (("detect", [("back", b"x")]), ("back", [])):
        lease = rig.bus.take_lease(group, f"{group}-0")
        (entry,) = rig.bus.read(lease, 10, 0.1)
        commit = Commit("cam", 0, entry.id, outputs=outputs, drop_reason="too large")
        assert [rig.bus.step(Step(lease, [commit])).accepted for _ in range(2)] == [1, 0]
    assert rig.bus.drops() == {("back", "cam", "too large"): 1}


def test_a_queue_holds_what_waits_and_what_is_being_worked_on(rig: Rig) -> None:
    emit(rig.bus, 3)
    lease = rig.bus.take_lease("detect", "detect-0")
    entries = rig.bus.read(lease, 2, 0.1)
    assert rig.bus.queue_lengths() == {"front": 0, "detect": 3, "back": 0}
    rig.bus.step(Step(lease, [Commit("cam", 0, entries[0].id, outputs=[("back", b"x")])]))
    assert rig.bus.queue_lengths() == {"front": 0, "detect": 2, "back": 1}


def test_frames_are_in_flight_until_every_sink_has_committed_them(rig: Rig) -> None:
    front = emit(rig.bus, 2)
    assert rig.bus.in_flight(front, "cam") == 2
    detect, back = rig.bus.take_lease("detect", "d"), rig.bus.take_lease("back", "b")
    for entry in rig.bus.read(detect, 2, 0.1):
        rig.bus.step(Step(detect, [Commit("cam", 0, entry.id, outputs=[("back", b"x")])]))
    (first, _) = rig.bus.read(back, 2, 0.1)
    rig.bus.step(Step(back, [Commit("cam", 0, first.id)]))
    assert rig.bus.in_flight(front, "cam") == 1
    result = rig.bus.step(Step(front, [Commit("cam", 2)], positions={"cam": b""}))
    assert result.in_flight == 2


def test_public_entries_are_added_with_the_commit_and_bounded(rig: Rig) -> None:
    stream = f"public-{uuid4().hex}"
    lease = rig.bus.take_lease("back", "back-0")
    entry = PublicEntry(stream, {"metadata": b"{}"}, maxlen=1000)
    source = rig.bus.take_lease("front", "front-0")
    rig.bus.step(Step(source, [Commit("cam", 0, public=[entry])], positions={"cam": b""}))
    rig.bus.step(Step(source, [Commit("cam", 0, public=[entry])], positions={"cam": b""}))
    assert rig.public(stream) == [{"metadata": b"{}"}]
    assert lease.epoch == 1


def test_public_entries_of_no_frame_are_added_once_with_their_step(rig: Rig) -> None:
    stream = f"public-{uuid4().hex}"
    entry = PublicEntry(stream, {"event": b"{}"}, maxlen=10)
    source = rig.bus.take_lease("front", "front-0")
    rig.bus.step(Step(source, [], positions={"cam": b"1"}, public=[entry]))
    refused = Step(source, [Commit("cam", 7)], positions={"cam": b"2"}, public=[entry])
    assert rig.bus.step(refused).accepted == 0
    assert rig.public(stream) == [{"event": b"{}"}]
    assert rig.bus.positions() == {"cam": b"1"}


def test_counters_add_up(rig: Rig) -> None:
    lease = rig.bus.take_lease("back", "back-0")
    rig.bus.step(Step(lease, [], counters={"frames:x": 2}))
    rig.bus.step(Step(lease, [], counters={"frames:x": 3, "frames:y": 1}))
    counters = rig.bus.counters()
    assert (counters["frames:x"], counters["frames:y"]) == (5, 1)


def test_a_stop_request_reaches_every_step(rig: Rig) -> None:
    lease = emit(rig.bus, 1)
    assert not rig.bus.is_stopping()
    rig.bus.request_stop()
    assert rig.bus.is_stopping()
    assert rig.bus.step(Step(lease, [])).is_stopping


def test_an_order_reaches_every_step_of_its_consumer_until_it_is_taken_back(rig: Rig) -> None:
    mine, other = rig.bus.take_lease("front", "front.a"), rig.bus.take_lease("front", "front.b")
    assert rig.bus.step(Step(mine, [])).order == ""
    rig.bus.tell("front.a", "pause for now")
    assert [rig.bus.step(Step(mine, [])).order for _ in range(2)] == ["pause for now"] * 2
    assert rig.bus.step(Step(other, [])).order == ""
    rig.bus.tell("front.a", "")
    assert rig.bus.step(Step(mine, [])).order == ""


def end_everywhere(bus: Bus, lease: Lease, count: int) -> None:
    """End `cam` and pass all that there is through to the end."""
    end(bus, lease, count)
    for group, readers in (("detect", ["back"]), ("back", [])):
        reader = bus.take_lease(group, f"{group}-0")
        for index, entry in enumerate(bus.read(reader, 100, 0.1)):
            last = entry.payload if entry.payload == b"end" else None
            outputs = [(each, entry.payload) for each in readers if last is None]
            frame = int(entry.payload.split()[-1]) if last is None else count
            commit = Commit("cam", frame, entry.id, end_payload=last, outputs=outputs)
            assert bus.step(Step(reader, [commit])).accepted == 1, index


def test_a_source_that_has_ended_may_begin_again_where_it_ended(rig: Rig) -> None:
    end_everywhere(rig.bus, emit(rig.bus, 2), 2)
    assert rig.bus.finished() == 1
    rig.bus.reopen("cam")
    assert rig.bus.finished() == 0
    assert [rig.bus.ended_sources(group) for group in LAYOUT.groups] == [set(), set(), set()]
    lease = emit(rig.bus, 1, start=2)
    assert rig.bus.in_flight(lease, "cam") == 1
    end_everywhere(rig.bus, lease, 3)
    assert rig.bus.finished() == 1
    assert rig.bus.done_counts("back") == {"cam": 3}


def test_states_of_a_node_are_forgotten_and_those_of_others_stay(rig: Rig) -> None:
    lease = rig.bus.take_lease("back", "back-0")
    rig.bus.step(Step(lease, [], states={("track", "cam"): b"1", ("count", "cam"): b"2"}))
    rig.bus.forget_states("track")
    assert (rig.bus.states("track"), rig.bus.states("count")) == ({}, {"cam": b"2"})


def test_a_run_whose_keys_are_gone_is_lost(rig: Rig) -> None:
    lease = emit(rig.bus, 1)
    rig.bus.delete()
    with pytest.raises(RunLostError):
        rig.bus.step(Step(lease, []))
    with pytest.raises(RunLostError):
        rig.bus.take_lease("front", "front-0")
    with pytest.raises(RunLostError):
        rig.bus.claim_source(lease, "b")
    with pytest.raises(RunLostError):
        rig.bus.read(Lease("detect", "detect-0", 1), 1, 0.01)
    with pytest.raises(RunLostError):
        rig.bus.finished()
