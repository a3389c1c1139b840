"""`fit: hog_svm` finds what it was fitted to, from labelled images and from patches."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from streamdet.cli import main
from streamdet.detectors.hog_svm import HogSvm, HogSvmOptions
from streamdet.detectors.parts.window_svm import load_window_svms
from streamdet.evaluation.image_file import read_image
from streamdet.evaluation.images import ImageDetector
from streamdet.image import Pixels
from streamdet.models.model_config import load_model_config
from streamdet.ops.iou import pairwise_iou
from tests.evaluation.scenes import write_json
from tests.training.toy_training import write_images

# The boxes of 30 x 20 are 60 x 40 in the prepared image.
VIEWS: dict[str, Any] = {"views": [{"window": [48, 64], "shrink_xy": [0.03, 0.08]}]}
LABELLED = {"data": {"train": [{"truth": "train.json", "images": "images", "held_out": 0.2}]}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the images are: a recipe's paths start from there."""
    monkeypatch.chdir(tmp_path)


def write_recipe(folder: Path, **changes: Any) -> str:
    values: dict[str, Any] = {
        "fit": "hog_svm",
        "classes": ["cat"],
        "transform": {"kind": "stretch", "hw": [96, 128]},
        **VIEWS,
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return str(path)


def detector(config: Path) -> ImageDetector:
    model = load_model_config(str(config))
    options = HogSvmOptions(model=str(config), score_thresh=0.5)
    return ImageDetector(HogSvm(options, model), model)


def test_labelled_images_give_a_detector_that_finds_their_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "fitted to 18 windows with and" in printed  # 9 learnt from, mirrored
    assert "search 1: " in printed
    assert "3 images, 3 objects" in printed
    found = detector(tmp_path / "out" / "toy.yaml")(read_image(tmp_path / "images" / "1.png"))
    left, top = np.random.default_rng(0).integers(4, 24, size=2)  # as the first image was drawn
    truth = np.array([[left, top, left + 30, top + 20]])
    assert pairwise_iou(found.xyxy[:1], truth)[0, 0] > 0.6


@pytest.mark.parametrize(
    ("search", "rounds"), [("all", ["9", "9", "9"]), ("parts", ["3", "3", "3"])]
)
def test_parts_search_each_image_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], search: str, rounds: list[str]
) -> None:
    write_images(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, search=search, rounds=3, cost=1e-4)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    assert re.findall(r"false windows in (\d) images", capsys.readouterr().out) == rounds


def test_moved_windows_show_each_object_more_often(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, moved=2)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    assert "fitted to 54 windows with" in capsys.readouterr().out  # 9 objects, 3 windows, mirrored


def test_a_recipe_s_bins_and_signs_are_the_svm_s(tmp_path: Path) -> None:
    write_images(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, bins=18, signed=True, rounds=0)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    [svm] = load_window_svms(tmp_path / "out" / "toy.npz")
    assert (svm.geometry.bins, svm.geometry.is_signed) == (18, True)


def draw(pixels: Pixels, xyxy: tuple[int, int, int, int], *, looks_left: bool) -> None:
    """Draw a wedge that fills a box, its upright side where it looks."""
    left, top, right, bottom = xyxy
    tip = left if looks_left else right
    cv2.fillPoly(pixels, [np.array([[left, bottom], [right, bottom], [tip, top]])], (230,) * 3)


