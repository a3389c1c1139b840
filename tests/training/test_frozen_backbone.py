"""A backbone that keeps its weights gives the same as in torch."""

import pytest
import torch

from streamdet.errors import ConfigError
from streamdet.networks.backbones import backbone
from streamdet.training.frozen_backbone import FrozenBackbone


def test_it_computes_what_torch_does_at_every_size_and_number_of_images() -> None:
    torch.manual_seed(0)
    body = backbone("mobilenet_v2_same", maps=["features.1"]).eval().requires_grad_(False)
    frozen = FrozenBackbone(body, "cache")
    for shape in ((2, 3, 64, 96), (1, 3, 64, 96), (3, 3, 32, 32)):
        images = torch.randn(shape)
        [wanted] = body(images).values()
        [found] = frozen(images).values()
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_a_backbone_that_learns_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cache: the backbone learns: optimiser\.frozen must"):
        FrozenBackbone(backbone("mobilenet_v2_same", maps=["features.1"]), "cache")
