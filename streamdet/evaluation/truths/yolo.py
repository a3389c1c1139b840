"""Ground truth in YOLO's format: a folder of text files, one for each image that has objects.

A line is `class x y width height`, the box's centre and size as shares of the image's (darknet),
or `class x y x y x y ...`, a polygon. Class names stand in classes.txt, obj.names or data.yaml
(`names`), beside the labels or one folder up.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import yaml

from streamdet.errors import ConfigError
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.sources.resolve import list_images
from streamdet.system.redaction import short
from streamdet.system.text_file import read_lines, read_text

NAME_FILES = ("classes.txt", "obj.names", "data.yaml")


def read_yolo(folder: Path, images: Path, on_fault: OnFault = refuse) -> Truth:
    """Read the labels of all images of a folder; an image without a text file has no objects.

    Category ids are YOLO's class numbers, from 0; images are numbered from 1 in natural order.

    Args:
        folder: the text files.
        images: the images, which are decoded for their sizes.
        on_fault: told of each wrong line, and each image that cannot be read.

    Raises:
        ConfigError: there are no class names or no images, or a label is wrong (names the line).
    """
    categories = dict(enumerate(_class_names(folder)))
    pictures = {}
    objects: list[TruthObject] = []
    for number, path in enumerate(list_images(str(images.absolute())), start=1):
        try:
            pictures[number] = TruthImage(number, path.name, _hw(path))
        except ConfigError as fault:
            on_fault(fault)
            continue
        labels = folder / f"{path.stem}.txt"
        if labels.is_file():
            objects += _read_labels(labels, pictures[number], len(categories), on_fault)
    if not pictures:
        raise ConfigError(f"{images}: holds no images")
    return Truth(str(folder), pictures, categories, tuple(objects))


def _hw(path: Path) -> tuple[int, int]:
    height, width, _ = read_image(path).shape
    return height, width


def _class_names(folder: Path) -> list[str]:
    places = [parent / name for parent in (folder, folder.parent) for name in NAME_FILES]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise ConfigError(f"{folder}: wanted class names in {' or '.join(NAME_FILES)} beside it")
    if path.suffix != ".yaml":
        return [line.strip() for line in read_lines(path) if line.strip()]
    try:
        values = yaml.safe_load(read_text(path))
    except yaml.YAMLError as exc:
        raise ConfigError(f"{path}: is not YAML") from exc
    names = values.get("names") if isinstance(values, dict) else None
    if isinstance(names, dict) and list(names) == list(range(len(names))):
        names = list(names.values())
    if not isinstance(names, list) or not names:
        raise ConfigError(f"{path}: `names` must list the class names, from class 0 on")
    return list(map(str, names))


def _read_labels(
    path: Path, image: TruthImage, class_count: int, on_fault: OnFault
) -> list[TruthObject]:
    objects = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            found = _object(line.split(), image, class_count)
            objects.append(replace(found, place=f"{path}:{number}"))
        except ValueError as exc:
            on_fault(ConfigError(f"{path}:{number}: {exc}"))
    return objects


def _object(cells: list[str], image: TruthImage, class_count: int) -> TruthObject:
    try:
        category_id, shares = int(cells[0]), [float(cell) for cell in cells[1:]]
    except ValueError as exc:
        raise ValueError(f"wanted numbers, got {short(' '.join(cells))!r}") from exc
    if not 0 <= category_id < class_count:
        raise ValueError(f"wanted a class from 0 to {class_count - 1}, got {category_id}")
    if not all(-1.0 <= share <= 2.0 for share in shares):
        raise ValueError("wanted shares of the image, 0 to 1, got others")
    height, width = image.hw
    if len(shares) == 4:
        x, y, w, h = shares
        xywh = (x - w / 2) * width, (y - h / 2) * height, w * width, h * height
        if w < 0 or h < 0:
            raise ValueError(f"wanted width and height of 0 or more, got {w} and {h}")
        return TruthObject(image.image_id, category_id, xywh, xywh[2] * xywh[3])
    if len(shares) < 6 or len(shares) % 2:
        raise ValueError(f"wanted class x y width height or a polygon, got {len(cells)} numbers")
    return _outline(category_id, image, shares)


def _outline(category_id: int, image: TruthImage, shares: list[float]) -> TruthObject:
    height, width = image.hw
    x = [share * width for share in shares[0::2]]
    y = [share * height for share in shares[1::2]]
    twice = sum(x[i - 1] * y[i] - x[i] * y[i - 1] for i in range(len(x)))  # the shoelace formula
    polygon = [value for point in zip(x, y, strict=True) for value in point]
    xywh = min(x), min(y), max(x) - min(x), max(y) - min(y)
    return TruthObject(image.image_id, category_id, xywh, abs(twice) / 2, segmentation=[polygon])
