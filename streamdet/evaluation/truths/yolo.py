"""Ground truth in YOLO's format: a folder of text files, one for each image that has objects.

What a line holds: yolo_rows.py; where class names are: yolo_classes.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.evaluation.truths.yolo_classes import LISTS, YoloClasses, find_classes
from streamdet.evaluation.truths.yolo_rows import YoloRow, object_of, parse_row
from streamdet.sources.resolve import list_images
from streamdet.system.text_file import read_lines


def read_yolo(folder: Path, images: Path, on_fault: OnFault = refuse) -> Truth:
    """Read the labels of all images of a folder; an image without a text file has no objects.

    Category ids are YOLO's class numbers, from 0; images are numbered from 1 in natural order.

    Args:
        folder: the text files.
        images: the images, which are decoded for their sizes, or a folder above: for
            `labels/val` those in `images/val`, for `valid/labels` those in `valid/images`.
        on_fault: told of each wrong line, and each image that cannot be read.

    Raises:
        ConfigError: there are no class names or no images, no label is of any of the images, or a
            label is wrong (names the line).
    """
    classes = find_classes(folder)
    named = _named_images(folder, images)
    labels = _label_files(folder)
    lonely = _check_names(labels, [path for _, path in named], folder, images)
    pictures = {}
    objects: list[TruthObject] = []
    confidences = 0
    for number, (name, path) in enumerate(named, start=1):
        try:
            pictures[number] = TruthImage(number, name, _hw(path))
        except ConfigError as fault:
            on_fault(fault)
            continue
        for row, place in _rows(labels.get(path.stem), classes, on_fault):
            objects.append(object_of(row, pictures[number], place))
            confidences += row.has_confidence
    notes = []
    if lonely:
        notes.append(f"label files of no image: {len(lonely)}, such as {lonely[0]}")
    if confidences:
        notes.append(f"labels with a confidence, which does not count: {confidences}")
    return Truth(str(folder), pictures, classes.names, tuple(objects), tuple(notes))


def _hw(path: Path) -> tuple[int, int]:
    height, width, _ = read_image(path).shape
    return height, width


def _named_images(folder: Path, images: Path) -> list[tuple[str, Path]]:
    """List images with their names: of `images/val` for `labels/val` where one above is stated."""
    stated = images.absolute()
    if paths := list_images(str(stated)):
        return [(path.name, path) for path in paths]
    parts = [*folder.absolute().parts]
    if "labels" in parts:
        parts[-1 - parts[::-1].index("labels")] = "images"
    twin = Path(*parts)
    paths = list_images(str(twin)) if twin.is_relative_to(stated) else []
    if not paths:
        raise ConfigError(f"{images}: holds no images")
    return [(str(path.relative_to(stated)), path) for path in paths]


def _label_files(folder: Path) -> dict[str, Path]:
    """List the labels by the name of their image, without suffix."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".txt")
    return {path.stem: path for path in files if path.name not in LISTS}


def _check_names(
    labels: Mapping[str, Path], paths: Sequence[Path], folder: Path, images: Path
) -> list[str]:
    """Name the labels that are of no image; at least one must be of one, where there are any."""
    lonely = sorted(labels.keys() - {path.stem for path in paths})
    if lonely and len(lonely) == len(labels):
        raise ConfigError(
            f"{folder}: none of its {len(lonely)} label files is of an image in {images}, wanted"
            f" the same names; there are {lonely[0]}.txt and {paths[0].name}"
        )
    return [labels[stem].name for stem in lonely]


def _rows(
    path: Path | None, classes: YoloClasses, on_fault: OnFault
) -> Iterator[tuple[YoloRow, str]]:
    """Give the rows of an image's labels, and where each stands."""
    try:
        lines = read_lines(path) if path else []
    except ConfigError as fault:
        return on_fault(fault)
    for number, line in enumerate(lines, start=1):
        place = f"{path}:{number}"
        try:
            if line.strip():
                yield parse_row(line.split(), classes), place
        except ValueError as exc:
            on_fault(ConfigError(f"{place}: {exc}"))
