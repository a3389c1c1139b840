"""Times of frames always rise, and keep what the container says wherever that makes sense."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.frame_times import FrameTimes
from tests.sources.made_video import write_video

MS = Fraction(1, 1000)
Stated = list[tuple[int | None, int | None]]


def times(stated: Stated, format_name: str = "matroska,webm") -> list[int | None]:
    """Give frames of 25 a second their times, in milliseconds."""
    clock = FrameTimes(format_name, MS, Fraction(25))
    return [clock.time(pts, dts, 40) for pts, dts in stated]


def test_a_good_pts_is_kept_with_its_gaps() -> None:
    clock = FrameTimes("mov,mp4", MS, Fraction(25))
    assert [clock.time(pts, None, 40) for pts in (500, 533, 20_000)] == [500, 533, 20_000]
    assert clock.are_plain


def test_avi_has_decoding_times_only() -> None:
    assert times([(80, 0), (0, 40), (40, 80)], "avi") == [0, 40, 80]


def test_frames_without_a_time_follow_the_one_before() -> None:
    assert times([(None, 0), (None, 40), (None, None), (None, None)], "avi") == [0, 40, 80, 120]


def test_dts_is_taken_once_more_pts_have_failed_to_rise() -> None:
    assert times([(0, 0), (80, 40), (40, 80), (120, 120)]) == [0, 80, 81, 120]


def test_a_clock_that_jumps_back_goes_on() -> None:
    assert times([(90_000, None), (90_040, None), (0, None), (40, None)], "mpegts") == [
        90_000, 90_040, 90_080, 90_120,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "stated",
    [
        [(0, 0), (40, 40), (80, 80), (0, 0), (40, 40), (80, 80), (0, 0)],
        [(0, -80), (40, -40), (80, 0), (0, -80), (40, -40), (80, 0), (0, None)],
        [
            (0, 40),
            (40, 80),
            (80, -80),
            (0, -40),
            (40, 0),
            (80, 40),
            (120, 80),
        ],  # packets first
    ],
)
def test_a_clock_that_jumps_back_a_little_goes_on(stated: Stated) -> None:
    assert times(stated[:6], "mpegts") == [0, 40, 80, 120, 160, 200]


def test_a_clock_that_jumps_ahead_goes_on_in_a_transport_stream_only() -> None:
    jump: Stated = [(0, None), (40, None), (95_000_000, None)]
    assert times(jump, "mpegts") == [0, 40, 80]
    assert times(jump) == [0, 40, 95_000_000]


def test_a_time_that_stands_twice_rises_by_a_tick() -> None:
    assert times([(0, None), (40, None), (40, None), (80, None)]) == [0, 40, 41, 80]


Tick = st.none() | st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(Tick, Tick), max_size=30), st.sampled_from(["avi", "mpegts", "mov,mp4"]))
def test_known_times_rise_whatever_comes(stated: Stated, format_name: str) -> None:
    known = [time for time in times(stated, format_name) if time is not None]
    assert known == sorted(set(known))


@pytest.mark.parametrize("bframes", [0, 2])
@pytest.mark.parametrize("count", [5, 25, 50])
def test_short_recordings_that_were_joined_last_as_long_as_all(
    tmp_path: Path, count: int, bframes: int
) -> None:
    one = write_video(tmp_path / "one.ts", count, bframes=bframes).read_bytes()
    (tmp_path / "joined.ts").write_bytes(one * 3)
    frames = list(FileSource(str(tmp_path / "joined.ts"), FileOptions()).frames(Position()))
    assert len(frames) == 3 * count
    assert {frame.duration * frame.time_base for frame in frames} == {Fraction(1, 25)}


@pytest.mark.data
def test_an_avi_with_b_frames_lasts_as_long_as_it_does(data: Path) -> None:
    frames = FileSource(str(data / "videos/pets09-s2l1.avi"), FileOptions()).frames(Position())
    shown = [frame.pts * frame.time_base for frame in frames if frame.pts is not None]
    assert len(shown) == 795
    assert shown == sorted(set(shown))
    assert float(shown[-1] - shown[0]) == pytest.approx(79.4)


@pytest.mark.data
def test_sampling_an_avi_with_b_frames_gives_the_rate_that_was_asked_for(data: Path) -> None:
    source = FileSource(str(data / "videos/pets09-s2l1.avi"), FileOptions(fps=5))
    assert abs(sum(1 for _ in source.frames(Position())) - 398) <= 2
