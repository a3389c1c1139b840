"""Ages from packets' times and arrivals, worked by hand."""

from __future__ import annotations

import pytest

from streamdet.sources.capture_clock import CaptureClock, CaptureTime

WALL_NS = 1_000_000 * 10**9
HOUR_S = 3600.0


def age_s(clock: CaptureClock, pts_s: float, now_s: float) -> float:
    return clock.time(pts_s, now_s, WALL_NS).age_ns / 1e9


def steady(clock: CaptureClock, pts_s: float, arrival_s: float, seconds: float) -> None:
    """Packets at 10 a second from these times on, as they should."""
    for step in range(round(seconds * 10)):
        clock.packet(pts_s + step / 10, arrival_s + step / 10)


def test_a_frame_is_as_old_as_it_waited_behind_the_fastest_packet() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0)
    clock.packet(0.1, 100.13)  # 30 ms slower than the first one
    assert age_s(clock, 0.1, 100.13) == pytest.approx(0.03)
    assert age_s(clock, 0.1, 100.15) == pytest.approx(0.05)  # and 20 ms were spent on decoding


def test_a_faster_packet_makes_those_before_it_older() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.5)
    assert age_s(clock, 0.0, 100.5) == 0
    clock.packet(0.1, 100.2)
    assert age_s(clock, 0.0, 100.5) == pytest.approx(0.4)


def test_what_a_frozen_network_delivers_at_once_is_old() -> None:
    clock = CaptureClock()
    steady(clock, 0.0, 100.0, 3)
    for step in range(600):  # one minute is frozen, then comes at once
        clock.packet(3 + step / 10, 163.0)
    assert age_s(clock, 3.0, 163.0) == pytest.approx(60)
    assert age_s(clock, 62.9, 163.0) == pytest.approx(0.1)
    clock.packet(63.0, 163.0)
    assert age_s(clock, 63.0, 163.0) == pytest.approx(0)


def test_what_was_lost_in_a_frozen_network_changes_nothing() -> None:
    clock = CaptureClock()
    steady(clock, 0.0, 100.0, 3)
    clock.packet(3.0, 110.0)
    clock.packet(9.5, 110.0)  # the camera threw away the 6.4 s between them
    assert age_s(clock, 3.0, 110.0) == pytest.approx(7)
    assert age_s(clock, 9.5, 110.0) == pytest.approx(0.5)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S, 5.0, -5.0, -(2.0**32) / 90_000])
def test_a_camera_clock_that_jumps_starts_a_new_estimate(jump_s: float) -> None:
    clock = CaptureClock()
    steady(clock, 50_000.0, 100.0, 3)
    clock.packet(50_003.0 + jump_s, 103.0)
    clock.packet(50_003.1 + jump_s, 103.2)
    assert age_s(clock, 50_003.0 + jump_s, 103.0) == pytest.approx(0)
    assert age_s(clock, 50_003.1 + jump_s, 103.2) == pytest.approx(0.1)


@pytest.mark.parametrize("drift", [1e-4, -1e-4])
def test_a_drifting_clock_is_followed_for_an_hour(drift: float) -> None:
    clock = CaptureClock()
    for step in range(36_000):
        clock.packet(step / 10 * (1 + drift), 100 + step / 10)
    assert age_s(clock, 3599.9 * (1 + drift), 3699.9) < 0.001


def test_a_camera_clock_that_runs_a_tenth_too_slowly_makes_no_frame_older_than_half_a_second() -> (
    None
):
    clock = CaptureClock()
    for step in range(6000):
        clock.packet(step * 0.09, 100 + step / 10)
    assert 0 < age_s(clock, 5999 * 0.09, 699.9) < 0.6


def test_frames_between_others_go_back_by_less_than_a_jump() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0)
    clock.packet(0.4, 100.1)  # sent ahead of the two that refer to it
    clock.packet(0.1, 100.2)
    assert age_s(clock, 0.1, 100.2) == pytest.approx(0.4)


def test_the_wall_clock_of_the_host_changes_no_age() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0)
    before = clock.time(0.0, 100.25, WALL_NS)
    after = clock.time(0.0, 100.25, WALL_NS + 3600 * 10**9)
    assert before == CaptureTime(WALL_NS - 250_000_000, "host", 250_000_000)
    assert after == CaptureTime(WALL_NS + 3600 * 10**9 - 250_000_000, "host", 250_000_000)


def test_the_wall_clock_of_the_camera_is_taken_where_it_is_near_ours() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0, camera_wall_s=1_000_000 - 0.04)
    assert clock.time(0.0, 100.0, WALL_NS) == CaptureTime(WALL_NS - 40_000_000, "camera", 0)
    later = clock.time(1.0, 101.0, WALL_NS + 10**9)  # no report of its own: from the last one
    assert later == CaptureTime(WALL_NS + 960_000_000, "camera", 0)


@pytest.mark.parametrize("off_s", [-1_000_000.0, HOUR_S, -3.0])
def test_the_wall_clock_of_a_camera_that_was_never_set_is_not_taken(off_s: float) -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0, camera_wall_s=1_000_000 + off_s)
    assert clock.time(0.0, 100.0, WALL_NS) == CaptureTime(WALL_NS, "host", 0)


def test_a_camera_clock_at_the_edge_of_trust_does_not_flutter() -> None:
    clock = CaptureClock()
    seen = []
    for number, off_s in enumerate([1.5, 0.9, 1.5, 2.1, 1.9, 0.9]):
        clock.packet(float(number), 100.0 + number, camera_wall_s=1_000_000 + off_s)
        seen.append(clock.time(float(number), 100.0 + number, WALL_NS).clock)
    assert seen == ["host", "camera", "camera", "host", "host", "camera"]


def test_a_jump_forgets_what_the_camera_said_of_its_wall_clock() -> None:
    clock = CaptureClock()
    clock.packet(0.0, 100.0, camera_wall_s=1_000_000)
    clock.packet(HOUR_S, 100.1)
    assert clock.time(HOUR_S, 100.1, WALL_NS).clock == "host"


def test_frames_without_a_time_are_new() -> None:
    clock = CaptureClock()
    assert clock.time(None, 100.0, WALL_NS) == CaptureTime(WALL_NS, "host", 0)
    assert clock.time(1.0, 100.0, WALL_NS) == CaptureTime(WALL_NS, "host", 0)  # no packet yet
