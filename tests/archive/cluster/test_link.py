"""What this side makes of what a node says, and of its silence; the node is played by the test."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from streamdet.archive.cluster.link import SILENT_S, LostError, NodeLink, UnfitError
from streamdet.archive.cluster.node import News
from streamdet.archive.waves import Waves
from tests.archive.four_segments import ended, waves

__all__ = ["waves"]


@dataclass
class Method:
    """A method of an actor; what it is called with is the reference of its answer."""

    name: str

    def remote(self, *arguments: Any) -> str:
        return self.name


@dataclass
class Node:
    """Answers what it is told to, once each; None: nothing yet."""

    answers: list[Any] = field(default_factory=list)
    check: Method = field(default_factory=lambda: Method("check"))
    begin: Method = field(default_factory=lambda: Method("begin"))
    news: Method = field(default_factory=lambda: Method("news"))

    def fetch(self, reference: str) -> Any:
        return self.answers.pop(0) if self.answers else None


class Clock:
    now_s = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now_s)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return clock


def begun(waves: Waves, node: Node, clock: Clock) -> NodeLink:
    """A link whose node works on all four segments."""
    link = NodeLink("far", node, lanes=2, waves=waves)
    node.answers += ["", ""]
    for _ in range(3):
        clock.now_s += 1.0
        link.tick(0.5, node.fetch)
    return link


def told(link: NodeLink, node: Node, clock: Clock, news: News) -> None:
    for answer in ([], [news]):
        clock.now_s += 1.0
        node.answers += answer
        link.tick(0.5, node.fetch)


def test_a_node_that_cannot_work_is_unfit(waves: Waves) -> None:
    node = Node(["has no weights"])
    link = NodeLink("far", node, lanes=2, waves=waves)
    with pytest.raises(UnfitError, match="has no weights"):
        link.tick(0.5, node.fetch)
    assert not link.is_ready


def test_a_silent_node_is_lost_and_others_get_its_segments(waves: Waves, clock: Clock) -> None:
    node, killed = Node(), list[object]()
    link = begun(waves, node, clock)
    told(link, node, clock, News(ended=((ended("1-0"), b"first"),)))
    clock.now_s += 1.0
    link.tick(0.5, node.fetch)  # asks for news
    clock.now_s += SILENT_S
    link.tick(0.5, node.fetch)
    clock.now_s += 0.1
    with pytest.raises(LostError, match="has not answered for 10 s"):
        link.tick(0.5, node.fetch)
    link.give_up(killed.append)
    assert killed == [node]
    wave = waves.take()
    assert wave is not None
    assert [*wave.open] == ["1-1", "1-2", "1-3"]


def test_a_late_answer_counts_where_nobody_has_looked_in_between(
    waves: Waves, clock: Clock
) -> None:
    node = Node()
    link = begun(waves, node, clock)
    clock.now_s += 1.0
    link.tick(0.5, node.fetch)  # asks for news
    clock.now_s += 3600.0  # this machine was suspended
    node.answers.append(News(ended=((ended("1-0"), b"first"),)))
    link.tick(0.5, node.fetch)
    assert link.settled == 1


def test_the_first_detections_of_a_segment_count(waves: Waves, clock: Clock) -> None:
    node = Node()
    link = begun(waves, node, clock)
    twice = ((ended("1-0"), b"first"), (ended("1-0"), b"second"))
    told(link, node, clock, News(ended=twice))
    assert (waves.folder.segments / "1-0.seg").read_bytes() == b"first"
    assert link.settled == 1


def test_a_run_that_failed_is_blamed_on_what_was_under_way(waves: Waves, clock: Clock) -> None:
    node = Node()
    link = begun(waves, node, clock)
    told(link, node, clock, News(running=(ended("1-2"),), is_over=True, failure="it ended"))
    alone = waves.take()
    assert alone is not None
    assert [*alone.open] == ["1-2"]


def test_a_run_that_failed_before_any_frame_is_the_node_s_fault(waves: Waves, clock: Clock) -> None:
    node = Node()
    link = begun(waves, node, clock)
    with pytest.raises(UnfitError, match="no GPU"):
        told(link, node, clock, News(is_over=True, failure="no GPU"))
    assert waves.take() is not None
