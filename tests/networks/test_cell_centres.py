"""Where the cells of a backbone's map look."""

import pytest
import torch

from streamdet.networks.backbones import backbone
from streamdet.networks.cell_centres import first_centre


@pytest.mark.parametrize(
    ("name", "centre"),
    [
        # (11 - 1) / 2 - 2 = 3 pixels, then one cell of 4, of 8 and of 16 pixels by the poolings.
        ("alexnet", 3 + 4 + 8 + 16),
        # Half a cell of 1, 2, 4, 8 and 16 pixels by the 2x2 poolings.
        ("vgg16", 15.5),
        # Every window is odd and padded by half of itself, as SPP-net's appendix A assumes.
        ("resnet18", 0),
        ("mobilenet_v2", 0),
        # Of even sides SAME pads nothing before: each of five windows of stride 2 moves by a cell
        # of 1, 2, 4, 8 and 16 pixels.
        ("mobilenet_v2_same", 31),
        # Four poolings, three of them 3x3 without padding at 2, 4 and 8 pixels, one 2x2 at 16.
        ("googlenet", 2 + 4 + 8 + 8),
    ],
)
def test_padding_says_where_the_first_cell_is_centred(name: str, centre: float) -> None:
    assert first_centre(backbone(name), (224, 320)) == centre


def test_a_cell_looks_around_its_centre() -> None:
    body = backbone("alexnet", maps=["conv2"])
    centre, cell = first_centre(body, (80, 80)), 4
    torch.manual_seed(0)
    image = torch.randn(1, 3, 80, 80, requires_grad=True)
    [features] = body(image).values()
    features[0, :, cell, cell].sum().backward()
    assert image.grad is not None
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero()[:, 0].double()
    middle = (rows[0] + rows[-1]) / 2
    assert middle.item() == pytest.approx(centre + 8 * cell, abs=4)  # the maximum is anywhere


def test_a_cell_of_same_convolutions_looks_around_its_centre() -> None:
    body = backbone("mobilenet_v2_same", maps=["features.3"])  # stride 4, 1 + 2 pixels
    body.eval()
    centre, cell = first_centre(body, (64, 64)), 8
    assert centre == 3
    torch.manual_seed(0)
    image = torch.randn(1, 3, 64, 64, requires_grad=True)
    [features] = body(image).values()
    features[0, :, cell, cell].sum().backward()
    assert image.grad is not None
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero()[:, 0].double()
    assert ((rows[0] + rows[-1]) / 2).item() == centre + 4 * cell


def test_same_padding_that_moves_rows_and_columns_by_different_amounts_is_refused() -> None:
    with pytest.raises(ValueError, match="31 pixels by row and 29 by column"):
        first_centre(backbone("mobilenet_v2_same"), (224, 318))
