"""ONNX files that would read other files, or are damaged."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest

from streamdet.building.own_network import read_network
from streamdet.cli import main
from streamdet.errors import ConfigError, EngineError
from streamdet.models.model_config import ImageInput
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from tests.building.constant_network import write_constant_network


@pytest.fixture
def network(tmp_path: Path) -> Path:
    values = np.zeros((1, 6, 8 * 8 + 4 * 4 + 2 * 2), np.float32)
    (tmp_path / "own").mkdir()
    write_constant_network(tmp_path / "own" / "n.onnx", values)
    return tmp_path / "own" / "n.onnx"


def added(network: Path) -> int:
    return main(["models", "add", str(network), "--classes", "cat,dog", "--force"])


def lead_out(network: Path, location: str) -> None:
    """Let the first weight lie in another file."""
    model: Any = onnx.load(network)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    network.write_bytes(model.SerializeToString())


@pytest.mark.parametrize("location", ["../secret", "{folder}/secret", "link", "pipe", "/dev/zero"])
def test_weights_outside_its_folder_are_not_read(
    location: str, network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_bytes(b"\1" * 4096)
    (network.parent / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(network.parent / "pipe")
    assert added(network) == 0
    lead_out(network, location.format(folder=tmp_path))
    assert added(network) in (1, 2)
    said = capsys.readouterr().err
    assert "n.onnx" in said and "Traceback" not in said
    for kind in ("onnxruntime", "openvino"):  # as `run` does, without `models add`
        image = ImageInput(name="images", hw=(64, 64))
        with pytest.raises(EngineError, match=r"n\.onnx: \w+ cannot load it"):
            load("runtime", kind)(network, image, RuntimeOptions())


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "."])
def test_what_is_no_plain_file_is_no_network(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert added(tmp_path / name) == 2
    assert "is not a plain file" in capsys.readouterr().err


def mutant(content: bytes, rng: Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 3, 10])):
        data[rng.randrange(200) if rng.random() < 0.5 else -rng.randrange(1, 300)] = rng.randrange(
            256
        )
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.15 else data)


@pytest.mark.parametrize("count", [400, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_mutants_say_what_they_are_or_are_refused(count: int, network: Path) -> None:
    rng, content, read = Random(count), network.read_bytes(), 0
    for _ in range(count):
        network.write_bytes(mutant(content, rng))
        with suppress(ConfigError):
            read_network(network)
            read += 1
    assert 0 < read < count


@pytest.mark.parametrize("count", [10, pytest.param(300, marks=pytest.mark.nightly)])
def test_mutants_are_added_or_refused_in_words(
    count: int, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, content = Random(count), network.read_bytes()
    for _ in range(count):
        network.write_bytes(mutant(content, rng))
        assert added(network) in (0, 1, 2)
        assert "Traceback" not in capsys.readouterr().err
