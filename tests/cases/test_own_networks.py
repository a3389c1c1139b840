"""Networks of users that do not fit what is said of them: one sentence, before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest

from streamdet.cli import main
from streamdet.errors import EngineError
from streamdet.models.model_config import ImageInput
from streamdet.registry import load
from streamdet.runtimes import RuntimeOptions
from tests.building.constant_network import write_constant_network
from tests.runtimes.cpu_runtimes import CPU_RUNTIMES

CELLS = 8 * 8 + 4 * 4 + 2 * 2  # of a 64 x 64 image


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A YOLOv8 of two classes."""
    output = np.zeros((1, 6, CELLS), np.float32)
    output[0, :, 3] = [16, 24, 16, 32, 0.1, 0.75]
    write_constant_network(tmp_path / "pets.onnx", output)
    return tmp_path / "pets.onnx"


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one sentence of a command that fails."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("file", "kind"), [("nanodet_m_416.onnx", "nanodet"), ("picodet_s_416.onnx", "picodet"),
                       ("yolox_nano.onnx", "yolox")],
)  # fmt: skip
def test_a_wrong_number_of_classes_names_the_kind_and_the_right_one(
    file: str, kind: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file).symlink_to(data / "weights" / file)
    line = error_of(capsys, "models", "add", tmp_path / file, "--classes", "gate,fence")
    assert line.endswith(f"/{file} is a {kind} with 80 classes; --classes names 2")
    line = error_of(capsys, "models", "add", tmp_path / file, "--classes", "gate,", "--kind", kind)
    assert line.endswith(f"/{file} is a {kind} with 80 classes; --classes names 1")


def test_a_yolox_of_one_class_is_no_yolov10_of_several(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_constant_network(tmp_path / "one.onnx", np.zeros((1, CELLS, 6), np.float32))
    line = error_of(capsys, "models", "add", tmp_path / "one.onnx", "--classes", "a,b")
    assert line.endswith("one.onnx is a yolox with 1 class; --classes names 2")


@pytest.mark.parametrize("word", ["coco81", "gate"])
def test_a_lone_word_is_no_class_name_of_a_network_with_several(
    word: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, "models", "add", pets, "--classes", word)
    assert f"{word!r} is no list: coco80, coco90, a file, or a,b,c" in line
    assert line.endswith(f"with a comma: {word}, ({pets} is a yolov8 with 2 classes)")
    assert ("did you mean 'coco80'?" in line) == (word == "coco81")


@pytest.mark.parametrize("name", ["gate", "gate,"])
def test_a_network_of_one_class_takes_its_only_name_with_or_without_a_comma(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = np.zeros((1, 5, CELLS), np.float32)
    output[0, :, 3] = [16, 24, 16, 32, 0.75]
    write_constant_network(tmp_path / "gate.onnx", output)
    assert main(["models", "add", str(tmp_path / "gate.onnx"), "--classes", name]) == 0
    assert "yolov8, images of 64 x 64, 1 class (gate)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("cat\ndog\ncat\n", "names.txt:3: class 'cat' stands twice, first at {}/names.txt:1"),
        ("\n\n", "names.txt: the file has no names, wanted a name a line"),
    ],
)
def test_a_fault_of_a_file_of_names_cites_that_file(
    names: str, sentence: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pets.parent / "names.txt").write_text(names)
    line = error_of(capsys, "models", "add", pets, "--classes", pets.parent / "names.txt")
    assert line.endswith(sentence.format(pets.parent))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cat,cat", "--classes, name 2: class 'cat' stands twice, first at --classes, name 1"),
        ("cat,,dog", "--classes cat,,dog: a name is missing between two commas"),
        ("x" * 150 + "," + "y" * 150 + ",z", "is a yolov8 with 2 classes; --classes names 3"),
    ],
)  # fmt: skip
def test_a_fault_of_names_on_the_command_line_cites_them(
    text: str, sentence: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error_of(capsys, "models", "add", pets, "--classes", text).endswith(sentence)


def test_a_network_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, "models", "add", tmp_path / "none.onnx", "--classes", "a,b")
    assert line.endswith("none.onnx: cannot be read: No such file or directory")


@pytest.fixture
def model(pets: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The model file of the network."""
    assert main(["models", "add", str(pets), "--classes", "cat,dog"]) == 0
    return pets.with_suffix(".yaml")


WRONG_MODELS = [
    ("[cat, dog]", "[cat]", "pets.yaml: names 1 class, but {}/pets.onnx is a yolov8 with 2"),
    ("yolov8", "yolox", "pets.yaml: detector is yolox, but {}/pets.onnx is a yolov8 with"),
    ("[64, 64]", "[96, 64]", "network's input must be {{'images': (1, 3, 96, 64)}}, got"),
    ("classes:", "sizes: [{hw: [96, 64]}]\nclasses:", "takes images of one size only: leave them"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG_MODELS)
def test_a_model_file_that_does_not_fit_its_network_is_found_before_the_workers_start(
    old: str, new: str, sentence: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = model.read_text()
    assert old in text
    model.write_text(text.replace(old, new))
    graph = ["people", "--set", f"detect.model={model}", "--set", "detect.classes=null"]
    line = error_of(capsys, "run", *graph, "--source", "synthetic:street?frames=2")
    assert sentence.format(model.parent) in line
    assert "pets.yaml" in line
    assert main(["check", *graph]) == 0
    assert capsys.readouterr().err == line.replace("error: ", "warning: ") + "\n"


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_damaged_network_is_one_sentence_that_names_both_files(
    kept: float, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = model.with_suffix(".onnx")
    network.write_bytes(network.read_bytes()[: int(kept * network.stat().st_size)])
    graph = ["people", "--set", f"detect.model={model}", "--set", "detect.classes=null"]
    line = error_of(capsys, "run", *graph, "--source", "synthetic:street?frames=2")
    assert line == (
        f"error: {model}: its network cannot be used: {network}: the file is damaged or no ONNX"
        " network: copy or export it again"
    )


@pytest.mark.parametrize("kind", CPU_RUNTIMES)
def test_a_runtime_that_refuses_a_network_says_it_without_the_trace_of_its_sources(
    kind: str, pets: Path
) -> None:
    model = onnx.load(str(pets))
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, str(pets))
    with pytest.raises(EngineError, match="cannot load it") as caught:
        load("runtime", kind)(pets, ImageInput(name="images", hw=(64, 64)), RuntimeOptions())
    line = str(caught.value)
    assert "NoSuchOperator" in line
    assert not re.search(r"\n|\.[ch]pp|Exception from|Check '|ONNXRuntimeError", line), line
