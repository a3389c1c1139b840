"""`streamdet models add`: an ONNX file of one's own becomes a model."""

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from streamdet import load
from streamdet.cli import main
from streamdet.models.model_config import load_model_config
from tests.building.constant_network import write_constant_network

CELLS = 8 * 8 + 4 * 4 + 2 * 2  # of a 64 x 64 image


def one_box() -> npt.NDArray[np.float32]:
    """YOLOv8's output with a dog in 8, 8 to 24, 40."""
    output = np.zeros((1, 6, CELLS), np.float32)
    output[0, :, 3] = [16, 24, 16, 32, 0.1, 0.75]
    return output


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "my pets.onnx"
    write_constant_network(path, one_box())
    return path


def added(network: Path, *more: str) -> int:
    return main(["models", "add", str(network), *more])


def test_a_network_is_recognised_tried_and_ready_to_use(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert added(network, "--classes", "cat, dog") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("my pets.onnx: yolov8, images of 64 x 64, 2 classes (cat, dog)")
    assert lines[1].endswith("on a rendered street: 1 dog")
    [found] = load(network.with_suffix(".yaml"))(np.zeros((64, 64, 3), np.uint8))
    assert found.xyxy.tolist() == [[8.0, 8.0, 24.0, 40.0]]


@pytest.mark.parametrize(
    ("classes", "more"), [("cat,dog", "--set detect.classes=null "), ("person,dog", "")]
)
def test_the_command_that_is_printed_is_accepted(
    network: Path, classes: str, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert added(network, "--classes", classes) == 0
    command = capsys.readouterr().out.splitlines()[-1]
    model = network.with_suffix(".yaml")
    given = f"--set 'detect.model={model}' {more}--output boxes.mp4"
    assert command == f"  streamdet run people --source my.mp4 {given}"
    arguments = shlex.split(command.replace("my.mp4", "synthetic:street"))
    assert main(["check", *arguments[2:]]) == 0


def test_the_trial_image_shows_the_box(network: Path, tmp_path: Path) -> None:
    photo = tmp_path / "black.png"
    cv2.imwrite(str(photo), np.zeros((64, 64, 3), np.uint8))
    assert added(network, "--classes", "cat,dog", "--image", str(photo)) == 0
    drawn = cv2.imread(str(tmp_path / "my pets-trial.jpg"))
    assert drawn is not None
    assert drawn[8:40, 8:24].max() > 100  # its edges
    assert drawn[50:, 40:].max() < 30


def test_classes_are_taken_from_the_file_or_a_list(network: Path, tmp_path: Path) -> None:
    write_constant_network(network, one_box(), metadata={"names": "{0: 'cat', 1: 'dog'}"})
    assert added(network) == 0
    assert load_model_config(str(network.with_suffix(".yaml"))).classes == ("cat", "dog")
    network.with_suffix(".yaml").unlink()
    (tmp_path / "names.txt").write_text("\ufeffkitten\r\npuppy\r\n", encoding="utf-8")
    assert added(network, "--classes", str(tmp_path / "names.txt")) == 0
    assert load_model_config(str(network.with_suffix(".yaml"))).classes == ("kitten", "puppy")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ((), "name its classes with --classes a,b,c .*; it is a yolov8 with 2 classes$"),
        (("--classes", "cat,"), r"my pets.onnx is a yolov8 with 2 classes; --classes names 1$"),
        (("--classes", "a,b,c"), r"my pets.onnx is a yolov8 with 2 classes; --classes names 3$"),
        (("--classes", "no/such.txt"), "--classes no/such.txt: there is no such file"),
        (("--classes", "cat,dog", "--hw", "32", "32"), r"takes images of .* \(64, 64\), not"),
        (("--classes", "cat,dog", "--kind", "yolov5"), r"gives \(1, 252, 7\) or "),
        (("--classes", "cat,dog", "--image", "no.jpg"), "no.jpg: cannot be read as an image"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_written(
    network: Path, more: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert added(network, *more) in (1, 2)
    message = capsys.readouterr().err
    assert len(message.splitlines()) == 1
    assert re.search(sentence, message)
    assert sorted(path.name for path in network.parent.iterdir()) == ["my pets.onnx"]


def test_a_network_of_free_size_wants_one(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_constant_network(network, one_box(), hw=("height", "width"))
    assert added(network, "--classes", "cat,dog") == 2
    assert "takes images of any size; choose one, such as --hw 640 640" in capsys.readouterr().err
    assert added(network, "--classes", "cat,dog", "--hw", "64", "64") == 0


def test_a_model_that_is_there_is_kept(network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network.with_suffix(".yaml").write_text("mine")
    assert added(network, "--classes", "cat,dog") == 2
    assert "my pets.yaml exists: use it as the model" in capsys.readouterr().err
    assert network.with_suffix(".yaml").read_text() == "mine"
    assert added(network, "--classes", "cat") == 2
    assert "'cat' is no list" in capsys.readouterr().err
    assert added(network, "--classes", "cat,dog", "--force") == 0
    assert load_model_config(str(network.with_suffix(".yaml"))).classes == ("cat", "dog")


def test_what_is_no_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.onnx").write_text("no network")
    assert added(tmp_path / "text.onnx") == 2
    assert "text.onnx: the file is damaged or no ONNX network" in capsys.readouterr().err
