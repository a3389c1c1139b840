"""The families of detectors that look at regions, trained alike: mAP and time, side by side.

All have MobileNetV2 up to a map of stride 16, with ImageNet's weights, which stay as they are; what
is above learns from the same images, as often. R-CNN and SPP-net are measured with softmax, and
once more with SVMs and box regressors fitted to the same layers. Images: cars, motorcycles, buses
and trucks of highway-id and openimages-vehicles, 1,032 to learn from, 122 to measure on. Both sets
label all four: where each labels its one class, an RPN would learn no background (see
objectives/region_proposals.py). The lectures' table has 66.0, 66.9 and 66.9 for R-CNN, Fast and
Faster R-CNN on VOC 2007, whole networks fine-tuned on far more images. Here, on one core in a
quarter of an hour: 36.4, 43.4 and 55.3; of the objects 0.90 have a sliding box that fits.
"""

from __future__ import annotations

import itertools
import json
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal

import yaml

from streamdet.bench.material import Material
from streamdet.bench.metrics import Metric, Outcome
from streamdet.config.validation import checked
from streamdet.config.yaml_loader import YamlText, read_yaml
from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.proposals.sliding import SlidingBoxes
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.images import LOWEST_SCORE, Detect, ImageDetector
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.training.examples import Faults, examples_of
from streamdet.training.model_file import read_model_file
from streamdet.training.recipe import Data
from streamdet.training.validation import measured_options, validation_sets

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
_PAD: Final = 114
_PARTS: Final = ("train", "val")


@dataclass(frozen=True, slots=True)
class Study:
    """What is trained on what.

    Attributes:
        sets: folders with images/, train.json and val.json; each labels every class.
        classes: their names.
        backbone: file of the backbone's weights; None: random ones.
        hw: of an image.
        region_hw: of R-CNN's warped regions.
        context: border around a region's box in these, pixels.
        proposals: most that are looked at in an image.
        scales: of the sliding boxes, as shares of an image's shorter side.
        ratios: height / width of these.
        least: root of an object's area, as a share of the image's longer side, below which it
            counts neither way, as what VOC calls difficult.
        epochs: how often each image is shown.
        regions: how many of an image are learnt from.
        rate: of learning.
        precision: of the training; what is measured computes in fp32.
    """

    sets: tuple[Path, ...]
    classes: tuple[str, ...]
    backbone: Path | None
    hw: tuple[int, int] = (256, 256)
    region_hw: tuple[int, int] = (80, 80)
    context: int = 8
    proposals: int = 500
    scales: tuple[float, ...] = (0.15, 0.3, 0.5, 0.7, 0.9)
    ratios: tuple[float, ...] = (0.7, 1.4)
    least: float = 0.1
    epochs: int = 3
    regions: int = 16
    rate: float = 3.0e-4
    precision: Literal["fp32", "bf16"] = "bf16"


def run(material: Material) -> Outcome:
    """Train and measure the four families."""
    folder = material.folder / "datasets"
    study = Study(
        sets=(folder / "highway-id", folder / "openimages-vehicles"),
        classes=("car", "motorcycle", "bus", "truck"),
        backbone=material.models / "mobilenetv2_1.0_224_imagenet.pth",
    )
    with tempfile.TemporaryDirectory(prefix="sd-families-") as place:
        return measure(study, Path(place))


def measure(study: Study, folder: Path) -> Outcome:
    """Train and measure as a study says; models are left in the folder."""
    write_truths(study, folder)
    recall = _recall(study, folder)
    figures = [Metric("recall of the sliding boxes at IoU 0.5", recall)]
    details: dict[str, Any] = {}
    for kind, name in NAMES.items():
        started_s = time.process_time()
        configs = {name: train(kind, study, folder)}
        if kind in ("rcnn", "sppnet"):
            configs[f"{name}, SVMs"] = fit_svms(configs[name], study, folder)
        details[kind] = {"training_cpu_s": time.process_time() - started_s}
        for each, config in configs.items():
            ap50s, image_s = _measured(config, study, folder)
            figures += [
                Metric(f"{each}: mAP@0.5", sum(ap50s) / len(ap50s)),
                Metric(f"{each}: an image", image_s, "s of a CPU"),
            ]
            details[each] = {path.name: ap50 for path, ap50 in zip(study.sets, ap50s, strict=True)}
    return Outcome(figures, details, _notes(study))


