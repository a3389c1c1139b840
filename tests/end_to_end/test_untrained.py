"""Detectors that nobody has trained run in the pipeline on real video, and the report says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from streamdet.building.build import build
from tests.end_to_end.conftest import Run
from tests.faults.storm import assert_each_once_in_order, lines_of
from tests.networks.image_networks import SMALL, write_model

pytestmark = pytest.mark.data


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Small networks with random weights: kind -> the model's configuration."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # STREAMDET_MODELS is the test weights'
    paths = {kind: write_model(kind, tmp_path) for kind in SMALL}
    for path in paths.values():
        build(str(path), tmp_path / "streamdet" / "models", seed=0)
    return paths


def graph(models: dict[str, Path], folder: Path) -> str:
    """A detector of each kind reads the same camera."""
    nodes = {"camera": {"kind": "source", "uri": "synthetic:street", "every": 15}}
    for kind, model in models.items():
        back = {"process": kind}
        nodes[f"prepare_{kind}"] = {"kind": "transform", "reads": "camera", **back}
        nodes[kind] = {"kind": "detector", "reads": f"prepare_{kind}", "model": str(model), **back}
        nodes[f"write_{kind}"] = {
            "kind": "jsonl", "reads": kind, "path": str(folder / f"{kind}.jsonl"), **back,
        }  # fmt: skip
    nodes["overfeat"]["window_thresh"] = 0.0
    return yaml.safe_dump({"version": 1, "name": "untrained", "nodes": nodes}, sort_keys=False)


@pytest.mark.nightly
def test_every_kind_finds_something_and_is_said_to_be_random(
    run: Run, data: Path, tmp_path: Path, models: dict[str, Path]
) -> None:
    path, report = tmp_path / "untrained.yaml", tmp_path / "report.json"
    path.write_text(graph(models, tmp_path))
    run(path, "--source", data / "videos" / "people-street.mp4", "--report", report)
    runtimes = json.loads(report.read_text())["runtimes"]
    assert set(runtimes) == set(models)
    for kind in models:
        assert ", random weights (seed 0)" in runtimes[kind]
        lines = lines_of(tmp_path / f"{kind}.jsonl")
        assert_each_once_in_order(lines, {"people-street": 17})  # of 242 frames every 15th
        assert sum(len(line["objects"]) for line in lines) > 0, kind
