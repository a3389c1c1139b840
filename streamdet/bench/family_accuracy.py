"""The families of detectors that look at regions, trained alike: mAP and time, side by side.

All have MobileNetV2 up to a map of stride 16, with ImageNet's weights, which stay as they are; what
is above learns from the same pictures, as often. R-CNN and SPP-net are measured with softmax, and
once more with SVMs and box regressors fitted to the same layers. Pictures: people of pennfudan and
cars of cars-320, each set labelling its one class. The lectures' table has 66.0, 66.9 and 66.9 for
R-CNN, Fast and Faster R-CNN on VOC 2007, whole networks fine-tuned on far more pictures.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml

from streamdet.assemble import make_detector
from streamdet.bench.figures import Figure, Outcome
from streamdet.bench.material import Material
from streamdet.detections import Detections
from streamdet.detectors.parts.built_in import built_in
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.pictures import LOWEST_SCORE, Detect, PictureDetector
from streamdet.evaluation.truths.faults import refuse
from streamdet.field_errors import checked
from streamdet.image import Pixels
from streamdet.model_config import load_model_config
from streamdet.training.model_file import read_model_file
from streamdet.training.recipe import Data
from streamdet.training.validation import ValidationSet, measured_options, validation_sets
from streamdet.yaml_text import YamlText, read_yaml

NAMES: Final = {
    "rcnn": "R-CNN",
    "sppnet": "SPP-net",
    "fast_rcnn": "Fast R-CNN",
    "faster_rcnn": "Faster R-CNN",
}
"""Kind -> how the table calls it."""

_BACKBONE: Final = "mobilenet_v2"  # SPP-net wants cells that are centred evenly, SAME has none
_MAP: Final = "features.13"
_WIDTH: Final = 256
_OWN_PROPOSALS: Final = 300


@dataclass(frozen=True, slots=True)
class Study:
    """What is trained on what.

    Attributes:
        sets: folders with images/, train.json and val.json -> the class that each labels.
        backbone: file of the backbone's weights; None: random ones.
        hw: of a picture.
        region_hw: of R-CNN's warped regions.
        proposals: most that are looked at in a picture.
        epochs: how often each picture is shown.
        regions: how many of a picture are learnt from.
    """

    sets: dict[Path, str]
    backbone: Path | None
    hw: tuple[int, int] = (240, 320)
    region_hw: tuple[int, int] = (96, 96)
    proposals: int = 500
    epochs: int = 10
    regions: int = 32


def run(material: Material) -> Outcome:
    """Train and measure the four families."""
    folder = material.folder / "datasets"
    study = Study(
        sets={folder / "pennfudan": "person", folder / "cars-320": "car"},
        backbone=material.models / "mobilenetv2_1.0_224_imagenet.pth",
    )
    with tempfile.TemporaryDirectory(prefix="sd-families-") as place:
        return measure(study, Path(place))


def measure(study: Study, folder: Path) -> Outcome:
    """Train and measure as a study says; models are left in the folder."""
    figures, details = [], {}
    for kind, name in NAMES.items():
        started_s = time.perf_counter()
        configs = {name: train(kind, study, folder)}
        if kind in ("rcnn", "sppnet"):
            configs[f"{name}, SVMs"] = fit_svms(configs[name], study, folder)
        trained_s = time.perf_counter() - started_s
        for each, config in configs.items():
            ap50, picture_s = _measured(config, study)
            figures += [
                Figure(f"{each}: mAP@0.5", ap50),
                Figure(f"{each}: a picture", picture_s, "s"),
            ]
        details[kind] = {"training_s": trained_s}
    return Outcome(figures, details, _notes(study))


def train(kind: str, study: Study, folder: Path) -> Path:
    """Train a family by softmax; returns the model's file."""
    from streamdet.building.build import build
    from streamdet.training.keeper import Keeper
    from streamdet.training.prepare import prepare, reproducible
    from streamdet.training.recipe import check_recipe

    text = recipe_of(kind, study, folder)
    recipe = check_recipe(text, Path(text.name))
    result = folder / kind
    result.mkdir()
    with reproducible(recipe):
        prepared = prepare(recipe, text, result)
        keeper = Keeper(prepared, recipe, result, lambda: False)
        for _ in prepared.fit.run(keeper):
            pass
    config = result / f"{recipe.name}.yaml"
    build(str(config), result)
    return config


def fit_svms(config: Path, study: Study, folder: Path) -> Path:
    """Put SVMs and box regressors in place of softmax; returns the model's file."""
    from streamdet.building.build import build
    from streamdet.training.svm.region_fit import RegionSvmFit

    name = f"{config.stem}_svms"
    values = {
        "fit": "region_svms",
        "name": name,
        "model": str(config),
        "data": {"train": _sources(study, "train")},
        "around": 8,
        "anywhere": study.regions,
        "threads": 1,
    }
    text = _text(values, folder / f"{name}.yaml")
    recipe = checked(RegionSvmFit.Recipe, text, (), text.values)
    fitted = RegionSvmFit(recipe, text, folder / name)(_nobody, _quietly)
    build(str(fitted.config), fitted.config.parent)
    return fitted.config


