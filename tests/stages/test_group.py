"""Stages of one process: each reads what its parent made, and its own work is timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from streamdet.stages import Job
from streamdet.stages.group import Member, StageGroup
from tests.stages.toy_jobs import job


class Marking:
    """Appends its name to the model of each message, and notes what is asked of it."""

    def __init__(self, name: str, notes: list[tuple[str, object]]) -> None:
        self.name, self.notes = name, notes

    def process(self, jobs: Sequence[Job]) -> list[Job]:
        return [
            replace(
                one, message=replace(one.message, model=f"{one.message.model or ''}{self.name}")
            )
            for one in jobs
        ]

    def finish(self, source_id: str) -> None:
        self.notes.append((self.name, source_id))

    def restore(self, states: Mapping[str, bytes]) -> None:
        self.notes.append((self.name, dict(states)))

    def states(self) -> dict[str, bytes]:
        return {"key": self.name.encode()}

    def committed(self) -> None:
        self.notes.append((self.name, "committed"))

    def close(self) -> None:
        self.notes.append((self.name, "closed"))


def make(notes: list[tuple[str, object]], waited_ns: int = 0) -> StageGroup:
    parents = {"a": None, "b": "a", "c": "a"}
    members = [Member(name, parent, Marking(name, notes)) for name, parent in parents.items()]
    return StageGroup(members, lambda: waited_ns)


def test_each_member_works_on_what_its_parent_made() -> None:
    results = make([]).process([job(0), job(1)])
    models = {node: [one.message.model for one in jobs] for node, jobs in results.items()}
    assert models == {"a": ["a", "a"], "b": ["ab", "ab"], "c": ["ac", "ac"]}


def test_jobs_made_outside_count_as_a_result_too() -> None:
    group = StageGroup([Member("b", "camera", Marking("b", []))])
    results = group.process([job(0)], entry_node="camera")
    assert [list(results), results["camera"][0].message.model] == [["camera", "b"], None]


def test_timings_follow_the_way_of_the_frame_and_waiting_for_slots_is_not_work() -> None:
    results = make([], waited_ns=10**12).process([job(0)])
    timings = results["b"][0].message.timings
    assert [timing.node for timing in timings] == ["a", "b"]
    assert timings[1].start_ns - timings[0].start_ns < 10**12
    assert timings[1].start_ns > timings[0].end_ns


def test_every_member_is_told_in_order() -> None:
    notes: list[tuple[str, object]] = []
    group = make(notes)
    group.restore({"b": {"key": b"1"}})
    group.finish("cam")
    group.committed()
    group.close()
    expected: list[object] = [
        {},
        {"key": b"1"},
        {},
        *["cam"] * 3,
        *["committed"] * 3,
        *["closed"] * 3,
    ]
    assert notes == list(zip("abc" * 4, expected, strict=True))


def test_states_are_kept_by_node() -> None:
    assert make([]).states() == {(name, "key"): name.encode() for name in "abc"}
