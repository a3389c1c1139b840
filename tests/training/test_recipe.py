"""Recipes: what is wrong is told with file, line and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from streamdet.config.files import shipped, shipped_names
from streamdet.config.validation import checked
from streamdet.errors import ConfigError
from streamdet.registry import load_fit_recipe
from streamdet.training.recipe import Recipe, check_recipe, digest
from streamdet.training.recipe_file import read_recipe

TEXT = """\
model: yolox_nano_untrained
epochs: 4
data:
  train:
    - {truth: train.json, images: images}
augmentation:
  scale: [0.5, 2.0]
"""


def read(folder: Path, text: str = TEXT, sets: Sequence[str] = ()) -> Recipe:
    path = folder / "mine.yaml"
    path.write_text(text)
    return check_recipe(read_recipe(path, sets), path)


def test_a_recipe_is_named_after_its_file(tmp_path: Path) -> None:
    recipe = read(tmp_path)
    assert (recipe.name, recipe.seed, recipe.augmentation.scale) == ("mine", 0, (0.5, 2.0))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("epochs: 4", "epochs: 0", "mine.yaml:2: epochs must be at least 1, got 0"),
        ("epochs", "epoch", "mine.yaml:2: epoch is an unknown key; did you mean 'epochs'?"),
        ("truth", "thruth", "mine.yaml:5: data.train.0.thruth is an unknown key"),
        ("[0.5, 2.0]", "[2, 0.5]", "mine.yaml:7: augmentation.scale must be two numbers from 0.1"),
        (TEXT, "- 1", "mine.yaml: must hold keys and values"),
    ],
)
def test_faults_are_told_with_line_and_key(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, TEXT.replace(old, new))
    assert sentence in str(caught.value)


def test_set_changes_values_at_any_depth(tmp_path: Path) -> None:
    recipe = read(tmp_path, sets=["optimiser.rate=0.01", "seed=3", "augmentation.flip=0"])
    assert (recipe.optimiser.rate, recipe.seed, recipe.augmentation.flip) == (0.01, 3, 0)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("seed", "--set seed: must be KEY.KEY=VALUE"),
        ("seed=x", "--set seed=x: seed must be a whole number, got 'x'"),
        ("seed.deep=1", "--set seed.deep=1: seed holds no keys"),
        ("optimiser.rat=1", "--set optimiser.rat=1: optimiser.rat is an unknown key"),
    ],
)
def test_a_wrong_set_is_told_as_it_was_given(tmp_path: Path, entry: str, sentence: str) -> None:
    text = TEXT.replace("epochs", "seed: 1\nepochs")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, [entry])
    assert sentence in str(caught.value)


def test_the_digest_tells_what_decides_over_the_weights(tmp_path: Path) -> None:
    one = digest(read(tmp_path))
    assert digest(read(tmp_path, sets=["workers=4", "checkpoint_every=7"])) == one
    assert digest(read(tmp_path, sets=["seed=1"])) != one
    assert digest(read(tmp_path, sets=["data.train.0.truth=elsewhere.json"])) == one
    assert digest(read(tmp_path, sets=["data.train.0.held_out=0.5"])) != one


@pytest.mark.parametrize("name", shipped_names("configs/recipes"))
def test_shipped_recipes_are_right(name: str) -> None:
    path = shipped("configs/recipes") / f"{name}.yaml"
    text = read_recipe(path, ())
    if "fit" in text.values:
        kind = load_fit_recipe(text.values["fit"])
        assert checked(kind, text, (), {"name": name, **text.values}).name == name
    else:
        assert check_recipe(text, path).name == name