def recipe_of(kind: str, study: Study, folder: Path) -> YamlText:
    """Write the model and the recipe of a family into a folder; both are the same for all else."""
    model = folder / f"{kind}_base.yaml"
    model.write_text(yaml.safe_dump(_model(kind, study)), encoding="utf-8")
    values = {
        "model": str(model),
        "name": f"{kind}_trained",
        "classes": list(study.sets.values()),
        "hw": list(study.hw),
        "objective": {} if kind == "faster_rcnn" else {"regions": study.regions},
        "data": {"train": _sources(study, "train")},
        "epochs": study.epochs,
        "batch": 4,
        "optimiser": {"rate": 5.0e-4, "frozen": ["backbone"]},
        "augmentation": {"scale": [0.8, 1.25]},
        "ema": 0.99,
        "workers": 0,
        "threads": 1,
    }
    if study.backbone is not None:
        values["start"] = {"backbone": str(study.backbone)}
    return _text(values, folder / f"{kind}_trained.yaml")


def _model(kind: str, study: Study) -> dict[str, Any]:
    """A family's configuration on ResNet-18, with another backbone and other sizes."""
    values = read_model_file(f"{kind}_resnet18")
    hw = study.region_hw if kind == "rcnn" else study.hw
    return {
        **values,
        "network": {**values["network"], "backbone": _BACKBONE, **_network(kind, study)},
        "input": {**values["input"], "hw": list(hw), "mean": [127.5] * 3, "std": [127.5] * 3},
        "transform": {"kind": "letterbox", "hw": list(study.hw), "pad": 114},
        "classes": list(study.sets.values()),
    }


def _network(kind: str, study: Study) -> dict[str, Any]:
    above: dict[str, Any] = {"map": _MAP, "width": _WIDTH}
    if kind == "faster_rcnn":
        rpn = {"scales": [[32, 64, 128]], "before_nms": 2000, "after_nms": _OWN_PROPOSALS}
        return {"maps": [_MAP], "box_width": _WIDTH, "rpn": rpn, "score_thresh": LOWEST_SCORE}
    if kind in ("rcnn", "sppnet"):
        above["classifier"] = "softmax"
    if kind != "rcnn":
        above |= {"proposals": study.proposals, "score_thresh": LOWEST_SCORE}
    return above


def _sources(study: Study, part: str) -> list[dict[str, Any]]:
    return [
        {"truth": str(each / f"{part}.json"), "images": str(each / "images"), "labels": [name]}
        for each, name in study.sets.items()
    ]


def _text(values: dict[str, Any], path: Path) -> YamlText:
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_yaml(path)


def _nobody(_sentence: str) -> None:
    """Nobody is told."""


def _quietly(items: Sequence[Any], /) -> Iterator[Any]:
    return iter(items)


def _measured(config: Path, study: Study) -> tuple[float, float]:
    """Measure the mean of the classes' AP at IoU 0.5, and the median seconds of a picture."""
    model = load_model_config(str(config))
    known = built_in(model)
    stated = {"max_proposals": study.proposals} if model.detector == "rcnn" else {}
    lowest = known.score_thresh if known else 0.0
    options = measured_options(model, lowest, YamlText(str(config)), stated)
    detector, _ = make_detector(options, model)
    timed = _Timed(PictureDetector(detector, model))
    aps = []
    for each in _validation(study, model.classes):
        found = each.detected(timed, model.classes, iter)
        aps.append(coco_scores(each.truth, found, "bbox").figures["AP50"] or 0.0)
    return sum(aps) / len(aps), median(timed.runs_s)


def _validation(study: Study, classes: Sequence[str]) -> tuple[ValidationSet, ...]:
    values = {
        key: _sources(study, part) for key, part in (("train", "train"), ("validation", "val"))
    }
    return validation_sets(Data.model_validate(values), classes, refuse)


def _notes(study: Study) -> list[str]:
    height, width = study.hw
    return [
        f"{_BACKBONE}, its {_MAP} frozen at ImageNet's weights; one thread;"
        f" pictures of {height} x {width}, R-CNN's regions {study.region_hw[0]} x"
        f" {study.region_hw[1]}",
        f"{study.epochs} epochs of 4 pictures a step; {study.regions} regions of a picture are"
        f" learnt from; {study.proposals} sliding boxes are looked at, Faster R-CNN proposes"
        f" {_OWN_PROPOSALS}",
        "a picture: the median, proposals included",
    ]


class _Timed:
    """A detector whose runs are timed."""

    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self.runs_s: list[float] = []

    def __call__(self, picture: Pixels) -> Detections:
        started_s = time.perf_counter()
        found = self._detect(picture)
        self.runs_s.append(time.perf_counter() - started_s)
        return found
