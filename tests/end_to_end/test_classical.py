"""Detectors without a network find people in the pipeline on real video."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from streamdet.config.files import shipped
from streamdet.detectors.hog_svm import people_svm
from streamdet.detectors.parts.window_svm import save_window_svms
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from tests.end_to_end.conftest import Run
from tests.faults.storm import assert_each_once_in_order, lines_of

pytestmark = pytest.mark.data

WALKER = np.array([[430.0, 50, 466, 137]])  # in frame 120, by eye


def graph(folder: Path, **models: dict[str, Any]) -> Path:
    """Every 120th frame of a camera; a detector for each model, its boxes in NAME.jsonl."""
    one = {"process": "all"}
    nodes: dict[str, Any] = {
        "camera": {"kind": "source", "uri": "synthetic:street", "every": 120, **one},
        "prepare": {"kind": "transform", "reads": "camera", **one},
    }
    for name, options in models.items():
        output = {"kind": "jsonl", "path": str(folder / f"{name}.jsonl")}
        nodes[name] = {"kind": "detector", "reads": "prepare", **one, **options}
        nodes[f"write_{name}"] = {"reads": name, **output}
    path = folder / "classical.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "name": "classical", "nodes": nodes}))
    return path


def objects_of(path: Path) -> list[list[dict[str, Any]]]:
    lines = lines_of(path)
    assert_each_once_in_order(lines, {"people-street": 3})
    return [line["objects"] for line in lines]


def assert_walker_is_found(found: list[list[dict[str, Any]]]) -> None:
    assert {each["label"] for objects in found for each in objects} == {"person"}
    boxes = np.array([each["bbox"] for each in found[1]])
    assert pairwise_iou(boxes, WALKER).max() > 0.5


def test_an_svm_from_a_file_of_our_own_finds_what_opencv_s_built_in_one_finds(
    run: Run, data: Path, tmp_path: Path
) -> None:
    save_window_svms([people_svm()], tmp_path / "people.npz")
    values = yaml.safe_load((shipped("configs/models") / "hog_people.yaml").read_text())
    values["weights"] = {
        "file": "people.npz",
        "sha256": hashlib.sha256((tmp_path / "people.npz").read_bytes()).hexdigest(),
        "licence": "own",
        "origin": "made here",
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    path = graph(tmp_path, own={"model": str(tmp_path / "own.yaml")}, built={"model": "hog_people"})
    run(path, "--source", data / "videos" / "people-street.mp4")
    found = objects_of(tmp_path / "own.jsonl")
    assert found == objects_of(tmp_path / "built.jsonl")
    assert_walker_is_found(found)


def test_a_deformable_part_model_finds_people(
    run: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # STREAMDET_MODELS is the test weights'
    weights = load_model_config("dpm_person").weights
    assert weights is not None
    cache = tmp_path / "streamdet" / "models"
    cache.mkdir(parents=True)
    shutil.copyfile(data / "dpm" / weights.file, cache / weights.file)
    path = graph(tmp_path, parts={"model": "dpm_person", "interval": 5})
    run(path, "--source", data / "videos" / "people-street.mp4")
    assert_walker_is_found(objects_of(tmp_path / "parts.jsonl"))
