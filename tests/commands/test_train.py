"""`streamdet train`."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamdet.cli import main
from streamdet.commands.trained_model import begun
from streamdet.commands.training_view import PlainTraining
from streamdet.detectors.make import make_detector
from streamdet.errors import ConfigError, EngineError
from streamdet.models.built_network import find_network
from streamdet.models.model_config import load_model_config
from streamdet.registry import load
from streamdet.training.log import read_log
from streamdet.training.loop import Measured, StepDone
from tests.training.toy_training import labelled, write_images, write_recipe


class StopAfterAnEpoch(io.StringIO):
    """Presses Ctrl-C when it is told how good the first epoch is."""

    def write(self, text: str) -> int:
        if text.startswith("epoch 1/"):
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_a_training_is_stopped_goes_on_and_leaves_a_model_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path)
    data, output = labelled(tmp_path, held_out=0.3), str(tmp_path / "out")
    recipe = str(write_recipe(tmp_path, data=data, epochs=3))

    stream = StopAfterAnEpoch()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        assert main(["train", recipe, "--output", output]) == 130
    assert "toy: yolox, cat; 4 images, 2 steps an epoch, 6 in all, on c" in stream.getvalue()
    told = capsys.readouterr().err
    assert f"after step 2 of 6; to go on: streamdet train {recipe} --resume --output" in told

    assert main(["train", recipe, "--output", output]) == 2
    assert "holds a training: --resume goes on" in capsys.readouterr().err

    assert main(["train", recipe, "--output", output, "--resume"]) == 0
    printed = capsys.readouterr().out
    assert "epoch 3/3: AP 0." in printed
    assert "2 images, 2 objects" in printed
    steps = [line["step"] for line in read_log(tmp_path / "out")]
    assert steps == [0, 1, 2, 2, 3, 4, 4, 5, 6, 6]  # 0: what it begins with
    assert (tmp_path / "out" / "curves.png").stat().st_size > 5_000

    model = load_model_config(f"{output}/toy.yaml")
    assert model.classes == ("cat",)
    assert model.weights is not None
    assert model.weights.origin is not None
    assert model.weights.origin.startswith("streamdet train, recipe toy, step ")
    assert find_network(model).remark == ""
    options = load("detector", "yolox").Options(model=f"{output}/toy.yaml")
    _, told_runtime = make_detector(options, model)
    assert "random" not in told_runtime


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "hog_people"}, "model 'hog_people' cannot be trained: wanted one that states"),
        ({"classes": ["bird"]}, "has none of the model's classes, bird; it has cat, dog"),
        ({"classes": ["cat", "bird"]}, "no training source labels its class 'bird'"),
        ({"classes": ["dog"]}, "no training source has an object of its classes"),
        ({"network": {"widht": 1}}, "toy.yaml:"),
        ({"objective": {"l2": 1}}, "objective.l2 is an unknown key"),
        ({"start": {"network": "none.pth"}}, "start.network: there is no file"),
        ({"hw": [64, 65]}, "multiples of 32"),
    ],
)
def test_what_cannot_be_trained_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], sentence: str
) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, **changes)
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("changes", [{}, {"fit": "hog_svm"}])
def test_a_model_that_is_there_already_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    recipe = write_recipe(tmp_path)
    if changes:
        fitted = {**changes, "classes": ["cat"], "data": labelled(tmp_path)}
        recipe.write_text(yaml.safe_dump(fitted))
    before = recipe.read_text()
    assert main(["train", str(recipe), "--output", str(tmp_path)]) == 2  # toy.yaml is the recipe
    assert f"--output {tmp_path}: is not empty, wanted a new folder" in capsys.readouterr().err
    assert recipe.read_text() == before


def test_without_what_measures_no_training_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "motmetrics", None)
    write_images(tmp_path)
    fitted: dict[str, Any] = {"fit": "hog_svm", "model": "hog_people", "classes": ["cat"]}
    fitted |= {"data": labelled(tmp_path, held_out=0.3)}
    (tmp_path / "fitted.yaml").write_text(yaml.safe_dump(fitted))
    for recipe in (write_recipe(tmp_path), tmp_path / "fitted.yaml"):
        assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 2
        told = capsys.readouterr().err
        assert told.startswith("error: evaluation needs motmetrics: pip install")
        assert not (tmp_path / "out").exists()


def test_a_recipe_is_checked_before_torch_is_wanted(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from streamdet.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", program, "train", str(write_recipe(tmp_path, batch=0))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "toy.yaml:1: batch must be" in done.stderr


def test_paths_of_a_recipe_start_from_the_working_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "yard")
    (tmp_path / "recipes").mkdir()
    sources = labelled(Path("${DATA}"))
    recipe = write_recipe(tmp_path / "recipes", data=sources, classes=["bird"])
    monkeypatch.chdir(tmp_path)
    for said, sentence in (
        ("yard", "yard/train.json: has none of the model's classes, bird; it has cat, dog"),
        ("yrad", f"(there is no {tmp_path}/yrad/train.json)"),
    ):
        monkeypatch.setenv("DATA", said)
        assert main(["train", str(recipe)]) == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.nightly
def test_images_of_one_s_own_take_the_place_of_the_recipe_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "yard")
    monkeypatch.chdir(tmp_path)
    sources = {"train": [{"truth": "labels.json", "images": "images", "held_out": 0.3}]}
    recipe = str(write_recipe(tmp_path, data=sources, classes=["bird"]))
    own = ["--truth", "yard/train.json", "--images", "yard/images", "--classes", "dog, cat"]
    assert main(["train", recipe, *own, "--set", "data.train.0.held_out=0"]) == 0
    assert "toy: yolox, dog, cat; 6 images, 3 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        ("", "must be names with commas"),
        ("cat,,dog", "must be names with commas"),
        ("cat, cat", "names must differ"),
    ],
)
def test_classes_have_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], classes: str, sentence: str
) -> None:
    recipe = str(write_recipe(tmp_path, data=labelled(tmp_path)))
    assert main(["train", recipe, "--classes", classes]) == 2
    assert f"--classes {classes}: {sentence}" in capsys.readouterr().err


def test_going_on_where_nothing_was_begun_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    recipe = str(write_recipe(tmp_path, data=labelled(tmp_path)))
    assert main(["train", recipe, "--output", str(tmp_path / "out"), "--resume"]) == 2
    assert "checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "more", [{"validation": [{}]}, {"train": [{}, {}]}, {"train": 5}, {"train": "abc"}]
)
def test_images_of_one_s_own_do_not_take_the_place_of_several_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any]
) -> None:
    recipe = str(write_recipe(tmp_path, data=labelled(tmp_path) | more))
    assert main(["train", recipe, "--truth", "labels.json"]) == 2
    sentence = "--truth: goes with a recipe of one source of images, not with "
    assert f"{sentence}{recipe}: copy it and change" in capsys.readouterr().err


def test_lines_tell_loss_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 2.0, 10.0, 11.0])
    monkeypatch.setattr("time.monotonic", lambda: next(now))
    stream = io.StringIO()
    view = PlainTraining(stream, first=10, steps=100, epochs=4)
    view.show(StepDone(11, 1, 0.1, {"box": 1.0}, 1.0))  # too early for a line
    view.show(StepDone(20, 1, 0.1, {"box": 1.0, "classes": 0.5}, 1.0))
    view.show(Measured(25, 1, {"AP": 0.25}, is_best=True))
    assert stream.getvalue().splitlines() == [
        "step 20/100  epoch 1/4  loss 1.5 = box 1 + classes 0.5  0:01:20 left",
        "epoch 1/4: AP 0.250  best so far",
    ]


def test_what_cannot_begin_leaves_what_others_put_there(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="why"), begun(tmp_path / "a" / "b", "toy", goes_on=False):
        (tmp_path / "a" / "b" / "toy.yaml").touch()
        (tmp_path / "a" / "b" / "sub").mkdir()
        raise EngineError("why")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["sub"]


def test_what_cannot_begin_leaves_none_of_the_folders_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(EngineError), begun(tmp_path / "a" / "b", "toy", goes_on=False):
        raise EngineError("why")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("text", "may_begin"),
    [
        ("detector: yolox", True),
        ("{detector: yolox, weights: {file: w}}", False),
        ("model: yolox", False),
    ],
)
def test_what_was_killed_before_its_first_checkpoint_begins_anew(
    tmp_path: Path, text: str, may_begin: bool
) -> None:
    (tmp_path / "toy.yaml").write_text(text)
    (tmp_path / "log.jsonl").touch()
    refused = pytest.raises(ConfigError, match="is not empty")
    with nullcontext() if may_begin else refused, begun(tmp_path, "toy", goes_on=False):
        pass
    assert (tmp_path / "toy.yaml").read_text() == text
