"""`fit: region_svms`: SVMs and box regressors over the features of R-CNN and SPP-net."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from streamdet.building.build import give_weights, make_network
from streamdet.cli import main
from streamdet.config.validation import checked
from streamdet.evaluation.image_file import read_image
from streamdet.models.built_network import find_network
from streamdet.models.model_config import load_model_config
from streamdet.networks.sppnet import SppNet, SppNetOptions
from streamdet.ops.box_coding import decode_boxes
from streamdet.training.objectives.rcnn import warped
from streamdet.training.recipe_file import read_recipe
from streamdet.training.svm.region_features import RegionExamples, RegionFeatures
from streamdet.training.svm.region_fit import RegionSvmFit, fit_boxes
from streamdet.training.svm.region_recipe import RegionSvmRecipe
from streamdet.training.target import Target
from tests.training.toy_training import write_images

SPPNET = {"backbone": "alexnet", "map": "conv2", "width": 64, "levels": [1, 3], "proposals": 300}
RCNN = {"backbone": "alexnet", "map": "conv2", "width": 64}
DATA = {"train": [{"truth": "train.json", "images": "images"}]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the images are: a recipe's paths start from there."""
    monkeypatch.chdir(tmp_path)


def write_model(folder: Path, kind: str) -> str:
    """An untrained network that sees images of 96 x 128, or of regions of 48 x 48."""
    network = SPPNET | {"iou_thresh": 0.3} if kind == "sppnet" else RCNN
    values = {
        "detector": kind,
        "network": network,
        "input": {"name": "image", "hw": [96, 128] if kind == "sppnet" else [48, 48],
                  "mean": [20.0] * 3, "std": [60.0] * 3},
        "transform": {"kind": "letterbox", "hw": [96, 128]},
        "classes": ["cat"],
        "score_thresh": 0.5,
        "iou_thresh": 0.3,
        "runtimes": {"onnxruntime": {}},
    }  # fmt: skip
    path = folder / f"{kind}.yaml"
    path.write_text(yaml.safe_dump(values))
    return str(path)


def write_recipe(folder: Path, model: str, **changes: Any) -> Path:
    values = {"fit": "region_svms", "model": model, "data": DATA, "context": 4, "threads": 1,
              "around": 16, "anywhere": 64, "ridge": 10.0}  # fmt: skip
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


def fitted(folder: Path, model: str, **changes: Any) -> tuple[Any, list[str]]:
    """Fit, and give the network with its weights, and what was told."""
    path = write_recipe(folder, model, **changes)
    text = read_recipe(path, ())
    recipe = checked(RegionSvmRecipe, text, (), {"name": "toy", **text.values})
    told: list[str] = []
    result = RegionSvmFit(recipe, text, folder / "out")(told.append, iter)
    network: Any = make_network(str(result.config))
    give_weights(network, load_model_config(str(result.config)))
    return network.eval(), told


def prepared(folder: Path, number: int) -> Tensor:
    """An image as the network of the recipe sees it: twice as large."""
    pixels = read_image(folder / "images" / f"{number}.png").repeat(2, 0).repeat(2, 1)
    return ((torch.from_numpy(pixels)[None] - 20.0) / 60.0).permute(0, 3, 1, 2)


