"""`streamdet models`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.config.files import shipped_names
from streamdet.models.built_network import NetworkFile, find_network
from streamdet.models.model_config import cache_folder, load_model_config
from tests.building.toy_model import write_trained, write_untrained


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    columns = [re.split("  +", line) for line in lines]
    return {name: rest for name, *rest in columns}


def test_every_shipped_model_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    listed = rows(capsys)
    assert [*listed] == ["model", *shipped_names("configs/models")]
    assert listed["hog_people"] == ["hog_svm", "none needed", "ready"]
    assert listed["fasterrcnn_resnet50_fpn"] == ["faster_rcnn", "torchvision", "no"]


def test_the_list_says_of_a_wrong_file_that_it_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cache_folder().mkdir(parents=True)
    (cache_folder() / "yolox_nano.onnx").write_bytes(b"no network")
    assert rows(capsys)["yolox_nano"][-1] == "wrong file: streamdet models show yolox_nano"


def test_listing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from streamdet.cli import main; main(['models', 'list']);"
        "print(*({'torch', 'cv2', 'onnx', 'openvino', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_show_tells_paper_network_weights_and_what_is_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name, weights = write_trained(tmp_path)
    assert main(["models", "show", name]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    facts = {line[:15].strip(): line[17:] for line in lines}
    assert head.startswith("toy: Faster R-CNN: Ren, He, Girshick, Sun")
    assert "maps [conv2], neck none, pooling pool, rpn (after_nms 8" in facts["network"]
    assert facts["input"].startswith("image, 64 x 64 pixels, bgr")
    assert facts["classes"] == "1: person"
    assert facts["weights"] == f"{weights.name}: not on this machine"
    assert facts["licence"] == "CC0"
    assert facts["state"].endswith(f"is not built: streamdet models pull {name}")
    assert int(facts["parameters"].replace(",", "")) > 300_000  # conv2: 192 * 64 * 25 = 307,200


def test_a_network_is_built_with_random_weights_and_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = write_untrained(tmp_path)
    assert main(["models", "build", name, "--random", "7"]) == 0
    printed = capsys.readouterr().out
    assert "building the network of toy\n" in printed
    assert printed.endswith(" parameters, random weights (seed 7)\n")
    found = find_network(load_model_config(name))
    assert found == NetworkFile(cache_folder() / "toy.onnx", "random weights (seed 7)")
    main(["models", "show", name])
    assert "  built from     random weights (seed 7)\n" in capsys.readouterr().out


@pytest.mark.nightly
def test_a_network_in_a_folder_of_its_own_comes_with_the_way_to_use_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    name = write_untrained(tmp_path)
    assert main(["models", "build", name, "--random", "0", "--output", str(folder)]) == 0
    assert f"name its folder in STREAMDET_MODELS: {folder}\n" in capsys.readouterr().out


def test_pull_builds_what_the_registry_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name, weights = write_trained(tmp_path)
    cache_folder().mkdir(parents=True)
    weights.rename(cache_folder() / weights.name)
    assert main(["models", "pull", name]) == 0
    assert capsys.readouterr().out.endswith(" parameters\n")
    assert find_network(load_model_config(name)).remark == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show", "yolo_nano"], 2, "'yolo_nano' is none of configs/models"),
        (["build", "hog_people"], 2, "'hog_people' has nothing to build"),
        (["build", "yolox_nano"], 2, "'yolox_nano' needs no building: its weights file holds"),
        (["build", "fasterrcnn_resnet50_fpn"], 2, "streamdet models pull fasterrcnn_resnet50_fpn"),
        (["pull", "hog_people"], 2, "'hog_people' has no weights that could be fetched"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == code
    printed = capsys.readouterr()
    [line] = printed.err.splitlines()
    assert sentence in line
    if arguments[0] == "build" and "build" in sentence:
        assert not printed.out  # no progress of what is not done


def test_what_nobody_has_trained_wants_a_seed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = write_untrained(tmp_path)
    assert main(["models", "build", name]) == 2
    assert "nobody has trained model 'toy': --random 0 gives it" in capsys.readouterr().err
    assert main(["models", "build", name, "--random", "-1"]) == 2
    assert "must be a whole number from 0 on, got '-1'" in capsys.readouterr().err
