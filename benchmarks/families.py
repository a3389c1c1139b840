"""The lectures' table from the weights that ship: R-CNN, SPP-net, Fast R-CNN and Faster R-CNN.

All have street_rcnn's backbone, its classes and its images of 256 x 384 pixels; what is measured on
stands in detector_table.py. The first three look at regions of selective search, as in the papers,
and at those of the built-in RPN; Faster R-CNN has its own. Times are of one CPU, the median of
images, so that others on the machine do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

import numpy as np

from benchmarks.detector_table import SETS, ap50_of, read_sets
from streamdet.bench.material import Material
from streamdet.bench.metrics import Metric, Outcome
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.built_in import built_in
from streamdet.detectors.parts.proposal_options import ProposalOptions, make_proposer
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.image import ArrayImage, Pixels
from streamdet.models.model_config import TAKE_PROPOSALS, ModelConfig, load_model_config
from streamdet.registry import load
from streamdet.training.validation import ValidationSet, measured_options

MODELS: Final = ("rcnn", "sppnet", "fast_rcnn", "street_rcnn")
METHODS: Final = {"selective_search": "selective search", "rpn": "the RPN"}
PROPOSING: Final = "rpn"
MOST: Final = 500
"""Regions that are looked at; sppnet and fast_rcnn are built for so many."""
_TIMED: Final = 40  # images that count for the time of proposals alone


@dataclass(frozen=True, slots=True)
class Published:
    """What was published of PASCAL VOC 2007, with VGG-16 on a GPU.

    Attributes:
        name: as the table calls it.
        ap50: mAP, per cent.
        without_s: seconds of an image without proposals; None where nobody says.
        with_s: with them.
    """

    name: str
    ap50: float
    without_s: float | None
    with_s: float


PUBLISHED: Final = {
    "rcnn": Published("R-CNN", 66.0, 47, 50),
    "sppnet": Published("SPP-net", 63.1, 2.3, 4.3),
    "fast_rcnn": Published("Fast R-CNN", 66.9, 0.32, 2),
    "faster_rcnn": Published("Faster R-CNN", 66.9, None, 0.2),
}
"""Kind -> Girshick, "Fast R-CNN", 2015, table 4, and the lectures' slides (with proposals)."""


def run(material: Material) -> Outcome:
    """Measure the four."""
    return measure(MODELS, material.folder / "datasets", PROPOSING)


def measure(models: Sequence[str], datasets: Path, proposing: str) -> Outcome:
    """Measure models, those that look at proposals with each way to propose.

    Args:
        models: their names.
        datasets: folder of the sets.
        proposing: name of the RPN.

    Raises:
        ConfigError: weights or images are missing.
        EngineError: OpenCV's contrib modules or a runtime are missing.
    """
    figures: list[Metric] = []
    details: dict[str, Any] = {}
    for name in models:
        model = load_model_config(name)
        sets = [each for folder in SETS for each in read_sets(datasets / folder, model.classes)]
        known = PUBLISHED[model.detector]
        own = model.detector not in TAKE_PROPOSALS
        for method, words in {"": "its own"}.items() if own else METHODS.items():
            stated = {} if own else _stated(method, proposing, model)
            ap50s, whole_s = _detected(model, stated, sets)
            proposals_s = 0.0 if own else _proposals_s(model, stated, sets)
            figures += _figures(f"{known.name}, {words}", ap50s, whole_s, proposals_s)
            details[f"{name} {method}".strip()] = ap50s
        figures += _published(known)
    return Outcome(figures, details, _notes())


def _stated(method: str, proposing: str, model: ModelConfig) -> dict[str, Any]:
    stated: dict[str, Any] = {"proposals": method}
    if method == "rpn":
        stated["proposals_from"] = proposing
    if model.detector == "rcnn":
        stated["max_proposals"] = MOST
    return stated


def _detected(
    model: ModelConfig, stated: dict[str, Any], sets: Sequence[ValidationSet]
) -> tuple[dict[str, float], float]:
    """AP50 of each class in all images, and seconds of an image."""
    known = built_in(model)
    lowest = known.score_thresh if known else 0.0
    options = measured_options(model, lowest, YamlText(model.name), stated)
    timed = Timed(ImageDetector(make_detector(options, model)[0], model))
    found = [each.detected(timed, model.classes, iter) for each in sets]
    pairs = list(zip(sets, found, strict=True))
    ap50s = {name: ap50 for name in model.classes if (ap50 := ap50_of(name, pairs)) is not None}
    return ap50s, median(timed.runs_s[1:])


def _proposals_s(
    model: ModelConfig, stated: dict[str, Any], sets: Sequence[ValidationSet]
) -> float:
    """Seconds that an image's proposals alone take."""
    options = ProposalOptions.model_validate(
        {"model": model.name, **{k: v for k, v in stated.items() if k != "max_proposals"}}
    )
    propose = make_proposer(options, model)
    timed = Timed(lambda image: propose(image, MOST, 0))
    kind = load("transform", model.transform.kind)
    transform = kind(kind.Options(**model.transform_options))
    paths = [path for each in sets for _, path in each.images]
    for path in paths[:: max(1, len(paths) // _TIMED)]:
        image = ArrayImage(read_image(path))
        prepared: Pixels = np.empty((*transform.output_hw(image.hw), 3), np.uint8)
        transform(image, prepared)
        timed(prepared)
    return median(timed.runs_s[1:])


def _figures(
    name: str, ap50s: dict[str, float], whole_s: float, proposals_s: float
) -> list[Metric]:
    return [
        Metric(f"{name}: mAP@0.5", 100 * mean(ap50s.values()), "%"),
        Metric(f"{name}: an image with proposals", whole_s, "s"),
        Metric(f"{name}: without", max(0.0, whole_s - proposals_s), "s"),
    ]


def _published(known: Published) -> list[Metric]:
    name = f"{known.name}, published (VOC 2007, GPU)"
    figures = [Metric(f"{name}: mAP@0.5", known.ap50, "%")]
    figures.append(Metric(f"{name}: an image with proposals", known.with_s, "s"))
    if known.without_s is not None:
        figures.append(Metric(f"{name}: without", known.without_s, "s"))
    return figures


def _notes() -> list[str]:
    return [
        f"at most {MOST} regions of selective search, as many as the RPN proposes of its own",
        "an image: the median, of one CPU; Faster R-CNN proposes in the same pass",
        "published with 2,000 regions of selective search, in images of 600 pixels",
    ]


class Timed:
    """A function whose runs are timed: what they use of a CPU, whoever else does."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        """Time a function."""
        self._function = function
        self.runs_s: list[float] = []

    def __call__(self, given: Any) -> Any:
        """Call it."""
        started_s = time.process_time()
        made = self._function(given)
        self.runs_s.append(time.process_time() - started_s)
        return made
