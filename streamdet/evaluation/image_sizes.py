"""Sizes of images: as their truth states them, or the files' own where it says nothing."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Final

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.image_folder import ImageFolder
from streamdet.evaluation.truth import HW, Truth, TruthImage
from streamdet.evaluation.truths import OnFault
from streamdet.system.redaction import short

_NOTHING: Final = ("", "none", "null", "nan")


def stated_hw(height: object, width: object, place: str) -> HW | None:
    """Check a size; None where it says nothing: missing, empty, null, or below 1.

    Raises:
        ConfigError: it is something else than numbers, also as text.
    """
    hw = _length(height, f"{place}: height"), _length(width, f"{place}: width")
    return hw if min(hw) >= 1 else None


def with_file_sizes(truth: Truth, folder: Path, on_fault: OnFault) -> Truth:
    """Give each image without a stated size its file's.

    Args:
        truth: its images.
        folder: where they are.
        on_fault: told of each such image that is missing or cannot be read; it is left out, with
            its objects.

    Raises:
        ConfigError: there is no such folder, or no such image in it.
    """
    unknown = [image for image in truth.images.values() if image.stated_hw is None]
    if not unknown:
        return truth
    files, images = ImageFolder(folder), dict(truth.images)
    for image in unknown:
        try:
            images[image.image_id] = replace(image, stated_hw=_file_hw(image, files))
        except ConfigError as fault:
            del images[image.image_id]
            on_fault(
                ConfigError(f"{image.place}: states no size, so its file must be there: {fault}")
            )
    objects = tuple(each for each in truth.objects if each.image_id in images)
    return replace(truth, images=images, objects=objects)


def _file_hw(image: TruthImage, files: ImageFolder) -> HW:
    height, width, _ = read_image(files.find(image, image.place)).shape
    return height, width


def _length(value: object, place: str) -> int:
    if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING):
        return 0
    try:
        number = float(value) if isinstance(value, str | int | float) else float("inf")
    except (ValueError, OverflowError):
        number = float("inf")
    if isinstance(value, bool) or not isfinite(number):
        raise ConfigError(f"{place} must be a number of pixels, got {short(repr(value))}")
    return round(number)
