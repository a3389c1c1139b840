"""Ground truth of images or of a video's frames, whatever format it came in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.evaluation.name_readings import readings
from streamdet.system.redaction import short

HW = tuple[int, int]
"""Height and width, pixels."""
XYWH = tuple[float, float, float, float]
"""Left, top, width, height in pixels; the first pixel's left edge is 0."""


@dataclass(frozen=True, slots=True)
class TruthImage:
    """An image. Of a video, `image_id` is the frame's number from 1.

    Attributes:
        image_id: its number.
        file_name: its file's name.
        stated_hw: height and width that the truth states, pixels; None where it states none.
        video_id: of the video that it was taken from; None: of none, or nobody said.
        frame_id: its place in that video; None: nobody said.
        other_names: what else the truth calls its file, for where there is none of `file_name`.
        place: file and entry, for errors; "" where it came from no file.
        licence: its name; None: the truth states none.
    """

    image_id: int
    file_name: str
    stated_hw: HW | None
    video_id: str | None = None
    frame_id: int | None = None
    other_names: tuple[str, ...] = ()
    place: str = field(default="", compare=False)
    licence: str | None = field(default=None, compare=False)

    @property
    def hw(self) -> HW:
        """Height and width, pixels.

        Raises:
            ConfigError: the truth states none.
        """
        if self.stated_hw is None:
            raise ConfigError(
                f"{self.place}: states no size of {short(self.file_name)}, which its file knows:"
                " --images DIR must say where that is"
            )
        return self.stated_hw


@dataclass(frozen=True, slots=True)
class TruthObject:
    """An object, or what is neither to be found nor to be held against who finds it.

    Attributes:
        image_id: the image it is in.
        category_id: what it is.
        xywh: its box.
        area: square pixels: the mask's where there is one, else the box's.
        is_crowd: a region that any number of results may lie in (COCO's iscrowd).
        is_difficult: one object that does not count (VOC's difficult, MOT's flag 0).
        track_id: the same in all frames of one object; None where tracks are not to be scored.
        segmentation: COCO polygons or run lengths; None where it has no mask.
        keypoints: x, y, visibility of each point (0 not labelled); None where it has none.
        place: file and line or entry, for errors; "" where it came from no file.
    """

    image_id: int
    category_id: int
    xywh: XYWH
    area: float
    is_crowd: bool = False
    is_difficult: bool = False
    track_id: int | None = None
    segmentation: Any = None
    keypoints: tuple[float, ...] | None = None
    place: str = field(default="", compare=False)

    @property
    def is_ignored(self) -> bool:
        """Whether it does not count."""
        return self.is_crowd or self.is_difficult


@dataclass(frozen=True)
class Truth:
    """What should be found.

    Attributes:
        name: where it came from, for errors.
        images: image id -> image, in the order in which they are looked at.
        categories: category id -> name; the ids may have gaps.
        objects: all objects of all images.
        notes: what a reader of the metrics must know, a sentence each.
    """

    name: str
    images: Mapping[int, TruthImage]
    categories: Mapping[int, str]
    objects: tuple[TruthObject, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def category_ids(self) -> dict[str, int]:
        """Name -> category id."""
        return {name: number for number, name in self.categories.items()}

    @cached_property
    def numbers_of_classes(self) -> dict[int | str, int]:
        """What a result may call a class (its id or its name) -> its id."""
        known: dict[int | str, int] = {number: number for number in self.categories}
        return known | {name: number for number, name in self.categories.items()}

    @cached_property
    def image_ids(self) -> dict[int | str, int | None]:
        """What a result may call an image -> its id; None where several are called so.

        It may be the id, the file's name, or one of its readings, with suffix or without.
        """
        images = self.images.values()
        names = _grouped((image.file_name, image.image_id) for image in images)
        read = [(each, image.image_id) for image in images for each in readings(image.file_name)]
        ends = _grouped(
            (end, number) for each, number in read for end in (each, PurePosixPath(each).stem)
        )
        known: dict[int | str, int | None] = {number: number for number in self.images}
        return known | ends | names

    def of_classes(self, names: Collection[str]) -> Truth:
        """Keep some classes only.

        Raises:
            ConfigError: there is no such class in the truth.
        """
        for name in names:
            if name not in self.category_ids:
                raise ConfigError(
                    f"{self.name}: has no class {name!r}; {nearest(name, self.category_ids)}"
                )
        kept = {number: name for number, name in self.categories.items() if name in names}
        objects = tuple(each for each in self.objects if each.category_id in kept)
        return replace(self, categories=kept, objects=objects)


def in_order_of_frames(images: Iterable[TruthImage]) -> list[TruthImage]:
    """Sort a video's images by `frame_id`; they stay as they are where one has none."""
    stated = [(image.frame_id, image) for image in images]
    numbered = [(number, image) for number, image in stated if number is not None]
    if len(numbered) < len(stated):
        return [image for _, image in stated]
    return [image for _, image in sorted(numbered, key=lambda pair: pair[0])]


def _grouped(pairs: Iterable[tuple[str, int]]) -> dict[str, int | None]:
    groups: dict[str, int | None] = {}
    for name, number in pairs:
        groups[name] = number if groups.get(name, number) == number else None
    return groups


def to_xyxy(boxes: Collection[XYWH]) -> npt.NDArray[np.float64]:
    """Turn N boxes into (N, 4) x1, y1, x2, y2."""
    xywh = np.array(list(boxes), np.float64).reshape(-1, 4)
    return np.hstack([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]])
