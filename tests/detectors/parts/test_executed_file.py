"""A run with precision int8 loads the file made for its runtime, or says how to make it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from streamdet.config.files import shipped
from streamdet.detectors.parts.network import executed_file
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import candidates
from streamdet.errors import ConfigError
from streamdet.models.build_passport import BuildPassport
from streamdet.models.built_network import digest
from streamdet.models.measured_choice import Candidate
from streamdet.models.model_config import load_model_config
from streamdet.runtimes.installed import package_version

PEOPLE = load_model_config("people")
NETWORK = shipped("configs/models") / "people.onnx"
INT8 = Candidate("onnxruntime", "int8")


def write(folder: Path, **other: str) -> Path:
    origin = {
        "model": digest(PEOPLE),
        "network": hashlib.sha256(NETWORK.read_bytes()).hexdigest(),
        "recipe": "any",
        "runtime": f"onnxruntime {package_version('onnxruntime')}",
        "precision": "int8",
        "targets": "",
        "kernels": "any",
        "calibration": "any",
    }
    path = folder / "people-onnxruntime-int8.onnx"
    path.write_bytes(b"int8")
    sha256 = hashlib.sha256(b"int8").hexdigest()
    passport = BuildPassport(origin | other, sha256, sha256, {}, "on the CPU")
    path.with_suffix(".json").write_text(passport.to_json())
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_other_precisions_run_the_network_itself() -> None:
    assert executed_file(Candidate("openvino", "bf16"), PEOPLE, NETWORK) == NETWORK


def test_int8_runs_the_file_made_for_the_runtime(folder: Path) -> None:
    path = write(folder)
    assert executed_file(INT8, PEOPLE, NETWORK) == path


@pytest.mark.usefixtures("folder")
def test_a_missing_file_is_told_with_the_command_that_makes_it() -> None:
    with pytest.raises(ConfigError) as caught:
        executed_file(INT8, PEOPLE, NETWORK)
    assert str(caught.value) == (
        "people-onnxruntime-int8.onnx is not built: streamdet models build people"
        " --runtime onnxruntime --precision int8 --calibration DIR"
    )


def test_a_file_of_another_network_is_refused(folder: Path) -> None:
    write(folder, network="0" * 64)
    with pytest.raises(ConfigError, match="it was made of another network file; streamdet models"):
        executed_file(INT8, PEOPLE, NETWORK)


def test_int8_wants_a_runtime() -> None:
    with pytest.raises(ConfigError, match="wants a runtime beside it, openvino or onnxruntime"):
        candidates(NetworkOptions(model="people", precision="int8"), PEOPLE)
    stated = NetworkOptions(model="people", precision="int8", runtime="onnxruntime")
    assert candidates(stated, PEOPLE) == (INT8,)
