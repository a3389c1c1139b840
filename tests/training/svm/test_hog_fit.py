"""`fit: hog_svm` finds what it was fitted to, from labelled pictures and from patches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from streamdet.cli import main
from streamdet.detectors.hog_svm import HogSvm, HogSvmOptions
from streamdet.detectors.parts.window_svm import load_window_svm
from streamdet.evaluation.picture_file import read_picture
from streamdet.evaluation.pictures import PictureDetector
from streamdet.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from tests.training.toy_training import write_pictures

# The boxes of 30 x 20 are 60 x 40 in the prepared picture.
WINDOW = {"window": [48, 64], "shrink_xy": [0.03, 0.08]}
LABELLED = {"data": {"train": [{"truth": "train.json", "images": "images", "held_out": 0.2}]}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the pictures are: a recipe's paths start from there."""
    monkeypatch.chdir(tmp_path)


def write_recipe(folder: Path, **changes: Any) -> str:
    values: dict[str, Any] = {
        "fit": "hog_svm",
        "classes": ["cat"],
        "transform": {"kind": "stretch", "hw": [96, 128]},
        **WINDOW,
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return str(path)


def detector(config: Path) -> PictureDetector:
    model = load_model_config(str(config))
    options = HogSvmOptions(model=str(config), score_thresh=0.5)
    return PictureDetector(HogSvm(options, model), model)


def test_labelled_pictures_give_a_detector_that_finds_their_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "fitted to 18 windows with and" in printed  # 9 learnt from, mirrored
    assert "search 1: " in printed
    assert "3 pictures, 3 objects" in printed
    found = detector(tmp_path / "out" / "toy.yaml")(read_picture(tmp_path / "images" / "1.png"))
    left, top = np.random.default_rng(0).integers(4, 24, size=2)  # as the first picture was drawn
    truth = np.array([[left, top, left + 30, top + 20]])
    assert pairwise_iou(found.xyxy[:1], truth)[0, 0] > 0.6


@pytest.mark.parametrize(
    ("search", "rounds"), [("all", ["9", "9", "9"]), ("parts", ["3", "3", "3"])]
)
def test_parts_search_each_picture_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], search: str, rounds: list[str]
) -> None:
    write_pictures(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, search=search, rounds=3, cost=1e-4)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    assert re.findall(r"false windows in (\d) pictures", capsys.readouterr().out) == rounds


def test_moved_windows_show_each_object_more_often(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pictures(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, moved=2)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    assert "fitted to 54 windows with" in capsys.readouterr().out  # 9 objects, 3 windows, mirrored


def test_a_recipe_s_bins_and_signs_are_the_svm_s(tmp_path: Path) -> None:
    write_pictures(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, bins=18, signed=True, rounds=0)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    geometry = load_window_svm(tmp_path / "out" / "toy.npz").geometry
    assert (geometry.bins, geometry.is_signed) == (18, True)


def write_patches(folder: Path) -> None:
    """Discs in yes/ and crosses in no/, 32 x 32, each a little elsewhere."""
    chance = np.random.default_rng(0)
    for name in ("yes", "no"):
        (folder / name).mkdir()
        for number in range(12):
            x, y = (int(n) for n in chance.integers(14, 18, size=2))
            patch = np.full((32, 32, 3), 40, np.uint8)
            if name == "yes":
                cv2.circle(patch, (x, y), 10, (220, 220, 220), -1)
            else:
                cv2.line(patch, (x - 10, y), (x + 10, y), (220, 220, 220), 5)
                cv2.line(patch, (x, y - 10), (x, y + 10), (220, 220, 220), 5)
            cv2.imwrite(str(folder / name / f"{number}.png"), patch)


def test_patches_give_a_detector_and_their_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_patches(tmp_path)
    both = [{"positives": "yes", "negatives": "no"}]
    patches = {"train": both, "validation": both}
    recipe = write_recipe(tmp_path, patches=patches, window=[32, 32], shrink_xy=[0.2, 0.2])
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    told = "validation patches: 24 of 24 right (1.000): 0 of 12 objects missed, 0 of 12 others"
    assert told in capsys.readouterr().out
    picture = np.full((96, 128, 3), 40, np.uint8)
    cv2.circle(picture, (40, 48), 10, (220, 220, 220), -1)
    [best, *_] = detector(tmp_path / "out" / "toy.yaml")(picture).xyxy
    np.testing.assert_allclose(best, [30, 38, 50, 58], atol=5)


def test_the_same_recipe_gives_the_same_svm(tmp_path: Path) -> None:
    write_pictures(tmp_path, count=8)
    recipe = write_recipe(tmp_path, **LABELLED)
    for name in ("one", "two"):
        assert main(["train", recipe, "--output", str(tmp_path / name)]) == 0
    one, two = (load_window_svm(tmp_path / name / "toy.npz") for name in ("one", "two"))
    np.testing.assert_array_equal(one.coefficients, two.coefficients)
    assert (one.bias, one.scale) == (two.bias, two.scale)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fit": "hog"}, "fit 'hog' is unknown; did you mean 'hog_svm'?"),
        ({"model": "dpm_car"}, "toy.yaml:9: model must be of the kind hog_svm, 'dpm_car' is 'dpm'"),
        ({"classes": ["cat", "dog"]}, "toy.yaml:1: classes must be"),
        ({"window": [50, 64]}, "window must be multiples of 8, got (50, 64)"),
        ({"data": None}, "patches or data must give objects to learn from"),
        ({"transform": {"kind": "shrink"}}, "transform.kind must be one of letterbox"),
        ({"transform": {"kind": "stretch", "hv": [9, 9]}}, "transform.hv is an unknown key"),
        ({"least_overlap": 1.0}, "at least 6 examples with and 6 without an object, got 0 and"),
        ({"most_enlarged": 1.0}, "at least 6 examples with and 6 without an object, got 0 and"),
    ],
)
def test_what_cannot_be_fitted_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], sentence: str
) -> None:
    write_pictures(tmp_path)
    recipe = write_recipe(tmp_path, **(LABELLED | changes))
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err


def test_a_fitting_does_not_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", write_recipe(tmp_path, **LABELLED), "--resume"]) == 2
    assert "--resume goes with training by steps" in capsys.readouterr().err
