"""Masks as COCO writes them: polygons, or run lengths down the columns, compressed or not."""

from __future__ import annotations

from typing import Any

from streamdet.errors import ConfigError
from streamdet.evaluation.extra import import_extra
from streamdet.ops.run_length import uncompress


def checked_mask(value: Any, hw: tuple[int, int] | None, place: str) -> Any:
    """Check `segmentation` of a truth or a result.

    Args:
        value: what the file holds.
        hw: the image's height and width, pixels; None: as the mask itself says.
        place: file and key, for the error.

    Returns:
        The same; None for nothing or for no polygons; VIA's single polygon as a list of one.

    Raises:
        ConfigError: it is no mask, or one of an image of another size.
    """
    if value in (None, [], [[]]):
        return None
    if isinstance(value, list):
        value = [value] if _is_polygon(value) else value
        if not all(map(_is_polygon, value)):
            raise ConfigError(f"{place}: polygons must be lists of x, y, x, y, x, y ... numbers")
        return value
    if not isinstance(value, dict) or not isinstance(value.get("counts"), str | list):
        raise ConfigError(f"{place}: must be polygons or run lengths with size and counts")
    _check_counts(value["counts"], _checked_hw(value.get("size"), hw, place), f"{place}.counts")
    return value


def to_rle(segmentation: Any, hw: tuple[int, int]) -> Any:
    """Compress a checked mask: what pycocotools compares."""
    mask = import_extra("pycocotools.mask")
    if isinstance(segmentation, list):
        return mask.merge(mask.frPyObjects(segmentation, *hw))
    if isinstance(segmentation["counts"], list):
        return mask.frPyObjects(segmentation, *hw)
    return segmentation


def _checked_hw(stated: Any, hw: tuple[int, int] | None, place: str) -> tuple[int, int]:
    is_size = isinstance(stated, list) and [type(each) for each in stated] == [int, int]
    if not is_size or (hw is not None and stated != list(hw)):
        wanted = "" if hw is None else f", {list(hw)}"
        raise ConfigError(
            f"{place}.size: must be the image's height and width{wanted}, got {stated}"
        )
    return stated[0], stated[1]


def _is_polygon(points: Any) -> bool:
    return (
        isinstance(points, list)
        and len(points) >= 6
        and len(points) % 2 == 0
        and all(isinstance(value, int | float) and abs(value) < 1e6 for value in points)
    )


def _check_counts(counts: list[Any] | str, hw: tuple[int, int], place: str) -> None:
    if isinstance(counts, str):
        try:
            counts = uncompress(counts.encode()).tolist()
        except ValueError as exc:
            raise ConfigError(f"{place}: {exc}") from exc
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ConfigError(f"{place}: must be whole numbers of 0 or more")
    if sum(counts) != hw[0] * hw[1]:
        raise ConfigError(
            f"{place}: must add up to the image's {hw[0] * hw[1]} pixels, got {sum(counts)}"
        )
