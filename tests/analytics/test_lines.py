"""Lines: who crosses them, in which direction."""

from __future__ import annotations

from typing import Any

import pytest

from streamdet.analytics import Analytics
from streamdet.errors import ConfigError
from tests.analytics.scenes import Feet, frame, kinds, make, play

ACROSS = [[0.2, 0.5], [0.8, 0.5]]
"""From left to right through the middle: below it is the right hand."""


def lines(hold_frames: int = 3, **line: Any) -> Analytics:
    return make("lines", lines={"gate": {"line": ACROSS} | line}, hold_frames=hold_frames)


def walk(ys: list[float], x: float = 50.0) -> list[Feet]:
    return [{7: (x, y)} for y in ys]


DOWN = [25.0, 35, 45, 55, 65, 75]


def test_who_crosses_to_the_right_hand_goes_in() -> None:
    events = play(lines(), walk(DOWN))
    assert kinds(events) == [(5, "line_crossed")]
    ((_, crossed),) = events
    assert (crossed.place, crossed.track_id, crossed.class_id) == ("gate", 7, 0)
    assert (crossed.counts, crossed.more) == ({"in": 1, "out": 0}, {"direction": "in"})


def test_who_crosses_to_the_left_hand_goes_out() -> None:
    ((_, crossed),) = play(lines(), walk(DOWN[::-1]))
    assert (crossed.counts, crossed.more) == ({"in": 0, "out": 1}, {"direction": "out"})


def test_a_line_drawn_the_other_way_counts_the_other_way() -> None:
    ((_, crossed),) = play(lines(line=ACROSS[::-1]), walk(DOWN))
    assert crossed.more == {"direction": "out"}


def test_flicker_at_the_line_crosses_once_or_not_at_all() -> None:
    assert play(lines(), walk([45, 51, 49, 51, 52, 49, 51, 49])) == []
    assert kinds(play(lines(), walk([45, 51, 49, 51, 52, 49, 51, 55, 60, 65]))) == [
        (8, "line_crossed")
    ]


def test_there_and_back_is_in_and_out() -> None:
    ways = [event.more["direction"] for _, event in play(lines(1), walk([45, 55, 45, 55]))]
    assert ways == ["in", "out", "in"]


def test_who_walks_round_an_end_does_not_cross() -> None:
    around: list[Feet] = [{7: (50, 45)}, {7: (95, 45)}, {7: (95, 55)}, {7: (50, 55)}]
    assert play(lines(1), around) == []


def test_a_track_that_was_away_while_it_crossed_has_crossed() -> None:
    gap: list[Feet] = [{7: (50, 45)}, {}, {}, {7: (50, 60)}, {7: (50, 61)}, {7: (50, 62)}]
    assert kinds(play(lines(), gap)) == [(5, "line_crossed")]


def test_one_that_was_away_for_long_is_somebody_new() -> None:
    gap: list[Feet] = [{7: (50, 45)}, *[{}] * 60, {7: (50, 60)}, {7: (50, 61)}, {7: (50, 62)}]
    assert play(lines(), gap) == []


def test_somebody_on_the_line_is_on_neither_side() -> None:
    assert play(lines(1), walk([45, 50, 45, 50])) == []
    assert kinds(play(lines(1), walk([45, 50, 55]))) == [(2, "line_crossed")]


def test_who_appears_beyond_the_line_has_not_crossed() -> None:
    assert play(lines(1), walk([55, 60, 65])) == []


def test_objects_without_a_track_cross_nothing() -> None:
    assert play(lines(1), [{0: (50, 45)}, {0: (50, 55)}]) == []


def test_only_the_named_classes_cross() -> None:
    gate = lines(1, classes=["car"])
    gate.update(frame(0, {1: (40, 45), 2: (60, 45)}, class_ids=[0, 1]))
    crossed = gate.update(frame(1, {1: (40, 55), 2: (60, 55)}, class_ids=[0, 1])).events
    assert [event.track_id for event in crossed] == [2]


def test_the_line_is_drawn_with_its_counts() -> None:
    gate = lines(1)
    gate.update(frame(0, {1: (50, 45)}))
    (mark,) = gate.update(frame(1, {1: (50, 55)})).markings
    assert (mark.shape, mark.xy, mark.text, mark.is_active) == (
        "line", ((20, 50), (80, 50)), "gate in 1 out 0", True,
    )  # fmt: skip


def test_a_line_outside_the_image_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"lines.gate.line lies outside .* \[120, 50\] .*100x100"):
        lines(line=[[0, 50], [120, 50]]).update(frame(0, {}))
