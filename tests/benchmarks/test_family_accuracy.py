"""The families, trained alike."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.family_accuracy import NAMES, Study, recipe_of, write_truths
from streamdet.models.model_config import load_model_config
from streamdet.training.recipe import Recipe, check_recipe
from tests.training.toy_training import write_images


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Nine images of one bright box; learnt from and measured on."""
    write_images(tmp_path / "set", count=9)
    (tmp_path / "set" / "train.json").rename(tmp_path / "set" / "val.json")
    write_images(tmp_path / "set", count=9)
    return Study(
        sets=(tmp_path / "set",),
        classes=("cat",),
        backbone=None,
        hw=(64, 96),
        region_hw=(32, 32),
        proposals=20,
        epochs=1,
        regions=4,
    )


def recipes(study: Study, folder: Path) -> dict[str, Recipe]:
    texts = {kind: recipe_of(kind, study, folder) for kind in NAMES}
    return {kind: check_recipe(text, Path(text.name)) for kind, text in texts.items()}


def test_all_families_have_the_same_budget(study: Study, tmp_path: Path) -> None:
    own = {"name", "model", "objective"}
    budgets = [recipe.model_dump(exclude=own) for recipe in recipes(study, tmp_path).values()]
    assert all(budget == budgets[0] for budget in budgets)


def test_all_families_learn_from_as_many_regions(study: Study, tmp_path: Path) -> None:
    options = [recipe.objective for recipe in recipes(study, tmp_path).values()]
    assert {each["regions"] for each in options} == {4}
    assert len({tuple(each["region_negative"]) for each in options}) == 1


def test_small_objects_count_neither_way(study: Study, tmp_path: Path) -> None:
    # a box of 30 x 20 in 64 x 48 has the side sqrt(600) / 64 = 0.383
    for least, is_crowd in ((0.38, False), (0.39, True)):
        write_truths(replace(study, least=least), tmp_path)
        for part in ("train", "val"):
            truth = json.loads((tmp_path / f"set-{part}.json").read_text())
            assert {bool(box.get("iscrowd")) for box in truth["annotations"]} == {is_crowd}


def test_all_families_have_the_same_backbone_and_image(study: Study, tmp_path: Path) -> None:
    models = [load_model_config(recipe.model) for recipe in recipes(study, tmp_path).values()]
    assert [model.detector for model in models] == list(NAMES)
    for model in models:
        network = model.network or {}
        assert network["backbone"] == "mobilenet_v2"
        assert (network.get("map") or network["maps"][0]) == "features.13"
        assert model.transform_options["hw"] == [64, 96]
