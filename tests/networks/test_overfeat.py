"""Sliding over an image gives what the network gives on every crop, at the tables' sizes."""

from typing import Any

import pytest
import torch
from torch import Tensor

from streamdet.networks.overfeat import OverFeatNetwork, OverFeatOptions, crop_outputs


def network(hw: tuple[int, int] = (256, 330), **options: Any) -> OverFeatNetwork:
    torch.manual_seed(0)
    stated = {"width": 0.02, "scales": (1.0, 1.3), **options}
    made = OverFeatNetwork(OverFeatOptions(**stated), 3, hw).eval()
    for weights in made.parameters():  # as large as trained ones, so that windows differ
        weights.data *= 2
    return made


def images(hw: tuple[int, int] = (256, 330)) -> Tensor:
    return torch.randn(2, 3, *hw, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("model", ["fast", "accurate"])
@pytest.mark.parametrize("boxes", ["shared", "per_class"])
@torch.inference_mode()
def test_sliding_gives_what_every_crop_gives(model: str, boxes: str) -> None:
    overfeat = network(model=model, boxes=boxes)
    found, wanted = overfeat(images()), crop_outputs(overfeat, images())
    assert found["scores"].std(dim=1).min() > 1e-3  # the windows say different things
    for name, values in wanted.items():
        torch.testing.assert_close(found[name], values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("model", "side"), [("fast", 231), ("accurate", 221)])
@pytest.mark.parametrize("is_padded", [False, True])
def test_an_image_of_the_table_s_size_gives_one_location(
    model: str, side: int, is_padded: bool
) -> None:
    overfeat = network((side, side), model=model, is_padded=is_padded, scales=(1.0,))
    logits, sides = overfeat.maps(torch.zeros(1, 3, side, side))
    assert logits.shape == (1, 3 + 1, 1, 1)
    assert sides.shape == (1, 4, 1, 1)


@pytest.mark.parametrize(("model", "sides"), [("fast", (3, 6)), ("accurate", (2, 5))])
def test_padded_as_in_the_tables_the_last_map_is_theirs(model: str, sides: tuple[int, int]) -> None:
    kernels = [network(model=model, is_padded=padded).classifier[0] for padded in (False, True)]
    assert [kernel.kernel_size for kernel in kernels] == [(side, side) for side in sides]


def test_a_larger_image_gives_a_map() -> None:
    overfeat = network((231 + 32, 231 + 64), scales=(1.0,))
    assert overfeat.stride == 32
    assert overfeat(torch.zeros(1, 3, 263, 295))["scores"].shape == (1, 2 * 3, 3)


def test_boxes_of_zeros_are_the_windows_in_the_image_s_pixels() -> None:
    overfeat = network((231, 231), scales=(1.0, 2.0))
    for weights in overfeat.regressor.parameters():
        weights.data.zero_()
    boxes = overfeat(torch.zeros(1, 3, 231, 231))["boxes"][0]
    assert boxes[0].tolist() == [0.0, 0.0, 231.0, 231.0]
    assert boxes[1].tolist() == [0.0, 0.0, 115.5, 115.5]
    assert boxes[2].tolist() == [16.0, 0.0, 131.5, 115.5]  # 32 pixels of the doubled image on


def test_an_image_below_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be at least 231, got \[\(231, 300\), \(116, 150\)"):
        network((231, 300), scales=(1.0, 0.5))


def test_the_windows_of_a_backbone_are_cells_of_its_map() -> None:
    overfeat = network(
        (64, 96), backbone="mobilenet_v2_same", map="features.13", cells=3, scales=(1.0, 1.5)
    )
    assert (overfeat.window, overfeat.stride) == (48, 16)
    # 4 x 6 cells hold 2 x 4 windows of 3 x 3; 6 x 9 hold 4 x 7
    assert overfeat(torch.zeros(1, 3, 64, 96))["boxes"].shape == (1, 2 * 4 + 4 * 7, 4)