def write_truths(study: Study, folder: Path) -> None:
    """Write the labels of each set, its small objects marked as crowds, into a folder."""
    for each, part in itertools.product(study.sets, _PARTS):
        truth = json.loads((each / f"{part}.json").read_text(encoding="utf-8"))
        sides = {image["id"]: max(image["width"], image["height"]) for image in truth["images"]}
        for box in truth["annotations"]:
            side = math.sqrt(box["bbox"][2] * box["bbox"][3])
            if side < study.least * sides[box["image_id"]]:
                box["iscrowd"] = 1
        (folder / f"{each.name}-{part}.json").write_text(json.dumps(truth), encoding="utf-8")


def train(kind: str, study: Study, folder: Path) -> Path:
    """Train a family by softmax; returns the model's file."""
    import torch

    from streamdet.building.build import build
    from streamdet.training.callbacks import KeepBest
    from streamdet.training.prepare import prepare, reproducible
    from streamdet.training.recipe import check_recipe

    text = recipe_of(kind, study, folder)
    recipe = check_recipe(text, Path(text.name))
    result = folder / kind
    result.mkdir()
    with reproducible(recipe):
        prepared = prepare(recipe, text, result)
        for weights in prepared.loop.network.parameters():  # convolutions: twice as fast at bf16
            if weights.ndim == 4:
                weights.data = weights.data.contiguous(memory_format=torch.channels_last)
        keeper = KeepBest(prepared, recipe, result, lambda: False)
        for _ in prepared.loop.run(keeper):
            pass
    config = result / f"{recipe.name}.yaml"
    build(str(config), result)
    return config


def fit_svms(config: Path, study: Study, folder: Path) -> Path:
    """Put SVMs and box regressors in place of softmax; returns the model's file."""
    from streamdet.building.build import build
    from streamdet.training.svm.region_fit import RegionSvmFit
    from streamdet.training.svm.region_recipe import RegionSvmRecipe

    name = f"{config.stem}_svms"
    values = {
        "fit": "region_svms",
        "name": name,
        "model": str(config),
        "data": {"train": _sources(study, folder, "train")},
        "context": study.context,
        "around": 4,
        "anywhere": 16,
        "threads": 1,
    }
    text = _text(values, folder / f"{name}.yaml")
    recipe = checked(RegionSvmRecipe, text, (), text.values)
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
        "classes": list(study.classes),
        "hw": list(study.hw),
        "objective": _objective(kind, study),
        "data": {"train": _sources(study, folder, "train")},
        "epochs": study.epochs,
        "batch": 4,
        "optimiser": {"rate": study.rate, "frozen": ["backbone"]},
        "augmentation": {"scale": [0.8, 1.25]},
        "ema": 0.99,
        "precision": study.precision,
        "workers": 0,
        "threads": 1,
    }
    if study.backbone is not None:
        values["start"] = {"backbone": str(study.backbone)}
    return _text(values, folder / f"{kind}_trained.yaml")


def _objective(kind: str, study: Study) -> dict[str, Any]:
    """All learn from as many regions, without an object below half of an overlap."""
    values: dict[str, Any] = {"regions": study.regions, "region_negative": [0.0, 0.5]}
    if kind == "rcnn":
        return {**values, "context": study.context}
    if kind == "faster_rcnn":
        return {**values, "before_nms": 1000, "after_nms": _OWN_PROPOSALS}
    return values


def _model(kind: str, study: Study) -> dict[str, Any]:
    """A family's configuration on ResNet-18, with another backbone and other sizes."""
    values = read_model_file(f"{kind}_resnet18")
    hw = study.region_hw if kind == "rcnn" else study.hw
    return {
        **values,
        "network": {**values["network"], "backbone": _BACKBONE, **_network(kind, study)},
        "input": {**values["input"], "hw": list(hw), "mean": [127.5] * 3, "std": [127.5] * 3},
        "transform": {"kind": "letterbox", "hw": list(study.hw), "pad": _PAD},
        "classes": list(study.classes),
    }


