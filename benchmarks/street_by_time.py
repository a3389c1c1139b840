"""Street models by accuracy at equal CPU time: several sizes of ours beside published networks.

Time is CPU time of one thread, from an image in memory to boxes. All models take turns at each
image, so that what else the machine does hits them alike; of each model's times over the images the
lower quartile counts. A rival is held against the slowest size of `street_best` that takes no more
time than it, in the same runtime.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from benchmarks.compared import OTHERS, STREET, Images
from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.detections import Detections
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.options import NetworkOptions, sized_by
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import LOWEST_SCORE, ImageDetector, find_images
from streamdet.evaluation.results import Result, results_of
from streamdet.evaluation.truth import Truth
from streamdet.evaluation.truths.coco import read_coco
from streamdet.image import Pixels
from streamdet.models.model_config import Hw, ModelConfig, load_model_config

OURS: Final = "street_best"
SIZES: Final[Mapping[str, tuple[Hw, ...]]] = {
    OURS: ((288, 384), (320, 416), (352, 416), (416, 416), (384, 640), (480, 640)),
    "street": ((320, 416), (384, 640), (480, 640)),
    **dict.fromkeys(OTHERS, ((416, 416),)),
}
RUNTIMES: Final = ("onnxruntime", "openvino")


@dataclass(slots=True)
class Candidate:
    """A model at a size in a runtime, and what it took and found."""

    name: str
    hw: Hw
    runtime: str
    model: ModelConfig
    detect: ImageDetector
    times_s: list[float] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    ap: dict[str, float] = field(default_factory=dict)

    def look(self, pixels: Pixels) -> Detections:
        """Detect in an image, and note the time."""
        start_s = time.process_time()
        found = self.detect(pixels)
        self.times_s.append(time.process_time() - start_s)
        return found

    @property
    def ms(self) -> float:
        """CPU time of an image, its lower quartile."""
        return float(np.percentile(self.times_s, 25)) * 1e3

    @property
    def label(self) -> str:
        """Name, size and runtime."""
        return f"{self.name} {self.hw[0]}x{self.hw[1]} {self.runtime}"


def run(material: Material) -> Outcome:
    """Measure all sizes of all models on the sets of `street`, in both runtimes of CPUs.

    Raises:
        ConfigError: a model, its weights or the test data are missing.
        EngineError: a runtime is missing.
    """
    os.environ["STREAMDET_MODELS"] = str(material.models)
    candidates = [*_candidates()]
    for data in STREET:
        _measure(material, data, candidates)
    metrics = [*_rows(candidates), *held_against_rivals(candidates)]
    rows = [[each.label, each.ms, each.ap] for each in candidates]
    return Outcome(metrics, {"rows": rows})


def _candidates() -> Iterator[Candidate]:
    for name, sizes in SIZES.items():
        for hw in sizes:
            for runtime in RUNTIMES:
                options = NetworkOptions(
                    model=name, input=hw, runtime=runtime, score_thresh=LOWEST_SCORE
                )
                model = sized_by(options, load_model_config(name))
                detector, _ = make_detector(options, model)
                yield Candidate(name, hw, runtime, model, ImageDetector(detector, model))


def _measure(material: Material, data: Images, candidates: Sequence[Candidate]) -> None:
    folder = material.folder / "datasets" / data.name
    truth = read_coco(folder / "val.json").of_classes(data.classes)
    for each in candidates:
        each.results.clear()
    for image, path in find_images(truth, folder / "images"):
        pixels = read_image(path, image.stated_hw)
        for each in candidates:
            found = each.look(pixels)
            each.results += results_of(found, image.image_id, _ids(truth, each.model))
    for each in candidates:
        scores = coco_scores(truth, each.results, "bbox").metrics
        each.ap[data.name] = scores["AP"] or 0.0


def _ids(truth: Truth, model: ModelConfig) -> dict[int, int]:
    known = truth.category_ids
    return {n: known[name] for n, name in enumerate(model.classes) if name in known}


def _rows(candidates: Sequence[Candidate]) -> Iterator[Metric]:
    for each in candidates:
        yield Metric(f"{each.label} CPU time", each.ms, "ms")
        for name, value in each.ap.items():
            yield Metric(f"{each.label} {name} AP", value)


def held_against_rivals(candidates: Sequence[Candidate]) -> Iterator[Metric]:
    """Hold ours against each rival, in the same runtime and at most its time."""
    for rival in (each for each in candidates if each.name != OURS):
        same = (each for each in candidates if each.name == OURS and each.runtime == rival.runtime)
        fitting = [each for each in same if each.ms <= rival.ms]
        ours = max(fitting, key=lambda each: each.ms, default=None)
        for name, value in rival.ap.items():
            size = "no size" if ours is None else f"{ours.hw[0]}x{ours.hw[1]}"
            what = f"{OURS} {size} within {rival.label}: {name} AP"
            yield Metric(what, ours.ap[name] if ours else 0.0, "", Aim(">=", value))
