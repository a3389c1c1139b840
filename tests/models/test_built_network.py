"""A built network is run only if its passport fits the model's configuration."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.models.built_network import (
    NetworkFile,
    Passport,
    digest,
    find_network,
    read_passport,
)
from streamdet.models.model_config import ImageInput, ModelConfig, TransformConfig, Weights

SHA256 = "ab" * 32


def model(**changes: object) -> ModelConfig:
    values: dict[str, object] = {
        "name": "toy",
        "detector": "faster_rcnn",
        "network": {"backbone": "resnet18"},
        "input": ImageInput(name="image", hw=(64, 64)),
        "transform": TransformConfig(kind="letterbox"),
        "classes": ("a", "b"),
        "score_thresh": 0.1,
        "iou_thresh": 0.5,
    }
    return ModelConfig(**{**values, **changes})


def trained(sha256: str = SHA256) -> ModelConfig:
    return model(weights=Weights(file="toy.pth", sha256=sha256, licence="", origin=""))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    return tmp_path


def built(folder: Path, config: ModelConfig, weights: str = SHA256) -> Path:
    path = folder / "toy.onnx"
    path.write_bytes(b"network")
    sha256 = hashlib.sha256(b"network").hexdigest()
    passport = Passport(digest(config), weights, sha256, {"torch": "2"})
    path.with_suffix(".json").write_text(passport.to_json())
    return path


def test_a_built_network_is_found(folder: Path) -> None:
    path = built(folder, trained())
    assert find_network(trained()) == NetworkFile(path)


def test_weights_may_be_named_by_their_first_digits(folder: Path) -> None:
    path = built(folder, trained())
    assert find_network(trained(SHA256[:8])) == NetworkFile(path)


def test_random_weights_are_said_to_be_random(folder: Path) -> None:
    built(folder, model(), "random weights (seed 0)")
    assert find_network(model()).remark == "random weights (seed 0)"


def test_a_network_that_is_not_built_is_refused_with_the_command_that_builds_it(
    folder: Path,
) -> None:
    with pytest.raises(ConfigError, match="not built: streamdet models build toy"):
        find_network(trained())
    with pytest.raises(ConfigError, match=r"nobody has trained it; .* build toy --random 0"):
        find_network(model())


def test_the_command_names_the_path_of_a_configuration_of_the_user_s(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"streamdet models build mine/toy.yaml --random 0"):
        find_network(model(path=Path("mine/toy.yaml")))


def test_another_configuration_is_refused(folder: Path) -> None:
    built(folder, trained())
    other = trained().model_copy(update={"network": {"backbone": "resnet50"}})
    with pytest.raises(ConfigError, match="was built from another configuration of model 'toy'"):
        find_network(other)


def test_other_weights_are_refused(folder: Path) -> None:
    built(folder, trained(), "cd" * 32)
    with pytest.raises(ConfigError, match="was built from other weights than model 'toy' names"):
        find_network(trained())


def test_a_damaged_file_is_refused(folder: Path) -> None:
    built(folder, trained()).write_bytes(b"netw")
    with pytest.raises(ConfigError, match=r"toy.onnx is damaged: its passport states another"):
        find_network(trained())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": 1}'])
def test_what_is_no_passport_is_refused(folder: Path, text: str) -> None:
    path = built(folder, trained()).with_suffix(".json")
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"toy.json is missing or not a passport"):
        find_network(trained())


def test_a_passport_survives_writing(tmp_path: Path) -> None:
    passport = Passport("c", "w", "s", {"torch": "2"})
    (tmp_path / "p.json").write_text(passport.to_json())
    assert read_passport(tmp_path / "p.json") == passport


def test_names_and_thresholds_do_not_count_for_the_digest() -> None:
    assert digest(model(classes=("x", "y"), score_thresh=0.7)) == digest(model())
    assert digest(model(classes=("x",))) != digest(model())
    assert replace(Passport("c", "random", "s", {})).is_trained is False
