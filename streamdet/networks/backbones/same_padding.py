"""TensorFlow's "SAME" padding, for weights that were trained with it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """A convolution that gives ceil(n / stride) cells, padding more after than before.

    Of a stride-2 3x3 kernel on an even size the padding is 0 before and 1 after, where
    `padding=1` shifts every cell by one pixel.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride))."""
        top, bottom = self._padding(input.shape[2], axis=0)
        left, right = self._padding(input.shape[3], axis=1)
        if (top, left) != (bottom, right):
            return super().forward(functional.pad(input, (left, right, top, bottom)))
        return functional.conv2d(  # which pads without a copy
            input, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups
        )

    def _padding(self, length: int, axis: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[axis], self.stride[axis]
        cells = -(-length // stride)
        total = max((cells - 1) * stride + kernel - length, 0)
        return total // 2, total - total // 2


def same_conv(
    in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Make such a convolution; its bias is left to the norm after it."""
    return SameConv2d(in_channels, out_channels, kernel, stride, groups=groups, bias=False)
