"""A built network has a passport that tells what it was built from."""

import hashlib
from pathlib import Path

import pytest
import torch

from streamdet.building.build import build, make_network
from streamdet.errors import ConfigError, EngineError
from streamdet.models.built_network import find_network, read_passport
from streamdet.models.model_config import load_model_config

MODEL = """
detector: faster_rcnn
network:
  backbone: alexnet
  maps: [conv1]
  neck: none
  rpn: {{scales: [[32]], before_nms: 20, after_nms: 5}}
  box_width: 8
input: {{name: image, hw: [32, 64]}}
{weights}
transform: {{kind: letterbox}}
classes: [person, car]
score_thresh: 0.5
iou_thresh: 0.5
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    return tmp_path


def written(folder: Path, weights: str = "") -> str:
    path = folder / "tiny.yaml"
    path.write_text(MODEL.format(weights=weights), encoding="utf-8")
    return str(path)


def test_random_weights_are_told_of_wherever_the_network_is_used(folder: Path) -> None:
    name = written(folder)
    assert build(name, folder, seed=3).remark == "random weights (seed 3)"
    found = find_network(load_model_config(name))
    assert found.path == folder / "tiny.onnx"
    assert found.remark == "random weights (seed 3)"


def test_weights_from_a_file_are_named_by_their_checksum(folder: Path) -> None:
    torch.save(make_network(written(folder)).state_dict(), folder / "tiny.pth")  # type: ignore[attr-defined]
    checksum = sha256_of(folder / "tiny.pth")
    weights = f"weights: {{file: tiny.pth, sha256: {checksum[:8]}, licence: none, origin: here}}"
    assert build(written(folder, weights), folder).remark == ""
    assert read_passport(folder / "tiny.json").weights == checksum


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_build_that_cannot_be_finished_leaves_no_part_of_a_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    name = written(folder)
    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        build(name, folder, seed=0)
    assert [path.name for path in folder.iterdir()] == ["tiny.yaml"]


@pytest.mark.nightly
def test_a_passport_is_written_whole_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def no_passport(self: Path, target: Path) -> Path:
        if target.suffix == ".json":
            raise OSError(28, "No space left on device")
        return replace(self, target)

    name = written(folder)
    monkeypatch.setattr(Path, "replace", no_passport)
    with pytest.raises(EngineError, match="json cannot be written: No space"):
        build(name, folder, seed=0)
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.onnx", "tiny.yaml"]


@pytest.mark.nightly
def test_whoever_may_read_the_passport_may_read_the_network(folder: Path) -> None:
    path = build(written(folder), folder, seed=0).path
    assert path.stat().st_mode == path.with_suffix(".json").stat().st_mode


def test_the_same_seed_gives_the_same_weights(folder: Path) -> None:
    first, again, other = (make_network(written(folder), seed) for seed in (0, 0, 1))
    name = "roi_heads.box_head.fc6.weight"
    weights = [network.state_dict()[name] for network in (first, again, other)]  # type: ignore[attr-defined]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_model_without_a_network_has_nothing_to_build(folder: Path) -> None:
    with pytest.raises(ConfigError, match="'hog_people' is no network of ours"):
        build("hog_people", folder)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [("backbone", "alexnett", "alexnett"), ("maps", "[conv9]", "conv9")],
)
def test_what_the_network_refuses_is_told_with_file_and_key(
    folder: Path, key: str, value: str, sentence: str
) -> None:
    path = Path(written(folder))
    former = {"backbone": "alexnet", "maps": "[conv1]"}[key]
    path.write_text(path.read_text().replace(f"{key}: {former}", f"{key}: {value}"))
    with pytest.raises(ConfigError, match=rf"tiny.yaml:3: network: .*{sentence}"):
        make_network(str(path))


@pytest.mark.nightly
def test_former_names_of_weights_are_understood(folder: Path) -> None:
    weights = make_network(written(folder), 1).state_dict()  # type: ignore[attr-defined]
    for kind in ("weight", "bias"):
        weights[f"rpn.head.conv.{kind}"] = weights.pop(f"rpn.head.conv.0.0.{kind}")
    torch.save(weights, folder / "old.pth")
    checksum = sha256_of(folder / "old.pth")
    stated = f"weights: {{file: old.pth, sha256: {checksum}, licence: none, origin: here}}"
    assert build(written(folder, stated), folder).path.is_file()
