"""A compiled file is used only where its passport says that it was made of what is wanted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.models.build_passport import (
    BuildPassport,
    file_name,
    find_compiled,
    misfit,
    read_build_passport,
)
from streamdet.models.model_config import load_model_config

CONTENT = b"an engine"
ORIGIN = {
    "model": "m",
    "network": "n",
    "recipe": "r",
    "runtime": "tensorrt_rtx 1.7",
    "precision": "fp16",
    "targets": "sm_89,sm_120",
    "kernels": "k",
    "calibration": "",
}
PASSPORT = BuildPassport(
    origin=ORIGIN,
    file_sha256=hashlib.sha256(CONTENT).hexdigest(),
    onnx_sha256="o",
    versions={"onnx": "1"},
    execution="nowhere",
    plugins=("Nms",),
)
NAME = "people-tensorrt_rtx-fp16-sm_89-sm_120.engine"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    path.with_suffix(".json").write_text(PASSPORT.to_json())
    return path


def find(**wanted: str) -> Path:
    return find_compiled(load_model_config("people"), ORIGIN | wanted, "build it")


def test_a_file_is_named_for_what_runs_it() -> None:
    people = load_model_config("people")
    assert file_name(people, ORIGIN) == NAME
    cpu = ORIGIN | {"runtime": "openvino 2026.4", "precision": "int8", "targets": ""}
    assert file_name(people, cpu) == "people-openvino-int8.onnx"


def test_a_file_whose_passport_fits_is_found(engine: Path) -> None:
    assert find() == engine
    assert read_build_passport(engine).plugins == ["Nms"]  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("model", "another configuration of the model"),
        ("network", "another network file"),
        ("recipe", "another recipe"),
        ("kernels", "other kernels"),
        ("calibration", "other calibration images"),
    ],
)
def test_a_file_of_something_else_is_refused(engine: Path, key: str, said: str) -> None:
    with pytest.raises(
        ConfigError, match=f"{engine.name} does not fit .*: it was made of {said}; build it"
    ):
        find(**{key: "another"})


def test_a_version_is_named_in_the_sentence() -> None:
    others = ORIGIN | {"runtime": "tensorrt_rtx 1.8", "recipe": "s"}
    assert misfit(PASSPORT, others) == (
        "it was made of another recipe and another runtime or version (tensorrt_rtx 1.7)"
    )
    assert misfit(PASSPORT, ORIGIN) == ""


@pytest.mark.usefixtures("engine")
def test_an_engine_for_other_gpus_is_not_taken_for_one_that_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"people-.*-sm_86\.engine is not built: build it"):
        find(targets="sm_86")


def test_a_damaged_engine_is_refused(engine: Path) -> None:
    engine.write_bytes(CONTENT[:-1])
    with pytest.raises(ConfigError, match="is damaged: its passport states another sha256"):
        find()


def test_an_engine_without_a_passport_is_refused(engine: Path) -> None:
    engine.with_suffix(".json").unlink()
    with pytest.raises(ConfigError, match="is missing or no passport of people-"):
        find()


@pytest.mark.parametrize(
    "wrong", [[], {}, {"origin": {}}, {**json.loads(PASSPORT.to_json()), "x": 1}]
)
def test_what_is_no_passport_is_refused(engine: Path, wrong: object) -> None:
    engine.with_suffix(".json").write_text(json.dumps(wrong))
    with pytest.raises(ConfigError, match="is missing or no passport of people-"):
        find()


def test_a_passport_with_fewer_facts_of_its_origin_is_none(engine: Path) -> None:
    short = replace(PASSPORT, origin={"model": "m"})
    engine.with_suffix(".json").write_text(short.to_json())
    with pytest.raises(ConfigError, match="is missing or no passport of people-"):
        find()