def _network(kind: str, study: Study) -> dict[str, Any]:
    above: dict[str, Any] = {"map": _MAP, "width": _WIDTH}
    if kind == "faster_rcnn":
        rpn = {"scales": [[32, 64, 128, 256]], "before_nms": 2000, "after_nms": _OWN_PROPOSALS}
        return {"maps": [_MAP], "box_width": _WIDTH, "rpn": rpn, "score_thresh": LOWEST_SCORE}
    if kind in ("rcnn", "sppnet"):
        above["classifier"] = "softmax"
    if kind != "rcnn":
        above |= {"proposals": study.proposals, "score_thresh": LOWEST_SCORE}
    return above


def _sources(study: Study, folder: Path, part: str) -> list[dict[str, Any]]:
    return [
        {
            "truth": str(folder / f"{each.name}-{part}.json"),
            "images": str(each / "images"),
            "labels": list(study.classes),
        }
        for each in study.sets
    ]


def _text(values: dict[str, Any], path: Path) -> YamlText:
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return read_yaml(path)


def _nobody(_sentence: str) -> None:
    """Nobody is told."""


def _quietly(items: Sequence[Any], /) -> Iterator[Any]:
    return iter(items)


def _recall(study: Study, folder: Path) -> float:
    """Share of the objects that are measured on which a sliding box overlaps by half or more."""
    import torch

    from streamdet.training.matching import best_overlaps
    from streamdet.transforms.letterbox import Letterbox, LetterboxOptions

    propose = SlidingBoxes(study.scales, study.ratios)
    transform = Letterbox(LetterboxOptions(hw=study.hw, pad=_PAD))
    found = []
    for source in _data(study, folder).validation:
        for example in examples_of(source, study.classes, Faults(are_skipped=False)):
            image = example.read(has_masks=False).prepared(transform)
            boxes = torch.tensor(propose(image.pixels, study.proposals))
            found.append(best_overlaps(torch.from_numpy(image.xyxy), boxes).iou >= 0.5)
    return float(torch.cat(found).float().mean())


def _measured(config: Path, study: Study, folder: Path) -> tuple[list[float], float]:
    """Measure the mean of the classes' AP50 on each set; median CPU seconds of an image."""
    model = load_model_config(str(config))
    known = built_in(model)
    stated = _detector(model.detector, study)
    lowest = known.score_thresh if known else 0.0
    options = measured_options(model, lowest, YamlText(str(config)), stated)
    detector, _ = make_detector(options, model)
    timed = _Timed(ImageDetector(detector, model))
    aps = []
    faults = Faults(are_skipped=False)
    for each in validation_sets(_data(study, folder), model.classes, faults):
        found = each.detected(timed, model.classes, iter)
        aps.append(coco_scores(each.truth, found, "bbox").metrics["AP50"] or 0.0)
    return aps, median(timed.runs_s)


def _detector(kind: str, study: Study) -> dict[str, Any]:
    """Options of a detector that is measured."""
    if kind == "faster_rcnn":
        return {}
    boxes: dict[str, Any] = {"sliding_scales": study.scales, "sliding_ratios": study.ratios}
    if kind == "rcnn":
        boxes |= {"max_proposals": study.proposals, "context": study.context}
    return boxes


def _data(study: Study, folder: Path) -> Data:
    train, validation = (_sources(study, folder, part) for part in _PARTS)
    return Data.model_validate({"train": train, "validation": validation})


def _notes(study: Study) -> list[str]:
    height, width = study.hw
    return [
        f"{_BACKBONE} up to {_MAP}, frozen at ImageNet's weights; one thread;"
        f" images of {height} x {width}, R-CNN's regions {study.region_hw[0]} x"
        f" {study.region_hw[1]}",
        f"{study.epochs} epochs of 4 images a step; {study.regions} regions of an image are"
        f" learnt from; {study.proposals} sliding boxes are looked at, Faster R-CNN proposes"
        f" {_OWN_PROPOSALS}",
        f"objects below {study.least:g} of an image's longer side count neither way",
        "an image: the median, proposals included; what it uses of one CPU",
    ]


class _Timed:
    """A detector whose runs are timed: what they use of a CPU, whoever else does."""

    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self.runs_s: list[float] = []

    def __call__(self, image: Pixels) -> Detections:
        started_s = time.process_time()
        found = self._detect(image)
        self.runs_s.append(time.process_time() - started_s)
        return found
