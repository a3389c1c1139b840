"""Segments are handed out once, to whoever asks, until they are settled or handed back."""

from __future__ import annotations

import pytest

from streamdet.archive.waves import Wave, Waves
from streamdet.errors import EngineError
from tests.archive.four_segments import ended, waves

__all__ = ["waves"]

NOT_EXACT = "clip.mp4: cannot be read in parts (its data is damaged, or its times do not rise)"


def settle(waves: Waves, wave: Wave, name: str, error: str | None = None) -> None:
    (waves.folder.segments / f"{name}.seg").touch()
    waves.settle(wave, ended(name, error))


def taken(waves: Waves, share: float = 1.0, least: int = 1) -> Wave:
    wave = waves.take(share, least)
    assert wave is not None
    return wave


def test_a_share_is_of_what_is_left_and_no_segment_is_handed_out_twice(waves: Waves) -> None:
    first, second, third = taken(waves, 0.5), taken(waves, 0.1), taken(waves, 0.1, least=3)
    assert [[*wave.open] for wave in (first, second, third)] == [["1-0", "1-1"], ["1-2"], ["1-3"]]
    assert waves.take() is None
    assert not waves.is_over


def test_what_is_handed_back_is_handed_out_again_but_not_what_is_done(waves: Waves) -> None:
    wave = taken(waves)
    settle(waves, wave, "1-1")
    waves.hand_back(wave)
    assert [*taken(waves).open] == ["1-0", "1-2", "1-3"]


def test_after_a_failed_run_what_was_under_way_is_tried_alone(waves: Waves) -> None:
    wave = taken(waves)
    wave.under_way = {"1-1", "1-2"}
    waves.failed(wave, "it ended")
    assert [[*taken(waves).open] for _ in range(3)] == [["1-1"], ["1-2"], ["1-0", "1-3"]]


def test_a_failed_run_with_nothing_under_way_is_no_segment_s_fault(waves: Waves) -> None:
    wave = taken(waves)
    settle(waves, wave, "1-0")
    wave.under_way = {"1-0"}
    with pytest.raises(EngineError, match="it ended"):
        waves.failed(wave, "it ended")
    assert [*taken(waves).open] == ["1-1", "1-2", "1-3"]


def test_parts_of_a_file_that_cannot_be_cut_are_open_nowhere_any_more(waves: Waves) -> None:
    one, other = taken(waves, 0.5), taken(waves)
    settle(waves, one, "1-0", NOT_EXACT)
    assert (one.open, other.open) == ({}, {})
    whole = taken(waves)
    assert [(name, segment.cut.is_whole) for name, segment in whole.open.items()] == [("1-0", True)]
    waves.settle(other, ended("1-0"))  # a part of the cut file, which comes late
    assert [*whole.open] == ["1-0"]


def test_nothing_is_handed_out_once_the_work_is_to_stop(waves: Waves) -> None:
    waves.stop()
    assert waves.take() is None
