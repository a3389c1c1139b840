"""A model's file is read whole or refused in one sentence; weights are what they should be."""

import hashlib
import os
from pathlib import Path

import pytest

from streamdet.config.files import find_config, shipped_names
from streamdet.errors import ConfigError
from streamdet.models.model_config import ModelConfig, find_file, find_weights, load_model_config
from streamdet.registry import KINDS, load

HOG = """
detector: hog_svm
transform: {kind: stretch, hw: [240, 320]}
classes: [person]
score_thresh: 0.5
iou_thresh: 0.4
"""
NETWORK = HOG.replace("hog_svm", "yolox") + "input: {name: images, hw: [32, 64]}\n"


def written(folder: Path, text: str) -> str:
    path = folder / "own.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", shipped_names("configs/models"))
def test_a_shipped_model_computes_in_bf16_only_where_its_accuracy_is_measured(name: str) -> None:
    stated = {one.precision for one in load_model_config(name).runtimes.values()}
    text = find_config(name, "configs/models").read_text(encoding="utf-8")
    assert stated <= {"fp32"} or "Measured" in text


@pytest.mark.parametrize("name", shipped_names("configs/models"))
def test_every_shipped_model_fits_the_registry(name: str) -> None:
    model = load_model_config(name)
    assert model.name == name
    assert model.detector in KINDS["detector"]
    assert set(model.runtimes) <= set(KINDS["runtime"])
    load("transform", model.transform.kind).Options(**model.transform_options)


def test_a_class_list_may_be_named() -> None:
    classes = load_model_config("yolox_nano").classes
    assert (len(classes), classes[0], classes[79]) == (80, "person", "toothbrush")


def test_an_unknown_class_list_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own.yaml:4: classes must be .* coco80, .* got 'coco8'"):
        load_model_config(written(tmp_path, HOG.replace("[person]", "coco8")))


def test_a_transform_without_hw_gets_the_network_s(tmp_path: Path) -> None:
    text = NETWORK.replace("{kind: stretch, hw: [240, 320]}", "{kind: stretch, resample: swscale}")
    model = load_model_config(written(tmp_path, text))
    assert model.transform_options == {"hw": (32, 64), "resample": "swscale"}


def test_a_transform_s_own_hw_stays(tmp_path: Path) -> None:
    model = load_model_config(written(tmp_path, NETWORK))
    assert model.transform_options == {"hw": [240, 320]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HOG + "colour: red\n", r"own.yaml:7: colour is an unknown key"),
        (HOG.replace("0.5", "1.5"), "own.yaml:5: score_thresh must be at most 1, got 1.5"),
        (HOG.replace("detector: hog_svm", ""), "detector is missing"),
        (HOG + "iou_thresh: 0.1\n", "own.yaml:7: key 'iou_thresh' stands twice, first in line 6"),
        (HOG + "runtimes: {tflite: {}}\n", "own.yaml:7: runtimes.tflite must be onnxruntime or op"),
        (
            HOG.replace("hog_svm", "hog_swm"),
            "detector 'hog_swm' is unknown; did you mean 'hog_svm'",
        ),
        (HOG + "input: {name: x, hw: [8, 8]}\n", "own.yaml:7: input goes with a network, hog_svm"),
        (HOG + "network: {}\n", "own.yaml:7: network goes with a network that is built here, hog"),
        (HOG.replace("hog_svm", "yolox") + "network: {}\n", "own.yaml:7: network needs `input`"),
        (HOG.replace("[person]", "[a, N/A, b, N/A, a]"), "classes must differ, 'a' stands twice"),
        ("[1, 2]", "must hold keys and values"),
        ("a: [", "own.yaml:1: not YAML: while parsing"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_model_config(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def network(sha256: str) -> ModelConfig:
    model = load_model_config("yolox_nano")
    assert model.weights is not None
    weights = model.weights.model_copy(update={"file": "w.onnx", "sha256": sha256})
    return model.model_copy(update={"weights": weights})


def test_weights_come_from_the_first_folder_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    for name in ("b", "c"):
        (tmp_path / name / "w.onnx").write_bytes(b"weights")
    folders = os.pathsep.join(str(tmp_path / name) for name in "abc")
    monkeypatch.setenv("STREAMDET_MODELS", folders)
    found = find_weights(network(hashlib.sha256(b"weights").hexdigest()))
    assert found == tmp_path / "b" / "w.onnx"


def test_without_the_variable_the_cache_folder_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=f"is not in {tmp_path}/streamdet/models: put it there"):
        find_weights(network("0" * 64))


def test_a_changed_weights_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.onnx").write_bytes(b"other")
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    with pytest.raises(ConfigError, match=f"its sha256 is d9298a.*, wanted {'0' * 64}"):
        find_weights(network("0" * 64))


def test_a_model_without_a_network_has_no_weights() -> None:
    with pytest.raises(ConfigError, match="'hog_people' has no weights file"):
        find_weights(load_model_config("hog_people"))


def test_weights_beside_the_configuration_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    (tmp_path / "mine").mkdir()
    for path in (tmp_path / "mine" / "w.pth", tmp_path / "w.pth"):
        path.write_bytes(b"weights")
    assert find_file("w.pth", tmp_path / "mine") == tmp_path / "mine" / "w.pth"
    assert find_file("w.pth") == tmp_path / "w.pth"
