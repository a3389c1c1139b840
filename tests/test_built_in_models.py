"""What ships with streamdet runs without torch, a download or a variable, and says what it is."""

from pathlib import Path

import numpy as np
import pytest

from streamdet.building.pack import LARGEST
from streamdet.commands.model_text import list_lines
from streamdet.config.files import shipped
from streamdet.detectors.make import make_detector
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector, find_images
from streamdet.evaluation.truth import to_xyxy
from streamdet.evaluation.truths.coco import read_coco
from streamdet.graph import load_graph
from streamdet.models.built_network import find_network
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from streamdet.registry import load
from streamdet.training.recipe import check_recipe
from streamdet.training.recipe_file import read_recipe

MODELS = {
    "people": 1,
    "street": 6,
    "street_best": 6,
    "street_rcnn": 6,
    "rpn": 1,
    "rcnn": 6,
    "sppnet": 6,
    "fast_rcnn": 6,
    "mask_rcnn": 6,
    "street_yolo_v1": 6,
    "street_overfeat": 6,
}
"""Name -> classes."""
_IMAGES = 8  # of highway-id: people, cars, motorcycles, buses and trucks


@pytest.fixture(autouse=True)
def _no_other_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("STREAMDET_MODELS", raising=False)


@pytest.mark.parametrize(("name", "classes"), MODELS.items())
def test_a_built_in_network_is_found_whole_and_small(name: str, classes: int) -> None:
    model = load_model_config(name)
    path = find_network(model).path
    assert path == shipped("configs/models") / f"{name}.onnx"
    assert path.stat().st_size <= LARGEST
    assert len(model.classes) == classes
    assert b"/site-packages/" not in path.read_bytes()


@pytest.mark.data
@pytest.mark.parametrize("name", MODELS)
def test_a_built_in_model_finds_objects_by_its_own_threshold(name: str, data: Path) -> None:
    model = load_model_config(name)
    options = load("detector", model.detector).Options(model=name)
    detect = ImageDetector(make_detector(options, model)[0], model)
    folder = data / "datasets" / "highway-id"
    truth = read_coco(folder / "val.json")
    right = 0
    for image, path in find_images(truth, folder / "images")[:_IMAGES]:
        found = detect(read_image(path))
        wanted = [each for each in truth.objects if each.image_id == image.image_id]
        overlaps = pairwise_iou(found.xyxy, to_xyxy([each.xywh for each in wanted]))
        names = [model.classes[class_id] for class_id in found.class_ids]
        is_same = [[name in ("object", truth.categories[each.category_id]) for each in wanted]
                   for name in names]  # fmt: skip
        right += int((overlaps >= 0.5)[np.array(is_same, bool).reshape(overlaps.shape)].sum())
    assert right >= 3


@pytest.mark.parametrize("name", MODELS)
def test_a_built_in_model_is_listed(name: str) -> None:
    [line] = [each for each in list_lines() if each.split()[0] == name]
    assert line.endswith("ready")


@pytest.mark.parametrize("name", MODELS)
def test_a_built_in_model_has_a_card_without_gaps(name: str) -> None:
    card = (shipped("configs/models") / f"{name}.md").read_text(encoding="utf-8")
    assert card.startswith(f"# Model card: {name}\n")
    assert "FILL" not in card
    assert "non-commercial" in card


@pytest.mark.parametrize("name", MODELS)
def test_the_recipe_of_a_built_in_model_makes_this_network(name: str) -> None:
    path = shipped("configs/recipes") / f"{name}.yaml"
    recipe, model = check_recipe(read_recipe(path, ()), path), load_model_config(name)
    base = load_model_config(recipe.model)
    assert model.detector == base.detector
    assert model.network == {**(base.network or {}), **recipe.network}
    assert model.classes == (recipe.classes or base.classes)
    assert model.input is not None
    assert base.input is not None
    assert model.input.hw == (recipe.hw or base.input.hw)


@pytest.mark.parametrize("name", ["people", "street"])
def test_a_pipeline_runs_its_own_model_by_default(name: str) -> None:
    [detector] = load_graph(name, environ={}).nodes_of_role("detector")
    assert detector.model is not None
    assert detector.model.name == name
