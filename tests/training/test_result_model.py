"""The model file that a recipe makes of another."""

from pathlib import Path

import yaml

from streamdet.models.model_config import load_model_config
from streamdet.training.recipe import check_recipe
from streamdet.training.recipe_file import read_recipe
from streamdet.training.result_model import write_model
from streamdet.training.samples import fixed_transform
from tests.training.toy_training import write_recipe


def written(folder: Path, model: str) -> Path:
    recipe = write_recipe(folder, model=model, hw=[96, 128], network={})
    write_model(check_recipe(read_recipe(recipe, ()), recipe), folder / "out", keeps_weights=False)
    return folder / "out" / "toy.yaml"


def test_the_stated_size_is_that_of_network_and_image(tmp_path: Path) -> None:
    model = load_model_config(str(written(tmp_path, "sppnet_resnet18")))
    assert model.input is not None
    assert model.input.hw == fixed_transform(model).max_output_hw == (96, 128)


def test_r_cnn_s_regions_keep_their_size_whatever_the_image_s(tmp_path: Path) -> None:
    model = load_model_config(str(written(tmp_path, "rcnn_resnet18")))
    assert model.input is not None
    assert model.input.hw == (224, 224)
    assert fixed_transform(model).max_output_hw == (96, 128)


def test_what_is_not_stated_stays(tmp_path: Path) -> None:
    values = yaml.safe_load(written(tmp_path, "rcnn_resnet18").read_text())
    assert values["name"] == "toy"
    assert values["classes"] == ["cat"]
    assert values["transform"]["pad"] == [104, 116, 124]
