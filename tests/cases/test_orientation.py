"""A photograph is upright in `run`, `eval model` and `train`, whichever way the camera was held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.image import Pixels
from streamdet.sources import Position
from streamdet.sources.file import FileOptions, FileSource
from streamdet.sources.images import ImagesOptions, ImagesSource
from tests.sources.made_exif import ORIENTATIONS, encode, upright
from tests.sources.made_heif import image_item, mirror_property, turn_property, write_heif

SUFFIXES = [".jpg", ".png", ".webp", ".tif"]


def four_corners() -> Pixels:
    """Red, green, blue and white quarters, 48 x 64."""
    pixels = np.full((48, 64, 3), 255, np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = (0, 0, 255), (0, 255, 0), (255, 0, 0)
    return pixels


def by_images(path: Path) -> Pixels:
    """As `run` reads images."""
    return next(ImagesSource(str(path), ImagesOptions()).frames(Position())).image.bgr()


def by_file(path: Path) -> Pixels:
    """As `run` reads an image among videos."""
    return next(FileSource(str(path), FileOptions()).frames(Position())).image.bgr()


def is_equal(pixels: Pixels, wanted: Pixels) -> bool:
    """Decoders differ a little in how they interpolate JPEG's colours."""
    if pixels.shape != wanted.shape:
        return False
    return float(np.abs(pixels.astype(int) - wanted).mean()) < 4


@pytest.mark.parametrize("read", [by_images, by_file, read_image])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_orientation_is_turned_upright(
    tmp_path: Path, suffix: str, orientation: int, read: Callable[[Path], Pixels]
) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encode(suffix, four_corners(), orientation))
    assert is_equal(read(path), upright(four_corners(), orientation))


LEFT, HALF, RIGHT = turn_property(1), turn_property(2), turn_property(3)
UPSIDE_DOWN, MIRRORED = mirror_property(0), mirror_property(1)


@pytest.mark.parametrize("read", [by_images, by_file, read_image])
@pytest.mark.parametrize(
    ("orientation", "properties"),
    [
        *((1, []), (2, [MIRRORED]), (3, [HALF]), (4, [UPSIDE_DOWN]), (5, [LEFT, UPSIDE_DOWN])),
        *((6, [RIGHT]), (7, [LEFT, MIRRORED]), (8, [LEFT])),
    ],
)
def test_heic_is_turned_upright(
    tmp_path: Path, orientation: int, properties: list[bytes], read: Callable[[Path], Pixels]
) -> None:
    stored = four_corners().repeat(2, axis=0).repeat(2, axis=1)
    path = write_heif(tmp_path / "a.heic", [image_item(stored, *properties)], primary=1)
    assert is_equal(read(path), upright(stored, orientation))


@pytest.mark.parametrize("read", [by_images, read_image])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_the_order_of_exif_bytes_does_not_matter(
    tmp_path: Path, suffix: str, read: Callable[[Path], Pixels]
) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encode(suffix, four_corners(), 5, order=">"))
    assert is_equal(read(path), upright(four_corners(), 5))


@pytest.mark.parametrize("read", [by_images, read_image])
def test_an_orientation_that_does_not_exist_turns_nothing(
    tmp_path: Path, read: Callable[[Path], Pixels]
) -> None:
    (tmp_path / "photo.png").write_bytes(encode(".png", four_corners(), 9))
    assert is_equal(read(tmp_path / "photo.png"), four_corners())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels_may_have_been_drawn_on_the_image_as_it_is_stored(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encode(suffix, four_corners(), 5))
    assert is_equal(read_image(path, (48, 64)), four_corners())
    assert is_equal(read_image(path, (64, 48)), upright(four_corners(), 5))


def test_an_image_that_no_decoder_reads_is_refused_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "photo.tif"
    path.write_bytes(encode(".tif", four_corners(), 1)[:100])
    with pytest.raises(ConfigError, match=r"photo\.tif: cannot be read as an image: "):
        read_image(path)
    assert capfd.readouterr().err == ""
