"""R-CNN, SPP-net and Fast R-CNN run in the pipeline on real video, each with other proposals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamdet.building.build import build
from tests.end_to_end.conftest import Run
from tests.faults.storm import assert_each_once_in_order, lines_of
from tests.networks.region_networks import OPTIONS, write_model

pytestmark = pytest.mark.data


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Small networks with random weights that keep every score: kind -> the model's name."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # STREAMDET_MODELS is the test weights'
    paths = {
        kind: write_model(kind, tmp_path, network=options | _lowest(options))
        for kind, options in OPTIONS.items()
    }
    for path in paths.values():
        build(str(path), tmp_path / "streamdet" / "models", seed=0)
    return {kind: str(path) for kind, path in paths.items()}


def _lowest(options: dict[str, Any]) -> dict[str, float]:
    return {"score_thresh": 0.0} if "score_thresh" in options else {}


def detectors(models: dict[str, str], folder: Path) -> dict[str, dict[str, Any]]:
    """Node -> its model, and where its proposals come from."""
    boxes = folder / "boxes.txt"
    boxes.write_text("".join(f"{frame},-1,20,10,30,40,1\n" for frame in range(1, 18)))
    return {
        "rcnn": {"model": models["rcnn"], "max_proposals": 4},
        "sppnet": {
            "model": models["sppnet"], "proposals": "rpn", "proposals_from": models["rpn"],
        },
        "fast_rcnn": {
            "model": models["fast_rcnn"], "proposals": "file", "proposals_from": str(boxes),
        },
        "rpn": {"model": models["rpn"]},
    }  # fmt: skip


@pytest.mark.nightly
def test_every_kind_finds_something_and_says_what_proposes(
    run: Run, data: Path, tmp_path: Path, models: dict[str, str]
) -> None:
    nodes: dict[str, Any] = {
        "camera": {"kind": "source", "uri": "synthetic:street", "every": 15, "process": "all"},
        "prepare": {"kind": "transform", "reads": "camera", "process": "all"},
    }
    for name, options in detectors(models, tmp_path).items():
        nodes[name] = {"kind": "detector", "reads": "prepare", "process": "all", **options}
        nodes[f"write_{name}"] = {
            "kind": "jsonl", "reads": name, "path": str(tmp_path / f"{name}.jsonl"),
        }  # fmt: skip
    path, report = tmp_path / "regions.yaml", tmp_path / "report.json"
    path.write_text(yaml.safe_dump({"version": 1, "name": "regions", "nodes": nodes}))
    run(path, "--source", data / "videos" / "people-street.mp4", "--report", report)
    runtimes = json.loads(report.read_text())["runtimes"]
    for name, proposals in (
        ("rcnn", "proposals: sliding boxes of 12 shapes, random weights (seed 0)"),
        ("sppnet", "proposals: small_rpn on "),
        ("fast_rcnn", "proposals: boxes of boxes.txt, random weights (seed 0)"),
        ("rpn", "random weights (seed 0)"),
    ):
        assert proposals in runtimes[name]
        lines = lines_of(tmp_path / f"{name}.jsonl")
        assert_each_once_in_order(lines, {"people-street": 17})  # of 242 frames every 15th
        assert all(line["objects"] for line in lines), name
