"""Images as a stream."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.errors import SourceError
from streamdet.sources import Position, SourceInfo
from streamdet.sources.images import ImagesOptions, ImagesSource
from tests.sources.made_video import picture, write_images


def source(uri: Path | str, **options: object) -> ImagesSource:
    return ImagesSource(str(uri), ImagesOptions.model_validate(options))


def test_images_play_in_natural_order_with_their_pixels(tmp_path: Path) -> None:
    write_images(tmp_path, 12)
    frames = list(source(tmp_path).frames(Position()))
    assert len(frames) == 12
    for number, frame in enumerate(frames):
        assert np.array_equal(frame.image.bgr(), picture(number))


def test_the_rate_gives_pts(tmp_path: Path) -> None:
    frames = list(source(write_images(tmp_path, 3), rate=10).frames(Position()))
    assert [frame.pts for frame in frames] == [0, 1, 2]
    assert {(frame.time_base, frame.duration) for frame in frames} == {(Fraction(1, 10), 1)}


def test_a_decimal_rate_has_ticks_that_a_media_file_can_state(tmp_path: Path) -> None:
    frames = list(source(write_images(tmp_path, 1), rate=29.97).frames(Position()))
    assert frames[0].time_base == Fraction(1001, 30000)


def test_sampling_by_rate(tmp_path: Path) -> None:
    frames = list(source(write_images(tmp_path, 10), rate=10, fps=5).frames(Position()))
    assert [frame.pts for frame in frames] == [0, 2, 4, 6, 8]
    assert frames[0].duration == 2


def test_bad_images_are_skipped_counted_and_reported(tmp_path: Path) -> None:
    write_images(tmp_path, 30)
    for number in range(5, 28):
        (tmp_path / f"{number}.png").write_bytes(b"\x00not an image")
    (tmp_path / "4.png").write_bytes((tmp_path / "3.png").read_bytes()[:60])
    reader = source(tmp_path)
    frames = list(reader.frames(Position()))
    assert [frame.pts for frame in frames] == [0, 1, 2, 27, 28, 29]
    assert (reader.position.index, reader.position.damaged) == (6, 24)
    assert len(reader.warnings) == 21
    assert reader.warnings[-1].endswith("besides those named: 4")


def test_it_goes_on_behind_bad_images(tmp_path: Path) -> None:
    write_images(tmp_path, 5)
    (tmp_path / "2.png").write_bytes(b"\x00no")
    at = [frame.position for frame in source(tmp_path).frames(Position())][2]
    reader = source(tmp_path)
    assert [frame.pts for frame in reader.frames(at)] == [4]
    assert [warning[-2:] for warning in reader.warnings] == [" 1"]


def test_probe_gives_the_largest_size(tmp_path: Path) -> None:
    write_images(tmp_path, 2)
    cv2.imwrite(str(tmp_path / "3.bmp"), picture(3, (100, 50)))
    (tmp_path / "4.png").write_bytes(b"\x00no")
    assert source(tmp_path).probe() == SourceInfo((100, 50), 3)


def test_probe_tells_the_largest_size_so_far_after_each_hundred_images(tmp_path: Path) -> None:
    write_images(tmp_path, 199)
    cv2.imwrite(str(tmp_path / "199.bmp"), picture(3, (100, 50)))
    parts: list[SourceInfo] = []
    source(tmp_path).probe(parts.append)
    assert parts == [SourceInfo((48, 64), None), SourceInfo((100, 50), None)]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".webp", ".tif", ".ppm", ".jp2", ".jpg"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"%03d{suffix}"
    cv2.imwrite(str(path), picture(0))
    assert next(source(path).frames(Position())).image.hw == (48, 64)


def test_one_bad_image_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"\x00no")
    with pytest.raises(SourceError, match=r"1\.png: unsupported or corrupt"):
        list(source(tmp_path / "1.png").frames(Position()))
    with pytest.raises(SourceError, match=r"1\.png: unsupported or corrupt"):
        source(tmp_path / "1.png").probe()


def test_a_folder_without_a_good_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no images"):
        source(tmp_path).probe()
    with pytest.raises(SourceError, match="holds no images"):
        source(tmp_path / "gone").probe()
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(b"\x00no")
    with pytest.raises(SourceError, match="none of its 2 images"):
        list(source(tmp_path).frames(Position()))
