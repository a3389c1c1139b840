"""Weights to begin with: what fits is taken, the rest is told."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config
from streamdet.networks.backbones import backbone, classifier
from streamdet.registry import load_network
from streamdet.training.recipe import Start
from streamdet.training.start_weights import Classes, classes_of, give_start
from tests.networks.region_networks import OPTIONS, region_network


class Detector(nn.Module):
    """A backbone at some place in a network, and a head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = nn.ModuleDict({"body": backbone("alexnet")})
        self.head = nn.Linear(4, classes)


def test_a_head_of_other_classes_stays_random(tmp_path: Path) -> None:
    published, network = Detector(80), Detector(2)
    torch.save(published.state_dict(), tmp_path / "w.pth")
    before = network.head.weight.clone()
    [told] = give_start(network, Start(network=str(tmp_path / "w.pth")), None)
    assert told.endswith("w.pth: 10 of its 12 tensors fit; random: head.weight, head.bias")
    assert torch.equal(network.head.weight, before)
    own, theirs = network.backbone.state_dict(), published.backbone.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in theirs)


def test_a_classifier_s_weights_find_the_backbone(tmp_path: Path) -> None:
    published, network = classifier("alexnet"), Detector(2)
    torch.save(published.state_dict(), tmp_path / "w.pth")
    [told] = give_start(network, Start(backbone=str(tmp_path / "w.pth")), "alexnet")
    assert "10 of its 10 tensors fit" in told
    first = published.state_dict()["features.0.weight"]
    assert torch.equal(network.backbone.state_dict()["body.0.weight"], first)


class Scores(nn.Module):
    """Layers with one row for each class, and with four for each and for the background."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.plain = nn.Linear(2, classes)
        self.boxes = nn.Linear(2, 4 * (1 + classes))


def known_model(folder: Path, network: nn.Module, classes: str) -> Start:
    """Write a network's weights and a model of them."""
    torch.save(network.state_dict(), folder / "w.pth")
    sha256 = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()
    (folder / "known.yaml").write_text(
        f"{{detector: yolox, weights: {{file: w.pth, sha256: {sha256}, licence: x, origin: x}},"
        " input: {name: images, hw: [32, 32], colour: bgr}, transform: {kind: letterbox},"
        f" classes: {classes}, score_thresh: 0.3, iou_thresh: 0.5}}"
    )
    return Start(model=str(folder / "known.yaml"))


def scores_of(*names: str) -> Classes:
    """Say what `Scores` keeps of each class."""
    kinds = ("weight", "bias")
    return Classes(names, {f"{layer}.{kind}": rows for kind in kinds
                           for layer, rows in (("plain", 1), ("boxes", 4))})  # fmt: skip


def test_of_a_model_s_classes_those_of_the_result_are_kept(tmp_path: Path) -> None:
    known, network = Scores(80), Scores(2)
    start = known_model(tmp_path, known, "coco80")
    fresh = network.plain.weight[0].clone()
    [told] = give_start(network, start, None, scores_of("gate", "car"))
    assert told.endswith("has all weights of the network; of gate it knows nothing")
    assert torch.equal(network.plain.weight, torch.stack((fresh, known.plain.weight[2])))
    assert torch.equal(network.boxes.bias[:4], known.boxes.bias[:4])  # the background
    assert torch.equal(network.boxes.bias[8:], known.boxes.bias[12:16])  # car is the third


def test_as_many_classes_are_not_the_same_ones(tmp_path: Path) -> None:
    known, network = Scores(3), Scores(3)
    start = known_model(tmp_path, known, "[cat, dog, cow]")
    fresh = network.plain.weight[1].clone()
    give_start(network, start, None, scores_of("cow", "gate", "cat"))
    theirs = known.plain.weight
    assert torch.equal(network.plain.weight, torch.stack((theirs[2], fresh, theirs[0])))
    assert torch.equal(network.boxes.bias[4:8], known.boxes.bias[12:16])


def test_class_layers_of_another_width_are_not_taken(tmp_path: Path) -> None:
    known, network = Scores(3), Scores(2)
    known.plain = nn.Linear(5, 3)
    before = network.plain.weight.clone()
    start = known_model(tmp_path, known, "[cat, dog, cow]")
    [told] = give_start(network, start, None, scores_of("cow", "cat"))
    assert "3 of its 4 tensors fit; random: plain.weight" in told
    assert torch.equal(network.plain.weight, before)


def test_rows_of_unknown_order_are_not_taken(tmp_path: Path) -> None:
    """Those of YOLO v1 go cell by cell."""
    known, network = Scores(3), Scores(3)
    start = known_model(tmp_path, known, "[cat, dog, cow]")
    before = network.plain.weight.clone()
    classes = Classes(("dog", "cat", "cow"), {"plain.weight": 2})
    [told] = give_start(network, start, None, classes)
    assert "3 of its 3 tensors fit; random: plain.weight" in told
    assert torch.equal(network.plain.weight, before)
    assert torch.equal(network.boxes.weight, known.boxes.weight)


def test_rows_that_follow_those_of_the_classes_stay_behind_them(tmp_path: Path) -> None:
    """PicoDet's boxes."""
    known, network = Scores(3), Scores(1)
    known.boxes, network.boxes = nn.Linear(2, 3 + 8), nn.Linear(2, 1 + 8)
    start = known_model(tmp_path, known, "[cat, dog, cow]")
    give_start(network, start, None, Classes(("dog",), {"boxes.weight": 1}, come_first=True))
    theirs = known.boxes.weight
    assert torch.equal(network.boxes.weight, torch.cat((theirs[1:2], theirs[3:])))


def test_what_grows_with_the_classes_is_found() -> None:
    options = load_model_config("yolox_nano_untrained").network or {}
    model = load_model_config("street").model_copy(update={"network": options})
    network: Any = load_network("yolox")
    made = network(network.Options(**options), len(model.classes), (320, 416))
    found = classes_of(made, model)
    assert found.names == model.classes
    assert found.rows == {f"head.cls_preds.{level}.{kind}": 1 for level in range(3)
                          for kind in ("weight", "bias")}  # fmt: skip


def test_a_network_of_one_class_keeps_nothing_of_each() -> None:
    model = load_model_config("rpn_resnet18")
    model = model.model_copy(update={"network": OPTIONS["rpn"]})
    assert classes_of(region_network("rpn"), model).rows == {}


def test_former_names_of_weights_are_understood(tmp_path: Path) -> None:
    network = Detector(2)
    network.former_names = {"fc.bias": "head.bias"}  # type: ignore[assignment]
    torch.save({"fc.bias": torch.tensor([3.0, 4.0])}, tmp_path / "w.pth")
    give_start(network, Start(network=str(tmp_path / "w.pth")), None)
    assert network.head.bias.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(
    ("start", "own", "sentence"),
    [
        (Start(network="w.pth"), None, "w.pth: none of its 1 tensors fits the network"),
        (Start(network="x.pth"), None, r"start.network: there is no file /.*/x.pth"),
        (Start(backbone="w.pth"), "darknet", "start.backbone: the model's network states no"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Start,
    own: str | None,
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)  # where relative paths start from
    torch.save({"other": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match=sentence):
        give_start(Detector(2), start, own)
