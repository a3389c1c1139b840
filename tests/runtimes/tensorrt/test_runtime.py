"""`runtime: tensorrt` finds the engine that was built for this GPU, or says what is wrong."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from streamdet.errors import ConfigError, EngineError
from streamdet.models.build_passport import BuildPassport
from streamdet.models.built_network import digest, find_network
from streamdet.models.model_config import load_model_config
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from streamdet.runtimes.tensorrt.runtime import TensorRt
from tests.emulation.emulated import EmulatedCuda

TARGET = "sm_89"  # of the emulated device
PEOPLE = load_model_config("people")
BUILD = f"streamdet models build people --runtime tensorrt --target {TARGET} --precision fp16"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulated_cuda: EmulatedCuda) -> Path:
    """For engines, on a machine with the emulated device and a package of TensorRT-RTX 9.9."""
    site, info = tmp_path / "site", tmp_path / "site" / "tensorrt_rtx_cu13-9.9.dist-info"
    (site / "tensorrt_rtx").mkdir(parents=True)
    (site / "tensorrt_rtx" / "__init__.py").write_text("__version__ = '9.9'\n")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorrt-rtx-cu13\nVersion: 9.9\n")
    (info / "top_level.txt").write_text("tensorrt_rtx\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    assert emulated_cuda.used_bytes() == 0
    return tmp_path


def write_engine(folder: Path, targets: str = TARGET, **changes: str) -> Path:
    """An engine of people with its passport, in which something may be wrong."""
    origin = {
        "model": digest(PEOPLE),
        "network": hashlib.sha256(find_network(PEOPLE).path.read_bytes()).hexdigest(),
        "recipe": "r",
        "runtime": "tensorrt_rtx 9.9",
        "precision": "fp16",
        "targets": targets,
        "kernels": "k",
        "calibration": "",
    }
    content = b"an engine"
    path = folder / f"people-tensorrt_rtx-fp16-{targets.replace(',', '-')}.engine"
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    passport = BuildPassport(origin | changes, sha256, "o", {}, "nowhere")
    path.with_suffix(".json").write_text(passport.to_json())
    return path


def find() -> Path:
    found: Path = load("runtime", "tensorrt").gpu_file(
        PEOPLE, find_network(PEOPLE).path, RuntimeOptions(precision="fp16")
    )
    return found


def test_an_engine_for_this_gpu_is_found_among_others(folder: Path) -> None:
    write_engine(folder, "sm_120")
    engine = write_engine(folder, f"sm_75,{TARGET}")
    assert find() == engine


def test_an_engine_for_another_gpu_is_not_used(folder: Path) -> None:
    write_engine(folder, "sm_120")
    with pytest.raises(
        ConfigError, match=f"people-tensorrt_rtx-fp16 for {TARGET} is built: {BUILD}"
    ):
        find()


def test_an_engine_without_passport_is_refused(folder: Path) -> None:
    write_engine(folder).with_suffix(".json").unlink()
    with pytest.raises(ConfigError, match=r"sm_89\.json is missing or no passport of"):
        find()


def test_an_engine_that_is_not_its_passports_is_refused(folder: Path) -> None:
    write_engine(folder).write_bytes(b"another")
    with pytest.raises(ConfigError, match=r"sm_89\.engine is damaged: its passport states"):
        find()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"network": "n"}, "another network file"),
        ({"model": "m"}, "another configuration of the model"),
        ({"runtime": "tensorrt_rtx 1.7"}, r"another runtime or version \(tensorrt_rtx 1\.7\)"),
    ],
)
def test_an_engine_of_something_else_is_refused_with_what_and_how_to_build(
    folder: Path, wrong: dict[str, str], words: str
) -> None:
    write_engine(folder, **wrong)
    with pytest.raises(ConfigError, match=f"does not fit model 'people': .*{words}; {BUILD}"):
        find()


def test_a_passport_that_lies_about_its_targets_is_refused(folder: Path) -> None:
    path = write_engine(folder).with_suffix(".json")
    passport = json.loads(path.read_text())
    passport["origin"]["targets"] = "sm_120"
    path.write_text(json.dumps(passport))
    with pytest.raises(EngineError, match=f"built for sm_120, the GPU here is {TARGET}"):
        find()


def test_a_gpu_without_room_for_the_engine_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_engine(folder)
    monkeypatch.setenv("EMULATED_CUDA_MEMORY_MIB", "0")
    with pytest.raises(EngineError, match="takes at least 0 MB of GPU memory, 0 MB are free"):
        find()


def test_an_old_driver_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMULATED_CUDA_DRIVER_VERSION", "12040")
    with pytest.raises(EngineError, match=r"driver is too old: it has CUDA 12\.4"):
        find()


def test_it_runs_nothing_on_a_cpu(folder: Path) -> None:
    assert TensorRt.precisions() == ()
    with pytest.raises(EngineError, match="say `device: cuda:0` at the detector"):
        TensorRt(folder, PEOPLE.input, RuntimeOptions())  # type: ignore[arg-type]
