"""`fit: bow_spm` finds what it was fitted to."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.cli import main
from streamdet.detectors.bow_spm import region_scores
from streamdet.detectors.parts.bow_model import load_bow_model
from streamdet.errors import ConfigError
from streamdet.models.model_config import load_model_config
from tests.training.svm.discs import disc_image, fitted, write_discs, write_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold the images and their labels."""
    place = tmp_path_factory.mktemp("discs")
    write_discs(place)
    return place


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
    return fitted(write_recipe(folder), folder / "out")


def test_regions_of_new_images_are_told_apart(config: Path) -> None:
    model = load_bow_model(config.with_suffix(".npz"), classes=1)
    for seed in range(100, 104):
        pixels, boxes, is_disc = disc_image(seed)
        scores = region_scores(model, pixels, boxes)[:, 0]
        assert ((scores > 0.5) == is_disc).all()


def test_fitting_twice_gives_the_same_file(folder: Path, config: Path) -> None:
    again = fitted(write_recipe(folder), folder / "again")
    for key, value in np.load(config.with_suffix(".npz")).items():
        np.testing.assert_array_equal(np.load(again.with_suffix(".npz"))[key], value)


def test_a_search_gives_what_is_hard_to_the_svms(folder: Path, config: Path) -> None:
    unsearched = fitted(write_recipe(folder, rounds=0), folder / "unsearched")
    one, other = (load_bow_model(path.with_suffix(".npz"), 1) for path in (unsearched, config))
    assert not np.array_equal(one.coefficients, other.coefficients)
    np.testing.assert_array_equal(one.words, other.words)


def test_train_says_what_it_does_and_measures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"truth": str(folder / "train.json"), "images": str(folder / "images")}
    recipe = write_recipe(folder, data={"train": [source | {"held_out": 0.3}]})
    assert main(["train", str(recipe), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "24 words of 2" in said
    assert "disc: " in said
    assert "AP50 1.000" in said or "AP50 0." in said
    assert load_model_config(str(tmp_path / "out" / "discs.yaml")).classes == ("disc",)


def test_an_image_without_a_region_teaches_nothing(folder: Path, tmp_path: Path) -> None:
    write_discs(tmp_path / "more", count=6)
    for path in (tmp_path / "more" / "images").iterdir():
        cv2.imwrite(str(path), np.zeros((128, 128, 3), np.uint8)[:40])  # no sliding box fits
    truth = json.loads((tmp_path / "more" / "train.json").read_text())
    for image in truth["images"]:
        image["height"] = 40
    truth["annotations"] = []
    (tmp_path / "more" / "train.json").write_text(json.dumps(truth))
    sources = [
        {"truth": str(place / "train.json"), "images": str(place / "images")}
        for place in (folder, tmp_path / "more")
    ]
    config = fitted(write_recipe(folder, data={"train": sources}), tmp_path / "out")
    assert load_model_config(str(config)).classes == ("disc",)


def test_more_words_than_descriptors_are_refused(folder: Path, tmp_path: Path) -> None:
    recipe = write_recipe(folder, words=1000, most_descriptors=100)
    with pytest.raises(ConfigError, match="1000 words want as many descriptors, got 1"):
        fitted(recipe, tmp_path / "out")


def test_a_class_with_few_regions_is_named(folder: Path, tmp_path: Path) -> None:
    recipe = write_recipe(folder, least_side=60)  # all discs are smaller
    with pytest.raises(ConfigError, match="class 'disc' wants at least 6 regions with one"):
        fitted(recipe, tmp_path / "out")


def test_a_model_of_another_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    recipe = write_recipe(folder, model="hog_people")
    with pytest.raises(ConfigError, match="must be of the kind bow_spm, 'hog_people' is 'hog_svm'"):
        fitted(recipe, tmp_path / "out")
