"""Zones and lines drawn into an image."""

from __future__ import annotations

import numpy as np

from streamdet.events import Marking
from streamdet.frame import Geometry
from streamdet.image import Pixels
from streamdet.sinks.markings import draw_areas, draw_counts, moved
from tests.sinks.frames import plain_yuv, shown

HW = (480, 640)
SQUARE = Marking("zone", "yard", ((100, 100), (300, 100), (300, 300), (100, 300)), "yard 2")
GATE = Marking("line", "gate", ((400, 240), (600, 240)), "gate in 1 out 0")


def drawn(*markings: Marking) -> Pixels:
    image = plain_yuv(90, HW)
    draw_areas(image, markings)
    return shown(image)


def changed(image: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(np.abs(image.astype(int) - 90).max(axis=2) > 6)


def test_a_zone_is_tinted_inside_and_nowhere_else() -> None:
    touched = changed(drawn(SQUARE))
    assert touched[150:250, 150:250].all()
    assert not touched[:, 320:].any()
    assert not touched[320:].any()


def test_a_zone_with_somebody_in_it_stands_out() -> None:
    active = Marking(SQUARE.shape, SQUARE.name, SQUARE.xy, SQUARE.text, is_active=True)
    calm, lit = drawn(SQUARE)[200, 200].astype(int), drawn(active)[200, 200].astype(int)
    assert np.abs(lit - 90).sum() > 1.3 * np.abs(calm - 90).sum()


def test_the_arrow_of_a_line_points_to_its_right_hand() -> None:
    touched = changed(drawn(GATE))
    assert touched[236:244, 420:580].any(axis=0).all()
    assert touched[248:260, 490:510].any()  # drawn from left to right: in is below
    assert not touched[200:232].any()
    turned = Marking("line", "gate", GATE.xy[::-1], GATE.text)
    assert changed(drawn(turned))[220:232, 490:510].any()


def test_counts_are_written_at_the_highest_corner_and_stay_in_the_image() -> None:
    image = plain_yuv(90, HW)
    outside = Marking("zone", "edge", ((600, -20), (700, 100), (500, 100)), "edge 1234")
    draw_counts(image, (SQUARE, outside))
    touched = changed(shown(image))
    assert touched[102:112, 104:140].any()
    assert touched[:16, 560:].any()


def test_a_zone_outside_the_image_draws_nothing() -> None:
    assert not changed(drawn(Marking("zone", "far", ((700, 0), (800, 0), (800, 90)), ""))).any()


def test_markings_move_as_the_image_does() -> None:
    (mark,) = moved((GATE,), Geometry((0.5, 0.5), (10, 20)))
    assert mark.xy == ((210, 140), (310, 140))
