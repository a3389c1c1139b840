"""Speed over the ground, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamdet.analytics import Analytics
from streamdet.analytics.ground import homography, on_ground
from tests.analytics.scenes import Feet, frame, make, play


def walking(pixels_per_frame: float, count: int = 12) -> list[Feet]:
    return [{7: (10 + pixels_per_frame * index, 50)} for index in range(count)]


def speeds(analytics: Analytics, ways: list[Feet]) -> list[float]:
    measured = []
    for index, feet in enumerate(ways):
        found = analytics.update(frame(index, feet)).detections
        assert found is not None
        assert found.speeds is not None
        measured.append(float(found.speeds[0]))
    return measured


def test_a_scale_turns_pixels_into_metres_per_second() -> None:
    measured = speeds(make("speed", metres_per_pixel=0.05), walking(4))  # 40 px/s
    assert np.isnan(measured[:5]).all()  # not seen for half a second yet
    assert measured[5:] == pytest.approx([2.0] * 7)


def test_a_homography_knows_that_what_is_far_looks_small() -> None:
    ground = {
        "image": [[0.4, 0.2], [0.6, 0.2], [1, 1], [0, 1]],
        "metres": [[0, 20], [10, 20], [10, 0], [0, 0]],
    }
    near = speeds(make("speed", ground=ground), [{7: (10 + 4 * i, 100)} for i in range(12)])
    assert near[-1] == pytest.approx(4.0)  # 100 px are 10 m there: 40 px/s
    far = speeds(make("speed", ground=ground), [{7: (40 + i, 20)} for i in range(12)])
    assert far[-1] == pytest.approx(5.0)  # 20 px are 10 m: 10 px/s


def test_the_corners_lie_where_they_are_said_to() -> None:
    image = np.array([[40, 20], [60, 20], [100, 100], [0, 100]], np.float64)
    metres = np.array([[0, 20], [10, 20], [10, 0], [0, 0]], np.float64)
    np.testing.assert_allclose(on_ground(homography(image, metres), image), metres, atol=1e-3)


def test_who_is_too_fast_is_told_once() -> None:
    fast = make("speed", metres_per_pixel=0.05, max_mps=1.9)
    ((index, event),) = play(fast, walking(4))
    assert (index, event.kind, event.track_id) == (5, "speeding", 7)
    assert event.more == {"speed_mps": 2.0}
    assert play(make("speed", metres_per_pixel=0.05, max_mps=2.1), walking(4)) == []


def test_objects_without_a_track_have_no_speed() -> None:
    bare = make("speed", metres_per_pixel=0.05)
    assert np.isnan(speeds(bare, [{0: (10 + 4 * i, 50)} for i in range(12)])).all()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "must say either metres_per_pixel or ground"),
        (
            {
                "ground": {
                    "image": [[0, 0], [0.5, 0], [1, 0], [1, 1]],
                    "metres": [[0, 0], [1, 0], [1, 1], [0, 1]],
                }
            },
            "must not have three points on a line, image has",
        ),
    ],
)
def test_what_gives_no_scale_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        make("speed", **options)
