"""Labelled images of a recipe's sources, as labels of the model's classes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from streamdet.config.suggestions import nearest
from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import find_images
from streamdet.evaluation.masks import to_rle
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject, in_order_of_frames, to_xyxy
from streamdet.evaluation.truths import OnFault
from streamdet.evaluation.truths.images import read_truth
from streamdet.ops.run_length import uncompress
from streamdet.training.labelled_image import Bools, LabelledImage
from streamdet.training.recipe import DataSource
from streamdet.training.upright_points import POINTS, upright_points

_MOST_NAMED: Final = 8
"""Classes in a sentence."""

Part = Literal["whole", "learnt", "held_out"]
"""Which of a source's images: all, those that are learnt from, or the others."""


@dataclass(slots=True)
class Faults:
    """Counts wrong labels, or ends with the first.

    Attributes:
        are_skipped: whether they are left out.
        sentences: of those that were.
        notes: what else is odd about the labels.
    """

    are_skipped: bool
    sentences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __call__(self, fault: ConfigError) -> None:
        """Take one.

        Raises:
            ConfigError: it, if they are not to be skipped.
        """
        if not self.are_skipped:
            raise fault
        self.sentences.append(str(fault))


@dataclass(frozen=True, slots=True)
class Example:
    """An image that was not read yet, and its objects.

    Attributes:
        path: the image.
        hw: its height and width, pixels.
        objects: class id and object, of what counts.
        ignored: of what is neither object nor background.
        is_labelled: (C,) bool: classes that its source labels completely.
        points: keypoints of each object; 0: its source has none.
        are_upright: whether these come from masks and boxes, see upright_points.py.
        has_masks: whether its source has any.
    """

    path: Path
    hw: tuple[int, int]
    objects: tuple[tuple[int, TruthObject], ...]
    ignored: tuple[TruthObject, ...]
    is_labelled: tuple[bool, ...]
    points: int = 0
    are_upright: bool = False
    has_masks: bool = False

    def read(self, *, has_masks: bool) -> LabelledImage:
        """Read the image.

        Args:
            has_masks: whether masks are wanted: an object without one, of a source that has any,
                becomes an ignored region.

        Raises:
            ConfigError: it cannot be read, or has another size than its labels say.
        """
        objects, ignored = list(self.objects), list(self.ignored)
        has_masks = has_masks and self.has_masks
        if has_masks:
            ignored += [each for _, each in objects if each.segmentation is None]
            objects = [pair for pair in objects if pair[1].segmentation is not None]
        image = LabelledImage(
            pixels=read_image(self.path, self.hw),
            xyxy=to_xyxy([each.xywh for _, each in objects]).astype(np.float32),
            class_ids=np.array([class_id for class_id, _ in objects], np.int64),
            ignored=to_xyxy([each.xywh for each in ignored]).astype(np.float32),
            is_labelled=np.array(self.is_labelled),
            masks=_masks([each for _, each in objects], self.hw) if has_masks else None,
            keypoints=self._keypoints([each for _, each in objects]),
        )
        return image.clipped(min_visible=0.0)

    def _keypoints(self, objects: Sequence[TruthObject]) -> Any:
        if not self.are_upright:
            return _keypoints(objects, self.points)
        xyxy = to_xyxy([each.xywh for each in objects]).astype(np.float32)
        masks = [
            None if each.segmentation is None else _masks([each], self.hw)[0] for each in objects
        ]
        return upright_points(xyxy, masks)


def read_source(source: DataSource, faults: Faults, part: Part = "whole") -> Truth:
    """Read a source's labels, its classes already called as the model calls them.

    Args:
        source: what the recipe says.
        faults: told of each wrong entry, each box outside of its image, and the truth's notes.
        part: which of its images.

    Raises:
        ConfigError: the file is wrong, or has not a class or a licence that the recipe names.
    """
    truth = read_truth(source.truth, source.images, faults)
    faults.notes += [f"{truth.name}: {note}" for note in truth.notes]
    if source.licences is not None:
        truth = _of_licences(truth, source.licences)
    for name in (*source.rename, *source.ignore):
        if name not in truth.category_ids:
            raise ConfigError(
                f"{truth.name}: has no class {name!r}; {nearest(name, truth.category_ids)}"
            )
    objects = tuple(each for each in truth.objects if _is_right(each, truth, faults))
    truth = _renamed(replace(truth, objects=objects), source.rename)
    return truth if part == "whole" else _part_of(truth, source.held_out, part)


