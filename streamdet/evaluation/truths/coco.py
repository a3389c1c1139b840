"""Ground truth in COCO's format: cocodataset.org/#format-data, object and keypoint detection.

A video's images are its frames in the order of `frame_id`, where they have one, and an object's
`track_id` or `instance_id` makes it a track (as in COCO-VID and TAO).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamdet.errors import ConfigError
from streamdet.evaluation.image_sizes import stated_hw
from streamdet.evaluation.json_file import (
    read_json,
    wanted_box,
    wanted_list,
    wanted_number,
    wanted_numbers,
    wanted_text,
    wanted_whole,
)
from streamdet.evaluation.masks import checked_mask
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject, in_order_of_frames
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.evaluation.truths.categories import without_twins


def read_coco(path: Path, on_fault: OnFault = refuse) -> Truth:
    """Read a file; an object without `area` has its box's, one without `iscrowd` counts.

    Of categories of one name, one that no annotation uses is left out.

    Args:
        path: the file.
        on_fault: told of each wrong annotation.

    Raises:
        ConfigError: the file is something else, or an entry is wrong; names file and entry.
    """
    content = read_json(path)
    if not isinstance(content, dict) or "annotations" not in content:
        raise ConfigError(f"{path}: wanted COCO's images, categories and annotations")
    entries = {
        key: wanted_list(content.get(key), f"{path}: {key}")
        for key in ("images", "categories", "annotations")
    }
    licences = _licences(content.get("licenses"))
    images = [_image(e, f"{path}: images[{n}]", licences) for n, e in enumerate(entries["images"])]
    categories = [_category(e, f"{path}: categories[{n}]")
                  for n, e in enumerate(entries["categories"])]  # fmt: skip
    _refuse_twins([image.image_id for image in images], f"{path}: images")
    _refuse_twins([number for number, _ in categories], f"{path}: categories")
    truth = Truth(str(path), {each.image_id: each for each in images}, dict(categories), ())
    objects = tuple(_objects(entries["annotations"], truth, on_fault))
    return without_twins(replace(truth, objects=objects))


def as_video(path: Path) -> Truth:
    """Read a file whose images are a video's frames; image ids become frame numbers from 1.

    Raises:
        ConfigError: as `read_coco`.
    """
    truth = read_coco(path)
    images = in_order_of_frames(truth.images.values())
    numbers = {image.image_id: number for number, image in enumerate(images, start=1)}
    frames = {
        number: replace(truth.images[image_id], image_id=number)
        for image_id, number in numbers.items()
    }
    objects = tuple(replace(each, image_id=numbers[each.image_id]) for each in truth.objects)
    return replace(truth, images=frames, objects=objects)


def _licences(entries: Any) -> dict[Any, str]:
    """Name licences by their ids; entries that are none are left out, for hardly anybody asks."""
    stated = [each for each in entries if isinstance(each, dict)] if entries else []
    return {each["id"]: str(each["name"]) for each in stated if {"id", "name"} <= each.keys()}


def _image(entry: dict[str, Any], place: str, licences: Mapping[Any, str]) -> TruthImage:
    video, frame = entry.get("video_id"), entry.get("frame_id")
    name_key = "coco_url" if "coco_url" in entry and not entry.get("file_name") else "file_name"
    return TruthImage(
        wanted_whole(entry, "id", place),
        wanted_text(entry, name_key, place),  # LVIS has addresses only
        stated_hw(entry.get("height"), entry.get("width"), place),
        None if video is None else str(video),
        frame if isinstance(frame, int) else None,
        place=place,
        licence=licences.get(entry.get("license")),
    )


def _category(entry: dict[str, Any], place: str) -> tuple[int, str]:
    return wanted_whole(entry, "id", place), wanted_text(entry, "name", place)


def _objects(
    entries: Sequence[dict[str, Any]], truth: Truth, on_fault: OnFault
) -> Iterator[TruthObject]:
    for number, entry in enumerate(entries):
        try:
            yield _object(entry, truth, f"{truth.name}: annotations[{number}]")
        except ConfigError as fault:
            on_fault(fault)


def _object(entry: dict[str, Any], truth: Truth, place: str) -> TruthObject:
    image_id = wanted_whole(entry, "image_id", place)
    category_id = wanted_whole(entry, "category_id", place)
    if image_id not in truth.images:
        raise ConfigError(f"{place}.image_id: there is no image {image_id}")
    if category_id not in truth.categories:
        raise ConfigError(f"{place}.category_id: there is no category {category_id}")
    xywh = wanted_box(entry, place)
    is_crowd = _is_crowd(entry, place)
    track_id = entry.get("track_id", entry.get("instance_id"))
    return TruthObject(
        image_id=image_id,
        category_id=category_id,
        xywh=xywh,
        area=_area(entry, place) or xywh[2] * xywh[3],
        is_crowd=is_crowd,
        track_id=track_id if isinstance(track_id, int) and not is_crowd else None,
        segmentation=checked_mask(
            entry.get("segmentation"), truth.images[image_id].stated_hw, f"{place}.segmentation"
        ),
        keypoints=_keypoints(entry, place),
        place=place,
    )


def _is_crowd(entry: dict[str, Any], place: str) -> bool:
    value = entry.get("iscrowd")
    if value is None or isinstance(value, bool):
        return bool(value)
    return bool(wanted_whole(entry, "iscrowd", place))


def _area(entry: dict[str, Any], place: str) -> float:
    """Return 0 where it says nothing."""
    if entry.get("area") is None:
        return 0.0
    return max(wanted_number(entry, "area", place), 0.0)


def _keypoints(entry: dict[str, Any], place: str) -> tuple[float, ...] | None:
    value = entry.get("keypoints")
    if value is None or value == []:
        return None
    count = len(value) - len(value) % 3 if isinstance(value, list) else 3
    return wanted_numbers(entry, "keypoints", place, count)


def _refuse_twins(values: Sequence[int | str], place: str) -> None:
    seen: set[int | str] = set()
    for value in values:
        if value in seen:
            raise ConfigError(f"{place}: {value!r} is there twice")
        seen.add(value)
