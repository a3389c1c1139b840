"""Images of discs and squares, labelled: a bag of words is to find the discs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from streamdet.config.validation import checked
from streamdet.config.yaml_loader import read_yaml
from streamdet.image import Pixels
from streamdet.training.model_file import read_model_file, write_model_file
from streamdet.training.svm.bow_fit import BowSpmFit
from streamdet.training.svm.bow_recipe import BowRecipe
from tests.evaluation.scenes import write_json

CORNERS = np.array([[8, 8], [72, 8], [8, 72], [72, 72]])
SIDE = 48


def disc_image(seed: int) -> tuple[Pixels, npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Draw two discs and two squares; also the boxes (4, 4) of all four, and which are discs."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(60, 3, (128, 128))
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    is_disc = rng.permutation([True, True, False, False])
    for disc, (left, top) in zip(is_disc, CORNERS, strict=True):
        radius = rng.uniform(16, 20)
        inside = np.hypot(x, y) < radius if disc else np.maximum(abs(x), abs(y)) < radius
        pixels[top : top + SIDE, left : left + SIDE][inside] += 120
    boxes = np.concatenate([CORNERS, CORNERS + SIDE], axis=1).astype(np.float32)
    return np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2), boxes, is_disc


def write_discs(folder: Path, count: int = 12) -> None:
    """Write images/ and train.json, whose only class is disc."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        pixels, boxes, is_disc = disc_image(number)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
        images.append({"id": number, "file_name": f"{number}.png", "height": 128, "width": 128})
        annotations += [
            {"image_id": number, "category_id": 1, "bbox": [float(x), float(y), SIDE, SIDE]}
            for x, y in boxes[is_disc, :2]
        ]
    numbered = [{"id": number, **each} for number, each in enumerate(annotations, start=1)]
    content = {
        "images": images,
        "categories": [{"id": 1, "name": "disc"}],
        "annotations": numbered,
    }
    write_json(folder / "train.json", content)


def write_recipe(folder: Path, **changes: Any) -> Path:
    """Write discs.yaml, whose images keep their size, beside what `write_discs` wrote."""
    base = folder / "base.yaml"
    same = {"transform": {"kind": "shortest_edge", "shortest_edge": 128, "longest_edge": 128}}
    write_model_file(read_model_file("bow_spm") | same, base)
    source = {"truth": str(folder / "train.json"), "images": str(folder / "images")}
    values = {
        "fit": "bow_spm",
        "model": str(base),
        "name": "discs",
        "classes": ["disc"],
        "windows": [[SIDE, SIDE]],
        "words": 24,
        "most_descriptors": 2000,
        "data": {"train": [source]},
    }
    path = folder / "discs.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


def fitted(recipe_path: Path, folder: Path) -> Path:
    """Fit; returns the model's file."""
    text = read_yaml(recipe_path)
    folder.mkdir()
    fitting = BowSpmFit(checked(BowRecipe, text, (), text.values), text, folder)
    return fitting(lambda _: None, iter).config
