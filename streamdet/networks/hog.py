"""HOG as convolutional layers: gradients, directions, cell histograms, block normalisation.

`DalalTriggsHog` has the numbers of OpenCV's HOGDescriptor (Dalal, Triggs, CVPR 2005, section 6),
`FelzenszwalbHog` those of deformable part models (Felzenszwalb et al., PAMI 32(9), 2010, section
6.1, as voc-release5's features.cc computes them). That HOG is a convolutional network is shown by
Mahendran, Vedaldi, "Understanding Deep Image Representations by Inverting Them", CVPR 2015,
section 4.1. B images of H x W pixels; h and w count blocks or cells.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_TRUNCATION: Final = 0.2
_TEXTURE_WEIGHT: Final = 0.2357
_ATAN: Final = (0.9997878412794807, -0.3258083974640975, 0.1555786518463281, -0.04432655554792128)


class DalalTriggsHog(nn.Module):
    """Normalised histograms of overlapping blocks, square root gamma, unsigned orientations."""

    block_weights: Tensor

    def __init__(
        self,
        block_hw: tuple[int, int] = (16, 16),
        stride_hw: tuple[int, int] = (8, 8),
        cell_hw: tuple[int, int] = (8, 8),
        bins: int = 9,
    ) -> None:
        """Fix the geometry: block, step of blocks and cell in pixels, orientations of 180 degrees.

        Raises:
            ValueError: the cells do not fill the block.
        """
        super().__init__()
        if block_hw[0] % cell_hw[0] or block_hw[1] % cell_hw[1]:
            raise ValueError(f"cells must fill the block, got {block_hw=}, {cell_hw=}")
        self._stride_hw = stride_hw
        self._bins = bins
        self.register_buffer("block_weights", _block_weights(block_hw, cell_hw))

    def forward(self, images: Tensor) -> Tensor:
        """Describe every block.

        Args:
            images: (B, 3, H, W) float32, BGR, 0..255.

        Returns:
            (B, cells in a block * bins, h, w) float32; cells column by column.
        """
        padded = functional.pad(images.sqrt(), (1, 1, 1, 1), mode="reflect")
        dx, dy = strongest_gradients(padded)
        votes = direction_votes(dx, dy, 2 * self._bins)
        unsigned = votes[:, : self._bins] + votes[:, self._bins :]
        batch, bins, height, width = unsigned.shape
        histograms = functional.conv2d(
            unsigned.reshape(batch * bins, 1, height, width),
            self.block_weights,
            stride=self._stride_hw,
        )
        by_bin = histograms.reshape(batch, bins, *histograms.shape[1:])
        blocks = by_bin.transpose(1, 2).flatten(1, 2)
        return _clipped_norm(blocks)


class FelzenszwalbHog(nn.Module):
    """Cells with 18 signed and 9 unsigned orientations, 4 gradient energies and a 0."""

    directions: Tensor
    cell_weights: Tensor

    def __init__(self, cell: int = 8) -> None:
        """Fix the cell's side, pixels.

        Raises:
            ValueError: the side is odd: its weights would not be those of voc-release5.
        """
        super().__init__()
        if cell < 2 or cell % 2:
            raise ValueError(f"the cell's side must be even, got {cell}")
        self._cell = cell
        angles = torch.deg2rad(20 * torch.arange(9, dtype=torch.float64))
        # features.cc has 4 digits; as whole numbers all sums are exact in float32.
        vectors = torch.stack([angles.cos(), angles.sin()], dim=1).mul(1e4).round().float()
        both = torch.stack([vectors, -vectors], dim=1).reshape(18, 2, 1, 1)
        self.register_buffer("directions", both)
        offsets = (torch.arange(2 * cell) + 0.5) / cell - 1
        hat = 1 - offsets.abs()
        self.register_buffer("cell_weights", (hat[:, None] * hat)[None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Describe the cells, but for those at the border.

        Args:
            images: (B, 3, H, W) float32, BGR, whole numbers of 0..255.

        Returns:
            (B, 32, h - 2, w - 2) float32, h = H / cell rounded.
        """
        dx, dy = strongest_gradients(images.flip(1))
        rows, columns = (int(side / self._cell + 0.5) for side in images.shape[2:])
        votes = self._votes(torch.cat([dx, dy], dim=1))
        more_y = rows * self._cell - images.shape[2]
        more_x = columns * self._cell - images.shape[3]
        votes = functional.pad(votes, (0, max(more_x, 0), 0, max(more_y, 0)), mode="replicate")
        votes = votes[:, :, : rows * self._cell - 2, : columns * self._cell - 2]
        # The outermost pixels have no gradient; half a cell more completes the border's cells.
        votes = functional.pad(votes, (1 + self._cell // 2,) * 4)
        histograms = functional.conv2d(
            votes.flatten(0, 1).unsqueeze(1), self.cell_weights, stride=self._cell
        )
        return _normalized_cells(histograms.reshape(-1, 18, *histograms.shape[2:]))

    def _votes(self, gradients: Tensor) -> Tensor:
        """Give each pixel's magnitude to the direction that is nearest to its gradient."""
        nearest = functional.conv2d(gradients, self.directions).argmax(dim=1)
        # Convolved in the order 0, 180, 20, 200, ... degrees, so that ties fall as in features.cc.
        orientation = nearest // 2 + 9 * (nearest % 2)
        magnitude = gradients.square().sum(dim=1, keepdim=True).sqrt()
        return functional.one_hot(orientation, 18).permute(0, 3, 1, 2) * magnitude


def strongest_gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """Take central differences in the channel where they are largest.

    Args:
        images: (B, C, H, W).

    Returns:
        dx and dy, (B, 1, H - 2, W - 2) each; the first channel where several are equal.
    """
    dx = images[:, :, 1:-1, 2:] - images[:, :, 1:-1, :-2]
    dy = images[:, :, 2:, 1:-1] - images[:, :, :-2, 1:-1]
    strongest = (dx.square() + dy.square()).argmax(dim=1, keepdim=True)
    return dx.gather(1, strongest), dy.gather(1, strongest)


def direction_votes(dx: Tensor, dy: Tensor, directions: int) -> Tensor:
    """Share each gradient's magnitude between its two nearest directions.

    Args:
        dx: (B, 1, H, W).
        dy: (B, 1, H, W).
        directions: of 360 degrees; the first is centred at half a step.

    Returns:
        (B, directions, H, W).
    """
    step = 2 * math.pi / directions
    places = opencv_angle(dx, dy) / step - 0.5
    centres = torch.arange(directions, device=dx.device, dtype=dx.dtype)[:, None, None]
    half = directions / 2
    distances = (torch.remainder(places - centres + half, directions) - half).abs()
    return (1 - distances).clamp(min=0) * (dx.square() + dy.square()).sqrt()


def opencv_angle(dx: Tensor, dy: Tensor) -> Tensor:
    """Give the angle of (dx, dy), 0 to 2 pi, as OpenCV's cartToPolar does: to 0.01 degrees.

    The polynomial of its fastAtan2: with the true angle features differ by up to 1.2e-4.
    """
    x, y = dx.abs(), dy.abs()
    ratio = torch.minimum(x, y) / torch.maximum(x, y).clamp(min=1e-12)
    square = ratio.square()
    angle = torch.full_like(ratio, _ATAN[-1])
    for coefficient in _ATAN[-2::-1]:
        angle = angle * square + coefficient
    angle = angle * ratio
    angle = torch.where(y > x, math.pi / 2 - angle, angle)
    angle = torch.where(dx < 0, math.pi - angle, angle)
    return torch.where(dy < 0, 2 * math.pi - angle, angle)


def _block_weights(block_hw: tuple[int, int], cell_hw: tuple[int, int]) -> Tensor:
    """(cells, 1, block height, block width): bilinear weight of each cell under a Gaussian."""
    sigma = (block_hw[0] + block_hw[1]) / 8
    bells, hats = [], []
    for block, cell in zip(block_hw, cell_hw, strict=True):
        pixels = torch.arange(block, dtype=torch.float32)
        bells.append(torch.exp(-(pixels - block / 2).square() / (2 * sigma * sigma)))
        cells = torch.arange(block // cell)[:, None]
        hats.append((1 - ((pixels + 0.5) / cell - 0.5 - cells).abs()).clamp(min=0))
    along_y, along_x = (hat * bell for hat, bell in zip(hats, bells, strict=True))
    weights = along_x[:, None, None, :] * along_y[None, :, :, None]
    return weights.flatten(0, 1).unsqueeze(1)


def _clipped_norm(blocks: Tensor) -> Tensor:
    """L2-Hys: normalise, clip at 0.2, normalise again; OpenCV's constants."""
    norm = blocks.square().sum(dim=1, keepdim=True).sqrt() + 0.1 * blocks.shape[1]
    clipped = (blocks / norm).clamp(max=_TRUNCATION)
    return clipped / (clipped.square().sum(dim=1, keepdim=True).sqrt() + 1e-3)


def _normalized_cells(histograms: Tensor) -> Tensor:
    """Normalise (B, 18, h, w) by the four blocks of 2 x 2 cells that hold each cell."""
    unsigned = histograms[:, :9] + histograms[:, 9:]
    energy = unsigned.square().sum(dim=1, keepdim=True)
    rows = energy[:, :, :-1] + energy[:, :, 1:]
    factors = (rows[..., :-1] + rows[..., 1:] + 1e-4).rsqrt()
    cells = torch.cat([histograms, unsigned], dim=1)[:, :, 1:-1, 1:-1]
    total, textures = torch.zeros_like(cells), []
    # features.cc's order: the block right and below, right and above, left and below, ...
    for x, y in ((1, 1), (1, 0), (0, 1), (0, 0)):
        factor = factors[:, :, y : y + cells.shape[2], x : x + cells.shape[3]]
        clipped = (cells * factor).clamp(max=_TRUNCATION)
        total = total + clipped
        textures.append(_TEXTURE_WEIGHT * clipped[:, :18].sum(dim=1, keepdim=True))
    return torch.cat([0.5 * total, *textures, torch.zeros_like(textures[0])], dim=1)
