"""What every kind of source promises (streamdet/sources/__init__.py)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.registry import KINDS, load
from streamdet.sources import Position, Source
from tests.sources.made_video import write_images, write_video

FRAMES = 20
Make = Callable[..., Source]


@pytest.fixture(scope="module")
def uris(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An address for each kind, of 20 frames of 48x64 or 64x64."""
    folder: Path = tmp_path_factory.mktemp("sources")
    return {
        "file": str(write_video(folder / "v.mp4", FRAMES)),
        "images": str(write_images(folder / "images", FRAMES)),
        "synthetic": f"synthetic:street?frames={FRAMES}&hw=64x64",
    }


@pytest.fixture(params=sorted(KINDS["source"].keys() - {"live"}))  # see tests/sources/test_live.py
def make(request: pytest.FixtureRequest, uris: dict[str, str]) -> Make:
    """A constructor of one kind; takes its options."""
    kind = load("source", request.param)

    def construct(**options: Any) -> Source:
        source: Source = kind(uris[request.param], kind.Options(**options))
        return source

    return construct


def test_probe_agrees_with_the_frames(make: Make) -> None:
    info = make().probe()
    frames = list(make().frames(Position()))
    assert info.frame_count == len(frames) == FRAMES
    assert {frame.image.hw for frame in frames} == {info.hw}


def test_images_are_bgr_of_the_stated_size(make: Make) -> None:
    image = next(iter(make().frames(Position()))).image
    assert image.bgr().shape == (*image.hw, 3)
    assert image.bgr().dtype == np.uint8


def test_images_are_copied_into_a_slot_of_the_stated_pixel_format(make: Make) -> None:
    source = make()
    image = next(iter(source.frames(Position()))).image
    pixel_format = load("pixel_format", source.pixel_format)
    slot = np.zeros(pixel_format.shape(image.hw), pixel_format.dtype)
    image.copy_into(slot)
    assert slot.tolist() == image.bgr().tolist()


def test_images_are_resized_into_part_of_a_larger_array(make: Make) -> None:
    image = next(iter(make().frames(Position()))).image
    out = np.full((60, 60, 3), 7, np.uint8)
    image.resize_into(out[10:40, 20:50])
    assert (out[:10] == 7).all() and (out[:, 50:] == 7).all()
    assert np.abs(out[10:40, 20:50].mean(axis=(0, 1)) - image.bgr().mean(axis=(0, 1))).max() < 10


def test_indices_have_no_gaps_and_time_rises(make: Make) -> None:
    frames = list(make(every=3).frames(Position()))
    assert [frame.position.index for frame in frames] == list(range(1, len(frames) + 1))
    assert [frame.position.decoded for frame in frames] == [1, 4, 7, 10, 13, 16, 19]
    times = [frame.pts for frame in frames]
    assert None not in times and times == sorted(set(times))  # type: ignore[type-var]
    assert all(frame.duration >= 1 and frame.time_base > 0 for frame in frames)


def test_after_the_end_the_position_counts_all_that_was_decoded(make: Make) -> None:
    source = make(every=6)
    for frame in source.frames(Position()):
        assert source.position == frame.position
    assert (source.position.index, source.position.decoded) == (4, FRAMES)
    assert source.warnings == ()


@pytest.mark.parametrize("options", [{}, {"every": 3}, {"fps": 8.0}])
def test_it_goes_on_from_any_position_as_if_unbroken(make: Make, options: dict[str, Any]) -> None:
    def seen(source: Source, start: Position) -> list[tuple[Position, int | None, int, bytes]]:
        return [
            (f.position, f.pts, f.duration, f.image.bgr().tobytes()) for f in source.frames(start)
        ]

    whole = seen(make(**options), Position())
    for at in range(len(whole)):
        assert seen(make(**options), whole[at][0]) == whole[at + 1 :]


def test_a_source_can_be_read_twice_and_left_in_the_middle(make: Make) -> None:
    source = make()
    assert sum(1 for _ in islice(source.frames(Position()), 5)) == 5
    assert sum(1 for _ in source.frames(Position())) == FRAMES
