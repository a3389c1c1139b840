"""What the files of a YOLO data set say of its classes, wherever they lie around its labels.

They are looked for in the labels' folder and the two above it (`valid/labels`, `labels/val`), and
beside a folder called `labels` that holds it (`labels/val/morning`). The nearest folder counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from streamdet.errors import ConfigError
from streamdet.system.redaction import short
from streamdet.system.text_file import read_lines, read_text

LISTS: Final = ("classes.txt", "obj.names", "_darknet.labels")
DATASETS: Final = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")


@dataclass(frozen=True, slots=True)
class YoloClasses:
    """What class numbers mean, and what a row holds beside a box.

    Attributes:
        names: class number -> name.
        points: keypoints of an object and numbers of each, 2 or 3; None: objects have none.
    """

    names: Mapping[int, str]
    points: tuple[int, int] | None = None


def find_classes(labels: Path) -> YoloClasses:
    """Find the class names of a folder of labels.

    Raises:
        ConfigError: there are none, a file is wrong, or two in one folder say different things.
    """
    stated: dict[Path, YoloClasses] = {}
    for folder in _places(labels):
        found = dict(_read_folder(folder))
        if found and not stated:
            _check_same(found)
        stated.update(found)
    if not stated:
        raise ConfigError(
            f"{labels}: wanted class names in {', '.join(LISTS + DATASETS[:1])} there or up to two"
            " folders up"
        )
    points = next((each.points for each in stated.values() if each.points is not None), None)
    return YoloClasses(next(iter(stated.values())).names, points)


def _places(labels: Path) -> list[Path]:
    """List the folders that may hold the files, the nearest first."""
    # Not resolved: a folder of labels may be a link into another disk.
    folder = Path(os.path.abspath(labels))  # noqa: PTH100
    around = [folder, *folder.parents]
    beside = [each.parent for each in around if each.name.lower() == "labels"]
    return list(dict.fromkeys((*around[:3], *beside)))


def _read_folder(folder: Path) -> Iterator[tuple[Path, YoloClasses]]:
    for path in (folder / name for name in DATASETS + LISTS):
        if path.is_file():
            found = _of_dataset(path) if path.name in DATASETS else _of_list(path)
            if found is not None:
                yield path, found


def _check_same(found: Mapping[Path, YoloClasses]) -> None:
    first, *others = found
    for other in others:
        if found[other].names != found[first].names:
            raise ConfigError(
                f"{first} and {other.name} beside it name different classes: remove the wrong one"
            )


def _of_list(path: Path) -> YoloClasses:
    lines = [line.strip() for line in read_lines(path)]
    while lines and not lines[-1]:
        del lines[-1]
    if not lines:
        raise ConfigError(f"{path}: is empty, wanted the name of class 0, 1 ... in each line")
    if "" in lines:
        raise ConfigError(
            f"{path}:{lines.index('') + 1}: is empty, wanted the name of class {lines.index('')}"
        )
    return YoloClasses(dict(enumerate(lines)))


def _of_dataset(path: Path) -> YoloClasses | None:
    """Read a data set's YAML; None where it names no classes, so is another program's."""
    try:
        # All scalars stay text: `names: [no, 1]` are names.
        values = yaml.load(read_text(path), Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as exc:
        raise ConfigError(f"{path}: is not YAML") from exc
    if not isinstance(values, dict) or "names" not in values:
        return None
    return YoloClasses(_names(values["names"], path), _points(values.get("kpt_shape"), path))


def _names(stated: Any, path: Path) -> dict[int, str]:
    pairs: list[tuple[int, Any]] = []
    if isinstance(stated, list):
        pairs = [*enumerate(stated)]
    elif isinstance(stated, dict) and all(str(key).isdecimal() for key in stated):
        pairs = sorted((int(key), name) for key, name in stated.items())
    names = {number: name for number, name in pairs if isinstance(name, str) and name.strip()}
    if not names or len(names) != len(stated):
        raise ConfigError(
            f"{path}: `names` must list the class names, from class 0 on, or map numbers to names,"
            f" got {short(str(stated))}"
        )
    return names


def _points(stated: Any, path: Path) -> tuple[int, int] | None:
    if stated is None:
        return None
    match stated:
        case [str(count), ("2" | "3") as numbers] if count.isdecimal() and int(count):
            return int(count), int(numbers)
    raise ConfigError(
        f"{path}: `kpt_shape` must be [keypoints, 2 or 3 numbers of each], got {short(str(stated))}"
    )
