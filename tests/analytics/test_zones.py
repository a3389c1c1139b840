"""Zones: who is in them, and when that changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamdet.analytics import Analytics
from streamdet.errors import ConfigError
from streamdet.events import Event
from tests.analytics.scenes import Feet, frame, kinds, make, play

LOWER_HALF = [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]
IN, OUT = (50.0, 80.0), (50.0, 20.0)


def zones(hold_frames: int = 3, lost_s: float = 0.5, **zone: Any) -> Analytics:
    yard = {"polygon": LOWER_HALF} | zone
    return make("zones", zones={"yard": yard}, hold_frames=hold_frames, lost_s=lost_s)


def way(text: str, track_id: int = 7) -> list[Feet]:
    """Frames: i is in the zone, o outside it, . not seen."""
    return [{track_id: IN} if at == "i" else {track_id: OUT} if at == "o" else {} for at in text]


def test_an_object_enters_and_leaves_when_three_frames_in_a_row_say_so() -> None:
    events = play(zones(), way("ooiiiiiooo"))
    assert kinds(events) == [(4, "zone_enter"), (9, "zone_exit")]
    (_, enter), (_, leave) = events
    assert (enter.place, enter.track_id, enter.class_id) == ("yard", 7, 0)
    assert enter.xyxy == (48, 70, 52, 80)
    assert enter.counts == {"inside": 1, "entered": 1, "exited": 0}
    assert leave.counts == {"inside": 0, "entered": 1, "exited": 1}
    assert enter.more == {"inside": [(0, 1)]}
    assert leave.more == {"dwell_s": 0.5, "reason": "left", "inside": []}  # frames 2 to 7, 10 fps


def test_flicker_at_the_border_makes_no_events() -> None:
    assert play(zones(), way("oioioiioiiooioi")) == []
    assert kinds(play(zones(), way("iiioioiooioioo"))) == [(2, "zone_enter")]


def test_an_object_that_appears_inside_has_entered() -> None:
    assert kinds(play(zones(), way("iii"))) == [(2, "zone_enter")]


def test_one_that_is_not_seen_any_more_has_left_but_not_at_once() -> None:
    events = play(zones(), way("iii.....iii......"))  # away for 0.5 s, then for more
    assert kinds(events) == [(2, "zone_enter"), (16, "zone_exit")]
    assert events[1][1].more == {"dwell_s": 1.0, "reason": "lost", "inside": []}
    assert events[1][1].xyxy is None


def test_dwelling_is_told_once_a_visit() -> None:
    events = play(zones(hold_frames=1, dwell_s=0.4), way("iiiiiiiioiiii"))
    assert kinds(events) == [
        (0, "zone_enter"),
        (4, "zone_dwell"),
        (8, "zone_exit"),
        (9, "zone_enter"),
    ]
    assert events[1][1].more == {"dwell_s": 0.4, "inside": [(0, 1)]}
    assert kinds(play(zones(hold_frames=1, dwell_s=0.4), way("iiiiioiiiii"))) == [
        *((0, "zone_enter"), (4, "zone_dwell"), (5, "zone_exit")),
        *((6, "zone_enter"), (10, "zone_dwell")),
    ]


def test_a_camera_dwells_by_the_wall_clock_whatever_its_own_clock_says() -> None:
    live = make("zones", is_live=True, zones={"yard": {"polygon": LOWER_HALF, "dwell_s": 0.35}})
    noticed: list[tuple[int, str]] = []
    for index in range(6):
        one = frame(index, {7: IN})
        jumping = replace(one, frame=replace(one.frame, pts=-1000 * index))
        noticed += [(index, event.kind) for event in live.update(jumping).events]
    assert noticed == [(2, "zone_enter"), (4, "zone_dwell")]


def people(*ids: int) -> Feet:
    return {track_id: (10.0 + 5 * number, 80.0) for number, track_id in enumerate(ids)}


def test_more_than_the_most_is_a_crowd_until_it_is_not() -> None:
    crowd = [people(1), people(1, 2), people(1, 2), people(1, 2), people(1, 2)]
    events = play(zones(hold_frames=2, max_inside=1, lost_s=0), [*crowd, people(1), people(1)])
    crowds = [
        (index, event) for index, event in events if "crowd" in event.kind or "cl" in event.kind
    ]
    assert kinds(crowds) == [(3, "zone_crowded"), (6, "zone_cleared")]
    assert crowds[0][1].counts["inside"] == 2
    assert (crowds[0][1].track_id, crowds[0][1].class_id) == (None, None)


def test_objects_without_a_track_are_inside_but_neither_enter_nor_leave() -> None:
    seen = zones(max_inside=1).update(frame(0, {0: IN, -1: IN, -2: OUT}))
    assert seen.events == ()
    assert seen.markings[0].text == "yard 2"
    assert seen.detections is not None
    assert seen.detections.zones == (("yard",), ("yard",), ())


def test_a_graph_without_a_tracker_counts_who_is_inside() -> None:
    one = frame(0, {1: IN})
    assert one.detections is not None
    bare = replace(one, detections=replace(one.detections, track_ids=None))
    seen = zones().update(bare)
    assert (seen.events, seen.markings[0].text) == ((), "yard 1")


def test_objects_name_their_zones_as_the_events_do() -> None:
    analytics, named = zones(), []
    for index, feet in enumerate(way("oiiiooo")):
        found = analytics.update(frame(index, feet)).detections
        assert found is not None
        assert found.zones is not None
        named.append(found.zones[0])
    assert named == [(), (), (), ("yard",), ("yard",), ("yard",), ()]


def test_only_the_named_classes_count() -> None:
    cars = zones(hold_frames=1, classes=["car"])
    seen = cars.update(frame(0, {1: IN, 2: IN}, class_ids=[0, 1]))
    assert [(event.track_id, event.class_id) for event in seen.events] == [(2, 1)]


def test_zones_of_other_sources_are_not_there() -> None:
    options = {"yard": {"polygon": LOWER_HALF, "source": "gate"}}
    seen = make("zones", "door", zones=options).update(frame(0, {1: IN}))
    assert seen.markings == ()
    assert make("zones", "gate", zones=options).update(frame(0, {1: IN})).markings != ()


@pytest.mark.parametrize(
    ("point", "is_in"), [("bottom_center", True), ("center", True), ("top_center", False)]
)
def test_the_chosen_point_of_the_box_counts(point: str, is_in: bool) -> None:
    options = {"yard": {"polygon": LOWER_HALF}}
    chosen = make("zones", zones=options, point=point, hold_frames=1)
    assert bool(play(chosen, [{1: (50, 57)}])) == is_in  # a box from 47 to 57


def test_pixels_are_those_of_the_first_image_and_grow_with_later_ones() -> None:
    analytics = zones(polygon=[[0, 50], [100, 50], [100, 100], [0, 100]])
    first = analytics.update(frame(0, {}))
    later = analytics.update(frame(1, {}, hw=(200, 300)))
    assert first.markings[0].xy == ((0, 50), (100, 50), (100, 100), (0, 100))
    assert later.markings[0].xy == ((0, 100), (300, 100), (300, 200), (0, 200))


def test_pixels_outside_the_image_are_refused_with_its_size() -> None:
    with pytest.raises(ConfigError, match=r"zones.yard.polygon lies outside the image of door: "):
        zones(polygon=[[0, 0], [101, 0], [50, 50]]).update(frame(0, {}))


def test_an_object_on_the_border_is_in() -> None:
    assert kinds(play(zones(hold_frames=1), [{1: (50, 50)}])) == [(0, "zone_enter")]


def test_a_frame_without_objects_still_has_its_zone_drawn() -> None:
    (mark,) = zones().update(frame(0, {})).markings
    assert (mark.shape, mark.name, mark.text, mark.is_active) == ("zone", "yard", "yard 0", False)


def test_a_box_of_nan_is_nowhere() -> None:
    one = frame(0, {1: IN})
    assert one.detections is not None
    nowhere = replace(one.detections, xyxy=np.full((1, 4), np.nan, np.float32))
    assert zones(hold_frames=1).update(replace(one, detections=nowhere)).events == ()


def wandering(seed: int, count: int = 200) -> list[Feet]:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (6, 2))
    frames: list[Feet] = []
    for _ in range(count):
        xy = np.clip(xy + rng.normal(size=(6, 2)) * 4, 0, 100)
        seen = rng.random(6) > 0.2
        frames.append({i + 1: (float(x), float(y)) for i, (x, y) in enumerate(xy) if seen[i]})
    return frames


OPTIONS: dict[str, dict[str, Any]] = {
    "zones": {
        "zones": {"yard": {"polygon": LOWER_HALF, "dwell_s": 0.5, "max_inside": 3}, "all": {
            "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}},
        "lost_s": 0.3,
    },
    "lines": {"lines": {"gate": {"line": [[0, 0.5], [1, 0.5]]}}},
    "presence": {"presence": {"crowd": {"at_least": 3, "of_frames": 4, "min_objects": 5}}},
    "speed": {"metres_per_pixel": 0.1, "max_mps": 1, "over_s": 0.5},
    "tracks": {"min_frames": 3, "lost_s": 0.1},
}  # fmt: skip


@pytest.mark.parametrize("kind", OPTIONS)
def test_one_restored_after_every_frame_notices_what_an_unbroken_one_does(kind: str) -> None:
    unbroken, broken = make(kind, **OPTIONS[kind]), make(kind, **OPTIONS[kind])
    wanted: list[tuple[int, Event]] = []
    came: list[tuple[int, Event]] = []
    for index, feet in enumerate(wandering(1)):
        wanted += play(unbroken, [feet], index)
        state = broken.state()
        broken = make(kind, **OPTIONS[kind])
        broken.restore(state)
        came += play(broken, [feet], index)
    assert came == wanted
    assert len(came) > 2
    assert broken.state() == unbroken.state()


@pytest.mark.parametrize("kind", ["zones", "lines", "presence"])
def test_places_that_came_and_went_while_it_ran_are_fine(kind: str) -> None:
    first, *_ = OPTIONS[kind][kind].values()
    later: dict[str, Any] = {kind: {"new": first}}
    before = make(kind, **OPTIONS[kind])
    play(before, wandering(1, 20))
    after = make(kind, **later)
    after.restore(before.state())
    play(after, wandering(2, 20))
