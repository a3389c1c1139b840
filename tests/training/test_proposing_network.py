"""Regions that a trained network proposes to one that learns."""

from pathlib import Path

import numpy as np
import pytest
import torch

from streamdet.building.build import build
from streamdet.detectors.parts.options import NetworkOptions
from streamdet.detectors.proposals.network import NetworkProposals
from streamdet.errors import ConfigError
from streamdet.models.model_config import ImageInput
from streamdet.training.proposing_network import ProposingNetwork, check_proposing, pixels_of
from streamdet.training.torch_runtime import normalised
from tests.networks.region_networks import HW, INPUT, noise_images, write_model


@pytest.fixture
def rpn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    path = write_model("rpn", tmp_path)
    build(str(path), tmp_path, seed=0)
    return str(path)


@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_an_image_comes_back_as_it_was(colour: str) -> None:
    given = INPUT.model_copy(update={"colour": colour, "mean": (1.0, 2.0, 3.0)})
    [pixels] = noise_images(1)
    [image] = normalised(torch.from_numpy(pixels)[None], given)
    np.testing.assert_array_equal(pixels_of(image, given), pixels)


def test_it_proposes_to_training_what_it_proposes_in_a_worker(rpn: str, tmp_path: Path) -> None:
    pixels = noise_images(2)
    images = normalised(torch.from_numpy(np.stack(pixels)), INPUT)
    propose = ProposingNetwork(rpn, tmp_path / "cache")
    options = NetworkOptions(model=rpn, runtime="onnxruntime", precision="fp32")
    wanted = [NetworkProposals(rpn, options)(image, 100) for image in pixels]
    for _ in range(2):  # computed, then read
        for came, same in zip(propose(images), wanted, strict=True):
            assert len(same) > 0
            np.testing.assert_array_equal(came.numpy(), same)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_a_network_that_sees_images_otherwise_is_refused(rpn: str) -> None:
    check_proposing(rpn, INPUT)
    other = ImageInput(name="image", hw=HW, mean=(0.0, 0.0, 0.0), std=INPUT.std)
    with pytest.raises(ConfigError, match=r"sees images with mean \(128.0, 128.0, 128.0\)"):
        check_proposing(rpn, other)


def test_a_model_without_a_network_proposes_nothing() -> None:
    with pytest.raises(ConfigError, match="model 'hog_people' has no network"):
        check_proposing("hog_people", INPUT)
