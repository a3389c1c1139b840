"""Patches come from images and from sheets of tiles."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.errors import ConfigError
from streamdet.training.svm.patches import read_patches


def write_sheet(path: Path) -> None:
    """2 x 2 tiles of 16 x 16: three grey ones, the last one black."""
    sheet = np.zeros((32, 32, 3), np.uint8)
    sheet[:16, :16], sheet[:16, 16:], sheet[16:, :16] = 100, 150, 200
    cv2.imwrite(str(path), sheet)


def test_a_sheet_gives_its_tiles_row_by_row_without_the_black_ones(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png")
    patches = read_patches(tmp_path / "sheet.png", (16, 16))
    assert [int(patch[0, 0, 0]) for patch in patches] == [100, 150, 200]
    assert {patch.shape for patch in patches} == {(16, 16, 3)}


def test_a_folder_gives_its_images_by_name(tmp_path: Path) -> None:
    for value in (20, 10, 3):
        cv2.imwrite(str(tmp_path / f"{value}.png"), np.full((9, 9, 3), value, np.uint8))
    patches = read_patches(tmp_path, None)
    assert [int(patch[0, 0, 0]) for patch in patches] == [3, 10, 20]


def test_what_holds_no_patches_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are no patches in it"):
        read_patches(tmp_path, None)
    with pytest.raises(ConfigError, match="yes: no such file or folder of patches"):
        read_patches(tmp_path / "yes", None)
    write_sheet(tmp_path / "sheet.png")
    with pytest.raises(ConfigError, match="must be whole tiles of 24 x 16 pixels, got 32 x 32"):
        read_patches(tmp_path, (24, 16))
