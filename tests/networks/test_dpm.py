"""A deformable part model as a network scores what the detector's numpy scores."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from streamdet.detectors.parts.dpm_file import load_mixture
from streamdet.detectors.parts.dpm_model import Component, Floats, Mixture
from streamdet.detectors.parts.dpm_pyramid import feature_levels
from streamdet.detectors.parts.dpm_scores import MixtureScores
from streamdet.networks.dpm import DistanceTransform, DpmComponent
from streamdet.ops.distance_transform import distance_transform
from tests.detectors.small_models import write_dpm


def channels_first(cells: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(cells, -1, -3)))


def network(component: Component, mixture: Mixture, bias: float) -> DpmComponent:
    costs = torch.from_numpy(np.stack([part.deformation for part in component.parts]))
    return DpmComponent(
        channels_first(component.root),
        channels_first(np.stack([part.weights for part in component.parts])),
        [part.anchor_xy for part in component.parts],
        DistanceTransform(costs, reach=30),
        bias,
        mixture.padding_hw,
    )


def assert_scores_agree(mixture: Mixture) -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 72, 3), dtype=np.uint8)
    score = MixtureScores(mixture, part_reach=None)
    for level in feature_levels(image, mixture.cell, 2, mixture.padding_hw):
        coarse, fine = (channels_first(cells)[None] for cells in (level.coarse, level.fine))
        for component, wanted in zip(mixture.components, score(level), strict=True):
            bias = component.bias + component.location[level.index >= mixture.interval]
            found = network(component, mixture, bias)(coarse, fine)[0, 0]
            np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)
            assert np.isfinite(wanted).any()


def test_a_small_mixture_has_the_same_scores(tmp_path: Path) -> None:
    write_dpm(tmp_path / "small.xml")
    assert_scores_agree(load_mixture(tmp_path / "small.xml"))


@pytest.mark.data
def test_the_person_model_has_the_same_scores(data: Path) -> None:
    assert_scores_agree(load_mixture(data / "dpm" / "voc2007-person_final.mat"))


@given(seed=st.integers(0, 2**32 - 1), reach=st.integers(0, 6))
def test_the_layer_is_the_distance_transform(seed: int, reach: int) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(3, 5, 6)).astype(np.float32)
    costs = rng.uniform(0.01, 0.5, (3, 4)).astype(np.float32)
    costs[:, [1, 3]] -= 0.25
    found = DistanceTransform(torch.from_numpy(costs), reach)(torch.from_numpy(maps)[None])
    np.testing.assert_allclose(found[0].numpy(), distance_transform(maps, costs, reach), atol=1e-5)
