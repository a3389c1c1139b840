"""Detectors side by side: on images that none of them was trained on, and in whole pipelines.

Every metric is what one command of `streamdet eval` says, so that each can be had again alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamdet.bench.material import Material
from streamdet.bench.metrics import Aim, Metric, Outcome
from streamdet.errors import EngineError

_LIMIT_S: Final = 900
_IMAGES: Final = {"AP50": "AP50", "AP": "AP", "recall": "AR_100"}
"""What is said of images -> what COCO's evaluation calls it."""
_VEHICLES: Final = ("car", "motorcycle", "bus", "truck")


@dataclass(frozen=True, slots=True)
class Images:
    """Labelled images; `parts` are files of labels beside the folder images/."""

    name: str
    classes: tuple[str, ...]
    parts: tuple[str, ...] = ("val.json",)


@dataclass(frozen=True, slots=True)
class Video:
    """A video of people whose truth is known; paths below the test data's folder."""

    name: str
    source: str
    truth: str


PEOPLE: Final = (
    Images("coco-mini", ("person",)),
    Images("highway-id", ("person",)),
    Images("pennfudan", ("person",), ("train.json", "val.json")),
)
STREET: Final = (
    Images("coco-mini", ("person", "bicycle", *_VEHICLES)),
    Images("highway-id", ("person", *_VEHICLES)),
    Images("openimages-vehicles", _VEHICLES),
)
VIDEOS: Final = (
    Video("pets09", "videos/pets09-s2l1.avi", "mot/PETS09-S2L1/gt.txt"),
    Video("tud-campus", "videos/tud-campus.mp4", "mot/TUD-Campus/gt.txt"),
)
OTHERS: Final = ("yolox_nano", "nanodet_m", "picodet_s")


Rows = dict[tuple[str, str, str], float]
"""What was measured: metrics by (model, where, name)."""
Aims = dict[tuple[str, str, str], Aim]


def people(material: Material) -> Outcome:
    """Compare `people`: its AP50 to YOLOX-nano's and the HOG people detector's, its MOTA."""
    rows = measure(material, ("people", "hog_people", *OTHERS), PEOPLE, VIDEOS)
    aims: Aims = {
        ("people", "pets09", "MOTA"): Aim(">=", 0.6),
        ("people", "pets09", "fps"): Aim(">=", rows["yolox_nano", "pets09", "fps"]),
    }
    for data in PEOPLE:
        known = rows["yolox_nano", data.name, "AP50"] - 0.05
        least = max(known, 3 * rows["hog_people", data.name, "AP50"])
        aims["people", data.name, "AP50"] = Aim(">=", least)
    return _outcome(rows, aims)


def street(material: Material) -> Outcome:
    """Compare `street` on the classes that each set labels."""
    rows = measure(material, ("street", "street_rcnn", *OTHERS), STREET, ())
    aims: Aims = {}
    for data in STREET:
        least = rows["yolox_nano", data.name, "AP50"] - 0.05
        aims["street", data.name, "AP50"] = Aim(">=", least)
    return _outcome(rows, aims)


def _outcome(rows: Rows, aims: Aims) -> Outcome:
    """List all metrics, with the aims of some."""
    figures = [Metric(" ".join(key), value, "", aims.get(key)) for key, value in rows.items()]
    return Outcome(figures, {"rows": [[*key, value] for key, value in rows.items()]})


def measure(
    material: Material, models: Sequence[str], images: Sequence[Images], videos: Sequence[Video]
) -> Rows:
    """Measure models, one after the other on each set, so that a set's metrics lie close in time.

    Args:
        material: the test data.
        models: names, or paths of .yaml files.
        images: labelled images.
        videos: whole pipelines, pipelines/people.yaml, run on these.

    Raises:
        EngineError: a command failed; says what it said.
    """
    rows: Rows = {}
    with tempfile.TemporaryDirectory(prefix="streamdet-bench-") as folder:
        for data in images:
            truth = _whole(material.folder / "datasets" / data.name, data.parts, Path(folder))
            for model in models:
                rows |= dict(_of_images(material, model, data, truth))
        for video in videos:
            for model in models:
                rows |= dict(_of_video(material, model, video))
    return rows


def _of_images(
    material: Material, model: str, data: Images, truth: Path
) -> Iterator[tuple[tuple[str, str, str], float]]:
    images = material.folder / "datasets" / data.name / "images"
    scores = _evaluated(
        material, "model", model, "--truth", str(truth), "--images", str(images),
        "--classes", ",".join(data.classes),
    )  # fmt: skip
    for name, key in _IMAGES.items():
        yield (Path(model).stem, data.name, name), scores["coco"]["all"][key] or 0.0
    if len(data.classes) > 1:
        for name, figures in scores["coco"]["classes"].items():
            yield (Path(model).stem, data.name, f"AP50 {name}"), figures["AP50"] or 0.0


def _of_video(
    material: Material, model: str, video: Video
) -> Iterator[tuple[tuple[str, str, str], float]]:
    scores = _evaluated(
        material, "pipeline", "people", "--source", str(material.folder / video.source),
        "--truth", str(material.folder / video.truth), "--set", f"detect.model={model}",
    )  # fmt: skip
    tracks = scores["tracking"]["person"]
    measured = {
        "AP50": scores["coco"]["all"]["AP50"],
        "MOTA": tracks["mota"],
        "IDF1": tracks["idf1"],
        "recall": tracks["recall"],
        "fps": scores["about"]["fps"],
    }
    for name, value in measured.items():
        yield (Path(model).stem, video.name, name), value or 0.0


def _evaluated(material: Material, *words: str) -> dict[str, Any]:
    """Run `streamdet eval` and read what it says of boxes."""
    with tempfile.TemporaryDirectory(prefix="streamdet-bench-") as folder:
        out = Path(folder) / "scores.json"
        command = [sys.executable, "-m", "streamdet.cli", "eval", *words, "--json", str(out)]
        done = subprocess.run(
            command, env=material.environ, capture_output=True, text=True, timeout=_LIMIT_S,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise EngineError(f"streamdet eval {' '.join(words)}: {done.stderr.strip()}")
        boxes: dict[str, Any] = json.loads(out.read_text())["bbox"]
        return boxes


def _whole(folder: Path, parts: Sequence[str], out: Path) -> Path:
    """Join the parts of a data set whose parts all are unseen, as ids tell them apart."""
    if len(parts) == 1:
        return folder / parts[0]
    read = [json.loads((folder / part).read_text()) for part in parts]
    whole: dict[str, Any] = {"images": [], "annotations": [], "categories": read[0]["categories"]}
    for part in read:
        images, annotations = len(whole["images"]), len(whole["annotations"])
        ids = {each["id"]: images + n for n, each in enumerate(part["images"], start=1)}
        whole["images"] += [each | {"id": ids[each["id"]]} for each in part["images"]]
        whole["annotations"] += [
            each | {"id": annotations + n, "image_id": ids[each["image_id"]]}
            for n, each in enumerate(part["annotations"], start=1)
        ]
    path = out / f"{folder.name}.json"
    path.write_text(json.dumps(whole))
    return path
