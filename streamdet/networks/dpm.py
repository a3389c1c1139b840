"""A deformable part model as layers of a network.

Girshick, Iandola, Darrell, Malik, "Deformable Part Models are Convolutional Neural Networks", CVPR
2015, section 3: filters are convolutions, the distance transform is a pooling whose window has a
cost at each place (max-pooling is the case of no cost within and an infinite one beyond it), the
parts' scores are stacked and summed at the root's places, and a mixture is a maximum. Features come
from networks/hog.py. B images, N parts; h and w count cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class DistanceTransform(nn.Module):
    """D(p) = max over q of f(q) - a dx^2 - b dx - c dy^2 - d dy, with (dx, dy) = p - q."""

    deformations: Tensor

    def __init__(self, deformations: Tensor, reach: int) -> None:
        """Take the costs.

        Args:
            deformations: (N, 4): a b c d of each map.
            reach: largest shift on each axis, cells.
        """
        super().__init__()
        self._reach = reach
        self.register_buffer("deformations", deformations)

    def forward(self, maps: Tensor) -> Tensor:
        """Transform (B, N, h, w) to the same shape, along x and then along y."""
        along_x = self._along_last_axis(maps, self.deformations[:, :2])
        along_y = self._along_last_axis(along_x.transpose(2, 3), self.deformations[:, 2:])
        return along_y.transpose(2, 3)

    def _along_last_axis(self, maps: Tensor, costs: Tensor) -> Tensor:
        padded = functional.pad(maps, (self._reach, self._reach), value=-torch.inf)
        windows = padded.unfold(3, 2 * self._reach + 1, 1)  # (B, N, h, w, 2 reach + 1)
        # The window's first place lies to the left: the shift from there is positive.
        shifts = torch.arange(self._reach, -self._reach - 1, -1, device=maps.device)
        cost = costs[:, :1] * shifts.square() + costs[:, 1:] * shifts
        return (windows - cost[:, None, None, :]).amax(dim=4)


class DpmComponent(nn.Module):
    """Scores one component's placements on a level and the one an octave finer."""

    root: Tensor
    parts: Tensor

    def __init__(
        self,
        root: Tensor,
        parts: Tensor,
        anchors_xy: Sequence[tuple[int, int]],
        distance_transform: DistanceTransform,
        bias: float,
        padding_hw: tuple[int, int],
    ) -> None:
        """Take the filters.

        Args:
            root: (C, height, width).
            parts: (N, C, height, width).
            anchors_xy: N places relative to the root's corner, finer cells.
            distance_transform: of the N parts.
            bias: added to each score.
            padding_hw: cells around each level that count as outside.
        """
        super().__init__()
        self.register_buffer("root", root.unsqueeze(0))
        self.register_buffer("parts", parts)
        self._starts_yx = [(y - padding_hw[0], x - padding_hw[1]) for x, y in anchors_xy]
        self._distance_transform = distance_transform
        self._bias = bias

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Score the root's places.

        Args:
            coarse: (B, C, h, w) features.
            fine: (B, C, about 2 h, about 2 w) features.

        Returns:
            (B, 1, h - root height + 1, w - root width + 1), -inf where a part would be outside.
        """
        score = functional.conv2d(coarse, self.root) + self._bias
        maps = self._distance_transform(functional.conv2d(fine, self.parts))
        for index, start_yx in enumerate(self._starts_yx):
            hw = (score.shape[2], score.shape[3])
            score = score + _every_second(maps[:, index : index + 1], start_yx, hw)
        return score


def _every_second(maps: Tensor, start_yx: tuple[int, int], hw: tuple[int, int]) -> Tensor:
    """Read maps at start + 2 * place, for each place of a map of size hw; -inf outside."""
    pads = []
    for start, side, count in zip(start_yx[::-1], maps.shape[:1:-1], hw[::-1], strict=True):
        pads += [-start, start + 2 * count - side]  # a negative pad cuts
    return functional.pad(maps, pads, value=-torch.inf)[:, :, ::2, ::2]
