"""Ground truth in PASCAL VOC's format: a folder of XML files, one for each image.

Everingham et al., "The PASCAL Visual Object Classes Challenge 2007 Development Kit", section 8.
Its boxes name their first and last pixels, counted from 1: a box from 1 to 10 is 10 pixels wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Xml

from streamdet.errors import ConfigError
from streamdet.evaluation.image_sizes import stated_hw
from streamdet.evaluation.truth import XYWH, Truth, TruthImage, TruthObject
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.system.redaction import short
from streamdet.system.text_file import decoded, read_content

_ENCODING: Final = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def read_voc(folder: Path, on_fault: OnFault = refuse) -> Truth:
    """Read all XML files of a folder, in order of their names.

    Categories are numbered from 1 in the alphabetical order of their names, images from 1 in the
    order of the files. An object marked `difficult` does not count.

    Args:
        folder: the files.
        on_fault: told of each wrong file and each wrong object.

    Raises:
        ConfigError: a file is wrong; names file and element.
    """
    images, found = {}, []
    for number, path in enumerate(sorted(folder.glob("*.xml")), start=1):
        try:
            root = _parse(path)
            images[number] = _image(root, number, path)
        except ConfigError as fault:
            on_fault(fault)
            continue
        found += [(number, *each) for each in _objects(root, path, on_fault)]
    names = dict(enumerate(sorted({name for _, name, *_ in found}), start=1))
    numbers = {name: number for number, name in names.items()}
    objects = tuple(
        TruthObject(
            image_id,
            numbers[name],
            xywh,
            xywh[2] * xywh[3],
            is_difficult=is_difficult,
            place=place,
        )
        for image_id, name, xywh, is_difficult, place in found
    )
    return Truth(str(folder), images, names, objects)


def _parse(path: Path) -> Xml.Element:
    content = read_content(path)
    stated = _ENCODING.match(content)
    encoding = stated[1].decode() if stated else "utf-8"
    if encoding.lower().startswith("utf-16"):  # where it is true, a mark says so: .NET writes it
        encoding = "utf-8"
    try:
        text = decoded(content, str(path), encoding).lstrip()
        return Xml.fromstring(text)  # noqa: S314 (expat itself bounds entities since 2.4.1)
    except Xml.ParseError as exc:
        raise ConfigError(f"{path}: is not XML: {exc}") from exc


def _image(root: Xml.Element, number: int, path: Path) -> TruthImage:
    if root.tag.lower() != "annotation" and root.find("size") is None:
        raise ConfigError(f"{path}: has no <size>, wanted VOC's <annotation>, got <{root.tag}>")
    hw = stated_hw(root.findtext("size/height"), root.findtext("size/width"), f"{path}: <size>")
    name, folder, whole = (_text(root, key) for key in ("filename", "folder", "path"))
    others = [f"{folder}/{name}" if folder and name else "", whole, path.stem]
    first, *rest = [each for each in (name, *others) if each]
    return TruthImage(number, first, hw, other_names=tuple(rest), place=str(path))


def _text(root: Xml.Element, key: str) -> str:
    return (root.findtext(key) or "").strip()


def _objects(
    root: Xml.Element, path: Path, on_fault: OnFault
) -> Iterator[tuple[str, XYWH, bool, str]]:
    for number, element in enumerate(root.iter("object"), start=1):
        try:
            yield *_object(element, path), f"{path}: <object> {number}"
        except ConfigError as fault:
            on_fault(fault)


def _object(element: Xml.Element, path: Path) -> tuple[str, XYWH, bool]:
    name = (element.findtext("name") or "").strip()
    box = element.find("bndbox")
    if not name or box is None:
        raise ConfigError(f"{path}: an <object> has no <name> or no <bndbox>")
    left, top, right, bottom = (_number(box, k, path) for k in ("xmin", "ymin", "xmax", "ymax"))
    if right < left or bottom < top:
        raise ConfigError(
            f"{path}: a <bndbox> must run from left to right and from top to bottom,"
            f" got x {left:g} to {right:g}, y {top:g} to {bottom:g}"
        )
    xywh = left - 1.0, top - 1.0, right - left + 1.0, bottom - top + 1.0
    return name, xywh, (element.findtext("difficult") or "0").strip() == "1"


def _number(element: Xml.Element, key: str, path: Path) -> float:
    text = element.findtext(key)
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ConfigError(
            f"{path}: <{key}> of a <{element.tag}> must be a number, got {short(repr(text))}"
        )
    return value