def scores(network: Any, image: Tensor, xyxy: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (P, C) of boxes (P, 4), and the boxes (P, C, 4) that they become."""
    if isinstance(network, SppNet):
        margins, deltas = (each[0] for each in network.look_at(network.features(image), xyxy[None]))
    else:
        margins, deltas = network.look_at(warped(image[0], xyxy, (48, 48), context=4))
    return network.head.scores(margins), decode_boxes(deltas, xyxy[:, None])


@pytest.mark.parametrize("kind", ["sppnet", "rcnn"])
def test_svms_on_an_untrained_network_tell_bright_boxes_from_others(
    tmp_path: Path, kind: str
) -> None:
    write_images(tmp_path, count=16)
    network, told = fitted(tmp_path, write_model(tmp_path, kind), cost=1.0)
    assert any(sentence.startswith("cat: an SVM of 16 objects and ") for sentence in told)
    truths = json.loads((tmp_path / "train.json").read_text())["annotations"]
    with torch.inference_mode():
        for number in (1, 2):
            left, top, width, height = (2 * side for side in truths[number - 1]["bbox"])
            own = torch.tensor([left, top, left + width, top + height], dtype=torch.float32)
            far = torch.tensor([(0.0, 0.0, 24.0, 90.0), (0.0, 60.0, 128.0, 96.0)])
            moved = own + torch.tensor([6.0, 4.0, 6.0, 4.0])
            found, boxes = scores(
                network, prepared(tmp_path, number), torch.stack((own, *far, moved))
            )
            assert found[0, 0] > 0.5 > found[1:3, 0].max()
            assert (boxes[3, 0] - own).abs().mean() < 0.7 * (moved - own).abs().mean()


def test_weights_of_a_training_by_softmax_are_begun_with(tmp_path: Path) -> None:
    write_images(tmp_path)
    model = write_model(tmp_path, "sppnet")
    softmax: Any = SppNet(SppNetOptions.model_validate(
        SPPNET | {"iou_thresh": 0.3, "classifier": "softmax"}), 1, (96, 128))  # fmt: skip
    save_file(softmax.state_dict(), tmp_path / "softmax.safetensors")
    network, told = fitted(tmp_path, model, start={"network": "softmax.safetensors"})
    assert told[0].endswith("random: head.cls_score.weight, head.cls_score.bias")
    assert torch.equal(network.head.layers.fc7.weight, softmax.head.layers.fc7.weight)


def test_a_ridge_regressor_without_a_ridge_gives_back_what_is_linear() -> None:
    features = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    weight, bias = torch.arange(28.0).view(4, 7) / 10, torch.tensor([1.0, 2.0, 3.0, 4.0])
    found_weight, found_bias = fit_boxes(features, features @ weight.T + bias, 1e-6)
    torch.testing.assert_close(found_weight, weight, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found_bias, bias, atol=1e-3, rtol=1e-3)


def test_without_regions_to_learn_from_boxes_stay_as_proposed() -> None:
    weight, bias = fit_boxes(torch.empty(0, 7), torch.empty(0, 4), 1.0)
    assert weight.shape == (4, 7)
    assert not weight.any()
    assert not bias.any()


def examples(target: Target, **changes: Any) -> RegionExamples:
    network = SppNet(SppNetOptions.model_validate(SPPNET), 2, (96, 128)).eval()
    values = {"fit": "region_svms", "name": "x", "model": "m", **changes,
              "data": {"train": [{"truth": "t", "images": "i"}]}}  # fmt: skip
    return RegionFeatures(network, RegionSvmRecipe.model_validate(values))(
        torch.zeros(1, 3, 96, 128), target, 0
    )


def test_an_object_is_a_negative_of_every_other_class_that_is_labelled() -> None:
    target = Target(
        xyxy=torch.tensor([[10.0, 10, 60, 60], [80, 10, 120, 90]]),
        class_ids=torch.tensor([0, 1]),
        ignored=torch.empty(0, 4),
        is_labelled=torch.tensor([True, True]),
    )
    found = examples(target)
    assert found.object_ids.tolist() == [0, 1]
    assert found.is_negative[:2].tolist() == [[False, True], [True, False]]
    assert set(found.box_class_ids.tolist()) == {0, 1}


def test_what_nobody_labelled_counts_neither_way() -> None:
    target = Target(
        xyxy=torch.tensor([[10.0, 10, 60, 60], [80, 10, 120, 90]]),
        class_ids=torch.tensor([0, 1]),
        ignored=torch.tensor([[0.0, 0, 128, 96]]),
        is_labelled=torch.tensor([True, False]),
    )
    found = examples(target)
    assert found.object_ids.tolist() == [0]
    assert not found.is_negative.any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model": "hog_people"},
            "model must be of the kind rcnn or sppnet, 'hog_people' is",
        ),
        ({"network": {"width": 0}}, "network.width must be at least 1"),
        ({"anywhere": 0}, "anywhere must be at least 1"),
    ],
)
def test_what_cannot_be_fitted_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], sentence: str
) -> None:
    write_images(tmp_path)
    model = changes.get("model") or write_model(tmp_path, "sppnet")
    recipe = write_recipe(tmp_path, **({"model": model} | changes))
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


def test_a_class_with_too_few_objects_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, count=5)
    recipe = write_recipe(tmp_path, write_model(tmp_path, "sppnet"))
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 2
    assert "class 'cat': an SVM wants at least 6 examples" in capsys.readouterr().err


def test_a_training_s_folder_is_not_written_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, write_model(tmp_path, "sppnet"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "checkpoint.pt").touch()
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 2
    assert "out: is not empty, wanted a new folder" in capsys.readouterr().err


def test_the_command_leaves_a_model_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, count=9)
    data = {"train": [{"truth": "train.json", "images": "images", "held_out": 0.2}]}
    recipe = write_recipe(tmp_path, write_model(tmp_path, "sppnet"), data=data)
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "3 images, 3 objects" in printed
    assert find_network(load_model_config(str(tmp_path / "out" / "toy.yaml"))).remark == ""
