"""Presence: one event when something is there, one when it is gone."""

from __future__ import annotations

from typing import Any

import pytest

from streamdet.analytics import Analytics
from tests.analytics.scenes import Feet, frame, kinds, make, play

SEEN: Feet = {0: (50, 50)}


def presence(**watch: Any) -> Analytics:
    values = {"at_least": 3, "of_frames": 5} | watch
    return make("presence", presence={"somebody": values})


def shown(text: str) -> list[Feet]:
    return [SEEN if at == "x" else {} for at in text]


def test_flicker_becomes_one_start_and_one_end() -> None:
    events = play(presence(), shown("x.x.xx.x..x......"))
    assert kinds(events) == [(4, "presence_start"), (15, "presence_end")]
    assert events[0][1].place == "somebody"
    assert events[0][1].counts == {"objects": 1}


def test_a_false_alarm_is_none() -> None:
    assert play(presence(), shown("xx.....x....x.x....")) == []


def test_so_many_objects_and_only_of_the_class_count() -> None:
    two_cars = presence(classes=["car"], min_objects=2, at_least=1)
    assert two_cars.update(frame(0, {1: (10, 50), 2: (30, 50)}, class_ids=[0, 1])).events == ()
    (start,) = two_cars.update(frame(1, {1: (10, 50), 2: (30, 50)}, class_ids=[1, 1])).events
    assert start.kind == "presence_start"


def test_only_objects_in_the_zone_count() -> None:
    half = {"left": {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}
    zones, watched = make("zones", zones=half), presence(zone="left", at_least=1)
    assert watched.update(zones.update(frame(0, {0: (80, 50)}))).events == ()
    assert watched.update(zones.update(frame(1, {0: (20, 50)}))).events != ()


def test_more_frames_than_are_looked_at_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot ask for at_least 6 of of_frames 5 frames"):
        presence(at_least=6)
