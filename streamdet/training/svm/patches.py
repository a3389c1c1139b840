"""Patches: images of one object or of none, alone or as tiles of sheets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.image import Pixels
from streamdet.sources.resolve import list_images

_BLACK: Final = 24
"""Brightest that a tile may be which fills a sheet up; JPEG spreads its neighbour into it."""


def read_patches(path: Path, tile: tuple[int, int] | None) -> list[Pixels]:
    """Read the patches of an image or of a folder of images, by name.

    Args:
        path: the file or folder.
        tile: height and width of a patch, where each image is a sheet of many.

    Raises:
        ConfigError: there are none, an image cannot be read, or a sheet is not whole tiles.
    """
    if not path.exists():
        raise ConfigError(f"{path}: no such file or folder of patches")
    files = list_images(str(path.absolute()))
    patches = [patch for file in files for patch in _patches_of(file, tile)]
    if not patches:
        raise ConfigError(f"{path}: there are no patches in it")
    return patches


def _patches_of(path: Path, tile: tuple[int, int] | None) -> Iterator[Pixels]:
    image = read_image(path)
    if tile is None:
        yield image
        return
    (height, width), (rows, columns) = tile, image.shape[:2]
    if rows % height or columns % width:
        raise ConfigError(
            f"{path}: must be whole tiles of {height} x {width} pixels, got {rows} x {columns}"
        )
    for top in range(0, rows, height):
        for left in range(0, columns, width):
            patch = image[top : top + height, left : left + width]
            if patch.max() > _BLACK:
                yield np.ascontiguousarray(patch)
