"""HOG as convolutions has the numbers of OpenCV and of the deformable part models' own features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from streamdet.building.export import export
from streamdet.detectors.hog_svm import hog_descriptor
from streamdet.detectors.parts.felzenszwalb_hog import hog_cells
from streamdet.detectors.parts.window_svm import HogGeometry
from streamdet.image import Pixels
from streamdet.networks.hog import (
    DalalTriggsHog,
    FelzenszwalbHog,
    opencv_angle,
)

OTHER = HogGeometry((64, 96), (16, 32), (16, 16), (8, 16), 6)


def noise(*hw: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)


def batch(*images: Pixels) -> Tensor:
    return torch.from_numpy(np.stack(images).transpose(0, 3, 1, 2)).float()


def network(geometry: HogGeometry) -> DalalTriggsHog:
    return DalalTriggsHog(
        geometry.block_hw, geometry.block_stride_hw, geometry.cell_hw, geometry.bins
    )


def assert_is_opencv_s(geometry: HogGeometry, images: list[Pixels]) -> None:
    blocks = network(geometry)(batch(*images))
    found = blocks.permute(0, 3, 2, 1).flatten(1)  # OpenCV's order: column by column
    hog = hog_descriptor(geometry)
    wanted = [np.ravel(hog.compute(picture)) for picture in images]
    assert found.shape == (len(images), geometry.length)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize("geometry", [HogGeometry(), OTHER])
def test_random_windows_have_opencv_s_descriptors(geometry: HogGeometry) -> None:
    assert_is_opencv_s(geometry, [noise(*geometry.window_hw, seed=seed) for seed in range(8)])


@pytest.mark.data
def test_real_windows_have_opencv_s_descriptors(data: Path) -> None:
    import cv2

    path = sorted((data / "datasets" / "pennfudan" / "images").iterdir())[0]
    picture = cv2.imread(str(path))
    assert picture is not None
    windows = [picture[y : y + 128, x : x + 64].astype(np.uint8) for y in (0, 90) for x in (0, 77)]
    assert_is_opencv_s(HogGeometry(), [np.ascontiguousarray(window) for window in windows])


def test_a_larger_image_gives_a_block_at_every_step() -> None:
    assert network(HogGeometry())(batch(noise(40, 64))).shape == (1, 36, 4, 7)


def test_a_window_without_gradients_has_no_features() -> None:
    assert not network(HogGeometry())(torch.full((1, 3, 32, 32), 90.0)).any()


def test_cells_that_do_not_fill_the_block_are_refused() -> None:
    with pytest.raises(ValueError, match="cells must fill the block"):
        DalalTriggsHog(cell_hw=(7, 8))


def test_angles_are_right_to_a_hundredth_of_a_degree() -> None:
    wanted = torch.arange(0.0, 360.0, 7.0, dtype=torch.float64)
    found = opencv_angle(wanted.deg2rad().cos(), wanted.deg2rad().sin())
    np.testing.assert_allclose(found.rad2deg(), wanted, atol=0.011)


@pytest.mark.parametrize("cell", [4, 8])
@pytest.mark.parametrize("hw", [(40, 43), (37, 61), (44, 36)])
def test_cells_are_those_of_the_part_models(hw: tuple[int, int], cell: int) -> None:
    images = [noise(*hw, seed=seed) for seed in range(3)]
    found = FelzenszwalbHog(cell)(batch(*images)).permute(0, 2, 3, 1)
    wanted = np.stack([hog_cells(picture, cell) for picture in images])
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("cell", [0, 5])
def test_an_odd_cell_is_refused(cell: int) -> None:
    with pytest.raises(ValueError, match=f"must be even, got {cell}"):
        FelzenszwalbHog(cell)


class BothHogs(nn.Module):
    """Both kinds of features, with the names that exported outputs need."""

    def __init__(self) -> None:
        super().__init__()
        self.extra_inputs: dict[str, tuple[int, ...]] = {}
        self.blocks, self.cells = DalalTriggsHog(), FelzenszwalbHog(8)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"blocks": self.blocks(image), "cells": self.cells(image)}


def test_the_exported_layers_give_the_same_features() -> None:
    from onnxruntime import InferenceSession

    picture = batch(noise(64, 48))
    picture[..., :20, :20] = 90  # where there is no gradient, there is no angle
    network: Any = BothHogs()
    session = InferenceSession(export(network, "image", (64, 48)).SerializeToString())
    found = session.run(None, {"image": picture.numpy()})
    for output, wanted in zip(found, network(picture).values(), strict=True):
        np.testing.assert_allclose(output, wanted.numpy(), atol=1e-5)