def labelled_classes(source: DataSource, truth: Truth, classes: Sequence[str]) -> tuple[str, ...]:
    """Name the model's classes that a source labels completely.

    Raises:
        ConfigError: the recipe names one that the model does not have, or there is none.
    """
    for name in source.labels or ():
        if name not in classes:
            raise ConfigError(
                f"{truth.name}: labels name the class {name!r}, which the model does not have;"
                f" {nearest(name, classes)}"
            )
    stated = truth.categories.values() if source.labels is None else source.labels
    names = tuple(name for name in classes if name in stated and name not in source.ignore)
    if not names:
        raise ConfigError(
            f"{truth.name}: has none of the model's classes, {_few(classes)};"
            f" it has {_few([*truth.categories.values()]) or 'none'}; a recipe's `classes`, or"
            " --classes, say what to learn"
        )
    return names


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def examples_of(source: DataSource, classes: Sequence[str], faults: Faults) -> list[Example]:
    """List a source's images with the labels of the model's classes.

    Objects of classes that the model does not have are background, unless the recipe ignores them.

    Raises:
        ConfigError: see `read_source` and `labelled_classes`.
    """
    truth = read_source(source, faults, "learnt")
    labelled = labelled_classes(source, truth, classes)
    is_labelled = tuple(name in labelled for name in classes)
    ids = {truth.category_ids[n]: c for c, n in enumerate(classes) if n in truth.category_ids}
    left_out = {truth.category_ids[source.rename.get(name, name)] for name in source.ignore}
    objects: dict[int, list[TruthObject]] = {number: [] for number in truth.images}
    for each in truth.objects:
        objects[each.image_id].append(each)
    are_upright = source.points == "upright"
    labelled_points = max((len(each.keypoints or ()) // 3 for each in truth.objects), default=0)
    has_masks = any(each.segmentation is not None for each in truth.objects)
    return [
        Example(
            path,
            image.hw,
            tuple(_counted(objects[image.image_id], ids)),
            tuple(each for each in objects[image.image_id]
                  if each.category_id in left_out or (each.is_ignored and each.category_id in ids)),
            is_labelled,
            POINTS if are_upright else labelled_points,
            are_upright,
            has_masks,
        )
        for image, path in find_images(truth, source.images, faults)
    ]  # fmt: skip


def digest(examples: Sequence[Example]) -> str:
    """Hash names and labels: whether a training goes on with the data that it began with."""
    text = repr([(each.path.name, each.objects, each.ignored) for each in examples])
    return hashlib.sha256(text.encode()).hexdigest()


def _counted(
    objects: Sequence[TruthObject], ids: Mapping[int, int]
) -> Iterator[tuple[int, TruthObject]]:
    for each in objects:
        if each.category_id in ids and not each.is_ignored:
            yield ids[each.category_id], each


def _is_right(each: TruthObject, truth: Truth, on_fault: OnFault) -> bool:
    """Whether something of a box lies in its image."""
    height, width = truth.images[each.image_id].hw
    left, top, w, h = each.xywh
    if min(left + w, width) > max(left, 0) and min(top + h, height) > max(top, 0):
        return True
    on_fault(
        ConfigError(
            f"{each.place}: a box must have some area in its image of {width} x {height} pixels,"
            f" got left {left:g}, top {top:g}, width {w:g} and height {h:g}"
        )
    )
    return False


def _part_of(truth: Truth, share: float, part: Part) -> Truth:
    """Hold out the images whose places are below the share, at least one, but never all."""
    if not share:
        return truth
    places = _places(truth)
    order = sorted(places, key=lambda number: places[number])
    below = sum(place < share for place in places.values())
    count = min(max(below, 1), len(order) - 1)
    chosen = set(order[:count] if part == "held_out" else order[count:])
    return _of_images(truth, chosen)


def _of_images(truth: Truth, chosen: Set[int]) -> Truth:
    images = {number: image for number, image in truth.images.items() if number in chosen}
    objects = tuple(each for each in truth.objects if each.image_id in chosen)
    return replace(truth, images=images, objects=objects)


def _of_licences(truth: Truth, names: Sequence[str]) -> Truth:
    known = sorted({each.licence for each in truth.images.values() if each.licence is not None})
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{truth.name}: has no image of the licence {name!r}; {nearest(name, known)}"
            )
    return _of_images(truth, {n for n, each in truth.images.items() if each.licence in names})


def _places(truth: Truth) -> dict[int, float]:
    """Give each image a place, 0..1, that images of other videos do not change.

    A video's last frame comes first; an image of no video lies where a hash of its name says.
    """
    places: dict[int, float] = {}
    videos: dict[str, list[TruthImage]] = {}
    for image in truth.images.values():
        if image.video_id is None:
            start = hashlib.sha256(image.file_name.encode()).digest()[:8]
            places[image.image_id] = int.from_bytes(start) / 2**64
        else:
            videos.setdefault(image.video_id, []).append(image)
    for frames in videos.values():
        for number, image in enumerate(reversed(in_order_of_frames(frames))):
            places[image.image_id] = (number + 0.5) / len(frames)
    return places


def _renamed(truth: Truth, names: Mapping[str, str]) -> Truth:
    """Call classes otherwise; classes that come to the same name become one."""
    called = {number: names.get(name, name) for number, name in truth.categories.items()}
    first: dict[str, int] = {}
    for number, name in called.items():
        first.setdefault(name, number)
    objects = tuple(
        replace(each, category_id=first[called[each.category_id]]) for each in truth.objects
    )
    return replace(truth, categories={n: name for name, n in first.items()}, objects=objects)


def _masks(objects: Sequence[TruthObject], hw: tuple[int, int]) -> Bools:
    masks = np.zeros((len(objects), *hw), bool)
    for mask, each in zip(masks, objects, strict=True):
        runs = uncompress(to_rle(each.segmentation, hw)["counts"])
        columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        mask[...] = columns.reshape(hw[::-1]).T
    return masks


def _keypoints(objects: Sequence[TruthObject], points: int) -> Any:
    """Give (N, P, 3), zeros for an object that has none."""
    if not points:
        return None
    unknown = (0.0,) * 3 * points
    rows = [each.keypoints if len(each.keypoints or ()) == 3 * points else unknown
            for each in objects]  # fmt: skip
    return np.array(rows, np.float32).reshape(-1, points, 3)
