"""A detector over the images of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from streamdet.detections import Detections
from streamdet.detectors import Detector
from streamdet.errors import ConfigError
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.image_folder import ImageFolder
from streamdet.evaluation.results import Result, results_of
from streamdet.evaluation.truth import Truth, TruthImage
from streamdet.evaluation.truths import OnFault, refuse
from streamdet.evaluation.truths.coco import read_coco
from streamdet.image import ArrayImage, Pixels
from streamdet.models.model_config import ModelConfig
from streamdet.registry import load
from streamdet.stages.detect import to_source
from streamdet.system.redaction import short
from streamdet.transforms import Transform

LOWEST_SCORE: Final = 0.01
"""Average precision wants hardly any threshold."""

Detect = Callable[[Pixels], Detections]
"""Finds objects in a whole image, in its own pixels."""


class ImageDetector:
    """A detector with its model's own transform: whole images in, boxes in their pixels out."""

    def __init__(self, detector: Detector, model: ModelConfig) -> None:
        """Join a detector with the transform that its model states."""
        kind = load("transform", model.transform.kind)
        self._transform: Transform = kind(kind.Options(**model.transform_options))
        self._detector = detector

    def __call__(self, pixels: Pixels) -> Detections:
        """Detect in a (H, W, 3) uint8 BGR image of any size."""
        image = ArrayImage(pixels)
        prepared = np.empty((*self._transform.output_hw(image.hw), 3), np.uint8)
        geometry = self._transform(image, prepared)
        [found] = self._detector([prepared])
        return to_source(found, geometry, image.hw)


def detect_images(
    detect: Detect, truth: Truth, paths: Iterable[tuple[TruthImage, Path]], names: tuple[str, ...]
) -> list[Result]:
    """Detect in images.

    Args:
        detect: finds objects.
        truth: objects of classes that it does not have are left out.
        paths: the images (see `find_images`).
        names: what the detector's class ids mean.

    Raises:
        ConfigError: an image cannot be read, or is not of the size that its truth states.
    """
    category_ids = {
        class_id: truth.category_ids[name]
        for class_id, name in enumerate(names)
        if name in truth.category_ids
    }
    results: list[Result] = []
    for image, path in paths:
        found = detect(read_image(path, image.stated_hw))
        results += results_of(found, image.image_id, category_ids)
    return results


def coco_ap(folder: Path, detect: Detect, names: tuple[str, ...]) -> float:
    """Measure AP (IoU 0.5 to 0.95, 0..1) over the validation part of a data set.

    Args:
        folder: val.json, in COCO's format, and images/.
        detect: finds objects.
        names: class id -> name; objects of classes that the data set does not know are left out.

    Raises:
        ConfigError: the data set is wrong, or pycocotools is missing.
    """
    truth = read_coco(folder / "val.json")
    results = detect_images(detect, truth, find_images(truth, folder / "images"), names)
    return coco_scores(truth, results, "bbox").metrics["AP"] or 0.0


def find_images(
    truth: Truth, folder: Path, on_fault: OnFault = refuse
) -> list[tuple[TruthImage, Path]]:
    """Find the file of each image of a truth, by its name, which may be spelt otherwise.

    Args:
        truth: its images.
        folder: where they are.
        on_fault: told of each image that is missing, or is the file of another one.

    Raises:
        ConfigError: there is no such folder, or no such image in it.
    """
    return list(_find(truth, ImageFolder(folder), on_fault))


def _find(
    truth: Truth, folder: ImageFolder, on_fault: OnFault
) -> Iterator[tuple[TruthImage, Path]]:
    named: dict[Path, str] = {}
    for image in truth.images.values():
        try:
            path = folder.find(image, truth.name)
            if (other := named.setdefault(path, image.file_name)) != image.file_name:
                names = f"{short(other)} and {short(image.file_name)}"
                raise ConfigError(f"{path}: is the only file for both {names} of {truth.name}")
        except ConfigError as fault:
            on_fault(fault)
        else:
            yield image, path
