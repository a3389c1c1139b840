"""R-CNN's losses, and the warped regions that it is trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from streamdet.detectors import rcnn as detector
from streamdet.errors import ConfigError
from streamdet.networks.region_cnn import RegionCnn, RegionCnnOptions
from streamdet.runtimes import ImageInput
from streamdet.training.objectives.rcnn import RcnnObjective, RcnnObjectiveOptions, warped
from tests.training.objectives.overfitting import CLASSES, fitted, scene, seeded, untouched


def made(cache: Path | None = None, **network_options: Any) -> tuple[RegionCnn, RcnnObjective]:
    torch.manual_seed(0)
    own = {"backbone": "alexnet", "map": "conv2", "width": 64, "classifier": "softmax"}
    network = RegionCnn(RegionCnnOptions.model_validate(own | network_options), CLASSES, (48, 48))
    return network, RcnnObjective(network, RcnnObjectiveOptions(regions=16, context=4, cache=cache))


def test_a_region_is_warped_with_its_context() -> None:
    image = torch.arange(64.0).view(1, 8, 8).expand(3, 8, 8)  # 8 y + x, each pixel
    [crop] = warped(image, torch.tensor([[2.0, 2, 4, 6]]), (6, 4), context=1)
    # Columns 1 to 4, a pixel each; rows 1 to 6.
    torch.testing.assert_close(crop[0], image[0, 1:7, 1:5])


@pytest.mark.parametrize("box", [[20.5, 13, 60, 55], [-3, 30, 20, 67]])
def test_regions_are_warped_as_the_detector_does_it(box: list[float]) -> None:
    y, x = np.mgrid[:64, :96]
    pixels = np.stack((2 * x, 3 * y, x + y), axis=2).astype(np.uint8)  # blue, green, red
    given = ImageInput(name="image", hw=(40, 32), mean=(128.0,) * 3, std=(1.0,) * 3, colour="bgr")
    wanted = detector.warped(pixels, np.array(box, np.float32), given, context=4)
    image = torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32)) - 128
    [crop] = warped(image, torch.tensor([box]), (40, 32), context=4)
    found = crop.numpy().transpose(1, 2, 0) + 128
    # OpenCV takes places to a 32nd of a pixel, and at the border these are 100 levels apart.
    assert np.abs(found - wanted).mean() < 0.5
    assert np.abs(found - wanted).max() < 5


def test_a_small_network_learns_two_images_by_heart() -> None:
    network, objective = made()
    images, targets = scene()
    assert untouched(network, seeded(objective, images, targets)) == []
    before, after = fitted(network, lambda: objective(images, targets), 40, 1e-3)
    assert after < 0.5 * before


def test_svms_are_not_trained_by_gradients() -> None:
    with pytest.raises(ConfigError, match="classifier must be softmax while it is trained"):
        made(classifier="svm")


def test_regions_of_an_image_and_their_features_are_chosen_once(tmp_path: Path) -> None:
    images, targets = scene()
    losses = []
    for seed in (0, 1):  # whatever a step draws
        network, objective = made(tmp_path)
        network.backbone.requires_grad_(False)
        objective.generator.manual_seed(seed)
        losses.append(objective(images, targets))
    assert len(list(tmp_path.iterdir())) == len(images)
    assert losses[0] == losses[1]
    assert losses[0]["class"].requires_grad


def test_regions_of_other_labels_are_chosen_anew(tmp_path: Path) -> None:
    network, objective = made(tmp_path)
    network.backbone.requires_grad_(False)
    images, targets = scene()
    objective(images, targets)
    objective(images[:1], targets[1:])
    assert len(list(tmp_path.iterdir())) == len(images) + 1


def test_kept_features_train_as_well(tmp_path: Path) -> None:
    network, objective = made(tmp_path)
    network.backbone.requires_grad_(False)
    images, targets = scene()
    before, after = fitted(network, lambda: objective(images, targets), 40, 1e-3)
    assert after < 0.5 * before
