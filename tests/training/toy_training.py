"""A data set of bright boxes on dark ground, a recipe for it, and its training as a process.

`python -m tests.training.toy_training RECIPE FOLDER STEP` dies by SIGKILL after a step.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from torch import nn

from streamdet.image import Pixels
from streamdet.training.log import Log
from streamdet.training.loop import Event
from streamdet.training.prepare import PreparedTraining, prepare, reproducible
from streamdet.training.recipe import check_recipe
from streamdet.training.recipe_file import read_recipe
from tests.evaluation.scenes import write_json


class NoCompany:
    """Measures nothing and never wants to stop."""

    def __init__(self, last: int | None = None) -> None:
        self.events: list[Event] = []
        self.last = last

    def measure(self, network: nn.Module) -> dict[str, float] | None:
        return None

    def keep(self, network: nn.Module, step: int) -> None:
        """Nothing is kept."""

    def wants_stop(self) -> bool:
        return len(self.events) == self.last


def write_images(folder: Path, count: int = 6) -> Path:
    """Write images/ and train.json; returns it. Each image is 48 x 64 with one box of a cat."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        left, top = (int(n) for n in rng.integers(4, 24, size=2))
        pixels: Pixels = np.full((48, 64, 3), 20, np.uint8)
        pixels[top : top + 20, left : left + 30] = 230
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
        images.append({"id": number, "file_name": f"{number}.png", "height": 48, "width": 64})
        annotations.append(
            {"id": number, "image_id": number, "category_id": 7, "bbox": [left, top, 30, 20]}
        )
    content = {
        "images": images,
        "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}],
        "annotations": annotations,
    }
    return write_json(folder / "train.json", content)


def labelled(folder: Path, **options: Any) -> dict[str, Any]:
    """Name what `write_images` wrote, as a recipe's `data`."""
    source = {"truth": str(folder / "train.json"), "images": str(folder / "images")}
    return {"train": [{**source, **options}]}


def write_recipe(folder: Path, **changes: Any) -> Path:
    """Write toy.yaml for the images of the same folder; returns it."""
    values: dict[str, Any] = {
        "model": "yolox_nano_untrained",
        "classes": ["cat"],
        "hw": [64, 64],
        "network": {"width": 0.125},
        "data": labelled(folder),
        "epochs": 4,
        "batch": 2,
        "checkpoint_every": 2,
        "schedule": {"warmup_steps": 2},
        "workers": 0,
        "threads": 1,
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


def prepared(recipe_path: Path, folder: Path, *, resumes: bool = False) -> PreparedTraining:
    text = read_recipe(recipe_path, ())
    folder.mkdir(parents=True, exist_ok=True)
    recipe = check_recipe(text, recipe_path)
    return prepare(recipe, text, folder, resumes=resumes)


def train(
    recipe_path: Path, folder: Path, *, resumes: bool = False, last: int | None = None
) -> PreparedTraining:
    """Train to the end, or for `last` events."""
    recipe = check_recipe(read_recipe(recipe_path, ()), recipe_path)
    with reproducible(recipe):
        made = prepared(recipe_path, folder, resumes=resumes)
        company = NoCompany(last)
        log = Log(folder, made.loop.step, made.loop.measured)
        for event in made.loop.run(company):
            company.events.append(event)
            log.write(event)
    return made


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    others = other.state_dict()
    for name, value in one.state_dict().items():
        assert torch.equal(value, others[name]), name


def _die_after(recipe_path: Path, folder: Path, step: int) -> None:
    recipe = check_recipe(read_recipe(recipe_path, ()), recipe_path)
    with reproducible(recipe):
        loop = prepared(recipe_path, folder).loop
        log = Log(folder, 0, 0)
        for event in loop.run(NoCompany()):
            log.write(event)
            if event.step == step:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _die_after(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
