"""`python -m benchmarks.detector_table [MODEL ...]`: the columns of the table in docs/detectors.md.

Every model that ships is measured on the same images: the validation parts of coco-mini, highway-id
and openimages-vehicles, together. A class counts in the sets that label it, a model in the classes
that it has, and mAP@0.5 is the mean of these; bicycles, of which there are two, are left out. A
model that knows objects only, or vehicles, is measured on all six classes, or four, as one. The
time is what an image of these costs, by the model's own thresholds, and of one CPU: others on the
machine do not count.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

from streamdet.bench.machine import describe
from streamdet.bench.material import find_material
from streamdet.config.files import shipped, shipped_names
from streamdet.config.yaml_loader import YamlText
from streamdet.detectors.make import make_detector
from streamdet.detectors.parts.built_in import built_in
from streamdet.errors import ConfigError, StreamdetError
from streamdet.evaluation.coco import coco_scores
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.evaluation.results import Result
from streamdet.evaluation.truth import Truth, TruthImage, TruthObject
from streamdet.models.model_config import ModelConfig, load_model_config
from streamdet.registry import KINDS, load
from streamdet.system.atomic_file import write_whole
from streamdet.training.examples import Faults
from streamdet.training.recipe import Data
from streamdet.training.validation import ValidationSet, measured_options, validation_sets

VEHICLES: Final = ("car", "motorcycle", "bus", "truck")
STREET: Final = ("person", "bicycle", *VEHICLES)
SETS: Final = {
    "coco-mini": STREET,
    "highway-id": ("person", *VEHICLES),
    "openimages-vehicles": VEHICLES,
}
"""Folder of a set -> classes of a street that it labels completely."""
WIDER: Final = {"object": STREET, "vehicle": VEHICLES}
"""What one class of a model stands for; what a set does not label of these it has as crowds."""
_FEWEST: Final = 10  # objects of a class that counts: there are two bicycles
_HEAD: Final = "| kind | model | mAP@0.5 | ms | MB | each class; runtime |\n" + 6 * "|---" + "|"
_TIMED: Final = 40  # images that count for the time


@dataclass(frozen=True, slots=True)
class Row:
    """A model's line.

    Attributes:
        kind: of detector.
        model: its name.
        ap50s: class -> AP at IoU 0.5.
        image_ms: of one CPU, milliseconds; the median.
        megabytes: its file; 0 where it needs none.
        runtime: what ran it.
    """

    kind: str
    model: str
    ap50s: dict[str, float]
    image_ms: float
    megabytes: float
    runtime: str

    @property
    def text(self) -> str:
        """As the table in docs/detectors.md has it."""
        classes = ", ".join(f"{name} {100 * ap50:.1f}" for name, ap50 in self.ap50s.items())
        return (
            f"| `{self.kind}` | `{self.model}` | {100 * mean(self.ap50s.values()):.1f} |"
            f" {self.image_ms:.0f} | {self.megabytes:.1f} | {classes}; {self.runtime} |"
        )


def shipped_models() -> list[str]:
    """Name the models that need no file but those that ship, in the order of the kinds."""
    models = [load_model_config(name) for name in shipped_names("configs/models")]
    known = list(KINDS["detector"])
    ships = [model for model in models if _ships(model)]
    return [model.name for model in sorted(ships, key=lambda each: known.index(each.detector))]


def _ships(model: ModelConfig) -> bool:
    if model.weights is None:
        return model.detector == "hog_svm"  # OpenCV brings it
    return (shipped("configs/models") / model.weights.file).is_file()


def measured(name: str, datasets: Path) -> Row:
    """Measure a model.

    Args:
        name: of a model, or the path of a .yaml file.
        datasets: folder of the sets.

    Raises:
        ConfigError: it has no class of a street, its weights are missing, or an image is.
        EngineError: it cannot run here.
    """
    model = load_model_config(name)
    names = [each for each in model.classes if each in (*STREET, *WIDER)]
    if not names:
        raise ConfigError(f"model {name!r}: has none of {', '.join((*STREET, *WIDER))}")
    sets = [each for folder in SETS for each in read_sets(datasets / folder, names)]
    detect, runtime = _detector(model, lowest=True)
    found = [each.detected(detect, model.classes, iter) for each in sets]
    ap50s = {
        each: ap50
        for each in names
        if (ap50 := ap50_of(each, list(zip(sets, found, strict=True)))) is not None
    }
    megabytes = _bytes(model) / 1e6
    return Row(model.detector, model.name, ap50s, _image_ms(model, sets), megabytes, runtime)


def read_sets(folder: Path, names: Sequence[str]) -> Iterator[ValidationSet]:
    """Read a set as the labels of those of the classes that it has."""
    labelled = SETS[folder.name]
    labels = tuple(each for each in names if each in labelled or each in WIDER)
    rename = {part: name for name in labels for part in WIDER.get(name, ())}
    if labels:
        source = {"truth": folder / "val.json", "images": folder / "images"}
        stated = {**source, "labels": labels, "rename": rename}
        data = Data.model_validate({"train": [stated], "validation": [stated]})
        yield from validation_sets(data, names, Faults(are_skipped=False))


def ap50_of(name: str, sets: Sequence[tuple[ValidationSet, list[Result]]]) -> float | None:
    """Score a class on the images of all sets that label it; None where there are few of it."""
    parts = [(each.truth, found) for each, found in sets if name in each.truth.category_ids]
    truth, results = joined(name, parts)
    if sum(not each.is_ignored for each in truth.objects) < _FEWEST:
        return None
    return coco_scores(truth, results, "bbox").metrics["AP50"]


def joined(
    name: str, parts: Iterable[tuple[Truth, Sequence[Result]]]
) -> tuple[Truth, list[Result]]:
    """Join what is known and found of one class in several sets, whose numbers may be the same."""
    images: dict[int, TruthImage] = {}
    objects: list[TruthObject] = []
    results: list[Result] = []
    for truth, found in parts:
        category = truth.category_ids[name]
        numbers = {old: len(images) + n for n, old in enumerate(truth.images)}
        images |= {
            numbers[old]: replace(image, image_id=numbers[old])
            for old, image in truth.images.items()
        }
        objects += [
            replace(each, image_id=numbers[each.image_id], category_id=1)
            for each in truth.objects
            if each.category_id == category
        ]
        results += [
            replace(each, image_id=numbers[each.image_id], category_id=1)
            for each in found
            if each.category_id == category
        ]
    return Truth(name, images, {1: name}, tuple(objects)), results


def _detector(model: ModelConfig, *, lowest: bool) -> tuple[ImageDetector, str]:
    """Make the detector with hardly any threshold, or its own; and say what runs it."""
    if lowest:
        known = built_in(model)
        options = measured_options(
            model, known.score_thresh if known else 0.0, YamlText(model.name), {}
        )
    else:
        options = load("detector", model.detector).Options(model=model.argument)
    detector, runtime = make_detector(options, model)
    return ImageDetector(detector, model), runtime


def _image_ms(model: ModelConfig, sets: Sequence[ValidationSet]) -> float:
    """Time images of all sets in turn, after one that does not count."""
    detect, _ = _detector(model, lowest=False)
    paths = [path for each in sets for _, path in each.images]
    chosen = paths[:: max(1, len(paths) // _TIMED)]
    runs_s = []
    for path in (chosen[0], *chosen):
        pixels = read_image(path)
        started_s = time.process_time()
        detect(pixels)
        runs_s.append(time.process_time() - started_s)
    return 1000 * median(runs_s[1:])


def _bytes(model: ModelConfig) -> int:
    if model.weights is None:
        return 0
    assert model.folder is not None
    return (model.folder / model.weights.file).stat().st_size


def main() -> int:
    """Measure the models that the command line names, or all that ship; print a row each."""
    parser = ArgumentParser(prog="python -m benchmarks.detector_table", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: all that ship")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the developers' test data")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every metric")
    args = parser.parse_args()
    try:
        datasets = find_material(args.data).folder / "datasets"
        rows = []
        print(_HEAD)
        for name in args.models or shipped_models():
            rows.append(measured(name, datasets))
            print(rows[-1].text, flush=True)
        if args.json is not None:
            write_whole(args.json, _json(rows))
    except StreamdetError as exc:
        print(f"benchmarks.detector_table: {exc}", file=sys.stderr)
        return 2
    return 0


def _json(rows: Sequence[Row]) -> bytes:
    found: dict[str, Any] = {"machine": describe(), "rows": [asdict(row) for row in rows]}
    return (json.dumps(found) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main())