def write_wedges(folder: Path, count: int) -> None:
    """Write images/ and train.json: a flat and a high wedge each, on either side, either way."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        pixels = np.full((96, 160, 3), 20, np.uint8)
        images.append({"id": number, "file_name": f"{number}.png", "height": 96, "width": 160})
        for half, (width, height) in enumerate(rng.permutation([[56, 28], [28, 56]])):
            left, top = (int(n) for n in rng.integers(8, 16, size=2))
            box = (left + 80 * half, top, left + 80 * half + int(width), top + int(height))
            draw(pixels, box, looks_left=bool(rng.random() < 0.5))
            bbox = [box[0], box[1], int(width), int(height)]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "bbox": bbox}
            )
        cv2.imwrite(str(folder / "images" / f"{number}.png"), pixels)
    categories = [{"id": 1, "name": "cat"}]
    write_json(
        folder / "train.json",
        {"images": images, "categories": categories, "annotations": annotations},
    )


TWO_VIEWS = {
    "views": [
        {"window": [40, 64], "shrink_xy": [0.0625, 0.15]},
        {"window": [64, 40], "shrink_xy": [0.15, 0.0625]},
    ],
    "transform": {"kind": "stretch", "hw": [96, 160]},
    "data": {"train": [{"truth": "train.json", "images": "images"}]},
}


def test_two_views_that_become_four_find_every_shape_and_facing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wedges(tmp_path, count=16)
    recipe = write_recipe(tmp_path, **TWO_VIEWS, flip="views")
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "view 1: fitted to 16 windows with" in printed
    assert "view 2: fitted to 16 windows with" in printed
    svms = load_window_svms(tmp_path / "out" / "toy.npz")
    assert [svm.geometry.window_hw for svm in svms] == [(40, 64)] * 2 + [(64, 40)] * 2
    detect = detector(tmp_path / "out" / "toy.yaml")
    for looks_left in (True, False):
        image = np.full((96, 160, 3), 20, np.uint8)
        wanted = np.array([[12, 40, 68, 68], [104, 20, 132, 76]])
        for box in wanted.tolist():
            draw(image, tuple(box), looks_left=looks_left)
        found = detect(image)
        assert (pairwise_iou(wanted, found.xyxy[:2]).max(axis=1) > 0.6).all()


def test_a_view_that_no_object_has_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    views = [*VIEWS["views"], {"window": [64, 32]}]
    recipe = write_recipe(tmp_path, **(LABELLED | {"views": views}))
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 2
    assert "view 2: an SVM wants at least 6 examples with" in capsys.readouterr().err


def write_patches(folder: Path) -> None:
    """Discs in yes/ and crosses in no/, 32 x 32, each a little elsewhere."""
    rng = np.random.default_rng(0)
    for name in ("yes", "no"):
        (folder / name).mkdir()
        for number in range(12):
            x, y = (int(n) for n in rng.integers(14, 18, size=2))
            patch = np.full((32, 32, 3), 40, np.uint8)
            if name == "yes":
                cv2.circle(patch, (x, y), 10, (220, 220, 220), -1)
            else:
                cv2.line(patch, (x - 10, y), (x + 10, y), (220, 220, 220), 5)
                cv2.line(patch, (x, y - 10), (x, y + 10), (220, 220, 220), 5)
            cv2.imwrite(str(folder / name / f"{number}.png"), patch)


def test_patches_give_a_detector_and_their_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_patches(tmp_path)
    both = [{"positives": "yes", "negatives": "no"}]
    patches = {"train": both, "validation": both}
    view = [{"window": [32, 32], "shrink_xy": [0.2, 0.2]}]
    recipe = write_recipe(tmp_path, patches=patches, views=view)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    told = "validation patches: 24 of 24 right (1.000): 0 of 12 objects missed, 0 of 12 others"
    assert told in capsys.readouterr().out
    image = np.full((96, 128, 3), 40, np.uint8)
    cv2.circle(image, (40, 48), 10, (220, 220, 220), -1)
    [best, *_] = detector(tmp_path / "out" / "toy.yaml")(image).xyxy
    np.testing.assert_allclose(best, [30, 38, 50, 58], atol=5)


def test_the_same_recipe_gives_the_same_svm(tmp_path: Path) -> None:
    write_images(tmp_path, count=8)
    recipe = write_recipe(tmp_path, **LABELLED)
    for name in ("one", "two"):
        assert main(["train", recipe, "--output", str(tmp_path / name)]) == 0
    [one], [two] = (load_window_svms(tmp_path / name / "toy.npz") for name in ("one", "two"))
    np.testing.assert_array_equal(one.coefficients, two.coefficients)
    assert (one.bias, one.scale) == (two.bias, two.scale)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fit": ["hog"]}, "fit \"['hog']\" is unknown"),
        ({"transform": {"kind": []}}, "transform.kind must be one of letterbox"),
        ({"fit": "hog"}, "fit 'hog' is unknown; did you mean 'hog_svm'?"),
        ({"model": "dpm_car"}, "toy.yaml:9: model must be of the kind hog_svm, 'dpm_car' is 'dpm'"),
        ({"classes": ["cat", "dog"]}, "toy.yaml:1: classes must be"),
        ({"views": [{"window": [50, 64]}]}, "a window must be multiples of 8, got (50, 64)"),
        (
            {"data": {"train": [{"truth": "train.json", "images": "images", "repeat": 2}]}},
            "repeat goes with training by steps",
        ),
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
    write_images(tmp_path)
    recipe = write_recipe(tmp_path, **(LABELLED | changes))
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 2
    assert sentence in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*"))


def test_without_what_fits_no_fitting_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe(tmp_path, **LABELLED)  # there are no images: they are not looked for
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 1
    assert "scikit-learn is not installed: pip install" in capsys.readouterr().err


def test_a_fitting_does_not_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", write_recipe(tmp_path, **LABELLED), "--resume"]) == 2
    assert "--resume goes with training by steps" in capsys.readouterr().err


def test_a_part_without_false_windows_does_not_end_the_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, count=12)
    recipe = write_recipe(tmp_path, **LABELLED, search="parts", rounds=9)
    assert main(["train", recipe, "--output", str(tmp_path / "out")]) == 0
    found = re.findall(r"search \d: (\d+) false windows", capsys.readouterr().out)
    assert len(found) == 9
    assert "0" in found[:-1]
